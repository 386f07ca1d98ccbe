"""What a file says of itself, and what its first picture shows."""

from __future__ import annotations

import os
import struct
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import islice
from typing import NamedTuple

import av
from av import Packet, VideoFrame
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.stream import Disposition
from av.video.stream import VideoStream

from media_library.ffmpeg.errors import OUT_OF_RESOURCES, UnreadableMedia
from media_library.ffmpeg.picture import HDR_TRANSFERS, size_as_shown, turn_of
from media_library.ffmpeg.untrusted import AUDIO_CODECS, VIDEO_CODECS, Bounds, open_untrusted

LONGEST_DURATION = 7 * 24 * 3600.0  # seconds; what claims more is taken as unknown
HIGHEST_FRAME_RATE = 960  # frames a second, of slow-motion cameras; nonsense in Matroska comes out as 1000
HIGHEST_BIT_RATE = 10**11  # bits a second
MOST_PACKETS_COUNTED = 200_000  # when the duration has to be read off the packets
MOST_PACKETS_TO_A_PICTURE = 2_000
MOST_BAD_PACKETS = 100
TAGS = ("title", "artist", "author", "creator", "album_artist", "publisher", "producer", "studio")
LONGEST_TAG = 300  # characters
MOST_BOXES = 4096  # of an MP4's top level; fragmented files have many


@dataclass(frozen=True)
class Probe:
    """A readable video. Width and height are pixels as shown: upright and square."""

    container: str
    width: int
    height: int
    video_codec: str
    duration: float | None = None  # seconds
    audio_codec: str | None = None
    has_audio: bool = False
    frame_rate: Fraction | None = None  # on average
    bit_rate: int | None = None  # bits a second
    is_faststart: bool | None = None  # None: the container is no MP4
    tags: dict[str, str] = field(default_factory=dict)
    picture_stream: int = 0
    sound_stream: int | None = None
    pixel_format: str | None = None
    video_profile: str | None = None
    is_stored_as_shown: bool = True  # else its pictures are to be turned, or their pixels are not square
    is_interlaced: bool = False
    hdr_transfer: str | None = None  # as ffmpeg names it: smpte2084 or arib-std-b67; None: standard dynamic range
    audio_channels: int | None = None
    base_rate: Fraction | None = None  # frames a second, at which all its pictures would have a place


class OpenVideo(NamedTuple):
    """A container that stands open, with the stream that is its picture."""

    container: InputContainer
    stream: VideoStream


class Boxes(NamedTuple):
    """The top level of an MP4."""

    is_faststart: bool
    is_complete: bool


def open_video(descriptor: int, *, bounds: Bounds) -> OpenVideo:
    """Open the file's picture; raises UnreadableMedia. The caller closes `container`."""
    try:
        opened = _open_picture(open_untrusted(descriptor, bounds=bounds))
        if opened.stream.codec_context is None or not opened.stream.width:  # its parameters come after what a quick look reads
            opened.container.close()
            opened = _open_picture(open_untrusted(descriptor, bounds=bounds, probe_bytes=None))
    except av.FFmpegError as error:
        raise UnreadableMedia(_reason(error)) from error
    _check(opened.stream, bounds)
    opened.stream.codec_context.options = {"codec_whitelist": ",".join(VIDEO_CODECS), "max_pixels": str(bounds.pixels)}
    opened.stream.codec_context.thread_count = 1
    return opened


def probe(opened: OpenVideo, descriptor: int) -> Probe:
    """Describe the video; decodes one picture, so what cannot be decoded raises UnreadableMedia."""
    container, stream = opened
    size = os.fstat(descriptor).st_size
    boxes = mp4_boxes(descriptor, size=size) if "mp4" in container.format.name else None
    if boxes and not boxes.is_complete:
        raise UnreadableMedia("The file ends too early: part of it is missing")
    frame = first_picture(opened)
    width, height = size_as_shown(frame, pixel_aspect=stream.sample_aspect_ratio)
    duration = duration_of(opened)
    audio = sound_of(opened)
    sound = audio.codec_context if audio else None
    return Probe(
        container=container.format.name,
        width=width,
        height=height,
        video_codec=stream.codec_context.codec.canonical_name,
        duration=duration,
        audio_codec=sound.codec.canonical_name if sound else None,
        has_audio=audio is not None,
        frame_rate=_frame_rate(stream.average_rate or stream.guessed_rate),
        base_rate=_frame_rate(stream.base_rate),
        bit_rate=_bit_rate(container, size=size, duration=duration),
        is_faststart=boxes.is_faststart if boxes else None,
        tags=_tags(container.metadata),
        picture_stream=stream.index,
        sound_stream=audio.index if audio else None,
        pixel_format=frame.format.name,
        video_profile=stream.codec_context.profile,
        is_stored_as_shown=turn_of(frame) is None and (width, height) == (frame.width, frame.height),
        is_interlaced=frame.interlaced_frame,
        hdr_transfer=HDR_TRANSFERS.get(frame.color_trc),
        audio_channels=sound.channels if sound else None,
    )


def sound_of(opened: OpenVideo) -> AudioStream | None:
    """What is heard with the picture, of whatever codec."""
    sound = opened.container.streams.best("audio")
    return sound if isinstance(sound, AudioStream) else None


def accepted_sound_of(opened: OpenVideo) -> AudioStream | None:
    """What is heard with the picture, ready to be decoded; None where its codec is not on our list."""
    sound = sound_of(opened)
    codec = sound.codec_context if sound else None
    if codec is None or codec.name not in AUDIO_CODECS:
        return None
    if not codec.is_open:
        codec.options = {"codec_whitelist": ",".join(AUDIO_CODECS)}
        codec.thread_count = 1
    return sound


def first_picture(opened: OpenVideo) -> VideoFrame:
    """The first keyframe that decodes; raises UnreadableMedia when there is none."""
    opened.stream.codec_context.skip_frame = "NONKEY"
    try:
        frame = next(pictures(opened), None)
    except av.FFmpegError as error:
        raise UnreadableMedia(_reason(error)) from error
    if frame is None:
        raise UnreadableMedia("No picture of it can be decoded: it is damaged or encrypted")
    return frame


def pictures(opened: OpenVideo) -> Iterator[VideoFrame]:
    """Decode from where the container stands, passing over a bounded number of damaged packets."""
    bad = 0
    for packet in islice(opened.container.demux(opened.stream), MOST_PACKETS_TO_A_PICTURE):
        try:
            yield from decoded(packet)
        except av.InvalidDataError:
            bad += 1
            if bad > MOST_BAD_PACKETS:
                return


def decoded(packet: Packet[VideoStream]) -> list[VideoFrame]:
    """Its pictures: none of an empty one, by which Ogg says that the last picture stays. Raises `av.InvalidDataError`."""
    return [] if packet.size == 0 and packet.buffer_ptr else packet.decode()


def duration_of(opened: OpenVideo) -> float | None:
    """Seconds; None where nothing sensible tells. May read the whole file and leave the container anywhere."""
    container, stream = opened
    if container.duration is not None:
        seconds = container.duration / av.time_base
    elif stream.duration is not None and stream.time_base is not None:
        seconds = float(stream.duration * stream.time_base)
    else:
        seconds = _duration_of_packets(opened)
    return seconds if 0 < seconds <= LONGEST_DURATION else None


def mp4_boxes(descriptor: int, *, size: int) -> Boxes:
    """Read the headers of the top-level boxes of an MP4 of `size` bytes."""
    offset = 0
    seen: list[bytes] = []
    while offset + 8 <= size and len(seen) < MOST_BOXES:
        header = os.pread(descriptor, 16, offset)
        length, kind = struct.unpack(">I4s", header[:8])
        if length == 1 and len(header) == 16:
            length = struct.unpack(">Q", header[8:])[0]
        elif length == 0:  # to the end of the file
            length = size - offset
        if length < 8:
            break
        seen.append(kind)
        offset += length
    faststart = b"moov" in seen and (b"mdat" not in seen or seen.index(b"moov") < seen.index(b"mdat"))
    return Boxes(is_faststart=faststart, is_complete=offset <= size)


def clean_text(text: str, *, longest: int = LONGEST_TAG) -> str:
    """An outsider's text as one bounded line without control, invisible or direction-changing characters."""
    spaced = "".join(" " if char.isspace() else char for char in text[: longest * 4])
    visible = "".join(char for char in spaced if unicodedata.category(char) not in ("Cc", "Cf", "Cs", "Co", "Cn") or char == "\u200d")
    return " ".join(unicodedata.normalize("NFC", visible).split())[:longest].strip()


def _open_picture(container: InputContainer) -> OpenVideo:
    stream = container.streams.best("video")
    if not isinstance(stream, VideoStream) or stream.disposition & Disposition.attached_pic:
        reason = "It has no moving picture, only sound" if container.streams.audio else "It has no picture"
        container.close()
        raise UnreadableMedia(reason)
    return OpenVideo(container, stream)


def _check(stream: VideoStream, bounds: Bounds) -> None:
    codec = stream.codec_context
    if codec is None:
        raise UnreadableMedia("Its codec is unknown")
    if codec.name not in VIDEO_CODECS:
        raise UnreadableMedia(f"Its codec, {codec.name}, is not accepted")
    if not stream.width or not stream.height:
        raise UnreadableMedia("Its picture has no size")
    if stream.width * stream.height > bounds.pixels:
        raise UnreadableMedia(f"Its picture of {stream.width} × {stream.height} pixels is too large")


def _duration_of_packets(opened: OpenVideo) -> float:
    """What recordings of a browser need: nobody wrote down how long they are."""
    container, stream = opened
    end = 0.0
    try:
        container.seek(0)
        for packet in islice(container.demux(stream), MOST_PACKETS_COUNTED):
            if packet.pts is not None and packet.time_base is not None:
                end = max(end, float((packet.pts + (packet.duration or 0)) * packet.time_base))
    except av.FFmpegError:
        return end
    return end


def _frame_rate(rate: Fraction | None) -> Fraction | None:
    return rate if rate and 0 < rate <= HIGHEST_FRAME_RATE else None


def _bit_rate(container: InputContainer, *, size: int, duration: float | None) -> int | None:
    rate = container.bit_rate or (round(size * 8 / duration) if duration else 0)
    return rate if 0 < rate <= HIGHEST_BIT_RATE else None


def _tags(metadata: dict[str, str]) -> dict[str, str]:
    lower = {key.lower(): value for key, value in metadata.items()}
    cleaned = {name: clean_text(lower[name]) for name in TAGS if name in lower}
    return {name: text for name, text in cleaned.items() if text}


def _reason(error: av.FFmpegError) -> str:
    """What is wrong with the file, for a person; raises the error again where it is this process that has run out."""
    if isinstance(error, OUT_OF_RESOURCES):
        raise error
    if isinstance(error, av.error.ArgumentError):  # what a format off the list ends with
        return "It is no video file, whatever its name says"
    return "It is damaged, incomplete or no video"
