"""The public lists: orders, filters, paging, search, totals."""

from __future__ import annotations

import base64
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Event

import pytest
from django.db import connection

from gallery import listing, milestones
from gallery.listing import (
    InvalidCursor,
    MediaLocked,
    MediaNotFound,
    PublicQuery,
    page_statement,
    public_detail,
    public_page,
    related,
    selection,
)
from gallery.milestones import Milestones
from gallery.models import MediaStats, PublicMedia
from gallery.services import lock, publish
from tests.gallery.rows import video, video_list

pytestmark = pytest.mark.django_db


@pytest.fixture
def gallery() -> list[int]:
    """Forty media in two categories and three orientations, with many ties in votes, views and dates; two are locked."""
    rows = [video(orientation=("landscape", "portrait", "square")[number % 3]) for number in range(40)]
    ids = [row.pk for row in rows]
    publish(ids[:30], category="sea", by=None)
    publish(ids[30:], category="land", by=None)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE public_media SET created_at = timestamptz '2025-01-01' + (id % 4) * interval '1 day'")
        cursor.execute(
            """
            UPDATE media_stats SET view_count = video_id % 5, upvote_count = video_id % 3, created_at = media.created_at
            FROM public_media AS media WHERE media.id = video_id
            """
        )
    lock(ids[3:5], reason="", by=None)
    return ids


def publish_many(how_many: int) -> None:
    """Publish so many, and tell the planner, who else may believe a vacuum that came by and saw none of them yet."""
    publish([row.pk for row in video_list(how_many)], category="sea", by=None)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE public_media, media_stats")


def expected(query: PublicQuery) -> list[int]:
    """The ids of the whole list, sorted by hand."""
    stats = MediaStats.objects.in_bulk()
    rows = [
        row
        for row in PublicMedia.objects.filter(is_locked=False)
        if (query.category is None or row.category == query.category)
        and (query.orientation is None or row.orientation == query.orientation)
        and (query.search is None or query.search.upper() in f"{row.path}\n{row.title}".upper())
    ]
    counter = {"recent": None, "popular": "upvote_count", "most_viewed": "view_count"}[query.sort]
    rank = {row.pk: getattr(stats[row.pk], counter) if counter else 0 for row in rows}
    return [row.pk for row in sorted(rows, key=lambda row: (rank[row.pk], row.created_at, row.pk), reverse=True)]


QUERIES = [
    PublicQuery(sort=sort, category=category, orientation=orientation, search=search, limit=7)
    for sort in listing.SORTS
    for category in (None, "sea")
    for orientation in (None, "portrait")
    for search in (None, "clip", "1", "/sea/")
]


@pytest.mark.parametrize("query", QUERIES, ids=str)
def test_offsets_and_cursors_walk_the_same_list(gallery: list[int], query: PublicQuery) -> None:
    everything = expected(query)

    by_offset = [public_page(replace(query, offset=offset)) for offset in range(0, len(everything) + 7, 7)]
    by_cursor = [public_page(query)]
    while by_cursor[-1].next_cursor:
        by_cursor.append(public_page(replace(query, cursor=by_cursor[-1].next_cursor)))

    assert [row["id"] for page in by_offset for row in page.rows] == everything
    assert [row["id"] for page in by_cursor for row in page.rows] == everything
    assert {page.total for page in (*by_offset, *by_cursor)} == {len(everything)}
    assert [page.has_more for page in by_cursor] == [True] * (len(by_cursor) - 1) + [False]


@pytest.fixture
def deep_from_six(monkeypatch: pytest.MonkeyPatch) -> None:
    """A milestone every third row, and pages from the sixth on that start from one."""
    monkeypatch.setattr(milestones, "STRIDE", 3)
    monkeypatch.setattr(listing, "STRIDE", 3)
    monkeypatch.setattr(listing, "DEEP", 6)
    monkeypatch.setattr(listing, "milestones", Milestones())


@pytest.mark.parametrize("query", QUERIES, ids=str)
def test_deep_pages_start_where_counting_rows_would_lead(gallery: list[int], query: PublicQuery, deep_from_six: None) -> None:
    everything = expected(query)

    for offset in (20, 8, 33, 9, 6, 31, 7, 36, 37, 38, 2**40):
        assert [row["id"] for row in public_page(replace(query, offset=offset)).rows] == everything[offset : offset + 7]


def test_a_deep_page_shows_no_medium_that_was_locked_since(gallery: list[int], deep_from_six: None) -> None:
    query = PublicQuery(limit=5, offset=21)
    shown = [row["id"] for row in public_page(query).rows]

    lock(shown[:3], reason="", by=None)
    later = public_page(query)

    assert not set(shown[:3]) & {row["id"] for row in later.rows}
    assert [row["id"] for row in later.rows][:2] == shown[3:]
    assert later.total == 35


def test_milestones_are_learnt_anew_after_a_while(gallery: list[int], deep_from_six: None, monkeypatch: pytest.MonkeyPatch) -> None:
    query = PublicQuery(limit=5, offset=21)
    public_page(query)
    lock(expected(PublicQuery())[:10], reason="", by=None)

    monkeypatch.setattr(milestones, "LIFE", 0.0)

    assert [row["id"] for row in public_page(query).rows] == expected(PublicQuery())[21:26]


def test_while_somebody_walks_anew_others_start_from_what_was_known(monkeypatch: pytest.MonkeyPatch) -> None:
    known, is_walking, may_end = Milestones(), Event(), Event()
    known.before(3000, scope="a", walk=lambda start, most: [("old",)] * most)
    with monkeypatch.context() as later:
        ten_seconds_later = time.monotonic() + milestones.LIFE
        later.setattr(milestones, "monotonic", lambda: ten_seconds_later)

        def slowly(start: milestones.Key | None, most: int) -> list[milestones.Key]:
            is_walking.set()
            may_end.wait(30)
            return [("new",)] * most

        with ThreadPoolExecutor(1) as pool:
            walker = pool.submit(known.before, 3000, scope="a", walk=slowly)
            is_walking.wait(30)
            meanwhile = known.before(3000, scope="a", walk=slowly)
            may_end.set()

            assert walker.result(30) == (("new",), 0)
        assert meanwhile == (("old",), 0)
        assert known.before(3001, scope="a", walk=slowly) == (("new",), 1)


def test_milestones_are_kept_of_so_many_lists(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(milestones, "MOST_LISTS", 2)
    known, walks = Milestones(), []

    def walk(start: milestones.Key | None, most: int) -> list[milestones.Key]:
        walks.append(most)
        return [(number,) for number in range(most)]

    for scope in ("a", "b", "a", "c", "a", "b"):
        known.before(2000, scope=scope, walk=walk)

    assert len(walks) == 4


def test_an_offset_beyond_the_end_is_an_empty_page(gallery: list[int]) -> None:
    page = public_page(PublicQuery(offset=2**63 - 1))

    assert (page.rows, page.total, page.has_more, page.next_cursor) == ([], 38, False, None)


def test_a_category_that_nothing_carries_is_an_empty_page(gallery: list[int]) -> None:
    assert public_page(PublicQuery(category="nowhere")).total == 0


@pytest.mark.parametrize("sort", listing.SORTS)
def test_a_cursor_belongs_to_its_list(gallery: list[int], sort: listing.Sort) -> None:
    cursor = public_page(PublicQuery(sort=sort, limit=1)).next_cursor

    for other in (PublicQuery(sort=sort, category="sea"), PublicQuery(sort="recent", search="a"), PublicQuery(orientation="square")):
        with pytest.raises(InvalidCursor):
            public_page(replace(other, cursor=cursor))


def test_a_forged_cursor_is_refused(gallery: list[int]) -> None:
    genuine = public_page(PublicQuery(limit=1)).next_cursor
    assert genuine is not None
    forged = [genuine[:-2] + ("AA" if genuine[-2:] != "AA" else "BB"), genuine + "A", genuine[1:], genuine * 50]
    forged += [base64.urlsafe_b64encode(b"[1]").decode(), "", "=", "é", "\x00", "a" * 10_000, "💥", "../.."]

    for cursor in forged:
        with pytest.raises(InvalidCursor):
            public_page(PublicQuery(cursor=cursor))


@pytest.mark.parametrize(
    "text", ["%", "_", "\\", "100%", "'", '"', "a_b", "%_%", "; DROP TABLE videos; --", "日", "日本", "日本語", "É", "ß", "-", "💥"]
)
def test_a_search_is_literal_text(text: str) -> None:
    hit = video(title=f"before{text}after")
    publish([hit.pk, video(title="azb 1000").pk, video(title="plain").pk], category="sea", by=None)

    page = public_page(PublicQuery(search=text))

    assert [row["id"] for row in page.rows if text != "-" or row["id"] == hit.pk] == [hit.pk]


def test_a_search_covers_filename_path_and_title_in_any_case() -> None:
    clip = video(filename="Harbour-Dawn.MP4", title="Élan vital")
    publish([clip.pk], category="sea", by=None)

    for text in ("harbour-dawn.mp4", "/PUBLIC/SEA/", "éLAN", "n.m"):
        assert [row["id"] for row in public_page(PublicQuery(search=text)).rows] == [clip.pk]
    assert public_page(PublicQuery(search="harbour élan")).rows == []


@pytest.mark.parametrize("sort", listing.SORTS)
def test_of_a_search_with_too_many_hits_to_count_an_offset_finds_so_many_and_a_cursor_all(
    sort: listing.Sort, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert listing.MOST_HITS == 1000
    monkeypatch.setattr(listing, "MOST_HITS", 100)
    publish_many(102)
    query = PublicQuery(search="clip", sort=sort, limit=10)

    page = public_page(replace(query, offset=90))
    behind = public_page(replace(query, offset=100))
    end = public_page(replace(query, cursor=page.next_cursor))

    assert (page.total, page.total_is_capped, page.has_more, len(page.rows)) == (100, True, True, 10)
    assert (behind.total, behind.rows, behind.has_more) == (100, [], False)
    assert (len(end.rows), end.has_more) == (2, False)


def test_a_search_with_as_many_hits_as_are_counted_is_not_capped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "MOST_HITS", 100)
    publish_many(100)

    page = public_page(PublicQuery(search="clip"))

    assert (page.total, page.total_is_capped) == (100, False)


def test_related_media_start_with_what_follows_in_the_same_category() -> None:
    ids = [video().pk for _ in range(6)]
    publish(ids[:4], category="sea", by=None)
    publish(ids[4:], category="land", by=None)

    rows = [row["id"] for row in related(public_detail(ids[2]), 10)]

    assert rows == [ids[1], ids[0], ids[3], ids[5], ids[4]]
    assert [row["id"] for row in related(public_detail(ids[2]), 2)] == [ids[1], ids[0]]


def test_what_nobody_may_see_is_refused() -> None:
    shown, hidden = video(), video()
    publish([shown.pk], category="sea", by=None)
    lock([shown.pk], reason="", by=None)

    with pytest.raises(MediaLocked):
        public_detail(shown.pk)
    with pytest.raises(MediaNotFound):
        public_detail(hidden.pk)


def test_short_grams_are_every_character_and_every_pair() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT gallery_short_grams(%s), gallery_short_grams('x'), gallery_short_grams('')", ["A日\n%"])
        grams, single, empty = cursor.fetchone()

    assert set(grams) == {"A", "日", "\n", "%", "A日", "日\n", "\n%"}
    assert (set(single), empty) == ({"x"}, [])


@pytest.mark.parametrize("category", [None, "sea"])
@pytest.mark.parametrize("sort", listing.SORTS)
def test_a_page_can_be_found_in_an_index_in_its_own_order(sort: listing.Sort, category: str | None) -> None:
    """What keeps lists fast at a million rows. On few rows the planner would sort them, so it is told to avoid that."""
    publish([row.pk for row in video_list(30)], category="sea", by=None)
    statement, values = page_statement(selection(PublicQuery(sort=sort, category=category)), limit=25)

    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off; SET LOCAL enable_sort = off")
        cursor.execute(f"EXPLAIN {statement}", values)
        plan = "\n".join(line for (line,) in cursor.fetchall())

    assert "idx_public_media" in plan
    assert "Sort" not in plan
