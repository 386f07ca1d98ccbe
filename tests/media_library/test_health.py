from __future__ import annotations

from pathlib import Path

import pytest
from django.test import Client

from jobs import nodes
from jobs.models import Lane

pytestmark = pytest.mark.django_db


def workers(client: Client) -> dict[str, object]:
    reply = client.get("/api/videos/health")
    assert reply.status_code == 200
    check: dict[str, object] = reply.json()["checks"]["workers"]
    return check


def test_without_workers_it_says_that_jobs_wait(client: Client, library: Path) -> None:
    assert workers(client) == {"ok": False, "reason": "No worker is running; jobs wait"}


def test_a_lane_without_a_worker_is_named(client: Client, library: Path) -> None:
    nodes.start_worker(nodes.this_node(), Lane.CPU)

    assert workers(client) == {"ok": False, "reason": "No worker serves gpu_ai and gpu_encode; their jobs wait"}


def test_all_is_well_where_every_lane_has_one(client: Client, library: Path) -> None:
    for lane in Lane:
        nodes.start_worker(nodes.this_node(), lane)

    assert workers(client) == {"ok": True}
