"""The front page of the admin."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone
from pytest_django.fixtures import DjangoAssertNumQueries

from gallery import services
from media_library.models import LibraryRoot, ScanReport
from tests.config.conftest import PASSWORD, MakeUser
from tests.gallery.rows import video, video_list

pytestmark = pytest.mark.django_db


def test_an_empty_library_says_what_to_do_first(admin_client: Client) -> None:
    assert "The library is empty" in admin_client.get("/admin/").content.decode()


def test_the_front_page_shows_figures_newest_videos_and_the_last_scan(
    admin_client: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    services.publish([row.pk for row in video_list(20)], category="sea", by=None)
    video(is_valid=False)
    video(missing_since=timezone.now())
    video(trashed_at=timezone.now())
    ScanReport.objects.create(root=LibraryRoot.objects.create(path="/videos"), status="completed", seen_count=23, new_count=23)

    with django_assert_max_num_queries(12):
        page = admin_client.get("/admin/").content.decode()

    for figure in (
        "<b>22</b> videos",
        "<b>20</b> published",
        "<b>0</b> views in 7 days",
        "<b>1</b> invalid",
        "<b>1</b> missing",
        "<b>1</b> in the trash",
    ):
        assert figure in page
    assert page.count('class="poster"') == 12
    assert "23 new files" in page


def test_the_keys_of_signed_in_people_are_no_page(admin_client: Client) -> None:
    assert "token_blacklist" not in admin_client.get("/admin/").content.decode()


def test_staff_without_permission_see_no_titles(client: Client) -> None:
    video(title="a secret")
    client.force_login(User.objects.create_user("clerk", is_staff=True))

    page = client.get("/admin/").content.decode()

    assert "a secret" not in page and "videos" not in page


def test_the_admin_is_found_without_its_slash(admin_client: Client) -> None:
    assert admin_client.get("/admin").headers["Location"] == "/admin/"


def test_the_form_does_not_tell_who_has_an_account(make_user: MakeUser) -> None:
    known, inactive = make_user(), make_user(is_active=False)
    tries = [(known.username, "wrong"), ("nobody at all", "wrong"), (inactive.username, PASSWORD), (known.username, PASSWORD)]

    pages = [Client().post("/admin/login/", {"username": name, "password": password}) for name, password in tries]

    assert {(page.status_code, str(page.context["form"].non_field_errors())) for page in pages} == {
        (200, str(pages[0].context["form"].non_field_errors()))
    }
