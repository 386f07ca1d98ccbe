"""`highlight_generate`: the best moments of a video, joined."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from gallery.models import RetentionBucket
from gallery.retention import part_count
from jobs import digests, encodes
from jobs.compilations import MOST_CLIPS, Clip, Style, compile_shots, recipe_of, shots_of
from jobs.context import JobContext
from jobs.failures import JobFailed
from jobs.models import Lane
from jobs.moments import ByCurves, ByViewers, Moment, Score, Stretch, best_stretches
from jobs.registry import job_type
from media_library.ffmpeg.findings import Curves
from media_library.models import DirectoryType, Video
from media_library.scenes import digest_of, scenes_of
from media_library.timecodes import clock
from reactions.models import EMOJI, ReactionType, VideoReaction

ENOUGH_REACTIONS = 10
ENOUGH_PLAYS = 20  # of each part of the video, on average
DIGEST_SHARE = 50.0  # of the progress, where one is made first
CURVES_SHARE = 0.1  # of what curves say where viewers have spoken: it decides among what they left open


class HighlightParams(Style):
    video_id: int = Field(gt=0, le=2**63 - 1, description="the video")
    length: float = Field(30.0, ge=2, le=3600, description="seconds of the whole, as far as the video goes")
    clip_length: float = Field(5.0, ge=1, le=120, description="seconds of the longest moment")
    by: Literal["auto", "viewers", "digest"] = Field(
        "auto",
        description="auto: viewers' reactions and what they play again, where there are enough; else how much moves and how loud it is",
    )


@job_type("highlight_generate", lane=Lane.GPU_ENCODE, params=HighlightParams, vram=encodes.VRAM, video=lambda params: params.video_id)
def highlight_generate(context: JobContext, params: HighlightParams) -> dict[str, Any]:
    """Join the best moments of a video, to a given length, in the library's folder highlights; says why it took each.

    It goes by viewers where enough have reacted or watched, else by the video's digest, which it makes where there is none.
    """
    video = context.video()
    judge = _judge(context, video, encodes.source_of(context, video).probe.duration, params)
    moments = judge.moments(params)
    clips = [Clip(video_id=video.pk, in_point=moment.in_point, out_point=moment.out_point, title=_title(moment)) for moment in moments]
    style = params.model_copy(update={"title": params.title or f"Highlights of {video}"[:200]})
    recipe = recipe_of(style, clips, chosen_by="highlight_generate", params=params)
    with context.part(DIGEST_SHARE if judge.has_looked else 0, 100):
        made = compile_shots(context, shots_of(context, clips), style, recipe=recipe, directory=DirectoryType.HIGHLIGHTS)
    shown = made.pop("clips", [{"inPoint": moment.in_point, "outPoint": moment.out_point} for moment in moments])
    reasons = [{**clip, "score": round(moment.score, 3), "reason": moment.reason} for clip, moment in zip(shown, moments, strict=True)]
    return {"chosenBy": judge.name, **made, "clips": reasons}


class _Judge:
    """What is known of a video, and what it says of each stretch."""

    def __init__(self, viewers: ByViewers | None, curves: ByCurves | None, scenes: list[Stretch], *, has_looked: bool = False) -> None:
        self.name = "viewers" if viewers else "digest"
        self.has_looked = has_looked  # through the video, which takes its time
        self._viewers, self._curves, self._scenes = viewers, curves, scenes

    def moments(self, params: HighlightParams) -> list[Moment]:
        score = self._score()
        fade = params.transition_length if params.transition == "crossfade" else 0.0
        joining = params.card_length - 2 * fade if params.title_cards else -fade
        length = params.length - fade  # the last moment fades into none
        stretches = best_stretches(score, self._scenes, length=length, longest=params.clip_length, most=MOST_CLIPS, extra=joining)
        return [Moment(round(start, 3), round(end, 3), score.mean((start, end)), self._reason((start, end))) for start, end in stretches]

    def _score(self) -> Score:
        if self._viewers is None or self._curves is None:
            only = self._viewers or self._curves
            assert only is not None
            return only.score
        both = zip(self._viewers.score.points, self._curves.score.points, strict=True)
        return Score([(viewers + CURVES_SHARE * curves) / (1 + CURVES_SHARE) for viewers, curves in both])

    def _reason(self, stretch: Stretch) -> str:
        by_viewers = self._viewers.reason(stretch) if self._viewers else None
        return by_viewers or (self._curves.reason(stretch) if self._curves else "the best of what is left")


def _judge(context: JobContext, video: Video, duration: float | None, params: HighlightParams) -> _Judge:
    """By viewers with what a digest adds, if there is one, or by a digest alone; raises `JobFailed` where too few viewers are to decide."""
    viewers = _by_viewers(video, duration) if duration and params.by != "digest" else None
    if viewers is None and params.by == "viewers":
        suggestion = "Wait for more of them, or choose by digest."
        raise JobFailed("too_few_viewers", f"Too few have reacted to {video} or watched it", suggestion=suggestion)
    digest = digest_of(video.pk)
    if digest and digest.curves:
        scenes = [(scene.start, scene.end) for scene in scenes_of(video.pk)]
        length = duration if viewers and duration else digest.duration
        return _Judge(viewers, ByCurves(Curves(**digest.curves), duration=length), scenes)
    if viewers and duration:
        return _Judge(viewers, None, [(scene.start, scene.end) for scene in scenes_of(video.pk)] or [(0.0, duration)])
    context.log("There is no digest of this video: makes one first.")
    with context.part(0, DIGEST_SHARE):
        findings = digests.look_through(context, video, digests.Cutting(), task="digest")
    digests.keep(context, video, findings)
    assert findings.curves is not None
    return _Judge(None, ByCurves(findings.curves, duration=findings.duration), findings.scenes, has_looked=True)


def _by_viewers(video: Video, duration: float) -> ByViewers | None:
    """None where too few have reacted, and too few have watched to tell what they like."""
    given = VideoReaction.objects.filter(media=video).values_list("video_timestamp", "reaction_type")
    reactions = [(second, EMOJI[ReactionType(kind)]) for second, kind in given]
    buckets = dict(RetentionBucket.objects.filter(video=video).values_list("bucket", "count"))
    plays = [buckets.get(part, 0) for part in range(part_count(round(duration)))]
    has_enough_plays = sum(plays) >= ENOUGH_PLAYS * len(plays)
    viewers = ByViewers(reactions if len(reactions) >= ENOUGH_REACTIONS else [], plays if has_enough_plays else [], duration=duration)
    return viewers if any(viewers.score.points) else None


def _title(moment: Moment) -> str:
    return f"{clock(round(moment.in_point))}–{clock(round(moment.out_point))}"
