"""What stands on the studio's table: clips in their order, the type, the style; as a form holds it and as params do."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from django.core.exceptions import BadRequest
from django.http import QueryDict
from django.utils.safestring import SafeString

from config.api.fields import parse_decimal
from jobs import registry
from jobs.admin.param_form import ParamForm, form_for, leaving_out
from jobs.compilations import MOST_CLIPS
from jobs.registry import Details, InvalidParams
from media_library import labels
from media_library.models import Preview, Video
from media_library.previews import sprites_of
from media_library.timecodes import precise_clock, precise_seconds_of

COMPILATION = "compilation"
LAYOUTS = {  # how many videos each shows at once
    "compile_quad": 4,
    "compile_quad_horizontal": 4,
    "compile_quad_vertical": 4,
    "compile_side_by_side": 2,
}
TYPES = {
    COMPILATION: "One after the other",
    "compile_quad": "Two above two",
    "compile_quad_horizontal": "Four in a row",
    "compile_quad_vertical": "Four stacked",
    "compile_side_by_side": "Two side by side",
}
NOT_STYLE = ("clips", "dryRun")  # params that are no field of the style
NO_MOMENT = "Write a moment as 1:25.4, or as seconds."


@dataclass(frozen=True)
class Clip:
    """A part of a video, as a person has typed it so far."""

    video_id: int
    in_point: str = ""
    out_point: str = ""
    title: str = ""
    video: Video | None = None
    sprite: Preview | None = None
    problems: tuple[str, ...] = ()

    @property
    def whole(self) -> str:
        """The length of the video."""
        return labels.clock(self.video.duration_seconds if self.video else None)

    @property
    def poster(self) -> SafeString:
        return labels.poster(self.video) if self.video else SafeString()

    @property
    def obstacle(self) -> str:
        """Why a job could not use the video as it stands; empty where it could."""
        if self.video is None or self.video.trashed_at:
            return "In the trash."
        return "Its file is missing." if self.video.missing_since else ""

    @property
    def length(self) -> float | None:
        """Seconds; None while nobody can say."""
        start = precise_seconds_of(self.in_point) if self.in_point else 0.0
        whole = self.video.duration_seconds if self.video else None
        end = precise_seconds_of(self.out_point) if self.out_point else whole
        return max(0.0, end - start) if start is not None and end is not None else None


@dataclass(frozen=True)
class Draft:
    type: str = COMPILATION
    clips: tuple[Clip, ...] = ()
    style: Mapping[str, Any] = field(default_factory=dict)

    @property
    def length(self) -> float:
        """Seconds of all clips together, as far as they are known."""
        return sum(clip.length or 0.0 for clip in self.clips)

    def with_clips(self, ids: Iterable[int]) -> Draft:
        """With these videos at the end, as far as there is room."""
        added = [Clip(video_id) for video_id in ids]
        return replace(self, clips=(*self.clips, *added)[:MOST_CLIPS])

    def without_clip(self, number: int) -> Draft:
        return replace(self, clips=self.clips[:number] + self.clips[number + 1 :])

    def moved(self, number: int, by: int) -> Draft:
        """With one clip before or after its neighbour."""
        clips = list(self.clips)
        if 0 <= number < len(clips):
            clips.insert(max(0, number + by), clips.pop(number))
        return replace(self, clips=tuple(clips))

    def blamed(self, details: Details) -> Draft:
        """With what the params lack beside the clips that it is about."""
        problems: dict[int, list[str]] = {}
        for path, messages in details.items():
            root, _, rest = path.partition(".")
            number, _, name = rest.partition(".")
            if root == "clips" and number.isdecimal():
                problems.setdefault(int(number), []).extend(f"{name}: {message}" if name else message for message in messages)
        clips = [replace(clip, problems=(*clip.problems, *problems.get(number, ()))) for number, clip in enumerate(self.clips)]
        return replace(self, clips=tuple(clips))

    def looked_up(self) -> Draft:
        """With the videos of the clips, and the sprites of those; clips of videos that there are not are left out."""
        ids = {clip.video_id for clip in self.clips}
        videos = Video.objects.in_bulk(ids)
        sprites = sprites_of(ids)
        known = [clip for clip in self.clips if clip.video_id in videos]
        found = [replace(clip, video=videos[clip.video_id], sprite=sprites.get(clip.video_id)) for clip in known]
        return replace(self, clips=tuple(found))


def is_made_here(type_name: str) -> bool:
    return type_name in TYPES


def of_params(type_name: str, params: Mapping[str, Any]) -> Draft:
    """What a job or a compilation was asked for; raises `Refused` where it is nothing that is made here."""
    if not is_made_here(type_name):
        raise InvalidParams({"type": ["This is nothing that the studio makes."]})
    parsed = registry.get(type_name).parse(params).model_dump(mode="json", by_alias=True)
    clips = [Clip(clip["videoId"], _written(clip["inPoint"]), _written(clip["outPoint"]), clip["title"]) for clip in parsed["clips"]]
    return Draft(type_name, tuple(clips), {name: value for name, value in parsed.items() if name not in NOT_STYLE})


def of_form(data: QueryDict) -> Draft:
    """What a form holds; raises `BadRequest` for what no form of ours sends."""
    columns = [data.getlist(name) for name in ("videoId", "inPoint", "outPoint", "title")]
    type_name = data.get("type", COMPILATION)
    if len({len(column) for column in columns}) > 1 or len(columns[0]) > MOST_CLIPS or not is_made_here(type_name):
        raise BadRequest("The studio's form is not whole")
    clips = [Clip(_id(video_id), start.strip(), end.strip(), title) for video_id, start, end, title in zip(*columns, strict=True)]
    return Draft(type_name, tuple(clips))


def ids_in(text: str) -> list[int]:
    """The ids of `1,2,3`; what is none is left out."""
    ids = (parse_decimal(word) for word in text.split(",")[: MOST_CLIPS + 1])
    return [video_id for video_id in ids if video_id]


def style_form(family: str) -> type[ParamForm]:
    """The form of the style of compilations, or of layouts."""
    return form_for(leaving_out(registry.get(family).params_schema(), *NOT_STYLE))


def params_of(draft: Draft, style: Mapping[str, Any]) -> dict[str, Any]:
    """The params that a draft comes to; raises `InvalidParams` where its moments are none."""
    problems: Details = {}
    clips = []
    for number, clip in enumerate(draft.clips):
        moments = {"inPoint": clip.in_point or "0", "outPoint": clip.out_point}
        read = {name: precise_seconds_of(text) for name, text in moments.items() if text}
        wrong = [name for name, seconds in read.items() if seconds is None]
        if wrong:
            problems[f"clips.{number}"] = [NO_MOMENT]
        clips.append({"videoId": clip.video_id, **read, "title": clip.title})
    wanted = LAYOUTS.get(draft.type)
    if wanted and len(clips) != wanted:
        problems["clips"] = [f"This shows {wanted} clips at once; there {_are(len(clips))}."]
    elif not clips:
        problems["clips"] = ["Choose at least one clip."]
    if problems:
        raise InvalidParams(problems)
    return {**style, "clips": clips}


def _are(count: int) -> str:
    return "is one" if count == 1 else f"are {count}"


def _written(seconds: float | None) -> str:
    return "" if seconds is None else precise_clock(seconds)


def _id(text: str) -> int:
    video_id = parse_decimal(text)
    if not video_id:
        raise BadRequest("This is no video")
    return video_id


def problems_of(details: Details, *, known: Sequence[str]) -> list[str]:
    """What details say that is neither about a clip nor about one of the fields `known`."""
    return [
        message
        for path, messages in details.items()
        if not path.startswith("clips.") and path.split(".")[0] not in known
        for message in messages
    ]
