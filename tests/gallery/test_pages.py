"""The public pages as a client without scripts sees them."""

from __future__ import annotations

import re
from html import escape, unescape
from typing import TYPE_CHECKING

import pytest
from django.contrib.auth.models import User
from django.template.loader import render_to_string
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from gallery import counters, services
from gallery.models import MediaStats
from tests.gallery.shared_media import POSTER_HASH, share

if TYPE_CHECKING:
    from django.test.client import _MonkeyPatchedWSGIResponse as Response

pytestmark = pytest.mark.django_db
HOSTILE = "\"><script>alert(1)</script>\u202egpj.4pm' onerror=x"


def text(response: Response) -> str:
    return response.content.decode()


def titles(response: Response) -> list[str]:
    return [unescape(title) for title in re.findall(r'<a class="title" href="[^"]+"><bdi>(.*?)</bdi>', text(response))]


def link(response: Response, label: str) -> str:
    """The address behind the link with this text."""
    found = re.search(rf'<a [^>]*href="([^"]*)"[^>]*>{label}', text(response))
    assert found, f"no link {label}"
    return unescape(found.group(1))


# --- Gallery ------------------------------------------------------------------------------------------------------


def test_the_gallery_shows_posters_durations_titles_and_views(client: Client) -> None:
    media_id = share("Harbour at first light", width=1080, height=1920)
    MediaStats.objects.filter(pk=media_id).update(view_count=8_219)

    page = text(client.get("/"))

    assert f'href="/v/{media_id}/harbour-at-first-light/"' in page
    assert f'src="/thumbnails/{media_id}-{POSTER_HASH[:12]}.webp"' in page
    assert f'srcset="/thumbnails/{media_id}-{POSTER_HASH[:12]}-320.webp 180w, ' in page
    assert 'width="1080"' in page
    assert 'height="1920"' in page
    assert "shape-9x16" in page
    assert "Still from Harbour at first light" in page
    assert "1:05" in page
    assert "8.2k views" in page


def test_a_video_without_title_or_measures_is_shown_by_its_file_name(client: Client) -> None:
    share(None, filename="IMG_0001.MOV", width=None, height=None, duration_seconds=None, orientation=None, thumbnail_path=None)

    response = client.get("/")

    assert titles(response) == ["IMG_0001.MOV"]
    assert "<img" not in text(response)


def test_locked_and_unpublished_media_are_nowhere_in_the_gallery(client: Client) -> None:
    share("Open")
    locked, withdrawn = share("Closed", category="secrets"), share("Withdrawn", category="secrets")
    services.lock([locked], reason="rights", by=None)
    services.unpublish([withdrawn], by=None)

    response = client.get("/")

    assert titles(response) == ["Open"]
    assert "secrets" not in text(response).lower()
    assert "1 video" in re.sub(r"\s+", " ", text(response))


def test_titles_and_searches_are_escaped(client: Client) -> None:
    media_id = share(HOSTILE)

    for address in ("/", f"/v/{media_id}/", "/?" + "search=%22%3E%3Cscript%3Ealert(1)%3C/script%3E"):
        page = text(client.get(address))
        assert "<script>alert" not in page
        assert escape('"><script>alert(1)</script>') in page


def test_a_title_of_any_length_is_shown_whole(client: Client) -> None:
    share("w" * 255)

    assert titles(client.get("/")) == ["w" * 255]


@pytest.mark.parametrize(
    ("search", "found"), [("harb", ["Harbour"]), ("100%", ["100% wool"]), ("_", []), ("zzz", []), ("  HARB ", ["Harbour"])]
)
def test_a_search_is_literal_text(client: Client, search: str, found: list[str]) -> None:
    share("Harbour")
    share("100% wool")

    assert titles(client.get("/", {"search": search})) == found


def test_a_search_without_hits_says_so_and_leads_back(client: Client) -> None:
    share("Harbour")

    page = client.get("/c/demo/", {"search": "zebra"})

    assert page.status_code == 200
    assert "Nothing matches “<bdi>zebra</bdi>”" in text(page)
    assert text(page).count("Show all videos") == 1
    assert titles(client.get(link(page, "Show all videos"))) == ["Harbour"]
    assert link(page, "Search everywhere") == "/?search=zebra"


def test_a_search_stays_in_the_box_and_in_the_links(client: Client) -> None:
    share("Harbour & pier")

    page = client.get("/", {"search": "& pier"})

    assert 'value="&amp; pier"' in text(page)
    assert titles(client.get("/" + link(page, "Most viewed"))) == ["Harbour & pier"]


def test_an_empty_gallery_says_how_to_publish(client: Client) -> None:
    page = text(client.get("/"))

    assert "Nothing is published yet" in page
    assert 'href="/admin/"' in page
    assert "--publish" in page


def test_chips_count_the_videos_of_each_category(client: Client) -> None:
    share("One", category="events")
    share("Two", category="events")
    share("Three", category="town-hall")

    page = client.get("/c/events/")

    assert sorted(titles(page)) == ["One", "Two"]
    chips = re.findall(r'<a class="chip"[^>]*?(aria-current="page")?>([\w ]+)\s*<b>(\d+)</b>', text(page))
    assert [(current != "", name.strip(), int(count)) for current, name, count in chips] == [
        (False, "All", 3),
        (True, "Events", 2),
        (False, "Town hall", 1),
    ]


def test_an_unknown_category_is_not_found_and_leads_back(client: Client) -> None:
    share("Harbour")

    page = client.get("/c/nothing-here/")

    assert page.status_code == 404
    assert "No videos here" in text(page)
    assert link(page, "Show all videos") == "/"


@pytest.mark.parametrize("category", ["Demo", "%2e%2e%2fetc", "%00", "%ff", "x" * 5_000])
def test_what_can_be_no_category_is_not_found(client: Client, category: str) -> None:
    page = client.get(f"/c/{category}/")

    assert page.status_code == 404
    assert link(page, "Go to the gallery") == "/"


def test_chips_keep_the_order_and_the_search_but_not_the_place_in_a_list(client: Client) -> None:
    share("One", category="events")

    page = client.get("/", {"sort": "popular", "search": "one", "orientation": "landscape"})

    assert link(page, "Events").replace("&amp;", "&") == "/c/events/?sort=popular&search=one&orientation=landscape"


def test_an_orientation_narrows_the_gallery(client: Client) -> None:
    share("Wide")
    share("Tall", orientation="portrait")

    assert titles(client.get("/", {"orientation": "portrait"})) == ["Tall"]


@pytest.mark.parametrize(
    "address",
    [
        "/?sort=upvotes;drop",
        "/?orientation=diagonal",
        "/?cursor=abc",
        "/?cursor=%00",
        "/?search=%00",
        f"/?search={'x' * 201}",
        f"/?cursor={'A' * 2_000}",
    ],
)
def test_a_bad_parameter_is_a_page_that_says_so(client: Client, address: str) -> None:
    response = client.get(address)

    assert response.status_code == 400
    assert response["Content-Type"].startswith("text/html")
    assert "Go to the gallery" in text(response)


@pytest.mark.parametrize("sort", ["recent", "popular", "most_viewed"])
def test_following_load_more_meets_every_video_once(client: Client, sort: str) -> None:
    expected = {f"Video {number}" for number in range(60)}
    for title in sorted(expected):
        share(title)

    page = client.get("/", {"sort": sort})
    seen = titles(page)
    while "Load more" in text(page):
        page = client.get("/" + link(page, "Load more"))
        seen += titles(page)

    assert len(seen) == 60
    assert set(seen) == expected
    assert "Back to the start" in text(page)


def test_a_full_page_is_small_and_costs_four_queries(client: Client, django_assert_max_num_queries: DjangoAssertNumQueries) -> None:
    for number in range(30):
        share(f"A title of an ordinary length, number {number}")

    with django_assert_max_num_queries(4):  # a page's rows, its total, the categories, which cards move
        response = client.get("/")

    assert len(titles(response)) == 24
    assert len(response.content) < 50_000


def test_an_unchanged_gallery_is_not_sent_again_but_a_lock_shows_at_once(client: Client) -> None:
    share("Open")
    media_id = share("Soon closed")
    headers = {"If-None-Match": client.get("/")["ETag"]}

    assert client.get("/", headers=headers).status_code == 304
    services.lock([media_id], reason="", by=None)

    response = client.get("/", headers=headers)
    assert (response.status_code, titles(response)) == (200, ["Open"])
    assert "no-cache" in response["Cache-Control"]


def test_the_header_offers_sign_in_and_the_admin_to_staff(client: Client, admin_client: Client) -> None:
    assert link(client.get("/"), "Sign in") == "/account/sign-in?next=/"
    assert link(admin_client.get("/"), "Admin") == "/admin/"


def test_a_signed_in_visitor_is_offered_neither(client: Client) -> None:
    client.force_login(User.objects.create_user("visitor"))

    page = text(client.get("/"))

    assert "Sign in" not in page
    assert "Admin<" not in page


# --- Viewer -------------------------------------------------------------------------------------------------------


def test_the_viewer_plays_what_was_made_for_players_in_its_own_shape(client: Client) -> None:
    media_id = share("Harbour", category="town-hall")

    page = text(client.get(f"/v/{media_id}/"))

    video = re.search(r"<video (.*?)>", page, re.DOTALL)
    assert video
    attributes = video.group(1)
    assert f'src="/api/media/public/{media_id}/playback"' in attributes
    assert f'poster="/thumbnails/{media_id}-{POSTER_HASH[:12]}.webp"' in attributes
    assert 'width="1280"' in attributes
    assert 'height="720"' in attributes
    for attribute in ("controls", "playsinline", 'preload="metadata"'):
        assert attribute in attributes
    assert re.search(r'href="/c/town-hall/">Town hall</a>', page)
    for fact in ("1:05", "720p", "1280 × 720", "4.8\u00a0MB", "1 view<"):
        assert fact in page


def test_the_viewer_names_itself_to_other_sites_with_whole_addresses(client: Client) -> None:
    media_id = share("Harbour")

    page = text(client.get(f"/v/{media_id}/?t=5&utm_source=x"))

    address = f"http://testserver/v/{media_id}/harbour/"
    assert f'<link rel="canonical" href="{address}">' in page
    assert f'<meta property="og:url" content="{address}">' in page
    assert '<meta property="og:title" content="Harbour">' in page
    assert f'<meta property="og:image" content="http://testserver/thumbnails/{media_id}-{POSTER_HASH[:12]}.webp">' in page


@pytest.mark.parametrize(("t", "fragment"), [("90", "#t=90"), ("0", ""), ("-1", ""), ("abc", ""), ("1e9", ""), ('"><b>', "")])
def test_a_link_to_a_moment_starts_there(client: Client, t: str, fragment: str) -> None:
    media_id = share("Harbour")

    page = text(client.get(f"/v/{media_id}/", {"t": t}))

    assert f'src="/api/media/public/{media_id}/playback{fragment}"' in page


def test_a_gif_is_shown_as_a_picture(client: Client) -> None:
    media_id = share("Fireworks", filename="fireworks.GIF")

    page = text(client.get(f"/v/{media_id}/"))

    assert "<video" not in page
    assert f'<img src="/api/media/public/{media_id}/stream"' in page


def test_related_videos_are_beside_it_but_not_itself_nor_locked_ones(client: Client) -> None:
    media_id = share("This one")
    share("Another")
    locked = share("Closed")
    services.lock([locked], reason="", by=None)

    assert titles(client.get(f"/v/{media_id}/")) == ["Another"]


@pytest.mark.django_db(transaction=True)  # views are written by a thread, with a connection of its own
def test_each_visit_is_a_view_but_a_head_and_a_bot_are_none(client: Client) -> None:
    media_id = share("Harbour")

    client.get(f"/v/{media_id}/")
    client.head(f"/v/{media_id}/")
    client.get(f"/v/{media_id}/", headers={"User-Agent": "Googlebot/2.1"})
    counters.flush()

    assert "2 views<" in text(client.get(f"/v/{media_id}/"))


@pytest.mark.parametrize("address", ["0", "-1", "1.5", "abc", "１", "+1", "9223372036854775808", "9" * 5_000, "%00", "99999"])
def test_what_is_no_medium_is_not_found(client: Client, address: str) -> None:
    response = client.get(f"/v/{address}/")

    assert response.status_code == 404
    assert "This video isn’t here" in text(response)


def test_a_locked_medium_says_only_that_it_is_closed(client: Client) -> None:
    media_id = share("A title that nobody may see", category="secret-place")
    assert client.get(f"/v/{media_id}/").status_code == 200
    services.lock([media_id], reason="court order", by=None)

    response = client.get(f"/v/{media_id}/")

    assert response.status_code == 403
    for secret in ("nobody may see", "secret", "court order", ".mp4", POSTER_HASH[:12]):
        assert secret not in text(response).lower()


def test_an_unpublished_medium_is_not_found_but_others_are_shown(client: Client) -> None:
    media_id = share("Withdrawn")
    share("Another")
    services.unpublish([media_id], by=None)

    response = client.get(f"/v/{media_id}/")

    assert response.status_code == 404
    assert titles(response) == ["Another"]


def test_the_viewer_costs_few_queries(client: Client, django_assert_max_num_queries: DjangoAssertNumQueries) -> None:
    media_id = share("Harbour")
    for number in range(12):
        share(f"Other {number}")

    with django_assert_max_num_queries(8):  # the medium, its relatives, its comments, what shows them before
        client.get(f"/v/{media_id}/")


# --- Every page ---------------------------------------------------------------------------------------------------


def test_pages_run_no_inline_script_or_style_and_load_nothing_from_elsewhere(client: Client) -> None:
    media_id = share("Harbour")

    for address in ("/", f"/v/{media_id}/", "/nowhere"):
        response = client.get(address)
        page = text(response)
        assert "'unsafe-inline'" not in response["Content-Security-Policy"]
        assert not re.search(r'<script(?![^>]*\bsrc=)(?! type="application/ld\+json">)|<style|\sstyle=|\son\w+=', page)
        loaded = re.findall(r'<(?:script|link|img|video|source)\b[^>]*?\b(?:src|href|poster)="([^"]+)"', page)
        assert all(url.startswith(("/", "#", "http://testserver/")) for url in loaded)


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_pages_are_only_read(client: Client, method: str) -> None:
    assert getattr(client, method)("/").status_code == 405


def test_the_pages_of_a_failing_server_need_no_database(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    with django_assert_num_queries(0):
        assert "Something went wrong" in render_to_string("500.html")
        assert "We will be back shortly" in render_to_string("503.html")
