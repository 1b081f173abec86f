"""What a stage is handed: everything that it can use, and nothing that it must not see."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from fairdash.data import sources
from fairdash.data.split import split
from fairdash.errors import ConfigError
from fairdash.mitigation import METHODS, find_method
from fairdash.mitigation.base import InTraining, Mitigation, VectorMap
from fairdash.progress import Progress
from fairdash.recommenders import build
from fairdash.run import Outcome, Run
from fairdash.schema import Codes, Floats, Groups, GroupSpec, Interactions, Split
from fairdash.stages import fit, mitigate, model_side, places
from fairdash.stages.compare import Aim, aims
from fairdash.stages.model_side import Measures

GENDER = (GroupSpec(("gender",)),)


class Predicts:
    """A stand-in for a recommender that knows P(like): 1 / (2 + item)."""

    name, profile = "predicts", ()

    def score(self, users: Codes, history: Interactions) -> Floats:
        raise AssertionError("candidates are cached: nobody is scored again")

    def save(self, folder: Path) -> None:
        raise AssertionError("nothing is saved")

    def probability(self, users: Codes, items: Codes, history: Interactions) -> Floats:
        return (1.0 / (2.0 + items)).astype(np.float32)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    parts = split(sources.load("synthetic"), "user-time:0.8")
    return fit.train(parts, fit.TrainSpec("popularity"), tmp_path_factory.mktemp("run") / "run")


def test_rerankers_that_make_use_of_probabilities_get_them_where_the_recommender_has_them(run: Run) -> None:
    chosen = Mitigation("user_parity", GENDER)
    assert places.rerank_input(run, chosen, 10, "test").probability is None
    predicting = Run.load(run.folder)
    predicting.__dict__["fitted"] = Predicts()
    for part in ("valid", "test"):
        given = places.rerank_input(predicting, chosen, 10, part)
        items = given.candidates.items
        assert given.probability is not None
        np.testing.assert_allclose(given.probability[items >= 0], 1 / (2.0 + items[items >= 0]), rtol=1e-6)
        assert np.isnan(given.probability[items < 0]).all()
    assert places.rerank_input(predicting, Mitigation("calibrate"), 10, "test").probability is None


def test_the_fitting_part_of_what_a_reranker_sees_is_validation(run: Run) -> None:
    given = places.rerank_input(run, Mitigation("calibrate"), 10, "test")
    assert given.fitting is not None
    assert given.fitting.fitting is None
    known = run.split.known
    assert given.history.sum() == len(known)
    assert given.fitting.history.sum() == len(run.split.training.train)


def test_an_unknown_method_is_refused_by_name() -> None:
    with pytest.raises(ConfigError, match="magic"):
        find_method("magic")


@pytest.mark.parametrize("method", ["blind", "counterfactual_augment"])
def test_methods_of_the_profile_text_are_refused_where_none_is_read(method: str, tmp_path: Path) -> None:
    parts = split(sources.load("synthetic"), "user-time:0.8")
    spec = fit.TrainSpec("ncf", {}, (Mitigation(method, GENDER, strength=0.5),))
    with pytest.raises(ConfigError, match="which ncf does not read") as caught:
        fit.train(parts, spec, tmp_path / "run")
    assert "bert_sequence" in caught.value.hint
    assert not (tmp_path / "run").exists()


def test_a_profile_is_refused_where_none_is_read(tmp_path: Path) -> None:
    parts = split(sources.load("synthetic"), "user-time:0.8")
    with pytest.raises(ConfigError, match="ease reads no profile text"):
        fit.train(parts, fit.TrainSpec("ease", {"profile": "gender"}), tmp_path / "run")


def test_a_training_needs_a_strength(tmp_path: Path) -> None:
    parts = split(sources.load("synthetic"), "user-time:0.8")
    spec = fit.TrainSpec("ncf", {}, (Mitigation("resample", GENDER),))
    with pytest.raises(ConfigError, match="one strength of resample"):
        fit.train(parts, spec, tmp_path / "run")


AGE = GroupSpec(("age",), ((35.0,),), 30)


def test_a_re_ranker_balances_the_crossing_of_several_attributes(run: Run) -> None:
    chosen = Mitigation("user_parity", (*GENDER, AGE))
    given = places.rerank_input(run, chosen, 10, "test")
    assert given.user_groups is not None
    assert given.user_groups.attribute == "gender × age"
    assert set(given.user_groups.names) >= {f"{who} × {age}" for who in ("man", "woman") for age in ("under 35", "35+")}
    assert given.user_least == 30
    assert [aim.attribute for aim in aims(chosen)] == ["gender × age"]
    lists = {}
    for groups in (GENDER, (AGE,), (*GENDER, AGE), (GroupSpec(("gender", "age"), (None, (35.0,))),)):
        one = mitigate.mitigate(run, Mitigation("user_parity", groups, strength=1.0), 10, retrain=never)
        lists["+".join(group.label for group in groups)] = one.lists.items
    np.testing.assert_array_equal(lists["gender+age"], lists["gender × age"])
    assert (lists["gender+age"] != lists["gender"]).any()


def never(*_: object) -> Run:
    raise AssertionError("nothing is trained")


def test_crossed_specs_keep_their_cuts_and_hold_an_attribute_once() -> None:
    one, two = GroupSpec(("gender",), (), 20), GroupSpec(("age", "gender"), ((35.0,), None), 30)
    assert GroupSpec.crossed([one]) == GroupSpec(("gender",), (), 20)
    assert GroupSpec.crossed([one, two]) == GroupSpec(("gender", "age"), (None, (35.0,)), 30)


def test_other_methods_aim_at_each_attribute() -> None:
    chosen = Mitigation("group_dro", (*GENDER, AGE))
    assert [(aim.metric, aim.attribute) for aim in aims(chosen)] == [
        ("ndcg", "gender"),
        ("ndcg", "age"),
    ]
    assert aims(None) == ()
    assert aims(Mitigation("calibrate", GENDER)) == (Aim("miscalibration"),)


def test_strengths_are_tuned_on_the_attribute_where_the_target_is_unfairest(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained = Outcome(run, run.candidates("valid").top(10))
    monkeypatch.setattr(mitigate, "outcomes", lambda *_: lambda strength, progress: trained)
    found = {}
    for name, groups in (("gender", GENDER), ("age", (AGE,)), ("both", (*GENDER, AGE)), ("turned", (AGE, *GENDER))):
        chosen = Mitigation("group_dro", groups)
        found[name] = mitigate.sweep(run, chosen, 10, retrain=never, strengths=(0.0,))[0].value
    assert found["gender"] != found["age"]
    assert found["both"] == found["turned"] == max(found["gender"], found["age"])


@pytest.mark.parametrize("method", ["resample", "group_dro", "project"])
def test_lists_of_another_system_cannot_be_trained_anew(run: Run, method: str, tmp_path: Path) -> None:
    brought = fit.import_lists(run.split, run.candidates("test"), "theirs", tmp_path / "theirs")
    with pytest.raises(ConfigError, match="lists of another system") as caught:
        mitigate.mitigate(brought, Mitigation(method, GENDER, strength=0.5), 10, retrain=never)
    assert caught.value.hint
    with pytest.raises(ConfigError, match="were not trained here"):
        fit.TrainSpec.of(brought)


@pytest.mark.parametrize("recommender", ["ncf", "bert_pair"])
def test_what_the_pipeline_trains_mitigate_does_not_refuse(recommender: str) -> None:
    for method in ("fair_loss", "adversarial", "neutral"):
        assert places.lacking(method, recommender, places.offers(recommender, {})) is None
    assert places.lacking("project", "bert_pair", places.offers("bert_pair", {})) is not None


@pytest.mark.parametrize(("strength", "trainings"), [(None, 6), (0.5, 3)])  # of a sweep, and of what is given
def test_progress_covers_all_trainings(run: Run, strength: float | None, trainings: int) -> None:
    told: list[float] = []
    at_training: list[float] = []

    def retrain(spec: fit.TrainSpec, progress: Progress) -> Run:
        at_training.append(told[-1] if told else 0.0)
        for done in (0.0, 0.5, 1.0):
            progress(done, "Training")
        return trainable

    trainable = Run.load(run.folder)
    trainable.meta["recommender"] = "ncf"
    steps = [Mitigation(method, GENDER, strength=strength) for method in ("resample", "group_dro")]
    mitigate.mitigate(
        trainable, steps[1], 10, first=steps[:1], retrain=retrain,
        progress=lambda done, message="", values=None: told.append(done),
    )  # fmt: skip
    assert told == sorted(told)
    assert told[-1] == 1.0
    assert max(at_training) < 1.0
    assert len(set(at_training)) >= trainings


def test_what_is_trained_anew_balances_the_groups_that_are_compared(run: Run) -> None:
    """13 non-binary people of the synthetic service stand in no gap, so nothing follows them, or repeats them."""
    work = places.Work(run, Mitigation("resample", GENDER), 10, "valid", lambda chosen, progress: run)
    people = run.split.training.people
    assert [groups.names for groups in work.groups] == [("man", "woman")]
    spec = fit.TrainSpec("ncf", {}, (Mitigation("resample", GENDER, strength=1.0),))
    data, _ = fit._with_mitigations(run.split.training, spec, build("ncf", {}))
    assert data.user_repeats is not None
    assert (data.user_repeats[(people["gender"] == "non-binary").to_numpy()] == 1).all()
    assert data.user_repeats.max() == 2


class HasVectors:
    """A stand-in for a recommender with user vectors, whose scores are those of everybody."""

    name, profile = "ncf", ()

    def __init__(self, n_items: int) -> None:
        self.n_items = n_items

    def user_vectors(self, users: Codes, history: Interactions) -> Floats:
        return np.random.default_rng(0).normal(size=(len(users), 4)).astype(np.float32)

    def score_vectors(self, vectors: Floats) -> Floats:
        return np.tile(np.arange(self.n_items, dtype=np.float32), (len(vectors), 1))


@pytest.mark.parametrize(("method", "asks"), [("project", False), ("decorrelate", True)])
def test_a_method_that_asks_for_no_group_is_tuned_on_people_whose_group_it_is_not_told(
    run: Run, method: str, asks: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On the people whom it was fitted to a projection has taken away chance, too, so that the least strength that
    looks fair there hides little of anybody else."""
    vectors = Run.load(run.folder)
    vectors.meta["recommender"] = "ncf"
    vectors.__dict__["fitted"] = HasVectors(run.split.training.n_items)
    told, asked = [], []

    def fit_map(self: object, vectors: Floats, groups: list[Groups], strength: float, seed: int) -> VectorMap:
        told.append(groups[0].codes >= 0)
        return lambda vectors, groups: vectors

    def measured(fitted: object, split: Split, groups: object, lists: object, **more: object) -> dict[str, Measures]:
        asked.append(split.asked)
        one = model_side.Measure(0.6, (0.5, 0.7), np.full(mitigate.TUNING_REPLICATES, 0.6))
        return {"gender": {"probe_auc": one, "divergence": one}}

    monkeypatch.setattr(type(find_method(method)), "fit", fit_map)
    monkeypatch.setattr(model_side, "measures", measured)
    mitigate.sweep(vectors, Mitigation(method, GENDER), 10, retrain=never, strengths=(0.0, 0.5))
    known = run.split.training.people["gender"].isin(["man", "woman"]).to_numpy()
    if asks:
        assert asked == [None, None]
        assert (told[0] == known).all()
    else:
        assert (asked[0] == asked[1]).all()
        assert 0.4 < asked[0].mean() < 0.6
        assert (told[0] == known & ~asked[0]).all()
    small = Mitigation(method, (GroupSpec(("gender",), (), 200),))  # a half of each would not be two groups
    assert places.place_of(method).withheld(vectors, small) is None


def test_a_method_that_needs_probabilities_is_told_who_has_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a package from outside, say."""
    own = find_method("fair_loss")
    needing = InTraining(replace(own.info, key="equal_errors", needs=("user_groups", "probabilities")), own.module)
    monkeypatch.setitem(METHODS, "equal_errors", needing)
    refused = places.lacking("equal_errors", "bert_sequence", places.offers("bert_sequence", {}))
    assert refused is not None
    assert "ncf" in refused.hint
    assert "bert_sequence (tasks=next,rating)" in refused.hint
    assert places.lacking("equal_errors", "ncf", places.offers("ncf", {})) is None
