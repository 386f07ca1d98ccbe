"""Imported by workers that are to know the type of `tests.chaos.encodes`."""

from tests.chaos import encodes

encodes.register()
