"""What a video was made from, and what was made from it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.db import connection, transaction
from django.db.models import QuerySet

from media_library.models import Derivation

MOST_USES = 1000  # shown of one video

DESCENDANTS = """
    WITH RECURSIVE descendant (id) AS (
        SELECT derived_id FROM derivations WHERE source_id = ANY(%(ids)s)
        UNION
        SELECT derivations.derived_id FROM derivations JOIN descendant ON derivations.source_id = descendant.id
    )
    SELECT id FROM descendant WHERE id <> ALL(%(ids)s) ORDER BY id
"""


@dataclass(frozen=True)
class Cut:
    """A stretch of a video that goes into another one; None: from its start, to its end."""

    video_id: int
    in_point: float | None = None  # seconds
    out_point: float | None = None  # seconds


@transaction.atomic
def record(derived_id: int, cuts: Sequence[Cut], *, job_id: int | None = None, job_type: str = "") -> None:
    """Write down what a video was made from, in the order of the cuts; what was known before is forgotten."""
    Derivation.objects.filter(derived_id=derived_id).delete()
    Derivation.objects.bulk_create(
        Derivation(
            derived_id=derived_id,
            source_id=cut.video_id,
            in_point=cut.in_point,
            out_point=cut.out_point,
            order=order,
            job_id=job_id,
            job_type=job_type,
        )
        for order, cut in enumerate(cuts)
    )


def made_from(video_id: int) -> QuerySet[Derivation]:
    """The stretches that a video shows, in their order, with their sources."""
    return Derivation.objects.filter(derived_id=video_id).select_related("source").order_by("order")


def used_in(video_id: int) -> QuerySet[Derivation]:
    """The stretches of a video that others show, with those; the newest first."""
    return Derivation.objects.filter(source_id=video_id).select_related("derived").order_by("-derived_id", "order")[:MOST_USES]


def descendants(ids: Iterable[int]) -> list[int]:
    """All that was made from these videos, and from what was made from them."""
    with connection.cursor() as cursor:
        cursor.execute(DESCENDANTS, {"ids": list(ids)})
        return [id for (id,) in cursor]
