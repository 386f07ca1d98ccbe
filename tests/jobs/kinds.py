"""Job types of the tests, and the rows that jobs need: nodes and workers."""

from __future__ import annotations

from typing import Any

import pytest
from django.db.models.functions import Now
from pydantic import Field

from jobs import registry
from jobs.claims import Lease, claim
from jobs.models import Lane, Worker, WorkerNode
from jobs.registry import Params, job_type


class SmallParams(Params):
    number: int = Field(0, ge=0)
    text: str = ""


class LibraryParams(Params):
    folder: str = ""


def register_kinds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Add the types of the tests to those of the product, until the test is over."""
    monkeypatch.setattr(registry, "_types", dict(registry._types))

    @job_type("small", lane=Lane.CPU, params=SmallParams)
    def small(context: Any, params: SmallParams) -> dict[str, Any]:
        """Does next to nothing."""
        return {"number": params.number + 1}

    @job_type("walk", lane=Lane.CPU, params=LibraryParams, exclusive=lambda params: "library")
    def walk(context: Any, params: LibraryParams) -> dict[str, Any]:
        """Wants the library for itself."""
        return {}

    @job_type("encode", lane=Lane.GPU_ENCODE, params=SmallParams, vram=2048)
    def encode(context: Any, params: SmallParams) -> dict[str, Any]:
        """Takes a GPU where there is one."""
        return {}

    @job_type("model", lane=Lane.GPU_AI, params=SmallParams, vram=6144, has_cpu_path=False)
    def model(context: Any, params: SmallParams) -> dict[str, Any]:
        """Cannot do without a GPU."""
        return {}


def node(name: str = "gpu-1", *, vram: int = 8192) -> WorkerNode:
    """A machine with so many MiB of GPU memory."""
    return WorkerNode.objects.create(name=name, vram_total=vram)


def worker(at: WorkerNode, lane: str, *, slots: int = 1) -> Worker:
    """A live worker of a lane."""
    return Worker.objects.create(name=f"{lane}@{at.name}:{at.workers.count() + 1}", node=at, lane=lane, slots=slots, started_at=Now())


def claimed(at: WorkerNode, lane: str) -> Lease:
    """What a worker takes, where there is something."""
    lease = claim(at, lane, f"{lane}@{at.name}:1")
    assert lease is not None
    return lease
