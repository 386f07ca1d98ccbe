"""Large uploads to the web server as `bin/up` starts it: over connections that break, and in bounded memory."""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import os
import struct
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from django.db import connection
from launcher import processes, site
from launcher.processes import Child
from rest_framework_simplejwt.tokens import AccessToken

from media_library.models import Upload
from tests.conftest import Clips
from tests.media_library.uploads.conftest import PIECE, metadata_of, user_of_role

REPOSITORY = Path(__file__).resolve().parents[3]
PATIENCE = 60.0  # seconds, on a busy machine
MIB = 2**20


@dataclass
class Server:
    """A web server, and an administrator who talks to it."""

    port: int
    child: Child
    token: str

    def ask(self, method: str, address: str, headers: dict[str, str] | None = None, body: object = None) -> http.client.HTTPResponse:
        """The reply, read to its end; also where it comes before the body is sent."""
        line = self.connection()
        with contextlib.closing(line):
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                line.request(method, address, body, self.headers(headers or {}))  # type: ignore[arg-type]
            reply = line.getresponse()
            reply.read()
            return reply

    def connection(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)

    def headers(self, more: dict[str, str]) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}", "Tus-Resumable": "1.0.0", **more}

    def create(self, length: int, name: str = "large.mp4") -> str:
        reply = self.ask("POST", "/api/uploads/", {"Upload-Length": str(length), "Upload-Metadata": metadata_of(name)})
        assert reply.status == 201
        return str(reply.headers["Location"])

    def offset(self, address: str) -> int:
        return int(self.ask("HEAD", address).headers["Upload-Offset"])

    def send_some(self, address: str, file: Path, *, most: int) -> int:
        """Send the rest of the file, hanging up after `most` bytes; the reply's status, 0 where there was none."""
        offset = self.offset(address)
        line = self.connection()
        with contextlib.closing(line), file.open("rb") as source:
            left = file.stat().st_size - offset
            line.putrequest("PATCH", address)
            said = {"Content-Type": PIECE, "Upload-Offset": str(offset), "Content-Length": str(left)}
            for name, value in self.headers(said).items():
                line.putheader(name, value)
            line.endheaders()
            source.seek(offset)
            with contextlib.suppress(ConnectionError):  # refused before it was read
                for _ in range(0, min(most, left), MIB):
                    line.send(source.read(MIB))
            return line.getresponse().status if most >= left else 0

    def peak_memory(self) -> int:
        """Bytes that the process which serves has had resident at most."""
        workers = Path(f"/proc/{self.child.process.pid}/task/{self.child.process.pid}/children").read_text().split()
        peaks = [line.split()[1] for pid in workers for line in Path(f"/proc/{pid}/status").read_text().splitlines() if "VmHWM" in line]
        return max(map(int, peaks)) * 1024


@pytest.fixture
def server(transactional_db: None, library: Path, tmp_path: Path) -> Iterator[Server]:
    port = site.free_port()
    host, _, _ = os.environ["DATABASE_URL"].rpartition("/")
    command = [str(part) for part in site.web_server(Path(sys.executable), host="127.0.0.1", port=port, processes=1)]
    env = {
        **os.environ,
        "DATABASE_URL": f"{host}/{connection.settings_dict['NAME']}",
        "LIBRARY_ROOT": str(library),
        "ENABLE_MEDIA_FEATURES": "true",
        "DEVELOPMENT": "true",
        "FULL_DISK_MB": "1",
    }
    child = processes.start("The web server", command, env=env, cwd=REPOSITORY, log=tmp_path / "web.log")
    served = Server(port, child, str(AccessToken.for_user(user_of_role("MEDIA_ADMIN"))))

    def is_ready() -> bool:
        with contextlib.suppress(OSError):
            return served.ask("GET", "/api/uploads/").status == 200
        return False

    try:
        processes.wait_until(is_ready, child, seconds=PATIENCE)
        yield served
    finally:
        child.stop()


def large_video(clip: Path, target: Path, size: int) -> Path:
    """The clip with a box behind it that makes it as large; sparse."""
    content = clip.read_bytes()
    rest = size - len(content)
    target.write_bytes(content + struct.pack(">I4s", rest, b"free"))
    os.truncate(target, size)
    return target


def test_200_megabytes_over_five_broken_connections_arrive_whole_in_little_memory(
    server: Server, library: Path, clips: Clips, tmp_path: Path
) -> None:
    file = large_video(clips.plain, tmp_path / "large.mp4", 200 * MIB)
    address = server.create(file.stat().st_size)
    before = server.peak_memory()

    deadline, cuts, status = time.monotonic() + PATIENCE, 0, 0
    while status != 204 and time.monotonic() < deadline:
        stood_at = server.offset(address)
        status = server.send_some(address, file, most=33 * MIB if cuts < 5 else 10**12)
        if status == 0:
            cuts += await_growth(server, address, stood_at)

    assert (status, cuts) == (204, 5)
    assert digest(library / "inbox" / "large.mp4") == digest(file)
    assert server.peak_memory() - before < 64 * MIB


def await_growth(server: Server, address: str, stood_at: int) -> bool:
    """Wait until the server has noticed that the line broke, and whether it has kept what came."""
    deadline = time.monotonic() + PATIENCE
    while Upload.objects.get(pk=address.rpartition("/")[2]).writer and time.monotonic() < deadline:
        time.sleep(0.02)
    return server.offset(address) > stood_at


def digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def test_a_piece_of_unknown_length_and_a_form_come_through_the_server_too(server: Server, library: Path, clips: Clips) -> None:
    file = large_video(clips.plain, library.parent / "chunked.mp4", 5 * MIB)
    address = server.create(5 * MIB, "chunked.mp4")
    boundary = {"Content-Type": "multipart/form-data; boundary=x"}
    form = b'--x\r\nContent-Disposition: form-data; name="file"; filename="form.mp4"\r\n\r\n' + clips.plain.read_bytes()

    piece = server.ask("PATCH", address, {"Content-Type": PIECE, "Upload-Offset": "0"}, body=iter([file.read_bytes()]))
    sent = server.ask("POST", "/api/videos/upload", boundary, body=form + b"\r\n--x--\r\n")
    unmeasured = server.ask("POST", "/api/videos/upload", boundary, body=iter([form]))
    broken_off = server.ask("POST", "/api/videos/upload", boundary, body=form)

    assert (piece.status, sent.status, unmeasured.status, broken_off.status) == (204, 201, 411, 400)
    assert {path.name for path in (library / "inbox").glob("*.mp4")} == {"chunked.mp4", "form.mp4"}
    assert digest(library / "inbox" / "chunked.mp4") == digest(file)
    assert digest(library / "inbox" / "form.mp4") == digest(clips.plain)
