"""What a person has chosen, by the environment or `.env`."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from launcher import settings

from tests.launch.conftest import REPOSITORY


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    shutil.copy(REPOSITORY / ".env.example", tmp_path)
    return tmp_path


def test_a_copy_of_the_example_chooses_nothing(clone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DATABASE_URL", "REDIS_URL", "USE_HTTPS"):
        monkeypatch.delenv(name, raising=False)
    shutil.copy(clone / ".env.example", clone / ".env")

    chosen = settings.chosen(clone)

    assert not {"DATABASE_URL", "REDIS_URL", "USE_HTTPS"} & set(chosen)


def test_the_environment_wins_over_the_file(clone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (clone / ".env").write_text("# mine\nexport MEDIA_API_PORT='4200'\nBIND_HOST=0.0.0.0\n")
    monkeypatch.setenv("BIND_HOST", "127.0.0.1")
    monkeypatch.delenv("MEDIA_API_PORT", raising=False)

    chosen = settings.chosen(clone)

    assert (settings.port(chosen), chosen["BIND_HOST"]) == (4200, "127.0.0.1")


def test_what_leads_another_python_astray_is_left_out(clone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", "/elsewhere")
    monkeypatch.setenv("PIP_USER", "1")

    assert not {"PYTHONPATH", "PIP_USER"} & set(settings.chosen(clone))
