"""People behind a gap: worked numbers, the items that carry it, and what is never told, not even by subtraction."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import settings as settings_of
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import sparse

from fairdash import data, entries, settings, words
from fairdash.errors import ConfigError
from fairdash.metrics import audit as audits
from fairdash.metrics import inputs
from fairdash.schema import UNKNOWN, Groups, GroupSpec, Interactions, Lists, Split, TrainingData
from fairdash.stages import people as stage
from fairdash.stages.people import Measure, People
from fairdash.workspace import Workspace

WOMEN, MEN = 20, 30


def split() -> Split:
    """Twenty women and thirty men; all like item 0 (Drama) and know item 3 (Comedy); nobody knows the others."""
    n = WOMEN + MEN
    users = pd.DataFrame({"user_id": [f"u{i:02}" for i in range(n)], "gender": ["F"] * WOMEN + ["M"] * MEN})
    items = pd.DataFrame({"item_id": list("abcd"), "title": list("ABCD"), "categories": ["Drama", "Drama|Comedy"] * 2})
    each = np.arange(n, dtype=np.int32)
    ones, zero = np.ones(n, np.float32), np.zeros(n)
    known = Interactions(each, np.full(n, 3, np.int32), ones, zero)
    nobody = known.take(np.empty(0, dtype=np.int64))
    liked = Interactions(each, np.zeros(n, np.int32), ones, zero)
    return Split("made", "own", 0, TrainingData(users, items, known, nobody), liked)


def lists() -> Lists:
    """Women get a at 2 (NDCG 0.6309), but five of them not at all; men get it at 1, ten of them not at all."""
    rows = [[1, 0]] * 15 + [[1, 2]] * 5 + [[0, 1]] * 20 + [[2, 1]] * 10
    items = np.array(rows, np.int32)
    return Lists(items, np.full(items.shape, np.nan))


@pytest.fixture(scope="module")
def made() -> People:
    return stage.by_attribute(stage.gather(split(), lists(), 2), split(), GroupSpec(("gender",)))


SECOND = 1 / math.log2(3)


def test_groups_are_views_on_peoples_values(made: People) -> None:
    """Women 15 × 0.6309 / 20, men 20 × 1 / 30."""
    women, men = stage.parts(made, "ndcg")
    assert (women.name, women.people, women.n) == ("F", 20, 20)
    assert women.value == pytest.approx(0.75 * SECOND)
    assert men.value == pytest.approx(2 / 3)
    high, low = stage.widest(stage.parts(made, "ndcg")) or (women, men)
    assert (high.name, low.name) == ("M", "F")


def test_brushed_people_are_recomputed_at_once_and_few_are_not_told(made: People) -> None:
    """Those with a hit: 15 women of 20 are too few, 20 men of 30 leave ten; with everybody from 0 on all are there."""
    women, men = stage.parts(made, "ndcg", stage.between(made, "ndcg", 0.5, 1))
    assert (women.n, women.aside) == (15, words.WITHHELD)
    assert math.isnan(women.value)
    assert (men.n, men.aside) == (20, stage.ALL_BUT_FEW)
    assert [part.value for part in stage.parts(made, "ndcg", stage.between(made, "ndcg", 0, 1))] == pytest.approx(
        [0.75 * SECOND, 2 / 3]
    )
    lenient = replace(made, least=10)
    assert [part.value for part in stage.parts(lenient, "ndcg", stage.between(made, "ndcg", 0.9, 1))][1] == 1.0
    assert stage.parts(lenient, "ndcg", stage.between(made, "ndcg", 0.9, 1))[0].aside == words.WITHHELD


def test_every_value_is_the_audits() -> None:
    """On made-up data: group values of all metrics that people have, popularity lift among them."""
    dataset, _ = data.synthetic.make(n_users=150, n_items=60)
    cut = data.split.split(dataset, "user-time:0.8")
    rng = np.random.default_rng(0)
    items = np.argsort(rng.random((150, 60)), axis=1)[:, :10].astype(np.int32)
    shown = Lists(items, np.full(items.shape, np.nan))
    spec = GroupSpec(("gender",))
    audit = audits.from_split(cut, shown, groups=[spec], k=5, replicates=0, permutations=0).to_json()
    people = stage.by_attribute(stage.gather(cut, shown, 5), cut, spec)
    assert {"ndcg", "recall", "miscalibration", "popularity_lift", "arp"} <= people.measures.keys()
    for metric in people.measures:
        for part in stage.parts(people, metric):
            row = audit["groups"]["gender"][part.name]
            assert part.people == row["n"]
            if part.people < settings.MIN_GROUP_SIZE:
                assert not part.told
            else:
                assert part.value == pytest.approx(row[metric]), (metric, part.name)


def test_the_worst_are_lowest_and_ties_do_not_go_by_id(made: People) -> None:
    worst = stage.worst(made, "ndcg", "M", 10)
    assert set(worst) == set(range(40, 50))
    assert list(worst) != sorted(worst)
    assert list(stage.worst(made, "ndcg", "F", 7)[:5]) == list(stage.worst(made, "ndcg", "F", 5))
    assert set(stage.worst(made, "ndcg", "F", 5)) == set(range(15, 20))
    assert set(stage.typical(made, "ndcg", "F", 10)) <= set(range(15))
    higher = stage.worst(made, "miscalibration", "M", 5)  # lower is fairer
    each = made.measures["miscalibration"].each
    assert min(each[higher]) >= np.sort(each[20:])[-5] - 1e-12
    small = replace(made, least=21)
    assert not len(stage.worst(small, "ndcg", "F", 10))
    assert not len(stage.typical(small, "ndcg", "F", 10))


def test_a_portrait_holds_taste_list_hits_and_what_was_missed(made: People) -> None:
    hit, missed = stage.portrait(made, split(), 0), stage.portrait(made, split(), 45)
    assert hit.history.tolist() == [3]
    assert hit.listed.tolist() == [1, 0]
    assert (hit.hits, hit.missed.tolist()) == (frozenset({0}), [])
    assert (missed.hits, missed.missed.tolist()) == (frozenset(), [0])


def test_the_items_that_carry_a_gap_by_hand(made: People) -> None:
    """M − F is 2/3 − 0.75 · 0.6309. Without a nobody has a hit: 0, so a moves all of it. No other item moves it."""
    found = stage.carriers(made, "ndcg", "M", "F")
    gap = 2 / 3 - 0.75 * SECOND
    assert found["item"].tolist()[0] == 0
    assert found["moved"].tolist()[0] == pytest.approx(gap)
    assert found["without"].tolist()[0] == pytest.approx(0)
    assert found["moved"].tolist()[1:] == pytest.approx([0] * (len(found) - 1))
    assert found["one"].tolist()[0] == 20
    assert found["other"].tolist()[0] == 15
    back = stage.carriers(made, "ndcg", "F", "M")
    assert back["item"].tolist()[0] == 0
    assert back["moved"].tolist()[0] == pytest.approx(-gap)


@pytest.mark.parametrize("metric", ["ndcg", "map", "miscalibration", "popularity_lift", "aplt"])
def test_an_item_left_out_is_as_if_it_had_been_on_no_list(metric: str) -> None:
    dataset, _ = data.synthetic.make(n_users=120, n_items=40)
    cut = data.split.split(dataset, "user-time:0.8")
    items = np.argsort(np.random.default_rng(1).random((120, 40)), axis=1)[:, :6].astype(np.int32)
    shown = Lists(items, np.full(items.shape, np.nan))
    spec = GroupSpec(("gender",))
    people = stage.by_attribute(stage.gather(cut, shown, 4), cut, spec)
    one, other = (part.name for part in stage.parts(people, metric)[:2])
    found = stage.carriers(people, metric, one, other)
    for item in found["item"].tolist()[:3]:
        emptied = Lists(np.where(items == item, -1, items), shown.scores)
        again = stage.by_attribute(stage.gather(cut, emptied, 4), cut, spec)
        values = {part.name: part.value for part in stage.parts(again, metric)}
        row = found[found["item"] == item].iloc[0]
        assert row["without"] == pytest.approx(values[one] - values[other])


def test_few_who_have_an_item_are_not_counted(made: People, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "FEWEST", 6)
    found = stage.carriers(made, "ndcg", "M", "F").set_index("item")
    assert found.loc[2, "one"] == 10
    assert np.isnan(found.loc[2, "other"])  # five women
    monkeypatch.setattr(settings, "FEWEST", 16)
    assert 2 not in stage.carriers(made, "ndcg", "M", "F")["item"].tolist()
    assert stage.carriers(replace(made, least=21), "ndcg", "M", "F").empty


def test_categories_of_lists_and_of_the_own_history(made: People) -> None:
    """Women: 15 lists of b (half a Drama) and a, 5 of b and c; their history is d (half a Drama)."""
    names = made.facts.categories.names if made.facts.categories else ()
    lists_of, history = stage.shares(made, "F")
    assert dict(zip(names, lists_of, strict=True)) == pytest.approx({"Comedy": 0.25, "Drama": 0.75})
    assert history is not None
    assert dict(zip(names, history, strict=True)) == pytest.approx({"Comedy": 0.5, "Drama": 0.5})
    assert np.isnan(stage.shares(replace(made, least=21), "F")[0]).all()


def test_exposure_of_items_by_hand(made: People) -> None:
    shown, targets = stage.exposure(made)
    assert shown == pytest.approx([15 * SECOND + 20, 20 + 30 * SECOND, 5 * SECOND + 10, 0])
    assert targets["catalogue"].tolist() == [1, 1, 1, 1]
    assert targets["interactions"].tolist() == [0, 0, 0, 50]
    assert targets["liked"].tolist() == [50, 0, 0, 0]


# --- never below the minimum size, nor by subtraction -----------------------------------------------------------------


def people(codes: np.ndarray, member: np.ndarray | None, known: np.ndarray, least: int) -> People:
    """People with these groups, of whom some have a value."""
    n = len(codes)
    names = ("a", "b", "c")
    groups = Groups("kind", names, codes.astype(np.int32)) if member is None else Groups.of(
        "kind", names, sparse.csr_array(member)
    )  # fmt: skip
    nothing = Interactions(*(np.empty(0, kind) for kind in (np.int32, np.int32, np.float32, np.float64)))
    made = inputs.Inputs(
        user_ids=np.array([f"u{i}" for i in range(n)], dtype=object),
        lists=Lists(np.empty((n, 0), np.int32), np.empty((n, 0))),
        relevant=nothing,
        known=None,
        groups=(),
        min_sizes=(),
        targets=(),
        continuous={},
        catalogue=inputs.Catalogue(np.empty(0, object), None, ()),
        graded=None,
        warnings=(),
        threshold=None,
    )
    return People(made, 1, np.arange(n, dtype=np.int32), {"ndcg": Measure(known * 1.0, known * 1.0)}, groups, least)


@given(
    codes=hnp.arrays(np.int64, 40, elements=st.integers(-1, 2)),
    member=st.none() | hnp.arrays(np.bool_, (40, 3)),
    known=hnp.arrays(np.bool_, 40),
    brushed=hnp.arrays(np.bool_, 40),
    least=st.integers(2, 25),
)
def test_nothing_is_told_of_fewer_than_the_minimum_nor_by_subtraction(
    codes: np.ndarray, member: np.ndarray | None, known: np.ndarray, brushed: np.ndarray, least: int
) -> None:
    """Of each group two values may be told, of all and of the brushed. Each is of enough people, and so is what is left
    of one without the other."""
    made = people(codes, member, known, least)
    whole, kept = ({part.name: part for part in stage.parts(made, "ndcg", mask)} for mask in (None, brushed))
    for name in made.names:
        who = made.member(name) & known
        sets = [mask for mask, part in ((who, whole[name]), (who & brushed, kept[name])) if part.told]
        for one, other in product(sets, sets):
            assert one.sum() >= least
            assert not 0 < (one & ~other).sum() < least
        if who.sum() < least:
            assert whole[name].n is None
            assert kept[name].n is None
            for choose in (stage.worst, stage.typical):
                assert not len(choose(made, "ndcg", name, 10))
            assert not len(stage.shown(made, "ndcg", name))


@settings_of(max_examples=40)
@given(masks=st.lists(hnp.arrays(np.bool_, 50), min_size=1, max_size=4))
def test_saved_groups_never_tell_of_few_by_subtraction(masks: list[np.ndarray]) -> None:
    """Whatever is saved in whatever order: a saved group, its complement, each attribute's groups and everybody never
    differ by a few people alone."""
    cut = split()
    made = stage.by_attribute(stage.gather(cut, lists(), 2), cut, GroupSpec(("gender",)))
    saved: dict[str, list[str]] = {}
    for i, mask in enumerate(masks):
        if not stage.refusal(made, cut, mask, saved):
            saved[str(i)] = made.ids[mask].tolist()
    women = made.member("F")
    told = [np.isin(made.ids, ids) for ids in saved.values()]
    sets = [*told, *(~one for one in told), women, ~women, np.ones(50, bool)]
    least = settings.MIN_GROUP_SIZE
    for one in told:
        assert one.sum() >= least
    for one, other in product(sets, sets):
        if not (other & ~one).any():  # a part of it: its value could be taken away
            assert not 0 < (one & ~other).sum() < least


def test_what_is_refused_is_said(made: People) -> None:
    cut, everyone = split(), np.ones(50, bool)
    some = everyone.copy()
    some[:3] = False
    assert "too few" in stage.refusal(made, cut, ~some, {})
    assert "all but a few" in stage.refusal(made, cut, some, {})
    women = made.member("F")
    assert stage.refusal(made, cut, women, {}) == "These are the same people as women."
    more = women.copy()
    more[20:23] = True
    assert "differ from women by a few" in stage.refusal(made, cut, more, {})
    half = np.arange(50) % 2 == 0
    assert stage.refusal(made, cut, half, {}) == ""
    nearly = half.copy()
    nearly[1] = True
    assert "differ from evens by a few" in stage.refusal(made, cut, nearly, {"evens": made.ids[half].tolist()})
    assert "by a few" in stage.refusal(made, cut, ~nearly, {"evens": made.ids[half].tolist()})


def test_saved_groups_stand_beside_everybody_else(made: People) -> None:
    evens = made.ids[::2].tolist()  # 10 women and 15 men
    by = stage.by_saved(made, {"evens": evens}, "saved", "others")
    assert [(part.name, part.people) for part in stage.parts(by, "ndcg")] == [("evens", 25), ("others", 25)]
    assert not by.groups.unknown.any()
    with pytest.raises(ConfigError, match="has no group “nobody”"):
        by.member("nobody")
    unknown = replace(made, groups=Groups("gender", ("F",), np.where(np.arange(50) < 20, 0, -1).astype(np.int32)))
    assert unknown.names == ("F", UNKNOWN)
    assert not stage.parts(unknown, "ndcg")[1].compared


def test_saved_people_are_kept_with_the_lists(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    name = "0123456789abcdef"
    with workspace.create("lists", name, {"title": "x", "run": name}):
        pass
    assert entries.saved_people(workspace, name) == {}
    entries.save_people(workspace, name, "late birds", ["b", "a"])
    entries.save_people(workspace, name, "early ones", ["c"])
    assert entries.saved_people(workspace, name) == {"late birds": ["a", "b"], "early ones": ["c"]}
    for bad in ("", "Late Birds", "x" * 50, "two\nlines"):
        with pytest.raises(ConfigError):
            entries.save_people(workspace, name, bad, ["d"])
    entries.save_people(workspace, name, "late birds", [])
    assert entries.saved_people(workspace, name) == {"early ones": ["c"]}
