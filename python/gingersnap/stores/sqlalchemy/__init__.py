"""Any database that SQLAlchemy drives asynchronously."""
