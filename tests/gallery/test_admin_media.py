"""The shared media's page of the admin, and the page of its categories."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from importlib import import_module

import pytest
from django.apps import apps
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group, Permission, User
from django.contrib.messages import get_messages
from django.test import Client
from django.utils import timezone
from pytest_django.fixtures import DjangoAssertNumQueries

from gallery import services
from gallery.models import MediaStats, PublicMedia
from tests.gallery.rows import video, video_list

SHARED = "/admin/gallery/publicmedia/"
CATEGORIES = f"{SHARED}categories/"

pytestmark = pytest.mark.django_db


def titles(page: str) -> list[str]:
    return re.findall(r'<bdi class="title">(.*?)</bdi>', page)


def shared(title: str, *, category: str = "sea", views: int = 0, upvotes: int = 0, **columns: object) -> PublicMedia:
    row = video(title=title, **columns)
    services.publish([row.pk], category=category, by=None)
    MediaStats.objects.filter(pk=row.pk).update(view_count=views, upvote_count=upvotes)
    return PublicMedia.objects.get(pk=row.pk)


@pytest.fixture
def roles() -> None:
    """The groups as the migration makes them; a test that flushes the database takes them away."""
    import_module("gallery.migrations.0005_roles").make_roles(apps, None)


@pytest.fixture
def show(admin_client: Client) -> Callable[..., str]:
    def show(**query: str | int) -> str:
        reply = admin_client.get(SHARED, query)
        assert reply.status_code == 200
        return reply.content.decode()

    return show


@pytest.fixture
def act(admin_client: Client) -> Callable[..., str]:
    def act(action: str, *media: PublicMedia, query: str = "", **answers: str) -> str:
        keys = [row.pk for row in media]
        reply = admin_client.post(SHARED + query, {"action": action, "_selected_action": keys, "answered": "yes", **answers})
        assert reply.status_code == 302, reply.content.decode()
        return list(map(str, get_messages(reply.wsgi_request)))[-1]

    return act


def test_an_empty_gallery_says_how_to_publish(show: Callable[..., str]) -> None:
    assert "The gallery is empty" in show()


def test_figures_are_shown(show: Callable[..., str]) -> None:
    row = shared("one", views=12345, upvotes=678)
    MediaStats.objects.filter(pk=row.pk).update(unique_view_count=90, finish_count=45, total_watch_time=90_000)

    page = show()

    assert [figure in page for figure in ("12,345", "90 unique", ">678<", ">45<", "1 d 1 h")] == [True] * 5


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({}, ["new", "tall", "hit"]),
        ({"sort": "oldest"}, ["hit", "tall", "new"]),
        ({"sort": "most_viewed"}, ["hit", "new", "tall"]),
        ({"sort": "most_upvoted"}, ["tall", "hit", "new"]),
        ({"lock": "locked"}, ["shut"]),
        ({"lock": "locked", "sort": "most_viewed"}, ["shut"]),
        ({"category": "sun"}, ["tall"]),
        ({"category": "sea", "sort": "most_viewed"}, ["hit", "new"]),
        ({"orientation": "portrait"}, ["tall"]),
        ({"q": "HIT"}, ["hit"]),
        ({"q": "/sun/"}, ["tall"]),
        ({"q": "%"}, []),
        ({"category": "\0"}, ["new", "tall", "hit"]),
    ],
)
def test_the_list_is_narrowed_and_sorted(show: Callable[..., str], query: dict[str, str], expected: list[str]) -> None:
    hit = shared("hit", views=50, upvotes=5)
    tall = shared("tall", views=1, upvotes=9, category="sun", orientation="portrait")
    shared("new", views=7)
    services.lock([shared("shut", views=100).pk], reason="", by=None)
    for age, row in ((2, hit), (1, tall)):
        PublicMedia.objects.filter(pk=row.pk).update(created_at=timezone.now() - timedelta(days=age))

    assert titles(show(**query)) == expected


@pytest.mark.parametrize("order", ["newest", "most_viewed"])
def test_a_page_costs_the_same_for_one_medium_and_for_sixty(
    admin_client: Client, django_assert_max_num_queries: DjangoAssertNumQueries, order: str
) -> None:
    services.publish([row.pk for row in video_list(60)], category="sea", by=None)

    with django_assert_max_num_queries(7) as counted:
        page = admin_client.get(SHARED, {"sort": order}).content.decode()

    assert len(titles(page)) == 60
    assert not [query for query in counted if "COUNT(*)" in query["sql"]]


def test_a_medium_has_the_page_of_its_video(admin_client: Client) -> None:
    row = shared("one")

    assert admin_client.get(f"{SHARED}{row.pk}/change/").headers["Location"] == f"/admin/media_library/video/{row.pk}/change/"


def test_selected_media_move_to_a_category(act: Callable[..., str], admin_user: User) -> None:
    first, second = shared("one"), shared("two")

    assert act("move_to_category", first, category="Blue Hour") == "Moved 1 video."

    assert dict(PublicMedia.objects.values_list("title", "category")) == {"one": "blue-hour", "two": "sea"}
    assert LogEntry.objects.get(object_id=str(first.pk)).user == admin_user
    assert not LogEntry.objects.filter(object_id=str(second.pk)).exists()


def test_locking_asks_for_a_reason_and_unlocking_opens(act: Callable[..., str]) -> None:
    row = shared("one")

    assert act("lock", row, reason="rights") == "Locked 1 video."
    assert PublicMedia.objects.get(pk=row.pk).locked_reason == "rights"
    assert act("unlock", row, query="?lock=locked") == "Unlocked 1 video."
    assert not PublicMedia.objects.get(pk=row.pk).is_locked


def test_unpublishing_takes_media_out(act: Callable[..., str]) -> None:
    assert act("unpublish", shared("one"), shared("two")) == "Unpublished 2 videos."
    assert not PublicMedia.objects.exists()


def test_categories_are_counted_without_reading_what_is_open(
    admin_client: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    shared("one"), shared("two"), shared("three", category="sun")
    services.lock([shared("four").pk], reason="", by=None)

    with django_assert_max_num_queries(5):
        page = admin_client.get(CATEGORIES).content.decode()

    assert re.findall(r'scope="row"><a href=".*?category=(\w+)">', page) == ["sea", "sun"]
    assert [int(count) for count in re.findall(r'class="figure">\s*(?:<a [^>]*>)?(\d+)', page)] == [2, 1, 1, 0]


def test_a_category_is_renamed_or_merged(admin_client: Client) -> None:
    shared("one"), shared("two"), shared("three", category="sun")

    renamed = admin_client.post(CATEGORIES, {"source": "sea", "target": "Deep Sea"})
    merged = admin_client.post(CATEGORIES, {"source": "sun", "target": "deep-sea"})

    assert set(PublicMedia.objects.values_list("category", flat=True)) == {"deep-sea"}
    assert "Moved 2 videos from sea to deep-sea." in [str(message) for message in get_messages(renamed.wsgi_request)]
    assert "Moved 1 video from sun to deep-sea." in [str(message) for message in get_messages(merged.wsgi_request)]


@pytest.mark.parametrize(
    "sent", [{}, {"source": "sea"}, {"source": "sea", "target": "!"}, {"source": "none", "target": "sun"}, {"source": "\0", "target": "x"}]
)
def test_a_rename_that_cannot_be_is_explained(admin_client: Client, sent: dict[str, str]) -> None:
    shared("one")

    reply = admin_client.post(CATEGORIES, sent)

    assert [message.level_tag for message in get_messages(reply.wsgi_request)] == ["error"]
    assert PublicMedia.objects.get().category == "sea"


def test_who_may_only_look_renames_nothing(client: Client) -> None:
    clerk = User.objects.create_user("clerk", is_staff=True)
    clerk.user_permissions.add(Permission.objects.get(codename="view_publicmedia"))
    client.force_login(clerk)
    shared("one")

    page = client.get(CATEGORIES).content.decode()

    assert 'name="target"' not in page
    assert client.post(CATEGORIES, {"source": "sea", "target": "sun"}).status_code == 403


def test_visitors_and_staff_without_permission_stay_outside(client: Client) -> None:
    assert client.get(CATEGORIES).status_code == 302
    client.force_login(User.objects.create_user("clerk", is_staff=True))
    assert [client.get(page).status_code for page in (SHARED, CATEGORIES)] == [403, 403]


def test_a_media_admin_manages_library_and_gallery_but_no_users(roles: None, client: Client) -> None:
    editor = User.objects.create_user("editor", is_staff=True)
    editor.groups.add(Group.objects.get(name="MEDIA_ADMIN"))
    client.force_login(editor)
    row = video()

    client.post("/admin/media_library/video/", {"action": "publish", "_selected_action": row.pk, "answered": "yes", "category": "sea"})

    assert PublicMedia.objects.filter(pk=row.pk).exists()
    pages = (SHARED, CATEGORIES, "/admin/media_library/scanreport/", "/admin/jobs/job/", "/admin/auth/user/", "/admin/auth/group/")
    assert [client.get(page).status_code for page in pages] == [200, 200, 200, 200, 403, 403]


def test_a_media_admin_who_is_no_staff_does_not_enter(roles: None, client: Client) -> None:
    editor = User.objects.create_user("editor")
    editor.groups.add(Group.objects.get(name="MEDIA_ADMIN"))
    client.force_login(editor)

    assert client.get(SHARED).status_code == 302
