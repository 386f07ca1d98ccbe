"""A form for any params model: its fields, bounds, choices, defaults and help come from the model's JSON schema."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from django import forms

Schema = Mapping[str, Any]

SHORT = 200  # characters of a text that a single line holds
LARGEST_ID = 2**63 - 1  # that a column holds: it bounds what is sent, and tells a person nothing
_CAPITAL = re.compile("[A-Z]")


class ListField(forms.CharField):
    """Values with commas between them."""

    def __init__(self, *, of_numbers: bool, **options: Any) -> None:
        super().__init__(widget=forms.TextInput(attrs={"class": "vTextField", "autocomplete": "off"}), **options)
        self.of_numbers = of_numbers

    def prepare_value(self, value: Any) -> Any:
        return ", ".join(map(str, value)) if isinstance(value, list | tuple) else value

    def clean(self, value: Any) -> list[Any] | None:
        words = [word.strip() for word in super().clean(value).split(",") if word.strip()]
        if not self.of_numbers:
            return words or None
        try:
            return [json.loads(word) for word in words] or None
        except json.JSONDecodeError as error:
            raise forms.ValidationError("Numbers with commas between them are needed.") from error


class JsonField(forms.JSONField):
    """JSON as it is written; where there is nothing it stays empty, for `null` is no word of a person's."""

    def prepare_value(self, value: Any) -> Any:
        return "" if value is None else super().prepare_value(value)


class ParamForm(forms.Form):
    """The params of one job type or recipe; what is left empty takes the model's default."""

    schema: Schema = {}

    @property
    def params(self) -> dict[str, Any]:
        """What was filled in, as JSON holds it; needs a valid form."""
        return {name: value for name in self.schema.get("properties", {}) if (value := self.cleaned_data.get(name)) not in (None, "")}

    def complain(self, details: Mapping[str, list[str]]) -> None:
        """Show what the model refused beside the fields that it is about."""
        for path, problems in details.items():
            name = path.split(".")[0]
            self.add_error(name if name in self.fields else None, [forms.ValidationError(f"{problem}") for problem in problems])


def form_for(schema: Schema) -> type[ParamForm]:
    """A form class with a field for each property of a model's JSON schema (by alias)."""
    definitions, needed = schema.get("$defs", {}), schema.get("required", [])
    properties = schema.get("properties", {})
    fields = {name: field_for(name, _resolved(of, definitions), needed=name in needed) for name, of in properties.items()}
    return type("TypeForm", (ParamForm,), {**fields, "schema": schema})


def leaving_out(schema: Schema, *names: str) -> Schema:
    """The schema of a model without some of its properties."""
    properties = {name: of for name, of in schema.get("properties", {}).items() if name not in names}
    return {**schema, "properties": properties}


def field_for(name: str, schema: Schema, *, needed: bool) -> forms.Field:
    """The field that asks for one property."""
    common: dict[str, Any] = {
        "label": _words(name),
        "help_text": _help(schema),
        "required": needed,
        "initial": schema.get("default"),
    }
    if choices := _choices(schema):
        blank = [] if needed or schema.get("default") in choices else [("", "–")]
        return forms.TypedChoiceField(
            choices=[*blank, *((c, str(c)) for c in choices)], coerce=_coercion(choices), empty_value=None, **common
        )
    match schema.get("type"):
        case "boolean":
            return forms.BooleanField(**{**common, "required": False})
        case "integer":
            return forms.IntegerField(min_value=_least(schema, step=1), max_value=_most(schema, step=1), **common)
        case "number":
            return forms.FloatField(
                min_value=_least(schema), max_value=_most(schema), widget=forms.NumberInput(attrs={"step": "any"}), **common
            )
        case "string":
            return _text(schema, common)
        case "array" if (of := schema.get("items", {}).get("type")) in ("string", "integer", "number"):
            return ListField(of_numbers=of != "string", **common)
    return JsonField(widget=forms.Textarea(attrs={"rows": 4}), **common)


def _text(schema: Schema, common: Mapping[str, Any]) -> forms.Field:
    longest = schema.get("maxLength")
    if schema.get("format") == "uri":
        return forms.CharField(max_length=longest, widget=forms.URLInput(attrs={"class": "vURLField", "autocomplete": "off"}), **common)
    if longest is not None and longest > SHORT:
        return forms.CharField(max_length=longest, widget=forms.Textarea(attrs={"rows": 3}), **common)
    return forms.CharField(max_length=longest, widget=forms.TextInput(attrs={"class": "vTextField", "autocomplete": "off"}), **common)


def _resolved(schema: Schema, definitions: Mapping[str, Schema]) -> Schema:
    """Without references, and without the null of what may be left out."""
    if "$ref" in schema:
        return {**_resolved(definitions[schema["$ref"].rsplit("/", 1)[-1]], definitions), **_without(schema, "$ref")}
    choices = [choice for choice in schema.get("anyOf", ()) if choice.get("type") != "null"]
    if len(choices) == 1:
        return {**_resolved(choices[0], definitions), **_without(schema, "anyOf")}
    if isinstance(schema.get("items"), Mapping):
        return {**schema, "items": _resolved(schema["items"], definitions)}
    return schema


def _without(schema: Schema, word: str) -> Schema:
    return {key: value for key, value in schema.items() if key != word}


def _choices(schema: Schema) -> list[Any]:
    return list(schema.get("enum", [schema["const"]] if "const" in schema else []))


def _coercion(choices: list[Any]) -> Any:
    """Back from the text of a choice to the choice itself."""
    by_text = {str(choice): choice for choice in choices}
    return lambda text: by_text.get(text, text)


def _words(name: str) -> str:
    """`inPoint` as a label: "In point"."""
    return "URL" if name == "url" else _CAPITAL.sub(lambda letter: f" {letter[0].lower()}", name).capitalize()


def _least(schema: Schema, *, step: float = 0) -> Any:
    return schema.get("minimum", schema["exclusiveMinimum"] + step if "exclusiveMinimum" in schema else None)


def _most(schema: Schema, *, step: float = 0) -> Any:
    return schema.get("maximum", schema["exclusiveMaximum"] - step if "exclusiveMaximum" in schema else None)


def _help(schema: Schema) -> str:
    """What the model says of the field, with its bounds and its default."""
    default = schema.get("default")
    usual = "" if default in (None, "", [], {}) or isinstance(default, bool) else f"default {_plain(default)}"
    return " · ".join(filter(None, (schema.get("description", ""), _bounds(schema), usual)))


def _bounds(schema: Schema) -> str:
    """`0 to 15`, `more than 0`, `at least 1`, … in a few words."""
    if schema.get("type") == "integer":
        largest = _most(schema, step=1)
        schema = {"minimum": _least(schema, step=1), "maximum": None if largest == LARGEST_ID else largest}
    least, most = schema.get("minimum"), schema.get("maximum")
    if least is not None and most is not None:
        return f"{least} to {most}"
    words = {"minimum": "at least", "exclusiveMinimum": "more than", "maximum": "at most", "exclusiveMaximum": "less than"}
    return ", ".join(f"{said} {schema[word]}" for word, said in words.items() if schema.get(word) is not None)


def _plain(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
