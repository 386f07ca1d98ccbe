"""A network in a process of its own, as those see it who have pictures tagged."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from types import TracebackType
from typing import Any, Self

from media_library.ffmpeg.errors import GpuFailed, InspectionCrashed, InspectionHung, UnreadableMedia
from media_library.ffmpeg.inspectors import Follow, Inspectors, Limits

PROGRAM = "media_library.tagging.process"
OUR_NETWORK = "efficientnet-lite0"
SECONDS_OF_SILENCE = 300.0  # loading a large network from a slow disk, or looking at all pictures of a video
GPU_ENVIRONMENT = ("CUDA_VISIBLE_DEVICES", "NVIDIA_VISIBLE_DEVICES", "LD_LIBRARY_PATH", "CUDA_PATH")


class TaggingFailed(Exception):
    """The network cannot be used, whatever the video; `str(error)` is a sentence for a person."""


@dataclass(frozen=True)
class Loaded:
    """What is known of a network once it is loaded."""

    edge: int  # pixels of the squares that it looks at
    uses_gpu: bool


class Machine:
    """One process with one network, for the length of a `with` block.

    `network`: a file with its prompts beside it, None: ours. `vram`: MiB of a GPU that it may take, 0: none; where this machine's
    onnxruntime has no CUDA it takes none. `memory`: MiB of address space that it may take without a GPU.
    """

    def __init__(self, network: Path | None, *, vram: int, memory: int) -> None:
        self._options = {"network": str(network) if network else None, "vram": vram}
        self.name = network.stem if network else OUR_NETWORK
        environment: Mapping[str, str] = {name: os.environ[name] for name in GPU_ENVIRONMENT if name in os.environ} if vram else {}
        limits = Limits(timeout=SECONDS_OF_SILENCE, memory=0 if vram else memory * 2**20)
        self._process = Inspectors(1, limits=limits, program=PROGRAM, environment=environment)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._process.__exit__(kind, error, trace)

    def load(self, follow: Follow) -> Loaded:
        """Load the network. Raises `TaggingFailed`, `GpuFailed`, and what `follow` raises."""
        return Loaded(**self._ask("load", b"", follow))

    def tags(self, pictures: bytes, follow: Follow) -> dict[str, float]:
        """The scores, 0 to 1, of the tags of a video of which these are squares. Raises as `load` does."""
        tags: dict[str, float] = self._ask("tag", pictures, follow)["tags"]
        return tags

    def _ask(self, task: str, pictures: bytes, follow: Follow) -> dict[str, Any]:
        with TemporaryFile() as file:
            file.write(pictures)
            file.flush()
            try:
                found = self._process.ask(task, file.fileno(), follow=follow, **self._options).found
            except InspectionHung as error:
                raise TaggingFailed(f"The network said nothing for {SECONDS_OF_SILENCE:g} seconds") from error
            except InspectionCrashed as error:
                raise TaggingFailed("The network crashed the process that ran it: it is damaged, or AI_MEMORY_MB is too little") from error
            except UnreadableMedia as error:
                raise TaggingFailed(str(error)) from error
        if failed := found.get("gpu_failed"):
            raise GpuFailed(failed)
        return found
