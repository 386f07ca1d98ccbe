"""A small library that is scanned."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from pytest_django.fixtures import Settings

from media_library.models import Video
from media_library.paths import encode_path
from media_library.scanner import scan
from tests.conftest import Clips, aged, variant

Good = Callable[[Sequence[str]], list[Video]]
KEYFRAME_EACH_SECOND = ("-c:v", "libx264", "-pix_fmt", "yuv420p", "-g", "25", "-keyint_min", "25", "-sc_threshold", "0")


@pytest.fixture
def add(library: Path, clips: Clips, settings: Settings) -> Callable[..., Path]:
    """Put a small valid video at a path of the library; the same content for the same `number`."""
    settings.SCAN_WORKERS = 1
    settings.NODE_VRAM_MB = 0

    def add_video(path: str, number: int = 0) -> Path:
        return variant(clips.plain, library / path, number)

    return add_video


@pytest.fixture
def video(db: None, library: Path, clips: Clips, settings: Settings) -> Video:
    """A scanned video of three seconds, 320 × 180."""
    settings.NODE_VRAM_MB = 0
    path = library / "videos" / "-rf %03d 'it''s'.mp4"
    path.parent.mkdir()
    path.write_bytes(clips.make(duration=3.0).read_bytes())
    scan(library, workers=1) if aged(path) else None
    return Video.objects.get()


@pytest.fixture
def film(db: None, library: Path, settings: Settings) -> Callable[[Path], Video]:
    """Put a clip into the library and scan it; returns its row."""
    settings.NODE_VRAM_MB = 0

    def add(clip: Path) -> Video:
        path = library / "videos" / clip.name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(clip.read_bytes())
        scan(library, workers=1) if aged(path) else None
        return Video.objects.get(filename=clip.name)

    return add


@pytest.fixture
def good(db: None, library: Path, settings: Settings, clips: Clips) -> Good:
    """Good videos of these names, as scans find them; to scan so many each time would take long."""
    settings.NODE_VRAM_MB, settings.SCAN_WORKERS = 0, 1

    def add(names: Sequence[str]) -> list[Video]:
        clip = clips.make(size="64x36", sound=True)
        variant(clip, library / "videos" / names[0])
        scan(library, workers=1)
        first = Video.objects.get()
        others = [variant(clip, library / "videos" / name, number) for number, name in enumerate(names[1:], start=1)]
        for path in others:
            first.pk, first.path, first.filename = None, encode_path(str(path.relative_to(library))), encode_path(path.name)
            first.file_size, first.file_mtime_ns = path.stat().st_size, path.stat().st_mtime_ns
            first.save()
        return list(Video.objects.order_by("pk"))

    return add


@pytest.fixture
def traffic(clips: Clips, film: Callable[[Path], Video]) -> Video:
    """Three seconds of 160 × 90 with sound: one red, one green, one blue, each beginning with a keyframe."""
    return film(three_colours(clips))


def three_colours(clips: Clips, *options: str, name: str = "traffic.mp4", video: tuple[str, ...] = KEYFRAME_EACH_SECOND) -> Path:
    """What `traffic` shows, encoded with other options."""
    pictures = [f"color={colour}:size=160x90:rate=25:duration=1" for colour in ("red", "lime", "blue")]
    inputs = [argument for source in (*pictures, "sine=frequency=440:duration=3") for argument in ("-f", "lavfi", "-i", source)]
    return clips.run(name, *inputs, "-filter_complex", "[0][1][2]concat=n=3", "-map", "3:a", *video, "-c:a", "aac", *options)


def one_colour(clips: Clips, colour: str, *, size: str = "64x36", rate: str = "25", duration: float = 1.0) -> Path:
    """A clip of one colour without sound, called after it."""
    pictures = f"color={colour}:size={size}:rate={rate}:duration={duration}"
    return clips.run(f"{colour}.mp4", "-f", "lavfi", "-i", pictures, "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p")


def still_screen(clips: Clips, *sound: str) -> Path:
    """The recording of a screen, which has pictures only where something moves: red until 4 s, none of it after 1 s; blue until 6 s."""
    pictures = "color=red:size=160x90:rate=25:duration=4[a];color=blue:size=160x90:rate=25:duration=2[b];[a][b]concat"
    moving = ("-map", "0:v", "-vf", "select='lt(n,25)+gte(n,100)'", "-fps_mode", "vfr")
    codec = ("-c:v", "libx264", "-pix_fmt", "yuv420p", "-preset", "ultrafast")
    return clips.run("screen.mp4", "-f", "lavfi", "-i", pictures, *sound, *moving, *codec)
