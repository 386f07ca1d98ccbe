"""Jobs, the pipelines that they are steps of, and the nodes, workers and lanes that run them: the row is the truth."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from media_library.models import Video


class Lane(models.TextChoices):
    GPU_AI = "gpu_ai", "GPU: models"
    GPU_ENCODE = "gpu_encode", "GPU: encoding"
    CPU = "cpu", "CPU"


class WorkerNode(models.Model):
    """A machine that runs workers, and the ledger of its GPU memory; a claim locks this row."""

    name = models.TextField(unique=True, help_text="host name, or NODE_NAME")
    vram_total = models.IntegerField(default=0, db_default=0, help_text="MiB of GPU memory; 0: no GPU")
    vram_used = models.IntegerField(default=0, db_default=0, help_text="MiB that running jobs have reserved")
    gpus = models.JSONField(default=list, blank=True, help_text="[{name, vram}], vram in MiB")
    encoders = models.JSONField(default=list, blank=True, help_text="names of ffmpeg's encoders that work here, the preferred first")
    clock_skew = models.FloatField(default=0, db_default=0, help_text="seconds that its clock is ahead of the database's")
    registered_at = models.DateTimeField(db_default=Now())
    seen_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "worker_nodes"
        ordering = ("name",)
        constraints = (
            models.CheckConstraint(condition=Q(vram_used__gte=0) & Q(vram_used__lte=F("vram_total")), name="worker_nodes_vram_in_range"),
        )

    def __str__(self) -> str:
        return self.name


class Worker(models.Model):
    """A process that takes jobs of one lane; gone when it has not been seen for a lease."""

    name = models.TextField(unique=True, help_text="<lane>@<node>:<process id>")
    node = models.ForeignKey(WorkerNode, on_delete=models.CASCADE, related_name="workers")
    lane = models.TextField(choices=Lane)
    slots = models.IntegerField(default=1, help_text="jobs that it runs at once")
    started_at = models.DateTimeField(db_default=Now())
    seen_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "workers"
        ordering = ("name",)
        constraints = (models.CheckConstraint(condition=Q(lane__in=Lane.values), name="workers_lane_is_known"),)

    def __str__(self) -> str:
        return self.name


class LaneState(models.Model):
    """Whether a lane starts jobs: open, paused by a person, or stopped for a while by a full disk; its hours."""

    lane = models.TextField(primary_key=True, choices=Lane)
    paused_at = models.DateTimeField(null=True, blank=True)
    paused_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    paused_reason = models.TextField(default="", blank=True, help_text="for a person")
    resumes_at = models.DateTimeField(null=True, blank=True, help_text="when a pause that nobody ordered is over")
    opens_at = models.TimeField(null=True, blank=True, help_text="start of its hours, in TIME_ZONE; empty: always open")
    closes_at = models.TimeField(null=True, blank=True, help_text="end of its hours; before opens_at: on the next day")
    pauses_for_viewers = models.BooleanField(default=False, db_default=False, help_text="start nothing while somebody watches")

    class Meta:
        db_table = "lane_states"
        constraints = (
            models.CheckConstraint(condition=Q(lane__in=Lane.values), name="lane_states_lane_is_known"),
            models.CheckConstraint(
                condition=Q(opens_at__isnull=True, closes_at__isnull=True) | Q(opens_at__isnull=False, closes_at__isnull=False),
                name="lane_states_hours_have_two_ends",
            ),
        )

    def __str__(self) -> str:
        return self.lane


class Pipeline(models.Model):
    """Several jobs in an order: rows, so that nothing is lost with a process.

    running -> completed | failed | cancelled; failed and cancelled -> running (resumed)
    """

    class Status(models.TextChoices):
        RUNNING = "running", "Running"
        COMPLETED = "completed", "Completed"
        FAILED = "failed", "Failed"
        CANCELLED = "cancelled", "Cancelled"

    name = models.TextField()
    recipe = models.TextField(default="", blank=True, help_text="the built-in recipe that it was made from")
    status = models.TextField(choices=Status, default=Status.RUNNING, db_default=Status.RUNNING)
    params = models.JSONField(default=dict, blank=True)
    submitted_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(db_default=Now())
    completed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "pipelines"
        ordering = ("-created_at", "-id")
        indexes = (models.Index(F("created_at").desc(), F("id").desc(), name="idx_pipelines_recent"),)
        constraints = (
            models.CheckConstraint(
                condition=Q(status__in=["running", "completed", "failed", "cancelled"]), name="pipelines_status_is_known"
            ),
        )

    def __str__(self) -> str:
        return f"{self.name} #{self.pk}"


class PipelineStep(models.Model):
    """One step: its job type and params, and the steps whose results it needs. Its state is its job's.

    One that needs approval waits for a person too, when the steps before it have completed.
    """

    pipeline = models.ForeignKey(Pipeline, on_delete=models.CASCADE, related_name="steps")
    key = models.TextField(help_text="its name within the pipeline")
    position = models.IntegerField()
    type = models.TextField()
    params = models.JSONField(default=dict, blank=True, help_text='{"$result": "<key>.<field>"} stands for what an earlier step found')
    needs = models.JSONField(default=list, blank=True, help_text="keys of the steps that must have completed")
    priority = models.IntegerField(default=5, db_default=5)
    needs_approval = models.BooleanField(default=False, db_default=False, help_text="a person has to say that it may start")
    approved_at = models.DateTimeField(null=True, blank=True)
    approved_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")

    class Meta:
        db_table = "pipeline_steps"
        ordering = ("pipeline", "position")
        constraints = (models.UniqueConstraint(fields=["pipeline", "key"], name="pipeline_steps_unique"),)

    def __str__(self) -> str:
        return self.key

    @property
    def lacks_approval(self) -> bool:
        return self.needs_approval and self.approved_at is None


class JobQuerySet(models.QuerySet["Job"]):
    def left_failed(self) -> JobQuerySet:
        """Failures that nobody has dismissed."""
        return self.filter(status=Job.Status.FAILED, dismissed_at=None)


class Job(models.Model):
    """One piece of heavy work.

    pending -> queued -> running -> completed | failed | cancelled
    pending: waits for an earlier step, a person's approval, or until `run_after`. pending, queued -> cancelled.
    running -> pending (a transient failure) or queued (its worker died): another attempt.
    failed, cancelled -> queued (retried by a person).

    While it runs it belongs to whoever holds `lease_token`; every write of a worker names it, and 0 rows mean "lost".
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
    progress = models.IntegerField(default=0, db_default=0, help_text="0 to 100; 100 only when completed")
    log = models.TextField(null=True, blank=True, help_text="its last 64 KiB")
    params = models.JSONField(default=dict, blank=True)
    started_at = models.DateTimeField(null=True, blank=True)
    completed_at = models.DateTimeField(null=True, blank=True, help_text="when it ended, however it ended")
    created_at = models.DateTimeField(db_default=Now())
    resource_category = models.TextField(choices=Lane, default=Lane.CPU, db_default=Lane.CPU)
    vram_required = models.IntegerField(default=0, db_default=0, help_text="MiB of GPU memory")
    queue_position = models.IntegerField(null=True, blank=True, help_text="unused: computed when read")
    waiting_reason = models.TextField(null=True, blank=True, help_text="unused: computed when read")
    priority = models.IntegerField(default=5, db_default=5, help_text="0 to 10, higher first")
    pipeline = models.ForeignKey(Pipeline, null=True, blank=True, db_index=False, on_delete=models.PROTECT, related_name="jobs")
    pipeline_step = models.ForeignKey(PipelineStep, null=True, blank=True, on_delete=models.PROTECT, related_name="jobs")

    video = models.ForeignKey(Video, null=True, blank=True, on_delete=models.PROTECT, related_name="jobs", help_text="what it is about")
    submitted_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    exclusive_key = models.TextField(null=True, blank=True, help_text="of the running jobs with this key there is one")
    ranked_at = models.DateTimeField(
        db_default=Now(), help_text="when it became ready, less a minute for each step of priority: the order of the queue"
    )
    run_after = models.DateTimeField(null=True, blank=True, help_text="a retry's delay ends")
    has_cpu_path = models.BooleanField(default=True, db_default=True, help_text="its type can do without a GPU")

    attempt = models.IntegerField(default=0, db_default=0)
    death_count = models.IntegerField(default=0, db_default=0, help_text="workers that died over it; three quarantine it")
    node = models.ForeignKey(WorkerNode, null=True, blank=True, on_delete=models.SET_NULL, related_name="jobs")
    worker = models.TextField(default="", blank=True, help_text="name of the worker that runs or ran it")
    vram_reserved = models.IntegerField(default=0, db_default=0, help_text="MiB that it holds of its node")
    lease_token = models.UUIDField(null=True, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    cancel_requested_at = models.DateTimeField(null=True, blank=True)
    speed = models.FloatField(null=True, blank=True, help_text="seconds of video a second")
    drafts = models.JSONField(default=list, blank=True, help_text="unfinished files, named before they exist: see jobs.outputs")
    outputs = models.JSONField(default=list, blank=True, help_text="[{path, size}] of finished files, relative to the library root")
    result = models.JSONField(null=True, blank=True)
    error = models.TextField(default="", blank=True, help_text="for a person")
    error_class = models.TextField(default="", blank=True, help_text="unreadable_media, no_space, timeout, …")
    suggestion = models.TextField(default="", blank=True, help_text="what to do about the error")
    dismissed_at = models.DateTimeField(null=True, blank=True, help_text="when somebody had seen enough of its failure")

    objects = JobQuerySet.as_manager()

    class Meta:
        db_table = "jobs"
        ordering = ("-created_at", "-id")
        indexes = (
            models.Index(fields=["status", "priority", "created_at"], name="idx_jobs_queue"),
            models.Index(fields=["resource_category", "status"], name="idx_jobs_resource"),
            models.Index(fields=["pipeline"], name="idx_jobs_pipeline"),
            models.Index(F("created_at").desc(), F("id").desc(), name="idx_jobs_recent"),
            models.Index(
                fields=["resource_category", "ranked_at", "id"],
                include=["exclusive_key"],
                name="idx_jobs_ready",
                condition=Q(status="queued"),
            ),
            models.Index(fields=["run_after"], name="idx_jobs_delayed", condition=Q(status="pending", run_after__isnull=False)),
            models.Index(fields=["lease_until"], name="idx_jobs_leases", condition=Q(status="running")),
            models.Index(fields=["ranked_at", "id"], name="idx_jobs_wanting_memory", condition=Q(status="queued", vram_required__gt=0)),
            models.Index(fields=["node", "resource_category"], name="idx_jobs_on_node", condition=Q(status="running")),
            models.Index(
                "type", F("completed_at").desc(), name="idx_jobs_past_runs", condition=Q(status="completed", started_at__isnull=False)
            ),
            models.Index(fields=["error_class", "id"], name="idx_jobs_failed", condition=Q(status="failed")),
            models.Index(
                F("completed_at").desc(),
                F("id").desc(),
                name="idx_jobs_ended",
                condition=Q(status__in=["completed", "failed", "cancelled"]),
            ),
            models.Index(fields=["id"], name="idx_jobs_leftovers", condition=~Q(status="running") & ~Q(drafts=[])),
        )
        constraints = (
            models.CheckConstraint(
                condition=Q(status__in=["pending", "queued", "running", "completed", "failed", "cancelled"]), name="jobs_status_is_known"
            ),
            models.CheckConstraint(condition=Q(resource_category__in=Lane.values), name="jobs_resource_category_is_known"),
            models.CheckConstraint(condition=Q(progress__gte=0, progress__lte=100), name="jobs_progress_is_percent"),
            models.CheckConstraint(condition=Q(priority__gte=0, priority__lte=10), name="jobs_priority_in_range"),
            models.CheckConstraint(condition=Q(vram_required__gte=0) & Q(vram_reserved__gte=0), name="jobs_vram_not_negative"),
            models.CheckConstraint(
                condition=Q(status="running", lease_token__isnull=False, lease_until__isnull=False, node__isnull=False)
                | (~Q(status="running") & Q(lease_token__isnull=True, vram_reserved=0)),
                name="jobs_running_holds_a_lease",
            ),
            models.UniqueConstraint(fields=["exclusive_key"], condition=Q(status="running"), name="jobs_one_running_per_key"),
        )

    def __str__(self) -> str:
        return f"{self.type} #{self.pk}"


class PeriodicTask(models.Model):
    """When a piece of periodic work ran last; whoever moves `due_at` on runs it."""

    name = models.TextField(primary_key=True)
    due_at = models.DateTimeField(db_default=Now())
    ran_at = models.DateTimeField(null=True, blank=True)
    error = models.TextField(default="", blank=True, help_text="of the last run; empty: it succeeded")

    class Meta:
        db_table = "periodic_tasks"

    def __str__(self) -> str:
        return self.name
