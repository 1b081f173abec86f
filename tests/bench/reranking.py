"""Re-rankers: how fast they are, and what they move on real data.

    python -m tests.bench.reranking speed [METHOD …]     # generated: 6,040 × 100 and 100,000 × 100 candidates → 10
    python -m tests.bench.reranking effects [METHOD …]   # MovieLens-1M (gender, age, popularity), Last.fm (artists)

Speed is user CPU time of one process on one core, beside the wall clock; `first` is one call with all its preparation,
`next` a further strength (a move of the slider), `sweep` 21 strengths with NDCG, target and 200 bootstrap replicates.

Effects: EASE, K = 10, every strength chosen on validation by "accuracy-budget" (5 %), judged once on test: the target
and NDCG, before → after with the 95 % paired interval of the difference. A target has moved where that excludes 0.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from scipy import sparse

from fairdash import data
from fairdash.mitigation.base import Mitigation, RerankInput
from fairdash.mitigation.sweep import GRID, Judge, trace
from fairdash.run import Run
from fairdash.schema import Categories, Groups, GroupSpec, Lists, Split
from fairdash.stages import audit, fit, mitigate, recommend
from fairdash.stages.compare import Aim, compare_audits
from fairdash.stages.fit import TrainSpec
from tests.unit.mitigation.people import methods_of

K = 10
OPTIMISING = {"user_parity", "threshold", "exposure_parity", "cp_fair", "p_mmf"}
LIMITS = {6_040: (0.5, 5.0), 100_000: (10.0, 60.0)}  # seconds: greedy, optimising


def generated(n_users: int, *, n_items: int = 3_706, n_candidates: int = 100, n_categories: int = 18) -> RerankInput:
    """Candidates whose scores depend on item group and user group, with validation likes among them."""
    rng = np.random.default_rng(0)
    kinds = (rng.random(n_items) < 0.3).astype(np.int32)
    stride = rng.integers(1, n_items // n_candidates, n_users)[:, None]
    items = (rng.integers(0, n_items, n_users)[:, None] + stride * np.arange(n_candidates)) % n_items
    scores = rng.gumbel(size=items.shape) - 0.5 * kinds[items]
    order = np.argsort(-scores, axis=1)
    items = np.take_along_axis(items, order, axis=1).astype(np.int32)
    scores = np.take_along_axis(scores, order, axis=1).astype(np.float32)
    people = (rng.random(n_users) < 0.7).astype(np.int32)
    rate = np.where(people == 1, 0.15, 0.08)[:, None] * np.linspace(1.5, 0.1, n_candidates)
    row, place = np.nonzero(rng.random(items.shape) < rate)
    liked = sparse.csr_array((np.ones(len(row), bool), (row, items[row, place])), shape=(n_users, n_items))
    known = rng.integers(0, n_items, (n_users, 150))
    history = sparse.csr_array(
        (np.ones(known.size), (np.repeat(np.arange(n_users), 150), known.ravel())), shape=(n_users, n_items)
    )
    per_item = rng.choice([1, 2, 3, 4], p=[0.4, 0.3, 0.2, 0.1], size=n_items)
    row = np.repeat(np.arange(n_items), per_item)
    column = np.concatenate([rng.choice(n_categories, size=size, replace=False) for size in per_item])
    shares = sparse.csr_array((1 / per_item[row], (row, column)), shape=(n_items, n_categories))
    return RerankInput(
        candidates=Lists(items, scores),
        k=K,
        n_items=n_items,
        item_ids=np.array([f"i{item}" for item in range(n_items)], dtype=object),
        history=history.astype(bool),
        popularity=np.asarray(history.sum(axis=0), dtype=np.float64).ravel(),
        categories=Categories(tuple(f"c{j}" for j in range(n_categories)), shares),
        user_groups=Groups("gender", ("F", "M"), people),
        item_groups=Groups("kind", ("a", "b"), kinds),
        valid=liked,
    )


class Clock:
    """Seconds since it was made: CPU and wall. Limits are of wall time: what a person waits."""

    def __init__(self) -> None:
        self.cpu, self.wall = time.process_time(), time.perf_counter()

    def __str__(self) -> str:
        return f"{time.process_time() - self.cpu:6.2f} /{time.perf_counter() - self.wall:6.2f}"

    def seconds(self) -> float:
        return time.perf_counter() - self.wall


def speed(names: Sequence[str]) -> bool:
    """Print the table; whether all limits are kept."""
    kept = True
    for n_users, limits in LIMITS.items():
        given = generated(n_users)
        print(f"\n{n_users:,} users × 100 candidates → {K}; seconds CPU / wall")
        print(f"{'method':<18}{'first':>15}{'limit':>8}{'next':>15}{'sweep':>15}")
        for method in methods_of("reranking"):
            key = method.info.key
            if names and key not in names:
                continue
            # categories for what works on categories, groups for what works on groups
            here = replace(given, item_groups=None) if key in ("threshold", "fair_rec", "xquad") else given
            limit = limits[key in OPTIMISING]
            first = Clock()
            lists = method.reranker(here)
            lists(0.5)
            line, ok = f"{key:<18}{first!s:>15}{limit:>8}", first.seconds() < limit
            further = Clock()
            lists(0.7)
            line += f"{further!s:>15}"
            if n_users == 6_040:
                ok &= further.seconds() < 0.2
                whole = Clock()
                judge = Judge(here, method.info.target)
                trace(method.reranker(here), judge, GRID)
                line += f"{whole!s:>15}"
                ok &= whole.seconds() < 3.0
            print(line + ("" if ok else "  OVER"), flush=True)
            kept &= ok
    return kept


@dataclass(frozen=True)
class Case:
    data: str
    method: str
    groups: tuple[GroupSpec, ...] = ()
    item_group: GroupSpec | None = None
    aims: tuple[Aim, ...] = ()


GENDER, AGE = GroupSpec(("gender",)), GroupSpec(("age",), ((25.0, 45.0),))
POPULARITY, ARTIST = GroupSpec(("popularity",)), GroupSpec(("artist_gender",))
ML, FM = "MovieLens-1M", "Last.fm"
CASES = (
    Case(ML, "calibrate", aims=(Aim("miscalibration"),)),
    Case(ML, "user_parity", (GENDER,), aims=(Aim("ndcg", "gender"),)),
    Case(ML, "user_parity", (AGE,), aims=(Aim("ndcg", "age"),)),
    Case(
        ML,
        "threshold",
        (GENDER,),
        aims=(Aim("demographic_parity_difference", "gender"), Aim("category_divergence", "gender")),
    ),
    Case(
        ML, "threshold", (AGE,), aims=(Aim("demographic_parity_difference", "age"), Aim("category_divergence", "age"))
    ),
    Case(ML, "fa_ir", (), POPULARITY, (Aim("exposure_ratio", "popularity"),)),
    Case(FM, "fa_ir", (), ARTIST, (Aim("exposure_ratio", "artist_gender"),)),
    Case(ML, "exposure_parity", (), POPULARITY, (Aim("exposure_ratio", "popularity"),)),
    Case(FM, "exposure_parity", (), ARTIST, (Aim("exposure_ratio", "artist_gender"),)),
    Case(ML, "cp_fair", (GENDER,), POPULARITY, (Aim("rsp", "popularity"), Aim("ndcg", "gender"))),
    Case(FM, "cp_fair", (GENDER,), ARTIST, (Aim("rsp", "artist_gender"),)),
    Case(ML, "p_mmf", (), POPULARITY, (Aim("rsp", "popularity"),)),
    Case(FM, "p_mmf", (), ARTIST, (Aim("rsp", "artist_gender"),)),
    Case(ML, "fair_rec", aims=(Aim("gini"),)),
    Case(FM, "fair_rec", aims=(Aim("gini"),)),
    Case(ML, "xquad", aims=(Aim("popularity_lift"), Aim("aplt"))),
    Case(FM, "xquad", aims=(Aim("popularity_lift"), Aim("aplt"))),
)


def splits(folder: Path) -> dict[str, Split]:
    ml, _ = data.build(*(folder / "ml-1m" / f"{name}.csv" for name in ("interactions", "users", "items")))
    fm, _ = data.build(*(folder / "lfm-360k-sample" / f"{name}.csv" for name in ("interactions", "users", "items")))
    # four artists of 10,000 are "Other": too few to be compared, so they count as unknown
    artists = fm.items.assign(artist_gender=fm.items["artist_gender"].where(fm.items["artist_gender"] != "Other"))
    return {
        ML: data.split.split(ml, "user-time:0.8"),
        FM: data.split.split(replace(fm, items=artists, relevance_threshold=None), "user-random:0.8"),
    }


def effects(names: Sequence[str], folder: Path, workspace: Path) -> None:
    """Print a row for each case and aim."""
    runs: dict[str, Run] = {}
    for name, split in splits(folder).items():
        spec = TrainSpec("ease", {})
        place = workspace / spec.digest(split)
        runs[name] = Run.load(place) if (place / "run.json").exists() else fit.train(split, spec, place)
    for case in CASES:
        if names and case.method not in names:
            continue
        run = runs[case.data]
        chosen = Mitigation(case.method, case.groups, case.item_group)
        done = mitigate.mitigate(run, chosen, K, retrain=_never)
        audits = [
            audit.audit(
                run,
                lists,
                audit.AuditSpec(
                    groups=case.groups,
                    item_groups=(case.item_group,) if case.item_group else (),
                    permutations=20,
                ),
            )
            for lists in (recommend.recommend(run, K), done.lists)
        ]
        for aim in case.aims:
            told = compare_audits(*audits, aims=[aim]).to_json()
            print(_row(case, done.strength, told), flush=True)
            print(
                json.dumps({"method": case.method, "data": case.data, **told["aim"]}), flush=True, file=_log(workspace)
            )


def _never(*_: Any) -> Run:
    raise AssertionError("re-ranking needs no training")


def _log(workspace: Path) -> Any:
    return (workspace / "reranking.jsonl").open("a")


def _row(case: Case, strength: float, told: dict[str, Any]) -> str:
    def change(row: dict[str, Any]) -> str:
        low, high = row["ci"] or (float("nan"), float("nan"))
        return f"{row['before']:.4f} → {row['after']:.4f} [{low:+.4f}, {high:+.4f}]"

    aim = told["aim"]
    what = aim["metric"] + (f" ({aim['attribute']})" if aim["attribute"] else "")
    line = f"{case.data:<13}{case.method:<16}{strength:<5g}{what:<40}{change(aim):<42}{aim['verdict']:<16}"
    return line + f"NDCG@10 {change(told['overall']['ndcg'])}"


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("speed", "effects"))
    parser.add_argument("methods", nargs="*", help="only these (default: all)")
    parser.add_argument("--data", type=Path, default=Path(__file__).parents[2] / "../shared/data")
    parser.add_argument("--workspace", type=Path, default=Path(tempfile.gettempdir()) / "fairdash-bench")
    given = parser.parse_args(arguments)
    if given.what == "speed":
        return 0 if speed(given.methods) else 1
    if not (given.data / "ml-1m").is_dir():
        print(f"skipped: no MovieLens-1M in {given.data}")
        return 0
    given.workspace.mkdir(parents=True, exist_ok=True)
    effects(given.methods, given.data, given.workspace)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
