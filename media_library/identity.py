"""Who a file is, by its content."""

from __future__ import annotations

import hashlib
import os
from array import array
from collections.abc import Callable

CHUNK = 64 * 1024  # bytes of each end that `oshash` reads
BLOCK = 1024 * 1024  # bytes read at a time by `sha256`
_MASK = (1 << 64) - 1


def oshash(descriptor: int) -> str:
    """Sum of the size and the 64-bit words of the first and last 64 KiB, as 16 hexadecimal digits.

    A file under 64 KiB counts its bytes twice, filled up with zeros to whole words.
    """
    size = os.fstat(descriptor).st_size
    ends = (os.pread(descriptor, CHUNK, 0), os.pread(descriptor, CHUNK, max(0, size - CHUNK)))
    return f"{(size + sum(_sum_of_words(end) for end in ends)) & _MASK:016x}"


def sha256(descriptor: int, *, on_block: Callable[[int], None] | None = None) -> str:
    """SHA-256 of the whole file, hexadecimal; `on_block` hears of each piece, in bytes, and may raise to stop."""
    digest, offset = hashlib.sha256(), 0
    while block := os.pread(descriptor, BLOCK, offset):
        digest.update(block)
        offset += len(block)
        if on_block:
            on_block(len(block))
    return digest.hexdigest()


def _sum_of_words(data: bytes) -> int:
    words = array("Q", data.ljust(-(-len(data) // 8) * 8, b"\0"))
    return sum(words)  # of this machine's byte order: little-endian on all that we run on
