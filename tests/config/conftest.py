"""Users of every role, and clients that sign in as them."""

from __future__ import annotations

import uuid
from collections.abc import Callable

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client
from pytest_django.fixtures import Settings
from rest_framework_simplejwt.tokens import RefreshToken

MakeUser = Callable[..., User]
PASSWORD = "correct horse battery staple"


@pytest.fixture(autouse=True)
def _cheap_passwords(settings: Settings) -> None:
    """A real hash takes a fifth of a second by design; only the test of that time needs it."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture
def make_user(db: None) -> MakeUser:
    """Makes a user of a role with a name of its own, so that throttles of other tests do not count it."""

    def make(role: str | None = None, *, is_active: bool = True, is_superuser: bool = False) -> User:
        user = User.objects.create_user(f"user-{uuid.uuid4().hex[:10]}", password=PASSWORD, is_active=is_active, is_superuser=is_superuser)
        if role:
            user.groups.add(Group.objects.get_or_create(name=role)[0])
        return user

    return make


@pytest.fixture
def admin(make_user: MakeUser) -> User:
    return make_user("MEDIA_ADMIN")


@pytest.fixture
def visitor() -> Client:
    """Nobody in particular; errors come as replies, as they do from a server."""
    return Client(raise_request_exception=False)


@pytest.fixture
def admin_api(admin: User) -> Client:
    return signed_in(admin)


def signed_in(user: User) -> Client:
    """A client that sends the user's access token."""
    return Client(raise_request_exception=False, headers={"Authorization": f"Bearer {access_token(user)}"})


def access_token(user: User) -> str:
    return str(RefreshToken.for_user(user).access_token)
