"""Which tags the classes of a network speak for: a table that people can read and edit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # the web server has no use for it
    import numpy as np
    from numpy.typing import NDArray

BUNDLED = Path(__file__).resolve().parent.parent.parent / "models"
BUNDLED_NETWORK = BUNDLED / "efficientnet_lite0.onnx"
BUNDLED_TAGS = BUNDLED / "imagenet_tags.tsv"


@dataclass(frozen=True)
class Vocabulary:
    """A coarse vocabulary over fine classes: `classes` names those of each tag by their numbers."""

    classes: Mapping[str, list[int]]

    def of(self, probabilities: NDArray[np.float32]) -> dict[str, float]:
        """The probability that a picture shows one of a tag's classes."""
        return {tag: float(probabilities[numbers].sum()) for tag, numbers in self.classes.items()}


@cache
def read(path: Path = BUNDLED_TAGS) -> Vocabulary:
    """Read a table of a class's number, its name and its tags, with a heading."""
    classes: dict[str, list[int]] = {}
    for line in path.read_text().splitlines()[1:]:
        number, _, tags = [*line.split("\t"), ""][:3]
        for tag in filter(None, tags.split(", ")):
            classes.setdefault(tag, []).append(int(number))
    return Vocabulary(classes)
