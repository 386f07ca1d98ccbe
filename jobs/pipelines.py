"""Pipelines: several jobs in an order, submitted, cancelled and resumed as one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models.functions import Now

from jobs import registry, steps
from jobs.models import Job, Pipeline, PipelineStep
from jobs.registry import Details, InvalidParams, Refused

MOST_STEPS = 100


@dataclass(frozen=True)
class Step:
    """One job of a pipeline to be; params may hold `{"$result": "<key>.<field>"}` of a step that it needs."""

    key: str
    type: str
    params: Mapping[str, Any] = field(default_factory=dict)
    needs: tuple[str, ...] = ()
    priority: int | None = None  # None: the pipeline's
    needs_approval: bool = False  # it waits until a person says that it may start


def check(plan: Sequence[Step]) -> None:
    """Refuse a plan of which a step could never run: unknown types, wrong params, loops; raises `Refused`."""
    if not 0 < len(plan) <= MOST_STEPS:
        raise InvalidParams({"steps": [f"A pipeline has 1 to {MOST_STEPS} steps."]})
    details: Details = {}
    earlier: dict[str, Step] = {}
    for step in plan:
        for name, messages in _problems(step, earlier).items():
            details[f"steps.{step.key}.{name}"] = messages
        earlier[step.key] = step
    if details:
        raise InvalidParams(details)


@transaction.atomic
def create(plan: Sequence[Step], *, name: str, recipe: str, params: Mapping[str, Any], priority: int, by: User | None) -> Pipeline:
    """Write a checked plan down, a job for each step, and start what needs nothing."""
    pipeline = Pipeline.objects.create(name=name, recipe=recipe, params=dict(params), submitted_by=by)
    rows = PipelineStep.objects.bulk_create(
        PipelineStep(
            pipeline=pipeline,
            key=step.key,
            position=position,
            type=step.type,
            params=dict(step.params),
            needs=list(step.needs),
            needs_approval=step.needs_approval,
            priority=priority if step.priority is None else step.priority,
        )
        for position, step in enumerate(plan)
    )
    Job.objects.bulk_create(_job(pipeline, step) for step in rows)
    steps.advance(pipeline.pk)
    pipeline.refresh_from_db()
    return pipeline


def cancel(pipeline: Pipeline) -> None:
    """Cancel the waiting jobs of a held pipeline and ask the running ones to stop."""
    jobs = Job.objects.filter(pipeline=pipeline)
    jobs.filter(status__in=[Job.Status.PENDING, Job.Status.QUEUED]).update(status=Job.Status.CANCELLED, completed_at=Now(), run_after=None)
    jobs.filter(status=Job.Status.RUNNING, cancel_requested_at=None).update(cancel_requested_at=Now())
    steps.advance(pipeline.pk)


def resume(pipeline: Pipeline) -> None:
    """Let a held pipeline go on from its first step that failed or was cancelled; what has completed is not done again."""
    broken = Job.objects.filter(pipeline=pipeline, status__in=steps.BROKEN)
    broken.update(**AFRESH, status=Job.Status.PENDING)
    Pipeline.objects.filter(pk=pipeline.pk).update(status=Pipeline.Status.RUNNING, completed_at=None)
    steps.advance(pipeline.pk)


AFRESH: dict[str, Any] = {
    "attempt": 0,
    "death_count": 0,
    "progress": 0,
    "speed": None,
    "started_at": None,
    "completed_at": None,
    "cancel_requested_at": None,
    "run_after": None,
    "result": None,
    "error": "",
    "error_class": "",
    "suggestion": "",
    "dismissed_at": None,
}
"""What a job forgets of its earlier attempts when a person has it tried again."""


def _job(pipeline: Pipeline, step: PipelineStep) -> Job:
    kind = registry.get(step.type)
    return Job(
        type=step.type,
        status=Job.Status.PENDING,
        params=step.params,
        resource_category=kind.lane,
        vram_required=kind.vram,
        has_cpu_path=kind.has_cpu_path,
        priority=step.priority,
        ranked_at=Now() - timedelta(minutes=step.priority),
        pipeline=pipeline,
        pipeline_step=step,
        submitted_by=pipeline.submitted_by,
    )


def _problems(step: Step, earlier: Mapping[str, Step]) -> Details:
    details: Details = {}
    if not step.key.isidentifier() or step.key in earlier:
        details["key"] = ["Each step needs a name of its own, of letters, digits and underscores."]
    if unknown := [key for key in step.needs if key not in earlier]:
        details["needs"] = [f"There is no earlier step {key!r}." for key in unknown]
    if step.priority is not None and not 0 <= step.priority <= 10:
        details["priority"] = ["0 to 10."]
    try:
        registry.get(step.type).check(step.params)
    except Refused as refusal:
        details |= refusal.details
    for _, reference in registry.references(step.params):
        key, _, found = reference.partition(".")
        if key not in _needed(step, earlier) or not found:
            details.setdefault("params", []).append(f"{reference!r} is no result of a step that this one needs.")
    return details


def _needed(step: Step, earlier: Mapping[str, Step]) -> set[str]:
    """The steps that have certainly completed when this one starts."""
    needed: set[str] = set()
    waiting = [key for key in step.needs if key in earlier]
    while waiting:
        key = waiting.pop()
        needed.add(key)
        waiting += [other for other in earlier[key].needs if other in earlier and other not in needed]
    return needed
