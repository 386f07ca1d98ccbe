"""Who may call what; the role is read from the database with every request."""

from __future__ import annotations

from typing import Any

from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from config.roles import is_media_admin


class IsMediaAdmin(BasePermission):
    """One of `MEDIA_ADMIN_ROLES`."""

    message = "This needs an administrator of the library"

    def has_permission(self, request: Request, view: Any) -> bool:
        return is_media_admin(request.user)
