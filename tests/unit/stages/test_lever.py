"""The lever: who loses a hit and who gains one, counted by hand; who is kept back; what cannot be moved."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from fairdash.data import synthetic
from fairdash.data.split import split
from fairdash.errors import ConfigError
from fairdash.mitigation.base import Mitigation
from fairdash.run import Run, finish, write_split
from fairdash.schema import USER_ID, GroupSpec, Interactions, Lists, Split, TrainingData
from fairdash.stages import disclosure, fit
from fairdash.stages.audit import AuditSpec
from fairdash.stages.compare import Made, compare
from fairdash.stages.lever import Lever
from fairdash.stages.mitigate import mitigate

SIX = GroupSpec(("gender",), (), 6)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Popularity on a small made-up service."""
    dataset, _ = synthetic.make(n_users=150, n_items=80)
    parts = split(dataset, "user-time:0.8")
    return fit.train(parts, fit.TrainSpec("ease"), tmp_path_factory.mktemp("lever") / "run")


def by_hand(tmp_path: Path) -> Run:
    """12 women, 7 men and 3 others with lists of 2 of 4 items; everybody likes item 0 alone at validation time. What
    is popular comes last on every list, so that xquad at strength 1 changes who has item 0 in the first two places:
    it stands third with 6 women and 5 men (who may gain it), and first with the others."""
    gender = ["F"] * 12 + ["M"] * 7 + ["X"] * 3
    n = len(gender)
    users = pd.DataFrame({USER_ID: [f"u{i}" for i in range(n)], "gender": gender}).astype("str")
    items = pd.DataFrame({"item_id": ["a", "b", "c", "d"]}).astype("str")
    everybody = np.arange(n, dtype=np.int32)

    def pairs(user: np.ndarray, item: int) -> Interactions:
        codes = np.full(len(user), item, dtype=np.int32)
        return Interactions(user, codes, np.ones(len(user), dtype=np.float32), np.zeros(len(user)))

    training = TrainingData(users, items, pairs(everybody, 3), pairs(everybody, 0))
    parts = Split("by hand", "own", 0, training, pairs(everybody, 1))
    late = np.isin(everybody, [0, 1, 2, 3, 4, 5, 12, 13, 14, 15, 16])
    ranked = np.where(late[:, None], [[1, 2, 0]], [[0, 1, 2]]).astype(np.int32)
    lists = Lists(ranked, np.tile(np.array([[3, 2, 1]], dtype=np.float32), (n, 1)))
    meta = {"title": "by hand", "recommender": "lists", "options": {}, "mitigations": [], "seed": 0}
    folder = tmp_path / "run"
    write_split(parts, folder)
    return finish(parts, "0" * 16, meta, {"valid": lists, "test": lists}, folder)


def test_who_loses_and_who_gains_a_hit_is_counted_by_hand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = by_hand(tmp_path)
    it = Lever(run, Mitigation("xquad"), 2, SIX)
    start = run.candidates("valid").items[:, :2]
    turned = start.copy()
    turned[[0, 1, 2, 3, 4]] = [0, 1]  # five women find item 0 now
    turned[[6, 7, 8, 9, 10, 11]] = [1, 2]  # six women lose it
    turned[[17, 18]] = [1, 2]  # two men lose it: too few to say
    turned[19:] = [1, 2]  # all three others lose it: a group too small to be shown
    monkeypatch.setattr(
        it, "lists", lambda strength: Lists(turned if strength else start, np.ones(turned.shape, dtype=np.float32))
    )
    shift = it.at(1.0)
    women, men = shift.groups
    assert (women.name, women.people, women.lose, women.gain) == ("F", 12, 6, 5)
    assert (men.name, men.people, men.lose, men.gain) == ("M", 7, None, 0)
    assert women.rows["hit"]["before"] == pytest.approx(6 / 12)
    assert women.rows["hit"]["after"] == pytest.approx(5 / 12)
    assert women.rows["hit"]["ci"][0] <= -1 / 12 <= women.rows["hit"]["ci"][1]
    assert men.rows["hit"]["before"] == pytest.approx(2 / 7)
    assert shift.gaps["hit"]["after"] == pytest.approx(5 / 12)


def test_nobody_of_a_small_group_can_be_looked_at(tmp_path: Path) -> None:
    run = by_hand(tmp_path)
    it = Lever(run, Mitigation("xquad"), 2, SIX)
    numbers = disclosure.pseudonyms(run.split.training.users[USER_ID])
    assert sorted(numbers) == list(range(1, 23))
    assert [it.person(int(one)) for one in numbers[:19]] == list(range(19))
    assert [it.person(int(one)) for one in (*numbers[19:], 0, 23, -1)] == [None] * 6
    assert it.liked_by(0) == {0}


def test_at_strength_0_nothing_has_changed(run: Run) -> None:
    shift = Lever(run, Mitigation("calibrate"), 10, GroupSpec(("gender",))).at(0.0)
    assert [(one.lose, one.gain) for one in shift.groups] == [(0, 0)] * len(shift.groups)
    assert all(row["difference"] == 0 for one in shift.groups for key, row in one.rows.items() if "difference" in row)
    assert shift.point.change == shift.point.ndcg_change == 0


def test_the_lever_says_what_a_comparison_on_validation_says(run: Run) -> None:
    """Its lists are those of the job, and its numbers those of `compare`, with validation in the place of the test."""
    gender, chosen = GroupSpec(("gender",)), Mitigation("calibrate", strength=0.4)
    it = Lever(run, chosen, 10, gender)
    shift = it.at(0.4)
    past = Run(run.folder, {**run.meta})
    past.__dict__["split"] = run.split.on_validation
    made = [Made(name, past, it.lists(strength), None) for name, strength in (("before", 0.0), ("after", 0.4))]
    value = compare(*made, AuditSpec((gender,), permutations=0)).to_json()
    for one in shift.groups:
        told = value["groups"]["gender"][one.name]["ndcg"]
        assert one.rows["ndcg"]["difference"] == pytest.approx(told["difference"])
        assert one.rows["ndcg"]["ci"] == pytest.approx(told["ci"])
        people = value["people"]["gender"][one.name]["precision"]
        for part, n in (("worse", one.lose), ("better", one.gain)):
            assert n is None or n == round(people[part] * people["n"])
    assert shift.gaps["ndcg"]["ci"] == pytest.approx(value["gaps"]["gender"]["ndcg"]["ci"])


def test_nothing_of_the_test_is_looked_at(run: Run) -> None:
    gender = GroupSpec(("gender",))
    shift = Lever(run, Mitigation("user_parity", (gender,)), 10, gender).at(0.5)
    blind = Run(run.folder, run.meta)
    nobody = run.split.test.take(np.zeros(0, dtype=np.int64))
    blind.__dict__["split"] = replace(run.split, test=nobody)
    same = Lever(blind, Mitigation("user_parity", (gender,)), 10, gender).at(0.5)
    assert np.array_equal(shift.items, same.items)
    assert [one.rows for one in shift.groups] == [one.rows for one in same.groups]
    kept = mitigate(run, Mitigation("user_parity", (gender,), strength=0.5), 10, retrain=None)  # type: ignore[arg-type]  # re-ranking trains nothing
    assert kept.strength == 0.5


def test_the_lever_starts_from_what_earlier_methods_left(run: Run) -> None:
    gender = GroupSpec(("gender",))
    first = [Mitigation("calibrate", strength=0.7)]
    it = Lever(run, Mitigation("xquad", (gender,)), 10, gender, first)
    start = Lever(run, first[0], 10, gender).at(0.7)
    assert np.array_equal(it.at(0.0).items, start.items)
    assert not np.array_equal(it.at(0.0).items, run.candidates("valid").top(10).items)
    assert it.at(0.0).point.change == 0
    before, after = it.at(0.0).ndcg, it.at(0.6).ndcg
    assert it.at(0.6).point.ndcg_change == pytest.approx(np.nanmean(after) - np.nanmean(before), abs=1e-6)
    alone = Lever(run, Mitigation("xquad", (gender,)), 10, gender).at(0.6)
    assert not np.array_equal(it.at(0.6).items, alone.items)


def test_every_strength_is_made_once(run: Run) -> None:
    it = Lever(run, Mitigation("calibrate"), 10, None)
    assert it.complete is False
    assert list(it.ladder())[-1] == 1.0
    assert it.complete
    assert it.at(0.35) is it.at(0.35)
    assert [one.name for one in it.at(0.35).groups] == ["everybody"]
    assert it.points("miscalibration")[0].change == 0
    assert "ndcg" not in it.targets  # there are no groups of people that it could lie between


def test_what_has_no_lever_is_refused(run: Run) -> None:
    with pytest.raises(ConfigError, match="does not re-rank"):
        Lever(run, Mitigation("reweigh"), 10, None)
    blind = Run(run.folder, run.meta)
    nobody = run.split.training.valid.take(np.zeros(0, dtype=np.int64))
    blind.__dict__["split"] = replace(run.split, training=run.split.training.with_(valid=nobody))
    with pytest.raises(ConfigError, match="validation time"):
        Lever(blind, Mitigation("calibrate"), 10, None)
