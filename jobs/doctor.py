"""Looks at every part that jobs need, and says of each how it is and what to do."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from django.conf import settings
from django.db import DatabaseError, InterfaceError, connection
from django.db.migrations.executor import MigrationExecutor
from django.db.models import Count
from redis import RedisError

from config import database, redis
from jobs import labels, lanes, nodes, queue
from jobs.models import Job, Lane, PeriodicTask, WorkerNode
from media_library import space
from media_library.ffmpeg.encoders import working_encoders
from media_library.models import LibraryRoot
from media_library.scanner.errors import ScanRefused
from media_library.scanner.roots import open_root, recognise

GIB = 2**30  # bytes
LITTLE_SPACE = 10 * GIB
SKEW_TO_MENTION = 2.0  # seconds; leases go by the database's clock, so that this harms only what people read
LONG_WAIT = 24 * 3600.0  # seconds
FFMPEG_TIMEOUT = 10.0  # seconds
WAITING = (Job.Status.PENDING, Job.Status.QUEUED)


class Level(StrEnum):
    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"


@dataclass(frozen=True)
class Finding:
    """One line: what was looked at, how it is, and what to do about it."""

    level: Level
    subject: str
    sentence: str
    advice: str = ""


Check = Callable[[], Iterator[Finding]]


def examine() -> Iterator[Finding]:
    """Every finding, as it is made; what needs the database is left out while there is none."""
    yield from _features()
    database = list(_database())
    yield from database
    yield from _broker()
    yield from _ffmpeg()
    yield from _space()
    if any(finding.level is Level.PROBLEM for finding in database):
        yield Finding(Level.WARNING, "jobs", "Lanes, workers and waiting jobs were not looked at.", "Mend the database first.")
        return
    for check in (_library, _lanes, _nodes, _oldest, _failed, _periodic):
        yield from check()


def _features() -> Iterator[Finding]:
    if settings.ENABLE_MEDIA_FEATURES:
        yield Finding(Level.OK, "features", "The media features are on.")
    else:
        yield Finding(Level.PROBLEM, "features", "The media features are off: workers take no jobs.", "Set ENABLE_MEDIA_FEATURES=true.")


def _database() -> Iterator[Finding]:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT current_setting('server_version')")
            (version,) = cursor.fetchone()
        executor = MigrationExecutor(connection)
        left = executor.migration_plan(executor.loader.graph.leaf_nodes())
    except (DatabaseError, InterfaceError) as error:
        sentence = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        yield Finding(Level.PROBLEM, "database", f"It does not answer: {sentence}.", "Start PostgreSQL, or correct DATABASE_URL.")
        return
    if left:
        yield Finding(Level.PROBLEM, "database", f"{len(left)} migrations have not been applied.", "Run manage.py migrate.")
    else:
        yield Finding(Level.OK, "database", f"PostgreSQL {version.split()[0]} answers, and its tables are up to date.")


def _broker() -> Iterator[Finding]:
    try:
        redis.client().ping()
    except RedisError as error:
        sentence = f"Redis does not answer ({type(error).__name__}): jobs still run, but start up to {settings.POLL_SECONDS:.0f} s later."
        yield Finding(Level.WARNING, "broker", sentence, "Start Redis, or correct REDIS_URL.")
    else:
        yield Finding(Level.OK, "broker", "Redis answers.")


def _ffmpeg() -> Iterator[Finding]:
    program = settings.FFMPEG_BINARY
    try:
        asked = subprocess.run([program, "-version"], capture_output=True, text=True, timeout=FFMPEG_TIMEOUT, check=True)
    except (OSError, subprocess.SubprocessError) as error:
        yield Finding(Level.PROBLEM, "ffmpeg", f"{program} does not run: {error}.", "Install ffmpeg, or set FFMPEG_BINARY.")
        return
    version = asked.stdout.split(" ")[2] if asked.stdout.startswith("ffmpeg version ") else "of an unknown version"
    if encoders := working_encoders(program):
        yield Finding(Level.OK, "ffmpeg", f"ffmpeg {version} encodes here with {', '.join(encoders)}.")
    else:
        yield Finding(
            Level.PROBLEM, "ffmpeg", f"ffmpeg {version} has no working H.264 encoder.", "Install one that was built with libx264."
        )


def _space() -> Iterator[Finding]:
    for name, folder in (("library", Path(settings.LIBRARY_ROOT)), ("data", Path(settings.DATA_DIR))):
        try:
            free = shutil.disk_usage(folder).free
        except OSError as error:
            yield Finding(Level.PROBLEM, f"disk ({name})", f"{folder}: {error.strerror}.", "Is the disk mounted, and the setting right?")
            continue
        sentence = f"{free / GIB:,.1f} GiB are free at {folder}."
        if space.is_full(folder):
            yield Finding(Level.PROBLEM, f"disk ({name})", sentence, "Free some space: jobs that write will stop.")
        elif free < LITTLE_SPACE:
            yield Finding(Level.WARNING, f"disk ({name})", sentence, "Free some space soon.")
        else:
            yield Finding(Level.OK, f"disk ({name})", sentence)


def _library() -> Iterator[Finding]:
    """The folder of videos: there, readable, and the one that the database knows."""
    root = Path(settings.LIBRARY_ROOT)
    try:
        descriptor = open_root(root)
    except ScanRefused as error:
        yield Finding(Level.PROBLEM, "library", f"{error}.".replace("?.", "?"), "Mount it, or correct LIBRARY_ROOT.")
        return
    try:
        known = recognise(descriptor, root, accept_another=False)
    except ScanRefused as error:
        yield Finding(Level.PROBLEM, "library", str(error), "Scan with --allow-missing if this is the library from now on.")
        return
    finally:
        os.close(descriptor)
    if not LibraryRoot.objects.filter(pk=known.pk).exists():
        yield Finding(Level.WARNING, "library", f"{root} has not been scanned yet.", "Run manage.py scan_library.")
    elif not os.access(root, os.W_OK):
        yield Finding(Level.WARNING, "library", f"{root} is read-only: jobs can make no files there.", "Let its owner run the workers.")
    else:
        yield Finding(Level.OK, "library", f"{root} is the library that we know.")


def _lanes() -> Iterator[Finding]:
    openings = lanes.openings()
    for lane in queue.summary():
        waiting = sum(lane.counts[status] for status in WAITING)
        counted = f"{waiting:,} waiting, {lane.counts[Job.Status.RUNNING]:,} running, {_workers(lane)}"
        start = f"Start one: celery -A config worker -Q {lane.lane}"
        if openings[Lane(lane.lane)].is_paused:
            yield Finding(Level.WARNING, f"lane {lane.lane}", f"{counted}; {lane.reason}.", "Resume it in the admin when it may go on.")
        elif not lane.workers and waiting:
            yield Finding(Level.PROBLEM, f"lane {lane.lane}", f"{counted}: nothing starts.", start)
        elif not lane.workers:
            yield Finding(Level.WARNING, f"lane {lane.lane}", f"{counted}.", start)
        else:
            yield Finding(Level.OK, f"lane {lane.lane}", f"{counted}{f'; {lane.reason}' if lane.reason else ''}.")


def _workers(lane: queue.LaneSummary) -> str:
    machines = len({worker.node for worker in lane.workers})
    if not machines:
        return "no worker"
    return f"{len(lane.workers)} worker{'s' if len(lane.workers) > 1 else ''} on {machines} machine{'s' if machines > 1 else ''}"


def _nodes() -> Iterator[Finding]:
    """This machine's clock, and every machine with a live worker: its clock, memory and encoders."""
    yield _clock("clock", "This machine's clock", nodes.clock_skew())
    for node in WorkerNode.objects.filter(pk__in=nodes.live_workers().values("node")):
        memory = f"{labels.gigabytes(node.vram_total)} of GPU memory" if node.vram_total else "no GPU"
        encoders = f"encodes with {', '.join(node.encoders)}" if node.encoders else "has no working encoder"
        yield Finding(Level.OK if node.encoders else Level.WARNING, f"node {node.name}", f"{memory}, {encoders}.")
        if abs(node.clock_skew) > SKEW_TO_MENTION:
            yield _clock(f"node {node.name}", "Its clock", node.clock_skew)


def _clock(subject: str, whose: str, skew: float) -> Finding:
    if abs(skew) <= SKEW_TO_MENTION:
        return Finding(Level.OK, subject, f"{whose} agrees with the database's to {abs(skew):.1f} s.")
    sentence = f"{whose} is {abs(skew):.1f} s {'ahead of' if skew > 0 else 'behind'} the database's."
    return Finding(Level.WARNING, subject, sentence, "Let NTP set it; times that people read are off.")


def _oldest() -> Iterator[Finding]:
    job = Job.objects.filter(status__in=WAITING).order_by("created_at", "pk").defer("log").first()
    if job is None:
        yield Finding(Level.OK, "waiting", "No job waits.")
        return
    waited = (database.now() - job.created_at).total_seconds()
    reason = queue.waiting_reasons([job]).get(job.pk, "nobody knows why")
    sentence = f"The oldest waiting job is {job}, for {labels.roughly(round(waited))}: {reason}."
    if waited > LONG_WAIT:
        yield Finding(Level.WARNING, "waiting", sentence, "Look at what it waits for, or cancel it.")
    else:
        yield Finding(Level.OK, "waiting", sentence)


def _failed() -> Iterator[Finding]:
    counted = Job.objects.left_failed().values_list("error_class").annotate(count=Count("pk")).order_by("-count")
    if not counted:
        yield Finding(Level.OK, "failed", "No failure is left to look after.")
        return
    told = ", ".join(f"{count:,} × {labels.error_class(name).lower()}" for name, count in counted)
    yield Finding(Level.WARNING, "failed", f"{told}.", "The queue in the admin says what to do about each; retry or dismiss them there.")


def _periodic() -> Iterator[Finding]:
    broken = PeriodicTask.objects.exclude(error="").order_by("name")
    for task in broken:
        yield Finding(Level.WARNING, f"periodic {task.name}", f"Its last run failed: {task.error.splitlines()[-1]}", "It is tried again.")
    if not broken:
        yield Finding(Level.OK, "periodic", "What runs by itself has not failed.")
