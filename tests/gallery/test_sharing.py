"""How other sites and programs find what is public."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote
from xml.etree import ElementTree as Xml

import pytest
from django.test import Client
from django.utils.http import http_date

from gallery import services
from gallery.templatetags.gallery_format import watch_address
from media_library.models import Video
from tests.gallery.shared_media import POSTER_HASH, share

pytestmark = pytest.mark.django_db
HOST = "http://testserver"
SITEMAP = "{http://www.sitemaps.org/schemas/sitemap/0.9}"
MEDIA = "{http://search.yahoo.com/mrss/}"


def watch(media_id: int) -> str:
    """The canonical address of a medium's page."""
    video = Video.objects.get(pk=media_id)
    return HOST + watch_address({"id": media_id, "title": video.title, "filename": video.filename})


def text(client: Client, address: str) -> str:
    return client.get(address).content.decode()


def facts(client: Client, media_id: int) -> dict[str, Any]:
    """What the viewer's page says to search engines."""
    found = re.search(r'<script type="application/ld\+json">(.*?)</script>', text(client, watch(media_id)), re.DOTALL)
    assert found
    said: dict[str, Any] = json.loads(found.group(1))
    return said


def places(client: Client) -> set[str]:
    """Every address that the site map leads to."""
    parts = Xml.fromstring(text(client, "/sitemap.xml")).iter(f"{SITEMAP}loc")
    return {str(place.text) for part in parts for place in Xml.fromstring(text(client, str(part.text))).iter(f"{SITEMAP}loc")}


@pytest.mark.parametrize(
    ("title", "address"),
    [
        ("Harbour at first light!", "harbour-at-first-light/"),
        ("Ægir & the 7 seas", "ægir-the-7-seas/"),
        ("港の朝", "港の朝/"),
        ("???", ""),
        ("../../etc/passwd?x=1#y", "etcpasswdx1y/"),
        ("word " * 40, "word-" * 15 + "word/"),
    ],
)
def test_an_address_carries_the_title_for_people_to_read(client: Client, title: str, address: str) -> None:
    media_id = share(title)

    canonical = re.search(r'<link rel="canonical" href="([^"]*)"', text(client, f"/v/{media_id}/"))

    assert canonical
    assert unquote(canonical[1]) == f"{HOST}/v/{media_id}/{address}"
    assert client.get(canonical[1]).status_code == 200


def test_an_address_with_another_title_leads_to_the_one_with_its_own(client: Client) -> None:
    media_id = share("Harbour")

    reply = client.get(f"/v/{media_id}/pier/?t=5&x=%26")

    assert (reply.status_code, reply["Location"]) == (302, f"/v/{media_id}/harbour/?t=5&x=%26")


def test_the_viewer_says_what_it_shows_in_words_of_search_engines(client: Client) -> None:
    media_id = share("Harbour", category="town-hall")

    said = facts(client, media_id)

    assert (said["@type"], said["name"], said["duration"]) == ("VideoObject", "Harbour", "PT65S")
    assert said["embedUrl"] == f"{HOST}/embed/{media_id}/"
    assert said["contentUrl"] == f"{HOST}/api/media/public/{media_id}/stream"
    assert said["thumbnailUrl"] == f"{HOST}/thumbnails/{media_id}-{POSTER_HASH[:12]}.webp"


def test_no_title_ends_the_script_that_carries_it(client: Client) -> None:
    title = "</script><script>alert(1)</script> & <!--"

    assert facts(client, share(title))["name"] == title


def test_what_is_unknown_of_a_medium_is_not_said(client: Client) -> None:
    said = facts(client, share(None, duration_seconds=None, width=None, height=None, thumbnail_path=None))

    assert said.keys().isdisjoint({"duration", "width", "height", "thumbnailUrl"})


def test_oembed_offers_a_frame_in_the_shape_of_the_medium(client: Client) -> None:
    media_id = share('Har"bour <b>', width=1080, height=1920)

    reply = client.get("/oembed", {"url": watch(media_id), "maxwidth": "500", "maxheight": "400", "format": "json"})

    said = reply.json()
    assert (said["version"], said["type"], said["title"]) == ("1.0", "video", 'Har"bour <b>')
    assert (said["width"], said["height"]) == (225, 400)
    assert f'src="{HOST}/embed/{media_id}/"' in said["html"]
    assert "&quot;bour &lt;b&gt;" in said["html"]
    assert (said["thumbnail_width"], said["thumbnail_height"]) == (360, 640)
    assert reply["Access-Control-Allow-Origin"] == "*"


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        ({}, 400),
        ({"url": "\x00"}, 400),
        ({"url": "x" * 2_001}, 400),
        ({"url": f"{HOST}/embed/1/", "maxwidth": "-1"}, 400),
        ({"url": f"{HOST}/embed/1/", "maxwidth": "9" * 50}, 400),
        ({"url": f"{HOST}/embed/1/", "format": "yaml"}, 400),
        ({"url": f"{HOST}/embed/1/", "format": "xml"}, 501),
        ({"url": f"{HOST}/embed/1/"}, 404),
        ({"url": f"{HOST}/embed/{9**40}/"}, 404),
        ({"url": f"{HOST}/admin/"}, 404),
        ({"url": "http://[::1/embed/1/"}, 404),
        ({"url": "javascript://testserver/embed/1/"}, 404),
    ],
)
def test_oembed_refuses_in_words(client: Client, asked: dict[str, str], status: int) -> None:
    reply = client.get("/oembed", asked)

    assert reply.status_code == status
    assert reply.json()["error"]


def test_oembed_knows_only_its_own_site(client: Client) -> None:
    media_id = share()

    assert client.get("/oembed", {"url": f"http://elsewhere.example/embed/{media_id}/"}).status_code == 404


def test_the_player_may_stand_in_other_sites_pages_but_the_viewer_may_not(client: Client) -> None:
    media_id = share()

    player, viewer = client.get(f"/embed/{media_id}/"), client.get(watch(media_id))

    assert "frame-ancestors *" in player["Content-Security-Policy"]
    assert "X-Frame-Options" not in player
    assert "frame-ancestors 'none'" in viewer["Content-Security-Policy"]
    assert viewer["X-Frame-Options"] == "DENY"


def test_a_feed_has_the_newest_of_its_category_with_picture_and_length(client: Client) -> None:
    share("Elsewhere", category="events")
    media_id = share('Har"bour & <pier>', category="town-hall")

    channel = Xml.fromstring(text(client, "/c/town-hall/feed/")).find("channel")

    assert channel is not None
    assert channel.findtext("title") == "Library – Town hall"
    [item] = channel.findall("item")
    assert item.findtext("title") == 'Har"bour & <pier>'
    assert item.findtext("link") == watch(media_id)
    content = item.find(f"{MEDIA}content")
    assert content is not None
    assert (content.get("duration"), content.get("type")) == ("65", "video/mp4")
    thumbnail = content.find(f"{MEDIA}thumbnail")
    assert thumbnail is not None
    assert str(thumbnail.get("url")).startswith(f"{HOST}/thumbnails/{media_id}-")


def test_a_control_character_in_a_title_does_not_break_the_feed(client: Client) -> None:
    share("Bell \x07 and \uffff")

    assert "Bell" in Xml.fromstring(text(client, "/feed/")).findtext("channel/item/title", "")


@pytest.mark.parametrize("address", ["/c/Demo/feed/", "/c/%00/feed/", "/sitemap-x.xml", f"/sitemap-{9**40}.xml"])
def test_what_can_be_no_list_is_not_found(client: Client, address: str) -> None:
    assert client.get(address).status_code == 404


def test_the_site_map_leads_to_every_public_medium(client: Client) -> None:
    expected = {watch(share()) for _ in range(3)}

    assert places(client) == expected
    assert f"Sitemap: {HOST}/sitemap.xml" in text(client, "/robots.txt")


def test_the_site_map_has_no_empty_parts_however_far_apart_ids_are(client: Client) -> None:
    first = share()
    for far in (7_999_999, 8_000_000):
        share(id=far)
    locked = share("Closed", id=20_000_000)
    services.lock([locked], reason="", by=None)

    parts = [str(place.text) for place in Xml.fromstring(text(client, "/sitemap.xml")).iter(f"{SITEMAP}loc")]

    assert parts == [f"{HOST}/sitemap-{number}.xml" for number in (first // 2000, 3999, 4000)]


def test_a_reader_that_goes_by_dates_sees_a_lock_too(client: Client) -> None:
    media_id = share("Secret harbour")
    share("Newer")
    services.lock([media_id], reason="", by=None)

    reply = client.get("/feed/", headers={"If-Modified-Since": http_date(time.time() + 60)})

    assert reply.status_code == 200
    assert "Secret harbour" not in reply.content.decode()


@pytest.mark.parametrize("leave", [lambda ids: services.lock(ids, reason="", by=None), lambda ids: services.unpublish(ids, by=None)])
def test_what_is_closed_or_taken_down_leaves_every_list_at_once(client: Client, leave: Callable[[list[int]], object]) -> None:
    media_id = share("Secret harbour")
    assert "Secret harbour" in text(client, "/feed/")
    assert places(client) == {watch(media_id)}

    leave([media_id])

    assert "Secret harbour" not in text(client, "/feed/") + text(client, "/c/demo/feed/")
    assert places(client) == set()
    assert client.get(f"/embed/{media_id}/").status_code in (403, 404)
    oembed = client.get("/oembed", {"url": watch(media_id)})
    assert oembed.status_code in (401, 404)
    assert "Secret" not in oembed.content.decode()
