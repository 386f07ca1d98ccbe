"""What is measured in pictures and sounds as they are decoded: how much moves, how loud it is, how a picture looks."""

from __future__ import annotations

import math
from typing import Any, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from media_library.ffmpeg.findings import MOST_POINTS, SILENCE, Curves, Keyframe

Picture: TypeAlias = NDArray[np.uint8]
"""A small picture: (height, width, 3), BGR, as OpenCV has it."""

FIRST_HOP = 0.25  # seconds
MOTION_STEP = 0.2  # seconds between the pictures that are compared: whatever the frame rate
MOST_MOTION = 64.0  # mean difference of the luma, 0 to 255, that counts as all there can be
FULL_CONTRAST, FULL_SHARPNESS = 80.0, 40.0  # standard deviations of the luma, and of its second derivative, that count as 1
FINGERPRINT_SIZE = (9, 8)  # of a picture whose neighbours are compared


class Curve:
    """Means along a video, one for each `hop` seconds; the hop doubles where there would be too many of them."""

    def __init__(self) -> None:
        self.hop = FIRST_HOP
        self._sums: list[float] = []
        self._counts: list[int] = []

    def add(self, seconds: float, value: float, count: int = 1) -> None:
        while seconds / self.hop >= MOST_POINTS:
            self._double()
        place = int(max(0.0, seconds) / self.hop)
        missing = place + 1 - len(self._sums)
        if missing > 0:
            self._sums += [0.0] * missing
            self._counts += [0] * missing
        self._sums[place] += value * count
        self._counts[place] += count

    def means(self, *, hop: float, empty: float | None) -> list[float]:
        """At a hop that is no shorter than ours; a place without any has `empty`, or what came before it."""
        while self.hop < hop:
            self._double()
        means: list[float] = []
        for total, count in zip(self._sums, self._counts, strict=True):
            before = (means[-1] if means else 0.0) if empty is None else empty
            means.append(total / count if count else before)
        return means

    def _double(self) -> None:
        self.hop *= 2
        self._sums = [sum(self._sums[place : place + 2]) for place in range(0, len(self._sums), 2)]
        self._counts = [sum(self._counts[place : place + 2]) for place in range(0, len(self._counts), 2)]


class Motion:
    """Is shown each picture in turn."""

    def __init__(self) -> None:
        self.curve = Curve()
        self._last: tuple[float, NDArray[Any]] | None = None

    def see(self, seconds: float, picture: Picture) -> None:
        if self._last and seconds - self._last[0] < MOTION_STEP:
            return
        luma = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
        if self._last:
            difference = float(cv2.absdiff(luma, self._last[1]).mean())
            self.curve.add(seconds, min(1.0, difference / MOST_MOTION))
        self._last = seconds, luma


class Loudness:
    """Hears each piece of the sound."""

    def __init__(self) -> None:
        self.curve = Curve()

    def hear(self, seconds: float, sound: NDArray[Any]) -> None:
        """`sound`: samples of any shape and kind."""
        samples: NDArray[Any]
        if sound.dtype == np.uint8:
            samples = (sound.astype(np.float32) - 128) / 128
        elif np.issubdtype(sound.dtype, np.integer):
            samples = sound.astype(np.float32) / -float(np.iinfo(sound.dtype).min)
        else:
            samples = np.clip(np.nan_to_num(sound.astype(np.float32)), -1.0, 1.0)
        if samples.size:
            self.curve.add(seconds, float(np.mean(np.square(samples))), samples.size)


def curves(motion: Motion, loudness: Loudness, *, has_sound: bool) -> Curves:
    hop = max(motion.curve.hop, loudness.curve.hop)
    moves = [round(value, 3) for value in motion.curve.means(hop=hop, empty=None)]
    powers = loudness.curve.means(hop=hop, empty=0.0) if has_sound else []
    return Curves(hop=hop, motion=moves, loudness=[decibels(power) for power in powers])


def decibels(power: float) -> float:
    """Of a mean square of samples from -1 to 1."""
    return round(max(SILENCE, min(0.0, 10 * math.log10(power))), 1) if power > 0 else SILENCE


def keyframe(seconds: float, picture: Picture) -> Keyframe:
    """How a picture looks."""
    luma = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
    saturation = cv2.cvtColor(picture, cv2.COLOR_BGR2HSV)[:, :, 1]
    blue, green, red = (round(float(value)) for value in picture.mean(axis=(0, 1)))
    return Keyframe(
        time=round(seconds, 3),
        light=round(float(luma.mean()) / 255, 3),
        contrast=round(min(1.0, float(luma.std()) / FULL_CONTRAST), 3),
        saturation=round(float(saturation.mean()) / 255, 3),
        sharpness=round(min(1.0, float(cv2.Laplacian(luma, cv2.CV_32F).std()) / FULL_SHARPNESS), 3),
        colour=f"#{red:02x}{green:02x}{blue:02x}",
        fingerprint=_fingerprint(luma),
    )


def _fingerprint(luma: NDArray[Any]) -> str:
    """A difference hash: for each of 8 × 8 places whether it is brighter than the one beside it."""
    small = cv2.resize(luma, FINGERPRINT_SIZE, interpolation=cv2.INTER_AREA)
    return np.packbits(small[:, 1:] > small[:, :-1]).tobytes().hex()
