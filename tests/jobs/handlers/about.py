"""Params of every job type, for tests that all of them must pass."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from jobs.parts import content_of
from jobs.registry import JobType
from media_library.models import Video

Params = dict[str, Any]


def _clips(number: int) -> Callable[[int], Params]:
    return lambda video_id: {"clips": [{"videoId": video_id}] * number}


# What makes a job about one video, of those types that need more than its videoId.
ABOUT_A_VIDEO: Mapping[str, Callable[[int], Params]] = {
    "auto_organize_publish": lambda video_id: {"videoId": video_id, "category": "clips"},
    "clip_extract_only": lambda video_id: {"videoId": video_id, "clips": [{"inPoint": 0, "outPoint": 0.4}], "tolerance": 0.1},
    "clip_generate": lambda video_id: {"videoId": video_id, "inPoint": 0.1, "outPoint": 0.5},
    "compilation": _clips(2),
    "compile_quad": _clips(4),
    "compile_quad_horizontal": _clips(4),
    "compile_quad_vertical": _clips(4),
    "compile_side_by_side": _clips(2),
    "encode_part": lambda video_id: {"videoId": video_id, "content": content_of(Video.objects.get(pk=video_id)), "start": 0},
    "generate_gif": lambda video_id: {"videoId": video_id, "width": 64, "duration": 0.4},
    "join_parts": lambda video_id: {"videoId": video_id, "content": content_of(Video.objects.get(pk=video_id)), "jobIds": [1]},
    "publish_video": lambda video_id: {"videoId": video_id, "category": "clips"},
    "reencode_streaming": lambda video_id: {"videoId": video_id, "alwaysEncode": True},
}
# What makes a job about the library that holds them.
ABOUT_THE_LIBRARY: Mapping[str, Params] = {
    "compile_random": {"count": 5, "clipLength": 0.5, "seed": 5},
    "hash_videos": {},
    "organize": {"fromDirectory": "videos"},
    "organize_studio": {},
    "public_scan": {},
    "reconcile_counters": {},
    "scan": {},
}


def jobs_about(kind: JobType, videos: Sequence[Video]) -> list[Params]:
    """Params of one job about each video, or of one about their library."""
    if kind.name in ABOUT_THE_LIBRARY:
        return [ABOUT_THE_LIBRARY[kind.name]]
    if make := ABOUT_A_VIDEO.get(kind.name):
        return [make(video.pk) for video in videos]
    required = set(kind.params_schema().get("required", ()))
    assert required <= {"videoId"} and kind.video, f"neither ABOUT_A_VIDEO nor ABOUT_THE_LIBRARY knows the type {kind.name}"
    return [{"videoId": video.pk} for video in videos]
