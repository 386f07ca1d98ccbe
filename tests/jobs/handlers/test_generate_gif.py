from __future__ import annotations

from pathlib import Path

import pytest

from jobs import services
from jobs.models import Job
from media_library.ffmpeg import commands
from media_library.ffmpeg.commands import GifPart
from media_library.models import Video
from tests.conftest import Clips
from tests.jobs.running import run_to_the_end

pytestmark = pytest.mark.django_db


def gif(video: Video, **params: float) -> Job:
    return run_to_the_end(services.submit("generate_gif", {"videoId": video.pk, **params}))


def test_it_makes_a_gif_that_the_library_knows(video: Video, library: Path) -> None:
    job = gif(video, inPoint=0.5, duration=2, width=160, fps=10)

    assert (job.status, job.error) == (Job.Status.COMPLETED, ""), job.log
    assert job.result is not None
    made = Video.objects.get(pk=job.result["videoId"])
    assert (made.path, made.directory_type, made.video_codec) == (job.outputs[0]["path"], "gifs", "gif")
    assert (made.width, made.height, made.duration_seconds, made.title) == (160, 90, 2, str(video))
    assert (library / made.path).stat().st_size == made.file_size == job.result["size"]


def test_nothing_but_the_gif_is_left(video: Video, library: Path) -> None:
    job = gif(video, duration=1, width=64, fps=5)

    assert [path.name for path in (library / "gifs").iterdir()] == [Path(job.outputs[0]["path"]).name]
    assert job.drafts == []


def test_the_part_ends_where_the_video_ends(video: Video) -> None:
    job = gif(video, inPoint=1, duration=60, width=64, fps=5)

    assert job.status == Job.Status.COMPLETED, job.error
    assert Video.objects.get(directory_type="gifs").duration_seconds == 2


def test_a_part_after_the_end_is_refused_with_what_to_do(video: Video) -> None:
    job = gif(video, inPoint=9)

    assert (job.status, job.error_class, job.suggestion) == (Job.Status.FAILED, "nothing_to_cut", "Choose an earlier inPoint.")


def test_a_video_that_is_shorter_than_the_library_knows_leaves_no_gif(video: Video, library: Path, clips: Clips) -> None:
    """ffmpeg ends well on it: only a look at the output tells."""
    video.absolute_path.write_bytes(clips.plain.read_bytes())  # one second
    Video.objects.update(duration_seconds=30)

    job = gif(video, duration=20, width=64, fps=5)

    assert (job.status, job.error_class) == (Job.Status.FAILED, "bad_output"), job.log
    assert "instead of 20.0 s" in job.error
    assert list((library / "gifs").iterdir()) == []


def test_a_damaged_file_fails_for_good(video: Video) -> None:
    video.absolute_path.write_bytes(b"no video at all")

    job = gif(video)

    assert (job.status, job.error_class) == (Job.Status.FAILED, "unreadable_media")


def test_a_playlist_in_disguise_is_refused(video: Video, library: Path, clips: Clips) -> None:
    (library / "secret.mp4").write_bytes(clips.plain.read_bytes())
    video.absolute_path.write_text(f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nfile://{library}/secret.mp4\n#EXT-X-ENDLIST\n")

    job = gif(video)

    assert (job.status, job.error_class) == (Job.Status.FAILED, "unreadable_media")


def test_a_link_in_the_place_of_the_file_is_not_followed(video: Video, clips: Clips) -> None:
    video.absolute_path.unlink()
    video.absolute_path.symlink_to(clips.plain)

    job = gif(video)

    assert (job.status, job.error_class) == (Job.Status.FAILED, "file_missing")


def test_the_command_names_its_files_so_that_no_name_is_an_option_or_a_protocol() -> None:
    part = GifPart(in_point=1.0, duration=2.0, width=320, fps=12)

    arguments = commands.gif(Path("/library/-rf.mp4"), Path("/library/.p.png"), Path("/library/http:x.gif"), part)

    assert arguments[-1] == "file:/library/http:x.gif"
    assert [arguments[index + 1] for index, name in enumerate(arguments) if name == "-i"] == [
        "file:/library/-rf.mp4",
        "file:/library/.p.png",
    ]
    assert arguments[arguments.index("-protocol_whitelist") + 1] == "file"
    assert "paletteuse" in arguments[arguments.index("-filter_complex") + 1]
