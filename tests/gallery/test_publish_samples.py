"""`manage.py publish_samples`."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command

from gallery.counters import flush
from gallery.models import MediaDay, MediaStats, PublicMedia, RetentionBucket, Upvote
from gallery.samples import send_visitors
from gallery.services import publish, unpublish
from media_library.samples import SAMPLES
from reactions.models import VideoReaction
from tests.gallery.rows import video

pytestmark = pytest.mark.django_db(transaction=True)

SHOWN = [sample.path for sample in SAMPLES if sample.category]


def test_the_first_sample_leads_the_gallery() -> None:
    for path in SHOWN:
        video(path=path)

    call_command("publish_samples")

    assert list(PublicMedia.objects.values_list("video__path", flat=True)) == SHOWN


def test_what_its_owner_took_back_stays_back() -> None:
    first, second = (video(path=path) for path in SHOWN[:2])
    call_command("publish_samples")
    unpublish([first.pk], by=None)

    call_command("publish_samples")

    assert list(PublicMedia.objects.values_list("pk", flat=True)) == [second.pk]


def test_samples_have_had_visitors_and_their_counters_are_right() -> None:
    for path in SHOWN:
        video(path=path)

    call_command("publish_samples")

    for media in PublicMedia.objects.all():
        stats, day = MediaStats.objects.get(pk=media.pk), MediaDay.objects.get(video=media.pk)
        assert stats.view_count == day.view_count > 0
        assert stats.finish_count == day.finish_count <= stats.view_count
        assert stats.total_watch_time == day.total_watch_time > 0
        assert stats.upvote_count == day.upvote_count == Upvote.objects.filter(media=media.pk).count()
        assert RetentionBucket.objects.filter(video=media.pk).exists()


def test_the_administrator_has_reacted_to_moments_of_every_sample() -> None:
    admin = User.objects.create_superuser("admin")
    for path in SHOWN:
        video(path=path)

    call_command("publish_samples")

    reactions = VideoReaction.objects.filter(user=admin)
    assert set(reactions.values_list("media__path", flat=True)) == set(SHOWN)
    assert all(0 <= reaction.video_timestamp <= (reaction.media.duration_seconds or 0) for reaction in reactions.select_related("media"))


def test_the_same_visitors_come_each_time() -> None:
    clips = [video().pk, video().pk]
    publish(clips, category="sea", by=None)

    for clip in clips:
        send_visitors(clip, name="Silk", duration=5)
    flush()

    assert len(set(MediaStats.objects.values_list("view_count", "upvote_count", "finish_count", "total_watch_time"))) == 1
