"""The thumbnail store."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path

import pytest
from PIL import Image

from media_library.posters import save_poster, smaller_poster


@pytest.fixture
def picture() -> bytes:
    encoded = io.BytesIO()
    Image.new("RGB", (64, 36), "teal").save(encoded, "WEBP")
    return encoded.getvalue()


def test_a_poster_lies_under_its_content_hash_in_two_levels(tmp_path: Path, picture: bytes) -> None:
    path = save_poster(picture, store=tmp_path)

    digest = hashlib.sha256(picture).hexdigest()
    assert path == f"{digest[:2]}/{digest[2:4]}/{digest}.webp"
    assert (tmp_path / path).read_bytes() == picture


def test_saving_twice_leaves_one_file_and_no_draft(tmp_path: Path, picture: bytes) -> None:
    save_poster(picture, store=tmp_path)
    save_poster(picture, store=tmp_path)

    assert len([path for path in tmp_path.rglob("*") if path.is_file()]) == 1


def test_a_poster_cut_short_by_a_crash_is_written_again(tmp_path: Path, picture: bytes) -> None:
    path = tmp_path / save_poster(picture, store=tmp_path)
    path.write_bytes(b"")

    save_poster(picture, store=tmp_path)

    assert path.read_bytes() == picture


def test_what_is_no_picture_is_not_kept(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="WebP"):
        save_poster(b"<svg onload=alert(1)>", store=tmp_path)

    assert not list(tmp_path.iterdir())


def test_a_poster_is_drawn_smaller_once_and_the_next_time_taken_as_it_is(tmp_path: Path) -> None:
    encoded = io.BytesIO()
    Image.new("RGB", (360, 640), "teal").save(encoded, "WEBP")
    poster = Path(save_poster(encoded.getvalue(), store=tmp_path))

    smaller = tmp_path / smaller_poster(poster, 320, store=tmp_path)
    drawn_at = smaller.stat().st_mtime_ns

    assert smaller.name == f"{poster.stem}-320.webp"
    with Image.open(smaller) as picture:
        assert (picture.format, picture.size) == ("WEBP", (180, 320))
    assert tmp_path / smaller_poster(poster, 320, store=tmp_path) == smaller
    assert smaller.stat().st_mtime_ns == drawn_at
