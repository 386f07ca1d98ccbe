"""What the OpenAPI document says of every operation: how to sign in, and which errors to expect."""

from __future__ import annotations

from functools import cache
from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension, OpenApiSerializerExtension, OpenApiSerializerFieldExtension
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


class StrictBody(OpenApiSerializerExtension):  # type: ignore[no-untyped-call]
    """A `StrictSerializer` takes no field that it does not name."""

    target_class = "config.api.fields.StrictSerializer"
    match_subclasses = True

    def map_serializer(self, auto_schema: BaseAutoSchema, direction: Any) -> dict[str, Any]:
        body = auto_schema._map_serializer(self.target, direction, bypass_extensions=True)  # type: ignore[no-untyped-call]
        if type(self.target).__doc__ is None:
            body.pop("description", None)  # it would be the base class's
        return {**body, "additionalProperties": False}


class StrictField(OpenApiSerializerFieldExtension):  # type: ignore[no-untyped-call]
    """Our fields say themselves what they take, which is less than those of Django REST framework do."""

    target_class = "config.api.fields.Documented"
    match_subclasses = True

    def map_serializer_field(self, auto_schema: BaseAutoSchema, direction: Any) -> dict[str, Any]:
        general = auto_schema._map_serializer_field(self.target, direction, bypass_extensions=True)  # type: ignore[no-untyped-call]
        return {**general, **self.target.json_schema()}


def document_errors(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Add the errors to each operation that can answer with them: drf-spectacular's postprocessing hook."""
    result.setdefault("components", {}).setdefault("schemas", {})["Error"] = ERROR
    content = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
    for operations in result["paths"].values():
        for method, operation in operations.items():
            for status in _errors_of(method, operation, result["components"]["schemas"]):
                operation["responses"].setdefault(status, {"description": ERRORS[status], "content": content})
    return result


def _errors_of(method: str, operation: dict[str, Any], schemas: dict[str, Any]) -> list[str]:
    kinds = {parameter["in"] for parameter in operation.get("parameters", ())}
    errors = ["403", "503"]
    is_open = {} in operation.get("security", [{}])
    if not is_open or "auth" in operation["tags"]:
        errors.append("401")
    if "path" in kinds and method != "get":
        errors.append("409")
    if "path" in kinds or "mediaId" in _required_names(operation, schemas):
        errors.append("404")
    if "query" in kinds:
        errors.append("400")
    if "requestBody" in operation:
        errors += ["400", "409", "413", "415", "429"]
    if method == "delete":
        errors.append("429")
    return sorted(set(errors))


def _required_names(operation: dict[str, Any], schemas: dict[str, Any]) -> set[str]:
    """What a request has to name: parameters and fields of the body."""
    parameters = {parameter["name"] for parameter in operation.get("parameters", ()) if parameter.get("required")}
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
    return parameters | set(schemas.get(body.get("$ref", "").rpartition("/")[2], {}).get("required", ()))
