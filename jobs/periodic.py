"""What comes round: each piece has a row that says when it is due, and whichever worker locks the row then runs it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.contrib.sessions.models import Session
from django.core.management import call_command
from django.db import connection, transaction
from django.db.models.functions import Now

from jobs import history, parts, services
from jobs.models import Job, PeriodicTask
from media_library.models import Video
from media_library.uploads import healing as uploads

IN_HAND = (Job.Status.PENDING, Job.Status.QUEUED, Job.Status.RUNNING)

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Periodic:
    """A piece of periodic work; `next_due` is SQL for when it is due again."""

    name: str
    run: Callable[[], None]
    next_due: str


def every(interval: str) -> str:
    return f"now() + interval '{interval}'"


def nightly(at: str) -> str:
    """Once a night, at a time of TIME_ZONE."""
    zone = settings.TIME_ZONE
    tonight = f"(now() AT TIME ZONE '{zone}')::date + time '{at}'"
    return f"CASE WHEN {tonight} > now() AT TIME ZONE '{zone}' THEN {tonight} ELSE {tonight} + interval '1 day' END AT TIME ZONE '{zone}'"


def run_due() -> list[str]:
    """Run what is due and nobody else is running; returns the names of what ran."""
    _add_missing()
    return [task.name for task in all_tasks() if _run_if_due(task)]


def all_tasks() -> tuple[Periodic, ...]:
    return (
        Periodic("hash_videos", hash_videos, every("10 minutes")),
        Periodic("reconcile_counters", reconcile_counters, nightly("03:30")),
        Periodic("expire_replies", expire_replies, every("1 hour")),
        Periodic("expire_sign_ins", expire_sign_ins, nightly("04:00")),
        Periodic("expire_jobs", expire_jobs, every("10 minutes")),
        Periodic("sweep_uploads", sweep_uploads, every("10 minutes")),
        Periodic("sweep_parts", parts.sweep, every("1 hour")),
    )


def hash_videos() -> None:
    """Have the background hash what no one has hashed; what the last job passed over waits for a change, or a day."""
    unhashed = Video.objects.valid().present_on_disk().filter(file_hash=None)
    last = Job.objects.filter(type="hash_videos", status=Job.Status.COMPLETED, created_at__gt=Now() - timedelta(days=1)).first()
    if last and not (last.result or {}).get("hashed"):
        unhashed = unhashed.filter(updated_at__gt=last.created_at)
    if unhashed.exists():
        _submit_once("hash_videos")


def reconcile_counters() -> None:
    """Recount what visitors did, in a job that people can see."""
    _submit_once("reconcile_counters")


def expire_replies() -> None:
    """Forget the replies to requests that named themselves by an Idempotency-Key, after a day."""
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM idempotent_replies WHERE created_at < now() - interval '1 day'")


def expire_sign_ins() -> None:
    """Forget sessions and refresh tokens that have expired."""
    Session.objects.filter(expire_date__lt=Now()).delete()
    call_command("flushexpiredtokens")


def expire_jobs() -> None:
    """Forget jobs and pipelines that ended long ago."""
    history.expire()


def sweep_uploads() -> None:
    """Forget uploads that nobody has gone on with, and finish those whose last request died over it."""
    uploads.sweep(scan=services.scan_inbox)


def _submit_once(type: str) -> None:
    if not Job.objects.filter(type=type, status__in=IN_HAND).exists():
        services.submit(type, priority=0)


def _add_missing() -> None:
    """Each piece has its row; a new nightly one waits for its first night."""
    known = set(PeriodicTask.objects.values_list("name", flat=True))
    for task in all_tasks():
        if task.name not in known:
            _execute(f"INSERT INTO periodic_tasks (name, due_at, error) VALUES (%s, {task.next_due}, '') ON CONFLICT DO NOTHING", task.name)


def _run_if_due(task: Periodic) -> bool:
    """Run it while its row is locked, so that it runs once, and again at once elsewhere should this process die."""
    with transaction.atomic():
        if not PeriodicTask.objects.filter(name=task.name, due_at__lte=Now()).select_for_update(skip_locked=True).exists():
            return False
        error = ""
        try:
            with transaction.atomic():
                task.run()
        except Exception as problem:
            logger.exception("%s failed", task.name)
            error = f"{type(problem).__name__}: {problem}"[:1000]
        _execute(f"UPDATE periodic_tasks SET due_at = {task.next_due}, ran_at = now(), error = %s WHERE name = %s", error, task.name)
    return True


def _execute(statement: str, *parameters: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
