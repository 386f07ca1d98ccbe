"""How the pictures of a video decide together."""

from __future__ import annotations

import pytest

from media_library.tagging.votes import vote


def test_one_picture_decides_alone() -> None:
    assert vote([{"cat": 0.9, "dog": 0.1}]) == {"cat": 0.9, "dog": 0.1}


def test_what_a_quarter_of_the_pictures_shows_counts_in_full() -> None:
    pictures = [{"cat": 0.9}] * 3 + [{"beach": 0.8}] * 9

    assert vote(pictures) == {"cat": pytest.approx(0.9), "beach": pytest.approx(0.8)}


def test_one_odd_picture_among_many_does_not() -> None:
    assert vote([{"missile": 1.0}] + [{"cat": 0.9}] * 11)["missile"] == pytest.approx(1 / 3)


def test_no_picture_has_no_tags() -> None:
    assert vote([]) == {}
