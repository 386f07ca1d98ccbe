"""How loud sound is, and bringing it to what others have: measured first, so that the same gain holds from its beginning to its end."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import Any

from media_library.ffmpeg.commands.inputs import Source, arguments, open_source

INTEGRATED, PEAK, RANGE = -16, -1.5, 11  # LUFS, dBTP, LU: what podcasts and web video agree on
WIDEST_RANGE = 50  # LU, of the filter
QUIETEST = -70.0  # LUFS; what is below has no loudness to match


@dataclass(frozen=True)
class Loudness:
    """What a measurement found."""

    integrated: float  # LUFS
    peak: float  # dBTP
    range: float  # LU
    threshold: float  # LUFS

    @property
    def gain(self) -> float:
        """What brings it to the common loudness, in dB, its peaks still below the allowed."""
        return round(min(INTEGRATED - self.integrated, PEAK - self.peak), 2)


def measure(source: Source) -> list[str]:
    """Measure the sound of a stretch that has one, in words that `measured` reads."""
    sound = source.sound(open_source(source))
    assert sound is not None
    heard = sound.filter("loudnorm", I=INTEGRATED, TP=PEAK, LRA=RANGE, print_format="json")
    return ["-v", "info", *arguments(heard.output("-", format="null"))]


def measured(said: str) -> Loudness | None:
    """What `measure` found; None: there is nothing to hear."""
    try:
        found = json.loads(said[said.rindex("{") : said.rindex("}") + 1])
        loudness = Loudness(*(float(found[f"input_{name}"]) for name in ("i", "tp", "lra", "thresh")))
    except (ValueError, KeyError):
        return None
    can_be_heard = math.isfinite(loudness.integrated) and math.isfinite(loudness.peak) and loudness.integrated >= QUIETEST
    return loudness if can_be_heard else None


def brought_to_common(sound: Any, loudness: Loudness) -> Any:
    """Sound at the common loudness: by one gain, or, where its peaks would not fit, made less dynamic as it goes."""
    return sound.filter(
        "loudnorm",
        I=INTEGRATED,
        TP=PEAK,
        LRA=min(WIDEST_RANGE, max(RANGE, math.ceil(loudness.range))),  # else a wide range would be taken for too wide for one gain
        measured_I=min(loudness.integrated, -0.01),  # 0, here and below, would say that nothing was measured
        measured_TP=loudness.peak,
        measured_LRA=max(loudness.range, 0.01),
        measured_thresh=min(max(loudness.threshold, -99), 0),
        linear="true",
    )
