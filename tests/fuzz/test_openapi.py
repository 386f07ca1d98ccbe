"""Every operation of our OpenAPI document, asked in every way that the document allows and forbids, as three roles.

No answer is a 5xx and none is outside the document: status, content type, headers and body are those that it
promises; what it forbids is refused, and what it allows is not refused as wrong input.

In CI this makes some 20,000 requests. The full run makes ten times as many, of other kinds with each seed:

    FUZZ_REQUESTS=200000 FUZZ_SEED=1 bin/test tests/fuzz/test_openapi.py -n 2

Each run prints its seed; the same seed makes the same requests again.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

import orjson
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis.engine import events, from_schema

from config.api.schema import document
from config.wsgi import application
from tests.fuzz.conftest import MOST_VIDEOS, Role

REQUESTS = int(os.environ.get("FUZZ_REQUESTS", "20000"))  # of all operations and roles, roughly
SEED = int(os.environ.get("FUZZ_SEED", "20260211"))
ROLES = 3
PATIENCE = 600 * max(1.0, REQUESTS / 20000)  # seconds for one operation
COVERED = 43  # cases of an operation, roughly, that the coverage phase makes whatever the examples
ASKED_BY_ALL = 150  # cases of an operation; submitting a job has thousands, and whoever may not is refused before the body is read
MOST_OF_ONE = REQUESTS // 12  # requests of an operation; of what would come after those, each fourth is made
METHODS = ("get", "post", "put", "patch", "delete")
CLIENT_IS_WRONG = ["2xx", "3xx", "400", "401", "403", "404", "409", "429"]
UPLOAD_IS_WRONG = [*CLIENT_IS_WRONG, "410", "411", "412", "413", "415", "423", "460"]

# What the document cannot say of an operation's input, so that input which it allows may be refused.
UNSAID = {
    "change_videos": "which fields an action needs",
    "write_comment": "that a visitor needs a session, and where the video ends",
    "delete_comment": "that a visitor needs a session",
    "add_reaction": "where the video ends",
    "submit_job": "what a type makes of its params",
    "start_pipeline": "what a recipe and its steps make of their params",
}
UPLOADS = {  # the same of uploads, whose protocol has statuses of its own
    "upload_video": "what a video is, and what it may be called",
    "create_upload": "what stands in Upload-Metadata, and how long an upload may be",
    "continue_upload": "where the upload stands, what a checksum is, and what a video is",
    "terminate_upload": "which versions of tus there are",
}


def closed(schema: Any) -> Any:
    """The document with every reply's object closed: a field that it does not name is outside it."""
    if isinstance(schema, list):
        return [closed(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    parts = {name: closed(part) for name, part in schema.items()}
    return {"additionalProperties": False, **parts} if "properties" in schema and schema.get("type") == "object" else parts


def operations(described: dict[str, Any]) -> Iterator[dict[str, Any]]:
    return (operation for path in described["paths"].values() for method, operation in path.items() if method in METHODS)


def may_refuse(operation: dict[str, Any]) -> bool:
    """Whether input can be wrong in a way that the document does not say; no document can say what a cursor of ours is."""
    return operation["operationId"] in UNSAID or any(parameter["name"] == "cursor" for parameter in operation.get("parameters", ()))


def configuration(described: dict[str, Any], **more: Any) -> schemathesis.Config:
    known = {"dictionary": "ids", "probability": 0.7}  # else hardly a request would find anything
    places = ("media_id", "video_id", "query.mediaId", "body.mediaId", "body.ids[*]")
    lenient = {"positive_data_acceptance": {"expected-statuses": CLIENT_IS_WRONG}}
    of_uploads = {
        check: {"expected-statuses": UPLOAD_IS_WRONG[first:]}
        for check, first in (("positive_data_acceptance", 0), ("negative_data_rejection", 2))
    }
    return schemathesis.Config.from_dict(
        {
            "seed": SEED,
            "dictionaries": {"ids": {"values": list(range(1, MOST_VIDEOS + 2))}},
            "parameters": dict.fromkeys(places, known),
            "checks": {"ignored_auth": {"enabled": False}},  # tests.config.test_authorisation asks everything as everybody
            "operations": [
                {"include-operation-id": operation["operationId"], "checks": lenient}
                for operation in operations(described)
                if may_refuse(operation)
            ]
            + [{"include-operation-id": id, "checks": of_uploads} for id in UPLOADS],
            **more,
        }
    )


schemathesis.serializer.alias("application/offset+octet-stream", "application/octet-stream")
DOCUMENT = closed(orjson.loads(document()))
SCHEMA = schemathesis.openapi.from_dict(DOCUMENT, config=configuration(DOCUMENT))
SCHEMA.app = application
EXAMPLES = max(10, REQUESTS // ROLES // len(list(operations(DOCUMENT))) - COVERED)
SETTINGS = settings(
    max_examples=EXAMPLES,
    deadline=None,
    database=None,
    phases=(Phase.explicit, Phase.generate),  # shrinking would try an hour what the curl command beside a failure shows
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture
def ask(roles: list[Role], seed: int, record_property: Callable[[str, object], None]) -> Iterator[Callable[[schemathesis.Case[Any]], None]]:
    """Sends a case as each role, the later ones as the admin alone; fails when the operation has taken too long in all."""
    deadline, made, further = time.monotonic() + PATIENCE, 0, count(1)

    def send(case: schemathesis.Case[Any]) -> None:
        nonlocal made
        if made >= MOST_OF_ONE and next(further) % 4:
            return
        assert time.monotonic() < deadline, f"not done after {PATIENCE:.0f} seconds, with seed {seed}"
        for role in roles if made < ASKED_BY_ALL * ROLES else roles[-1:]:
            made += 1
            case.call_and_validate(headers=role.headers)

    yield send
    record_property("requests", made)


@SCHEMA.parametrize()
@SETTINGS
@pytest.mark.parametrize("seed", [SEED])  # so that the name of each test says it
@pytest.mark.usefixtures("no_limits", "transactional_db")
def test_no_answer_is_outside_the_document(case: schemathesis.Case[Any], ask: Callable[[schemathesis.Case[Any]], None]) -> None:
    ask(case)


@pytest.mark.parametrize("seed", [SEED])
@pytest.mark.parametrize("role", range(ROLES), ids=["visitor", "user", "media admin"])
@pytest.mark.usefixtures("no_limits", "transactional_db")
def test_what_one_answer_names_the_next_request_finds(
    roles: list[Role], role: int, seed: int, record_property: Callable[[str, object], None]
) -> None:
    walks = {"enabled": True, "max-steps": 8, "generation": {"max-examples": max(10, REQUESTS // 400)}}
    config = configuration(DOCUMENT, headers=roles[role].headers, phases={"enabled": False, "stateful": walks})
    described = schemathesis.openapi.from_dict(DOCUMENT, config=config)
    described.app = application
    made = 0
    wrong: list[object] = []

    for event in from_schema(described).execute():
        if isinstance(event, events.ScenarioFinished):
            made += len(event.recorder.cases)
            wrong += [check.failure_info for checks in event.recorder.checks.values() for check in checks if check.failure_info]
        elif isinstance(event, events.NonFatalError):
            wrong.append(event.value)

    record_property("requests", made)
    assert wrong == [], f"with seed {seed}"
    assert made
