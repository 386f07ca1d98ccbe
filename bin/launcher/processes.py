"""Child processes: started so that none outlives us, stopped in order."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from launcher.complaints import CannotStart

Command = Sequence[str | Path]  # a program and its arguments, never a shell

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
PATIENCE = 15.0  # seconds that a child gets to stop before it is killed
LARGEST_LOG = 10 * 2**20  # bytes; a larger one is put aside by the next start, in place of the one before
_PR_SET_PDEATHSIG = 1


class StopRequested(BaseException):
    """Somebody pressed Ctrl-C, closed the terminal or sent TERM."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.number = number


@dataclass
class Child:
    """A running process of ours, in a session of its own."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path | None
    stop_signal: signal.Signals

    @property
    def is_running(self) -> bool:
        return self.process.poll() is None

    def stop(self) -> None:
        """Ask it to stop, wait, then kill what is left of its session."""
        if self.is_running:
            self.process.send_signal(self.stop_signal)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(PATIENCE)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def last_words(self) -> str:
        """The last line of its log, for a complaint."""
        return last_line(self.log) if self.log else ""


def listen_for_stop_signals() -> None:
    """Turn the first stop signal into `StopRequested`; later ones are ignored, so that stopping is never cut short."""
    for number in STOP_SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:  # nohup and background jobs mean it
            signal.signal(number, _request_stop)


def start(
    name: str,
    command: Command,
    *,
    env: Mapping[str, str],
    cwd: Path,
    log: Path | None = None,
    stop_signal: signal.Signals = signal.SIGTERM,
) -> Child:
    """Start a child; its output goes to `log`, or to our own terminal."""
    with _opened(log) as output:
        process = subprocess.Popen(
            [str(part) for part in command],
            env=dict(env),
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output and subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C reaches us alone, and we stop the others in order
            preexec_fn=_tie_to_parent(stop_signal),
        )
    return Child(name, process, log, stop_signal)


def run(command: Command, *, env: Mapping[str, str], cwd: Path, log: Path | None = None) -> int:
    """Run a child to its end and return its exit status; interrupted ourselves, we interrupt it as Ctrl-C would."""
    child = start(Path(command[0]).name, command, env=env, cwd=cwd, log=log, stop_signal=signal.SIGINT)
    try:
        return child.process.wait()
    finally:
        child.stop()


def read(command: Command, *, env: Mapping[str, str] | None = None, cwd: Path | None = None) -> str:
    """Standard output of a short command, or "" when it fails or is not there."""
    try:
        done = subprocess.run(
            [str(part) for part in command], env=env, cwd=cwd, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def succeeds(command: Command, *, env: Mapping[str, str]) -> bool:
    """Whether a short, silent command exits with 0."""
    return subprocess.run([str(part) for part in command], env=env, stdin=subprocess.DEVNULL, capture_output=True).returncode == 0


def command_line(pid: int) -> str:
    """How a running process was started; "" when there is none of that id."""
    if sys.platform != "linux":
        return read(["ps", "-o", "command=", "-p", str(pid)])
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return ""


def wait_until(is_ready: Callable[[], bool], child: Child, *, seconds: float) -> None:
    """Wait for a freshly started child; `CannotStart` when it ends or takes longer than `seconds`."""
    deadline = time.monotonic() + seconds
    while not is_ready():
        if not child.is_running:
            raise CannotStart(f"{child.name} did not start: {child.last_words()} (log: {child.log})")
        if time.monotonic() > deadline:
            raise CannotStart(f"{child.name} did not answer within {seconds:.0f} seconds (log: {child.log})")
        time.sleep(0.05)


def last_line(log: Path) -> str:
    """The last line of a text file that says something."""
    lines = [line.strip() for line in log.read_text(errors="replace").splitlines() if line.strip()]
    return lines[-1] if lines else "it said nothing"


def _request_stop(number: int, frame: FrameType | None) -> None:
    for stop_signal in STOP_SIGNALS:
        signal.signal(stop_signal, signal.SIG_IGN)
    raise StopRequested(number)


@contextlib.contextmanager
def _opened(log: Path | None) -> Iterator[int | None]:
    if log is None:
        yield None
        return
    if log.exists() and log.stat().st_size > LARGEST_LOG:
        log.replace(log.with_suffix(".log.1"))
    with log.open("ab") as file:
        yield file.fileno()


def _tie_to_parent(stop_signal: signal.Signals) -> Callable[[], None] | None:
    """Where Linux offers it, have the kernel stop the child when we are killed outright."""
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None).prctl  # loaded here: the forked child should do as little as possible
    parent = os.getpid()

    def tie() -> None:
        prctl(_PR_SET_PDEATHSIG, int(stop_signal))
        if os.getppid() != parent:
            os._exit(1)

    return tie
