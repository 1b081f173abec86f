"""Write generated.json: tables of 200 people, and what ranx, recbole and aif360 say of them and of MovieLens-100K.

    pip install ranx==0.3.21
    pip install --no-deps --target FOLDER recbole==1.2.1 aif360==0.6.1
    python -m tests.golden.oracles.make FOLDER

recbole and aif360 pull in many others and pin old ones, and ranx compiles for a minute before its first number, so the
tests read their numbers instead of importing them. recbole's
`recbole.utils` is replaced by the one name that its metrics use, and numpy gets the `float` that it lost in 1.24 back.
"""

from __future__ import annotations

import json
import sys
import types
from enum import Enum
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from fairdash.hashing import id_hash
from fairdash.recommenders.ranking import top_k
from tests.golden.oracles import popular

K = 10
HERE = Path(__file__).parent


def tables() -> dict[str, Any]:
    """Lists, relevant items, attribute and scores of 200 people over 60 items; some lists short, some without truth."""
    rng = np.random.default_rng(20)
    lists, truth, scores, group = [], [], [], []
    for user in range(200):
        weight = np.exp(-np.arange(60) / (12 + 8 * (user % 2)))
        length = int(rng.choice([4, K, K, K, K]))
        lists.append(rng.choice(60, length, replace=False, p=weight / weight.sum()).tolist())
        truth.append(sorted(rng.choice(60, int(rng.integers(0, 15)), replace=False).tolist()))
        scores.append(np.sort(np.round(rng.normal(user % 3 / 3, 1, length), 2))[::-1].tolist())
        group.append("abc"[int(rng.choice(3, p=[0.5, 0.3, 0.2]))])
    categories = [sorted(rng.choice(6, int(rng.integers(1, 4)), replace=False).tolist()) for _ in range(60)]
    return {"lists": lists, "truth": truth, "scores": scores, "group": group, "categories": categories}


def recbole(folder: str, lists: list[list[int]], truth: list[list[int]]) -> dict[str, list[float]]:
    """Per-user values of recbole's metric classes; only of people who have truth."""
    sys.path.append(folder)
    for name in ("recbole", "recbole.evaluator"):
        package = types.ModuleType(name)
        package.__path__ = [str(Path(folder, *name.split(".")))]
        sys.modules[name] = package
    utils = types.ModuleType("recbole.utils")
    utils.EvaluatorType = Enum("EvaluatorType", "RANKING VALUE")  # type: ignore[attr-defined]
    sys.modules["recbole.utils"] = utils
    vars(np)["float"] = float
    from recbole.evaluator import metrics

    found = np.array(
        [[i < len(row) and row[i] in own for i in range(K)] for row, own in zip(lists, truth, strict=True)]
    )
    length = np.array([len(own) for own in truth])
    config = {"topk": [K], "metric_decimal_place": 4}
    last = {
        "ndcg": metrics.NDCG(config).metric_info(found, length),
        "recall": metrics.Recall(config).metric_info(found, length),
        "precision": metrics.Precision(config).metric_info(found),
        "hit": metrics.Hit(config).metric_info(found),
        "mrr": metrics.MRR(config).metric_info(found),
        "map": metrics.MAP(config).metric_info(found, length),
    }
    return {key: value[:, K - 1].astype(float).tolist() for key, value in last.items()}


def ranx(given: dict[str, Any]) -> dict[str, dict[str, float]]:
    """Per-user values by key and user; only of people who have truth."""
    from ranx import Qrels, Run, evaluate

    names = {
        "ndcg": "ndcg",
        "recall": "recall",
        "precision": "precision",
        "hit": "hit_rate",
        "mrr": "mrr",
        "map": "map",
    }
    known = [user for user in range(200) if given["truth"][user]]
    qrels = Qrels({f"u{user}": {f"i{i}": 1 for i in given["truth"][user]} for user in known})
    run = Run({f"u{user}": {f"i{i}": 1 / (r + 1) for r, i in enumerate(given["lists"][user])} for user in known})
    evaluate(qrels, run, [f"{name}@{K}" for name in names.values()])
    return {key: {u: float(v) for u, v in run.scores[f"{name}@{K}"].items()} for key, name in names.items()}


def aif360(folder: str, given: dict[str, Any], ndcg: list[float]) -> dict[str, Any]:
    """Generalised entropy of the benefits, whole and between groups; smoothed differential fairness of each item."""
    sys.path.append(folder)
    from aif360.datasets import BinaryLabelDataset
    from aif360.metrics import BinaryLabelDatasetMetric
    from aif360.sklearn.metrics import generalized_entropy_index

    known = [user for user in range(200) if given["truth"][user]]
    names = np.array([given["group"][user] for user in known])
    benefit = np.array(ndcg)
    own_mean = np.array([benefit[names == name].mean() for name in names])
    codes = np.array(["abc".index(name) for name in given["group"]])
    fairness = []
    for item in range(60):
        label = np.array([float(item in row) for row in given["lists"]])
        frame = pd.DataFrame({"group": codes.astype(float), "label": label})
        data = BinaryLabelDataset(df=frame, label_names=["label"], protected_attribute_names=["group"])
        metric = BinaryLabelDatasetMetric(data, [{"group": 0.0}], [{"group": 1.0}])
        fairness.append(float(metric.smoothed_empirical_differential_fairness(concentration=1.0)))
    return {
        "entropy": float(generalized_entropy_index(benefit, alpha=2)),
        "entropy_between": float(generalized_entropy_index(own_mean, alpha=2)),
        "differential_fairness": fairness,
    }


def main() -> None:
    folder = sys.argv[1]
    given = tables()
    with_truth = [user for user in range(200) if given["truth"][user]]
    values = recbole(folder, [given["lists"][u] for u in with_truth], [given["truth"][u] for u in with_truth])
    given["recbole"] = values
    given["ranx"] = ranx(given)
    given["aif360"] = aif360(folder, given, values["ndcg"])
    split, seen, scores = popular.movielens_100k()
    ids = split.training.items["item_id"]
    lists = top_k(scores, seen, K, id_hash(ids)).items.tolist()
    starts = split.test.starts(len(lists))
    liked = [
        split.test.item[starts[u] : starts[u + 1]][split.test.rating[starts[u] : starts[u + 1]] >= 4].tolist()
        for u in range(len(lists))
    ]
    rows = [u for u in range(len(lists)) if liked[u]]
    found = recbole(folder, [lists[u] for u in rows], [liked[u] for u in rows])
    given["movielens_100k"] = {key: float(np.mean(value)) for key, value in found.items()}
    (HERE / "generated.json").write_text(json.dumps(given) + "\n")


if __name__ == "__main__":
    main()
