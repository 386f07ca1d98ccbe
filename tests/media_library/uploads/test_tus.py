"""Uploads by tus 1.0.0, as a client sees them."""

from __future__ import annotations

import base64
import hashlib
import resource
import shutil
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from django.db.models.functions import Now
from pytest_django.fixtures import Settings

from jobs.models import Job
from media_library.models import Upload, Video
from tests.conftest import Clips
from tests.jobs.running import run_to_the_end
from tests.media_library.uploads.conftest import Tus, user_of_role

PartOf = Callable[[str], Path]


def checksum(data: bytes, algorithm: str = "sha1") -> str:
    return f"{algorithm} {base64.b64encode(hashlib.new(algorithm, data).digest()).decode()}"


def test_a_video_that_came_in_pieces_is_in_the_inbox_and_then_in_the_library(tus: Tus, library: Path, clips: Clips) -> None:
    content = clips.plain.read_bytes()
    address = tus.created(len(content))

    first = tus.piece(address, 0, content[:1000])
    last = tus.piece(address, 1000, content[1000:])

    assert (first.status_code, first["Upload-Offset"]) == (204, "1000")
    assert "Upload-Expires" in first
    assert (last.status_code, last["Upload-Offset"]) == (204, str(len(content)))
    assert (library / "inbox" / "holiday.mp4").read_bytes() == content
    assert list((library / "inbox" / ".uploads").iterdir()) == []
    facts = tus.facts(address)
    assert (facts["status"], facts["path"], facts["jobId"]) == ("finished", "inbox/holiday.mp4", int(last["Upload-Job"]))
    job = run_to_the_end(Job.objects.get(pk=facts["jobId"]))
    assert (job.type, (job.result or {})["new"]) == ("scan", 1)
    assert Video.objects.get(path="inbox/holiday.mp4").is_valid


def test_where_to_go_on_is_what_is_on_the_disk(tus: Tus) -> None:
    address = tus.created(100)
    tus.piece(address, 0, b"x" * 40)

    reply = tus.head(address)

    assert (reply.status_code, reply["Upload-Offset"], reply["Upload-Length"]) == (200, "40", "100")
    assert (reply["Cache-Control"], reply["Tus-Resumable"]) == ("no-store", "1.0.0")
    assert reply["Upload-Metadata"].startswith("filename ")
    assert "Upload-Expires" in reply


def test_the_server_says_what_it_can_do(tus: Tus) -> None:
    reply = tus.send("OPTIONS", "/api/uploads/")

    assert (reply["Tus-Version"], reply["Tus-Extension"]) == ("1.0.0", "creation,termination,checksum,expiration")
    assert reply["Tus-Checksum-Algorithm"].startswith("sha1")
    assert int(reply["Tus-Max-Size"]) == 10 * 2**30


def test_a_page_of_another_origin_may_speak_tus(tus: Tus) -> None:
    origin = {"Origin": "http://localhost:3000"}
    preflight = tus.send("OPTIONS", "/api/uploads/", {**origin, "Access-Control-Request-Method": "PATCH"})
    reply = tus.create(10, **origin)

    allowed = preflight["Access-Control-Allow-Headers"]
    assert all(name in allowed for name in ("tus-resumable", "upload-offset", "upload-length", "upload-metadata", "upload-checksum"))
    exposed = reply["Access-Control-Expose-Headers"]
    assert all(name in exposed for name in ("Location", "Upload-Offset", "Upload-Length", "Upload-Expires", "Upload-Job", "Tus-Resumable"))


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Upload-Length": ""}, 400),
        ({"Upload-Length": "-1"}, 400),
        ({"Upload-Length": "ten"}, 400),
        ({"Upload-Length": "1.5"}, 400),
        ({"Upload-Length": "١"}, 400),
        ({"Upload-Length": "0"}, 400),
        ({"Upload-Length": "9" * 30}, 400),
        ({"Upload-Length": str(2**63 - 1)}, 413),
        ({"Upload-Length": str(10 * 2**30 + 1)}, 413),
        ({"Upload-Defer-Length": "1"}, 400),
        ({"Upload-Metadata": ""}, 400),
        ({"Upload-Metadata": "filename !!!"}, 400),
        ({"Upload-Metadata": "filename YQ"}, 400),
        ({"Upload-Metadata": "filename /w=="}, 400),  # no UTF-8
        ({"Upload-Metadata": "filename,filename"}, 400),
        ({"Upload-Metadata": "filename " + "YWFh" * 2000}, 400),
        ({"Tus-Resumable": ""}, 400),
        ({"Tus-Resumable": "0.2.2"}, 412),
    ],
)
def test_hostile_announcements_are_refused(tus: Tus, headers: dict[str, str], status: int) -> None:
    reply = tus.create(10, **headers)

    assert reply.status_code == status, reply.content
    assert reply.json()["error"]
    assert not Upload.objects.exists()


@pytest.mark.parametrize(
    "name",
    ["../../etc/cron.d/x.mp4", "/etc/passwd.mp4", "..\\x.mp4", "%2e%2e%2fx.mp4", "a\0b.mp4", "x.php", "x.mp4.html", "mp4", ".mp4", "x.svg"],
)
def test_names_that_lead_elsewhere_or_that_no_video_has_are_refused(tus: Tus, library: Path, name: str) -> None:
    assert tus.create(10, name).status_code == 400
    assert list(library.rglob("*")) == []


@pytest.mark.parametrize(
    ("sent", "name"),
    [
        ("..x.mp4", "x.mp4"),
        ("-rf $(x);'.MP4", "-rf $(x);'.MP4"),
        ("a\n\tb\u202e.webm", "a b.webm"),
        ("x . .mkv", "x.mkv"),
        ("ü" * 200 + ".mp4", "ü" * 125 + ".mp4"),
    ],
)
def test_odd_names_are_made_ordinary(tus: Tus, clips: Clips, library: Path, sent: str, name: str) -> None:
    content = clips.plain.read_bytes()

    tus.piece(tus.created(len(content), sent), 0, content)

    assert [path.name for path in (library / "inbox").glob("[!.]*")] == [name]


def test_a_name_that_is_taken_gets_a_number(tus: Tus, clips: Clips, library: Path) -> None:
    content = clips.plain.read_bytes()
    (library / "inbox").mkdir()
    (library / "inbox" / "holiday.mp4").write_text("somebody else's")
    Video.objects.create(path="inbox/holiday (2).mp4", filename="holiday (2).mp4")  # its file is away

    address = tus.created(len(content))
    tus.piece(address, 0, content)

    assert tus.facts(address)["path"] == "inbox/holiday (3).mp4"
    assert (library / "inbox" / "holiday.mp4").read_text() == "somebody else's"


@pytest.mark.parametrize("offset", ["39", "41", "0", "101", "-1", "forty", "", "4" * 30])
def test_a_piece_from_another_offset_changes_nothing(tus: Tus, part_of: PartOf, offset: str) -> None:
    address = tus.created(100)
    tus.piece(address, 0, b"x" * 40)

    assert tus.piece(address, offset, b"y" * 10).status_code in (400, 409)
    assert (tus.offset(address), part_of(address).read_bytes()) == (40, b"x" * 40)


def test_more_than_was_announced_is_refused(tus: Tus, part_of: PartOf) -> None:
    address = tus.created(10)

    assert tus.piece(address, 0, b"x" * 11).status_code == 413
    assert tus.offset(address) == 0


def test_a_piece_of_another_content_type_is_refused(tus: Tus) -> None:
    assert tus.piece(tus.created(10), 0, b"x", **{"Content-Type": "application/json"}).status_code == 415


def test_a_piece_counts_only_with_its_checksum(tus: Tus, part_of: PartOf) -> None:
    address = tus.created(100)
    tus.piece(address, 0, b"x" * 10)

    wrong = tus.piece(address, 10, b"y" * 10, **{"Upload-Checksum": checksum(b"z" * 10)})
    stands_at = tus.offset(address)
    right = tus.piece(address, 10, b"y" * 10, **{"Upload-Checksum": checksum(b"y" * 10, "sha256")})

    assert (wrong.status_code, wrong.reason_phrase, stands_at) == (460, "Checksum Mismatch", 10)
    assert (right.status_code, right["Upload-Offset"]) == (204, "20")
    assert part_of(address).read_bytes() == b"x" * 10 + b"y" * 10


@pytest.mark.parametrize("sent", ["crc32 AAAA", "sha1", "sha1 AAAA", "sha1 !", "shake_128 AAAA", "SHA1 " + "A" * 28])
def test_a_checksum_that_is_none_is_a_400(tus: Tus, sent: str) -> None:
    assert tus.piece(tus.created(10), 0, b"x", **{"Upload-Checksum": sent}).status_code == 400


def test_what_is_no_video_is_refused_and_gone(tus: Tus, part_of: PartOf, library: Path) -> None:
    playlist = b"#EXTM3U\n#EXTINF:10,\nfile:///etc/passwd\n"
    address = tus.created(len(playlist))

    reply = tus.piece(address, 0, playlist)

    assert (reply.status_code, reply.json()["error"][:23]) == (415, "holiday.mp4 is no video")
    assert tus.facts(address)["status"] == "refused"
    assert "is no video" in tus.facts(address)["error"]
    assert tus.head(address).status_code == 410
    assert not part_of(address).exists() and not list((library / "inbox").glob("*.mp4"))


def test_a_finished_upload_takes_no_more_and_is_no_second_video(tus: Tus, clips: Clips, library: Path) -> None:
    content = clips.plain.read_bytes()
    address = tus.created(len(content))
    tus.piece(address, 0, content)

    assert tus.piece(address, 0, content).status_code == 409
    assert tus.piece(address, len(content), b"x").status_code == 409
    assert tus.terminate(address).status_code == 409
    assert tus.offset(address) == len(content)
    assert len(list((library / "inbox").glob("*.mp4"))) == 1


def test_several_uploads_are_scanned_by_one_job(tus: Tus, clips: Clips) -> None:
    content = clips.plain.read_bytes()

    jobs = {tus.piece(tus.created(len(content)), 0, content)["Upload-Job"] for _ in range(2)}

    assert jobs == {str(Job.objects.get(type="scan").pk)}


def test_a_terminated_upload_leaves_nothing(tus: Tus, part_of: PartOf) -> None:
    address = tus.created(100)
    tus.piece(address, 0, b"x" * 40)

    assert tus.terminate(address).status_code == 204
    assert [tus.head(address).status_code, tus.piece(address, 40, b"x").status_code, tus.terminate(address).status_code] == [404] * 3
    assert not part_of(address).exists()


def test_an_expired_upload_is_gone(tus: Tus) -> None:
    address = tus.created(100)
    Upload.objects.update(expires_at=Now())

    assert tus.piece(address, 0, b"x").status_code == 410
    assert tus.head(address).status_code == 410


def test_room_is_kept_for_what_was_announced(tus: Tus, settings: Settings) -> None:
    free = shutil.disk_usage(settings.LIBRARY_ROOT).free
    settings.FULL_DISK_MB, settings.MAX_UPLOAD_SIZE_GB = 0, 10**6
    first = tus.create(free * 2 // 3)
    second = tus.create(free * 2 // 3)

    tus.terminate(first["Location"])
    third = tus.create(free * 2 // 3)

    assert (first.status_code, second.status_code, third.status_code) == (201, 507, 201)
    assert second.json() == {"error": "The library's disk has no room for this"}


def test_a_disk_that_fills_up_stops_the_upload_and_costs_nothing(tus: Tus, clips: Clips, settings: Settings, library: Path) -> None:
    content, enough = clips.plain.read_bytes(), settings.FULL_DISK_MB
    address = tus.created(len(content))
    settings.FULL_DISK_MB = 2**40

    full = tus.piece(address, 0, content[:1000])
    settings.FULL_DISK_MB = enough
    last = tus.piece(address, tus.offset(address), content[1000:])

    assert (full.status_code, last.status_code) == (507, 204)
    assert (library / "inbox" / "holiday.mp4").read_bytes() == content


def test_a_write_that_finds_no_space_is_a_507_and_keeps_what_was_on_the_disk(tus: Tus, part_of: PartOf) -> None:
    address = tus.created(2**20)
    tus.piece(address, 0, b"x" * 1000)
    unlimited = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2000, unlimited[1]))
    try:
        reply = tus.piece(address, 1000, b"y" * 4000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, unlimited)
        signal.signal(signal.SIGXFSZ, before)

    assert reply.status_code == 507
    assert tus.offset(address) == 1000
    assert tus.piece(address, 1000, b"z").status_code == 204
    assert part_of(address).read_bytes() == b"x" * 1000 + b"z"


def test_a_library_that_is_away_is_a_503_and_no_upload_forgets_what_it_has(tus: Tus, library: Path) -> None:
    address = tus.created(100)
    tus.piece(address, 0, b"x" * 40)
    library.rename(library.with_name("unplugged"))

    replies = [tus.create(10), tus.piece(address, 40, b"x"), tus.head(address)]
    library.with_name("unplugged").rename(library)

    assert [reply.status_code for reply in replies] == [503] * 3
    assert tus.offset(address) == 40


def test_users_who_are_no_administrators_upload_nothing(tus: Tus, library: Path, clips: Clips) -> None:
    address = tus.created(10)
    deactivated = user_of_role("MEDIA_ADMIN", is_active=False)

    for somebody, status in ((Tus(user_of_role("USER")), 403), (Tus(user_of_role("TEMP")), 403), (Tus(deactivated), 401)):
        replies = [somebody.create(10), somebody.piece(address, 0, b"x"), somebody.terminate(address), somebody.form(clips.plain)]
        assert [reply.status_code for reply in replies] == [status] * 4
    assert Upload.objects.count() == 1 and not (library / "inbox").exists()
