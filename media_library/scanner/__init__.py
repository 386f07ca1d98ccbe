"""Scanning: how the library's rows follow the files on the disk."""

from media_library.scanner.scan import OnChanged, Progress, Stage, scan

__all__ = ["OnChanged", "Progress", "Stage", "scan"]
