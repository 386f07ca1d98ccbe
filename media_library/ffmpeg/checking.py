"""Whether a video plays: its pictures are decoded, at five places or all of them."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import av
from av import Packet

from media_library.ffmpeg.errors import OUT_OF_RESOURCES, UnreadableMedia
from media_library.ffmpeg.probe import OpenVideo, decoded, duration_of
from media_library.ffmpeg.seeking import Tell

PLACES = (0.0, 0.25, 0.5, 0.75, 1.0)  # of the duration
PACKETS_AT_A_PLACE = 50  # of the picture
LEAD = 2.0  # seconds: a container without an index comes out after what was sought
BEFORE_THE_END = 10.0  # seconds: the last place, so that a keyframe lies behind it
MOST_SPOTS = 3  # damaged packets that are forgiven in any case
MOST_DAMAGE = 0.01  # of all packets of the picture: worse cannot be watched
MOST_AT_A_PLACE = 0.5  # of the packets at a place
MOST_TOLD = 20  # damaged places
END_TOLERANCE, LEAST_END_TOLERANCE = 0.05, 2.0  # of the duration; seconds


@dataclass
class Findings:
    """What decoding showed."""

    packets: int = 0  # of the picture
    pictures: int = 0
    damaged: int = 0  # packets
    damaged_at: list[float] = field(default_factory=list)  # seconds, the first of them
    end: float = 0.0  # seconds: until when there is picture or sound

    def add(self, other: Findings) -> None:
        self.packets += other.packets
        self.pictures += other.pictures
        self.damaged += other.damaged
        self.damaged_at = [*self.damaged_at, *other.damaged_at][:MOST_TOLD]
        self.end = max(self.end, other.end)

    def note_damage(self, seconds: float) -> None:
        self.damaged += 1
        if len(self.damaged_at) < MOST_TOLD and round(seconds, 1) not in self.damaged_at:
            self.damaged_at.append(round(seconds, 1))


def check(opened: OpenVideo, *, thorough: bool, tell: Tell) -> Findings:
    """Decode, and say what there is; raises UnreadableMedia with the reason where the video does not play to its end.

    One that looks bad at some place is decoded as a whole: where a container has no index, nobody knows what was missed there.
    """
    duration = duration_of(opened)
    if duration and not thorough:
        with suppress(UnreadableMedia):
            return _to_its_end(_places(opened, duration, tell), duration)
    found = _to_its_end(_whole(opened, duration, tell), duration)
    if found.damaged > max(MOST_SPOTS, MOST_DAMAGE * found.packets):
        raise UnreadableMedia(f"{found.damaged:,} of its {found.packets:,} pictures are damaged, the first at {found.damaged_at[0]:.1f} s")
    return found


def _to_its_end(found: Findings, duration: float | None) -> Findings:
    if duration and found.end < duration - max(LEAST_END_TOLERANCE, END_TOLERANCE * duration):
        raise UnreadableMedia(f"It ends after {found.end:.1f} of {duration:.1f} seconds: the rest is missing")
    return found


def _places(opened: OpenVideo, duration: float, tell: Tell) -> Findings:
    whole = Findings()
    for number, place in enumerate(PLACES):
        here = Findings()
        is_last = place == PLACES[-1]
        second = max(0.0, duration - BEFORE_THE_END) if is_last else place * duration
        _decode(opened, here, from_second=second, most=PACKETS_AT_A_PLACE, to_the_end=is_last)
        if here.packets and (not here.pictures or here.damaged > MOST_AT_A_PLACE * here.packets):
            raise UnreadableMedia(f"It is damaged at {second:.1f} of {duration:.1f} seconds")
        whole.add(here)
        tell((number + 1) / len(PLACES))
    return whole


def _whole(opened: OpenVideo, duration: float | None, tell: Tell) -> Findings:
    found = Findings()
    _decode(opened, found, on_packet=lambda: tell(found.end / duration if duration else 0.0))
    if not found.pictures:
        raise UnreadableMedia("No picture of it can be decoded: it is damaged or encrypted")
    return found


def _decode(
    opened: OpenVideo,
    found: Findings,
    *,
    from_second: float = 0.0,
    most: int | None = None,
    to_the_end: bool = True,
    on_packet: Callable[[], None] | None = None,
) -> None:
    """Decode at most so many packets of the picture from the keyframe before a second on; read the rest, where to the end."""
    container, stream = opened
    time_base = stream.time_base or Fraction(1, av.time_base)
    start = stream.start_time or 0
    sound = container.streams.best("audio")
    try:
        _go_to(opened, start + round(Fraction(from_second - LEAD) / time_base))
        for packet in container.demux([stream, sound] if sound else [stream]):
            if on_packet:
                on_packet()
            second = _second(packet, start=float(start * time_base))
            found.end = max(found.end, second + float((packet.duration or 0) * (packet.time_base or 0)))
            if packet.stream is not stream:
                continue
            if most is None or found.packets < most:
                _decode_packet(packet, second, found)
            elif not to_the_end:
                break
        found.pictures += len(stream.codec_context.decode(None)) if most is not None else 0  # what the decoder still holds
    except OUT_OF_RESOURCES:
        raise
    except av.FFmpegError:
        return  # a container that cannot seek, or a place that nothing can be read after: the end tells


def _go_to(opened: OpenVideo, timestamp: int) -> None:
    """To the start where the container cannot go to the timestamp."""
    try:
        opened.container.seek(timestamp, stream=opened.stream, backward=True)
    except OUT_OF_RESOURCES:
        raise
    except av.FFmpegError:
        opened.container.seek(0)


def _decode_packet(packet: Packet[Any], second: float, found: Findings) -> None:
    found.packets += packet.size > 0
    try:
        frames = decoded(packet)
    except av.InvalidDataError:
        found.note_damage(second)
        return
    found.pictures += len(frames)
    if any(frame.is_corrupt for frame in frames):
        found.note_damage(second)


def _second(packet: Packet[Any], *, start: float) -> float:
    stamp = packet.pts if packet.pts is not None else packet.dts
    return float(stamp * packet.time_base) - start if stamp is not None and packet.time_base else 0.0
