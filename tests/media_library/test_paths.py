"""Paths survive the way into the database and back, whatever bytes they hold."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media_library.paths import FILE_FLAGS, decode_path, encode_path, open_beneath, shown

NAMES = st.binary(min_size=1, max_size=40).filter(lambda name: b"/" not in name and b"\0" not in name and name not in (b".", b".."))


@given(st.lists(NAMES, min_size=1, max_size=4))
def test_any_bytes_come_back(names: list[bytes]) -> None:
    raw = b"/".join(names)

    text = encode_path(os.fsdecode(raw))

    assert os.fsencode(decode_path(text)) == raw
    assert text.encode("utf-8")  # no lone surrogate: JSON and PostgreSQL take it


@given(NAMES, NAMES)
def test_different_names_stay_different(one: bytes, other: bytes) -> None:
    assert (encode_path(os.fsdecode(one)) == encode_path(os.fsdecode(other))) == (one == other)


def test_ordinary_text_is_written_as_it_is() -> None:
    assert encode_path("studios/Ümläut 🎬.mp4") == "studios/Ümläut 🎬.mp4"


def test_a_file_is_opened_below_the_root(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "c.mp4").write_bytes(b"content")
    root = os.open(tmp_path, os.O_RDONLY)

    descriptor = open_beneath(root, ("a", "b", "c.mp4"), FILE_FLAGS)

    assert os.read(descriptor, 10) == b"content"
    os.close(descriptor)
    os.close(root)


def test_people_see_a_replacement_for_what_is_no_text() -> None:
    assert shown(encode_path("caf\udce9/über.mp4")) == "caf\ufffd/über.mp4"


@pytest.mark.parametrize("link", ["folder", "file"])
def test_no_link_is_followed_on_the_way(link: str, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "a.mp4").touch()
    inside = tmp_path / "inside"
    inside.mkdir()
    (inside / "folder").symlink_to(outside)
    (inside / "file").symlink_to(outside / "a.mp4")
    root = os.open(inside, os.O_RDONLY)

    with pytest.raises(OSError):
        open_beneath(root, ("folder", "a.mp4") if link == "folder" else ("file",), FILE_FLAGS)

    os.close(root)
