"""What one look through all of a video has found, and how the process that looks tells us."""

from __future__ import annotations

import math
import re
from dataclasses import asdict, dataclass, field
from itertools import pairwise
from typing import Any

from media_library.ffmpeg.errors import InspectionCrashed
from media_library.ffmpeg.inspection import IMPOSSIBLE, Answer

SILENCE = -70.0  # dBFS: what is softer is as soft
MOST_SCENES = 2000
MOST_POINTS = 4096  # of a curve
MOST_TILES = 240  # of a contact sheet
COLUMNS = 10  # of a contact sheet
MEASURES = ("light", "contrast", "saturation", "sharpness")


@dataclass(frozen=True)
class Curves:
    """A point for each `hop` seconds, from the start."""

    hop: float  # seconds
    motion: list[float]  # 0 to 1: how much a picture differs from that a fifth of a second before
    loudness: list[float]  # dBFS, from `SILENCE` to 0; empty: it has no sound


@dataclass(frozen=True)
class Keyframe:
    """The picture that stands for a scene. Measures are 0 to 1."""

    time: float  # seconds
    light: float
    contrast: float
    saturation: float
    sharpness: float
    colour: str  # "#rrggbb": the mean
    fingerprint: str  # 64 bits as hexadecimal digits, of which pictures that look alike share most


@dataclass(frozen=True)
class Findings:
    """Scenes follow one another from 0 to `duration`. Of a look for scenes alone there is nothing else."""

    duration: float  # seconds that its pictures stand for
    starts: list[float]  # seconds, the first 0
    curves: Curves | None = None
    keyframes: list[Keyframe] = field(default_factory=list)  # in their order; the tiles of the contact sheet
    sheet: bytes = b""  # WebP; `COLUMNS` tiles in a row
    tile_width: int = 0  # pixels
    tile_height: int = 0

    @property
    def scenes(self) -> list[tuple[float, float]]:
        return list(pairwise([*self.starts, self.duration]))

    def as_answer(self) -> Answer:
        return Answer(found={**asdict(self), "sheet": None}, made=self.sheet)

    @classmethod
    def of_answer(cls, answer: Answer) -> Findings:
        """Raises `InspectionCrashed` where it is none: who says it has read a stranger's file."""
        told = answer.found
        try:
            findings = cls(
                duration=_number(told["duration"], 0.0, math.inf),
                starts=_numbers(told["starts"], 0.0, math.inf, most=MOST_SCENES),
                curves=told["curves"] and _curves(told["curves"]),
                keyframes=[_keyframe(keyframe) for keyframe in told["keyframes"][:MOST_TILES]],
                sheet=answer.made,
                tile_width=int(_number(told["tile_width"], 0, 1000)),
                tile_height=int(_number(told["tile_height"], 0, 1000)),
            )
        except (ValueError, TypeError, KeyError) as error:
            raise InspectionCrashed(IMPOSSIBLE) from error
        if not findings.starts or findings.starts[0] != 0.0 or any(end <= start for start, end in findings.scenes):
            raise InspectionCrashed(IMPOSSIBLE)
        return findings


def _curves(told: dict[str, Any]) -> Curves:
    return Curves(
        hop=_number(told["hop"], 0.01, math.inf),
        motion=_numbers(told["motion"], 0.0, 1.0, most=MOST_POINTS),
        loudness=_numbers(told["loudness"], SILENCE, 0.0, most=MOST_POINTS),
    )


def _keyframe(told: dict[str, Any]) -> Keyframe:
    if not re.fullmatch("#[0-9a-f]{6}", told["colour"]) or not re.fullmatch("[0-9a-f]{16}", told["fingerprint"]):
        raise ValueError
    measures = {name: _number(told[name], 0.0, 1.0) for name in MEASURES}
    return Keyframe(time=_number(told["time"], 0.0, math.inf), **measures, colour=told["colour"], fingerprint=told["fingerprint"])


def _numbers(told: list[Any], least: float, most_each: float, *, most: int) -> list[float]:
    return [_number(number, least, most_each) for number in told[:most]]


def _number(told: Any, least: float, most: float) -> float:
    number = float(told)
    if not math.isfinite(number) or not least <= number <= most:
        raise ValueError
    return number
