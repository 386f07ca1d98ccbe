"""What becomes of uploads, each step one conditional UPDATE: no row changed means that another request was first."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.db.models.expressions import CombinedExpression
from django.db.models.functions import Now

if TYPE_CHECKING:
    from media_library.models import Upload  # noqa: F401 - what the rows are

HOLD = 20.0  # seconds that a request which shows no sign of life still holds an upload


class UploadQuerySet(models.QuerySet["Upload"]):
    def receiving(self) -> UploadQuerySet:
        return self.filter(status="receiving", expires_at__gt=Now())

    def expired(self) -> UploadQuerySet:
        return self.filter(expires_at__lte=Now())

    def free(self) -> UploadQuerySet:
        """Those that no request holds."""
        return self.filter(Q(held_until=None) | Q(held_until__lt=Now()))

    def held_by(self, writer: uuid.UUID) -> UploadQuerySet:
        return self.filter(writer=writer)

    def hold(self, writer: uuid.UUID, *, offset: int, seconds: float = HOLD) -> bool:
        """Take what nobody holds, while it is received and stands at `offset`."""
        return bool(self.receiving().free().filter(offset=offset).update(writer=writer, held_until=from_now(seconds)))

    def keep(self, *, offset: int, seconds: float = HOLD) -> bool:
        """Record that so many bytes are on the disk, by whoever holds it; False when nobody does any more."""
        return bool(self.update(offset=offset, held_until=from_now(seconds), expires_at=forgotten_at()))

    def release(self) -> bool:
        return bool(self.update(writer=None, held_until=None))

    def shrink(self) -> bool:
        """What has come is all of it."""
        return bool(self.update(length=F("offset")))

    def place(self, path: str, *, inode: int) -> bool:
        """Record where the file is about to be moved."""
        return bool(self.update(path=path, inode=inode))

    def finish(self, *, job_id: int) -> bool:
        return bool(self.update(status="finished", job_id=job_id, writer=None, held_until=None, expires_at=forgotten_at()))

    def refuse(self, reason: str) -> bool:
        return bool(self.update(status="refused", reason=reason, writer=None, held_until=None, expires_at=forgotten_at()))

    def terminate(self) -> bool:
        """Delete those of which nothing is, or is about to be, in the inbox; whoever writes to one finds that out."""
        deleted, _ = self.filter(path="").delete()
        return bool(deleted)

    def bytes_to_come(self) -> int:
        return int(self.receiving().aggregate(sum=models.Sum(F("length") - F("offset"), default=0))["sum"])


def forgotten_at() -> CombinedExpression:
    return from_now(settings.UPLOADS_KEPT_HOURS * 3600)


def from_now(seconds: float) -> CombinedExpression:
    return Now() + timedelta(seconds=seconds)
