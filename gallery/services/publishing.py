"""Into the gallery and out of it, and the copies that the gallery keeps of a video's columns."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from django.contrib.auth.models import User
from django.db.models import Q

from gallery import ledger
from gallery.models import MediaStats, PublicMedia
from gallery.services.categories import clean_category
from gallery.services.changes import (
    MEDIA_NOT_FOUND,
    copy_to_stats,
    distinct,
    execute,
    hold_public,
    hold_stats,
    hold_videos,
    one_change_at_a_time,
    outcome,
)
from media_library.audit import note
from media_library.models import DirectoryType, Video
from media_library.outcomes import Outcome
from media_library.services import VIDEO_NOT_FOUND

logger = logging.getLogger(__name__)

COPIES = {  # column of public_media -> what it copies of the video
    # As `paths.shown` shows a name: its bytes that are no text are private-use characters in the library's rows.
    "filename": "regexp_replace(video.filename, '[\uf780-\uf7ff]', '\ufffd', 'g')",
    "title": "video.title",
    "duration_seconds": "video.duration_seconds",
    "quality": "video.quality",
    "orientation": "video.orientation",
    "width": "video.width",
    "height": "video.height",
    "file_size": "video.file_size",
    # The id is in the address because a locked medium and its public duplicate share the picture's hash.
    "thumbnail_path": "'/thumbnails/' || video.id || '-' || left(substring(video.thumbnail_path FROM '[^/]+$'), 12) || '.webp'",
}
DECISIVE = ("trashed_at", "directory_type", "is_valid", "missing_since")  # what `obstacle` looks at
UNFIT = Q(trashed_at__isnull=False) | Q(directory_type=DirectoryType.PRIVATE) | Q(is_valid=False)

COLUMNS, SOURCES = ", ".join(COPIES), ", ".join(COPIES.values())

PUBLISH = f"""
    INSERT INTO public_media (id, category, comment_count, is_locked, locked_at, locked_reason, created_at, updated_at, {COLUMNS})
    SELECT video.id, %s, coalesce(video.public_comment_count, 0),
           video.public_locked_at IS NOT NULL, video.public_locked_at, video.public_locked_reason, now(), now(), {SOURCES}
    FROM videos AS video WHERE video.id = ANY(%s) ORDER BY video.id
    ON CONFLICT (id) DO UPDATE SET category = excluded.category, updated_at = now(),
           {", ".join(f"{column} = excluded.{column}" for column in COPIES)}
"""
REFRESH = f"""
    UPDATE public_media AS media SET ({COLUMNS}, updated_at) = ROW({SOURCES}, now())
    FROM videos AS video
    WHERE video.id = media.id AND media.id = ANY(%s)
      AND ({", ".join(f"media.{column}" for column in COPIES)}) IS DISTINCT FROM ({SOURCES})
"""
KEEP_ENGAGEMENT = """
    UPDATE videos AS video
    SET public_view_count = stats.view_count, public_upvote_count = stats.upvote_count,
        public_comment_count = media.comment_count, public_completion_count = stats.finish_count,
        public_total_watch_time = stats.total_watch_time, moved_from_public_at = now(),
        public_locked_at = media.locked_at, public_locked_reason = media.locked_reason
    FROM public_media AS media JOIN media_stats AS stats ON stats.video_id = media.id
    WHERE media.id = video.id AND media.id = ANY(%s)
"""


def publish(ids: Iterable[int], *, category: str, by: User | None) -> Outcome:
    """Show videos in a category of the gallery; one that is public already moves there.

    Counters and a lock from an earlier stay come back. Raises `InvalidCategory`.
    """
    category = clean_category(category)
    ids = list(ids)
    with one_change_at_a_time():
        obstacles = {video.pk: obstacle(video) for video in Video.objects.filter(pk__in=distinct(ids)).only(*DECISIVE)}
        done = sorted(id for id, reason in obstacles.items() if not reason)
        first_time = list(Video.objects.filter(pk__in=done, stats=None).values_list("pk", flat=True))
        execute(PUBLISH, category, done)
        copy_to_stats(done)
        ledger.open_balances(ledger.among(first_time))
        note(done, f"Published in {category}.", by=by)
    return outcome(ids, done, otherwise=VIDEO_NOT_FOUND, reasons=obstacles)


def unpublish(ids: Iterable[int], *, by: User | None, reason: str = "") -> Outcome:
    """Take media out of the gallery; their counters and lock are kept with the video."""
    ids = list(ids)
    with one_change_at_a_time():
        done = hide(ids)
        note(done, f"Unpublished: {reason}" if reason else "Unpublished.", by=by)
    return outcome(ids, done, otherwise=MEDIA_NOT_FOUND)


def refresh(ids: Iterable[int]) -> int:
    """Bring the gallery's copies in step with videos that a scan has changed; returns how many media changed.

    A public video that has become invalid or private leaves the gallery, for visitors could no longer be
    served what they see; the log says so. One whose file is missing stays: the disk may be back tomorrow,
    and nobody would remember to publish it again.
    """
    ids = distinct(ids)
    with one_change_at_a_time():
        unfit = hide(Video.objects.filter(pk__in=ids).filter(UNFIT).values_list("pk", flat=True))
        changed = execute(REFRESH, ids)
        copy_to_stats(ids)
    if unfit:
        logger.warning("videos %s left the gallery: a scan found them invalid or private", unfit)
    return len(unfit) + changed


def obstacle(video: Video) -> str:
    """Why a video cannot be published, in a sentence; empty when it can."""
    if video.trashed_at:
        return "The video is in the trash"
    if video.directory_type == DirectoryType.PRIVATE:
        return "Private videos cannot be published"
    if not video.is_valid:
        return "The video is invalid"
    if video.missing_since:
        return "The video's file is missing"
    return ""


def hide(ids: Iterable[int]) -> list[int]:
    """Remove media from the gallery inside the caller's change, keeping their engagement; returns which were public."""
    hidden = hold_public(ids)
    hold_stats(hidden)
    hold_videos(hidden)  # after the hot counters, as a flush does
    execute(KEEP_ENGAGEMENT, hidden)
    PublicMedia.objects.filter(pk__in=hidden).delete()
    MediaStats.objects.filter(pk__in=hidden).update(is_public=False)
    return hidden
