"""Our PostgreSQL backend for Django."""
