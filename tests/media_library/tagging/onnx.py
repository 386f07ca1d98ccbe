"""Tiny networks in ONNX, written without its library: https://github.com/onnx/onnx/blob/main/onnx/onnx.proto has the fields' numbers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

FLOAT, OPSET, IR_VERSION = 1, 17, 8


def mean_colour(path: Path, *, edge: int = 8) -> Path:
    """A network whose vector for a picture is its mean colour, `float32 (n, 3)`: the half of CLIP that sees, made simple."""
    nodes = [_node("GlobalAveragePool", "pixel_values", "pooled"), _node("Flatten", "pooled", "image_embeds")]
    return _write(path, nodes, ["n", 3, edge, edge])


def of_no_pictures(path: Path) -> Path:
    """A network that takes a row of numbers."""
    return _write(path, [_node("Identity", "pixel_values", "image_embeds")], ["n", 3])


def colour_prompts(network: Path, *, is_sigmoid: bool = False, dimensions: int = 3) -> Path:
    """Prompts for `mean_colour`: red, green and blue; and grey, which only competes."""
    vectors = np.array([[1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 1]], np.float32)[:, :dimensions] + np.float32(1e-6)
    target = network.with_suffix(".npz")
    np.savez(
        target,
        tags=np.array(["red", "green", "blue", ""]),
        vectors=vectors / np.linalg.norm(vectors, axis=1, keepdims=True),
        mean=np.zeros(3, np.float32),
        std=np.ones(3, np.float32),
        scale=np.float32(20.0),
        bias=np.float32(-15.0 if is_sigmoid else 0.0),
        is_sigmoid=np.bool_(is_sigmoid),
    )
    return target


def _write(path: Path, nodes: Sequence[bytes], shape: Sequence[int | str]) -> Path:
    inputs, outputs = _value("pixel_values", shape), _value("image_embeds", ["n", 3])
    graph = b"".join(_field(1, node) for node in nodes) + _field(2, b"tiny") + _field(11, inputs) + _field(12, outputs)
    path.write_bytes(_field(1, IR_VERSION) + _field(8, _field(2, OPSET)) + _field(7, graph))
    return path


def _node(operation: str, taken: str, given: str) -> bytes:
    return _field(1, taken.encode()) + _field(2, given.encode()) + _field(4, operation.encode())


def _value(name: str, shape: Sequence[int | str]) -> bytes:
    dimensions = b"".join(_field(1, _field(1, size) if isinstance(size, int) else _field(2, size.encode())) for size in shape)
    return _field(1, name.encode()) + _field(2, _field(1, _field(1, FLOAT) + _field(2, dimensions)))


def _field(number: int, value: int | bytes) -> bytes:
    if isinstance(value, int):
        return _varint(number << 3) + _varint(value)
    return _varint(number << 3 | 2) + _varint(len(value)) + value


def _varint(value: int) -> bytes:
    low, rest = value & 0x7F, value >> 7
    return bytes([low | 0x80]) + _varint(rest) if rest else bytes([low])
