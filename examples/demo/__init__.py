"""A page on which one sees a session live: ``make demo``."""
