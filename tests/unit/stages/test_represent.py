"""Shares in the data against shares that are stated, with values that can be looked up."""

from __future__ import annotations

import numpy as np
import pytest

from fairdash.errors import ConfigError
from fairdash.schema import Groups, GroupSpec
from fairdash.stages.represent import parse, represent


def groups(**sizes: int) -> Groups:
    return Groups("g", tuple(sizes), np.repeat(np.arange(len(sizes)), list(sizes.values())).astype(np.int32))


def test_observed_shares_stand_beside_the_stated_ones() -> None:
    found = represent(GroupSpec(("g",)), groups(F=2, M=8), [("F", 0.5)])
    rows = found.table.set_index("group")
    assert rows["observed"].tolist() == [0.2, 0.8]
    assert rows["stated"].tolist() == [0.5, 0.5]  # who is not named has the rest
    assert rows["p_value"].tolist() == pytest.approx([112 / 1024] * 2)  # two tails: 2 · (1 + 10 + 45) / 2^10
    assert rows["p_holm"].tolist() == pytest.approx([224 / 1024] * 2)
    assert rows.loc["F", ["low", "high"]].tolist() == pytest.approx([0.0252, 0.5561], abs=1e-4)  # Clopper and Pearson
    assert found.found == []


def test_who_is_far_from_the_stated_share_is_found_and_the_unknown_do_not_count() -> None:
    of = groups(a=20, b=70, c=110)
    of = Groups("g", of.names, np.concatenate([of.codes, np.full(500, -1, np.int32)]))
    found = represent(GroupSpec(("g",)), of, parse("A = 40%; b=35, c=25"))
    assert found.table["observed"].tolist() == [0.1, 0.35, 0.55]
    assert found.found == ["a", "c"] or found.found == ["c", "a"]
    assert found.table["p_holm"].iloc[1] == pytest.approx(1.0)


def test_shares_are_read_as_they_are_written_and_refused_with_a_hint() -> None:
    assert parse('F=51, "a, b = c" = 49 %') == [("F", 0.51), ("a, b = c", 0.49)]
    bands = Groups("age", ("under 18", "18–24"), np.array([0, 1, 1], np.int32))
    assert represent(GroupSpec(("age",)), bands, parse("18-24=60")).table["stated"].tolist() == pytest.approx(
        [0.4, 0.6]
    )
    for wrong in ("F", "F=x", "=5", "F=120", "F=-1", "F=nan"):
        with pytest.raises(ConfigError, match="no share"):
            parse(wrong)
    for wrong in ("F=60, M=60", "F=10, M=20", "X=10"):
        with pytest.raises(ConfigError):
            represent(GroupSpec(("g",)), groups(F=2, M=8), parse(wrong))
