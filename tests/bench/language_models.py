"""A run of `llm` on the people that it was asked about, beside the same candidates in other orders.

    python -m fairdash train --dataset movielens-100k --split user-time:0.8 --recommender llm \\
        --set profile=gender --out RUN
    python -m tests.bench.language_models RUN [--model-side gender]

Intervals are Student's over people. The model side asks the model again; what it was asked before is kept in the run.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np

from fairdash.hashing import id_hash, mix
from fairdash.recommenders.llm.model import FittedLlm
from fairdash.run import Run
from fairdash.schema import ITEM_ID, Codes, GroupSpec, Lists
from fairdash.stages import model_side, quality

K = 10


def orders(run: Run, fitted: FittedLlm) -> dict[str, Lists]:
    """Lists [n_users, K] of those who were asked, by the name of who made them."""
    data, known = run.split.training, run.split.known
    asked = np.ones(data.n_users, bool) if run.split.asked is None else run.split.asked
    people: Codes = np.flatnonzero(asked).astype(np.int32)
    brought = fitted.first_stage(people, known).items
    users, items = (mix(1, id_hash(table)) for table in (data.users["user_id"], data.items[ITEM_ID]))
    pairs = np.repeat(users[people], brought.shape[1]), items[np.maximum(brought, 0)].ravel()
    chance = np.argsort(mix(0, *pairs).reshape(brought.shape), axis=1)

    def lists(some: Codes) -> Lists:
        whole = np.full((data.n_users, K), -1, np.int32)
        whole[people] = some[:, :K]
        return Lists(whole, np.where(whole >= 0, -np.arange(K, dtype=np.float32), np.nan))

    return {
        f"llm, {fitted.options.way}": run.candidates("test").top(K),
        f"{fitted.first_stage.fitted.name}, the first stage": lists(brought),
        "its candidates in random order": lists(np.take_along_axis(brought, chance, axis=1)),
    }


def main() -> None:
    """Print one line a list, then what was written and the model side where it is asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("--model-side", default="", help="an attribute of the profile")
    asked = parser.parse_args()
    run = Run.load(asked.run)
    fitted = run.fitted
    assert isinstance(fitted, FittedLlm)
    made = orders(run, fitted)
    everybody = np.ones(run.split.training.n_users, bool) if run.split.asked is None else run.split.asked
    for row in quality.beside(run.split, made, K).itertuples():
        less = f"  llm less this: {-row.less:+.4f} ({-row.less_high:+.4f} to {-row.less_low:+.4f})" if row.Index else ""
        print(f"{row.name:<34}NDCG@{K} {row.ndcg:.4f} ({row.low:.4f} to {row.high:.4f}), {row.people} people{less}")
    written = fitted.written(np.flatnonzero(everybody).astype(np.int32), run.split.known)
    if written is not None:
        shares = written.counts.sum(axis=0) / written.counts.sum()
        print("  ".join(f"{kind} {share:.3f}" for kind, share in zip(written.kinds, shares, strict=True)))
    if asked.model_side:
        spec = GroupSpec((asked.model_side,), (None,))
        found = model_side.measures(fitted, run.split, [spec], run.candidates("test"), k=K)
        print(json.dumps({key: model_side.to_json(one) for key, one in found[spec.label].items()}, indent=1))


if __name__ == "__main__":
    main()
