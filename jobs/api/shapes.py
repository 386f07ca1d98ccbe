"""What the API of jobs takes and answers with, field by field."""

from __future__ import annotations

from typing import Any, ClassVar

from rest_framework import serializers

from config.api.fields import ObjectField, QueryIntegerField, StrictBooleanField, StrictIntegerField, StrictSerializer, StrictTextField
from config.api.paging import PaginationSerializer, PagingQuery
from jobs.models import Job, Lane, Pipeline

LONGEST_TYPE = 100  # characters
LONGEST_REASON = 500
LONGEST_NAME = 200
MOST_STEPS = 100  # of one pipeline


class JobQuery(PagingQuery):
    status = serializers.ChoiceField(choices=Job.Status.choices, required=False, help_text="as replies show it")
    type = StrictTextField(required=False, max_length=LONGEST_TYPE)
    resourceCategory = serializers.ChoiceField(choices=Lane.choices, required=False)
    videoId = QueryIntegerField(required=False)
    pipelineId = QueryIntegerField(required=False)


class JobRow(serializers.Serializer[Any]):
    """A job in a list: everything but its log."""

    id = serializers.IntegerField()
    type = serializers.CharField()
    status = serializers.ChoiceField(choices=Job.Status.choices)
    progress = serializers.IntegerField(help_text="0 to 100; 100 only when completed")
    params = serializers.DictField(child=serializers.JSONField())
    resourceCategory = serializers.ChoiceField(choices=Lane.choices)
    vramRequired = serializers.IntegerField(help_text="MiB of GPU memory, demanded only where it will use a GPU")
    queuePosition = serializers.IntegerField(allow_null=True, help_text="1: the next to start in its category; null: not waiting")
    waitingReason = serializers.CharField(allow_null=True, help_text="why it has not started, for a person")
    priority = serializers.IntegerField(help_text="0 to 10, higher first")
    pipelineId = serializers.IntegerField(allow_null=True)
    pipelineStepId = serializers.IntegerField(allow_null=True)
    videoId = serializers.IntegerField(allow_null=True)
    submittedBy = serializers.CharField(allow_null=True, help_text="user name")
    attempt = serializers.IntegerField(help_text="how often it has been started")
    worker = serializers.CharField(allow_null=True, help_text="who runs or ran it")
    speed = serializers.FloatField(allow_null=True, help_text="seconds of video a second")
    result = serializers.JSONField(allow_null=True)
    error = serializers.CharField(allow_null=True, help_text="for a person")
    errorClass = serializers.CharField(allow_null=True)
    suggestion = serializers.CharField(allow_null=True, help_text="what to do about the error")
    createdAt = serializers.DateTimeField()
    startedAt = serializers.DateTimeField(allow_null=True)
    completedAt = serializers.DateTimeField(allow_null=True, help_text="when it ended, however it ended")


class JobDetail(JobRow):
    """A job with every column."""

    log = serializers.CharField(allow_null=True, help_text="its last 64 KiB")


class JobPage(serializers.Serializer[Any]):
    jobs = JobRow(many=True)
    pagination = PaginationSerializer()


class PriorityField(StrictIntegerField):
    """How soon: 0 to 10, higher first."""

    default_error_messages: ClassVar[Any] = {"invalid": "A whole number from 0 to 10 is needed."}

    def __init__(self, **options: Any) -> None:
        super().__init__(min_value=0, max_value=10, help_text="0 to 10, higher first", **options)


class Submission(StrictSerializer):
    type = StrictTextField(max_length=LONGEST_TYPE)
    params = ObjectField(default=dict)
    priority = PriorityField(required=False)
    vramRequired = StrictIntegerField(required=False, min_value=0, max_value=2**31 - 1, help_text="MiB, in place of the type's own")


class PriorityChange(StrictSerializer):
    priority = PriorityField()


class StepRequest(StrictSerializer):
    key = StrictTextField(max_length=LONGEST_TYPE)
    type = StrictTextField(max_length=LONGEST_TYPE)
    params = ObjectField(default=dict)
    needs = serializers.ListField(child=StrictTextField(max_length=LONGEST_TYPE), max_length=MOST_STEPS, default=list)
    needsApproval = StrictBooleanField(required=False, default=False, help_text="it waits until a person approves its job")
    priority = PriorityField(required=False)


class PipelineRequest(StrictSerializer):
    """A recipe with its params, or steps."""

    recipe = StrictTextField(required=False, max_length=LONGEST_TYPE)
    params = ObjectField(required=False)
    steps = serializers.ListField(child=StepRequest(), min_length=1, max_length=MOST_STEPS, required=False)
    name = StrictTextField(required=False, default="", allow_blank=True, max_length=LONGEST_NAME)
    priority = PriorityField(required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if "recipe" not in attrs and "steps" not in attrs:
            raise serializers.ValidationError({"recipe": "This field is required."}, code="required")
        if "steps" in attrs and (extra := [name for name in ("recipe", "params") if name in attrs]):
            raise serializers.ValidationError({name: "This does not go with steps of your own." for name in extra})
        return attrs


class PipelineQuery(PagingQuery):
    status = serializers.ChoiceField(choices=Pipeline.Status.choices, required=False)


class PauseRequest(StrictSerializer):
    reason = StrictTextField(required=False, default="", allow_blank=True, max_length=LONGEST_REASON, help_text="for a person")


class JobTypeRow(serializers.Serializer[Any]):
    type = serializers.CharField()
    resourceCategory = serializers.ChoiceField(choices=Lane.choices)
    vramRequired = serializers.IntegerField(help_text="MiB of GPU memory")
    hasCpuPath = serializers.BooleanField(help_text="it can do without a GPU")
    description = serializers.CharField()
    params = serializers.DictField(child=serializers.JSONField(), help_text="JSON schema of its params")


class JobTypes(serializers.Serializer[Any]):
    types = JobTypeRow(many=True)


class StepRow(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    key = serializers.CharField(help_text="its name within the pipeline")
    type = serializers.CharField()
    params = serializers.DictField(child=serializers.JSONField())
    needs = serializers.ListField(child=serializers.CharField(), help_text="keys of the steps that must have completed")
    needsApproval = serializers.BooleanField(help_text="a person has to approve its job before it starts")
    approvedAt = serializers.DateTimeField(allow_null=True)
    jobId = serializers.IntegerField(allow_null=True)
    status = serializers.ChoiceField(choices=Job.Status.choices)
    progress = serializers.IntegerField()
    error = serializers.CharField(allow_null=True)
    result = serializers.JSONField(allow_null=True)


class PipelineRow(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    name = serializers.CharField()
    recipe = serializers.CharField(allow_null=True)
    status = serializers.ChoiceField(choices=Pipeline.Status.choices)
    params = serializers.DictField(child=serializers.JSONField())
    submittedBy = serializers.CharField(allow_null=True)
    createdAt = serializers.DateTimeField()
    completedAt = serializers.DateTimeField(allow_null=True)
    steps = StepRow(many=True)


class PipelinePage(serializers.Serializer[Any]):
    pipelines = PipelineRow(many=True)
    pagination = PaginationSerializer()


class RecipeRow(serializers.Serializer[Any]):
    recipe = serializers.CharField()
    title = serializers.CharField()
    description = serializers.CharField()
    params = serializers.DictField(child=serializers.JSONField(), help_text="JSON schema of its params")
    missingTypes = serializers.ListField(
        child=serializers.CharField(), help_text="job types that it needs and that are not here; empty: it can run"
    )


class Recipes(serializers.Serializer[Any]):
    recipes = RecipeRow(many=True)


class WorkerRow(serializers.Serializer[Any]):
    name = serializers.CharField()
    node = serializers.CharField()
    slots = serializers.IntegerField(help_text="jobs that it runs at once")
    running = serializers.IntegerField()
    vramTotal = serializers.IntegerField(help_text="MiB of its node")
    vramFree = serializers.IntegerField(help_text="MiB of its node")
    seenAt = serializers.DateTimeField()


class LaneRow(serializers.Serializer[Any]):
    resourceCategory = serializers.ChoiceField(choices=Lane.choices)
    isPaused = serializers.BooleanField(help_text="by a person, or for a while by a full disk")
    isOpen = serializers.BooleanField(help_text="it starts jobs now: not paused and within its hours")
    reason = serializers.CharField(allow_null=True, help_text="why it starts none, for a person")
    counts = serializers.DictField(child=serializers.IntegerField(), help_text="jobs by status")
    workers = WorkerRow(many=True)


class Summary(serializers.Serializer[Any]):
    lanes = LaneRow(many=True)
