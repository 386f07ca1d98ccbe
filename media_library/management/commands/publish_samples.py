"""Publishes most of the sample library, so that the first page is not empty."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from gallery import services
from media_library.models import Video
from media_library.samples import SAMPLES


class Command(BaseCommand):
    help = "Publish those samples that have a category; a few are left for their owner to try it."

    def handle(self, *args: Any, **options: Any) -> None:
        by_category: dict[str, list[str]] = {}
        for sample in SAMPLES:
            if sample.category:
                by_category.setdefault(sample.category, []).append(sample.path)
        for category, paths in by_category.items():
            ids = list(Video.objects.filter(path__in=paths).values_list("pk", flat=True))
            outcome = services.publish(ids, category=category, by=None)
            self.stdout.write(f"Published {len(outcome.done)} into {category}")
