"""HTTP servers on the loopback that do what their test says, with the raw connection in hand."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from ipaddress import ip_address
from pathlib import Path
from types import MappingProxyType

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

Answer = Callable[[socket.socket, "Request"], None]


@dataclass(frozen=True)
class Request:
    """What a client asked."""

    path: str
    headers: dict[str, str]  # names in lower case

    @property
    def offset(self) -> int:
        """The first byte that is wanted."""
        return int(self.headers["range"].removeprefix("bytes=").removesuffix("-")) if "range" in self.headers else 0


@dataclass
class Server:
    """Answers each connection's one request in a thread of its own."""

    answer: Answer
    host: str = "127.0.0.1"
    tls: ssl.SSLContext | None = None
    requests: list[Request] = field(default_factory=list)

    def __post_init__(self) -> None:
        family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
        self._socket = socket.create_server((self.host, 0), family=family)
        self.port: int = self._socket.getsockname()[1]
        self._connections: list[socket.socket] = []
        threading.Thread(target=self._serve, daemon=True).start()

    @property
    def url(self) -> str:
        return f"{'https' if self.tls else 'http'}://{self.host}:{self.port}"

    def close(self) -> None:
        for one in (self._socket, *self._connections):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._socket.accept()
                self._connections.append(connection)
                threading.Thread(target=self._talk, args=(connection,), daemon=True).start()

    def _talk(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError):
            if self.tls:
                connection = self.tls.wrap_socket(connection, server_side=True)
            with connection:
                head = b""
                while b"\r\n\r\n" not in head:
                    piece = connection.recv(4096)
                    if not piece:
                        return
                    head += piece
                    if not b"GET ".startswith(head[:4]):
                        connection.sendall(reply(status="400 Bad Request"))
                        return
                first, *lines = head.decode("ascii").split("\r\n\r\n")[0].split("\r\n")
                headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
                request = Request(first.split(" ")[1], headers)
                self.requests.append(request)
                self.answer(connection, request)
                connection.shutdown(socket.SHUT_RDWR)


@contextlib.contextmanager
def serving(answer: Answer, *, host: str = "127.0.0.1", tls: ssl.SSLContext | None = None) -> Iterator[Server]:
    server = Server(answer, host, tls)
    try:
        yield server
    finally:
        server.close()


def reply(
    body: bytes = b"", said: Mapping[str, str] = MappingProxyType({}), *, status: str = "200 OK", length: int | None = -1, **headers: str
) -> bytes:
    """A whole answer; `length`: what it claims, -1: the truth, None: nothing. `ETag` is written `etag`, hyphens as underscores."""
    claimed = {} if length is None else {"content-length": str(len(body) if length == -1 else length)}
    lines = {**claimed, **{name.replace("_", "-"): value for name, value in {**said, **headers}.items()}}
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return f"HTTP/1.1 {status}\r\n{head}\r\n".encode() + body


def always(answer: bytes) -> Answer:
    return lambda connection, request: connection.sendall(answer)


def redirecting(location: str) -> Answer:
    return always(reply(status="302 Found", location=location))


def ranged(body: bytes, *, etag: str = '"one"', breaks_after: int | None = None) -> Answer:
    """A file as good servers have it; `breaks_after`: bytes of each answer after which the connection ends."""

    def answer(connection: socket.socket, request: Request) -> None:
        start = request.offset if request.headers.get("if-range") == etag else 0
        rest = body[start:]
        said = {"content_range": f"bytes {start}-{len(body) - 1}/{len(body)}"} if start else {}
        whole = reply(rest, said, status="206 Partial Content" if start else "200 OK", etag=etag)
        connection.sendall(whole if breaks_after is None else whole[: len(whole) - len(rest) + breaks_after])

    return answer


@dataclass(frozen=True)
class Authority:
    """A certificate authority of one's own, in the file `certificate`."""

    key: ec.EllipticCurvePrivateKey
    own: x509.Certificate
    folder: Path

    @property
    def certificate(self) -> Path:
        return self.folder / "authority.pem"

    def context_for(self, name: str, *, until: timedelta = timedelta(days=1)) -> ssl.SSLContext:
        """What a server needs that proves to be `name`, a host or an address."""
        key = ec.generate_private_key(ec.SECP256R1())
        try:
            alternative: x509.GeneralName = x509.IPAddress(ip_address(name))
        except ValueError:
            alternative = x509.DNSName(name)
        made = _builder(name, self.own.subject, key, until).add_extension(x509.SubjectAlternativeName([alternative]), critical=False)
        path = self.folder / f"{name.replace(':', '-')}-{until.total_seconds():.0f}.pem"
        signed = made.sign(self.key, hashes.SHA256())
        path.write_bytes(_pem(key) + signed.public_bytes(serialization.Encoding.PEM))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path)
        return context


def authority(folder: Path) -> Authority:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Tests")])
    builder = _builder("Tests", name, key, timedelta(days=1)).add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    made = Authority(key, builder.sign(key, hashes.SHA256()), folder)
    made.certificate.write_bytes(made.own.public_bytes(serialization.Encoding.PEM))
    return made


def http_date(*, days_ago: float) -> str:
    return format_datetime(datetime.now(UTC) - timedelta(days=days_ago), usegmt=True)


def _builder(name: str, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, until: timedelta) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=2))
        .not_valid_after(now + until)
    )


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
