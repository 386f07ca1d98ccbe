"""A virtual environment is ours to empty only when we made it, and being killed at any moment spoils nothing."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from launcher.complaints import CannotStart
from launcher.environment import VirtualEnvironment

from tests.launch.conftest import PATIENCE, Start


@pytest.fixture
def environment(tmp_path: Path) -> VirtualEnvironment:
    return VirtualEnvironment(tmp_path / "venv", tmp_path / "pip.log")


def test_a_folder_of_somebody_else_is_left_alone(environment: VirtualEnvironment) -> None:
    theirs = environment.path / "bin/theirs"
    theirs.parent.mkdir(parents=True)
    theirs.touch()
    with pytest.raises(CannotStart, match="no virtual environment that we made"):
        environment.ensure("requirements.txt", env={})
    assert theirs.exists()


def test_a_start_killed_while_it_installed_leaves_no_pip_and_an_environment_to_make_again(
    up: Callable[..., Start], data_folder: Path
) -> None:
    killed = up(data_folder, VENV_DIR=str(data_folder / "venv"))
    _wait_until(lambda: (data_folder / "venv/lib").exists() and "Collecting" in _text(data_folder / "logs/pip.log"))
    killed.process.kill()
    killed.ended()
    _wait_until(lambda: not killed.process_ids())
    (data_folder / "venv/bin/python").unlink()  # the next start was killed, too, while it emptied the folder
    again = up(data_folder, VENV_DIR=str(data_folder / "venv"))
    _wait_until(lambda: "Installing requirements.txt" in again.output)
    assert again.stop() == 143, again.output


def _text(path: Path) -> str:
    return path.read_text(errors="replace") if path.exists() else ""


def _wait_until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.1)
