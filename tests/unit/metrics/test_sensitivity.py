from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from fairdash.errors import ConfigError
from fairdash.metrics import sensitivity


def lists(*rows: Sequence[int]) -> NDArray[np.int32]:
    return np.array(rows, dtype=np.int32)


def test_by_hand() -> None:
    a, b = lists([0, 1, 2, 3]), lists([3, 2, 9, 0])
    assert sensitivity.jaccard(a, b) == pytest.approx([3 / 5])
    # a's 0, 2 and 3 are there, at ranks 1, 3, 4: weights 4, 2, 1 of 10
    assert sensitivity.serp(a, b) == pytest.approx([7 / 10])
    # of a's six pairs b agrees with (0, 1) alone: it lacks 1, and has 3 before 2 before 0
    assert sensitivity.prag(a, b) == pytest.approx([1 / 6])
    assert sensitivity.prag(b, a) == pytest.approx([(0 + 1 + 0 + 1 + 0 + 0) / 6])  # (3, 9) and (2, 9)


def test_identical_is_one_and_disjoint_is_zero() -> None:
    same = np.arange(20, dtype=np.int32)[None, :]
    for function in sensitivity.SIMILARITIES.values():
        assert function(same, same) == pytest.approx([1.0])
        assert function(same, same + 20) == pytest.approx([0.0])


def test_the_published_serp_of_identical_lists_is_not_one() -> None:
    k = 20
    published = sum(k - i + 1 for i in range(k)) * 0.5 / ((k + 1) * k)
    assert published == pytest.approx(0.2738, abs=5e-5)
    assert sensitivity.serp(*[np.arange(k, dtype=np.int32)[None, :]] * 2) == pytest.approx([1.0])


def test_short_and_empty_lists() -> None:
    short, other = (
        lists([5, 6, -1], [5, -1, -1], [-1, -1, -1], [5, -1, -1]),
        lists([5, 6, -1], [5, -1, -1], [-1, -1, -1], [6, 5, -1]),
    )
    assert sensitivity.jaccard(short, other) == pytest.approx([1, 1, np.nan, 1 / 2], nan_ok=True)
    assert sensitivity.prag(short, other) == pytest.approx([1, 1, np.nan, 0], nan_ok=True)
    assert sensitivity.serp(short, other) == pytest.approx([1, 1, np.nan, 2 / 3], nan_ok=True)


def test_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    draw = np.random.default_rng(0)
    a, b = (np.argsort(draw.random((50, 12)))[:, :6].astype(np.int32) for _ in range(2))
    whole = sensitivity.similarities(a, b)
    monkeypatch.setattr(sensitivity, "BLOCK", 7)
    parts = sensitivity.similarities(a, b)
    for key, values in whole.items():
        np.testing.assert_array_equal(values, parts[key])


some_list = st.lists(st.integers(0, 8), min_size=0, max_size=6, unique=True).map(
    lambda row: [*row, *[-1] * (6 - len(row))]
)


@given(some_list, some_list)
def test_ranges_and_symmetry(left: list[int], right: list[int]) -> None:
    a, b = lists(left), lists(right)
    for key, function in sensitivity.SIMILARITIES.items():
        value = function(a, b)[0]
        assert np.isnan(value) == (max(left + right) < 0)
        if not np.isnan(value):
            assert 0 <= value <= 1
            assert (value == 1) >= (left == right)
            if key == "flip_jaccard":
                assert value == function(b, a)[0]


def test_spread_by_hand() -> None:
    found = sensitivity.spread(np.array([[1.0, 0.5], [0.25, 0.25], [np.nan, 0.5]]))
    assert found.similarity == pytest.approx([0.75, 0.25, 0.5])
    assert found.snsr == pytest.approx(0.5)
    assert found.snsv == pytest.approx(np.std([0.75, 0.25, 0.5]))
    assert len(found.snsr_replicates) == 0


def test_spread_replicates_are_the_spread_of_the_repeated_people() -> None:
    draw = np.random.default_rng(1)
    similarity = draw.random((3, 20))
    weights = draw.multinomial(20, np.full(20, 0.05), size=5).T
    found = sensitivity.spread(similarity, weights)
    for row, weight in enumerate(weights.T):
        again = sensitivity.spread(np.repeat(similarity, weight, axis=1))
        assert found.snsr_replicates[row] == pytest.approx(again.snsr)
        assert found.snsv_replicates[row] == pytest.approx(again.snsv)


def test_one_value_has_no_spread() -> None:
    assert np.isnan(sensitivity.spread(np.ones((1, 4))).snsr)


def words_score(effect: float) -> Callable[[Sequence[str]], NDArray[np.float64]]:
    """Scores that depend on the word, and by `effect` on whether it is one of the first group's."""

    def score(sentences: Sequence[str]) -> NDArray[np.float64]:
        rows = []
        for sentence in sentences:
            draw = np.random.default_rng(sum(map(ord, sentence)))
            row = draw.normal(size=40)
            if "a" in sentence.split()[0]:
                row[:5] += effect
            rows.append(row)
        return np.array(rows)

    return score


WORDS = {"first": ("a1", "a2", "a3", "a4"), "second": ("b1", "b2", "b3", "b4")}


def test_template_test_finds_a_planted_reaction_and_no_other() -> None:
    templates = ("{who} x.", "{who} yy.", "{who} zzz.")
    strong = sensitivity.template_test(words_score(6.0), templates, WORDS, k=5)
    none = sensitivity.template_test(words_score(0.0), templates, WORDS, k=5)
    assert strong.excess["flip_jaccard"] > 0.05
    assert strong.between["flip_jaccard"] < 0.2
    assert strong.p_value == pytest.approx(2 / 70)  # the true labelling and its mirror image
    assert (strong.shift[0, :5] < -0.1).all()
    assert np.abs(strong.shift.sum(axis=0)).max() < 1e-12
    assert none.p_value > 0.05


def test_a_constant_ranking_does_not_react() -> None:
    found = sensitivity.template_test(lambda sentences: np.tile(np.arange(9.0), (len(sentences), 1)), k=3)
    assert found.between == pytest.approx(dict.fromkeys(sensitivity.SIMILARITIES, 1.0))
    assert found.excess == pytest.approx(dict.fromkeys(sensitivity.SIMILARITIES, 0.0))
    assert found.p_value == 1.0
    assert not found.shift.any()


def test_one_word_a_group_has_no_floor() -> None:
    found = sensitivity.template_test(words_score(1.0), ("{who} x.",), {"A": ("a1",), "B": ("b1",)}, k=5)
    assert np.isnan(found.p_value)
    assert np.isnan(found.within["flip_jaccard"])
    assert 0 <= found.between["flip_jaccard"] <= 1


def test_labellings_are_all_of_them_when_few() -> None:
    rows = list(sensitivity._labellings(np.array([0, 0, 1, 1]), 0))
    assert sorted(map(tuple, rows)) == sorted({tuple(r) for r in rows})
    assert len(rows) == 6


def test_templates_and_words_are_read() -> None:
    assert sensitivity.parse_templates("{who} sings.\n\n {who} runs. \n{who} sings.") == ("{who} sings.", "{who} runs.")
    assert sensitivity.parse_words("women: Mary, my sister\nmen: John,,") == {
        "women": ("Mary", "my sister"),
        "men": ("John",),
    }


@pytest.mark.parametrize("text", ["", "no slot", "{who} and {who}"])
def test_bad_templates_say_where(text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        sensitivity.parse_templates(text)
    assert caught.value.hint
    assert not text or "line 1" in caught.value.message


@pytest.mark.parametrize("text", ["", "women Mary", "women:", "women: Mary", "a: x\na: y", ": x\nb: y"])
def test_bad_words_say_where(text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        sensitivity.parse_words(text)
    assert caught.value.hint
