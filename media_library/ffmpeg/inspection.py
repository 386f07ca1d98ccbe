"""What one trip to a file finds out, and how a process tells it to another."""

from __future__ import annotations

import json
import struct
from dataclasses import asdict, dataclass
from fractions import Fraction
from socket import socket
from typing import Any

from media_library.ffmpeg.errors import InspectionCrashed
from media_library.ffmpeg.probe import Probe

READY = b"ready"  # what a process says once it has given up what it does not need
LENGTHS = struct.Struct(">II")  # of the description and of the poster, bytes
LONGEST_DESCRIPTION = 64 * 1024  # bytes
LARGEST_POSTER = 4 * 1024 * 1024  # bytes


@dataclass(frozen=True)
class Inspection:
    """A file's identity and, where it is a video that we accept, its probe; `reason` says why it is not.

    It is not conclusive when the process that read the file was ended: another look may show more.
    """

    oshash: str = ""
    probe: Probe | None = None
    poster: bytes | None = None  # WebP; None when it was not asked for or none could be made
    reason: str = ""
    is_conclusive: bool = True


def send(connection: socket, inspection: Inspection) -> None:
    probe = inspection.probe and asdict(inspection.probe) | {"frame_rate": _text(inspection.probe.frame_rate)}
    description = json.dumps({"oshash": inspection.oshash, "probe": probe, "reason": inspection.reason}).encode()
    poster = inspection.poster or b""
    connection.sendall(LENGTHS.pack(len(description), len(poster)) + description + poster)


def receive(connection: socket) -> Inspection:
    """Read what `send` wrote; the sender has read a stranger's file, so its word is checked.

    Raises InspectionCrashed when the sender is gone or talks nonsense, TimeoutError when it is silent.
    """
    description_length, poster_length = LENGTHS.unpack(exactly(connection, LENGTHS.size))
    if description_length > LONGEST_DESCRIPTION or poster_length > LARGEST_POSTER:
        raise InspectionCrashed("Reading it gave an impossible answer")
    try:
        answer: dict[str, Any] = json.loads(exactly(connection, description_length))
        probe = answer["probe"] and Probe(**answer["probe"] | {"frame_rate": _fraction(answer["probe"]["frame_rate"])})
    except (ValueError, TypeError, KeyError, ZeroDivisionError) as error:
        raise InspectionCrashed("Reading it gave an impossible answer") from error
    poster = exactly(connection, poster_length) or None
    return Inspection(oshash=str(answer["oshash"]), probe=probe, poster=poster, reason=str(answer["reason"]))


def exactly(connection: socket, length: int) -> bytes:
    parts = bytearray()
    while len(parts) < length:
        part = connection.recv(min(length - len(parts), 1 << 20))
        if not part:
            raise InspectionCrashed("Reading it crashed the process that tried")
        parts += part
    return bytes(parts)


def _text(rate: Fraction | None) -> str | None:
    return None if rate is None else f"{rate.numerator}/{rate.denominator}"


def _fraction(text: str | None) -> Fraction | None:
    return None if text is None else Fraction(text)
