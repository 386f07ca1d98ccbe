"""Runs ffmpeg: the only place that starts it. Bounded, watched, and gone when we are.

ffmpeg gets a list of arguments, never a shell; a session of its own, so that it can be ended with all that it started; an
environment without our secrets; limits of memory and file size. The kernel ends it with the thread that started it, and
not with that thread's process: so one thread starts them all, and lives as long as we do.
"""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from media_library.ffmpeg.errors import (
    FfmpegCrashed,
    FfmpegFailed,
    FfmpegHung,
    FfmpegKilled,
    FfmpegRefused,
    FfmpegUnavailable,
    GpuFailed,
    NoSpaceLeft,
    OutOfMemory,
    OutputTooLarge,
)
from media_library.ffmpeg.inspectors import BYTECODE_CACHE, PROJECT

GLOBAL_ARGUMENTS = ("-hide_banner", "-nostdin", "-nostats", "-v", "warning", "-progress", "pipe:1")
PASSED_ON = ("LD_LIBRARY_PATH", "LIBVA_DRIVER_NAME", "LIBVA_DRIVERS_PATH", "CUDA_VISIBLE_DEVICES")  # how GPUs' drivers are found
TICK = 0.2  # seconds between two looks at a silent process
SECONDS_TO_STOP = 5.0  # from the request to the kill
LEAST_WORK = 1.0  # seconds of a processor that are a sign of life: threads that wait for each other for ever use a little, too
LONGEST_OUTPUT = 64 * 1024  # bytes kept of what it says, the last ones
LONGEST_LINE = 4096  # bytes of a line of the progress
REFUSALS = (
    "Invalid data found when processing input",
    "moov atom not found",
    "not on whitelist",
    "not in whitelist",
    "Failed to set value",
    "does not contain any stream",
    "matches no streams",
    "Decoder (codec",
    "Picture size",
    "Output file is empty",
    "Output file does not contain any stream",
)
GPU_FAULTS = (
    "OpenEncodeSessionEx failed",
    "No capable devices found",
    "InitializeEncoder failed",
    "EncodePicture failed",
    "CUDA_ERROR_",
    "Cannot load libcuda",
    "Cannot load libnvidia-encode",
    "driver does not support the required nvenc API",
    "No VA display found",
    "Failed to initialise VAAPI connection",
    "Failed to create a VAAPI device",
    "Device creation failed",
    "MFX session",
)
WANTS_MEMORY = ("Cannot allocate memory", "Error allocating", "failed to map segment")
FAULTS = (signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGILL, signal.SIGFPE, signal.SIGSYS)


@dataclass(frozen=True)
class Limits:
    """What a run may cost."""

    silence: float = 60.0  # seconds without progress and without using a processor
    wall: float = 6 * 3600.0  # seconds in all, pauses left out
    memory: int | None = 8 * 2**30  # bytes of address space; None, as GPUs' drivers need: unbounded
    file_size: int | None = None  # bytes of one file


@dataclass(frozen=True)
class Progress:
    """How far ffmpeg is."""

    position: float  # seconds of the output that are written
    speed: float | None = None  # seconds of video a second


def run(
    arguments: Sequence[str],
    *,
    program: str = "ffmpeg",
    limits: Limits | None = None,
    niceness: int = 0,
    on_progress: Callable[[Progress], None] | None = None,
    on_tick: Callable[[], None] | None = None,
    may_run: Callable[[], bool] | None = None,
) -> str:
    """Run ffmpeg to its end; returns the last of what it said.

    `on_tick` is called a few times a second and may raise: then ffmpeg is ended, and the exception goes on to the caller.
    While `may_run` says no, ffmpeg stands still. Raises a FfmpegFailed that says what went wrong.
    """
    limits = limits or Limits()
    process = _Process([_found(program), *GLOBAL_ARGUMENTS, *arguments], limits=limits, niceness=niceness)
    with process:
        watchdog = _Watchdog(process, limits)
        while not process.has_ended:
            for progress in process.read(TICK):
                watchdog.note(progress)
                if on_progress:
                    on_progress(progress)
            if on_tick:
                on_tick()
            if may_run:
                process.hold(not may_run())
            watchdog.look()
    _require_success(process.returncode, process.output)
    return process.output


def _found(program: str) -> str:
    path = shutil.which(program)
    if path is None:
        raise FfmpegUnavailable(f"There is no program {program} here")
    return path


class _Process:
    """A running ffmpeg and the two pipes from it; leaving its block ends it."""

    def __init__(self, command: list[str], *, limits: Limits, niceness: int) -> None:
        options = {"parent": os.getpid(), "niceness": niceness, "memory": limits.memory, "file_size": limits.file_size}
        self._popen = _starter.submit(_popen, command, json.dumps(options)).result()
        self._selector = selectors.DefaultSelector()
        self._progress, self._said = _Lines(), bytearray()
        self._is_held = False
        for pipe in self._pipes:
            os.set_blocking(pipe.fileno(), False)
            self._selector.register(pipe, selectors.EVENT_READ)

    def __enter__(self) -> _Process:
        return self

    def __exit__(self, *_: object) -> None:
        self._end()
        self._drain()
        self._selector.close()
        for pipe in self._pipes:
            pipe.close()

    @property
    def pid(self) -> int:
        return self._popen.pid

    @property
    def has_ended(self) -> bool:
        return self._popen.poll() is not None

    @property
    def is_held(self) -> bool:
        return self._is_held

    @property
    def returncode(self) -> int:
        return self._popen.wait()

    @property
    def output(self) -> str:
        return self._said.decode(errors="replace")

    def read(self, seconds: float) -> Iterator[Progress]:
        """What it reports within so many seconds; sooner back when it says something or ends."""
        if not self._selector.get_map():  # it has closed its pipes, so it is about to end
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._popen.wait(seconds)
            return
        for key, _ in self._selector.select(seconds):
            piece = os.read(key.fd, LONGEST_OUTPUT)
            if not piece:
                self._selector.unregister(key.fileobj)
            elif key.fileobj is self._popen.stderr:
                self._hear(piece)
            else:
                yield from self._progress.read(piece)

    def hold(self, should_hold: bool) -> None:
        """Let it stand still, or go on."""
        if should_hold != self._is_held:
            self._signal(signal.SIGSTOP if should_hold else signal.SIGCONT)
            self._is_held = should_hold

    @property
    def _pipes(self) -> tuple[IO[bytes], IO[bytes]]:
        assert self._popen.stdout and self._popen.stderr
        return self._popen.stdout, self._popen.stderr

    def _hear(self, piece: bytes) -> None:
        self._said += piece
        del self._said[:-LONGEST_OUTPUT]

    def _drain(self) -> None:
        """Hear the last words."""
        with contextlib.suppress(BlockingIOError, OSError):
            while piece := os.read(self._pipes[1].fileno(), LONGEST_OUTPUT):
                self._hear(piece)

    def _end(self) -> None:
        """End the whole session: ask, wait, kill."""
        if self.has_ended:
            return
        self._signal(signal.SIGTERM)
        self._signal(signal.SIGCONT)  # one that is held hears nothing
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._popen.wait(SECONDS_TO_STOP)
        if not self.has_ended:
            self._signal(signal.SIGKILL)
            self._popen.wait()

    def _signal(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._popen.pid, number)


class _Watchdog:
    """Ends what neither gets on nor uses a processor, and what takes for ever."""

    def __init__(self, process: _Process, limits: Limits) -> None:
        self._process, self._limits = process, limits
        self._now = self._alive_at = time.monotonic()
        self._worked = 0.0  # seconds
        self._position = self._position_then = 0.0
        self._used_then = 0.0  # seconds of the processors, as of the last sign of life

    def note(self, progress: Progress) -> None:
        self._position = progress.position

    def look(self) -> None:
        """Raise FfmpegHung where it is time to."""
        before, self._now = self._now, time.monotonic()
        if self._process.is_held:
            self._alive_at = self._now
            return
        self._worked += self._now - before
        used = _processor_seconds(self._process.pid)
        if self._position != self._position_then or used - self._used_then >= LEAST_WORK:
            self._position_then, self._used_then, self._alive_at = self._position, used, self._now
        if self._now - self._alive_at > self._limits.silence:
            raise FfmpegHung(f"ffmpeg showed no sign of life for {self._limits.silence:g} seconds", output=self._process.output)
        if self._worked > self._limits.wall:
            raise FfmpegHung(f"ffmpeg worked for longer than {self._limits.wall:g} seconds", output=self._process.output)


class _Lines:
    """Progress out of the lines `key=value` that ffmpeg writes."""

    def __init__(self) -> None:
        self._rest = b""
        self._values: dict[str, str] = {}

    def read(self, piece: bytes) -> Iterator[Progress]:
        *lines, self._rest = (self._rest + piece).split(b"\n")
        self._rest = self._rest[-LONGEST_LINE:]
        for line in lines:
            key, _, value = line.decode(errors="replace").partition("=")
            self._values[key] = value.strip()
            if key == "progress":
                yield Progress(position=max(0.0, _number(self._values.get("out_time_us")) / 1e6), speed=self._speed())
                self._values.clear()

    def _speed(self) -> float | None:
        return _number(self._values.get("speed", "").removesuffix("x")) or None


def _number(text: str | None) -> float:
    """What a number of the progress says; 0 for "N/A"."""
    try:
        return float(text or 0)
    except ValueError:
        return 0.0


def _processor_seconds(pid: int) -> float:
    """What a process has used of the processors; always 0 where Linux cannot be asked."""
    try:
        after_the_name = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(after_the_name[11]) + int(after_the_name[12])) / os.sysconf("SC_CLK_TCK")


def _require_success(returncode: int, output: str) -> None:
    if returncode == 0:
        return
    raise _failure(returncode, output)


def _failure(returncode: int, output: str) -> FfmpegFailed:
    """What an exit status and the last words mean."""
    if "No space left on device" in output or "Disk quota exceeded" in output:
        return NoSpaceLeft("The disk is full", output=output)
    if any(phrase in output for phrase in GPU_FAULTS):
        return GpuFailed("The GPU failed", output=output)
    if any(phrase in output for phrase in WANTS_MEMORY):
        return OutOfMemory("ffmpeg needed more memory than it may have", output=output)
    if returncode == -signal.SIGXFSZ or "File too large" in output:
        return OutputTooLarge("The output became larger than it may be", output=output)
    if -returncode in FAULTS:
        return FfmpegCrashed(f"ffmpeg crashed ({signal.Signals(-returncode).name})", output=output)
    if returncode < 0 or returncode == 255:  # 255: it was asked to stop, by somebody else than us
        return FfmpegKilled("ffmpeg was ended from outside", output=output)
    last_words = next((line.strip() for line in reversed(output.splitlines()) if line.strip()), f"exit status {returncode}")
    if any(phrase in output for phrase in REFUSALS):
        return FfmpegRefused(f"ffmpeg cannot read the video: {last_words}", output=output)
    return FfmpegFailed(f"ffmpeg failed: {last_words}", output=output)


def _popen(command: list[str], options: str) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(
            [sys.executable, "-S", *BYTECODE_CACHE, "-m", "media_library.ffmpeg.confined", options, *command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=PROJECT,
            env={"LANG": "C.UTF-8", **{name: os.environ[name] for name in PASSED_ON if name in os.environ}},
            start_new_session=True,
        )
    except OSError as error:
        raise FfmpegUnavailable(f"ffmpeg cannot be started: {error.strerror}") from error


def _new_starter() -> ThreadPoolExecutor:
    """The one thread that starts processes; it begins with the first of them."""
    return ThreadPoolExecutor(1, thread_name_prefix="ffmpeg-starter")


def _renew_starter() -> None:
    """A forked child lacks its parent's thread."""
    global _starter
    _starter = _new_starter()


_starter = _new_starter()
os.register_at_fork(after_in_child=_renew_starter)
