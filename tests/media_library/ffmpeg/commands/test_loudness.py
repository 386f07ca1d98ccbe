from __future__ import annotations

import json

import pytest

from media_library.ffmpeg.commands.loudness import Loudness, measured


def said(*, i: object, tp: object, lra: object = "3.0", thresh: object = "-40") -> str:
    return "[Parsed_loudnorm_0]\n" + json.dumps({"input_i": i, "input_tp": tp, "input_lra": lra, "input_thresh": thresh}) + "\n"


@pytest.mark.parametrize("words", ["nothing", said(i="-inf", tp="-inf", thresh="-70"), said(i="-75.0", tp="-60.0"), "{}"])
def test_what_is_silent_or_was_not_measured_has_no_loudness(words: str) -> None:
    assert measured(words) is None


def test_what_ffmpeg_says_is_read() -> None:
    assert measured(said(i="-30.1", tp="-3.5")) == Loudness(-30.1, -3.5, 3.0, -40.0)


@pytest.mark.parametrize(("integrated", "peak", "gain"), [(-30, -20, 14), (-30, -3.5, 2), (-6, 0, -10)])
def test_sound_is_made_louder_only_as_far_as_its_peaks_allow(integrated: float, peak: float, gain: float) -> None:
    assert Loudness(integrated, peak, 3, -40).gain == gain
