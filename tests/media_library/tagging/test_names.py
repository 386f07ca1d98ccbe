"""Tags that names of files and folders say."""

from __future__ import annotations

import pytest

from media_library.tagging import names


@pytest.mark.parametrize(
    ("path", "tags"),
    [
        ("videos/Iceland 2023/DSC_0001.mp4", {"iceland 2023": 0.6}),
        ("videos/a walk #Dog #sea-side.mp4", {"dog": 0.9, "sea-side": 0.9}),
        ("Greenland/DSC_0001.mp4", {"greenland": 0.6}),
        ("studios/Acme/Winter_Tales/part 1.mp4", {"winter tales": 0.6}),
        ("videos/DCIM/100CANON/2023-05-01/IMG_1/new folder/1.mp4", {}),
        ("videos/#holiday/x.mp4", {"holiday": 0.9}),
        ("clip.mp4", {}),
        ("videos/" + "long " * 20 + "/x.mp4", {}),
    ],
)
def test_folders_and_hashtags_are_tags_unless_they_say_nothing(path: str, tags: dict[str, float]) -> None:
    assert names.spoken(path, places={"videos": 1, "studios": 2}) == tags


def test_words_of_a_name_are_tags_where_such_a_tag_is_known() -> None:
    path = "videos/Two dogs in New York_1080p.mp4"

    assert names.known(path, tags={"dog", "New York", "cat"}) == {"dog": 0.8, "New York": 0.8}


def test_a_name_of_a_thousand_words_is_not_looked_up_word_for_word() -> None:
    assert len(names.phrases("videos/" + " ".join(f"word{number}" for number in range(1000)) + ".mp4")) == names.MOST_PHRASES
