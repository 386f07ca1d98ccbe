"""The only writers of comments. A comment, its status and its medium's counter change in one transaction.

A visitor's write first holds the medium's row: one lock decides whether the medium is open, keeps its counter and
its comments in step, and lets no comment in after the medium has been locked. Moderators hold the same rows, and
take turns with whoever publishes, because the counter of an unpublished medium waits with its video.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from django.contrib.auth.models import User
from django.db import connection, transaction
from django.db.models import F, Q
from django.db.models.functions import Now

from gallery.comments import LATEST_MOMENT, Commenter, CommentNotFound
from gallery.models import Comment, PublicMedia
from gallery.moderation import BY_A_MODERATOR, reason_to_hold
from gallery.services.changes import distinct, hold_open, hold_public, hold_videos, one_change_at_a_time, outcome
from media_library.audit import note_rows
from media_library.outcomes import Outcome

COMMENT_NOT_FOUND = "Comment not found"
REPEATED_WITHIN = timedelta(days=1)
BATCH = 1_000  # comments that one transaction moderates
VISIBLE, HELD, REMOVED, WITHDRAWN = Comment.Status.VISIBLE, Comment.Status.HELD, Comment.Status.REMOVED, Comment.Status.WITHDRAWN
STANDS = {
    VISIBLE: "It is visible already",
    HELD: "It is held already",
    REMOVED: "It was removed",
    WITHDRAWN: "Its author has deleted it",
}

MOVE_COUNTS = """
    UPDATE public_media AS media SET comment_count = media.comment_count + moved.change
    FROM unnest(%s::bigint[], %s::bigint[]) AS moved (id, change) WHERE media.id = moved.id
"""
MOVE_KEPT_COUNTS = """
    UPDATE videos AS video SET public_comment_count = coalesce(video.public_comment_count, 0) + moved.change
    FROM unnest(%s::bigint[], %s::bigint[]) AS moved (id, change) WHERE video.id = moved.id
"""


class NotTheAuthor(Exception):
    """The comment is somebody else's."""


class AlreadyWritten(Exception):
    """The same author has written the same here, within a day."""


class OutsideTheVideo(ValueError):
    """The moment lies after the end of the video."""


def post_comment(
    media_id: int,
    author: Commenter,
    *,
    content: str,
    author_name: str = "",
    video_timestamp: int | None = None,
    parent_id: int | None = None,
) -> Comment:
    """Write a comment, which is visible at once or held for a moderator; `video_timestamp` in whole seconds.

    The author is a user or a session, not both. Raises `MediaNotFound`, `MediaLocked`, `OutsideTheVideo`,
    `CommentNotFound` (the parent) or `AlreadyWritten`.
    """
    with transaction.atomic():
        _one_comment_at_a_time(author)
        reason = reason_to_hold(content, author_name, author=author)
        medium = hold_open(media_id)
        if video_timestamp is not None and video_timestamp > _last_moment(medium):
            raise OutsideTheVideo
        if parent_id is not None and not Comment.objects.visible().filter(pk=parent_id, media=media_id).exists():
            raise CommentNotFound
        said = {"media_id": media_id, "parent_id": parent_id, "video_timestamp": video_timestamp, "content": content}
        if _is_repeated(author, said):
            raise AlreadyWritten
        comment = Comment.objects.create(
            **said,
            author_name=author_name,
            user_id=author.user_id,
            session_id=author.key,
            status=HELD if reason else VISIBLE,
            held_reason=reason,
        )
        if not reason:
            _count(media_id, 1)
    return comment


def withdraw_comment(comment_id: int, author: Commenter) -> None:
    """Delete one's own comment. Raises `CommentNotFound`, `NotTheAuthor`, `MediaNotFound` or `MediaLocked`."""
    with transaction.atomic():
        media_id = Comment.objects.filter(pk=comment_id).values_list("media_id", flat=True).first()
        if media_id is None:
            raise CommentNotFound
        hold_open(media_id)
        comment = Comment.objects.standing().filter(pk=comment_id).first()
        if comment is None or (comment.status == HELD and not author.wrote(comment)):
            raise CommentNotFound
        if not author.wrote(comment):
            raise NotTheAuthor
        Comment.objects.filter(pk=comment_id).update(status=WITHDRAWN)
        if comment.status == VISIBLE:
            _count(media_id, -1)


def approve_comments(ids: Iterable[int], *, by: User) -> Outcome:
    """Show held comments to everybody, and bring removed ones back."""
    return _in_batches(list(ids), to=VISIBLE, among=(HELD, REMOVED), message="Approved.", by=by)


def hold_comments(ids: Iterable[int], *, by: User) -> Outcome:
    """Hide visible comments until a moderator decides."""
    return _in_batches(list(ids), to=HELD, among=(VISIBLE,), message="Held.", by=by)


def remove_comments(ids: Iterable[int], *, by: User) -> Outcome:
    """Take comments away from everybody but moderators."""
    return _in_batches(list(ids), to=REMOVED, among=(VISIBLE, HELD), message="Removed.", by=by)


def remove_all_by_authors_of(ids: Iterable[int], *, by: User) -> Outcome:
    """Remove whatever the sessions and users that wrote these comments have written anywhere."""
    theirs = Comment.objects.standing().filter(authors_of(ids)).order_by("pk").values_list("pk", flat=True)
    return _in_batches(list(theirs), to=REMOVED, among=(VISIBLE, HELD), message="Removed with all of its author’s comments.", by=by)


def authors_of(ids: Iterable[int]) -> Q:
    """Finds all comments of whoever wrote these, also of users whose accounts are gone."""
    written = list(Comment.objects.filter(pk__in=distinct(ids)).values_list("user_id", "session_id"))
    users = {user for user, _ in written if user is not None}
    sessions = {session for user, session in written if user is None and session is not None}
    return Q(user_id__in=users) | Q(session_id__in=sessions)


def _one_comment_at_a_time(author: Commenter) -> None:
    """Let the author's other requests wait for this transaction, so that what it counts and compares holds."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"comments of {author.key}"])


def _last_moment(medium: PublicMedia) -> int:
    return LATEST_MOMENT if medium.duration_seconds is None else medium.duration_seconds


def _is_repeated(author: Commenter, said: Mapping[str, Any]) -> bool:
    lately = Comment.objects.filter(author.own, created_at__gt=Now() - REPEATED_WITHIN)
    return lately.filter(**said).exclude(status=WITHDRAWN).exists()


def _count(media_id: int, change: int) -> None:
    PublicMedia.objects.filter(pk=media_id).update(comment_count=F("comment_count") + change)


def _in_batches(ids: list[int], *, to: Comment.Status, among: Sequence[Comment.Status], message: str, by: User) -> Outcome:
    outcomes = [_change(ids[start : start + BATCH], to=to, among=among, message=message, by=by) for start in range(0, len(ids), BATCH)]
    return Outcome(
        done=tuple(pk for each in outcomes for pk in each.done),
        skipped={pk: reason for each in outcomes for pk, reason in each.skipped.items()},
    )


def _change(ids: list[int], *, to: Comment.Status, among: Sequence[Comment.Status], message: str, by: User) -> Outcome:
    """Give those of the comments that are `among` these states another one, their counters with it."""
    chosen = Comment.objects.filter(pk__in=distinct(ids))
    with one_change_at_a_time():
        public = hold_public(chosen.order_by().values_list("media_id", flat=True).distinct())  # visitors who write there wait
        comments = {comment.pk: comment for comment in chosen.order_by("pk")}
        changing = [comment for comment in comments.values() if comment.status in among]
        why = {"held_reason": BY_A_MODERATOR} if to == HELD else {}
        Comment.objects.filter(pk__in=[comment.pk for comment in changing]).update(status=to, **why)
        _move_counts(changing, to=to, public=set(public))
        note_rows(changing, message, by=by)
    reasons = {pk: STANDS[Comment.Status(comment.status)] for pk, comment in comments.items()}
    return outcome(ids, [comment.pk for comment in changing], otherwise=COMMENT_NOT_FOUND, reasons=reasons)


def _move_counts(changing: Iterable[Comment], *, to: Comment.Status, public: set[int]) -> None:
    """Count the comments that have become visible, or no longer are: of public media there, of others with their videos."""
    changes: Counter[int] = Counter()
    for comment in changing:
        changes[comment.media_id] += (to == VISIBLE) - (comment.status == VISIBLE)
    moved = {media_id: change for media_id, change in sorted(changes.items()) if change}
    shown = [media_id for media_id in moved if media_id in public]
    hidden = [media_id for media_id in moved if media_id not in public]
    hold_videos(hidden)
    for statement, media_ids in ((MOVE_COUNTS, shown), (MOVE_KEPT_COUNTS, hidden)):
        if media_ids:
            with connection.cursor() as cursor:
                cursor.execute(statement, [media_ids, [moved[media_id] for media_id in media_ids]])
