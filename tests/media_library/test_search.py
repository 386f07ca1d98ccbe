"""Searching the library: what is found, and that no search reads the whole table."""

from __future__ import annotations

import pytest
from django.db import connection

from media_library.models import Video
from media_library.search import has_trigram

TITLES = ("Harbour élan", "猫 and dog", "50% #1", "a_b", "back\\slash", "it's", "Zz top")

pytestmark = pytest.mark.django_db


@pytest.fixture
def titled() -> None:
    Video.objects.bulk_create(Video(path=f"videos/{n}.mp4", filename=f"{n}.mp4", title=title) for n, title in enumerate(TITLES))


@pytest.mark.parametrize("most", [0, 100])
@pytest.mark.parametrize(
    "text", ["harbour", "ÉLAN", "é", "猫", "#", "%", "_", "\\", "'", "zz", "Z", "k\\s", "5", ".mp4", "6.MP4", "nowhere", "qq"]
)
def test_few_and_many_hits_are_found_alike(titled: None, text: str, most: int) -> None:
    expected = {title for n, title in enumerate(TITLES) if text.upper() in f"{title}\n{n}.mp4".upper()}

    assert set(Video.objects.searched(text, most=most).values_list("title", flat=True)) == expected


def test_a_search_keeps_the_other_filters(titled: None) -> None:
    assert not Video.objects.filter(is_valid=False).searched("zz", most=100).exists()


def test_hits_stop_one_behind_the_most_that_was_asked_for(titled: None) -> None:
    assert len(Video.objects.hits("mp4", most=3)) == 4
    assert len(Video.objects.hits("m", most=3)) == 4


def test_a_title_of_any_length_can_be_stored_and_is_searched_by_its_first_200_characters(titled: None) -> None:
    Video.objects.create(path="videos/long.mp4", filename="long.mp4", title="".join(chr(0x4E00 + n) for n in range(5000)))

    assert Video.objects.searched(chr(0x4E00 + 199), most=10).count() == 1
    assert Video.objects.searched(chr(0x4E00 + 200), most=10).count() == 0


@pytest.mark.parametrize("text", ["zz", "#", "猫"])
def test_a_search_without_a_trigram_reads_an_index_and_no_table(titled: None, text: str) -> None:
    assert not has_trigram(text)
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")  # of seven rows it would be the cheapest
        cursor.execute("SET LOCAL enable_bitmapscan = off")

    plan = Video.objects.filter(trashed_at=None).matching_short(text).values_list("pk")[:1001].explain()

    assert "Index Only Scan using idx_videos_recent" in plan
