"""What the tests of jobs share: types of their own and a node."""

from __future__ import annotations

import pytest

from jobs.models import WorkerNode
from tests.jobs import kinds


@pytest.fixture
def job_kinds(monkeypatch: pytest.MonkeyPatch) -> None:
    """`small`, `walk`, `encode` and `model` beside the product's own types."""
    kinds.register_kinds(monkeypatch)


@pytest.fixture
def gpu_node(db: None) -> WorkerNode:
    """A machine with 8 GB of GPU memory."""
    return kinds.node()


@pytest.fixture
def cpu_node(db: None) -> WorkerNode:
    """A machine without a GPU."""
    return kinds.node("cpu-1", vram=0)
