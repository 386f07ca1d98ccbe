"""What a pipeline does when one of its jobs has ended: the next steps start, or are cancelled, or the pipeline ends."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import BooleanField, Exists, F, Func, OuterRef, QuerySet
from django.db.models.functions import Now

from jobs import lanes, registry
from jobs.models import Job, Pipeline
from jobs.registry import RESULT, InvalidParams, UnknownJobType

ENDED = (Job.Status.COMPLETED, Job.Status.FAILED, Job.Status.CANCELLED)
BROKEN = (Job.Status.FAILED, Job.Status.CANCELLED)


class UnknownResult(LookupError):
    """A step refers to something that an earlier step did not find; `str()` says what."""


def hold(pipeline_id: int | None) -> None:
    """Lock a pipeline until the transaction ends; taken before its jobs, so that two steps that end at once see each other."""
    if pipeline_id is not None:
        Pipeline.objects.select_for_update(no_key=True).get(pk=pipeline_id)


@transaction.atomic
def advance(pipeline_id: int) -> None:
    """Start what is ready, cancel what can no longer be, and close the pipeline when nothing is left."""
    hold(pipeline_id)
    jobs = {job.pipeline_step.key: job for job in _jobs_in_order(pipeline_id) if job.pipeline_step}
    for job in jobs.values():  # a step needs only earlier ones, so that one round is enough
        _follow(job, jobs)
    if all(job.status in ENDED for job in jobs.values()):
        _close(pipeline_id, {job.status for job in jobs.values()})


def waits_for_approval(job: Job) -> bool:
    """Whether nothing but a person's word keeps the job from starting."""
    return awaiting_approval().filter(pk=job.pk).exists()


def awaiting_approval() -> QuerySet[Job]:
    """The jobs that nothing but a person's word keeps from starting."""
    key = Func(F("pipeline_step__key"), function="to_jsonb")
    is_needed = Func(OuterRef("pipeline_step__needs"), key, template="%(expressions)s", arg_joiner=" @> ", output_field=BooleanField())
    needed = Job.objects.filter(is_needed, pipeline=OuterRef("pipeline"))
    lacking = Job.objects.filter(status=Job.Status.PENDING, pipeline_step__needs_approval=True, pipeline_step__approved_at=None)
    return lacking.exclude(Exists(needed.exclude(status=Job.Status.COMPLETED)))


def resolve(value: Any, results: Mapping[str, Any]) -> Any:
    """Params with every `{"$result": "<key>.<field>"}` replaced by what the step found; raises `UnknownResult`."""
    if isinstance(value, Mapping):
        if value.keys() == {RESULT}:
            return _result(str(value[RESULT]), results)
        return {name: resolve(inner, results) for name, inner in value.items()}
    if isinstance(value, list):
        return [resolve(inner, results) for inner in value]
    return value


def _result(reference: str, results: Mapping[str, Any]) -> Any:
    key, *fields = reference.split(".")
    found: Any = results.get(key)
    for name in fields:
        if not isinstance(found, Mapping) or name not in found:
            raise UnknownResult(f"the step {key} found no {'.'.join(fields)}")
        found = found[name]
    return found


def _jobs_in_order(pipeline_id: int) -> list[Job]:
    jobs = Job.objects.filter(pipeline=pipeline_id).select_related("pipeline_step").defer("log").order_by("pipeline_step__position")
    return list(jobs.select_for_update(of=("self",), no_key=True))


def _follow(job: Job, jobs: Mapping[str, Job]) -> None:
    """Do to a waiting job what the steps that it needs say."""
    step = job.pipeline_step
    if step is None or job.status != Job.Status.PENDING or job.run_after is not None:
        return
    needed = [jobs[key] for key in step.needs]
    if broken := [other for other in needed if other.status in BROKEN]:
        _set(job, status=Job.Status.CANCELLED, completed_at=Now(), error=_why_cancelled(broken[0]))
    elif all(other.status == Job.Status.COMPLETED for other in needed) and not step.lacks_approval:
        _start(job, {key: jobs[key].result for key in jobs})


def _start(job: Job, results: Mapping[str, Any]) -> None:
    step = job.pipeline_step
    assert step is not None
    try:
        kind = registry.get(step.type)
        params = kind.parse(resolve(step.params, results))
        video_id = kind.video_of(params)
    except (UnknownResult, InvalidParams, UnknownJobType) as error:
        _set(job, status=Job.Status.FAILED, completed_at=Now(), error=str(error), error_class="invalid_params")
        return
    _set(
        job,
        status=Job.Status.QUEUED,
        params=params.model_dump(mode="json", by_alias=True),
        exclusive_key=kind.exclusive(params) if kind.exclusive else None,
        video_id=video_id,
        ranked_at=Now() - timedelta(minutes=job.priority),
    )
    lanes.wake(job.resource_category)


def _why_cancelled(broken: Job) -> str:
    step = broken.pipeline_step
    what = "failed" if broken.status == Job.Status.FAILED else "was cancelled"
    return f"The step {step.key if step else broken.pk} {what}"


def _close(pipeline_id: int, statuses: set[str]) -> None:
    status = Pipeline.Status.COMPLETED
    if Job.Status.FAILED in statuses:
        status = Pipeline.Status.FAILED
    elif Job.Status.CANCELLED in statuses:
        status = Pipeline.Status.CANCELLED
    Pipeline.objects.filter(pk=pipeline_id, status=Pipeline.Status.RUNNING).update(status=status, completed_at=Now())


def _set(job: Job, *, status: Job.Status, **changes: Any) -> None:
    """Move a waiting job on; the pipeline's lock keeps everybody else away."""
    if Job.objects.filter(pk=job.pk, status=Job.Status.PENDING).update(status=status, **changes):
        job.status = status
