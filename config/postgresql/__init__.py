"""Django's PostgreSQL backend, with a pool that looks at its connections less often."""
