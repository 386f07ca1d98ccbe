"""A row follows its content, when there is no doubt which."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from media_library.models import Compilation, Video
from tests.media_library.scanner.conftest import Scan, findings

pytestmark = pytest.mark.django_db

Add = Callable[..., Path]


def ids() -> dict[str, int]:
    return dict(Video.objects.values_list("path", "id"))


def test_a_renamed_file_keeps_its_row(library: Path, scan_library: Scan, add: Add) -> None:
    add("a.mp4", 1)
    add("stays.mp4", 2)
    scan_library()
    before = ids()
    Video.objects.update(tags=["kept"])
    Compilation.objects.create(filename="a.mp4", path="a.mp4")
    (library / "a.mp4").rename(library / "b.mp4")

    report = scan_library()

    assert (report.moved_count, report.new_count, report.missing_count) == (1, 0, 0)
    assert ids() == {"b.mp4": before["a.mp4"], "stays.mp4": before["stays.mp4"]}
    moved = Video.objects.get(path="b.mp4")
    assert (moved.filename, moved.tags, moved.absent_at) == ("b.mp4", ["kept"], None)
    assert findings(report, "moved") == {"b.mp4": "from a.mp4"}
    assert Compilation.objects.filter(filename="b.mp4", path="b.mp4").exists()


def test_a_renamed_folder_keeps_all_rows_even_of_equal_files(library: Path, scan_library: Scan, add: Add) -> None:
    for number in range(12):
        add(f"old/{number}.mp4", number)
    add("old/twin of 3.mp4", 3)
    scan_library()
    before = ids()
    (library / "old").rename(library / "new")

    report = scan_library()

    assert report.moved_count == 13
    assert ids() == {path.replace("old/", "new/"): pk for path, pk in before.items()}


def test_two_files_that_trade_names_trade_rows(library: Path, scan_library: Scan, add: Add) -> None:
    add("a.mp4", 1).rename(library / "a.mp4")
    add("longer.mp4", 2).write_bytes((library / "longer.mp4").read_bytes() + b"\0\0\0\x08free")
    scan_library()
    before = ids()
    (library / "a.mp4").rename(library / "x")
    (library / "longer.mp4").rename(library / "a.mp4")
    (library / "x").rename(library / "longer.mp4")

    report = scan_library()

    assert (report.moved_count, report.changed_count) == (2, 0)
    assert ids() == {"a.mp4": before["longer.mp4"], "longer.mp4": before["a.mp4"]}


def test_rows_follow_a_chain_of_renames(library: Path, scan_library: Scan, add: Add) -> None:
    for number, name in enumerate(("a", "b", "c")):
        path = add(f"{name}.mp4", number)
        path.write_bytes(path.read_bytes() + b"\0\0\0\x08free" * number)
    scan_library()
    before = ids()
    for source, target in (("c", "d"), ("b", "c"), ("a", "b")):
        (library / f"{source}.mp4").rename(library / f"{target}.mp4")

    report = scan_library()

    assert report.moved_count == 3
    assert ids() == {"b.mp4": before["a.mp4"], "c.mp4": before["b.mp4"], "d.mp4": before["c.mp4"]}


def test_a_file_moved_over_another_changes_the_row_that_has_the_path(library: Path, scan_library: Scan, add: Add) -> None:
    add("a.mp4", 1)
    better = add("inbox/better.mp4", 2)
    better.write_bytes(better.read_bytes() + b"\0\0\0\x08free")
    scan_library()
    before = ids()
    better.rename(library / "a.mp4")

    report = scan_library()

    assert (report.changed_count, report.moved_count, report.missing_count) == (1, 0, 1)
    assert ids() == before


def test_a_move_into_another_folder_type_changes_the_type(library: Path, scan_library: Scan, add: Add) -> None:
    add("inbox/a.mp4")
    scan_library()
    (library / "private").mkdir()
    (library / "inbox/a.mp4").rename(library / "private/a.mp4")

    scan_library()

    assert Video.objects.get().directory_type == "private"


def test_moved_and_edited_is_new(library: Path, scan_library: Scan, add: Add) -> None:
    add("a.mp4", 1)
    scan_library()
    (library / "a.mp4").unlink()
    add("b.mp4", 2)

    report = scan_library()

    assert (report.moved_count, report.new_count, report.missing_count) == (0, 1, 1)


def test_one_of_two_gone_twins_that_reappears_is_a_new_file(library: Path, scan_library: Scan, add: Add) -> None:
    add("a.mp4", 1)
    add("b.mp4", 1)
    add("c.mp4", 2)
    scan_library()
    (library / "a.mp4").unlink()
    (library / "b.mp4").rename(library / "z.mp4")

    report = scan_library()

    assert (report.moved_count, report.new_count) == (0, 1)


def test_one_of_two_twins_that_moves_is_a_move(library: Path, scan_library: Scan, add: Add) -> None:
    add("a.mp4", 1)
    add("b.mp4", 1)
    scan_library()
    before = ids()
    (library / "a.mp4").rename(library / "z.mp4")

    report = scan_library()

    assert (report.moved_count, report.duplicate_count) == (1, 0)
    assert ids() == {"z.mp4": before["a.mp4"], "b.mp4": before["b.mp4"]}


def test_a_row_with_a_hash_moves_only_to_the_same_hash(library: Path, scan_library: Scan, add: Add) -> None:
    add("a.mp4", 1)
    scan_library()
    Video.objects.update(file_hash="0" * 64)
    (library / "a.mp4").rename(library / "b.mp4")

    report = scan_library()

    assert (report.moved_count, report.new_count) == (0, 1)


def test_a_missing_file_that_comes_back_elsewhere_is_the_same_video(library: Path, scan_library: Scan, add: Add) -> None:
    add("a.mp4", 1)
    add("b.mp4", 2)
    scan_library()
    pk = Video.objects.get(path="a.mp4").pk
    (library / "a.mp4").rename(library / "away")
    scan_library()
    scan_library()
    (library / "away").rename(library / "found.mp4")

    report = scan_library()

    found = Video.objects.get(pk=pk)
    assert (found.path, found.missing_since, report.moved_count) == ("found.mp4", None, 1)


def test_a_copy_whose_source_vanishes_meanwhile_waits_for_the_next_scan(library: Path, scan_library: Scan, add: Add) -> None:
    add("a/a.mp4", 1)
    scan_library()
    add("b/b.mp4", 1)
    pk = Video.objects.get().pk
    (library / "a/a.mp4").unlink()

    part = scan_library(scope="b")
    whole = scan_library()

    assert (part.new_count, part.unsettled_count) == (0, 1)
    assert (whole.moved_count, ids()) == (1, {"b/b.mp4": pk})
