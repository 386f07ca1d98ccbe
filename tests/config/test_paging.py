"""`limit`, `offset` and ids: plain decimal numbers, or a 400 that names the parameter."""

from __future__ import annotations

import pytest
from django.http import QueryDict
from hypothesis import given
from hypothesis import strategies as st
from rest_framework.exceptions import ValidationError

from config.api.fields import IdConverter, parse_decimal
from config.api.paging import Paging, PagingQuery, paging_of
from config.database import LARGEST_ID

NO_NUMBERS = [
    "",
    "-1",
    "+1",
    "1.0",
    "1e3",
    "0x10",
    "1_0",
    " 1",
    "1 ",
    "NaN",
    "abc",
    "１",
    "٣",
    "²",
    "\0",
    "01",
    "9" * 5000,
    str(2**63),
    str(2**64),
]


@pytest.mark.parametrize("parameter", ["limit", "offset"])
@pytest.mark.parametrize("text", NO_NUMBERS)
def test_what_is_no_plain_number_is_refused_by_name(parameter: str, text: str) -> None:
    query = QueryDict(mutable=True)
    query[parameter] = text

    with pytest.raises(ValidationError) as refusal:
        PagingQuery.read(query)

    assert list(refusal.value.detail) == [parameter]


@pytest.mark.parametrize("query", ["limit=0", "limit=1&limit=2", "offset=1&offset=1", "cursor=a&cursor=b", "cursor=" + "x" * 513])
def test_zero_and_repetition_are_refused(query: str) -> None:
    with pytest.raises(ValidationError):
        PagingQuery.read(QueryDict(query))


def test_a_limit_above_a_hundred_counts_as_a_hundred() -> None:
    assert paging_of(PagingQuery.read(QueryDict("limit=9223372036854775807")), default_limit=24).limit == 100


@pytest.mark.parametrize("query", ["", "cursor="])
def test_defaults(query: str) -> None:
    assert paging_of(PagingQuery.read(QueryDict(query)), default_limit=24) == Paging(limit=24, offset=0, cursor=None)


@given(st.integers(min_value=0, max_value=LARGEST_ID))
def test_every_number_of_63_bits_is_read(number: int) -> None:
    assert parse_decimal(str(number)) == number


@given(st.text())
def test_no_text_reads_as_another_number_than_it_writes(text: str) -> None:
    number = parse_decimal(text)

    assert number is None or str(number) == text


@pytest.mark.parametrize("text", NO_NUMBERS)
def test_what_is_no_id_reads_as_one_that_no_row_has(text: str) -> None:
    assert IdConverter().to_python(text) == 0
