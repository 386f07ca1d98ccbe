"""`compile_quad`, `compile_quad_horizontal`, `compile_quad_vertical`, `compile_side_by_side`: videos beside each other."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from jobs import encodes
from jobs.compilations import Clip, Shot, common_size, keep, look_at, piece, shots_of, storyboard, target_of
from jobs.context import JobContext
from jobs.models import Lane
from jobs.registry import Params, job_type
from media_library.ffmpeg.commands import joining, layouts
from media_library.ffmpeg.commands.encoding import SMOOTHEST, Look, smooth_rate
from media_library.ffmpeg.commands.joining import Take
from media_library.ffmpeg.commands.layouts import Cell
from media_library.lineage import Cut

REPEATING_SHARE = 40.0  # of the progress, for making what is shown again and again


class LayoutParams(Params):
    """What all layouts have in common; the clips stand in rows, from the left."""

    title: str = Field("", max_length=200, description="empty: the first video's")
    sound: Literal["one", "mixed", "none"] = Field("one", description="of one place, of all at once, or none")
    sound_from: int = Field(1, ge=1, le=4, description="the place whose sound it has, from 1")
    length: Literal["shortest", "longest"] = Field("shortest", description="where duration does not say")
    duration: float | None = Field(None, ge=encodes.LEAST_DURATION, le=24 * 3600, description="seconds; none: as length says")
    ended: Literal["freeze", "loop"] = Field("freeze", description="what clips do that end before the whole does")
    cell_lines: int = Field(540, ge=64, le=2160, description="lines of the shorter side of one place at most")
    fill: Literal["bars", "blur"] = Field("bars", description="around clips of another shape: black bars, or the clip itself, blurred")
    quality: int = Field(20, ge=14, le=34, description="as libx264's CRF: less is better and larger")
    dry_run: bool = Field(False, description="only show what would be made")
    clips: list[Clip]

    @model_validator(mode="after")
    def _place_with_sound(self) -> Self:
        if self.sound_from > len(self.clips):
            raise ValueError(f"there is no place {self.sound_from} for soundFrom")
        return self


class QuadParams(LayoutParams):
    clips: Annotated[list[Clip], Field(min_length=4, max_length=4)] = Field(description="four; one video may stand in several places")


class PairParams(LayoutParams):
    clips: Annotated[list[Clip], Field(min_length=2, max_length=2)] = Field(description="two; one video may stand in both places")


@dataclass(frozen=True)
class _Grid:
    """All that a layout's clips come to."""

    shots: Sequence[Shot]
    look: Look
    columns: int
    frames: int

    @property
    def rows(self) -> int:
        return len(self.shots) // self.columns

    @property
    def cell(self) -> Look:
        return layouts.cell_of(self.look, self.columns, self.rows)

    @property
    def duration(self) -> float:
        return float(self.frames / self.look.frame_rate)


def _register(name: str, params: type[LayoutParams], columns: int, description: str) -> None:
    def run(context: JobContext, params: LayoutParams) -> dict[str, Any]:
        return _compile(context, params, name, columns)

    run.__doc__ = f"{description}, in the library's folder compilations; with the sound of one, of all, or none."
    register: Callable[[Any], Any] = job_type(
        name, lane=Lane.GPU_ENCODE, params=params, vram=encodes.VRAM, videos=lambda params: [clip.video_id for clip in params.clips]
    )
    register(run)


_register("compile_quad", QuadParams, 2, "Show four videos at once, two above two")
_register("compile_quad_horizontal", QuadParams, 4, "Show four videos at once in a row")
_register("compile_quad_vertical", QuadParams, 1, "Show four videos at once, one above the other")
_register("compile_side_by_side", PairParams, 2, "Show two videos side by side")


def _compile(context: JobContext, params: LayoutParams, name: str, columns: int) -> dict[str, Any]:
    grid = _grid(context, shots_of(context, params.clips), params, columns)
    facts = {"duration": round(grid.duration, 3), "width": grid.look.width, "height": grid.look.height}
    if params.dry_run:
        return {**facts, "clips": storyboard(context, grid.shots)}
    target = target_of([shot.video for shot in grid.shots if shot.video], context.job_id)
    cells = _cells(context, grid, params, target)
    draft = context.draft(target)
    command = layouts.grid(cells, draft, grid.look, columns=columns, heard=_heard(grid.shots, params), blurs=params.fill == "blur")
    start = REPEATING_SHARE if any(cell.repeated for cell in cells) else 0.0
    context.run(command, duration=grid.duration, progress=(start, 100), limits=encodes.LIMITS)
    output = context.finish(draft, target, duration=grid.duration)
    recipe = {"type": name, "params": params.model_dump(mode="json", by_alias=True)}
    title = params.title or str(grid.shots[0].video)
    keep(context, output, grid.duration, title=title, cuts=_cuts(grid, params), recipe=recipe)
    return {"path": output.path.as_posix(), "size": output.size, **facts}


def _grid(context: JobContext, shots: Sequence[Shot], params: LayoutParams, columns: int) -> _Grid:
    """All places have one size and rate."""
    probes = [shot.source.probe for shot in shots]
    width, height = common_size(probes, lines=params.cell_lines)
    rate = min(max(smooth_rate(probe) for probe in probes), Fraction(SMOOTHEST))
    look = look_at(context, width * columns, height * (len(shots) // columns), rate, quality=params.quality)
    durations = [shot.duration for shot in shots]
    duration = params.duration or (min(durations) if params.length == "shortest" else max(durations))
    return _Grid(shots, look, columns, max(1, round(duration * rate)))


def _heard(shots: Sequence[Shot], params: LayoutParams) -> list[int]:
    """The numbers of the places whose sound there is to hear."""
    wanted = {"one": [params.sound_from - 1], "mixed": range(len(shots)), "none": []}[params.sound]
    return [number for number in wanted if shots[number].source.probe.has_audio]


def _cuts(grid: _Grid, params: LayoutParams) -> list[Cut]:
    """What is seen of each."""
    cuts = [shot.cut for shot in grid.shots if shot.cut]
    return [Cut(cut.video_id, cut.in_point, min(cut.out_point or 0, (cut.in_point or 0) + grid.duration)) for cut in cuts]


def _cells(context: JobContext, grid: _Grid, params: LayoutParams, target: Path) -> list[Cell]:
    share = REPEATING_SHARE / len(grid.shots)
    return [
        _cell(context, shot, grid, params, target, progress=(number * share, (number + 1) * share))
        for number, shot in enumerate(grid.shots)
    ]


def _cell(context: JobContext, shot: Shot, grid: _Grid, params: LayoutParams, target: Path, *, progress: tuple[float, float]) -> Cell:
    """A place; what is shown again and again is encoded on its own first, for no memory holds the pictures of a long video."""
    rate = grid.look.frame_rate
    own = max(1, round(shot.duration * rate))
    if params.ended == "freeze" or own >= grid.frames:
        return Cell(Take.of(shot.source, grid.frames))
    once = piece(context, Take.of(shot.source, own), target, grid.cell, blurs=params.fill == "blur", progress=progress)
    repeats = context.draft(target.with_suffix(".txt"))
    repeats.write_text(joining.listing([once] * math.ceil(grid.frames / own)))
    return Cell(Take.of(shot.source, grid.frames), repeats)
