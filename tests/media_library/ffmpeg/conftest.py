"""Files whose pictures tell when they are, and processes that read them."""

from __future__ import annotations

import os
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from media_library.ffmpeg.inspection import Answer
from media_library.ffmpeg.inspectors import Inspectors
from tests.conftest import X264, Clips

Ask = Callable[..., Answer]


@pytest.fixture(scope="module")
def ask() -> Iterator[Ask]:
    """Have a task done with a file."""
    with Inspectors(1) as inspectors:

        def ask_of(path: Path, task: str, **options: Any) -> Answer:
            descriptor = os.open(path, os.O_RDONLY)
            try:
                return inspectors.ask(task, descriptor, **options)
            finally:
                os.close(descriptor)

        yield ask_of


@pytest.fixture(scope="session")
def still(clips: Clips) -> Path:
    """Two seconds in which nothing moves: Ogg has an empty packet for each picture that stays."""
    black = ("-f", "lavfi", "-i", "color=black:size=160x96:rate=25:duration=2")
    return clips.run("still.ogv", *black, "-c:v", "libtheora", "-q:v", "5")


@pytest.fixture(scope="session")
def dawn(clips: Clips) -> Callable[..., Path]:
    """A video that grows brighter from black to white, so that a picture's brightness is its time."""

    def make(
        name: str = "dawn.mp4",
        *,
        duration: float = 18.0,
        size: str = "160x90",
        rate: str = "10",
        codec: tuple[str, ...] = X264,
        gop: int = 10,
    ) -> Path:
        light = ("-vf", f"format=gray,geq=lum=255*T/{duration},format=yuv420p")
        return clips.make(
            name=name, picture="color", size=size, duration=duration, rate=rate, codec=(*light, *codec, "-g", str(gop)), sound=False
        )

    return make


@pytest.fixture(scope="session")
def turned(clips: Clips) -> Path:
    """A video of one second that a phone has taken upright: stored lying, with the turn written beside it."""
    lying = clips.make(name="lying.mov", size="160x90")
    content = lying.read_bytes()
    place = content.index(b"tkhd") + 4 + 40  # the matrix, after version, times, ids, layer and volume
    upright = struct.pack(">9i", 0, 1 << 16, 0, -(1 << 16), 0, 0, 90 << 16, 0, 1 << 30)
    target = clips.folder / "turned.mov"
    target.write_bytes(content[:place] + upright + content[place + 36 :])
    return target
