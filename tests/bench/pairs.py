"""bert_pair and ncf on MovieLens-100K, per-user 80/20 by time with hashed ties, liked: 4 stars and more.

    python -m tests.bench.pairs [--seeds 1] [--first ease bert_sequence] [--set epochs=3 …]

The candidates are those of bert_pair's first stage at test time; every ordering of them is judged on the same lists,
and bert_pair's held against the first stage's: the difference in NDCG@10 of liked items, with its 95 % interval over
people. Two areas under the curve: `rated`, liked against disliked held-out pairs, and `candidates`, liked ones against
all other candidates of the same person (mean over people). `cpu / 2` estimates the wall time on two idle cores.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from itertools import product

import numpy as np

from fairdash.data.split import split
from fairdash.recommenders import calibration
from fairdash.recommenders.bert_pair.model import FittedPair
from fairdash.recommenders.ncf.model import FittedNcf
from fairdash.schema import Codes, Floats, Lists, Split
from fairdash.stages import quality
from tests.bench.recommenders import SEED, Clock, accuracy, line, movielens, top, trained

PROFILE = ("gender", "age", "occupation")


def orderings(fitted: FittedPair, parts: Split) -> Iterator[str]:
    """One line for each way to order the same candidates."""
    people, known, test = parts.training, parts.known, parts.test
    users = np.arange(people.n_users, dtype=np.int32)
    brought = fitted.first(users, known)
    best = brought.items
    liked = test.take(np.flatnonzero(test.rating >= 4)).matrix(people.n_users, people.n_items).toarray()
    hits = np.take_along_axis(liked, best, axis=1)
    standard = np.take_along_axis(brought.standard, best, axis=1)
    clock = Clock()
    whole = fitted.score_candidates(users, best, known)
    judged = str(clock)
    prior = fitted.blend.prior(best, standard)
    popularity = np.tile(people.popularity, (people.n_users, 1))
    made = {name: Lists(_ordered(best, by), by) for name, by in (("bert_pair", whole), ("first", standard))}
    less = quality.beside(parts, made, 10).iloc[1]
    yield (
        f"bert_pair less its first stage, liked: {-less['less']:+.4f} ({-less['less_high']:+.4f} to "
        f"{-less['less_low']:+.4f})"
    )
    ways: dict[str, Floats] = {
        "popularity": np.take_along_axis(popularity, best, axis=1),
        f"{fitted.first.fitted.name}, the first stage": standard,
        "the BERT's logit alone": whole - prior,
        "bert_pair": whole,
    }
    yield f"{'the same ' + str(best.shape[1]) + ' candidates, ordered by':<34}{'NDCG@10':>9}{'≥ 4':>8}{'AUC':>9}"
    for title, scores in ways.items():
        lists = _ordered(best, scores)
        areas = [calibration.auc(row, hit) for row, hit in zip(scores, hits, strict=True)]
        ndcg, relevant = accuracy(lists, parts, None)[0], accuracy(lists, parts, 4.0)[0]
        yield f"{title:<34}{ndcg:>9.4f}{relevant:>8.4f}{np.nanmean(areas):>9.3f}"
    yield f"all candidates judged in {judged.strip()} (wall, cpu / 2)"


def _ordered(items: Codes, scores: Floats) -> Codes:
    return np.take_along_axis(items, np.argsort(-scores, axis=1, kind="stable"), axis=1)


def rated(fitted: FittedPair | FittedNcf, parts: Split) -> Iterator[str]:
    """How well P(like) of held-out ratings tells likes from dislikes, and whether it means what it says."""
    test = parts.test
    liked = test.rating >= 4
    found = fitted.probability(test.user, test.item, parts.known).astype(np.float64)
    curve = calibration.reliability(found, liked)
    yield (
        f"rated: AUC {calibration.auc(found, liked):.3f} (popularity "
        f"{calibration.auc(parts.training.popularity[test.item], liked):.3f}), calibration error on test "
        f"{calibration.expected_error(curve):.3f}, on validation {fitted.calibration.ece:.3f} (before "
        f"{fitted.calibration.ece_before:.3f})"
    )
    yield "reliability (predicted → liked): " + ", ".join(f"{p.predicted:.2f} → {p.observed:.2f}" for p in curve)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--first", nargs="+", default=["ease", "bert_sequence"], help="first stages")
    parser.add_argument("--set", nargs="*", default=[], help="options of bert_pair, name=value")
    arguments = parser.parse_args()
    options = dict(pair.split("=", 1) for pair in arguments.set)
    parts = split(movielens("ml-100k"), "user-time:0.8", seed=SEED)
    parts = Split(parts.name, parts.spec, parts.seed, parts.training.with_(profile=PROFILE), parts.test)
    for first, seed in product(arguments.first, range(arguments.seeds)):
        fitted, clock = trained("bert_pair", {"first_stage": first, **options}, parts, seed)
        assert isinstance(fitted, FittedPair)
        print(line(f"bert_pair on {first}, seed {seed}", top(fitted, parts), parts, clock), flush=True)
        blend = fitted.blend
        print(f"weights: BERT {blend.bert:.3f}, popularity {blend.popularity:.3f}, first stage {blend.first_stage:.3f}")
        for text in (*orderings(fitted, parts), *rated(fitted, parts)):
            print(text, flush=True)
    ncf, clock = trained("ncf", {}, parts)
    assert isinstance(ncf, FittedNcf)
    print(line("ncf", top(ncf, parts), parts, clock))
    for text in rated(ncf, parts):
        print(text)


if __name__ == "__main__":
    main()
