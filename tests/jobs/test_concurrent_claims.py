"""Many workers at once, each with its own connection."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Barrier, Event
from typing import Any, TypeVar

import pytest
from django.db import connection, transaction
from django.db.models import Sum
from django.db.models.functions import Coalesce

from jobs import claims, services
from jobs.claims import Lease, LeaseLost, claim, complete
from jobs.models import Job, Lane, Pipeline, WorkerNode
from jobs.pipelines import Step
from tests.jobs.kinds import claimed, node

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("job_kinds")]

PATIENCE = 30  # seconds, until a test that waits has failed
T = TypeVar("T")


def at_once(act: Callable[[int], T], count: int) -> list[T]:
    """What `count` threads get that start the same thing at the same moment."""
    ready = Barrier(count)

    def start(number: int) -> T:
        try:
            connection.ensure_connection()
            ready.wait(PATIENCE)
            return act(number)
        finally:
            connection.close()

    with ThreadPoolExecutor(count) as threads:
        return list(threads.map(start, range(count)))


@contextmanager
def meanwhile(act: Callable[[], object]) -> Iterator[None]:
    """Hold what `act` has locked, in another connection, while the block runs."""
    done, may_end = Event(), Event()

    def hold() -> None:
        try:
            with transaction.atomic():
                act()
                done.set()
                may_end.wait(PATIENCE)
        finally:
            done.set()
            connection.close()

    with ThreadPoolExecutor(1) as thread:
        holding = thread.submit(hold)
        try:
            assert done.wait(PATIENCE)
            yield
        finally:
            may_end.set()
            holding.result()


def impatient() -> None:
    """Let this connection fail where it would have to wait for a lock."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL lock_timeout = '2s'")


def test_no_job_is_started_twice_and_none_is_left() -> None:
    nodes = [node(f"node-{number}", vram=0) for number in range(4)]
    jobs = {services.submit("small").pk for _ in range(80)}

    def take_all(number: int) -> list[Lease]:
        return list(iter(lambda: claim(nodes[number % 4], Lane.CPU, f"w{number}"), None))

    taken = [lease for leases in at_once(take_all, 8) for lease in leases]

    assert sorted(lease.job_id for lease in taken) == sorted(jobs)
    assert set(Job.objects.values_list("status", "attempt")) == {("running", 1)}
    assert set(Job.objects.values_list("pk", "lease_token")) == {(lease.job_id, lease.token) for lease in taken}


def test_a_claim_does_not_wait_for_another_nodes(cpu_node: WorkerNode) -> None:
    other = node("other", vram=0)
    first, second = services.submit("small"), services.submit("small")
    held: list[Lease] = []

    with meanwhile(lambda: held.append(claimed(other, Lane.CPU))), transaction.atomic():
        impatient()
        mine = claimed(cpu_node, Lane.CPU)

    assert [held[0].job_id, mine.job_id] == [first.pk, second.pk]


def test_a_claim_does_not_wait_for_a_person_who_changes_the_job(cpu_node: WorkerNode) -> None:
    first, second = services.submit("small"), services.submit("small")

    with meanwhile(lambda: services.set_priority(first.pk, 6, by=None)), transaction.atomic():
        impatient()
        assert claimed(cpu_node, Lane.CPU).job_id == second.pk


def test_memory_is_never_overbooked() -> None:
    """Eight workers of two lanes take and give back; whoever looks, sees a ledger that is true and not over."""
    machine = node(vram=8192)
    for number in range(60):
        services.submit(*(("model", {}) if number % 5 == 0 else ("encode", {})), priority=number % 10)
    seen: list[tuple[int, int]] = []

    def work(number: int) -> None:
        lane = Lane.GPU_AI if number % 4 == 0 else Lane.GPU_ENCODE
        misses = 0
        while misses < 20:
            lease = claim(machine, lane, f"w{number}")
            misses += lease is None
            seen.append(ledger())
            if lease:
                complete(lease, result={})

    at_once(work, 8)

    assert all(used == reserved <= 8192 for used, reserved in seen)
    assert max(used for used, _ in seen) > 2048
    while lease := claim(machine, Lane.GPU_ENCODE, "last") or claim(machine, Lane.GPU_AI, "last"):
        complete(lease, result={})
    assert set(Job.objects.values_list("status", flat=True)) == {"completed"}
    assert ledger() == (0, 0)


def ledger() -> tuple[int, int]:
    """The node's memory in use, and what its running jobs hold, at one moment."""
    held = Job.objects.filter(status="running").order_by().values("node").annotate(held=Sum("vram_reserved")).values("held")
    used, reserved = WorkerNode.objects.values_list("vram_used", Coalesce(held, 0)).get()
    return used, reserved


def test_of_the_jobs_of_a_library_one_runs_whoever_asks() -> None:
    nodes = [node(f"node-{number}", vram=0) for number in range(6)]
    for _ in range(12):
        services.submit("walk")

    for round in range(12):
        taken = [lease for lease in at_once(lambda number: claim(nodes[number], Lane.CPU, f"w{number}"), 6) if lease]

        assert len(taken) == 1, f"round {round}"
        assert Job.objects.filter(status="running").count() == 1
        complete(taken[0], result={})


def test_steps_that_end_at_once_start_the_step_that_needs_both(cpu_node: WorkerNode) -> None:
    for _ in range(10):
        pipeline = services.submit_pipeline([Step("a", "small"), Step("b", "small"), Step("join", "small", needs=("a", "b"))])
        leases = [claimed(cpu_node, Lane.CPU), claimed(cpu_node, Lane.CPU)]

        at_once(lambda number: complete(leases[number], result={}), 2)  # noqa: B023  # done before the next round

        complete(claimed(cpu_node, Lane.CPU), result={})
        assert Pipeline.objects.get(pk=pipeline.pk).status == "completed"


def test_a_job_is_cancelled_or_completed_never_both(cpu_node: WorkerNode) -> None:
    for _ in range(15):
        job = services.submit("small")
        acts: list[Callable[[], Any]] = [lambda: services.cancel(job.pk, by=None), lambda: finish(cpu_node)]  # noqa: B023

        answers = at_once(lambda number: outcome_of(acts[number]), 2)  # noqa: B023

        status = Job.objects.get(pk=job.pk).status
        was_cancelled = not isinstance(answers[0], Exception)
        assert status == ("cancelled" if was_cancelled else "completed"), answers


def test_a_job_that_is_given_back_meanwhile_is_cancelled_all_the_same(cpu_node: WorkerNode) -> None:
    job = services.submit("small")
    lease = claimed(cpu_node, Lane.CPU)

    with ThreadPoolExecutor(1) as thread:
        with meanwhile(lambda: claims.give_back(lease)):
            cancelling = thread.submit(cancel_elsewhere, job.pk)
            wait_for_a_lock()

        assert cancelling.result(PATIENCE).status == "cancelled"


def cancel_elsewhere(job_id: int) -> Job:
    try:
        return services.cancel(job_id, by=None)
    finally:
        connection.close()


def wait_for_a_lock() -> None:
    """Until somebody waits for what another connection has locked."""
    deadline = time.monotonic() + PATIENCE
    with connection.cursor() as cursor:
        while time.monotonic() < deadline:
            cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'")
            if cursor.fetchone()[0]:
                return
            time.sleep(0.01)
    raise AssertionError("nobody waits")


def finish(at: WorkerNode) -> None:
    """Run what there is to its end, and stop where a person asked for it."""
    lease = claim(at, Lane.CPU, "w")
    if lease is None:
        return
    try:
        complete(lease, result={})
    except claims.CancelRequested:
        claims.cancelled(lease)


def outcome_of(act: Callable[[], Any]) -> Any:
    try:
        return act()
    except (services.WrongState, LeaseLost) as error:
        return error


def test_an_expired_job_is_taken_back_once(gpu_node: WorkerNode) -> None:
    services.submit("encode")
    lease = claimed(gpu_node, Lane.GPU_ENCODE)
    Job.objects.filter(pk=lease.job_id).update(lease_until="2000-01-01T00:00Z")

    taken = [abandoned for found in at_once(lambda _: claims.take_back_expired(), 4) for abandoned in found]

    assert [abandoned.job_id for abandoned in taken] == [lease.job_id]
    assert (Job.objects.get().death_count, ledger_of(gpu_node)) == (1, 0)


def ledger_of(machine: WorkerNode) -> int:
    return WorkerNode.objects.get(pk=machine.pk).vram_used
