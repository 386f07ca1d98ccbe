"""`reencode_streaming`: a video as every browser and phone plays it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from jobs import encodes, parts, playback, services
from jobs.context import JobContext
from jobs.failures import BadOutput, failure_of
from jobs.models import Job, Lane
from jobs.outputs import Output
from jobs.registry import Params, job_type
from media_library.ffmpeg.commands import ladder, streaming
from media_library.ffmpeg.commands.encoding import SMOOTHEST, bit_rate_cap, smooth_rate, steady_rate
from media_library.ffmpeg.commands.inputs import Source
from media_library.ffmpeg.commands.ladder import Rung
from media_library.ffmpeg.commands.loudness import Loudness
from media_library.ffmpeg.errors import FfmpegFailed
from media_library.ffmpeg.probe import Probe
from media_library.models import DirectoryType, Video
from media_library.naming import LONGEST_TITLE, derived_path
from media_library.paths import encode_path
from media_library.renditions import keep_ladder

PLAIN_PROFILES = frozenset(("Constrained Baseline", "Baseline", "Main", "High"))  # of H.264, that every browser plays
MP4_NAMES = (".mp4", ".m4v")
MEASURING_SHARE = 10.0  # of the progress: sound alone is quickly decoded


class ReencodeParams(Params):
    video_id: int = Field(gt=0, le=2**63 - 1, description="the video")
    height: int = Field(1080, ge=144, le=2160, description="lines of the shorter side at most; nothing is enlarged")
    quality: int = Field(21, ge=14, le=34, description="as libx264's CRF: less is better and larger")
    max_bit_rate: int | None = Field(None, ge=100_000, le=100_000_000, description="bits a second of the picture; none: by its size")
    codec: Literal["h264", "hevc", "av1"] = Field(
        "h264", description="h264 plays everywhere and is what visitors are shown; hevc and av1 are smaller"
    )
    normalise_loudness: bool = Field(False, description="bring the sound to -16 LUFS")
    ladder: bool = Field(False, description="HLS instead: 1080, 720, 480 and 360 lines, as far as height and the video allow")
    in_parts: bool = Field(True, description="where several machines encode, cut a long video into parts that they encode at once")
    always_encode: bool = Field(False, description="even where another container around the same streams would do")


@job_type("reencode_streaming", lane=Lane.GPU_ENCODE, params=ReencodeParams, vram=encodes.VRAM, video=lambda params: params.video_id)
def reencode_streaming(context: JobContext, params: ReencodeParams) -> dict[str, Any]:
    """Make an MP4 that plays everywhere and begins at once (H.264, AAC), in the library's folder playback; visitors are shown it.

    Where the video has such streams already they are put into a new file as they are, and where it is such a file nothing is made.
    Or make a ladder of HLS, for which players choose among sizes as their network allows.
    """
    video = context.video()
    source = encodes.source_of(context, video)
    if params.ladder:
        return _ladder(context, video, source, params)
    if _is_fine(video, source.probe, params):
        context.log("It plays everywhere as it is.")
        return {"action": "kept", "videoId": video.pk}
    if cuts := _cuts(context, source, params):
        context.with_completion(lambda: _start(context, video, params, cuts))
        return {"action": "cut", "parts": len(cuts)}
    target = derived_path(video, DirectoryType.PLAYBACK, f"-{context.job_id}.mp4")
    loudness = _loudness(context, source, params)
    output = _remuxed(context, source, target, params, loudness) if _keeps_pictures(source.probe, params) else None
    action = "remuxed" if output else "encoded"
    if output is None:
        output = _encoded(context, source, target, params, loudness)
    playback.register(context, video, output, is_shown=params.codec == "h264")
    return {"action": action, "path": output.path.as_posix(), "size": output.size}


def _ladder(context: JobContext, video: Video, source: Source, params: ReencodeParams) -> dict[str, Any]:
    """All sizes at once, from one decode."""
    probe = source.probe
    rungs = [
        Rung(lines, replace(encodes.look_of(context, probe, lines=lines, quality=params.quality), frame_rate=steady_rate(probe)))
        for lines in ladder.rungs_of(probe)
        if lines <= params.height or lines == ladder.rungs_of(probe)[-1]
    ]
    target = derived_path(video, DirectoryType.PLAYBACK, f"-{context.job_id}-hls")
    folder = context.draft_folder(target)
    loudness = _loudness(context, source, params)
    command = ladder.ladder(source, folder, rungs, loudness=loudness)
    context.run(command, duration=probe.duration, progress=_after(loudness), limits=encodes.LIMITS)
    duration = max(probe.duration or 1.0, 0.1)
    bit_rates = [round((folder / rung.media).stat().st_size * 8 / duration) for rung in rungs]
    (folder / ladder.MASTER).write_text(ladder.master_playlist(rungs, probe, bit_rates=bit_rates))
    output = context.finish_folder(folder, target, duration=probe.duration)
    context.with_completion(lambda: _keep_ladder(video, encode_path(str(output.path)), rungs[0], bit_rates[0], output.size))
    return {"action": "ladder", "path": output.path.as_posix(), "size": output.size, "heights": [rung.lines for rung in rungs]}


def _keep_ladder(video: Video, folder: str, top: Rung, bit_rate: int, size: int) -> dict[str, Any]:
    with playback.unless_replaced():
        keep_ladder(video, folder, height=top.look.height, bit_rate=bit_rate, size=size)
    return {}


def _is_fine(video: Video, probe: Probe, params: ReencodeParams) -> bool:
    is_such_a_file = bool(probe.is_faststart) and Path(video.filename).suffix.lower() in MP4_NAMES
    return is_such_a_file and _keeps_pictures(probe, params) and _keeps_sound(probe, params)


def _keeps_pictures(probe: Probe, params: ReencodeParams) -> bool:
    """Whether the pictures may stay as they are."""
    cap = params.max_bit_rate or 2 * bit_rate_cap(probe.width, probe.height, smooth_rate(probe))
    return (
        not params.always_encode
        and (probe.video_codec, probe.pixel_format, params.codec) == ("h264", "yuv420p", "h264")
        and probe.video_profile in PLAIN_PROFILES
        and probe.is_stored_as_shown
        and not probe.is_interlaced
        and min(probe.width, probe.height) <= params.height
        and (probe.frame_rate or 0) <= SMOOTHEST
        and (probe.bit_rate or 0) <= cap
    )


def _keeps_sound(probe: Probe, params: ReencodeParams) -> bool:
    """Whether the sound may stay as it is."""
    if not probe.has_audio:
        return True
    return not params.normalise_loudness and probe.audio_codec == "aac" and (probe.audio_channels or 2) <= 2


def _loudness(context: JobContext, source: Source, params: ReencodeParams) -> Loudness | None:
    """What the sound is to be brought from; None: it stays as loud as it is."""
    if not params.normalise_loudness:
        return None
    loudness = encodes.loudness_of(context, source, progress=(0, MEASURING_SHARE))
    if loudness is None:
        context.log("There is nothing to hear, so nothing is made louder.")
    return loudness


def _after(loudness: Loudness | None) -> tuple[float, float]:
    """The progress of what follows a measurement, where there was one."""
    return (MEASURING_SHARE if loudness else 0.0, 100.0)


def _remuxed(context: JobContext, source: Source, target: Path, params: ReencodeParams, loudness: Loudness | None) -> Output | None:
    """The pictures as they are in a new file; None where that does not come out well."""
    draft = context.draft(target)
    command = streaming.remux(source, draft, copies_sound=_keeps_sound(source.probe, params), loudness=loudness)
    try:
        context.run(command, duration=source.probe.duration, progress=_after(loudness), limits=encodes.LIMITS)
        return context.finish(draft, target, duration=source.probe.duration)
    except (FfmpegFailed, BadOutput) as error:
        if failure_of(error).is_transient:
            raise
        context.log(f"Its streams do not go into another file as they are, so they are encoded: {error}")
        return None


def _cuts(context: JobContext, source: Source, params: ReencodeParams) -> list[float]:
    """Where a long video is cut that is to be encoded; nowhere in a pipeline, whose next steps wait for what this one makes."""
    if _keeps_pictures(source.probe, params) or not params.in_parts or context.row().pipeline_id is not None:
        return []
    cuts = parts.cuts_of(context, source)
    if len(cuts) < 2:
        return []
    context.log(f"Several machines take encodes: it is cut into {len(cuts)} parts, which a pipeline encodes and joins.")
    return cuts


def _start(context: JobContext, video: Video, params: ReencodeParams, cuts: Sequence[float]) -> dict[str, Any]:
    job = context.row()
    common = {"videoId": video.pk, "content": parts.content_of(video), "codec": params.codec}
    look = {"height": params.height, "quality": params.quality, "maxBitRate": params.max_bit_rate}
    plan = parts.plan(common, look, cuts, normalises=params.normalise_loudness)
    name = f"Encode {video} in {len(cuts)} parts"[:LONGEST_TITLE]
    pipeline = services.submit_pipeline(plan, name=name, priority=job.priority, by=job.submitted_by)
    Job.objects.filter(pk=job.pk).update(pipeline=pipeline)
    return {"pipelineId": pipeline.pk}


def _encoded(context: JobContext, source: Source, target: Path, params: ReencodeParams, loudness: Loudness | None) -> Output:
    look = encodes.look_of(
        context,
        source.probe,
        lines=params.height,
        quality=params.quality,
        max_bit_rate=params.max_bit_rate,
        codec=params.codec,
    )
    draft = encodes.encode(context, source, target, look, loudness=loudness, progress=_after(loudness))
    return context.finish(draft, target, duration=source.probe.duration)
