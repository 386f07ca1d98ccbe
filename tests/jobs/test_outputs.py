"""Files that are no videos, and folders of many files: verified, renamed into place as a whole, swept."""

from __future__ import annotations

import io
import json
import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from jobs import outputs, reaper, services
from jobs.context import JobContext
from jobs.failures import BadOutput, JobCancelled
from jobs.heartbeat import Pulse
from jobs.models import Job
from tests.conftest import Clips
from tests.jobs.running import claim
from tests.jobs.test_reaper import silent

pytestmark = pytest.mark.django_db

LADDER = Path("playback/film.hls")


@pytest.fixture
def context(library: Path) -> JobContext:
    """A running job."""
    lease = claim(services.submit("hash_videos"))
    return JobContext(lease, Pulse(lease, claimed_at=time.monotonic()))


@pytest.fixture
def write_ladder(clips: Clips) -> Callable[[Path], None]:
    """Fills a folder as an HLS encode does: a header, segments of a second, their playlist and one that names it."""
    clip = clips.make(duration=3.0, size="160x90", extra=("-g", "25"))

    def write(folder: Path) -> None:
        (folder / "90").mkdir()
        fill_with_hls(clips, folder / "90", "-i", f"file:{clip}", "-c", "copy")
        (folder / "master.m3u8").write_text("#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=100000\n90/index.m3u8\n")

    return write


def fill_with_hls(clips: Clips, folder: Path, *source: str) -> None:
    hls = ["-f", "hls", "-hls_time", "1", "-hls_playlist_type", "vod", "-hls_segment_type", "fmp4"]
    names = ["-hls_fmp4_init_filename", "init.m4s", "-hls_segment_filename", f"{folder}/%04d.m4s"]
    command = [clips.ffmpeg, "-nostdin", "-v", "error", *source, *hls, *names, f"file:{folder}/index.m3u8"]
    subprocess.run(command, check=True, timeout=60)


def picture(kind: str, size: tuple[int, int] = (64, 36)) -> bytes:
    encoded = io.BytesIO()
    Image.effect_noise(size, 50).save(encoded, kind)
    return encoded.getvalue()


def finish(context: JobContext, name: str, content: bytes) -> outputs.Output:
    draft = context.draft(Path("gifs") / name)
    draft.write_bytes(content)
    return context.finish(draft, Path("gifs") / name)


def files(library: Path) -> list[str]:
    return sorted(str(path.relative_to(library)) for path in library.rglob("*") if path.is_file())


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("x.json", json.dumps({"scenes": []}).encode()),
        ("x.vtt", b"WEBVTT\n\n00:00.000 --> 00:01.000\nsprite.webp#xywh=0,0,160,90\n"),
        ("x.png", picture("PNG")),
        ("x.webp", picture("WEBP")),
        ("x.JPG", picture("JPEG")),
    ],
)
def test_what_is_no_video_is_finished_when_it_is_whole(context: JobContext, library: Path, name: str, content: bytes) -> None:
    output = finish(context, name, content)
    context.files.place()

    assert (library / output.path).read_bytes() == content
    assert output.size == len(content)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("x.json", b'{"scenes": ['),
        ("x.vtt", b"00:00.000 --> 00:01.000\n"),
        ("x.vtt", b"WEBVTT\n\n\xff\xfe"),
        ("x.png", picture("PNG")[:-40]),
        ("x.webp", picture("WEBP")[:-400]),
        ("x.jpg", picture("JPEG")[:-400]),
        ("x.png", b"no picture"),
        ("x.webp", picture("GIF")),
        ("x.m4s", b"\0\0\1\0moof"),
        ("x.json", b""),
    ],
)
def test_what_is_cut_short_or_something_else_is_refused(context: JobContext, name: str, content: bytes) -> None:
    with pytest.raises(BadOutput):
        finish(context, name, content)


def test_an_animated_picture_is_as_long_as_its_frames(context: JobContext) -> None:
    frames = [Image.effect_noise((64, 36), 50) for _ in range(3)]
    draft = context.draft(Path("gifs/x.webp"))
    frames[0].save(draft, "WEBP", save_all=True, append_images=frames[1:], duration=1000)

    context.finish(draft, Path("gifs/x.webp"), duration=3.0)
    with pytest.raises(BadOutput):
        context.finish(draft, Path("gifs/x.webp"), duration=6.0)


def test_two_outputs_that_want_one_name_get_two(context: JobContext, library: Path) -> None:
    for _ in range(2):
        finish(context, "x.json", b"{}")

    context.files.place()

    assert files(library) == ["gifs/x (2).json", "gifs/x.json"]


def test_a_folder_comes_into_place_as_a_whole(context: JobContext, library: Path, write_ladder: Callable[[Path], None]) -> None:
    draft = context.draft_folder(LADDER)
    write_ladder(draft)

    output = context.finish_folder(draft, LADDER, duration=3.0)
    context.files.place()

    parts = ["90/0000.m4s", "90/0001.m4s", "90/0002.m4s", "90/index.m3u8", "90/init.m4s", "master.m3u8"]
    assert files(library) == [f"playback/film.hls/{part}" for part in parts]
    assert output.path == LADDER
    assert output.size == sum((library / LADDER / part).stat().st_size for part in parts)


def cut_a_segment(folder: Path) -> None:
    os.truncate(folder / "90/0001.m4s", 200)


def lose_a_segment(folder: Path) -> None:
    (folder / "90/0001.m4s").unlink()


def lose_the_end(folder: Path) -> None:
    playlist = folder / "90/index.m3u8"
    playlist.write_text(playlist.read_text().replace("#EXT-X-ENDLIST", ""))


def name_a_file_elsewhere(folder: Path) -> None:
    (folder / "master.m3u8").write_text("#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=100000\n../../secret.m3u8\n")


def spoil_the_pictures(folder: Path) -> None:
    header = folder / "90/init.m4s"
    header.write_bytes(header.read_bytes().replace(b"avcC", b"free"))


def empty_a_file(folder: Path) -> None:
    (folder / "90/0002.m4s").write_bytes(b"")


def lay_a_link(folder: Path) -> None:
    (folder / "90/0003.m4s").symlink_to("/etc/passwd")


def lose_all(folder: Path) -> None:
    for path in folder.rglob("*"):
        if path.is_file():
            path.unlink()


@pytest.mark.parametrize(
    "spoil",
    [cut_a_segment, lose_a_segment, lose_the_end, name_a_file_elsewhere, spoil_the_pictures, empty_a_file, lay_a_link, lose_all],
)
def test_a_folder_with_one_bad_file_is_refused(
    context: JobContext, write_ladder: Callable[[Path], None], spoil: Callable[[Path], None]
) -> None:
    draft = context.draft_folder(LADDER)
    write_ladder(draft)
    spoil(draft)

    with pytest.raises((BadOutput, OSError)):
        context.finish_folder(draft, LADDER, duration=3.0)


def test_a_playlist_of_sound_needs_no_pictures(
    context: JobContext, clips: Clips, library: Path, write_ladder: Callable[[Path], None]
) -> None:
    draft = context.draft_folder(LADDER)
    write_ladder(draft)
    (draft / "sound").mkdir()
    source = ["-f", "lavfi", "-i", "sine=duration=3", "-c:a", "aac"]
    fill_with_hls(clips, draft / "sound", *source)
    media = '#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="sound",NAME="sound",URI="sound/index.m3u8"'
    (draft / "master.m3u8").write_text(f'#EXTM3U\n{media}\n#EXT-X-STREAM-INF:BANDWIDTH=100000,AUDIO="sound"\n90/index.m3u8\n')

    assert context.finish_folder(draft, LADDER, duration=3.0).path == LADDER


def test_the_verification_of_many_files_hears_that_it_is_to_end(context: JobContext, write_ladder: Callable[[Path], None]) -> None:
    draft = context.draft_folder(LADDER)
    write_ladder(draft)
    looks = []

    def check() -> None:
        looks.append(1)
        if len(looks) == 3:
            raise JobCancelled

    with pytest.raises(JobCancelled):
        context.files.finish_folder(draft, LADDER, check=check)


def test_a_folder_that_is_too_short_is_refused(context: JobContext, write_ladder: Callable[[Path], None]) -> None:
    draft = context.draft_folder(LADDER)
    write_ladder(draft)

    with pytest.raises(BadOutput, match=r"3\.0 s long instead of 6\.0 s"):
        context.finish_folder(draft, LADDER, duration=6.0)


def test_nobody_s_folder_is_overwritten(context: JobContext, library: Path, write_ladder: Callable[[Path], None]) -> None:
    (library / LADDER).mkdir(parents=True)
    (library / LADDER / "precious").write_text("somebody's")
    draft = context.draft_folder(LADDER)
    write_ladder(draft)

    output = context.finish_folder(draft, LADDER)
    context.files.place()

    assert output.path == Path("playback/film (2).hls")
    assert (library / LADDER / "precious").read_text() == "somebody's"


def test_a_folder_whose_name_is_taken_after_it_is_finished_gets_another(
    context: JobContext, library: Path, write_ladder: Callable[[Path], None]
) -> None:
    draft = context.draft_folder(LADDER)
    write_ladder(draft)
    output = context.finish_folder(draft, LADDER)
    (library / LADDER).mkdir(parents=True)
    (library / LADDER / "precious").write_text("somebody's")

    assert context.files.find_other_names() == {LADDER: output.path}
    assert Job.objects.get(pk=context.job_id).drafts[0]["path"] == "playback/film (2).hls"  # before it lies there
    context.files.place()

    assert (library / "playback/film (2).hls/master.m3u8").exists()
    assert (library / LADDER / "precious").read_text() == "somebody's"


@pytest.mark.parametrize("gets_as_far_as", ["draft", "finished", "placed"])
def test_a_folder_of_a_killed_worker_is_swept(
    context: JobContext, library: Path, write_ladder: Callable[[Path], None], gets_as_far_as: str
) -> None:
    draft = context.draft_folder(LADDER)
    write_ladder(draft)
    if gets_as_far_as != "draft":
        context.finish_folder(draft, LADDER)
    if gets_as_far_as == "placed":
        context.files.place()
    assert files(library)
    silent(Job.objects.get(pk=context.job_id))

    reaper.reap()

    assert files(library) == []
    assert Job.objects.get(pk=context.job_id).drafts == []


def test_a_link_in_a_folder_is_removed_and_not_followed(context: JobContext, library: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "precious").write_text("somebody's")
    draft = context.draft_folder(LADDER)
    (draft / "link").symlink_to(tmp_path / "elsewhere")

    context.files.drop()

    assert not draft.exists()
    assert (tmp_path / "elsewhere" / "precious").exists()
