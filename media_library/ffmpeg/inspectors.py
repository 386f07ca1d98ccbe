"""Processes that inspect files for us, each replaced when a file crashes it, hangs it or eats its memory."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from queue import SimpleQueue
from types import TracebackType
from typing import Self

from media_library.ffmpeg.errors import InspectionCrashed, InspectorsUnavailable
from media_library.ffmpeg.inspection import READY, Inspection, exactly, receive
from media_library.ffmpeg.untrusted import Bounds

PROJECT = Path(__file__).resolve().parent.parent.parent
SECONDS_TO_START = 60.0
BYTECODE_CACHE = ("-X", f"pycache_prefix={sys.pycache_prefix}") if sys.pycache_prefix else ()  # where ours is kept
FILES_PER_PROCESS = 500  # then a fresh one: whatever a library leaks is bounded


@dataclass(frozen=True)
class Limits:
    """What inspecting one file may cost."""

    timeout: float = 20.0  # seconds of wall clock
    memory: int = 1024 * 1024 * 1024  # bytes of address space
    bounds: Bounds = field(default_factory=Bounds)


class Inspectors:
    """A fixed number of inspecting processes; `inspect` may be called by as many threads at once."""

    def __init__(self, count: int, *, limits: Limits | None = None) -> None:
        self.count = count
        self._limits = limits or Limits()
        self._idle: SimpleQueue[_Inspector] = SimpleQueue()
        self._starter = ThreadPoolExecutor(1, thread_name_prefix="inspector-starter")
        self._all = [_Inspector(self._limits, self._starter) for _ in range(count)]
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
        inspector = self._idle.get()
        try:
            return _twice(inspector, descriptor, with_poster=with_poster)
        finally:
            self._idle.put(inspector)


def _twice(inspector: _Inspector, descriptor: int, *, with_poster: bool) -> Inspection:
    """Try again after a crash: the machine may have ended the process for want of memory, and not the file."""
    try:
        return inspector.inspect(descriptor, with_poster=with_poster)
    except InspectionCrashed:
        try:
            return inspector.inspect(descriptor, with_poster=with_poster)
        except InspectionCrashed as error:
            return Inspection(reason=f"{error}: it may be too large for its memory", is_conclusive=False)


class _Inspector:
    """One process and the socket to it; started when first needed.

    The kernel ends the process with the thread that started it, not with the thread's process: so `starter` has one
    thread, which lives for as long as the inspectors.
    """

    def __init__(self, limits: Limits, starter: ThreadPoolExecutor) -> None:
        self._limits = limits
        self._starter = starter
        self._process: subprocess.Popen[bytes] | None = None
        self._connection: socket.socket | None = None
        self._inspected = 0

    def inspect(self, descriptor: int, *, with_poster: bool) -> Inspection:
        if self._inspected >= FILES_PER_PROCESS:
            self.stop()
        connection = self._connection or self._start()
        self._inspected += 1
        try:
            socket.send_fds(connection, [json.dumps({"poster": with_poster}).encode()], [descriptor])
            return receive(connection)
        except TimeoutError:
            self.stop()
            return Inspection(reason=f"Reading it took more than {self._limits.timeout:g} seconds", is_conclusive=False)
        except (InspectionCrashed, OSError) as error:
            self.stop()
            raise InspectionCrashed("Reading it crashed the process that tried") from error

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

    @staticmethod
    def _popen(connection: socket.socket, options: str) -> subprocess.Popen[bytes]:
        try:
            return subprocess.Popen(
                [sys.executable, *BYTECODE_CACHE, "-m", "media_library.ffmpeg.worker", options],
                stdin=connection.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                cwd=PROJECT,
                env={"LANG": "C.UTF-8"},  # nothing of ours: no secrets
                start_new_session=True,
            )
        except OSError as error:
            raise InspectorsUnavailable(f"The process that reads videos cannot be started: {error.strerror}") from error
