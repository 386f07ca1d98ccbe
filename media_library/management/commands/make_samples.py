"""Draws the sample library."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from media_library.samples import SamplesFailed, make_samples


class Command(BaseCommand):
    help = "Draw a small library of sample videos into a new folder; an existing folder is left as it is."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("folder", type=Path)

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            left_out = make_samples(options["folder"], ffmpeg=settings.FFMPEG_BINARY, on_progress=self._show)
        except SamplesFailed as error:
            raise CommandError(str(error)) from error
        if left_out:
            self.stdout.write(f"\nLeft out, for this ffmpeg has no encoder for them: {', '.join(sample.title for sample in left_out)}.")

    def _show(self, done: int, total: int) -> None:
        if self.stdout.isatty() or done == total:
            self.stdout.write(f"\rDrawing the sample videos: {done} of {total}", ending="\n" if done == total else "")
            self.stdout.flush()
