"""What a video shows, by what its pictures show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import ceil

DECISIVE = 4  # one picture in so many says of a tag how well it fits


def vote(pictures: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """The score of each tag, 0 to 1: the mean over the quarter of the pictures, one at least, that it fits best.

    So what is seen throughout scores high, what one scene shows still counts, and one odd picture among many does not.
    """
    count = ceil(len(pictures) / DECISIVE)
    tags = {tag for picture in pictures for tag in picture}
    return {tag: sum(sorted((picture.get(tag, 0.0) for picture in pictures), reverse=True)[:count]) / count for tag in tags}
