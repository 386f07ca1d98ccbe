"""What comes into the inbox is scanned."""

from __future__ import annotations

from django.contrib.auth.models import User

from jobs.models import Job
from jobs.services.jobs import WAITING, submit
from media_library.models import DirectoryType

SCAN = {"path": DirectoryType.INBOX.value, "allowMissing": False}


def scan_inbox(by: User | None) -> int:
    """The id of a job that will scan the inbox: one for all that comes before it begins."""
    waiting = Job.objects.filter(type="scan", params=SCAN, status__in=WAITING, pipeline=None).values_list("pk", flat=True).first()
    return waiting or submit("scan", SCAN, by=by).pk
