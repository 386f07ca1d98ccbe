"""Uploads by tus 1.0.0, as a client sees them."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from pathlib import Path

from jobs.models import Job
from media_library.models import Video
from tests.conftest import Clips
from tests.jobs.running import run_to_the_end
from tests.media_library.uploads.conftest import Tus

PartOf = Callable[[str], Path]


def checksum(data: bytes, algorithm: str = "sha1") -> str:
    return f"{algorithm} {base64.b64encode(hashlib.new(algorithm, data).digest()).decode()}"


def test_a_video_that_came_in_pieces_is_in_the_inbox_and_then_in_the_library(tus: Tus, library: Path, clips: Clips) -> None:
    content = clips.plain.read_bytes()
    address = tus.created(len(content))

    first = tus.piece(address, 0, content[:1000])
    last = tus.piece(address, 1000, content[1000:])

    assert (first.status_code, first["Upload-Offset"]) == (204, "1000")
    assert "Upload-Expires" in first
    assert (last.status_code, last["Upload-Offset"]) == (204, str(len(content)))
    assert (library / "inbox" / "holiday.mp4").read_bytes() == content
    assert list((library / "inbox" / ".uploads").iterdir()) == []
    facts = tus.facts(address)
    assert (facts["status"], facts["path"], facts["jobId"]) == ("finished", "inbox/holiday.mp4", int(last["Upload-Job"]))
    job = run_to_the_end(Job.objects.get(pk=facts["jobId"]))
    assert (job.type, (job.result or {})["new"]) == ("scan", 1)
    assert Video.objects.get(path="inbox/holiday.mp4").is_valid
