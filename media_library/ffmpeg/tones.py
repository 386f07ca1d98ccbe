"""High dynamic range as screens of standard range show it, for still pictures: a table of colours, made once.

libswscale can do the same, but makes a table of its own for every picture, which takes seconds.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache

from PIL import ImageFilter

TABLE_SIZE = 25  # colours along each side of the table
WHITE = 203.0  # nits of a sheet of paper (BT.2408)
BRIGHTEST = 1000.0 / WHITE  # what becomes full white, in sheets of paper
FROM_BT2020 = ((1.6605, -0.5876, -0.0728), (-0.1246, 1.1329, -0.0083), (-0.0182, -0.1006, 1.1187))  # to BT.709, of linear light

Colour = tuple[float, float, float]


@cache
def standard_range(transfer: str) -> ImageFilter.Color3DLUT:
    """The filter that makes a picture in `transfer`, smpte2084 or arib-std-b67, one of standard range."""
    light = {"smpte2084": perceptual_quantizer, "arib-std-b67": hybrid_log_gamma}[transfer]
    return ImageFilter.Color3DLUT.generate(TABLE_SIZE, lambda red, green, blue: _mapped((red, green, blue), light))


def perceptual_quantizer(value: float) -> float:
    """Light in nits of a value from 0 to 1 of SMPTE ST 2084."""
    power = value ** (32 / 2523)
    return float(10_000 * (max(power - 107 / 128, 0) / (2413 / 128 - 2392 / 128 * power)) ** (8192 / 1305))


def hybrid_log_gamma(value: float) -> float:
    """Light in nits, on a screen of 1,000, of a value from 0 to 1 of ARIB STD-B67."""
    scene = value**2 / 3 if value <= 0.5 else (math.exp((value - 0.55991073) / 0.17883277) + 0.28466892) / 12
    return float(1000 * min(scene, 1.0) ** 1.2)


def _mapped(colour: Colour, light: Callable[[float], float]) -> Colour:
    papers = [light(value) / WHITE for value in colour]
    red, green, blue = (_srgb(_compressed(sum(map(float.__mul__, row, papers)))) for row in FROM_BT2020)
    return red, green, blue


def _compressed(light: float) -> float:
    """Bright light made to fit, dark light nearly as it is (Reinhard)."""
    light = max(0.0, light)
    return min(1.0, light * (1 + light / BRIGHTEST**2) / (1 + light))


def _srgb(light: float) -> float:
    return 12.92 * light if light <= 0.0031308 else 1.055 * light ** (1 / 2.4) - 0.055
