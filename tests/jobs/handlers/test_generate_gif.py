from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image, ImageSequence

from jobs import services
from jobs.failures import JobFailed
from jobs.handlers.generate_gif import _fitting
from jobs.models import Job
from media_library.ffmpeg.commands.gif import Animation
from media_library.models import Derivation, Video
from tests.conftest import Clips
from tests.jobs.handlers.conftest import one_colour
from tests.jobs.running import run_to_the_end

pytestmark = pytest.mark.django_db


def gif(video: Video, **params: float | str | bool) -> Job:
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


def test_a_video_that_breaks_off_leaves_no_gif(video: Video, library: Path, clips: Clips) -> None:
    """ffmpeg ends well on it: only a look at the output tells."""
    whole = clips.make(duration=30.0, rate="5", extra=("-g", "5", "-movflags", "+faststart")).read_bytes()
    half = len(whole) // 2
    video.absolute_path.write_bytes(whole[:half] + bytes(len(whole) - half))

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


def test_it_is_no_larger_and_no_smoother_than_the_video(video: Video) -> None:
    job = gif(video, duration=0.5, width=1920, fps=50)

    assert job.result is not None, job.log
    assert (job.result["width"], job.result["fps"]) == (320, 25)


def test_it_knows_what_it_was_made_from(video: Video) -> None:
    job = gif(video, inPoint=0.5, duration=2, width=64, fps=5)

    made = Derivation.objects.get(source=video)
    assert job.result is not None
    assert (made.derived_id, made.in_point, made.out_point) == (job.result["videoId"], 0.5, 2.5)
    assert (made.order, made.job_id, made.job_type) == (0, job.pk, "generate_gif")


def test_what_comes_of_a_private_video_is_private(video: Video) -> None:
    Video.objects.update(directory_type="private")

    job = gif(video, duration=0.5, width=64, fps=5)

    assert job.result is not None, job.log
    assert Video.objects.get(pk=job.result["videoId"]).directory_type == "private"


@pytest.mark.parametrize(("part", "fps", "width"), [(0.75, range(8, 16), range(320, 321)), (0.2, range(8, 9), range(64, 320))])
def test_a_budget_is_met_by_fewer_pictures_then_by_smaller_ones(video: Video, part: float, fps: range, width: range) -> None:
    free = gif(video, duration=2, width=320, fps=16)
    assert free.result is not None, free.log

    job = gif(video, duration=2, width=320, fps=16, maxBytes=int(free.result["size"] * part))

    assert job.result is not None, job.log
    assert 0.85 * part <= job.result["size"] / free.result["size"] <= part
    assert job.result["fps"] in fps
    assert job.result["width"] in width
    assert Video.objects.get(pk=job.result["videoId"]).duration_seconds == 2


def test_a_budget_that_nothing_meets_says_what_would_help(video: Video) -> None:
    job = gif(video, duration=3, width=320, fps=25, maxBytes=10_000)

    assert (job.status, job.error_class) == (Job.Status.FAILED, "over_budget"), job.log
    assert "shorter part" in job.suggestion


def test_a_budget_that_only_the_smallest_picture_meets_is_met() -> None:
    assert _fitting(Animation(width=1920, fps=8), 10_500, lambda animation: 9_000 + 20 * animation.width).width == 64


def test_no_budget_makes_a_tiny_picture_larger() -> None:
    with pytest.raises(JobFailed, match="Even 40 pixels wide"):
        _fitting(Animation(width=40, fps=8), 10_000, lambda animation: 20_000 - animation.width)


def test_a_dry_run_shows_what_it_would_be_and_leaves_no_file(video: Video, library: Path) -> None:
    job = gif(video, inPoint=0.5, duration=2, width=320, fps=10, dryRun=True)
    real = gif(video, inPoint=0.5, duration=2, width=320, fps=10)

    assert job.result is not None and real.result is not None, job.log
    assert (job.result["inPoint"], job.result["duration"], job.result["width"], job.result["fps"]) == (0.5, 2.0, 320, 10)
    assert job.result["estimatedSize"] == pytest.approx(real.result["size"], rel=0.2)
    assert [shown["time"] for shown in job.result["thumbnails"]] == [0.75, 1.25, 1.75, 2.25]
    assert all(shown["picture"].startswith("data:image/jpeg;base64,") for shown in job.result["thumbnails"])
    assert [path.name for path in (library / "gifs").iterdir()] == [Path(real.outputs[0]["path"]).name]


def test_an_animated_webp_is_smaller_and_stays_a_file(video: Video, library: Path) -> None:
    drawn = gif(video, duration=2, width=160, fps=10)
    job = gif(video, duration=2, width=160, fps=10, format="webp")

    assert job.result is not None and drawn.result is not None, (job.error, job.log)
    assert job.result["size"] < 0.7 * drawn.result["size"]
    assert "videoId" not in job.result
    with Image.open(library / job.result["path"]) as picture:
        frames = [frame.copy() for frame in ImageSequence.Iterator(picture)]
        assert (picture.format, picture.size, len(frames)) == ("WEBP", (160, 90), 20)


def test_a_webp_of_what_stands_still_is_a_still_picture(clips: Clips, film: Callable[[Path], Video], library: Path) -> None:
    job = gif(film(one_colour(clips, "red", duration=3.0)), duration=3, format="webp")

    assert job.result is not None, (job.error, job.log)
    with Image.open(library / job.result["path"]) as picture:
        assert picture.format == "WEBP"


def test_a_webp_meets_its_budget_too(video: Video, library: Path) -> None:
    job = gif(video, duration=2, width=320, fps=16, format="webp", maxBytes=20_000)

    assert job.result is not None, (job.error, job.log)
    assert 0.85 * 20_000 <= (library / job.result["path"]).stat().st_size <= 20_000
