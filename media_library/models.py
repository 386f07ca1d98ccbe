"""The library's own rows: videos, the root they lie under, what scans found, and files that moved."""

from __future__ import annotations

import uuid
from pathlib import Path

from django.conf import settings
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import F, Q, Value
from django.db.models.functions import Coalesce, Concat, Left, Now, Upper

from media_library.paths import decode_path, shown
from media_library.querysets import SORT_DURATION, SORT_SIZE, SORT_TITLE, VideoQuerySet
from media_library.uploads.querysets import UploadQuerySet


class DirectoryType(models.TextChoices):
    STUDIOS = "studios", "Studios"
    GIFS = "gifs", "GIFs"
    PRIVATE = "private", "Private"
    INBOX = "inbox", "Inbox"
    CURATED = "curated", "Curated"
    PLAYBACK = "playback", "Playback"
    COMPILATIONS = "compilations", "Compilations"
    VIDEOS = "videos", "Videos"
    HIGHLIGHTS = "highlights", "Highlights"


class Orientation(models.TextChoices):
    LANDSCAPE = "landscape", "Landscape"
    PORTRAIT = "portrait", "Portrait"
    SQUARE = "square", "Square"


class Quality(models.TextChoices):
    UHD = "4K", "4K"
    QHD = "1440p", "1440p"
    FULL_HD = "1080p", "1080p"
    HD = "720p", "720p"
    P480 = "480p", "480p"
    P360 = "360p", "360p"
    SD = "SD", "SD"


class Video(models.Model):
    """A source file of the library, known by its content.

    `path` is relative to the library root, POSIX separators, as `paths.encode_path` writes it
    (bytes that are no UTF-8 survive). A row is never deleted: a file that is gone sets `missing_since`,
    a trashed one `trashed_at`, a refused one `is_valid=False` with its `invalid_reason`.
    """

    path = models.TextField(db_collation="C", help_text="relative to the library root")
    filename = models.TextField()
    producer = models.TextField(null=True, blank=True)
    creator = models.TextField(null=True, blank=True)
    title = models.TextField(null=True, blank=True)
    duration_seconds = models.IntegerField(null=True, blank=True, help_text="whole seconds")
    quality = models.TextField(null=True, blank=True, choices=Quality)
    orientation = models.TextField(null=True, blank=True, choices=Orientation)
    has_audio = models.BooleanField(null=True, db_default=True)
    file_size = models.BigIntegerField(null=True, blank=True, help_text="bytes")
    file_hash = models.TextField(null=True, blank=True, help_text="SHA-256, hexadecimal; empty until the background has hashed the file")
    width = models.IntegerField(null=True, blank=True, help_text="pixels as shown, after rotation")
    height = models.IntegerField(null=True, blank=True, help_text="pixels as shown, after rotation")
    last_validated = models.DateTimeField(null=True, blank=True)
    is_valid = models.BooleanField(db_default=True, default=True)
    thumbnail_path = models.TextField(null=True, blank=True, help_text="poster, relative to the thumbnail store: ab/cd/<hash>.webp")
    created_at = models.DateTimeField(db_default=Now())
    updated_at = models.DateTimeField(db_default=Now())
    tags = models.JSONField(default=list, db_default=Value([], models.JSONField()), blank=True)
    directory_type = models.TextField(null=True, blank=True, choices=DirectoryType)

    # Engagement as it stood when the video left the gallery; publishing again restores it.
    public_view_count = models.BigIntegerField(null=True, blank=True)
    public_upvote_count = models.BigIntegerField(null=True, blank=True)
    public_comment_count = models.BigIntegerField(null=True, blank=True)
    public_completion_count = models.BigIntegerField(null=True, blank=True)
    public_total_watch_time = models.BigIntegerField(null=True, blank=True, help_text="seconds")
    moved_from_public_at = models.DateTimeField(null=True, blank=True)
    public_locked_at = models.DateTimeField(null=True, blank=True, help_text="a lock survives unpublishing")
    public_locked_reason = models.TextField(null=True, blank=True)

    original_filename = models.TextField(null=True, blank=True)
    original_path = models.TextField(null=True, blank=True)
    standardized_at = models.DateTimeField(null=True, blank=True)

    oshash = models.TextField(null=True, blank=True, help_text="64-bit content hash of size and first and last 64 KiB, hexadecimal")
    file_mtime_ns = models.BigIntegerField(null=True, blank=True, help_text="nanoseconds since the epoch")
    absent_at = models.DateTimeField(null=True, blank=True, help_text="first scan that did not find the file")
    missing_since = models.DateTimeField(null=True, blank=True, help_text="set when a second scan did not find it either")
    invalid_reason = models.TextField(db_default="", default="", blank=True)
    trashed_at = models.DateTimeField(null=True, blank=True)
    video_codec = models.TextField(null=True, blank=True)
    audio_codec = models.TextField(null=True, blank=True)
    frame_rate = models.TextField(null=True, blank=True, help_text="frames a second as a fraction: 30000/1001")
    bit_rate = models.BigIntegerField(null=True, blank=True, help_text="bits a second")
    is_faststart = models.BooleanField(null=True, blank=True, help_text="MP4: the index stands before the media data")
    perceptual_hash = models.BigIntegerField(null=True, blank=True)

    # Short enough for an index to carry, whatever is written: 200 characters of a title, 255 of a filename.
    search_text = models.GeneratedField(
        expression=Upper(
            Concat(
                Left(Coalesce(F("title"), Value("", output_field=models.TextField())), 200, output_field=models.TextField()),
                Value("\n", output_field=models.TextField()),
                Left("filename", 255, output_field=models.TextField()),
            )
        ),
        output_field=models.TextField(),
        db_persist=True,
        help_text="what a search looks through, in upper case: title and filename",
    )

    objects = VideoQuerySet.as_manager()

    class Meta:
        db_table = "videos"
        ordering = ("-created_at", "-id")
        indexes = (
            models.Index(fields=["orientation"], name="idx_orientation"),
            models.Index(fields=["producer"], name="idx_producer"),
            models.Index(fields=["is_valid"], name="idx_is_valid"),
            models.Index(fields=["directory_type"], name="idx_directory_type"),
            models.Index(fields=["duration_seconds", "file_size", "width", "height"], name="idx_videos_fingerprint"),
            models.Index(fields=["directory_type", "is_valid", "orientation"], name="idx_videos_directory_valid_orientation"),
            models.Index(
                F("created_at").desc(),
                F("id").desc(),
                name="idx_videos_recent",
                # What lists filter by, so that a deep page and a search without trigrams are found in the index alone.
                include=["search_text", "directory_type", "orientation", "quality", "is_valid", "trashed_at"],
            ),
            models.Index(fields=["quality"], name="idx_videos_quality"),
            models.Index(fields=["trashed_at"], name="idx_videos_trashed", condition=Q(trashed_at__isnull=False)),
            models.Index(fields=["oshash"], name="idx_videos_oshash"),
            models.Index(fields=["file_hash"], name="idx_videos_file_hash", condition=Q(file_hash__isnull=False)),
            models.Index(fields=["missing_since"], name="idx_videos_missing", condition=Q(missing_since__isnull=False)),
            models.Index(SORT_TITLE, "id", name="idx_videos_title"),
            models.Index(SORT_DURATION.desc(), F("id").desc(), name="idx_videos_duration"),
            models.Index(SORT_SIZE.desc(), F("id").desc(), name="idx_videos_size"),
            GinIndex(fields=["search_text"], name="idx_videos_search", opclasses=["gin_trgm_ops"]),
            GinIndex(fields=["tags"], name="idx_videos_tags", opclasses=["jsonb_path_ops"]),
        )
        constraints = (
            # Not unique=True: that adds an index for LIKE, which a column in byte order does not need.
            models.UniqueConstraint(fields=["path"], name="videos_path_unique"),
            models.CheckConstraint(condition=~Q(path="") & ~Q(path__startswith="/"), name="videos_path_is_relative"),
            models.CheckConstraint(condition=Q(file_size__isnull=True) | Q(file_size__gte=0), name="videos_file_size_not_negative"),
            models.CheckConstraint(
                condition=Q(duration_seconds__isnull=True) | Q(duration_seconds__gte=0), name="videos_duration_not_negative"
            ),
            models.CheckConstraint(
                condition=(Q(width__isnull=True) | Q(width__gt=0)) & (Q(height__isnull=True) | Q(height__gt=0)),
                name="videos_size_is_positive",
            ),
            models.CheckConstraint(
                condition=Q(directory_type__isnull=True) | Q(directory_type__in=DirectoryType.values), name="videos_directory_type_is_known"
            ),
            models.CheckConstraint(
                condition=Q(orientation__isnull=True) | Q(orientation__in=Orientation.values), name="videos_orientation_is_known"
            ),
        )

    def __str__(self) -> str:
        return self.title or shown(self.filename)

    @property
    def absolute_path(self) -> Path:
        """Where the file lies on this machine; nobody has checked that it is there."""
        return Path(settings.LIBRARY_ROOT) / decode_path(self.path)


class VideoTotal(models.Model):
    """How many videos there are of each kind, kept by statement triggers, so that no list counts a million rows."""

    directory_type = models.TextField()
    orientation = models.TextField()
    quality = models.TextField()
    is_valid = models.BooleanField()
    is_missing = models.BooleanField()
    is_trashed = models.BooleanField()
    count = models.BigIntegerField(db_default=0)

    class Meta:
        db_table = "video_totals"
        constraints = (
            models.UniqueConstraint(
                fields=["directory_type", "orientation", "quality", "is_valid", "is_missing", "is_trashed"], name="video_totals_unique"
            ),
            models.CheckConstraint(condition=Q(count__gte=0), name="video_totals_not_negative"),
        )

    def __str__(self) -> str:
        return f"{self.count} {self.directory_type} {self.orientation} {self.quality}"


class LibraryRoot(models.Model):
    """The one folder that is scanned, and how to know it again: its `.library-id`, else device and inode."""

    path = models.TextField(help_text="absolute, as of the last scan")
    identity = models.UUIDField(unique=True, default=uuid.uuid4)
    has_marker = models.BooleanField(default=False, help_text="the root carries its identity in .library-id")
    device = models.BigIntegerField(null=True)
    inode = models.BigIntegerField(null=True)
    registered_at = models.DateTimeField(db_default=Now())
    last_scanned_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "library_roots"

    def __str__(self) -> str:
        return self.path


class ScanReport(models.Model):
    """What one scan did.

    running -> completed | refused (a guard stopped it, see `reason`) | failed | interrupted (its process died)
    """

    class Status(models.TextChoices):
        RUNNING = "running", "Running"
        COMPLETED = "completed", "Completed"
        REFUSED = "refused", "Refused"
        FAILED = "failed", "Failed"
        INTERRUPTED = "interrupted", "Interrupted"

    root = models.ForeignKey(LibraryRoot, on_delete=models.PROTECT, related_name="reports")
    status = models.TextField(choices=Status, default=Status.RUNNING)
    reason = models.TextField(default="", blank=True, help_text="why it was refused or failed, for a person")
    scope = models.TextField(default="", blank=True, help_text="the part that was scanned, relative to the root; empty: all of it")
    started_at = models.DateTimeField(db_default=Now())
    finished_at = models.DateTimeField(null=True, blank=True)
    seen_count = models.BigIntegerField(default=0)
    unchanged_count = models.BigIntegerField(default=0)
    new_count = models.BigIntegerField(default=0)
    moved_count = models.BigIntegerField(default=0)
    changed_count = models.BigIntegerField(default=0)
    returned_count = models.BigIntegerField(default=0, help_text="were missing and are back")
    missing_count = models.BigIntegerField(default=0)
    duplicate_count = models.BigIntegerField(default=0)
    unsettled_count = models.BigIntegerField(default=0, help_text="still being written; the next scan takes them")
    skipped_count = models.BigIntegerField(default=0, help_text="symbolic links, pipes, devices and other non-files")
    failed_count = models.BigIntegerField(default=0)
    files_per_second = models.FloatField(default=0)
    findings = models.JSONField(default=list, blank=True, help_text="[{kind, path, detail}], at most 1,000 of each kind")

    class Meta:
        db_table = "scan_reports"
        ordering = ("-started_at", "-id")
        indexes = (models.Index(fields=["-started_at", "-id"], name="idx_scan_reports_recent"),)
        constraints = (models.UniqueConstraint(fields=["root"], condition=Q(status="running"), name="scan_reports_one_running_per_root"),)

    def __str__(self) -> str:
        return f"Scan of {self.started_at:%Y-%m-%d %H:%M}"


class FileMove(models.Model):
    """The intent to move a file, written before the move, so that a crash between disk and database can be repaired.

    intended -> done | undone
    """

    class Purpose(models.TextChoices):
        TRASH = "trash", "Into the trash"
        RESTORE = "restore", "Out of the trash"
        ORGANIZE = "organize", "Into its place"
        UNDO = "undo", "Back out of it"

    class State(models.TextChoices):
        INTENDED = "intended", "Intended"
        DONE = "done", "Done"
        UNDONE = "undone", "Undone"

    video = models.ForeignKey(Video, on_delete=models.PROTECT, related_name="moves")
    source = models.TextField(help_text="relative to the library root")
    target = models.TextField(help_text="relative to the library root")
    purpose = models.TextField(choices=Purpose)
    state = models.TextField(choices=State, default=State.INTENDED)
    requested_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL)
    job_id = models.BigIntegerField(null=True, blank=True, help_text="the job that moves it")
    created_at = models.DateTimeField(db_default=Now())
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "file_moves"
        indexes = (models.Index(fields=["job_id", "id"], name="idx_file_moves_job", condition=Q(job_id__isnull=False)),)
        constraints = (models.UniqueConstraint(fields=["video"], condition=Q(state="intended"), name="file_moves_one_open_per_video"),)

    def __str__(self) -> str:
        return f"{self.source} → {self.target}"


class Upload(models.Model):
    """A video that is on its way into the inbox; what has come of it lies in its part (`uploads.parts`).

    receiving -> finished (it is in the inbox) | refused (it is no video, see `reason`)

    The row is deleted when somebody terminates the upload, or once it has expired. Of several requests that would write to
    the part at once one holds the row, by `writer` and until `held_until`.
    """

    class Status(models.TextChoices):
        RECEIVING = "receiving", "Receiving"
        FINISHED = "finished", "Finished"
        REFUSED = "refused", "Refused"

    filename = models.TextField(help_text="what it is to be called in the inbox")
    metadata = models.TextField(default="", blank=True, help_text="Upload-Metadata, as it came")
    length = models.BigIntegerField(help_text="bytes")
    offset = models.BigIntegerField(default=0, help_text="bytes that are on the disk for certain")
    status = models.TextField(choices=Status, default=Status.RECEIVING)
    reason = models.TextField(default="", blank=True, help_text="why it was refused, for a person")
    path = models.TextField(default="", blank=True, help_text="where it is, or is just being moved, relative to the library root")
    inode = models.BigIntegerField(null=True, blank=True, help_text="of the file that is moved there")
    job_id = models.BigIntegerField(null=True, blank=True, help_text="the job that scans the inbox for it")
    writer = models.UUIDField(null=True, blank=True, help_text="the request that holds it")
    held_until = models.DateTimeField(null=True, blank=True)
    uploaded_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="uploads")
    created_at = models.DateTimeField(db_default=Now())
    expires_at = models.DateTimeField(help_text="when it is forgotten, unless more of it has come")

    objects = UploadQuerySet.as_manager()

    class Meta:
        db_table = "uploads"
        ordering = ("-id",)
        constraints = (
            models.CheckConstraint(condition=Q(offset__gte=0, offset__lte=F("length")), name="uploads_offset_within_length"),
            models.CheckConstraint(condition=~Q(status="finished") | ~Q(path=""), name="uploads_finished_has_path"),
        )

    def __str__(self) -> str:
        return self.filename

    @property
    def is_whole(self) -> bool:
        return self.offset == self.length


class Preview(models.Model):
    """What shows a video before it is played: a sprite, whose tiles stand for its bar, and some seconds for its card.

    Its files are relative to the thumbnail store. It counts while the video's file is the one that it was made from.
    """

    video = models.OneToOneField(Video, on_delete=models.CASCADE, primary_key=True, related_name="preview")
    sprite_path = models.TextField(null=True, blank=True, help_text="WebP of 9 × 9 tiles; empty: nobody knows how long the video is")
    tile_width = models.PositiveIntegerField(null=True, blank=True, help_text="pixels")
    tile_height = models.PositiveIntegerField(null=True, blank=True, help_text="pixels")
    duration = models.FloatField(null=True, blank=True, help_text="seconds that the tiles stand for, all together")
    hover_path = models.TextField(null=True, blank=True, help_text="MP4 without sound")
    poster_at = models.FloatField(null=True, blank=True, help_text="seconds; the moment that somebody chose for the poster")
    source_size = models.BigIntegerField(null=True, help_text="bytes of the file that it was made from")
    source_mtime_ns = models.BigIntegerField(null=True, help_text="nanoseconds since the epoch")
    made_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "previews"
        constraints = (
            models.CheckConstraint(
                condition=Q(sprite_path=None) | Q(tile_width__gt=0, tile_height__gt=0, duration__gt=0), name="previews_sprite_has_tiles"
            ),
        )

    def __str__(self) -> str:
        return f"Preview of {self.video_id}"


class Digest(models.Model):
    """What one look through all of a video has found: where its scenes begin and, of a full digest, how it moves and sounds.

    Its contact sheet, relative to the thumbnail store, has a tile for each of `keyframes`, in rows of ten. Both count while the
    video's file is the one that they were made from.
    """

    video = models.OneToOneField(Video, on_delete=models.CASCADE, primary_key=True, related_name="digest")
    duration = models.FloatField(help_text="seconds that its pictures stand for")
    curves = models.JSONField(
        null=True, blank=True, help_text="hop (seconds), motion and loudness (0 to 1, one each hop); empty: no digest"
    )
    keyframes = models.JSONField(default=list, blank=True, help_text="the picture that stands for a scene: its time and features")
    sheet_path = models.TextField(null=True, blank=True, help_text="WebP of tiles")
    tile_width = models.PositiveIntegerField(null=True, blank=True, help_text="pixels")
    tile_height = models.PositiveIntegerField(null=True, blank=True, help_text="pixels")
    source_size = models.BigIntegerField(null=True, help_text="bytes of the file that it was made from")
    source_mtime_ns = models.BigIntegerField(null=True, help_text="nanoseconds since the epoch")
    made_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "digests"
        constraints = (
            models.CheckConstraint(condition=Q(sheet_path=None) | Q(tile_width__gt=0, tile_height__gt=0), name="digests_sheet_has_tiles"),
        )

    def __str__(self) -> str:
        return f"Digest of {self.video_id}"


class Scene(models.Model):
    """A stretch of a video between two cuts or fades; it counts as long as the video's digest."""

    video = models.ForeignKey(Video, on_delete=models.CASCADE, related_name="scenes")
    order = models.PositiveIntegerField(help_text="place among the video's scenes, from 0")
    start = models.FloatField(help_text="seconds")
    end = models.FloatField(help_text="seconds")

    class Meta:
        db_table = "scenes"
        ordering = ("video_id", "order")
        constraints = (
            models.UniqueConstraint(fields=["video", "order"], name="scenes_order_unique"),
            models.CheckConstraint(condition=Q(start__gte=0, end__gt=F("start")), name="scenes_end_after_start"),
        )

    def __str__(self) -> str:
        return f"Scene {self.order + 1} of {self.video_id}"


class Compilation(models.Model):
    """A join of cuts of several videos, with what it was made from."""

    filename = models.TextField()
    path = models.TextField(null=True, blank=True)
    duration_seconds = models.IntegerField(null=True, blank=True)
    video_ids = models.JSONField(default=list, blank=True)
    settings = models.JSONField(default=dict, blank=True, help_text="layout, transitions and other parameters")
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "compilations"

    def __str__(self) -> str:
        return self.filename


class Derivation(models.Model):
    """That a video was made from a stretch of another one; a video made from several stretches has as many, in order."""

    derived = models.ForeignKey(Video, on_delete=models.CASCADE, related_name="made_from")
    source = models.ForeignKey(Video, on_delete=models.CASCADE, related_name="used_in")
    in_point = models.FloatField(null=True, blank=True, help_text="seconds of the source; empty: from its start")
    out_point = models.FloatField(null=True, blank=True, help_text="seconds of the source; empty: to its end")
    order = models.PositiveIntegerField(help_text="place among the stretches, from 0")
    job_id = models.BigIntegerField(null=True, blank=True, help_text="the job that made it")
    job_type = models.TextField(default="", blank=True)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "derivations"
        ordering = ("derived_id", "order")
        constraints = (
            models.UniqueConstraint(fields=["derived", "order"], name="derivations_order_unique"),
            models.CheckConstraint(
                condition=Q(in_point__isnull=True) | Q(out_point__isnull=True) | Q(out_point__gte=F("in_point")),
                name="derivations_out_after_in",
            ),
        )

    def __str__(self) -> str:
        return f"{self.derived} from {self.source}"


class Rendition(models.Model):
    """An encode of all of a video, which players take in its place.

    An MP4 is a video of the library itself, and lies where that one does; HLS is a folder of playlists and segments.
    """

    class Kind(models.TextChoices):
        MP4 = "mp4", "MP4"
        HLS = "hls", "HLS"

    video = models.ForeignKey(Video, on_delete=models.CASCADE, related_name="renditions")
    kind = models.TextField(choices=Kind)
    encoded = models.OneToOneField(Video, null=True, blank=True, on_delete=models.CASCADE, related_name="rendition_of")
    folder = models.TextField(default="", blank=True, help_text="of HLS, relative to the library root")
    height = models.IntegerField(help_text="pixels; of the largest picture")
    bit_rate = models.BigIntegerField(null=True, blank=True, help_text="bits a second; of the largest picture")
    size = models.BigIntegerField(help_text="bytes, of all its files")
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "renditions"
        ordering = ("video_id", "kind", "-height")
        constraints = (
            models.UniqueConstraint(fields=["video", "kind", "height"], name="renditions_one_of_each_height"),
            models.CheckConstraint(
                condition=Q(kind="mp4", encoded__isnull=False, folder="") | (Q(kind="hls", encoded__isnull=True) & ~Q(folder="")),
                name="renditions_have_one_place",
            ),
        )

    def __str__(self) -> str:
        return f"{self.video} as {self.get_kind_display()}, {self.height} lines"


class Tagging(models.Model):
    """That a machine has looked for tags of a video; it counts while the video's file is the one that it saw."""

    video = models.OneToOneField(Video, on_delete=models.CASCADE, primary_key=True, related_name="tagging")
    made_by = models.TextField(help_text="the network that saw its pictures")
    source_size = models.BigIntegerField(null=True, help_text="bytes of the file that it saw")
    source_mtime_ns = models.BigIntegerField(null=True, help_text="nanoseconds since the epoch")
    made_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "taggings"

    def __str__(self) -> str:
        return f"Tagging of {self.video_id}"


class TagSuggestion(models.Model):
    """A tag that a machine proposes for a video, which shows it to nobody but admins.

    suggested -> approved (the video has the tag from then on) | rejected (it is not proposed again)
    """

    class State(models.TextChoices):
        SUGGESTED = "suggested", "Suggested"
        APPROVED = "approved", "Approved"
        REJECTED = "rejected", "Rejected"

    video = models.ForeignKey(Video, on_delete=models.CASCADE, related_name="tag_suggestions")
    tag = models.TextField()
    score = models.FloatField(help_text="how well it fits, 0 to 1")
    made_by = models.TextField(help_text="the network that saw it, or names")
    state = models.TextField(choices=State, default=State.SUGGESTED)
    job_id = models.BigIntegerField(null=True, blank=True, help_text="the job that last proposed it")
    created_at = models.DateTimeField(db_default=Now())
    decided_at = models.DateTimeField(null=True, blank=True)
    decided_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")

    class Meta:
        db_table = "tag_suggestions"
        ordering = ("-score", "tag")
        indexes = (models.Index(fields=["video"], name="idx_tag_suggestions_open", condition=Q(state="suggested")),)
        constraints = (
            models.UniqueConstraint(fields=["video", "tag"], name="tag_suggestions_once_per_video"),
            models.CheckConstraint(condition=Q(score__gte=0, score__lte=1), name="tag_suggestions_score_is_a_share"),
        )

    def __str__(self) -> str:
        return f"{self.tag} for {self.video_id}"
