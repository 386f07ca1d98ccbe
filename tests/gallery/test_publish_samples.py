"""`manage.py publish_samples`."""

from __future__ import annotations

import pytest
from django.core.management import call_command

from gallery.models import PublicMedia
from gallery.services import unpublish
from media_library.samples import SAMPLES
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
