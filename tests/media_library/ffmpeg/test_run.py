from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from media_library.ffmpeg.errors import (
    FfmpegHung,
    FfmpegKilled,
    FfmpegRefused,
    FfmpegUnavailable,
    GpuFailed,
    NoSpaceLeft,
    OutOfMemory,
    OutputTooLarge,
)
from media_library.ffmpeg.run import LONGEST_OUTPUT, Limits, Progress, run

SOURCE = ("-f", "lavfi", "-i")
NOTHING = ("-f", "null", "-")
ENDLESS = ("-re", *SOURCE, "testsrc2=size=64x36:rate=25", *NOTHING)


class Enough(Exception):
    """A test's reason to end a run."""


@pytest.fixture
def children(tmp_path: Path) -> Callable[[], list[int]]:
    """The process ids of ffmpegs that this test's process has started and that live."""

    def living() -> set[int]:
        pids = set()
        for entry in Path("/proc").iterdir():
            with suppress(OSError):
                if not entry.name.isdigit():
                    continue
                state, parent = (entry / "stat").read_text(errors="replace").rpartition(")")[2].split()[:2]
                command = (entry / "cmdline").read_text(errors="replace")
                if int(parent) == os.getpid() and state != "Z" and "ffmpeg" in command and "ffmpeg.worker" not in command:
                    pids.add(int(entry.name))
        return pids

    before = living()  # of other tests
    return lambda: sorted(living() - before)


def script(folder: Path, text: str) -> str:
    """A program that stands in for an ffmpeg which misbehaves."""
    program = folder / "ffmpeg"
    program.write_text(f"#!/bin/sh\n{text}\n")
    program.chmod(0o755)
    return str(program)


def test_it_makes_a_file_and_tells_how_far_it_is(tmp_path: Path, ffmpeg_binary: str) -> None:
    seen: list[Progress] = []
    target = tmp_path / "made.mkv"

    run([*SOURCE, "testsrc2=size=64x36:rate=25:duration=2", f"file:{target}"], program=ffmpeg_binary, on_progress=seen.append)

    assert target.stat().st_size > 0
    assert seen[-1].position == pytest.approx(2.0, abs=0.2)
    assert [done.position for done in seen] == sorted(done.position for done in seen)


def test_an_exception_of_the_caller_ends_it(ffmpeg_binary: str, children: Callable[[], list[int]]) -> None:
    def enough() -> None:
        if children():
            raise Enough

    with pytest.raises(Enough):
        run(ENDLESS, program=ffmpeg_binary, on_tick=enough)

    assert children() == []


def test_one_that_ignores_the_request_to_stop_is_killed(tmp_path: Path, children: Callable[[], list[int]]) -> None:
    program = script(tmp_path, "trap '' TERM\necho out_time_us=1\necho progress=continue\nwhile :; do sleep 1; done")

    def enough(_: Progress) -> None:
        raise Enough

    with pytest.raises(Enough):
        run([], program=program, on_progress=enough)

    assert children() == []


def test_what_shows_no_sign_of_life_is_ended(tmp_path: Path, ffmpeg_binary: str) -> None:
    pipe = tmp_path / "never.mp4"
    os.mkfifo(pipe)

    with pytest.raises(FfmpegHung):
        run(["-i", f"file:{pipe}", *NOTHING], program=ffmpeg_binary, limits=Limits(silence=1.0))


def test_what_works_for_ever_is_ended(ffmpeg_binary: str) -> None:
    with pytest.raises(FfmpegHung):
        run(ENDLESS, program=ffmpeg_binary, limits=Limits(wall=1.0))


def test_one_that_stands_still_is_not_taken_for_dead(ffmpeg_binary: str) -> None:
    began = time.monotonic()

    run(
        ["-re", *SOURCE, "testsrc2=size=64x36:rate=25:duration=2", *NOTHING],  # in its own time, lest it be done before it is stopped
        program=ffmpeg_binary,
        limits=Limits(silence=1.0),
        may_run=lambda: time.monotonic() - began > 3.0,
    )

    assert time.monotonic() - began > 3.0


def test_what_is_killed_from_outside_says_so(ffmpeg_binary: str, children: Callable[[], list[int]]) -> None:
    def kill() -> None:
        for pid in children():
            os.kill(pid, signal.SIGKILL)

    with pytest.raises(FfmpegKilled):
        run(ENDLESS, program=ffmpeg_binary, on_tick=kill)


def test_it_gives_way_to_what_visitors_ask_for(ffmpeg_binary: str, children: Callable[[], list[int]]) -> None:
    def look() -> None:
        for pid in children():
            if Path(f"/proc/{pid}/comm").read_text().startswith("ffmpeg"):  # no longer what becomes it
                raise Enough(int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[16]))

    with pytest.raises(Enough) as seen:
        run(ENDLESS, program=ffmpeg_binary, niceness=10, on_tick=look)

    assert seen.value.args == (min(os.nice(0) + 10, 19),)


def test_it_outlives_the_thread_that_asked_for_it(ffmpeg_binary: str) -> None:
    """The kernel ends a process with the thread that started it; ours are started by one that stays."""
    outcomes: list[str] = []

    def ask() -> None:
        run([*SOURCE, "testsrc2=size=64x36:rate=25:duration=1", *NOTHING], program=ffmpeg_binary)
        outcomes.append("done")

    for _ in range(2):
        thread = threading.Thread(target=ask)
        thread.start()
        thread.join()

    assert outcomes == ["done", "done"]


def test_it_learns_none_of_our_secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_KEY", "hush")
    monkeypatch.setenv("DATABASE_URL", "postgres://hush")
    program = script(tmp_path, f"env > {tmp_path}/seen; echo cwd=$(pwd) >> {tmp_path}/seen")

    run([], program=program)

    seen = (tmp_path / "seen").read_text()
    assert "hush" not in seen
    assert "cwd=/\n" in seen


def test_a_flood_of_words_is_cut_to_its_end(tmp_path: Path) -> None:
    program = script(tmp_path, "yes 'a long line of no use' | head -c 3000000 >&2; echo the last words >&2")

    said = run([], program=program)

    assert len(said) == LONGEST_OUTPUT
    assert said.endswith("the last words\n")


@pytest.mark.parametrize("text", ["#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n", "no video", ""])
def test_what_is_no_video_is_refused(tmp_path: Path, ffmpeg_binary: str, text: str) -> None:
    (tmp_path / "x.mp4").write_text(text)

    with pytest.raises(FfmpegRefused):
        run(["-format_whitelist", "mov", "-i", f"file:{tmp_path}/x.mp4", *NOTHING], program=ffmpeg_binary)


def test_a_full_disk_is_told_apart(ffmpeg_binary: str) -> None:
    with pytest.raises(NoSpaceLeft):
        run([*SOURCE, "testsrc2=duration=5", "-c:v", "rawvideo", "-f", "avi", "-y", "file:/dev/full"], program=ffmpeg_binary)


def test_an_output_over_its_limit_is_told_apart(tmp_path: Path, ffmpeg_binary: str) -> None:
    with pytest.raises(OutputTooLarge):
        run(
            [*SOURCE, "testsrc2=duration=60", "-c:v", "rawvideo", f"file:{tmp_path}/x.avi"],
            program=ffmpeg_binary,
            limits=Limits(file_size=1_000_000),
        )

    assert (tmp_path / "x.avi").stat().st_size <= 1_000_000


def test_memory_over_its_limit_is_told_apart(tmp_path: Path) -> None:
    program = script(tmp_path, "head -c 400000000 /dev/zero | tail >&2 && exit 0; echo Cannot allocate memory >&2; exit 1")

    with pytest.raises(OutOfMemory):
        run([], program=program, limits=Limits(memory=200_000_000))


@pytest.mark.parametrize(
    "words",
    [
        "[h264_nvenc @ 0x55] OpenEncodeSessionEx failed: out of memory (10): (no details)\nCannot allocate memory",
        "[h264_nvenc @ 0x55] Cannot load libcuda.so.1",
        "[h264_qsv @ 0x55] Error initializing an internal MFX session: unsupported (-3)",
        "[AVHWDeviceContext @ 0x55] No VA display found for device /dev/dri/renderD128.\nFailed to set value",
    ],
)
def test_a_fault_of_the_gpu_is_told_apart(tmp_path: Path, words: str) -> None:
    program = script(tmp_path, f"cat >&2 <<'END'\n{words}\nEND\nexit 1")

    with pytest.raises(GpuFailed):
        run([], program=program)


def test_a_program_that_is_not_there_says_so() -> None:
    with pytest.raises(FfmpegUnavailable):
        run([], program="no-such-ffmpeg")
