from __future__ import annotations

import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from launcher import workers
from launcher.site import Site
from launcher.workers import Worker


@pytest.fixture
def site(tmp_path: Path) -> Callable[[str], Site]:
    """A site whose Python is a script, for its worker is all that counts here."""

    def with_python(text: str) -> Site:
        program = tmp_path / "python"
        program.write_text(f"#!{sys.executable}\n{text}\n")
        program.chmod(0o755)
        return Site(program, {"STARTS": str(tmp_path / "starts")}, tmp_path)

    return with_python


COUNT = "import os\nwith open(os.environ['STARTS'], 'a') as starts: starts.write('x')\n"


def starts(folder: Path) -> int:
    return len((folder / "starts").read_text()) if (folder / "starts").exists() else 0


def mend_until(worker: Worker, condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        worker.mend()
        time.sleep(0.05)


def test_a_worker_that_dies_is_started_again(site: Callable[[str], Site], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "FIRST_PAUSE", 0.1)
    with workers.working(site(COUNT + "import time\ntime.sleep(600)")) as worker:
        mend_until(worker, lambda: starts(tmp_path) == 1)
        worker._child.process.send_signal(signal.SIGKILL)

        mend_until(worker, lambda: starts(tmp_path) == 2)

        assert worker._child.is_running
    assert not worker._child.is_running


def test_one_that_keeps_dying_is_started_less_and_less_often(
    site: Callable[[str], Site], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(workers, "FIRST_PAUSE", 0.1)
    with workers.working(site(COUNT + "print('no such module')")) as worker:
        mend_until(worker, lambda: starts(tmp_path) == 3)

        assert worker._pause >= 0.4
    assert "The worker has stopped by itself and is started again: no such module" in capsys.readouterr().out
