"""What is closed to the public is nowhere to be found a second later: not by its name, its picture or its comments."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from werkzeug.test import Client

from config.api.shortcuts import Shortcuts
from config.wsgi import django
from gallery import services
from gallery.comments import Commenter
from gallery.counters import visitor
from gallery.services import engagement
from media_library.models import Video
from reactions import services as reactions
from reactions.models import ReactionType
from tests.clock import Clock
from tests.config.test_authorisation import OPEN as ANYBODY
from tests.config.test_authorisation import PAGES, ROUTES
from tests.fuzz.conftest import MOST_VIDEOS, Role
from tests.fuzz.conftest import OPEN as OTHER
from tests.gallery import rows

STALE = 1.0  # seconds for which a cached answer may outlive a lock
SESSION = "sess_abc123def456"
WORD = "harbour"  # what somebody might search for
NAME, TITLE, CATEGORY, SAID, BY = "harbour-7f3a91c2", "The harbour 5d20ee81", "docks-b3f190aa", "seagulls 91ce07d4", "Mariner 6a55b0f3"
SECRETS = [NAME, TITLE, CATEGORY, SAID, BY]
POSTS = {"v/<id:media_id>/upvote", "v/<id:media_id>/comments/<id:comment_id>/delete"}
ELSEWHERE = {"static/<path:path>", "admin", *POSTS}  # our own files; staff

# Every address that anybody may GET, in all the ways that could show the closed medium. A new one is listed here or the test fails.
SORTS, SIDES = ("recent", "popular", "most_viewed"), ("landscape", "portrait", "square")
LIST = [f"?sort={sort}" for sort in SORTS] + [f"?orientation={side}" for side in SIDES] + ["", f"?search={WORD}"]
OF_CATEGORY = f"?category={CATEGORY}"
ADDRESSES = {
    "": [f"/{query}" for query in LIST],
    "c/<category:category>/": [f"/c/{CATEGORY}/{query}" for query in LIST],
    "c/<category:category>/feed/": [f"/c/{CATEGORY}/feed/"],
    "feed/": ["/feed/"],
    "oembed": ["/oembed?url=http://testserver/v/{id}/", "/oembed?url=http://testserver/embed/{id}/"],
    "robots.txt": ["/robots.txt"],
    "sitemap.xml": ["/sitemap.xml"],
    "sitemap-<int:number>.xml": ["/sitemap-0.xml"],
    "embed/<id:media_id>/": ["/embed/{id}/"],
    "v/<id:media_id>/": ["/v/{id}/", "/v/{other}/"],
    "v/<id:media_id>/<str:slug>/": ["/v/{id}/guess/"],
    "v/<id:media_id>/comments": ["/v/{id}/comments", "/v/{other}/comments"],
    "api/media/public": [
        f"/api/media/public{query}{'&' if query else '?'}{page}"
        for query in [*LIST, OF_CATEGORY]
        for page in ("limit=100", "limit=1&offset=1", "limit=1")
    ],
    "api/media/public/categories": ["/api/media/public/categories"],
    "api/media/public/<id:media_id>": [
        "/api/media/public/{id}",
        "/api/media/public/{id}?sessionId=" + SESSION,
        "/api/media/public/{other}",
    ],
    "api/media/public/<id:media_id>/related": ["/api/media/public/{id}/related", "/api/media/public/{other}/related?limit=100"],
    "api/media/public/<id:media_id>/stream": ["/api/media/public/{id}/stream"],
    "api/media/public/<id:media_id>/playback": ["/api/media/public/{id}/playback"],
    "api/media/public/<id:media_id>/hls/<str:name>": ["/api/media/public/{id}/hls/master.m3u8", "/api/media/public/{id}/hls/720.m4s"],
    **{
        f"api/media/public/<id:media_id>/{made}": [f"/api/media/public/{{id}}/{made}"]
        for made in ("preview", "sprite", "storyboard.vtt", "chapters.vtt", "remarks")
    },
    "api/media/comments": [
        "/api/media/comments?mediaId={id}",
        "/api/media/comments?mediaId={id}&sessionId=" + SESSION,
        "/api/media/comments?mediaId={other}",
    ],
    "api/reactions": ["/api/reactions", "/api/reactions?mediaId={id}", "/api/reactions?userId={user}"],
    "api/reactions/timeline": ["/api/reactions/timeline?mediaId={id}"],
    "api/reactions/config": ["/api/reactions/config"],
    **{path: [f"/{path}"] for path in ("account", "account/sign-in", "account/sign-up", "account/sign-out", "account/password")},
    "api/schema": ["/api/schema"],
    "api/docs": ["/api/docs"],
    "api/videos/health": ["/api/videos/health"],
    "healthz": ["/healthz"],
    "readyz": ["/readyz"],
    r"^thumbnails/(?P<media_id>[1-9][0-9]{0,17})-(?P<poster_hash>[0-9a-f]{12})\.webp$": ["{thumbnail}"],
    r"^thumbnails/(?P<media_id>[1-9][0-9]{0,17})-(?P<poster_hash>[0-9a-f]{12})-(?P<side>320|480)\.webp$": ["{small_thumbnail}"],
}


@pytest.fixture
def site(clock: Clock) -> Client:
    """The application with an empty memory."""
    return Client(Shortcuts(django), use_cookies=False)


@dataclass(frozen=True)
class Answer:
    """What an address said, headers and all."""

    status: int
    text: str
    etag: str | None

    def tells(self, address: str) -> list[str]:
        """The secrets in it; those that the address itself names are no news."""
        return [secret for secret in SECRETS if secret in self.text and secret not in address]


def test_every_public_address_is_crawled() -> None:
    public = {route for route, (who, methods) in ROUTES.items() if who == ANYBODY and "GET" in methods} | set(PAGES)

    assert set(ADDRESSES) == public - ELSEWHERE


CLOSINGS: dict[str, Callable[[int, User], object]] = {
    "locked": lambda id, by: services.lock([id], reason="rights", by=by),
    "unpublished": lambda id, by: services.unpublish([id], by=by),
    "removed": lambda id, by: services.mark_invalid([id], reason="rights", by=by),
}


@pytest.mark.parametrize("closing", CLOSINGS)
@pytest.mark.usefixtures("transactional_db")
def test_what_is_closed_is_nowhere_a_second_later(site: Client, clock: Clock, roles: list[Role], library: Path, closing: str) -> None:
    user, editor = User.objects.get(username="user"), User.objects.get(username="editor")
    medium = published(editor, user)
    places = {"id": medium.pk, "other": OTHER, "user": user.pk, "thumbnail": thumbnail_of(medium)}
    places["small_thumbnail"] = str(places["thumbnail"]).replace(".webp", "-320.webp")
    addresses = [address.format(**places) for listed in ADDRESSES.values() for address in listed]
    asked_by = roles[:2]  # an admin sees it still
    before = {
        (role.name, address): ask(site, address, role) for role in asked_by for address in addresses for _ in range(2)
    }  # also quickly
    assert {secret for (_, address), answer in before.items() for secret in answer.tells(address)} == set(SECRETS)  # the crawl sees

    CLOSINGS[closing](medium.pk, editor)
    at_once = [address for address in addresses if ask(site, address, asked_by[0]).tells(address)]
    clock.now += STALE
    assert {"/api/media/public?limit=100", f"/api/media/public/{medium.pk}"} <= set(at_once)  # the memory is what is tested

    for role in asked_by:
        after = {address: ask(site, address, role) for address in [*addresses, *linked(site, role, addresses)]}
        assert {address: told for address, answer in after.items() if (told := answer.tells(address))} == {}
        own = [address for address in addresses if re.search(rf"(/|mediaId=){medium.pk}\b", address)]
        still_open = {address: after[address].status for address in own if after[address].status not in (403, 404)}
        assert set(still_open) <= {f"/api/reactions?mediaId={medium.pk}"}  # where a filter that matches nothing is an empty list
        for address in addresses:
            known = before[role.name, address]
            is_stale = known.etag and known.tells(address) and ask(site, address, role, if_none_match=known.etag).status == 304
            assert not is_stale, address


def published(editor: User, user: User) -> Video:
    """A medium in a category of its own, with views, votes, comments and reactions: the first in every order."""
    medium = rows.video(id=MOST_VIDEOS + 1, filename=f"{NAME}.mp4", path=f"studios/{NAME}/{NAME}.mp4", title=TITLE, producer=NAME)
    rows.with_file(medium, NAME.encode() * 100)
    poster = settings.THUMBNAIL_ROOT / str(medium.thumbnail_path)
    poster.parent.mkdir(parents=True, exist_ok=True)
    poster.write_bytes(NAME.encode() * 10)
    services.publish([medium.pk], category=CATEGORY, by=editor)
    engagement.give_upvote(medium.pk, session=visitor(SESSION))
    services.post_comment(medium.pk, Commenter(session=visitor(SESSION)), content=SAID, author_name=BY, video_timestamp=1, parent_id=None)
    reactions.react(user, media_id=medium.pk, reaction_type=ReactionType.LOVE, at=1)
    return medium


def thumbnail_of(medium: Video) -> str:
    medium.refresh_from_db()
    return str(medium.public.thumbnail_path)


def ask(site: Client, address: str, role: Role, *, if_none_match: str = "") -> Answer:
    headers = {**role.headers, **({"If-None-Match": if_none_match} if if_none_match else {})}
    reply = site.get(address, headers=headers)
    text = "".join(f"{name}: {value}\n" for name, value in reply.headers) + reply.get_data().decode("utf-8", "replace")
    return Answer(reply.status_code, text, reply.headers.get("ETag"))


def linked(site: Client, role: Role, addresses: list[str]) -> Iterator[str]:
    """Every other address of ours that these answers name, and those that theirs name."""
    seen, waiting = set(addresses), list(addresses)
    while waiting:
        found = re.findall(r"[\"'(=](/(?!/|static/|admin)[^\"'()\s<>\\{}]*)", ask(site, waiting.pop(), role).text)
        for address in {link.replace("&amp;", "&") for link in found} - seen:
            seen.add(address)
            waiting.append(address)
            yield address
