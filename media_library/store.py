"""The thumbnail store: small files made of videos, each complete or not there at all."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

DRAFTS = ".drafts"  # in the store; what a crash leaves lies here
FORGOTTEN = 3600.0  # seconds after which nobody writes to a draft any more


def put(data: bytes, path: str, *, store: Path) -> None:
    """Write a file at `path` in the store, unless one of that size is there; raises OSError, for instance when the disk is full.

    Either way it is young afterwards, so that nobody sweeps it before a row names it.
    """
    target = store / path
    if _holds(target, len(data)):
        with suppress(FileNotFoundError, PermissionError):  # swept just now, or another user's
            os.utime(target)
            return
    draft = store / DRAFTS / os.urandom(16).hex()
    draft.parent.mkdir(parents=True, exist_ok=True)
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        with draft.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(target)
    finally:
        draft.unlink(missing_ok=True)


def put_as(name: str, data: bytes, *, store: Path) -> str:
    """Keep a video's file by its content and its own name, `<id>.<suffix>`: nobody else's is ever removed with it. Returns its path."""
    digest = hashlib.sha256(data).hexdigest()
    path = f"{digest[:2]}/{digest[2:4]}/{digest}-{name}"
    put(data, path, store=store)
    return path


def remove(paths: Iterable[str | None], *, store: Path) -> None:
    """Those that are there."""
    for path in paths:
        with suppress(FileNotFoundError):
            (store / str(path)).unlink()


def sweep_drafts(store: Path) -> None:
    """Remove what writers that died have left."""
    for draft in (store / DRAFTS).glob("*"):
        try:
            if time.time() - draft.stat().st_mtime > FORGOTTEN:
                draft.unlink()
        except FileNotFoundError:
            continue  # its writer has just finished


def _holds(target: Path, size: int) -> bool:
    try:
        return target.stat().st_size == size
    except FileNotFoundError:
        return False
