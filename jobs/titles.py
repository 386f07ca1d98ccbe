"""Title cards, drawn here: no title comes near a filter of ffmpeg's."""

from __future__ import annotations

import textwrap

from PIL import Image, ImageDraw, ImageFont

FONT = "DejaVuSans.ttf"  # where it is installed; else Pillow's own, which has Latin letters only
LINES_OF_TEXT = 12  # that a card is high
MOST_LINES = 4
LINE_LENGTH = 28  # characters of a line on a card that is as wide as it is high
INK, GROUND = (240, 240, 240), (16, 16, 16)


def title_card(title: str, width: int, height: int) -> Image.Image:
    """A title in the middle of a picture, on as many lines as it needs, as far as there is room."""
    card = Image.new("RGB", (width, height), GROUND)
    size = max(8, min(width, height) // LINES_OF_TEXT)
    lines = textwrap.wrap(title, max(8, LINE_LENGTH * width // max(height, width // 2) * 2 // 3), max_lines=MOST_LINES, placeholder=" …")
    ImageDraw.Draw(card).multiline_text(
        (width / 2, height / 2), "\n".join(lines), fill=INK, font=_font(size), anchor="mm", align="center", spacing=size // 3
    )
    return card


def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    try:
        return ImageFont.truetype(FONT, size)
    except OSError:
        return ImageFont.load_default(size)
