"""Runs one claimed job to whatever end it comes to: the one place that catches everything."""

from __future__ import annotations

import errno
import logging
import traceback
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from django.db import transaction

from jobs import claims, registry
from jobs.claims import NO_SPACE, CancelRequested, Lease, LeaseLost
from jobs.context import JobContext
from jobs.failures import AWAY_DATABASE, Failure, JobCancelled, JobFailed, LeaseExpired, WorkerStops, failure_of
from jobs.heartbeat import Pulse, is_refusal
from jobs.models import Job
from jobs.outputs import Named
from jobs.picking import GPU_FAILED
from jobs.registry import InvalidParams, UnknownJobType
from media_library import space

TAKEN = (errno.EEXIST, errno.ENOTEMPTY)  # the latter of folders

logger = logging.getLogger(__name__)


def perform(lease: Lease, pulse: Pulse) -> None:
    """Run the job and write how it ended; `pulse` is beating. Whatever a handler raises ends here."""
    context = JobContext(lease, pulse)
    try:
        result = _run(context, lease)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - the runner is the one place
        context.files.drop()
        _end(pulse, _ending(lease, pulse, error))
    else:
        _complete(context, lease, pulse, result)


def _run(context: JobContext, lease: Lease) -> dict[str, Any]:
    context.files.remove_leftovers()
    try:
        kind = registry.get(lease.type)
        params = kind.parse(lease.params)
    except (UnknownJobType, InvalidParams) as error:
        suggestion = "This worker's release does not know such jobs: bring all workers to the same release."
        raise JobFailed("unknown_job", str(error), suggestion=suggestion) from error
    if kind.vram and not context.uses_gpu:
        failed = "The GPU failed at it" if lease.last_error_class == GPU_FAILED else "No GPU memory is reserved here"
        context.log(f"{failed}: this runs on the processor.")
    return kind.run(context, params)


def _complete(context: JobContext, lease: Lease, pulse: Pulse, result: dict[str, Any]) -> None:
    """Put the files into place, write the handler's rows and complete the job, all or nothing."""
    left = context.files.drop_unfinished()

    def complete() -> None:
        nonlocal result
        while True:
            try:
                _write_completion(context, lease, pulse, result, left)
            except LeaseLost:
                if not _has_completed(lease):
                    raise
            except OSError as error:
                if error.errno not in TAKEN or not (renamed := context.files.find_other_names()):
                    raise
                result = _with_paths(result, {path.as_posix(): other.as_posix() for path, other in renamed.items()})
                continue
            return

    try:
        pulse.persist(complete)
    except Exception as error:  # noqa: BLE001 - the runner is the one place
        if isinstance(error, AWAY_DATABASE) and not is_refusal(error):
            # Whether it was written nobody knows: what is in place stays, and the row tells the reaper of it.
            logger.warning("%s #%d could not be completed: %s", lease.type, lease.job_id, error)
            return
        context.files.drop()
        _end(pulse, _ending(lease, pulse, error))


def _write_completion(context: JobContext, lease: Lease, pulse: Pulse, result: dict[str, Any], left: Sequence[Named]) -> None:
    """One statement for a job that made nothing, else one transaction."""
    if not context.files.are_named and not context.writes:
        claims.complete(lease, result=result, log=pulse.unwritten_log)
        return
    with transaction.atomic():
        result = result | _put_into_place(context, lease)
        claims.complete(lease, result=result, outputs=context.files.outputs, drafts=left, log=pulse.unwritten_log)


def _put_into_place(context: JobContext, lease: Lease) -> dict[str, Any]:
    """Hold the job while its files are renamed and its rows written; returns what the rows add to its result."""
    if claims.hold(lease).cancel_requested_at is not None:
        raise CancelRequested(lease.job_id)
    context.files.place()
    return {name: value for write in context.writes for name, value in write().items()}


def _with_paths(told: Any, paths: Mapping[str, str]) -> Any:
    """JSON with other paths where it tells of these."""
    match told:
        case dict():
            return {name: _with_paths(value, paths) for name, value in told.items()}
        case list():
            return [_with_paths(value, paths) for value in told]
        case str():
            return paths.get(told, told)
    return told


def _has_completed(lease: Lease) -> bool:
    """Whether an earlier try was written though nobody told us so."""
    return Job.objects.filter(pk=lease.job_id, status=Job.Status.COMPLETED, attempt=lease.attempt, worker=lease.worker).exists()


def _ending(lease: Lease, pulse: Pulse, error: BaseException) -> Callable[[], None]:
    """What is to be written of a job that did not complete."""
    if isinstance(error, LeaseLost) and not isinstance(error, LeaseExpired):
        return lambda: None
    if isinstance(error, JobCancelled | CancelRequested):
        pulse.say("Cancelled.")
        return lambda: claims.cancelled(lease)
    if isinstance(error, WorkerStops):
        pulse.say("The worker stops; the job goes back into the queue.")
        return lambda: claims.give_back(lease)
    failure = failure_of(error)
    _tell(lease, pulse, error, failure)
    if failure.error_class == NO_SPACE and space.any_is_full():  # though what the job had made is gone by now
        return lambda: claims.disk_full(lease, error=failure.error)
    return lambda: claims.fail(
        lease, error=failure.error, error_class=failure.error_class, suggestion=failure.suggestion, is_transient=failure.is_transient
    )


def _tell(lease: Lease, pulse: Pulse, error: BaseException, failure: Failure) -> None:
    """Say what happened, in the worker's log and in the job's; a fault of ours with where it was."""
    is_ours = failure.error_class == "internal_error"
    logger.log(
        logging.ERROR if is_ours else logging.WARNING, "%s #%d failed: %s", lease.type, lease.job_id, failure.error, exc_info=is_ours
    )
    pulse.say(f"Failed: {failure.error}")
    if is_ours:
        pulse.say("".join(traceback.format_exception(error)))


def _end(pulse: Pulse, write: Callable[[], None]) -> None:
    """Write the job's end; where that fails for good, the reaper finds the job when its lease is over."""

    @transaction.atomic
    def end() -> None:
        claims.hold(pulse.lease)  # before any write: pipeline, then job, as everybody locks them
        if log := pulse.unwritten_log:
            claims.write_log(pulse.lease, log)
        write()

    try:
        pulse.persist(end)
    except LeaseLost:
        logger.info("%s #%d belongs to another worker now", pulse.lease.type, pulse.lease.job_id)
    except Exception:
        logger.exception("%s #%d: its end could not be written", pulse.lease.type, pulse.lease.job_id)
