"""One-time sign-in links: whoever runs the server may open the admin without typing a password."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import urlencode

from django.contrib.auth.models import User
from django.core import signing
from django.db.models.functions import Now

LIFETIME = timedelta(minutes=15)


class DeadLink(Exception):
    """The link was used, has expired, or was never made for a user who may enter the admin."""


def link_for(user: User, *, landing: str = "") -> str:
    """The URL path that signs `user` in once, within `LIFETIME`, and then leads to the path `landing`."""
    _, token = _signer(user).sign(str(user.pk)).split(":", 1)
    return f"/admin/sign-in/{user.pk}/{token}" + (f"?{urlencode({'next': landing})}" if landing else "")


def owner_of(user_id: int, token: str) -> User:
    """The user whom a link lets in; raises `DeadLink`. The link stays good."""
    user = User.objects.filter(pk=user_id, is_active=True, is_staff=True).first()
    if user is None:
        raise DeadLink
    try:
        _signer(user).unsign(f"{user_id}:{token}", max_age=LIFETIME)
    except signing.BadSignature as error:
        raise DeadLink from error
    return user


def redeem(user_id: int, token: str) -> User:
    """The user whom a link lets in, after which the link is dead; raises `DeadLink`, also for the second of two at once."""
    user = owner_of(user_id, token)
    if not User.objects.filter(pk=user.pk, last_login=user.last_login).update(last_login=Now()):
        raise DeadLink
    return user


def _signer(user: User) -> signing.TimestampSigner:
    """Signs with what a sign-in and a change of password alter, so that either kills the links made before."""
    return signing.TimestampSigner(salt=f"sign-in link:{user.last_login}:{user.password}")
