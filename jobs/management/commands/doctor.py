"""Say what is wrong with the library's machinery, and what to do about it."""

from __future__ import annotations

from collections import Counter
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from jobs.doctor import Finding, Level, examine


class Command(BaseCommand):
    help = "Looks at the database, the broker, the library, disks, ffmpeg, lanes and workers. Exit status 1: something is broken."
    requires_system_checks = ()

    def handle(self, *args: Any, **options: Any) -> None:
        styles = {Level.OK: self.style.SUCCESS, Level.WARNING: self.style.WARNING, Level.PROBLEM: self.style.ERROR}
        counts: Counter[Level] = Counter()
        for finding in examine():
            self.stdout.write(f"{styles[finding.level](finding.level.value.ljust(7))}  {_told(finding)}")
            counts[finding.level] += 1
        if problems := counts[Level.PROBLEM]:
            raise CommandError("1 problem was found." if problems == 1 else f"{problems} problems were found.")
        warnings = counts[Level.WARNING]
        self.stdout.write("All is well." if not warnings else f"No problem, {warnings} warning{'s' if warnings > 1 else ''}.")


def _told(finding: Finding) -> str:
    return f"{finding.subject}: {finding.sentence}" + (f"\n         {finding.advice}" if finding.advice else "")
