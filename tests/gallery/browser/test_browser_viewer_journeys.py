"""What people do on the viewer's page, from opening it to leaving it, in a real browser."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import BrowserContext, Page, expect

from gallery import services
from gallery.comments import Commenter
from gallery.models import Comment, PublicMedia, Upvote, WatchSession
from reactions.models import ReactionType, VideoReaction
from reactions.services import react
from tests.gallery.browser.measures import LAYOUT_SHIFT, wait_until
from tests.gallery.shared_media import share

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
TIME = "document.querySelector('video').currentTime"
LOADED = "document.querySelector('video').readyState >= 2"
PASSWORD = "nine green bottles"


@pytest.fixture
def media_id(share_clip: Callable[..., int], webm: Path) -> int:
    """Four seconds that four people loved at 3, one remark at 2, and others to go on with."""
    media_id = share_clip(webm, duration_seconds=4)
    for number in range(4):
        react(User.objects.create_user(f"other{number}"), media_id=media_id, reaction_type=ReactionType.LOVE, at=3)
    services.post_comment(media_id, Commenter(session="other"), content="the gull", author_name="Ines", video_timestamp=2)
    share("Another")
    return media_id


@pytest.fixture
def ann() -> User:
    return User.objects.create_user("ann", password=PASSWORD)


def test_a_visitor_finds_their_way_votes_and_talks(page: Page, media_id: int) -> None:
    page.goto(f"/v/{media_id}/")
    wait_until(page, LOADED)

    # The line tells where the others were, to everybody, and leads there.
    line = page.get_by_role("slider", name="Position in the video")
    expect(page.locator("#peaks")).to_have_text("4 reactions; most at 0:03, mostly love.")
    expect(page.locator(".dots i")).to_have_count(1)
    page.get_by_role("button", name="Next peak 0:03").click()
    wait_until(page, f"{TIME} === 3")
    box = line.bounding_box()
    assert box
    page.mouse.click(box["x"] + box["width"] / 2 + 3, box["y"] + 20)
    wait_until(page, f"{TIME} === 2")  # the remark that lies there, not 2.01
    expect(line).to_have_attribute("aria-valuetext", "0:02 of 0:04")
    line.press("End")
    wait_until(page, f"{TIME} >= 3.9")
    line.press("Home")
    wait_until(page, f"{TIME} === 0")

    # A vote counts at once, needs nobody to sign in, and is still there later.
    vote = page.get_by_role("button", name="Upvote")
    vote.click()
    expect(vote).to_have_attribute("aria-pressed", "true")
    expect(vote).to_contain_text("1")
    wait_until(page, "document.querySelector('.vote button').value === 'no'")
    page.get_by_role("link", name="0:02").click()
    wait_until(page, f"{TIME} === 2")

    # What is written belongs to what is shown, and appears without the page being loaded again.
    page.get_by_label("Your comment").click()
    expect(page.get_by_label("Moment of the video")).to_have_value("0:02")
    page.get_by_label("Moment of the video").fill("0:03")
    page.get_by_label("Your comment").fill("a gull, or a tern?")
    page.get_by_label("Your name").fill("Bo")
    page.get_by_role("button", name="Comment", exact=True).click()
    expect(page.get_by_role("status").filter(has_text="Said.")).to_be_visible()
    expect(page.locator(".dots i")).to_have_count(2)
    page.locator(".comment", has_text="the gull").get_by_role("link", name="Reply to Ines").click()
    page.get_by_label("Your comment").fill("see example.com")
    page.get_by_role("button", name="Comment", exact=True).click()
    expect(page.get_by_role("status").filter(has_text="A moderator looks at it first.")).to_be_visible()
    expect(page.locator(".replies .comment")).to_contain_text("waiting for a moderator")
    expect(page.locator(".comments h2")).to_have_text("3 comments")
    page.locator(".replies").get_by_role("button", name="Delete").click()
    expect(page.locator(".comments h2")).to_have_text("2 comments")

    page.reload()
    expect(vote).to_have_attribute("aria-pressed", "true")
    assert [comment.parent_id for comment in Comment.objects.order_by("pk")] == [None, None, Comment.objects.earliest("pk").pk]
    assert (Upvote.objects.count(), PublicMedia.objects.get(pk=media_id).comment_count) == (1, 2)


def test_what_the_server_refuses_is_taken_back(page: Page, media_id: int, expected_complaints: set[str]) -> None:
    expected_complaints.add("status of 403")
    page.goto(f"/v/{media_id}/")
    page.get_by_label("Your comment").fill("too late")
    services.lock([media_id], reason="", by=None)

    vote = page.get_by_role("button", name="Upvote")
    vote.click()

    expect(page.locator(".toast")).to_have_text("You may not do this here.")
    expect(vote).to_have_attribute("aria-pressed", "false")
    expect(vote).to_contain_text("0")
    page.get_by_role("button", name="Comment", exact=True).click()
    expect(page.locator(".comments h2")).to_have_text("1 comment")
    expect(page.get_by_label("Your comment")).to_have_value("too late")


def test_somebody_signs_in_to_react_and_comes_back_to_the_moment(page: Page, media_id: int, ann: User) -> None:
    page.goto(f"/v/{media_id}/?t=2")
    wait_until(page, f"{TIME} >= 1.9")

    page.get_by_role("link", name="Laugh: sign in to react").click()
    page.get_by_label("Username").fill("ann")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    wait_until(page, f"{TIME} >= 1.9")
    assert page.url.endswith(f"/v/{media_id}/?t=2")
    laugh = page.get_by_role("button", name="Laugh")
    with page.expect_response("**/api/reactions") as reply:
        laugh.click()

    assert reply.value.ok
    expect(page.locator(".floats span")).to_have_text("😂")
    expect(laugh.locator(".count")).to_have_text("1")
    assert VideoReaction.objects.filter(user=ann).values_list("reaction_type", "video_timestamp").get() == ("laugh", 2)
    laugh.click()  # the same again is the same
    expect(laugh.locator(".count")).to_have_text("1")

    page.get_by_role("link", name="ann").click()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("link", name="Sign in")).to_be_visible()


def test_what_is_watched_is_counted_and_one_comes_back_to_where_one_left(
    open_context: Callable[..., BrowserContext], share_clip: Callable[..., int], long_webm: Path
) -> None:
    media_id = share_clip(long_webm, duration_seconds=12)
    page = open_context().new_page()
    page.goto(f"/v/{media_id}/?t=6")
    wait_until(page, LOADED)
    with page.expect_response("**/watch-time") as reply:
        page.keyboard.press("k")
        wait_until(page, f"{TIME} > 7.2")
        page.keyboard.press("k")
    assert reply.value.json()["totalWatchTime"] >= 1

    page.goto(f"/v/{media_id}/")
    note = page.get_by_role("status").filter(has_text="Resumed at 0:07")
    expect(note).to_be_visible()
    wait_until(page, f"{TIME} === 7")
    note.get_by_role("button", name="Start over").click()
    wait_until(page, f"{TIME} === 0")
    expect(note).to_be_hidden()
    with page.expect_response("**/finish") as finish:
        page.keyboard.press("9")
        page.keyboard.press(">")
        page.keyboard.press("k")

    assert finish.value.json()["finishCount"] == 1
    assert WatchSession.objects.get(media=media_id).finished_at


def test_the_page_is_used_with_a_thumb_and_without_moving_anything(
    open_context: Callable[..., BrowserContext], media_id: int, ann: User
) -> None:
    context = open_context(viewport={"width": 360, "height": 740}, is_mobile=True, has_touch=True, reduced_motion="reduce")
    phone = context.new_page()
    phone.goto("/account/sign-in")
    phone.get_by_label("Username").fill("ann")
    phone.get_by_label("Password").fill(PASSWORD)
    phone.get_by_role("button", name="Sign in").tap()
    expect(phone.get_by_role("link", name="ann")).to_be_visible()

    phone.goto(f"/v/{media_id}/", wait_until="networkidle")
    expect(phone.locator(".heat path")).to_have_count(6)
    assert phone.evaluate(LAYOUT_SHIFT) == 0
    assert phone.evaluate("document.documentElement.scrollWidth") == 360
    phone.get_by_role("button", name="Wow").tap()
    expect(phone.locator(".emoji[data-kind=wow] .count")).to_have_text("1")
    expect(phone.locator(".floats span")).to_have_count(0)  # nothing moves for who has asked for that
    assert [box for box in small_targets(phone)] == []
    phone.get_by_role("button", name="Share").tap()
    address = f"{phone.url}harbour/"  # with the title for people to read
    expect(phone.get_by_label("Link")).to_have_value(address)
    phone.get_by_label("Start at 0:00").tap()
    expect(phone.get_by_label("Link")).to_have_value(f"{address}?t=0")


def small_targets(page: Page) -> Iterator[str]:
    """What can be pressed and is smaller than 24 px, but for links in a sentence (WCAG 2.5.8)."""
    for each in page.locator("main").locator("button, .emoji, .quiet-button, [role=slider], input, textarea").all():
        box = each.bounding_box()
        if box and (box["width"] < 24 or box["height"] < 24) and each.is_visible():
            yield each.evaluate("element => element.outerHTML")


def test_another_sites_frame_plays_and_reports_what_was_watched(page: Page, media_id: int) -> None:
    page.goto(f"/embed/{media_id}/")
    wait_until(page, LOADED)

    with page.expect_request(f"**/api/media/public/{media_id}?sessionId=*"), page.expect_response("**/finish") as finish:
        page.keyboard.press("5")
        page.keyboard.press("k")

    assert finish.value.json()["finishCount"] == 1


def test_voting_and_answering_need_no_scripts(page_without_scripts: Page, media_id: int) -> None:
    page = page_without_scripts
    page.goto(f"/v/{media_id}/")
    expect(page.locator(".timeline")).to_be_hidden()

    page.get_by_role("button", name="Upvote").click()
    expect(page.get_by_role("button", name="Upvote")).to_have_attribute("aria-pressed", "true")
    page.get_by_role("button", name="Upvote").click()
    expect(page.get_by_role("button", name="Upvote")).to_have_attribute("aria-pressed", "false")
    page.get_by_role("link", name="Reply to Ines").click()
    expect(page.locator(".answering")).to_contain_text("Answering Ines")
    page.get_by_label("Your comment").fill("it was a tern")
    page.get_by_role("button", name="Comment", exact=True).click()

    expect(page.locator(".replies .said")).to_have_text("it was a tern")
    page.get_by_role("button", name="Share").click()
    expect(page.get_by_label("To embed it in a page")).to_contain_text(f"/embed/{media_id}/")
