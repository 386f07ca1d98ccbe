"""Charts as the templates draw them: geometry and words, in coordinates that a style sheet stretches to any width.

Across, a column is one unit wide; down, 0 is the top and 100 the bottom.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from gallery.statistics import Counts, Turn
from media_library import labels

LONGEST_BY_DAY = 92  # days; a longer span is drawn by weeks
CLOSEST_LINES = 12  # per cent of the height that the words beside two lines need between them
UNITS = ((3600, "h"), (60, "min"), (1, "s"))


@dataclass(frozen=True)
class Column:
    """The days that one bar stands for, and what they brought."""

    first: dt.date
    last: dt.date
    counts: Counts

    @property
    def name(self) -> str:
        return f"{self.first:%-d %b %Y}" if self.first == self.last else f"{self.first:%-d %b} – {self.last:%-d %b %Y}"


@dataclass(frozen=True)
class Bar:
    """A bar from `top`, `height` tall, with another in front of it that starts at the same foot."""

    x: int
    top: float
    height: float
    front_top: float
    front_height: float
    label: str


@dataclass(frozen=True)
class Mark:
    """A moment of the medium's story, at the place of its column."""

    x: float
    kind: str
    label: str


@dataclass(frozen=True)
class Chart:
    """One figure by day or week, for `admin/gallery/chart.html`."""

    name: str
    title: str
    total: str
    description: str
    bars: list[Bar]
    scale: list[tuple[float, str]]  # how far down, and what the line there stands for
    dates: list[str]
    legend: list[tuple[str, str]]
    marks: list[Mark]


@dataclass(frozen=True)
class Curve:
    """How many of those who watched the best-watched part saw each part, in per cent, as a filled line and a strip to point at."""

    path: str
    parts: list[tuple[int, str]]
    times: list[str]
    description: str


def columns_of(days: Mapping[dt.date, Counts]) -> list[Column]:
    """A column for each day, or for each week where there are many, the last of which ends with the last day."""
    dates = list(days)
    size = 1 if len(dates) <= LONGEST_BY_DAY else 7
    ends = range(len(dates), 0, -size)
    weeks = [dates[max(0, end - size) : end] for end in ends][::-1]
    return [Column(week[0], week[-1], Counts.sum(days[day] for day in week)) for week in weeks]


def views_chart(columns: Sequence[Column], turns: Sequence[Turn] = ()) -> Chart:
    """Views, the unique ones in front."""
    return _chart(
        "views", "Views", columns, lambda counts: counts.views, front=lambda counts: counts.unique_views, turns=turns,
        told=lambda counts: f"{counts.views:,} views, {counts.unique_views:,} unique",
        legend=[("back", "all views"), ("front", "unique: a visitor once in half an hour")],
    )  # fmt: skip


def small_charts(columns: Sequence[Column]) -> list[Chart]:
    """Upvotes, finishes and watch time."""
    return [
        _chart("upvotes", "Upvotes", columns, lambda days: days.upvotes, told=lambda days: _counted(days.upvotes, "upvote")),
        _chart("finishes", "Watched to the end", columns, lambda days: days.finishes, told=lambda days: _counted(days.finishes, "time")),
        _chart("watched", "Watch time", columns, lambda days: days.watched, told=lambda days: labels.long_time(days.watched), is_time=True),
    ]


def retention_chart(counts: Sequence[int], duration: int) -> Curve:
    """How the interest in a video of `duration` seconds holds, from how often each of its parts was watched."""
    peak = max(counts)
    shares = [round(100 * count / peak, 1) for count in counts]
    starts = [round(duration * part / len(counts)) for part in range(len(counts) + 1)]
    steps = "".join(f"H{x}V{100 - share:g}H{x + 1}" for x, share in enumerate(shares))
    best = counts.index(peak)
    parts = [
        (x, f"{labels.clock(starts[x])}: {share:.0f} %, watched {_counted(count, 'time')}")
        for x, (share, count) in enumerate(zip(shares, counts, strict=True))
    ]
    told = (
        f"Watched most: {labels.clock(starts[best])} to {labels.clock(starts[best + 1])}. The last part keeps {shares[-1]:.0f} % of that."
    )
    return Curve(f"M0 100{steps}V100Z", parts, [labels.clock(second) for second in (0, duration // 2, duration)], told)


def _chart(
    name: str,
    title: str,
    columns: Sequence[Column],
    figure: Callable[[Counts], int],
    *,
    told: Callable[[Counts], str],
    front: Callable[[Counts], int] = lambda counts: 0,
    legend: Sequence[tuple[str, str]] = (),
    turns: Sequence[Turn] = (),
    is_time: bool = False,
) -> Chart:
    figures = [figure(column.counts) for column in columns]
    unit, word = _unit(max(figures)) if is_time else (1, "")
    high = _ceiling(max(figures) / unit) * unit
    low = -_ceiling(-min(figures) / unit) * unit if min(figures) < 0 else 0

    def down(value: float) -> float:
        return round(100 * (high - value) / (high - low), 2)

    def bar(x: int, column: Column) -> Bar:
        value, before = figure(column.counts), front(column.counts)
        top = down(max(value, 0))
        return Bar(
            x,
            top,
            round(down(min(value, 0)) - top, 2),
            down(before),
            round(down(0) - down(before), 2),
            f"{column.name}: {told(column.counts)}",
        )

    lines = [high, high // 2, 0, low] if down(low) - down(0) > CLOSEST_LINES else [high, high // 2, 0]
    busiest = columns[figures.index(max(figures))]
    total = told(Counts.sum(column.counts for column in columns))
    return Chart(
        name=name,
        title=title,
        total=total,
        description=f"{total} from {columns[0].name} to {columns[-1].name}. The most: {busiest.name}, {told(busiest.counts)}.",
        bars=[bar(x, column) for x, column in enumerate(columns)],
        scale=[(down(value), f"{value // unit:,} {word}".strip().replace("-", "−")) for value in lines],
        dates=[f"{columns[place].first:%-d %b}" for place in (0, len(columns) // 2)] + [f"{columns[-1].last:%-d %b}"],
        legend=list(legend),
        marks=[_mark(turn, columns) for turn in turns],
    )


def _mark(turn: Turn, columns: Sequence[Column]) -> Mark:
    x = next(x for x, column in enumerate(columns) if column.first <= turn.at.date() <= column.last)
    return Mark(x + 0.5, turn.kind, f"{turn.at:%-d %b %Y}: {turn.message}")


def _unit(seconds: int) -> tuple[int, str]:
    """The largest unit of time that says two or more of it."""
    return next((unit for unit in UNITS if seconds >= 2 * unit[0]), UNITS[-1])


def _ceiling(value: float) -> int:
    """The next round number that is not less; its half is whole."""
    power = 10 ** max(0, math.floor(math.log10(value))) if value > 0 else 1
    round_numbers = (tenths * power // 10 for tenths in (10, 12, 15, 20, 30, 40, 50, 60, 80, 100))
    return next(number for number in round_numbers if number >= value and number % 2 == 0)


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"
