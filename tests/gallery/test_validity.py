"""Marking invalid, the trash, and the way back; with real files."""

from __future__ import annotations

from pathlib import Path

import pytest

from gallery.models import MediaStats, PublicMedia
from gallery.services import mark_invalid, publish, restore, trash
from media_library.models import Video
from tests.gallery.rows import video, with_file


@pytest.mark.django_db
def test_a_video_marked_invalid_leaves_the_gallery_and_keeps_its_counters() -> None:
    clip = video()
    publish([clip.pk], category="sea", by=None)
    MediaStats.objects.update(upvote_count=4)

    outcome = mark_invalid([clip.pk, 999], reason="damaged", by=None)

    clip.refresh_from_db()
    assert (outcome.done, outcome.skipped) == ((clip.pk,), {999: "Video not found"})
    assert (clip.is_valid, clip.invalid_reason, clip.public_upvote_count) == (False, "damaged", 4)
    assert not PublicMedia.objects.exists()


@pytest.mark.django_db
def test_restoring_makes_it_valid_and_leaves_the_gallery_alone() -> None:
    clip = video()
    publish([clip.pk], category="sea", by=None)
    mark_invalid([clip.pk], reason="damaged", by=None)

    outcome = restore([clip.pk], by=None)

    clip.refresh_from_db()
    assert outcome.done == (clip.pk,)
    assert (clip.is_valid, clip.invalid_reason) == (True, "")
    assert not PublicMedia.objects.exists()


@pytest.mark.django_db
def test_what_was_never_removed_cannot_be_restored() -> None:
    clip = video()

    assert restore([clip.pk, 999], by=None).skipped == {
        clip.pk: "The video is neither invalid nor in the trash",
        999: "Video not found",
    }


@pytest.mark.django_db(transaction=True)
def test_a_trashed_file_leaves_its_place_and_comes_back_to_it(library: Path) -> None:
    clip = with_file(video(path="videos/a.mp4", filename="a.mp4"), b"film")
    publish([clip.pk], category="sea", by=None)

    assert trash([clip.pk], by=None).done == (clip.pk,)

    clip.refresh_from_db()
    assert (clip.is_valid, clip.trashed_at is not None) == (False, True)
    assert not (library / "videos/a.mp4").exists()
    assert not PublicMedia.objects.exists()
    assert restore([clip.pk], by=None).done == (clip.pk,)
    clip.refresh_from_db()
    assert (clip.is_valid, clip.trashed_at, clip.path) == (True, None, "videos/a.mp4")
    assert (library / "videos/a.mp4").read_bytes() == b"film"


@pytest.mark.django_db(transaction=True)
def test_what_a_scan_could_not_read_stays_invalid_with_its_reason(library: Path) -> None:
    clip = with_file(video(path="videos/torn.mp4", is_valid=False, invalid_reason="It is damaged", width=None, height=None), b"torn")

    assert restore([clip.pk], by=None).skipped == {clip.pk: "The file cannot be read: It is damaged"}
    assert trash([clip.pk], by=None).done == restore([clip.pk], by=None).done == (clip.pk,)

    clip.refresh_from_db()
    assert (clip.is_valid, clip.invalid_reason, clip.trashed_at) == (False, "It is damaged", None)
    assert (library / "videos/torn.mp4").exists()


@pytest.mark.django_db(transaction=True)
def test_a_file_that_cannot_be_moved_is_hidden_and_says_why(library: Path) -> None:
    clip = video(path="videos/gone.mp4")
    publish([clip.pk], category="sea", by=None)

    outcome = trash([clip.pk], by=None)

    assert outcome.done == ()
    assert "could not be moved" in outcome.skipped[clip.pk]
    assert not Video.objects.get(pk=clip.pk).is_valid
    assert not PublicMedia.objects.exists()
