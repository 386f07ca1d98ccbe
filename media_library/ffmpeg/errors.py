"""What can be wrong with a file that claims to be a video."""

from __future__ import annotations

OUT_OF_RESOURCES = (MemoryError, BlockingIOError)  # no memory, no further thread: the process's fault as likely as the file's


class UnreadableMedia(Exception):
    """The file is no video that we accept; `str(error)` is a sentence for a person."""


class InspectorsUnavailable(Exception):
    """No process can be started to inspect a file: the machine's fault, not the file's."""


class InspectionCrashed(UnreadableMedia):
    """The process that read the file died of it, ran out of time or out of memory."""
