from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

from fairdash.hashing import Hashes, id_hash
from fairdash.metrics import leakage
from fairdash.schema import Groups

N = 400
HASHES: Hashes = id_hash([f"u{i}" for i in range(N)])


def people(classes: int = 2, seed: int = 0) -> Groups:
    codes = np.random.default_rng(seed).integers(0, classes, N).astype(np.int32)
    return Groups("g", tuple("ABCD"[:classes]), codes)


def vectors(who: Groups, effect: float, d: int = 8, seed: int = 1) -> np.ndarray:
    made = np.random.default_rng(seed).normal(size=(N, d))
    for code in range(len(who.names)):
        made[who.codes == code, code] += effect
    return made


def test_a_planted_attribute_is_found() -> None:
    who = people()
    weights = np.random.default_rng(2).multinomial(N, np.full(N, 1 / N), size=200).T
    found = leakage.probe_auc(vectors(who, 1.0), who, HASHES, weights=weights)
    # the best linear score separates the classes by sqrt(2) deviations: AUC = Φ(1) = 0.841
    assert found.value == pytest.approx(0.841, abs=0.05)
    assert found.by_group["A"] == pytest.approx(found.by_group["B"])
    low, high = np.percentile(found.replicates, (2.5, 97.5))
    assert 0.7 < low < found.value < high < 0.95
    assert found.balance == pytest.approx({"A": (who.codes == 0).mean(), "B": (who.codes == 1).mean()})
    assert found.n == N


def test_noise_does_not_leak() -> None:
    values = []
    for seed in range(12):
        who = people(seed=seed)
        values.append(leakage.probe_auc(vectors(who, 0.0, seed=100 + seed), who, HASHES).value)
    assert np.mean(values) == pytest.approx(0.5, abs=0.025)
    assert np.abs(np.array(values) - 0.5).max() < 0.12


def test_several_groups_are_the_mean_of_each_against_the_rest() -> None:
    who = people(3)
    found = leakage.probe_auc(vectors(who, 2.0), who, HASHES)
    assert found.value > 0.85
    assert found.value == pytest.approx(np.mean(list(found.by_group.values())))
    assert sum(found.balance.values()) == pytest.approx(1.0)


def test_it_leaks_through_lists() -> None:
    who = people()
    draw = np.random.default_rng(3)
    liked = draw.random((N, 50)) + 0.6 * (np.arange(50) % 2 == who.codes[:, None])
    items = np.argsort(-liked, axis=1)[:, :5].astype(np.int32)
    items[::7, 4] = -1
    features = leakage.list_features(items, 50)
    assert sparse.issparse(features)
    assert features.sum() == (items >= 0).sum()
    assert leakage.probe_auc(features, who, HASHES).value > 0.85


def test_the_same_seed_gives_the_same_number_in_any_order_of_rows() -> None:
    who = people()
    made = vectors(who, 0.5)
    first = leakage.probe_auc(made, who, HASHES, seed=3)
    turned = np.random.default_rng(4).permutation(N)
    other = leakage.probe_auc(made[turned], Groups("g", who.names, who.codes[turned]), HASHES[turned], seed=3)
    assert first.value == leakage.probe_auc(made, who, HASHES, seed=3).value
    assert first.value == pytest.approx(other.value, abs=1e-9)
    assert first.value != leakage.probe_auc(made, who, HASHES, seed=4).value


def test_the_unknown_and_small_groups_are_left_out() -> None:
    who = people()
    codes = who.codes.copy()
    codes[:30] = -1
    codes[30:35] = 2
    found = leakage.probe_auc(vectors(who, 1.0), Groups("g", ("A", "B", "C"), codes), HASHES)
    assert found.n == N - 35
    assert set(found.by_group) == {"A", "B"}
    assert np.isfinite(found.value)


def test_too_few_is_undefined() -> None:
    who = Groups("g", ("A", "B"), np.r_[np.zeros(N - 5), np.ones(5)].astype(np.int32))
    found = leakage.probe_auc(vectors(who, 1.0), who, HASHES)
    assert np.isnan(found.value)
    assert "fewer than two groups of 10" in found.reason


def test_vectors_that_are_not_numbers_are_undefined() -> None:
    who = people()
    made = vectors(who, 1.0)
    made[5, 1] = np.nan
    assert leakage.probe_auc(made, who, HASHES).reason == "the vectors hold values that are not numbers"


def test_weighted_auc_is_the_auc_of_repeated_people() -> None:
    draw = np.random.default_rng(5)
    scores = np.round(draw.normal(size=(60, 2)), 1)  # with ties
    label, fold = draw.integers(0, 2, 60), draw.integers(0, 3, 60)
    weights = draw.multinomial(60, np.full(60, 1 / 60), size=6).T
    found = leakage._aucs(scores, label, fold, weights.astype(float))
    for row, weight in enumerate(weights.T):
        copies = np.repeat(np.arange(60), weight)
        again = leakage._aucs(scores[copies], label[copies], fold[copies], np.ones((len(copies), 1)))
        assert found[:, row] == pytest.approx(again[:, 0])


def test_more_people_than_the_limit_are_sampled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leakage, "MAX_PEOPLE", 150)
    who = people()
    found = leakage.probe_auc(vectors(who, 1.0), who, HASHES)
    assert found.n == 150
    assert sum(found.balance.values()) == pytest.approx(1.0)
