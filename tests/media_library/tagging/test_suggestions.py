"""Suggested tags, from being proposed to being decided."""

from __future__ import annotations

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User

from media_library.models import TagSuggestion, Video
from media_library.services import MOST_TAGS
from media_library.tagging import suggestions
from media_library.tagging.suggestions import Found
from tests.gallery.rows import video

pytestmark = pytest.mark.django_db


def suggest(row: Video, **scores: float) -> list[str]:
    found = {tag: Found(score, "a network") for tag, score in scores.items()}
    return [one.tag for one in suggestions.suggest(row, found, network="a network", job_id=None)]


def tags_of(row: Video) -> list[str]:
    row.refresh_from_db()
    return list(row.tags)


def states() -> dict[str, str]:
    return dict(TagSuggestion.objects.values_list("tag", "state"))


def test_what_is_suggested_is_no_tag_of_the_video() -> None:
    row = video(tags=["mine"])

    assert suggest(row, cat=0.9, dog=0.5) == ["cat", "dog"]
    assert tags_of(row) == ["mine"]


def test_what_is_approved_becomes_a_tag_and_the_history_says_whose_it_was(admin_user: User) -> None:
    row, other = video(tags=["mine"]), video()
    for one in (row, other):
        suggest(one, cat=0.9, dog=0.5)

    outcome = suggestions.approve([row.pk, other.pk, 999], by=admin_user, least_score=0.8)

    assert (tags_of(row), tags_of(other)) == (["mine", "cat"], ["cat"])
    assert (outcome.done, outcome.skipped) == ((row.pk, other.pk), {999: "Nothing is suggested"})
    decided = TagSuggestion.objects.get(video=row, tag="cat")
    assert (decided.state, decided.decided_by) == ("approved", admin_user) and decided.decided_at
    assert set(LogEntry.objects.values_list("change_message", flat=True)) == {"Tagged cat."}


def test_what_is_rejected_does_not_come_back(admin_user: User) -> None:
    row = video()
    suggest(row, cat=0.9, dog=0.5)

    suggestions.reject([row.pk], by=admin_user, only=TagSuggestion.objects.filter(tag="dog").values_list("pk", flat=True))

    assert suggest(row, cat=0.95, dog=0.99) == ["cat"]
    assert states() == {"cat": "suggested", "dog": "rejected"}
    assert (tags_of(row), LogEntry.objects.get().get_change_message()) == ([], "Rejected the suggested dog.")


def test_what_an_admin_took_away_again_does_not_come_back() -> None:
    row = video()
    suggest(row, cat=0.9)
    suggestions.approve([row.pk], by=None)

    Video.objects.update(tags=[])

    assert suggest(row, cat=0.9) == []


def test_another_look_takes_back_what_it_does_not_see() -> None:
    row = video()
    suggest(row, cat=0.9, dog=0.5)

    assert suggest(row, cat=0.7, fox=0.6) == ["cat", "fox"]
    assert dict(TagSuggestion.objects.values_list("tag", "score")) == {"cat": 0.7, "fox": 0.6}


def test_a_tag_that_the_video_has_is_not_suggested_however_it_is_written() -> None:
    assert suggest(video(tags=["Cat"]), cat=0.9) == []


def test_a_video_with_all_the_tags_it_can_have_keeps_its_suggestion() -> None:
    row = video(tags=[f"tag {number}" for number in range(MOST_TAGS)])
    suggest(row, cat=0.9)

    outcome = suggestions.approve([row.pk], by=None)

    assert (outcome.done, states()) == ((), {"cat": "suggested"})
    assert outcome.skipped == {row.pk: f"A video has at most {MOST_TAGS} tags"}


def test_deciding_twice_changes_nothing() -> None:
    row = video()
    suggest(row, cat=0.9)
    suggestions.reject([row.pk], by=None)

    assert suggestions.approve([row.pk], by=None).done == ()
    assert (tags_of(row), states()) == ([], {"cat": "rejected"})


def test_names_say_tags_that_are_known_here_or_that_folders_bear() -> None:
    video(tags=["New York"])
    row = video(path="studios/Acme/Summer Trips/Two dogs in New York.mp4")

    found = suggestions.by_names(row)

    assert {tag: one.score for tag, one in found.items()} == {"New York": 0.8, "dog": 0.8, "summer trips": 0.6}
    assert {one.made_by for one in found.values()} == {"names"}


def test_the_surest_speaks_for_a_tag() -> None:
    by_sight, by_name = {"cat": Found(0.7, "a network")}, {"cat": Found(0.8, "names"), "dog": Found(0.6, "names")}

    assert suggestions.better(by_sight, by_name) == {"cat": Found(0.8, "names"), "dog": Found(0.6, "names")}
