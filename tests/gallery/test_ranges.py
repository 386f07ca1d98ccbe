"""The Range header, against a reference model and by hand."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gallery.ranges import ByteRange, UnsatisfiableRange, parse_range

sizes = st.integers(0, 2**40)
positions = st.one_of(st.integers(0, 20), st.integers(0, 2**70))


def bytes_asked(content: bytes, first: int | None, last: int | None) -> bytes | None:
    """What RFC 9110 says of one well-formed range of this content, by slicing; None: unsatisfiable."""
    if first is None:
        return content[len(content) - min(last or 0, len(content)) :] if last else None
    return content[first : len(content) if last is None else last + 1] or None


@given(content=st.binary(max_size=40), first=st.none() | st.integers(0, 50), last=st.none() | st.integers(0, 50))
@settings(max_examples=400, deadline=None)
def test_one_range_is_the_slice_that_the_standard_describes(content: bytes, first: int | None, last: int | None) -> None:
    if first is None and last is None:
        return
    header = f"bytes={'' if first is None else first}-{'' if last is None else last}"
    is_reversed = first is not None and last is not None and last < first
    try:
        found = parse_range(header, size=len(content))
    except UnsatisfiableRange:
        assert not is_reversed
        assert bytes_asked(content, first, last) is None
        return

    if found is None:
        assert is_reversed or (first is None and not content)
    else:
        assert content[found.start : found.stop] == bytes_asked(content, first, last)


@given(header=st.text(max_size=60) | st.from_regex(r"bytes=[0-9, -]*", fullmatch=True), size=sizes)
@settings(max_examples=400, deadline=None)
def test_no_header_reaches_outside_the_file(header: str, size: int) -> None:
    try:
        found = parse_range(header, size=size)
    except UnsatisfiableRange:
        return

    assert found is None or 0 <= found.start < found.stop <= size


@pytest.mark.parametrize(
    ("header", "found"),
    [
        ("bytes=0-0", ByteRange(0, 1)),
        ("bytes=-1", ByteRange(99, 100)),
        ("bytes=5-", ByteRange(5, 100)),
        ("bytes=0-", ByteRange(0, 100)),
        ("bytes=90-1000", ByteRange(90, 100)),
        ("bytes=-1000", ByteRange(0, 100)),
        ("bytes=99-18446744073709551616", ByteRange(99, 100)),
        ("BYTES=1-2", ByteRange(1, 3)),
        ("bytes= 1-2 ", ByteRange(1, 3)),
    ],
)
def test_satisfiable_ranges(header: str, found: ByteRange) -> None:
    assert parse_range(header, size=100) == found


@pytest.mark.parametrize("header", ["bytes=100-", "bytes=100-100", "bytes=18446744073709551616-", "bytes=-0", f"bytes={'9' * 60}-"])
def test_ranges_behind_the_end_are_unsatisfiable(header: str) -> None:
    with pytest.raises(UnsatisfiableRange):
        parse_range(header, size=100)


@pytest.mark.parametrize(
    "header",
    [
        "", "bytes", "bytes=", "bytes=-", "bytes=5", "bytes=5-2", "bytes=a-b", "bytes=-a", "bytes=1-2-3", "bytes=--1", "bytes=+1-2",
        "bytes=0x1-2", "bytes=1.5-2", "bytes=１-２", "bytes = 1-2", "items=0-1", "bytes:0-1", "0-1", "bytes=0-1,2-3", "bytes=0-0, -1",
        "bytes=1 -2", "bytes=1-2;", "bytes=\x001-2",
    ],
)  # fmt: skip
def test_what_is_no_single_range_is_ignored(header: str) -> None:
    assert parse_range(header, size=100) is None


def test_an_empty_file_has_no_range() -> None:
    assert parse_range("bytes=-5", size=0) is None
    with pytest.raises(UnsatisfiableRange):
        parse_range("bytes=0-0", size=0)


def test_a_header_with_a_hundred_thousand_ranges_is_dealt_with_at_once() -> None:
    header = "bytes=" + ",".join(["0-"] * 100_000)
    start = time.process_time()

    found = parse_range(header, size=100)

    assert found is None
    assert time.process_time() - start < 0.05
