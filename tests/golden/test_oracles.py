"""Outside oracles: where definitions agree, to 1e-9; where they differ, that they differ, and why.

ir-measures, fairlearn and scipy are called; what ranx, recbole and aif360 say of the same tables stands in
oracles/generated.json (see oracles/make.py).
"""

import json
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.spatial.distance import jensenshannon
from scipy.stats import ks_2samp

from fairdash.hashing import id_hash
from fairdash.metrics import audit
from fairdash.metrics.value import Audit
from fairdash.recommenders.ranking import top_k
from fairdash.schema import GroupSpec
from tests.golden.oracles import popular

CLOSE = 1e-9
K = 10
GROUP = GroupSpec(("group",), min_size=1)
KEYS = ("ndcg", "recall", "precision", "hit", "mrr", "map")
HERE = Path(__file__).parent / "oracles"
has_movielens = pytest.mark.skipif(not popular.FOLDER.exists(), reason="MovieLens-100K is not in ../shared/data")


@pytest.fixture(scope="module")
def given() -> dict:
    return json.loads((HERE / "generated.json").read_text())


@pytest.fixture(scope="module")
def audited(given: dict) -> Audit:
    return audit.from_frames(**frames(given), groups=[GROUP], k=K, replicates=0, permutations=0)


def frames(given: dict) -> dict[str, pd.DataFrame]:
    rows = [
        (f"u{user}", f"i{item}", rank + 1, given["scores"][user][rank])
        for user, items in enumerate(given["lists"])
        for rank, item in enumerate(items)
    ]
    liked = [(f"u{user}", f"i{item}") for user, items in enumerate(given["truth"]) for item in items]
    categories = ["|".join(f"c{name}" for name in names) for names in given["categories"]]
    return {
        "recommendations": pd.DataFrame(rows, columns=["user_id", "item_id", "rank", "score"]),
        "truth": pd.DataFrame(liked, columns=["user_id", "item_id"]),
        "users": pd.DataFrame({"user_id": [f"u{i}" for i in range(200)], "group": given["group"]}),
        "items": pd.DataFrame({"item_id": [f"i{i}" for i in range(60)], "categories": categories}),
    }


@pytest.fixture(scope="module")
def movielens() -> Audit:
    split, seen, scores = popular.movielens_100k()
    lists = top_k(scores, seen, K, id_hash(split.training.items["item_id"]))
    return audit.from_split(split, lists, groups=["gender"], k=K, replicates=0, permutations=0)


def movielens_frames() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Lists and liked held-out items, by id."""
    split, seen, scores = popular.movielens_100k()
    data = split.training
    lists = top_k(scores, seen, K, id_hash(data.items["item_id"])).to_frame(data.users, data.items)
    liked = split.test.rating >= 4
    truth = pd.DataFrame(
        {
            "user_id": data.users["user_id"].to_numpy()[split.test.user[liked]],
            "item_id": data.items["item_id"].to_numpy()[split.test.item[liked]],
        }
    )
    return lists, truth


def ours(one: Audit, key: str) -> pd.Series:
    return one.per_user.set_index("user_id")[key].dropna().sort_index()


# --- recbole ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", KEYS)
def test_recbole(given: dict, audited: Audit, key: str) -> None:
    users = [f"u{user}" for user in range(200) if given["truth"][user]]
    theirs = pd.Series(given["recbole"][key], index=users).sort_index()
    np.testing.assert_allclose(ours(audited, key), theirs, atol=CLOSE, rtol=0)


@has_movielens
@pytest.mark.parametrize("key", KEYS)
def test_recbole_on_movielens(given: dict, movielens: Audit, key: str) -> None:
    assert movielens.to_json()["overall"][key] == pytest.approx(given["movielens_100k"][key], abs=CLOSE)


# --- ir-measures and ranx ---------------------------------------------------------------------------------------------


IR = {"ndcg": "nDCG@10", "recall": "R@10", "precision": "P@10", "hit": "Success@10", "mrr": "RR@10"}


def ir_measures_of(lists: pd.DataFrame, truth: pd.DataFrame, name: str) -> pd.Series:
    import ir_measures

    run = pd.DataFrame(
        {"query_id": lists["user_id"], "doc_id": lists["item_id"], "score": -lists["rank"].astype(float)}
    )
    qrels = pd.DataFrame({"query_id": truth["user_id"], "doc_id": truth["item_id"], "relevance": 1})
    rows = ir_measures.iter_calc([ir_measures.parse_measure(name)], qrels, run)
    return pd.Series({row.query_id: row.value for row in rows}).sort_index()


@pytest.mark.parametrize("key", IR)
def test_ir_measures(given: dict, audited: Audit, key: str) -> None:
    made = frames(given)
    theirs = ir_measures_of(made["recommendations"], made["truth"], IR[key])
    mine = ours(audited, key)
    assert list(theirs.index) == list(mine.index)
    np.testing.assert_allclose(mine, theirs, atol=CLOSE, rtol=0)


@has_movielens
@pytest.mark.parametrize("key", IR)
def test_ir_measures_on_movielens(movielens: Audit, key: str) -> None:
    theirs = ir_measures_of(*movielens_frames(), IR[key])
    np.testing.assert_allclose(ours(movielens, key).loc[theirs.index], theirs, atol=CLOSE, rtol=0)


def test_ir_measures_divide_average_precision_by_all_relevant(given: dict, audited: Audit) -> None:
    """AP@10 there is divided by the number of relevant items, here by min(K, relevant): a list cannot be faulted for
    having only K places. With at most K relevant items both are one."""
    made = frames(given)
    theirs = ir_measures_of(made["recommendations"], made["truth"], "AP@10")
    mine = ours(audited, "map")
    relevant = made["truth"].groupby("user_id").size().sort_index()
    np.testing.assert_allclose(mine * np.minimum(relevant, K) / relevant, theirs, atol=CLOSE, rtol=0)
    assert (mine - theirs > 1e-3).any()


@pytest.mark.parametrize("key", IR)
def test_ranx(given: dict, audited: Audit, key: str) -> None:
    np.testing.assert_allclose(ours(audited, key), pd.Series(given["ranx"][key]).sort_index(), atol=CLOSE, rtol=0)


def test_ranx_divides_average_precision_by_all_relevant(given: dict, audited: Audit) -> None:
    relevant = frames(given)["truth"].groupby("user_id").size().sort_index()
    mine = ours(audited, "map") * np.minimum(relevant, K) / relevant
    np.testing.assert_allclose(mine, pd.Series(given["ranx"]["map"]).sort_index(), atol=CLOSE, rtol=0)


# --- fairlearn --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", KEYS)
def test_metric_frame(given: dict, audited: Audit, key: str) -> None:
    from fairlearn.metrics import MetricFrame

    values = audited.per_user.dropna(subset=[key])
    group = values["user_id"].map(dict(zip((f"u{i}" for i in range(200)), given["group"], strict=True)))

    def mean(y_true: np.ndarray, y_pred: np.ndarray) -> float:
        return float(np.mean(y_pred))

    frame = MetricFrame(metrics=mean, y_true=values[key], y_pred=values[key], sensitive_features=group)
    found = audited.to_json()
    for name, value in frame.by_group.items():
        assert found["groups"]["group"][name][key] == pytest.approx(value, abs=CLOSE)
    gap = found["gaps"]["group"][key]
    assert gap["gap"] == pytest.approx(frame.difference(), abs=CLOSE)
    assert gap["ratio"] == pytest.approx(frame.ratio(), abs=CLOSE)
    assert gap["worst_group"] == frame.by_group.idxmin()
    pairs = [abs(a - b) for a, b in combinations(frame.by_group, 2)]
    assert gap["mad"] == pytest.approx(np.mean(pairs), abs=CLOSE)
    assert gap["std"] == pytest.approx(np.std(frame.by_group), abs=CLOSE)


def pairs_of(given: dict) -> pd.DataFrame:
    """Every (user, candidate) pair: group, item, selected, relevant."""
    return pd.DataFrame(
        [
            (given["group"][user], item, item in given["lists"][user][:K], item in given["truth"][user])
            for user in range(200)
            for item in range(60)
        ],
        columns=["group", "item", "selected", "relevant"],
    )


def test_fairlearn_parity_and_odds(given: dict, audited: Audit) -> None:
    from fairlearn import metrics as fairlearn

    gaps = audited.to_json()["gaps"]["group"]
    table = pairs_of(given)
    both = {
        "y_true": table["relevant"],
        "y_pred": table["selected"],
        "sensitive_features": table["group"],
    }
    assert gaps["equal_opportunity_difference"]["gap"] == pytest.approx(
        fairlearn.equal_opportunity_difference(**both), abs=CLOSE
    )
    assert gaps["equalized_odds_difference"]["gap"] == pytest.approx(
        fairlearn.equalized_odds_difference(**both), abs=CLOSE
    )
    difference, ratio = {}, {}
    for category in range(6):
        own = table[table["item"].map(lambda item, c=category: c in given["categories"][item])]
        one = {"y_true": own["relevant"], "y_pred": own["selected"], "sensitive_features": own["group"]}
        difference[f"c{category}"] = fairlearn.demographic_parity_difference(**one)
        ratio[f"c{category}"] = fairlearn.demographic_parity_ratio(**one)
    row = gaps["demographic_parity_difference"]
    assert row["gap"] == pytest.approx(max(difference.values()), abs=CLOSE)
    assert row["of"] == max(difference, key=difference.__getitem__)
    row = gaps["demographic_parity_ratio"]
    assert row["ratio"] == pytest.approx(min(ratio.values()), abs=CLOSE)
    assert row["of"] == min(ratio, key=ratio.__getitem__)


# --- aif360 -----------------------------------------------------------------------------------------------------------


def test_aif360_entropy(given: dict, audited: Audit) -> None:
    row = audited.to_json()["gaps"]["group"]["group_entropy_index"]
    assert row["total"] == pytest.approx(given["aif360"]["entropy"], abs=CLOSE)
    assert row["between"] == pytest.approx(given["aif360"]["entropy_between"], abs=CLOSE)
    assert row["within"] == pytest.approx(given["aif360"]["entropy"] - given["aif360"]["entropy_between"], abs=CLOSE)


def test_aif360_differential_fairness(given: dict, audited: Audit) -> None:
    """aif360 gives one epsilon for one label; ours is the largest over items."""
    row = audited.to_json()["gaps"]["group"]["differential_fairness"]
    each = given["aif360"]["differential_fairness"]
    assert row["gap"] == pytest.approx(max(each), abs=CLOSE)
    assert row["of"] == f"i{int(np.argmax(each))}"


# --- scipy ------------------------------------------------------------------------------------------------------------


def test_scipy_kolmogorov_smirnov(given: dict, audited: Audit) -> None:
    samples = {
        name: [s for user in range(200) if given["group"][user] == name for s in given["scores"][user]]
        for name in "abc"
    }
    largest = max(ks_2samp(samples[a], samples[b]).statistic for a, b in combinations("abc", 2))
    assert audited.to_json()["gaps"]["group"]["score_ks"]["gap"] == pytest.approx(largest, abs=CLOSE)


def test_scipy_jensen_shannon(given: dict, audited: Audit) -> None:
    found = audited.to_json()
    shares = {}
    for name in "abc":
        mass = np.zeros(6)
        for user in range(200):
            if given["group"][user] == name:
                for item in given["lists"][user]:
                    mass[given["categories"][item]] += 1 / len(given["categories"][item])
        shares[name] = mass / mass.sum()
        own = found["groups"]["group"][name]["category_share"]
        np.testing.assert_allclose([own[f"c{j}"] for j in range(6)], shares[name], atol=CLOSE, rtol=0)
    largest = max(jensenshannon(shares[a], shares[b], base=2) for a, b in combinations("abc", 2))
    assert found["gaps"]["group"]["category_divergence"]["gap"] == pytest.approx(largest, abs=CLOSE)


# --- worked by hand ---------------------------------------------------------------------------------------------------


def test_the_worked_case() -> None:
    """Hits at ranks 2 and 5, three relevant items, K = 10."""
    lists = pd.DataFrame({"user_id": ["u"] * 10, "item_id": [f"i{r}" for r in range(1, 11)], "rank": range(1, 11)})
    truth = pd.DataFrame({"user_id": ["u"] * 3, "item_id": ["i2", "i5", "elsewhere"]})
    found = audit.from_frames(lists, truth, pd.DataFrame({"user_id": ["u"]}), k=10).to_json()["overall"]
    assert round(found["ndcg"], 4) == 0.4776
    assert found["recall"] == pytest.approx(2 / 3)
    assert found["precision"] == pytest.approx(0.2)
    assert found["mrr"] == 0.5
    assert found["map"] == pytest.approx((1 / 2 + 2 / 5) / 3)
    assert found["hit"] == 1.0
