"""A contact sheet: for each scene the best of its pictures, side by side."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from av import VideoFrame
from PIL import Image

from media_library.ffmpeg.findings import COLUMNS, MOST_TILES, Keyframe
from media_library.ffmpeg.measures import Picture, keyframe
from media_library.ffmpeg.picture import upright
from media_library.ffmpeg.sheet import Sheet, sheet

LONGEST_SIDE = 160  # pixels of a tile
FIRST_STEP = 0.5  # seconds between two pictures that are kept
MOST_KEPT = 2048  # pictures, of some 5 KB each; then every other one is let go
KEPT_QUALITY, SHEET_QUALITY = 85, 70
GOOD_LIGHT, GOOD_CONTRAST, GOOD_SHARPNESS = 0.12, 0.25, 0.15  # measures from which on more is no better


@dataclass(frozen=True)
class Kept:
    keyframe: Keyframe
    picture: bytes  # JPEG

    @property
    def score(self) -> float:
        """How well it shows what there is, 0 to 1: neither dark, nor blank, nor blurred."""
        look = self.keyframe
        light = min(1.0, look.light / GOOD_LIGHT, (1 - look.light) / GOOD_LIGHT)
        return light * min(1.0, look.contrast / GOOD_CONTRAST) * min(1.0, look.sharpness / GOOD_SHARPNESS)


class KeyPictures:
    """Is shown each picture in turn, and keeps some of them, evenly spread, however many there are."""

    def __init__(self, *, pixel_aspect: Fraction | None) -> None:
        self._pixel_aspect = pixel_aspect
        self._step = FIRST_STEP
        self._kept: list[Kept] = []

    def see(self, seconds: float, frame: VideoFrame, picture: Picture) -> None:
        if self._kept and seconds < self._kept[-1].keyframe.time + self._step:
            return
        tile = io.BytesIO()
        upright(frame, pixel_aspect=self._pixel_aspect, longest=LONGEST_SIDE).save(tile, "JPEG", quality=KEPT_QUALITY)
        self._kept.append(Kept(keyframe(seconds, picture), tile.getvalue()))
        if len(self._kept) > MOST_KEPT:
            self._kept, self._step = self._kept[::2], 2 * self._step

    def best_of(self, scenes: Sequence[tuple[float, float]]) -> list[Kept]:
        """The best picture of each scene that has one; of too many scenes, of the longest; where none has, the first of all."""
        longest = sorted(scenes, key=lambda scene: scene[0] - scene[1])[:MOST_TILES]
        chosen = [self._best_between(*scene) for scene in sorted(longest)]
        return [kept for kept in chosen if kept] or self._kept[:1]

    def _best_between(self, start: float, end: float) -> Kept | None:
        return max((kept for kept in self._kept if start <= kept.keyframe.time < end), key=lambda kept: kept.score, default=None)


def contact_sheet(chosen: Sequence[Kept]) -> Sheet:
    tiles = (Image.open(io.BytesIO(kept.picture)) for kept in chosen)
    return sheet(enumerate(tiles), columns=min(COLUMNS, len(chosen)), rows=-(-len(chosen) // COLUMNS), quality=SHEET_QUALITY)
