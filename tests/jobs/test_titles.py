from __future__ import annotations

from pathlib import Path

import pytest
from PIL import ImageFont

from jobs.titles import font_of, has_letters, title_card

DEJAVU = Path("/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf")


@pytest.mark.skipif(not DEJAVU.exists(), reason="needs the font DejaVu Sans: fonts-dejavu-core, which the image has")
@pytest.mark.parametrize("title", ["Ein Größenvergleich", "Лебединое озеро", "Ζορμπάς ο Έλληνας"])
def test_titles_in_latin_greek_and_cyrillic_have_all_their_letters(title: str) -> None:
    assert has_letters(font_of(title, 40), title)


def test_a_font_is_seen_to_lack_letters() -> None:
    assert not has_letters(ImageFont.load_default(40), "東京")
    assert has_letters(ImageFont.load_default(40), "Tokyo")


@pytest.mark.parametrize("title", ["", "東京物語", "\N{CLAPPER BOARD}" * 300, "a\n\tb", "\udcff"])
def test_whatever_a_title_holds_there_is_a_card(title: str) -> None:
    assert title_card(title, 64, 36).size == (64, 36)
