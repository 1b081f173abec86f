"""How good and how fast are the recommenders? One table a part.

    python -m tests.bench.recommenders                     # all of it: hours on two cores
    python -m tests.bench.recommenders speed movielens-100k --seeds 3
    python -m tests.bench.recommenders movielens-1m --set architecture=gated --set negatives=1024
    python -m tests.bench.recommenders tasks --small

movielens-1m    bert_sequence with its defaults, leave-one-out by position, whole catalogue, relevance: any; and again
                without being told how past items were rated, as published models are not
ties            the same with ties of times broken by hash, by item id and as the file has them, on MovieLens-100K: this
                copy of MovieLens-1M has no clock, only the order that its makers chose
movielens-100k  bert_sequence, ease and popularity with their defaults, per-user 80/20 by time: how many seeds are above
                ease for liked items
last-fm         the same on the sample of Last.fm, play counts and no time: per-user 80/20 at random
restaurants     the same on 138 guests of 130 restaurants, liked: 2 of 2 points
texts           item vectors from ids, from texts, and from both, also for held-out items with few training ratings
speed           an epoch beside RecTools' BERT4Rec: same data, width, layers, heads, length and epochs, one process
                after the other (RecTools in an environment of its own under .bench/, from a package index)
tasks           the next item and P(like), each alone and both in one BERT: NDCG@10 of liked items, of held-out pairs
                the AUC of liked against others and the calibration error; MovieLens-1M in six epochs, with --small
                MovieLens-100K in twelve
covers          synthetic films that nobody has rated yet, of which four in five have a cover: where those stand that a
                person takes later, told by ids, texts, covers or both; and what providers of films with and without a
                cover get
explore         one person scored with an edited history or profile over MovieLens-1M's catalogue

Data is read from ../shared/data. `wall` is the time passed; `cpu / 2` is processor time over two cores, an estimate of
the wall time on two idle ones. `--set` changes options of bert_sequence in every part.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from fairdash import data
from fairdash.data import synthetic
from fairdash.data.split import split
from fairdash.recommenders import build, ranking
from fairdash.recommenders.base import Fitted
from fairdash.recommenders.bert_sequence.model import FittedSequence, RatingSequence
from fairdash.recommenders.calibration import auc, expected_error, reliability
from fairdash.schema import ITEM_ID, TIME, Dataset, Interactions, Split

ROOT = Path(__file__).parents[2]
DATA = ROOT.parent / "shared" / "data"
RECTOOLS = ROOT / ".bench" / "rectools-torch"
SEED = 0
Options = Mapping[str, Any]  # of bert_sequence, what differs from its defaults

RECTOOLS_SCRIPT = """
import json, sys, time, warnings
warnings.filterwarnings("ignore")
import pandas as pd, torch
from pytorch_lightning import seed_everything
from rectools import Columns
from rectools.dataset import Dataset
from rectools.models import BERT4RecModel
train, users, out, options = sys.argv[1], sys.argv[2], sys.argv[3], json.loads(sys.argv[4])
torch.set_num_threads(options.pop("threads"))
seed_everything(0)
rows = pd.read_csv(train)
model = BERT4RecModel(**options)
ready = Dataset.construct(rows)
start, cpu = time.perf_counter(), time.process_time()
model.fit(ready)
wall, cpu = time.perf_counter() - start, time.process_time() - cpu
lists = model.recommend(pd.read_csv(users)["user_id"], ready, k=10, filter_viewed=True)
lists.to_csv(out, index=False)
print(json.dumps({"wall": wall, "cpu": cpu}))
"""


class Clock:
    """Wall and processor time since it was made."""

    def __init__(self) -> None:
        self.wall, self.cpu = time.perf_counter(), time.process_time()

    def __str__(self) -> str:
        return f"{time.perf_counter() - self.wall:7.0f} s{(time.process_time() - self.cpu) / 2:9.0f} s"


HEAD = f"{'':<34}{'NDCG@10':>9}{'liked':>8}{'Recall@10':>11}{'wall':>9}{'cpu / 2':>11}"


def movielens(name: str, threshold: float | None = None) -> Dataset:
    """ml-100k with likes from 4 stars on; ml-1m, where every held-out item counts, as in the literature, or those rated
    from the threshold on."""
    folder = DATA / name
    if name == "ml-100k":
        files, options = ("u.data", "u.user", "u.item"), data.ImportOptions()
    else:
        files = ("interactions.csv", "users.csv", "items.csv")
        options = data.ImportOptions(time="position", relevance_threshold=threshold)
    dataset, _ = data.build(*(folder / file for file in files), options=options)
    return dataset


def accuracy(lists: np.ndarray, parts: Split, threshold: float | None) -> tuple[float, float]:
    """Mean NDCG@10 and recall@10 over people with a relevant held-out item. lists: item codes [n_users, ≥ 10]."""
    test = parts.test
    if threshold is not None:
        test = test.take(np.flatnonzero(test.rating >= threshold))
    gains = 1 / np.log2(np.arange(2, 12))
    starts = test.starts(parts.training.n_users)
    values = []
    for user in np.unique(test.user):
        relevant = test.item[starts[user] : starts[user + 1]]
        hits = np.isin(lists[user][:10], relevant)
        ideal = gains[: min(10, len(relevant))].sum()
        values.append((gains[: len(hits)][hits].sum() / ideal, hits.sum() / len(relevant)))
    ndcg, recall = np.mean(values, axis=0)
    return float(ndcg), float(recall)


def top(fitted: Fitted, parts: Split, known: Interactions | None = None) -> np.ndarray:
    """The ten best unseen items [n_users, 10] at test time. known: the history, if not all that is known."""
    people, known = parts.training, known or parts.known
    seen = known.matrix(people.n_users, people.n_items)
    ids = people.items[ITEM_ID].to_numpy()
    return ranking.rank_all(fitted, ids, known, people.n_users, seen, 10, seed=SEED).items


def trained(name: str, options: Options, parts: Split, seed: int = SEED) -> tuple[Fitted, str]:
    """A fitted recommender, and the time it took."""
    clock = Clock()
    with tempfile.TemporaryDirectory() as folder:
        fitted = build(name, options).fit(
            parts.training, seed=seed, device="auto", folder=Path(folder), progress=_say, terms=()
        )
    return fitted, str(clock)


def _say(done: float, message: str = "", values: Mapping[str, float] | None = None) -> None:
    if values is not None:
        print(f"  {message}", file=sys.stderr, flush=True)


def line(title: str, lists: np.ndarray, parts: Split, clock: str, threshold: float | None = 4.0) -> str:
    ndcg, recall = accuracy(lists, parts, None)
    liked, _ = accuracy(lists, parts, threshold)
    return f"{title:<34}{ndcg:>9.4f}{liked:>8.4f}{recall:>11.4f}{clock}"


def movielens_1m(seeds: int, options: Options) -> Iterator[str]:
    parts = split(movielens("ml-1m"), "leave-one-out", seed=SEED)
    yield HEAD
    for title, told in (("", {}), (" no ratings", {"rate_inputs": False})):
        found = []
        for seed in range(seeds):
            fitted, clock = trained("bert_sequence", {**options, **told}, parts, seed)
            lists = top(fitted, parts)
            found.append(accuracy(lists, parts, None))
            yield line(f"bert_sequence{title}, seed {seed}", lists, parts, clock)
        mean, spread = np.mean(found, axis=0), np.std(found, axis=0, ddof=1 if seeds > 1 else 0)
        yield f"mean ± deviation: NDCG@10 {mean[0]:.4f} ± {spread[0]:.4f}, Recall@10 {mean[1]:.4f} ± {spread[1]:.4f}"


def ties(seeds: int, options: Options) -> Iterator[str]:
    dataset = movielens("ml-100k")
    rows = dataset.interactions
    rules = {"hash": None, "item id": rows[ITEM_ID].astype("int64").to_numpy(), "file": np.arange(len(rows))}
    first = None
    yield HEAD
    for rule, second in rules.items():
        made = dataset
        if second is not None:
            place = np.empty(len(rows))
            place[np.lexsort((second, rows[TIME].to_numpy()))] = np.arange(len(rows))
            made = replace(dataset, interactions=rows.assign(**{TIME: place}))
        parts = split(made, "leave-one-out", seed=SEED)
        first = first or parts
        tried = [("popularity", {}, SEED), ("ease", {}, SEED)]
        tried += [("bert_sequence", options, seed) for seed in range(seeds)]
        for name, chosen, seed in tried:
            fitted, clock = trained(name, chosen, parts, seed)
            yield line(f"by {rule}: {name}, seed {seed}", top(fitted, parts), parts, clock)
        other = float(np.mean(first.test.item != parts.test.item))
        yield f"by {rule}: {other:.3f} of the people have another held-out item than by hash"


def movielens_100k(seeds: int, options: Options) -> Iterator[str]:
    return beside(split(movielens("ml-100k"), "user-time:0.8", seed=SEED), seeds, options)


def untimed(name: str, seeds: int, options: Options) -> Iterator[str]:
    """A data set without times."""
    dataset, _ = data.build(*(DATA / name / f"{table}.csv" for table in ("interactions", "users", "items")))
    return beside(split(dataset, "user-random:0.8", seed=SEED), seeds, options)


def beside(parts: Split, seeds: int, options: Options) -> Iterator[str]:
    """bert_sequence beside recommenders that take seconds."""
    threshold = parts.training.relevance_threshold
    yield HEAD
    plain = {}
    for name in ("popularity", "ease"):
        fitted, clock = trained(name, {}, parts)
        lists = top(fitted, parts)
        plain[name] = accuracy(lists, parts, threshold)[0]
        yield line(name, lists, parts, clock, threshold)
    found = []
    for seed in range(seeds):
        fitted, clock = trained("bert_sequence", options, parts, seed)
        lists = top(fitted, parts)
        found.append([accuracy(lists, parts, least)[0] for least in (None, threshold)])
        yield line(f"bert_sequence, seed {seed}", lists, parts, clock, threshold)
    mean, spread = np.mean(found, axis=0), np.std(found, axis=0, ddof=1 if seeds > 1 else 0)
    yield f"mean ± deviation of NDCG@10: any {mean[0]:.4f} ± {spread[0]:.4f}, liked {mean[1]:.4f} ± {spread[1]:.4f}"
    above = {name: sum(liked > least for _, liked in found) for name, least in plain.items()}
    yield "seeds above " + ", ".join(f"{name}: {n} of {seeds}" for name, n in above.items())


def texts(seeds: int, options: Options) -> Iterator[str]:
    parts = split(movielens("ml-100k"), "user-time:0.8", seed=SEED)
    rare = np.flatnonzero(parts.training.popularity < 5)
    pairs = np.flatnonzero(np.isin(parts.test.item, rare))
    yield HEAD + f"{'rank of rare':>14}"
    for kind in ("id", "text", "text+id"):
        for seed in range(seeds):
            fitted, clock = trained("bert_sequence", {**options, "items": kind}, parts, seed)
            ranks = mean_rank(fitted, parts, pairs)
            yield line(f"items = {kind}, seed {seed}", top(fitted, parts), parts, clock) + f"{ranks:>14.3f}"
    yield (
        f"rank of rare: where a held-out item with fewer than 5 training ratings stands among all unseen items, 0 "
        f"first, 1 last, 0.5 chance; the mean of {len(pairs)} pairs"
    )


def mean_rank(fitted: Fitted, parts: Split, pairs: np.ndarray, among: np.ndarray | None = None) -> float:
    """Where the items of these pairs of the test stand among all unseen ones, or those of `among` [n_items]: 0…1."""
    test, known = parts.test.take(pairs), parts.known
    users = np.unique(test.user).astype(np.int32)
    scores = fitted.score(users, known)
    seen = known.matrix(parts.training.n_users, parts.training.n_items)[users].toarray()
    if among is not None:
        seen |= ~among
    row = np.searchsorted(users, test.user)
    own = scores[row, test.item][:, None]
    above = ((scores[row] > own) & ~seen[row]).sum(1) + 0.5 * ((scores[row] == own) & ~seen[row]).sum(1)
    return float(np.mean(above / (~seen[row]).sum(1)))


# What is learned, by name; a number weighs the loss of rating against that of next.
WAYS: dict[str, Options] = {
    "next": {"tasks": "next"},
    "rating": {"tasks": "rating"},
    **{f"both-{w:g}": {"tasks": "next,rating", "rating_weight": w} for w in (1.0, 0.3, 3.0)},
    "both-learned": {"tasks": "next,rating", "rating_weight": -1.0},
}


def tasks(seeds: int, options: Options, small: bool = False, ways: Sequence[str] = tuple(WAYS)) -> Iterator[str]:
    """Each seed of each way to train; the AUC of a model that learned the next item alone is that of its scores."""
    dataset = movielens("ml-100k") if small else movielens("ml-1m", threshold=4.0)
    parts = split(dataset, "user-time:0.8", seed=SEED)
    test = parts.test
    liked = test.rating >= 4.0
    name = "MovieLens-100K" if small else "MovieLens-1M"
    yield (
        f"{name}: {len(test):,} held-out pairs, {liked.mean():.3f} of them liked\n"
        f"{'':<34}{'NDCG@10 ≥ 4':>12}{'AUC':>8}{'ECE':>8}{'bare':>8}{'weights':>16}{'wall':>9}{'cpu / 2':>11}"
    )
    for title in ways:
        for seed in range(seeds):
            chosen = {"epochs": 12 if small else 6, **options, **WAYS[title]}
            fitted, clock = trained("bert_sequence", chosen, parts, seed)
            assert isinstance(fitted, FittedSequence)
            row = f"{title + f', seed {seed}':<34}{accuracy(top(fitted, parts), parts, 4.0)[0]:>12.4f}"
            if isinstance(fitted, RatingSequence):
                logits = fitted.pair_logits(test.user, test.item, parts.known)
                errors = [
                    expected_error(reliability(np.asarray(found, np.float64), liked))
                    for found in (fitted.calibration.probability(logits), 1 / (1 + np.exp(-logits)))
                ]
                weighing = fitted.model.task_weights
                told = "" if weighing is None else " : ".join(f"{weight:.3f}" for weight in weighing.values())
                yield f"{row}{auc(logits, liked):>8.4f}{errors[0]:>8.4f}{errors[1]:>8.4f}{told:>16}{clock}"
            else:
                scores = fitted.score(np.arange(parts.training.n_users, dtype=np.int32), parts.known)
                yield f"{row}{auc(scores[test.user, test.item], liked):>8.4f}{'—':>8}{'—':>8}{'':>16}{clock}"
    yield "ECE: mean |predicted − observed| over ten bins of equal size, calibrated on validation; bare: before that"


NEW = 0.25  # share of the films that nobody has rated yet


def covers(seeds: int, options: Options) -> Iterator[str]:
    """A quarter of the films is taken out of what is known of everybody; the test is all that people did with them."""
    dataset, _ = synthetic.make(n_users=600, n_items=400, covers=0.8)
    whole = split(dataset, "user-time:0.8", seed=SEED)
    people = whole.training
    new = np.random.default_rng(SEED).random(people.n_items) < NEW
    kept = {
        name: part.take(np.flatnonzero(~new[part.item]))
        for name, part in (("train", people.train), ("valid", people.valid))
    }
    test = Interactions.concat(
        *(part.take(np.flatnonzero(new[part.item])) for part in (people.train, people.valid, whole.test))
    )
    parts = Split(whole.name, whole.spec, SEED, people.with_(**kept), test)
    has = np.array([one is not None for one in people.item_images or ()])
    yield (
        f"{int(new.sum())} of {people.n_items} films are new, {int((new & has).sum())} of them with a cover; "
        f"{len(test):,} pairs of a person and a new film"
    )
    yield (
        f"{'':<34}{'mean rank':>10}{'covered':>9}{'bare':>8}{'of all':>9}{'lists: new':>12}{'covered':>9}{'bare':>8}"
        f"{'wall':>9}{'cpu / 2':>11}"
    )
    ways = {
        "ids alone": {"items": "id", "modalities": "none"},
        "texts": {"modalities": "none"},
        "covers": {"items": "id"},
        "texts and covers": {},
    }
    for title, way in ways.items():
        for seed in range(seeds):
            fitted, clock = trained("bert_sequence", {"epochs": 12, **options, **way}, parts, seed)
            kinds = (new, new & has, new & ~has)
            ranks = [mean_rank(fitted, parts, np.flatnonzero(kind[test.item]), new) for kind in kinds]
            level = mean_rank(fitted, parts, np.flatnonzero(new[test.item]))
            lists = top(fitted, parts)
            shares = [float(kind[lists].mean()) for kind in kinds]
            even = [shares[1] / max((new & has).sum(), 1), shares[2] / max((new & ~has).sum(), 1)]
            yield (
                f"{title + f', seed {seed}':<34}{ranks[0]:>10.3f}{ranks[1]:>9.3f}{ranks[2]:>8.3f}{level:>9.3f}"
                f"{shares[0]:>12.3f}{1e3 * even[0]:>9.2f}{1e3 * even[1]:>8.2f}{clock}"
            )
    yield (
        "mean rank: where the new film that a person took stands among all new films, 0 first, 1 last, 0.5 chance; of "
        "all: among all films that the person has not had; "
        "lists: the share of all places of the ten best that new films have, and thousandths of it that a new film "
        "with a cover, or a bare one, has: what their providers get"
    )


def speed(seeds: int, options: Options, epochs: int = 2) -> Iterator[str]:
    """Only the last 100 items of a person are given to both, since RecTools reads no more."""
    whole = split(movielens("ml-1m"), "leave-one-out", seed=SEED)
    people, known = whole.training, whole.known
    starts = known.starts(people.n_users)
    latest = np.concatenate([np.arange(max(a, b - 100), b) for a, b in pairwise(starts)])
    cut = known.take(latest)
    parts = Split(whole.name, whole.spec, SEED, people.with_(train=cut), whole.test)
    import torch

    threads = torch.get_num_threads()
    yield f"{len(cut):,} interactions, width 64, 2 layers, 2 heads, length 100, {epochs} epochs, {threads} threads"
    yield f"{'':<34}{'NDCG@10':>9}{'wall an epoch':>15}{'cpu an epoch':>14}"
    rows = {}
    shape = {"items": "id", "width": 64, "layers": 2, "heads": 2, "length": 100, "epochs": epochs, "batch": 128}
    for objective in ("causal", "masked"):
        clock = Clock()
        fitted = _without_validation({**shape, **options, "objective": objective}, parts)
        rows[f"bert_sequence, {objective}"] = (
            accuracy(top(fitted, parts, cut), parts, None)[0],
            (time.perf_counter() - clock.wall) / epochs,
            (time.process_time() - clock.cpu) / epochs,
        )
    theirs = _rectools(parts, cut, {
        "n_blocks": 2, "n_heads": 2, "n_factors": 64, "session_max_len": 100, "epochs": epochs, "batch_size": 128,
        "lr": 2e-3, "loss": "softmax", "threads": threads,
    })  # fmt: skip
    if theirs is None:
        yield "RecTools could not be installed: no package index"
    else:
        lists, spent = theirs
        rows["RecTools BERT4Rec"] = (
            accuracy(lists, parts, None)[0],
            spent["wall"] / epochs,
            spent["cpu"] / epochs,
        )
    for title, (ndcg, wall, cpu) in rows.items():
        yield f"{title:<34}{ndcg:>9.4f}{wall:>13.1f} s{cpu:>12.1f} s"
    if theirs is not None:
        ours = rows["bert_sequence, causal"]
        yield f"RecTools / ours: {rows['RecTools BERT4Rec'][2] / ours[2]:.1f} times the processor time an epoch"


def _without_validation(options: Options, parts: Split) -> FittedSequence:
    """Trained without the time that validation takes, which RecTools does not spend: one person is validated."""
    valid = parts.training.valid
    one = parts.training.with_(valid=valid.take(np.arange(1)))
    with tempfile.TemporaryDirectory() as folder:
        fitted = build("bert_sequence", options).fit(
            one, seed=SEED, device="auto", folder=Path(folder), progress=_say, terms=()
        )
    assert isinstance(fitted, FittedSequence)
    return fitted


def _rectools(parts: Split, known: Interactions, options: dict[str, Any]) -> tuple[np.ndarray, dict[str, float]] | None:
    """Its lists [n_users, 10] and its times, from a process in its own environment; None where it cannot be made."""
    python = RECTOOLS / "bin" / "python"
    if not (RECTOOLS / "ready").exists():
        venv.create(RECTOOLS, with_pip=True, clear=True)
        wanted = ["torch==2.13.0", "rectools[torch]==0.19.0"]
        if subprocess.run([python, "-m", "pip", "install", "--quiet", *wanted], check=False).returncode:
            return None
        (RECTOOLS / "ready").touch()
    people = parts.training
    with tempfile.TemporaryDirectory() as folder:
        train, users, out = (Path(folder) / name for name in ("train.csv", "users.csv", "lists.csv"))
        pd.DataFrame(
            {
                "user_id": known.user.astype(np.int64),
                "item_id": known.item.astype(np.int64),
                "weight": 1.0,
                "datetime": pd.Timestamp("2000-01-01") + pd.to_timedelta(np.arange(len(known)), unit="s"),
            }
        ).to_csv(train, index=False)
        pd.DataFrame({"user_id": np.unique(parts.test.user).astype(np.int64)}).to_csv(users, index=False)
        command = [python, "-c", RECTOOLS_SCRIPT, train, users, out, json.dumps(options)]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        frame = pd.read_csv(out).sort_values(["user_id", "rank"])
        lists = np.full((people.n_users, 10), -1, np.int64)
        lists[frame["user_id"].to_numpy(), frame["rank"].to_numpy() - 1] = frame["item_id"].to_numpy()
    return lists, json.loads(done.stdout.strip().splitlines()[-1])


def explore(seeds: int, options: Options) -> Iterator[str]:
    parts = split(movielens("ml-1m"), "leave-one-out", seed=SEED)
    people = parts.training.with_(profile=("gender",), valid=parts.training.valid.take(np.arange(1)))
    few = people.with_(train=people.train.take(np.flatnonzero(people.train.user < 50)))
    fitted = _without_validation({"epochs": 1, **options}, Split("few", "", SEED, few, parts.test))
    one = np.zeros(1, np.int32)
    mine = parts.known.take(np.flatnonzero(parts.known.user == 0))
    known = Interactions(mine.user * 0, mine.item, mine.rating, mine.time)
    for title, call in {
        "edited history": lambda: fitted.score(one, known),
        "edited profile": lambda: fitted.score_profiles(one, known, ["A person: woman."]),
        "all histories at hand": lambda: fitted.score(one, parts.known),
    }.items():
        call()
        times = []
        for _ in range(20):
            start = time.perf_counter()
            call()
            times.append(time.perf_counter() - start)
        yield f"{title:<24}{1e3 * float(np.median(times)):>8.1f} ms, {people.n_items:,} items"


PARTS: dict[str, Callable[[int, Options], Iterator[str]]] = {
    "movielens-100k": movielens_100k,
    "last-fm": partial(untimed, "lfm-360k-sample"),
    "restaurants": partial(untimed, "uci-restaurant-consumer"),
    "explore": explore,
    "speed": speed,
    "texts": texts,
    "tasks": tasks,
    "covers": covers,
    "movielens-1m": movielens_1m,
    "ties": ties,
}


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], help="which ones; all without a name")
    parser.add_argument("--small", action="store_true", help="tasks on MovieLens-100K")
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=list(WAYS), help="of tasks: what is learned")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--set", action="append", default=[], metavar="OPTION=VALUE")
    chosen = parser.parse_args(arguments)
    for name in chosen.parts or PARTS:
        print(f"--- {name}", flush=True)
        part = partial(tasks, small=chosen.small, ways=chosen.ways) if name == "tasks" else PARTS[name]
        for row in part(chosen.seeds, dict(pair.split("=", 1) for pair in chosen.set)):
            print(row, flush=True)


if __name__ == "__main__":
    main()
