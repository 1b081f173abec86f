"""Groups from values, bands and crossings; what is missing; what is proposed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import asdict

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairdash.errors import ConfigError
from fairdash.groups import form, form_compared, from_json, suggest
from fairdash.item_classes import ItemClass
from fairdash.schema import GroupSpec


def _table(**columns: list[str | None]) -> pd.DataFrame:
    n = len(next(iter(columns.values())))
    frame = pd.DataFrame({"user_id": [f"u{i}" for i in range(n)], **columns})
    return frame.astype("str")


def test_values_with_missing_marks_and_spellings() -> None:
    cells = ["F", " f", "M", None, "?", "N/A", "unknown", "M ", "f"]
    groups = form(GroupSpec(("gender",)), _table(gender=cells))
    assert groups.names == ("f", "M")
    assert groups.codes.tolist() == [0, 0, 1, -1, -1, -1, -1, 1, 0]
    assert groups.sizes.tolist() == [3, 2]


def test_namibia_is_a_country() -> None:
    assert form(GroupSpec(("country",)), _table(country=["NA", "DE", "none"])).names == ("DE", "NA", "none")


def test_age_bands_and_impossible_ages() -> None:
    ages = ["17", "18", "24", "25", "55", "56", "-1", "0", "200", None, "x", "34.0"]
    groups = form(GroupSpec(("age",)), _table(age=[*ages, *["30"] * 40]))
    assert groups.names == ("under 18", "18–24", "25–34", "45–55", "56+")
    assert groups.codes[:12].tolist() == [0, 1, 1, 2, 3, 4, -1, -1, -1, -1, -1, 2]


def test_edges_can_be_chosen() -> None:
    table = _table(age=["10", "34", "35", "80"])
    groups = form(GroupSpec(("age",), ((35.0,),)), table)
    assert groups.names == ("under 35", "35+")
    assert groups.codes.tolist() == [0, 0, 1, 1]
    years = form(GroupSpec(("year",), ((1990.0, 1991.0, 2000.0),)), _table(year=["1980", "1990", "1995", "2010"]))
    assert years.names == ("under 1990", "1990", "1991–1999", "2000+")
    heights = form(GroupSpec(("height",), ((1.5, 1.8),)), _table(height=["1.49", "1.5", "1.85"]))
    assert heights.names == ("under 1.5", "1.5 to under 1.8", "1.8+")


def test_few_different_numbers_are_groups_of_their_own_and_many_are_cut() -> None:
    few = form(GroupSpec(("rooms",)), _table(rooms=["2", "10", "1"]))
    assert few.names == ("1", "2", "10")
    many = form(GroupSpec(("income",)), _table(income=[str(i) for i in range(1, 101)]))
    assert many.names == ("under 25", "25–49", "50–74", "75+")
    assert many.sizes.tolist() == [24, 25, 25, 26]


def test_several_values_in_a_cell() -> None:
    table = _table(speaks=["Spanish", "Spanish|English", "English", None])
    groups = form(GroupSpec(("speaks",)), table)
    assert groups.names == ("English", "Spanish")
    assert groups.membership.toarray().tolist() == [[False, True], [True, True], [True, False], [False, False]]
    assert groups.codes.tolist() == [1, -1, 0, -1]
    assert groups.sizes.tolist() == [2, 2]
    holds = form(GroupSpec(("speaks=spanish",)), table)
    assert holds.names == ("spanish", "not spanish")
    assert holds.codes.tolist() == [0, 0, 1, -1]


def test_crossing() -> None:
    table = _table(gender=["F", "M", "F", None, "M"], age=["20", "20", "60", "20", None])
    groups = form(GroupSpec(("gender", "age"), (None, (35.0,))), table)
    assert groups.attribute == "gender × age"
    assert groups.names == ("F × under 35", "F × 35+", "M × under 35")
    assert groups.codes.tolist() == [0, 2, 1, -1, -1]


def test_crossing_of_groups_that_overlap() -> None:
    table = _table(speaks=["a|b", "a", "b", None], gender=["F", "F", "M", "M"])
    groups = form(GroupSpec(("speaks", "gender")), table)
    assert groups.names == ("a × F", "b × F", "b × M")
    assert groups.membership.toarray().astype(int).tolist() == [[1, 1, 0], [1, 0, 0], [0, 0, 1], [0, 0, 0]]
    classes = ItemClass.of_groups(form(GroupSpec(("speaks",)), table))
    assert classes.share.toarray().tolist() == [[0.5, 0.5], [1, 0], [0, 1], [0, 0]]
    assert not classes.exclusive


def test_exclusive_groups_have_no_matrix_until_it_is_asked_for() -> None:
    groups = form(GroupSpec(("x",)), _table(x=["b", "a", None]))
    assert groups.member is None
    assert groups.membership.toarray().astype(int).tolist() == [[0, 1], [1, 0], [0, 0]]


def test_labels_sort_as_people_read() -> None:
    cells = ["56+", "18-24", "Under 18", "100 and more", "25-34"]
    assert form(GroupSpec(("age_group",)), _table(age_group=cells)).names == (
        *("Under 18", "18-24", "25-34", "56+", "100 and more"),
    )


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        (GroupSpec(("sex",)), "no attribute 'sex'"),
        (GroupSpec(()), "needs an attribute"),
        (GroupSpec(("age",), ((30.0, 20.0),)), "do not rise"),
        (GroupSpec(("age",), ((float("nan"),),)), "do not rise"),
        (GroupSpec(("gender",), ((1.0,),)), "holds no numbers"),
        (GroupSpec(("zip",)), "different values"),
        (GroupSpec(("gender=X",)), "No row of gender holds .X.: its values are F, M"),
    ],
)
def test_specs_that_cannot_work(spec: GroupSpec, said: str) -> None:
    table = _table(gender=["F", "M"] * 300, age=["20", "30"] * 300, zip=[f"z{i}" for i in range(600)])
    with pytest.raises(ConfigError, match=said) as caught:
        form(spec, table)
    assert caught.value.hint


def test_absent_attribute_lists_what_there_is() -> None:
    with pytest.raises(ConfigError) as caught:
        form(GroupSpec(("sex",)), _table(gender=["F"], age=["20"]))
    assert "gender, age" in caught.value.hint


def test_all_missing_is_one_unknown_group() -> None:
    groups = form(GroupSpec(("gender",)), _table(gender=[None, None]))
    assert groups.names == ()
    assert groups.codes.tolist() == [-1, -1]


@given(st.lists(st.one_of(st.none(), st.text(max_size=4), st.sampled_from(["F", "f ", "?", "12", "-3"])), min_size=1))
def test_any_text_gives_codes_that_fit_the_names(cells: list[str | None]) -> None:
    groups = form(GroupSpec(("x",)), _table(x=cells))
    assert len(groups.codes) == len(cells)
    assert groups.codes.dtype == np.int32
    if groups.several:  # "0|1" is in two groups, which no code names
        assert all(map(len, groups.members[:-1]))
    else:
        assert set(groups.codes.tolist()) - {-1} == set(range(len(groups.names)))
    reordered = form(GroupSpec(("x",)), _table(x=cells[::-1]))
    assert reordered.names == groups.names
    assert reordered.codes.tolist() == groups.codes[::-1].tolist()


def test_suggestions_leave_ids_and_doubles_out() -> None:
    n = 200
    table = _table(
        sha=[f"{i:x}" for i in range(n)],
        zip_code=[str(i % 30) for i in range(n)],
        occupation_code=[str(i % 4) for i in range(n)],
        occupation_name=["abcd"[i % 4] for i in range(n)],
        country=[f"C{i % 3}" for i in range(n)],
        age=[str(18 + i % 50) for i in range(n)],
        gender=["F" if i % 3 else "M" for i in range(n)],
        rare=["x"] * (n - 3) + ["y"] * 3,
        same=["x"] * n,
    )
    specs = suggest(table)
    assert [spec.label for spec in specs] == ["gender", "age", "country", "occupation_name"]
    assert specs[1].edges == ((18.0, 25.0, 35.0, 45.0, 56.0),)


def test_the_least_group_of_the_environment_reaches_every_group() -> None:
    script = """
from fairdash import groups, schema
print(schema.GroupSpec(("a",)).min_size, groups.from_json({"attributes": ["a"]}).min_size)
"""
    environment = {**os.environ, "FAIRDASH_MIN_GROUP_SIZE": "7"}
    said = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True)
    assert said.stdout == "7 7\n"


@pytest.mark.parametrize("given", ["abc", "-5", "1.5"])
def test_a_setting_that_is_no_number_is_named_before_anything_begins(given: str) -> None:
    environment = {**os.environ, "FAIRDASH_MIN_GROUP_SIZE": given}
    command = [sys.executable, "-m", "fairdash", "--help"]
    said = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert said.returncode == 2
    assert said.stderr == f"FAIRDASH_MIN_GROUP_SIZE is {given!r}: give a whole number from 0 on, or unset it.\n"


def test_a_list_of_people_is_an_attribute_and_crosses_with_others() -> None:
    table = _table(gender=["F", "F", "M", "M", None])
    listed = GroupSpec(("picked",), members=(("picked", ("u0", "u2", "gone")),))
    groups = form(listed, table)
    assert (groups.attribute, groups.names) == ("picked", ("in it", "not in it"))
    assert groups.codes.tolist() == [0, 1, 0, 1, 1]
    crossed = GroupSpec.crossed([GroupSpec(("gender",), (), 7), listed])
    assert [one.label for one in crossed.each] == ["gender", "picked"]
    both = form(crossed, table)
    assert both.names == ("F × in it", "F × not in it", "M × in it", "M × not in it")
    assert both.codes.tolist() == [0, 1, 2, 3, -1]
    assert from_json(json.loads(json.dumps(asdict(crossed)))) == crossed
    with pytest.raises(ConfigError, match="Nobody of the group"):
        form(GroupSpec(("picked",), members=(("picked", ("gone",)),)), table)


def test_groups_that_are_too_small_to_be_compared_count_as_unknown() -> None:
    cells = ["a"] * 30 + ["b"] * 3 + ["c"] * 25 + [None] * 2
    table = _table(kind=cells, other=(["x", "y"] * 30))
    kept, other, few = form_compared([GroupSpec(("kind",)), GroupSpec(("other",)), GroupSpec(("kind",), (), 26)], table)
    assert kept.names == ("a", "c")
    assert kept.codes.tolist() == [0] * 30 + [-1] * 3 + [1] * 25 + [-1] * 2
    assert other.names == ("x", "y")
    assert few.names == ("a", "b", "c")  # of one group alone nothing would be left to compare
