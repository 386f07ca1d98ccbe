"""Encodes as job types make them: on the encoder that is there, stretches cut to the frame or where a keyframe is."""

from __future__ import annotations

import math
import os
from dataclasses import replace
from pathlib import Path

from django.conf import settings

from jobs.context import JobContext
from jobs.failures import BadOutput, JobFailed
from jobs.inspecting import inspectors, open_file_of, opened
from media_library.ffmpeg.checking import Pictures
from media_library.ffmpeg.commands import clip, loudness, streaming
from media_library.ffmpeg.commands.encoding import SOON, Look, bit_rate_cap, size_within, smooth_rate
from media_library.ffmpeg.commands.inputs import SOUGHT_AMONG_PACKETS, Source
from media_library.ffmpeg.commands.joining import JUST_BEFORE
from media_library.ffmpeg.commands.loudness import Loudness
from media_library.ffmpeg.encoders import best_encoder, has_filter, release
from media_library.ffmpeg.probe import Probe
from media_library.ffmpeg.run import Limits
from media_library.models import Video

LEAST_DURATION = 0.1  # seconds of a cut
LIMITS = Limits(wall=24 * 3600.0)
VRAM = 1024  # MiB that an encode takes of a GPU


def source_of(context: JobContext, video: Video) -> Source:
    """All of a video; raises `UnreadableMedia`."""
    return Source(video.absolute_path, context.probe(video), context.bounds)


def require_until(context: JobContext, video: Video, second: float) -> None:
    """Look whether the video's file goes on until there, whatever it says of itself; raises `UnreadableMedia`."""
    context.check()
    descriptor = open_file_of(video)
    try:
        inspectors().ask("check_end", descriptor, second=second)
    finally:
        os.close(descriptor)


def require_pictures(context: JobContext, video: Video, draft: Path, stretch: Source) -> None:
    """Look whether a draft shows every picture of a stretch of the video, decoding nothing; raises `BadOutput`.

    Its length does not tell: a still picture may stand at the end of either.
    """
    start, end = stretch.in_point, math.inf if stretch.duration is None else stretch.in_point + stretch.duration
    with opened(video) as source, draft.open("rb") as made:
        asked = _pictures(context, source, start, end)
        found = _pictures(context, made.fileno(), 0.0, math.inf)
    if not replace(found, last=found.last + start).are_all_of(asked):
        shown = f"It shows {found.count:,} pictures until {start + found.last:.1f} s"
        raise BadOutput(f"{shown}, and its source {asked.count:,} until {asked.last:.1f} s")


def _pictures(context: JobContext, descriptor: int, start: float, end: float) -> Pictures:
    answer = inspectors().ask("count_pictures", descriptor, follow=lambda _: context.check(), start=start, end=end)
    return Pictures(**answer.found)


def stretch(whole: Source, in_point: float, out_point: float) -> Source:
    """Part of a source, seconds; it ends where the source ends. Raises `JobFailed` where nothing is left."""
    end = whole.probe.duration
    out_point = min(out_point, end) if end else out_point
    if end and end - in_point < LEAST_DURATION:
        sentence = f"There is nothing from {in_point:g} s on: the video ends after {end:.1f} s"
        raise JobFailed("nothing_to_cut", sentence, suggestion="Choose an earlier inPoint.")
    if out_point - in_point < LEAST_DURATION:
        sentence = f"The part from {in_point:g} to {out_point:g} s is shorter than {LEAST_DURATION:g} s"
        raise JobFailed("nothing_to_cut", sentence, suggestion="Choose a later outPoint.")
    return replace(whole, in_point=in_point, duration=out_point - in_point)


def showing_at_once(context: JobContext, video: Video, part: Source) -> Source:
    """The stretch, which begins with the picture that stands at its in point where the next one does not come soon."""
    if not part.in_point or part.probe.container in SOUGHT_AMONG_PACKETS:
        return part
    with opened(video) as descriptor:
        if _pictures(context, descriptor, part.in_point, part.in_point + SOON).count:
            return part
        begun = inspectors().ask("find_picture", descriptor, second=part.in_point).found["begun"]
    return part if begun is None else replace(part, stands=min(part.in_point, part.in_point - begun + JUST_BEFORE))


def look_of(
    context: JobContext, probe: Probe, *, lines: int | None, quality: int, max_bit_rate: int | None = None, codec: str = "h264"
) -> Look:
    """How to encode a video, its shorter side at most `lines`, on the best encoder that this job may use."""
    encoder = best_encoder(codec, program=settings.FFMPEG_BINARY, uses_gpu=context.uses_gpu)
    width, height = size_within(probe, lines)
    rate = smooth_rate(probe)
    maps_tones = has_filter("zscale", settings.FFMPEG_BINARY)
    context.log(f"Encodes with {encoder} at {width} × {height}.")
    if probe.hdr_transfer and not maps_tones:
        context.log("This ffmpeg has no zscale: the video's high dynamic range is not mapped, and its colours will look grey.")
    return Look(width, height, rate, encoder, quality, max_bit_rate or bit_rate_cap(width, height, rate), maps_tones=maps_tones)


def ffmpeg_release() -> str:
    """What this machine's ffmpeg calls itself."""
    return release(settings.FFMPEG_BINARY)


def loudness_of(context: JobContext, source: Source, *, progress: tuple[float, float] = (0, 0)) -> Loudness | None:
    """How loud the sound of a stretch is; None: there is nothing to hear."""
    if not source.probe.has_audio:
        return None
    said = context.run(loudness.measure(source), duration=source.duration or source.probe.duration, progress=progress, limits=LIMITS)
    return loudness.measured(said)


def encode(
    context: JobContext,
    source: Source,
    target: Path,
    look: Look,
    *,
    loudness: Loudness | None = None,
    progress: tuple[float, float] = (0, 100),
) -> Path:
    """A draft of `target`, an MP4 of the stretch, cut to the frame."""
    draft = context.draft(target)
    command = streaming.mp4(source, draft, look, loudness=loudness)
    context.run(command, duration=source.duration or source.probe.duration, progress=progress, limits=LIMITS)
    return draft


def from_keyframe(context: JobContext, source: Source, *, earliest: float, latest: float) -> Source | None:
    """The stretch with its start moved to the last keyframe from `earliest` to `latest`, in seconds; None: there is none."""
    assert source.duration is not None
    found = [_first_from(context, source, at) for at in clip.seeks_to(latest, source.probe)]
    keyframe = max((at for at in found if at is not None and earliest <= at <= latest + clip.JUST_AFTER), default=None)
    if keyframe is None:
        return None
    return replace(source, in_point=keyframe, duration=source.in_point + source.duration - keyframe)


def keyframe_before(context: JobContext, source: Source, second: float) -> float | None:
    """The keyframe that a seek to `second` of the video leads to, in seconds; None: there is none."""
    return _first_from(context, source, second + clip.JUST_AFTER)


def first_picture(context: JobContext, source: Source) -> float | None:
    """When the first picture comes, in seconds of the video; None: there is none. An FLV's is not found by seeking its start."""
    return _first_from(context, source, 0.0)


def _first_from(context: JobContext, source: Source, in_point: float) -> float | None:
    return clip.keyframe_of(context.run(clip.first_packet(replace(source, in_point=in_point, duration=None))))


def copy(context: JobContext, source: Source, target: Path, *, progress: tuple[float, float] = (0, 100)) -> Path:
    """A draft of `target`, the stretch as it is; it begins with a keyframe."""
    draft = context.draft(target)
    context.run(clip.copied(_sought(context, source), draft), duration=source.duration, progress=progress, limits=LIMITS)
    return draft


def _sought(context: JobContext, source: Source) -> Source:
    """The stretch as ffmpeg has to be told it, so that it begins with the keyframe at its in point and ends where it ends."""
    if not source.in_point or source.duration is None:
        return source
    end = source.in_point + source.duration
    for at in clip.seeks_to(source.in_point, source.probe):
        found = _first_from(context, source, at)
        if found is not None and abs(found - source.in_point) <= clip.JUST_AFTER and at < end:
            return replace(source, in_point=at, duration=end - at)
    return source
