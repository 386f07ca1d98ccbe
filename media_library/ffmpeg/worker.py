"""The process that reads strangers' files: `python -m media_library.ffmpeg.worker OPTIONS`, with a socket as standard input.

It is asked for one of `TASKS` with a file's descriptor. The answer is an `Answer`, after any number that only tell progress. The
process imports no Django, holds no secret, opens no path: a decoder that is taken over finds little to take.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from socket import socket
from typing import Any

import av
from PIL import Image

from media_library.ffmpeg import sandbox
from media_library.ffmpeg.checking import check, picture_at, pictures_between, require_until
from media_library.ffmpeg.errors import OUT_OF_RESOURCES, UnreadableMedia
from media_library.ffmpeg.frames import squares
from media_library.ffmpeg.hover import hover
from media_library.ffmpeg.inspection import Answer, Inspection, send, serve
from media_library.ffmpeg.poster import poster, poster_at
from media_library.ffmpeg.probe import OpenVideo, open_video, probe
from media_library.ffmpeg.seeking import Tell
from media_library.ffmpeg.sprite import sprite
from media_library.ffmpeg.untrusted import Bounds
from media_library.identity import oshash

SIGN_OF_LIFE = 1.0  # seconds between two of them


def main(tasks: Mapping[str, Callable[..., Answer]]) -> None:
    options = json.loads(sys.argv[1])
    av.logging.set_level(av.logging.PANIC)
    Image.init()  # its plugins are files: load them before files are out of reach
    sandbox.enter(parent=options["parent"], memory=options["memory"])
    bounds, timeout = Bounds(pixels=options["pixels"], streams=options["streams"]), options["timeout"]

    def perform(connection: socket, descriptor: int, task: str, how: dict[str, Any]) -> Answer:
        sandbox.allow_processor_seconds(timeout)
        return tasks[task](descriptor, bounds, _teller(connection, timeout), **how)

    serve(perform)


def inspect(descriptor: int, bounds: Bounds, tell: Tell, *, with_poster: bool) -> Answer:
    """Identify, probe and picture one file that stands open: an `Inspection`.

    Raises MemoryError or BlockingIOError when the process has reached a limit: it ends, and a fresh one tries again.
    """
    identity = oshash(descriptor)

    def look(opened: OpenVideo) -> Answer:
        described = probe(opened, descriptor)
        picture = poster(opened, duration=described.duration) if with_poster else None
        return Inspection(oshash=identity, probe=described, poster=picture).as_answer()

    answer = of_open_video(descriptor, bounds, look)
    return Inspection(oshash=identity, reason=answer.reason).as_answer() if answer.reason else answer


def make_poster(descriptor: int, bounds: Bounds, tell: Tell, *, seconds: float | None) -> Answer:
    """The picture at a moment, or the best that a look finds, as WebP."""

    def make(opened: OpenVideo) -> Answer:
        if seconds is None:
            return Answer(made=poster(opened, duration=probe(opened, descriptor).duration))
        return Answer(made=poster_at(opened, seconds))

    return of_open_video(descriptor, bounds, make)


def make_sprite(descriptor: int, bounds: Bounds, tell: Tell) -> Answer:
    """A `Sprite`: the picture as WebP, and what one needs to know to cut it up."""

    def make(opened: OpenVideo) -> Answer:
        made = sprite(opened, tell=tell)
        found = {"tile_width": made.tile_width, "tile_height": made.tile_height, "duration": made.duration}
        return Answer(found=found, made=made.picture)

    return of_open_video(descriptor, bounds, make)


def make_hover(descriptor: int, bounds: Bounds, tell: Tell) -> Answer:
    """The hover preview as MP4."""
    return of_open_video(descriptor, bounds, lambda opened: Answer(made=hover(opened, tell=tell)))


def check_whether_it_plays(descriptor: int, bounds: Bounds, tell: Tell, *, thorough: bool) -> Answer:
    """Decode some of the pictures and sound, or all: how many pictures, and at which seconds there was damage."""

    def decode(opened: OpenVideo) -> Answer:
        found = check(opened, thorough=thorough, tell=tell)
        return Answer(found={"pictures": found.picture.frames, "damaged_at": found.damaged_at})

    return of_open_video(descriptor, bounds, decode)


def check_end(descriptor: int, bounds: Bounds, tell: Tell, *, second: float) -> Answer:
    """Whether there is picture or sound until that second."""

    def look(opened: OpenVideo) -> Answer:
        require_until(opened, second)
        return Answer()

    return of_open_video(descriptor, bounds, look)


def count_pictures(descriptor: int, bounds: Bounds, tell: Tell, *, start: float, end: float) -> Answer:
    """How many pictures are shown from one second to another, and when the last one comes."""
    return of_open_video(descriptor, bounds, lambda opened: Answer(found=asdict(pictures_between(opened, start, end, tell=tell))))


def find_picture(descriptor: int, bounds: Bounds, tell: Tell, *, second: float) -> Answer:
    """When the picture begins that stands at a second."""
    return of_open_video(descriptor, bounds, lambda opened: Answer(found={"begun": picture_at(opened, second)}))


def take_squares(descriptor: int, bounds: Bounds, tell: Tell, *, count: int, edge: int) -> Answer:
    """Squares of pictures from all over the video, one after the other, as `frames` describes them."""
    return of_open_video(descriptor, bounds, lambda opened: Answer(made=squares(opened, count=count, edge=edge, tell=tell)))


TASKS: dict[str, Callable[..., Answer]] = {
    "inspect": inspect,
    "poster": make_poster,
    "sprite": make_sprite,
    "hover": make_hover,
    "squares": take_squares,
    "check": check_whether_it_plays,
    "check_end": check_end,
    "count_pictures": count_pictures,
    "find_picture": find_picture,
}


def of_open_video(descriptor: int, bounds: Bounds, work: Callable[[OpenVideo], Answer]) -> Answer:
    """What the work makes of the open file, or why it makes nothing of it."""
    try:
        if os.fstat(descriptor).st_size == 0:
            raise UnreadableMedia("The file is empty")
        opened = open_video(descriptor, bounds=bounds)
        with opened.container:
            return work(opened)
    except UnreadableMedia as error:
        return Answer(reason=str(error))
    except OUT_OF_RESOURCES:
        raise
    except (av.FFmpegError, ValueError, OverflowError) as error:  # the many ways in which a damaged file ends a decoder
        return Answer(reason=f"It is damaged: {type(error).__name__}")


def _teller(connection: socket, timeout: float) -> Tell:
    """Tells progress, 0 to 1, at once and then at most every second; with each sign of life comes more processor time."""
    told_at = float("-inf")

    def tell(progress: float) -> None:
        nonlocal told_at
        if time.monotonic() - told_at >= SIGN_OF_LIFE:
            told_at = time.monotonic()
            sandbox.allow_processor_seconds(timeout)
            send(connection, Answer(progress=min(1.0, max(0.0, progress))))

    return tell


if __name__ == "__main__":
    main(TASKS)
