"""yt-dlp in a process that reaches nothing but our egress: `python -m jobs.fetching.looker PARENT SOCKET ARGUMENT…`.

Where the kernel lets us it has a network of its own, in which there is only a loopback; what connects there comes out of the
egress, which listens at the Unix socket SOCKET. Elsewhere nothing but its own obedience keeps yt-dlp to the egress.
"""

from __future__ import annotations

import contextlib
import fcntl
import resource
import shutil
import socket
import struct
import sys
from threading import Thread

from media_library.ffmpeg import sandbox

MEMORY, FILE_SIZE, OPEN_FILES = 2 * 2**30, 64 * 2**20, 256  # bytes, bytes
SIOCSIFFLAGS, UP_AND_RUNNING = 0x8914, 0x41  # linux/sockios.h, linux/if.h


def main() -> None:
    parent, egress, *arguments = sys.argv[1:]
    for kind, most in ((resource.RLIMIT_AS, MEMORY), (resource.RLIMIT_FSIZE, FILE_SIZE), (resource.RLIMIT_NOFILE, OPEN_FILES)):
        resource.setrlimit(kind, (most, most))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    sandbox.follow(int(parent))
    _raise_loopback()
    bridge = socket.create_server(("127.0.0.1", 0))
    Thread(target=_carry_all, args=(bridge, egress), daemon=True).start()

    import yt_dlp  # an optional dependency

    yt_dlp.main(["--proxy", f"http://127.0.0.1:{bridge.getsockname()[1]}", *arguments])


def _raise_loopback() -> None:
    """Of a network of one's own the loopback is down at first; in the machine's this is refused, and it is up."""
    with contextlib.suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", UP_AND_RUNNING))


def _carry_all(bridge: socket.socket, egress: str) -> None:
    while True:
        inside, _ = bridge.accept()
        outside = socket.socket(socket.AF_UNIX)
        try:
            outside.connect(egress)
        except OSError:
            inside.close()
            continue
        for source, target in ((inside, outside), (outside, inside)):
            Thread(target=_carry, args=(source, target), daemon=True).start()


def _carry(source: socket.socket, target: socket.socket) -> None:
    """Carry bytes one way until they end, and say so."""
    with contextlib.suppress(OSError):
        with source.makefile("rb", buffering=0) as reader, target.makefile("wb", buffering=0) as writer:
            shutil.copyfileobj(reader, writer)
        target.shutdown(socket.SHUT_WR)


if __name__ == "__main__":
    main()
