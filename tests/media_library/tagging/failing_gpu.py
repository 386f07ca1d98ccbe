"""The process of networks on a machine whose GPU fails whenever it is asked for: `python -m tests.media_library.tagging.failing_gpu`."""

from __future__ import annotations

from pathlib import Path

from media_library.tagging import process, taggers
from media_library.tagging.taggers import GpuUnusable, Tagger

load_as_it_is = taggers.load


def load(network: Path | None, *, vram: int) -> Tagger:
    if vram:
        raise GpuUnusable("The GPU failed at the network: CUDA failure 999")
    return load_as_it_is(network, vram=vram)


if __name__ == "__main__":
    process.has_cuda = lambda: True
    taggers.load = load
    process.main()
