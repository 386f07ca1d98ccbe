from __future__ import annotations

import logging
import re
import struct
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.test import Client
from pytest_django.fixtures import Settings

from jobs import reaper, runner, services
from jobs.fetching import partials
from jobs.heartbeat import Pulse
from jobs.models import Job
from media_library.models import Video
from media_library.scanner import scan
from tests.conftest import Clips, variant
from tests.jobs.fetching.servers import Answer, Request, always, authority, ranged, redirecting, reply, serving
from tests.jobs.handlers.test_deaths import LATER, die_in
from tests.jobs.running import claim, run_to_the_end

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def loopback_is_open(library: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.FETCH_ALLOWED_NETWORKS = ["127.0.0.1/32"]
    settings.FULL_DISK_MB = 1
    monkeypatch.setattr("jobs.fetching.download.SECONDS_BEFORE_GOING_ON", 0.01)


@pytest.fixture
def film(clips: Clips) -> bytes:
    return clips.make(size="160x90").read_bytes()


def fetch(url: str, **params: object) -> Job:
    return run_to_the_end(services.submit("fetch", {"url": url, **params}))


def fetched(job: Job) -> Video:
    assert job.result is not None, (job.error, job.log)
    return Video.objects.get(pk=job.result["videoId"])


def files(library: Path) -> list[str]:
    return sorted(str(path.relative_to(library)) for path in library.rglob("*") if path.is_file() and path.name != ".library-id")


def test_a_video_is_in_the_inbox_as_it_came(library: Path, film: bytes) -> None:
    with serving(always(reply(film))) as server:
        job = fetch(f"{server.url}/films/Long_Road-1080p.mp4")

    video = fetched(job)
    assert video.absolute_path.read_bytes() == film
    assert (video.path, video.directory_type, video.title) == (f"inbox/fetched-{job.pk}.mp4", "inbox", "Long Road")
    assert (video.is_valid, video.width, video.height, bool(video.thumbnail_path)) == (True, 160, 90, True)
    assert files(library) == [video.path]
    assert scan(library, workers=1).new_count == 0


@pytest.mark.parametrize(
    "said",
    [
        {"content_disposition": 'attachment; filename="../../evil.php"', "content_type": "application/x-php"},
        {"content_disposition": "attachment; filename*=UTF-8''%2Fetc%2Fcron.d%2Fx", "content_type": "video/quicktime"},
        {"content_location": "/../../a.sh"},
    ],
)
def test_what_the_server_calls_the_file_means_nothing(library: Path, film: bytes, said: dict[str, str]) -> None:
    with serving(always(reply(film, said))) as end, serving(redirecting(f"{end.url}/%2e%2e%2f%2e%2e%2fevil.php")) as server:
        job = fetch(f"{server.url}/..%2F..%2Fetc%2Fpasswd.php")

    assert files(library) == [f"inbox/fetched-{job.pk}.mp4"]


def test_the_kind_of_file_is_told_by_its_content(clips: Clips) -> None:
    webm = clips.make(name="a.webm", size="64x36", codec=("-c:v", "libvpx", "-deadline", "realtime"))
    with serving(always(reply(webm.read_bytes(), content_type="video/mp4"))) as server:
        assert fetched(fetch(f"{server.url}/a.mp4")).path.endswith(".webm")


def test_what_the_admin_says_of_it_is_kept(film: bytes) -> None:
    with serving(always(reply(film))) as server:
        video = fetched(fetch(server.url, title="Night <b>shift</b>", producer="Acme Films"))

    assert (video.title, video.producer) == ("Night <b>shift</b>", "Acme Films")


def test_the_video_remembers_where_it_came_from_without_the_keys(film: bytes, caplog: pytest.LogCaptureFixture) -> None:
    admin = User.objects.create_superuser("night", password="shift")
    caplog.set_level(logging.DEBUG)
    with serving(always(reply(film))) as server:
        job = run_to_the_end(services.submit("fetch", {"url": f"{server.url}/a.mp4?token=s3cr3t#x"}, by=admin))

    video = fetched(job)
    assert job.result is not None and job.result["origin"] == f"{server.url}/a.mp4"
    assert job.video == video
    assert LogEntry.objects.get(change_message=f"Fetched from {server.url}/a.mp4.").object_id == str(video.pk)
    assert "s3cr3t" not in f"{job.log}{job.result}{caplog.text}"
    assert server.requests[0].path == "/a.mp4?token=s3cr3t"


def test_keys_stay_out_of_what_failures_say(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with serving(redirecting("http://10.0.0.1/?key=s3cr3t")) as server:
        job = fetch(f"{server.url}/?token=s3cr3t")

    assert (job.status, job.error_class) == (Job.Status.FAILED, "forbidden_address")
    assert "s3cr3t" not in f"{job.log}{job.error}{job.suggestion}{caplog.text}"


@pytest.mark.parametrize(
    "url",
    [
        "ftp://example.com/a.mp4",
        "http://someone:s3cr3t@example.com/",
        "http://example.com:22/",
        "http://169.254.169.254/",
        "http://[::1]/",
        "a.mp4",
        "",
    ],
)
def test_what_is_never_fetched_is_refused_when_it_is_submitted(url: str, settings: Settings) -> None:
    settings.FETCH_ALLOWED_NETWORKS = []
    with pytest.raises(services.Refused) as refused:
        services.submit("fetch", {"url": url})
    (problem,) = refused.value.details["url"]
    assert problem[0].isupper() and not problem.startswith("Value error") and "s3cr3t" not in problem


def test_a_name_that_leads_inside_is_refused_when_it_is_looked_up(film: bytes, settings: Settings) -> None:
    settings.FETCH_ALLOWED_NETWORKS = []
    with serving(always(reply(film))) as server:
        settings.FETCH_PORTS = [server.port]
        job = fetch(f"http://localhost:{server.port}/")

    assert (job.status, job.error_class, server.requests) == (Job.Status.FAILED, "forbidden_address", [])


def test_a_name_is_proved_by_its_certificate(film: bytes, tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.FETCH_ALLOWED_NETWORKS = ["127.0.0.1/32", "::1/128"]
    ours = authority(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(ours.certificate))
    with serving(always(reply(film)), tls=ours.context_for("localhost")) as server:
        assert fetched(fetch(f"https://localhost:{server.port}/a.mp4")).is_valid
        refused = fetch(server.url)

    assert (refused.status, refused.error_class) == (Job.Status.FAILED, "certificate")


def test_the_form_asks_for_an_address_in_one_line(admin_client: Client) -> None:
    shown = admin_client.get("/admin/jobs/job/add/?type=fetch&url=https://example.com/a.mp4").content.decode()

    assert '<label for="id_url">URL:</label>' in shown
    assert re.search(r'<input type="url" name="url" value="https://example.com/a.mp4"[^>]* required', shown)


NO_VIDEOS = {
    "HTML": b"<!doctype html><title>Log in</title>" * 100,
    "nothing": b"",
    "zeros": bytes(100_000),
    "a playlist": b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n",
    "a list of files": b"ffconcat version 1.0\nfile /etc/passwd\n",
    "a drawing": b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>',
}


@pytest.mark.parametrize("kind", NO_VIDEOS)
def test_what_is_no_video_is_not_kept(library: Path, kind: str) -> None:
    with serving(always(reply(NO_VIDEOS[kind], content_type="video/mp4"))) as server:
        job = fetch(f"{server.url}/a.mp4")

    assert (job.status, job.error_class) == (Job.Status.FAILED, "no_video"), job.error
    assert files(library) == [] and not Video.objects.exists()


def test_a_video_that_was_cut_short_without_a_word_is_not_kept(library: Path, film: bytes) -> None:
    with serving(always(reply(film[: len(film) // 2], length=None))) as server:
        job = fetch(f"{server.url}/a.mp4")

    assert (job.status, job.error_class) == (Job.Status.FAILED, "no_video")
    assert files(library) == []


def test_sound_alone_is_no_video(clips: Clips) -> None:
    sound = clips.run("a.m4a", "-f", "lavfi", "-i", "sine=duration=1", "-c:a", "aac").read_bytes()
    with serving(always(reply(sound))) as server:
        assert fetch(server.url).error_class == "no_video"


def test_the_smallest_of_the_limits_counts(film: bytes, settings: Settings) -> None:
    settings.FETCH_MAX_SIZE_GB = 1e-6
    with serving(always(reply(film))) as server:
        assert fetch(server.url, maxBytes=10**9).error_class == "too_large"
        settings.FETCH_MAX_SIZE_GB = 1
        assert fetch(server.url, maxBytes=1000).error_class == "too_large"
        assert fetch(server.url, maxBytes=len(film)).error == ""


def test_a_broken_download_goes_on_in_the_next_attempt(library: Path, film: bytes) -> None:
    half = len(film) // 2
    answers = [always(reply(film[:half], length=len(film), etag='"one"'))]
    with serving(lambda connection, request: answers[-1](connection, request)) as server:
        job = run_to_the_end(services.submit("fetch", {"url": f"{server.url}/a.mp4"}))
        assert (job.status, job.error_class, job.attempt) == (Job.Status.PENDING, "connection_broken", 1)
        assert files(library) == [f".fetching/{job.pk}.download", f".fetching/{job.pk}.json"]
        assert partials.sweep() == 0

        Job.objects.filter(pk=job.pk).update(status=Job.Status.QUEUED, run_after=None)
        answers.append(ranged(film))
        job = run_to_the_end(job)

    assert fetched(job).absolute_path.read_bytes() == film
    assert server.requests[-1].offset == half
    assert files(library) == [fetched(job).path]


@pytest.fixture
def stalling() -> Iterator[tuple[Answer, threading.Event]]:
    """A server that sends nothing after its first bytes, and tells when it has sent them."""
    has_begun, may_end = threading.Event(), threading.Event()

    def answer(connection: Any, request: Request) -> None:
        connection.sendall(reply(bytes(1000), length=10**6, etag='"one"'))
        has_begun.set()
        may_end.wait(60)

    yield answer, has_begun
    may_end.set()


@pytest.mark.parametrize("end", ["cancel", "stop", "lose"])
def test_a_download_ends_when_it_is_told_to(library: Path, stalling: tuple[Answer, threading.Event], end: str) -> None:
    answer, has_begun = stalling
    with serving(answer) as server:
        job = services.submit("fetch", {"url": server.url})
        lease = claim(job)
        pulse = Pulse(lease, claimed_at=time.monotonic())
        threading.Thread(target=lambda: has_begun.wait(30) and getattr(pulse, end)()).start()
        runner.perform(lease, pulse)
    job.refresh_from_db()

    expected = {"cancel": Job.Status.CANCELLED, "stop": Job.Status.QUEUED, "lose": Job.Status.RUNNING}
    assert job.status == expected[end]
    assert bool(files(library)) == (end != "cancel")
    assert not Video.objects.exists()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    "where",
    [
        LATER.format("partials.Partial.write"),
        "real = partials.Partial.become; partials.Partial.become = lambda *a: (real(*a), die())",
    ],
    ids=["receiving", "drafted"],
)
def test_a_worker_that_dies_leaves_nothing_that_counts(
    library: Path, film: bytes, settings: Settings, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    monkeypatch.setenv("FETCH_ALLOWED_NETWORKS", "127.0.0.1/32")
    monkeypatch.setenv("FULL_DISK_MB", "1")
    film += struct.pack(">I4s", 200_008, b"free") + bytes(200_000)
    with serving(ranged(film)) as server:
        job = services.submit("fetch", {"url": f"{server.url}/a.mp4"})
        die_in(job, f"from jobs.fetching import partials\n{where}", library, settings)
        assert not Video.objects.exists()
        assert [path for path in files(library) if not path.startswith(".")] == []

        job = run_to_the_end(job)

    assert fetched(job).absolute_path.read_bytes() == film
    assert files(library) == [fetched(job).path]


def test_what_a_job_left_that_will_not_go_on_is_swept(library: Path, settings: Settings) -> None:
    jobs = {status: services.submit("fetch", {"url": "http://example.com/"}) for status in ("queued", "cancelled", "failed", "completed")}
    for status, job in jobs.items():
        Job.objects.filter(pk=job.pk).update(status=status)
        with partials.opened(job.pk) as partial:
            partial.start_over(None)
    with partials.opened(10**9) as partial:  # a job that was forgotten
        partial.start_over(None)

    reaper.reap()

    assert {path.stem for path in (library / ".fetching").iterdir()} == {str(jobs["queued"].pk), str(jobs["failed"].pk)}


def test_what_a_worker_left_that_died_while_it_wrote_the_state_down_is_swept(library: Path) -> None:
    job = services.submit("fetch", {"url": "http://example.com/"})
    with partials.opened(job.pk) as partial:
        partial.start_over(None)
    folder = library / ".fetching"
    for name in (f"{job.pk}.draft", "1000000000.json", "1000000000.draft"):
        (folder / name).touch()

    assert partials.sweep() == 1
    Job.objects.filter(pk=job.pk).update(status=Job.Status.CANCELLED)
    assert partials.sweep() == 1

    assert list(folder.iterdir()) == []


def test_a_library_that_is_not_mounted_gets_nothing(library: Path, film: bytes, clips: Clips) -> None:
    variant(clips.plain, library / "videos" / "a.mp4")
    scan(library, workers=1)
    library.rename(library.with_name("unmounted"))
    library.mkdir()
    with serving(always(reply(film))) as server:
        job = fetch(server.url)

    assert (job.error_class, list(library.iterdir()), server.requests) == ("library_missing", [], [])


class TestPages:
    """Videos that yt-dlp looks for; the tests install it, users need not."""

    @pytest.fixture(autouse=True)
    def pages_are_allowed(self, settings: Settings) -> None:
        settings.FETCH_FROM_PAGES = True

    def page(self, video: str) -> Answer:
        html = (
            f'<html><title>The Night Train</title><meta property="og:title" content="The Night Train"><video src="{video}"></video></html>'
        )
        return always(reply(html.encode(), content_type="text/html"))

    def test_the_video_of_a_page_is_fetched_as_any_other(self, library: Path, film: bytes) -> None:
        with serving(ranged(film)) as server, serving(self.page(f"{server.url}/v.mp4?key=s3cr3t")) as site:
            job = fetch(f"{site.url}/watch", fromPage=True)

        video = fetched(job)
        assert video.absolute_path.read_bytes() == film
        assert video.title is not None and "Night Train" in video.title
        assert job.result is not None and job.result["origin"] == f"{site.url}/watch"
        assert "s3cr3t" not in f"{job.log}{job.result}"
        assert files(library) == [f"inbox/fetched-{job.pk}.mp4"]

    def test_yt_dlp_is_kept_from_our_own_networks(self, film: bytes) -> None:
        with serving(always(reply(film)), host="127.0.0.2") as inside, serving(redirecting(f"{inside.url}/admin")) as site:
            redirected = fetch(f"{site.url}/watch", fromPage=True)
        with serving(always(reply(film)), host="127.0.0.2") as hidden, serving(self.page(f"{hidden.url}/v.mp4")) as site:
            embedded = fetch(f"{site.url}/watch", fromPage=True)

        assert [(job.status, job.error_class) for job in (redirected, embedded)] == [(Job.Status.FAILED, "forbidden_address")] * 2
        assert inside.requests == hidden.requests == []

    def test_a_page_without_a_video_says_so(self) -> None:
        with serving(always(reply(b"<html>Nothing</html>", content_type="text/html"))) as site:
            job = fetch(f"{site.url}/watch?key=s3cr3t", fromPage=True)

        assert (job.status, job.error_class) == (Job.Status.FAILED, "no_video")
        assert "s3cr3t" not in f"{job.log}{job.error}"

    def test_it_is_off_unless_it_is_asked_for(self, settings: Settings) -> None:
        settings.FETCH_FROM_PAGES = False
        with pytest.raises(services.Refused, match="FETCH_FROM_PAGES is off"):
            services.submit("fetch", {"url": "https://example.com/watch", "fromPage": True})
