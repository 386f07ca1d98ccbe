"""What a worker's jobs share when they have strangers' files read."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from jobs.inspecting import inspectors, one_for_all
from media_library.ffmpeg.inspectors import Inspectors
from tests.conftest import Clips

JOBS = 3  # of different lanes


def test_no_job_waits_for_another_that_looks_through_a_whole_video(clips: Clips) -> None:
    video, together = clips.plain, Barrier(JOBS, timeout=60)

    def look(_: int) -> bytes:
        met: list[int] = []

        def meet(progress: float | None) -> None:
            if not met:
                met.append(together.wait())

        with video.open("rb") as clip:
            return inspectors().ask("sprite", clip.fileno(), follow=meet).made

    with ThreadPoolExecutor(JOBS) as jobs:
        assert all(jobs.map(look, range(JOBS)))


def test_threads_that_first_ask_together_share_one_pool() -> None:
    made: list[Inspectors] = []

    def make() -> Inspectors:
        made.append(Inspectors(1))
        time.sleep(0.2)  # for the others to come
        return made[-1]

    get = one_for_all(make)
    with ThreadPoolExecutor(JOBS) as jobs:
        pools = [job.result() for job in [jobs.submit(get) for _ in range(JOBS)]]

    assert pools == made * JOBS
