"""bert_sequence with pictures and other vectors of items: read, missed, saved, and said where they are wrong."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from transformers import ViTConfig, ViTModel

from fairdash.data import synthetic
from fairdash.errors import ConfigError, ModelError
from fairdash.images import small
from fairdash.progress import silent
from fairdash.recommenders import build, image, store
from fairdash.recommenders.bert_sequence.modalities import Modality, Standard
from fairdash.recommenders.bert_sequence.model import FittedSequence
from fairdash.schema import TrainingData

from .conftest import N_ITEMS, make_data

SMALL = {"width": 16, "heads": 2, "layers": 1, "length": 12, "batch": 8, "items": "id", "epochs": 1, "patience": 50}
NEW = (3, 33)  # items that nobody has had, of either taste


def covered(missing: tuple[int, ...] = ()) -> TrainingData:
    """Of each item a vector that says for which taste it is, but for those that are missing; NEW are in no history."""
    data = make_data()
    look = np.where(np.arange(N_ITEMS) < 20, 1.0, -1.0)[:, None] * np.ones((N_ITEMS, 4))
    look = (look + 0.1 * np.random.default_rng(0).normal(size=look.shape)).astype(np.float32)
    look[list(missing)] = np.nan
    kept = [part.take(np.flatnonzero(~np.isin(part.item, NEW))) for part in (data.train, data.valid)]
    return data.with_(train=kept[0], valid=kept[1], item_arrays={"cover": look.reshape(N_ITEMS, 2, 2)})


def fit(data: TrainingData, folder: Path, **options: Any) -> FittedSequence:
    fitted = build("bert_sequence", {**SMALL, **options}).fit(
        data, seed=0, device="cpu", folder=folder, progress=silent, terms=()
    )
    assert isinstance(fitted, FittedSequence)
    return fitted


def test_an_item_that_nobody_has_had_is_told_by_its_look(tmp_path: Path) -> None:
    data = covered()
    users = np.arange(data.n_users, dtype=np.int32)
    own = np.array([NEW[taste] for taste in users % 2])  # of each person's taste
    other = np.array([NEW[1 - taste] for taste in users % 2])
    fitted = fit(data, tmp_path / "look", epochs=6, learning_rate=0.01)
    scores = fitted.score(users, data.train)
    assert (scores[users, own] > scores[users, other]).mean() > 0.9
    blind = fit(data, tmp_path / "blind", modalities="none")
    assert np.array_equal(*blind.score(users, data.train)[:, NEW].T)  # of both nothing is known
    bias = blind.model.bias.detach()
    assert bias[NEW[0]] == bias[blind.model.heard].median()

    store.save(fitted, tmp_path / "model")
    again = store.load(tmp_path / "model")
    assert isinstance(again, FittedSequence)
    assert np.array_equal(again.score(users, data.train), scores)
    # gone on from, on a catalogue without a single cover
    bare = data.with_(item_arrays={})
    onward = fit(bare, tmp_path / "onward", start=str(tmp_path / "model"), epochs=0)
    ids = onward.model.item_vectors() - fitted.model.item_vectors()
    assert torch.allclose(ids, -fitted.model.modalities[0](), atol=1e-6)
    wide = data.with_(item_arrays={"cover": np.ones((N_ITEMS, 5), np.float32)})
    with pytest.raises(ModelError, match="cover of 4 numbers an item, and these have 5"):
        fit(wide, tmp_path / "wide", start=str(tmp_path / "model"), epochs=0)


def test_what_is_missing_adds_nothing() -> None:
    raw = np.array([[1.0, 2.0], [np.nan, np.nan], [3.0, 6.0]], np.float32)
    found = Standard.of("cover", raw)
    assert np.nanmean(found.vectors) == pytest.approx(0.0, abs=1e-6)
    assert np.nanstd(found.vectors) == pytest.approx(1.0, rel=1e-5)
    torch.manual_seed(0)
    modality = Modality(torch.from_numpy(found.vectors), 3)
    part = modality()
    assert (part[1] == 0).all()
    assert torch.allclose(part[0], 0.5 * modality.project.weight @ torch.from_numpy(found.vectors[0]))
    part.sum().backward()
    assert torch.isfinite(modality.gate.weight.grad).all()  # type: ignore[arg-type]  # there is one now
    nobody = Standard.of("none", np.full((3, 2), np.nan, np.float32))
    assert np.isfinite(nobody.mean).all()


def test_what_is_not_there_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="nothing called sound") as caught:
        fit(covered(), tmp_path, modalities="cover, sound")
    assert "There is: cover" in caught.value.hint
    both = covered().with_(item_images=(None,) * N_ITEMS, item_arrays={"image": np.ones((N_ITEMS, 2), np.float32)})
    with pytest.raises(ConfigError, match="called image"):
        fit(both, tmp_path)


def vision(folder: Path, **told: Any) -> Path:
    """A tiny vision transformer as transformers saves one."""
    torch.manual_seed(0)
    shape = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
    ViTModel(ViTConfig(image_size=32, patch_size=16, **shape)).save_pretrained(folder)
    said = {"size": {"height": 32, "width": 32}, "image_mean": [0.5] * 3, "image_std": [0.5] * 3, **told}
    (folder / "preprocessor_config.json").write_text(json.dumps(said))
    return folder


def test_any_vision_model_reads_pictures(tmp_path: Path) -> None:
    covers = synthetic.make(n_users=20, n_items=N_ITEMS, covers=0.7)[0].item_images
    assert covers is not None
    folder = str(vision(tmp_path / "vit"))
    vectors = image.encode(covers, folder)
    assert vectors.shape == (N_ITEMS, 8)
    assert np.array_equal(np.isnan(vectors[:, 0]), [one is None for one in covers])
    assert len(np.unique(vectors[~np.isnan(vectors[:, 0])].round(5), axis=0)) > 20
    image.encoder.cache_clear()
    assert np.array_equal(image.encode(covers, folder), vectors, equal_nan=True)  # as they were kept
    fitted = fit(covered().with_(item_images=covers), tmp_path / "run", image_encoder=folder)
    assert [one.name for one in fitted.context.modalities] == ["cover", "image"]

    for told in ({"size": 4096}, {"image_mean": [0.5]}, {"image_std": [0, 0, 0]}):
        image.encoder.cache_clear()
        with pytest.raises(ModelError, match="asks for pictures"):
            image.encode(covers, str(vision(tmp_path / "odd", **told)))


def test_the_packaged_encoder_is_the_published_one(monkeypatch: pytest.MonkeyPatch) -> None:
    image.encoder.cache_clear()
    red, blue = (io.BytesIO() for _ in range(2))
    Image.new("RGB", (40, 60), "red").save(red, "PNG")
    Image.new("RGB", (40, 60), "blue").save(blue, "PNG")
    pictures = (small("red.png", red.getvalue()), None, small("blue.png", blue.getvalue()))
    vectors = image.encode(pictures)
    assert vectors.shape == (3, 1280)
    assert np.isnan(vectors[1]).all()
    assert np.abs(vectors[0] - vectors[2]).max() > 0.1
    image.encoder.cache_clear()
    monkeypatch.setattr(image, "MODEL_SHA256", "0" * 64)
    with pytest.raises(ModelError, match="not the published one"):
        image.encode(pictures)
    monkeypatch.setattr(image.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ModelError, match="not installed") as caught:
        image.encode(pictures)
    assert "fairdash[images]" in caught.value.hint
