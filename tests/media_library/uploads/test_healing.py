"""What crashes, requests at once and people who never come back leave is put right."""

from __future__ import annotations

import os
import threading
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.db import connection
from django.db.models.functions import Now
from pytest_django.fixtures import Settings

from jobs.models import Job
from jobs.periodic import sweep_uploads
from media_library.models import Upload
from media_library.uploads.errors import Held, UploadNotFound
from media_library.uploads.querysets import HOLD, from_now
from media_library.uploads.receiving import written
from tests.conftest import Clips, aged
from tests.media_library.uploads.conftest import Tus

PartOf = Callable[[str], Path]
PATIENCE = 30.0  # seconds


def id_of(address: str) -> int:
    return int(address.rpartition("/")[2])


class TestACrash:
    def test_what_was_written_and_not_noted_is_written_again(self, tus: Tus, part_of: PartOf) -> None:
        address = tus.created(100)
        tus.piece(address, 0, b"x" * 40)
        with part_of(address).open("ab") as part:
            part.write(b"junk of a process that died")

        stands_at = tus.offset(address)
        tus.piece(address, 40, b"y" * 10)

        assert (stands_at, part_of(address).read_bytes()) == (40, b"x" * 40 + b"y" * 10)

    def test_what_was_noted_and_lost_by_the_disk_is_sent_again(self, tus: Tus, part_of: PartOf) -> None:
        address = tus.created(100)
        tus.piece(address, 0, b"x" * 40)
        os.truncate(part_of(address), 30)

        assert tus.piece(address, 40, b"y").status_code == 409
        assert tus.offset(address) == 30
        part_of(address).unlink()
        assert tus.offset(address) == 0

    def test_before_the_move_the_next_question_finishes(self, tus: Tus, clips: Clips, library: Path, part_of: PartOf) -> None:
        content = clips.plain.read_bytes()
        address = tus.created(len(content))
        tus.piece(address, 0, content[:-1])
        part_of(address).write_bytes(content)
        Upload.objects.update(offset=len(content))

        reply = tus.head(address)

        assert (reply["Upload-Offset"], reply["Upload-Job"]) == (str(len(content)), str(Job.objects.get().pk))
        assert (library / "inbox" / "holiday.mp4").read_bytes() == content

    def test_after_the_move_the_next_sweep_finishes(self, tus: Tus, clips: Clips, library: Path, part_of: PartOf) -> None:
        content = clips.plain.read_bytes()
        address = tus.created(len(content))
        tus.piece(address, 0, content[:-1])
        part_of(address).unlink()
        moved = library / "inbox" / "holiday.mp4"
        moved.write_bytes(content)
        Upload.objects.update(offset=len(content), path="inbox/holiday.mp4", inode=moved.stat().st_ino)

        sweep_uploads()

        facts = tus.facts(address)
        assert (facts["status"], facts["path"], facts["jobId"]) == ("finished", "inbox/holiday.mp4", Job.objects.get().pk)
        assert [path.name for path in (library / "inbox").glob("*.mp4")] == ["holiday.mp4"]

    def test_of_who_held_it_lets_go_after_a_while(self, tus: Tus) -> None:
        address = tus.created(100)
        Upload.objects.update(writer=uuid.uuid4(), held_until=from_now(HOLD))

        while_held = tus.piece(address, 0, b"x")
        Upload.objects.update(held_until=Now())
        after = tus.piece(address, 0, b"x")

        assert (while_held.status_code, after.status_code) == (423, 204)


class TestASweep:
    def test_forgets_what_has_expired_with_its_part(self, tus: Tus, part_of: PartOf) -> None:
        old, young = tus.created(100), tus.created(100)
        for address in (old, young):
            tus.piece(address, 0, b"x")
        Upload.objects.filter(pk=id_of(old)).update(expires_at=Now())

        sweep_uploads()

        assert [part_of(old).exists(), part_of(young).exists()] == [False, True]
        assert [upload.pk for upload in Upload.objects.all()] == [id_of(young)]

    def test_removes_parts_that_no_upload_has(self, tus: Tus, library: Path) -> None:
        folder = library / "inbox" / ".uploads"
        folder.mkdir(parents=True)
        for name in ("999.part", "998.part", "notes.txt"):
            (folder / name).write_text("x")
        aged(folder / "999.part", seconds=3 * 24 * 3600)
        aged(folder / "notes.txt", seconds=3 * 24 * 3600)

        sweep_uploads()

        assert {path.name for path in folder.iterdir()} == {"998.part", "notes.txt"}

    def test_leaves_everything_while_the_library_is_away(self, tus: Tus, settings: Settings, library: Path) -> None:
        address = tus.created(100)
        Upload.objects.update(offset=100)
        settings.LIBRARY_ROOT = library / "nowhere"

        sweep_uploads()

        assert Upload.objects.get(pk=id_of(address)).offset == 100


@pytest.fixture
def stands(transactional_db: None, tus: Tus) -> Iterator[str]:
    """An upload of 100 bytes of which nothing has come."""
    yield tus.created(100)


@pytest.mark.django_db(transaction=True)
def test_of_two_requests_at_once_one_writes(stands: str, part_of: PartOf) -> None:
    begun, may_end, refused = threading.Event(), threading.Event(), []

    def slowly() -> Iterator[bytes]:
        yield b"x" * 10
        begun.set()
        assert may_end.wait(PATIENCE)
        yield b"x" * 10

    def first() -> None:
        with written(id_of(stands), offset=0) as (writer, _):
            writer.receive(slowly())
        connection.close()

    thread = threading.Thread(target=first)
    thread.start()
    assert begun.wait(PATIENCE)
    try:
        with written(id_of(stands), offset=0) as (writer, _):
            writer.receive(iter([b"y" * 30]))
    except Held as problem:
        refused.append(problem)
    may_end.set()
    thread.join(PATIENCE)

    assert len(refused) == 1
    assert part_of(stands).read_bytes() == b"x" * 20
    assert Upload.objects.get().offset == 20


@pytest.mark.django_db(transaction=True)
def test_of_many_requests_at_the_same_moment_each_byte_is_from_one(stands: str, tus: Tus, part_of: PartOf) -> None:
    start, statuses = threading.Barrier(6), []

    def send(letter: bytes) -> None:
        start.wait(PATIENCE)
        statuses.append(tus.piece(stands, 0, letter * 50).status_code)
        connection.close()

    threads = [threading.Thread(target=send, args=[bytes([97 + number])]) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)

    assert statuses.count(204) == 1 and set(statuses) <= {204, 409, 423}
    assert len(set(part_of(stands).read_bytes())) == 1 and tus.offset(stands) == 50


@pytest.mark.django_db(transaction=True)
def test_who_was_silent_for_too_long_writes_no_more(stands: str, part_of: PartOf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("media_library.uploads.receiving.HOLD", 0.0)
    with pytest.raises(UploadNotFound), written(id_of(stands), offset=0) as (writer, _):
        writer.write(b"x" * 10)
        Upload.objects.update(writer=uuid.uuid4())  # another request has taken it over
        writer.write(b"x" * 10)

    assert part_of(stands).read_bytes() == b"x" * 10
