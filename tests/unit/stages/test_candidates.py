"""A recommender that scores candidates alone, from its training to the explanation of one item: `toy_judge` of the test
package, which can say nothing of an item that its first stage does not bring."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from fairdash.data import split as splits
from fairdash.data import synthetic
from fairdash.errors import ConfigError, ModelError
from fairdash.mitigation.base import Mitigation
from fairdash.progress import silent
from fairdash.recommenders import RECOMMENDERS, build, find, first_stages, ranking, store
from fairdash.recommenders.base import CandidateFitted, CatalogueFitted
from fairdash.recommenders.first_stage import FOLDER, FirstStage
from fairdash.run import Run
from fairdash.schema import GroupSpec
from fairdash.stages import audit, explore, fit, mitigate, model_side, recommend, search

PLUGIN = Path(__file__).parents[2] / "plugin"
GENDER = GroupSpec(("gender",), (None,), 2)
N = 12  # candidates of toy_judge


@pytest.fixture(scope="module", autouse=True)
def _judge() -> Iterator[None]:
    """The declaration of the test package, as if it had been named in FAIRDASH_PLUGINS."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(PLUGIN)
        from toy_plugin.judge import INFO

        patch.setitem(RECOMMENDERS, INFO.name, INFO)
        yield


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    cut = splits.split(synthetic.make(n_users=80, n_items=40)[0], "user-time:0.8")
    spec = fit.TrainSpec("toy_judge", {"profile": "gender"})
    return fit.train(cut, spec, tmp_path_factory.mktemp("judge") / "run")


def test_its_lists_hold_candidates_alone_in_its_own_order(run: Run) -> None:
    fitted, data = Run.load(run.folder).fitted, run.split.training
    assert isinstance(fitted, CandidateFitted)
    assert not isinstance(fitted, CatalogueFitted)
    users = np.arange(data.n_users, dtype=np.int32)
    brought = fitted.first(users, run.split.known).items
    lists = run.candidates("test")
    assert (np.sort(lists.items[:, :N], axis=1) == np.sort(brought, axis=1)).all()
    assert (lists.items[:, N:] == -1).all()
    own = fitted.score_candidates(users, lists.items[:, :N], run.split.known)
    np.testing.assert_array_equal(lists.scores[:, :N], own)
    assert (np.diff(own, axis=1) <= 0).all()
    whole = ranking.scores(fitted, users, run.split.known)
    assert (np.isfinite(whole).sum(axis=1) == N).all()


def test_it_comes_back_from_its_folder_with_its_first_stage(run: Run, tmp_path: Path) -> None:
    fitted, data = run.fitted, run.split.training
    users = np.arange(data.n_users, dtype=np.int32)
    store.save(fitted, tmp_path / "model")
    again = store.load(tmp_path / "model")
    np.testing.assert_array_equal(ranking.scores(again, users, data.train), ranking.scores(fitted, users, data.train))


def test_audit_of_lists_and_of_the_model(run: Run) -> None:
    found = audit.audit(
        run, recommend.recommend(run, 10), audit.AuditSpec((GENDER,), replicates=20, permutations=20, model=True)
    ).to_json()
    assert 0 < found["overall"]["ndcg"] <= 1
    assert 0 < found["model"]["gender"]["flip_jaccard"]["value"] < 1  # even codes for women
    assert found["model"]["gender"]["flip_jaccard"]["floor"] == 1.0


def test_sentences_move_candidates_and_nothing_else(run: Run) -> None:
    nobody = run.split.known.take(np.empty(0, np.int64))
    assert isinstance(run.fitted, CandidateFitted)
    brought = set(run.fitted.first(np.zeros(1, np.int32), nobody).items[0].tolist())
    ids = run.split.training.items["item_id"]
    found = model_side.template_test(run.fitted, run.split, words={"women": ["woman"], "men": ["man"]})
    assert found["ranked_by"] == "recommender"
    moved = {row["item_id"] for rows in found["moved"].values() for row in rows}
    assert moved
    assert moved <= {ids[item] for item in brought}


@pytest.mark.parametrize(
    "chosen", [Mitigation("calibrate"), Mitigation("user_parity", (GENDER,))], ids=lambda chosen: chosen.method
)
def test_its_lists_are_re_ranked(run: Run, chosen: Mitigation) -> None:
    done = mitigate.mitigate(run, chosen, 10, retrain=lambda *_: run)
    assert done.lists.items.shape == (80, 10)
    for user in range(80):
        assert set(done.lists.items[user]) <= set(run.candidates().items[user, :N])


def test_what_needs_more_than_it_offers_is_refused_in_words(run: Run) -> None:
    for method in ("project", "adversarial"):
        with pytest.raises(ConfigError, match="toy_judge"):
            mitigate.mitigate(run, Mitigation(method, (GENDER,), strength=0.5), 10, retrain=lambda *_: run)


def test_a_search_measures_it(run: Run) -> None:
    accuracy, gap = search.measure(run.fitted, run.split.training, None)
    assert accuracy > 0
    assert gap is None


def test_one_person_is_edited_flipped_and_explained(run: Run) -> None:
    split, who = run.split, explore.person(run.split, 0)
    listed = explore.recommend(run.fitted, split, who, 20)
    assert listed.items[0].tolist() == run.candidates().top(20).items[0].tolist()
    brought = explore.candidates(run.fitted, split, who)
    assert set(brought.tolist()) == set(listed.items[0, :N].tolist())
    told = explore.flips(run.fitted, split, who, "gender", ["man", "woman"], 5)
    assert (told["woman"].items[0] % 2 == 0).sum() > (told["man"].items[0] % 2 == 0).sum()
    item = int(listed.items[0, 0])
    assert np.isfinite([one.fall for one in explore.why(run.fitted, split, who, item)]).all()
    outside = next(item for item in range(split.training.n_items) if item not in brought)
    assert np.isneginf(explore.scores(run.fitted, who)[outside])
    with pytest.raises(ConfigError, match="not among the candidates"):
        explore.why(run.fitted, split, who, outside)


def test_why_keeps_the_candidates_of_the_whole_history(run: Run) -> None:
    """Without an own item that item is a candidate again and may push another one out; a part stays a number."""
    for user in range(20):
        who = explore.person(run.split, user)
        last = int(explore.recommend(run.fitted, run.split, who, N).items[0, N - 1])
        assert all(np.isfinite(one.fall) for one in explore.why(run.fitted, run.split, who, last))


def test_any_recommender_of_the_whole_catalogue_can_be_first_and_no_other(run: Run, tmp_path: Path) -> None:
    assert first_stages() == tuple(name for name in RECOMMENDERS if name not in ("bert_pair", "llm", "toy_judge"))
    data = run.split.training
    fast = {name for name in first_stages() if find(name).cost is None}
    for name in fast:
        folder = tmp_path / name
        made = FirstStage.fit(name, 5, data, seed=0, device="cpu", folder=folder, progress=silent)
        users = np.arange(data.n_users, dtype=np.int32)
        opened = FirstStage.load(folder, 5)(users, data.train)
        np.testing.assert_array_equal(opened.items, made(users, data.train).items)
        assert (opened.among.sum(axis=1) == 5).all()
        assert not (opened.among & data.train.matrix(data.n_users, data.n_items).toarray().astype(bool)).any()
    for name in ("bert_pair", "llm", "toy_judge"):
        with pytest.raises(ConfigError, match="first_stage"):
            build(name, {"first_stage": "toy_judge"})
    with pytest.raises(ConfigError, match="whole catalogue"):
        FirstStage.fit("toy_judge", 5, data, seed=0, device="cpu", folder=tmp_path / "x", progress=silent)
    run.fitted.save(tmp_path / "y" / FOLDER)
    with pytest.raises(ModelError, match="no first stage"):
        FirstStage.load(tmp_path / "y", 5)


def test_what_a_declaration_says_is_what_its_fitted_one_scores() -> None:
    for info in RECOMMENDERS.values():
        module = importlib.import_module(info.module)
        fitted = [
            one for one in vars(module).values() if getattr(one, "name", "") == info.name and hasattr(one, "save")
        ]
        assert fitted, info.name
        for one in fitted:
            assert hasattr(one, "score") == (info.scores == "catalogue"), info.name
            assert hasattr(one, "score_candidates") == (info.scores == "candidates"), info.name


def test_scores_of_another_shape_are_named(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run.fitted, "score_candidates", lambda users, items, history: np.zeros(3), raising=False)
    with pytest.raises(ModelError, match="gave scores"):
        ranking.scores(run.fitted, np.arange(2, dtype=np.int32), run.split.known)
