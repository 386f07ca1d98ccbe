"""The list, one medium and votes, answered without Django; what they say is told in `gallery.api.media` and `.engagement`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache, partial
from itertools import compress
from typing import Any

from django.conf import settings
from django.http import QueryDict

from config.api.fields import camel_row
from config.api.rendering import dumps
from config.api.shortcuts import FORBIDDEN, NOT_FOUND, Environ, NotForUs, Reply, is_signed_in, json_body
from config.api.throttling import Limit, address_limit, seconds_to_wait_of_each, session_limit, vote_limit
from config.batching import Batched
from config.database import LARGEST_ID
from config.micro_cache import MicroCache
from gallery.api.engagement import upvoted
from gallery.api.errors import MEDIA_IS_LOCKED
from gallery.api.media import detail_etag, page_reply, public_query
from gallery.counters import visitor
from gallery.listing import InvalidCursor, MediaLocked, MediaNotFound, PublicQuery, public_detail
from gallery.services import MEDIA_NOT_FOUND, engagement
from gallery.visits import count_visit

LIST = "/api/media/public"
MEDIUM = rf"{LIST}/([1-9][0-9]{{0,18}})"
SESSION = re.compile(r"(?:sessionId=([A-Za-z0-9_-]{8,128}))?", re.ASCII)
VOTER = re.compile(rb'\s*\{\s*"sessionId"\s*:\s*"([A-Za-z0-9_-]{8,128})"\s*\}\s*')
MOST_PAGES = 1000  # that a process remembers
LONGEST_VOTE = 256  # bytes of a body


class MediaPages:
    """GET /api/media/public"""

    method = "GET"
    path = re.compile(LIST)

    def __init__(self) -> None:
        self._pages: MicroCache[PublicQuery, Reply] = MicroCache(
            seconds=settings.MICRO_CACHE_SECONDS, most_entries=MOST_PAGES, most_bytes=32 * 2**20, size_of=lambda page: len(page.body)
        )

    def answer(self, environ: Environ, *parts: str) -> Reply:
        query = _asked(environ.get("QUERY_STRING", ""))
        read = partial(_readers_of(query), None)
        try:
            return read() if is_signed_in(environ) else self._pages.get(query, read)
        except InvalidCursor as error:
            raise NotForUs from error


class OneMedium:
    """GET /api/media/public/{id}: a view, also where the reply comes from the cache."""

    method = "GET"
    path = re.compile(MEDIUM, re.ASCII)

    def __init__(self) -> None:
        self._media: MicroCache[int, _Medium] = MicroCache(
            seconds=settings.MICRO_CACHE_SECONDS,
            most_entries=10_000,
            most_bytes=16 * 2**20,
            size_of=lambda medium: 2 * len(medium.to_others.body),
        )

    def answer(self, environ: Environ, *parts: str) -> Reply:
        media_id, session = int(parts[0]), SESSION.fullmatch(environ.get("QUERY_STRING", ""))
        if session is None or media_id > LARGEST_ID:
            raise NotForUs
        read = partial(_Medium.read, media_id)
        try:
            medium = read() if is_signed_in(environ) else self._media.get(media_id, read)
        except (MediaNotFound, MediaLocked) as error:
            return _refusal(error)
        is_view = count_visit(media_id, environ, session_id=session[1] or "")
        return medium.to_a_viewer if is_view else medium.to_others


class Upvotes:
    """POST /api/media/public/{id}/upvote"""

    method = "POST"
    path = re.compile(f"{MEDIUM}/upvote", re.ASCII)

    def __init__(self) -> None:
        self._cast = Batched(_cast)

    def answer(self, environ: Environ, *parts: str) -> Reply:
        media_id, voter = int(parts[0]), VOTER.fullmatch(json_body(environ, LONGEST_VOTE))
        if voter is None or media_id > LARGEST_ID:
            raise NotForUs
        session_id = voter[1].decode()
        limits = address_limit(environ), session_limit(session_id), vote_limit(environ, media_id)
        ballot = _Ballot(media_id, visitor(session_id), limits)
        is_in_time, count = self._cast(ballot)
        if not is_in_time:
            raise NotForUs
        try:
            if count is None:
                count = engagement.give_upvote(media_id, session=ballot.session)
        except (MediaNotFound, MediaLocked) as error:
            return _refusal(error)
        return Reply(dumps(upvoted(count)))


@dataclass(frozen=True, slots=True)
class _Ballot:
    """A vote of a visitor, with what it counts against."""

    media_id: int
    session: str  # hashed
    limits: Sequence[Limit]


def _cast(ballots: Sequence[_Ballot]) -> list[tuple[bool, int | None]]:
    """Of each ballot whether it may come now, and the votes of its medium if it could be given with the others."""
    in_time = [wait is None for wait in seconds_to_wait_of_each([ballot.limits for ballot in ballots])]
    counts = iter(engagement.give_upvotes([(ballot.media_id, ballot.session) for ballot in compress(ballots, in_time)]))
    return [(is_in_time, next(counts) if is_in_time else None) for is_in_time in in_time]


@dataclass(frozen=True)
class _Medium:
    """The replies with a medium, each made when somebody is to get it."""

    facts: dict[str, Any]

    @classmethod
    def read(cls, media_id: int) -> _Medium:
        return cls(public_detail(media_id))

    @cached_property
    def to_a_viewer(self) -> Reply:
        """With this view."""
        return self._reply(self.facts | {"view_count": self.facts["view_count"] + 1})

    @cached_property
    def to_others(self) -> Reply:
        return self._reply(self.facts)

    def _reply(self, facts: dict[str, Any]) -> Reply:
        return Reply(dumps(camel_row(facts)), detail_etag(facts))


def _refusal(error: MediaNotFound | MediaLocked) -> Reply:
    return Reply.refusal(FORBIDDEN, MEDIA_IS_LOCKED) if isinstance(error, MediaLocked) else Reply.refusal(NOT_FOUND, MEDIA_NOT_FOUND)


@lru_cache(MOST_PAGES)
def _asked(query_string: str) -> PublicQuery:
    return public_query(QueryDict(query_string.encode("latin-1")))  # WSGI hands bytes over as Latin-1


@lru_cache(MOST_PAGES)
def _readers_of(query: PublicQuery) -> Batched[None, Reply]:
    """Those who ask for a page: for all of them who wait it is read once, after each of them has asked."""

    def read(readers: Sequence[None]) -> list[Reply]:
        return [Reply.to_a_get(page_reply(query))] * len(readers)

    return Batched(read)
