"""Where a video's scenes begin: hard cuts and fades, which PySceneDetect finds in small pictures."""

from __future__ import annotations

from bisect import bisect_right
from fractions import Fraction

from scenedetect import AdaptiveDetector, FrameTimecode, ThresholdDetector

from media_library.ffmpeg.findings import MOST_SCENES
from media_library.ffmpeg.measures import Picture

MILLISECONDS = Fraction(1000)
BLACK, WHITE = 12, 243  # the mean of a picture, 0 to 255, below and above which it is faded out
LONGEST_FADE = 3000  # milliseconds: what stays dark for longer is a scene of its own
LENGTHENED = 1.5  # how much longer the shortest scene becomes as long as there are too many


class Cuts:
    """Is shown each picture in turn, and knows where scenes begin.

    PySceneDetect counts frames at a constant rate; here a millisecond is a frame, so that a variable rate keeps its times.
    """

    def __init__(self, *, threshold: float, min_length: float) -> None:
        """`threshold`: how many times as much as those around it a picture must change; `min_length`: seconds of a scene."""
        self._min_length = max(1, round(1000 * min_length))
        self._changes = AdaptiveDetector(adaptive_threshold=threshold, min_scene_len=self._min_length)
        floor, ceiling = ThresholdDetector.Method.FLOOR, ThresholdDetector.Method.CEILING
        self._faders = [ThresholdDetector(BLACK, 0, method=floor), ThresholdDetector(WHITE, 0, method=ceiling)]
        self._cuts: list[int] = []  # milliseconds, rising
        self._fades: list[tuple[int, int]] = []  # from when to when nothing is to be seen, rising

    def see(self, seconds: float, picture: Picture) -> None:
        now = FrameTimecode(round(1000 * seconds), fps=MILLISECONDS)
        self._cuts += [cut.frame_num for cut in self._changes.process_frame(now, picture)]
        for fader in self._faders:
            faded_out = fader.last_fade["frame"]
            if fader.process_frame(now, picture):
                self._fades.append((faded_out.frame_num, now.frame_num))

    def starts(self, *, duration: float) -> list[float]:
        """Seconds, rising; the first is 0."""
        cuts = sorted({*self._of_fades(), *(cut for cut in self._cuts if not self._is_near_a_fade(cut))})
        end, apart = round(1000 * duration), float(self._min_length)
        kept = _apart(cuts, apart, end=end)
        while len(kept) > MOST_SCENES:
            apart *= LENGTHENED
            kept = _apart(cuts, apart, end=end)
        return [start / 1000 for start in kept]

    def _of_fades(self) -> list[int]:
        """One in the middle of each; none where a video only comes up, or lets its first picture wait for it."""
        cuts = []
        for out, back in self._fades:
            if back - out > LONGEST_FADE:
                cuts += [out, back]
            elif out > 0:
                cuts.append((out + back) // 2)
        return cuts

    def _is_near_a_fade(self, cut: int) -> bool:
        """Whether what changed is the fade itself."""
        place = bisect_right(self._fades, cut + self._min_length, key=lambda fade: fade[0])
        if not place:
            return False
        out, back = self._fades[place - 1]
        return back - out <= LONGEST_FADE and back >= cut - self._min_length


def _apart(cuts: list[int], apart: float, *, end: int) -> list[int]:
    """0 and those that leave so much before them and before the end."""
    kept = [0]
    for cut in cuts:
        if cut - kept[-1] >= apart and end - cut >= apart:
            kept.append(cut)
    return kept
