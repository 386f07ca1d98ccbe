"""Every page that people see: one line each, with who opens it and what it then shows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from playwright.sync_api import Page


@dataclass(frozen=True)
class Stop:
    """A page as one comes to see it: by its address, and by what one does there."""

    name: str
    address: str  # with the ids of the house in braces
    act: Callable[[Page], object] = lambda page: None
    status: int = 200
    but: tuple[str, ...] = ()  # parts that are not ours to mend


def refused_sign_in(page: Page) -> None:
    page.get_by_label("Username").fill("ann")
    page.get_by_label("Password").fill("wrong")
    page.get_by_role("button", name="Sign in").click()
    page.get_by_text("enter a correct username and password").wait_for()


VISITOR = [
    Stop("gallery", "/"),
    Stop("gallery by votes", "/?sort=most_viewed&orientation=landscape"),
    Stop("category", "/c/demo/"),
    Stop("nothing found", "/?search=zebra"),
    Stop("viewer", "/v/{video}/"),
    Stop("viewer at a moment", "/v/{video}/harbour/?t=2"),
    Stop("comments", "/v/{video}/comments"),
    Stop("embed", "/embed/{video}/"),
    Stop("locked", "/v/{locked}/", status=403),
    Stop("locked embed", "/embed/{locked}/", status=403),
    Stop("gone", "/v/{gone}/", status=404),
    Stop("sign in", "/account/sign-in"),
    Stop("sign in, refused", "/account/sign-in", act=refused_sign_in),
    Stop("sign up", "/account/sign-up"),
    Stop("API", "/api/docs", but=("#swagger-ui",)),
    Stop("error 400", "/errors/400", status=400),
    Stop("error 403", "/errors/403", status=403),
    Stop("error 404", "/nowhere", status=404),
    Stop("error 429", "/errors/429", status=429),
    Stop("error 500", "/errors/500", status=500),
    Stop("error 503", "/errors/503", status=503),
    Stop("admin sign in", "/admin/login/"),
]

USER = [
    Stop("gallery, signed in", "/"),
    Stop("viewer, signed in", "/v/{video}/"),
    Stop("account", "/account"),
    Stop("new password", "/account/password"),
]

LIBRARY = [
    Stop("overview", "/admin/"),
    Stop("library", "/admin/media_library/video/"),
    Stop("library as a list", "/admin/media_library/video/?layout=list"),
    Stop("keys", "/admin/media_library/video/", act=lambda page: page.get_by_role("button", name="Keys").click()),
    Stop("upload", "/admin/media_library/video/upload/"),
    Stop("video", "/admin/media_library/video/{video}/change/"),
    Stop("scans", "/admin/media_library/scanreport/"),
    Stop("scan", "/admin/media_library/scanreport/{scan}/change/"),
    Stop("shared media", "/admin/gallery/publicmedia/"),
    Stop("shared medium", "/admin/gallery/publicmedia/{video}/change/"),
    Stop("categories", "/admin/gallery/publicmedia/categories/"),
    Stop("statistics", "/admin/gallery/publicmedia/statistics/"),
    Stop("statistics of one", "/admin/gallery/publicmedia/{video}/statistics/"),
    Stop("moderation", "/admin/gallery/comment/"),
    Stop("one comment", "/admin/gallery/comment/{comment}/change/"),
    Stop("watched words", "/admin/gallery/watchedword/"),
    Stop("watched word", "/admin/gallery/watchedword/{word}/change/"),
    Stop("new watched word", "/admin/gallery/watchedword/add/"),
    Stop("drift", "/admin/gallery/driftreport/"),
    Stop("drift report", "/admin/gallery/driftreport/{drift}/change/"),
    Stop("reactions", "/admin/reactions/videoreaction/"),
    Stop("reaction", "/admin/reactions/videoreaction/{reaction}/change/"),
]

QUEUE = [
    Stop("queue", "/admin/jobs/job/"),
    Stop("all jobs", "/admin/jobs/job/all/"),
    Stop("running job", "/admin/jobs/job/{running}/change/"),
    Stop("failed job", "/admin/jobs/job/{failed}/change/"),
    Stop("completed job", "/admin/jobs/job/{completed}/change/"),
    Stop("new job", "/admin/jobs/job/add/"),
    Stop("new job of a type", "/admin/jobs/job/add/?type=generate_gif"),
    Stop("storyboard", "/admin/jobs/job/{storyboard}/change/"),
    Stop("studio, empty", "/admin/jobs/job/studio/"),
    Stop("studio", "/admin/jobs/job/studio/?videos={video},{video}", act=lambda page: page.get_by_text("Choose the part").first.click()),
    Stop("pipelines", "/admin/jobs/pipeline/"),
    Stop("pipeline", "/admin/jobs/pipeline/{pipeline}/change/"),
    Stop("new pipeline", "/admin/jobs/pipeline/add/"),
]

ALL = [*VISITOR, *USER, *LIBRARY, *QUEUE]
