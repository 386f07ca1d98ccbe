"""A job type that holds GPU memory while a real ffmpeg works for a second; for want of a GPU it works on the processor.

Workers know it when they are started with `include="tests.chaos.encodes_in_workers"`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import Field

from jobs import registry, services
from jobs.context import JobContext
from jobs.models import Job, Lane
from jobs.registry import Params, job_type

NAME = "encode_for_chaos"
NEEDS = (1024, 2048, 3072)  # MiB
NODE_VRAM = 4096  # MiB: of most pairs one has to wait


class EncodeParams(Params):
    duration: float = Field(1.0, gt=0, le=60, description="seconds, of the clip and of the work")


def register() -> None:
    @job_type(NAME, lane=Lane.GPU_ENCODE, params=EncodeParams, vram=NEEDS[0], has_cpu_path=False)
    def encode(context: JobContext, params: EncodeParams) -> dict[str, Any]:
        """A test picture, drawn no faster than it is to be looked at."""
        target = Path("playback") / f"{context.job_id}.mp4"
        draft = context.draft(target)
        picture = ("-re", "-f", "lavfi", "-i", f"testsrc2=size=160x90:rate=10:duration={params.duration}")
        codec = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p")
        context.run([*picture, *codec, "-f", "mp4", f"file:{draft}"], duration=params.duration)
        return {"path": str(context.finish(draft, target, duration=params.duration).path)}


def register_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Know the type until the test is over."""
    monkeypatch.setattr(registry, "_types", dict(registry._types))
    register()


def encode(vram: int) -> Job:
    """A submitted job that wants so many MiB."""
    return services.submit(NAME, {"duration": 1.0}, vram_required=vram)
