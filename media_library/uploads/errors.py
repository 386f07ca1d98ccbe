"""Why an upload cannot go on."""

from __future__ import annotations

EXPIRED = "The upload has expired"


class UploadProblem(Exception):
    """`str()` says it to a person."""


class UploadNotFound(UploadProblem):
    """There is no such upload, or no more."""

    def __init__(self) -> None:
        super().__init__("Upload not found")


class UploadGone(UploadProblem):
    """It was there, and nothing more can come of it: it has expired, or what came was refused."""


class BadName(UploadProblem):
    """Nothing in the inbox can be called so."""


class TooLarge(UploadProblem):
    """It is longer than we take, or than it was announced to be."""


class NoRoom(UploadProblem):
    """The library's disk has no room for it."""

    def __init__(self) -> None:
        super().__init__("The library's disk has no room for this")


class StorageAway(UploadProblem):
    """The library's folder cannot be written to: not mounted, read-only, broken."""


class WrongOffset(UploadProblem):
    """The piece does not begin where the last one ended."""


class WrongUploadState(UploadProblem):
    """It is too late for this."""


class Held(UploadProblem):
    """Another request writes to it at this moment."""

    def __init__(self) -> None:
        super().__init__("Another request writes to this upload")


class ChecksumMismatch(UploadProblem):
    """What came is not what was sent; nothing of it was kept."""

    def __init__(self) -> None:
        super().__init__("What came does not have the checksum that was sent with it")


class NoVideo(UploadProblem):
    """What came is whole, and no video that the library takes."""


class BadForm(UploadProblem):
    """The form does not hold what it should: one file, to its end."""
