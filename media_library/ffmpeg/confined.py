"""Becomes another program, bounded and bound to us: `python -m media_library.ffmpeg.confined OPTIONS PROGRAM ARGUMENT…`.

A process of its own does this, for Python may not run between the fork and the exec of a process with threads.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import signal
import sys

from media_library.ffmpeg import sandbox


def main() -> None:
    """OPTIONS: parent (process id), niceness, memory and file_size (bytes, null: unbounded)."""
    options = json.loads(sys.argv[1])
    _bound(memory=options["memory"], file_size=options["file_size"])
    with contextlib.suppress(OSError):
        os.nice(options["niceness"])  # its disk priority follows
    sandbox.follow(options["parent"])
    for number in (signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(number, signal.SIG_DFL)  # Python ignores them, and what is ignored stays so
    os.chdir("/")
    os.execv(sys.argv[2], sys.argv[2:])


def _bound(*, memory: int | None, file_size: int | None) -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (sandbox.MOST_OPEN_FILES, sandbox.MOST_OPEN_FILES))
    if file_size is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (file_size, file_size))
    if memory is not None and sys.platform == "linux":
        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))


if __name__ == "__main__":
    main()
