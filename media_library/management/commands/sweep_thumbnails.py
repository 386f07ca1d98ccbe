"""Remove what nobody shows from the thumbnail store."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from media_library.orphans import NothingIsNamed, sweep


class Command(BaseCommand):
    help = "Remove posters, previews and contact sheets that no video has had for a day, as workers leave them that are killed."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="count them and remove nothing")

    def handle(self, *, dry_run: bool, **options: Any) -> None:
        try:
            swept = sweep(Path(settings.THUMBNAIL_ROOT), dry_run=dry_run)
        except NothingIsNamed as error:
            raise CommandError(
                "No video has a poster: this is another library's store, or another database. Nothing was removed."
            ) from error
        self.stdout.write(f"{swept.files:,} files of {swept.size / 1e6:,.1f} MB {'would be' if dry_run else 'were'} removed.")
