"""Whether the library can be served, part by part."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from django.conf import settings
from drf_spectacular.utils import extend_schema
from redis import RedisError
from rest_framework import serializers
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from config import redis
from config.api.errors import DATABASE_RETRY_AFTER
from config.api.service import database_answers
from jobs.models import Lane
from jobs.nodes import live_workers

NEEDED = ("database", "library")  # what requests need; without the others they are served just the same


class CheckSerializer(serializers.Serializer[Any]):
    ok = serializers.BooleanField()
    reason = serializers.CharField(required=False, help_text="why not, for a person")


class HealthSerializer(serializers.Serializer[Any]):
    status = serializers.ChoiceField(choices=["ok", "degraded", "disabled"])
    checks = serializers.DictField(child=CheckSerializer())


class Health(APIView):
    authentication_classes = []
    permission_classes = [AllowAny]

    @extend_schema(responses={200: HealthSerializer, 503: HealthSerializer}, operation_id="health", tags=["service"], auth=[])
    def get(self, request: Request) -> Response:
        """How each part is; 503 when one that requests need is down."""
        if not settings.ENABLE_MEDIA_FEATURES:
            return Response({"status": "disabled", "checks": {}})
        has_database = database_answers()
        checks = {
            "database": _check(has_database, "The database cannot be reached"),
            "broker": _check(_redis_answers(), "Redis cannot be reached; views are counted in the database, jobs start later"),
            "library": _check(os.access(Path(settings.LIBRARY_ROOT), os.R_OK | os.X_OK), "The library's folder is missing or unreadable"),
            "workers": _workers() if has_database else _check(False, "The database, which knows them, cannot be reached"),
        }
        if all(checks[part]["ok"] for part in NEEDED):
            return Response({"status": "ok", "checks": checks})
        return Response({"status": "degraded", "checks": checks}, status=503, headers={"Retry-After": str(DATABASE_RETRY_AFTER)})


def _check(is_ok: bool, reason: str) -> dict[str, Any]:
    return {"ok": True} if is_ok else {"ok": False, "reason": reason}


def _workers() -> dict[str, Any]:
    """Whether every lane has a worker that lives."""
    served = set(live_workers().values_list("lane", flat=True))
    if not served:
        return _check(False, "No worker is running; jobs wait")
    unserved = [lane for lane in Lane.values if lane not in served]
    return _check(not unserved, f"No worker serves {' and '.join(unserved)}; their jobs wait")


def _redis_answers() -> bool:
    try:
        return bool(redis.client().ping())
    except RedisError:
        return False
