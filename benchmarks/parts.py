"""What a second machine gains a long encode: `python benchmarks/jobs.py parts`.

Two workers with a processor's core each stand for two machines: what they share in earnest, a network, is not measured.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

from django.conf import settings

from jobs import parts, services
from jobs.models import Job, Pipeline
from media_library.models import Video

LONGEST = 900.0  # seconds


def measure_parts(video: Video) -> float | None:
    """How many times as fast two machines encode a video as one; None where this system cannot give a process a core."""
    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    if len(cores) < 2:
        return None
    with ExitStack() as machines:
        machines.enter_context(_machine("one", cores[0]))
        _await(lambda: parts.machines() == 1)
        alone = _encoded_in(video, action="encoded")
        machines.enter_context(_machine("two", cores[1]))
        _await(lambda: parts.machines() == 2)
        time.sleep(settings.BEAT_SECONDS)  # until they know of each other
        together = _encoded_in(video, action="cut")
    print(f"{'parts':<12}one machine: {alone:.1f} s | two: {together:.1f} s", flush=True)
    return alone / together


@contextmanager
def _machine(name: str, core: int) -> Iterator[None]:
    """A worker of the lane of encodes on one core."""
    env = {**os.environ, "NODE_NAME": name, "ENCODE_IN_PARTS_FROM_MINUTES": "0.1", "LOG_LEVEL": "WARNING"}
    env |= {"LIBRARY_ROOT": str(settings.LIBRARY_ROOT), "THUMBNAIL_ROOT": str(settings.THUMBNAIL_ROOT)}
    command = [
        sys.executable,
        "-m",
        "celery",
        "--app",
        "config",
        "worker",
        "--queues",
        "gpu_encode",
        "--concurrency",
        "1",
        "--loglevel",
        "ERROR",
    ]
    worker = subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL, preexec_fn=lambda: os.sched_setaffinity(0, {core}))
    try:
        yield
    finally:
        worker.send_signal(signal.SIGTERM)
        worker.wait()


def _encoded_in(video: Video, *, action: str) -> float:
    """Seconds until the video is encoded."""
    began = time.monotonic()
    job = services.submit("reencode_streaming", {"videoId": video.pk, "alwaysEncode": True})
    _await(lambda: Job.objects.filter(pk=job.pk).exclude(completed_at=None).exists())
    job.refresh_from_db()
    assert job.result is not None and job.result["action"] == action, (job.error, job.log)
    if action == "cut":
        _await(lambda: not Pipeline.objects.filter(jobs=job, status=Pipeline.Status.RUNNING).exists())
        assert Pipeline.objects.get(jobs=job).status == Pipeline.Status.COMPLETED
    return time.monotonic() - began


def _await(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + LONGEST
    while not condition():
        if time.monotonic() > deadline:
            raise SystemExit("The workers do nothing")
        time.sleep(0.1)
