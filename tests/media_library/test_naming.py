"""Titles that read well, and what a place tells."""

from __future__ import annotations

from pathlib import PurePosixPath

import pytest

from media_library.naming import Names, directory_type_of, names_of, readable_title


@pytest.mark.parametrize(
    ("filename", "title"),
    [
        ("beach_day.mp4", "Beach day"),
        ("The.Long_Road-1080p.x264.mp4", "The Long Road"),
        ("The.Long.Road.2019.2160p.WEB-DL.x265.10bit.mkv", "The Long Road 2019"),
        ("acme_summer-tour_720p_1234.mp4", "Acme summer-tour 1234"),
        ("My Film (1080p) [GROUP].mp4", "My Film"),
        ("Cooking with fire [dQw4w9WgXcQ].webm", "Cooking with fire"),
        ("2024-05-01 Birthday.mov", "2024-05-01 Birthday"),
        ("IMG_2034.MOV", "IMG_2034"),
        ("VID-20240501-WA0003.mp4", "VID-20240501-WA0003"),
        ("PXL_20240501_101112345.mp4", "PXL_20240501_101112345"),
        ("20240501_101112.mp4", "20240501_101112"),
        ("DJI_0042.MP4", "DJI_0042"),
        ("1080p.mp4", "1080p"),
        ("über uns.mp4", "Über uns"),
        ("🎬.mp4", "🎬"),
        ("new\nline.mp4", "New line"),
        ("hello", "Hello"),
        ("caf\udce9.mp4", "Caf\ufffd"),
        ("\udce9\udce8.mp4", "\ufffd\ufffd"),
    ],
)
def test_a_file_name_becomes_a_readable_title(filename: str, title: str) -> None:
    assert readable_title(filename) == title


def test_the_containers_tags_come_first() -> None:
    tags = {"title": "A Title", "artist": "Ann", "publisher": "House"}

    assert names_of(PurePosixPath("studios/acme/x.mp4"), tags) == Names(title="A Title", producer="House", creator="Ann")


def test_the_folder_of_a_studio_is_the_producer() -> None:
    assert names_of(PurePosixPath("studios/acme_films/2024/x.mp4"), {}).producer == "acme films"
    assert names_of(PurePosixPath("studios/x.mp4"), {}).producer is None
    assert names_of(PurePosixPath("videos/acme/x.mp4"), {}).producer is None


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("private/a.mp4", "private"),
        ("private/deep/er/a.mp4", "private"),
        ("a.mp4", "videos"),
        ("holiday/a.mp4", "videos"),
        ("Private/a.mp4", "videos"),
        ("public/nature/a.mp4", None),
        ("public/a.mp4", "videos"),
        ("inbox", "videos"),
    ],
)
def test_the_first_folder_is_the_directory_type(path: str, kind: str | None) -> None:
    assert directory_type_of(PurePosixPath(path)) == kind
