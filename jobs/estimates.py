"""What work will cost, told from what it cost before."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.db import connection

from jobs import registry
from jobs.pipelines import Step

PAST_RUNS = 50  # the latest, of a type

MEDIAN_SECONDS = """
    SELECT kind.type, percentile_cont(0.5) WITHIN GROUP (ORDER BY run.seconds)
    FROM unnest(%(types)s::text[]) AS kind (type)
    CROSS JOIN LATERAL (
        SELECT extract(epoch FROM completed_at - started_at) AS seconds FROM jobs
        WHERE jobs.type = kind.type AND status = 'completed' AND started_at IS NOT NULL
        ORDER BY completed_at DESC LIMIT %(runs)s
    ) AS run
    GROUP BY kind.type
"""


@dataclass(frozen=True)
class Cost:
    """What a pipeline asks for; `str()` is the line that people read before they start it."""

    jobs: int
    lanes: dict[str, int]  # jobs in each
    vram: int  # MiB, the most that one job takes
    minutes: float | None  # one job after the other; None where a type has not run yet

    def __str__(self) -> str:
        lanes = ", ".join(f"{count} in {lane}" for lane, count in sorted(self.lanes.items()))
        memory = f"up to {self.vram / 1024:.1f} GB of GPU memory" if self.vram else "no GPU memory"
        return f"{self.jobs} job{'s' if self.jobs != 1 else ''} ({lanes}), {memory}, {_duration(self.minutes)}"


def cost(steps: Sequence[Step]) -> Cost:
    """What these steps will cost; raises `UnknownJobType`."""
    kinds = [registry.get(step.type) for step in steps]
    typical = seconds_of(kind.name for kind in kinds)
    known = [typical[kind.name] for kind in kinds if kind.name in typical]
    return Cost(
        jobs=len(kinds),
        lanes=dict(Counter(str(kind.lane) for kind in kinds)),
        vram=max((kind.vram for kind in kinds), default=0),
        minutes=sum(known) / 60 if len(known) == len(kinds) else None,
    )


def seconds(type: str) -> float | None:
    """How long a job of this type usually runs; None: none has completed yet."""
    return seconds_of([type]).get(type)


def seconds_of(types: Iterable[str]) -> dict[str, float]:
    """The median of the latest runs of each type that has completed before."""
    with connection.cursor() as cursor:
        cursor.execute(MEDIAN_SECONDS, {"types": sorted(set(types)), "runs": PAST_RUNS})
        return {type: float(median) for type, median in cursor.fetchall()}


def _duration(minutes: float | None) -> str:
    if minutes is None:
        return "time unknown until each type has run once"
    if minutes < 1:
        return "less than a minute"
    return f"about {minutes:.0f} minute{'s' if round(minutes) != 1 else ''}"
