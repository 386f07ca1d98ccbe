"""Networks that say of pictures which tags fit, run by onnxruntime. Only the process of `process` imports this."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from media_library.tagging import vocabulary
from media_library.tagging.vocabulary import Vocabulary

Pictures = NDArray[np.uint8]  # (n, edge, edge, 3), RGB
THREADS = 2  # of one network: other jobs want the processor, too
BATCH = 4  # pictures that go through a network at once: each takes memory
CPU, CUDA = "CPUExecutionProvider", "CUDAExecutionProvider"
LARGEST_EDGE = 448  # pixels
MOST_TAGS = 2_000
KINDS: dict[str, type[np.generic]] = {"tensor(uint8)": np.uint8, "tensor(float)": np.float32, "tensor(float16)": np.float16}
WANTS_MEMORY = ("bad_alloc", "Failed to allocate", "pthread_create failed")  # as onnxruntime says it
CROPPED = 32 / 256  # of a square's edge, what the classifiers' evaluation leaves out around it


class ModelUnusable(Exception):
    """The network cannot be used; `str(error)` is a sentence for a person."""


class GpuUnusable(Exception):
    """The GPU did not do its part; the processor may do the same work."""


class Tagger(Protocol):
    """What says which tags fit a picture."""

    edge: int  # pixels of the squares that it looks at

    def tags(self, pictures: Pictures) -> Iterator[dict[str, float]]:
        """For each picture how well tags fit, 0 to 1."""
        ...


def load(network: Path | None, *, vram: int) -> Tagger:
    """The network of a file with its prompts beside it, or our own; `vram` is the MiB of a GPU that it may take, 0: none.

    Raises `ModelUnusable` or `GpuUnusable`.
    """
    if network is None:
        return ClassTagger(Network.open(vocabulary.BUNDLED_NETWORK, vram=vram), vocabulary.read())
    return PromptTagger(Network.open(network, vram=vram), Prompts.read(network.with_suffix(".npz")))


@dataclass(frozen=True)
class Network:
    """A session of onnxruntime with one input of pictures, whose output is a row of numbers for each."""

    session: onnxruntime.InferenceSession
    input: str
    shape: list[Any]
    kind: type[np.generic]
    output: str

    @classmethod
    def open(cls, path: Path, *, vram: int) -> Network:
        """Raises `ModelUnusable` or `GpuUnusable`."""
        if not (os.access(path, os.R_OK) and path.is_file()):
            raise ModelUnusable(f"There is no network at {path} that can be read")
        session = _session(path, vram=vram)
        inputs, rows = session.get_inputs(), [node.name for node in session.get_outputs() if len(node.shape) == 2]
        if len(inputs) != 1 or len(inputs[0].shape) != 4 or inputs[0].type not in KINDS or not rows:
            raise ModelUnusable(f"{path.name} does not take pictures and give a row of numbers for each")
        output = next((name for name in rows if name.endswith("embeds")), rows[0])  # some give the row before the last layer, too
        return cls(session, inputs[0].name, list(inputs[0].shape), KINDS[inputs[0].type], output)

    def run(self, batch: NDArray[Any]) -> NDArray[np.float32]:
        """Raises `ModelUnusable` or `GpuUnusable`."""
        try:
            (rows,) = self.session.run([self.output], {self.input: batch.astype(self.kind, copy=False)})
        except Exception as error:  # onnxruntime's share no class, and bad networks fail in all of them
            raise _blame(error, on_gpu=CUDA in self.session.get_providers()) from error
        rows = np.asarray(rows, np.float32)
        if not np.isfinite(rows).all():
            raise ModelUnusable("The network gave what is no number")
        return rows


def _session(path: Path, *, vram: int) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = THREADS
    options.inter_op_num_threads = 1
    options.log_severity_level = 4  # it speaks by exceptions
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    if vram:
        onnxruntime.preload_dlls()  # of CUDA, where they come in wheels
    cuda = (CUDA, {"gpu_mem_limit": vram * 2**20, "arena_extend_strategy": "kSameAsRequested"})
    try:
        session = onnxruntime.InferenceSession(str(path), options, providers=[cuda, CPU] if vram else [CPU])
    except Exception as error:  # as above
        raise _blame(error, on_gpu=bool(vram)) from error
    if vram and CUDA not in session.get_providers():  # it would go on without a word
        raise GpuUnusable("onnxruntime has CUDA, and could not start it")
    return session


def _blame(error: Exception, *, on_gpu: bool) -> Exception:
    said = " ".join(str(error).split())[:300]
    if on_gpu and any(word in said for word in ("CUDA", "CUDNN", "CUBLAS", "BFCArena")):
        return GpuUnusable(f"The GPU failed at the network: {said}")
    if isinstance(error, MemoryError) or any(words in said for words in WANTS_MEMORY):
        return ModelUnusable("The network wants more memory than AI_MEMORY_MB allows")
    return ModelUnusable(f"The network cannot be used: {said}")


class ClassTagger:
    """A classifier that takes pictures as they are and gives the probabilities of the classes that a vocabulary names."""

    def __init__(self, network: Network, words: Vocabulary) -> None:
        self._network = network
        self._words = words
        self._inner = int(network.shape[1])
        self.edge = round(self._inner / (1 - CROPPED))

    def tags(self, pictures: Pictures) -> Iterator[dict[str, float]]:
        margin = (self.edge - self._inner) // 2
        middles = pictures[:, margin : margin + self._inner, margin : margin + self._inner]
        for start in range(0, len(middles), BATCH):
            for probabilities in self._network.run(middles[start : start + BATCH]):
                yield self._words.of(probabilities)


@dataclass(frozen=True)
class Prompts:
    """What `models/embed_prompts.py` has written: a unit vector for each prompt, and how its network sees pictures."""

    tags: list[str]  # '' is a prompt that only competes
    vectors: NDArray[np.float32]
    mean: NDArray[np.float32]
    std: NDArray[np.float32]
    scale: float
    bias: float
    is_sigmoid: bool  # each prompt by itself; else they compete

    @classmethod
    def read(cls, path: Path) -> Prompts:
        """Raises `ModelUnusable`."""
        try:
            with np.load(path, allow_pickle=False) as file:
                prompts = cls(
                    tags=[str(tag) for tag in file["tags"]],
                    vectors=np.asarray(file["vectors"], np.float32),
                    mean=np.asarray(file["mean"], np.float32).reshape(3),
                    std=np.asarray(file["std"], np.float32).reshape(3),
                    scale=float(file["scale"]),
                    bias=float(file["bias"]),
                    is_sigmoid=bool(file["is_sigmoid"]),
                )
        except FileNotFoundError as error:
            raise ModelUnusable(f"There are no prompts at {path}: models/embed_prompts.py makes them") from error
        except Exception as error:  # zip, NumPy and our reshaping each refuse in their own way
            raise ModelUnusable(f"{path.name} is not what models/embed_prompts.py writes") from error
        if prompts.vectors.ndim != 2 or not 0 < len(prompts.tags) == len(prompts.vectors) <= MOST_TAGS:
            raise ModelUnusable(f"{path.name} does not have a vector for each of 1 to {MOST_TAGS:,} tags")
        return prompts


class PromptTagger:
    """The half of CLIP or SigLIP that sees: a picture fits a prompt as far as their vectors point the same way."""

    def __init__(self, network: Network, prompts: Prompts) -> None:
        self._network = network
        self._prompts = prompts
        edge = network.shape[3]
        self.edge = edge if isinstance(edge, int) and 0 < edge <= LARGEST_EDGE else 224

    def tags(self, pictures: Pictures) -> Iterator[dict[str, float]]:
        for start in range(0, len(pictures), BATCH):
            seen = self._network.run(self._as_trained(pictures[start : start + BATCH]))
            if seen.shape[1] != self._prompts.vectors.shape[1]:
                raise ModelUnusable("The prompts were made with another network's texts")
            for scores in self._fit(seen / np.linalg.norm(seen, axis=1, keepdims=True)):
                yield {tag: float(score) for tag, score in zip(self._prompts.tags, scores, strict=True) if tag}

    def _as_trained(self, pictures: Pictures) -> NDArray[np.float32]:
        batch = (pictures.astype(np.float32) / 255 - self._prompts.mean) / self._prompts.std
        return np.ascontiguousarray(batch.transpose(0, 3, 1, 2))

    def _fit(self, seen: NDArray[np.float32]) -> NDArray[np.float32]:
        logits = seen @ self._prompts.vectors.T * self._prompts.scale + self._prompts.bias
        if self._prompts.is_sigmoid:
            return np.asarray(1 / (1 + np.exp(-logits)), np.float32)
        exponents = np.exp(logits - logits.max(axis=1, keepdims=True))
        return np.asarray(exponents / exponents.sum(axis=1, keepdims=True), np.float32)
