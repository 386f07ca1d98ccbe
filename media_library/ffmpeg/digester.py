"""The worker that looks through whole videos: `python -m media_library.ffmpeg.digester OPTIONS`, spoken to as `worker` is.

It stands apart for what it brings along: OpenCV takes a third of a second to load, and a quarter of a gigabyte of addresses.
"""

from __future__ import annotations

import contextlib
import os

import cv2

from media_library.ffmpeg import worker
from media_library.ffmpeg.digest import digest, find_scenes
from media_library.ffmpeg.inspection import Answer
from media_library.ffmpeg.probe import OpenVideo
from media_library.ffmpeg.seeking import Tell
from media_library.ffmpeg.untrusted import Bounds

NICENESS = 10  # what visitors ask for comes first


def scenes(descriptor: int, bounds: Bounds, tell: Tell, *, threshold: float, min_length: float) -> Answer:
    """`Findings`: where scenes begin."""

    def look(opened: OpenVideo) -> Answer:
        return find_scenes(opened, threshold=threshold, min_length=min_length, tell=tell).as_answer()

    return worker.of_open_video(descriptor, bounds, look)


def everything(descriptor: int, bounds: Bounds, tell: Tell, *, threshold: float, min_length: float) -> Answer:
    """`Findings` with curves and a contact sheet."""

    def look(opened: OpenVideo) -> Answer:
        return digest(opened, threshold=threshold, min_length=min_length, tell=tell).as_answer()

    return worker.of_open_video(descriptor, bounds, look)


if __name__ == "__main__":
    cv2.setNumThreads(1)
    with contextlib.suppress(OSError):
        os.nice(NICENESS)
    worker.main({"scenes": scenes, "digest": everything})
