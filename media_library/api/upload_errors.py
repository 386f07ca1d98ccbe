"""Why an upload cannot go on, as replies."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rest_framework.exceptions import APIException

from config.api.errors import DATABASE_RETRY_AFTER
from media_library.uploads import errors

STATUSES: dict[type[errors.UploadProblem], int] = {
    errors.BadName: 400,
    errors.BadForm: 400,
    errors.UploadNotFound: 404,
    errors.WrongOffset: 409,
    errors.WrongUploadState: 409,
    errors.UploadGone: 410,
    errors.TooLarge: 413,
    errors.NoVideo: 415,
    errors.Held: 423,
    errors.ChecksumMismatch: 460,  # of tus
    errors.StorageAway: 503,
    errors.NoRoom: 507,
}


class UploadRefused(APIException):
    """An upload's problem, with the status that says what to do about it."""

    def __init__(self, problem: errors.UploadProblem) -> None:
        self.status_code = STATUSES[type(problem)]
        if self.status_code == 503:
            self.wait = DATABASE_RETRY_AFTER  # seconds
        super().__init__(str(problem))


@contextmanager
def refusals() -> Iterator[None]:
    """Answer the problems of uploads."""
    try:
        yield
    except errors.UploadProblem as problem:
        raise UploadRefused(problem) from problem
