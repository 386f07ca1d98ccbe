"""Requests that somebody has thought of: every one is refused in so many words, and nothing of it is kept."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import orjson
import pytest
from django.conf import settings as django_settings
from django.test import Client
from pytest_django.fixtures import Settings

from config.api.schema import document
from gallery.models import Comment, MediaStats, PublicMedia, Upvote
from media_library.models import Video
from reactions.models import VideoReaction
from tests.fuzz.conftest import LOCKED, OPEN, UNPUBLISHED, WITH_A_FILE, Role
from tests.fuzz.writes import ADMIN, OF_A_SESSION, SESSION, USER, WRITES, Write

pytestmark = pytest.mark.usefixtures("no_limits")

Send = Callable[..., Any]  # of a write with another body; returns the reply

INSIDES = ("Traceback", "SELECT ", "INSERT ", "psycopg", "django", "site-packages", str(django_settings.BASE_DIR), "/tmp/")
DOCUMENT = orjson.loads(document())
FAR = 999_999_999  # an id that nothing has


@pytest.fixture
def clients(roles: list[Role]) -> dict[str, Client]:
    """What each role asks with; errors come as replies, as they do from a server."""
    return {role.name: Client(raise_request_exception=False, headers=role.headers) for role in roles}


@pytest.fixture
def send(clients: dict[str, Client]) -> Send:
    """`send(write, body, **changes)` sends a write with another body, as bytes or as what JSON is made of."""

    def answer(write: Write, body: object, *, content_type: str = "application/json", path: str = "", **headers: Any) -> Any:
        payload = body if isinstance(body, bytes) else json.dumps(body).encode()
        return clients[write.role].generic(write.method, path or write.path, payload, content_type=content_type, headers=headers or None)

    return answer


def is_refused(reply: Any, *statuses: int) -> bool:
    """Whether the reply is one of these refusals, as JSON that says why and nothing of our insides."""
    says = orjson.loads(reply.content)
    told = reply.content.decode()
    return reply.status_code in statuses and isinstance(says["error"], str) and not any(word in told for word in INSIDES)


def test_every_write_in_json_of_the_document_is_tried() -> None:
    """Uploads are bytes and forms, which their own tests send."""
    bodily = {
        operation["operationId"]
        for methods in DOCUMENT["paths"].values()
        for operation in methods.values()
        if isinstance(operation, dict) and "application/json" in operation.get("requestBody", {}).get("content", ())
    }

    assert bodily == {write.operation for write in WRITES}


BROKEN = {
    "no JSON": b'{"sessionId": ',
    "words": b"hello",
    "an array": b"[]",
    "an array of bodies": b'[{"sessionId": "sess_abc123"}]',
    "null": b"null",
    "a number": b"7",
    "a text": b'"sess_abc123"',
    "true": b"true",
    "NaN": b'{"seconds": NaN}',
    "a lone surrogate": b'{"sessionId": "\\ud800"}',
    "a raw NUL": b'{"sessionId": "a\0b"}',
    "3,000 objects deep": b'{"a":' * 3000 + b"1" + b"}" * 3000,
    "100,000 arrays deep": b"[" * 100_000,
    "100,000 keys": json.dumps({f"key{number}": number for number in range(100_000)}).encode(),
    "a key twice": b'{"sessionId": "sess_abc123", "sessionId": "sess_abc124"}',
    "a number of 6,000 digits": b'{"seconds": ' + b"9" * 6000 + b"}",
    "another encoding": '{"sessionId": "sess_abc123é"}'.encode("latin-1"),
    "UTF-16": '{"sessionId": "sess_abc123"}'.encode("utf-16"),
    "a byte order mark": b'\xef\xbb\xbf{"sessionId": "sess_abc123"}',
    "gzip": b"\x1f\x8b\x08\x00\x00\x00\x00\x00",
    "two bodies": b"{}{}",
    "a comment": b"{/* */}",
}


@pytest.mark.parametrize("write", WRITES, ids=str)
def test_a_broken_body_is_a_400(send: Send, write: Write) -> None:
    assert [kind for kind, body in BROKEN.items() if not is_refused(send(write, body), 400)] == []


@pytest.mark.parametrize("write", WRITES, ids=str)
def test_anything_but_plain_json_is_a_415(send: Send, write: Write) -> None:
    types = (
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/xml",
        "x",
        "application/json; charset=utf-16",
    )

    assert [kind for kind in types if not is_refused(send(write, write.body, content_type=kind), 415)] == []
    assert is_refused(send(write, write.body, **{"Content-Encoding": "gzip"}), 415)


@pytest.mark.parametrize("write", WRITES, ids=str)
def test_50_mib_are_a_413(send: Send, write: Write) -> None:
    assert is_refused(send(write, b" " * 50 * 2**20), 413)


FORBIDDEN = {
    "id": 1,
    "userId": 1,
    "user": 1,
    "isLocked": False,
    "viewCount": 10**6,
    "upvoteCount": 10**6,
    "finishCount": 10**6,
    "totalWatchTime": 10**6,
    "path": "/etc/passwd",
    "status": "visible",
    "role": "SUPER_ADMIN",
    "isAdmin": True,
    "is_superuser": True,
    "createdAt": "2000-01-01T00:00:00.000Z",
    "__proto__": {},
    "held_reason": "",
}


@pytest.mark.parametrize("write", WRITES, ids=str)
def test_what_is_not_the_callers_to_set_is_refused(send: Send, write: Write) -> None:
    before = everything()

    taken = [name for name, value in FORBIDDEN.items() if not is_refused(send(write, {**write.body, name: value}), 400)]

    assert taken == []
    assert everything() == before


def everything() -> list[object]:
    """All that a visitor could have changed."""
    tables = (Video, PublicMedia, MediaStats, Upvote, Comment, VideoReaction)
    return [list(table.objects.order_by("pk").values()) for table in tables]


NO_SESSIONS: dict[str, Any] = {
    "empty": "",
    "null": None,
    "short": "1234567",
    "long": "a" * 129,
    "1 MiB": "a" * 2**20,
    "NUL": "sess_abc\0def",
    "a number": 12345678,
    "true": True,
    "an array": ["sess_abc123"],
    "an object": {"$ne": ""},
    "a space": "sess abc123",
    "a space before": " sess_abc123",
    "a line": "sess_abc123\n",
    "full-width": "ｓｅｓｓ＿ａｂｃ１２３",
    "Cyrillic twins": "sеss_аbс123",
    "combined": "sess_e\u0301abc123",
    "zero width": "sess_abc\u200b123",
    "right to left": "\u202esess_abc123",
    "a path": "../../etc/passwd",
    "SQL": "x' OR '1'='1' --",
}


@pytest.mark.parametrize("write", OF_A_SESSION, ids=str)
def test_what_is_no_session_is_refused(send: Send, write: Write) -> None:
    before = everything()

    taken = [kind for kind, session in NO_SESSIONS.items() if not is_refused(send(write, {**write.body, "sessionId": session}), 400)]

    assert taken == []
    assert is_refused(send(write, {name: value for name, value in write.body.items() if name != "sessionId"}), 400)
    assert everything() == before


@pytest.mark.parametrize("path", [f"/api/media/public/{OPEN}/upvote", "/api/media/comments/1"])
def test_what_is_no_session_in_an_address_is_refused(clients: dict[str, Client], path: str) -> None:
    texts = {kind: session for kind, session in NO_SESSIONS.items() if isinstance(session, str) and len(session) < 2**20}

    replies = {kind: clients["visitor"].delete(path, query_params={"sessionId": session}) for kind, session in texts.items()}

    assert [kind for kind, reply in replies.items() if not is_refused(reply, 400)] == []
    assert is_refused(clients["visitor"].delete(path + "?sessionId=sess_abc123&sessionId=sess_abc124"), 400)


@pytest.mark.parametrize(
    "seconds", [0, -1, -3600, 3601, 10**9, 2**63 - 1, 2**63, 1.5, 5.0, 1e3, "5", "", None, True, [5], {"s": 5}], ids=repr
)
def test_watching_for_no_whole_number_of_seconds_is_refused(send: Send, seconds: object) -> None:
    write = next(write for write in WRITES if write.operation == "report_watch_time")
    before = everything()

    assert is_refused(send(write, {**write.body, "seconds": seconds}), 400)
    assert everything() == before


@pytest.mark.parametrize("moment", [-1, 61, 10**9, 2**31, 2**63, 1.5, "27", None, True, [27]], ids=repr)
def test_a_moment_that_the_video_does_not_have_takes_no_reaction(send: Send, moment: object) -> None:
    write = next(write for write in WRITES if write.operation == "add_reaction")

    assert is_refused(send(write, {**write.body, "videoTimestamp": moment}), 400)
    assert not VideoReaction.objects.exists()


NO_IDS = [
    "0", "-1", str(FAR), str(2**31), str(2**63 - 1), str(2**63), str(2**64), "9" * 5000, "1.5", "1e0", "+4", "04", "0x4", "4_0", "４",
    "true", "null", "%00", "4%00", "4%0a", "%204", "4;", "4'--", "*", "%ff", "%2e%2e", "NaN",
]  # fmt: skip


def addresses() -> list[tuple[str, str, str]]:
    """Method and path of every operation on one thing, with the name of its id in the path."""
    return [
        (method.upper(), path, parameter["name"])
        for path, methods in DOCUMENT["paths"].items()
        for method, operation in methods.items()
        for parameter in operation.get("parameters", ())
        if parameter["in"] == "path" and parameter["name"].endswith("_id") and "{poster_hash}" not in path
    ]


@pytest.mark.parametrize(("method", "path", "name"), addresses())
def test_what_is_no_id_is_a_404(clients: dict[str, Client], method: str, path: str, name: str) -> None:
    bodies = {write.path: write.body for write in WRITES}
    like = next((body for written, body in bodies.items() if matches(path, written)), {})

    content_type = "application/offset+octet-stream" if path.startswith("/api/uploads/") else "application/json"
    replies = {
        id: clients[ADMIN].generic(
            method,
            path.replace(f"{{{name}}}", id) + f"?sessionId={SESSION}",
            json.dumps(like).encode(),
            content_type=content_type,
            headers={"Tus-Resumable": "1.0.0", "Upload-Offset": "0"},
        )
        for id in NO_IDS
    }

    assert {id: reply.status_code for id, reply in replies.items() if not is_refused(reply, 404)} == {}


def matches(template: str, path: str) -> bool:
    ours, theirs = template.split("/"), path.split("/")
    return len(ours) == len(theirs) and all(part.startswith("{") or part == other for part, other in zip(ours, theirs, strict=True))


NO_ROWS = [0, -1, FAR, 2**31, 2**63 - 1, -(2**63), 2**63, 2**64, -(2**64), 10**300]


@pytest.mark.parametrize("id", [*NO_ROWS, UNPUBLISHED])
@pytest.mark.parametrize("operation", ["write_comment", "add_reaction"])
def test_a_medium_that_is_not_there_is_a_404(send: Send, operation: str, id: int) -> None:
    write = next(write for write in WRITES if write.operation == operation)

    assert is_refused(send(write, {**write.body, "mediaId": id}), 404)


@pytest.mark.parametrize("id", NO_ROWS)
def test_a_comment_that_is_not_there_cannot_be_answered(send: Send, id: int) -> None:
    write = next(write for write in WRITES if write.operation == "write_comment")

    assert is_refused(send(write, {**write.body, "parentId": id}), 404)


@pytest.mark.parametrize("action", [{"action": "lock"}, {"action": "generate_gif", "params": {"width": 320}}], ids=str)
def test_among_many_videos_one_that_is_not_there_is_said_to_be_none(send: Send, action: dict[str, Any]) -> None:
    write = next(write for write in WRITES if write.operation == "change_videos")

    reply = send(write, {"ids": [*NO_ROWS, OPEN], **action})

    results = orjson.loads(reply.content)["results"]
    assert [result["ok"] for result in results] == [False] * len(NO_ROWS) + [True]
    assert {result["error"] for result in results[:-1]} <= {"Video not found", "Media not found"}


@pytest.mark.parametrize("id", [1.5, 4.0, "4", "４", None, True, [4], {"id": 4}], ids=repr)
@pytest.mark.parametrize("operation", ["write_comment", "add_reaction"])
def test_what_cannot_be_an_id_in_a_body_is_refused(send: Send, operation: str, id: object) -> None:
    write = next(write for write in WRITES if write.operation == operation)

    assert is_refused(send(write, {**write.body, "mediaId": id}), 400)


@pytest.mark.parametrize("write", [write for write in WRITES if f"/{OPEN}/" in write.path and write.role == "visitor"], ids=str)
def test_a_locked_medium_takes_nothing(send: Send, write: Write) -> None:
    before = everything()

    reply = send(write, write.body, path=write.path.replace(f"/{OPEN}/", f"/{LOCKED}/"))

    assert is_refused(reply, 403)
    assert everything() == before


def vote_with_inventions(client: Client, address: str, medium: int, *, times: int) -> list[Any]:
    """The replies to votes whose session, and proxies if one believes them, are new each time."""
    return [
        client.post(
            f"/api/media/public/{medium}/upvote",
            {"sessionId": f"sess_made_up_{number}"},
            content_type="application/json",
            headers={"X-Forwarded-For": f"203.0.113.{number}", "X-Real-IP": f"203.0.113.{number}", "Forwarded": f"for=203.0.113.{number}"},
            REMOTE_ADDR=address,
        )
        for number in range(times)
    ]


def test_writes_stop_whatever_sessions_and_proxies_an_address_invents(clients: dict[str, Client], settings: Settings, address: str) -> None:
    settings.PUBLIC_WRITES_PER_ADDRESS_PER_MINUTE = 7

    votes = vote_with_inventions(clients["visitor"], address, OPEN, times=9)

    assert [vote.status_code for vote in votes] == [200] * 7 + [429] * 2
    assert 0 < int(votes[-1]["Retry-After"]) <= 60
    assert MediaStats.objects.get(pk=OPEN).upvote_count == Upvote.objects.count() == 7


def test_votes_for_one_medium_stop_sooner_and_for_longer(clients: dict[str, Client], settings: Settings, address: str) -> None:
    settings.VOTES_PER_ADDRESS_AND_MEDIUM_PER_HOUR = 3
    elsewhere = address.replace("2001:db8:", "2001:db9:")

    votes = vote_with_inventions(clients["visitor"], address, OPEN, times=5)

    assert [vote.status_code for vote in votes] == [200] * 3 + [429] * 2
    assert 60 < int(votes[-1]["Retry-After"]) <= 3600
    assert [vote.status_code for vote in vote_with_inventions(clients["visitor"], address, WITH_A_FILE, times=1)] == [200]
    assert [vote.status_code for vote in vote_with_inventions(clients["visitor"], elsewhere, OPEN, times=1)] == [200]
    back = clients["visitor"].delete(f"/api/media/public/{OPEN}/upvote?sessionId=sess_made_up_0", REMOTE_ADDR=address)
    assert (back.status_code, back.json()["upvoteCount"]) == (200, 2)  # taking a vote back is always possible


UNREADABLE = {
    "no JSON": (b"{", {}, 400),
    "too large": (b" " * 3 * 2**20, {}, 413),
    "compressed": (b"{}", {"Content-Encoding": "gzip"}, 415),
}


@pytest.mark.parametrize("kind", UNREADABLE)
@pytest.mark.parametrize("write", [write for write in WRITES if write.role in ("visitor", USER)], ids=str)
def test_a_flood_of_bodies_that_nobody_can_read_is_stopped_too(
    clients: dict[str, Client], settings: Settings, address: str, write: Write, kind: str
) -> None:
    settings.PUBLIC_WRITES_PER_ADDRESS_PER_MINUTE = 2
    body, headers, refused = UNREADABLE[kind]

    replies = [
        clients[write.role].generic(write.method, write.path, body, content_type="application/json", headers=headers, REMOTE_ADDR=address)
        for _ in range(4)
    ]

    assert [reply.status_code for reply in replies] == [refused, refused, 429, 429]
    assert 0 < int(replies[-1]["Retry-After"]) <= 60


LISTS = [
    (path, {parameter["name"]: parameter["schema"] for parameter in operation["get"].get("parameters", ())})
    for path, operation in DOCUMENT["paths"].items()
    if "get" in operation and any(parameter["name"] == "limit" for parameter in operation["get"].get("parameters", ()))
]
NO_NUMBERS = [
    "",
    " ",
    "-1",
    "NaN",
    "1e3",
    "1.0",
    "+5",
    "05",
    "0x10",
    "1_0",
    "１０",
    "abc",
    "null",
    "[]",
    "1,2",
    "5;",
    str(2**63),
    "9" * 5000,
    "\0",
    "5\n",
]


@pytest.mark.parametrize(("path", "parameters"), LISTS, ids=[path for path, _ in LISTS])
def test_paging_takes_plain_numbers_alone(clients: dict[str, Client], path: str, parameters: dict[str, Any]) -> None:
    path = path.replace("{media_id}", str(OPEN))
    filters = {"mediaId": str(OPEN)} if "mediaId" in parameters else {}
    bad = [(name, value) for name in ("limit", "offset") if name in parameters for value in NO_NUMBERS] + [("limit", "0")]

    replies = {(name, value): clients[ADMIN].get(path, {**filters, name: value}) for name, value in bad}

    assert {asked: reply.status_code for asked, reply in replies.items() if not is_refused(reply, 400)} == {}
    assert all(name in orjson.loads(reply.content)["details"] for (name, _), reply in replies.items())
    for name in ("limit", "offset"):
        for good in (1, 100, 101, 10_000, parameters[name]["maximum"]) if name in parameters else ():
            assert clients[ADMIN].get(path, {**filters, name: str(good)}).status_code == 200, (name, good)
    assert is_refused(clients[ADMIN].get(f"{path}?limit=1&limit=2" + "".join(f"&{name}={value}" for name, value in filters.items())), 400)


def chosen() -> list[tuple[str, str]]:
    """Path and name of every parameter that takes one of a few words, or a number that names something."""
    return [
        (path, parameter["name"])
        for path, operation in DOCUMENT["paths"].items()
        for parameter in operation.get("get", {}).get("parameters", ())
        if parameter["in"] == "query"
        and ("enum" in parameter["schema"] or parameter["name"].endswith("Id"))
        and parameter["name"] != "sessionId"
    ]


@pytest.mark.parametrize(("path", "name"), chosen())
def test_an_unknown_choice_is_refused(clients: dict[str, Client], path: str, name: str) -> None:
    values = ["zzz", "created_at; DROP TABLE videos", "-created_at", "__class__", "id__gt", "\0", "１", "x" * 5000, "$ne", "abc'"]

    replies = {value: clients[ADMIN].get(path, {"mediaId": str(OPEN), name: value}) for value in values}

    assert {value: reply.status_code for value, reply in replies.items() if not is_refused(reply, 400)} == {}


SEARCHES = ["/api/media/public", "/api/videos"]


@pytest.mark.parametrize("path", SEARCHES)
def test_a_search_is_literal_text(clients: dict[str, Client], path: str) -> None:
    odd = [
        "%",
        "_",
        "%_%",
        "\\",
        "'",
        '"',
        "'; DROP TABLE videos --",
        "(((((",
        "[a-",
        "a{1,99999}",
        ".*",
        "$where",
        "\u202e",
        "🎬",
        "İ",
        "\ufeff",
    ]

    replies = {text: clients[ADMIN].get(path, {"search": text}) for text in odd}

    assert {text for text, reply in replies.items() if reply.status_code != 200 or orjson.loads(reply.content)["videos"]} == set()


@pytest.mark.parametrize("path", SEARCHES)
def test_a_search_that_is_no_text_is_refused(clients: dict[str, Client], path: str) -> None:
    for text in ("\0", "a\0b", "x" * 201, "%" * 10_000, "%" * 2**20):
        assert is_refused(clients[ADMIN].get(path, {"search": text}), 400)
    assert clients[ADMIN].get(path + "?search=%ff%fe").status_code in (200, 400)
    assert clients[ADMIN].get(path + "?search=%ed%a0%80").status_code in (200, 400)  # a surrogate, as bytes


def test_nobody_deletes_what_is_somebody_elses(clients: dict[str, Client], send: Send) -> None:
    comment, reaction = (next(write for write in WRITES if write.operation == name) for name in ("write_comment", "add_reaction"))
    written = orjson.loads(send(comment, comment.body).content)["comment"]["id"]
    given = orjson.loads(send(reaction, reaction.body).content)["reaction"]["id"]

    assert is_refused(clients["visitor"].delete(f"/api/reactions/{given}"), 401)
    assert is_refused(clients["visitor"].delete(f"/api/media/comments/{written}?sessionId=somebody_else"), 403)
    assert is_refused(clients[USER].delete(f"/api/media/comments/{written}"), 403)
    assert is_refused(clients[USER].post(f"/api/media/comments/{written}/approve", {}, content_type="application/json"), 403)
    assert (Comment.objects.get(pk=written).status, VideoReaction.objects.filter(pk=given).exists()) == ("visible", True)


TEXTS = {
    "HTML": "<script>alert(1)</script><img src=x onerror=alert(1)>",
    "Markdown": "[x](javascript:alert(1))",
    "a template": "{{ 7 * 7 }}{% debug %}",
    "right to left": "\u202egpj.exe",
    "quotes": "\"'`--",
}


@pytest.mark.parametrize("kind", TEXTS)
def test_a_comment_is_text_wherever_it_is_shown(clients: dict[str, Client], send: Send, kind: str) -> None:
    write = next(write for write in WRITES if write.operation == "write_comment")

    reply = send(write, {**write.body, "content": TEXTS[kind], "authorName": TEXTS[kind][:40]})

    if reply.status_code == 200:
        assert orjson.loads(reply.content)["comment"]["content"] == TEXTS[kind]
    page = clients["visitor"].get(f"/v/{OPEN}/").content.decode()
    assert "<script>alert" not in page
    assert "onerror=alert(1)>" not in page
