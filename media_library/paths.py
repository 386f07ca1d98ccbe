"""How a path of the library is written in the database, and back.

The database holds text, a file system holds bytes. Bytes that are no UTF-8 are written as the private-use
characters U+F780 to U+F7FF, one each, and so are the bytes of such a character in a real name: what was
encoded comes back exactly.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path, PurePath

FOLDER_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
FILE_FLAGS = os.O_RDONLY | os.O_NONBLOCK  # a pipe that took the place of a file must not hang us

_ESCAPE = 0xF700
_NEEDS_ESCAPE = re.compile("[\udc80-\udcff\uf780-\uf7ff]")
_ESCAPED = re.compile("[\uf780-\uf7ff]")


def encode_path(path: str | PurePath) -> str:
    """Write a path relative to the root as text that any database and JSON accept."""
    return _NEEDS_ESCAPE.sub(_escape, str(path))


def decode_path(text: str) -> Path:
    """Read back a path that `encode_path` wrote, relative to the root."""
    if not _ESCAPED.search(text):
        return Path(text)
    raw = b"".join(bytes([ord(char) - _ESCAPE]) if _ESCAPED.match(char) else os.fsencode(char) for char in text)
    return Path(os.fsdecode(raw))


def shown(path: str) -> str:
    """What people see of a path that `encode_path` wrote: U+FFFD for each byte that is no text."""
    return _ESCAPED.sub("\N{REPLACEMENT CHARACTER}", path)


def _escape(match: re.Match[str]) -> str:
    return "".join(chr(_ESCAPE + byte) for byte in os.fsencode(match.group()))


def open_beneath(root: int, parts: Sequence[str], flags: int) -> int:
    """Open the file or folder `parts` under the open folder `root`, following no symbolic link on the way.

    Returns a descriptor; raises OSError. However deep, no path length limit applies.
    """
    folder = os.dup(root)
    try:
        for part in parts[:-1]:
            inner = os.open(part, FOLDER_FLAGS, dir_fd=folder)
            os.close(folder)
            folder = inner
        return os.open(parts[-1], flags | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder) if parts else os.dup(folder)
    finally:
        os.close(folder)
