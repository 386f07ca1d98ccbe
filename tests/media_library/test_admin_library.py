"""The library's page of the admin: what it lists, how it narrows, and what it costs."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.utils import timezone
from pytest_django.fixtures import DjangoAssertNumQueries

from gallery import services
from media_library.admin import paging
from media_library.models import Video
from tests.gallery.rows import video, video_list

LIBRARY = "/admin/media_library/video/"
PAGE_COST = 8  # statements: session, user, total, keys, rows, producers, tags, and one of Django's own

pytestmark = pytest.mark.django_db


def titles(page: str) -> list[str]:
    """The titles that a list shows, in its order."""
    return re.findall(r'<bdi class="title">(.*?)</bdi>', page)


def counted(page: str) -> int:
    """How many videos the page says there are."""
    return int(re.findall(r'class="small quiet">\s*(\d+)', page)[0])


@pytest.fixture
def show(admin_client: Client) -> Callable[..., str]:
    def show(**query: str | int) -> str:
        reply = admin_client.get(LIBRARY, query)
        assert reply.status_code == 200
        return reply.content.decode()

    return show


def test_the_newest_video_comes_first(show: Callable[..., str]) -> None:
    video(title="older", created_at=timezone.now() - timedelta(days=1))
    video(title="newer")

    assert titles(show()) == ["newer", "older"]


def test_an_empty_library_says_how_to_fill_it(show: Callable[..., str]) -> None:
    page = show()

    assert "The library is empty" in page
    assert "scan_library" in page


def test_hostile_names_are_shown_as_text(show: Callable[..., str]) -> None:
    video(title="<script>alert(1)</script>", filename='"><img src=x onerror=alert(2)>.mp4')

    page = show()

    assert "<script>alert" not in page and "<img src=x" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page


def test_a_name_cannot_reverse_the_text_around_it(show: Callable[..., str]) -> None:
    video(title=None, filename="invoice\u202e4pm.exe")

    assert titles(show()) == ["invoice\ufffd4pm.exe"]


def test_bytes_that_are_no_text_are_shown_as_such(show: Callable[..., str]) -> None:
    video(title=None, filename="caf\uf7e9.mp4")

    assert titles(show()) == ["caf\ufffd.mp4"]


def test_a_page_costs_the_same_for_one_video_and_for_sixty(
    admin_client: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    services.publish([row.pk for row in video_list(60)], category="sea", by=None)

    with django_assert_max_num_queries(PAGE_COST) as counted:
        page = admin_client.get(LIBRARY).content.decode()

    assert len(titles(page)) == 60
    assert not [query for query in counted if "COUNT(*)" in query["sql"]]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"directory_type": "inbox"}, ["inbox"]),
        ({"orientation": "portrait"}, ["portrait"]),
        ({"quality": "4K"}, ["4K"]),
        ({"is_valid": "no"}, ["invalid"]),
        ({"file": "missing"}, ["missing"]),
        ({"file": "trash"}, ["trashed"]),
        ({"producer": "Aurora"}, ["produced"]),
        ({"tag": "sea"}, ["tagged"]),
        ({"published": "yes"}, ["published"]),
        ({"published": "locked"}, ["locked"]),
        ({"q": "PRODUC"}, ["produced"]),
        ({"q": "p_o"}, []),
        ({"q": "100%"}, ["100% sure"]),
        ({"orientation": "portrait", "quality": "4K"}, []),
    ],
)
def test_a_filter_leaves_only_what_it_names(show: Callable[..., str], query: dict[str, str], expected: list[str]) -> None:
    video(title="plain")
    video(title="inbox", directory_type="inbox")
    video(title="portrait", orientation="portrait")
    video(title="4K", quality="4K")
    video(title="invalid", is_valid=False)
    video(title="missing", missing_since=timezone.now())
    video(title="trashed", trashed_at=timezone.now())
    video(title="produced", producer="Aurora")
    video(title="tagged", tags=["sea", "sun"])
    video(title="100% sure")
    services.publish([video(title="published").pk], category="sea", by=None)
    locked = video(title="locked").pk
    services.publish([locked], category="sea", by=None)
    services.lock([locked], reason="", by=None)

    page = show(**query)

    assert titles(page) == expected
    assert counted(page) == len(expected)


def test_what_lies_in_the_trash_is_shown_only_to_who_asks(show: Callable[..., str]) -> None:
    video(title="here")
    video(title="gone", trashed_at=timezone.now())

    assert titles(show()) == ["here"]
    assert set(titles(show(file="any"))) == {"here", "gone"}


def test_not_published_means_neither_open_nor_locked(show: Callable[..., str]) -> None:
    services.publish([video(title="open").pk], category="sea", by=None)
    video(title="at home")

    assert titles(show(published="no")) == ["at home"]


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ("title", ["apple", "Banana", "cherry"]),
        ("longest", ["Banana", "cherry", "apple"]),
        ("shortest", ["apple", "cherry", "Banana"]),
        ("largest", ["cherry", "apple", "Banana"]),
        ("oldest", ["cherry", "Banana", "apple"]),
        ("newest", ["apple", "Banana", "cherry"]),
        ("nonsense", ["apple", "Banana", "cherry"]),
    ],
)
def test_an_order_sorts(show: Callable[..., str], order: str, expected: list[str]) -> None:
    now = timezone.now()
    for age, (title, duration, size) in enumerate([("apple", 5, 20), ("Banana", 50, 10), ("cherry", 20, 30)]):
        video(title=title, duration_seconds=duration, file_size=size, created_at=now - timedelta(hours=age))

    assert titles(show(sort=order)) == expected


def test_pages_follow_each_other_without_gap_or_overlap(show: Callable[..., str]) -> None:
    now = timezone.now()
    made = [video(title=f"video {n:03}", created_at=now - timedelta(minutes=n)) for n in range(150)]

    seen = [title for page in (1, 2, 3) for title in titles(show(p=page))]

    assert seen == [row.title for row in made]


def test_a_list_that_is_not_counted_to_the_end_says_so(show: Callable[..., str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paging, "COUNT_LIMIT", 70)
    video_list(75, producer="Aurora")

    page = show(producer="Aurora")

    assert "70+" in page
    assert "Narrow the list" in page


@pytest.mark.parametrize(
    "query",
    [
        {"path__regex": "("},
        {"tags__0__regex": "("},
        {"public__locked_reason__startswith": "a"},
        {"layout__x": "1"},
    ],
)
def test_an_address_can_ask_for_no_other_column(admin_client: Client, query: dict[str, str]) -> None:
    assert admin_client.get(LIBRARY, query).status_code == 400


@pytest.mark.parametrize(
    "query",
    [
        {"directory_type": "attic"},
        {"quality": "\0"},
        {"is_valid": "maybe"},
        {"file": "x" * 5000},
        {"p": "99999999999999999999999"},
        {"p": "-1"},
    ],
)
def test_nonsense_in_the_address_leads_back_to_the_library(admin_client: Client, query: dict[str, str]) -> None:
    video_list(61)

    reply = admin_client.get(LIBRARY, query)

    assert (reply.status_code, reply.headers["Location"]) == (302, f"{LIBRARY}?e=1")


@pytest.mark.parametrize("query", [{"q": "\0"}, {"q": "%" * 300}, {"tag": "\0"}, {"producer": "'; --"}, {"p": "abc"}, {"tag": '"]}'}])
def test_odd_words_find_nothing_and_break_nothing(admin_client: Client, query: dict[str, str]) -> None:
    assert admin_client.get(LIBRARY, query).status_code == 200


def test_the_layout_is_remembered_and_keeps_the_filters(admin_client: Client) -> None:
    reply = admin_client.get(LIBRARY, {"layout": "list", "quality": "4K"})

    assert reply.headers["Location"] == f"{LIBRARY}?quality=4K"
    assert "shelf-list" in admin_client.get(LIBRARY).content.decode()


def test_an_unknown_layout_changes_nothing(admin_client: Client) -> None:
    admin_client.get(LIBRARY, {"layout": "spiral"})

    assert "shelf-grid" in admin_client.get(LIBRARY).content.decode()


def test_producers_are_suggested_by_name_and_never_all_of_them(show: Callable[..., str]) -> None:
    for number in range(250):
        video(producer=f"Studio {number:03}")
    video(producer=None)

    offered = re.findall(r'<option value="(Studio \d+)">', show())

    assert offered == [f"Studio {number:03}" for number in range(200)]


def test_a_poster_loads_when_it_is_seen_and_a_video_without_one_has_a_plain_frame(show: Callable[..., str]) -> None:
    with_poster = video()
    video(thumbnail_path=None)

    page = show()

    assert f'<img src="/api/videos/{with_poster.pk}/thumbnail" alt="" loading="lazy"' in page
    assert page.count('class="poster"') == 2 and page.count("<img ") == 1


def test_states_are_named(show: Callable[..., str]) -> None:
    video(directory_type="private", missing_since=timezone.now(), is_valid=False)

    page = show()

    assert [word for word in ("missing", "invalid", "private") if f">{word}</span>" in page] == ["missing", "invalid", "private"]


def test_staff_without_permission_may_not_look(client: Client) -> None:
    client.force_login(User.objects.create_user("clerk", is_staff=True))

    assert client.get(LIBRARY).status_code == 403


def test_an_admin_who_may_only_look_gets_no_actions(client: Client) -> None:
    clerk = User.objects.create_user("clerk", is_staff=True)
    clerk.user_permissions.add(Permission.objects.get(codename="view_video"))
    client.force_login(clerk)
    row = video()

    page = client.get(LIBRARY).content.decode()
    client.post(LIBRARY, {"action": "trash", "_selected_action": row.pk, "answered": "yes"})

    assert 'name="action"' not in page
    assert Video.objects.get(pk=row.pk).is_valid


@pytest.mark.parametrize("address", [f"{LIBRARY}add/", f"{LIBRARY}1/delete/"])
def test_videos_are_neither_added_nor_deleted_by_hand(admin_client: Client, address: str) -> None:
    video()

    assert admin_client.post(address).status_code in (302, 403)
    assert Video.objects.count() == 1
