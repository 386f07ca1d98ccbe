"""A file can cost its inspecting process, and nothing else."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from media_library.ffmpeg.errors import InspectorsUnavailable
from media_library.ffmpeg.inspection import Inspection
from media_library.ffmpeg.inspectors import DIGESTER, PROJECT, WORKER, Inspectors, Limits
from media_library.ffmpeg.untrusted import Bounds
from tests.conftest import Clips

linux_only = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


@contextmanager
def opened(path: Path) -> Iterator[int]:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def inspect(inspectors: Inspectors, path: Path) -> Inspection:
    with opened(path) as descriptor:
        return inspectors.inspect(descriptor, with_poster=True)


def children() -> set[int]:
    found: set[int] = set()
    for task in Path("/proc/self/task").iterdir():
        with suppress(FileNotFoundError, ProcessLookupError):  # a thread that has ended meanwhile
            found.update(map(int, (task / "children").read_text().split()))
    return found


def test_one_trip_brings_identity_probe_and_poster(clips: Clips) -> None:
    with Inspectors(1) as inspectors:
        inspection = inspect(inspectors, clips.with_sound)

    assert len(inspection.oshash) == 16
    assert inspection.probe is not None
    assert inspection.probe.has_audio
    assert inspection.poster is not None
    assert inspection.poster[8:12] == b"WEBP"


def test_an_empty_file_has_a_reason(tmp_path: Path) -> None:
    (tmp_path / "empty.mp4").touch()

    with Inspectors(1) as inspectors:
        assert inspect(inspectors, tmp_path / "empty.mp4").reason == "The file is empty"


def test_random_bytes_have_a_reason(tmp_path: Path) -> None:
    (tmp_path / "noise.mp4").write_bytes(os.urandom(300_000))

    with Inspectors(1) as inspectors:
        inspection = inspect(inspectors, tmp_path / "noise.mp4")

    assert (inspection.probe, bool(inspection.reason), bool(inspection.oshash), inspection.is_conclusive) == (None, True, True, True)


@linux_only
def test_a_process_that_hangs_is_killed_and_replaced(clips: Clips) -> None:
    before = children()
    with Inspectors(1, limits=Limits(timeout=3.0)) as inspectors:
        inspect(inspectors, clips.plain)
        (process,) = children() - before
        os.kill(process, signal.SIGSTOP)

        hung = inspect(inspectors, clips.plain)
        after = inspect(inspectors, clips.plain)

    assert (hung.reason, hung.is_conclusive) == ("Reading it took more than 3 seconds", False)
    assert after.probe is not None
    assert not children() - before


@linux_only
def test_a_process_that_has_read_many_files_is_as_small_as_before(clips: Clips) -> None:
    before = children()
    with Inspectors(1) as inspectors:
        answers = [inspect(inspectors, clips.with_sound) for _ in range(100)]
        (process,) = children() - before
        status = dict(line.split(":", 1) for line in Path(f"/proc/{process}/status").read_text().splitlines())

    assert all(answer.probe and answer.poster for answer in answers)
    assert int(status["Threads"]) == 1
    assert int(status["VmSize"].split()[0]) < 300_000  # kB


@linux_only
def test_a_process_killed_by_the_machine_is_no_fault_of_the_file(clips: Clips) -> None:
    before = children()
    with Inspectors(1) as inspectors:
        inspect(inspectors, clips.plain)
        (process,) = children() - before
        os.kill(process, signal.SIGKILL)

        assert inspect(inspectors, clips.plain).probe is not None


@linux_only
def test_a_bomb_ends_at_the_memory_limit_and_the_next_file_is_read(clips: Clips) -> None:
    bomb = clips.make(picture="color", size="8192x8192", duration=0.04, rate="25")
    limits = Limits(memory=350 * 1024 * 1024, bounds=Bounds(pixels=10**9))

    with Inspectors(1, limits=limits) as inspectors:
        refused = inspect(inspectors, bomb)
        after = inspect(inspectors, clips.plain)

    assert refused.probe is None
    assert refused.reason
    assert after.probe is not None


def test_a_bomb_is_refused_by_its_size_before_it_is_decoded(clips: Clips) -> None:
    bomb = clips.make(picture="color", size="8192x8192", duration=0.04, rate="25")

    with Inspectors(1) as inspectors:
        assert "too large" in inspect(inspectors, bomb).reason


@linux_only
def test_the_process_knows_no_secret_and_no_django(clips: Clips, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_KEY", "do not tell")
    before = children()
    with Inspectors(1) as inspectors:
        inspect(inspectors, clips.plain)
        (process,) = children() - before
        environment = Path(f"/proc/{process}/environ").read_bytes() if os.geteuid() == 0 else b""
        libraries = Path(f"/proc/{process}/maps").read_text() if os.geteuid() == 0 else ""

    assert b"SECRET" not in environment
    assert b"DATABASE_URL" not in environment
    assert "psycopg" not in libraries


@pytest.mark.parametrize("program", [WORKER, DIGESTER])
def test_the_process_imports_no_django(program: str) -> None:
    code = f"import sys, {program}; sys.exit('django' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", code], cwd=PROJECT, check=False).returncode == 0


@linux_only
@pytest.mark.parametrize(
    ("program", "task", "options"),
    [(WORKER, "inspect", {"with_poster": False}), (DIGESTER, "scenes", {"threshold": 3.0, "min_length": 0.6})],
)
def test_inspecting_processes_die_with_the_one_that_asked(clips: Clips, program: str, task: str, options: dict[str, object]) -> None:
    code = (
        "import glob, os, sys, time\n"
        "from media_library.ffmpeg.inspectors import Inspectors, Limits\n"
        f"inspectors = Inspectors(1, program={program!r}, limits=Limits(memory=3 * 2**29))\n"
        f"inspectors.ask({task!r}, os.open(sys.argv[1], os.O_RDONLY), **{options!r})\n"
        "print(*[open(children).read() for children in glob.glob('/proc/self/task/*/children')], flush=True)\n"
        "time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", code, str(clips.plain)], cwd=PROJECT, stdout=subprocess.PIPE) as parent:
        assert parent.stdout
        child = int(parent.stdout.readline())
        parent.kill()

    deadline = time.monotonic() + 30
    while _is_alive(child) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not _is_alive(child)


@pytest.mark.parametrize("program", ["/nowhere/python", shutil.which("true")])
def test_a_machine_that_cannot_start_the_process_blames_no_file(program: str, clips: Clips, monkeypatch: pytest.MonkeyPatch) -> None:
    clip = clips.plain
    monkeypatch.setattr(sys, "executable", program)

    with Inspectors(1) as inspectors, pytest.raises(InspectorsUnavailable):
        inspect(inspectors, clip)


def test_as_many_threads_as_processes_may_ask_at_once(clips: Clips) -> None:
    answers: list[Inspection] = []
    with Inspectors(2) as inspectors:
        threads = [threading.Thread(target=lambda: answers.append(inspect(inspectors, clips.plain))) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert len({answer.oshash for answer in answers}) == 1
    assert all(answer.probe for answer in answers)


class GivenUp(Exception):
    """What a follower raises who no longer wants to know."""


def give_up(progress: float | None) -> None:
    raise GivenUp


def test_who_waits_for_a_busy_process_may_give_up(clips: Clips) -> None:
    is_busy, may_go_on = threading.Event(), threading.Event()

    def dawdle(progress: float | None) -> None:
        is_busy.set()
        may_go_on.wait(30)

    with Inspectors(1) as inspectors, opened(clips.plain) as descriptor:
        other = threading.Thread(target=lambda: inspectors.ask("sprite", descriptor, follow=dawdle))
        other.start()
        assert is_busy.wait(30)

        with pytest.raises(GivenUp):
            inspectors.ask("sprite", descriptor, follow=give_up)

        assert other.is_alive()
        may_go_on.set()
        other.join()


@linux_only
def test_no_more_processes_are_started_than_are_needed_at_once(clips: Clips) -> None:
    before = children()
    with Inspectors(8) as inspectors:
        inspect(inspectors, clips.plain)
        inspect(inspectors, clips.plain)

        assert len(children() - before) == 1


def test_a_process_outlives_the_thread_that_first_needed_it(clips: Clips) -> None:
    with Inspectors(1) as inspectors:
        first = threading.Thread(target=inspect, args=(inspectors, clips.plain))
        first.start()
        first.join()
        started = children()
        inspect(inspectors, clips.plain)

        assert started
        assert children() == started


def test_a_file_is_read_from_its_start_wherever_its_descriptor_stands(clips: Clips) -> None:
    with Inspectors(1) as inspectors, opened(clips.plain) as descriptor:
        os.lseek(descriptor, 1000, os.SEEK_SET)

        assert inspectors.inspect(descriptor, with_poster=True).probe


def _is_alive(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False
