"""Pipelines that people start by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import AfterValidator, Field

from gallery.services import clean_category
from jobs import registry
from jobs.pipelines import Step
from jobs.registry import RESULT, Params, Refused
from media_library.models import DirectoryType, Video


class UnknownRecipe(Refused):
    """There is no recipe of this name."""

    def __init__(self, name: str) -> None:
        sentence = f"There is no recipe {name[:100]!r}"
        super().__init__(sentence, {"recipe": [sentence]})


class RecipeUnavailable(Refused):
    """A recipe is made of job types of which some are not installed."""

    def __init__(self, name: str, missing: Sequence[str]) -> None:
        sentence = f"The recipe {name} needs job types that are not installed: {', '.join(missing)}"
        super().__init__(sentence, {"recipe": [sentence]})


@dataclass(frozen=True)
class Recipe:
    """A pipeline with a name; `steps` makes its plan from its params."""

    name: str
    title: str
    description: str
    params: type[Params]
    types: tuple[str, ...]  # that its steps are of
    steps: Callable[[Any], list[Step]]

    def missing_types(self) -> list[str]:
        """The job types that are not installed; none: the recipe can be started."""
        known = {kind.name for kind in registry.all_types()}
        return [name for name in self.types if name not in known]

    def plan(self, raw: Mapping[str, Any]) -> list[Step]:
        """The steps for these params; raises `RecipeUnavailable` or `InvalidParams`."""
        if missing := self.missing_types():
            raise RecipeUnavailable(self.name, missing)
        return self.steps(registry.parse(self.params, raw))


Category = Annotated[str, AfterValidator(clean_category)]


class NoParams(Params):
    """Nothing to choose."""


class OfOneVideo(Params):
    """The video that everything is made of."""

    video_id: int = Field(gt=0, le=2**63 - 1, description="the video that everything is made of")


class FromTheWeb(Params):
    """A video from the web."""

    url: str = Field(
        min_length=1,
        max_length=4000,
        description="http:// or https:// address of the video file itself, that anybody can open",
        json_schema_extra={"format": "uri"},
    )
    title: str = Field("", max_length=200, description="empty: what the file says, else its name in the address")


class OrganizeAndPublish(OfOneVideo):
    """A video, and where visitors shall find it."""

    category: Category = Field(description="of the gallery, where it is published")
    needs_approval: bool = Field(False, description="wait before it is published, until somebody approves it")


def get(name: str) -> Recipe:
    """The recipe of that name; raises `UnknownRecipe`."""
    for recipe in RECIPES:
        if recipe.name == name:
            return recipe
    raise UnknownRecipe(name)


def all_recipes() -> list[Recipe]:
    return sorted(RECIPES, key=lambda recipe: recipe.name)


def _refresh_library(_: NoParams) -> list[Step]:
    return [
        Step("scan", "scan"),
        Step("publish", "public_scan", needs=("scan",)),
        Step("hash", "hash_videos", needs=("scan",), priority=1),
    ]


def _organize_inbox(_: NoParams) -> list[Step]:
    return [Step("scan", "scan", {"path": "inbox"}), Step("organize", "organize", needs=("scan",))]


def _prepare_video(params: OfOneVideo) -> list[Step]:
    return _preparing({"videoId": params.video_id})


def _fetch_and_prepare(params: FromTheWeb) -> list[Step]:
    fetched = {"videoId": {RESULT: "fetch.videoId"}}
    return [Step("fetch", "fetch", params.model_dump(by_alias=True)), *_preparing(fetched, needs=("fetch",))]


def _preparing(video: Mapping[str, Any], *, needs: tuple[str, ...] = ()) -> list[Step]:
    return [
        Step("validate", "validate", video, needs),
        Step("previews", "generate_previews", video, ("validate",)),
        Step("tags", "tag_generation", video, ("validate",)),
        Step("rendition", "reencode_streaming", video, ("validate",)),
    ]


def _organize_and_publish(params: OrganizeAndPublish) -> list[Step]:
    """What lies elsewhere than in the inbox was put there on purpose, and stays."""
    video = {"videoId": params.video_id}
    is_in_inbox = Video.objects.filter(pk=params.video_id, directory_type=DirectoryType.INBOX).exists()
    organize = [Step("organize", "organize", video, ("tags",))] if is_in_inbox else []
    last = organize[-1].key if organize else "tags"
    return [
        Step("validate", "validate", video),
        Step("previews", "generate_previews", video, ("validate",)),
        Step("tags", "tag_generation", video, ("previews",)),
        *organize,
        Step("publish", "publish_video", video | {"category": params.category}, (last,), needs_approval=params.needs_approval),
    ]


def _highlights(params: OfOneVideo) -> list[Step]:
    video = {"videoId": params.video_id}
    return [Step("scenes", "scene_extract", video), Step("highlights", "highlight_generate", video, needs=("scenes",))]


PREPARING = ("validate", "generate_previews", "tag_generation", "reencode_streaming")

RECIPES = (
    Recipe(
        "refresh_library",
        "Refresh the library",
        "Looks for new, moved and missing files, publishes what lies in public folders, and hashes what is new.",
        NoParams,
        ("scan", "public_scan", "hash_videos"),
        _refresh_library,
    ),
    Recipe(
        "organize_inbox",
        "Organise the inbox",
        "Looks for new files in the inbox, then names them and moves them to where they belong.",
        NoParams,
        ("scan", "organize"),
        _organize_inbox,
    ),
    Recipe(
        "prepare_video",
        "Prepare a video for the gallery",
        "Looks whether it plays, then makes its poster and previews, a rendition for the web, and suggests tags.",
        OfOneVideo,
        PREPARING,
        _prepare_video,
    ),
    Recipe(
        "fetch_and_prepare",
        "Fetch a video and prepare it",
        "Downloads a video from the web into the inbox, then prepares it for the gallery.",
        FromTheWeb,
        ("fetch", *PREPARING),
        _fetch_and_prepare,
    ),
    Recipe(
        "organize_and_publish",
        "Organise a video and publish it",
        "Looks whether it plays, makes its previews, suggests tags, moves it from the inbox to where it belongs, and publishes it.",
        OrganizeAndPublish,
        ("validate", "generate_previews", "tag_generation", "organize", "publish_video"),
        _organize_and_publish,
    ),
    Recipe(
        "highlights",
        "Highlights of a video",
        "Finds its scenes, then cuts the best of them together.",
        OfOneVideo,
        ("scene_extract", "highlight_generate"),
        _highlights,
    ),
)
