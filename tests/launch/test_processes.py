"""Children do not outlive their parent, however it ends."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from launcher import processes
from launcher.complaints import CannotStart

PARENT = """
import os, sys, time
from pathlib import Path
from launcher import processes
from launcher.complaints import CannotStart
processes.listen_for_stop_signals()
child = processes.start("sleep", ["sleep", "1000"], env=os.environ, cwd=Path("/"), log=Path(sys.argv[1]))
try:
    print(child.process.pid, flush=True)
    time.sleep(1000)
except processes.StopRequested as stop:
    sys.exit(stop.number)
finally:
    child.stop()
"""


@pytest.fixture
def parent(tmp_path: Path) -> subprocess.Popen[str]:
    bin_folder = Path(__file__).resolve().parents[2] / "bin"
    return subprocess.Popen(
        [sys.executable, "-c", PARENT, tmp_path / "log"], env={"PYTHONPATH": str(bin_folder)}, stdout=subprocess.PIPE, text=True
    )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_stop_signal_stops_the_child_first(parent: subprocess.Popen[str], number: signal.Signals) -> None:
    assert parent.stdout
    child = int(parent.stdout.readline())

    parent.send_signal(number)

    assert parent.wait(10) == number
    assert processes.command_line(child) == ""


def test_a_killed_parent_takes_its_child_along(parent: subprocess.Popen[str]) -> None:
    assert parent.stdout
    child = int(parent.stdout.readline())

    parent.kill()
    parent.wait()

    deadline = time.monotonic() + 5
    while processes.command_line(child):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_stubborn_child_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "PATIENCE", 0.3)
    script = "trap '' TERM; echo ready; while :; do sleep 0.05; done"
    child = processes.start("stubborn", ["sh", "-c", script], env={"PATH": "/bin:/usr/bin"}, cwd=tmp_path, log=tmp_path / "log")
    processes.wait_until(lambda: child.last_words() == "ready", child, seconds=5)

    child.stop()

    assert child.process.returncode == -signal.SIGKILL


def test_a_child_that_dies_at_once_is_told_with_its_last_words(tmp_path: Path) -> None:
    command = ["sh", "-c", "echo no such luck; exit 3"]
    child = processes.start("The server", command, env={"PATH": "/bin:/usr/bin"}, cwd=tmp_path, log=tmp_path / "log")

    with pytest.raises(CannotStart, match=r"The server did not start: no such luck"):
        processes.wait_until(lambda: False, child, seconds=5)
