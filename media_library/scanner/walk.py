"""Walking the library: every video file once, in the byte order of its path, holding one folder's names at a time."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field

from media_library.paths import FOLDER_FLAGS, decode_path, encode_path, open_beneath

EXTENSIONS = (".mp4", ".mov", ".avi", ".mkv", ".webm", ".m4v", ".flv", ".ts", ".ogv", ".gif")
NOT_OURS = frozenset({"lost+found", "@eaDir", "#recycle", "$RECYCLE.BIN", "System Volume Information", "__MACOSX"})

OnOddity = Callable[[str, str], None]  # path, what is odd about it


# A regular file with the extension of a video: its path relative to the root, as `encode_path` writes it, size in bytes, mtime_ns.
# A bare tuple, since a library of a million files makes a million of them at every scan.
Sighting = tuple[str, int, int]


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

    def open(self, root: int) -> int:
        """The folder's descriptor, opened anew where it was closed meanwhile."""
        if self.descriptor < 0:
            parts = decode_path(self.prefix).parts if self.prefix else ()
            self.descriptor = open_beneath(root, parts, FOLDER_FLAGS)
        return self.descriptor

    def close(self) -> None:
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1


def walk(root: int, scope: str, *, on_oddity: OnOddity) -> Iterator[Sighting]:
    """Yield the videos under `scope`, a folder relative to the open folder `root`, "" for all.

    Hidden files and folders are passed over in silence, links and other non-files with a word to `on_oddity`.
    A folder that cannot be read raises UnreadableFolder; one that vanishes meanwhile counts as empty.
    """
    way = [_Folder(prefix=f"{scope}/" if scope else "")]
    _list(root, way[0], on_oddity)
    try:
        while way:
            name = yield from _files_before_next_folder(root, way[-1])
            way[-1].close()  # one descriptor at a time, however deep it goes
            if name:
                way.append(_Folder(prefix=way[-1].prefix + name))
                _list(root, way[-1], on_oddity)
            else:
                way.pop()
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
        with os.scandir(folder.open(root)) as listing:
            for entry in listing:
                name = entry.name
                if is_hidden(name):
                    continue
                if is_video_name(name) and entry.is_file(follow_symlinks=False):
                    entries.append(name if name.isascii() else encode_path(name))
                elif entry.is_dir(follow_symlinks=False):
                    entries.append(encode_path(name) + "/")
                elif entry.is_symlink():
                    on_oddity(folder.prefix + encode_path(name), "A link")
                elif is_video_name(name):
                    on_oddity(folder.prefix + encode_path(name), "No file: a pipe, a socket or a device")
    except FileNotFoundError:
        return
    except OSError as error:
        raise UnreadableFolder(folder.prefix, error) from error
    entries.sort(reverse=True)


def _files_before_next_folder(root: int, folder: _Folder) -> Generator[Sighting, None, str | None]:
    """Yield the folder's files up to its next inner folder, whose name it returns; None at the end."""
    entries, prefix, descriptor = folder.entries, folder.prefix, -1
    while entries:
        name = entries.pop()
        if name[-1] == "/":
            return name
        try:
            if descriptor < 0:
                descriptor = folder.open(root)
            real_name = name if name.isascii() else decode_path(name)
            status = os.stat(real_name, dir_fd=descriptor, follow_symlinks=False)
        except FileNotFoundError:
            continue  # gone between the two looks
        except OSError as error:
            raise UnreadableFolder(prefix, error) from error
        if stat.S_ISREG(status.st_mode):
            yield prefix + name, status.st_size, status.st_mtime_ns
    return None
