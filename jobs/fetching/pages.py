"""Where the video of a web page lies, as yt-dlp finds it.

It runs as a process of its own, without our secrets, which sees the web through our egress. It only looks: what it finds is
downloaded by us, like any other address.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile
from typing import IO, Any

from django.conf import settings

from jobs.failures import JobFailed
from jobs.fetching.addresses import Target, UnfitUrl, parse
from jobs.fetching.egress import Egress
from jobs.fetching.requests import Caller
from jobs.fetching.wire import TICK, Interrupted
from media_library.ffmpeg.inspectors import BYTECODE_CACHE, PROJECT

SECONDS = 120.0  # that looking at a page may take
ONE_FILE = "b[protocol^=http][protocol!*=dash]"  # with sound, and not in pieces
PASSED_HEADERS = ("User-Agent", "Referer")
LONGEST_WORD = 300  # characters of what it says
ARGUMENTS = (
    *("--ignore-config", "--no-cache-dir", "--no-playlist", "--quiet", "--no-warnings", "--dump-single-json"),
    *("--socket-timeout", "20", "--retries", "1", "--extractor-retries", "1", "--format", ONE_FILE),
)

_PLAIN = re.compile(r"[ -~]{1,2000}")


@dataclass(frozen=True)
class Found:
    """The video of a page."""

    target: Target
    title: str
    headers: dict[str, str] = field(default_factory=dict)  # that its server wants to see


def problem() -> str:
    """Why no pages are looked at; empty: they are."""
    if not settings.FETCH_FROM_PAGES:
        return "Videos are not looked for in pages here: FETCH_FROM_PAGES is off"
    if importlib.util.find_spec("yt_dlp") is None:
        return "Videos are not looked for in pages here: yt-dlp is not installed (requirements-pages.txt)"
    return ""


def look(page: Target, caller: Caller) -> Found:
    """Find the video of a page; raises `JobFailed`."""
    with TemporaryDirectory() as folder, TemporaryFile() as said, TemporaryFile() as complaints:
        place = Path(folder) / "egress"
        with Egress(place, caller) as egress:
            status = _run([str(place), *ARGUMENTS, "--", page.url], said, complaints, caller)
        if status and egress.refused:
            raise JobFailed("forbidden_address", f"The page leads to what is not fetched: {egress.refused[0]}")
        if status:
            words = _last_line(complaints)
            raise JobFailed("no_video", f"yt-dlp found no video: {words}", suggestion="Look whether the page plays without signing in.")
        return _found(said)


def _run(arguments: list[str], said: IO[bytes], complaints: IO[bytes], caller: Caller) -> int:
    """The exit status of yt-dlp."""
    command = [sys.executable, *BYTECODE_CACHE, "-m", "jobs.fetching.looker", str(os.getpid()), *arguments]
    environment = {"LANG": "C.UTF-8", "HOME": "/nonexistent", "PATH": "/nonexistent"}
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=said, stderr=complaints, cwd=PROJECT, env=environment, start_new_session=True
    )
    until = time.monotonic() + SECONDS
    try:
        while process.poll() is None:
            caller.patience.begin()
            caller.patience.sleep(TICK)
            if time.monotonic() > until:
                raise Interrupted(f"yt-dlp found nothing in {SECONDS:g} seconds", error_class="too_slow")
        return process.returncode
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _found(said: IO[bytes]) -> Found:
    said.seek(0)
    try:
        info: Any = json.load(said)
        target = parse(str(info["url"]))
    except UnfitUrl as error:
        raise JobFailed("forbidden_address", f"The page's video lies where nothing is fetched: {error}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise JobFailed("no_video", "yt-dlp found no video that is one file") from error
    headers = info.get("http_headers")
    passed = {name: str(headers[name]) for name in PASSED_HEADERS if name in headers} if isinstance(headers, dict) else {}
    return Found(target, str(info.get("title") or ""), {name: value for name, value in passed.items() if _PLAIN.fullmatch(value)})


def _last_line(complaints: IO[bytes]) -> str:
    """What it said last, without addresses: they may hold keys."""
    complaints.seek(0)
    lines = [line for line in complaints.read().decode(errors="replace").splitlines() if line.strip()]
    return re.sub(r"https?://\S+", "…", lines[-1])[:LONGEST_WORD] if lines else "it said nothing"
