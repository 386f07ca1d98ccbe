"""Where a video belongs: the first rule that fits it names the folder."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from media_library.models import DirectoryType, Video
from media_library.naming import folder_name, standard_name
from media_library.paths import decode_path

PLACEHOLDERS = ("producer", "creator", "orientation", "quality")
NO_TARGETS = (DirectoryType.INBOX,)  # what is organised leaves it
UNKNOWN = "unknown"
_PLACEHOLDER = re.compile(r"\{([^}]*)\}")


@dataclass(frozen=True)
class Rule:
    """What a video must be to lie in a folder; what is None may be anything."""

    folder: str  # relative to the root, such as "studios/{producer}"
    producer: str | None = None  # "*": any that is known
    orientation: str | None = None
    extension: str | None = None  # without the dot
    at_least: int | None = None  # seconds
    less_than: int | None = None  # seconds

    def fits(self, video: Video) -> bool:
        return all(
            (
                self.producer is None or (bool(video.producer) if self.producer == "*" else _same(self.producer, video.producer)),
                self.orientation is None or video.orientation == self.orientation,
                self.extension is None or _same(decode_path(video.path).suffix, f".{self.extension}"),
                self.at_least is None or (video.duration_seconds is not None and video.duration_seconds >= self.at_least),
                self.less_than is None or (video.duration_seconds is not None and video.duration_seconds < self.less_than),
            )
        )


def problem_of(folder: str) -> str:
    """Why nothing can be put into such a folder; empty: it can."""
    parts = folder.split("/")
    if unknown := [name for name in _PLACEHOLDER.findall(folder) if name not in PLACEHOLDERS]:
        return f"There is no {{{unknown[0]}}}; there are {', '.join(f'{{{name}}}' for name in PLACEHOLDERS)}"
    if parts[0] not in DirectoryType.values or parts[0] in NO_TARGETS:
        allowed = ", ".join(name for name in DirectoryType.values if name not in NO_TARGETS)
        return f"The first folder has to be one of {allowed}"
    if not all(part and folder_name(part) == part for part in _PLACEHOLDER.sub("x", folder).split("/")):
        return "A folder's name is not empty, has no spaces or special characters, and does not begin or end with a dot"
    return ""


def place_of(video: Video, rules: Sequence[Rule], *, rename: bool) -> Path | None:
    """Where the video's file belongs, relative to the root, under its standard name or its own; None: no rule fits.

    What is private stays so: the rule's folder is made below `private`.
    """
    rule = next((rule for rule in rules if rule.fits(video)), None)
    if rule is None:
        return None
    folder = Path(*(_PLACEHOLDER.sub(lambda name: _filled(video, name[1]), part) for part in rule.folder.split("/")))
    if video.directory_type == DirectoryType.PRIVATE and folder.parts[0] != DirectoryType.PRIVATE:
        folder = Path(DirectoryType.PRIVATE) / folder
    return folder / (standard_name(video) if rename else decode_path(video.path).name)


def _filled(video: Video, placeholder: str) -> str:
    return folder_name(getattr(video, placeholder) or "") or UNKNOWN


def _same(one: str, other: str | None) -> bool:
    return other is not None and one.casefold() == other.casefold()
