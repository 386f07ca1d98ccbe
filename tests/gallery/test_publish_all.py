"""`manage.py publish_all`."""

from __future__ import annotations

from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from gallery.management.commands import publish_all
from gallery.models import PublicMedia
from gallery.services import publish
from tests.gallery.rows import video, video_list

pytestmark = pytest.mark.django_db


def run(*arguments: str) -> str:
    output = StringIO()
    call_command("publish_all", *arguments, stdout=output)
    return output.getvalue().strip()


def test_it_publishes_every_video_that_may_be_shown_in_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publish_all, "BATCH", 3)
    good = {row.pk for row in video_list(7)} | {video(directory_type=None).pk}
    for columns in ({"directory_type": "private"}, {"is_valid": False}, {"missing_since": timezone.now()}, {"trashed_at": timezone.now()}):
        video(**columns)

    assert run("demo") == "Published 8 videos in demo."

    assert set(PublicMedia.objects.values_list("pk", flat=True)) == good


def test_what_is_public_can_be_left_where_it_is() -> None:
    shown, hidden = video(), video()
    publish([shown.pk], category="sea", by=None)

    assert run("demo", "--unpublished-only") == "Published 1 videos in demo."

    assert dict(PublicMedia.objects.values_list("pk", "category")) == {shown.pk: "sea", hidden.pk: "demo"}


def test_a_category_that_is_no_slug_is_refused() -> None:
    with pytest.raises(CommandError, match="category"):
        run("No Slug")
