"""The model side on toy recommenders whose reaction to an attribute is known."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from fairdash.hashing import id_hash
from fairdash.metrics import audit, bootstrap, sensitivity
from fairdash.metrics.catalogue import METRICS
from fairdash.recommenders.ranking import rank_all
from fairdash.schema import Codes, Floats, GroupSpec, Interactions, Lists, Split, TrainingData
from fairdash.stages import model_side

N, M, K = 240, 30, 5
GENDER, AGE = GroupSpec(("gender",)), GroupSpec(("age",), ((30.0,),))


class Reader:
    """Scores: a person's own taste, and for `effect` of the profile text "woman" lifts the even items. The texts and
    histories that it was asked about are kept."""

    name = "reader"
    profile: tuple[str, ...] = ("gender", "age")

    def __init__(self, effect: float, seed: int = 0) -> None:
        self.effect = effect
        self.taste = np.random.default_rng(seed).normal(size=(N, M)).astype(np.float32)
        self.women = np.zeros(N, bool)

    def texts(self, users: Codes) -> list[str]:
        return ["woman" if self.women[user] else "man" for user in users]

    def score(self, users: Codes, history: Interactions) -> Floats:
        return self.score_profiles(users, history, self.texts(users))

    def score_profiles(self, users: Codes, history: Interactions, profiles: Sequence[str]) -> Floats:
        lift = np.array([self.effect if "woman" in text else 0.0 for text in profiles], np.float32)
        return self.taste[users] + lift[:, None] * (np.arange(M) % 2 == 0)

    def save(self, folder: Path) -> None:
        raise NotImplementedError


class Vectors:
    """Vectors whose first coordinate tells women apart by `effect`; scores are vectors."""

    name = "vectors"

    def __init__(self, women: np.ndarray, effect: float) -> None:
        self.made = np.random.default_rng(1).normal(size=(N, M)).astype(np.float32)
        self.made[women, 0] += effect

    def score(self, users: Codes, history: Interactions) -> Floats:
        return self.made[users]

    def user_vectors(self, users: Codes, history: Interactions) -> Floats:
        return self.made[users]

    def score_vectors(self, vectors: Floats) -> Floats:
        return vectors

    def save(self, folder: Path) -> None:
        raise NotImplementedError


class Predictor:
    """P(like) 0.5 for men; less by `bias` for women."""

    name = "predictor"

    def __init__(self, women: np.ndarray, bias: float) -> None:
        self.women, self.bias = women, bias

    def score(self, users: Codes, history: Interactions) -> Floats:
        return np.zeros((len(users), M), np.float32)

    def probability(self, users: Codes, items: Codes, history: Interactions) -> Floats:
        return (0.5 - self.bias * self.women[users]).astype(np.float32)

    def save(self, folder: Path) -> None:
        raise NotImplementedError


@pytest.fixture(autouse=True)
def everybody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model_side, "COSTLY_TEXTS", 10_000)


@pytest.fixture
def split() -> Split:
    draw = np.random.default_rng(2)
    users = pd.DataFrame(
        {
            "user_id": [f"u{i}" for i in range(N)],
            "gender": np.where(np.arange(N) % 3 == 0, "F", "M"),
            "age": draw.integers(18, 60, N).astype(str),
        }
    )
    users.loc[[5, 7], "gender"] = None
    items = pd.DataFrame({"item_id": [f"i{i}" for i in range(M)], "title": [f"Film {i}" for i in range(M)]})

    def rows(start: int, count: int) -> Interactions:
        user = np.repeat(np.arange(N, dtype=np.int32), count)
        item = np.concatenate([order[start : start + count] for order in orders]).astype(np.int32)
        rating = draw.integers(1, 6, len(user)).astype(np.float32)
        return Interactions(user, item, rating, np.zeros(len(user)))

    orders = np.argsort(draw.random((N, M)), axis=1)
    data = TrainingData(users, items, rows(0, 3), rows(3, 1), relevance_threshold=4.0)
    return Split("toy", "user-random:0.8", 0, data, rows(4, 4))


def women(split: Split) -> np.ndarray:
    return (split.training.users["gender"] == "F").to_numpy()


def ranked(fitted: object, split: Split) -> Lists:
    data = split.training
    seen = split.known.matrix(N, M)
    return rank_all(fitted, data.items["item_id"].to_numpy(object), split.known, N, seen, K)  # type: ignore[arg-type]


def test_a_recommender_that_ignores_the_profile_does_not_react(split: Split) -> None:
    found = model_side.attribute_sensitivity(
        Reader(0.0), split, GENDER, model_side.form(GENDER, split.training.users), k=K, replicates=50
    )
    for key in sensitivity.SIMILARITIES:
        assert found[key].value == 1.0
        assert found[key].ci == (1.0, 1.0)
        assert found[key].more["floor"] == found[key].more["stranger"] == 1.0
        assert found[key].more["n"] == N - 2
    assert found["flip_utility_change"].value == found["flip_both"].value == 0.0
    assert found["flip_both"].more["quadrants"]["neither"]["value"] == 1.0
    assert found["snsr"].value == found["snsv"].value == 0.0


def test_a_planted_reaction_is_measured(split: Split) -> None:
    reader = Reader(10.0)
    reader.women = women(split)
    who = model_side.form(GENDER, split.training.users)
    found = model_side.attribute_sensitivity(reader, split, GENDER, who, k=K, replicates=200)
    bare = model_side.attribute_sensitivity(reader, split, GENDER, who, k=K, replicates=0)
    jaccard = found["flip_jaccard"]
    # a woman's list holds even items alone (she has enough unseen ones); a man's follows taste
    data = split.training
    seen = split.known.matrix(N, M)
    hashes = id_hash(data.items["item_id"])
    expected = []
    for user in np.flatnonzero(who.codes >= 0):
        lists = []
        for lift in (0.0, 10.0):
            score = reader.taste[[user]] + np.float32(lift) * (np.arange(M) % 2 == 0)
            lists.append(set(model_side.ranking.top_k(score, seen[[user]], K, hashes).items[0].tolist()))
        expected.append(len(lists[0] & lists[1]) / len(lists[0] | lists[1]))
    assert jaccard.value == pytest.approx(np.mean(expected), abs=1e-9)
    assert jaccard.ci[0] < jaccard.value < jaccard.ci[1] < 0.6
    assert jaccard.more["floor"] == 1.0  # the other wording says "woman" too
    assert jaccard.more["below_floor"] == pytest.approx(1 - jaccard.value)
    assert set(jaccard.more["by_group"]) == {"F", "M"}
    # without the attribute the text says neither: lists as a man's, so men's similarity to neutral is 1
    snsr = found["snsr"]
    assert snsr.more["by_similarity"]["flip_jaccard"]["similarity"]["M"] == 1.0
    assert snsr.value == pytest.approx(1 - jaccard.value)
    assert found["snsv"].value == pytest.approx(snsr.value / 2)
    for key in ("snsr", "snsv"):
        assert 0 < found[key].ci[0] < found[key].value < found[key].ci[1] < METRICS[key].high
        assert np.isnan(bare[key].ci).all()  # without replicates there is none, rather than one that ends at 1
    assert snsr.ci[0] <= snsr.value <= snsr.ci[1]


def test_utility_change_is_that_of_the_lists(split: Split) -> None:
    class Oracle(Reader):
        """Knows what was liked, unless it reads of a woman."""

        def score_profiles(self, users: Codes, history: Interactions, profiles: Sequence[str]) -> Floats:
            test = split.test
            liked = test.take(np.flatnonzero(test.rating >= 4)).matrix(N, M).toarray()[users].astype(np.float32)
            woman = np.array(["woman" in text for text in profiles])
            return np.where(woman[:, None], -liked, liked)

    who = model_side.form(GENDER, split.training.users)
    found = model_side.attribute_sensitivity(Oracle(0.0), split, GENDER, who, k=K, replicates=50)
    change = found["flip_utility_change"]
    assert change.more["by_group"] == pytest.approx({"F": 1.0, "M": -1.0})
    assert change.more["absolute"] == pytest.approx(1.0)
    liked = np.bincount(split.test.user[split.test.rating >= 4], minlength=N) > 0
    assert change.more["n"] == (liked & (who.codes >= 0)).sum()
    both = found["flip_both"]
    assert both.value == both.more["quadrants"]["both"]["value"] == 1.0
    assert both.more["floor"] == 0.0
    assert change.more["n"] == both.more["n"]


def test_lists_that_can_change_in_their_order_alone_are_said_to(split: Split) -> None:
    class Few(Reader):
        """Has as many items to order as a list has places."""

        def score_profiles(self, users: Codes, history: Interactions, profiles: Sequence[str]) -> Floats:
            scores = super().score_profiles(users, history, profiles)
            scores[:, 4 * K :] = -np.inf
            return scores

    def told(reader: Reader, k: int) -> list[str]:
        reader.women = women(split)
        side = model_side.model_side(reader, split, [GENDER], ranked(reader, split), k=k, replicates=20)
        return [str(line) for line in side.warnings if "in other orders" in str(line)]

    assert len(told(Few(0.5), 4 * K)) == 1
    assert not told(Few(0.5), 2)
    assert not told(Few(0.0), 4 * K)  # nor do orders change here


def test_a_flip_is_in_one_of_four_quadrants() -> None:
    own = np.array([[1, 2], [1, 2], [1, 2], [1, 2], [1, 2]], np.int32)
    told = np.array([[1, 2], [1, 3], [2, 1], [3, 1], [3, 4]], np.int32)
    before = np.array([0.5, 0.5, 0.5, 0.5, np.nan])
    after = np.array([0.5, 0.5, 0.4, 0.6, np.nan])
    found = model_side._quadrants(
        own, [told], own, [before, before, after], np.ones((1, 5), bool), np.ones((5, 3), np.uint8)
    )
    assert found.more["n"] == 4  # the fifth has nothing liked that was held out
    shares = {name: row["value"] for name, row in found.more["quadrants"].items()}
    assert shares == {"neither": 0.25, "list": 0.25, "utility": 0.25, "both": 0.25}
    assert found.more["quadrants"]["list"]["ci"] == [0.25, 0.25]
    assert found.more["floor"] == 0.0


def test_bands_of_a_number_are_tried_with_their_most_frequent_value(split: Split) -> None:
    texts: set[str] = set()

    class Listener(Reader):
        def score_profiles(self, users: Codes, history: Interactions, profiles: Sequence[str]) -> Floats:
            texts.update(profiles)
            return super().score_profiles(users, history, profiles)

    who = model_side.form(AGE, split.training.users)
    found = model_side.attribute_sensitivity(Listener(0.0), split, AGE, who, k=K, replicates=50)
    ages = split.training.users["age"]
    young = ages[ages.astype(int) < 30].value_counts()
    assert found["flip_jaccard"].more["values"][0] in set(young[young == young.max()].index)
    assert any("age" not in text for text in texts)  # the neutral one


@pytest.mark.parametrize(
    ("spec", "profile", "reason"),
    [
        (GENDER, (), "reads no profile text"),
        (GENDER, ("age",), "does not hold gender"),
        (GroupSpec(("gender", "age"), (None, (30.0,))), ("gender", "age"), "one attribute at a time"),
        (GroupSpec(("gender",), min_size=500), ("gender", "age"), "fewer than two groups"),
    ],
)
def test_what_cannot_be_tried_says_why(split: Split, spec: GroupSpec, profile: tuple[str, ...], reason: str) -> None:
    reader = Reader(1.0)
    reader.profile = profile
    who = model_side.form(spec, split.training.users)
    found = model_side.attribute_sensitivity(reader, split, spec, who, k=K, replicates=50)
    assert set(found) == set(model_side.SENSITIVITY_KEYS)
    assert all(np.isnan(m.value) and reason in m.reason for m in found.values())


def test_a_text_that_never_says_the_attribute_counts_as_lists_that_cannot_react(split: Split) -> None:
    reader = Reader(1.0)
    reader.profile = ("age",)
    who = model_side.form(GENDER, split.training.users)
    found = model_side.attribute_sensitivity(reader, split, GENDER, who, k=K, replicates=50)
    stated = {key: model_side.by_construction(measure, 7) for key, measure in found.items()}
    assert {key: measure.value for key, measure in stated.items()} == {
        **dict.fromkeys(sensitivity.SIMILARITIES, 1.0),
        **dict.fromkeys(("flip_utility_change", "flip_both", "snsr", "snsv"), 0.0),
    }
    assert all(
        (measure.replicates == measure.value).all() and len(measure.replicates) == 7 for measure in stated.values()
    )
    measured = model_side.Measure(0.5, replicates=np.ones(7))
    assert model_side.by_construction(measured, 3) is measured


def test_a_sample_is_drawn_when_texts_are_many(split: Split, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model_side, "COSTLY_TEXTS", 100)
    who = model_side.form(GENDER, split.training.users)
    found = model_side.attribute_sensitivity(Reader(5.0), split, GENDER, who, k=K, replicates=50)
    assert found["flip_jaccard"].more["n"] == 16  # 100 texts in 2 + 4 variants


def test_what_vectors_and_lists_give_away(split: Split) -> None:
    fitted = Vectors(women(split), 3.0)
    side = model_side.measures(fitted, split, [GENDER, AGE], ranked(fitted, split), k=K, replicates=100)
    probe = side["gender"]["probe_auc"]
    assert probe.value > 0.9
    assert probe.more["source"] == "vectors"
    assert probe.more["by_source"]["lists"]["value"] > 0.7  # item 0 is in nearly all women's lists
    assert probe.more["balance"]["F"] == pytest.approx(80 / 238, abs=0.01)
    found = side["gender"]["divergence"]
    assert found.more["p_value"] < 0.01
    assert found.ci[0] < found.value < found.ci[1]
    assert set(found.more["by_neutral"]) == {"project", "standardise"}
    assert side["age"]["probe_auc"].value < 0.65
    assert "no profile text" in side["gender"]["flip_jaccard"].reason
    assert "no probability" in side["gender"]["value_unfairness"].reason


def test_predictions_that_belittle_a_group_are_found(split: Split) -> None:
    side = model_side.measures(
        Predictor(women(split), 0.2),
        split,
        [GENDER],
        Lists(np.full((N, K), -1, np.int32), np.full((N, K), np.nan)),
        k=K,
    )["gender"]
    assert side["nonparity_unfairness"].value == pytest.approx(0.2, abs=1e-6)
    assert side["score_ks"].value == 1.0
    assert side["nonparity_unfairness"].more["pair"] == ("F", "M")
    assert side["nonparity_unfairness"].more["p_value"] < 0.01
    assert side["value_unfairness"].more["shared"] == M
    assert "user vectors" in side["divergence"].reason
    assert "fewer" not in side["value_unfairness"].reason


def test_probabilities_are_held_against_what_was_liked(split: Split) -> None:
    lists = Lists(np.full((N, K), -1, np.int32), np.full((N, K), np.nan))
    side = model_side.model_side(Predictor(women(split), 0.2), split, [GENDER], lists, k=K)
    row = json.loads(json.dumps(side.results["gender"]["calibration"], allow_nan=False))
    test, who = split.test, split.training.users["gender"].to_numpy()[split.test.user]
    liked = test.rating >= 4
    assert row["n"] == len(test)
    assert row["people"] == N
    for name, predicted in (("F", 0.3), ("M", 0.5)):  # one probability a group, so one cell
        group = row["by_group"][name]
        own = liked[who == name]
        assert group["n"] == len(own)
        assert group["predicted"] == pytest.approx(predicted, abs=1e-6)
        assert group["observed"] == pytest.approx(own.mean())
        assert group["error"] == pytest.approx(abs(own.mean() - predicted), abs=1e-6)
        (cell,) = group["cells"]
        assert cell["ci"][0] < cell["observed"] < cell["ci"][1]
    assert row["ci"][0] <= row["value"] <= row["ci"][1]


@pytest.mark.parametrize("threshold", [None, 0.0])
def test_likes_alone_cannot_be_held_against_a_probability(split: Split, threshold: float | None) -> None:
    data = replace(split.training, relevance_threshold=threshold)
    lists = Lists(np.full((N, K), -1, np.int32), np.full((N, K), np.nan))
    side = model_side.model_side(Predictor(women(split), 0.0), replace(split, training=data), [GENDER], lists, k=K)
    assert side.results["gender"]["calibration"]["value"] is None
    assert "every held-out pair is a liked one" in side.undefined["gender.calibration"]


def test_every_key_of_the_model_side_is_there(split: Split) -> None:
    fitted = Predictor(women(split), 0.0)
    side = model_side.measures(fitted, split, [GENDER], ranked(fitted, split), k=K, replicates=20)["gender"]
    keys = {*model_side.SENSITIVITY_KEYS, *model_side.rating.KEYS, "score_ks", "calibration", "divergence", "probe_auc"}
    keys |= {"invalid_disparity"}
    assert set(side) == keys
    for measure in side.values():
        assert (model_side.to_json(measure)["value"] is None) == bool(measure.reason)


def test_the_audit_holds_the_model_side(split: Split) -> None:
    reader = Reader(10.0)
    reader.women = women(split)
    lists = ranked(reader, split)
    side = model_side.model_side(reader, split, [GENDER, AGE], lists, k=K, replicates=50)
    made = audit.from_split(split, lists, groups=[GENDER, AGE], k=K, replicates=50, permutations=50, model=side)
    contract = json.loads(json.dumps(made.to_json(), allow_nan=False))
    found = contract["model"]["gender"]["flip_jaccard"]
    assert found["value"] == side.results["gender"]["flip_jaccard"]["value"]
    assert contract["undefined"]["model.gender.value_unfairness"].startswith("this recommender predicts no")
    # per-user flips get group means, gaps and tests like everything else
    groups = contract["groups"]["gender"]
    assert groups["F"]["flip_jaccard:gender"] == pytest.approx(found["by_group"]["F"])
    gap = contract["gaps"]["gender"]["flip_jaccard:gender"]
    assert gap["gap"] == pytest.approx(abs(found["by_group"]["F"] - found["by_group"]["M"]))
    assert gap["p_value"] is not None


def test_the_same_weights_as_everywhere(split: Split) -> None:
    fitted = Vectors(women(split), 1.0)
    side = model_side.measures(fitted, split, [GENDER], ranked(fitted, split), k=K, replicates=30)["gender"]
    weights = bootstrap.weights(id_hash(split.training.users["user_id"]), 30).astype(float)
    found = side["divergence"]
    who = model_side.form(GENDER, split.training.users)
    distances = model_side.divergence.divergence(fitted.made, who).distances
    known = who.codes >= 0
    expected = distances[known] @ weights[known] / weights[known].sum(axis=0)
    assert found.replicates == pytest.approx(expected)


def test_template_test_of_a_recommender(split: Split) -> None:
    reader = Reader(10.0)
    words = {"women": ("a woman", "this woman"), "men": ("a man", "this man")}
    found = model_side.template_test(reader, split, templates=("{who} is here.", "Here is {who}."), words=words, k=K)
    assert found["ranked_by"] == "recommender"
    assert found["within"]["flip_jaccard"] == 1.0
    assert found["between"]["flip_jaccard"] < 0.7
    assert {row["item_id"] for row in found["moved"]["women"]} <= {f"i{i}" for i in range(0, M, 2)}
    assert found["moved"]["women"][0]["title"].startswith("Film")
    assert found["moved"]["women"][0]["shift"] < 0


def test_template_test_of_the_encoder(split: Split, monkeypatch: pytest.MonkeyPatch) -> None:
    from fairdash.recommenders import text

    def encode(texts: Sequence[str]) -> Floats:
        return np.array([[len(t), t.count("1"), 1.0] for t in texts], np.float32)

    monkeypatch.setattr(text, "encode", encode)
    found = model_side.template_test(None, split, k=K)
    assert found["ranked_by"] == "text encoder"
    assert 0 <= found["between"]["flip_jaccard"] <= 1
