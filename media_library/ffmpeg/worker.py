"""The process that reads strangers' files: `python -m media_library.ffmpeg.worker OPTIONS`, with a socket as standard input.

Each message is one JSON line with one descriptor beside it; the answer is an `Inspection`. The process imports no
Django, holds no secret, opens no path: a decoder that is taken over finds little to take.
"""

from __future__ import annotations

import gc
import json
import os
import socket
import sys

import av
from PIL import Image

from media_library.ffmpeg import sandbox
from media_library.ffmpeg.errors import OUT_OF_RESOURCES, UnreadableMedia
from media_library.ffmpeg.inspection import READY, Inspection, send
from media_library.ffmpeg.poster import poster
from media_library.ffmpeg.probe import open_video, probe
from media_library.ffmpeg.untrusted import Bounds
from media_library.identity import oshash

LONGEST_MESSAGE = 1024  # bytes


def main() -> None:
    options = json.loads(sys.argv[1])
    av.logging.set_level(av.logging.PANIC)
    Image.init()  # its plugins are files: load them before files are out of reach
    sandbox.enter(parent=options["parent"], memory=options["memory"])
    bounds = Bounds(pixels=options["pixels"], streams=options["streams"])
    connection = socket.socket(fileno=sys.stdin.fileno())
    gc.collect()
    gc.freeze()  # what is here now stays: later collections need not look at it
    connection.sendall(READY)
    while True:
        message, descriptors, _, _ = socket.recv_fds(connection, LONGEST_MESSAGE, maxfds=1)
        if not message:
            return
        sandbox.allow_processor_seconds(options["timeout"])
        try:
            send(connection, inspect(descriptors[0], bounds=bounds, with_poster=json.loads(message)["poster"]))
        finally:
            os.close(descriptors[0])
            gc.collect()  # decoders hang in reference cycles, and their memory is not what Python counts


def inspect(descriptor: int, *, bounds: Bounds, with_poster: bool) -> Inspection:
    """Identify, probe and picture one file that stands open.

    Raises MemoryError or BlockingIOError when the process has reached a limit: it ends, and a fresh one tries again.
    """
    identity = oshash(descriptor)
    try:
        if os.fstat(descriptor).st_size == 0:
            raise UnreadableMedia("The file is empty")
        opened = open_video(descriptor, bounds=bounds)
        with opened.container:
            described = probe(opened, descriptor)
            picture = poster(opened, duration=described.duration) if with_poster else None
    except UnreadableMedia as error:
        return Inspection(oshash=identity, reason=str(error))
    except OUT_OF_RESOURCES:
        raise
    except (av.FFmpegError, ValueError, OverflowError) as error:  # the many ways in which a damaged file ends a decoder
        return Inspection(oshash=identity, reason=f"It is damaged: {type(error).__name__}")
    return Inspection(oshash=identity, probe=described, poster=picture)


if __name__ == "__main__":
    main()
