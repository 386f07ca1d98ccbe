"""One GET, wherever its redirections lead: every hop is checked and pinned like the first."""

from __future__ import annotations

import ssl
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from http.client import HTTPException, HTTPResponse, RemoteDisconnected

from jobs.failures import JobFailed
from jobs.fetching.addresses import Resolve, Rules, Target, UnfitUrl, follow
from jobs.fetching.wire import Interrupted, Patience, Wire, dial, look_up

MOST_HOPS = 5
REDIRECTIONS = (301, 302, 303, 307, 308)
MAY_PASS = (408, 425, 429, *range(500, 600))
HEADERS = {
    "User-Agent": "media-library",
    "Accept": "video/*, image/gif, application/octet-stream, */*;q=0.5",
    "Accept-Encoding": "identity",
    "Connection": "close",
}


@dataclass(frozen=True)
class Caller:
    """Who asks: under which rules, with how much patience."""

    rules: Rules
    patience: Patience
    resolve: Resolve
    tls: ssl.SSLContext = field(default_factory=ssl.create_default_context)
    headers: Mapping[str, str] = field(default_factory=dict)

    @contextmanager
    def get(self, target: Target, headers: Mapping[str, str]) -> Iterator[HTTPResponse]:
        """The answer that is no redirection, open to be read.

        Raises `Interrupted` for what may pass, and `JobFailed` for what does not.
        """
        with ExitStack() as stack, _grammar():
            for _ in range(MOST_HOPS + 1):
                wire = stack.enter_context(self._connect(target))
                response = _ask(wire, target, {**self.headers, **headers})
                if response.status not in REDIRECTIONS:
                    yield response
                    return
                stack.close()
                target = _next(target, response)
            suggestion = "Open it in a browser, and fetch the address at which it ends."
            raise JobFailed("too_many_redirects", f"It was sent on more than {MOST_HOPS} times", suggestion=suggestion)

    def _connect(self, target: Target) -> Wire:
        self.patience.begin()
        addresses = self.rules.pin(target, lambda *_: look_up(target, self.resolve, self.patience))
        with ExitStack() as stack:
            wire = stack.enter_context(Wire(dial(addresses, target.port, self.patience), self.patience))
            if target.scheme == "https":
                wire.secure(target.host.rstrip("."), self.tls)
            stack.pop_all()
            return wire


def _ask(wire: Wire, target: Target, headers: Mapping[str, str]) -> HTTPResponse:
    lines = {"Host": target.authority, **HEADERS, **headers}
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    wire.send(f"GET {target.path} HTTP/1.1\r\n{head}\r\n".encode("ascii"))
    response = HTTPResponse(wire, method="GET")  # type: ignore[arg-type]  # it only ever calls makefile
    response.begin()
    return response


def _next(target: Target, response: HTTPResponse) -> Target:
    """Where a redirection leads; raises `JobFailed`."""
    try:
        return follow(target, response.getheader("Location", ""))
    except UnfitUrl as error:
        sentence = f"{target.host} sends on to what is not fetched: {error}"
        raise JobFailed("forbidden_address", sentence, suggestion="Fetch the address of the video file itself.") from error


def require_success(response: HTTPResponse, host: str) -> None:
    """Raise what a status says that is none of success."""
    if response.status in (HTTPStatus.OK, HTTPStatus.PARTIAL_CONTENT):
        return
    known = response.status in {int(status) for status in HTTPStatus}
    sentence = f"{host} answered {response.status}{f' {HTTPStatus(response.status).phrase}' if known else ''}"
    if response.status in MAY_PASS:
        raise Interrupted(sentence, error_class="server_error")
    raise JobFailed("server_refused", sentence, suggestion="Open the address in a private window: the file has to be there for everybody.")


@contextmanager
def _grammar() -> Iterator[None]:
    """What is wrong with a server's answer in our words; its own are a stranger's."""
    try:
        yield
    except RemoteDisconnected as error:
        raise Interrupted("The server hung up without an answer") from error
    except HTTPException as error:
        raise Interrupted(f"The server's answer is no HTTP, or was cut short ({type(error).__name__})") from error
