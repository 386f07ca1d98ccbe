"""A file in one request, as curl and a page without scripts send it."""

from __future__ import annotations

from pathlib import Path

from jobs.models import Job
from media_library.models import Upload
from tests.conftest import Clips
from tests.media_library.uploads.conftest import Tus


def parts(library: Path) -> list[Path]:
    return list((library / "inbox" / ".uploads").glob("*"))


def test_a_form_with_a_video_puts_it_into_the_inbox_and_names_the_scan(tus: Tus, library: Path, clips: Clips) -> None:
    reply = tus.form(clips.plain)

    facts = reply.json()
    assert (reply.status_code, facts["path"], facts["length"]) == (201, "inbox/clip.mp4", clips.plain.stat().st_size)
    assert (library / facts["path"]).read_bytes() == clips.plain.read_bytes()
    assert Job.objects.get(pk=facts["jobId"]).params["path"] == "inbox"


def test_what_is_no_video_leaves_nothing(tus: Tus, library: Path, tmp_path: Path) -> None:
    page = tmp_path / "page.mp4"
    page.write_text("<html><script>alert(1)</script></html>")

    reply = tus.form(page)

    assert reply.status_code == 415
    assert "page.mp4 is no video" in reply.json()["error"]
    assert (parts(library), list((library / "inbox").glob("*.mp4")), Upload.objects.count()) == ([], [], 0)
