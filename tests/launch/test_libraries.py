"""A library keeps its database, whatever happens to its folder's name."""

from __future__ import annotations

from pathlib import Path

import pytest
from launcher.libraries import MARKER, find_or_add


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    return folder


def library(path: Path, *, identity: str | None = None) -> Path:
    path.mkdir(parents=True, exist_ok=True)
    if identity:
        (path / MARKER).write_text(identity + "\n")
    return path


def test_the_same_folder_is_the_same_library(data: Path, tmp_path: Path) -> None:
    root = library(tmp_path / "videos")
    first = find_or_add(root, data=data)
    library(root, identity="one")  # the first scan has written it

    assert find_or_add(root, data=data).name == first.name


def test_two_folders_are_two_libraries(data: Path, tmp_path: Path) -> None:
    first, second = (find_or_add(library(tmp_path / name), data=data) for name in ("films", "holidays"))

    assert first.name != second.name
    assert first.thumbnails(data) != second.thumbnails(data)


def test_a_renamed_folder_is_known_by_its_identity(data: Path, tmp_path: Path) -> None:
    old = library(tmp_path / "old", identity="one")
    first = find_or_add(old, data=data)

    renamed = find_or_add(old.rename(tmp_path / "new"), data=data)

    assert (renamed.name, renamed.root) == (first.name, str(tmp_path / "new"))


def test_a_copy_is_another_library(data: Path, tmp_path: Path) -> None:
    original = find_or_add(library(tmp_path / "original", identity="one"), data=data)

    copy = find_or_add(library(tmp_path / "copy", identity="one"), data=data)

    assert copy.name != original.name
    assert find_or_add(tmp_path / "original", data=data).name == original.name


def test_another_disk_at_the_same_path_is_another_library(data: Path, tmp_path: Path) -> None:
    first = find_or_add(library(tmp_path / "disk", identity="one"), data=data)

    other = find_or_add(library(tmp_path / "disk", identity="two"), data=data)

    assert other.name != first.name


def test_an_unmounted_disk_is_still_the_known_library_so_that_its_scan_can_refuse(data: Path, tmp_path: Path) -> None:
    root = library(tmp_path / "disk", identity="one")
    first = find_or_add(root, data=data)
    (root / MARKER).unlink()

    assert find_or_add(root, data=data).name == first.name
