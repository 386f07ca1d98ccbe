"""A file in one request, as curl and a page without scripts send it."""

from __future__ import annotations

from pathlib import Path

from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from pytest_django.fixtures import Settings

from jobs.models import Job
from media_library.models import Upload
from tests.conftest import Clips
from tests.media_library.uploads.conftest import Tus, user_of_role


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


def test_a_form_breaks_off_is_too_large_or_holds_no_one_file(tus: Tus, library: Path, clips: Clips, settings: Settings) -> None:
    client, video = tus.client, clips.plain.read_bytes()

    def sent(form: bytes, name: str = "x") -> int:
        return client.generic("POST", "/api/videos/upload", form, content_type=f"multipart/form-data; boundary={name}").status_code

    file = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.mp4"\r\n\r\n' + video
    assert sent(file) == 400  # breaks off
    assert sent(file + b"\r\n" + file + b"\r\n--x--\r\n") == 400  # two of them
    assert sent(b'--x\r\nContent-Disposition: form-data; name="file"\r\n\r\nno file\r\n--x--\r\n') == 400
    assert sent(b"nonsense") == 400
    assert sent(file.replace(b"a.mp4", b"a.php") + b"\r\n--x--\r\n") == 400
    settings.MAX_UPLOAD_SIZE_GB = 1e-6
    assert sent(file + b"\r\n--x--\r\n") == 413
    assert (parts(library), list(library.rglob("*.mp4")), Upload.objects.count()) == ([], [], 0)


def test_a_folder_in_a_name_is_left_out(tus: Tus, library: Path, clips: Clips) -> None:
    form = (
        b'--x\r\nContent-Disposition: form-data; name="file"; filename="../../up.mp4"\r\n\r\n' + clips.plain.read_bytes() + b"\r\n--x--\r\n"
    )

    reply = tus.client.generic("POST", "/api/videos/upload", form, content_type="multipart/form-data; boundary=x")

    assert (reply.status_code, reply.json()["path"]) == (201, "inbox/up.mp4")


def test_a_signed_in_page_needs_its_token_in_the_form_or_a_header(tus: Tus, library: Path, clips: Clips) -> None:
    page = Client(enforce_csrf_checks=True)
    page.force_login(user_of_role("MEDIA_ADMIN", is_staff=True, is_superuser=True))
    token = page.get("/admin/media_library/video/upload/").context["csrf_token"]

    def send(address: str, fields: dict[str, str], **headers: str) -> int:
        file = SimpleUploadedFile("clip.mp4", clips.plain.read_bytes())
        return page.post(address, {**fields, "file": file}, headers=headers).status_code

    for address, done in (("/api/videos/upload", 201), ("/admin/media_library/video/upload/", 302)):
        assert send(address, {}) == 403
        assert (parts(library), Upload.objects.filter(status="receiving").count()) == ([], 0)
        assert send(address, {"csrfmiddlewaretoken": str(token)}) == done
        assert send(address, {}, **{"X-CSRFToken": str(token)}) == done
    assert len(list((library / "inbox").glob("*.mp4"))) == 4


def test_a_session_of_a_temporary_user_has_nothing_written(tus: Tus, library: Path, clips: Clips) -> None:
    page = Client()
    page.force_login(user_of_role("TEMP", is_staff=True))

    for address in ("/api/videos/upload", "/admin/media_library/video/upload/"):
        reply = page.post(address, {"file": SimpleUploadedFile("clip.mp4", clips.plain.read_bytes())})
        assert reply.status_code == 403
    assert not (library / "inbox").exists()
