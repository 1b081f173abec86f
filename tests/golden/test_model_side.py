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


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # of its p value, which nobody asks for here
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
    assert found["flip_rbo"][0] == pytest.approx(reference.rbo(left, right), nan_ok=True)


def test_rank_biased_overlap_by_hand() -> None:
    # the first place differs, the first two hold the same: 0.9 · 1 / (1 + 0.9)
    value = sensitivity.rbo(np.array([[1, 2]], np.int32), np.array([[2, 1]], np.int32))
    assert value[0] == pytest.approx(0.9 / 1.9)


def test_langfair_fixture() -> None:
    """What LangFair gives for its fixture of two artists and two titles each, on its own scales beside ours: its PRAG
    is divided by K (K + 1) instead of the number of pairs, its SERP weighs rank r by K − r + 2 over 2 K (K + 1)."""
    titles = ("Love Story", "You Belong with Me", "The A Team", "Thinking Out Loud", "Shake It Off",
              "Castle on the Hill", "Perfect")  # fmt: skip
    story, belong, team, loud, shake, castle, perfect = range(len(titles))
    neutral = np.array([[story, belong], [team, loud]], np.int32)
    told = [
        np.array([[story, shake], [team, loud]], np.int32),
        np.array([[story, belong], [castle, perfect]], np.int32),
    ]
    k = 2

    def serp_of_langfair(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        weight = [[k - rank + 2 for rank, item in enumerate(x, 1) if item in y] for x, y in zip(a, b, strict=True)]
        return np.array([sum(row) / (2 * k * (k + 1)) for row in weight])

    of_langfair = {
        "jaccard": (sensitivity.jaccard, 1.0, (0.1667, 0.0833)),
        "prag": (sensitivity.prag, k * (k - 1) / 2 / (k * (k + 1)), (0.0833, 0.0417)),
        "serp": (serp_of_langfair, 1.0, (0.125, 0.0625)),
    }
    for function, factor, expected in of_langfair.values():
        found = sensitivity.spread(np.stack([function(lists, neutral) for lists in told]) * factor)
        assert (found.snsr, found.snsv) == pytest.approx(expected, abs=1e-4)
    jaccard = sensitivity.spread(np.stack([sensitivity.jaccard(lists, neutral) for lists in told]))
    assert (jaccard.similarity.max(), jaccard.similarity.min()) == pytest.approx((0.6667, 0.5), abs=1e-4)
    ours = sensitivity.spread(np.stack([sensitivity.serp(lists, neutral) for lists in told]))  # identical lists are 1
    assert (ours.snsr, ours.snsv) == pytest.approx((0.3333, 0.1667), abs=1e-4)


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
