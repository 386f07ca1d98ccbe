"""What the API itself remembers."""

from __future__ import annotations

from django.db import models
from django.db.models.functions import Now


class IdempotentReply(models.Model):
    """The reply to a POST that named itself by an `Idempotency-Key`: the same again is answered with it, for a day."""

    key = models.TextField(primary_key=True, help_text="keyed hash of caller, address and Idempotency-Key")
    request_hash = models.TextField(help_text="of the body: the same key with another body is a mistake")
    status_code = models.IntegerField(null=True)
    body = models.JSONField(null=True)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "idempotent_replies"
        indexes = (models.Index(fields=["created_at"], name="idx_idempotent_replies_age"),)

    def __str__(self) -> str:
        return self.key
