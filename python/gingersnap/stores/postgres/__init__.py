"""PostgreSQL, over asyncpg."""
