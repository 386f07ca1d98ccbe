"""Looks at what jobs have made as at a stranger's: each file by its kind, which its name's suffix tells.

No exit status stands for this: ffmpeg ends well on truncated input and on some full disks.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import PurePosixPath
from typing import BinaryIO

from django.conf import settings
from PIL import Image, ImageSequence

from jobs.failures import BadOutput
from jobs.inspecting import inspectors
from media_library.ffmpeg.errors import UnreadableMedia
from media_library.ffmpeg.hls import Playlist, read_playlist
from media_library.ffmpeg.inspection import Inspection
from media_library.ffmpeg.probe import Probe, mp4_boxes

DURATION_TOLERANCE, LEAST_TOLERANCE = 0.02, 1.0  # of the duration; seconds

Open = Callable[[PurePosixPath], BinaryIO]


def verify(descriptor: int, suffix: str, *, duration: float | None = None, with_poster: bool = False) -> Inspection:
    """Look at one finished file, open at `descriptor`; raises `BadOutput`.

    `duration`: what it must have, in seconds. Of a file that is no video the inspection is empty.
    """
    if os.fstat(descriptor).st_size == 0:
        raise BadOutput("The output is empty")
    read = KINDS.get(suffix.lower())
    inspection = Inspection() if read else _inspect(descriptor, with_poster=with_poster)
    with open(descriptor, "rb", closefd=False) as file:
        found = read(file) if read else _duration(inspection)
    if found is not None or read is not _picture:  # what stands still becomes a still picture
        _require_duration(found, duration)
    return inspection


def verify_made(made: bytes, suffix: str) -> None:
    """Look at what another process says it has made, which has read a stranger's file; raises `BadOutput`."""
    with tempfile.TemporaryFile() as file:
        file.write(made)
        file.flush()
        verify(file.fileno(), suffix)


def verify_playlists(
    texts: Mapping[PurePosixPath, str], files: Collection[PurePosixPath], open_below: Open, *, duration: float | None
) -> None:
    """Look whether what the playlists of a folder name is all there, is long enough, and begins with a picture; raises `BadOutput`.

    Paths are relative to the folder; `open_below` opens one of its files.
    """
    playlists = {place: read_playlist(text, place=place) for place, text in texts.items()}
    sound = {path for playlist in playlists.values() for path in playlist.sound}
    for place, playlist in playlists.items():
        _require_whole(place, playlist, files)
        if playlist.first:
            _require_duration(playlist.duration, duration)
        if playlist.first and place not in sound:
            _require_picture(playlist.first, open_below)


def probe(descriptor: int) -> Probe:
    """What an open file says of itself, read where a stranger's file can do no harm; raises `UnreadableMedia`."""
    inspection = inspectors().inspect(descriptor, with_poster=False)
    if inspection.probe is None:
        raise UnreadableMedia(inspection.reason)
    return inspection.probe


def _inspect(descriptor: int, *, with_poster: bool) -> Inspection:
    inspection = inspectors().inspect(descriptor, with_poster=with_poster)
    if inspection.probe is None:
        raise BadOutput(f"The output cannot be read: {inspection.reason}", is_transient=not inspection.is_conclusive)
    return inspection


def _duration(inspection: Inspection) -> float | None:
    return inspection.probe.duration if inspection.probe else None


def _require_duration(found: float | None, wanted: float | None) -> None:
    if wanted is not None and (found is None or abs(found - wanted) > max(LEAST_TOLERANCE, DURATION_TOLERANCE * wanted)):
        raise BadOutput(f"The output is {'of unknown length' if found is None else f'{found:.1f} s long'} instead of {wanted:.1f} s")


# --- Files that are no videos: each kind answers how many seconds it has, None where it has none


def _json(file: BinaryIO) -> None:
    try:
        json.load(file)
    except ValueError as error:
        raise BadOutput(f"The output is no JSON: {error}") from error


def _captions(file: BinaryIO) -> None:
    if not _text(file).startswith("WEBVTT"):
        raise BadOutput("The output is no WebVTT")


def _text(file: BinaryIO) -> str:
    try:
        return file.read().decode()
    except UnicodeDecodeError as error:
        raise BadOutput("The output is no text in UTF-8") from error


def _plain(file: BinaryIO) -> None:
    _text(file)


def _fragment(file: BinaryIO) -> None:
    if not mp4_boxes(file.fileno(), size=os.fstat(file.fileno()).st_size).is_complete:
        raise BadOutput("A segment of the output ends too early")


def _picture(file: BinaryIO) -> float | None:
    """Decode every frame of a picture."""
    milliseconds = 0
    try:
        with Image.open(file, formats=("PNG", "WEBP", "JPEG")) as picture:
            if picture.width * picture.height > settings.MAX_VIDEO_PIXELS:
                raise BadOutput(f"The output of {picture.width} × {picture.height} pixels is too large")
            for frame in ImageSequence.Iterator(picture):
                frame.load()
                milliseconds += int(frame.info.get("duration", 0))
    except (OSError, ValueError, SyntaxError) as error:  # what Pillow says of broken pictures
        raise BadOutput(f"The output is no picture: {error}") from error
    return milliseconds / 1000 or None


KINDS: Mapping[str, Callable[[BinaryIO], float | None]] = {
    ".json": _json,
    ".vtt": _captions,
    ".txt": _plain,
    ".m3u8": _plain,  # what it names is looked at once the whole folder is there
    ".m4s": _fragment,
    ".png": _picture,
    ".webp": _picture,
    ".jpg": _picture,
}


# --- Folders


def _require_whole(place: PurePosixPath, playlist: Playlist, files: Collection[PurePosixPath]) -> None:
    if not playlist.is_complete:
        raise BadOutput(f"The playlist {place} has no end")
    if not playlist.names:
        raise BadOutput(f"The playlist {place} is empty")
    if missing := [path for path in playlist.names if path not in files]:
        raise BadOutput(f"The playlist {place} names {missing[0]}, which is not there")


def _require_picture(paths: Sequence[PurePosixPath], open_below: Open) -> None:
    """A segment can be read behind its header alone."""
    if len(paths) == 1:
        with open_below(paths[0]) as file:
            _inspect(file.fileno(), with_poster=False)
        return
    with tempfile.TemporaryFile() as together:
        for path in paths:
            with open_below(path) as file:
                shutil.copyfileobj(file, together)
        together.flush()
        _inspect(together.fileno(), with_poster=False)
