"""Bearer tokens: our own, and those of a main API where one is configured. Never from a cookie or the query string."""

from __future__ import annotations

from typing import Any

import jwt
from django.conf import settings
from django.contrib.auth.models import Group, User
from django.db import transaction
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request
from rest_framework_simplejwt.authentication import JWTAuthentication
from rest_framework_simplejwt.exceptions import AuthenticationFailed as TokenRefused
from rest_framework_simplejwt.exceptions import TokenError
from rest_framework_simplejwt.tokens import AccessToken, Token

from config.roles import ROLES

LONGEST_TOKEN = 8192  # characters
CLOCK_LEEWAY = 30  # seconds that another machine's clock may be off
REFUSED = "This token is not valid or has expired"
BEARER = 'Bearer realm="api"'


class BearerAuthentication(BaseAuthentication):
    """The user of `Authorization: Bearer <token>`; a token that is not good is a 401, not an anonymous visitor."""

    def authenticate(self, request: Request) -> tuple[User, Any] | None:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            return None
        if not 0 < len(token) <= LONGEST_TOKEN:
            raise AuthenticationFailed(REFUSED)
        user = _own_user(token) or _main_api_user(token)
        if user is None or not user.is_active:
            raise AuthenticationFailed(REFUSED)
        return user, None

    def authenticate_header(self, request: Request) -> str:
        return BEARER


def user_of(token: Token) -> User | None:
    """The user that one of our tokens names; None when deactivated, gone, or with a new password since."""
    try:
        user = JWTAuthentication().get_user(token)
    except (TokenRefused, ValueError):
        return None
    return user if isinstance(user, User) else None


def _own_user(text: str) -> User | None:
    """The user of an access token that we signed; None where it is not ours or no longer good."""
    try:
        return user_of(AccessToken(text))  # type: ignore[arg-type] # annotated as a token, takes its text
    except (TokenError, ValueError):
        return None


def _main_api_user(token: str) -> User | None:
    """The user that the main API's token names, created on first sight; None where it is no such token."""
    if not settings.MAIN_API_JWT_KEY:
        return None
    try:
        claims = jwt.decode(
            token,
            settings.MAIN_API_JWT_KEY,
            algorithms=[settings.MAIN_API_JWT_ALGORITHM],
            issuer=settings.MAIN_API_JWT_ISSUER or None,
            audience=settings.MAIN_API_JWT_AUDIENCE or None,
            leeway=CLOCK_LEEWAY,
            options={"require": ["exp", settings.MAIN_API_JWT_USER_CLAIM], "verify_aud": bool(settings.MAIN_API_JWT_AUDIENCE)},
        )
    except (jwt.PyJWTError, ValueError):
        return None
    name = str(claims[settings.MAIN_API_JWT_USER_CLAIM])
    role = claims.get(settings.MAIN_API_JWT_ROLE_CLAIM)
    return _user_of_main_api(name, role=role if role in ROLES else None)


@transaction.atomic
def _user_of_main_api(name: str, *, role: str | None) -> User | None:
    """The account of the main API's user, apart from local accounts, so that a token naming `admin` is not our admin.

    The role claim counts on first sight only: from then on the database says who may do what.
    """
    username = f"main-api:{name}"
    if not name or "\0" in name or len(username) > 150:
        return None
    user, is_new = User.objects.get_or_create(username=username)
    if is_new:
        user.set_unusable_password()
        user.save(update_fields=["password"])
        if role:
            user.groups.add(Group.objects.get_or_create(name=role)[0])
    return user
