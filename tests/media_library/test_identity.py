"""Content identity."""

from __future__ import annotations

import hashlib
import os
import struct
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from media_library.identity import CHUNK, oshash, sha256


def by_hand(data: bytes) -> str:
    ends = (data[:CHUNK], data[max(0, len(data) - CHUNK) :])
    words = (word for end in ends for (word,) in struct.iter_unpack("<Q", end + bytes(-len(end) % 8)))
    return f"{(len(data) + sum(words)) % 2**64:016x}"


def identities(path: Path) -> tuple[str, str]:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        return oshash(descriptor), sha256(descriptor)
    finally:
        os.close(descriptor)


@given(st.integers(0, 3 * CHUNK), st.randoms(use_true_random=False))
def test_hashes_are_what_they_are_called(tmp_path_factory, size, random) -> None:  # type: ignore[no-untyped-def]
    data = random.randbytes(size)
    path = tmp_path_factory.getbasetemp() / "file"
    path.write_bytes(data)

    assert identities(path) == (by_hand(data), hashlib.sha256(data).hexdigest())
