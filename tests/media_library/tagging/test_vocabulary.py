"""The table of tags that comes with the network."""

from __future__ import annotations

import numpy as np
import pytest

from media_library.services import clean_tags
from media_library.tagging import vocabulary


def test_every_class_is_in_its_place_and_every_tag_is_one_that_a_video_can_have() -> None:
    rows = [line.split("\t") for line in vocabulary.BUNDLED_TAGS.read_text().splitlines()[1:]]

    assert [int(row[0]) for row in rows] == list(range(1000))
    tags = list(vocabulary.read().classes)
    assert clean_tags(tags) == tags and 80 < len(tags) < 150


def test_a_tag_is_as_likely_as_its_classes_together() -> None:
    probabilities = np.zeros(1000, np.float32)
    probabilities[[281, 285, 151]] = 0.5, 0.25, 0.125  # a tabby, an Egyptian Mau, a Chihuahua

    scores = vocabulary.read().of(probabilities)

    assert [scores[tag] for tag in ("cat", "dog", "animal")] == pytest.approx([0.75, 0.125, 0.875])
