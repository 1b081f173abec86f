"""The model side's metrics against scipy, scikit-learn and the slow reference."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import ks_2samp
from sklearn.metrics import roc_auc_score

from fairdash.metrics import leakage, rating, sensitivity
from fairdash.schema import Groups
from tests.golden import reference

N_USERS, N_ITEMS, NAMES = 6, 4, ("A", "B", "C")
stars = st.integers(0, 8).map(lambda half: 1 + half / 2)
pairs = st.dictionaries(st.tuples(st.integers(0, N_USERS - 1), st.integers(0, N_ITEMS - 1)), st.tuples(stars, stars))
labels = st.lists(st.sampled_from([-1, 0, 1, 2]), min_size=N_USERS, max_size=N_USERS)
ranked = st.lists(st.integers(0, 12), max_size=8, unique=True)


@given(pairs, labels)
@settings(max_examples=300, deadline=None)
def test_yao_and_huang(found: dict[tuple[int, int], tuple[float, float]], codes: list[int]) -> None:
    rows = [(user, item, predicted, true) for (user, item), (predicted, true) in found.items()]
    columns = [np.array([row[i] for row in rows]) for i in range(4)]
    rated = rating.Rated(columns[0].astype(np.int32), columns[1].astype(np.int32), columns[2], columns[3])
    expected = reference.yao_huang(rows, [NAMES[code] if code >= 0 else None for code in codes])
    measured = rating.unfairness(rated, Groups("g", NAMES, np.array(codes, np.int32)), N_ITEMS)
    for key, value in expected.items():
        assert measured[key].value == pytest.approx(value, abs=1e-12, nan_ok=True)
        assert bool(measured[key].reason) == np.isnan(value)


@given(st.lists(st.tuples(st.integers(0, 5), stars), min_size=1, max_size=40), labels)
@settings(max_examples=200, deadline=None)
def test_score_ks(rows: list[tuple[int, float]], codes: list[int]) -> None:
    user, score = np.array([row[0] for row in rows], np.int32), np.array([row[1] for row in rows])
    found = rating.score_ks(user, score, Groups("g", NAMES, np.array(codes, np.int32)))
    samples = [score[np.array(codes)[user] == code] for code in range(3)]
    samples = [sample for sample in samples if len(sample)]
    both = [(a, b) for i, a in enumerate(samples) for b in samples[i + 1 :]]
    if not both:
        assert np.isnan(found.value)
        return
    assert found.value == pytest.approx(max(ks_2samp(a, b, method="exact").statistic for a, b in both), abs=1e-12)
    assert found.value == pytest.approx(max(reference.kolmogorov_smirnov(list(a), list(b)) for a, b in both), abs=1e-12)


@given(ranked, ranked)
@settings(max_examples=300, deadline=None)
def test_similarities_of_lists(left: list[int], right: list[int]) -> None:
    a, b = (np.array([[*row, *[-1] * (8 - len(row))]], np.int32) for row in (left, right))
    found = sensitivity.similarities(a, b)
    assert found["flip_jaccard"][0] == pytest.approx(reference.jaccard(left, right), nan_ok=True)
    assert found["flip_serp"][0] == pytest.approx(reference.serp(left, right), nan_ok=True)
    assert found["flip_prag"][0] == pytest.approx(reference.prag(left, right), nan_ok=True)


@given(st.lists(st.tuples(st.integers(0, 2), stars, st.integers(0, 3)), min_size=2, max_size=40))
@settings(max_examples=200, deadline=None)
def test_weighted_auc(rows: list[tuple[int, float, int]]) -> None:
    label, score, weight = (np.array(column) for column in zip(*rows, strict=True))
    one_fold = np.zeros(len(label), np.int64)
    found = leakage._aucs(np.stack([score] * 3, axis=1), label, one_fold, weight[:, None].astype(float))
    plain = leakage._aucs(np.stack([score] * 3, axis=1), label, one_fold, np.ones((len(label), 1)))
    for code in range(3):
        inside = label == code
        expected = reference.auc(list(score[inside]), list(score[~inside]))
        assert plain[code, 0] == pytest.approx(expected, nan_ok=True)
        if weight[inside].sum() and weight[~inside].sum():
            oracle = roc_auc_score(inside, score, sample_weight=weight)
            assert found[code, 0] == pytest.approx(oracle, abs=1e-12)


def test_macro_auc_is_that_of_scikit_learn() -> None:
    draw = np.random.default_rng(0)
    scores, label = draw.dirichlet(np.ones(3), size=90), np.arange(90) % 3
    found = leakage._aucs(scores, label, np.zeros(90, np.int64), np.ones((90, 1)))
    assert found.mean() == pytest.approx(roc_auc_score(label, scores, multi_class="ovr", average="macro"), abs=1e-12)
