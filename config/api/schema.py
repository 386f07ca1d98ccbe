"""What the OpenAPI document says of every operation: how to sign in, and which errors to expect."""

from __future__ import annotations

from functools import cache
from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.openapi import AutoSchema as BaseAutoSchema

from config.api.rendering import dumps

ERROR = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {"type": "string", "description": "a sentence for a person"},
        "details": {
            "type": "object",
            "description": "for wrong input: each field with its messages",
            "additionalProperties": {"type": "array", "items": {"type": "string"}},
        },
    },
    "additionalProperties": False,
}
ERRORS = {
    "400": "Wrong input; the sentence names the field or parameter",
    "401": "Not signed in, or the token is no longer good",
    "403": "Not allowed",
    "404": "Not there",
    "405": "The method is not allowed here",
    "409": "The state does not allow it",
    "413": "The body is too large",
    "415": "The body is not JSON",
    "429": "Too often; `Retry-After` says when to come again",
    "503": "A part is down or the media features are disabled; `Retry-After` says when to come again",
}


@cache
def document() -> bytes:
    """The OpenAPI document in JSON; made once a process, for it depends on the code alone."""
    return dumps(SchemaGenerator().get_schema(public=True))  # type: ignore[no-untyped-call]


class BearerScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "config.api.authentication.BearerAuthentication"
    name = "bearer"

    def get_security_definition(self, auto_schema: BaseAutoSchema) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}


def document_errors(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Add the errors to each operation that can answer with them: drf-spectacular's postprocessing hook."""
    result.setdefault("components", {}).setdefault("schemas", {})["Error"] = ERROR
    content = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
    for operations in result["paths"].values():
        for method, operation in operations.items():
            for status in _errors_of(method, operation):
                operation["responses"].setdefault(status, {"description": ERRORS[status], "content": content})
    return result


def _errors_of(method: str, operation: dict[str, Any]) -> list[str]:
    kinds = {parameter["in"] for parameter in operation.get("parameters", ())}
    errors = ["403", "503"]
    is_open = {} in operation.get("security", [{}])
    if not is_open or "auth" in operation["tags"]:
        errors.append("401")
    if "path" in kinds and method != "get":
        errors.append("409")
    if "path" in kinds:
        errors.append("404")
    if "query" in kinds:
        errors.append("400")
    if "requestBody" in operation:
        errors += ["400", "409", "413", "415", "429"]
    return sorted(set(errors))
