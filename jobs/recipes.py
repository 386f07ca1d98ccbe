"""Pipelines that people start by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import Field

from jobs import registry
from jobs.pipelines import Step
from jobs.registry import Params, Refused


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


class NoParams(Params):
    """Nothing to choose."""


class OfOneVideo(Params):
    """The video that everything is made of."""

    video_id: int = Field(gt=0, le=2**63 - 1, description="the video that everything is made of")


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
    video = {"videoId": params.video_id}
    return [
        Step("rendition", "reencode_streaming", video),
        Step("preview", "generate_gif", video),
        Step("tags", "tag_generation", video),
    ]


def _highlights(params: OfOneVideo) -> list[Step]:
    video = {"videoId": params.video_id}
    return [Step("scenes", "scene_extract", video), Step("highlights", "highlight_generate", video, needs=("scenes",))]


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
        "Makes a rendition for the web, an animated preview and tags.",
        OfOneVideo,
        ("reencode_streaming", "generate_gif", "tag_generation"),
        _prepare_video,
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
