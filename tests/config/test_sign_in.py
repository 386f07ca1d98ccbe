"""Tokens: how one gets them, and every way in which they stop being good."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import statistics
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.conf import settings as django_settings
from django.contrib.auth.models import Group, User
from django.db import connection
from django.test import Client
from rest_framework_simplejwt.token_blacklist.models import OutstandingToken
from rest_framework_simplejwt.tokens import AccessToken, RefreshToken

from tests.config.conftest import PASSWORD, MakeUser, access_token, signed_in

pytestmark = pytest.mark.django_db


def post(client: Client, path: str, body: dict[str, Any]) -> Any:
    return client.post(path, body, content_type="application/json")


def sign_in(client: Client, user: User) -> dict[str, str]:
    reply = post(client, "/api/auth/token", {"username": user.username, "password": PASSWORD})
    assert reply.status_code == 200, reply.content
    return dict(reply.json())


def me(token: str) -> Any:
    return Client(headers={"Authorization": f"Bearer {token}"}, raise_request_exception=False).get("/api/auth/me")


@pytest.mark.parametrize(
    ("role", "is_superuser", "shown", "is_admin"),
    [
        (None, False, "USER", False),
        (None, True, "SUPER_ADMIN", True),
        ("MEDIA_ADMIN", False, "MEDIA_ADMIN", True),
        ("SUPER_ADMIN", False, "SUPER_ADMIN", True),
        ("TEMP", False, "TEMP", False),
        ("USER", False, "USER", False),
    ],
)
def test_me_says_role_and_rights(make_user: MakeUser, role: str | None, is_superuser: bool, shown: str, is_admin: bool) -> None:
    user = make_user(role, is_superuser=is_superuser)

    body = signed_in(user).get("/api/auth/me").json()

    assert body == {"id": user.pk, "username": user.username, "role": shown, "isAdmin": is_admin}


def test_a_refresh_token_works_once(visitor: Client, make_user: MakeUser) -> None:
    first = sign_in(visitor, make_user())

    second = post(visitor, "/api/auth/token/refresh", {"refresh": first["refresh"]}).json()

    assert me(second["access"]).status_code == 200
    assert second["refresh"] != first["refresh"]
    assert post(visitor, "/api/auth/token/refresh", {"refresh": first["refresh"]}).status_code == 401
    assert post(visitor, "/api/auth/token/refresh", {"refresh": second["refresh"]}).status_code == 200


def test_no_refresh_token_that_is_still_good_lies_in_the_database(visitor: Client, make_user: MakeUser) -> None:
    first = sign_in(visitor, make_user())
    second = post(visitor, "/api/auth/token/refresh", {"refresh": first["refresh"]}).json()

    kept = list(OutstandingToken.objects.values_list("token", flat=True))

    assert second["refresh"] not in kept
    assert kept == [first["refresh"]]  # used up, and refused from now on


@pytest.mark.django_db(transaction=True)
def test_of_many_refreshes_at_once_one_succeeds(visitor: Client, make_user: MakeUser) -> None:
    refresh = sign_in(visitor, make_user())["refresh"]

    def use(_: int) -> int:
        try:
            return int(post(Client(raise_request_exception=False), "/api/auth/token/refresh", {"refresh": refresh}).status_code)
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        answers = sorted(pool.map(use, range(8)))

    assert answers == [200] + [401] * 7


def test_signing_out_ends_the_refresh_token(visitor: Client, make_user: MakeUser) -> None:
    pair = sign_in(visitor, make_user())

    assert post(visitor, "/api/auth/logout", {"refresh": pair["refresh"]}).json() == {"success": True}

    assert post(visitor, "/api/auth/token/refresh", {"refresh": pair["refresh"]}).status_code == 401
    assert post(visitor, "/api/auth/logout", {"refresh": pair["refresh"]}).status_code == 401


def test_a_deactivated_user_loses_everything_with_the_next_request(visitor: Client, admin: User) -> None:
    pair, api = sign_in(visitor, admin), signed_in(admin)
    browser = Client()
    browser.force_login(admin)
    assert (api.get("/api/videos").status_code, browser.get("/api/videos").status_code) == (200, 200)

    User.objects.filter(pk=admin.pk).update(is_active=False)

    assert (api.get("/api/videos").status_code, browser.get("/api/videos").status_code) == (401, 401)
    assert post(visitor, "/api/auth/token/refresh", {"refresh": pair["refresh"]}).status_code == 401
    assert post(visitor, "/api/auth/token", {"username": admin.username, "password": PASSWORD}).status_code == 401


def test_a_demoted_user_loses_rights_with_the_next_request(admin: User) -> None:
    api = signed_in(admin)
    assert api.get("/api/videos").status_code == 200

    admin.groups.clear()

    assert api.get("/api/videos").status_code == 403


def test_a_new_password_ends_every_token(visitor: Client, admin: User) -> None:
    pair = sign_in(visitor, admin)
    admin.set_password("another one altogether")
    admin.save()

    assert me(pair["access"]).status_code == 401
    assert post(visitor, "/api/auth/token/refresh", {"refresh": pair["refresh"]}).status_code == 401


def test_wrong_password_unknown_and_inactive_users_answer_alike(visitor: Client, make_user: MakeUser) -> None:
    known, inactive = make_user(), make_user(is_active=False)

    replies = [
        post(visitor, "/api/auth/token", {"username": name, "password": password})
        for name, password in [(known.username, "wrong"), ("nobody", "wrong"), (inactive.username, PASSWORD)]
    ]

    assert {(reply.status_code, reply.content, reply["WWW-Authenticate"]) for reply in replies} == {
        (401, replies[0].content, 'Bearer realm="api"')
    }


def test_an_unknown_user_takes_as_long_as_a_wrong_password(visitor: Client, make_user: MakeUser, settings: Any) -> None:
    settings.SIGN_INS_PER_MINUTE = 100
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.PBKDF2PasswordHasher"]
    known = make_user().username

    def seconds(username: str) -> float:
        start = time.process_time()
        post(visitor, "/api/auth/token", {"username": username, "password": "wrong"})
        return time.process_time() - start

    times = [(seconds(known), seconds("nobody at all")) for _ in range(7)]

    known_time, unknown_time = (statistics.median(column) for column in zip(*times, strict=True))
    assert 0.5 < known_time / unknown_time < 2


def forged(header: dict[str, Any], payload: dict[str, Any], signature: str = "") -> str:
    def part(value: dict[str, Any]) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")

    return f"{part(header)}.{part(payload)}.{signature}"


def hostile_tokens(user: User) -> dict[str, str]:
    good = dict(AccessToken.for_user(user).payload)
    key = django_settings.SECRET_KEY

    def signed(algorithm: str = "HS256", secret: str = key, **changes: Any) -> str:
        claims = {name: value for name, value in (good | changes).items() if value is not None}
        return jwt.encode(claims, secret, algorithm=algorithm)

    return {
        "nothing": "",
        "nonsense": "nonsense",
        "alg none": forged({"alg": "none", "typ": "JWT"}, good),
        "alg None": forged({"alg": "None", "typ": "JWT"}, good),
        "no algorithm": forged({"typ": "JWT"}, good),
        "another algorithm": signed("HS512"),
        "another key": signed(secret="x" * 50),
        "a key path": jwt.encode(good, "x" * 32, algorithm="HS256", headers={"kid": "../../../dev/null"}),
        "expired": signed(exp=int(time.time()) - 60),
        "no expiry": signed(exp=None),
        "not yet valid": signed(nbf=int(time.time()) + 3600),
        "another issuer": signed(iss="somebody"),
        "no issuer": signed(iss=None),
        "a refresh token": str(RefreshToken.for_user(user)),
        "no type": signed(token_type=None),
        "no user": signed(user_id=None),
        "a user that is none": signed(user_id="' OR 1=1"),
        "a user beyond 64 bits": signed(user_id=str(2**70)),
        "no proof of the password": signed(hash_password=None),
        "huge": "a" * 10_000,
        "not ASCII": "é" * 10,
        "three dots": "...",
    }


def test_a_token_that_is_not_ours_is_a_401(admin: User) -> None:
    answers = {}
    for kind, token in hostile_tokens(admin).items():
        client = Client(headers={"Authorization": f"Bearer {token}"}, raise_request_exception=False)
        answers[kind] = [client.get(path).status_code for path in ("/api/auth/me", "/api/videos")]

    assert {kind: statuses for kind, statuses in answers.items() if statuses != [401, 401]} == {}


def test_a_role_in_the_token_counts_for_nothing(make_user: MakeUser) -> None:
    token = AccessToken.for_user(make_user())
    token["role"], token["is_superuser"], token["groups"] = "SUPER_ADMIN", True, ["SUPER_ADMIN"]

    client = Client(headers={"Authorization": f"Bearer {token}"})

    assert client.get("/api/videos").status_code == 403


@pytest.mark.parametrize("token", ["", "nonsense", "é", "x" * 9000])
def test_what_is_no_refresh_token_is_refused(visitor: Client, token: str) -> None:
    for path in ("/api/auth/token/refresh", "/api/auth/logout"):
        assert post(visitor, path, {"refresh": token}).status_code in (400, 401)


def test_an_access_token_refreshes_nothing(visitor: Client, make_user: MakeUser) -> None:
    assert post(visitor, "/api/auth/token/refresh", {"refresh": access_token(make_user())}).status_code == 401


class TestMainApi:
    KEY = "a secret of the main API that is long enough"

    @pytest.fixture(autouse=True)
    def _configured(self, settings: Any) -> None:
        settings.MAIN_API_JWT_KEY = self.KEY
        settings.MAIN_API_JWT_ISSUER = "main"
        settings.MAIN_API_JWT_AUDIENCE = "media"

    def token(self, key: str = KEY, algorithm: str = "HS256", **changes: Any) -> str:
        claims = {"sub": "42", "role": "MEDIA_ADMIN", "iss": "main", "aud": "media", "exp": int(time.time()) + 60} | changes
        return jwt.encode({name: value for name, value in claims.items() if value is not None}, key, algorithm=algorithm)

    def test_its_users_are_made_on_first_sight(self) -> None:
        first, second = me(self.token()), me(self.token())

        assert first.json() == second.json()
        assert (first.json()["username"], first.json()["role"], first.json()["isAdmin"]) == ("main-api:42", "MEDIA_ADMIN", True)
        assert not User.objects.get(username="main-api:42").has_usable_password()

    def test_the_role_claim_counts_on_first_sight_only(self) -> None:
        me(self.token(role="USER"))

        assert me(self.token(role="SUPER_ADMIN")).json()["role"] == "USER"

    def test_a_local_deactivation_holds(self) -> None:
        me(self.token())
        User.objects.filter(username="main-api:42").update(is_active=False)

        assert me(self.token()).status_code == 401

    def test_its_admin_is_not_our_admin(self, make_user: MakeUser) -> None:
        ours = make_user(is_superuser=True)

        body = me(self.token(sub=ours.username, role=None)).json()

        assert (body["id"] != ours.pk, body["role"]) == (True, "USER")

    @pytest.mark.parametrize("role", ["ROOT", "media_admin", 7, None, ["SUPER_ADMIN"], {"x": 1}])
    def test_a_role_that_is_none_of_ours_gives_nothing(self, role: Any) -> None:
        assert me(self.token(role=role)).json()["role"] == "USER"

    @pytest.mark.parametrize(
        "changes",
        [
            {"iss": "other"},
            {"iss": None},
            {"aud": "other"},
            {"aud": None},
            {"exp": 1},
            {"exp": None},
            {"sub": None},
            {"sub": ""},
            {"sub": "a\0b"},
            {"sub": "x" * 200},
            {"nbf": 9_999_999_999},
            {"key": "another secret that is long enough, really"},
            {"algorithm": "HS512"},
        ],
    )
    def test_what_does_not_hold_is_refused(self, changes: dict[str, Any]) -> None:
        assert me(self.token(**changes)).status_code == 401
        assert not Group.objects.filter(user__username__startswith="main-api:").exists()

    def test_a_public_key_is_no_secret(self, settings: Any) -> None:
        private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        public = private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
        settings.MAIN_API_JWT_KEY, settings.MAIN_API_JWT_ALGORITHM = public, "RS256"
        claims = {"sub": "42", "iss": "main", "aud": "media", "exp": int(time.time()) + 60}
        good = jwt.encode(claims, private, algorithm="RS256")
        body = forged({"alg": "HS256", "typ": "JWT"}, claims).rstrip(".")
        mac = base64.urlsafe_b64encode(hmac.new(public.encode(), body.encode(), hashlib.sha256).digest()).decode().rstrip("=")

        assert me(good).status_code == 200
        assert me(f"{body}.{mac}").status_code == 401
        assert me(forged({"alg": "none"}, claims)).status_code == 401

    def test_without_a_key_its_tokens_mean_nothing(self, settings: Any) -> None:
        settings.MAIN_API_JWT_KEY = ""

        assert me(self.token()).status_code == 401
