"""Users of every role, and media to react to."""

from __future__ import annotations

from tests.config.conftest import admin, admin_api, make_user, visitor

__all__ = ["admin", "admin_api", "make_user", "visitor"]
