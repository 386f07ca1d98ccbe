"""Trash and restore: disk and database agree, whatever happens in between."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from django.core.management import call_command
from django.db import connection

from media_library import moves
from media_library.models import Compilation, FileMove, Video
from media_library.moves import MoveRefused, organize_file, recover_moves, restore_file, trash_file
from media_library.paths import encode_path

ROOT = Path(__file__).parents[2]
MakeVideo = Callable[[str], Video]

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def make_video(library: Path) -> MakeVideo:
    """A file that holds its own path, and its row."""

    def make(path: str) -> Video:
        file = library / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(os.fsencode(path))
        return Video.objects.create(path=encode_path(path), filename=encode_path(file.name))

    return make


def where_it_lies(video: Video, library: Path) -> str:
    """The path of the one file of the video, relative to the library; fails unless the row says the same."""
    video.refresh_from_db()
    holds = os.fsencode(FileMove.objects.filter(video=video).order_by("pk").values_list("source", flat=True).first() or video.path)
    found = [str(file.relative_to(library)) for file in library.rglob("*") if file.is_file() and file.read_bytes() == holds]
    assert found == [video.path]
    return video.path


def test_trashing_moves_the_file_and_says_since_when(make_video: MakeVideo, library: Path) -> None:
    video = make_video("studios/acme/a.mp4")

    move = trash_file(video, by=None)

    assert where_it_lies(video, library) == f".trash/{video.pk}/a.mp4"
    assert video.trashed_at is not None
    assert (move.state, move.source) == (FileMove.State.DONE, "studios/acme/a.mp4")


def test_restoring_undoes_it(make_video: MakeVideo, library: Path) -> None:
    video = make_video("studios/acme/a.mp4")
    trash_file(video, by=None)

    restore_file(video, by=None)

    assert where_it_lies(video, library) == "studios/acme/a.mp4"
    assert (video.trashed_at, video.filename) == (None, "a.mp4")


def test_a_trashed_video_can_go_there_and_back_again(make_video: MakeVideo, library: Path) -> None:
    video = make_video("a.mp4")

    for _ in range(3):
        trash_file(video, by=None)
        restore_file(video, by=None)

    assert where_it_lies(video, library) == "a.mp4"


def test_restoring_beside_a_file_that_took_the_place(make_video: MakeVideo, library: Path) -> None:
    video = make_video("studios/a.mp4")
    trash_file(video, by=None)
    (library / "studios/a.mp4").write_bytes(b"newcomer")

    restore_file(video, by=None)

    assert where_it_lies(video, library) == "studios/a (2).mp4"
    assert video.filename == "a (2).mp4"
    assert (library / "studios/a.mp4").read_bytes() == b"newcomer"


def test_restoring_beside_a_row_that_took_the_path(make_video: MakeVideo, library: Path) -> None:
    video = make_video("a.mp4")
    trash_file(video, by=None)
    Video.objects.create(path="a.mp4", filename="a.mp4")  # known to the database, its file missing

    restore_file(video, by=None)

    assert where_it_lies(video, library) == "a (2).mp4"


def test_restoring_into_a_folder_that_is_gone_makes_it(make_video: MakeVideo, library: Path) -> None:
    video = make_video("studios/acme/a.mp4")
    trash_file(video, by=None)
    (library / "studios/acme").rmdir()

    restore_file(video, by=None)

    assert where_it_lies(video, library) == "studios/acme/a.mp4"


def test_what_is_in_the_trash_is_not_trashed_again(make_video: MakeVideo, library: Path) -> None:
    video = make_video("a.mp4")
    trash_file(video, by=None)

    with pytest.raises(MoveRefused, match="in the trash already"):
        trash_file(video, by=None)

    assert where_it_lies(video, library) == f".trash/{video.pk}/a.mp4"


def test_what_is_not_in_the_trash_is_not_restored(make_video: MakeVideo) -> None:
    with pytest.raises(MoveRefused, match="not in the trash"):
        restore_file(make_video("a.mp4"), by=None)


def test_a_missing_file_is_refused_and_leaves_no_open_move(make_video: MakeVideo, library: Path) -> None:
    video = make_video("a.mp4")
    (library / "a.mp4").unlink()

    with pytest.raises(MoveRefused, match="a scan will tell"):
        trash_file(video, by=None)

    video.refresh_from_db()
    assert (video.path, video.trashed_at) == ("a.mp4", None)
    assert [move.state for move in video.moves.all()] == [FileMove.State.UNDONE]


@pytest.mark.parametrize("path", ["../outside.mp4", "link/a.mp4"])
def test_a_hostile_path_in_the_database_moves_nothing(library: Path, path: str) -> None:
    (library.parent / "outside.mp4").write_bytes(b"x")
    (library.parent / "a.mp4").write_bytes(b"x")
    (library / "link").symlink_to(library.parent)
    video = Video.objects.create(path=path, filename="a.mp4")

    with pytest.raises(MoveRefused):
        trash_file(video, by=None)

    assert (library.parent / "outside.mp4").exists() and (library.parent / "a.mp4").exists()


def test_a_trash_that_cannot_be_written_refuses(make_video: MakeVideo, library: Path) -> None:
    video = make_video("a.mp4")
    (library / ".trash").write_bytes(b"a file where the folder should be")

    with pytest.raises(MoveRefused):
        trash_file(video, by=None)

    assert (library / "a.mp4").exists()
    video.refresh_from_db()
    assert video.trashed_at is None


def test_names_that_are_no_text_survive_the_trash(make_video: MakeVideo, library: Path) -> None:
    name = os.fsdecode(b"caf\xe9 \xff.mp4")
    video = make_video(name)

    trash_file(video, by=None)
    restore_file(video, by=None)

    assert (library / name).exists()


def test_two_at_once_move_the_file_once(make_video: MakeVideo, library: Path) -> None:
    video = make_video("a.mp4")
    outcomes: list[str] = []

    def trash() -> None:
        try:
            trash_file(Video.objects.get(pk=video.pk), by=None)
            outcomes.append("done")
        except MoveRefused as refusal:
            outcomes.append(str(refusal))
        finally:
            connection.close()

    threads = [threading.Thread(target=trash) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert len(outcomes) == 8 and outcomes.count("done") == 1
    assert where_it_lies(video, library) == f".trash/{video.pk}/a.mp4"
    assert not FileMove.objects.filter(state=FileMove.State.INTENDED).exists()


# Each point at which a process can die while it moves a file, as the line of Python that dies there.
DEATHS = {
    "after the intent": "moves._carry_out = die",
    "before the rename": "moves.relocate = die",
    "after the rename": "real = moves.relocate; moves.relocate = lambda *a: (real(*a), die())",
    "before the commit": "real = moves._close; moves._close = lambda *a: (real(*a), die())",
}
DIE = """
import os, sys, django
django.setup()
from django.conf import settings
from media_library import moves
from media_library.models import Video
def die(*_): os._exit(9)
exec(sys.argv[3])
getattr(moves, sys.argv[2])(Video.objects.get(pk=sys.argv[1]), by=None)
"""


def die_in(verb: str, video: Video, library: Path, where: str) -> None:
    """Run `trash_file` or `restore_file` in a process of its own that is killed at `where`."""
    server = os.environ["DATABASE_URL"].rpartition("/")[0]  # by port, or by the folder of its socket
    url = f"{server}/{connection.settings_dict['NAME']}"
    environment = os.environ | {"DATABASE_URL": url, "LIBRARY_ROOT": str(library), "DJANGO_SETTINGS_MODULE": "config.settings"}
    command = [sys.executable, "-c", DIE, str(video.pk), verb, DEATHS[where]]
    assert subprocess.run(command, cwd=ROOT, env=environment, timeout=60, check=False).returncode == 9


@pytest.mark.parametrize("where", DEATHS)
def test_a_crash_while_trashing_is_repaired(make_video: MakeVideo, library: Path, where: str) -> None:
    video = make_video("a.mp4")
    die_in("trash_file", video, library, where)

    recovery = recover_moves()

    lies = where_it_lies(video, library)
    has_moved = where in ("after the rename", "before the commit")
    assert lies == (f".trash/{video.pk}/a.mp4" if has_moved else "a.mp4")
    assert (video.trashed_at is not None) == has_moved
    assert len(recovery.finished if has_moved else recovery.undone) == 1
    assert recover_moves() == moves.Recovery()


def test_a_crash_while_restoring_is_repaired_by_the_next_attempt(make_video: MakeVideo, library: Path) -> None:
    video = make_video("a.mp4")
    trash_file(video, by=None)
    die_in("restore_file", video, library, "before the rename")

    restore_file(video, by=None)

    assert where_it_lies(video, library) == "a.mp4"


def test_a_compilation_s_row_follows_its_file(make_video: MakeVideo, library: Path) -> None:
    video = make_video("a.mp4")
    kept = Compilation.objects.create(filename="a.mp4", path="a.mp4")

    organize_file(video, Path("curated/best.mp4"))

    kept.refresh_from_db()
    assert (kept.path, kept.filename) == ("curated/best.mp4", "best.mp4")


def test_two_names_of_one_file_become_one(make_video: MakeVideo, library: Path) -> None:
    """What a crash leaves between link and unlink, on a disk without an atomic no-replace rename."""
    video = make_video("a.mp4")
    (library / ".trash").mkdir()
    os.link(library / "a.mp4", library / ".trash/a.mp4")
    FileMove.objects.create(video=video, source="a.mp4", target=".trash/a.mp4", purpose=FileMove.Purpose.TRASH)

    recover_moves()

    assert where_it_lies(video, library) == ".trash/a.mp4"


def test_a_stranger_at_the_target_is_not_taken_for_the_file(make_video: MakeVideo, library: Path) -> None:
    video = make_video("a.mp4")
    (library / "b.mp4").write_bytes(b"stranger")
    FileMove.objects.create(video=video, source="a.mp4", target="b.mp4", purpose=FileMove.Purpose.ORGANIZE)

    recovery = recover_moves()

    assert len(recovery.undone) == 1
    assert where_it_lies(video, library) == "a.mp4"
    assert (library / "b.mp4").read_bytes() == b"stranger"


def test_a_scan_repairs_what_a_crash_left(make_video: MakeVideo, library: Path) -> None:
    video = make_video("a.mp4")
    die_in("trash_file", video, library, "after the rename")

    call_command("scan_library", "--settle=0")

    assert where_it_lies(video, library) == f".trash/{video.pk}/a.mp4"
    assert (video.missing_since, video.absent_at) == (None, None)
    assert Video.objects.count() == 1


def test_a_move_waits_while_the_library_is_not_mounted(make_video: MakeVideo, library: Path, capsys: pytest.CaptureFixture[str]) -> None:
    video = make_video("a.mp4")
    die_in("trash_file", video, library, "after the rename")
    library.rename(library.with_name("unmounted"))
    library.mkdir()

    call_command("recover_moves")
    library.rmdir()
    library.with_name("unmounted").rename(library)
    call_command("recover_moves")

    said = capsys.readouterr()
    assert "1 wait" in said.err and "1 finished, 0 undone" in said.out
    assert where_it_lies(video, library) == f".trash/{video.pk}/a.mp4"
