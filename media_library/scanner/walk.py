"""Walking the library: every video file once, in the byte order of its path, holding one folder's names at a time."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from media_library.paths import FOLDER_FLAGS, decode_path, encode_path, open_beneath

EXTENSIONS = (".mp4", ".mov", ".avi", ".mkv", ".webm", ".m4v", ".flv", ".ts", ".ogv", ".gif")
NOT_OURS = frozenset({"lost+found", "@eaDir", "#recycle", "$RECYCLE.BIN", "System Volume Information", "__MACOSX"})

OnOddity = Callable[[str, str], None]  # path, what is odd about it


class FoundFile(NamedTuple):
    """A regular file with the extension of a video, as a look at its folder shows it."""

    path: str  # relative to the root, as `encode_path` writes it
    size: int  # bytes
    mtime_ns: int


class UnreadableFolder(Exception):
    """What lies in a folder is unknown, which is not the same as gone."""

    def __init__(self, path: str, error: OSError) -> None:
        super().__init__(f"{path or 'the library'}: {error.strerror}")
        self.path = path
        self.error = error


@dataclass
class _Folder:
    """A folder on the way: what is still to be visited, the next one last."""

    prefix: str  # encoded, "" or ending with "/"
    entries: list[str] = field(default_factory=list)  # encoded names, those of folders ending with "/"
    descriptor: int = -1

    def close(self) -> None:
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1


def walk(root: int, scope: str, *, on_oddity: OnOddity) -> Iterator[FoundFile]:
    """Yield the videos under `scope`, a folder relative to the open folder `root`, "" for all.

    Hidden files and folders are passed over in silence, links and other non-files with a word to `on_oddity`.
    A folder that cannot be read raises UnreadableFolder; one that vanishes meanwhile counts as empty.
    """
    start = _Folder(prefix=f"{scope}/" if scope else "")
    _list(root, start, on_oddity)
    way = [start]
    try:
        while way:
            folder = way[-1]
            if not folder.entries:
                way.pop().close()
                continue
            name = folder.entries.pop()
            if name[-1] == "/":
                folder.close()  # one descriptor at a time, however deep it goes
                inner = _Folder(prefix=folder.prefix + name)
                way.append(inner)
                _list(root, inner, on_oddity)
            else:
                found = _look(root, folder, name)
                if found:
                    yield found
    finally:
        for folder in way:
            folder.close()


def is_hidden(name: str) -> bool:
    return name[0] == "." or name in NOT_OURS


def is_video_name(name: str) -> bool:
    return name.lower().endswith(EXTENSIONS)


def _list(root: int, folder: _Folder, on_oddity: OnOddity) -> None:
    """Fill `folder.entries`, sorted so that full paths come in byte order: a folder sorts as its name with a slash."""
    entries = folder.entries
    try:
        folder.descriptor = _open(root, folder)
        with os.scandir(folder.descriptor) as listing:
            for entry in listing:
                name = entry.name
                if is_hidden(name):
                    continue
                if entry.is_dir(follow_symlinks=False):
                    entries.append(encode_path(name) + "/")
                elif is_video_name(name):
                    if entry.is_file(follow_symlinks=False):
                        entries.append(name if name.isascii() else encode_path(name))
                    else:
                        on_oddity(folder.prefix + encode_path(name), "A link" if entry.is_symlink() else "No file")
                elif entry.is_symlink():
                    on_oddity(folder.prefix + encode_path(name), "A link")
    except FileNotFoundError:
        return
    except OSError as error:
        raise UnreadableFolder(folder.prefix, error) from error
    entries.sort(reverse=True)


def _look(root: int, folder: _Folder, name: str) -> FoundFile | None:
    try:
        if folder.descriptor < 0:
            folder.descriptor = _open(root, folder)
        status = os.stat(name if name.isascii() else decode_path(name), dir_fd=folder.descriptor, follow_symlinks=False)
    except FileNotFoundError:
        return None  # gone between the two looks
    except OSError as error:
        raise UnreadableFolder(folder.prefix, error) from error
    if not stat.S_ISREG(status.st_mode):
        return None
    return FoundFile(folder.prefix + name, status.st_size, status.st_mtime_ns)


def _open(root: int, folder: _Folder) -> int:
    parts = decode_path(folder.prefix).parts if folder.prefix else ()
    return open_beneath(root, parts, FOLDER_FLAGS)
