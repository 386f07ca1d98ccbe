"""A connection to one address that was checked before, over which nobody waits longer than we want to."""

from __future__ import annotations

import errno
import io
import os
import select
import socket
import ssl
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from threading import Thread
from typing import Self, TypeVar

from jobs.failures import JobFailed
from jobs.fetching.addresses import Address, Resolve, Target

TICK = 0.2  # seconds between two looks at whether to go on
CONNECT_SECONDS = 10.0  # for one address
IN_PROGRESS = (errno.EINPROGRESS, errno.EWOULDBLOCK)
WHOLE = 2**16  # bytes of a read

T = TypeVar("T")


class Interrupted(JobFailed):
    """The connection was not made, broke, or dried up; what has come stays, and another attempt goes on from there."""

    def __init__(self, sentence: str, *, error_class: str = "connection_broken") -> None:
        super().__init__(error_class, sentence, suggestion="Its server or the network is at fault: retry later.", is_transient=True)


class Patience:
    """How long a server may take: in all, and for a little.

    `check` is called a few times a second and may raise.
    """

    def __init__(self, check: Callable[[], None], *, seconds: float, window: float, least_rate: float) -> None:
        """`seconds` for everything; in every `window` seconds, `least_rate` bytes a second."""
        self._check = check
        self._deadline = time.monotonic() + seconds
        self._window, self._least = window, least_rate * window
        self._seconds = seconds
        self.begin()

    def begin(self) -> None:
        """Look anew at how fast bytes come."""
        self._window_ends = time.monotonic() + self._window
        self._came = 0

    def note(self, count: int) -> None:
        """So many bytes came."""
        self._came += count

    def tick(self) -> None:
        """Raise where it is time to give up."""
        self._check()
        now = time.monotonic()
        if now > self._deadline:
            suggestion = "Allow it more time with maxSeconds, or FETCH_TIMEOUT_SECONDS."
            raise JobFailed("timeout", f"It was not there after {self._seconds:g} seconds", suggestion=suggestion)
        if now > self._window_ends:
            if self._came < self._least:
                raise Interrupted(f"The server sent {self._came} bytes in {self._window:g} seconds", error_class="too_slow")
            self.begin()

    def sleep(self, seconds: float) -> None:
        """Wait for so long, ticking."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            self.tick()
            time.sleep(min(left, TICK))


class Wire:
    """An open connection, as `http.client.HTTPResponse` reads from one."""

    def __init__(self, connected: socket.socket, patience: Patience) -> None:
        self._socket, self._patience = connected, patience

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def secure(self, host: str, context: ssl.SSLContext) -> None:
        """Go on in TLS with a server that proves to be `host`."""
        self._socket = context.wrap_socket(self._socket, server_hostname=host, do_handshake_on_connect=False)
        secured = self._socket
        self._patiently(secured.do_handshake)

    def send(self, data: bytes) -> None:
        while data:
            left = data
            data = data[self._patiently(lambda left=left: self._socket.send(left)) :]  # type: ignore[misc]

    def receive_into(self, buffer: memoryview) -> int:
        """Some bytes; 0 at the end."""
        count = self._patiently(lambda: self._socket.recv_into(buffer))
        self._patience.note(count)
        return count

    def makefile(self, mode: str) -> io.BufferedReader:
        return io.BufferedReader(_Reader(self))

    def _patiently(self, operation: Callable[[], T]) -> T:
        while True:
            self._patience.tick()
            try:
                return operation()
            except (BlockingIOError, ssl.SSLWantReadError):
                _wait(self._socket, select.POLLIN)
            except ssl.SSLWantWriteError:
                _wait(self._socket, select.POLLOUT)
            except ssl.SSLCertVerificationError as error:
                suggestion = "Its certificate has to be one that this machine trusts."
                raise JobFailed(
                    "certificate", f"The server does not prove who it is: {error.verify_message}", suggestion=suggestion
                ) from error
            except OSError as error:
                raise Interrupted(f"The connection broke: {error.strerror or type(error).__name__}") from error


class _Reader(io.RawIOBase):
    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        return self._wire.receive_into(buffer)


def look_up(target: Target, resolve: Resolve, patience: Patience) -> list[str]:
    """What the resolver says of the target's host; it knows no patience, so a thread of its own waits for it. Raises `Interrupted`."""
    found: list[str] = []
    errors: list[OSError | UnicodeError] = []

    def ask() -> None:
        try:
            found.extend(resolve(target.host, target.port))
        except (OSError, UnicodeError) as error:
            errors.append(error)

    thread = Thread(target=ask, name="resolver", daemon=True)
    thread.start()
    while thread.is_alive():
        patience.tick()
        thread.join(TICK)
    if not found:
        raise Interrupted(f"The name {target.host} leads nowhere", error_class="unknown_host")
    return found


def dial(addresses: Sequence[Address], port: int, patience: Patience) -> socket.socket:
    """Connect to the first of the addresses that answers, without blocking; raises `Interrupted`."""
    problem = ""
    for address in addresses:
        try:
            return _connected(address, port, patience)
        except OSError as error:
            problem = error.strerror or str(error)
    raise Interrupted(f"The server cannot be reached: {problem}")


def _connected(address: Address, port: int, patience: Patience) -> socket.socket:
    with ExitStack() as stack:
        connecting = stack.enter_context(closing(socket.socket(socket.AF_INET if address.version == 4 else socket.AF_INET6)))
        connecting.setblocking(False)
        status = connecting.connect_ex((str(address), port))
        until = time.monotonic() + CONNECT_SECONDS
        while status in IN_PROGRESS:
            patience.tick()
            if time.monotonic() > until:
                raise OSError(errno.ETIMEDOUT, os.strerror(errno.ETIMEDOUT))
            if _wait(connecting, select.POLLOUT):
                status = connecting.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if status:
            raise OSError(status, os.strerror(status))
        stack.pop_all()
        return connecting


def _wait(waiting: socket.socket, event: int) -> bool:
    """Whether there is something to do before the next tick."""
    poll = select.poll()
    poll.register(waiting, event)
    return bool(poll.poll(TICK * 1000))
