"""Whether a video plays: its pictures and its sound are decoded, at five places or all of them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import av
from av import Packet

from media_library.ffmpeg.errors import OUT_OF_RESOURCES, UnreadableMedia
from media_library.ffmpeg.probe import OpenVideo, accepted_sound_of, decoded, duration_of, sound_of
from media_library.ffmpeg.seeking import Tell

PLACES = (0.0, 0.25, 0.5, 0.75, 1.0)  # of the duration
PACKETS_AT_A_PLACE = 50  # of the picture, and of the sound
LEAD = 2.0  # seconds: a container without an index comes out after what was sought
BEFORE_THE_END = 10.0  # seconds: the last place, so that a keyframe lies behind it
MOST_SPOTS = 3  # damaged packets that are forgiven in any case
MOST_DAMAGE = 0.01  # of all packets of the picture, or of the sound: worse cannot be watched
MOST_AT_A_PLACE = 0.5  # of the packets at a place
MOST_TOLD = 20  # damaged places
END_TOLERANCE, LEAST_END_TOLERANCE = 0.05, 2.0  # of the duration; seconds
PART_TOLERANCE, LEAST_PART_TOLERANCE = 0.02, 1.0  # of the part's end; seconds: as what is made of it must be long


@dataclass
class Track:
    """What decoding the pictures showed, or the sound."""

    packets: int = 0
    frames: int = 0
    damaged: int = 0  # packets
    damaged_at: list[float] = field(default_factory=list)  # seconds, the first of them

    @property
    def is_bad(self) -> bool:
        """Whether it cannot be watched, or heard."""
        return self.damaged > max(MOST_SPOTS, MOST_DAMAGE * self.packets)

    @property
    def is_bad_here(self) -> bool:
        """Whether most of it is bad, at a place."""
        return self.damaged > MOST_AT_A_PLACE * self.packets

    def add(self, other: Track) -> None:
        self.packets += other.packets
        self.frames += other.frames
        self.damaged += other.damaged
        self.damaged_at = [*self.damaged_at, *other.damaged_at][:MOST_TOLD]

    def decode(self, packet: Packet[Any], second: float) -> None:
        self.packets += packet.size > 0
        try:
            frames = decoded(packet)
        except OUT_OF_RESOURCES:
            raise
        except av.FFmpegError:
            self._note_damage(second)
            return
        self.frames += len(frames)
        if any(frame.is_corrupt for frame in frames):
            self._note_damage(second)

    def _note_damage(self, seconds: float) -> None:
        self.damaged += 1
        if len(self.damaged_at) < MOST_TOLD and round(seconds, 1) not in self.damaged_at:
            self.damaged_at.append(round(seconds, 1))


@dataclass
class Findings:
    """What decoding showed."""

    picture: Track = field(default_factory=Track)
    sound: Track = field(default_factory=Track)
    end: float = 0.0  # seconds: until when there is picture or sound

    @property
    def damaged_at(self) -> list[float]:
        """Seconds."""
        return sorted({*self.picture.damaged_at, *self.sound.damaged_at})[:MOST_TOLD]

    def add(self, other: Findings) -> None:
        self.picture.add(other.picture)
        self.sound.add(other.sound)
        self.end = max(self.end, other.end)


@dataclass(frozen=True)
class Pictures:
    """Those of a stretch of a video."""

    count: int
    last: float  # seconds; when the last one comes

    def are_all_of(self, others: Pictures) -> bool:
        """Whether an encode with these shows what the others are of its source, but for what may be damaged there."""
        most_lost = max(MOST_SPOTS, MOST_DAMAGE * others.count)
        return abs(self.count - others.count) <= most_lost and abs(self.last - others.last) <= LEAST_PART_TOLERANCE


def check(opened: OpenVideo, *, thorough: bool, tell: Tell) -> Findings:
    """Decode, and say what there is; raises UnreadableMedia with the reason where the video does not play to its end.

    One that looks bad at some place is decoded as a whole: where a container has no index, nobody knows what was missed there.
    """
    duration = duration_of(opened)
    if duration and not thorough:
        with suppress(UnreadableMedia):
            return _to_its_end(_places(opened, duration, tell), duration)
    found = _to_its_end(_whole(opened, duration, tell), duration)
    for track, what in ((found.picture, "pictures"), (found.sound, "packets of sound")):
        if track.is_bad:
            damaged = f"{track.damaged:,} of its {track.packets:,} {what} are damaged"
            raise UnreadableMedia(f"{damaged}, the first at {track.damaged_at[0]:.1f} s")
    return found


def require_until(opened: OpenVideo, second: float) -> None:
    """Look whether picture or sound goes on until a second, counted from the file's start as ffmpeg counts, decoding nothing.

    Raises UnreadableMedia where the rest is missing.
    """
    enough, end, lead = least_end(second), 0.0, _lead(opened)
    for packet, packet_second in _packets(opened, from_second=second - lead - BEFORE_THE_END):
        end = max(end, lead + packet_second + _length(packet))
        if end >= enough:
            return
    raise UnreadableMedia(f"It ends after {end:.1f} of {second:.1f} seconds: the rest is missing")


def least_end(second: float) -> float:
    """Until when a video must go on, in seconds, to pass for one that goes on until `second`."""
    return second - max(LEAST_PART_TOLERANCE, PART_TOLERANCE * second)


def pictures_between(opened: OpenVideo, start: float, end: float, *, tell: Tell) -> Pictures:
    """The pictures that are shown from one second to another, counted from the file's start as ffmpeg counts; decodes nothing."""
    count, last, lead = 0, 0.0, _lead(opened)
    for packet, packet_second in _packets(opened, from_second=start - lead, with_sound=False):
        second = lead + packet_second
        if second - _delay(packet) >= end:
            break  # none is shown before it is decoded
        if packet.size and not packet.is_discard and start <= second < end:
            count, last = count + 1, max(last, second)
            tell((second - start) / (end - start))
    return Pictures(count, last)


def picture_at(opened: OpenVideo, second: float) -> float | None:
    """When the picture begins that stands at a second, both counted from the file's start as ffmpeg counts; None: none has come yet."""
    lead, begun = _lead(opened), -math.inf
    for packet, packet_second in _packets(opened, from_second=second - lead, with_sound=False):
        at = lead + packet_second
        if packet.size and not packet.is_discard and at <= second:
            begun = max(begun, at)
        if at - _delay(packet) > second:
            break
    return None if begun == -math.inf else begun


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
        if (here.picture.packets and (not here.picture.frames or here.picture.is_bad_here)) or here.sound.is_bad_here:
            raise UnreadableMedia(f"It is damaged at {second:.1f} of {duration:.1f} seconds")
        whole.add(here)
        tell((number + 1) / len(PLACES))
    return whole


def _whole(opened: OpenVideo, duration: float | None, tell: Tell) -> Findings:
    found = Findings()
    _decode(opened, found, on_packet=lambda: tell(found.end / duration if duration else 0.0))
    if not found.picture.frames:
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
    """Decode at most so many packets of picture and of sound from the keyframe before a second on; read the rest, where to the end."""
    stream = opened.stream
    hears = accepted_sound_of(opened) is not None  # of another codec nobody here knows whether it is sound
    for packet, second in _packets(opened, from_second=from_second):
        if on_packet:
            on_packet()
        found.end = max(found.end, second + _length(packet))
        is_picture = packet.stream is stream
        track = found.picture if is_picture else found.sound
        if most is None or track.packets < most:
            if is_picture or hears:
                track.decode(packet, second)
        elif is_picture and not to_the_end:
            break
    if most is not None:
        with suppress(av.EOFError, av.InvalidDataError):  # EOFError: it has given them already
            found.picture.frames += len(stream.codec_context.decode(None))  # what the decoder still holds


def _packets(opened: OpenVideo, *, from_second: float, with_sound: bool = True) -> Iterator[tuple[Packet[Any], float]]:
    """Picture and sound from the keyframe before a second on, each packet with its second; as far as the file can be read."""
    container, stream = opened
    time_base = stream.time_base or Fraction(1, av.time_base)
    start = stream.start_time or 0
    sound = sound_of(opened) if with_sound else None
    try:
        _go_to(opened, start + round(Fraction(from_second - LEAD) / time_base))
        for packet in container.demux([stream, sound] if sound else [stream]):
            yield packet, _second(packet, start=float(start * time_base))
    except OUT_OF_RESOURCES:
        raise
    except av.FFmpegError:
        return  # a container that cannot seek, or a place that nothing can be read after: the end tells


def _lead(opened: OpenVideo) -> float:
    """Seconds from the file's start to its first picture."""
    container, stream = opened
    if container.start_time is None or stream.start_time is None or stream.time_base is None:
        return 0.0
    return float(stream.start_time * stream.time_base - Fraction(container.start_time, av.time_base))


def _go_to(opened: OpenVideo, timestamp: int) -> None:
    """To the stream's start where the container cannot go to the timestamp."""
    try:
        opened.container.seek(timestamp, stream=opened.stream, backward=True)
    except OUT_OF_RESOURCES:
        raise
    except av.FFmpegError:
        opened.container.seek(opened.stream.start_time or 0, stream=opened.stream, backward=True)  # an FLV cannot go before it


def _second(packet: Packet[Any], *, start: float) -> float:
    stamp = packet.pts if packet.pts is not None else packet.dts
    return float(stamp * packet.time_base) - start if stamp is not None and packet.time_base else 0.0


def _delay(packet: Packet[Any]) -> float:
    """Seconds from when a packet is decoded until it is shown; endless where nobody says when it is decoded."""
    if packet.dts is None or packet.time_base is None:
        return math.inf
    return float((packet.pts - packet.dts) * packet.time_base) if packet.pts is not None else 0.0


def _length(packet: Packet[Any]) -> float:
    return float((packet.duration or 0) * (packet.time_base or 0))
