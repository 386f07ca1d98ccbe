"""Videos beside each other, all at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ffmpeg

from media_library.ffmpeg.commands.encoding import SOUND_BIT_RATES, Look, device_arguments, handed_over, picture_options
from media_library.ffmpeg.commands.inputs import arguments, open_source, url_of
from media_library.ffmpeg.commands.joining import Take, mixed, pictures_of, sound_of
from media_library.ffmpeg.commands.streaming import MP4


@dataclass(frozen=True)
class Cell:
    """A place of a grid: a take; or, to show it again and again, the list that names its piece that often."""

    take: Take
    repeated: Path | None = None


def grid(cells: Sequence[Cell], target: Path, look: Look, *, columns: int, heard: Sequence[int], blurs: bool) -> list[str]:
    """Cells of one size side by side, row by row, as an MP4 of the look's size; `heard`: the numbers of those whose sound it has."""
    opened = [_open(cell, number) for number, cell in enumerate(cells)]
    rows = len(cells) // columns
    cell_look = cell_of(look, columns, rows)
    pictures = [_pictures(cell, file, cell_look, blurs=blurs) for cell, file in zip(cells, opened, strict=True)]
    sounds = [_sound(cells[number], opened[number], cell_look) for number in heard]
    streams = [handed_over(_stacked(pictures, columns, cell_look), look), *([mixed(sounds)] if sounds else [])]
    sound = {"c:a": "aac", "b:a": SOUND_BIT_RATES[2], "ac": 2} if sounds else {}
    output = ffmpeg.output(*streams, url_of(target), **picture_options(look), **sound, **MP4)
    return device_arguments(look.encoder) + arguments(output)


def cell_of(look: Look, columns: int, rows: int) -> Look:
    """How one cell looks in a grid that looks so."""
    return Look(
        look.width // columns,
        look.height // rows,
        look.frame_rate,
        look.encoder,
        look.quality,
        look.max_bit_rate,
        maps_tones=look.maps_tones,
    )


def _open(cell: Cell, number: int) -> Any:
    distinct = {"thread_queue_size": 64 + number}  # the same video may stand in two places
    if cell.repeated:
        return ffmpeg.input(url_of(cell.repeated), format="concat", safe=0, protocol_whitelist="file", **distinct)
    return open_source(cell.take.source, **distinct)


def _pictures(cell: Cell, opened: Any, look: Look, *, blurs: bool) -> Any:
    if not cell.repeated:
        return pictures_of(cell.take, opened, look, blurs=blurs)
    steady = opened.video.filter("fps", fps=look.frame_rate, start_time=0).filter("setsar", 1).filter("format", "yuv420p")
    return steady.filter("trim", end_frame=cell.take.frames)


def _sound(cell: Cell, opened: Any, look: Look) -> Any:
    return opened.audio if cell.repeated else sound_of(cell.take, opened, look)


def _stacked(pictures: Sequence[Any], columns: int, look: Look) -> Any:
    places = "|".join(f"{look.width * (number % columns)}_{look.height * (number // columns)}" for number in range(len(pictures)))
    return ffmpeg.filter(pictures, "xstack", inputs=len(pictures), layout=places)
