"""How the pages write durations, counts and shapes."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings
from django.utils import timezone

from gallery.templatetags.gallery_format import SHAPES, category_name, clock, compact, shape, srcset
from gallery.templatetags.gallery_time import ago
from gallery.threads import FACES
from reactions.models import ReactionType


@pytest.mark.parametrize(
    ("seconds", "written"),
    [(None, ""), (0, "0:00"), (7, "0:07"), (685, "11:25"), (3_600, "1:00:00"), (3_723, "1:02:03"), (400_000, "111:06:40")],
)
def test_a_duration_is_written_as_players_do(seconds: int | None, written: str) -> None:
    assert clock(seconds) == written


@pytest.mark.parametrize(
    ("count", "written"),
    [
        (0, "0"),
        (999, "999"),
        (1_000, "1k"),
        (1_050, "1k"),
        (8_219, "8.2k"),
        (14_900, "14k"),
        (999_999, "999k"),
        (1_300_000, "1.3M"),
        (2_000_000_000, "2B"),
    ],
)
def test_a_count_does_not_shout(count: int, written: str) -> None:
    assert compact(count) == written


@pytest.mark.parametrize(
    ("width", "height", "name"),
    [
        (1920, 1080, "16x9"),
        (1080, 1920, "9x16"),
        (406, 720, "9x16"),
        (640, 480, "4x3"),
        (720, 720, "1x1"),
        (1920, 800, "21x9"),
        (9_000, 1, "21x9"),
    ],
)
def test_a_poster_gets_the_nearest_shape(width: int, height: int, name: str) -> None:
    assert shape({"width": width, "height": height, "orientation": None}) == name


@pytest.mark.parametrize(("orientation", "name"), [("portrait", "9x16"), ("square", "1x1"), ("landscape", "16x9"), (None, "16x9")])
def test_a_poster_of_unknown_size_gets_the_shape_of_its_orientation(orientation: str | None, name: str) -> None:
    assert shape({"width": None, "height": None, "orientation": orientation}) == name


def test_the_style_sheet_knows_every_shape_by_its_ratio() -> None:
    style_sheet = (Path(settings.BASE_DIR) / "static/gallery/gallery.css").read_text()

    written = {name: float(ratio) for name, ratio in re.findall(r"\.shape-(\w+) \{ --ratio: ([\d.]+); \}", style_sheet)}

    assert written == {name: round(ratio, 4) for name, ratio in SHAPES.items()}


def test_the_style_sheet_has_a_colour_for_every_kind_of_reaction() -> None:
    style_sheet = (Path(settings.BASE_DIR) / "static/gallery/viewer.css").read_text()

    assert re.findall(r"\.heat-(\w+) \{ fill: ", style_sheet) == ReactionType.values


@pytest.mark.parametrize(
    ("width", "height", "expected"),
    [
        (1920, 1080, "/p-320.webp 320w, /p-480.webp 480w, /p.webp 640w"),
        (1080, 1920, "/p-320.webp 180w, /p-480.webp 270w, /p.webp 360w"),
        (400, 300, "/p-320.webp 320w, /p.webp 400w"),
        (320, 180, ""),
        (None, None, ""),
    ],
)
def test_a_poster_comes_in_the_sizes_that_it_is_larger_than(width: int | None, height: int | None, expected: str) -> None:
    assert srcset({"width": width, "height": height, "thumbnail_path": "/p.webp"}) == expected


def test_a_category_is_shown_as_a_name() -> None:
    assert category_name("town-hall") == "Town hall"


@pytest.mark.parametrize(
    ("age", "written"),
    [
        (timedelta(seconds=3), "just now"),
        (timedelta(minutes=5, seconds=50), "5\u00a0minutes ago"),
        (timedelta(hours=2, minutes=59), "2\u00a0hours ago"),
        (timedelta(days=15), "2\u00a0weeks ago"),
    ],
)
def test_what_is_recent_says_how_long_ago_it_was(age: timedelta, written: str) -> None:
    assert ago(timezone.now() - age) == written


def test_what_is_old_says_the_day() -> None:
    assert re.fullmatch(r"\d{1,2} [A-Z][a-z]+ \d{4}", ago(timezone.now() - timedelta(days=40)))


def test_the_style_sheet_has_a_colour_for_every_face() -> None:
    styles = Path(settings.BASE_DIR, "static/gallery/viewer.css").read_text()

    assert re.findall(r"\.face-(\d+) ", styles) == [str(number) for number in range(FACES)]
