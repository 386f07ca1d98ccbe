"""Tags that a machine proposes, from being proposed to being decided. None reaches a video's own tags but by a person's approval."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from django.contrib.auth.models import User
from django.db import connection, transaction
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Now

from media_library.audit import note
from media_library.models import DirectoryType, Tagging, TagSuggestion, Video
from media_library.outcomes import Outcome
from media_library.paths import shown
from media_library.services import clean_tags, retag
from media_library.tagging import names, vocabulary

NAMES = "names"  # who made a suggestion that no network did
PLACES = {**dict.fromkeys(DirectoryType.values, 1), "public": 2, "studios": 2}  # public/<category>, studios/<producer>
NOTHING_SUGGESTED = "Nothing is suggested"


@dataclass(frozen=True)
class Found:
    """How well a tag fits, 0 to 1, and who says so."""

    score: float
    made_by: str


def by_names(video: Video) -> dict[str, Found]:
    """What the names of the file and its folders say, as they were before we gave others."""
    path = shown(video.original_path or video.path)
    spellings = {spelling for phrase in names.phrases(path) for spelling in names.spellings(phrase)}
    known = _in_use(spellings) | (spellings & vocabulary.read().classes.keys())
    scores = names.known(path, tags=known) | names.spoken(path, places=PLACES)
    return {tag: Found(score, NAMES) for tag, score in scores.items()}


def better(*findings: Mapping[str, Found]) -> dict[str, Found]:
    """For each tag who is surest of it."""
    tags = {tag for found in findings for tag in found}
    return {tag: max((found[tag] for found in findings if tag in found), key=lambda one: one.score) for tag in tags}


@transaction.atomic
def suggest(video: Video, found: Mapping[str, Found], *, network: str, job_id: int | None) -> list[TagSuggestion]:
    """Propose these tags and no longer others; what the video has, or a person has decided, stays as it is.

    Returns what is proposed now, the best first.
    """
    held = Video.objects.select_for_update(no_key=True).only("tags").get(pk=video.pk)
    decided = TagSuggestion.objects.filter(video=video).exclude(state=TagSuggestion.State.SUGGESTED).values_list("tag", flat=True)
    closed = {str(tag).casefold() for tag in (*(held.tags or []), *decided)}
    wanted = {tag: one for tag, one in found.items() if clean_tags([tag]) == [tag] and tag.casefold() not in closed}
    _open(video=video).exclude(tag__in=wanted).delete()
    TagSuggestion.objects.bulk_create(
        [TagSuggestion(video=video, tag=tag, score=one.score, made_by=one.made_by, job_id=job_id) for tag, one in wanted.items()],
        update_conflicts=True,
        unique_fields=("video", "tag"),
        update_fields=("score", "made_by", "job_id"),
    )
    seen = {"made_by": network, "source_size": video.file_size, "source_mtime_ns": video.file_mtime_ns, "made_at": Now()}
    Tagging.objects.update_or_create(video=video, defaults=seen)
    return list(_open(video=video))


def lack_tagging(videos: QuerySet[Video], *, network: str) -> QuerySet[Video]:
    """Those that this network has not seen as they are now."""
    same_file = Q(tagging__source_size=F("file_size"), tagging__source_mtime_ns=F("file_mtime_ns"))
    return videos.exclude(same_file, tagging__made_by=network)


def open_suggestions(video_id: int) -> QuerySet[TagSuggestion]:
    """What is proposed for a video and not decided, the best first."""
    return _open(video_id=video_id)


def undecided_videos() -> QuerySet[Video]:
    """The videos in the library for which something is proposed and not decided."""
    return Video.objects.filter(pk__in=_open().values("video"), trashed_at=None)


@transaction.atomic
def approve(videos: Iterable[int], *, by: User | None, only: Iterable[int] | None = None, least_score: float = 0.0) -> Outcome:
    """Give videos the tags that are proposed for them; `only`: the ids of those suggestions that are meant."""
    ids = list(videos)
    chosen = _choose(ids, only=only, least_score=least_score)
    by_tag: dict[str, list[int]] = defaultdict(list)
    for suggestion in chosen:
        by_tag[suggestion.tag].append(suggestion.video_id)
    skipped = {id: NOTHING_SUGGESTED for id in ids if id not in {suggestion.video_id for suggestion in chosen}}
    done: set[int] = set()
    for tag, video_ids in by_tag.items():
        outcome = retag(video_ids, [tag], by=by)
        _decide(_open(video_id__in=outcome.done, tag=tag), TagSuggestion.State.APPROVED, by=by)
        done.update(outcome.done)
        skipped |= outcome.skipped
    return Outcome(tuple(sorted(done)), {id: reason for id, reason in skipped.items() if id not in done})


@transaction.atomic
def reject(videos: Iterable[int], *, by: User | None, only: Iterable[int] | None = None) -> Outcome:
    """Propose these tags for these videos no more; `only`: the ids of those suggestions that are meant."""
    ids = list(videos)
    chosen = _choose(ids, only=only)
    tags: dict[int, list[str]] = defaultdict(list)
    for suggestion in chosen:
        tags[suggestion.video_id].append(suggestion.tag)
    _decide(_open(pk__in=[suggestion.pk for suggestion in chosen]), TagSuggestion.State.REJECTED, by=by)
    for video_id, rejected in tags.items():
        note([video_id], f"Rejected the suggested {', '.join(rejected)}.", by=by)
    return Outcome(tuple(sorted(tags)), {id: NOTHING_SUGGESTED for id in ids if id not in tags})


def _open(**conditions: object) -> QuerySet[TagSuggestion]:
    return TagSuggestion.objects.filter(state=TagSuggestion.State.SUGGESTED, **conditions)


def _choose(ids: list[int], *, only: Iterable[int] | None, least_score: float = 0.0) -> list[TagSuggestion]:
    """Open suggestions, their videos held in id order until the transaction ends, as everybody holds them."""
    list(Video.objects.filter(pk__in=ids).order_by("pk").select_for_update(no_key=True).values_list("pk", flat=True))
    chosen = _open(video_id__in=ids, score__gte=least_score)
    return list(chosen if only is None else chosen.filter(pk__in=only))


def _decide(suggestions: QuerySet[TagSuggestion], state: TagSuggestion.State, *, by: User | None) -> None:
    suggestions.update(state=state, decided_by=by, decided_at=Now())


def _in_use(tags: Iterable[str]) -> set[str]:
    """Those that some video has, one look into the index each."""
    statement = "SELECT tag FROM unnest(%s::text[]) AS tag WHERE EXISTS (SELECT FROM videos WHERE tags @> jsonb_build_array(tag))"
    with connection.cursor() as cursor:
        cursor.execute(statement, [list(tags)])
        return {tag for (tag,) in cursor}
