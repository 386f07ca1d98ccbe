"""Publish every video that may be shown: `manage.py publish_all CATEGORY [--unpublished-only]`."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from gallery.services import InvalidCategory, clean_category, publish
from media_library.models import DirectoryType, Video

BATCH = 5000  # videos in one transaction


class Command(BaseCommand):
    help = "Publishes every valid video that is on the disk and not private, in one category."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("category", help="lower-case letters, digits and hyphens")
        parser.add_argument("--unpublished-only", action="store_true", help="leave what is public already in its category")

    def handle(self, *, category: str, unpublished_only: bool, **options: Any) -> None:
        try:
            category = clean_category(category)
        except InvalidCategory as error:
            raise CommandError(str(error)) from error
        videos = Video.objects.valid().present_on_disk().exclude(directory_type__isnull=False, directory_type=DirectoryType.PRIVATE)
        if unpublished_only:
            videos = videos.filter(public=None)
        count = 0
        last = 0
        while batch := list(videos.filter(pk__gt=last).order_by("pk").values_list("pk", flat=True)[:BATCH]):
            count += len(publish(batch, category=category, by=None).done)
            last = batch[-1]
        self.stdout.write(f"Published {count} videos in {category}.")
