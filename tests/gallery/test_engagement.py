"""Votes, finishes and watch time, as visitors give them."""

from __future__ import annotations

import datetime as dt
import math
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import IntegrityError, connection, connections, transaction
from django.db.models import F, Model
from django.test import Client
from pytest_django.fixtures import Settings

from gallery.counters import flush
from gallery.models import GalleryDay, MediaDay, MediaStats, PublicMedia, RetentionBucket, Upvote, WatchSession
from gallery.services import lock, publish, unlock, unpublish
from gallery.services.engagement import add_watch_time, finish, give_upvote, give_upvotes, take_upvote_back
from tests.gallery.rows import video

ANNA, BERT = "anna" * 8, "bert" * 8  # keyed hashes, as far as the services know
SESSION = "sess_abc123def456"
SECONDS: dict[str, dict[str, int]] = {"upvote": {}, "finish": {}, "watch-time": {"seconds": 1}}  # what else a body holds
WRONG_SESSIONS = [7, True, ["a" * 8], {"a": 1}, "short", "a" * 129, "a" * 1_000_000, "sess_abc\u0000123", "sеss_abc123", "sess abc 123"]


@pytest.fixture
def media_id(db: None) -> int:
    return shared()


@pytest.fixture(autouse=True)
def _nobody_is_too_quick(settings: Settings) -> None:
    settings.PUBLIC_WRITES_PER_SESSION_PER_MINUTE = settings.PUBLIC_WRITES_PER_ADDRESS_PER_MINUTE = 1_000_000
    settings.VOTES_PER_ADDRESS_AND_MEDIUM_PER_HOUR = 1_000_000


def shared(*, duration: int | None = 60) -> int:
    clip = video(duration_seconds=duration)
    publish([clip.pk], category="sea", by=None)
    return clip.pk


def votes(media_id: int) -> tuple[int, int]:
    """The counter and the rows."""
    return MediaStats.objects.get(pk=media_id).upvote_count, Upvote.objects.filter(media=media_id).count()


def later(media_id: int, *, seconds: float) -> None:
    """Let time pass: move the last reports of a medium's sessions into the past."""
    passed = dt.timedelta(seconds=seconds)
    WatchSession.objects.filter(media=media_id).update(reported_at=F("reported_at") - passed)


@pytest.mark.parametrize(
    "written",
    [
        lambda private: Upvote(media_id=private, session_id=ANNA),
        lambda private: WatchSession(media_id=private, session_id=ANNA),
        lambda private: MediaDay(video_id=private, day=dt.date(2026, 2, 1)),
        lambda private: RetentionBucket(video_id=private, bucket=0),
    ],
)
def test_what_has_never_been_public_has_no_engagement(db: None, written: Callable[[int], Model]) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        written(video().pk).save()
        connection.check_constraints()


def test_a_session_votes_once_and_takes_it_back_once(media_id: int) -> None:
    assert [give_upvote(media_id, session=ANNA), give_upvote(media_id, session=ANNA), give_upvote(media_id, session=BERT)] == [1, 1, 2]
    assert votes(media_id) == (2, 2)
    assert [take_upvote_back(media_id, session=ANNA), take_upvote_back(media_id, session=ANNA)] == [1, 1]
    assert votes(media_id) == (1, 1)


def test_a_days_votes_are_those_given_less_those_taken_back(media_id: int) -> None:
    for session in (ANNA, ANNA, BERT):
        give_upvote(media_id, session=session)
    take_upvote_back(media_id, session=BERT)
    flush()

    assert MediaDay.objects.get().upvote_count == GalleryDay.objects.get().upvote_count == 1


def test_a_session_finishes_a_medium_once(media_id: int) -> None:
    assert [finish(media_id, session=ANNA), finish(media_id, session=ANNA), finish(media_id, session=BERT)] == [1, 1, 2]
    flush()

    assert MediaStats.objects.get(pk=media_id).finish_count == MediaDay.objects.get().finish_count == 2
    assert WatchSession.objects.filter(finished_at__isnull=False).count() == 2


def test_who_has_watched_may_finish_and_the_other_way_round(media_id: int) -> None:
    add_watch_time(media_id, session=ANNA, seconds=10)
    finish(media_id, session=BERT)

    assert finish(media_id, session=ANNA) == 2
    assert add_watch_time(media_id, session=BERT, seconds=70) == 10 + 60
    assert WatchSession.objects.count() == 2


def test_a_first_report_claims_a_minute_at_most(media_id: int) -> None:
    assert add_watch_time(media_id, session=ANNA, seconds=3600) == 60
    assert add_watch_time(media_id, session=BERT, seconds=2) == 62


@pytest.mark.django_db
def test_later_reports_claim_no_more_than_the_clock_has_gone() -> None:
    media_id, began = shared(duration=600), time.monotonic()
    add_watch_time(media_id, session=ANNA, seconds=10)

    at_once = [add_watch_time(media_id, session=ANNA, seconds=3600) for _ in range(3)][-1]
    later(media_id, seconds=25)
    in_between = add_watch_time(media_id, session=ANNA, seconds=3600)
    later(media_id, seconds=25)
    add_watch_time(media_id, session=ANNA, seconds=5)
    after_a_pause = add_watch_time(media_id, session=ANNA, seconds=20)

    test_took = math.ceil(time.monotonic() - began)
    assert 10 <= at_once <= 10 + test_took
    assert 35 <= in_between <= 35 + test_took
    assert 40 <= after_a_pause <= 40 + test_took


@pytest.mark.django_db
def test_reports_that_come_a_little_early_or_late_lose_nothing() -> None:
    media_id = shared(duration=600)
    add_watch_time(media_id, session=ANNA, seconds=10)

    for lateness in (-0.3, 0.3, -0.4, 0.4, -0.2, 0.2):
        later(media_id, seconds=10 + lateness)
        total = add_watch_time(media_id, session=ANNA, seconds=10)

    assert total == 70


@pytest.mark.django_db
def test_many_short_reports_claim_no_more_than_the_clock_has_gone() -> None:
    media_id, began = shared(duration=600), time.monotonic()
    add_watch_time(media_id, session=ANNA, seconds=1)

    for _ in range(20):
        later(media_id, seconds=0.6)
        total = add_watch_time(media_id, session=ANNA, seconds=1)

    test_took = math.ceil(time.monotonic() - began)
    assert 12 <= total <= 1 + 12 + test_took


def test_a_session_has_watched_a_video_twice_at_most(media_id: int) -> None:
    for _ in range(5):
        total = add_watch_time(media_id, session=ANNA, seconds=3600)
        later(media_id, seconds=3600)

    assert total == 120
    assert add_watch_time(media_id, session=BERT, seconds=5) == 125


@pytest.mark.django_db
def test_a_video_of_unknown_duration_is_bounded_by_the_clock_alone() -> None:
    media_id = shared(duration=None)
    add_watch_time(media_id, session=ANNA, seconds=60, position=60)
    later(media_id, seconds=3600)

    assert add_watch_time(media_id, session=ANNA, seconds=3600) == 3660
    flush()
    assert not RetentionBucket.objects.exists()


@pytest.mark.django_db
def test_a_video_that_has_become_shorter_takes_nothing_back() -> None:
    media_id = shared(duration=60)
    add_watch_time(media_id, session=ANNA, seconds=50)
    PublicMedia.objects.filter(pk=media_id).update(duration_seconds=5)
    later(media_id, seconds=3600)

    assert add_watch_time(media_id, session=ANNA, seconds=50) == 50


def test_watch_time_counts_at_once_and_joins_its_day_and_its_parts_with_the_flush(media_id: int) -> None:
    add_watch_time(media_id, session=ANNA, seconds=5, position=12)
    add_watch_time(media_id, session=BERT, seconds=3, position=12)

    assert MediaStats.objects.get(pk=media_id).total_watch_time == 8
    flush()
    assert MediaStats.objects.get(pk=media_id).total_watch_time == 8
    assert MediaDay.objects.get().total_watch_time == GalleryDay.objects.get().total_watch_time == 8
    curve = dict(RetentionBucket.objects.filter(video=media_id).values_list("bucket", "count"))
    assert curve == {7: 1, 8: 1, 9: 2, 10: 2, 11: 2}


Change = Callable[[int], object]
CHANGES: dict[str, Change] = {
    "upvote": lambda media_id: give_upvote(media_id, session=ANNA),
    "take back": lambda media_id: take_upvote_back(media_id, session=BERT),
    "finish": lambda media_id: finish(media_id, session=ANNA),
    "watch": lambda media_id: add_watch_time(media_id, session=ANNA, seconds=10),
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.django_db(transaction=True)
def test_what_waits_for_a_lock_is_refused_when_it_has_been_committed(change: str) -> None:
    media_id = shared()
    give_upvote(media_id, session=BERT)

    def attempt() -> str:
        try:
            CHANGES[change](media_id)
        except Exception as error:  # noqa: BLE001 - which one is the question
            return type(error).__name__
        finally:
            connections.close_all()
        return "done"

    with ThreadPoolExecutor() as pool:
        with transaction.atomic():
            lock([media_id], reason="", by=None)
            waiting = pool.submit(attempt)
            wait_for_somebody_to_wait()
        assert waiting.result(30) == "MediaLocked"

    assert votes(media_id) == (1, 1)
    assert not WatchSession.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_who_votes_for_a_medium_that_somebody_holds_keeps_no_other_voter_waiting() -> None:
    held, free = shared(), shared()

    def attempt(media_id: int, session: str) -> int:
        try:
            (count,) = give_upvotes([(media_id, session)])
            return give_upvote(media_id, session=session) if count is None else count
        finally:
            connections.close_all()

    with ThreadPoolExecutor(10) as pool:
        with transaction.atomic():
            MediaStats.objects.select_for_update(no_key=True).get(pk=held)
            waiting = [pool.submit(attempt, held, f"session {number}") for number in range(4)]
            wait_for_somebody_to_wait()
            others = [pool.submit(attempt, free, f"session {number % 3}") for number in range(12)]
            assert max(other.result(30) for other in others) == 3
            assert not any(each.done() for each in waiting)
        assert max(each.result(30) for each in waiting) == 4

    assert (votes(held), votes(free)) == ((4, 4), (3, 3))


def wait_for_somebody_to_wait() -> None:
    """Until a connection waits for a row or transaction that this one holds."""
    deadline = time.monotonic() + 30
    with connection.cursor() as cursor:
        while time.monotonic() < deadline:
            cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE pg_backend_pid() = ANY(pg_blocking_pids(pid))")
            if cursor.fetchone()[0]:
                return
            time.sleep(0.02)
    raise AssertionError("nobody waits")


def path(media_id: int, verb: str) -> str:
    return f"/api/media/public/{media_id}/{verb}"


def post(client: Client, media_id: int, verb: str, **body: Any) -> Any:
    return client.post(path(media_id, verb), body, content_type="application/json")


def test_the_replies_are_the_specifications(client: Client, media_id: int) -> None:
    assert post(client, media_id, "upvote", sessionId=SESSION).json() == {"success": True, "upvoted": True, "upvoteCount": 1}
    taken_back = client.delete(f"{path(media_id, 'upvote')}?sessionId={SESSION}")
    assert taken_back.json() == {"success": True, "upvoted": False, "upvoteCount": 0}
    assert post(client, media_id, "finish", sessionId=SESSION).json() == {"success": True, "finishCount": 1}
    watched = post(client, media_id, "watch-time", sessionId=SESSION, seconds=12, position=12)
    assert watched.json() == {"success": True, "totalWatchTime": 12}


def test_no_session_id_is_kept(client: Client, media_id: int) -> None:
    post(client, media_id, "upvote", sessionId=SESSION)
    post(client, media_id, "finish", sessionId=SESSION)

    kept = [Upvote.objects.get().session_id, WatchSession.objects.get().session_id]
    assert kept[0] == kept[1]
    assert "abc123" not in kept[0]


@pytest.mark.parametrize("verb", ["upvote", "finish", "watch-time"])
@pytest.mark.parametrize("body", [{}, {"sessionId": ""}, {"sessionId": None}])
def test_a_missing_session_is_named_in_the_specifications_words(client: Client, media_id: int, verb: str, body: dict[str, Any]) -> None:
    reply = post(client, media_id, verb, **body)

    assert (reply.status_code, reply.json()) == (400, {"error": "sessionId is required"})


@pytest.mark.parametrize("query", ["", "?sessionId="])
def test_a_vote_is_taken_back_by_a_session(client: Client, media_id: int, query: str) -> None:
    reply = client.delete(path(media_id, "upvote") + query)

    assert (reply.status_code, reply.json()) == (400, {"error": "sessionId is required"})


@pytest.mark.parametrize("verb", ["upvote", "finish", "watch-time"])
@pytest.mark.parametrize("session", WRONG_SESSIONS, ids=lambda session: repr(session)[:20])
def test_a_session_that_is_none_is_a_clear_400(client: Client, media_id: int, verb: str, session: Any) -> None:
    reply = post(client, media_id, verb, sessionId=session, **SECONDS[verb])

    assert reply.status_code == 400
    assert reply.json()["error"].startswith("sessionId")
    assert votes(media_id) == (0, 0)


@pytest.mark.parametrize("body", [b"[]", b"null", b"7", b'"x"', b'{"sessionId":', b"\xff", b'{"sessionId":"a","sessionId":"b"}'])
def test_a_body_that_is_no_object_is_a_clear_400(client: Client, media_id: int, body: bytes) -> None:
    reply = client.post(path(media_id, "upvote"), body, content_type="application/json")

    assert reply.status_code == 400
    assert isinstance(reply.json()["error"], str)


def test_what_visitors_may_not_set_is_refused(client: Client, media_id: int) -> None:
    reply = post(client, media_id, "upvote", sessionId=SESSION, upvoteCount=1000)

    assert reply.status_code == 400
    assert "upvoteCount" in reply.json()["error"]
    assert votes(media_id) == (0, 0)


@pytest.mark.parametrize("seconds", [-1, 0, 3601, 10**12, 2**63 - 1, 1.5, 2.0, "1", "x", True, None, [], {}])
def test_watch_time_is_whole_seconds_of_an_hour_at_most(client: Client, media_id: int, seconds: Any) -> None:
    reply = post(client, media_id, "watch-time", sessionId=SESSION, seconds=seconds)

    assert reply.status_code == 400
    assert "seconds" in reply.json()["error"]
    assert not WatchSession.objects.exists()


@pytest.mark.parametrize("position", [-1, 2**31, 2**63 - 1, 1.5, "1", True, []])
def test_a_position_is_a_second_of_a_video(client: Client, media_id: int, position: Any) -> None:
    reply = post(client, media_id, "watch-time", sessionId=SESSION, seconds=1, position=position)

    assert reply.status_code == 400
    assert "position" in reply.json()["error"]


def calls(client: Client, media_id: int | str) -> list[Any]:
    """Every write that a visitor's session can send."""
    return [
        client.post(f"/api/media/public/{media_id}/upvote", {"sessionId": SESSION}, content_type="application/json"),
        client.delete(f"/api/media/public/{media_id}/upvote?sessionId={SESSION}"),
        client.post(f"/api/media/public/{media_id}/finish", {"sessionId": SESSION}, content_type="application/json"),
        client.post(f"/api/media/public/{media_id}/watch-time", {"sessionId": SESSION, "seconds": 5}, content_type="application/json"),
    ]


@pytest.mark.parametrize("media_id", ["999999999", "0", "-1", "1.5", "１", "99999999999999999999", "abc"])
@pytest.mark.django_db
def test_what_is_not_there_is_not_found(client: Client, media_id: str) -> None:
    assert {(reply.status_code, reply.json()["error"]) for reply in calls(client, media_id)} == {(404, "Media not found")}


def test_what_is_locked_takes_nothing_and_keeps_what_it_has(client: Client, media_id: int) -> None:
    post(client, media_id, "upvote", sessionId=SESSION)
    lock([media_id], reason="secret", by=None)

    replies = calls(client, media_id)

    assert {(reply.status_code, reply.content) for reply in replies} == {(403, b'{"error":"Media is locked"}')}
    assert votes(media_id) == (1, 1)
    assert not WatchSession.objects.exists()
    unlock([media_id], by=None)
    assert {reply.status_code for reply in calls(client, media_id)} == {200}


def test_votes_survive_unpublishing_and_count_on(client: Client, media_id: int) -> None:
    post(client, media_id, "upvote", sessionId=SESSION)
    post(client, media_id, "finish", sessionId=SESSION)
    unpublish([media_id], by=None)

    assert {(reply.status_code, reply.json()["error"]) for reply in calls(client, media_id)} == {(404, "Media not found")}
    publish([media_id], category="land", by=None)
    assert post(client, media_id, "upvote", sessionId=SESSION).json()["upvoteCount"] == 1
    assert post(client, media_id, "upvote", sessionId=uuid.uuid4().hex).json()["upvoteCount"] == 2
    assert post(client, media_id, "finish", sessionId=SESSION).json()["finishCount"] == 1


def test_a_session_writes_only_so_often(client: Client, media_id: int, settings: Settings) -> None:
    settings.PUBLIC_WRITES_PER_SESSION_PER_MINUTE = 3
    session = uuid.uuid4().hex

    replies = [post(client, media_id, verb, sessionId=session, **SECONDS[verb]) for verb in ("upvote", "finish", "watch-time", "upvote")]

    assert [reply.status_code for reply in replies] == [200, 200, 200, 429]
    assert 0 < int(replies[-1]["Retry-After"]) <= 60
