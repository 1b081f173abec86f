"""Templates say what the table says, and the encoder gives the published model's vectors, cached."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import Any

import numpy as np
import pandas as pd
import pytest

from fairdash import settings
from fairdash.errors import ModelError
from fairdash.recommenders import cache, text
from fairdash.recommenders.device import choose

USERS = pd.DataFrame({"user_id": ["1", "2"], "gender": ["F", None], "age": [25.0, 31.5], "job_title": ["cook", ""]})


def test_item_text() -> None:
    assert text.item_text({"item_id": "1", "title": "Heat", "categories": "Crime|Drama"}) == "Heat. Crime, Drama"
    assert text.item_text({"item_id": "1", "title": None, "categories": "Crime"}) == "Crime"
    assert text.item_text({"item_id": "1", "title": float("nan")}) == "item 1"
    assert text.item_texts(pd.DataFrame({"item_id": ["a", "b"]})) == ["item a", "item b"]


def test_profile_text_says_every_fact_and_leaves_out_missing_ones() -> None:
    both = text.profile_texts(USERS, ("gender", "age", "job_title"))
    assert both == ["A person: woman; age 25; job title cook.", "A person: age 31.5."]
    assert text.profile_texts(USERS, ("gender",), changes={"gender": "M"}) == ["A person: man."] * 2
    assert text.profile_texts(USERS, ("gender",), changes={"gender": None}) == ["A person."] * 2


def test_control_says_the_same_in_other_words() -> None:
    plain, control = (text.profile_texts(USERS, ("gender", "age"), wording=w)[0] for w in (0, 1))
    assert plain != control
    for fact in ("woman", "25"):
        assert fact in plain
        assert fact in control


def test_vectors_are_unit_length_and_mean_what_they_say() -> None:
    vectors = text.encode(["a space war", "a battle among the stars", "a romantic comedy", "a space war"])
    assert vectors.shape == (4, 384)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert np.array_equal(vectors[0], vectors[3])
    assert vectors[0] @ vectors[1] > vectors[0] @ vectors[2] + 0.1


def test_batching_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAIRDASH_CPU_BF16", "0")
    device = choose("cpu")
    texts = [f"{'word ' * (i % 7)}number {i}" for i in range(20)]
    model = text.encoder()
    together = model.encode(texts, device)
    alone = np.concatenate([model.encode([line], device) for line in texts])
    np.testing.assert_allclose(together, alone, atol=1e-5)


def test_cache_is_used_and_a_damaged_one_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = [f"film {i}" for i in range(40)]
    first = text.encode(texts)
    (path,) = (settings.home() / "cache").glob("text-*.safetensors")
    with monkeypatch.context() as patched:
        patched.setattr(text.Encoder, "encode", lambda *_: pytest.fail("encoded again"))
        assert np.array_equal(text.encode(texts), first)
    path.write_bytes(b"damaged")
    assert np.array_equal(text.encode(texts), first)


def test_two_threads_may_encode_the_same_texts_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = [f"song {i}" for i in range(40)]
    both_wrote, save = Barrier(2, timeout=600), cache.save_file

    def together(arrays: dict[str, Any], path: Path) -> None:
        save(arrays, path)
        both_wrote.wait()

    text.encoder()
    monkeypatch.setattr(text.Encoder, "encode", lambda self, rows, *_: np.ones((len(rows), self.width), np.float32))
    monkeypatch.setattr(cache, "save_file", together)
    with ThreadPoolExecutor(2) as pool:
        one, other = pool.map(text.encode, [texts, texts])
    assert np.array_equal(one, other)


def test_changed_weights_of_the_bundled_encoder_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    text.encoder.cache_clear()
    monkeypatch.setattr(text, "_weights_digest", lambda folder: "0" * 64)
    with pytest.raises(ModelError, match="checksum"):
        text.encoder()
    text.encoder.cache_clear()
