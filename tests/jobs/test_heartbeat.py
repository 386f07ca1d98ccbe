from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from pytest_django.fixtures import Settings

from jobs import services
from jobs.claims import LeaseLost
from jobs.failures import JobCancelled, LeaseExpired, WorkerStops
from jobs.heartbeat import LONGEST_LOG, Heart, Pulse, clean
from jobs.models import Job
from tests.chaos.workers import wait_for
from tests.jobs.running import claim

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def pulse(settings: Settings) -> Pulse:
    settings.NODE_VRAM_MB = 0
    return Pulse(claim(services.submit("hash_videos")), claimed_at=time.monotonic())


@pytest.fixture
def heart() -> Iterator[Heart]:
    heart = Heart()
    heart.start()
    yield heart
    heart.stop()
    heart._thread.join(30)


def row(pulse: Pulse) -> Job:
    return Job.objects.get(pk=pulse.lease.job_id)


def raised_by(pulse: Pulse) -> type[BaseException] | None:
    try:
        pulse.check()
    except (JobCancelled, LeaseLost, WorkerStops) as error:
        return type(error)
    return None


def test_progress_never_falls_and_is_never_whole(pulse: Pulse) -> None:
    written = []
    for progress in (40, 20, 100):
        pulse.report(progress)
        pulse.beat()
        written.append(row(pulse).progress)

    assert written == [40, 40, 99]


def test_a_beat_renews_the_lease(pulse: Pulse) -> None:
    before = row(pulse).lease_until

    pulse.beat()

    after = row(pulse).lease_until
    assert before is not None and after is not None and after > before


def test_the_log_keeps_its_end_without_what_a_terminal_obeys(pulse: Pulse, settings: Settings) -> None:
    settings.BEAT_SECONDS = 0.0
    for number in range(3000):
        pulse.say(f"\x1b[31mred\x1b[0m \0 line {number} {'x' * 40}\r\n")
    pulse.beat()

    log = row(pulse).log
    assert log is not None and len(log) == LONGEST_LOG
    assert log.endswith(f"red  line 2999 {'x' * 40}\n")
    assert "\x1b" not in log


def test_a_line_without_end_is_cut(pulse: Pulse, settings: Settings) -> None:
    settings.BEAT_SECONDS = 0.0
    pulse.say("x" * 1_000_000)
    pulse.beat()

    assert len(row(pulse).log or "") == 2001


def test_a_cancelled_job_hears_of_it(pulse: Pulse, heart: Heart) -> None:
    with heart.beating(pulse):
        services.cancel(pulse.lease.job_id, by=None)

        wait_for(lambda: raised_by(pulse) is JobCancelled, "the cancellation to be heard")


def test_a_job_that_another_worker_has_hears_of_it(pulse: Pulse, heart: Heart) -> None:
    with heart.beating(pulse):
        Job.objects.filter(pk=pulse.lease.job_id).update(lease_token=uuid4())

        wait_for(lambda: raised_by(pulse) is LeaseLost, "the loss to be heard")


def test_progress_reaches_the_row_between_two_beats(pulse: Pulse, heart: Heart, settings: Settings) -> None:
    settings.BEAT_SECONDS = 3600.0
    with heart.beating(pulse):
        pulse.report(42, 1.5)

        wait_for(lambda: (row(pulse).progress, row(pulse).speed) == (42, 1.5), "the progress to be written")


def test_a_lease_that_could_not_be_renewed_is_taken_for_lost(settings: Settings, pulse: Pulse) -> None:
    late = Pulse(pulse.lease, claimed_at=time.monotonic() - settings.LEASE_SECONDS - 1)

    assert raised_by(late) is LeaseExpired


def test_a_worker_that_stops_is_heard(pulse: Pulse) -> None:
    pulse.stop()

    assert raised_by(pulse) is WorkerStops


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("a\x00b", "ab"),
        ("\x1b[1;31mred\x1b[0m", "red"),
        ("one\rtwo", "one\ntwo"),
        ("\ud800", ""),
        ("\x9b31mx", "31mx"),
        ("tab\there", "tab\there"),
    ],
)
def test_words_are_cleaned(said: Any, kept: str) -> None:
    assert clean(said) == kept
