"""The best moments of a video: what speaks for each second of it, and which stretches to take."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from math import ceil, sqrt
from statistics import median

from media_library.ffmpeg.findings import Curves

HOP = 0.5  # seconds between the points of a score
LEAST = 1.0  # seconds of a moment
BEFORE, AFTER = 4, 1  # seconds that a reaction is about: what people saw before they pressed
NEIGHBOURS = 10  # parts on either side that a part's plays are compared with: fewer and fewer watch on
MOST_SURPRISE = 5.0  # standard deviations above the neighbours that count as all there can be
MUCH = 0.7  # of the video that a moment must outdo to be praised for it
OFTEN = 1.2  # times as often as around it

Stretch = tuple[float, float]
"""In point and out point, seconds."""


@dataclass(frozen=True)
class Moment:
    in_point: float  # seconds
    out_point: float
    score: float  # 0 to 1
    reason: str  # for a person


class Score:
    """One number for each `HOP` seconds, 0 to 1."""

    def __init__(self, points: Sequence[float]) -> None:
        self.points = list(points)
        self._sums = [0.0, *accumulate(self.points)]
        self._sorted = sorted(self.points)

    def mean(self, stretch: Stretch) -> float:
        start, end = (min(len(self.points), max(0, round(second / HOP))) for second in stretch)
        return (self._sums[end] - self._sums[start]) / (end - start) if end > start else 0.0

    def outdone(self, stretch: Stretch) -> float:
        """Which part of the video, 0 to 1, has less of it."""
        return bisect_left(self._sorted, self.mean(stretch)) / max(1, len(self._sorted))

    def ranked(self) -> Score:
        """Each point as the part of all that lie below it: so a few extremes count no more than they should."""
        return Score([bisect_left(self._sorted, point) / max(1, len(self.points)) for point in self.points])


class ByCurves:
    """Where most moves and where it is loudest."""

    def __init__(self, curves: Curves, *, duration: float) -> None:
        self._motion = Score(_resampled(curves.motion, curves.hop, duration))
        self._loudness = Score(_resampled(curves.loudness, curves.hop, duration)) if curves.loudness else None
        told = [score.ranked().points for score in (self._motion, self._loudness) if score]
        self.score = Score([sum(values) / len(values) for values in zip(*told, strict=True)])

    def reason(self, stretch: Stretch) -> str:
        praised = [(self._motion, "moves more"), (self._loudness, "is louder")]
        told = [(score.outdone(stretch), word) for score, word in praised if score]
        said = [f"{word} than {outdone:.0%} of the video" for outdone, word in told if outdone >= MUCH]
        return " and ".join(said) or "the best of what is left"


class ByViewers:
    """Where viewers reacted, and what they played more often than what is around it."""

    def __init__(self, reactions: Sequence[tuple[int, str]], plays: Sequence[int], *, duration: float) -> None:
        """`reactions`: their seconds and emoji; `plays`: how often each of some equal parts of the video was watched."""
        self._reactions, self._plays, self._duration = reactions, plays, duration
        told = [scores for scores in (self._of_reactions(), self._of_plays()) if any(scores)]
        self.score = Score([max(values) for values in zip(*told, strict=True)] if told else [])

    def reason(self, stretch: Stretch) -> str | None:
        """None where they say nothing of it."""
        said = [said for said in (self._reacted(stretch), self._replayed(stretch)) if said]
        return " and ".join(said) or None

    def _of_reactions(self) -> list[float]:
        counts = [0] * _points(self._duration)
        for second, _ in self._reactions:
            for point in range(round((second - BEFORE) / HOP), round((second + AFTER) / HOP)):
                if 0 <= point < len(counts):
                    counts[point] += 1
        most = max(counts, default=0)
        return [count / most for count in counts] if most else []

    def _of_plays(self) -> list[float]:
        surprises = [
            max(0.0, (count - usual) / sqrt(usual + 1)) / MOST_SURPRISE for count, usual in zip(self._plays, self._usual(), strict=True)
        ]
        part = self._duration / max(1, len(surprises))
        return _resampled([min(1.0, surprise) for surprise in surprises], part, self._duration)

    def _usual(self) -> list[float]:
        """How often the parts around each one were watched."""
        return [median(self._plays[max(0, part - NEIGHBOURS) : part + NEIGHBOURS + 1]) for part in range(len(self._plays))]

    def _reacted(self, stretch: Stretch) -> str:
        given = Counter(emoji for second, emoji in self._reactions if stretch[0] - AFTER <= second < stretch[1] + BEFORE)
        emoji = ", ".join(f"{emoji} {count}" for emoji, count in given.most_common())
        return f"{given.total()} reaction{'s' if given.total() > 1 else ''} ({emoji})" if given else ""

    def _replayed(self, stretch: Stretch) -> str:
        part = self._duration / max(1, len(self._plays))
        parts = range(int(stretch[0] / part), min(len(self._plays), ceil(stretch[1] / part)))
        usual = self._usual()
        times = max(((self._plays[number] + 1) / (usual[number] + 1) for number in parts), default=0.0)
        return f"played {times:.1f} times as often as what is around it" if times >= OFTEN else ""


def best_stretches(
    score: Score, scenes: Sequence[Stretch], *, length: float, longest: float, most: int, extra: float = 0.0
) -> list[Stretch]:
    """The stretches of the highest mean score, in the video's order, together `length` seconds or what there is.

    Each lies within a scene and has at most `longest` seconds, of which `extra` (seconds, less than 0 for a crossfade) is what
    joining adds to each. Those of one scene keep their distance as long as there are others.
    """
    windows = sorted(_windows(scenes, longest), key=lambda window: (-score.mean(window), window))
    chosen: list[Stretch] = []
    left = length
    for distance in (longest, 0.0):
        for start, end in windows:
            if left < LEAST or len(chosen) == most:
                break
            if all(end + distance <= other[0] or other[1] + distance <= start for other in chosen):
                chosen.append((start, min(end, start + max(LEAST, left - extra))))
                left -= chosen[-1][1] - start + extra
    return sorted(chosen)


def _windows(scenes: Sequence[Stretch], longest: float) -> list[Stretch]:
    """Every stretch of a scene that begins at a point, as long as it may be; scenes that are too short only where all are."""
    long_enough = [scene for scene in scenes if scene[1] - scene[0] >= LEAST] or list(scenes)
    windows = []
    for start, end in long_enough:
        width = min(longest, end - start)
        steps = int((end - start - width) / HOP + 1e-6)
        windows += [(start + step * HOP, start + step * HOP + width) for step in range(steps + 1)]
    return windows


def _resampled(values: Sequence[float], hop: float, duration: float) -> list[float]:
    """Values that stand for `hop` seconds each as points `HOP` apart."""
    if not values:
        return [0.0] * _points(duration)
    return [_mean(values, point * HOP / hop, (point + 1) * HOP / hop) for point in range(_points(duration))]


def _mean(values: Sequence[float], start: float, end: float) -> float:
    part = values[min(len(values) - 1, int(start)) : max(int(start) + 1, ceil(end))]
    return sum(part) / len(part)


def _points(duration: float) -> int:
    return max(1, ceil(duration / HOP))
