"""Networks in a process of their own: what they see, and what is said of those that cannot be used."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps

from media_library.ffmpeg.inspectors import PROJECT
from media_library.tagging import taggers
from media_library.tagging.machine import Machine, TaggingFailed
from media_library.tagging.taggers import ModelUnusable
from tests.media_library.tagging import onnx

PICTURES = Path(__file__).parent / "pictures"


def go_on(progress: float | None) -> None:
    """Nobody watches."""


@pytest.fixture(scope="module")
def ours() -> Iterator[Machine]:
    with Machine(None, vram=0, memory=4096) as machine:
        yield machine


def square(name: str, edge: int) -> bytes:
    return ImageOps.fit(Image.open(PICTURES / name).convert("RGB"), (edge, edge), Image.Resampling.BICUBIC).tobytes()


def plain(*colour: int, edge: int = 8, count: int = 1) -> bytes:
    return np.full((count, edge, edge, 3), colour, np.uint8).tobytes()


@pytest.mark.parametrize(("picture", "tags"), [("chelsea.jpg", {"animal", "cat"}), ("coffee.jpg", {"food", "drink", "coffee"})])
def test_our_network_sees_what_a_photograph_shows(ours: Machine, picture: str, tags: set[str]) -> None:
    edge = ours.load(go_on).edge

    seen = ours.tags(square(picture, edge), go_on)

    assert {tag for tag, score in seen.items() if score > 0.5} == tags
    assert sum(score > 0.3 for score in seen.values()) == len(tags)


def test_without_cuda_a_network_runs_on_the_processor() -> None:
    with Machine(None, vram=1024, memory=4096) as machine:
        assert not machine.load(go_on).uses_gpu


def test_a_network_of_ones_own_fits_pictures_to_prompts(tmp_path: Path) -> None:
    network = onnx.mean_colour(tmp_path / "clip.onnx")
    onnx.colour_prompts(network)

    with Machine(network, vram=0, memory=4096) as machine:
        edge = machine.load(go_on).edge
        red, grey = machine.tags(plain(250, 10, 10, count=5), go_on), machine.tags(plain(200, 200, 200), go_on)

    assert (edge, machine.name) == (8, "clip")
    assert red["red"] > 0.95 and "" not in red
    assert max(grey.values(), default=0.0) < 0.01, "what fits a prompt without a tag best is none of the others"


def test_prompts_may_be_judged_each_by_itself(tmp_path: Path) -> None:
    network = onnx.mean_colour(tmp_path / "siglip.onnx")
    onnx.colour_prompts(network, is_sigmoid=True)

    with Machine(network, vram=0, memory=4096) as machine:
        seen = machine.tags(plain(250, 0, 0), go_on)

    assert seen == {"red": pytest.approx(0.9933, abs=0.001)}


def test_what_cannot_be_used_is_said_in_a_sentence(tmp_path: Path) -> None:
    missing, broken, rows, lonely, misread = (tmp_path / f"{name}.onnx" for name in ("missing", "broken", "rows", "lonely", "misread"))
    broken.write_bytes(b"\x08\x08" + b"no network" * 100)
    onnx.colour_prompts(onnx.of_no_pictures(rows))
    onnx.mean_colour(lonely)
    onnx.mean_colour(misread).with_suffix(".npz").write_bytes(b"no prompts")

    def complaint(network: Path) -> str:
        with pytest.raises(ModelUnusable) as refusal:
            taggers.load(network, vram=0)
        return str(refusal.value)

    assert complaint(missing) == f"There is no network at {missing} that can be read"
    assert complaint(broken).startswith("The network cannot be used: ")
    assert complaint(rows) == "rows.onnx does not take pictures and give a row of numbers for each"
    assert complaint(lonely) == f"There are no prompts at {lonely.with_suffix('.npz')}: models/embed_prompts.py makes them"
    assert complaint(misread) == "misread.npz is not what models/embed_prompts.py writes"


def test_prompts_of_another_network_are_refused(tmp_path: Path) -> None:
    network = onnx.mean_colour(tmp_path / "clip.onnx")
    onnx.colour_prompts(network, dimensions=2)

    with Machine(network, vram=0, memory=4096) as machine, pytest.raises(TaggingFailed, match="another network's texts"):
        machine.tags(plain(0, 0, 0), go_on)


def test_a_network_that_ends_its_process_fails_and_no_more(tmp_path: Path) -> None:
    with Machine(None, vram=0, memory=200) as machine, pytest.raises(TaggingFailed, match="AI_MEMORY_MB"):
        machine.load(go_on)


STARTED = """
import django, sys
django.setup()
from django.urls import get_resolver
import jobs.handlers
assert get_resolver().url_patterns
print({"numpy", "onnxruntime"} & sys.modules.keys())
"""


def test_neither_the_web_server_nor_a_worker_loads_what_networks_need() -> None:
    environment = os.environ | {"DJANGO_SETTINGS_MODULE": "config.settings"}

    started = subprocess.run([sys.executable, "-c", STARTED], env=environment, cwd=PROJECT, capture_output=True, text=True, check=True)

    assert started.stdout.strip() == "set()"
