"""Processes that inspect files for us, each replaced when a file crashes it, hangs it or eats its memory."""

from __future__ import annotations

import contextlib
import json
import os
import select
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty, LifoQueue
from types import TracebackType
from typing import Any, Self

from media_library.ffmpeg.errors import InspectionCrashed, InspectionHung, InspectorsUnavailable, UnreadableMedia
from media_library.ffmpeg.inspection import READY, Answer, Inspection, exactly, receive
from media_library.ffmpeg.untrusted import Bounds

PROJECT = Path(__file__).resolve().parent.parent.parent
WORKER, DIGESTER = "media_library.ffmpeg.worker", "media_library.ffmpeg.digester"
ENVIRONMENT = {"LANG": "C.UTF-8", "OPENBLAS_NUM_THREADS": "1"}  # nothing of ours: no secrets. A thread would reserve memory for each core
NOTHING_ELSE: Mapping[str, str] = {}
SECONDS_TO_START = 60.0
BYTECODE_CACHE = ("-X", f"pycache_prefix={sys.pycache_prefix}") if sys.pycache_prefix else ()  # where ours is kept
TICK = 0.5  # seconds between two questions whether we still want to know
FILES_PER_PROCESS = 500  # then a fresh one: whatever a library leaks is bounded


Follow = Callable[[float | None], None]
"""Hears how far a process is, 0 to 1, and twice a second None; may raise to end it."""


@dataclass(frozen=True)
class Limits:
    """What inspecting one file may cost."""

    timeout: float = 20.0  # seconds of wall clock, for long work from one sign of life to the next
    memory: int = 1024 * 1024 * 1024  # bytes of address space
    bounds: Bounds = field(default_factory=Bounds)


class Inspectors:
    """At most `count` inspecting processes, as many as are asked at once; who asks while all of them are busy waits.

    `program`: the module that they run, `WORKER` or one that is spoken to alike; `environment`: what else its environment holds.
    """

    def __init__(
        self, count: int, *, limits: Limits | None = None, program: str = WORKER, environment: Mapping[str, str] = NOTHING_ELSE
    ) -> None:
        self.count = count
        self._limits = limits or Limits()
        self._idle: LifoQueue[_Inspector] = LifoQueue()  # the last used first: it runs already
        self._starter = ThreadPoolExecutor(1, thread_name_prefix="inspector-starter")
        self._all = [_Inspector(self._limits, self._starter, program, environment) for _ in range(count)]
        for inspector in self._all:
            self._idle.put(inspector)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for inspector in self._all:
            inspector.stop()
        self._starter.shutdown()

    def inspect(self, descriptor: int, *, with_poster: bool) -> Inspection:
        """Inspect an open regular file; one that nobody survives is an Inspection with that reason, and not conclusive."""
        try:
            return Inspection.of_answer(self._ask(descriptor, "inspect", {"with_poster": with_poster}, _go_on))
        except (InspectionCrashed, InspectionHung) as error:
            return Inspection(reason=str(error), is_conclusive=False)

    def ask(self, task: str, descriptor: int, *, follow: Follow | None = None, **options: Any) -> Answer:
        """Have one of `worker.TASKS` done with an open regular file.

        Raises `UnreadableMedia` with the reason where the file does not give what is asked for, `InspectionCrashed`
        or `InspectionHung` where it costs the process, and whatever `follow` raises, with which the process ends.
        """
        answer = self._ask(descriptor, task, options, follow or _go_on)
        if answer.reason:
            raise UnreadableMedia(answer.reason)
        return answer

    def _ask(self, descriptor: int, task: str, options: dict[str, Any], follow: Follow) -> Answer:
        inspector = self._await_idle(follow)
        try:
            return _twice(inspector, descriptor, json.dumps({"task": task, "options": options}).encode(), follow)
        finally:
            self._idle.put(inspector)

    def _await_idle(self, follow: Follow) -> _Inspector:
        while True:
            try:
                return self._idle.get(timeout=TICK)
            except Empty:
                follow(None)


def _twice(inspector: _Inspector, descriptor: int, request: bytes, follow: Follow) -> Answer:
    """Try again after a crash: the machine may have ended the process for want of memory, and not the file."""
    try:
        return inspector.ask(descriptor, request, follow)
    except InspectionCrashed:
        try:
            return inspector.ask(descriptor, request, follow)
        except InspectionCrashed as error:
            raise InspectionCrashed(f"{error}: it may be too large for its memory") from error


def _go_on(progress: float | None) -> None:
    """Nobody watches."""


class _Inspector:
    """One process and the socket to it; started when first needed.

    The kernel ends the process with the thread that started it, not with the thread's process: so `starter` has one
    thread, which lives for as long as the inspectors.
    """

    def __init__(self, limits: Limits, starter: ThreadPoolExecutor, program: str, environment: Mapping[str, str]) -> None:
        self._limits = limits
        self._starter = starter
        self._program = program
        self._environment = environment
        self._process: subprocess.Popen[bytes] | None = None
        self._connection: socket.socket | None = None
        self._inspected = 0

    def ask(self, descriptor: int, request: bytes, follow: Follow) -> Answer:
        """Raises `InspectionHung`, or `InspectionCrashed` where another try may do better."""
        if self._inspected >= FILES_PER_PROCESS:
            self.stop()
        connection = self._connection or self._start()
        self._inspected += 1
        try:
            socket.send_fds(connection, [request], [descriptor])
            return self._await_answer(connection, follow)
        except TimeoutError as error:
            self.stop()
            raise InspectionHung(f"Reading it took more than {self._limits.timeout:g} seconds") from error
        except (InspectionCrashed, OSError) as error:
            self.stop()
            raise InspectionCrashed("Reading it crashed the process that tried") from error
        except BaseException:
            self.stop()
            raise

    def _await_answer(self, connection: socket.socket, follow: Follow) -> Answer:
        """Wait for the last thing that it says; raises TimeoutError when it says nothing for too long."""
        speech = select.poll()
        speech.register(connection, select.POLLIN)
        ends_at = time.monotonic() + self._limits.timeout
        while True:
            left = ends_at - time.monotonic()
            if left <= 0:
                raise TimeoutError
            if not speech.poll(min(TICK, left) * 1000):
                follow(None)
                continue
            answer = receive(connection)
            if answer.progress is None:
                return answer
            follow(answer.progress)
            ends_at = time.monotonic() + self._limits.timeout

    def stop(self) -> None:
        if self._connection:
            self._connection.close()
        if self._process:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
            self._process.wait()
        self._connection, self._process, self._inspected = None, None, 0

    def _start(self) -> socket.socket:
        ours, theirs = socket.socketpair()
        limits = self._limits
        options = {
            "parent": os.getpid(),
            "memory": limits.memory,
            "timeout": limits.timeout,
            "pixels": limits.bounds.pixels,
            "streams": limits.bounds.streams,
        }
        with theirs:
            self._process = self._starter.submit(self._popen, theirs, json.dumps(options)).result()
        self._await(ours)
        ours.settimeout(limits.timeout)
        self._connection = ours
        return ours

    def _await(self, connection: socket.socket) -> None:
        """Wait until the process is ready, so that a machine on which none can run fails no file."""
        connection.settimeout(SECONDS_TO_START)
        try:
            exactly(connection, len(READY))
        except (InspectionCrashed, OSError) as error:
            connection.close()
            self.stop()
            raise InspectorsUnavailable("The process that reads videos does not start") from error

    def _popen(self, connection: socket.socket, options: str) -> subprocess.Popen[bytes]:
        try:
            return subprocess.Popen(
                [sys.executable, *BYTECODE_CACHE, "-m", self._program, options],
                stdin=connection.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                cwd=PROJECT,
                env={**ENVIRONMENT, **self._environment},
                start_new_session=True,
            )
        except OSError as error:
            raise InspectorsUnavailable(f"The process that reads videos cannot be started: {error.strerror}") from error
