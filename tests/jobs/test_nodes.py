"""What is known of the machines and of the processes that take jobs on them."""

from __future__ import annotations

import runpy
from datetime import timedelta

import pytest
from django.db.models.functions import Now
from pytest_django.fixtures import Settings

from jobs import claims, nodes, services
from jobs.models import Lane, Worker, WorkerNode
from tests.jobs.kinds import claimed

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def machine(settings: Settings) -> None:
    """A machine called bench, whose memory is what the settings say."""
    settings.NODE_NAME, settings.NODE_VRAM_MB = "bench", 8192


def test_a_machine_registers_what_it_has() -> None:
    node = nodes.register(encoders=["libx264"])

    assert (node.name, node.vram_total, node.vram_used, node.encoders) == ("bench", 8192, 0, ["libx264"])
    assert abs(node.clock_skew) < 30


def test_registering_again_keeps_the_row_and_what_is_not_told(settings: Settings) -> None:
    first = nodes.register(encoders=["libx264"])
    settings.NODE_VRAM_MB = 4096

    again = nodes.register()

    assert (again.pk, again.vram_total, again.encoders) == (first.pk, 4096, ["libx264"])


def test_a_machine_without_a_driver_has_no_gpu(settings: Settings) -> None:
    settings.NODE_VRAM_MB = -1

    assert nodes.register().vram_total == sum(gpu.vram for gpu in nodes.find_gpus())


def test_memory_that_has_gone_stays_counted_while_jobs_hold_it(job_kinds: None, settings: Settings) -> None:
    node = nodes.register()
    services.submit("encode")
    lease = claimed(node, Lane.GPU_ENCODE)
    settings.NODE_VRAM_MB = 0

    assert (nodes.register().vram_total, node.pk) == (2048, lease.node_id)
    claims.complete(lease, result={})
    assert nodes.register().vram_total == 0


def test_memory_that_has_gone_is_counted_no_longer_once_its_jobs_have_ended(job_kinds: None, settings: Settings) -> None:
    node = nodes.register()
    services.submit("encode")
    lease = claimed(node, Lane.GPU_ENCODE)
    settings.NODE_VRAM_MB = 1024
    worker = nodes.start_worker(nodes.register(), Lane.GPU_ENCODE)
    claims.complete(lease, result={})

    nodes.beat_worker(worker)

    node.refresh_from_db()
    assert (node.vram_total, node.vram_used) == (1024, 0)


def test_a_container_that_is_shown_no_gpu_leaves_the_machine_what_another_found(settings: Settings) -> None:
    nodes.start_worker(nodes.register(), Lane.GPU_AI)
    settings.NODE_VRAM_MB = -1

    assert nodes.register().vram_total == (sum(gpu.vram for gpu in nodes.find_gpus()) or 8192)


def test_two_workers_of_a_machine_are_told_apart_though_each_is_its_container_s_first_process() -> None:
    of_the_same_number = {runpy.run_path(nodes.__file__)["PROCESS"] for _ in range(2)}

    assert len(of_the_same_number) == 2
    assert nodes.start_worker(nodes.register(), Lane.CPU).name == f"cpu@bench:{nodes.PROCESS}"


def test_this_node_is_registered_once() -> None:
    assert nodes.this_node() == nodes.this_node()
    assert WorkerNode.objects.count() == 1


def test_a_node_has_its_host_name_where_it_is_given_none(settings: Settings) -> None:
    settings.NODE_NAME = ""

    assert nodes.register().name


def test_a_worker_lives_while_it_says_so() -> None:
    worker = nodes.start_worker(nodes.register(), Lane.CPU, slots=2)
    assert list(nodes.live_workers()) == [worker]

    Worker.objects.update(seen_at=Now() - timedelta(hours=1))
    assert list(nodes.live_workers()) == []
    nodes.beat_worker(worker)

    assert list(nodes.live_workers()) == [worker]


def test_dead_workers_are_swept_away_and_one_that_was_only_stopped_comes_back() -> None:
    worker = nodes.start_worker(nodes.register(), Lane.CPU)
    Worker.objects.update(seen_at=Now() - timedelta(hours=1))
    assert nodes.sweep_workers() == 1

    nodes.beat_worker(worker)

    assert [live.name for live in nodes.live_workers()] == [worker.name]
    nodes.stop_worker(worker)
    assert not Worker.objects.exists()
