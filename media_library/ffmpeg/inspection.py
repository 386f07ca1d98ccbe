"""What one trip to a file finds out, and how the process that makes it tells us."""

from __future__ import annotations

import gc
import json
import os
import struct
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from fractions import Fraction
from socket import recv_fds, socket
from typing import Any

from media_library.ffmpeg.errors import InspectionCrashed
from media_library.ffmpeg.probe import Probe

READY = b"ready"  # what a process says once it has given up what it does not need
LONGEST_MESSAGE = 16 * 1024  # bytes: it may hold a path
LENGTHS = struct.Struct(">II")  # of the description and of what was made, bytes
LONGEST_DESCRIPTION = 256 * 1024  # bytes
LARGEST_MADE = 32 * 1024 * 1024  # bytes of a poster, a sprite, a hover preview
RATES = ("frame_rate", "base_rate")  # of a probe: fractions, sent as texts
IMPOSSIBLE = "Reading it gave an impossible answer"


@dataclass(frozen=True)
class Answer:
    """What the other process says of a file.

    `progress`, 0 to 1, is all that it says while it works; `reason`, for a person, is why the file gives nothing.
    """

    found: dict[str, Any] = field(default_factory=dict)
    made: bytes = b""
    reason: str = ""
    progress: float | None = None


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

    def as_answer(self) -> Answer:
        probe = self.probe and asdict(self.probe) | {name: _text(getattr(self.probe, name)) for name in RATES}
        return Answer(found={"oshash": self.oshash, "probe": probe}, made=self.poster or b"", reason=self.reason)

    @classmethod
    def of_answer(cls, answer: Answer) -> Inspection:
        """Raises `InspectionCrashed` where it is none."""
        try:
            told = answer.found["probe"]
            probe = told and Probe(**told | {name: _fraction(told[name]) for name in RATES})
            return cls(oshash=str(answer.found["oshash"]), probe=probe, poster=answer.made or None, reason=answer.reason)
        except (ValueError, TypeError, KeyError, ZeroDivisionError) as error:
            raise InspectionCrashed(IMPOSSIBLE) from error


def serve(perform: Callable[[socket, int, str, dict[str, Any]], Answer]) -> None:
    """Answer what is asked through the socket that is our standard input, until nobody asks any more.

    Each message is one JSON line, a task and its options, with one descriptor beside it; `perform` gets the socket, too, to
    tell progress.
    """
    connection = socket(fileno=sys.stdin.fileno())
    gc.collect()
    gc.freeze()  # what is here now stays: later collections need not look at it
    connection.sendall(READY)
    while True:
        message, descriptors, _, _ = recv_fds(connection, LONGEST_MESSAGE, maxfds=1)
        if not message:
            return
        request = json.loads(message)
        try:
            send(connection, perform(connection, descriptors[0], request["task"], request["options"]))
        finally:
            os.close(descriptors[0])
            gc.collect()  # decoders hang in reference cycles, and their memory is not what Python counts


def send(connection: socket, answer: Answer) -> None:
    description = json.dumps({"found": answer.found, "reason": answer.reason, "progress": answer.progress}).encode()
    connection.sendall(LENGTHS.pack(len(description), len(answer.made)) + description + answer.made)


def receive(connection: socket) -> Answer:
    """Read what `send` wrote; the sender has read a stranger's file, so its word is checked.

    Raises InspectionCrashed when the sender is gone or talks nonsense, TimeoutError when it is silent.
    """
    description_length, made_length = LENGTHS.unpack(exactly(connection, LENGTHS.size))
    if description_length > LONGEST_DESCRIPTION or made_length > LARGEST_MADE:
        raise InspectionCrashed(IMPOSSIBLE)
    try:
        told: dict[str, Any] = json.loads(exactly(connection, description_length))
        progress = None if told["progress"] is None else float(told["progress"])
        answer = Answer(found=dict(told["found"]), reason=str(told["reason"]), progress=progress)
    except (ValueError, TypeError, KeyError) as error:
        raise InspectionCrashed(IMPOSSIBLE) from error
    return Answer(answer.found, exactly(connection, made_length), answer.reason, answer.progress)


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
