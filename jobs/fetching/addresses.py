"""Which servers may be asked: none that leads back into our own networks, however its address is written."""

from __future__ import annotations

import re
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from urllib.parse import quote, urljoin, urlsplit

from jobs.failures import JobFailed

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
Resolve = Callable[[str, int], Sequence[str]]

DEFAULT_PORTS = {"http": 80, "https": 443}
LONGEST_URL = 4000  # characters
LONGEST_HOST = 253

# IANA's registries of special addresses, written out: what `ipaddress` calls global changes with Python's release.
CLOSED_IPV4 = tuple(
    map(
        IPv4Network,
        (
            "0.0.0.0/8",
            "10.0.0.0/8",
            "100.64.0.0/10",
            "127.0.0.0/8",
            "169.254.0.0/16",  # with what clouds tell their machines
            "172.16.0.0/12",
            "192.0.0.0/24",
            "192.0.2.0/24",
            "192.88.99.0/24",  # 6to4 relays
            "192.168.0.0/16",
            "198.18.0.0/15",
            "198.51.100.0/24",
            "203.0.113.0/24",
            "224.0.0.0/4",
            "240.0.0.0/4",
        ),
    )
)
OPEN_IPV6 = IPv6Network("2000::/3")  # all of the rest is local, a group, or holds an IPv4 address that nobody would check
CLOSED_IPV6 = tuple(
    map(
        IPv6Network,
        (
            "2001::/23",  # Teredo and other protocols
            "2001:db8::/32",
            "2002::/16",  # 6to4
            "3fff::/20",
        ),
    )
)

_UNSEEN = re.compile(r"[\x00-\x20\x7f-\xa0\\]")
_HOST = re.compile(r"[a-z0-9_-]+(?:\.[a-z0-9_-]+)*\.?")
_NUMBER = re.compile(r"(?:\d+|0x[0-9a-f]*)")


class UnfitUrl(ValueError):
    """Nothing can be fetched from such a URL; `str()` says why and does not repeat it: it may hold a secret."""


@dataclass(frozen=True)
class Target:
    """What a URL asks for, and where."""

    scheme: str
    host: str  # in ASCII; of IPv6 without brackets
    port: int
    path: str  # with the query, in ASCII

    @property
    def authority(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def url(self) -> str:
        return f"{self.scheme}://{self.authority}{self.path}"

    def __str__(self) -> str:
        """Without the query, where signatures and keys stand."""
        return f"{self.scheme}://{self.authority}{self.path.partition('?')[0]}"


@dataclass(frozen=True)
class Rules:
    """What an administrator allows."""

    networks: tuple[Network, ...] = ()  # opened, though they would be closed
    ports: tuple[int, ...] = tuple(DEFAULT_PORTS.values())

    def check(self, target: Target) -> None:
        """Refuse what no answer of a name server could mend; raises `UnfitUrl`."""
        if not self.networks and target.port not in self.ports:
            raise UnfitUrl(f"Only the ports {', '.join(map(str, self.ports))} may be asked")
        if (literal := _literal(target.host)) and not self._permits(literal, target.port):
            raise UnfitUrl("This address is private or reserved")

    def pin(self, target: Target, resolve: Resolve) -> list[Address]:
        """The addresses of the target's host, of which each may be connected to; raises `JobFailed`.

        The connection goes to one of these: a name is looked up once, so that it cannot mean another machine a moment later.
        """
        found = [ip_address(text.partition("%")[0]) for text in resolve(target.host, target.port)]
        if closed := [address for address in found if not self._permits(address, target.port)]:
            raise JobFailed(
                "forbidden_address",
                f"{target.host} leads to {closed[0]}, port {target.port}, which may not be asked",
                suggestion="Use a public address, or have FETCH_ALLOWED_NETWORKS name the network.",
            )
        return found

    def _permits(self, address: Address, port: int) -> bool:
        return any(address in network for network in self.networks) or (port in self.ports and is_public(address))


def rules_of(networks: Sequence[str], ports: Sequence[int]) -> Rules:
    """The rules that settings write; raises ValueError."""
    return Rules(tuple(ip_network(network) for network in networks), tuple(ports))


def is_public(address: Address) -> bool:
    if isinstance(address, IPv4Address):
        return not any(address in network for network in CLOSED_IPV4)
    return address in OPEN_IPV6 and not any(address in network for network in CLOSED_IPV6)


def parse(url: str) -> Target:
    """Read a URL more strictly than browsers do; raises `UnfitUrl`."""
    if len(url) > LONGEST_URL or _UNSEEN.search(url):
        raise UnfitUrl("This is no URL: it is too long, or holds spaces, backslashes or control characters")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise UnfitUrl("This is no URL") from error
    if parts.scheme not in DEFAULT_PORTS:
        raise UnfitUrl("Only http:// and https:// can be fetched")
    if "@" in parts.netloc:
        raise UnfitUrl("A URL with a user name or password is not taken: they would be kept with the job")
    path = quote(parts.path or "/", safe="/%:=&~+!$,;'@()*") + (f"?{quote(parts.query, safe='/%:=&~+!$,;@()*?[]')}" if parts.query else "")
    return Target(parts.scheme, _host(parts.hostname or ""), DEFAULT_PORTS[parts.scheme] if port is None else port, path)


def follow(target: Target, location: str) -> Target:
    """Where a redirection leads; raises `UnfitUrl`."""
    try:
        url = urljoin(target.url, location)
    except ValueError as error:
        raise UnfitUrl("This is no URL") from error
    return parse(url)


def look_up(host: str, port: int) -> list[str]:
    """Ask the machine's resolver; raises OSError."""
    return [str(found[4][0]) for found in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


def _host(name: str) -> str:
    """A host as the resolver shall read it: no other way to write an address than the usual one."""
    if literal := _literal(name):
        return str(literal)
    try:
        host = name.encode("idna").decode("ascii").lower()
    except UnicodeError as error:
        raise UnfitUrl("The host's name is no name") from error
    if literal := _literal(host):  # of full-width digits, or with other dots
        return str(literal)
    if not _HOST.fullmatch(host) or len(host) > LONGEST_HOST:
        raise UnfitUrl("The host's name is no name")
    if _NUMBER.fullmatch(host.rstrip(".").rpartition(".")[2]):
        raise UnfitUrl("An address is written as four numbers with dots between them")
    return host


def _literal(host: str) -> Address | None:
    """The address that a host is, when it is none by name."""
    try:
        return None if "%" in host else ip_address(host)
    except ValueError:
        return None
