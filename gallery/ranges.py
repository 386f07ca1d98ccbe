"""The byte range that a request asks for: RFC 9110, section 14."""

from __future__ import annotations

import re
from dataclasses import dataclass

LONGEST_HEADER = 128  # characters; a single range with 64-bit numbers needs 47
_SINGLE_RANGE = re.compile(r"bytes=[ \t]*(?:([0-9]+)-([0-9]*)|-([0-9]+))[ \t]*", re.ASCII | re.IGNORECASE)


class UnsatisfiableRange(ValueError):
    """The range begins behind the end of the file: 416."""


@dataclass(frozen=True)
class ByteRange:
    """The bytes `start` to `stop` - 1 of a file."""

    start: int
    stop: int

    @property
    def length(self) -> int:
        return self.stop - self.start

    def content_range(self, size: int) -> str:
        return f"bytes {self.start}-{self.stop - 1}/{size}"


def parse_range(header: str, *, size: int) -> ByteRange | None:
    """The one range that a Range header asks of a file of `size` bytes; None where the whole file is the answer.

    That is so for headers that are malformed, in another unit, or ask for several ranges: a server may ignore
    those, and answering many ranges is a known way to be overloaded. Raises `UnsatisfiableRange`.
    """
    matched = _SINGLE_RANGE.fullmatch(header) if len(header) <= LONGEST_HEADER else None
    if matched is None:
        return None
    first, last, suffix = matched.groups()
    if suffix is not None:
        return _last_bytes(int(suffix), size)
    start, stop = int(first), int(last) + 1 if last else size
    if last and stop <= start:
        return None  # reversed, so malformed
    if start >= size:
        raise UnsatisfiableRange
    return ByteRange(start, min(stop, size))


def _last_bytes(length: int, size: int) -> ByteRange | None:
    if length == 0:
        raise UnsatisfiableRange
    return ByteRange(max(0, size - length), size) if size else None
