"""Moving a file inside the library root, on a real disk."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from media_library import relocation
from media_library.relocation import NotAFile, NotAFolder, UnsafePath, numbered, relocate, relocate_folder


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "library/studios").mkdir(parents=True)
    (tmp_path / "library/studios/a.mp4").write_bytes(b"a")
    (tmp_path / "outside").mkdir()
    return tmp_path / "library"


def refuse_links(*_: object, **__: object) -> None:
    raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))


@pytest.fixture(params=["renameat2", "link and unlink", "placeholder"])
def _each_way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """All ways to rename without replacing; the second is what NFS and macOS get, the third exFAT on old kernels and some of FUSE."""
    if request.param != "renameat2":
        monkeypatch.setattr(relocation, "_renameat2", lambda: None)
    if request.param == "placeholder":
        monkeypatch.setattr("os.link", refuse_links)


def test_a_rename_over_a_placeholder_that_fails_leaves_none(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relocation, "_renameat2", lambda: None)
    monkeypatch.setattr("os.link", refuse_links)
    monkeypatch.setattr("os.rename", refuse_links)

    with pytest.raises(PermissionError):
        relocate(root, Path("studios/a.mp4"), Path("b.mp4"))

    assert not (root / "b.mp4").exists()
    assert (root / "studios/a.mp4").read_bytes() == b"a"


@pytest.mark.usefixtures("_each_way")
def test_a_file_moves_into_directories_made_for_it(root: Path) -> None:
    relocate(root, Path("studios/a.mp4"), Path(".trash/7/a.mp4"))

    assert (root / ".trash/7/a.mp4").read_bytes() == b"a"
    assert not (root / "studios/a.mp4").exists()


@pytest.mark.usefixtures("_each_way")
def test_a_taken_place_is_never_overwritten(root: Path) -> None:
    (root / "b.mp4").write_bytes(b"b")

    with pytest.raises(FileExistsError):
        relocate(root, Path("studios/a.mp4"), Path("b.mp4"))

    assert (root / "b.mp4").read_bytes() == b"b"
    assert (root / "studios/a.mp4").read_bytes() == b"a"


@pytest.mark.usefixtures("_each_way")
def test_a_file_that_is_gone_is_said_to_be_gone(root: Path) -> None:
    with pytest.raises(FileNotFoundError):
        relocate(root, Path("studios/gone.mp4"), Path("b.mp4"))


@pytest.mark.usefixtures("_each_way")
def test_a_folder_moves_with_all_that_lies_in_it(root: Path) -> None:
    relocate_folder(root, Path("studios"), Path("playback/7.hls"))

    assert (root / "playback/7.hls/a.mp4").read_bytes() == b"a"
    assert not (root / "studios").exists()


@pytest.mark.usefixtures("_each_way")
@pytest.mark.parametrize("taken_by", ["file", "folder"])
def test_a_folder_never_takes_the_place_of_what_holds_something(root: Path, taken_by: str) -> None:
    precious = root / "taken" if taken_by == "file" else root / "taken/precious"
    precious.parent.mkdir(exist_ok=True)
    precious.write_bytes(b"b")

    with pytest.raises(OSError):
        relocate_folder(root, Path("studios"), Path("taken"))

    assert precious.read_bytes() == b"b"
    assert (root / "studios/a.mp4").exists()


def test_what_is_no_folder_does_not_move_as_one(root: Path) -> None:
    with pytest.raises(NotAFolder):
        relocate_folder(root, Path("studios/a.mp4"), Path("b"))


@pytest.mark.parametrize("path", ["../outside/x.mp4", "/etc/passwd", "studios/../../outside/x.mp4", "..", "", "a\0b.mp4"])
def test_no_path_leads_out_of_the_root(root: Path, path: str) -> None:
    with pytest.raises(UnsafePath):
        relocate(root, Path("studios/a.mp4"), Path(path))
    with pytest.raises(UnsafePath):
        relocate(root, Path(path), Path("b.mp4"))

    assert (root / "studios/a.mp4").exists()
    assert not list((root.parent / "outside").iterdir())


def test_no_path_leads_through_a_symbolic_link(root: Path) -> None:
    (root / "elsewhere").symlink_to(root.parent / "outside")

    with pytest.raises(UnsafePath):
        relocate(root, Path("studios/a.mp4"), Path("elsewhere/a.mp4"))

    assert not list((root.parent / "outside").iterdir())


@pytest.mark.parametrize("kind", ["link", "pipe", "directory"])
def test_only_regular_files_move(root: Path, kind: str) -> None:
    strange = root / "strange.mp4"
    if kind == "link":
        strange.symlink_to("/etc/passwd")
    elif kind == "pipe":
        os.mkfifo(strange)
    else:
        strange.mkdir()

    with pytest.raises(NotAFile):
        relocate(root, Path("strange.mp4"), Path("b.mp4"))


def test_bytes_that_are_no_text_move_like_any_name(root: Path) -> None:
    name = os.fsdecode(b"caf\xe9\n-rf.mp4")
    (root / name).write_bytes(b"x")

    relocate(root, Path(name), Path(".trash") / name)

    assert (root / ".trash" / name).read_bytes() == b"x"


@pytest.mark.skipif(not Path("/sys/kernel/notes").exists(), reason="needs a file system that refuses root too: Linux's sysfs")
def test_a_disk_that_cannot_be_written_says_so() -> None:
    with pytest.raises(PermissionError):
        relocate(Path("/sys/kernel"), Path("notes"), Path("moved"))


def test_numbered_names_keep_the_extension_and_fit() -> None:
    names = numbered(Path("dir") / ("é" * 125 + ".webm"))

    first, second, third = (next(names) for _ in range(3))

    assert first.name == "é" * 125 + ".webm"
    assert second.name.endswith(" (2).webm") and third.name.endswith(" (3).webm")
    assert len(os.fsencode(second.name)) <= 255
