"""The pages that sign a visitor in and out, change a password, and make an account."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from django.contrib.auth.models import User
from django.test import Client
from pytest_django.fixtures import Settings

from tests.replies import fresh_address

if TYPE_CHECKING:
    from django.test.client import _MonkeyPatchedWSGIResponse as Response

pytestmark = pytest.mark.django_db
PASSWORD = "nine green bottles"
STRONGER = "eight brown barrels"


@pytest.fixture
def ann() -> User:
    return User.objects.create_user("ann", password=PASSWORD)


@pytest.fixture(autouse=True)
def _nobody_is_too_fast(settings: Settings) -> None:
    settings.SIGN_INS_PER_MINUTE = settings.SIGN_UPS_PER_ADDRESS_PER_HOUR = settings.PUBLIC_WRITES_PER_ADDRESS_PER_MINUTE = 1_000_000


@pytest.fixture
def stranger() -> Client:
    """Somebody at an address of this test's own."""
    return Client(REMOTE_ADDR=fresh_address())


def text(response: Response) -> str:
    return response.content.decode()


def sign_in(client: Client, password: str = PASSWORD, **fields: str) -> Response:
    return client.post("/account/sign-in", {"username": "ann", "password": password, **fields})


def sign_up(client: Client, username: str = "bob", **fields: str) -> Response:
    return client.post("/account/sign-up", {"username": username, "password1": PASSWORD, "password2": PASSWORD, **fields})


def test_signing_in_leads_back_to_where_one_was(client: Client, ann: User) -> None:
    page = text(client.get("/account/sign-in?next=/v/7/%3Ft%3D12"))
    assert '<input type="hidden" name="next" value="/v/7/?t=12">' in page

    reply = sign_in(client, next="/v/7/?t=12")

    assert (reply.status_code, reply["Location"]) == (302, "/v/7/?t=12")
    assert ">ann</bdi>" in text(client.get("/"))


@pytest.mark.parametrize("elsewhere", ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)"])
@pytest.mark.parametrize("door", ["sign-in", "sign-up"])
def test_nobody_is_led_to_another_site(client: Client, ann: User, settings: Settings, door: str, elsewhere: str) -> None:
    settings.SIGN_UP_IS_OPEN = True

    reply = sign_in(client, next=elsewhere) if door == "sign-in" else sign_up(client, next=elsewhere)

    assert (reply.status_code, reply["Location"]) == (302, "/")
    assert "evil" not in text(Client().get(f"/account/{door}", {"next": elsewhere})).partition("<main")[2]


def test_a_wrong_password_says_so_and_nothing_of_who_exists(client: Client, ann: User) -> None:
    known, unknown = sign_in(client, "wrong"), sign_in(client, username="nobody")

    assert (known.status_code, unknown.status_code) == (200, 200)
    complaints = [re.findall(r'role="alert">\s*<p>(.*?)</p>', text(reply)) for reply in (known, unknown)]
    assert complaints[0] == complaints[1] != []


def test_passwords_cannot_be_tried_without_end(stranger: Client, ann: User, settings: Settings) -> None:
    settings.SIGN_INS_PER_MINUTE = 2

    assert [sign_in(stranger, password).status_code for password in ("wrong", "wrong too", PASSWORD)] == [200, 200, 429]


def test_a_network_of_addresses_is_one_who_tries_passwords(stranger: Client, ann: User, settings: Settings) -> None:
    settings.SIGN_INS_PER_MINUTE = 2
    network = stranger.defaults["REMOTE_ADDR"].removesuffix("::1")

    replies = [
        Client(REMOTE_ADDR=f"{network}::{number}").post("/account/sign-in", {"username": "ann", "password": "?"}) for number in range(3)
    ]

    assert [reply.status_code for reply in replies] == [200, 200, 429]


@pytest.mark.parametrize("page", ["/account/sign-in", "/admin/login/"])
def test_one_password_cannot_be_tried_with_every_name(stranger: Client, settings: Settings, page: str) -> None:
    settings.PUBLIC_WRITES_PER_ADDRESS_PER_MINUTE = 2

    replies = [stranger.post(page, {"username": f"user{number}", "password": PASSWORD}) for number in range(3)]

    assert [reply.status_code for reply in replies] == [200, 200, 429]


def test_names_cannot_be_looked_up_without_end_where_anybody_may_sign_up(stranger: Client, settings: Settings) -> None:
    settings.SIGN_UP_IS_OPEN = True
    settings.PUBLIC_WRITES_PER_ADDRESS_PER_MINUTE = 2

    replies = [sign_up(stranger, f"user{number}", password2="another") for number in range(3)]

    assert [reply.status_code for reply in replies] == [200, 200, 429]


def test_the_old_password_cannot_be_tried_without_end_either(stranger: Client, ann: User, settings: Settings) -> None:
    settings.SIGN_INS_PER_MINUTE = 2
    stranger.force_login(ann)
    guess = {"old_password": "wrong", "new_password1": STRONGER, "new_password2": STRONGER}

    replies = [stranger.post("/account/password", {**guess, "username": f"pretended {number}"}) for number in range(3)]

    assert [reply.status_code for reply in replies] == [200, 200, 429]


def test_signing_out_is_a_press_of_a_button_of_ours(client: Client, ann: User) -> None:
    client.force_login(ann)
    assert client.get("/account/sign-out").status_code == 405
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(ann)
    assert strict.post("/account/sign-out").status_code == 403

    assert client.post("/account/sign-out")["Location"] == "/"

    assert "Sign in" in text(client.get("/"))


def test_a_new_password_ends_every_other_session(client: Client, ann: User) -> None:
    elsewhere = Client()
    elsewhere.force_login(ann)
    client.force_login(ann)

    reply = client.post("/account/password", {"old_password": PASSWORD, "new_password1": STRONGER, "new_password2": STRONGER}, follow=True)

    assert "Your password is changed." in text(reply)
    assert "Your password is changed." not in text(client.get("/account"))
    assert elsewhere.get("/account").status_code == 302
    assert sign_in(Client(), STRONGER).status_code == 302


@pytest.mark.parametrize("address", ["/account", "/account/password"])
def test_ones_own_pages_ask_who_one_is(client: Client, address: str) -> None:
    reply = client.get(address)

    assert (reply.status_code, reply["Location"]) == (302, f"/account/sign-in?next={address}")


def test_there_is_no_sign_up_unless_it_is_opened(client: Client) -> None:
    assert [client.get("/account/sign-up").status_code, sign_up(client).status_code] == [404, 404]
    assert "Sign up" not in text(client.get("/account/sign-in"))
    assert not User.objects.exists()


def test_signing_up_makes_an_account_without_rights_and_signs_it_in(client: Client, settings: Settings) -> None:
    settings.SIGN_UP_IS_OPEN = True
    assert 'href="/account/sign-up?next=%2Fv%2F7%2F"' in text(client.get("/account/sign-in?next=/v/7/"))

    reply = sign_up(client, next="/v/7/", is_staff="on", is_superuser="on", groups="1")

    assert reply["Location"] == "/v/7/"
    bob = User.objects.get()
    assert (bob.username, bob.is_staff, bob.is_superuser, bob.groups.count()) == ("bob", False, False, 0)
    assert client.get("/api/auth/me").json()["username"] == "bob"


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        ({"username": "ann"}, "already exists"),
        ({"username": "main-api:ann"}, "valid username"),
        ({"password2": "other"}, "match"),
        ({"password1": "12345678", "password2": "12345678"}, "too common"),
    ],
)
def test_an_account_that_cannot_be_made_says_why(
    client: Client, ann: User, settings: Settings, fields: dict[str, str], complaint: str
) -> None:
    settings.SIGN_UP_IS_OPEN = True

    assert complaint in text(sign_up(client, **fields))
    assert User.objects.count() == 1


def test_one_address_makes_few_accounts_an_hour(stranger: Client, settings: Settings) -> None:
    settings.SIGN_UP_IS_OPEN = True
    settings.SIGN_UPS_PER_ADDRESS_PER_HOUR = 2
    replies = []

    for number in range(3):
        stranger.logout()
        replies.append(sign_up(stranger, f"user{number}").status_code)

    assert replies == [302, 302, 429]
    assert User.objects.count() == 2


def test_a_sign_in_page_never_leads_to_itself(client: Client, django_user_model: type[User]) -> None:
    client.force_login(django_user_model.objects.create_user("ann"))

    reply = client.get("/account/sign-in?next=/account/sign-in%3Fnext=/account/sign-in")

    assert (reply.status_code, reply["Location"]) == (302, "/")
