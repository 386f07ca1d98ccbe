"""Which stretches of a video are its best, and what is said for each."""

from __future__ import annotations

from itertools import pairwise

import pytest

from jobs.moments import HOP, ByCurves, ByViewers, Score, best_stretches
from media_library.ffmpeg.findings import SILENCE, Curves

MINUTE = 60.0


def peaks(*seconds: float, duration: float = MINUTE) -> Score:
    """A score that is 1 at these seconds, and 0 elsewhere."""
    points = [0.0] * round(duration / HOP)
    for second in seconds:
        points[round(second / HOP)] = 1.0
    return Score(points)


def chosen(
    score: Score, *scenes: tuple[float, float], length: float = 10.0, longest: float = 5.0, extra: float = 0.0
) -> list[tuple[float, float]]:
    return best_stretches(score, scenes or [(0.0, MINUTE)], length=length, longest=longest, most=200, extra=extra)


def test_the_best_are_taken_in_the_order_of_the_video() -> None:
    stretches = chosen(peaks(50, 12))

    assert [start <= peak < end for (start, end), peak in zip(stretches, (12, 50), strict=True)] == [True, True]
    assert sum(end - start for start, end in stretches) == 10.0


def test_none_reaches_over_a_cut() -> None:
    scenes = [(0.0, 11.0), (11.0, 14.0), (14.0, 60.0)]

    stretches = chosen(peaks(11, 12, 13), *scenes, length=20.0)

    assert (11.0, 14.0) in stretches
    assert all(any(start <= first and last <= end for start, end in scenes) for first, last in stretches)


def test_stretches_of_one_scene_keep_their_distance_while_there_is_room() -> None:
    (_, first_end), (second_start, _) = chosen(peaks(20, 23, 26))

    assert second_start - first_end >= 5.0


def test_a_length_beyond_the_video_takes_all_of_it() -> None:
    stretches = chosen(peaks(3), length=600.0)

    assert sum(end - start for start, end in stretches) == pytest.approx(MINUTE, abs=5.0)
    assert all(before[1] <= after[0] for before, after in pairwise(stretches))


def test_what_joining_takes_away_is_made_up_for() -> None:
    """Crossfades of a second: four clips of five are as long as 20 - 4."""
    assert sum(end - start for start, end in chosen(peaks(5, 20, 35, 50), length=16.0, extra=-1.0)) == pytest.approx(20.0, abs=1.0)


def test_scenes_that_are_all_too_short_are_taken_as_they_are() -> None:
    scenes = [(number / 2, number / 2 + 0.5) for number in range(8)]

    assert len(chosen(Score([0.5] * 8), *scenes, length=2.0)) >= 2


def curves(motion: list[float], loudness: list[float]) -> ByCurves:
    return ByCurves(Curves(hop=1.0, motion=motion, loudness=loudness), duration=float(len(motion)))


def test_curves_praise_what_moves_and_is_loud() -> None:
    judge = curves([0.1] * 5 + [0.9] + [0.1] * 4, [-40.0] * 5 + [-5.0] + [-40.0] * 4)

    assert judge.score.mean((5.0, 6.0)) == max(judge.score.points)
    assert judge.reason((5.0, 6.0)) == "moves more than 90% of the video and is louder than 90% of the video"
    assert judge.reason((0.0, 1.0)) == "the best of what is left"


def test_a_silent_video_is_judged_by_what_moves() -> None:
    assert curves([0.0, 0.9], []).score.points == [0.0, 0.0, 0.5, 0.5]
    assert set(curves([0.0, 0.0], [SILENCE, SILENCE]).score.points) == {0.0}


def test_a_reaction_is_about_what_was_seen_before_it() -> None:
    judge = ByViewers([(30, "👍"), (30, "😂"), (31, "👍")], [], duration=MINUTE)

    assert judge.score.mean((27.0, 30.0)) > 0.5 > judge.score.mean((33.0, 36.0)) == 0.0
    assert judge.reason((26.0, 31.0)) == "3 reactions (👍 2, 😂 1)"
    assert judge.reason((40.0, 45.0)) is None


def test_what_is_played_again_stands_out_though_fewer_watch_on() -> None:
    fewer_and_fewer = [200 - 2 * second for second in range(60)]
    again = [count + (150 if 40 <= second < 44 else 0) for second, count in enumerate(fewer_and_fewer)]

    judge = ByViewers([], again, duration=MINUTE)

    assert judge.score.mean((40.0, 44.0)) > 0.9 > judge.score.mean((0.0, 4.0)) + 0.5
    assert judge.reason((40.0, 44.0)) == "played 2.2 times as often as what is around it"
