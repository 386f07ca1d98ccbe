from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest
from pytest_django import DjangoCaptureOnCommitCallbacks

from jobs import runner, services
from jobs.heartbeat import Pulse
from jobs.models import Job
from media_library.models import Derivation, Rendition, Video
from tests.conftest import X264, Clips
from tests.jobs.handlers.conftest import three_colours
from tests.jobs.handlers.looking import BLUE, GREEN, RED, Seen, keyframe_times, look, peak, strongest
from tests.jobs.running import claim, run_to_the_end
from tests.media_library.ffmpeg.test_probe import TURN_LEFT, with_matrix

pytestmark = pytest.mark.django_db

Film = Callable[[Path], Video]
X265 = ("-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=none")
HDR = ("-vf", "setparams=color_primaries=bt2020:color_trc=smpte2084:colorspace=bt2020nc")


def reencode(video: Video, **params: object) -> Job:
    return run_to_the_end(services.submit("reencode_streaming", {"videoId": video.pk, **params}))


def made(job: Job) -> Video:
    assert job.result is not None, (job.error, job.log)
    return Video.objects.get(pk=job.result["videoId"])


def plays_everywhere(seen: Seen) -> bool:
    return (seen.codec, seen.pixel_format, seen.profile, seen.rotation, seen.is_faststart) == ("h264", "yuv420p", "High", 0, True)


def test_what_no_browser_plays_becomes_what_every_browser_plays(clips: Clips, film: Film) -> None:
    source = three_colours(clips, name="old.avi", video=("-c:v", "mpeg4", "-q:v", "3"))

    job = reencode(film(source))

    seen = look(made(job).absolute_path)
    assert plays_everywhere(seen)
    assert (seen.width, seen.height, seen.audio_codec) == (160, 90, "aac")
    assert seen.duration == pytest.approx(3, abs=0.1)
    assert [strongest(seen.colours[place]) for place in (5, 37, 70)] == [RED, GREEN, BLUE]
    assert seen.sound_end == pytest.approx(seen.picture_times[-1] + 0.04, abs=0.08)
    assert job.result is not None and job.result["action"] == "encoded"
    assert (made(job).directory_type, made(job).is_faststart) == ("playback", True)


def test_it_is_a_rendition_of_its_video_and_knows_it(traffic: Video) -> None:
    job = reencode(traffic, alwaysEncode=True)

    rendition = Rendition.objects.get(video=traffic)
    assert (rendition.kind, rendition.encoded_id, rendition.height) == ("mp4", made(job).pk, 90)
    assert rendition.size == made(job).file_size
    assert Derivation.objects.get(derived=made(job)).source_id == traffic.pk


def test_a_second_encode_takes_the_place_of_the_first(traffic: Video) -> None:
    reencode(traffic, alwaysEncode=True)
    second = reencode(traffic, alwaysEncode=True)

    assert Rendition.objects.get(video=traffic).encoded_id == made(second).pk


class ReplacedMeanwhile(Pulse):
    """A scan finds another file in the place of each video while the job runs."""

    def report(self, progress: float, speed: float | None = None) -> None:
        Video.objects.filter(made_from=None).update(file_size=1)
        super().report(progress, speed)


@pytest.mark.parametrize("ladder", [False, True])
def test_what_was_encoded_of_a_file_that_has_been_replaced_is_shown_to_nobody(traffic: Video, library: Path, *, ladder: bool) -> None:
    job = services.submit("reencode_streaming", {"videoId": traffic.pk, "alwaysEncode": True, "ladder": ladder})
    lease = claim(job)

    runner.perform(lease, ReplacedMeanwhile(lease, claimed_at=time.monotonic()))

    job.refresh_from_db()
    assert (job.status, job.error_class) == (Job.Status.PENDING, "file_changed"), job.log
    assert not Rendition.objects.exists()
    assert list((library / "playback").iterdir()) == []


def test_streams_that_play_everywhere_are_only_put_into_another_file(clips: Clips, film: Film) -> None:
    source = three_colours(clips, name="fine.mkv")

    job = reencode(film(source))

    assert job.result is not None and job.result["action"] == "remuxed", job.log
    assert "libx264" not in (job.log or "")
    seen = look(made(job).absolute_path)
    assert plays_everywhere(seen)
    assert [strongest(seen.colours[place]) for place in (5, 37, 70)] == [RED, GREEN, BLUE]
    assert seen.sound_end == pytest.approx(3, abs=0.1)


def test_only_the_sound_is_encoded_where_only_the_sound_needs_it(clips: Clips, film: Film) -> None:
    surround = ("-af", "aformat=channel_layouts=5.1", "-c:a", "ac3")
    job = reencode(film(three_colours(clips, *surround, name="surround.mkv")))

    assert job.result is not None and job.result["action"] == "remuxed", job.log
    seen = look(made(job).absolute_path)
    assert (seen.audio_codec, seen.channels) == ("aac", 2)


def test_a_file_that_plays_everywhere_is_left_alone(clips: Clips, film: Film, library: Path) -> None:
    video = film(three_colours(clips, "-movflags", "+faststart"))

    job = reencode(video)

    assert (job.status, job.result) == (Job.Status.COMPLETED, {"action": "kept", "videoId": video.pk})
    assert not (library / "playback").exists()


def test_a_turned_video_of_an_odd_size_stands_upright_and_even(clips: Clips, film: Film, tmp_path: Path) -> None:
    clip = clips.make(name="turned.mp4", size="161x91", codec=("-c:v", "libx264", "-pix_fmt", "yuv444p"))

    job = reencode(film(with_matrix(clip, tmp_path / "turned.mp4", TURN_LEFT)))

    seen = look(made(job).absolute_path)
    assert plays_everywhere(seen)
    assert (seen.width, seen.height, seen.audio_codec) == (90, 160, None)


def test_pixels_that_are_not_square_are_squared_and_a_large_picture_is_reduced(clips: Clips, film: Film) -> None:
    clip = clips.make(name="wide.mkv", size="360x288", codec=("-c:v", "mpeg4"), extra=("-vf", "setsar=64/45"))

    job = reencode(film(clip), height=144)

    assert (made(job).width, made(job).height) == (256, 144)


def test_high_dynamic_range_becomes_standard_by_light_and_not_by_numbers(clips: Clips, film: Film) -> None:
    """A grey of 100 nits, half of what PQ's numbers reach, is white on a screen of standard range."""
    clip = clips.run("hdr.mkv", "-f", "lavfi", "-i", "color=gray:size=160x90:rate=25:duration=0.2", *X265, "-pix_fmt", "yuv420p10le", *HDR)

    job = reencode(film(clip))

    seen = look(made(job).absolute_path)
    assert plays_everywhere(seen)
    assert min(seen.colours[0]) > 150, seen.colours[0]


def test_a_variable_frame_rate_keeps_its_times(clips: Clips, film: Film) -> None:
    times = "setpts='if(lt(N,10),N/25,0.4+(N-10)/10)/TB'"
    clip = clips.make(
        name="phone.mkv",
        size="160x90",
        duration=1.0,
        codec=("-c:v", "mpeg4"),
        extra=("-vf", times, "-fps_mode", "vfr", "-enc_time_base", "1/1000"),
    )

    job = reencode(film(clip))

    assert look(made(job).absolute_path).picture_times == pytest.approx(look(clip).picture_times, abs=0.005)


def test_too_many_pictures_a_second_are_thinned_out(clips: Clips, film: Film) -> None:
    job = reencode(film(clips.make(name="fast.mkv", size="160x90", rate="120")))

    assert len(look(made(job).absolute_path).picture_times) == pytest.approx(60, abs=1)


def test_players_may_jump_every_four_seconds(clips: Clips, film: Film) -> None:
    clip = clips.make(name="long.avi", size="64x36", rate="10", duration=9, codec=("-c:v", "mpeg4"), picture="color")

    job = reencode(film(clip))

    times = keyframe_times(made(job).absolute_path)
    assert max(after - before for before, after in pairwise(times)) <= 4.05


def test_loudness_is_brought_to_where_others_have_it(clips: Clips, film: Film) -> None:
    job = reencode(film(three_colours(clips, "-af", "volume=-30dB", name="quiet.mp4")), normaliseLoudness=True)

    assert job.result is not None and job.result["action"] == "remuxed", job.log
    assert peak(made(job).absolute_path) > 5 * peak(Video.objects.get(filename="quiet.mp4").absolute_path)


@pytest.mark.parametrize("params", [{}, {"alwaysEncode": True}, {"ladder": True}])
def test_sound_that_swells_keeps_its_shape_and_meets_the_loudness(
    clips: Clips, film: Film, library: Path, params: dict[str, bool], ffmpeg_binary: str
) -> None:
    """In one pass the filter would follow the sound, and make its soft beginning as loud as its end."""
    swell = "aevalsrc=0.1*sin(440*2*PI*t)*if(lt(t\\,3)\\,0.1\\,1):duration=6"
    pictures = "color=red:size=64x36:rate=5:duration=6"
    video = film(clips.run("swell.mkv", "-f", "lavfi", "-i", pictures, "-f", "lavfi", "-i", swell, *X264, "-c:a", "flac"))

    job = reencode(video, normaliseLoudness=True, **params)

    assert job.result is not None, (job.error, job.log)
    made = library / job.result["path"]
    heard = made / "36.m4s" if made.is_dir() else made
    assert peak(heard, 4, 5) / peak(heard, 1, 2) == pytest.approx(10, rel=0.15)
    assert loudness_of(heard, ffmpeg_binary) == pytest.approx(-16, abs=0.7)


def test_silence_is_made_no_louder(clips: Clips, film: Film) -> None:
    silence = ("-f", "lavfi", "-i", "color=red:size=64x36:rate=5:duration=2", "-f", "lavfi", "-i", "anullsrc=duration=2")
    job = reencode(film(clips.run("silence.mkv", *silence, *X264, "-c:a", "flac")), normaliseLoudness=True)

    assert peak(made(job).absolute_path) == 0


def loudness_of(path: Path, ffmpeg: str) -> float:
    """LUFS."""
    command = [ffmpeg, "-nostdin", "-i", f"file:{path}", "-map", "0:a", "-af", "ebur128", "-f", "null", "-"]
    said = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stderr
    return float(re.findall(r"I: +(-?[0-9.]+) LUFS", said)[-1])


@pytest.mark.parametrize(("codec", "canonical"), [("hevc", "hevc"), ("av1", "av1")])
def test_smaller_codecs_are_made_but_not_shown_to_visitors(traffic: Video, codec: str, canonical: str) -> None:
    job = reencode(traffic, codec=codec)

    assert look(made(job).absolute_path).codec in (canonical, f"lib{canonical}")
    assert not Rendition.objects.exists()


def test_a_file_that_ends_too_early_leaves_nothing(clips: Clips, film: Film, library: Path) -> None:
    video = film(clips.make(name="whole.mkv", size="160x90", duration=8, codec=("-c:v", "mpeg4", "-g", "5")))
    whole = video.absolute_path.read_bytes()
    video.absolute_path.write_bytes(whole[: len(whole) // 2])

    job = reencode(video)

    assert (job.status, job.error_class) == (Job.Status.FAILED, "bad_output"), (job.error, job.log)
    assert list((library / "playback").iterdir()) == []


def test_a_ladder_has_the_sizes_that_the_video_has_with_keyframes_at_the_same_times(clips: Clips, film: Film, library: Path) -> None:
    clip = clips.make(name="hd.avi", size="854x480", rate="10", duration=9, codec=("-c:v", "mpeg4"), sound=True)
    video = film(clip)

    job = reencode(video, ladder=True)

    assert job.result is not None, (job.error, job.log)
    folder = library / job.result["path"]
    assert job.result["heights"] == [480, 360]
    assert sorted(path.name for path in folder.iterdir()) == ["360.m3u8", "360.m4s", "480.m3u8", "480.m4s", "master.m3u8"]
    assert 'RESOLUTION=854x480,FRAME-RATE=10.000,CODECS="avc1.64001e,mp4a.40.2"\n480.m3u8' in (folder / "master.m3u8").read_text()
    assert "#EXT-X-INDEPENDENT-SEGMENTS" in (folder / "master.m3u8").read_text()
    large, small = look(folder / "480.m4s"), look(folder / "360.m4s")
    assert (large.width, large.height, large.audio_codec) == (854, 480, "aac")
    assert (small.width, small.height, small.audio_codec) == (640, 360, "aac")
    start = large.picture_times[0]  # pictures that stand out of order need some time before the first
    assert keyframe_times(folder / "480.m4s") == keyframe_times(folder / "360.m4s") == pytest.approx([start, start + 4, start + 8])
    assert large.sound_start == pytest.approx(start, abs=0.04)
    assert len(large.picture_times) == len(small.picture_times) == pytest.approx(90, abs=1)


def test_players_find_the_ladder_until_a_newer_one_and_then_it_is_gone(
    traffic: Video, library: Path, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    first = reencode(traffic, ladder=True)
    with django_capture_on_commit_callbacks(execute=True):
        second = reencode(traffic, ladder=True, height=144)

    assert first.result is not None and second.result is not None, (second.error, second.log)
    rendition = Rendition.objects.get(video=traffic)
    assert (rendition.kind, rendition.folder, rendition.height) == ("hls", second.result["path"], 90)
    assert [path.name for path in (library / "playback").iterdir()] == [Path(second.result["path"]).name]


@pytest.mark.parametrize("suffix", ["mkv", "mp4"])
def test_a_ladder_of_a_screen_that_stands_still_at_times_is_as_long(clips: Clips, film: Film, library: Path, suffix: str) -> None:
    moving_at_times = "select='lt(mod(n,50),9)+not(mod(n,7))'"
    clip = clips.make(name=f"screen.{suffix}", size="160x90", rate="30", duration=5.0, extra=("-vf", moving_at_times, "-fps_mode", "vfr"))

    job = reencode(film(clip), ladder=True)

    assert job.result is not None, (job.error, job.log)
    shown = look(library / job.result["path"] / "90.m4s").picture_times
    assert len(shown) == pytest.approx(30 * shown[-1], abs=4)  # all that move are there


def test_a_ladder_of_a_silent_video_has_no_sound(clips: Clips, film: Film, library: Path) -> None:
    job = reencode(film(clips.make(size="160x90")), ladder=True)

    assert job.result is not None, (job.error, job.log)
    assert "mp4a" not in (library / job.result["path"] / "master.m3u8").read_text()


def test_a_cut_off_video_leaves_no_ladder(clips: Clips, film: Film, library: Path) -> None:
    video = film(clips.make(name="whole.mkv", size="160x90", duration=8, codec=("-c:v", "mpeg4", "-g", "5")))
    whole = video.absolute_path.read_bytes()
    video.absolute_path.write_bytes(whole[: len(whole) // 2])

    job = reencode(video, ladder=True)

    assert (job.status, job.error_class) == (Job.Status.FAILED, "bad_output"), (job.error, job.log)
    assert list((library / "playback").iterdir()) == []
    assert not Rendition.objects.exists()
