"""Make the prompts of a CLIP or SigLIP network, which the product reads beside it: `AI_MODEL_PATH`.

    python embed_prompts.py --text text_model.onnx --tokenizer tokenizer.json --prompts prompts.txt --network vision_model.onnx

Writes `vision_model.npz`. Needs numpy, onnxruntime and tokenizers, and no network connection: the files are those of one model, as
`optimum-cli export onnx` writes them. A line of prompts.txt is `tag: prompt`; several lines of one tag are averaged, and a line without
a tag, `: a photo`, is a prompt that only competes with the others. SigLIP: `--sigmoid`, `--scale` and `--bias` of the model (SigLIP's base:
117.3 and -12.9, that is exp(logit_scale) and logit_bias), `--length 64`, `--mean 0.5 0.5 0.5` and `--std 0.5 0.5 0.5`.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from tokenizers import Tokenizer

CLIP_LENGTH = 77  # tokens
CLIP_SCALE = 100.0
CLIP_MEAN, CLIP_STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)


def read_prompts(path: Path) -> dict[str, list[str]]:
    """Prompts by tag, the ones without under ''."""
    prompts: dict[str, list[str]] = {}
    for line in path.read_text().splitlines():
        if line.strip() and not line.startswith("#"):
            tag, colon, prompt = line.partition(":")
            if not colon or not prompt.strip():
                raise ValueError(f"not 'tag: prompt': {line!r}")
            prompts.setdefault(tag.strip(), []).append(prompt.strip())
    return prompts


def embed(prompts: Sequence[str], *, text: Path, tokenizer: Path, length: int) -> NDArray[np.float32]:
    """A unit vector for each prompt."""
    words = Tokenizer.from_file(str(tokenizer))
    words.enable_truncation(length)
    padding = words.padding or {}
    words.enable_padding(length=length, pad_id=padding.get("pad_id", 0), pad_token=padding.get("pad_token", "<pad>"))
    encoded = words.encode_batch(list(prompts))
    session = onnxruntime.InferenceSession(str(text), providers=["CPUExecutionProvider"])
    given = {"input_ids": [one.ids for one in encoded], "attention_mask": [one.attention_mask for one in encoded]}
    wanted = {node.name: np.asarray(given[node.name], np.int64) for node in session.get_inputs()}
    return unit(session.run([vectors_of(session)], wanted)[0])


def vectors_of(session: onnxruntime.InferenceSession) -> str:
    """The output with one vector for each prompt: its shape has two dimensions; of several it is the one that is called so."""
    names = [str(node.name) for node in session.get_outputs() if len(node.shape) == 2]
    return next((name for name in names if name.endswith("embeds")), names[0])


def unit(vectors: NDArray[Any]) -> NDArray[np.float32]:
    return np.asarray(vectors / np.linalg.norm(vectors, axis=-1, keepdims=True), np.float32)


def main() -> None:
    options = _options()
    by_tag = read_prompts(options.prompts)
    tags = [tag for tag in by_tag if tag] + [""] * len(by_tag.get("", ()))
    groups = [prompts for tag, prompts in by_tag.items() if tag] + [[prompt] for prompt in by_tag.get("", ())]
    flat = [prompt for group in groups for prompt in group]
    vectors = embed(flat, text=options.text, tokenizer=options.tokenizer, length=options.length)
    ends = np.cumsum([len(group) for group in groups])
    np.savez(
        options.network.with_suffix(".npz"),
        tags=np.array(tags),
        vectors=unit(np.stack([part.mean(axis=0) for part in np.split(vectors, ends[:-1])])),
        mean=np.array(options.mean, np.float32),
        std=np.array(options.std, np.float32),
        scale=np.float32(options.scale),
        bias=np.float32(options.bias),
        is_sigmoid=np.bool_(options.sigmoid),
    )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    for name in ("text", "tokenizer", "prompts", "network"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--length", type=int, default=CLIP_LENGTH, help="tokens of a prompt")
    parser.add_argument("--scale", type=float, default=CLIP_SCALE, help="exp(logit_scale)")
    parser.add_argument("--bias", type=float, default=0.0, help="logit_bias")
    parser.add_argument("--sigmoid", action="store_true", help="each prompt by itself, as SigLIP was trained; else they compete")
    parser.add_argument("--mean", type=float, nargs=3, default=CLIP_MEAN)
    parser.add_argument("--std", type=float, nargs=3, default=CLIP_STD)
    return parser.parse_args()


if __name__ == "__main__":
    main()
