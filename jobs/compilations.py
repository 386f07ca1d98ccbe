"""Videos made of several others: joined one after the other, kept with what it takes to make them again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal, Self, TypeVar

from django.conf import settings
from pydantic import Field, model_validator

from jobs import encodes
from jobs.context import JobContext
from jobs.failures import JobFailed
from jobs.outputs import Output
from jobs.registry import Params
from jobs.storyboard import PER_PART, thumbnails
from jobs.titles import title_card
from media_library.ffmpeg.commands import joining
from media_library.ffmpeg.commands.encoding import SMOOTHEST, Look, bit_rate_cap, size_within, smooth_rate
from media_library.ffmpeg.commands.inputs import Source
from media_library.ffmpeg.commands.joining import Chapter, Piece, Take
from media_library.ffmpeg.encoders import best_encoder, has_filter
from media_library.ffmpeg.errors import UnreadableMedia
from media_library.ffmpeg.probe import Probe
from media_library.lineage import Cut
from media_library.models import Compilation, DirectoryType, Video
from media_library.naming import derived_path
from media_library.paths import encode_path

MOST_CLIPS = 200
MOST_SHOWN = 24  # clips of which a storyboard has pictures: each takes a moment, and results are small
COMMON_LINES = 1080  # of the shorter side, where nobody asks for another size
PIECES_SHARE = 90.0  # of the progress

T = TypeVar("T")


class Style(Params):
    """How clips are joined."""

    title: str = Field("", max_length=200, description="empty: the first video's")
    transition: Literal["cut", "crossfade"] = Field("cut", description="a crossfade makes the whole shorter by its length")
    transition_length: float = Field(1.0, ge=0.1, le=10, description="seconds; at most half of either clip")
    title_cards: bool = Field(False, description="before each clip a card with its title")
    card_length: float = Field(2.0, ge=0.5, le=10, description="seconds of a card")
    width: int | None = Field(
        None, ge=64, le=7680, description="pixels; none: of the largest clip, turned as most are, of 1080 lines at most"
    )
    height: int | None = Field(None, ge=64, le=7680, description="pixels; goes with width")
    frame_rate: float | None = Field(None, ge=5, le=SMOOTHEST, description="pictures a second; none: of the smoothest clip")
    fill: Literal["bars", "blur"] = Field("bars", description="around clips of another shape: black bars, or the clip itself, blurred")
    match_loudness: bool = Field(False, description="bring every clip to -16 LUFS, as far as its peaks allow")
    quality: int = Field(20, ge=14, le=34, description="as libx264's CRF: less is better and larger")
    dry_run: bool = Field(False, description="only show what would be joined")

    @model_validator(mode="after")
    def _whole_size(self) -> Self:
        if (self.width is None) != (self.height is None):
            raise ValueError("width and height go together")
        return self


class Clip(Params):
    """A part of a video, as params name it."""

    video_id: int = Field(gt=0, le=2**63 - 1, description="the video")
    in_point: float = Field(0.0, ge=0, description="seconds from the start")
    out_point: float | None = Field(None, gt=0, description="seconds from the start; none: the video's end")
    title: str = Field("", max_length=200, description="of its chapter and card; empty: the video's")

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.out_point is not None and self.out_point <= self.in_point:
            raise ValueError("outPoint must come after inPoint")
        return self


@dataclass(frozen=True)
class Shot:
    """A part of a video that is found and readable; of no video: a card."""

    source: Source
    title: str
    video: Video | None = None

    @property
    def duration(self) -> float:
        assert self.source.duration is not None
        return self.source.duration

    @property
    def cut(self) -> Cut | None:
        return Cut(self.video.pk, self.source.in_point, self.source.in_point + self.duration) if self.video else None


def shots_of(context: JobContext, clips: Sequence[Clip]) -> list[Shot]:
    """The parts of the videos, whose files do not end before them; raises `JobFailed` or `UnreadableMedia`, naming the video at fault."""
    videos = {video_id: context.video(video_id) for video_id in {clip.video_id: None for clip in clips}}
    wholes = {video_id: _named(video, partial(encodes.source_of, context, video)) for video_id, video in videos.items()}
    shots = [_shot(videos[clip.video_id], wholes[clip.video_id], clip) for clip in clips]
    for video in videos.values():
        end = max(shot.source.in_point + shot.duration for shot in shots if shot.video == video)
        _named(video, partial(encodes.require_until, context, video, end))
    return shots


def compile_shots(
    context: JobContext,
    shots: Sequence[Shot],
    style: Style,
    *,
    recipe: dict[str, Any],
    directory: DirectoryType = DirectoryType.COMPILATIONS,
) -> dict[str, Any]:
    """Join shots in their order, in a folder of the library, or show what would be; `recipe`: what makes it again."""
    look = common_look(context, [shot.source.probe for shot in shots], style)
    if style.dry_run:
        return {**_plan(_with_lengths(shots, look), style, look), "clips": storyboard(context, shots)}
    sequence = _with_cards(context, shots, style, look)
    takes = [Take.of(shot.source, _frames(shot.duration, look.frame_rate), _gain(context, shot, style)) for shot in sequence]
    fades = _fades(takes, style, look.frame_rate)
    chapters = _chapters(sequence, takes, fades, look.frame_rate)
    target = target_of([shot.video for shot in shots if shot.video], context.job_id, directory)
    pieces = _pieces(context, takes, fades, style, look, target)
    draft = _join(context, pieces, chapters, target, has_sound=any(shot.source.probe.has_audio for shot in shots))
    duration = float(sum(piece.duration for piece in pieces))
    output = context.finish(draft, target, duration=duration)
    keep(context, output, duration, title=style.title or str(shots[0].video), cuts=[shot.cut for shot in shots if shot.cut], recipe=recipe)
    return {"path": output.path.as_posix(), "size": output.size, "duration": round(duration, 3), "width": look.width, "height": look.height}


def recipe_of(style: Style, clips: Sequence[Clip], *, chosen_by: str, params: Params) -> dict[str, Any]:
    """What makes a compilation again whose clips a job of the type `chosen_by` has chosen by its `params`."""
    return {
        "type": "compilation",
        "params": {
            **style.model_dump(mode="json", by_alias=True, include=set(Style.model_fields)),
            "clips": [clip.model_dump(mode="json", by_alias=True) for clip in clips],
        },
        "chosenBy": {"type": chosen_by, "params": params.model_dump(mode="json", by_alias=True)},
    }


def common_look(context: JobContext, probes: Sequence[Probe], style: Style) -> Look:
    """One size and frame rate for all."""
    if style.width and style.height:
        width, height = style.width // 2 * 2, style.height // 2 * 2
    else:
        width, height = common_size(probes, lines=COMMON_LINES)
    rate = Fraction(style.frame_rate).limit_denominator(1001) if style.frame_rate else max(smooth_rate(probe) for probe in probes)
    return look_at(context, width, height, rate, quality=style.quality)


def look_at(context: JobContext, width: int, height: int, rate: Fraction, *, quality: int) -> Look:
    """How to encode pictures of this size, on the best encoder that this job may use."""
    encoder = best_encoder("h264", program=settings.FFMPEG_BINARY, uses_gpu=context.uses_gpu)
    maps_tones = has_filter("zscale", settings.FFMPEG_BINARY)
    return Look(width, height, rate, encoder, quality, bit_rate_cap(width, height, rate), maps_tones=maps_tones)


def common_size(probes: Sequence[Probe], *, lines: int) -> tuple[int, int]:
    """The size of the largest of those that are turned as most are, its shorter side at most `lines`."""
    (is_upright, _), *_ = Counter(probe.height > probe.width for probe in probes).most_common()
    turned = [probe for probe in probes if (probe.height > probe.width) == is_upright]
    return size_within(max(turned, key=lambda probe: probe.width * probe.height), lines)


def target_of(videos: Sequence[Video], job_id: int, directory: DirectoryType = DirectoryType.COMPILATIONS) -> Path:
    """Named after the first video; private where one of them is."""
    named_after = next((video for video in videos if video.directory_type == DirectoryType.PRIVATE), videos[0])
    return derived_path(named_after, directory, f"-{job_id}.mp4")


def keep(context: JobContext, output: Output, duration: float, *, title: str, cuts: Sequence[Cut], recipe: dict[str, Any]) -> None:
    """Have the library know a compilation, what it was made from, and how."""
    context.register(output, title=title, made_from=cuts)

    def write() -> dict[str, Any]:
        compilation = Compilation.objects.create(
            filename=encode_path(output.path.name),
            path=encode_path(str(output.path)),
            duration_seconds=round(duration),
            video_ids=[cut.video_id for cut in cuts],
            settings=recipe,
        )
        return {"compilationId": compilation.pk}

    context.with_completion(write)


def storyboard(context: JobContext, shots: Sequence[Shot]) -> list[dict[str, Any]]:
    """What of each video would be used, with small pictures of the first ones."""
    count = PER_PART if len(shots) * PER_PART <= MOST_SHOWN else 1
    return [
        {
            "videoId": shot.video.pk if shot.video else None,
            "title": shot.title,
            "inPoint": round(shot.source.in_point, 3),
            "outPoint": round(shot.source.in_point + shot.duration, 3),
            "thumbnails": thumbnails(context, shot.source, count) if number < MOST_SHOWN else [],
        }
        for number, shot in enumerate(shots)
    ]


def piece(context: JobContext, take: Take, target: Path, look: Look, *, blurs: bool, progress: tuple[float, float]) -> Piece:
    """A take as a file of its own, to be joined with others."""
    draft = context.draft(target.with_suffix(".nut"))
    duration = take.frames / look.frame_rate
    command = joining.body(take, draft, look, blurs=blurs)
    context.run(command, duration=float(duration), progress=progress, limits=encodes.LIMITS)
    return Piece(draft, duration)


def _named(video: Video, work: Callable[[], T]) -> T:
    """Do the work; where the video is at fault, say which it is."""
    try:
        return work()
    except UnreadableMedia as error:
        raise UnreadableMedia(f"{video} (id {video.pk}): {error}") from error


def _shot(video: Video, whole: Source, clip: Clip) -> Shot:
    out_point = clip.out_point or whole.probe.duration
    if out_point is None:
        raise JobFailed("unknown_length", f"Nobody knows how long {video} is", suggestion="Give it an outPoint.")
    try:
        part = encodes.stretch(whole, clip.in_point, out_point)
    except JobFailed as error:
        raise JobFailed(error.error_class, f"{video} (id {video.pk}): {error}", suggestion=error.suggestion) from error
    return Shot(part, clip.title or str(video), video)


def _with_cards(context: JobContext, shots: Sequence[Shot], style: Style, look: Look) -> list[Shot]:
    if not style.title_cards:
        return list(shots)
    return [each for shot in shots for each in (_card(context, shot.title, style, look), shot)]


def _card(context: JobContext, title: str, style: Style, look: Look) -> Shot:
    """A card as a video: so it fades like any other."""
    place = Path(DirectoryType.COMPILATIONS)
    picture, film = context.draft(place / "card.png"), context.draft(place / "card.mp4")
    title_card(title, look.width, look.height).save(picture)
    context.run(joining.card(picture, film, look, _frames(style.card_length, look.frame_rate)))
    probe = Probe("mp4", look.width, look.height, "h264", duration=style.card_length, frame_rate=look.frame_rate)
    return Shot(Source(film, probe, duration=style.card_length), title)


def _gain(context: JobContext, shot: Shot, style: Style) -> float:
    loudness = encodes.loudness_of(context, shot.source) if style.match_loudness else None
    return loudness.gain if loudness else 0.0


def _frames(duration: float, rate: Fraction) -> int:
    return max(1, round(duration * rate))


def _with_lengths(shots: Sequence[Shot], look: Look) -> list[Take]:
    return [Take.of(shot.source, _frames(shot.duration, look.frame_rate)) for shot in shots]


def _plan(takes: Sequence[Take], style: Style, look: Look) -> dict[str, Any]:
    """The length and size of what would be made."""
    if style.title_cards:
        card = replace(takes[0], frames=_frames(style.card_length, look.frame_rate))
        takes = [each for take in takes for each in (card, take)]
    frames = sum(take.frames for take in takes) - sum(_fades(takes, style, look.frame_rate))
    return {"duration": round(float(frames / look.frame_rate), 3), "width": look.width, "height": look.height}


def _fades(takes: Sequence[Take], style: Style, rate: Fraction) -> list[int]:
    """How many pictures each take shares with the next one: no more than half of either."""
    if style.transition == "cut":
        return [0] * (len(takes) - 1)
    wanted = _frames(style.transition_length, rate)
    return [min(wanted, before.frames // 2, after.frames // 2) for before, after in pairwise(takes)]


def _chapters(shots: Sequence[Shot], takes: Sequence[Take], fades: Sequence[int], rate: Fraction) -> list[Chapter]:
    """One of each video's part; a card belongs to what it announces."""
    chapters: list[Chapter] = []
    start, begins_at = 0, None
    for shot, take, fade in zip(shots, takes, [*fades, 0], strict=True):
        begins_at = start if begins_at is None else begins_at
        start += take.frames - fade
        if shot.video:
            chapters.append(Chapter(begins_at / rate, start / rate, shot.title))
            begins_at = None
    return chapters


def _pieces(context: JobContext, takes: Sequence[Take], fades: Sequence[int], style: Style, look: Look, target: Path) -> list[Piece]:
    """Every take without what it shares with its neighbours, and between them what they share."""
    blurs, rate = style.fill == "blur", look.frame_rate
    total = sum(take.frames for take in takes) - sum(fades)
    pieces: list[Piece] = []
    done = 0

    def progress(frames: int) -> tuple[float, float]:
        nonlocal done
        done += frames
        return PIECES_SHARE * (done - frames) / total, PIECES_SHARE * done / total

    for number, take in enumerate(takes):
        shared_before, shared_after = ([0, *fades][number], [*fades, 0][number])
        frames = take.frames - shared_before - shared_after
        if frames:
            part = take.part(shared_before, frames, rate)
            pieces.append(piece(context, part, target, look, blurs=blurs, progress=progress(frames)))
        if shared_after:
            going, coming = take.part(take.frames - shared_after, shared_after, rate), takes[number + 1].part(0, shared_after, rate)
            draft = context.draft(target.with_suffix(".nut"))
            command = joining.crossfade(going, coming, draft, look, blurs=blurs)
            duration = shared_after / rate
            context.run(command, duration=float(duration), progress=progress(shared_after), limits=encodes.LIMITS)
            pieces.append(Piece(draft, duration))
    return pieces


def _join(context: JobContext, pieces: Sequence[Piece], chapters: Sequence[Chapter], target: Path, *, has_sound: bool) -> Path:
    list_of_pieces, list_of_chapters = context.draft(target.with_suffix(".txt")), context.draft(target.with_suffix(".txt"))
    list_of_pieces.write_text(joining.listing(pieces))
    list_of_chapters.write_text(joining.chapter_list(chapters), errors="replace")
    draft = context.draft(target)
    duration = float(sum(piece.duration for piece in pieces))
    command = joining.joined(list_of_pieces, list_of_chapters, draft, has_sound=has_sound)
    context.run(command, duration=duration, progress=(PIECES_SHARE, 100), limits=encodes.LIMITS)
    return draft
