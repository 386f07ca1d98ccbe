"""Comments in a real browser: writing one, going to its moment, and deciding about it in the admin."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Page, expect

from gallery import services
from gallery.comments import Commenter
from gallery.models import Comment, PublicMedia
from media_library.sign_in import link_for
from tests.gallery.browser.measures import wait_until

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
QUEUE = "/admin/gallery/comment/"
Share = Callable[..., int]


def enter(page: Page) -> Page:
    """Sign in by a one-time link and open the queue."""
    page.goto(link_for(User.objects.create_superuser("admin")))
    expect(page.locator("h1")).to_have_text("Library")
    page.goto(QUEUE)
    return page


def write(media_id: int, content: str = "see example.com", *, session: str = "somebody", moment: int | None = None) -> Comment:
    return services.post_comment(media_id, Commenter(session=session), content=content, video_timestamp=moment)


@pytest.mark.parametrize("scripts", ["page", "page_without_scripts"])
def test_somebody_comments_below_a_video(request: pytest.FixtureRequest, scripts: str, share_clip: Share, webm: Path) -> None:
    media_id = share_clip(webm, duration_seconds=4)
    page: Page = request.getfixturevalue(scripts)

    page.goto(f"/v/{media_id}/")
    page.get_by_label("Your comment").fill("<b>gulls</b> at 0:02")
    page.get_by_label("Your name").fill("Ann")
    page.get_by_label("Moment of the video").fill("0:03")
    page.get_by_role("button", name="Comment").click()

    expect(page.locator(".said")).to_have_text("<b>gulls</b> at 0:02")
    expect(page.locator(".said-by")).to_contain_text("Ann")
    expect(page.locator(".comments h2")).to_have_text("1 comment")
    page.get_by_role("button", name="Delete").click()
    expect(page.locator(".comments h2")).to_have_text("0 comments")


def test_a_conversation_stays_when_the_server_has_no_time_for_it(
    page: Page, share_clip: Share, webm: Path, expected_complaints: set[str]
) -> None:
    expected_complaints.add("status of 503")
    media_id = share_clip(webm, duration_seconds=4)
    page.goto(f"/v/{media_id}/")
    page.route("**/comments", lambda route: route.fulfill(status=503) if route.request.method == "GET" else route.continue_())

    page.get_by_label("Your comment").fill("gulls")
    page.get_by_role("button", name="Comment").click()

    expect(page.get_by_role("status").filter(has_text="again")).to_have_count(1)
    expect(page.locator(".comments h2")).to_have_text("0 comments")
    expect(page.get_by_label("Your comment")).to_have_value("gulls")


def test_a_moment_is_gone_to_without_loading_the_page_again(page: Page, share_clip: Share, webm: Path) -> None:
    media_id = share_clip(webm, duration_seconds=4)
    write(media_id, "look", moment=3)
    page.goto(f"/v/{media_id}/")
    wait_until(page, "document.querySelector('video').readyState > 0")

    page.get_by_role("link", name="0:03").click()

    wait_until(page, "document.querySelector('video').currentTime === 3")
    assert page.url.endswith(f"/v/{media_id}/")


def test_one_press_decides(page: Page, share_clip: Share, webm: Path) -> None:
    media_id = share_clip(webm)
    write(media_id, "see example.com, please")
    write(media_id, "see example.org, now")
    enter(page)

    page.get_by_role("row", name="please").get_by_role("button", name="Approve").click()
    expect(page.locator(".messagelist")).to_have_text("Approved 1 comment.")
    page.get_by_role("row", name="now").get_by_role("button", name="Remove").click()
    expect(page.locator(".messagelist")).to_have_text("Removed 1 comment.")

    expect(page.locator(".nothing")).to_contain_text("Nothing is waiting")
    assert PublicMedia.objects.get(pk=media_id).comment_count == 1


def test_all_of_an_author_goes_from_the_page_of_one_comment(page: Page, share_clip: Share, webm: Path) -> None:
    media_id = share_clip(webm)
    for number in range(3):
        comment = write(media_id, f"buy {number}")
    write(media_id, "innocent", session="other")
    enter(page)

    page.goto(f"{QUEUE}{comment.pk}/change/")
    expect(page.locator(".others li")).to_have_count(2)
    page.get_by_role("button", name="Remove all of this author").click()
    expect(page.locator(".question")).to_contain_text("3 comments in all")
    page.get_by_role("button", name="Remove all of their authors").click()

    expect(page.locator(".messagelist")).to_have_text("Removed 3 comments.")
    expect(page.locator(".one-comment .badge").first).to_have_text("removed")
    assert list(Comment.objects.visible().values_list("content", flat=True)) == ["innocent"]


def test_a_long_word_that_is_being_written_fits_a_phone(phone: Page, share_clip: Share, webm: Path) -> None:
    phone.goto(f"/v/{share_clip(webm, duration_seconds=4)}/")

    phone.get_by_label("Your comment").fill("gulls" * 100)

    assert phone.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_the_queue_and_the_conversation_fit_a_phone(phone: Page, share_clip: Share, webm: Path) -> None:
    media_id = share_clip(webm)
    comment = write(media_id, "https://" + "x" * 500)
    services.approve_comments([write(media_id, "https://" + "y" * 500).pk], by=User.objects.create_superuser("other"))
    enter(phone)

    for address in (QUEUE, f"{QUEUE}{comment.pk}/change/", f"/v/{media_id}/", f"/v/{media_id}/comments"):
        phone.goto(address)
        assert phone.evaluate("document.documentElement.scrollWidth <= innerWidth"), address
