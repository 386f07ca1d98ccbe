"""Publishes most of the sample library, so that the first page is not empty."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from gallery import services
from gallery.models import PublicMedia
from media_library.models import Video
from media_library.samples import SAMPLES


class Command(BaseCommand):
    help = "Publish the samples into their categories, unless the gallery has ever shown anything."

    def handle(self, *args: Any, **options: Any) -> None:
        if PublicMedia.objects.exists() or Video.objects.filter(moved_from_public_at__isnull=False).exists():
            return
        by_category: dict[str, list[str]] = {}
        for sample in SAMPLES:
            if sample.category:
                by_category.setdefault(sample.category, []).append(sample.path)
        for category, paths in by_category.items():
            ids = list(Video.objects.filter(path__in=paths).values_list("pk", flat=True))
            outcome = services.publish(ids, category=category, by=None)
            self.stdout.write(f"Published {len(outcome.done)} into {category}")
