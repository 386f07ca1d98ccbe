"""Looking into files, several at a time."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, TypeVar

from media_library.ffmpeg.inspection import Inspection
from media_library.ffmpeg.inspectors import Inspectors
from media_library.identity import sha256
from media_library.paths import FILE_FLAGS, decode_path, open_beneath
from media_library.posters import save_poster

NOTHING = Inspection()
Item = TypeVar("Item")
Result = TypeVar("Result")

AHEAD_PER_WORKER = 4  # files waiting for each worker, so that none is idle


class FoundFile(NamedTuple):
    """A file as it must still be when it is read."""

    path: str  # relative to the root, as `encode_path` writes it
    size: int  # bytes
    mtime_ns: int


class Arrival(NamedTuple):
    """A file to be looked into, with the id of the row that has its path, if any."""

    file: FoundFile
    video_id: int | None


@dataclass(frozen=True)
class Reading:
    """What a look into an arrival showed. With a `problem` it showed nothing that may be stored."""

    arrival: Arrival
    inspection: Inspection = NOTHING
    thumbnail_path: str | None = None
    problem: str = ""
    is_unsettled: bool = False


class Unsettled(Exception):
    """The file is not the one that the walk saw: it is being written, or was replaced."""


class StoreUnusable(Exception):
    """The thumbnail store takes no poster: its disk is full, or it is not writable."""


class Reader:
    """Reads files of one library; every method may run in several threads."""

    def __init__(self, root: int, *, inspectors: Inspectors, store: Path) -> None:
        self._root = root
        self._inspectors = inspectors
        self._store = store

    def read_all(self, arrivals: Iterable[Arrival], *, with_posters: bool) -> Iterator[Reading]:
        """Read arrivals side by side, in order; bounded, however many there are."""

        def read(arrival: Arrival) -> Reading:
            return self.read(arrival, with_poster=with_posters)

        yield from side_by_side(read, arrivals, workers=self._inspectors.count)

    def read(self, arrival: Arrival, *, with_poster: bool) -> Reading:
        """Identify, probe and picture one file: opened once, and the same file before and after."""
        try:
            with self._opened(arrival.file) as file:
                inspection = self._inspectors.inspect(file.descriptor, with_poster=with_poster)
                file.check()
        except Unsettled as error:
            return Reading(arrival, problem=str(error), is_unsettled=True)
        except OSError as error:
            return Reading(arrival, problem=error.strerror or type(error).__name__)
        return Reading(arrival, inspection, self._keep(inspection.poster))

    def hash(self, file: FoundFile) -> str | None:
        """SHA-256 of a file's content; None when it is gone, unreadable, or not what `file` says."""
        try:
            with self._opened(file) as opened:
                digest = sha256(opened.descriptor)
                opened.check()
        except (Unsettled, OSError):
            return None
        return digest

    def is_there(self, path: str) -> bool:
        """Whether something lies at the path; an error other than its absence counts as yes."""
        try:
            os.close(open_beneath(self._root, decode_path(path).parts, FILE_FLAGS))
        except FileNotFoundError:
            return False
        except OSError:
            return True
        return True

    def _keep(self, poster: bytes | None) -> str | None:
        if poster is None:
            return None
        try:
            return save_poster(poster, store=self._store)
        except OSError as error:  # not the file's fault: every other one would fail alike
            raise StoreUnusable(f"Posters cannot be kept in {self._store}: {error.strerror}") from error

    def _opened(self, file: FoundFile) -> _Opened:
        return _Opened(open_beneath(self._root, decode_path(file.path).parts, FILE_FLAGS), file)


class _Opened:
    """A file that stands open and must stay what the walk saw."""

    def __init__(self, descriptor: int, expected: FoundFile) -> None:
        self.descriptor = descriptor
        self._expected = expected

    def __enter__(self) -> _Opened:
        try:
            self.check()
        except BaseException:
            os.close(self.descriptor)
            raise
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self.descriptor)

    def check(self) -> None:
        status = os.fstat(self.descriptor)
        if (status.st_size, status.st_mtime_ns) != (self._expected.size, self._expected.mtime_ns):
            raise Unsettled("It changed while we looked")


def side_by_side(work: Callable[[Item], Result], items: Iterable[Item], *, workers: int) -> Iterator[Result]:
    """Results in the order of the items, of which no more than a few are ever in hand."""
    with ThreadPoolExecutor(workers, thread_name_prefix="scan") as executor:
        waiting: deque[Future[Result]] = deque()
        try:
            for item in items:
                waiting.append(executor.submit(work, item))
                if len(waiting) >= workers * AHEAD_PER_WORKER:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            executor.shutdown(cancel_futures=True)
