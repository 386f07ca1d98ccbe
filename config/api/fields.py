"""Serializer fields that take a value as it is meant and guess nothing, and rows written in camelCase."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any, ClassVar

from django.db.models import QuerySet
from django.http import QueryDict
from rest_framework import serializers
from rest_framework.exceptions import ValidationError

from config.database import LARGEST_ID

TEXT = r"^[^\u0000]+$"  # without NUL, as ECMAScript writes it and so JSON Schema
MORE_THAN_BLANK = r"^[^\u0000]*[^\s\u0000\u001c-\u001f\u0085][^\u0000]*$"  # what Python strips
_DECIMAL = re.compile(r"0|[1-9][0-9]{0,18}", re.ASCII)
_SESSION_ID = re.compile(r"[A-Za-z0-9_-]{8,128}", re.ASCII)


def parse_decimal(text: str) -> int | None:
    """A plain decimal number of at most 64 bits, ASCII, no sign, no leading zero; None for anything else."""
    if not _DECIMAL.fullmatch(text):
        return None
    number = int(text)
    return number if number <= LARGEST_ID else None


class IdConverter:
    """An id in a path: `<id:video_id>`.

    What cannot be an id reads as 0, which no row has, so that the view answers in its own words what was not found.
    """

    regex = "[^/]+"

    def to_python(self, value: str) -> int:
        return parse_decimal(value) or 0

    def to_url(self, value: int) -> str:
        return str(value)


class StrictSerializer(serializers.Serializer[Any]):
    """A request body: an object without unknown fields."""

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, Mapping) and (unknown := [name for name in data if name not in self.fields]):
            raise ValidationError({name: "This is not a field that can be set here." for name in unknown[:10]})
        return super().to_internal_value(data)


class QuerySerializer(serializers.Serializer[Any]):
    """The query string of a GET; a known parameter given twice is refused, unknown ones are ignored."""

    @classmethod
    def read(cls, parameters: QueryDict) -> dict[str, Any]:
        """The validated parameters, by field name; those left out are absent unless the field has a default."""
        serializer = cls(data=parameters.dict())
        if repeated := [name for name, values in parameters.lists() if name in serializer.fields and len(values) > 1]:
            raise ValidationError({name: "Give it once." for name in repeated})
        serializer.is_valid(raise_exception=True)
        return dict(serializer.validated_data)


class RowSerializer(serializers.Serializer[Any]):
    """The shape of a row in replies. It documents itself in the schema, and `rows` reads just its columns."""

    @classmethod
    @cache
    def columns(cls) -> dict[str, str]:
        """Each field's name in the reply with the column or annotation it shows."""
        return {name: field.source or name for name, field in cls().fields.items()}

    @classmethod
    def rows(cls, queryset: QuerySet[Any]) -> list[dict[str, Any]]:
        """The queryset's rows as replies show them, straight from the database, without model instances."""
        columns = cls.columns()
        return [dict(zip(columns, row, strict=True)) for row in queryset.values_list(*columns.values())]


class Documented:
    """A field that takes less than its base in Django REST framework, and says so in the OpenAPI document."""

    def json_schema(self) -> dict[str, Any]:
        """What it takes but for the empty text, in the words of JSON Schema; what its options and validators allow is added."""
        raise NotImplementedError


class IdField(Documented, serializers.IntegerField):
    """An id in a JSON body.

    A whole number that no column can hold, which the parser hands over as a float, reads as 0, which no row has: so the
    view answers in its own words what was not found.
    """

    default_error_messages: ClassVar[Any] = {"invalid": "An id is a whole number."}

    def json_schema(self) -> dict[str, Any]:
        return {"type": "integer"}

    def to_internal_value(self, data: Any) -> int:
        if isinstance(data, float) and abs(data) > LARGEST_ID:
            return 0
        if type(data) is not int:
            self.fail("invalid")
        return data


class StrictIntegerField(serializers.IntegerField):
    """A whole number in a JSON body: `true`, `"1"` and `1.0` are none."""

    def to_internal_value(self, data: Any) -> int:
        if type(data) is not int:
            self.fail("invalid")
        return data


class QueryIntegerField(Documented, serializers.IntegerField):
    """A plain decimal number in a query string."""

    default_error_messages: ClassVar[Any] = {"invalid": "A plain decimal number of at most 64 bits is needed."}

    def json_schema(self) -> dict[str, Any]:
        return {"type": "integer", "format": "int64", "minimum": 0, "maximum": LARGEST_ID}

    def to_internal_value(self, data: Any) -> int:
        number = parse_decimal(data) if isinstance(data, str) else None
        if number is None:
            self.fail("invalid")
        return number


class StrictBooleanField(serializers.BooleanField):
    """A JSON boolean, or in a query string the word `true` or `false`."""

    default_error_messages: ClassVar[Any] = {"invalid": "true or false is needed."}

    def to_internal_value(self, data: Any) -> bool:
        if isinstance(data, bool):
            return data
        if data in ("true", "false"):
            return bool(data == "true")
        return self.fail("invalid")


class ObjectField(serializers.DictField):
    """A JSON object; what may be in it is said elsewhere."""

    default_error_messages: ClassVar[Any] = {"not_a_dict": "An object is needed."}

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        if not isinstance(data, dict):
            self.fail("not_a_dict")
        return data


class StrictTextField(Documented, serializers.CharField):
    """JSON text: a number is none. NUL and lone surrogates are refused."""

    def json_schema(self) -> dict[str, Any]:
        is_blank_too_little = self.trim_whitespace and not self.allow_blank
        return {"type": "string", "pattern": MORE_THAN_BLANK if is_blank_too_little else TEXT}

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)


class SessionIdField(StrictTextField):
    """A visitor's session: 8 to 128 characters of `[A-Za-z0-9_-]`."""

    default_error_messages: ClassVar[Any] = {"session": "8 to 128 characters of A-Z, a-z, 0-9, _ and - are needed."}

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"min_length": 8, "max_length": 128, "trim_whitespace": False} | options)

    def json_schema(self) -> dict[str, Any]:
        return {"type": "string", "pattern": "^[A-Za-z0-9_-]+$"}

    def to_internal_value(self, data: Any) -> str:
        text = super().to_internal_value(data)
        if text and not _SESSION_ID.fullmatch(text):
            self.fail("session")
        return text


class SearchField(StrictTextField):
    """Literal text to look for, at most 200 characters; empty means no search."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"max_length": 200, "allow_blank": True, "required": False} | options)


@cache
def camel_case(name: str) -> str:
    """`view_count` as JSON names it: `viewCount`."""
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


@cache
def camel_names(names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(camel_case(name) for name in names)


def camel_row(row: Mapping[str, Any]) -> dict[str, Any]:
    return dict(zip(camel_names(tuple(row)), row.values(), strict=True))


def camel_rows(rows: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    return [camel_row(row) for row in rows]
