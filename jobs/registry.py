"""The table of job types: each module of `handlers` writes itself into it, and everything that shows or checks jobs reads it."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

import orjson
from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic.alias_generators import to_camel

from config.database import narrowed
from jobs.models import Lane
from media_library.models import Video

if TYPE_CHECKING:
    from jobs.context import JobContext

OURS = "Value error, "  # what pydantic puts before the sentences of our own validators
RESULT = "$result"  # {"$result": "probe.duration"} in a step's params stands for what the step `probe` found

Details = dict[str, list[str]]


class Refused(ValueError):
    """A job or pipeline that cannot be accepted; `str()` is a sentence for a person, `details` what each field lacks."""

    def __init__(self, sentence: str, details: Details | None = None) -> None:
        super().__init__(sentence)
        self.details = details or {}


class UnknownJobType(Refused):
    """No handler has this name."""

    def __init__(self, name: str) -> None:
        sentence = f"There is no job type {name[:100]!r}"
        super().__init__(sentence, {"type": [sentence]})


class InvalidParams(Refused):
    """What a type's params, or a job's own fields, do not allow."""

    def __init__(self, details: Details) -> None:
        super().__init__("; ".join(f"{name}: {' '.join(messages)}" for name, messages in details.items()), details)


class Params(BaseModel):
    """What every type's params have in common: exact types, no unknown fields, and camelCase outside Python."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid", alias_generator=to_camel, populate_by_name=True)


P = TypeVar("P", bound=Params)
Run = Callable[["JobContext", P], dict[str, Any]]


@dataclass(frozen=True)
class JobType:
    """What is known of a kind of job before one runs."""

    name: str
    lane: Lane
    params: type[Params]
    run: Run[Any] = field(repr=False)
    description: str
    vram: int  # MiB of GPU memory, where it uses a GPU
    has_cpu_path: bool
    exclusive: Callable[[Any], str] | None = field(default=None, repr=False)
    video: Callable[[Any], int | None] | None = field(default=None, repr=False)
    videos: Callable[[Any], Iterable[int]] | None = field(default=None, repr=False)
    is_step: bool = False  # which other jobs start; nobody is offered it

    def parse(self, raw: Mapping[str, Any]) -> Params:
        """The params as their model reads JSON; raises `InvalidParams`."""
        return parse(self.params, raw)

    def check(self, raw: Mapping[str, Any]) -> None:
        """Refuse params that no result of an earlier step could mend; raises `InvalidParams`."""
        referring = [path for path, _ in references(raw)]
        if problems := _problems(self.params, raw, except_at=referring):
            raise InvalidParams(problems)
        if not referring:
            self.video_of(self.parse(raw))

    def video_of(self, params: Params) -> int | None:
        """The id of the video that a job with these params is about; raises `InvalidParams` where they name one that there is not.

        Videos are never deleted: one that is there now is there when the job starts.
        """
        video_id = self.video(params) if self.video else None
        if video_id is not None and _unknown([video_id]):
            raise InvalidParams({"videoId": ["There is no such video."]})
        if self.videos and (unknown := _unknown(self.videos(params))):
            raise InvalidParams({"videoIds": [f"There is no video {', '.join(map(str, unknown))}."]})
        return video_id

    def lane_of(self, params: Params) -> Lane:
        """Where a job with these params runs: a dry run needs no encoder, and so waits for none."""
        return Lane.CPU if is_dry_run(params) else self.lane

    def chosen(self, raw: Mapping[str, Any]) -> dict[str, Any]:
        """Those of a job's params that are not what they are by default."""
        defaults = {to_camel(name): known.get_default() for name, known in self.params.model_fields.items()}
        return {name: value for name, value in raw.items() if value != defaults.get(name)}

    def params_schema(self) -> dict[str, Any]:
        """The JSON schema of its params."""
        return self.params.model_json_schema(by_alias=True)


_types: dict[str, JobType] = {}


def job_type(
    name: str,
    *,
    lane: Lane,
    params: type[P],
    vram: int = 0,
    has_cpu_path: bool = True,
    exclusive: Callable[[P], str] | None = None,
    video: Callable[[P], int | None] | None = None,
    videos: Callable[[P], Iterable[int]] | None = None,
    is_step: bool = False,
) -> Callable[[Run[P]], Run[P]]:
    """Register the decorated function as the handler of `name`; its docstring describes the type to people.

    `vram`: MiB of GPU memory that it takes. `exclusive` names what only one running job may touch, as "<noun>" or
    "<noun>:<id>" ("library", "video:12"); people read the noun. `video` is the id of the video that the job is about,
    `videos` those of all that its params name.
    """

    def register(run: Run[P]) -> Run[P]:
        if name in _types:
            raise ValueError(f"two handlers call themselves {name}")
        description = inspect.getdoc(run)
        if not description:
            raise ValueError(f"the handler of {name} has no docstring to describe it")
        _types[name] = JobType(
            name=name,
            lane=lane,
            params=params,
            run=run,
            description=description,
            vram=vram,
            has_cpu_path=has_cpu_path,
            exclusive=exclusive,
            video=video,
            videos=videos,
            is_step=is_step,
        )
        return run

    return register


def get(name: str) -> JobType:
    """The type of that name; raises `UnknownJobType`."""
    try:
        return _types[name]
    except KeyError:
        raise UnknownJobType(name) from None


def all_types() -> list[JobType]:
    return sorted(_types.values(), key=lambda job_type: job_type.name)


def is_dry_run(params: Params) -> bool:
    """Whether they only ask what a job would make."""
    return bool(getattr(params, "dry_run", False))


def references(value: Any, path: tuple[str | int, ...] = ()) -> list[tuple[tuple[str | int, ...], str]]:
    """Where params refer to results of earlier steps: `(path of the reference, "<key>.<field>")`."""
    if isinstance(value, Mapping):
        if value.keys() == {RESULT}:
            return [(path, str(value[RESULT]))]
        return [found for name, inner in value.items() for found in references(inner, (*path, name))]
    if isinstance(value, list | tuple):
        return [found for index, inner in enumerate(value) for found in references(inner, (*path, index))]
    return []


def parse(model: type[P], raw: Mapping[str, Any]) -> P:
    """Params as their model reads JSON; raises `InvalidParams`, whose details name the fields as JSON does."""
    if problems := _problems(model, raw):
        raise InvalidParams(problems)
    return model.model_validate_json(_json(raw))


def _unknown(ids: Iterable[int]) -> list[int]:
    """Those that no video has."""
    named = set(ids)
    return sorted(named - set(Video.objects.filter(pk__in=named).values_list("pk", flat=True)))


def _problems(model: type[Params], raw: Mapping[str, Any], except_at: Sequence[tuple[str | int, ...]] = ()) -> Details:
    """What the model does not allow, by field; whatever lies at one of the paths `except_at` may be anything."""
    if text := _unstorable(raw):
        return {"params": [text]}
    try:
        model.model_validate_json(_json(raw))
    except ValidationError as error:
        details: Details = {}
        for problem in error.errors(include_url=False, include_context=False, include_input=False):
            where = problem["loc"]
            may_come_right = problem["type"] != "extra_forbidden" and any(where[: len(path)] == path for path in except_at)
            if not may_come_right:
                details.setdefault(".".join(map(str, where)) or "params", []).append(problem["msg"].removeprefix(OURS))
        return details
    return {}


def _unstorable(raw: Mapping[str, Any]) -> str | None:
    """Why PostgreSQL could not keep this JSON; None: it can."""
    try:
        text = _json(raw)
    except (orjson.JSONEncodeError, RecursionError, OverflowError):
        return "This is no plain JSON."
    return "NUL characters cannot be stored." if rb"\u0000" in text.replace(rb"\\", b"") else None


def _json(raw: Mapping[str, Any]) -> bytes:
    return orjson.dumps(narrowed(raw))
