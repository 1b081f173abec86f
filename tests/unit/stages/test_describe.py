"""The data's own bias, by hand."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.spatial.distance import jensenshannon

from fairdash import settings
from fairdash.data.split import split
from fairdash.data.synthetic import make
from fairdash.groups import form, suggest
from fairdash.schema import Dataset, GroupSpec
from fairdash.stages.describe import describe


@pytest.fixture
def small() -> Dataset:
    rows = [
        *(("a", "x", 5.0), ("a", "y", 3.0), ("b", "x", 4.0)),
        *(("c", "x", 1.0), ("c", "y", 5.0), ("c", "z", 2.0), ("d", "x", 4.0)),
    ]
    interactions = pd.DataFrame(rows, columns=["user_id", "item_id", "rating"])
    users = pd.DataFrame({"user_id": list("abcde"), "gender": ["F", "F", "M", None, "M"]}, dtype="str")
    items = pd.DataFrame(
        {"item_id": list("xyzw"), "categories": ["A|B", "A", None, "B"], "by": list("FMMF")}, dtype="str"
    )
    return Dataset("small", interactions, users, items, 4.0)


@pytest.fixture(autouse=True)
def _of_any_size(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tables here are small enough to be checked by hand, and so are their groups."""
    monkeypatch.setattr(settings, "FEWEST", 1)


def test_people(small: Dataset) -> None:
    found = describe(small, [form(GroupSpec(("gender",)), small.users)]).users["gender"]
    table = found.table.set_index("group")
    assert table.index.tolist() == ["F", "M", "(unknown)"]
    assert table["people"].tolist() == [2, 2, 1]
    assert table["interactions"].tolist() == [3, 3, 1]
    assert table["activity_mean"].tolist() == [1.5, 1.5, 1.0]
    assert table["activity_median"].tolist() == [1.5, 1.5, 1.0]
    assert table["rating_mean"].tolist() == pytest.approx([4.0, 8 / 3, 4.0])
    assert table["liked_share"].tolist() == pytest.approx([2 / 3, 1 / 3, 1.0])
    assert table["popularity_mean"].tolist() == pytest.approx([10 / 3, 7 / 3, 4.0])  # x 4, y 2, z 1
    assert table["tail_share"].tolist() == pytest.approx([0.0, 1 / 3, 0.0])  # head: x and y, 6 of 7
    shares = found.categories.pivot_table(index="group", columns="category", values="share", aggfunc="sum")
    assert shares.loc["F"].to_dict() == pytest.approx({"A": 2 / 3, "B": 1 / 3, "(unknown)": 0.0})
    assert shares.loc["M"].to_dict() == pytest.approx({"A": 1 / 2, "B": 1 / 6, "(unknown)": 1 / 3})
    expected = jensenshannon([2 / 3, 1 / 3], [3 / 4, 1 / 4], base=2)
    assert found.distance.loc["F", "M"] == pytest.approx(expected)
    assert found.distance.index.tolist() == ["F", "M"]
    idle = found.activity.query("group == 'M' and low == 0")
    assert idle["people"].tolist() == [1]
    assert idle["share"].tolist() == [0.5]


def test_whole_and_items(small: Dataset) -> None:
    found = describe(small, (), [form(GroupSpec(("by",)), small.items)])
    assert found.overall["people"] == 5
    assert found.overall["density"] == pytest.approx(7 / 20)
    assert found.overall["activity_median"] == 1.0
    assert found.overall["head_items"] == 2
    assert found.overall["unused_items"] == 1
    assert found.overall["first_time"] is None
    table = found.items["by"].table.set_index("group")
    assert table.loc["F", ["items", "catalogue_share", "interaction_share"]].tolist() == pytest.approx([2, 0.5, 4 / 7])
    assert found.popularity["item_id"].tolist()[:3] == ["x", "y", "z"]
    assert found.popularity["tail"].tolist() == [False, False, True, True]


def test_without_ratings_and_categories() -> None:
    interactions = pd.DataFrame({"user_id": ["a", "b"], "item_id": ["x", "x"]}, dtype="str")
    users = pd.DataFrame({"user_id": ["a", "b"], "g": ["1", "2"]}, dtype="str")
    dataset = Dataset("bare", interactions, users, pd.DataFrame({"item_id": ["x"]}, dtype="str"))
    found = describe(dataset, [form(GroupSpec(("g",)), users)])
    assert found.overall["rating_mean"] is None
    assert found.overall["liked_share"] is None
    assert found.users["g"].table["rating_mean"].isna().all()
    assert found.users["g"].distance.empty


def test_everything_of_the_synthetic_service_is_plain_json() -> None:
    dataset, _ = make(0, n_users=150, n_items=80)
    people = [form(spec, dataset.users) for spec in suggest(dataset.users)]
    things = [form(spec, dataset.items) for spec in suggest(dataset.items)]
    found = describe(dataset, people, things)
    plain = json.loads(json.dumps(found.to_json(), allow_nan=False))
    rows = plain["users"]["gender"]["table"]
    assert sum(row["people"] for row in rows) == 150
    assert math.isclose(sum(row["interaction_share"] for row in rows), 1.0)
    assert np.isclose(found.users["gender"].categories.groupby("group")["share"].sum(), 1.0).all()


def test_impressions_are_exposure_that_people_got(small: Dataset) -> None:
    shown = pd.DataFrame([("a", "z"), ("a", "w"), ("c", "w"), ("e", "w"), ("e", "x")], columns=["user_id", "item_id"])
    data = replace(small, impressions=shown)
    found = describe(data, [form(GroupSpec(("gender",)), data.users)], [form(GroupSpec(("by",)), data.items)])
    assert found.overall["shown"] == 12
    assert found.overall["click_rate"] == pytest.approx(7 / 12)
    people = found.users["gender"].table.set_index("group")
    assert people["shown"].tolist() == [5, 6, 1]
    assert people["shown_share"].tolist() == pytest.approx([5 / 12, 6 / 12, 1 / 12])
    assert people["click_rate"].tolist() == pytest.approx([3 / 5, 3 / 6, 1.0])
    assert (people["click_rate_low"] <= people["click_rate"]).all()
    assert (people["click_rate_high"] >= people["click_rate"]).all()
    things = found.items["by"].table.set_index("group")
    assert things["shown"].tolist() == [8, 4]  # x and w by F, y and z by M
    assert things["click_rate"].tolist() == pytest.approx([4 / 8, 3 / 4])
    # what was shown and left is neither had nor seen
    assert people["interactions"].tolist() == [3, 3, 1]
    assert len(data.coded()) == 7
    cut = split(data, "user-random:0.8", seed=0)
    pairs = set(zip(cut.known.user.tolist(), cut.known.item.tolist(), strict=True))
    held = set(zip(cut.test.user.tolist(), cut.test.item.tolist(), strict=True))
    left = {("abcde".index(u), "xyzw".index(i)) for u, i in shown.itertuples(index=False)}
    assert not left & (pairs | held)
    assert describe(small).overall["shown"] is None


def test_click_rates_have_intervals_over_people() -> None:
    """One person who was shown much is one person: the interval is wider than that of so many draws."""
    rng = np.random.default_rng(0)
    n, each = 60, 40
    ids = [f"u{i}" for i in range(n)]
    chance = rng.beta(1, 1, n)  # people differ widely
    taken = rng.random((n, each)) < chance[:, None]
    rows = [(u, f"i{j}", taken[p, j]) for p, u in enumerate(ids) for j in range(each)]
    frame = pd.DataFrame(rows, columns=["user_id", "item_id", "taken"])
    pairs = frame[["user_id", "item_id"]]
    items = pd.DataFrame({"item_id": [f"i{j}" for j in range(each)]})
    users = pd.DataFrame({"user_id": ids, "g": "a"})
    data = Dataset("x", pairs[frame["taken"]], users, items, None, impressions=pairs[~frame["taken"]])
    row = describe(data, [form(GroupSpec(("g",)), users)]).users["g"].table.iloc[0]
    error = taken.mean(axis=1).std() / np.sqrt(n)
    assert (row["click_rate_high"] - row["click_rate_low"]) / 2 == pytest.approx(1.96 * error, rel=0.12)


def test_people_of_several_groups_count_in_each(small: Dataset) -> None:
    users = small.users.assign(speaks=["en|fr", "en", "fr", None, "fr"])
    found = describe(small, [form(GroupSpec(("speaks",)), users)]).users["speaks"].table.set_index("group")
    assert found["people"].tolist() == [2, 3, 1]
    assert found["people_share"].tolist() == pytest.approx([2 / 5, 3 / 5, 1 / 5])
    assert found["interactions"].tolist() == [3, 5, 1]
    assert found["rating_mean"].tolist() == pytest.approx([4.0, 16 / 5, 4.0])
