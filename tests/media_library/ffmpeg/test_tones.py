from __future__ import annotations

import pytest
from PIL import Image

from media_library.ffmpeg.tones import hybrid_log_gamma, perceptual_quantizer, standard_range


def mapped(colour: tuple[int, int, int], transfer: str) -> tuple[int, ...]:
    pixel = Image.new("RGB", (1, 1), colour).filter(standard_range(transfer)).getpixel((0, 0))
    assert isinstance(pixel, tuple)
    return tuple(int(value) for value in pixel)


@pytest.mark.parametrize(("value", "nits"), [(0.0, 0), (0.5081, 100), (0.5807, 203), (0.7518, 1000), (1.0, 10_000)])
def test_the_quantizer_means_what_its_standard_says(value: float, nits: float) -> None:
    assert perceptual_quantizer(value) == pytest.approx(nits, rel=0.01)


@pytest.mark.parametrize(("value", "nits"), [(0.0, 0), (0.75, 203), (1.0, 1000)])
def test_log_gamma_means_what_its_standard_says(value: float, nits: float) -> None:
    assert hybrid_log_gamma(value) == pytest.approx(nits, rel=0.01)


@pytest.mark.parametrize(("transfer", "paper"), [("smpte2084", 148), ("arib-std-b67", 191)])
def test_black_stays_black_paper_looks_like_paper_and_greys_stay_grey(transfer: str, paper: int) -> None:
    black, sheet, brightest = (mapped((value, value, value), transfer) for value in (0, paper, 255))

    assert black == (0, 0, 0)
    assert 170 < sheet[0] < 210
    assert max(sheet) - min(sheet) <= 2
    assert brightest == (255, 255, 255)


def test_colours_are_as_strong_as_they_were() -> None:
    red, green, blue = mapped((140, 60, 60), "smpte2084")

    assert red > 4 * max(green, blue)
