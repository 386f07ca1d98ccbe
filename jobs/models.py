"""Jobs: the rows that heavy work runs from."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now


class Lane(models.TextChoices):
    GPU_AI = "gpu_ai", "GPU: models"
    GPU_ENCODE = "gpu_encode", "GPU: encoding"
    CPU = "cpu", "CPU"


class Job(models.Model):
    """One piece of heavy work.

    pending -> queued -> running -> completed | failed | cancelled; pending and queued may be cancelled too.
    """

    class Status(models.TextChoices):
        PENDING = "pending", "Pending"
        QUEUED = "queued", "Queued"
        RUNNING = "running", "Running"
        COMPLETED = "completed", "Completed"
        FAILED = "failed", "Failed"
        CANCELLED = "cancelled", "Cancelled"

    type = models.TextField()
    status = models.TextField(choices=Status, default=Status.PENDING, db_default=Status.PENDING)
    progress = models.IntegerField(default=0, db_default=0, help_text="0 to 100")
    log = models.TextField(null=True, blank=True)
    params = models.JSONField(default=dict, blank=True)
    started_at = models.DateTimeField(null=True, blank=True)
    completed_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(db_default=Now())
    resource_category = models.TextField(choices=Lane, default=Lane.CPU, db_default=Lane.CPU)
    vram_required = models.IntegerField(default=0, db_default=0, help_text="MiB of GPU memory")
    queue_position = models.IntegerField(null=True, blank=True)
    waiting_reason = models.TextField(null=True, blank=True)
    priority = models.IntegerField(default=5, db_default=5, help_text="0 to 10, higher first")
    pipeline_id = models.BigIntegerField(null=True, blank=True)
    pipeline_step_id = models.BigIntegerField(null=True, blank=True)

    class Meta:
        db_table = "jobs"
        ordering = ("-created_at", "-id")
        indexes = (
            models.Index(fields=["status", "priority", "created_at"], name="idx_jobs_queue"),
            models.Index(fields=["resource_category", "status"], name="idx_jobs_resource"),
            models.Index(fields=["pipeline_id"], name="idx_jobs_pipeline"),
        )
        constraints = (
            models.CheckConstraint(
                condition=Q(status__in=["pending", "queued", "running", "completed", "failed", "cancelled"]), name="jobs_status_is_known"
            ),
            models.CheckConstraint(condition=Q(resource_category__in=Lane.values), name="jobs_resource_category_is_known"),
            models.CheckConstraint(condition=Q(progress__gte=0, progress__lte=100), name="jobs_progress_is_percent"),
            models.CheckConstraint(condition=Q(priority__gte=0, priority__lte=10), name="jobs_priority_in_range"),
            models.CheckConstraint(condition=Q(vram_required__gte=0), name="jobs_vram_not_negative"),
        )

    def __str__(self) -> str:
        return f"{self.type} #{self.pk}"
