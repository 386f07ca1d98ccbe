"""`fetch`: a video from the web into the inbox."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from django.conf import settings
from pydantic import Field, field_validator

from jobs.context import JobContext
from jobs.failures import JobFailed
from jobs.fetching import pages, partials
from jobs.fetching.addresses import Rules, Target, look_up, parse, rules_of
from jobs.fetching.download import Limits, Listener, download, megabytes
from jobs.fetching.requests import Caller
from jobs.fetching.wire import Patience
from jobs.models import Job, Lane
from jobs.recipes import FromTheWeb
from jobs.registry import job_type
from jobs.verification import probe
from media_library.audit import note
from media_library.ffmpeg.errors import UnreadableMedia
from media_library.ffmpeg.probe import Probe, clean_text
from media_library.models import DirectoryType, Video
from media_library.naming import LONGEST_TITLE, readable_title
from media_library.paths import encode_path
from media_library.scanner.roots import library_is_there

GIB = 2**30
SECONDS_BETWEEN_LINES = 30.0
IN_WEBM = frozenset(("vp8", "vp9", "av1", "vorbis", "opus", None))
SUFFIXES = {"mov": ".mp4", "avi": ".avi", "mpegts": ".ts", "gif": ".gif", "flv": ".flv", "ogg": ".ogv"}  # by the first name of a format


def rules() -> Rules:
    return rules_of(settings.FETCH_ALLOWED_NETWORKS, settings.FETCH_PORTS)


class FetchParams(FromTheWeb):
    from_page: bool = Field(False, description="the address is that of a page, in which yt-dlp looks for the video")
    producer: str = Field("", max_length=200, description="who made it; organising puts it into their folder")
    max_bytes: int | None = Field(None, ge=1, description="larger files are given up; FETCH_MAX_SIZE_GB bounds it")
    max_seconds: float | None = Field(None, ge=1, description="when to give up; FETCH_TIMEOUT_SECONDS bounds it")
    max_rate: int | None = Field(None, ge=65_536, description="bytes a second at most, to leave some of the line to others")

    @field_validator("url")
    @classmethod
    def _may_be_asked(cls, url: str) -> str:
        rules().check(parse(url))
        return url

    @field_validator("from_page")
    @classmethod
    def _may_be_looked_for(cls, from_page: bool) -> bool:
        if from_page and (problem := pages.problem()):
            raise ValueError(problem)
        return from_page

    @property
    def target(self) -> Target:
        return parse(self.url)

    @property
    def limits(self) -> Limits:
        most = int(settings.FETCH_MAX_SIZE_GB * GIB)
        return Limits(size=min(self.max_bytes or most, most), rate=self.max_rate)

    @property
    def seconds(self) -> float:
        most: float = settings.FETCH_TIMEOUT_SECONDS
        return min(self.max_seconds or most, most)


@job_type("fetch", lane=Lane.CPU, params=FetchParams)
def fetch(context: JobContext, params: FetchParams) -> dict[str, Any]:
    """Download a video from a public address of the web into the library's folder inbox.

    A connection that breaks goes on where it broke. What comes must be a video; its file is named by us.
    """
    if not library_is_there():
        suggestion = "Look whether the disk is mounted, and scan the library."
        raise JobFailed("library_missing", "The library's folder is not there", suggestion=suggestion, is_transient=True)
    target = params.target
    context.log(f"Asks for {target}")
    caller, file, title = _caller(context, params), target, params.title
    if params.from_page:
        page = pages.look(target, caller)
        context.log(f"yt-dlp found {page.target}")
        caller, file, title = replace(caller, headers=page.headers), page.target, title or page.title
    with partials.opened(context.job_id) as partial:
        download(file, partial, caller, params.limits, _listener(context))
        found = _look(partial.descriptor)
        place = Path(DirectoryType.INBOX) / f"fetched-{context.job_id}{_suffix(found)}"
        draft = context.draft(place)
        partial.become(draft)
    output = context.finish(draft, place)
    context.register(output, title=_title(title, target, found))
    context.with_completion(lambda: _note_origin(context, output.path, target, params))
    return {"path": output.path.as_posix(), "size": output.size, "origin": str(target)}


def _caller(context: JobContext, params: FetchParams) -> Caller:
    patience = Patience(
        context.check,
        seconds=params.seconds,
        window=settings.FETCH_PATIENCE_SECONDS,
        least_rate=settings.FETCH_LEAST_BYTES_PER_SECOND,
    )
    return Caller(rules(), patience, look_up)


def _listener(context: JobContext) -> Listener:
    told_at = time.monotonic()

    def show(size: int, total: int | None) -> None:
        nonlocal told_at
        context.report(100 * size / total if total else 0)
        if time.monotonic() - told_at >= SECONDS_BETWEEN_LINES:
            told_at = time.monotonic()
            context.log(f"{megabytes(size)} of {megabytes(total) if total else 'nobody knows how many'}")

    return Listener(context.log, show)


def _look(descriptor: int) -> Probe:
    """What has come; raises `JobFailed` where it is no video."""
    try:
        return probe(descriptor)
    except UnreadableMedia as error:
        suggestion = "Open the address in a browser: it has to play there, or to be saved as a video."
        raise JobFailed("no_video", f"What came is no video: {error}", suggestion=suggestion) from error


def _suffix(found: Probe) -> str:
    """By the content: what the server calls it, nobody knows."""
    name = found.container.partition(",")[0]
    if name == "matroska":
        return ".webm" if {found.video_codec, found.audio_codec} <= IN_WEBM else ".mkv"
    if name not in SUFFIXES:
        suggestion = "Convert it to MP4 first."
        raise JobFailed("no_video", f"What came is a file of the kind {name}, which the library does not list", suggestion=suggestion)
    return SUFFIXES[name]


def _title(said: str, target: Target, found: Probe) -> str:
    """What the admin or the page says, else the file, else the address that the admin gave."""
    name = unquote(target.path.partition("?")[0].rpartition("/")[2])
    return clean_text(said, longest=LONGEST_TITLE) or found.tags.get("title") or readable_title(name) or target.host


def _note_origin(context: JobContext, path: Path, target: Target, params: FetchParams) -> dict[str, Any]:
    """Have the video know where it came from: its history keeps that, and it is what the job is about."""
    video = Video.objects.get(path=encode_path(path.as_posix()))
    if params.producer:
        Video.objects.filter(pk=video.pk).update(producer=params.producer)
    Job.objects.filter(pk=context.job_id).update(video=video)
    note([video.pk], f"Fetched from {target}.", by=context.row().submitted_by)
    return {}
