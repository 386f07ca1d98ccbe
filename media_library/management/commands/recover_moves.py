"""Repair what a crash has left between the disk and the database."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from media_library.moves import recover_moves


class Command(BaseCommand):
    help = "Finish or undo moves of files that a crash has interrupted. Every scan does this too."

    def handle(self, **options: Any) -> None:
        recovery = recover_moves()
        self.stdout.write(f"{len(recovery.finished)} finished, {len(recovery.undone)} undone.")
        if recovery.lost:
            self.stderr.write(f"{len(recovery.lost)} wait: their file is in neither place. Is the library mounted?")
