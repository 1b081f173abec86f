"""The feedback loop: thumbs on listed items become a version of the data, and whose feedback it is.

What people say of their lists is what the next model learns from. Where some groups say more, or are happier with what
they get, the next lists follow them: the loop can widen a gap (Chaney, Stewart & Engelhardt, RecSys 2018; Mansoury et
al., CIKM 2020). So the version is trained and compared on the same held-out part, and the feedback is itself looked at.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import binomtest

from fairdash import settings
from fairdash.data.split import OWN
from fairdash.errors import ConfigError
from fairdash.metrics.groups import p_value
from fairdash.metrics.rates import Rates, spread
from fairdash.run import Run
from fairdash.schema import ITEM_ID, PART, RATING, TIME, USER_ID, Dataset, Groups, Interactions, Split
from fairdash.stages.fit import TrainSpec

Thumbs = Mapping[str, Mapping[str, bool]]  # a person's id → an item's id → whether the thumb is up
FEEDBACK = "feedback"  # in a version's provenance: {"of": digest, "thumbs", "up", "left_out"}
COLUMNS = ("gave", "gave_share", "gave_low", "gave_high", "up_share", "up_low", "up_high")
PERMUTATIONS = 2000
Array = NDArray[np.float64]


def count(thumbs: Thumbs) -> int:
    """How many thumbs there are."""
    return sum(map(len, thumbs.values()))


def version(dataset: Dataset, split: Split, thumbs: Thumbs, name: str) -> Dataset:
    """The data with the thumbs learned, and the same parts held out: its split is `own`.

    A thumb up is an interaction of the training part, the person's latest, with the highest rating that the data has.
    A thumb down is one with the lowest, where that means disliked; else it is an impression: shown and not taken. A
    thumb on what is held out or known of the person already is left out, so that the test stays what it was. The
    digest holds all of it: every interaction, its part, and every thumb; the provenance names the data that it is of.
    Raises ConfigError where no thumb is left."""
    frame = dataset.interactions
    parts = [
        _rows(dataset, part).assign(**{PART: called})
        for called, part in (("train", split.training.train), ("valid", split.training.valid), ("test", split.test))
    ]
    own = pd.concat(part[part[USER_ID].isin(list(thumbs))] for part in parts)
    there = set(zip(own[USER_ID], own[ITEM_ID], strict=True))
    given = [(u, i, up) for u, theirs in sorted(thumbs.items()) for i, up in sorted(theirs.items())]
    users, items = set(dataset.users[USER_ID]), set(dataset.items[ITEM_ID])
    kept = [(u, i, up) for u, i, up in given if (u, i) not in there and u in users and i in items]
    if not kept:
        raise ConfigError(
            "There is no thumb to learn from.",
            "Give thumbs on Explore; those on what is held out or known already are left out.",
        )
    threshold, numbers = dataset.relevance_threshold, frame.get(RATING)
    rated = numbers is not None and threshold is not None and float(numbers.min()) < threshold
    known = pd.concat(parts[:2])
    rows = pd.DataFrame(kept, columns=[USER_ID, ITEM_ID, "up"])
    if TIME in frame:
        last = known.groupby(USER_ID)[TIME].max()
        rows[TIME] = rows[USER_ID].map(last).fillna(known[TIME].max()).astype(frame[TIME].dtype)
    if numbers is not None:
        ends = (numbers.max(), numbers.min()) if rated else (numbers.median(), numbers.median())
        rows[RATING] = rows["up"].map({True: ends[0], False: ends[1]}).astype(frame[RATING].dtype)
    learned = rows if rated else rows[rows["up"]]
    new = learned.drop(columns="up").assign(**{PART: "train"})
    impressions = dataset.impressions
    if not rated and not rows["up"].all():
        shown = rows.loc[~rows["up"], [c for c in (USER_ID, ITEM_ID, TIME) if c in rows]]
        impressions = shown if impressions is None else _once(pd.concat([impressions, shown[[*impressions.columns]]]))
    everything = pd.concat([*parts, new], ignore_index=True)
    about = {"of": dataset.digest, "thumbs": len(kept), "up": int(rows["up"].sum()), "left_out": len(given) - len(kept)}
    return replace(
        dataset,
        name=name,
        interactions=everything.astype({c: frame[c].dtype for c in everything if c in frame}),
        impressions=impressions if impressions is None else impressions.reset_index(drop=True),
        provenance={**dataset.provenance, FEEDBACK: about},
    )


def training(run: Run, data: str) -> dict[str, Any]:
    """The job that trains a version as this run was trained, beginning with its weights where its recommender can
    (`TrainSpec.after`): the same options, mitigations and seed. Raises ConfigError for lists without a model."""
    spec = TrainSpec.after(run)
    chosen = [mitigation.to_json() for mitigation in spec.mitigations]
    same: dict[str, Any] = {"recommender": spec.recommender, "options": dict(spec.options), "mitigations": chosen}
    same |= {"workers": spec.workers} if spec.workers > 1 else {}
    return {"dataset": data, "split": OWN, **same, "seed": spec.seed, "device": spec.device}


def skew(
    dataset: Dataset, thumbs: Thumbs, groups: Groups, least: int, seed: int = 0
) -> tuple[pd.DataFrame, float, float]:
    """Who gave thumbs, and how many of those are up, by group; and of each of the two the p-value of a permutation test
    that it is the same in all groups of `least` people or more (NaN with fewer than two such groups).

    One row a group: group, people, COLUMNS. gave: people who gave any; gave_share: of the group, with its exact 95 %
    interval (Clopper & Pearson 1934); up_share: of the group's thumbs, with a 95 % interval over people, who may give
    several. All but the size is missing for groups of fewer than `least` people, and up_share where fewer than
    `settings.FEWEST` people gave any. No total stands beside them, from which a missing one could be taken."""
    ids = dataset.users[USER_ID].astype(str)
    given = np.array([len(thumbs.get(one, {})) for one in ids], float)
    up = np.array([sum(thumbs.get(one, {}).values()) for one in ids], float)
    sums = np.stack([up, given], axis=1)
    rows = []
    for name, people in zip(groups.names, groups.members, strict=False):  # the unknown come last, without a name
        n, gave = len(people), int((given[people] > 0).sum())
        row = {"group": name, "people": n, **dict.fromkeys(COLUMNS, np.nan)}
        if n >= max(least, settings.FEWEST):
            ends = binomtest(gave, n).proportion_ci(0.95, "exact")
            row |= {"gave": gave, "gave_share": gave / n, "gave_low": ends.low, "gave_high": ends.high}
            if gave >= settings.FEWEST:
                own = sums[people][given[people] > 0]
                of = spread(Rates((0,), (1,)), own.sum(axis=0)[None], (own.T @ own)[None], np.array([gave]))
                low, high = (float(np.clip(end[0, 0], 0.0, 1.0)) for end in of.ends())
                row |= {"up_share": float(of.value[0, 0]), "up_low": low, "up_high": high}
        rows.append(row)
    table = pd.DataFrame(rows, columns=["group", "people", *COLUMNS])
    large = groups.among(np.flatnonzero(table["gave_share"].notna()))
    ones = np.ones(len(ids))
    gave_p = _differs(large, np.stack([(given > 0).astype(float), ones], axis=1), seed)
    said = groups.among(np.flatnonzero(table["up_share"].notna()))
    return table, gave_p, _differs(said, sums, seed)


def _differs(groups: Groups, sums: Array, seed: int) -> float:
    """The p-value of the spread of the groups' rates, Σ n (rate − rate of all)², against labels that are shuffled among
    the people who count. sums: numerator and denominator of each person [n, 2]."""
    inside = np.flatnonzero(~groups.unknown & (sums[:, 1] > 0))
    if len(groups.names) < 2 or len(inside) < 2:
        return float("nan")
    member, own = groups.membership[inside].astype(np.float64).T.tocsr(), sums[inside]

    def statistic(values: Array) -> float:
        of_groups: Array = member @ values
        top, bottom = of_groups.T
        rate = top / np.where(bottom > 0, bottom, 1.0)
        return float((bottom * (rate - top.sum() / max(bottom.sum(), 1.0)) ** 2).sum())

    def shuffled() -> Iterator[float]:
        rng = np.random.default_rng(seed)
        for _ in range(PERMUTATIONS):
            yield statistic(own[rng.permutation(len(own))])

    return p_value(statistic(own), np.fromiter(shuffled(), float, PERMUTATIONS))


def _rows(dataset: Dataset, part: Interactions) -> pd.DataFrame:
    """Coded interactions under the columns that the data has."""
    frame = dataset.interactions
    columns = {
        USER_ID: dataset.users[USER_ID].to_numpy()[part.user],
        ITEM_ID: dataset.items[ITEM_ID].to_numpy()[part.item],
    }
    columns |= {RATING: part.rating} if RATING in frame else {}
    columns |= {TIME: part.time} if TIME in frame else {}
    return pd.DataFrame(columns)


def _once(shown: pd.DataFrame) -> pd.DataFrame:
    return shown.drop_duplicates([USER_ID, ITEM_ID], keep="last")
