"""What all tests share: clips made by ffmpeg, and a library of one's own."""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import struct
import subprocess
from collections.abc import Iterator
from pathlib import Path

import imageio_ffmpeg
import pytest
from pytest_django.fixtures import Settings

from config import micro_cache
from config.api import throttling
from config.clients import client_network
from gallery import counters
from gallery.flusher import Flusher
from tests.browser import chromium, expected_complaints, open_context, page, page_without_scripts, phone  # noqa: F401 - fixtures for all tests
from tests.clock import Clock
from tests.emptying import quickly_emptied_databases
from tests.replies import fresh_address

X264 = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p")
AAC = ("-c:a", "aac", "-b:a", "64k")


def pytest_configure() -> None:
    """Let what we start be interrupted; in the background a shell has us ignore that, and our children inherit it."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(trylast=True)  # when pytest-django has put those that keep the database clean first
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes minutes on one worker, lest it be alone in the end: the groups, before others that need the same database.

    Groups that wait for servers of their own come one after the other among tests that compute, so that no processor waits with them.
    """
    items.sort(key=_turn)
    groups: dict[str, list[pytest.Item]] = {}
    while items and _turn(items[0]) == 0:
        item = items.pop(0)
        groups.setdefault(_group(item), []).append(item)
    companions = sum(_turn(item) == 1 for item in items)
    for number, group in reversed(list(enumerate(groups.values()))):
        place = number * companions // len(groups)
        items[place:place] = group


def _group(item: pytest.Item) -> str:
    """The name of the tests that run on one worker with this one, if there are any."""
    marker = item.get_closest_marker("xdist_group")
    return str(marker.args[0]) if marker else ""


def _turn(item: pytest.Item) -> int:
    """When a test has its turn: a group without the test database, then those that keep it clean, those that empty it, and the others."""
    is_grouped = bool(_group(item))
    fixtures: list[str] = getattr(item, "fixturenames", [])
    marker = item.get_closest_marker("django_db")
    if not {"transactional_db", "live_server"}.isdisjoint(fixtures) or (marker and marker.kwargs.get("transaction")):
        return 2 if is_grouped else 3
    if marker or "db" in fixtures:
        return 1
    return 0 if is_grouped else 4


class Clips:
    """Makes clips with ffmpeg, each kind once in a session. Treat them as read-only: copy or `variant` them."""

    def __init__(self, folder: Path, ffmpeg: str) -> None:
        self.folder = folder
        self.ffmpeg = ffmpeg

    def make(
        self,
        *,
        name: str = "clip.mp4",
        picture: str = "testsrc2",
        size: str = "320x180",
        duration: float = 1.0,
        rate: str = "25",
        sound: bool = False,
        codec: tuple[str, ...] = X264,
        extra: tuple[str, ...] = (),
    ) -> Path:
        """A clip of a lavfi source, `duration` seconds long; `extra` goes before the output."""
        inputs = ["-f", "lavfi", "-i", f"{picture}=size={size}:rate={rate}:duration={duration}"]
        if sound:
            inputs += ["-f", "lavfi", "-i", f"sine=frequency=440:duration={duration}", *AAC, "-shortest"]
        return self.run(name, *inputs, *codec, *extra)

    def run(self, name: str, *arguments: str) -> Path:
        """The output of any ffmpeg command, called `name`."""
        key = hashlib.sha256("\0".join((name, *arguments)).encode()).hexdigest()[:12]
        target = self.folder / key / name
        if not target.exists():
            target.parent.mkdir()
            command = [self.ffmpeg, "-nostdin", "-v", "error", "-bitexact", *arguments, f"file:{target}"]
            subprocess.run(command, check=True, timeout=60)
        return target

    @property
    def plain(self) -> Path:
        """One second of 320 × 180 H.264 in MP4, without sound."""
        return self.make()

    @property
    def with_sound(self) -> Path:
        return self.make(sound=True)


def variant(clip: Path, target: Path, number: int = 0) -> Path:
    """Copy an MP4 to `target`, with a harmless box after it: a valid file of other content, equal for equal numbers.

    The file looks an hour old, so that no scan waits for it.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(clip.read_bytes() + struct.pack(">I4sQ", 16, b"free", number))
    return aged(target)


def aged(path: Path, *, seconds: float = 3600) -> Path:
    """Give a file a time of change `seconds` ago."""
    then = path.stat().st_mtime - seconds
    os.utime(path, (then, then))
    return path


@pytest.fixture(scope="session")
def ffmpeg_binary() -> str:
    """The ffmpeg that makes clips: FFMPEG_BINARY, else the system's, else the wheel's."""
    return os.environ.get("FFMPEG_BINARY") or shutil.which("ffmpeg") or imageio_ffmpeg.get_ffmpeg_exe()


@pytest.fixture(scope="session")
def clips(tmp_path_factory: pytest.TempPathFactory, ffmpeg_binary: str) -> Clips:
    return Clips(tmp_path_factory.mktemp("clips"), ffmpeg_binary)


@pytest.fixture
def library(tmp_path: Path, settings: Settings) -> Path:
    """An empty library, with its own thumbnail store beside it."""
    root = tmp_path / "library"
    root.mkdir()
    settings.LIBRARY_ROOT = root
    settings.THUMBNAIL_ROOT = tmp_path / "thumbnails"
    return root


@pytest.fixture(scope="session", autouse=True)
def _quickly_emptied_databases() -> Iterator[None]:
    with quickly_emptied_databases():
        yield


@pytest.fixture(autouse=True)
def _cheap_passwords(settings: Settings) -> None:
    """A real hash takes a fifth of a second by design; a test of that time sets its own."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture(autouse=True)
def _counts_wait_for_a_flush(monkeypatch: pytest.MonkeyPatch) -> None:
    """No thread looks into the database behind a test's back, and no test writes what another has counted."""
    monkeypatch.setattr(Flusher, "wake", lambda self: None)
    counters._start_afresh()


@pytest.fixture
def address() -> str:
    """An address that no other test, nor an earlier run of this one, comes from."""
    return fresh_address()


@pytest.fixture(autouse=True)
def _limits_count_no_other_test(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    """Django's client always comes from one address, from which all tests together write more than anybody may."""
    ours = {"127.0.0.1": address}
    monkeypatch.setattr(throttling, "client_network", lambda meta: ours.get(found := client_network(meta), found))


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The time that micro-caches go by."""
    clock = Clock()
    monkeypatch.setattr(micro_cache, "monotonic", clock)
    return clock
