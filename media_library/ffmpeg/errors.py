"""What can be wrong with a file that claims to be a video."""

from __future__ import annotations

OUT_OF_RESOURCES = (MemoryError, BlockingIOError)  # no memory, no further thread: the process's fault as likely as the file's


class UnreadableMedia(Exception):
    """The file is no video that we accept; `str(error)` is a sentence for a person."""


class InspectorsUnavailable(Exception):
    """No process can be started to inspect a file: the machine's fault, not the file's."""


class InspectionCrashed(UnreadableMedia):
    """The process that read the file died of it, or ran out of memory."""


class InspectionHung(UnreadableMedia):
    """The process that read the file took too long, and was ended."""


class FfmpegFailed(Exception):
    """ffmpeg ended with an error; `str(error)` is a sentence for a person, `output` the end of what it said."""

    def __init__(self, sentence: str, *, output: str = "") -> None:
        super().__init__(sentence)
        self.output = output


class FfmpegUnavailable(FfmpegFailed):
    """The program is not there, or cannot be started."""


class FfmpegRefused(FfmpegFailed):
    """It does not take the input: no media, damaged, or of a format or codec that we do not accept."""


class FfmpegKilled(FfmpegFailed):
    """Somebody else ended it: a person, or the system for want of memory."""


class FfmpegCrashed(FfmpegFailed):
    """It ended by a fault of its own: a damaged or malicious file is the usual cause."""


class FfmpegHung(FfmpegFailed):
    """It showed no sign of life, or worked for longer than it may, and was ended."""


class GpuFailed(FfmpegFailed):
    """The GPU did not do its part: its driver, its memory, its limit of sessions. The processor may do the same work."""


class OutOfMemory(FfmpegFailed):
    """It wanted more memory than it may have."""


class NoSpaceLeft(FfmpegFailed):
    """The disk that it writes to is full."""


class OutputTooLarge(FfmpegFailed):
    """It wrote more than its output may have."""
