"""What the gallery shows: public media, their counters, and the votes of visitors."""

from __future__ import annotations

from django.conf import settings
from django.contrib.postgres.indexes import BrinIndex, GinIndex, OpClass
from django.db import models
from django.db.models import F, Q, Value
from django.db.models.functions import Coalesce, Concat, Now, Upper

from gallery.querysets import COMMENT_TEXT, CommentQuerySet, PublicMediaQuerySet, ShortGrams
from media_library.models import Orientation, Video


class PublicMedia(models.Model):
    """A published video, with its own copy of what lists filter, sort and show.

    `gallery.services` is the only writer. All counters but that of comments are hot and live in `MediaStats`.
    """

    video = models.OneToOneField(Video, primary_key=True, db_column="id", on_delete=models.PROTECT, related_name="public")
    filename = models.TextField()
    category = models.TextField(help_text="lower-case slug")
    path = models.GeneratedField(
        expression=Concat(
            Value("/public/", output_field=models.TextField()), F("category"), Value("/", output_field=models.TextField()), F("filename")
        ),
        output_field=models.TextField(),
        db_persist=True,
        help_text="as visitors see it; says nothing of the disk",
    )
    title = models.TextField(null=True, blank=True)
    duration_seconds = models.IntegerField(null=True, blank=True)
    quality = models.TextField(null=True, blank=True)
    orientation = models.TextField(null=True, blank=True, choices=Orientation)
    width = models.IntegerField(null=True, blank=True)
    height = models.IntegerField(null=True, blank=True)
    thumbnail_path = models.TextField(null=True, blank=True, help_text="URL path: /thumbnails/<id>-<hash>.webp")
    file_size = models.BigIntegerField(null=True, blank=True)
    comment_count = models.BigIntegerField(db_default=0, default=0)
    search_text = models.GeneratedField(
        expression=Upper(
            Concat(
                Value("/public/", output_field=models.TextField()),
                F("category"),
                Value("/", output_field=models.TextField()),
                F("filename"),
                Value("\n", output_field=models.TextField()),
                Coalesce(F("title"), Value("", output_field=models.TextField())),
            )
        ),
        output_field=models.TextField(),
        db_persist=True,
        help_text="what a search looks through, in upper case: path and title",
    )
    is_locked = models.BooleanField(db_default=False, default=False)
    locked_at = models.DateTimeField(null=True, blank=True)
    locked_reason = models.TextField(null=True, blank=True)
    created_at = models.DateTimeField(db_default=Now())
    updated_at = models.DateTimeField(db_default=Now())

    objects = PublicMediaQuerySet.as_manager()

    class Meta:
        db_table = "public_media"
        verbose_name = "public media"
        verbose_name_plural = "shared media"
        ordering = ("-created_at", "-video_id")
        indexes = (
            # Each carries the orientation, so that a page of one orientation too is found in the index alone.
            models.Index(
                "category",
                F("created_at").desc(),
                F("video").desc(),
                name="idx_public_media_category",
                condition=Q(is_locked=False),
                include=["orientation"],
            ),
            models.Index(
                "orientation", F("created_at").desc(), F("video").desc(), name="idx_public_media_orientation", condition=Q(is_locked=False)
            ),
            models.Index(F("created_at").desc(), F("video").desc(), name="idx_public_media_recent", condition=Q(is_locked=False)),
            models.Index(fields=["is_locked"], name="idx_public_media_locked", condition=Q(is_locked=True)),
            GinIndex(fields=["search_text"], name="idx_public_media_search", opclasses=["gin_trgm_ops"]),
            GinIndex(ShortGrams("search_text"), name="idx_public_media_short_grams"),
        )
        constraints = (
            models.CheckConstraint(condition=Q(comment_count__gte=0), name="public_media_counts_not_negative"),
            models.CheckConstraint(condition=Q(category__regex=r"^[a-z0-9-]{1,64}$"), name="public_media_category_is_slug"),
            models.CheckConstraint(condition=Q(is_locked=False) | Q(locked_at__isnull=False), name="public_media_lock_has_time"),
        )

    def __str__(self) -> str:
        return self.title or self.filename


class MediaStats(models.Model):
    """The hot counters of a video that is or was public; narrow, because each vote and thousands of views a second write here.

    Every public medium has its row. `category`, `orientation`, `is_locked` and `created_at` copy the medium's, for the
    orders by views and votes; `is_public` is false after unpublishing, and the counters stay. The database checks here that
    a vote, a session, a day and a part of a retention curve are of a video, for whoever writes one is here anyway.
    """

    video = models.OneToOneField(Video, primary_key=True, on_delete=models.PROTECT, related_name="stats")
    category = models.TextField()
    orientation = models.TextField(null=True, blank=True)
    is_public = models.BooleanField(db_default=True, default=True)
    is_locked = models.BooleanField(db_default=False, default=False)
    created_at = models.DateTimeField(db_default=Now())
    view_count = models.BigIntegerField(db_default=0, default=0)
    unique_view_count = models.BigIntegerField(db_default=0, default=0)
    upvote_count = models.BigIntegerField(db_default=0, default=0)
    finish_count = models.BigIntegerField(db_default=0, default=0)
    total_watch_time = models.BigIntegerField(db_default=0, default=0, help_text="seconds")

    class Meta:
        db_table = "media_stats"
        indexes = (
            models.Index(
                F("view_count").desc(),
                F("created_at").desc(),
                F("video").desc(),
                name="idx_public_media_views",
                condition=Q(is_public=True, is_locked=False),
                include=["orientation"],
            ),
            models.Index(
                "category",
                F("view_count").desc(),
                F("created_at").desc(),
                F("video").desc(),
                name="idx_public_media_category_views",
                condition=Q(is_public=True, is_locked=False),
                include=["orientation"],
            ),
            models.Index(
                F("upvote_count").desc(),
                F("created_at").desc(),
                F("video").desc(),
                name="idx_public_media_upvotes",
                condition=Q(is_public=True, is_locked=False),
                include=["orientation"],
            ),
            models.Index(
                "category",
                F("upvote_count").desc(),
                F("created_at").desc(),
                F("video").desc(),
                name="idx_public_media_category_upvotes",
                condition=Q(is_public=True, is_locked=False),
                include=["orientation"],
            ),
        )
        constraints = (
            models.CheckConstraint(
                condition=Q(view_count__gte=0, unique_view_count__gte=0, upvote_count__gte=0, finish_count__gte=0, total_watch_time__gte=0),
                name="media_stats_not_negative",
            ),
        )

    def __str__(self) -> str:
        return f"{self.view_count} views of {self.video_id}"


class DayCounts(models.Model):
    """What one day (UTC) brought. Votes are those given less those taken back, so a day may have fewer than none."""

    day = models.DateField(help_text="UTC")
    view_count = models.BigIntegerField(db_default=0, default=0)
    unique_view_count = models.BigIntegerField(db_default=0, default=0)
    upvote_count = models.BigIntegerField(db_default=0, default=0)
    finish_count = models.BigIntegerField(db_default=0, default=0)
    total_watch_time = models.BigIntegerField(db_default=0, default=0, help_text="seconds")

    class Meta:
        abstract = True


class MediaDay(DayCounts):
    """One day of one video: what its hot counters are reconciled from, and its chart drawn."""

    video = models.ForeignKey(Video, on_delete=models.PROTECT, db_index=False, db_constraint=False, related_name="days")

    class Meta:
        db_table = "media_days"
        # Rows come in the order of days, so a range of days is a range of pages; a flush pays next to nothing for it.
        indexes = (BrinIndex(fields=["day"], name="idx_media_days_day", pages_per_range=32, autosummarize=True),)
        constraints = (models.UniqueConstraint(fields=["video", "day"], name="media_days_unique"),)

    def __str__(self) -> str:
        return f"{self.video_id} on {self.day}"


class GalleryDay(DayCounts):
    """One day of the whole gallery, written by the same flush, so that its chart adds up nothing."""

    class Meta:
        db_table = "gallery_days"
        constraints = (models.UniqueConstraint(fields=["day"], name="gallery_days_unique"),)

    def __str__(self) -> str:
        return f"the gallery on {self.day}"


class OpeningBalance(models.Model):
    """What the counters of a video stood at when its rows and days began to be kept: nothing, but for what came from elsewhere.

    A counter is its opening balance and what `gallery.ledger` adds up. Written when a video is published for the first
    time; `reconcile` writes it for rows that came into the database another way.
    """

    video = models.OneToOneField(Video, primary_key=True, on_delete=models.PROTECT, related_name="opening_balance")
    view_count = models.BigIntegerField(db_default=0, default=0)
    unique_view_count = models.BigIntegerField(db_default=0, default=0)
    upvote_count = models.BigIntegerField(db_default=0, default=0)
    comment_count = models.BigIntegerField(db_default=0, default=0)
    finish_count = models.BigIntegerField(db_default=0, default=0)
    total_watch_time = models.BigIntegerField(db_default=0, default=0, help_text="seconds")

    class Meta:
        db_table = "opening_balances"

    def __str__(self) -> str:
        return f"opening balance of {self.video_id}"


class DriftReport(models.Model):
    """What one reconciliation has found and corrected."""

    started_at = models.DateTimeField()
    finished_at = models.DateTimeField()
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    media_count = models.BigIntegerField(help_text="media whose counters were looked at")
    opened_count = models.BigIntegerField(default=0, help_text="media whose opening balance was written")
    drifts = models.JSONField(default=list, help_text="[{counter, count, examples: [{of, kept, true}]}]")

    class Meta:
        db_table = "drift_reports"
        ordering = ("-started_at", "-id")
        indexes = (models.Index(F("started_at").desc(), F("id").desc(), name="idx_drift_reports_recent"),)

    def __str__(self) -> str:
        return f"Recount of {self.started_at:%Y-%m-%d %H:%M}"

    @property
    def drift_count(self) -> int:
        """How many counters were wrong."""
        return sum(drift["count"] for drift in self.drifts)


class RetentionBucket(models.Model):
    """How many reported stretches of watching covered one of at most 200 equal parts of a video."""

    video = models.ForeignKey(Video, on_delete=models.PROTECT, db_index=False, db_constraint=False, related_name="retention")
    bucket = models.SmallIntegerField(help_text="0 to 199, from the start")
    count = models.BigIntegerField(db_default=0, default=0)

    class Meta:
        db_table = "retention_buckets"
        constraints = (
            models.UniqueConstraint(fields=["video", "bucket"], name="retention_buckets_unique"),
            models.CheckConstraint(condition=Q(bucket__gte=0, bucket__lt=200), name="retention_buckets_at_most_200"),
        )

    def __str__(self) -> str:
        return f"{self.count} in part {self.bucket} of {self.video_id}"


class WatchSession(models.Model):
    """What one visitor's session has watched of one video: bounds its reports, and lets it finish once."""

    media = models.ForeignKey(Video, on_delete=models.PROTECT, db_index=False, db_constraint=False, related_name="watch_sessions")
    session_id = models.TextField(help_text="keyed hash of the visitor's session")
    watched = models.BigIntegerField(db_default=0, default=0, help_text="seconds that counted")
    reported_at = models.DateTimeField(null=True, blank=True, help_text="of the last report of watch time")
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "watch_sessions"
        constraints = (
            models.UniqueConstraint(fields=["media", "session_id"], name="watch_sessions_unique"),
            models.CheckConstraint(condition=Q(watched__gte=0), name="watch_sessions_not_negative"),
        )

    def __str__(self) -> str:
        return f"{self.watched} s of {self.media_id}"


class FlushedBatch(models.Model):
    """A batch of buffered views that the database has already counted; a batch counts exactly once."""

    id = models.UUIDField(primary_key=True)
    flushed_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "flushed_batches"
        indexes = (models.Index(fields=["flushed_at"], name="idx_flushed_batches_age"),)

    def __str__(self) -> str:
        return str(self.id)


class MediaTotal(models.Model):
    """How many unlocked media each category and orientation has, kept by statement triggers on `public_media`."""

    category = models.TextField()
    orientation = models.TextField(help_text="empty where unknown")
    count = models.BigIntegerField(db_default=0)

    class Meta:
        db_table = "media_totals"
        constraints = (
            models.UniqueConstraint(fields=["category", "orientation"], name="media_totals_unique"),
            models.CheckConstraint(condition=Q(count__gte=0), name="media_totals_not_negative"),
        )

    def __str__(self) -> str:
        return f"{self.count} in {self.category}"


class Upvote(models.Model):
    """One vote of one session for one video; the counter moves in the same transaction."""

    media = models.ForeignKey(Video, on_delete=models.PROTECT, db_index=False, db_constraint=False, related_name="upvotes")
    session_id = models.TextField(help_text="keyed hash of the visitor's session")
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "upvotes"
        indexes = (models.Index(fields=["media"], name="idx_upvotes_media"),)
        constraints = (models.UniqueConstraint(fields=["media", "session_id"], name="idx_upvotes_unique"),)

    def __str__(self) -> str:
        return f"vote for {self.media_id}"


class Comment(models.Model):
    """What somebody wrote below a video, as plain text; the counter moves in the transaction that changes `status`.

    visible <-> held (a moderator looks at it first); either -> removed (shown to nobody, kept for the admin) -> visible;
    visible or held -> withdrawn (its author has deleted it, for good)
    """

    class Status(models.TextChoices):
        VISIBLE = "visible", "Visible"
        HELD = "held", "Held"
        REMOVED = "removed", "Removed"
        WITHDRAWN = "withdrawn", "Withdrawn"

    media = models.ForeignKey(Video, on_delete=models.PROTECT, db_index=False, related_name="comments")
    parent = models.ForeignKey("self", null=True, blank=True, on_delete=models.PROTECT, related_name="replies")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, db_index=False, on_delete=models.SET_NULL, related_name="comments"
    )
    session_id = models.TextField(null=True, blank=True, help_text="keyed hash of the visitor's session, or of the user")
    author_name = models.TextField(default="", blank=True)
    content = models.TextField(help_text="plain text, as typed")
    video_timestamp = models.IntegerField(null=True, blank=True, help_text="whole seconds from the start")
    status = models.TextField(choices=Status, default=Status.VISIBLE, db_default=Status.VISIBLE)
    held_reason = models.TextField(default="", blank=True, help_text="why a moderator has to look, for a person")
    created_at = models.DateTimeField(db_default=Now())

    objects = CommentQuerySet.as_manager()

    class Meta:
        db_table = "comments"
        ordering = ("-created_at", "-id")
        indexes = (
            models.Index("media", F("created_at").desc(), F("id").desc(), name="idx_comments_media", condition=Q(status="visible")),
            models.Index(
                fields=["media", "video_timestamp", "id"],
                name="idx_comments_media_moment",
                condition=Q(status="visible", video_timestamp__isnull=False),
            ),
            models.Index(F("created_at").desc(), F("id").desc(), name="idx_comments_recent"),
            models.Index(F("created_at"), F("id"), name="idx_comments_held", condition=Q(status="held")),
            models.Index(F("created_at"), F("id"), name="idx_comments_gone", condition=Q(status__in=["removed", "withdrawn"])),
            models.Index("media", F("created_at").desc(), F("id").desc(), name="idx_comments_media_held", condition=Q(status="held")),
            models.Index("session_id", F("created_at").desc(), name="idx_comments_session", condition=Q(session_id__isnull=False)),
            models.Index("user", F("created_at").desc(), name="idx_comments_user", condition=Q(user__isnull=False)),
            GinIndex(OpClass(COMMENT_TEXT, name="gin_trgm_ops"), name="idx_comments_search"),
        )
        constraints = (
            models.CheckConstraint(condition=Q(status__in=["visible", "held", "removed", "withdrawn"]), name="comments_status_is_known"),
            models.CheckConstraint(
                condition=Q(video_timestamp__isnull=True) | Q(video_timestamp__gte=0), name="comments_timestamp_not_negative"
            ),
        )

    def __str__(self) -> str:
        return self.content[:60]


class WatchedWord(models.Model):
    """A word that holds a comment for a moderator; compared without case, as a whole word."""

    word = models.TextField()
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "watched_words"
        ordering = ("word",)
        constraints = (
            models.UniqueConstraint(Upper("word"), name="watched_words_unique", violation_error_message="This word is watched already."),
        )

    def __str__(self) -> str:
        return self.word
