"""A proxy for programs that speak HTTP themselves: they reach what a fetch may reach, and nothing else."""

from __future__ import annotations

import select
import socket
from io import BufferedIOBase
from itertools import islice
from pathlib import Path
from socketserver import StreamRequestHandler, ThreadingMixIn, UnixStreamServer
from threading import Thread
from typing import Any, Self

from jobs.failures import JobFailed
from jobs.fetching.addresses import Target, UnfitUrl, parse
from jobs.fetching.requests import Caller
from jobs.fetching.wire import TICK, WHOLE, Interrupted, dial, look_up

LONGEST_LINE, MOST_LINES = 2**16, 100
MOST_BYTES = 64 * 2**20  # of a connection, both ways: pages, and no videos
SEND_SECONDS = 30.0


class Egress(ThreadingMixIn, UnixStreamServer):
    """Serves at a Unix socket while its block lasts; `refused` says what it kept its program from."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, path: Path, caller: Caller) -> None:
        super().__init__(str(path), _Connection)
        self.caller = caller
        self.refused: list[str] = []

    def __enter__(self) -> Self:
        Thread(target=self.serve_forever, kwargs={"poll_interval": TICK}, name="egress", daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self.server_close()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A connection that broke is its program's affair."""


class _Connection(StreamRequestHandler):
    """One request of the program: a tunnel, or one exchange of plain HTTP, after which the connection is closed."""

    server: Egress
    timeout = SEND_SECONDS

    def handle(self) -> None:
        method, address, _ = _line(self.rfile).split(" ", 2)
        headers = _headers(self.rfile)
        try:
            target = parse(f"https://{address}" if method == "CONNECT" else address)
            outside = self._connected(target)
        except (UnfitUrl, JobFailed) as refusal:
            if not isinstance(refusal, Interrupted):
                self.server.refused.append(str(refusal))
            self.wfile.write(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            return
        with outside:
            outside.settimeout(SEND_SECONDS)
            if method == "CONNECT":
                self.wfile.write(b"HTTP/1.1 200 Connected\r\n\r\n")
                _pass_on(self.connection, outside)
            else:
                self._exchange(outside, f"{method} {target.path} HTTP/1.1", headers)

    def _connected(self, target: Target) -> socket.socket:
        caller = self.server.caller
        addresses = caller.rules.pin(target, lambda *_: look_up(target, caller.resolve, caller.patience))
        return dial(addresses, target.port, caller.patience)

    def _exchange(self, outside: socket.socket, request: str, headers: list[str]) -> None:
        outside.sendall(_head(request, headers))
        length = next((line.partition(":")[2].strip() for line in headers if line.lower().startswith("content-length:")), "0")
        outside.sendall(self.rfile.read(min(int(length), MOST_BYTES)))
        with outside.makefile("rb") as answer:
            self.wfile.write(_head(_line(answer), _headers(answer)))
            passed = 0
            while passed < MOST_BYTES and (piece := answer.read1(WHOLE)):
                self.wfile.write(piece)
                passed += len(piece)


def _head(first: str, headers: list[str]) -> bytes:
    return "\r\n".join([first, *headers, "Connection: close", "", ""]).encode("latin-1")


def _headers(file: BufferedIOBase) -> list[str]:
    """Those that are not between us and whoever sent them."""
    lines = islice(iter(lambda: _line(file), ""), MOST_LINES)
    return [line for line in lines if not line.lower().startswith(("proxy-", "connection:", "keep-alive:"))]


def _line(file: BufferedIOBase) -> str:
    return file.readline(LONGEST_LINE).decode("latin-1").rstrip("\r\n")


def _pass_on(one: socket.socket, other: socket.socket) -> None:
    """Carry bytes both ways until one side ends."""
    partner = {one: other, other: one}
    passed = 0
    while passed < MOST_BYTES:
        readable, _, _ = select.select(list(partner), (), (), SEND_SECONDS)
        if not readable:
            return
        for end in readable:
            piece = end.recv(WHOLE)
            if not piece:
                return
            partner[end].sendall(piece)
            passed += len(piece)
