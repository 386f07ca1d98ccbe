"""What to call a picture's size: the quality label and the orientation."""

from __future__ import annotations

from fractions import Fraction

from media_library.models import Orientation, Quality

LINES = (
    (2160, Quality.UHD),
    (1440, Quality.QHD),
    (1080, Quality.FULL_HD),
    (720, Quality.HD),
    (480, Quality.P480),
    (360, Quality.P360),
)
TOLERANCE = Fraction(97, 100)  # encoders crop a few lines to whole blocks: 1918 x 1078 is 1080p all the same
NEARLY_SQUARE = Fraction(2, 100)  # of the longer side; for the same reason


def quality_of(width: int, height: int) -> Quality:
    """The label by the larger of the shorter side and longer side × 9/16, so that 1920 × 800 is 1080p."""
    lines = max(Fraction(min(width, height)), Fraction(max(width, height) * 9, 16))
    return next((label for least, label in LINES if lines >= least * TOLERANCE), Quality.SD)


def orientation_of(width: int, height: int) -> Orientation:
    if abs(width - height) <= NEARLY_SQUARE * max(width, height):
        return Orientation.SQUARE
    return Orientation.LANDSCAPE if width > height else Orientation.PORTRAIT
