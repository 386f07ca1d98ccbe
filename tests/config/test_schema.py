"""The OpenAPI document: complete, and true to the addresses."""

from __future__ import annotations

import re

import pytest
from django.test import Client
from drf_spectacular.drainage import GENERATOR_STATS
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.validation import validate_schema

from tests.config.test_authorisation import ADMIN, ROUTES

UNDESCRIBED = {"api/schema", "api/docs", "healthz", "readyz"}  # they are for browsers and probes


@pytest.fixture(scope="module")
def document() -> dict[str, dict[str, dict[str, dict[str, object]]]]:
    schema: dict[str, dict[str, dict[str, dict[str, object]]]] = SchemaGenerator().get_schema(public=True)
    return schema


def test_it_is_valid_and_made_without_a_warning() -> None:
    GENERATOR_STATS.reset()

    validate_schema(SchemaGenerator().get_schema(public=True))

    assert not GENERATOR_STATS


def test_it_describes_every_address_and_method(document: dict[str, dict[str, dict[str, dict[str, object]]]]) -> None:
    described = {path: {method.upper() for method in operations} for path, operations in document["paths"].items()}
    expected = {plain(route): methods for route, (_, methods) in ROUTES.items() if route not in UNDESCRIBED}

    assert described == expected


def test_every_operation_says_its_errors(document: dict[str, dict[str, dict[str, dict[str, object]]]]) -> None:
    for route, (who_may, methods) in ROUTES.items():
        for method in methods if route not in UNDESCRIBED else ():
            responses = document["paths"][plain(route)][method.lower()]["responses"]
            assert isinstance(responses, dict)
            assert {"401", "403"} <= set(responses) or who_may != ADMIN, route
            assert "404" in responses or "{" not in plain(route), route


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
