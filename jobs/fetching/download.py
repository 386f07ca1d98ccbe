"""The bytes of one file, all of them and no more than allowed, however often the connection breaks."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from http.client import HTTPResponse
from pathlib import Path

from django.conf import settings

from jobs.claims import NO_SPACE
from jobs.failures import JobFailed
from jobs.fetching.addresses import Target
from jobs.fetching.partials import Partial
from jobs.fetching.requests import Caller, require_success
from jobs.fetching.wire import WHOLE, Interrupted
from media_library import space

SECONDS_BETWEEN_KEEPINGS = 10.0
SECONDS_BEFORE_GOING_ON = 1.0  # after a connection broke
OLD_ENOUGH = timedelta(minutes=1)  # of a date that tells two versions of a file apart
WEB_PAGES = ("text/html", "application/xhtml+xml")

_ETAG = re.compile(r'"[\x21\x23-\x7e]*"')
_DATE = re.compile(r"[ -~]{1,64}")
_RANGE = re.compile(r"bytes (\d{1,18})-(\d{1,18})/(\d{1,18})")
_NUMBER = re.compile(r"\d{1,18}")


@dataclass(frozen=True)
class Limits:
    """What a download may have."""

    size: int  # bytes
    rate: int | None = None  # bytes a second


@dataclass(frozen=True)
class Listener:
    """Who is told how a download goes: in a line, and in bytes of all the bytes (None: nobody knows)."""

    say: Callable[[str], None]
    show: Callable[[int, int | None], None]


def download(target: Target, partial: Partial, caller: Caller, limits: Limits, listener: Listener) -> None:
    """Fill `partial` with what lies at `target`, from where an earlier attempt left off if that is still the same file.

    Raises `Interrupted` where the connection breaks without having brought anything new, and `JobFailed`.
    """
    most = partial.size
    while True:
        began_with = partial.size
        try:
            _go_on(target, partial, caller, limits, listener)
            return partial.keep()
        except Interrupted as interrupted:
            was_thrown_away = began_with and not partial.size
            if partial.size <= most and not was_thrown_away:
                raise
            most = max(most, partial.size)
            partial.keep()
            listener.say(f"{interrupted}; goes on after {megabytes(partial.size)}.")
        caller.patience.begin()
        caller.patience.sleep(SECONDS_BEFORE_GOING_ON)


def _go_on(target: Target, partial: Partial, caller: Caller, limits: Limits, listener: Listener) -> None:
    with caller.get(target, _wanted(partial)) as response:
        if response.status == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE and partial.size:
            partial.start_over(None)
            raise Interrupted("What the server has is shorter than what it had")
        require_success(response, target.host)
        total = _accept(response, partial, listener)
        _require_room(partial, total, limits)
        _read(response, partial, total, caller, limits, listener)
    if total is not None and partial.size != total:
        raise Interrupted(f"The connection ended after {partial.size:,} of {total:,} bytes")
    if not partial.size:
        raise JobFailed("no_video", f"{target.host} sent an empty file", suggestion="Fetch another address.")


def _wanted(partial: Partial) -> dict[str, str]:
    if not (partial.size and partial.validator):
        return {}
    return {"Range": f"bytes={partial.size}-", "If-Range": partial.validator}


def _accept(response: HTTPResponse, partial: Partial, listener: Listener) -> int | None:
    """Look at what comes before the bytes: whether they continue what is there, and how many there will be; None: nobody says."""
    if response.getheader("Content-Encoding", "identity").strip().lower() not in ("", "identity"):
        raise JobFailed("server_refused", "The server packs the file though it was asked not to", suggestion="Fetch it from elsewhere.")
    if response.getheader("Content-Type", "").partition(";")[0].strip().lower() in WEB_PAGES:
        suggestion = "Fetch the address of the video file itself; with fromPage, yt-dlp looks for it in pages, where that is allowed."
        raise JobFailed("no_video", "A web page lies there, and no video", suggestion=suggestion)
    if response.status == HTTPStatus.PARTIAL_CONTENT:
        total = _continued(response, partial)
        listener.say(f"Goes on after {megabytes(partial.size)} of {megabytes(total)}.")
        return total
    if partial.size:
        listener.say("The server has another file by now, or cannot go on: starts over.")
    partial.start_over(_validator(response))
    length = response.getheader("Content-Length", "")
    announced = int(length) if _NUMBER.fullmatch(length) and not response.chunked else None
    listener.say(f"Receives {'a file of unknown size' if announced is None else megabytes(announced)}.")
    return announced


def _continued(response: HTTPResponse, partial: Partial) -> int:
    """How many bytes the whole has of which the server sends the rest; raises `Interrupted` where it sends something else."""
    found = _RANGE.fullmatch(response.getheader("Content-Range", "").strip())
    etag = response.getheader("ETag")
    is_same = etag is None or not (partial.validator or "").startswith('"') or etag == partial.validator
    if not (found and partial.size and is_same and int(found[1]) == partial.size and int(found[2]) + 1 == int(found[3])):
        partial.start_over(None)
        raise Interrupted("The server sent another part than was asked for")
    return int(found[3])


def _validator(response: HTTPResponse) -> str | None:
    """What tells this version of the file from others for certain."""
    etag, modified = response.getheader("ETag", ""), response.getheader("Last-Modified", "")
    if _ETAG.fullmatch(etag):
        return etag
    try:
        was_old = parsedate_to_datetime(response.getheader("Date", "")) - parsedate_to_datetime(modified) >= OLD_ENOUGH
    except (TypeError, ValueError):
        return None
    return modified if was_old and _DATE.fullmatch(modified) else None


def _require_room(partial: Partial, total: int | None, limits: Limits) -> None:
    size = partial.size if total is None else total
    if size > limits.size:
        suggestion = "Allow more with maxBytes, or FETCH_MAX_SIZE_GB."
        raise JobFailed("too_large", f"It has more than {megabytes(limits.size)}", suggestion=suggestion)
    if not space.has_room(Path(settings.LIBRARY_ROOT), size - partial.size):
        raise JobFailed(NO_SPACE, f"The disk has no room for {megabytes(size)}", suggestion="Make room on the disk.", is_transient=True)


def _read(response: HTTPResponse, partial: Partial, total: int | None, caller: Caller, limits: Limits, listener: Listener) -> None:
    began_at = kept_at = time.monotonic()
    came = 0
    while total is None or partial.size < total:
        piece = response.read1(WHOLE if total is None else min(WHOLE, total - partial.size))
        if not piece:
            return
        partial.write(piece)
        came += len(piece)
        listener.show(partial.size, total)
        if partial.size > limits.size or time.monotonic() - kept_at > SECONDS_BETWEEN_KEEPINGS:
            _require_room(partial, None, limits)
            partial.keep()
            kept_at = time.monotonic()
        if limits.rate:
            caller.patience.sleep(came / limits.rate - (time.monotonic() - began_at))


def megabytes(size: int) -> str:
    return f"{size / 1e6:,.1f} MB"
