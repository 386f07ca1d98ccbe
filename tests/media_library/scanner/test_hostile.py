"""A library may hold anything; a scan ends all the same, and touches nothing outside."""

from __future__ import annotations

import http.server
import os
import random
import socket
import threading
import unicodedata
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.test import Client

from media_library.ffmpeg.inspectors import Inspectors
from media_library.models import Video
from media_library.paths import decode_path
from media_library.scanner.reading import Arrival, FoundFile, Reader
from media_library.scanner.walk import walk
from tests.conftest import X264, Clips, variant
from tests.media_library.scanner.conftest import Scan, findings

pytestmark = pytest.mark.django_db

Add = Callable[..., Path]

UGLY_NAMES = (
    b"new\nline.mp4",
    b"tab\t.mp4",
    b"quote'\".mp4",
    b";$(touch pwned).mp4",
    b"-rf.mp4",
    b"http:x.mp4",
    b"concat:a.mp4",
    b"%03d.mp4",
    "🎬 emoji.mp4".encode(),
    "\u202egpj.mp4".encode(),
    b"x" * 251 + b".mp4",
    unicodedata.normalize("NFC", "é.mp4").encode(),
    unicodedata.normalize("NFD", "é.mp4").encode(),
    b"bad\xff.mp4",
    "private use \uf7ff.mp4".encode(),
    b"trailing .mp4",
    b"Case.mp4",
    b"case.mp4",
    b"back\\slash.mp4",
)


def test_every_ugly_name_has_exactly_one_row_and_leads_back_to_its_file(library: Path, scan_library: Scan, clips: Clips) -> None:
    for number, name in enumerate(UGLY_NAMES):
        variant(clips.plain, library / os.fsdecode(name), number)

    first, second = scan_library(), scan_library()

    assert (first.new_count, second.unchanged_count) == (len(UGLY_NAMES), len(UGLY_NAMES))
    names = {os.fsencode(decode_path(path)) for path in Video.objects.values_list("path", flat=True)}
    assert names == set(UGLY_NAMES)
    assert all(video.is_valid and video.absolute_path.exists() for video in Video.objects.all())


def test_links_are_counted_and_never_followed(library: Path, scan_library: Scan, add: Add, clips: Clips, tmp_path: Path) -> None:
    add("real.mp4")
    outside = variant(clips.plain, tmp_path / "outside" / "secret.mp4", 7)
    (library / "link.mp4").symlink_to(outside)
    (library / "folder").symlink_to(outside.parent)
    (library / "loop").symlink_to(library)
    (library / "dangling.mp4").symlink_to("nowhere")

    report = scan_library()

    assert (report.seen_count, report.skipped_count) == (1, 4)
    assert [video.path for video in Video.objects.all()] == ["real.mp4"]


def test_what_is_no_file_is_skipped_without_waiting(library: Path, scan_library: Scan, add: Add) -> None:
    add("real.mp4")
    os.mkfifo(library / "pipe.mp4")
    (library / "folder.mp4").mkdir()
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(library / "socket.mp4"))
        report = scan_library()

    assert (report.seen_count, report.skipped_count) == (1, 2)
    assert findings(report, "skipped").keys() == {"pipe.mp4", "socket.mp4"}


def test_a_file_that_becomes_a_link_or_a_pipe_meanwhile_is_not_followed(
    library: Path, scan_library: Scan, add: Add, tmp_path: Path
) -> None:
    secret = tmp_path / "secret.mp4"
    add("a.mp4", 1).rename(secret)
    add("a.mp4", 2)
    add("b.mp4", 3)
    found = walk_library(library)
    (library / "a.mp4").unlink()
    (library / "b.mp4").unlink()
    (library / "a.mp4").symlink_to(secret)
    os.mkfifo(library / "b.mp4")

    assert read_problems(library, found) == ["Too many levels of symbolic links", "It changed while we looked"]


def test_a_file_replaced_meanwhile_waits(library: Path, add: Add, clips: Clips) -> None:
    add("a.mp4", 1)
    found = walk_library(library)
    variant(clips.with_sound, library / "a.mp4")

    assert read_problems(library, found) == ["It changed while we looked"]


def test_a_folder_of_5000_files_beside_300_folders_inside_each_other(library: Path, scan_library: Scan, clips: Clips) -> None:
    (library / "many").mkdir()
    for number in range(5000):
        (library / "many" / f"{number}.mp4").touch()
    deep = library.joinpath(*["d"] * 300)
    variant(clips.plain, deep / "bottom.mp4")

    first, second = scan_library(), scan_library()

    assert (first.status, first.new_count, first.failed_count) == ("completed", 5001, 5000)
    assert (second.seen_count, second.unchanged_count, second.failed_count) == (5001, 5001, 0)
    assert [video.filename for video in Video.objects.filter(is_valid=True)] == ["bottom.mp4"]


@pytest.mark.parametrize("name", ["flipped.mp4", "flipped.mkv", "flipped.ts", "flipped.avi"])
def test_flipped_bits_make_a_valid_row_or_one_with_a_reason(library: Path, scan_library: Scan, clips: Clips, name: str) -> None:
    chance = random.Random(name)
    codec = ("-c:v", "mpeg4") if name.endswith("avi") else X264
    whole = clips.make(name=name, codec=codec).read_bytes()
    for number in range(25):
        damaged = bytearray(whole)
        for _ in range(2 ** chance.randrange(8)):
            damaged[chance.randrange(len(damaged))] ^= 1 << chance.randrange(8)
        (library / f"{number}.{name}").write_bytes(damaged)

    first, second = scan_library(), scan_library()

    assert (first.status, first.new_count, second.unchanged_count) == ("completed", 25, 25)
    assert_sound()


@pytest.mark.parametrize("part", [0.2, 0.6, 0.95])
def test_what_is_cut_short_behind_its_index_is_invalid(library: Path, scan_library: Scan, clips: Clips, part: float) -> None:
    whole = clips.make(size="640x360", duration=2.0, extra=("-movflags", "+faststart")).read_bytes()
    (library / "cut.mp4").write_bytes(whole[: int(len(whole) * part)])

    scan_library()

    assert not Video.objects.get().is_valid
    assert_sound()


def test_a_wrong_extension_changes_nothing_about_what_a_file_is(library: Path, scan_library: Scan, clips: Clips) -> None:
    picture = clips.run("still.png", "-f", "lavfi", "-i", "testsrc2=size=320x180", "-frames:v", "1")
    (library / "really-mp4.avi").write_bytes(clips.plain.read_bytes())
    (library / "really-mkv.mp4").write_bytes(clips.make(name="a.mkv").read_bytes())
    (library / "really-png.mp4").write_bytes(picture.read_bytes())
    (library / "really-text.webm").write_text("no video at all\n" * 100)
    (library / "really-zip.mkv").write_bytes(b"PK\x03\x04" + bytes(1000))

    scan_library()

    valid = Video.objects.filter(is_valid=True).order_by("path").values_list("path", flat=True)
    assert list(valid) == ["really-mkv.mp4", "really-mp4.avi"]
    assert_sound()


def assert_sound() -> None:
    """Every row is a video that can be shown, or says why not; the API answers for each."""
    api = Client(raise_request_exception=False)
    api.force_login(User.objects.create_superuser("reader"))
    for video in Video.objects.all():
        assert (bool(video.width), bool(video.thumbnail_path), not video.invalid_reason) == (video.is_valid,) * 3
        assert api.get(f"/api/videos/{video.pk}").status_code == 200
        assert api.get(f"/api/videos/{video.pk}/stream", headers={"Range": "bytes=0-9"}).status_code == 206
        assert api.get(f"/api/videos/{video.pk}/thumbnail").status_code == (200 if video.is_valid else 404)


def test_a_tree_500_deep_and_paths_longer_than_the_system_takes_are_scanned(library: Path, scan_library: Scan, clips: Clips) -> None:
    clip = variant(clips.plain, library / "top.mp4", 1).read_bytes()
    folder = os.open(library, os.O_RDONLY)
    for _ in range(500):
        os.mkdir("d" * 20, dir_fd=folder)
        inner = os.open("d" * 20, os.O_RDONLY, dir_fd=folder)
        os.close(folder)
        folder = inner
    bottom = os.open("bottom.mp4", os.O_WRONLY | os.O_CREAT, dir_fd=folder)
    os.write(bottom, clip + b"\0\0\0\x08free")
    os.close(bottom)
    os.close(folder)

    first, second = scan_library(), scan_library()

    assert (first.new_count, first.failed_count, second.unchanged_count) == (2, 0, 2)
    assert len(Video.objects.get(filename="bottom.mp4").path) > 10_000


@pytest.fixture
def listener() -> Iterator[tuple[str, list[str]]]:
    """A web server that remembers what it was asked for."""
    asked: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_error(404)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", asked
    server.shutdown()
    server.server_close()


DISGUISES = {
    "hls remote": "#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\n{url}/a.ts\n#EXT-X-ENDLIST\n",
    "hls local": "#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\nfile://{canary}\n#EXT-X-ENDLIST\n",
    "hls sibling": "#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\ncanary.mp4\n#EXT-X-ENDLIST\n",
    "concat absolute": "ffconcat version 1.0\nfile '{canary}'\n",
    "concat sibling": "ffconcat version 1.0\nfile canary.mp4\n",
    "dash": '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static"><Period><AdaptationSet mimeType="video/mp4">'
    '<Representation id="1" bandwidth="1"><BaseURL>{url}/a.mp4</BaseURL></Representation></AdaptationSet></Period></MPD>',
    "svg": '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="9" height="9">'
    '<image xlink:href="{url}/a.png" width="9" height="9"/></svg>',
    "html": "<!doctype html><video src='{url}/a.mp4'></video>",
    "sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 96\n",
}


@pytest.mark.parametrize("disguise", DISGUISES)
def test_a_playlist_or_document_in_disguise_opens_nothing_else(
    disguise: str, library: Path, scan_library: Scan, clips: Clips, listener: tuple[str, list[str]]
) -> None:
    url, asked = listener
    canary = variant(clips.plain, library / "canary.mp4")
    scan_library()
    (library / "evil.mp4").write_text(DISGUISES[disguise].format(url=url, canary=canary))

    report = scan_library()

    evil = Video.objects.get(path="evil.mp4")
    assert (evil.is_valid, evil.thumbnail_path, evil.duration_seconds) == (False, None, None)
    assert evil.invalid_reason
    assert (report.failed_count, asked) == (1, [])


def read_problems(library: Path, files: list[FoundFile]) -> list[str]:
    """What reading files says that the walk has seen, but that may be others by now."""
    root = os.open(library, os.O_RDONLY)
    try:
        with Inspectors(1) as inspectors:
            reader = Reader(root, inspectors=inspectors, store=library.parent / "thumbnails")
            return [reader.read(Arrival(file, None), with_poster=True).problem for file in files]
    finally:
        os.close(root)


def walk_library(library: Path) -> list[FoundFile]:
    root = os.open(library, os.O_RDONLY)
    try:
        return [FoundFile._make(sighting) for sighting in walk(root, "", on_oddity=lambda path, oddity: None)]
    finally:
        os.close(root)
