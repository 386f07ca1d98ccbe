"""Submit a job, and if wanted wait for its end."""

from __future__ import annotations

import json
import time
from argparse import ArgumentParser
from collections.abc import Iterable, Mapping
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import InterfaceError, OperationalError, connection
from pydantic.alias_generators import to_camel

from config import database
from jobs import labels, queue, registry, services
from jobs.models import Job
from media_library.status_line import StatusLine, bar

SECONDS_BETWEEN_LOOKS = 0.5
ENDED = (Job.Status.COMPLETED, Job.Status.FAILED, Job.Status.CANCELLED)
INTERRUPTED = 130  # exit status


class Command(BaseCommand):
    help = "Submits a job. With --wait it shows its progress, and its exit status is 1 unless the job completes."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("type", metavar="TYPE", nargs="?", help="a job type; without one, all types are listed")
        parser.add_argument(
            "--param", action="append", default=[], metavar="NAME=VALUE", dest="params", help="one param; repeat it for others"
        )
        parser.add_argument("--priority", type=int, default=5, help="0 to 10, higher first; default: 5")
        parser.add_argument("--vram", type=int, metavar="MIB", help="MiB of GPU memory, in place of the type's own")
        parser.add_argument("--wait", action="store_true", help="wait for its end; Ctrl-C then leaves the job to itself")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["type"] is None:
            self.stdout.write(_list_of_types())
            return
        job = _submit(options)
        self.stdout.write(f"Job {job.pk} ({job.type}) waits in the lane {job.resource_category}.")
        self.stdout.flush()
        if options["wait"]:
            self._wait(job.pk)

    def _wait(self, job_id: int) -> None:
        status = StatusLine(self)
        try:
            job = _ended(job_id, status)
        except KeyboardInterrupt:
            status.clear()
            raise CommandError(f"The job goes on without you; cancel job {job_id} in the admin.", returncode=INTERRUPTED) from None
        status.clear()
        if job.status != Job.Status.COMPLETED:
            raise CommandError(
                " ".join(f"{text.rstrip('.')}." for text in (f"Job {job_id} {job.status}", job.error, job.suggestion) if text)
            )
        self.stdout.write(f"Job {job_id} completed in {labels.took(job) or 'no time'}.")
        self.stdout.write(json.dumps(job.result, indent=2, ensure_ascii=False))


def _submit(options: Mapping[str, Any]) -> Job:
    try:
        kind = registry.get(options["type"])
        params = _read(options["params"], kind.params_schema())
        return services.submit(kind.name, params, priority=options["priority"], vram_required=options["vram"])
    except services.UnknownJobType as error:
        raise CommandError(f"{error}. There are: {', '.join(known.name for known in registry.all_types())}") from error
    except services.Refused as error:
        raise CommandError(str(error)) from error


def _read(pairs: Iterable[str], schema: Mapping[str, Any]) -> dict[str, Any]:
    """`name=value` as params: text where the type wants text, else JSON; the name in camelCase or with underscores."""
    params: dict[str, Any] = {}
    for pair in pairs:
        name, has_value, text = pair.partition("=")
        name = to_camel(name) if "_" in name else name
        if not has_value:
            raise CommandError(f"--param {pair}: write it as {pair}=VALUE")
        if name in params:
            raise CommandError(f"--param {name}: give it once")
        params[name] = _value(text, schema.get("properties", {}).get(name, {}))
    return params


def _value(text: str, of: Mapping[str, Any]) -> Any:
    kinds = {choice.get("type") for choice in of.get("anyOf", [of])}
    if "array" in kinds and not text.startswith("["):
        return [_value(word.strip(), of.get("items", {})) for word in text.split(",") if word.strip()]
    if "string" in kinds:
        return text
    try:
        return json.loads(text)
    except ValueError:
        return text  # the type says what is wrong with it


def _ended(job_id: int, status: StatusLine) -> Job:
    """The job once it has ended; a database that is away for a while is waited for."""
    while True:
        try:
            job = Job.objects.defer("log").get(pk=job_id)
            if job.status in ENDED:
                return job
            status.show(_line(job))
        except Job.DoesNotExist:
            raise CommandError(f"Job {job_id} is gone.") from None
        except (OperationalError, InterfaceError):
            connection.close()
            status.show("The database does not answer; waiting for it")
        time.sleep(SECONDS_BETWEEN_LOOKS)


def _line(job: Job) -> str:
    """The job's state on one line."""
    if job.status != Job.Status.RUNNING:
        return f"{job.type}  {queue.waiting_reasons([job]).get(job.pk, 'waits')}"
    parts = (f"{bar(job.progress, 100)}  {job.progress} %", labels.speed(job), labels.time_left(job, now=database.now()))
    return f"{job.type}  " + "  ".join(filter(None, parts))


def _list_of_types() -> str:
    lines = []
    for kind in registry.all_types():
        lines.append(f"{kind.name}  ({kind.lane}) {kind.description.splitlines()[0]}")
        schema = kind.params_schema()
        for name, of in schema.get("properties", {}).items():
            default = f"; default {of['default']}" if of.get("default") not in (None, "", []) else ""
            required = "; required" if name in schema.get("required", []) else ""
            lines.append(f"    {name}  {of.get('description', '')}{default}{required}")
    return "\n".join(lines)
