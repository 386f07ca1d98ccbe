"""What a video's page shows of its scenes: a tile for each, and the curves of its digest over their cuts."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass

from media_library.ffmpeg.findings import COLUMNS, SILENCE
from media_library.models import Digest, Video
from media_library.scenes import digest_of, scenes_of
from media_library.timecodes import clock

MOST_SHOWN = 240  # scenes
MOST_POINTS = 600  # of a curve, that a page is wide enough to show
MOST_MARKS = 300  # cuts: more of them are a grey area


@dataclass(frozen=True)
class Tile:
    """A scene, and where on the contact sheet its picture is, in pixels; None: it has none."""

    name: str  # "1:02–1:09"
    start: float  # seconds
    corner: tuple[int, int] | None


@dataclass(frozen=True)
class ScenesShown:
    """Curves are points for an SVG that is `width` wide and 100 high; empty: there is none."""

    digest: Digest
    count: int
    tiles: list[Tile]
    sheet_width: int  # pixels
    sheet_height: int
    width: int
    motion: str
    loudness: str
    marks: list[float]  # where cuts are, in units of the width

    @property
    def hidden(self) -> int:
        return self.count - len(self.tiles)


def scenes_shown(video: Video) -> ScenesShown | None:
    """None where nobody has looked through the file that the video has now."""
    digest = digest_of(video.pk)
    if digest is None:
        return None
    scenes = [(scene.start, scene.end) for scene in scenes_of(video.pk)]
    curves = digest.curves or {"motion": [], "loudness": []}
    motion, loudness = _thinned(curves["motion"]), _thinned(curves["loudness"])
    width = max(len(motion) - 1, 1)
    most = max(motion, default=0.0) or 1.0
    return ScenesShown(
        digest=digest,
        count=len(scenes),
        tiles=_tiles(digest, scenes[:MOST_SHOWN]),
        sheet_width=min(COLUMNS, len(digest.keyframes)) * (digest.tile_width or 0),
        sheet_height=-(-len(digest.keyframes) // COLUMNS) * (digest.tile_height or 0),
        width=width,
        motion=_line([value / most for value in motion]),
        loudness=_line([1 - value / SILENCE for value in loudness[: len(motion)]]),
        marks=[round(start / digest.duration * width, 2) for start, _ in scenes[1:]] if len(scenes) <= MOST_MARKS else [],
    )


def _tiles(digest: Digest, scenes: Sequence[tuple[float, float]]) -> list[Tile]:
    times = [keyframe["time"] for keyframe in digest.keyframes]
    tiles = []
    for start, end in scenes:
        number = bisect_left(times, start)
        has_picture = number < len(times) and times[number] < end
        tiles.append(Tile(f"{clock(round(start))}–{clock(round(end))}", start, _corner(digest, number) if has_picture else None))
    return tiles


def _corner(digest: Digest, number: int) -> tuple[int, int]:
    row, column = divmod(number, COLUMNS)
    return column * (digest.tile_width or 0), row * (digest.tile_height or 0)


def _thinned(values: Sequence[float]) -> list[float]:
    """As many as can be seen; of each few the greatest."""
    step = -(-len(values) // MOST_POINTS) or 1
    return [max(values[place : place + step]) for place in range(0, len(values), step)]


def _line(values: Sequence[float]) -> str:
    return " ".join(f"{place},{100 - 100 * value:.1f}" for place, value in enumerate(values))
