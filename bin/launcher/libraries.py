"""Which library has which database and which thumbnails, so that no two libraries mix."""

from __future__ import annotations

import contextlib
import json
import os
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from launcher.complaints import CannotStart

MARKER = ".library-id"  # written by the first scan, where it can


@dataclass(frozen=True)
class Library:
    """A folder of videos that we have been started with."""

    name: str  # of its database, and of its folder in the data folder
    root: str
    identity: str | None  # the content of its marker, when it has been seen

    def thumbnails(self, data: Path) -> Path:
        return data / "libraries" / self.name / "thumbnails"


def find_or_add(root: Path, *, data: Path) -> Library:
    """The library at `root`, known again by its identity even when its folder was renamed; remembered in `libraries.json`."""
    register = data / "libraries.json"
    known = _read(register)
    found = recognise(root, known) or Library(_free_name(known), str(root), None)
    current = replace(found, root=str(root), identity=read_identity(root) or found.identity)
    others = [library for library in known if library.name != current.name]
    _write(register, [*others, current])
    return current


def recognise(root: Path, known: list[Library]) -> Library | None:
    """The known library that lies at `root` now.

    Another identity at a known path is another library; a known identity at a new path is a renamed folder, unless
    the old path still carries it too: then `root` is a copy.
    """
    identity = read_identity(root)
    here = (library for library in known if library.root == str(root) and (identity is None or library.identity in (None, identity)))
    renamed = (library for library in known if identity and library.identity == identity and read_identity(Path(library.root)) != identity)
    return next(here, None) or next(renamed, None)


def read_identity(root: Path) -> str | None:
    with contextlib.suppress(OSError, UnicodeDecodeError):
        return (root / MARKER).read_text()[:200].strip() or None
    return None


def require_readable(root: Path) -> None:
    """`CannotStart` unless `root` is a folder whose files can be listed."""
    if not root.exists():
        raise CannotStart(f"There is no folder {root}.")
    if not root.is_dir():
        raise CannotStart(f"{root} is a file; name the folder that holds your videos.")
    try:
        with os.scandir(root) as entries:
            next(entries, None)
    except OSError as error:
        raise CannotStart(f"The folder {root} cannot be read ({error.strerror}).") from error


def _free_name(known: list[Library]) -> str:
    taken = {library.name for library in known}
    return next(name for number in range(1, len(known) + 2) if (name := f"library_{number}") not in taken)


def _read(register: Path) -> list[Library]:
    if not register.exists():
        return []
    return [Library(**entry) for entry in json.loads(register.read_text())]


def _write(register: Path, libraries: list[Library]) -> None:
    draft = register.with_suffix(".part")
    draft.write_text(json.dumps([asdict(library) for library in libraries], indent=2) + "\n")
    draft.replace(register)
