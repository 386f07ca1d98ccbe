"""Uploading videos in a real browser."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.test import Client
from playwright.sync_api import FilePayload, Page, expect
from pytest_django.live_server_helper import LiveServer

from media_library.models import Upload
from media_library.uploads.creating import create
from tests.conftest import Clips

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
PATIENCE = 30_000  # milliseconds, on a busy machine
ADDRESS = "/admin/media_library/video/upload/"


def sign_in(page: Page, live_server: LiveServer) -> User:
    user = User.objects.create_superuser("admin")
    client = Client()
    client.force_login(user)
    page.context.add_cookies([{"name": "sessionid", "value": client.cookies["sessionid"].value, "url": live_server.url}])
    return user


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def test_several_files_are_uploaded_and_one_that_a_reload_cut_off_goes_on(
    page: Page, live_server: LiveServer, library: Path, clips: Clips, expected_complaints: set[str]
) -> None:
    expected_complaints.add("415")
    user, clip = sign_in(page, live_server), clips.plain.read_bytes()
    metadata = f"filename {encoded('begun.mp4')},lastModified {encoded('1000')}"
    begun = create("begun.mp4", length=len(clip), by=user, metadata=metadata)
    page.goto("/admin/media_library/video/")
    page.get_by_role("link", name="Upload videos").click()
    expect(page.locator("#uploads li")).to_contain_text("choose the file again to go on")
    # A file that is dropped, since only a script can give one a date.
    page.evaluate(
        """(text) => {
            const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
            const data = new DataTransfer();
            data.items.add(new File([bytes], "begun.mp4", { lastModified: 1000 }));
            document.body.dispatchEvent(new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true }));
        }""",
        base64.b64encode(clip).decode(),
    )
    page.get_by_label("Choose videos").set_input_files(
        [
            FilePayload(name="harbour.mp4", mimeType="video/mp4", buffer=clip),
            FilePayload(name="page.mp4", mimeType="video/mp4", buffer=b"<html>"),
        ]
    )

    expect(page.locator("#uploads .finished")).to_have_count(2, timeout=PATIENCE)
    expect(page.locator("#uploads .failed")).to_contain_text("page.mp4 is no video", timeout=PATIENCE)
    expect(page.locator("#uploads .finished").first.get_by_role("link", name="a scan adds it")).to_be_visible()
    assert {path.name for path in (library / "inbox").glob("*.mp4")} == {"begun.mp4", "harbour.mp4"}
    assert Upload.objects.get(pk=begun.pk).status == "finished"
    page.get_by_role("button", name="Remove").click()
    expect(page.locator("#uploads li")).to_have_count(2)


def test_without_scripts_a_form_uploads_one_file(page_without_scripts: Page, live_server: LiveServer, library: Path, clips: Clips) -> None:
    page = page_without_scripts
    sign_in(page, live_server)
    page.goto(ADDRESS)

    page.get_by_label("Choose videos").set_input_files(clips.plain)
    page.get_by_role("button", name="Upload", exact=True).click()

    expect(page.get_by_text("inbox/clip.mp4 is in the inbox")).to_be_visible(timeout=PATIENCE)
    assert (library / "inbox" / "clip.mp4").read_bytes() == clips.plain.read_bytes()
