"""bert_pair on a tiny BERT with random weights: its shortcuts are exact, it learns, resumes, saves and calibrates."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn
from transformers import AutoModelForSequenceClassification, AutoTokenizer, BertModel

from fairdash.data import split as splits
from fairdash.data import synthetic
from fairdash.errors import Cancelled, ConfigError, ModelError
from fairdash.mitigation.base import Mitigation, TermBatch
from fairdash.progress import silent
from fairdash.recommenders import RECOMMENDERS, build, going_on, ranking, store, text
from fairdash.recommenders.base import (
    BlendedFitted,
    CandidateFitted,
    CandidateProfileFitted,
    Fitted,
    ProbabilityFitted,
    Sizes,
)
from fairdash.recommenders.bert_pair.model import (
    FOLDS,
    BertPair,
    FittedPair,
    PairBatches,
    Row,
    base_rate,
    choose_blend,
    fit_blend,
)
from fairdash.run import Run
from fairdash.schema import GroupSpec, Interactions, TrainingData
from fairdash.stages import audit, explore, mitigate
from fairdash.stages import fit as fit_stage
from fairdash.stages.fit import TrainSpec
from tests import tiny_bert
from tests.unit.recommenders.conftest import N_ITEMS, N_USERS, make_data

PROFILE = ("gender", "age")


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small BERT that knows the words of the small catalogue."""
    return tiny_bert.write(tmp_path_factory.mktemp("tiny"))


def options(tiny: Path, **more: Any) -> dict[str, Any]:
    few = {
        "base": str(tiny),
        "length": 48,
        "item_length": 16,
        "history": 5,
        "n_candidates": 20,
        "batch": 64,
        "epochs": 2,
        "trained_layers": 2,
    }
    return few | {"learning_rate": 1e-3} | more


def fit(
    tiny: Path, data: TrainingData, folder: Path, terms: Sequence[Any] = (), seed: int = 0, **more: Any
) -> FittedPair:
    built = build("bert_pair", options(tiny, **more))
    fitted = built.fit(data, seed=seed, device="cpu", folder=folder, progress=silent, terms=terms)
    assert isinstance(fitted, FittedPair)
    return fitted


@pytest.fixture(autouse=True)
def _float32(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAIRDASH_CPU_BF16", "0")  # exact comparisons


@pytest.fixture(scope="module")
def trained(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> FittedPair:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FAIRDASH_CPU_BF16", "0")
        patch.setenv("FAIRDASH_HOME", str(tmp_path_factory.mktemp("home")))
        return fit(tiny, make_data(profile=PROFILE), tmp_path_factory.mktemp("run"), prior="none", epochs=4)


def test_goes_on_from_what_it_saved_with_more_items_and_people(tiny: Path, trained: FittedPair, tmp_path: Path) -> None:
    trained.save(tmp_path / "model")
    data = make_data(profile=PROFILE)
    users = pd.concat([data.users, data.users.iloc[:1].assign(user_id="new")], ignore_index=True)
    items = pd.concat([data.items, data.items.iloc[:1].assign(item_id="new", title="Love song 3")], ignore_index=True)
    columns = (data.train.user, data.train.item, data.train.rating, data.train.time)
    added = zip(columns, (N_USERS, N_ITEMS, 5.0, 1.0), strict=True)
    train = Interactions(*(np.append(column, np.array(value, column.dtype)) for column, value in added))
    more = data.with_(users=users, items=items, train=train)
    go_on = {str(going_on("bert_pair")): str(tmp_path / "model")}
    again = fit(tiny, more, tmp_path / "again", prior="none", epochs=1, learning_rate=1e-6, **go_on)
    users_then, items_then = everybody(), np.arange(N_USERS, dtype=np.int32) % N_ITEMS
    before = trained.bert_logits(users_then, items_then, data.train)
    after = again.bert_logits(users_then, items_then, more.train)
    np.testing.assert_allclose(after, before, atol=0.01)  # it was hardly trained: what it knew is there
    assert np.abs(before).min() > 0.3  # a classifier that is begun says 0
    assert np.isfinite(
        again.bert_logits(np.array([N_USERS], np.int32), np.array([N_ITEMS], np.int32), more.train)
    ).all()


def everybody() -> np.ndarray:
    return np.arange(N_USERS, dtype=np.int32)


def of_candidates(
    fitted: Fitted, users: np.ndarray, history: Interactions, profiles: Sequence[str] | None = None
) -> np.ndarray:
    """Scores [len(users), c] of the candidates, best of the first stage first."""
    assert isinstance(fitted, CandidateFitted)
    return ranking.scores_of(fitted, users, fitted.first(users, history).items, history, profiles)


def test_full_attention_without_frozen_layers_is_the_plain_classifier(
    tiny: Path, data: TrainingData, run: Path
) -> None:
    data = data.with_(profile=PROFILE)
    fitted = fit(tiny, data, run, attention="full", trained_layers=3, prior="none", epochs=1)
    fitted.save(run / "model")
    model = AutoModelForSequenceClassification.from_pretrained(run / "model", attn_implementation="eager").eval()
    tokenizer = AutoTokenizer.from_pretrained(run / "model")
    for user in (0, 1, 7):
        own = data.train.user == user
        liked = data.train.item[own & (data.train.rating >= 4)][-5:]
        titles = "; ".join(str(data.items["title"][item]) for item in liked)
        text = f"{fitted.profiles[fitted.profile_rows[user]]} Liked: {titles}{';' if titles else ''}"
        for item in (0, 25):
            word = f"{data.items['title'][item]}. {data.items['categories'][item].replace('|', ', ')}"
            with torch.inference_mode():
                theirs = float(model(**tokenizer(text, word, return_tensors="pt")).logits[0, 0])
            ours = fitted.pair_logits(np.array([user], np.int32), np.array([item], np.int32), data.train)
            assert ours[0] == pytest.approx(theirs, abs=1e-4)


@pytest.mark.parametrize("trained_layers", [1, 2, 3])
def test_a_pair_scores_the_same_alone_and_in_any_company(
    tiny: Path, data: TrainingData, run: Path, trained_layers: int
) -> None:
    fitted = fit(tiny, data, run, trained_layers=trained_layers, epochs=1)
    texts = fitted.texts
    one, other = texts.histories(["A person: man.", "A person: woman; age 3."], [np.array([1, 2]), np.array([30])])
    items = np.arange(N_ITEMS, dtype=np.int32)
    together = texts.logits([Row(one, items), Row(other, items[:3]), Row(one, items[5:6])])
    alone = [float(texts.logits([Row(one, items[i : i + 1])])[0]) for i in range(N_ITEMS)]
    np.testing.assert_allclose(together[:N_ITEMS], alone, atol=1e-5)
    assert together[N_ITEMS + 3] == pytest.approx(alone[5], abs=1e-5)
    assert np.std(together) > 1e-3


def test_shared_histories_are_one_row_under_one_mask_of_the_plain_model(
    tiny: Path, data: TrainingData, run: Path
) -> None:
    """transformers alone gives the same logit when it is told positions and who reads whom."""
    fitted = fit(tiny, data, run, trained_layers=3, prior="none", epochs=1)
    texts, model = fitted.texts, fitted.texts.network.model
    (history,) = texts.histories(["A person."], [np.array([3, 4])])
    ids, own = texts.ids(history), texts.flat[texts.start[9] : texts.start[10]]
    h, t = len(ids), len(ids) + len(own)
    mask = torch.ones(t, t, dtype=torch.bool)
    mask[:h, h:] = False  # the history does not read the item
    out = model.bert(
        input_ids=torch.tensor([[*ids, *own]]),
        token_type_ids=torch.tensor([[0] * (h + 1) + [1] * (len(own) - 1)]),
        position_ids=torch.tensor([[*range(1, h + 1), 0, *range(h + 1, t)]]),
        attention_mask=mask[None, None],
    ).last_hidden_state
    theirs = model.classifier(torch.tanh(model.bert.pooler.dense(out[:, h])))
    assert texts.logits([Row(history, np.array([9], np.int32))])[0] == pytest.approx(theirs.item(), abs=1e-5)


def test_histories_keep_the_latest_titles_within_their_room(trained: FittedPair) -> None:
    texts = trained.texts
    (history,) = texts.histories(["A person: woman; age 20."], [np.arange(30)])
    ids = texts.ids(history)
    assert len(ids) == texts.history_length(history)
    said = texts.tokenizer.decode(ids)
    assert len(ids) <= 48
    assert ids[-1] == texts.tokenizer.sep_token_id
    assert said.endswith("space battle 28 ; love song 29 ; [SEP]".replace("space battle 28", "love song 28"))
    assert "song 24" not in said  # five titles at most
    (empty,) = texts.histories([""], [np.array([], np.int32)])
    assert texts.tokenizer.decode(texts.ids(empty)) == "liked : [SEP]"


def test_learns_tastes_from_texts(tiny: Path, run: Path) -> None:
    """Half of the people have one half of the items: a pair's logit must tell which."""
    data = make_data(profile=PROFILE)
    more: dict[str, Any] = {"first_stage": "popularity", "n_candidates": 40, "epochs": 12, "batch": 48}
    trained = fit(tiny, data, run, prior="none", patience=12, **more)
    users = np.repeat(everybody(), 2)
    items = np.tile(np.array([10, 30], np.int32), N_USERS)
    logits = trained.pair_logits(users, items, data.train).reshape(N_USERS, 2)
    likes_second = np.arange(N_USERS) % 2 == 1
    assert ((logits[:, 1] > logits[:, 0]) == likes_second).mean() > 0.9


def test_candidates_have_their_logits_and_nothing_else_has_a_score(trained: FittedPair) -> None:
    data = make_data(profile=PROFILE)
    found = ranking.scores(trained, everybody(), data.train)
    assert found.shape == (N_USERS, N_ITEMS)
    assert found.dtype == np.float32
    candidates = trained.first(everybody(), data.train).items
    seen = data.train.matrix(N_USERS, N_ITEMS).toarray()
    for user in range(N_USERS):
        own = candidates[user][candidates[user] >= 0]
        assert len(own) == 20
        assert not seen[user, own].any()
        logits = trained.pair_logits(np.full(20, user, np.int32), own, data.train)
        np.testing.assert_allclose(found[user, own], logits, atol=1e-5)
        assert np.isneginf(found[user, np.setdiff1d(np.arange(N_ITEMS), own)]).all()


def test_the_base_rate_makes_a_block_add_up() -> None:
    rng = np.random.default_rng(0)
    for share in (0.0, 0.2, 0.9, 1.0):
        offset, labels = rng.normal(size=30).astype(np.float32), (np.arange(30) < 30 * share).astype(np.float32)
        p = 1 / (1 + np.exp(-(offset + base_rate(offset, labels))))
        assert p.sum() == pytest.approx((labels.sum() + 0.5) / 31 * 30, abs=1e-3)


class _Oracle:
    """Logits that know (sign 1), or contradict (sign -1), what was liked on validation."""

    def __init__(self, data: TrainingData, sign: float) -> None:
        liked = data.valid.take(np.flatnonzero(data.valid.rating >= 4))
        self.known, self.sign = liked.matrix(N_USERS, N_ITEMS).toarray(), sign

    def bert_logits(self, users: np.ndarray, items: np.ndarray, history: Interactions) -> np.ndarray:
        noise = np.random.default_rng(0).normal(size=len(users))
        return (self.sign * (2.0 * self.known[users, items] + noise)).astype(np.float32)


def test_the_blend_weighs_the_bert_by_what_it_adds(trained: FittedPair) -> None:
    data, config = make_data(), build("bert_pair", {"prior": "first_stage"}).config
    plain = fit_blend(data, trained.first, config, 0)
    knows = fit_blend(data, trained.first, config, 0, _Oracle(data, 1.0))  # type: ignore[arg-type]
    wrong = fit_blend(data, trained.first, config, 0, _Oracle(data, -1.0))  # type: ignore[arg-type]
    assert plain.bert == 1.0
    assert knows.bert > 0.5
    assert wrong.bert == 0.0
    assert (wrong.popularity, wrong.first_stage) == (plain.popularity, plain.first_stage)
    assert plain.first_stage > 0
    only = fit_blend(data, trained.first, build("bert_pair", {"prior": "popularity"}).config, 0)
    assert only.first_stage == 0.0
    assert only.popularity != 0.0
    none = fit_blend(data, trained.first, build("bert_pair", {"prior": "none"}).config, 0)
    assert (none.bert, none.popularity, none.first_stage) == (1.0, 0.0, 0.0)


def test_the_blend_is_what_puts_liked_items_highest_on_validation(
    trained: FittedPair, monkeypatch: pytest.MonkeyPatch
) -> None:
    data, config = make_data(), build("bert_pair", {"prior": "first_stage"}).config
    plain = fit_blend(data, trained.first, config, 0)
    liked = data.valid.take(np.flatnonzero(data.valid.rating >= 4)).matrix(N_USERS, N_ITEMS).toarray()
    asked = []

    def judge(sign: float) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
        def bert(users: np.ndarray, items: np.ndarray) -> np.ndarray:
            asked.append(users)
            return np.where(items >= 0, sign * liked[users[:, None], items], -np.inf).astype(np.float32)

        return bert

    assert choose_blend(plain, data, trained.first, 0, judge(10.0)) is plain  # 60 people do not tell lists apart
    monkeypatch.setattr("fairdash.recommenders.bert_pair.model.FEWEST", 20)
    knows = choose_blend(plain, data, trained.first, 0, judge(10.0))
    wrong = choose_blend(plain, data, trained.first, 0, judge(-10.0))
    assert knows.bert > 0
    assert knows.first_stage == wrong.first_stage == 1.0
    assert wrong.bert == 0.0
    assert asked[0].tolist() == np.flatnonzero(liked.any(axis=1)).tolist()
    none = fit_blend(data, trained.first, build("bert_pair", {"prior": "none"}).config, 0)
    assert choose_blend(none, data, trained.first, 0, judge(1.0)) is none  # nothing else to be weighed


def test_an_edited_profile_changes_scores_and_the_own_text_does_not(trained: FittedPair) -> None:
    data = make_data(profile=PROFILE)
    users = everybody()[:6]
    own = [trained.profiles[row] for row in trained.profile_rows[users]]
    np.testing.assert_array_equal(
        of_candidates(trained, users, data.train, own), of_candidates(trained, users, data.train)
    )
    swapped = [text.replace("woman", "x").replace("man", "woman").replace("x", "man") for text in own]
    assert (
        np.abs(of_candidates(trained, users, data.train, swapped) - of_candidates(trained, users, data.train)).max()
        > 1e-6
    )
    assert isinstance(trained, CandidateProfileFitted)
    assert isinstance(trained, BlendedFitted)
    assert trained.weights == {
        "BERT": trained.blend.bert, "popularity": trained.blend.popularity,
        trained.first.fitted.name: trained.blend.first_stage,
    }  # fmt: skip


def test_probabilities_are_calibrated_logits(trained: FittedPair) -> None:
    data = make_data(profile=PROFILE)
    assert isinstance(trained, ProbabilityFitted)
    found = trained.probability(data.valid.user, data.valid.item, data.train)
    assert found.dtype == np.float32
    assert ((found > 0) & (found < 1)).all()
    logits = trained.pair_logits(data.valid.user, data.valid.item, data.train)
    np.testing.assert_allclose(found, trained.calibration.probability(logits), atol=1e-6)
    assert trained.calibration.n == len(data.valid)
    assert np.isfinite(trained.calibration.auc)
    order = np.random.default_rng(0).permutation(len(data.valid))  # any order of pairs gives the same
    again = trained.probability(data.valid.user[order], data.valid.item[order], data.train)
    np.testing.assert_allclose(again, found[order], atol=1e-5)


def test_a_saved_folder_gives_the_same_and_opens_without_us(trained: FittedPair, tmp_path: Path) -> None:
    data = make_data(profile=PROFILE)
    store.save(trained, tmp_path / "model")
    opened = store.load(tmp_path / "model")
    assert isinstance(opened, FittedPair)
    np.testing.assert_allclose(
        of_candidates(opened, everybody(), data.train), of_candidates(trained, everybody(), data.train), atol=1e-5
    )
    assert opened.profile == PROFILE
    assert opened.calibration == trained.calibration
    model = AutoModelForSequenceClassification.from_pretrained(tmp_path / "model")
    assert model.config.num_labels == 1


def test_the_same_seed_repeats_and_a_killed_training_resumes(
    tiny: Path, data: TrainingData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fairdash.recommenders.training.CHECKPOINT_SECONDS", 0.0)
    whole = fit(tiny, data, tmp_path / "a", epochs=3)
    epochs = 0

    def stop(done: float, message: str = "", values: Any = None) -> None:
        nonlocal epochs
        epochs += bool(values)
        if epochs == 2:
            raise Cancelled("stop")

    recommender = build("bert_pair", options(tiny, epochs=3))
    with pytest.raises(Cancelled):
        recommender.fit(data, seed=0, device="cpu", folder=tmp_path / "b", progress=stop)
    resumed = recommender.fit(data, seed=0, device="cpu", folder=tmp_path / "b", progress=silent)
    expected = of_candidates(whole, everybody(), data.train)
    np.testing.assert_array_equal(of_candidates(resumed, everybody(), data.train), expected)
    other = fit(tiny, data, tmp_path / "c", epochs=3, seed=1)
    assert np.abs(of_candidates(other, everybody(), data.train) - expected).max() > 1e-3


def test_frozen_layers_stay_as_they_were(tiny: Path, trained: FittedPair) -> None:
    before, after = BertModel.from_pretrained(tiny), trained.texts.network.model.bert
    assert trained.texts.network.frozen == 1
    assert torch.equal(before.embeddings.word_embeddings.weight, after.embeddings.word_embeddings.weight)
    for i, changed in enumerate((False, True, True)):
        old, new = before.encoder.layer[i].output.dense.weight, after.encoder.layer[i].output.dense.weight
        assert (not torch.equal(old, new)) == changed


def pair_batches(fitted: FittedPair, data: TrainingData, seed: int = 0) -> PairBatches:
    return PairBatches(data, fitted.texts, fitted.first, fitted.blend, seed)


def judged(batches: PairBatches) -> list[tuple[int, int, float, float]]:
    """(user, item, label, weight) of all pairs of an epoch."""
    found = []
    for index in range(len(batches)):
        batch = batches.batch(index)
        for row, column in zip(*np.nonzero(batch["items"].numpy() >= 0), strict=True):
            values = (batch[name][row, column].item() for name in ("items", "labels", "weights"))
            found.append((int(batch["users"][row]), *values))
    return found


def test_an_epoch_judges_every_interaction_once_and_draws_unseen_negatives(trained: FittedPair) -> None:
    data = make_data(profile=PROFILE)
    batches = pair_batches(trained, data)
    pairs = judged(batches)
    seen = {(u, i): r >= 4 for u, i, r in zip(data.train.user, data.train.item, data.train.rating, strict=True)}
    own = [(u, i, label) for u, i, label, _ in pairs if (u, i) in seen]
    assert sorted((u, i) for u, i, _ in own) == sorted(seen)
    assert all(label == seen[u, i] for u, i, label in own)
    drawn = [label for u, i, label, _ in pairs if (u, i) not in seen]
    assert len(drawn) == len(seen)
    assert not any(drawn)
    assert [batches.batch(0)["items"].tolist()] == [batches.batch(0)["items"].tolist()]
    batches.set_epoch(1)
    assert judged(batches) != pairs


def test_no_history_names_the_items_that_it_is_asked_about(trained: FittedPair) -> None:
    data = make_data()
    batches = pair_batches(trained, data)
    asked: list[tuple[str, set[int]]] = []
    tensors = batches.texts.tensors

    def watch(rows: Sequence[Row], pieces: Any) -> Any:
        asked.extend(
            (batches.texts.tokenizer.decode(batches.texts.ids(row.history)), set(row.items.tolist())) for row in rows
        )
        return tensors(rows, pieces)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(batches.texts, "tensors", watch)
        batches.batch(0)
    assert any(";" in said for said, _ in asked)
    for said, items in asked:
        named = {int(part.split()[-1]) for part in said.split(":")[-1].split(";")[:-1] if part.strip()}
        assert not named & items


def test_weights_and_repeats_are_honoured(trained: FittedPair) -> None:
    data = make_data()
    weight = np.where(data.train.user == 3, 5.0, 1.0).astype(np.float32)
    repeats = np.ones(N_USERS, np.int32)
    repeats[4], repeats[5] = 3, 0
    plain, changed = (
        judged(pair_batches(trained, data)),
        judged(pair_batches(trained, data.with_(row_weight=weight, user_repeats=repeats))),
    )
    count = [sum(pair[0] == user for pair in plain) for user in (3, 4, 5)]
    assert [sum(pair[0] == user for pair in changed) for user in (3, 4, 5)] == [count[0], 3 * count[1], 0]
    assert {pair[3] for pair in changed if pair[0] == 3} == {5.0}
    assert {pair[3] for pair in changed if pair[0] != 3} == {1.0}


def test_twins_differ_in_the_attribute_alone(trained: FittedPair) -> None:
    data = make_data(profile=PROFILE).with_(swap=("gender",), swap_share=1.0)
    batches = pair_batches(trained, data)
    pairs = judged(batches)
    assert sorted(pairs) == sorted(judged(pair_batches(trained, data.with_(swap_share=0.0))) * 2)
    own, twins = batches.epoch_profiles[:N_USERS], batches.epoch_profiles[N_USERS:]
    for mine, other in zip(own, twins, strict=True):
        assert mine != other
        assert mine.replace("woman", "man") == other.replace("woman", "man")
    half = pair_batches(trained, data.with_(swap_share=0.5))
    assert 0.2 < half.twin.sum() / (N_USERS * FOLDS) < 0.5
    with pytest.raises(ConfigError, match="not part of the profile"):
        text.twin_profiles(make_data(profile=("age",)).with_(swap=("gender",)), np.random.default_rng(0))


class _Watching(nn.Module):
    settled = 0.0

    def __init__(self) -> None:
        super().__init__()
        self.own = nn.Linear(32, 1)
        self.seen: list[TermBatch] = []

    def forward(self, batch: TermBatch) -> torch.Tensor:
        self.seen.append(batch)
        result: torch.Tensor = self.own(batch.vectors).mean() * 0.1
        return result


def test_training_terms_see_single_pairs(tiny: Path, data: TrainingData, run: Path) -> None:
    term = _Watching()
    start = term.own.weight.detach().clone()
    recommender = BertPair(build("bert_pair", options(tiny)).config)
    assert recommender.vector_width == 32
    fit(tiny, data, run, terms=[term], epochs=1)
    batch = term.seen[0]
    n = len(batch.users)
    assert batch.vectors.shape == (n, 32)
    assert batch.sample_loss.shape == (n,)
    assert batch.probability is not None
    assert batch.label is not None
    assert batch.items is not None
    expected = nn.functional.binary_cross_entropy(batch.probability, batch.label, reduction="none")
    torch.testing.assert_close(batch.sample_loss, expected, atol=1e-4, rtol=1e-4)
    assert batch.items.max() < N_ITEMS
    assert not torch.equal(term.own.weight, start)  # its own parameters are trained along


@pytest.mark.parametrize("first_stage", ["popularity", "bert_sequence", "ncf"])
def test_any_first_stage(tiny: Path, data: TrainingData, run: Path, first_stage: str) -> None:
    fitted = fit(tiny, data, run, first_stage=first_stage, prior="first_stage", epochs=1)
    assert fitted.first.fitted.name == first_stage
    assert np.isfinite(of_candidates(fitted, everybody(), data.train)).all()


def test_from_its_training_to_the_explanation_of_an_item(tiny: Path, run: Path) -> None:
    cut = splits.split(synthetic.make(n_users=60, n_items=40)[0], "user-time:0.8")
    chosen = {name: str(value) for name, value in options(tiny, epochs=1, n_candidates=12, profile="gender").items()}
    fit_stage.train(cut, TrainSpec("bert_pair", chosen), run)
    made = Run.load(run)
    lists = made.candidates()
    assert ((lists.items >= 0).sum(axis=1) == 12).all()
    groups = [GroupSpec(("gender",), (None,), 2)]
    found = audit.audit(
        made, lists.top(5), audit.AuditSpec(tuple(groups), k=5, replicates=10, permutations=10, model=True)
    ).to_json()
    assert 0 <= found["model"]["gender"]["flip_jaccard"]["value"] <= 1
    assert found["model"]["gender"]["score_ks"]["value"] is not None  # of probabilities
    done = mitigate.mitigate(made, Mitigation("calibrate", strength=0.5), 5, retrain=lambda *_: made)
    assert (np.sort(done.lists.items) >= 0).all()
    who = explore.person(cut, 0)
    listed = explore.recommend(made.fitted, cut, who, 5)
    np.testing.assert_array_equal(listed.items[0], lists.items[0, :5])
    parts = explore.why(made.fitted, cut, who, int(listed.items[0, 0]))
    assert np.isfinite([one.fall for one in parts]).all()
    assert "gender" in {one.attribute for one in parts}
    with pytest.raises(ConfigError, match="not among the candidates"):
        explore.why(made.fitted, cut, who, int(np.setdiff1d(np.arange(40), lists.items[0])[0]))


def test_people_without_history_get_scores(tiny: Path, data: TrainingData, run: Path) -> None:
    nothing = Interactions(*(np.empty(0, t) for t in (np.int32, np.int32, np.float32, np.float64)))
    train = data.train.take(np.flatnonzero(data.train.user != 0))
    fitted = fit(tiny, data.with_(train=train), run, epochs=1)
    assert np.isfinite(of_candidates(fitted, np.array([0], np.int32), train)).all()
    assert np.isfinite(of_candidates(fitted, np.array([0, 1], np.int32), nothing)).all()


def test_implicit_data_without_titles(tiny: Path, run: Path) -> None:
    data = make_data(threshold=None)
    bare = data.with_(items=data.items[["item_id"]])
    fitted = fit(tiny, bare, run, epochs=1)
    assert np.isfinite(of_candidates(fitted, everybody(), bare.train)).all()


def test_what_cannot_work_is_said(tiny: Path, trained: FittedPair, data: TrainingData, run: Path) -> None:
    with pytest.raises(ConfigError, match="96 tokens"):
        fit(tiny, data, run, length=90)
    with pytest.raises(ModelError):
        build("bert_pair", {"base": str(run / "absent")}).fit(data, seed=0, device="cpu", folder=run, progress=silent)
    nobody = data.with_(user_repeats=np.zeros(N_USERS, np.int32))
    with pytest.raises(ConfigError, match="no pair to learn from"):
        fit(tiny, nobody, run, first_stage="popularity")
    plain = fit(tiny, data, run / "plain", epochs=1)
    with pytest.raises(ConfigError, match="no profile"):
        of_candidates(plain, everybody()[:1], data.train, ["A person."])


def test_an_earlier_model_can_be_trained_further_and_one_without_classifier_is_not_opened(
    tiny: Path, trained: FittedPair, data: TrainingData, tmp_path: Path
) -> None:
    store.save(trained, tmp_path / "model")
    further = fit(tmp_path / "model", data, tmp_path / "run", epochs=1)
    assert further.texts.network.width == 32
    BertModel.from_pretrained(tiny).save_pretrained(tmp_path / "model")
    with pytest.raises(ModelError, match="classifier"):
        store.load(tmp_path / "model")


def test_cost_grows_with_what_is_asked_for(tiny: Path, data: TrainingData) -> None:
    def flops(**more: Any) -> float:
        cost = RECOMMENDERS["bert_pair"].cost
        assert cost is not None
        return cost(build("bert_pair", options(tiny, **more)).config, Sizes.of(data)).flops

    assert flops(epochs=6) - flops(epochs=4) == pytest.approx(flops(epochs=4) - flops(epochs=2))
    assert flops(epochs=4) < 2 * flops(epochs=2)  # what the weights are chosen by is judged once
    assert flops(trained_layers=3) > flops(trained_layers=2) > flops(trained_layers=1)
    assert flops(attention="full") > flops()
    assert flops(negatives=3.0) > flops()


def test_what_is_read_is_the_text_of_its_tokens(trained: FittedPair) -> None:
    data = make_data(profile=PROFILE)
    own = data.train.take(np.arange(*data.train.starts(N_USERS)[:2]))
    (read,) = trained.reads(data, 0, 3, own)
    liked = own.item[own.rating >= 4.0]
    assert read.startswith("[CLS] a person : man ; age 20. liked :")
    assert read.count(";") == 1 + min(len(liked), 5)  # one title each, of the five latest
    assert read.count("[SEP]") == 2
    assert read.endswith("[SEP]")
