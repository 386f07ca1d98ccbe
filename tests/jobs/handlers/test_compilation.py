from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import av
import pytest

from jobs import services
from jobs.models import Job
from media_library.models import Compilation, Derivation, Video
from media_library.scanner import scan
from tests.conftest import Clips, aged
from tests.jobs.handlers.conftest import one_colour, still_screen, three_colours
from tests.jobs.handlers.looking import BLUE, GREEN, RED, Seen, look, peak, strongest
from tests.jobs.running import run_to_the_end
from tests.media_library.ffmpeg.test_probe import TURN_LEFT, with_matrix

pytestmark = pytest.mark.django_db


def compiled(*clips: dict[str, object], **params: object) -> Job:
    return run_to_the_end(services.submit("compilation", {"clips": list(clips), **params}))


def part(video: Video, in_point: float, out_point: float, **more: object) -> dict[str, object]:
    return {"videoId": video.pk, "inPoint": in_point, "outPoint": out_point, **more}


def made(job: Job) -> Video:
    assert job.status == Job.Status.COMPLETED and job.result is not None, (job.error, job.log)
    return Video.objects.get(pk=job.result["videoId"])


def seen(job: Job) -> Seen:
    return look(made(job).absolute_path)


@pytest.fixture
def upright(clips: Clips, film: Callable[[Path], Video], tmp_path: Path) -> Video:
    """A second of a phone's video, 50 × 90 as shown, lime, 30000/1001 pictures a second, without sound."""
    flat = one_colour(clips, "lime", size="90x50", rate="30000/1001")
    return film(with_matrix(flat, tmp_path / "upright.mp4", TURN_LEFT))


def test_parts_follow_each_other_in_the_order_given(traffic: Video) -> None:
    job = compiled(part(traffic, 2, 3), part(traffic, 0, 1), part(traffic, 1, 2))

    movie = seen(job)
    assert [strongest(colour) for colour in movie.colours] == [*[BLUE] * 25, *[RED] * 25, *[GREEN] * 25]
    assert max(abs(after - before - 0.04) for before, after in pairwise(movie.picture_times)) < 0.001
    assert (movie.width, movie.height, movie.codec, movie.profile, movie.audio_codec) == (160, 90, "h264", "High", "aac")
    assert movie.is_faststart


def test_what_stands_still_is_shown_until_it_changes_in_step_with_the_sound(clips: Clips, film: Callable[[Path], Video]) -> None:
    colours = [
        f"color={colour}:size=160x90:rate=25:duration={seconds}[{colour}]" for colour, seconds in (("red", 4), ("blue", 1), ("lime", 1))
    ]
    changing = ";".join([*colours, "[red][blue][lime]concat=3"])
    rare = ("-vf", "select='lt(n,25)+gte(n,100)'", "-fps_mode", "vfr", "-c:v", "libx264", "-bf", "0", "-pix_fmt", "yuv420p")
    screen = film(clips.run("screen.mp4", "-f", "lavfi", "-i", changing, *rare))

    movie = seen(compiled(part(screen, 2, 6), frameRate=25))

    assert [strongest(colour) for colour in movie.colours] == [*[RED] * 50, *[BLUE] * 25, *[GREEN] * 25]


@pytest.mark.parametrize("transition", ["cut", "crossfade"])
def test_parts_in_which_nothing_moves_are_as_long_as_others(
    clips: Clips, film: Callable[[Path], Video], traffic: Video, transition: str
) -> None:
    screen = film(still_screen(clips, "-f", "lavfi", "-i", "sine=duration=6", "-map", "1:a", "-c:a", "aac"))

    job = compiled(part(screen, 2, 3), part(traffic, 2, 3), part(screen, 1.5, 2.5), transition=transition, transitionLength=0.4)

    movie = seen(job)
    shown = [strongest(colour) for colour in movie.colours]
    assert len(shown) == (75 if transition == "cut" else 55)
    assert [shown[place] for place in (0, 12, 27, -12, -1)] == [RED, RED, BLUE, RED, RED]
    assert movie.sound_end == pytest.approx(len(shown) / 25, abs=0.04)


def test_sound_is_as_long_as_the_pictures_after_many_parts(traffic: Video, upright: Video) -> None:
    clips: list[dict[str, object]] = [part(traffic, 0.3, 0.633), {"videoId": upright.pk, "outPoint": 0.4}] * 5

    movie = seen(compiled(*clips))

    assert movie.duration == pytest.approx(10 * 0.3665, abs=0.2)
    assert movie.sound_start == pytest.approx(0, abs=0.03)
    assert movie.sound_end == pytest.approx(movie.picture_times[-1] + 1001 / 30000, abs=0.04)


def test_a_crossfade_mixes_both_and_makes_the_whole_shorter(traffic: Video) -> None:
    job = compiled(part(traffic, 0, 1), part(traffic, 2, 3), transition="crossfade", transitionLength=0.4)

    movie = seen(job)
    assert len(movie.colours) == 40
    assert movie.sound_end == pytest.approx(1.6, abs=0.04)
    assert [strongest(colour) for colour in movie.colours[:15]] == [RED] * 15
    assert [strongest(colour) for colour in movie.colours[-15:]] == [BLUE] * 15
    red, _, blue = movie.colours[20]
    assert 60 < red < 190 and 60 < blue < 190


def test_a_crossfade_takes_at_most_half_of_a_clip(traffic: Video) -> None:
    job = compiled(*[part(traffic, 0, 0.4)] * 3, transition="crossfade", transitionLength=5)

    assert len(seen(job).colours) == 20


def test_another_shape_stands_whole_between_bars_or_on_itself_blurred(traffic: Video, upright: Video) -> None:
    barred = made(compiled({"videoId": upright.pk}, width=160, height=90))
    blurred = made(compiled({"videoId": upright.pk}, width=160, height=90, fill="blur"))

    assert (barred.width, barred.height) == (160, 90)
    assert max(corner(barred)) < 40
    assert strongest(corner(blurred)) == GREEN and max(corner(blurred)) > 100
    assert strongest(look(barred.absolute_path).colours[0]) == GREEN


def corner(video: Video) -> tuple[int, int, int]:
    with av.open(str(video.absolute_path)) as container:
        red, green, blue = bytes(next(container.decode(video=0)).reformat(format="rgb24").planes[0])[:3]
    return red, green, blue


def test_the_size_is_that_of_the_largest_turned_as_most_are(traffic: Video, upright: Video) -> None:
    assert (seen(compiled({"videoId": upright.pk}, {"videoId": upright.pk}, part(traffic, 0, 1)))).width == 50


def test_each_part_has_a_chapter_with_its_title(traffic: Video) -> None:
    title = "It's 100%: a=b;c#\\ 'x' [0:v]"
    job = compiled(part(traffic, 0, 1, title=title), part(traffic, 1, 3))

    with av.open(str(made(job).absolute_path)) as container:
        chapters = [(chapter["start"] * (chapter["time_base"] or 0), chapter["metadata"]["title"]) for chapter in container.chapters()]
    assert chapters == [(0, title), (1, str(traffic))]


def test_title_cards_stand_before_their_parts(traffic: Video) -> None:
    job = compiled(part(traffic, 0, 1, title="%{n}':drawtext=text=x"), part(traffic, 2, 3), titleCards=True, cardLength=1)

    movie = seen(job)
    assert len(movie.colours) == 100
    assert strongest(movie.colours[30]) == RED and strongest(movie.colours[80]) == BLUE
    assert max(movie.colours[5]) - min(movie.colours[5]) < 30  # of no colour


def test_loud_and_soft_parts_are_brought_to_one_loudness(clips: Clips, film: Callable[[Path], Video]) -> None:
    soft, loud = (
        film(
            clips.run(
                f"{name}.mp4", "-f", "lavfi", "-i", "color=red:size=64x64:rate=25:duration=2", "-f", "lavfi", "-i",
                f"sine=frequency=440:duration=2,volume={volume}", "-c:a", "aac",
            )
        )
        for name, volume in (("soft", 0.05), ("loud", 2.0))
    )  # fmt: skip

    job = compiled({"videoId": soft.pk}, {"videoId": loud.pk}, matchLoudness=True)

    movie = made(job).absolute_path
    assert peak(movie, 1, 1.5) == pytest.approx(peak(movie, 3, 3.5), rel=0.2)


HDR = {
    transfer: ("-vf", f"setparams=color_primaries=bt2020:color_trc={transfer}:colorspace=bt2020nc")
    for transfer in ("smpte2084", "arib-std-b67")
}
X265_10 = ("-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=none", "-pix_fmt", "yuv420p10le")


@pytest.mark.parametrize("transfer", HDR)
@pytest.mark.parametrize("type", ["compilation", "compile_side_by_side"])
def test_high_dynamic_range_becomes_standard_by_light(clips: Clips, film: Callable[[Path], Video], type: str, transfer: str) -> None:
    grey = ("-f", "lavfi", "-i", "color=gray:size=160x90:rate=25:duration=0.4")
    video = film(clips.run(f"{transfer}.mkv", *grey, *X265_10, *HDR[transfer]))

    job = run_to_the_end(services.submit(type, {"clips": [part(video, 0, 0.4)] * 2}))

    movie = seen(job)
    assert movie.pixel_format == "yuv420p"
    red, green, blue = movie.colours[0]
    assert min(red, green, blue) > (150 if transfer == "smpte2084" else 100) and max(red, green, blue) - min(red, green, blue) < 12


def flashes(clips: Clips, name: str, *, size: str, rate: str, options: tuple[str, ...], graph: str = "", channels: str = "stereo") -> Path:
    """Two seconds, black and silent but for the fourth quarter of each: then it is white, and beeps."""
    now = "gte(mod(t\\,1)\\,0.75)"
    pictures = f"color=black:size={size}:rate={rate}:duration=2,drawbox=c=white:t=fill:enable='{now}'{graph}"
    sound = f"aevalsrc=0.5*sin(880*2*PI*t)*{now}:duration=2,aformat=channel_layouts={channels}"
    return clips.run(name, "-f", "lavfi", "-i", pictures, "-f", "lavfi", "-i", sound, *options)


def test_sound_is_in_step_at_the_end_of_ten_clips_of_every_kind(clips: Clips, film: Callable[[Path], Video], tmp_path: Path) -> None:
    plain = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p")
    stuttering = ",setpts='if(lt(mod(N,10),5),N,N+0.4)/30/TB'"
    surround = flashes(clips, "surround.mkv", size="160x90", rate="24000/1001", options=(*plain, "-c:a", "ac3"), channels="5.1")
    vfr = ("-fps_mode", "vfr", "-enc_time_base", "1/1000")
    variable = flashes(clips, "variable.mkv", size="98x54", rate="30", graph=stuttering, options=(*plain, "-c:a", "aac", *vfr))
    odd = flashes(clips, "odd.mkv", size="161x91", rate="25", options=("-c:v", "libx264", "-pix_fmt", "yuv444p", "-c:a", "libopus"))
    turned = with_matrix(
        flashes(clips, "flat.mp4", size="90x50", rate="30", options=(*plain, "-c:a", "aac")), tmp_path / "turned.mp4", TURN_LEFT
    )
    silent = clips.make(name="silent.mp4", picture="color", size="64x36", duration=2.0, rate="50")
    videos = [film(clip) for clip in (surround, variable, odd, turned, silent)]

    job = compiled(*[part(video, 0, 2) for video in (*videos, videos[4], *reversed(videos[:4]))])

    movie = made(job)
    shown = look(movie.absolute_path)
    assert (shown.audio_codec, shown.channels) == ("aac", 2)
    flash = next(time for time, colour in zip(shown.picture_times, shown.colours, strict=True) if time > 19.5 and min(colour) > 128)
    assert beep_after(movie.absolute_path, 19.5) == pytest.approx(flash, abs=0.04)
    assert shown.sound_end == pytest.approx(shown.picture_times[-1] + 1 / 50, abs=0.04)
    assert max(line.count(" -i ") for line in (job.log or "").splitlines()) == 2  # so memory does not grow with the number of clips


def beep_after(path: Path, second: float) -> float:
    """When it is loud for the first time from a second on."""
    resampler = av.AudioResampler(format="s16", layout="mono")
    with av.open(str(path)) as container:
        for frame in container.decode(audio=0):
            for sound in resampler.resample(frame):
                samples = memoryview(bytes(sound.planes[0])[: sound.samples * 2]).cast("h")
                for number, sample in enumerate(samples):
                    at = float(frame.time or 0) + number / sound.sample_rate
                    if at >= second and abs(sample) > 3000:
                        return at
    raise AssertionError("nothing is to be heard")


def test_parts_without_sound_make_a_compilation_without_sound(upright: Video) -> None:
    assert seen(compiled({"videoId": upright.pk}, {"videoId": upright.pk})).audio_codec is None


@pytest.mark.parametrize("is_dry", [False, True])
def test_a_file_that_ends_before_its_part_is_named_instead_of_shown_as_a_still(
    traffic: Video, clips: Clips, film: Callable[[Path], Video], is_dry: bool
) -> None:
    video = film(clips.make(name="half.mkv", size="64x36", duration=8, codec=("-c:v", "mpeg4", "-g", "5")))
    whole = video.absolute_path.read_bytes()
    video.absolute_path.write_bytes(whole[: len(whole) // 2])

    job = compiled(part(traffic, 0, 1), part(video, 0, 8), dryRun=is_dry)

    assert (job.status, job.error_class) == (Job.Status.FAILED, "unreadable_media"), job.log
    assert f"{video} (id {video.pk}): It ends after" in job.error
    assert made(compiled(part(video, 0, 2))).duration_seconds == 2


def test_it_is_kept_with_what_makes_it_again(traffic: Video) -> None:
    job = compiled(part(traffic, 0, 1), part(traffic, 2, 3), title="Both ends", transition="crossfade", transitionLength=0.2)

    video = made(job)
    compilation = Compilation.objects.get()
    assert (compilation.path, compilation.filename) == (video.path, video.filename)
    assert (compilation.duration_seconds, compilation.video_ids) == (2, [traffic.pk, traffic.pk])
    again = services.submit(compilation.settings["type"], compilation.settings["params"])
    assert look(made(run_to_the_end(again)).absolute_path).duration == look(video.absolute_path).duration
    cuts = Derivation.objects.filter(derived=video).values_list("source_id", "in_point", "out_point")
    assert list(cuts) == [(traffic.pk, 0, 1), (traffic.pk, 2, 3)]
    assert (video.title, video.directory_type) == ("Both ends", "compilations")


def test_a_dry_run_shows_what_would_be_joined_and_makes_nothing(traffic: Video, library: Path) -> None:
    job = compiled(part(traffic, 0, 1), part(traffic, 1, 3), transition="crossfade", transitionLength=0.4, titleCards=True, dryRun=True)

    assert job.result is not None, (job.error, job.log)
    assert job.result["duration"] == pytest.approx(3 + 4 - 3 * 0.4, abs=0.01)
    assert [(clip["inPoint"], clip["outPoint"], len(clip["thumbnails"])) for clip in job.result["clips"]] == [(0, 1, 4), (1, 3, 4)]
    assert all(shown["picture"].startswith("data:image/jpeg") for clip in job.result["clips"] for shown in clip["thumbnails"])
    assert not list((library / "compilations").glob("*.mp4")) and not Compilation.objects.exists()


def test_what_comes_of_a_private_video_stays_private(traffic: Video, library: Path, clips: Clips) -> None:
    place = library / "private" / "mine.mp4"
    place.parent.mkdir()
    place.write_bytes(three_colours(clips, name="mine.mp4").read_bytes() + b"\0\0\0\x08free")
    aged(place)
    scan(library, workers=1)

    job = compiled(part(traffic, 0, 1), part(Video.objects.get(filename="mine.mp4"), 0, 1))

    assert made(job).path.startswith("private/compilations/")


def test_more_clips_than_it_takes_are_refused_when_it_is_submitted(traffic: Video) -> None:
    with pytest.raises(services.Refused, match="at most 200"):
        services.submit("compilation", {"clips": [part(traffic, 0, 1)] * 201})


def test_a_part_after_the_end_of_a_video_fails_naming_it(traffic: Video) -> None:
    job = compiled(part(traffic, 0, 1), part(traffic, 7, 8))

    assert (job.status, job.error_class) == (Job.Status.FAILED, "nothing_to_cut")
    assert str(traffic.pk) in (job.error or "")


def test_only_the_compilation_itself_is_left_behind(traffic: Video, library: Path) -> None:
    video = made(compiled(part(traffic, 0, 1), part(traffic, 1, 2), titleCards=True))

    assert [path.name for path in (library / "compilations").iterdir()] == [video.filename]
