"""Job types and recipes in the OpenAPI document: pydantic's JSON schemas in the dialect of OpenAPI 3.0."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jobs import recipes, registry
from jobs.api.shapes import LONGEST_NAME, LONGEST_TYPE, MOST_STEPS

Schema = dict[str, Any]

PRIORITY: Schema = {"type": "integer", "minimum": 0, "maximum": 10, "description": "0 to 10, higher first"}
VRAM: Schema = {"type": "integer", "minimum": 0, "maximum": 2**31 - 1, "description": "MiB of GPU memory, in place of the type's own"}
NAME: Schema = {"type": "string", "maxLength": LONGEST_NAME, "description": "what people will call it"}
WORDS: Schema = {"type": "string", "minLength": 1, "maxLength": LONGEST_TYPE}


def submission() -> Schema:
    """The body that submits a job: one alternative for each type, with its params."""
    return {"oneOf": [_of_type(job_type) for job_type in registry.all_types()]}


def pipeline() -> Schema:
    """The body that starts a pipeline: a recipe with its params, or steps of one's own."""
    return {"oneOf": [*(_of_recipe(recipe) for recipe in recipes.all_recipes()), _of_steps()]}


def openapi(schema: Mapping[str, Any]) -> Schema:
    """A JSON schema as OpenAPI 3.0 writes it: without references, null types, constants and numeric exclusive bounds."""
    return _translated(schema, schema.get("$defs", {}))


def _of_type(job_type: registry.JobType) -> Schema:
    params = openapi(job_type.params_schema())
    properties = {"type": _only(job_type.name), "params": params, "priority": PRIORITY, "vramRequired": VRAM}
    return _object(job_type.name, job_type.description, properties, required=["type", *_if_needed(params)])


def _of_recipe(recipe: recipes.Recipe) -> Schema:
    params = openapi(recipe.params.model_json_schema(by_alias=True))
    properties = {"recipe": _only(recipe.name), "params": params, "name": NAME, "priority": PRIORITY}
    return _object(recipe.name, recipe.description, properties, required=["recipe", *_if_needed(params)])


def _of_steps() -> Schema:
    params = {
        "type": "object",
        "description": 'as the type takes them; `{"$result": "<key>.<field>"}` stands for what an earlier step found',
    }
    step = {"key": WORDS, "type": WORDS, "params": params, "needs": {"type": "array", "items": WORDS}, "priority": PRIORITY}
    steps = {
        "type": "array",
        "minItems": 1,
        "maxItems": MOST_STEPS,
        "items": _object("step", "One step; `needs` names earlier ones.", step, required=["key", "type"]),
    }
    return _object("steps", "Steps of your own.", {"steps": steps, "name": NAME, "priority": PRIORITY}, required=["steps"])


def _only(word: str) -> Schema:
    return {"type": "string", "enum": [word]}


def _if_needed(params: Schema) -> list[str]:
    return ["params"] if params.get("required") else []


def _object(title: str, description: str, properties: Schema, *, required: list[str]) -> Schema:
    return {
        "type": "object",
        "title": title,
        "description": description,
        "properties": properties,
        "required": required,
        "additionalProperties": False,
    }


def _translated(schema: Mapping[str, Any], definitions: Mapping[str, Any]) -> Schema:
    if "$ref" in schema:
        target = definitions[schema["$ref"].rsplit("/", 1)[-1]]
        schema = {**target, **{word: value for word, value in schema.items() if word != "$ref"}}
    translated: Schema = {}
    for word, value in schema.items():
        translated |= _translated_word(word, value, definitions)
    return translated


def _translated_word(word: str, value: Any, definitions: Mapping[str, Any]) -> Schema:
    """One keyword of a schema; what holds further schemas has them translated."""
    match word, value:
        case "$defs", _:
            return {}
        case "const", _:
            return {"enum": [value]}
        case (("exclusiveMinimum" | "exclusiveMaximum"), _):
            return {word.removeprefix("exclusive").lower(): value, word: True}
        case (("anyOf" | "oneOf"), list()):
            return _alternatives(word, value, definitions)
        case "properties", Mapping():
            return {word: {name: _translated(item, definitions) for name, item in value.items()}}
        case (("items" | "additionalProperties" | "not"), Mapping()):
            return {word: _translated(value, definitions)}
        case "prefixItems", list():  # tuples: OpenAPI 3.0 knows their length, not their places
            return {"items": {"anyOf": [_translated(item, definitions) for item in value]}}
    return {word: value}


def _alternatives(word: str, choices: list[Mapping[str, Any]], definitions: Mapping[str, Any]) -> Schema:
    real = [_translated(choice, definitions) for choice in choices if choice.get("type") != "null"]
    only = real[0] if len(real) == 1 else {word: real}
    if len(real) == len(choices):
        return only
    return {**only, "nullable": True, **({"enum": [*only["enum"], None]} if "enum" in only else {})}
