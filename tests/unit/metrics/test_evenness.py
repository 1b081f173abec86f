"""Jain's index, satisfied items, and measures rescaled to what lists of their lengths can reach."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from fairdash.metrics import audit, evenness, exposure

Array = NDArray[np.float64]

RESCALED = ("jain", "coverage", "entropy", "gini")
relaxed = settings(max_examples=60, deadline=None)


def audited(lists: list[str], items: str, k: int = 2, maker: str = "") -> dict[str, Any]:
    """The item side of lists of one-letter items. maker: of each item."""
    rows = [(f"u{u}", item, rank) for u, listed in enumerate(lists) for rank, item in enumerate(listed, start=1)]
    described = pd.DataFrame({"item_id": list(items), "maker": list(maker or items)})
    truth = pd.DataFrame([(f"u{u}", items[0]) for u in range(len(lists))], columns=["user_id", "item_id"])
    found = audit.from_frames(
        pd.DataFrame(rows, columns=["user_id", "item_id", "rank"]),
        truth,
        items=described,
        item_groups=["maker"],
        k=k,
        replicates=50,
        permutations=0,
    )
    return found.to_json()


def test_by_hand() -> None:
    """Counts 3, 2, 1, 0 in 6 places; the least even are 3, 3, 0, 0 and the most even 2, 2, 1, 1."""
    found = audited(["ab", "ba", "ac"], "abcd")["items"]
    expected = {
        "jain": 36 / (4 * 14),
        "jain_rescaled": (9 / 14 - 1 / 2) / (9 / 10 - 1 / 2),
        "fsat": 3 / 4,  # one place is an item's whole share
        "fsat_rescaled": (3 / 4 - 2 / 4) / (1 - 2 / 4),
        "coverage_rescaled": (3 - 2) / (4 - 2),
        "entropy_rescaled": 1 / 2,
        "gini_rescaled": (10 / 24 - 1 / 6) / (1 / 2 - 1 / 6),
    }
    for key, value in expected.items():
        assert found[key] == pytest.approx(value, abs=1e-12), key


def test_groups_of_items_by_hand() -> None:
    """K = 1: 3 of 4 places go to x, which has half of the catalogue."""
    found = audited(["a", "a", "b", "c"], "abcd", 1, "xxyy")["items"]
    assert found["by_group"]["maker"]["x"]["exposure_share"] == pytest.approx(3 / 4)
    assert found["mmf"] == pytest.approx((1 / 4) / (1 / 2))
    assert found["group_gini"] == pytest.approx(1 / 2)
    assert found["group_entropy"] == pytest.approx(-(3 / 4 * math.log2(3 / 4) + 1 / 4 * math.log2(1 / 4)))
    for key in ("mmf", "group_gini", "group_entropy"):
        low, high = found[f"{key}_ci"]
        assert 0 <= low <= found[key] <= high <= 1


def test_even_lists_and_the_same_list_for_everybody() -> None:
    even, same = audited(["ab", "cd"], "abcd")["items"], audited(["ab", "ab"], "abcd")["items"]
    for key in ("jain", "fsat", "coverage", "entropy"):
        assert even[key] == pytest.approx(1)
        assert even[f"{key}_rescaled"] == pytest.approx(1)
        assert same[f"{key}_rescaled"] == pytest.approx(0)
    assert (even["gini_rescaled"], same["gini_rescaled"]) == (pytest.approx(0), pytest.approx(1))
    assert same["jain"] == pytest.approx(2 / 4)
    assert audited(["abcd"] * 3, "abcd", 4)["items"]["jain"] == pytest.approx(1)


@pytest.mark.parametrize(
    ("lists", "items", "k", "undefined"),
    [
        (["ab"], "abcd", 2, {"fsat", *(f"{key}_rescaled" for key in (*RESCALED, "fsat"))}),  # one list
        (["abcd", "dcba"], "abcd", 4, {f"{key}_rescaled" for key in (*RESCALED, "fsat")}),  # everything in each
        (["ab", "cd"], "abcde", 2, {"fsat", "fsat_rescaled"}),  # fewer places than items
        (["a", "a"], "a", 1, {"entropy", "gini", *(f"{key}_rescaled" for key in (*RESCALED, "fsat"))}),  # one item
    ],
)
def test_undefined_with_a_reason(lists: list[str], items: str, k: int, undefined: set[str]) -> None:
    value = audited(lists, items, k)
    keys = {"jain", "fsat", "entropy", "gini", *(f"{key}_rescaled" for key in (*RESCALED, "fsat"))}
    assert {key for key in keys if value["items"][key] is None} == undefined
    assert all(value["undefined"][f"items.{key}"] for key in undefined)


def test_nothing_is_recommended() -> None:
    nothing, lengths = np.zeros(4), np.zeros(2)
    assert math.isnan(evenness.jain(nothing))
    assert math.isnan(evenness.satisfied(nothing))
    assert math.isnan(evenness.rescaled(evenness.jain, nothing, lengths))
    assert math.isnan(evenness.rescaled_gini(nothing, lengths))


def test_one_group_of_items_has_none_to_compare() -> None:
    found = audited(["ab", "ba"], "ab", 2, "xx")
    for key in ("mmf", "group_gini", "group_entropy"):
        assert found["items"][key] is None
        assert found["undefined"][f"items.{key}"]


def published(counts: Array, m: int, k: int) -> dict[str, float]:
    """The formulas for m lists of k items each (Rampisela et al. 2023), in their own terms."""
    n, slots = len(counts), m * k
    floor, rest = divmod(slots, n)
    jain = slots**2 / (n * (counts**2).sum())
    jain_max = slots**2 / n / (n * floor**2 + rest * (2 * floor + 1))
    order = np.sort(counts)
    gini = float(((2 * np.arange(1, n + 1) - n - 1) * order).sum()) / (n * slots)
    gini_min = (n - rest) * rest / (n * slots)
    p = counts[counts > 0] / slots
    entropy = float(-(p * np.log(p)).sum())
    parts = [floor / slots] * (n - rest) + [(floor + 1) / slots] * rest
    entropy_max = -sum(q * math.log(q) for q in parts if q)
    found = {
        "jain": (jain - k / n) / (jain_max - k / n),
        "coverage": (np.count_nonzero(counts) - k) / (min(n, slots) - k),
        "gini": (gini - gini_min) / (1 - k / n - gini_min),
        "entropy": (entropy - math.log(k)) / (entropy_max - math.log(k)),
    }
    if floor:
        found["fsat"] = (float((counts >= floor).mean()) - k / n) / (1 - k / n)
    return found


MEASURES: dict[str, Callable[[Array], Array]] = {
    "jain": evenness.jain,
    "coverage": exposure.coverage,
    "entropy": exposure.entropy,
    "fsat": evenness.satisfied,
}


@given(st.integers(2, 9), st.integers(3, 12), st.data())
@relaxed
def test_the_published_formulas(m: int, n: int, data: st.DataObject) -> None:
    k = data.draw(st.integers(1, n - 1))
    lists = [data.draw(st.permutations(range(n)))[:k] for _ in range(m)]
    counts = np.bincount(np.concatenate(lists), minlength=n).astype(np.float64)
    lengths = np.full(k, float(m))
    for key, value in published(counts, m, k).items():
        found = (
            evenness.rescaled_gini(counts, lengths)
            if key == "gini"
            else evenness.rescaled(MEASURES[key], counts, lengths)
        )
        assert float(found) == pytest.approx(value, abs=1e-9), key


@given(st.integers(3, 10), st.data())
@relaxed
def test_range_order_and_pieces(n: int, data: st.DataObject) -> None:
    """Of lists of any lengths: 0…1, whatever the order of items and people, and sums of pieces are those of all."""
    people = data.draw(st.integers(2, 8))
    lists = [data.draw(st.permutations(range(n)))[: data.draw(st.integers(0, n - 1))] for _ in range(people)]
    deepest = max(map(len, lists))

    def sums(some: list[list[int]]) -> tuple[Array, Array]:
        counts = np.zeros(n)
        for listed in some:
            counts[listed] += 1
        return counts, np.array([sum(len(listed) >= r for listed in some) for r in range(1, deepest + 1)], float)

    counts, lengths = sums(lists)
    parts = [sums(lists[::2]), sums(lists[1::2])]
    moved = np.array(data.draw(st.permutations(range(n))))
    for key, measure in (*MEASURES.items(), ("gini", exposure.gini)):
        value = float(evenness.rescaled(measure, counts, lengths))
        assert math.isnan(value) or ((key == "fsat" or value >= -1e-9) and value <= 1 + 1e-9)
        added = evenness.rescaled(measure, sum(c for c, _ in parts), sum(s for _, s in parts))
        assert float(added) == pytest.approx(value, nan_ok=True)
        assert float(evenness.rescaled(measure, counts[moved], lengths)) == pytest.approx(value, nan_ok=True)
        plain = float(measure(counts))
        assert math.isnan(plain) or -1e-12 <= plain <= 1 + 1e-12


def test_satisfied_items_can_be_fewer_than_where_everybody_has_the_same() -> None:
    """20 places, 4 items, a share of 5: the same two items for all satisfy two, these lists satisfy one."""
    counts, lengths = np.array([10.0, 4.0, 3.0, 3.0]), np.array([10.0, 10.0])
    assert float(evenness.rescaled(evenness.satisfied, counts, lengths)) == pytest.approx((1 / 4 - 2 / 4) / (1 - 2 / 4))
