"""One-time links: they let one admin in, once, for a quarter of an hour."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db import connections
from django.test import Client
from django.utils import timezone

from media_library import sign_in
from media_library.sign_in import DeadLink, link_for, redeem

LIBRARY = "/admin/media_library/video/"


@pytest.fixture
def admin(db: None) -> User:
    return User.objects.create_superuser("admin", password="correct horse battery")


def is_signed_in(client: Client) -> bool:
    return client.get("/admin/").status_code == 200


def test_looking_at_a_link_signs_nobody_in_and_uses_nothing_up(admin: User, client: Client) -> None:
    link = link_for(admin)

    assert [client.get(link).status_code for _ in range(3)] == [200, 200, 200]
    assert not is_signed_in(client)
    assert client.post(link).status_code == 302


def test_a_link_signs_in_once_and_leads_to_the_library(admin: User, client: Client) -> None:
    link = link_for(admin)

    reply = client.post(link)

    assert reply.headers["Location"] == LIBRARY
    assert is_signed_in(client)
    assert Client().post(link).status_code == 410
    assert "used already" in Client().get(link).content.decode()


def test_a_link_dies_after_a_quarter_of_an_hour(admin: User, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    link = link_for(admin)

    monkeypatch.setattr(sign_in, "LIFETIME", timedelta(seconds=-1))

    assert client.post(link).status_code == 410
    assert not is_signed_in(client)


def test_a_sign_in_or_a_new_password_kills_the_links_made_before(admin: User, client: Client) -> None:
    first, second = link_for(admin), link_for(admin)
    client.post(first)
    assert Client().post(second).status_code == 410

    admin.refresh_from_db()
    third = link_for(admin)
    admin.set_password("another horse battery")
    admin.save()
    assert Client().post(third).status_code == 410


@pytest.mark.parametrize("change", [{"is_active": False}, {"is_staff": False}])
def test_who_may_no_longer_enter_is_not_let_in(admin: User, client: Client, change: dict[str, bool]) -> None:
    link = link_for(admin)
    User.objects.filter(pk=admin.pk).update(**change)

    assert client.post(link).status_code == 410


def test_a_link_is_good_for_its_own_user_only(admin: User, client: Client) -> None:
    other = User.objects.create_superuser("other", password="correct horse battery")
    token = link_for(admin).rsplit("/", 1)[1]

    assert client.post(f"/admin/sign-in/{other.pk}/{token}").status_code == 410


@pytest.mark.parametrize("path", ["1/x", "1/a:b", "99999/a:b", "9999999999999999999999/a:b", "1/%00", "1/:"])
def test_a_made_up_link_is_dead_and_no_error(admin: User, client: Client, path: str) -> None:
    assert client.get(f"/admin/sign-in/{path}").status_code in (404, 410)


def test_a_link_leads_where_it_was_made_for_and_to_no_other_site(admin: User, client: Client) -> None:
    assert client.post(link_for(admin, landing="/v/1/?a=b")).headers["Location"] == "/v/1/?a=b"

    admin.refresh_from_db()
    assert client.post(link_for(admin, landing="//evil.example/")).headers["Location"] == LIBRARY


def test_the_page_needs_no_inline_script_and_no_cache_keeps_it(admin: User, client: Client) -> None:
    reply = client.get(link_for(admin))

    page = reply.content.decode()
    assert "data-submit-when-seen" in page and "<script>" not in page
    assert "no-store" in reply.headers["Cache-Control"]


def test_a_post_from_another_site_does_not_sign_in(admin: User) -> None:
    client = Client(enforce_csrf_checks=True)

    assert client.post(link_for(admin)).status_code == 403
    assert not is_signed_in(client)


@pytest.mark.django_db(transaction=True)
def test_of_many_at_once_one_gets_in() -> None:
    admin = User.objects.create_superuser("admin", password="correct horse battery", last_login=timezone.now())
    token = link_for(admin).rsplit("/", 1)[1]

    def try_it(_: int) -> bool:
        try:
            return bool(redeem(admin.pk, token))
        except DeadLink:
            return False
        finally:
            connections.close_all()

    with ThreadPoolExecutor(8) as pool:
        let_in = list(pool.map(try_it, range(16)))

    assert let_in.count(True) == 1


def test_the_command_prints_a_link_for_the_first_superuser(admin: User, client: Client, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("sign_in_link", "--next", "/admin/")

    link = capsys.readouterr().out.strip()
    assert link.startswith(f"/admin/sign-in/{admin.pk}/")
    assert client.post(link).headers["Location"] == "/admin/"


def test_the_command_makes_no_link_for_who_may_not_enter(admin: User) -> None:
    User.objects.create_user("visitor")

    with pytest.raises(CommandError, match="No such admin"):
        call_command("sign_in_link", "--username", "visitor")
