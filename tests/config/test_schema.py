"""The OpenAPI document: complete, and true to the addresses."""

from __future__ import annotations

import re
from typing import Any

import orjson
import pytest
from django.test import Client
from drf_spectacular.drainage import GENERATOR_STATS
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.validation import validate_schema

from config.api.schema import document
from tests.config.test_authorisation import ADMIN, ROUTES

UNDESCRIBED = {"api/schema", "api/docs", "healthz", "readyz"}  # they are for browsers and probes


Document = dict[str, Any]


@pytest.fixture(scope="module")
def made() -> Document:
    return dict(SchemaGenerator().get_schema(public=True))  # type: ignore[no-untyped-call]


def test_it_is_valid_and_made_without_a_warning() -> None:
    GENERATOR_STATS.reset()
    document.cache_clear()

    validate_schema(orjson.loads(document()))  # type: ignore[no-untyped-call]

    assert not GENERATOR_STATS


def test_it_describes_every_address_and_method(made: Document) -> None:
    described = {path: {method.upper() for method in operations} for path, operations in made["paths"].items()}
    expected = {plain(route): methods - {"OPTIONS"} for route, (_, methods) in ROUTES.items() if route not in UNDESCRIBED}

    assert described == expected


def test_every_operation_says_its_errors(made: Document) -> None:
    for route, (who_may, methods) in ROUTES.items():
        for method in methods - {"OPTIONS"} if route not in UNDESCRIBED else ():
            responses = made["paths"][plain(route)][method.lower()]["responses"]
            assert {"401", "403"} <= set(responses) or who_may != ADMIN, route
            assert "404" in responses or "{" not in plain(route), route
            assert {"200", "201"} & set(responses) or "uploads" in route, route  # a DELETE too answers with a body, but of tus
            assert "409" in responses or method == "GET" or "{" not in plain(route), route


@pytest.mark.parametrize(
    "path",
    [
        "/api/media/public/{media_id}/stream",
        "/api/media/public/{media_id}/playback",
        "/api/media/public/{media_id}/hls/{name}",
        "/api/videos/{video_id}/stream",
        "/api/videos/{video_id}/thumbnail",
    ],
)
def test_streams_say_how_ranges_and_conditions_end(made: Document, path: str) -> None:
    assert {"200", "206", "304", "404", "412", "416"} <= set(made["paths"][path]["get"]["responses"])


def test_signing_in_may_be_refused(made: Document) -> None:
    assert "401" in made["paths"]["/api/auth/token"]["post"]["responses"]


def plain(route: str) -> str:
    """A route of Django as OpenAPI writes it."""
    return "/" + re.sub(r"\(\?P<(\w+)>[^)]*\)|<(?:\w+:)?(\w+)>", lambda name: f"{{{name[1] or name[2]}}}", route).strip("^$").replace(
        "\\", ""
    )


def test_it_is_served_as_json_whatever_is_asked_for(visitor: Client, db: None) -> None:
    for accept in ("application/json", "text/html", "application/yaml", "*/*"):
        reply = visitor.get("/api/schema", headers={"accept": accept})
        assert reply["Content-Type"] == "application/json"
        assert reply.json()["openapi"].startswith("3.")
