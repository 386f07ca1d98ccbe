"""A house that has been lived in: something on every page."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path

import pytest
from django.contrib.auth.models import User

from gallery import services
from gallery.comments import Commenter
from gallery.models import Comment, GalleryDay, MediaDay, RetentionBucket, WatchedWord
from gallery.reconciliation import reconcile
from jobs import claims
from jobs import services as queue
from jobs.models import Lane
from jobs.pipelines import Step
from media_library.models import LibraryRoot, ScanReport
from reactions.models import ReactionType, VideoReaction
from reactions.services import react
from tests.gallery.browser.conftest import poster, share_clip, webm  # noqa: F401 - fixtures of the pages, too
from tests.gallery.rows import video
from tests.gallery.shared_media import POSTER_HASH, share
from tests.jobs.conftest import job_kinds  # noqa: F401
from tests.jobs.kinds import claimed, node, worker

Ids = dict[str, int]
PICTURE = "data:image/gif;base64,R0lGODlhAQABAAAAACH5BAEKAAEALAAAAAABAAEAAAICTAEAOw=="


@pytest.fixture
def house(share_clip: Callable[..., int], webm: Path, job_kinds: None) -> Ids:  # noqa: F811 - fixtures
    """The ids that the table of pages names."""
    ids = {"video": share_clip(webm, duration_seconds=4), "locked": share("Locked"), "gone": 999_999}
    services.lock([ids["locked"]], reason="rights", by=None)
    for number in range(5):
        share(f"Video {number}", width=(1280, 406)[number % 2], orientation=("landscape", "portrait")[number % 2])
    video(title="Not published", thumbnail_path=f"ab/12/{POSTER_HASH}.webp")
    return ids | _engaged(ids["video"]) | _scanned() | _worked(ids["video"])


def _engaged(media_id: int) -> Ids:
    """Ids of what visitors have left at a medium: reactions, a conversation, a held comment, and days of figures."""
    for number, kind in enumerate(ReactionType):
        react(User.objects.create_user(f"reactor{number}"), media_id=media_id, reaction_type=kind, at=number % 4)
    first = _say(media_id, "the gull", at=2)
    _say(media_id, "or a tern?", parent_id=first.pk)
    word = WatchedWord.objects.create(word="casino")
    held = _say(media_id, "see example.com")
    today = dt.datetime.now(dt.UTC).date()
    for ago in range(30):
        counts = {"view_count": 1000 + ago, "unique_view_count": 700, "upvote_count": 3, "finish_count": 40, "total_watch_time": 90_000}
        MediaDay.objects.create(video_id=media_id, day=today - dt.timedelta(days=ago), **counts)
        GalleryDay.objects.create(day=today - dt.timedelta(days=ago), **counts)
    RetentionBucket.objects.bulk_create(RetentionBucket(video_id=media_id, bucket=part, count=500 - 2 * part) for part in range(200))
    return {"comment": held.pk, "word": word.pk, "reaction": VideoReaction.objects.earliest("pk").pk}


def _say(media_id: int, content: str, *, at: int | None = None, parent_id: int | None = None) -> Comment:
    author = Commenter(session="somebody")
    return services.post_comment(media_id, author, content=content, author_name="Ines", video_timestamp=at, parent_id=parent_id)


def _scanned() -> Ids:
    scan = ScanReport.objects.create(root=LibraryRoot.objects.create(path="/videos"), status="completed", seen_count=23, new_count=23)
    return {"scan": scan.pk, "drift": reconcile().pk}


def _worked(video_id: int) -> Ids:
    """Ids of jobs in the states that look different."""
    gpu = node()
    for lane in Lane.values:
        worker(gpu, lane)
    ids = {name: queue.submit("small", {}).pk for name in ("completed", "failed", "running")}
    claims.complete(claimed(gpu, Lane.CPU), result={"number": 1})
    claims.fail(claimed(gpu, Lane.CPU), error="It is full", error_class="no_space", suggestion="Free some space.")
    claims.beat(claimed(gpu, Lane.CPU), progress=40, speed=2.0, log="frame 1\nframe 2")
    ids["storyboard"] = queue.submit("generate_gif", {"videoId": video_id, "dryRun": True}).pk
    claims.complete(claimed(gpu, Lane.CPU), result={"inPoint": 0, "duration": 3, "thumbnails": [{"time": 1.5, "picture": PICTURE}]})
    queue.submit("small", {})
    queue.pause(Lane.GPU_AI, by=None, reason="the fan is loud")
    steps = [Step("probe", "small", {}), Step("report", "small", {}, needs=("probe",))]
    return ids | {"pipeline": queue.submit_pipeline(steps).pk}
