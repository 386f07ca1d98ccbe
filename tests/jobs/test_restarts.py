"""What a database that goes away costs a running job: nothing, while its lease stands."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from threading import Thread, Timer
from typing import Any

import pytest
from django.db import OperationalError, connection, connections
from pytest_django.fixtures import Settings

from config.redis import client
from gallery import viewers
from jobs import claims, runner, services, worker
from jobs.context import JobContext
from jobs.failures import JobFailed
from jobs.heartbeat import Heart, Pulse
from jobs.models import Job, Lane
from tests.chaos.workers import wait_for
from tests.conftest import Clips
from tests.jobs import kinds
from tests.jobs.outage import Outage, outage
from tests.jobs.running import claim
from tests.jobs.test_runner import Does, does  # noqa: F401 - a fixture

pytestmark = pytest.mark.django_db(transaction=True)

AWAY = 1.0  # seconds
TARGET = Path("gifs/made.mp4")


@pytest.fixture
def database() -> Iterator[Outage]:
    with outage() as away:
        yield away


@pytest.fixture
def heart() -> Iterator[Heart]:
    heart = Heart()
    heart.start()
    yield heart
    heart.stop()
    heart._thread.join(30)


def perform(job: Job, heart: Heart) -> Job:
    """Run a job to its end, as a slot does."""
    lease = claim(job)
    pulse = Pulse(lease, claimed_at=time.monotonic())
    with heart.beating(pulse):
        runner.perform(lease, pulse)
    job.refresh_from_db()
    return job


def test_a_restart_after_an_encode_costs_neither_work_nor_attempt(
    does: Does,  # noqa: F811
    clips: Clips,
    library: Path,
    heart: Heart,
    database: Outage,
) -> None:
    runs = []

    def handler(context: JobContext) -> dict[str, Any]:
        draft = context.draft(TARGET)
        runs.append(1)
        context.run(["-i", f"file:{clips.plain}", "-c", "copy", "-y", f"file:{draft}"])
        database.begin(seconds=AWAY)
        context.draft(TARGET.with_name("second.mp4"))
        output = context.finish(draft, TARGET, duration=1.0)
        context.register(output, title="made")
        return {}

    job = perform(does(handler), heart)

    assert (job.status, job.attempt, job.death_count, len(runs)) == (Job.Status.COMPLETED, 1, 0, 1), job.error
    assert (library / TARGET).exists()


def test_a_restart_while_nobody_asks_anything_is_not_noticed(
    does: Does,  # noqa: F811
    heart: Heart,
    database: Outage,
) -> None:
    """A connection that lies open in the meantime would be found dead by the handler's next query."""

    def handler(context: JobContext) -> dict[str, Any]:
        Timer(1.0, database.begin, kwargs={"seconds": 0.3}).start()
        context.run(["-f", "lavfi", "-re", "-i", "testsrc2=size=64x36:duration=6", "-f", "null", "-"])
        return {"jobs": Job.objects.count()}

    job = perform(does(handler), heart)

    assert (job.status, job.attempt, job.result) == (Job.Status.COMPLETED, 1, {"jobs": 1})


def test_the_end_of_a_job_is_written_with_its_last_words_once_the_database_is_back(
    does: Does,  # noqa: F811
    heart: Heart,
    database: Outage,
) -> None:
    def handler(context: JobContext) -> dict[str, Any]:
        context.log("Looks promising.")
        database.begin(seconds=AWAY)
        raise JobFailed("nothing_to_cut", "There is nothing to cut")

    job = perform(does(handler), heart)

    assert (job.status, job.error_class) == (Job.Status.FAILED, "nothing_to_cut")
    assert job.log == "Looks promising.\nFailed: There is nothing to cut\n"


def test_last_words_are_written_though_the_first_try_to_write_them_is_rolled_back(
    does: Does,  # noqa: F811
    heart: Heart,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fail, tries = claims.fail, []

    def failing_at_first(*args: Any, **kwargs: Any) -> None:
        tries.append(1)
        if len(tries) == 1:
            with connection.cursor() as cursor:
                cursor.execute("DO $$ BEGIN RAISE EXCEPTION 'deadlock' USING ERRCODE = '40P01'; END $$")
        fail(*args, **kwargs)

    monkeypatch.setattr(claims, "fail", failing_at_first)

    def handler(context: JobContext) -> dict[str, Any]:
        raise JobFailed("nothing_to_cut", "There is nothing to cut")

    job = perform(does(handler), heart)

    assert len(tries) == 2
    assert job.log == "Failed: There is nothing to cut\n"


def test_a_database_that_is_there_and_refuses_is_asked_a_few_times(
    does: Does,  # noqa: F811
    heart: Heart,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("jobs.heartbeat.SECONDS_BETWEEN_TRIES", 0.0)
    job = does(lambda context: {})
    pulse = Pulse(claim(job), claimed_at=time.monotonic())
    tries = []

    def refused() -> None:
        tries.append(1)
        with connection.cursor() as cursor:
            cursor.execute("DO $$ BEGIN RAISE EXCEPTION 'deadlock' USING ERRCODE = '40P01'; END $$")

    with pytest.raises(OperationalError, match="deadlock"):
        pulse.persist(refused)

    assert 1 < len(tries) < 10


def test_a_job_whose_completion_the_database_refuses_is_tried_again_and_leaves_nothing(
    does: Does,  # noqa: F811
    clips: Clips,
    library: Path,
    heart: Heart,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("jobs.heartbeat.SECONDS_BETWEEN_TRIES", 0.0)

    def refused() -> dict[str, Any]:
        with connection.cursor() as cursor:
            cursor.execute("DO $$ BEGIN RAISE EXCEPTION 'deadlock' USING ERRCODE = '40P01'; END $$")
        return {}

    def handler(context: JobContext) -> dict[str, Any]:
        draft = context.draft(TARGET)
        draft.write_bytes(clips.plain.read_bytes())
        context.finish(draft, TARGET)
        context.with_completion(refused)
        return {}

    job = perform(does(handler), heart)

    assert (job.status, job.error_class) == (Job.Status.PENDING, "database_away")
    assert not (library / TARGET).exists()


def test_a_worker_that_stops_while_the_database_is_away_is_heard(does: Does, database: Outage) -> None:  # noqa: F811
    job = does(lambda context: {})
    pulse = Pulse(claim(job), claimed_at=time.monotonic())
    raised: list[BaseException] = []

    def ask() -> None:
        try:
            pulse.persist(Job.objects.count)
        except OperationalError as error:
            raised.append(error)
        finally:
            connections.close_all()

    database.begin()
    thread = Thread(target=ask)
    thread.start()
    pulse.stop()
    thread.join(30)

    assert not thread.is_alive()
    assert raised


def test_who_was_out_of_touch_for_a_lease_tries_again_and_no_death_is_counted(
    does: Does,  # noqa: F811
    settings: Settings,
    database: Outage,
) -> None:
    settings.LEASE_SECONDS = 0.5

    def handler(context: JobContext) -> dict[str, Any]:
        database.begin(seconds=2.0)
        while True:
            context.check()
            time.sleep(0.1)

    job = does(handler)
    lease = claim(job)

    runner.perform(lease, Pulse(lease, claimed_at=time.monotonic()))

    job.refresh_from_db()
    assert (job.status, job.error_class, job.death_count) == (Job.Status.PENDING, "lease_expired", 0)


def test_whether_to_pause_stays_as_it_was_while_nobody_can_say(job_kinds: None, monkeypatch: pytest.MonkeyPatch, database: Outage) -> None:
    monkeypatch.setattr("jobs.context.VIEWERS_LOOK_SECONDS", 0.0)
    monkeypatch.setattr(viewers, "KEY", "viewers during an outage")
    services.submit("encode")
    lease = kinds.claimed(kinds.node(), Lane.GPU_ENCODE)
    context = JobContext(lease, Pulse(lease, claimed_at=time.monotonic()))
    services.set_pauses_for_viewers("gpu_encode", True, by=None)
    client().set(viewers.KEY, 1, ex=60)
    before = context._may_run()

    database.begin()
    during = [context._may_run() for _ in range(100)]  # a look that fails takes a second or more, so there is one of them
    client().delete(viewers.KEY)

    assert (before, set(during)) == (False, {False})


class Stumbling(Pulse):
    """One over which the heart stumbles."""

    def beat(self) -> None:
        raise RuntimeError("a fault of ours")


def test_the_heart_beats_on_whatever_happens_to_it(does: Does, heart: Heart, settings: Settings, database: Outage) -> None:  # noqa: F811
    settings.BEAT_SECONDS = 0.1
    job = does(lambda context: {})
    lease = claim(job)
    pulse = Pulse(lease, claimed_at=time.monotonic())

    with heart.beating(Stumbling(lease, claimed_at=0.0)), heart.beating(pulse):
        database.begin(seconds=AWAY)
        pulse.report(42)

        wait_for(lambda: read_progress(job) == 42, "the beat after the outage")


def read_progress(job: Job) -> int | None:
    try:
        return Job.objects.values_list("progress", flat=True).get(pk=job.pk)
    except OperationalError:
        connection.close()
        return None


def test_one_locked_row_keeps_no_other_lease_from_being_renewed(
    does: Does,  # noqa: F811
    heart: Heart,
    settings: Settings,
) -> None:
    settings.BEAT_SECONDS = 0.1
    settings.JOBS_PER_NODE = {}
    locked, other = does(lambda context: {}), services.submit("hash_videos")
    pulses = [Pulse(claim(job), claimed_at=time.monotonic()) for job in (locked, other)]
    holder = connection.copy()
    try:
        with holder.cursor() as cursor:
            cursor.execute("BEGIN")
            cursor.execute("SELECT FROM jobs WHERE id = %s FOR UPDATE", [locked.pk])
            with heart.beating(pulses[0]), heart.beating(pulses[1]):
                for pulse in pulses:
                    pulse.report(42)

                wait_for(lambda: read_progress(other) == 42, "the beat of the other job")
                assert read_progress(locked) == 0
                cursor.execute("ROLLBACK")
                wait_for(lambda: read_progress(locked) == 42, "the beat of the job that was locked")
        for pulse in pulses:
            pulse.check()
    finally:
        holder.close()


def test_the_pool_has_a_connection_for_every_slot_and_what_looks_after_them() -> None:
    worker._make_room(40)

    pool = connection.pool  # type: ignore[attr-defined]  # of PostgreSQL's alone
    assert pool.max_size >= 43
