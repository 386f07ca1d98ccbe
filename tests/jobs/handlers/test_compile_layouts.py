from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import av
import pytest

from jobs import services
from jobs.models import Job
from media_library.models import Compilation, Derivation, Video
from tests.conftest import Clips
from tests.jobs.handlers.conftest import one_colour
from tests.jobs.handlers.looking import BLUE, GREEN, RED, look, peak, strongest
from tests.jobs.running import run_to_the_end

pytestmark = pytest.mark.django_db


def compiled(type: str, *clips: dict[str, object], **params: object) -> Job:
    return run_to_the_end(services.submit(type, {"clips": list(clips), **params}))


def part(video: Video, in_point: float, out_point: float) -> dict[str, object]:
    return {"videoId": video.pk, "inPoint": in_point, "outPoint": out_point}


def made(job: Job) -> Video:
    assert job.status == Job.Status.COMPLETED and job.result is not None, (job.error, job.log)
    return Video.objects.get(pk=job.result["videoId"])


def places(video: Video, *, columns: int, rows: int, at: int = 0) -> list[int]:
    """The strongest channel in the middle of each place, row by row, of the picture `at`."""
    with av.open(str(video.absolute_path)) as container:
        picture = list(container.decode(video=0))[at].reformat(width=columns * 16, height=rows * 16, format="rgb24")
    plane = picture.planes[0]
    data = bytes(plane)
    found = []
    for row in range(rows):
        for column in range(columns):
            start = (row * 16 + 8) * plane.line_size + (column * 16 + 8) * 3
            red, green, blue = data[start : start + 3]
            found.append(strongest((red, green, blue)))
    return found


@pytest.mark.parametrize(
    ("type", "columns", "rows"), [("compile_quad", 2, 2), ("compile_quad_horizontal", 4, 1), ("compile_quad_vertical", 1, 4)]
)
def test_four_stand_in_their_places_even_of_one_video(type: str, columns: int, rows: int, traffic: Video) -> None:
    job = compiled(type, part(traffic, 0, 0.5), part(traffic, 1, 1.5), part(traffic, 2, 2.5), part(traffic, 0, 0.5))

    video = made(job)
    assert (video.width, video.height) == (160 * columns, 90 * rows)
    assert places(video, columns=columns, rows=rows) == [RED, GREEN, BLUE, RED]


def test_the_whole_is_as_long_as_the_shortest(traffic: Video) -> None:
    video = made(compiled("compile_side_by_side", part(traffic, 0, 1), part(traffic, 1, 3)))

    assert len(look(video.absolute_path).colours) == 25
    assert (video.width, video.height, video.directory_type) == (320, 90, "compilations")


def test_the_last_picture_stands_until_the_longest_ends(traffic: Video) -> None:
    video = made(compiled("compile_side_by_side", part(traffic, 0, 0.4), part(traffic, 1, 3), length="longest"))

    assert places(video, columns=2, rows=1, at=49) == [RED, BLUE]
    assert look(video.absolute_path).sound_end == pytest.approx(2, abs=0.04)
    assert peak(video.absolute_path, 1.0) < 100 < peak(video.absolute_path, 0.1, 0.3)  # nothing to hear beside what stands


def test_what_has_ended_begins_again_with_its_sound(traffic: Video) -> None:
    clips = part(traffic, 0.8, 1.2), part(traffic, 1, 3)
    video = made(compiled("compile_side_by_side", *clips, length="longest", ended="loop"))

    seen = [places(video, columns=2, rows=1, at=at)[0] for at in range(50)]
    assert seen == [*[RED] * 5, *[GREEN] * 5] * 5
    assert look(video.absolute_path).sound_end == pytest.approx(2, abs=0.04)
    assert peak(video.absolute_path, 1.7, 1.9) > 1000


def test_a_given_length_holds_for_all(traffic: Video) -> None:
    job = compiled("compile_side_by_side", part(traffic, 0, 1), part(traffic, 1, 3), duration=1.6, ended="loop")

    assert len(look(made(job).absolute_path).colours) == 40


def test_sound_comes_from_one_from_all_or_from_none(clips: Clips, film: Callable[[Path], Video], traffic: Video) -> None:
    silent = film(one_colour(clips, "red", size="90x160", rate="30"))
    pair = part(silent, 0, 1), part(traffic, 0, 1)
    choices: dict[str, dict[str, object]] = {"first": {}, "second": {"soundFrom": 2}, "all": {"sound": "mixed"}, "none": {"sound": "none"}}

    heard = {
        name: look(made(compiled("compile_side_by_side", *pair, **params)).absolute_path).audio_codec for name, params in choices.items()
    }

    assert heard == {"first": None, "second": "aac", "all": "aac", "none": None}


def test_a_place_that_is_not_there_is_refused_when_it_is_submitted(traffic: Video) -> None:
    with pytest.raises(services.Refused, match="no place 3"):
        services.submit("compile_side_by_side", {"clips": [part(traffic, 0, 1)] * 2, "soundFrom": 3})


@pytest.mark.parametrize("count", [3, 5])
def test_four_are_four(count: int, traffic: Video) -> None:
    with pytest.raises(services.Refused, match="4 items"):
        services.submit("compile_quad", {"clips": [part(traffic, 0, 1)] * count})


def test_it_is_kept_with_what_makes_it_again(traffic: Video) -> None:
    video = made(compiled("compile_side_by_side", part(traffic, 0, 1), part(traffic, 1, 3), title="Both"))

    compilation = Compilation.objects.get(path=video.path)
    assert (compilation.settings["type"], compilation.video_ids) == ("compile_side_by_side", [traffic.pk, traffic.pk])
    services.submit(compilation.settings["type"], compilation.settings["params"])
    cuts = Derivation.objects.filter(derived=video).values_list("in_point", "out_point")
    assert (list(cuts), video.title) == ([(0, 1), (1, 2)], "Both")


def test_a_dry_run_shows_what_would_be_seen(traffic: Video) -> None:
    job = compiled("compile_side_by_side", part(traffic, 0, 1), part(traffic, 1, 3), dryRun=True)

    assert job.result is not None, (job.error, job.log)
    assert (job.result["duration"], job.result["width"], len(job.result["clips"])) == (1.0, 320, 2)
    assert not Compilation.objects.exists()
