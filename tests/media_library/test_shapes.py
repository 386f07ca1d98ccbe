"""What sizes are called."""

from __future__ import annotations

import pytest

from media_library.shapes import orientation_of, quality_of


@pytest.mark.parametrize(
    ("size", "label"),
    [
        ((3840, 2160), "4K"),
        ((4096, 1716), "4K"),
        ((2560, 1440), "1440p"),
        ((1920, 1080), "1080p"),
        ((1080, 1920), "1080p"),
        ((1920, 800), "1080p"),
        ((1440, 1080), "1080p"),
        ((1918, 1072), "1080p"),
        ((1280, 720), "720p"),
        ((1280, 534), "720p"),
        ((720, 576), "480p"),
        ((640, 480), "480p"),
        ((640, 360), "360p"),
        ((640, 272), "360p"),
        ((320, 240), "SD"),
        ((1, 1), "SD"),
    ],
)
def test_quality_is_by_the_larger_of_short_side_and_long_side_at_16_to_9(size: tuple[int, int], label: str) -> None:
    assert quality_of(*size) == label


@pytest.mark.parametrize(
    ("size", "orientation"),
    [((1920, 1080), "landscape"), ((1080, 1920), "portrait"), ((1080, 1080), "square"), ((1080, 1088), "square"), ((100, 110), "portrait")],
)
def test_nearly_square_is_square(size: tuple[int, int], orientation: str) -> None:
    assert orientation_of(*size) == orientation
