"""`llm` on MovieLens-100K, asked at test time about a sample of people, beside the same candidates in other orders.

    python -m tests.bench.language_models OUT                                       # likelihood, as the model comes
    python -m tests.bench.language_models OUT --set lora_steps=100 --set lora_rate=1e-3
    python -m tests.bench.language_models OUT --set way=generate --set protocol=continuation --show 10
    python -m tests.bench.language_models OUT --model-side gender

Every prompt and answer is kept in OUT, which several of these can share: what was stopped goes on, and nothing is asked
twice. Intervals are Student's over people; minutes are of this call alone, of one process.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from fairdash.data.split import split
from fairdash.hashing import digest, id_hash, mix
from fairdash.recommenders import build, ranking
from fairdash.recommenders.llm import LlmOptions, sample
from fairdash.recommenders.llm.answers import KINDS
from fairdash.recommenders.llm.model import FittedLlm
from fairdash.schema import ITEM_ID, USER_ID, Codes, GroupSpec, Lists, Split
from fairdash.stages import model_side, quality
from tests.bench.recommenders import movielens

K, SEED = 10, 0
LEARNED = ("lora_steps", "lora_batch", "lora_rate", "lora_rank", "protocol", "template", "way", "wording", "history")


def asked_of(options: Mapping[str, str], out: Path) -> tuple[FittedLlm, Split]:
    """The model, asked nothing yet, and the split with those whom it is to be asked about."""
    whole = split(movielens("ml-100k"), "user-time:0.8", seed=SEED)
    data = whole.training.with_(profile=("gender",))
    recommender = build("llm", options)
    assert isinstance(recommender.config, LlmOptions)
    asked = sample(recommender.config, data, SEED)
    nobody = np.zeros(data.n_users, bool)  # everybody is asked at test time alone, below
    learned = digest(*(getattr(recommender.config, name) for name in LEARNED)) if recommender.config.lora_steps else ""
    fitted = recommender.fit(
        data.with_(asked=nobody), seed=SEED, device="auto", folder=out / learned, progress=_say, terms=()
    )
    assert isinstance(fitted, FittedLlm)
    return fitted, replace(whole, asked=asked)


def _say(done: float, message: str = "", values: Mapping[str, float] | None = None) -> None:
    if values is None:
        print(f"\r{done:6.1%} {message}"[:118], end="", file=sys.stderr, flush=True)
    else:
        print(f"\r{message}: loss {values['loss']:.4f}", file=sys.stderr, flush=True)


def orders(parts: Split, fitted: FittedLlm) -> dict[str, Lists]:
    """Lists [n_users, K] of those who were asked, by the name of who made them."""
    data, known = parts.training, parts.known
    asked = np.ones(data.n_users, bool) if parts.asked is None else parts.asked
    people: Codes = np.flatnonzero(asked).astype(np.int32)
    brought = fitted.first_stage(people, known).items
    users, items = (mix(1, id_hash(table)) for table in (data.users[USER_ID], data.items[ITEM_ID]))
    pairs = np.repeat(users[people], brought.shape[1]), items[np.maximum(brought, 0)].ravel()
    chance = np.argsort(mix(0, *pairs).reshape(brought.shape), axis=1)

    def lists(some: Codes) -> Lists:
        whole = np.full((data.n_users, K), -1, np.int32)
        whole[people] = some[:, :K]
        return Lists(whole, np.where(whole >= 0, -np.arange(K, dtype=np.float32), np.nan))

    ids, seen = data.items[ITEM_ID].to_numpy(), known.matrix(data.n_users, data.n_items)
    own = Lists(np.full((data.n_users, K), -1, np.int32), np.full((data.n_users, K), np.nan, np.float32))
    for done, user in enumerate(people, 1):  # one by one, so that what was answered is kept before a stop
        scores = ranking.scores(fitted, people[done - 1 : done], known)
        one = ranking.top_k(scores, seen[[user]], K, id_hash(ids), SEED)
        own.items[user], own.scores[user] = one.items[0], one.scores[0]
        _say(done / len(people), f"asked about {done} of {len(people)} people")
    return {
        f"llm, {fitted.options.way}": own,
        f"{fitted.first_stage.fitted.name}, the first stage": lists(brought),
        "its candidates in random order": lists(np.take_along_axis(brought, chance, axis=1)),
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Print one line a list, then what was written and the model side where it is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--set", action="append", default=[], metavar="OPTION=VALUE")
    parser.add_argument("--show", type=int, default=0, help="so many answers as they were written")
    parser.add_argument("--model-side", default="", help="an attribute of the profile")
    chosen = parser.parse_args(arguments)
    clock, cpu = time.perf_counter(), time.process_time()
    fitted, parts = asked_of(dict(pair.split("=", 1) for pair in chosen.set), chosen.out)
    if fitted.options.way == "generate":  # several at once, which is quicker than one by one
        fitted.first(np.flatnonzero(parts.asked).astype(np.int32), parts.known)
    made = orders(parts, fitted)
    print(file=sys.stderr)
    for row in quality.beside(parts, made, K).itertuples():
        less = f"  llm less this: {-row.less:+.4f} ({-row.less_high:+.4f} to {-row.less_low:+.4f})" if row.Index else ""
        print(f"{row.name:<34}NDCG@{K} {row.ndcg:.4f} ({row.low:.4f} to {row.high:.4f}), {row.people} people{less}")
    if fitted.options.way == "generate":
        _written(fitted, parts, chosen.show)
    if chosen.model_side:
        spec = GroupSpec((chosen.model_side,), (None,))
        found = model_side.measures(fitted, parts, [spec], next(iter(made.values())), k=K, progress=_say)
        print(json.dumps({key: model_side.to_json(one) for key, one in found[spec.label].items()}, indent=1))
    minutes = (time.perf_counter() - clock) / 60
    print(f"{minutes:.1f} minutes, {(time.process_time() - cpu) / 60:.1f} of a processor's time", flush=True)


def _written(fitted: FittedLlm, parts: Split, show: int) -> None:
    """What became of the places of all lists, and some answers as they came."""
    people: Codes = np.flatnonzero(parts.asked).astype(np.int32)
    written = fitted.written(people, parts.known)
    assert written is not None
    shares = written.counts.sum(axis=0) / written.counts.sum()
    print("  ".join(f"{kind} {share:.3f}" for kind, share in zip(written.kinds, shares, strict=True)))
    texts = fitted.asked(people[:show], parts.known, fitted.profiles_of(people[:show]))
    for one, counts in zip(texts, written.counts, strict=False):
        kinds = ", ".join(f"{kind} {n}" for kind, n in zip(KINDS, counts, strict=True) if n)
        print(f"--- {kinds}\n{fitted.kept.get(one.prompt)['text']}")


if __name__ == "__main__":
    main()
