"""Who asks."""

from __future__ import annotations

from django.contrib.auth.models import User
from rest_framework.request import Request


def admin_of(request: Request) -> User:
    assert isinstance(request.user, User)  # the permission let nobody else in
    return request.user
