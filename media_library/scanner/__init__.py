"""Scanning: how the library's rows follow the files on the disk."""

from media_library.scanner.scan import Progress, Stage, scan

__all__ = ["Progress", "Stage", "scan"]
