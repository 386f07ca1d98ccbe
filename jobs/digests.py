"""Looking through a video for what a job needs to know of it, in a process of its own, and keeping what was found."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Literal

from django.conf import settings
from pydantic import Field

from jobs.context import JobContext
from jobs.failures import FULL_DISK, JobFailed
from jobs.inspecting import digesters, opened
from jobs.registry import Params
from jobs.verification import verify_made
from media_library import scenes
from media_library.ffmpeg.findings import Findings
from media_library.models import Video
from media_library.scanner.reading import StoreUnusable

LONGEST_LOOK = 12 * 3600.0  # seconds: what takes longer was made to


class Cutting(Params):
    """When one scene ends and another begins."""

    threshold: float = Field(
        default=3.0, ge=1.5, le=20, description="how many times as much as those around it a picture must change: less finds more cuts"
    )
    min_length: float = Field(default=0.6, ge=0.2, le=60, description="seconds: no scene is shorter")


def look_through(context: JobContext, video: Video, cutting: Cutting, *, task: Literal["scenes", "digest"]) -> Findings:
    """Decode all of a video once; raises `JobFailed`, or `UnreadableMedia` where nothing decodes or the end is missing."""
    begun = time.monotonic()

    def follow(done: float | None) -> None:
        if time.monotonic() - begun > LONGEST_LOOK:
            raise JobFailed("timeout", f"Looking through {video} takes too long", suggestion="Replace its file: it may be damaged.")
        context.check() if done is None else context.report(100 * done)

    with opened(video) as descriptor:
        answer = digesters().ask(task, descriptor, threshold=cutting.threshold, min_length=cutting.min_length, follow=follow)
    findings = Findings.of_answer(answer)
    if findings.sheet:
        verify_made(findings.sheet, ".webp")
    context.log(f"{len(findings.scenes):,} scenes in {findings.duration:,.1f} s, found in {time.monotonic() - begun:,.1f} s.")
    return findings


def keep(context: JobContext, video: Video, findings: Findings) -> None:
    """Have rows say what was found, once the job completes."""
    store = Path(settings.THUMBNAIL_ROOT)
    try:
        sheet_path = scenes.put_sheet(video, findings, store=store)
    except OSError as error:
        if error.errno in FULL_DISK:
            raise
        raise StoreUnusable(f"A contact sheet cannot be kept in {store}: {error.strerror}") from error

    def write() -> dict[str, int]:
        scenes.write(video, findings, sheet_path, store=store)
        return {"scenes": len(findings.scenes)}

    context.with_completion(write)
