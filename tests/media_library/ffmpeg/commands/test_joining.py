from __future__ import annotations

from fractions import Fraction
from pathlib import Path

from media_library.ffmpeg.commands import joining, layouts
from media_library.ffmpeg.commands.encoding import Look
from media_library.ffmpeg.commands.inputs import Source
from media_library.ffmpeg.commands.joining import Chapter, Piece, Take
from media_library.ffmpeg.commands.layouts import Cell
from media_library.ffmpeg.probe import Probe

LOOK = Look(640, 360, Fraction(25), "libx264", quality=20, max_bit_rate=1_000_000)
TAKE = Take.of(Source(Path("/library/-rf.mp4"), Probe("mov", 640, 360, "h264")), frames=50)


def test_a_title_stays_one_line_of_the_chapters_whatever_it_holds() -> None:
    text = joining.chapter_list([Chapter(Fraction(0), Fraction(3, 2), "a=b;c#d\\e\n[CHAPTER]\nSTART=9")])

    assert text.splitlines()[-2:] == ["END=1500", "title=a\\=b\\;c\\#d\\\\e [CHAPTER] START\\=9"]


def test_pieces_are_listed_with_their_exact_length() -> None:
    listing = joining.listing([Piece(Path("/library/it's/.7.part.nut"), Fraction(1001, 30000))])

    assert listing.splitlines() == ["ffconcat version 1.0", "file '.7.part.nut'", "duration 0.033367"]


def test_the_part_of_a_take_begins_with_its_own_picture() -> None:
    part = TAKE.part(20, 10, Fraction(30))

    assert (part.frames, part.source.duration) == (10, 10 / 30)
    assert 19 / 30 < part.source.in_point < 20 / 30


def test_one_video_in_two_places_is_opened_twice() -> None:
    arguments = layouts.grid([Cell(TAKE), Cell(TAKE)], Path("/library/a.mp4"), LOOK, columns=2, heard=[], blurs=False)

    assert arguments.count("file:/library/-rf.mp4") == 2
