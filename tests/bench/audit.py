"""How fast is the audit, and does it give a published result? One table, one run.

    python -m tests.bench.audit                     # all of it
    python -m tests.bench.audit same-work page stream boratto

same-work  4 accuracy metrics and their group means: 100,000 users × 20, 549,000 truth pairs, 10,000 items; beside
           RecTools in an environment of its own (made under .bench/, needs a package index), a plain numpy pass, and
           pyarrow reading the same Parquet, which is the floor
page       all metrics of a page, 1,000 replicates, 2,000 shufflings: 6,040 users × 10 (MovieLens-1M's size), for one
           attribute, two, and three with a crossing
stream     1,000,000 users × 100 from Parquet, with its peak of memory
boratto    Boratto, Fenu, Marras & Medda 2022 on MovieLens-1M
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from scipy import sparse

ROOT = Path(__file__).parents[2]
DATA = ROOT.parent / "shared" / "data"
BENCH = ROOT / ".bench"
RECTOOLS = ("rectools==0.19.0", "pyarrow<19")  # a later pyarrow needs a numpy that it does not take

# The same Parquet files and its own metrics of the same definition. Timed is `calc_metrics`, its fastest way: it shares
# work between metrics but gives no group means, so the comparison favours it.
RECTOOLS_SCRIPT = """
import json, sys, time
import pandas as pd
from rectools.metrics import MAP, NDCG, MRR, Recall, calc_metrics
lists, truth, users = (pd.read_parquet(path) for path in sys.argv[1:4])
metrics = {"ndcg": NDCG(k=10, divide_by_achievable=True), "recall": Recall(k=10), "mrr": MRR(k=10), "map": MAP(k=10)}
group = users.set_index("user_id")["group"]
means = {}
for key, metric in metrics.items():
    values = metric.calc_per_user(lists, truth)
    means[key] = values.groupby(group.reindex(values.index)).mean().to_dict()
times = []
for _ in range(5):
    start = time.process_time()
    calc_metrics(metrics, lists, truth)
    times.append(time.process_time() - start)
print(json.dumps({"seconds": min(times), "means": means}))
"""


def same_work(folder: Path) -> list[str]:
    from fairdash.metrics import audit

    paths = _tables(folder)
    read = _best(lambda: [pq.read_table(path) for path in paths], time.process_time)
    lists, truth, users = (pd.read_parquet(path) for path in paths)
    options = {"groups": ["group"], "replicates": 0, "permutations": 0, "accuracy_only": True}
    found = audit.from_frames(lists, truth, users, **options).to_json()
    ours = _best(lambda: audit.from_frames(lists, truth, users, **options), time.process_time)
    plain = _best(lambda: _plain_numpy(lists, truth, users), time.process_time)
    rows = [
        f"reading the Parquet with pyarrow (the floor)  {read:8.3f} s   of processor time, as all of these",
        f"FairDash, six metrics and group means         {ours:8.3f} s   {ours / read:5.2f} × the floor",
        f"FairDash with reading                         {ours + read:8.3f} s   {(ours + read) / read:5.2f} × the floor",
        f"plain numpy, four metrics                     {plain:8.3f} s   {plain / ours:5.2f} × ours",
    ]
    theirs = _rectools(paths)
    if theirs is None:
        return [*rows, "RecTools                                      not measured: it could not be installed"]
    for key, by_group in theirs["means"].items():
        for group, value in by_group.items():
            mine = found["groups"]["group"][group][key]
            assert abs(mine - value) < 1e-9, (key, group, mine, value)
    seconds = theirs["seconds"]
    return [*rows, f"RecTools, four metrics without group means    {seconds:8.3f} s   {seconds / ours:5.2f} × ours"]


def _tables(folder: Path, n_users: int = 100_000, k: int = 20, n_items: int = 10_000) -> list[Path]:
    rng = np.random.default_rng(0)
    weight = 1 / np.arange(1, n_items + 1) ** 0.6
    starts = rng.integers(0, n_items, n_users)
    steps = rng.permuted(np.tile(np.arange(1, 200), (n_users, 1)), axis=1)[:, :k]
    items = (starts[:, None] + steps) % n_items
    lists = pd.DataFrame(
        {
            "user_id": np.repeat(np.arange(n_users), k),
            "item_id": items.ravel(),
            "rank": np.tile(np.arange(1, k + 1), n_users),
        }
    )
    own = rng.integers(1, 10, n_users)
    truth = pd.DataFrame(
        {
            "user_id": np.repeat(np.arange(n_users), own),
            "item_id": np.where(
                rng.random(own.sum()) < 0.2,
                items[np.repeat(np.arange(n_users), own), rng.integers(0, k, own.sum())],
                rng.choice(n_items, own.sum(), p=weight / weight.sum()),
            ),
        }
    )
    truth = truth.drop_duplicates().sample(frac=1, random_state=0)[:549_000]
    truth = truth.sort_values("user_id", kind="stable")
    users = pd.DataFrame({"user_id": np.arange(n_users), "group": rng.choice(["a", "b", "c"], n_users)})
    paths = []
    for name, frame in (("lists", lists), ("truth", truth), ("users", users)):
        paths.append(folder / f"{name}.parquet")
        pq.write_table(pa.Table.from_pandas(frame, preserve_index=False), paths[-1])
    return paths


def _plain_numpy(lists: pd.DataFrame, truth: pd.DataFrame, users: pd.DataFrame) -> dict[str, Any]:
    """What one writes in a notebook: sorted keys, searchsorted, bincount."""
    n_items = int(max(lists["item_id"].max(), truth["item_id"].max())) + 1
    n = len(users)
    key = np.sort(truth["user_id"].to_numpy() * n_items + truth["item_id"].to_numpy())
    wanted = lists["user_id"].to_numpy() * n_items + lists["item_id"].to_numpy()
    place = np.minimum(np.searchsorted(key, wanted), len(key) - 1)
    inside = lists["rank"].to_numpy() <= 10
    hit = (key[place] == wanted) & inside
    user, rank = lists["user_id"].to_numpy()[hit], lists["rank"].to_numpy()[hit]
    relevant = np.bincount(truth["user_id"].to_numpy(), minlength=n)
    ideal = np.concatenate([[np.nan], np.cumsum(1 / np.log2(np.arange(2, 12)))])
    ndcg = np.bincount(user, 1 / np.log2(rank + 1), n) / ideal[np.minimum(relevant, 10)]
    count = np.bincount(user, minlength=n)
    first = np.full(n, np.inf)
    np.minimum.at(first, user, rank)
    with np.errstate(invalid="ignore", divide="ignore"):
        values = {"ndcg": ndcg, "recall": count / relevant, "precision": count / 10, "mrr": 1 / first}
    frame = pd.DataFrame(values)[relevant > 0]
    return frame.groupby(users["group"].to_numpy()[relevant > 0]).mean().to_dict()


def _rectools(paths: list[Path]) -> dict[str, Any] | None:
    """In its own environment: it needs a pandas before 3."""
    python = BENCH / "rectools" / "bin" / "python"
    if not python.exists():
        venv.create(BENCH / "rectools", with_pip=True)
        command = [str(python), "-m", "pip", "install", "-q", *RECTOOLS]
        if subprocess.run(command, check=False).returncode != 0:
            return None
    done = subprocess.run(
        [str(python), "-W", "ignore", "-c", RECTOOLS_SCRIPT, *map(str, paths)],
        check=False,
        capture_output=True,
        text=True,
    )
    if done.returncode != 0:
        print(done.stderr[-2000:], file=sys.stderr)
        return None
    return dict(json.loads(done.stdout.splitlines()[-1]))


def page(folder: Path) -> list[str]:
    from fairdash.metrics import audit
    from fairdash.schema import GroupSpec
    from tests.unit.metrics.people import make

    data = make(6040, 3706)
    data["recommendations"] = data["recommendations"].drop(columns="score")
    data["users"]["occupation"] = [f"o{code}" for code in np.random.default_rng(5).integers(0, 21, 6040)]
    options = {"groups": ["gender"], "item_groups": ["popularity"]}
    two = ["gender", "age"]
    rows = []
    for title, groups in (
        ("gender", ["gender"]),
        ("gender and age (6 groups, curves)", two),
        ("and occupation (21), gender × age (12)", [*two, "occupation", GroupSpec(("gender", "age"))]),
    ):
        chosen = options | {"groups": groups}
        wall = _best(lambda chosen=chosen: audit.from_frames(**data, **chosen))
        own = _best(lambda chosen=chosen: audit.from_frames(**data, **chosen), time.process_time)
        rows.append(
            f"6,040 × 10, 1,000 replicates, 2,000 shufflings, {title:<38} {wall:6.2f} s, processor {own:6.2f} s"
        )
    return rows


def stream(folder: Path, n_users: int = 1_000_000, k: int = 100, n_items: int = 10_000) -> list[str]:
    """In a process of its own, so that its peak of memory is its own."""
    path = folder / "big.parquet"
    _write_big(path, n_users, k, n_items)
    size = path.stat().st_size / 1e9
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench.audit", "--stream-child", str(path), str(n_users), str(n_items)],
        check=True,
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    found = json.loads(done.stdout.splitlines()[-1])
    return [
        f"{n_users:,} × {k} ({n_users * k / 1e6:.0f} M rows, {size:.2f} GB) from Parquet: {found['seconds']:6.1f} s, "
        f"processor {found['own']:.1f} s, peak {found['peak_gib']:.2f} GiB; NDCG {found['ndcg']:.4f}",
        f"pyarrow's own read of it {found['read']:.1f} s, processor {found['read_own']:.1f} s: the audit takes "
        f"{found['own'] / found['read_own']:.1f} × its processor time",
    ]


def _write_big(path: Path, n_users: int, k: int, n_items: int) -> None:
    rng = np.random.default_rng(0)
    schema = pa.schema([("user_id", pa.int64()), ("item_id", pa.int64()), ("rank", pa.int64())])
    with pq.ParquetWriter(path, schema) as writer:
        for first in range(0, n_users, 20_000):
            count = min(20_000, n_users - first)
            start = rng.integers(0, n_items, count)
            items = (start[:, None] + np.cumsum(rng.integers(1, 60, (count, k)), axis=1)) % n_items
            writer.write_table(
                pa.table(
                    {
                        "user_id": np.repeat(np.arange(first, first + count), k),
                        "item_id": items.ravel(),
                        "rank": np.tile(np.arange(1, k + 1), count),
                    },
                    schema=schema,
                )
            )


def _stream_child(path: str, n_users: int, n_items: int) -> None:
    from fairdash.metrics import stream as streams

    rng = np.random.default_rng(1)
    truth = pd.DataFrame(
        {"user_id": np.repeat(np.arange(n_users), 5), "item_id": rng.integers(0, n_items, 5 * n_users)}
    )
    users = pd.DataFrame({"user_id": np.arange(n_users), "gender": rng.choice(["F", "M"], n_users, p=[0.3, 0.7])})
    items = pd.DataFrame({"item_id": np.arange(n_items), "maker": rng.choice(["x", "y"], n_items)})
    start, own = time.perf_counter(), time.process_time()
    found = streams.from_parquet(path, truth, users, items=items, groups=["gender"], item_groups=["maker"], k=100)
    row = {"seconds": time.perf_counter() - start, "own": time.process_time() - own}
    row["peak_gib"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    start, own = time.perf_counter(), time.process_time()
    for _ in pq.ParquetFile(path).iter_batches(batch_size=1_000_000):
        pass
    row |= {"read": time.perf_counter() - start, "read_own": time.process_time() - own}
    print(json.dumps(row | {"ndcg": found.to_json()["overall"]["ndcg"]}))


def boratto(folder: Path) -> list[str]:
    """Boratto et al. 2022, Consumer Fairness in Recommender Systems, ECIR: MovieLens-1M, most popular items.

    Conventions that give their numbers: the first 80 % of each person's own order are training, rounded up; every
    held-out item is relevant, whatever its rating; what was seen is left out; equally popular items by a hash; the
    ideal has min(K, relevant) places. Rounded to the nearest, as this program splits, NDCG@10 is 0.0010 higher.
    """
    from fairdash.hashing import id_hash
    from fairdash.metrics import audit
    from fairdash.recommenders import ranking
    from fairdash.schema import GroupSpec

    where = DATA / "ml-1m"
    if not where.exists():
        return ["not run: ../shared/data/ml-1m is absent"]
    rows = pd.read_csv(where / "interactions.csv", dtype={"user_id": str, "item_id": str})
    users = pd.read_csv(where / "users.csv", dtype=str, keep_default_na=False)
    items = pd.read_csv(where / "items.csv", dtype=str, keep_default_na=False)[["item_id"]]
    rows = rows.sort_values(["user_id", "position"], kind="stable")
    number = rows.groupby("user_id").cumcount()
    count = rows["user_id"].map(rows["user_id"].value_counts())
    known = number < np.ceil(0.8 * count)
    train, truth = rows[known], rows[~known]
    user, item = (pd.Index(users["user_id"]), pd.Index(items["item_id"]))
    seen = sparse.csr_array(
        (np.ones(len(train), bool), (user.get_indexer(train["user_id"]), item.get_indexer(train["item_id"]))),
        shape=(len(user), len(item)),
    )
    popularity = np.bincount(item.get_indexer(train["item_id"]), minlength=len(item)).astype(np.float32)
    lists = ranking.top_k(np.broadcast_to(popularity, seen.shape), seen, 10, id_hash(items["item_id"]))
    found = audit.from_frames(
        lists.to_frame(users, items),
        truth[["user_id", "item_id"]],
        users,
        train=train,
        items=items,
        groups=["gender", GroupSpec(("age",), ((35.0,),))],
    ).to_json()
    men = found["groups"]["gender"]["M"]["ndcg"] - found["groups"]["gender"]["F"]["ndcg"]
    young = found["groups"]["age"]["under 35"]["ndcg"] - found["groups"]["age"]["35+"]["ndcg"]
    lines = []
    for name, value, published, gap in (
        ("NDCG@10", found["overall"]["ndcg"], 0.110, None),
        ("men − women", men, 0.035, found["gaps"]["gender"]["ndcg"]),
        ("under 35 − 35 and over", young, 0.038, found["gaps"]["age"]["ndcg"]),
    ):
        assert abs(value - published) <= 0.0015, (name, value, published)
        more = "" if gap is None else f"   95 % CI {gap['ci'][0]:.4f} to {gap['ci'][1]:.4f}, p = {gap['p_value']:.4f}"
        lines.append(f"{name:<24} {value:.4f}   published {published:.3f}{more}")
    return lines


def _best(call: Callable[[], Any], clock: Callable[[], float] = time.perf_counter, times: int = 5) -> float:
    seconds = []
    for _ in range(times):
        start = clock()
        call()
        seconds.append(clock() - start)
    return min(seconds)


PARTS = {"same-work": same_work, "page": page, "stream": stream, "boratto": boratto}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], help="which ones; all without a name")
    parser.add_argument("--stream-child", nargs=3, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.stream_child:
        path, n_users, n_items = arguments.stream_child
        _stream_child(path, int(n_users), int(n_items))
        return
    for name in arguments.parts or PARTS:
        with tempfile.TemporaryDirectory() as folder:
            print(f"--- {name}", *PARTS[name](Path(folder)), sep="\n", flush=True)


if __name__ == "__main__":
    main()
