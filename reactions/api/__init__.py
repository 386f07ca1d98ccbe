"""The public API of reactions."""
