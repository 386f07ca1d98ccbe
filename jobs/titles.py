"""Title cards, drawn here: no title comes near a filter of ffmpeg's."""

from __future__ import annotations

import textwrap

from PIL import Image, ImageDraw, ImageFont

# Of those that are installed, the first that has every letter of a title; DejaVu has Latin, Greek, Cyrillic, Arabic and Hebrew ones.
FONTS = ("DejaVuSans.ttf", "NotoSansCJK-Regular.ttc", "NotoSansCJKsc-Regular.otf")
UNKNOWN = "\U0010fffe"  # a letter that there is not: what fonts draw of it they draw of all that they lack
LINES_OF_TEXT = 12  # that a card is high
MOST_LINES = 4
LINE_LENGTH = 28  # characters of a line on a card that is as wide as it is high
INK, GROUND = (240, 240, 240), (16, 16, 16)

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont


def title_card(title: str, width: int, height: int) -> Image.Image:
    """A title in the middle of a picture, on as many lines as it needs, as far as there is room."""
    card = Image.new("RGB", (width, height), GROUND)
    size = max(8, min(width, height) // LINES_OF_TEXT)
    lines = textwrap.wrap(title, max(8, LINE_LENGTH * width // max(height, width // 2) * 2 // 3), max_lines=MOST_LINES, placeholder=" …")
    ImageDraw.Draw(card).multiline_text(
        (width / 2, height / 2), "\n".join(lines), fill=INK, font=font_of(title, size), anchor="mm", align="center", spacing=size // 3
    )
    return card


def font_of(title: str, size: int) -> Font:
    """The best of the fonts that are installed; else Pillow's own, which has Latin letters only."""
    installed = [font for name in FONTS if (font := _installed(name, size))]
    return next((font for font in installed if has_letters(font, title)), installed[0] if installed else ImageFont.load_default(size))


def has_letters(font: Font, title: str) -> bool:
    """Whether it can draw all of a title."""
    missing = bytes(font.getmask(UNKNOWN))
    return all(bytes(font.getmask(letter)) != missing for letter in set(title) if not letter.isspace())


def _installed(name: str, size: int) -> Font | None:
    try:
        return ImageFont.truetype(name, size)
    except OSError:
        return None
