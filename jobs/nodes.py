"""The machines that run jobs, their GPU memory, and the processes on them that take jobs."""

from __future__ import annotations

import logging
import os
import secrets
import socket
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import pynvml
from django.conf import settings
from django.db import connection
from django.db.models import Count, F, QuerySet
from django.db.models.functions import Greatest, Now

from jobs.models import Lane, Worker, WorkerNode

logger = logging.getLogger(__name__)

MIB = 2**20  # bytes
PROCESS = f"{os.getpid()}-{secrets.token_hex(3)}"  # in containers every process has the same number


@dataclass(frozen=True)
class Gpu:
    name: str
    vram: int  # MiB


@cache
def find_gpus() -> list[Gpu]:
    """The GPUs of this machine that NVIDIA's driver knows; none without a driver."""
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        return []
    try:
        handles = [pynvml.nvmlDeviceGetHandleByIndex(index) for index in range(pynvml.nvmlDeviceGetCount())]
        return [Gpu(str(pynvml.nvmlDeviceGetName(handle)), int(pynvml.nvmlDeviceGetMemoryInfo(handle).total) // MIB) for handle in handles]
    except pynvml.NVMLError as error:
        logger.warning("The GPUs of this machine could not be asked: %s", error)
        return []
    finally:
        pynvml.nvmlShutdown()


def node_name() -> str:
    return settings.NODE_NAME or socket.gethostname()


def register(*, encoders: Sequence[str] | None = None) -> WorkerNode:
    """Write down what this machine is: its GPUs' memory, its clock, and its working encoders (None: as before).

    A process that sees no GPU leaves alone what another live one of this machine has found: a container may be shown none.
    """
    node, _ = WorkerNode.objects.get_or_create(name=node_name())
    found: dict[str, Any] = {} if encoders is None else {"encoders": list(encoders)}
    vram = _vram()
    if vram is not None or not live_workers().filter(node=node).exists():
        found |= {"gpus": [asdict(gpu) for gpu in find_gpus()], "vram_total": _total(vram or 0)}
    WorkerNode.objects.filter(pk=node.pk).update(clock_skew=clock_skew(), seen_at=Now(), **found)
    node.refresh_from_db()
    return node


def this_node() -> WorkerNode:
    """The row of this machine; makes it when there is none."""
    return WorkerNode.objects.filter(name=node_name()).first() or register()


def clock_skew() -> float:
    """Seconds that this machine's clock is ahead of the database's."""
    with connection.cursor() as cursor:
        before = datetime.now(UTC)
        cursor.execute("SELECT clock_timestamp()")
        asked: datetime = cursor.fetchone()[0]
        after = datetime.now(UTC)
    return ((before + (after - before) / 2) - asked).total_seconds()


def start_worker(node: WorkerNode, lane: Lane | str, *, slots: int = 1) -> Worker:
    """Say that this process takes `slots` jobs of the lane at once."""
    name = f"{lane}@{node.name}:{PROCESS}"
    worker, _ = Worker.objects.update_or_create(
        name=name, defaults={"node": node, "lane": str(lane), "slots": slots, "started_at": Now(), "seen_at": Now()}
    )
    return worker


def beat_worker(worker: Worker) -> None:
    """Say that a worker and its node live, and with what memory; a worker that was swept away while it was stopped is there again."""
    if not Worker.objects.filter(pk=worker.pk).update(seen_at=Now()):
        Worker.objects.update_or_create(
            name=worker.name, defaults={"node_id": worker.node_id, "lane": worker.lane, "slots": worker.slots, "seen_at": Now()}
        )
    vram = _vram()
    memory = {} if vram is None else {"vram_total": _total(vram)}
    WorkerNode.objects.filter(pk=worker.node_id).update(seen_at=Now(), **memory)


def stop_worker(worker: Worker) -> None:
    """Say that a worker takes no more jobs."""
    Worker.objects.filter(name=worker.name).delete()


def live_workers() -> QuerySet[Worker]:
    """Workers that were seen within a lease, with their nodes."""
    return Worker.objects.filter(seen_at__gt=Now() - lease()).select_related("node").order_by("lane", "node__name", "name")


def others_than(ours: Iterable[Worker]) -> dict[Lane, int]:
    """How many other workers each lane has."""
    others = live_workers().exclude(name__in=[worker.name for worker in ours]).order_by()
    return {Lane(lane): count for lane, count in others.values_list("lane").annotate(count=Count("pk"))}


def sweep_workers() -> int:
    """Forget the workers that died; returns how many."""
    return Worker.objects.filter(seen_at__lte=Now() - lease()).delete()[0]


def lease() -> timedelta:
    """How long a worker may be silent."""
    return timedelta(seconds=settings.LEASE_SECONDS)


def _vram() -> int | None:
    """MiB of GPU memory that jobs may use here; None: this process sees none, and nobody said so."""
    if settings.NODE_VRAM_MB >= 0:
        return settings.NODE_VRAM_MB
    return sum(gpu.vram for gpu in find_gpus()) or None


def _total(vram: int) -> Greatest:
    """A node's memory: where running jobs hold more than there is now, what they hold until they have ended."""
    return Greatest(vram, F("vram_used"))
