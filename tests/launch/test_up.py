"""`bin/up` from outside: what it serves, how it ends, what it says when it cannot start."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Callable
from http.cookiejar import CookieJar
from pathlib import Path
from typing import Any

import pytest
from launcher.site import free_port

from tests.launch.conftest import REPOSITORY, Start


def read(start: Start, path: str, *, token: str = "") -> Any:
    request = urllib.request.Request(start.address + path, headers={"Authorization": f"Bearer {token}"} if token else {})
    with urllib.request.urlopen(request, timeout=30) as reply:
        return json.loads(reply.read())


def token_of(start: Start) -> str:
    body = {"username": "admin", "password": (start.data / "admin-password").read_text().strip()}
    request = urllib.request.Request(
        f"{start.address}/api/auth/token", data=json.dumps(body).encode(), headers={"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=30) as reply:
        return str(json.loads(reply.read())["access"])


def manage(start: Start, *arguments: str) -> str:
    """What `bin/manage` says beside that start."""
    env = {**os.environ, "DATA_DIR": str(start.data)}
    done = subprocess.run([REPOSITORY / "bin/manage", *arguments], env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return done.stdout


def listening_ports(table: Path, process_ids: set[int]) -> set[int]:
    """The ports of /proc/net/tcp on which one of the processes listens."""
    links = [link for pid in process_ids for link in Path(f"/proc/{pid}/fd").iterdir()]
    sockets = {match[1] for link in links if link.is_symlink() and (match := re.match(r"socket:\[(\d+)\]", str(link.readlink())))}
    rows = [line.split() for line in table.read_text().splitlines()[1:]]
    return {int(row[1].rpartition(":")[2], 16) for row in rows if row[3] == "0A" and row[9] in sockets}  # 0A: listening


def wait_until_nothing_is_left(start: Start, *, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while left := start.process_ids():
        assert time.monotonic() < deadline, left
        time.sleep(0.1)


@pytest.fixture(scope="module")
def start(up: Callable[..., Start], data_folder: Path) -> Start:
    """The sample library, running, with its data so deep that a socket's path could not lead there."""
    return up(data_folder / ("deep" * 12) / ("folder" * 8)).until_ready()


@pytest.mark.xdist_group("sample library")  # one start, looked at from many sides
class TestSampleLibrary:
    def test_most_samples_are_published(self, start: Start) -> None:
        page = read(start, "/api/media/public?limit=100")

        assert page["pagination"]["total"] == 11
        assert {row["orientation"] for row in page["videos"]} == {"landscape", "portrait", "square"}

    def test_samples_are_valid_but_for_the_damaged_one(self, start: Start) -> None:
        videos = read(start, "/api/videos?limit=100", token=token_of(start))["videos"]

        durations = {row["filename"]: row["duration"] for row in videos if row["isValid"]}
        damaged = [row["filename"] for row in videos if not row["isValid"]]
        assert len(durations) == 13
        assert min(durations.values()) >= 2
        assert damaged == ["unfinished-download.mp4"]

    def test_duplicates_are_told(self, start: Start) -> None:
        assert "duplicate 1" in start.output

    def test_secrets_are_for_their_owner_alone(self, start: Start) -> None:
        for name in ("admin-password", "secret-key"):
            assert (start.data / name).stat().st_mode & 0o777 == 0o600

    def test_only_the_web_server_has_a_port(self, start: Start) -> None:
        listening = {port for table in ("tcp", "tcp6") for port in listening_ports(Path("/proc/net") / table, start.process_ids())}

        assert listening == {int(start.address.rpartition(":")[2])}

    def test_the_link_leads_past_the_password(self, start: Start) -> None:
        browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))

        with browser.open(start.address + start.sign_in_path(), timeout=30) as page:
            assert page.status == 200 and "/admin/login/" not in page.url

    def test_a_second_start_says_where_the_first_is(self, start: Start, up: Callable[..., Start]) -> None:
        second = up(start.data)

        assert second.ended() == 1
        assert start.address in second.output
        assert read(start, "/healthz") == {"status": "ok"}

    def test_killed_outright_it_leaves_no_process_and_the_next_start_recovers(self, start: Start, up: Callable[..., Start]) -> None:
        start.process.kill()
        start.process.wait()
        wait_until_nothing_is_left(start, seconds=20)

        again = up(start.data).until_ready()
        assert read(again, "/api/media/public")["pagination"]["total"] == 11

        assert again.stop(signal.SIGINT) == 0
        wait_until_nothing_is_left(again, seconds=2)


@pytest.mark.xdist_group("own library")  # takes as long
class TestOwnLibrary:
    def test_files_with_ugly_names_are_published_and_left_as_they_are(
        self, up: Callable[..., Start], data_folder: Path, clips: Any, tmp_path: Path
    ) -> None:
        library = tmp_path / "Vidéos & 'more'"
        library.mkdir()
        for name in ("a beach; $(touch x).mp4", "-rf.mp4"):
            shutil.copy(clips.plain, library / name)
            os.utime(library / name, (1, 1))
        before = {path.name: (path.stat().st_mtime_ns, path.read_bytes()) for path in library.iterdir()}

        start = up(data_folder / "own", library, "--publish", "holiday").until_ready()
        rows = read(start, "/api/media/public?category=holiday")["videos"]

        assert start.stop(signal.SIGHUP) == 0
        wait_until_nothing_is_left(start, seconds=2)
        assert {row["filename"] for row in rows} == set(before)
        after = {path.name: (path.stat().st_mtime_ns, path.read_bytes()) for path in library.iterdir() if path.name != ".library-id"}
        assert after == before

    def test_a_folder_renamed_after_its_first_start_is_the_same_library(
        self, up: Callable[..., Start], data_folder: Path, clips: Any, tmp_path: Path
    ) -> None:
        library = tmp_path / "before"
        library.mkdir()
        shutil.copy(clips.plain, library / "beach.mp4")
        os.utime(library / "beach.mp4", (1, 1))
        data = data_folder / "renamed"
        up(data, library, "--publish", "holiday").until_ready().stop()

        again = up(data, library.rename(tmp_path / "after")).until_ready()

        assert read(again, "/api/media/public")["pagination"]["total"] == 1
        assert "unchanged 1" in manage(again, "scan_library")
        again.stop()
        assert "start it with bin/up" in manage(again, "scan_library")


class TestComplaints:
    @pytest.mark.parametrize(
        ("library", "complaint"),
        [("nowhere", "There is no folder"), ("a file", "is a file")],
    )
    def test_what_is_no_folder(self, library: str, complaint: str, up: Callable[..., Start], tmp_path: Path) -> None:
        (tmp_path / "a file").write_text("hello")

        start = up(tmp_path / "data", tmp_path / library)

        assert start.ended() == 1
        assert complaint in start.output and start.output.count("\n") == 1

    def test_a_taken_port(self, up: Callable[..., Start], tmp_path: Path) -> None:
        with socket.socket() as other:
            other.bind(("127.0.0.1", 0))
            other.listen()
            port = other.getsockname()[1]

            start = up(tmp_path / "data", port=port)

            assert start.ended() == 1
            assert str(port) in start.output and "MEDIA_API_PORT" in start.output and start.output.count("\n") == 1

    @pytest.mark.parametrize(
        ("setting", "value"),
        [
            ("MEDIA_API_PORT", "http"),
            ("MEDIA_API_PORT", "70000"),
            ("DATA_DIR", "/dev/null/data"),
            ("DATA_DIR", f"/{'long' * 100}"),
            ("FFMPEG_BINARY", "/bin/false"),
        ],
    )
    def test_a_setting_that_cannot_be(self, setting: str, value: str, up: Callable[..., Start], tmp_path: Path) -> None:
        start = up(tmp_path / "data", **{"DATABASE_URL": "postgres:///none", "REDIS_URL": "unix:///none", setting: value})

        assert start.ended() == 1
        last_line = start.output.splitlines()[-1]
        assert value in last_line and "Traceback" not in start.output

    def test_a_category_that_cannot_be(self, up: Callable[..., Start], tmp_path: Path) -> None:
        start = up(tmp_path / "data", "--publish", "My Holiday!")

        assert start.ended() == 1
        assert "My Holiday!" in start.output and start.output.count("\n") == 1

    def test_a_full_disk(self, tmp_path: Path) -> None:
        privileges = ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "--mount", "--map-root-user"]
        script = 'mount -t tmpfs -o size=1m tmpfs "$1" && exec "$2"'
        env = {**os.environ, "DATA_DIR": str(tmp_path), "MEDIA_API_PORT": str(free_port())}

        done = subprocess.run(
            [*privileges, "sh", "-c", script, "sh", tmp_path, REPOSITORY / "bin/up"], env=env, capture_output=True, text=True
        )

        assert done.returncode == 1
        assert "full" in done.stderr and done.stderr.count("\n") == 1
