"""The public API of the gallery."""
