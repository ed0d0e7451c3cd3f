"""PostgreSQL and a Redis-compatible server from Python wheels, for a machine that has neither."""
