"""Publishes most of the sample library, so that the first page is not empty."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from gallery import services
from media_library.models import Video
from media_library.samples import SAMPLES


class Command(BaseCommand):
    help = "Publish those samples that have a category and never were public: what their owner takes back stays back."

    def handle(self, *args: Any, **options: Any) -> None:
        published = 0
        for sample in reversed(SAMPLES):  # the first of them is published last, and so leads the gallery
            if sample.category:
                ids = Video.objects.filter(path=sample.path, stats=None).values_list("pk", flat=True)
                published += len(services.publish(list(ids), category=sample.category, by=None).done)
        self.stdout.write(f"Published {published} samples")
