"""The settings file: complete in `.env.example`, strict outside development."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from launcher import site
from pytest_django.fixtures import Settings

ROOT = Path(__file__).parents[2]
STRONG_KEY = "kX9#mQ2$vL7@pR4!tY8&wZ1*bN6^cJ3%dF5(gH0)sA-eU=iO+xT"


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run Python with just this environment, and the databases of the tests."""
    kept = {name: os.environ[name] for name in ("PATH", "DATABASE_URL", "REDIS_URL", "DATA_DIR") if name in os.environ}
    command = [sys.executable, *arguments]
    return subprocess.run(command, cwd=ROOT, env=kept | environment, capture_output=True, text=True, timeout=60, check=False)


def start(**environment: str) -> subprocess.CompletedProcess[str]:
    return run("-c", "import config.settings", **environment)


def test_every_setting_has_a_line_in_the_example() -> None:
    read = set(re.findall(r'env\.\w+\(\s*"([A-Z_]+)"', (ROOT / "config/settings.py").read_text()))
    documented = re.findall(r"^([A-Z_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE)
    launcher = "".join(file.read_text() for file in (ROOT / "bin").rglob("*.py"))

    assert len(documented) == len(set(documented))
    assert read <= set(documented)
    assert [name for name in documented if name not in read and f'"{name}"' not in launcher] == []


def test_the_example_says_the_defaults() -> None:
    """Those that are plain; the others are worded in the comment above."""
    source = (ROOT / "config/settings.py").read_text()
    example = dict(re.findall(r"^([A-Z_]+)=(.*)$", (ROOT / ".env.example").read_text(), re.MULTILINE))
    for name, default in re.findall(r'env\.(?:int|float|str)\("([A-Z_]+)", default=("[^"]*"|[\d_.]+)[,)]', source):
        plain = default.strip('"').replace("_", "") if default[0].isdigit() else default.strip('"')
        assert example[name] in (plain, plain.removesuffix(".0")), name


@pytest.mark.parametrize("key", ["", "short", "a" * 60, "django-insecure-" + STRONG_KEY, "development-" + STRONG_KEY])
def test_a_weak_secret_key_stops_the_start(key: str) -> None:
    done = start(SECRET_KEY=key)

    assert done.returncode != 0
    assert "SECRET_KEY is missing or weak" in done.stderr
    assert not key or key not in done.stderr.split("ImproperlyConfigured")[-1]


def test_a_weak_key_of_the_main_api_stops_the_start() -> None:
    done = start(SECRET_KEY=STRONG_KEY, MAIN_API_JWT_KEY="secret")

    assert done.returncode != 0
    assert "MAIN_API_JWT_KEY" in done.stderr


@pytest.mark.parametrize("algorithm", ["none", "ES256", "hs256"])
def test_only_two_algorithms_may_sign_tokens_of_the_main_api(algorithm: str) -> None:
    done = start(SECRET_KEY=STRONG_KEY, MAIN_API_JWT_ALGORITHM=algorithm)

    assert done.returncode != 0
    assert "MAIN_API_JWT_ALGORITHM" in done.stderr


def test_production_settings_pass_the_deployment_check() -> None:
    done = run("manage.py", "check", "--deploy", "--fail-level", "WARNING", SECRET_KEY=STRONG_KEY)

    assert done.returncode == 0, done.stderr
    assert "no issues" in done.stdout


def test_the_image_serves_as_bin_up_does() -> None:
    image = " ".join(re.findall(r'"([^"]+)"', (ROOT / "Dockerfile").read_text().rpartition("CMD ")[2]))
    ours = " ".join(map(str, site.web_server(Path("python"), host="0.0.0.0", port=4100)))

    assert f"python -m {image}" == ours


def test_slow_viewers_leave_half_of_a_process_to_everybody_else(settings: Settings) -> None:
    assert settings.STREAMS_PER_PROCESS * 2 <= site.WEB_THREADS


def test_slow_senders_and_viewers_together_leave_a_quarter(settings: Settings) -> None:
    assert settings.STREAMS_PER_PROCESS + settings.BODIES_PER_PROCESS <= site.WEB_THREADS * 3 // 4
