"""`bin/test`: the static checks, the test suite, and the API's contract against a running server."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from launcher import data_folder, instance, processes, settings, site
from launcher.complaints import CannotStart
from launcher.environment import DEVELOPMENT, EMBEDDED_SERVERS, PRODUCT, VirtualEnvironment
from launcher.progress import say
from launcher.settings import REPOSITORY

CONTRACT = "tests/contract"
STATIC_CHECKS: dict[str, Sequence[str]] = {
    "ruff check": ("-m", "ruff", "check", "."),
    "ruff format": ("-m", "ruff", "format", "--check", "."),
    "mypy": ("-m", "mypy", "."),
    "import-linter": ("-c", "from importlinter.cli import lint_imports_command; lint_imports_command()"),
    "djlint": ("-m", "djlint", "templates", "--check", "--lint"),
    "migrations": ("manage.py", "makemigrations", "--check", "--dry-run"),
}
WORKERS = "4"  # on two cores: many tests wait for processes and deadlines while others compute
_OF_THE_USER = (
    "DATABASE_URL",
    "REDIS_URL",
    "LIBRARY_ROOT",
    "THUMBNAIL_ROOT",
    "SECRET_KEY",
    "ADMIN_USERNAME",
    "ADMIN_PASSWORD",
    "BIND_HOST",
)


def main(arguments: Sequence[str]) -> int:
    chosen = _for_tests(settings.chosen())
    with contextlib.ExitStack() as stack:
        data = stack.enter_context(data_folder.claimed(Path(chosen["DATA_DIR"]), address="bin/test"))
        environment = VirtualEnvironment(Path(chosen["VENV_DIR"]), log=data.logs / "pip.log")
        environment.ensure(PRODUCT, EMBEDDED_SERVERS, DEVELOPMENT, env=chosen)
        servers, _ = instance.with_servers(stack, chosen, environment, data, database="contract", is_test=True)
        suite = Suite(environment.python, instance.with_site(servers, data, host="127.0.0.1", port=4100), chosen)
        status = suite.run_only(arguments) if arguments else suite.run_all()
        suite.say_what_was_left_out(arguments)
        return status


@dataclass(frozen=True)
class Suite:
    """All checks, with the environment that they run in."""

    python: Path
    env: Mapping[str, str]
    chosen: Mapping[str, str]  # what a start of our own begins from

    def run_all(self) -> int:
        """Every check, to the last one even when one fails; returns an exit status."""
        began = time.monotonic()
        results = {name: self._static(name, command) for name, command in STATIC_CHECKS.items()}
        results["check --deploy"] = self._deployment()
        results["tests"] = self._tests("-n", WORKERS, "--dist", "loadgroup", "--no-loadscope-reorder")
        results["contract"] = self._contract(CONTRACT)
        failed = [name for name, has_passed in results.items() if not has_passed]
        say(f"\n{'Failed: ' + ', '.join(failed) if failed else 'Everything passed'}, in {time.monotonic() - began:.0f} s")
        return 1 if failed else 0

    def run_only(self, arguments: Sequence[str]) -> int:
        """Only the tests that pytest's arguments name; the contract's, which need a server, when they lie there."""
        is_contract = any(argument.startswith(CONTRACT) for argument in arguments)
        return 0 if (self._contract if is_contract else self._tests)(*arguments) else 1

    def say_what_was_left_out(self, arguments: Sequence[str]) -> None:
        """How many tests need a browser, where there is none."""
        if _chromium():
            return
        log = Path(self.chosen["DATA_DIR"]) / "logs/browser-tests.log"
        log.unlink(missing_ok=True)
        processes.run(
            [self.python, "-m", "pytest", "--collect-only", "-q", "-m", "browser", *arguments], env=self.env, cwd=REPOSITORY, log=log
        )
        if found := re.search(r"^(\d+)(/\d+)? tests? collected", log.read_text(errors="replace"), re.MULTILINE):
            say(f"Browser tests not run: {found[1]}. There is no Chromium here (Debian, Ubuntu: apt install chromium).")

    def _static(self, name: str, command: Sequence[str], *, env: Mapping[str, str] | None = None) -> bool:
        """One check that says something only when it fails."""
        log = Path(self.chosen["DATA_DIR"]) / f"logs/{name.replace(' ', '-')}.log"
        log.unlink(missing_ok=True)
        began = time.monotonic()
        has_passed = processes.run([self.python, *command], env=env or self.env, cwd=REPOSITORY, log=log) == 0
        say(f"{'ok    ' if has_passed else 'FAILED'} {name}  {time.monotonic() - began:.1f} s")
        if not has_passed:
            say(log.read_text(errors="replace"))
        return has_passed

    def _deployment(self) -> bool:
        """Django's own look at the settings that a real deployment has."""
        hidden = ("DEVELOPMENT", "DEBUG", "USE_HTTPS")
        production = {name: value for name, value in self.env.items() if name not in hidden}
        production |= {"SECRET_KEY": secrets.token_urlsafe(64), "ALLOWED_HOSTS": "videos.example.org"}
        return self._static("check --deploy", ("manage.py", "check", "--deploy", "--fail-level", "WARNING"), env=production)

    def _tests(self, *arguments: str) -> bool:
        chromium = _chromium()
        if chromium is None and os.environ.get("CI"):
            raise CannotStart("There is no Chromium, and in CI the browser tests must run.")
        if chromium is None:
            return self._pytest("-m", "not browser", *arguments, env=self.env)
        screenshots = Path(self.chosen["DATA_DIR"]) / "screenshots"
        shutil.rmtree(screenshots, ignore_errors=True)
        passed = self._pytest(*arguments, env={**self.env, "CHROMIUM": chromium, "SCREENSHOTS": str(screenshots)})
        if screenshots.exists():
            say(f"What the browser showed: {screenshots}")
        return passed

    def _contract(self, *arguments: str) -> bool:
        """The API's black-box contract, against a server that serves the sample library as `bin/up` does."""
        folder = Path(self.chosen["DATA_DIR"]) / "contract"
        shutil.rmtree(folder, ignore_errors=True)
        servers = {name: self.env[name] for name in ("DATABASE_URL", "REDIS_URL", "FFMPEG_BINARY")}
        chosen = {**self.chosen, **servers, "DATA_DIR": str(folder), "MEDIA_API_PORT": str(site.free_port())}
        with instance.running(chosen, library=None) as running:
            running.site.manage("scan_library")
            access = {"CONTRACT_URL": running.address, "CONTRACT_USERNAME": running.admin.username}
            env = {**self.env, **access, "CONTRACT_PASSWORD": running.admin.password}
            # The contract knows nothing of our code: neither our pytest settings nor Django.
            apart = ["--config-file=/dev/null", f"--rootdir={REPOSITORY}", "--noconftest", "-p", "no:django", "-p", "no:cacheprovider"]
            return self._pytest(*apart, *arguments, env=env)

    def _pytest(self, *arguments: str, env: Mapping[str, str]) -> bool:
        return processes.run([self.python, "-m", "pytest", *arguments], env=env, cwd=REPOSITORY) == 0


def _for_tests(chosen: Mapping[str, str]) -> dict[str, str]:
    """The environment without anybody's real database and library; the virtual environment is the one that `bin/up` uses."""
    kept = {name: value for name, value in chosen.items() if name not in _OF_THE_USER}
    return {**kept, "DATA_DIR": str(settings.data_path(chosen) / "test")}


def _chromium() -> str | None:
    names = (os.environ.get("CHROMIUM") or "chromium", "chromium", "chromium-browser", "google-chrome")
    return next((path for name in names if (path := shutil.which(name))), None)
