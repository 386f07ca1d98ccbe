"""The process in which networks run: `python -m media_library.tagging.process OPTIONS`, spoken to as `media_library.ffmpeg.worker` is.

It ends with the job that needs it, and what it held of a GPU is free again; a network that crashes takes no other job with it. The
pictures come in the descriptor. It imports no Django, holds no secret, writes no file.
"""

from __future__ import annotations

import json
import os
import sys
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime

from media_library.ffmpeg import sandbox
from media_library.ffmpeg.inspection import Answer, serve
from media_library.tagging import taggers
from media_library.tagging.taggers import CUDA, GpuUnusable, ModelUnusable, Tagger
from media_library.tagging.votes import vote

LEAST_WORTH_TELLING = 0.01  # a score below it is none


def main() -> None:
    options = json.loads(sys.argv[1])
    if options["memory"]:
        sandbox.enter(parent=options["parent"], memory=options["memory"])
    else:
        sandbox.follow(options["parent"])  # CUDA wants address space and files without end
    serve(lambda connection, descriptor, task, how: _answer(task, descriptor, **how))


def _answer(task: str, descriptor: int, *, network: str | None, vram: int) -> Answer:
    try:
        vram = vram if has_cuda() else 0
        tagger = _tagger(network, vram)
        if task == "load":
            return Answer(found={"edge": tagger.edge, "uses_gpu": bool(vram)})
        return Answer(found={"tags": _tags(tagger, descriptor)})
    except ModelUnusable as error:
        return Answer(reason=str(error))
    except GpuUnusable as error:
        return Answer(found={"gpu_failed": str(error)})


def has_cuda() -> bool:
    """Whether this onnxruntime was built with it."""
    return CUDA in onnxruntime.get_available_providers()


@cache
def _tagger(network: str | None, vram: int) -> Tagger:
    return taggers.load(Path(network) if network else None, vram=vram)


def _tags(tagger: Tagger, descriptor: int) -> dict[str, float]:
    size = os.fstat(descriptor).st_size
    pictures: Any = np.frombuffer(os.pread(descriptor, size, 0), np.uint8).reshape(-1, tagger.edge, tagger.edge, 3)
    scores = vote(list(tagger.tags(pictures)))
    return {tag: round(score, 4) for tag, score in scores.items() if score >= LEAST_WORTH_TELLING}


if __name__ == "__main__":
    main()
