"""Decisions about one session, without I/O: what it is, what changed, and what a commit does."""
