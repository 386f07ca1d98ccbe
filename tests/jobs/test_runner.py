"""How jobs end, whatever their handlers do."""

from __future__ import annotations

import errno
import os
import signal
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from threading import Thread
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.db.models.functions import Now
from django.utils import timezone
from pytest_django.fixtures import DjangoAssertNumQueries, Settings

from jobs import claims, lanes, nodes, outputs, reaper, registry, runner, services, verification
from jobs.context import JobContext
from jobs.failures import JobFailed, WorkerStops
from jobs.heartbeat import Heart, Pulse
from jobs.models import Job, Lane
from jobs.registry import Params, job_type
from media_library.ffmpeg.errors import GpuFailed, NoSpaceLeft
from media_library.ffmpeg.inspectors import Inspectors, Limits
from media_library.models import Compilation
from tests.chaos.workers import ffmpegs, inspectors, wait_for
from tests.conftest import Clips
from tests.jobs.running import claim, run_to_the_end

pytestmark = pytest.mark.django_db

Handler = Callable[[JobContext], dict[str, Any]]
Does = Callable[[Handler], Job]

TARGET = Path("gifs/made.mp4")


class NoParams(Params):
    pass


@pytest.fixture
def does(monkeypatch: pytest.MonkeyPatch, library: Path) -> Does:
    """Submit a job whose handler is the given function."""
    monkeypatch.setattr(registry, "_types", dict(registry._types))

    def submit(handler: Handler) -> Job:
        @job_type("of_the_test", lane=Lane.CPU, params=NoParams)
        def run(context: JobContext, params: NoParams) -> dict[str, Any]:
            """What the test wants."""
            return handler(context)

        return services.submit("of_the_test")

    return submit


@pytest.fixture
def makes_a_file(clips: Clips) -> Handler:
    """Writes a clip of a second, and a row beside it."""

    def handler(context: JobContext) -> dict[str, Any]:
        draft = context.draft(TARGET)
        draft.write_bytes(clips.plain.read_bytes())
        output = context.finish(draft, TARGET, duration=1.0)
        context.with_completion(lambda: {"row": Compilation.objects.create(filename=output.path.name).pk})
        return {"path": str(output.path)}

    return handler


def files(library: Path) -> list[str]:
    return sorted(str(path.relative_to(library)) for path in library.rglob("*") if path.is_file())


def lose(job: Job) -> None:
    """Have another worker take the job, as after an expired lease."""
    Job.objects.filter(pk=job.pk).update(lease_token=uuid4(), attempt=2, worker="another")


def expire(job: Job) -> None:
    Job.objects.filter(pk=job.pk).update(lease_until=timezone.now() - timedelta(seconds=1))


def test_files_rows_and_the_job_are_finished_together(does: Does, makes_a_file: Handler, library: Path) -> None:
    job = run_to_the_end(does(makes_a_file))

    assert (job.status, job.progress, job.drafts) == (Job.Status.COMPLETED, 100, [])
    assert job.result == {"path": "gifs/made.mp4", "row": Compilation.objects.get().pk}
    assert files(library) == ["gifs/made.mp4"]
    assert job.outputs == [{"path": "gifs/made.mp4", "size": (library / TARGET).stat().st_size}]


def test_a_name_that_somebody_takes_before_the_job_completes_costs_nothing_but_the_name(
    does: Does, makes_a_file: Handler, library: Path
) -> None:
    def handler(context: JobContext) -> dict[str, Any]:
        result = makes_a_file(context)
        (library / TARGET).write_text("somebody's")
        return {"clips": [result], "says": "gifs/made.mp4 was wanted"}

    job = run_to_the_end(does(handler))

    assert (job.status, job.error, job.drafts) == (Job.Status.COMPLETED, "", [])
    assert (library / TARGET).read_text() == "somebody's"
    assert files(library) == ["gifs/made (2).mp4", "gifs/made.mp4"]
    assert [output["path"] for output in job.outputs] == ["gifs/made (2).mp4"]
    assert Compilation.objects.get().filename == "made (2).mp4"
    told = {"clips": [{"path": "gifs/made (2).mp4"}], "says": "gifs/made.mp4 was wanted"}
    assert job.result == {**told, "row": Compilation.objects.get().pk}


def test_where_the_rows_cannot_be_written_no_file_appears(does: Does, makes_a_file: Handler, library: Path) -> None:
    def handler(context: JobContext) -> dict[str, Any]:
        result = makes_a_file(context)
        context.with_completion(lambda: {"never": 1 // 0})
        return result

    job = run_to_the_end(does(handler))

    assert (job.status, job.error_class) == (Job.Status.FAILED, "internal_error")
    assert not Compilation.objects.exists()
    assert files(library) == []


def test_whoever_has_lost_the_job_writes_nothing(does: Does, makes_a_file: Handler, library: Path) -> None:
    def handler(context: JobContext) -> dict[str, Any]:
        result = makes_a_file(context)
        lose(job)
        return result

    job = does(handler)
    run_to_the_end(job)

    assert (job.status, job.worker, job.result) == (Job.Status.RUNNING, "another", None)
    assert not Compilation.objects.exists()
    assert files(library) == []


def test_a_job_that_is_cancelled_while_it_ends_leaves_nothing(does: Does, makes_a_file: Handler, library: Path) -> None:
    def handler(context: JobContext) -> dict[str, Any]:
        result = makes_a_file(context)
        services.cancel(job.pk, by=None)
        return result

    job = does(handler)
    run_to_the_end(job)

    assert job.status == Job.Status.CANCELLED
    assert not Compilation.objects.exists()
    assert files(library) == []


@pytest.mark.django_db(transaction=True)
def test_a_job_that_is_cancelled_while_its_files_move_completes_and_says_so(does: Does, makes_a_file: Handler, library: Path) -> None:
    refusals: list[str] = []

    def cancel() -> None:
        try:
            services.cancel(job.pk, by=None)
        except services.WrongState as refusal:
            refusals.append(str(refusal))
        finally:
            connection.close()

    canceller = Thread(target=cancel)

    def start_to_cancel() -> dict[str, Any]:
        canceller.start()
        canceller.join(0.5)  # it waits for the row
        return {}

    def handler(context: JobContext) -> dict[str, Any]:
        result = makes_a_file(context)
        context.with_completion(start_to_cancel)
        return result

    job = does(handler)
    run_to_the_end(job)
    canceller.join(30)

    assert job.status == Job.Status.COMPLETED
    assert files(library) == ["gifs/made.mp4"]
    assert len(refusals) == 1


@pytest.mark.django_db(transaction=True)
def test_a_handler_in_python_alone_hears_a_cancellation_and_its_job_keeps_the_log(does: Does, library: Path) -> None:
    heart = Heart()
    heart.start()

    def handler(context: JobContext) -> dict[str, Any]:
        context.draft(TARGET).write_text("half")
        context.log("Counts.")
        services.cancel(job.pk, by=None)
        for _ in range(600):
            context.check()
            time.sleep(0.1)
        return {}

    job = does(handler)
    lease = claim(job)
    pulse = Pulse(lease, claimed_at=time.monotonic())
    with heart.beating(pulse):
        runner.perform(lease, pulse)
    heart.stop()
    job.refresh_from_db()

    assert (job.status, job.log) == (Job.Status.CANCELLED, "Counts.\nCancelled.\n")
    assert files(library) == []


def test_a_file_that_is_not_what_it_should_be_fails_the_job(does: Does, library: Path, clips: Clips) -> None:
    def handler(context: JobContext) -> dict[str, Any]:
        draft = context.draft(TARGET)
        draft.write_bytes(clips.plain.read_bytes())
        context.finish(draft, TARGET, duration=10.0)
        return {}

    job = run_to_the_end(does(handler))

    assert (job.status, job.error_class) == (Job.Status.FAILED, "bad_output")
    assert files(library) == []


@pytest.mark.parametrize("content", [b"", b"no video"])
def test_a_file_that_cannot_be_read_fails_the_job(does: Does, library: Path, content: bytes) -> None:
    def handler(context: JobContext) -> dict[str, Any]:
        draft = context.draft(TARGET)
        draft.write_bytes(content)
        context.finish(draft, TARGET)
        return {}

    job = run_to_the_end(does(handler))

    assert (job.status, job.error_class) == (Job.Status.FAILED, "bad_output")
    assert files(library) == []


def test_a_file_that_could_not_be_looked_at_is_made_again_later(
    does: Does, makes_a_file: Handler, library: Path, clips: Clips, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That its inspector stood still, or was killed, says nothing of the file."""
    others = inspectors(of={os.getpid()})
    with Inspectors(1, limits=Limits(timeout=0.1)) as standing, clips.plain.open("rb") as clip:
        standing.inspect(clip.fileno(), with_poster=False)
        (its_process,) = set(inspectors(of={os.getpid()})) - set(others)
        os.kill(its_process, signal.SIGSTOP)
        monkeypatch.setattr(verification, "inspectors", lambda: standing)

        job = run_to_the_end(does(makes_a_file))

    assert (job.status, job.error_class, job.attempt) == (Job.Status.PENDING, "bad_output", 1)
    assert files(library) == []


def test_nobody_s_file_is_overwritten(does: Does, makes_a_file: Handler, library: Path) -> None:
    (library / "gifs").mkdir()
    (library / TARGET).write_text("somebody's")

    job = run_to_the_end(does(makes_a_file))

    assert (library / TARGET).read_text() == "somebody's"
    assert [output["path"] for output in job.outputs] == ["gifs/made (2).mp4"]


def test_a_death_between_the_rename_and_the_commit_is_repaired(does: Does, makes_a_file: Handler, library: Path) -> None:
    job = does(makes_a_file)
    lease = claim(job)
    context = JobContext(lease, Pulse(lease, claimed_at=time.monotonic()))
    makes_a_file(context)
    context.files.place()  # and here it dies
    assert files(library) == ["gifs/made.mp4"]
    expire(job)

    reaper.reap()

    assert files(library) == []
    run_to_the_end(job)
    assert (job.status, job.attempt, job.death_count) == (Job.Status.COMPLETED, 2, 1)
    assert files(library) == ["gifs/made.mp4"]


def test_what_a_dead_attempt_left_is_removed_though_nobody_reaped_it(does: Does, makes_a_file: Handler, library: Path) -> None:
    job = does(makes_a_file)
    lease = claim(job)
    JobContext(lease, Pulse(lease, claimed_at=time.monotonic())).draft(TARGET).write_text("half")
    expire(job)
    claims.take_back_expired()

    run_to_the_end(job)

    assert files(library) == ["gifs/made.mp4"]


def test_somebody_s_file_at_the_place_of_a_dead_job_s_stays(does: Does, makes_a_file: Handler, library: Path) -> None:
    job = does(makes_a_file)
    lease = claim(job)
    makes_a_file(JobContext(lease, Pulse(lease, claimed_at=time.monotonic())))  # and here it dies, before the rename
    (library / TARGET).write_text("somebody's")
    expire(job)

    reaper.reap()

    assert files(library) == ["gifs/made.mp4"]
    assert (library / TARGET).read_text() == "somebody's"


def test_what_a_handler_said_last_is_kept(does: Does) -> None:
    def handler(context: JobContext) -> dict[str, Any]:
        context.log("half of it")
        context.log("all of it")
        return {}

    job = run_to_the_end(does(handler))

    assert (job.status, job.log) == (Job.Status.COMPLETED, "half of it\nall of it\n")


def test_a_job_that_makes_nothing_costs_few_statements(does: Does, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    job = does(lambda context: {})
    nodes.this_node()

    with django_assert_num_queries(7):  # this node; the lanes; lock, promote, start; complete; the look at it here
        run_to_the_end(job)


def test_a_killed_ffmpeg_is_tried_again_later(does: Does, library: Path) -> None:
    """As the kernel does when the machine is short of memory."""

    def kill() -> None:
        for pid in wait_for(lambda: ffmpegs(library), "ffmpeg to run"):
            os.kill(pid, signal.SIGKILL)

    def handler(context: JobContext) -> dict[str, Any]:
        draft = context.draft(TARGET)
        killer = Thread(target=kill)
        killer.start()
        try:
            context.run(["-f", "lavfi", "-re", "-i", "testsrc2=size=64x36", f"file:{draft}"])
        finally:
            killer.join()
        return {}

    job = run_to_the_end(does(handler))

    assert (job.status, job.attempt, job.error_class) == (Job.Status.PENDING, 1, "killed")
    assert "ended from outside" in job.error
    assert files(library) == []


def test_a_fault_of_ours_is_told_with_where_it_was(does: Does) -> None:
    def handler(context: JobContext) -> dict[str, Any]:
        raise KeyError("what")

    job = run_to_the_end(does(handler))

    assert (job.status, job.error_class) == (Job.Status.FAILED, "internal_error")
    assert "Traceback" in (job.log or "") and "KeyError" in (job.log or "")
    assert job.suggestion


def test_what_may_pass_by_itself_is_tried_again_later(does: Does) -> None:
    def handler(context: JobContext) -> dict[str, Any]:
        raise JobFailed("busy", "The machine is busy", is_transient=True)

    job = run_to_the_end(does(handler))

    assert (job.status, job.attempt, job.error_class) == (Job.Status.PENDING, 1, "busy")
    assert job.run_after is not None


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "No space left on device"), NoSpaceLeft("The disk is full")])
def test_a_full_disk_stops_the_lane_and_costs_no_attempt(does: Does, settings: Settings, error: Exception) -> None:
    settings.FULL_DISK_MB = 2**40

    def handler(context: JobContext) -> dict[str, Any]:
        raise error

    job = run_to_the_end(does(handler))

    assert (job.status, job.attempt, job.error_class) == (Job.Status.QUEUED, 0, "no_space")
    assert not lanes.opening(Lane.CPU).is_open


def test_a_job_that_alone_fills_the_disk_fails_by_itself_and_stops_nobody(does: Does, settings: Settings) -> None:
    settings.FULL_DISK_MB, settings.MAX_ATTEMPTS, settings.RETRY_BASE_SECONDS = 0, 2, 0.0

    def handler(context: JobContext) -> dict[str, Any]:
        raise NoSpaceLeft("The disk is full")

    job = run_to_the_end(does(handler))

    assert (job.status, job.attempt) == (Job.Status.PENDING, 1)
    assert lanes.opening(Lane.CPU).is_open
    job = run_to_the_end(job)
    assert (job.status, job.attempt, job.error_class) == (Job.Status.FAILED, 2, "no_space")


def test_what_the_gpu_failed_at_says_so_when_it_runs_without_it(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> None:
    monkeypatch.setattr(registry, "_types", dict(registry._types))
    settings.NODE_VRAM_MB = 8192
    nodes.register()

    @job_type("of_the_gpu", lane=Lane.GPU_ENCODE, params=NoParams, vram=2048)
    def run(context: JobContext, params: NoParams) -> dict[str, Any]:
        """Takes a GPU where there is one."""
        if context.uses_gpu:
            raise GpuFailed("The GPU failed")
        return {"isDone": True}

    job = run_to_the_end(services.submit("of_the_gpu"))
    assert job.status == Job.Status.QUEUED

    job = run_to_the_end(job)

    assert (job.status, job.result) == (Job.Status.COMPLETED, {"isDone": True})
    assert "The GPU failed at it: this runs on the processor." in (job.log or "")


def test_a_worker_that_stops_puts_its_job_back(does: Does) -> None:
    def handler(context: JobContext) -> dict[str, Any]:
        raise WorkerStops

    job = run_to_the_end(does(handler))

    assert (job.status, job.attempt, job.death_count) == (Job.Status.QUEUED, 0, 0)


def test_a_type_that_this_release_does_not_know_says_so(does: Does) -> None:
    job = does(lambda context: {})
    Job.objects.filter(pk=job.pk).update(type="of_tomorrow")

    run_to_the_end(job)

    assert (job.status, job.error_class) == (Job.Status.FAILED, "unknown_job")


def test_a_handler_that_wants_to_exit_ends_only_its_job(does: Does) -> None:
    def handler(context: JobContext) -> dict[str, Any]:
        raise SystemExit(3)

    job = run_to_the_end(does(handler))

    assert job.status == Job.Status.FAILED


def test_an_expired_lease_is_known_without_asking_anybody(does: Does, makes_a_file: Handler, library: Path) -> None:
    job = does(makes_a_file)
    lease = claim(job)

    runner.perform(lease, Pulse(lease, claimed_at=time.monotonic() - 3600))

    job.refresh_from_db()
    assert (job.status, job.error_class, job.death_count) == (Job.Status.PENDING, "lease_expired", 0)
    assert files(library) == []


def test_drafts_are_written_down_before_they_exist(does: Does, library: Path) -> None:
    job = does(lambda context: {})
    lease = claim(job)

    draft = JobContext(lease, Pulse(lease, claimed_at=time.monotonic())).draft(TARGET)

    job.refresh_from_db()
    assert not draft.exists()
    assert job.drafts == [str(draft.relative_to(library))]
    assert draft.name == f".{job.pk}.{lease.token.hex}.part.mp4"
    assert nodes.this_node().jobs.filter(lease_until__gt=Now()).exists()
    outputs.remove(job.drafts)  # what is not there is no error
