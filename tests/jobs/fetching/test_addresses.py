"""Which addresses are asked, however they are written, and wherever a name leads."""

from __future__ import annotations

from ipaddress import ip_address

import pytest

from jobs.failures import JobFailed
from jobs.fetching.addresses import Rules, UnfitUrl, follow, is_public, parse, rules_of

CLOSED = """
    0.0.0.0 0.1.2.3 10.0.0.1 10.255.255.255 100.64.0.1 100.127.255.254 127.0.0.1 127.255.255.254 169.254.0.1 169.254.169.254
    172.16.0.1 172.31.255.255 192.0.0.1 192.0.0.170 192.0.2.1 192.88.99.1 192.168.0.1 192.168.255.255 198.18.0.1 198.19.255.255
    198.51.100.7 203.0.113.9 224.0.0.1 239.255.255.250 240.0.0.1 255.255.255.255
    :: ::1 ::127.0.0.1 ::ffff:127.0.0.1 ::ffff:10.0.0.1 ::ffff:8.8.8.8 ::ffff:0:127.0.0.1 64:ff9b::7f00:1 64:ff9b::808:808 64:ff9b:1::1
    100::1 2001::1 2001:0:7f00:1::1 2001:2::1 2001:10::1 2001:20::1 2001:db8::1 2002:7f00:1:: 2002:808:808::1 3fff::1 4000::1 5f00::1
    fc00::1 fd12:3456:789a::1 fe80::1 febf::1 fec0::1 ff02::1 ff0e::1
""".split()  # noqa: SIM905
OPEN = """
    1.1.1.1 8.8.8.8 93.184.216.34 100.63.255.255 100.128.0.1 172.15.255.255 172.32.0.1 192.167.255.255 223.255.255.255
    2606:4700:4700::1111 2001:4860:4860::8888 2a00:1450:4001::1 2400:cb00::1
""".split()  # noqa: SIM905


@pytest.mark.parametrize("address", CLOSED)
def test_our_own_networks_and_reserved_ones_are_closed(address: str) -> None:
    assert not is_public(ip_address(address))
    with pytest.raises(JobFailed, match="may not be asked"):
        Rules().pin(parse("http://videos.example/a.mp4"), lambda host, port: [address])


@pytest.mark.parametrize("address", OPEN)
def test_the_internet_is_open(address: str) -> None:
    assert [str(found) for found in Rules().pin(parse("https://videos.example/"), lambda host, port: [address])] == [address]


def test_one_closed_address_among_many_closes_the_name() -> None:
    with pytest.raises(JobFailed, match=r"leads to 10\.0\.0\.5"):
        Rules().pin(parse("http://videos.example/"), lambda host, port: ["1.1.1.1", "2606:4700:4700::1111", "10.0.0.5"])


def test_an_address_with_a_zone_is_what_it_is_without() -> None:
    with pytest.raises(JobFailed):
        Rules().pin(parse("http://videos.example/"), lambda host, port: ["fe80::1%eth0"])


@pytest.mark.parametrize(
    "url",
    [
        *(f"http://[{address}]/" if ":" in address else f"http://{address}/" for address in CLOSED),
        "http://2130706433/",
        "http://0x7f000001/",
        "http://0x7f.0.0.1/",
        "http://0x7f.1/",
        "http://0177.0.0.1/",
        "http://017700000001/",
        "http://127.1/",
        "http://127.0.1/",
        "http://0/",
        "http://0x/",
        "http://127.0.0.1./",
        "http://127。0。0。1/",
        "http://１２７.0.0.1/",
        "http://①②⑦.0.0.1/",
        "http://[::ffff:7f00:1]/",
        "http://[fe80::1%25eth0]/",
        "http://127%2e0.0.1/",
        "http://",
        "http:///a.mp4",
        "http://./",
        "http://a..b/",
        "http://exa mple.com/",
        "http://example.com\\@127.0.0.1/",
        "http://example.com:80:80/",
        "http://example.com:99999/",
        "http://example.com:-1/",
        "http://example.com:22/",
        "http://example.com:6379/",
        "https://example.com:8443/",
        "http://someone:secret@example.com/",
        "http://someone@example.com/",
        "http://@example.com/",
        "http://127.0.0.1@example.com/",
        "http://example.com/\r\nHost: other",
        "http://example.com/\x00",
        "http://example.com/\tx",
        " http://example.com/",
        "//example.com/a.mp4",
        "/etc/passwd",
        "a.mp4",
        "",
        "file:///etc/passwd",
        "ftp://example.com/a.mp4",
        "gopher://127.0.0.1:6379/_FLUSHALL",
        "data:video/mp4;base64,AAAA",
        "javascript:alert(1)",
        "dict://127.0.0.1:11211/",
        "concat:http://example.com/",
        "http:example.com",
        f"http://{'a' * 64}.com/",
        f"http://example.com/{'a' * 5000}",
    ],
)
def test_a_url_that_is_never_fetched_is_refused_before_anybody_is_asked(url: str) -> None:
    with pytest.raises(UnfitUrl) as refused:
        Rules().check(parse(url))
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize(
    ("url", "meant"),
    [
        ("http://Example.COM", "http://example.com/"),
        ("HTTPS://example.com:443/a.mp4#t=10", "https://example.com/a.mp4"),
        ("http://example.com:443/", "http://example.com:443/"),
        ("http://bücher.example/ü b.mp4".replace(" ", "%20"), "http://xn--bcher-kva.example/%C3%BC%20b.mp4"),
        ("http://[2606:4700:4700::1111]/a?b=c&d=%2F", "http://[2606:4700:4700::1111]/a?b=c&d=%2F"),
        ("http://example.com?a=1", "http://example.com/?a=1"),
        ('http://example.com/"<a>"', "http://example.com/%22%3Ca%3E%22"),
    ],
)
def test_a_url_is_read_as_browsers_read_it(url: str, meant: str) -> None:
    target = parse(url)
    Rules().check(target)
    assert target.url == meant


def test_what_people_read_of_a_url_leaves_its_query_out() -> None:
    assert str(parse("https://example.com/a.mp4?signature=secret")) == "https://example.com/a.mp4"


def test_a_network_can_be_opened_with_all_its_ports_and_no_other() -> None:
    rules = rules_of(["10.1.0.0/16", "::1/128"], [80])

    assert rules.pin(parse("http://nas:8000/"), lambda host, port: ["10.1.2.3", "::1"])
    for closed in ("10.2.0.1", "127.0.0.1", "::ffff:10.1.2.3"):
        with pytest.raises(JobFailed):
            rules.pin(parse("http://nas/"), lambda host, port, closed=closed: [closed])  # type: ignore[misc]
    with pytest.raises(JobFailed):
        rules.pin(parse("http://example.com:8000/"), lambda host, port: ["1.1.1.1"])


@pytest.mark.parametrize(
    "location", ["file:///etc/passwd", "http://a@b/", "\\\\127.0.0.1\\c", "gopher://x/", "http://0x7f.1/", "http://[::1"]
)
def test_a_redirection_is_read_as_strictly(location: str) -> None:
    with pytest.raises(UnfitUrl):
        Rules().check(follow(parse("http://example.com/a/b"), location))


def test_a_redirection_may_be_relative() -> None:
    assert follow(parse("https://example.com/a/b?c"), "../d.mp4").url == "https://example.com/d.mp4"
    assert follow(parse("https://example.com/a/b?c"), "//other.example/").url == "https://other.example/"
