"""A job for each of many videos, submitted by one request."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from rest_framework.exceptions import ValidationError

from gallery.services import VIDEO_NOT_FOUND
from jobs import registry, services
from media_library.models import Video

VIDEO_PARAM = "videoId"
DEFAULT_PRIORITY = 5


@transaction.atomic
def submit_for(ids: list[int], asked: Mapping[str, Any], *, by: User) -> list[dict[str, Any]]:
    """A result for each id, in the order asked; a type that is about no single video gets one job for all of them."""
    kind = registry.get(asked["action"])
    params, priority = asked.get("params", {}), asked.get("priority", DEFAULT_PRIORITY)
    found = set(Video.objects.filter(pk__in=ids).values_list("pk", flat=True))
    jobs: dict[int, int] = {}
    try:
        if VIDEO_PARAM in kind.params_schema().get("properties", {}):
            jobs = {id: services.submit(kind.name, {**params, VIDEO_PARAM: id}, priority=priority, by=by).pk for id in sorted(found)}
        elif found:
            jobs = dict.fromkeys(found, services.submit(kind.name, params, priority=priority, by=by).pk)
    except services.Refused as error:
        raise ValidationError({f"params.{path}": problems for path, problems in error.details.items()}) from error
    return [_result(id, jobs.get(id)) for id in ids]


def _result(video_id: int, job_id: int | None) -> dict[str, Any]:
    return {"id": video_id, "ok": False, "error": VIDEO_NOT_FOUND} if job_id is None else {"id": video_id, "ok": True, "jobId": job_id}
