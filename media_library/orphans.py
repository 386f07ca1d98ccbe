"""Files of the thumbnail store that no row names: what a process leaves that dies between putting a file and naming it."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from media_library.models import Digest, Preview, Video
from media_library.posters import SMALLER_SIDES

YOUNGEST = 24 * 3600.0  # seconds: who has put a younger file may be about to name it
AT_ONCE = 20_000  # files that are asked for together
OURS = re.compile(r"(?P<digest>[0-9a-f]{64})(?:-(?P<tail>\d+))?\.(?:webp|mp4)")


class NothingIsNamed(Exception):
    """No row names any file of the store: this is another library's store, or an empty database."""


@dataclass(frozen=True)
class Swept:
    """What was removed, or would be."""

    files: int = 0
    size: int = 0  # bytes


def sweep(store: Path, *, dry_run: bool) -> Swept:
    """Remove what has lain in the store for a day, or longer, without a row that names it; raises `NothingIsNamed`.

    A name is looked for after the age: who puts the same file again makes it young first, see `store.put`.
    """
    count = size = 0
    is_ours = _any_is_named()
    files = _old_files(store)
    while batch := list(islice(files, AT_ONCE)):
        named = _named(batch)
        for path in batch:
            if path in named or _poster_of(path) in named:
                continue
            if not is_ours:
                raise NothingIsNamed
            removed = _remove(store / path, dry_run=dry_run)
            count, size = count + (removed is not None), size + (removed or 0)
    return Swept(count, size)


def _old_files(store: Path) -> Iterator[str]:
    """Paths in the store of files that are called as ours are; whatever else lies there is nobody's business here."""
    for path in store.glob("[0-9a-f][0-9a-f]/[0-9a-f][0-9a-f]/*"):
        ours = OURS.fullmatch(path.name)
        if ours and f"{ours['digest'][:2]}/{ours['digest'][2:4]}" == path.parent.relative_to(store).as_posix() and _age(path) > YOUNGEST:
            yield path.relative_to(store).as_posix()


def _age(path: Path) -> float:
    """Seconds; of a file that is gone by now none."""
    try:
        return time.time() - path.stat().st_mtime
    except FileNotFoundError:
        return 0.0


def _poster_of(path: str) -> str | None:
    """The poster of which this may be a smaller one."""
    ours = OURS.fullmatch(Path(path).name)
    is_smaller = ours and ours["tail"] in map(str, SMALLER_SIDES)
    return str(Path(path).with_name(f"{ours['digest']}.webp")) if ours and is_smaller else None


def _named(paths: Sequence[str]) -> set[str]:
    """Those that rows name, and the posters that rows name of which they may be smaller ones."""
    asked = {*paths, *filter(None, map(_poster_of, paths))}
    columns = ((Video, "thumbnail_path"), (Preview, "sprite_path"), (Preview, "hover_path"), (Digest, "sheet_path"))
    return {
        name
        for model, column in columns
        for name in model._default_manager.filter(**{f"{column}__in": asked}).values_list(column, flat=True)
    }


def _any_is_named() -> bool:
    return Video.objects.exclude(thumbnail_path=None).exists()


def _remove(path: Path, *, dry_run: bool) -> int | None:
    """The file's size in bytes; None where it has become young, or is gone."""
    with suppress(FileNotFoundError):
        size = path.stat().st_size
        if _age(path) > YOUNGEST:
            if not dry_run:
                path.unlink()
            return size
    return None
