from __future__ import annotations

import errno

import pytest
from django.db import OperationalError

from jobs.failures import KINDS, UNKNOWN, BadOutput, JobFailed, failure_of
from media_library.ffmpeg import errors as ffmpeg


@pytest.mark.parametrize(
    ("error", "error_class", "is_transient"),
    [
        (ffmpeg.NoSpaceLeft("The disk is full"), "no_space", True),
        (OSError(errno.ENOSPC, "No space left on device"), "no_space", True),
        (OSError(errno.EDQUOT, "Disk quota exceeded"), "no_space", True),
        (MemoryError(), "out_of_memory", True),
        (ffmpeg.GpuFailed("The GPU failed"), "gpu_failed", False),
        (ffmpeg.FfmpegKilled("ended"), "killed", True),
        (ffmpeg.FfmpegCrashed("crashed"), "crashed", False),
        (ffmpeg.FfmpegHung("hung"), "timeout", False),
        (ffmpeg.FfmpegRefused("no video"), "unreadable_media", False),
        (ffmpeg.UnreadableMedia("no video"), "unreadable_media", False),
        (OperationalError("gone"), "database_away", True),
        (FileNotFoundError(errno.ENOENT, "No such file", "x.mp4"), "file_missing", False),
        (OSError(errno.EIO, "Input/output error"), "disk_error", True),
        (BadOutput("The output is empty"), "bad_output", False),
        (JobFailed("busy", "Busy", is_transient=True), "busy", True),
        (ZeroDivisionError("division by zero"), "internal_error", False),
    ],
)
def test_each_exception_has_a_class_a_sentence_and_a_suggestion(error: Exception, error_class: str, is_transient: bool) -> None:
    failure = failure_of(error)

    assert (failure.error_class, failure.is_transient) == (error_class, is_transient)
    assert failure.error


def test_every_kind_says_what_to_do() -> None:
    assert all(kind.suggestion.endswith((".", ")")) for _, kind in KINDS)
    assert UNKNOWN.suggestion
