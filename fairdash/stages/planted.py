"""What was planted in made-up data, beside what audits of a recommender found of it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fairdash import settings, words
from fairdash.data.synthetic import Planted
from fairdash.groups import form
from fairdash.metrics import accuracy
from fairdash.metrics.catalogue import METRICS
from fairdash.schema import Codes, Groups, GroupSpec, Split

Audit = Mapping[str, Any]


def beside(facts: Sequence[Planted], audits: Sequence[Audit]) -> list[dict[str, str]]:
    """[{planted, found}] in the facts' order, in words; "not measured" where no audit speaks of a fact."""
    return [
        {
            "planted": fact.description,
            "found": next(filter(None, (_found(fact, one) for one in audits)), words.say("not measured")),
        }
        for fact in facts
    ]


def _found(fact: Planted, audit: Audit) -> str:
    """What an audit says of a fact; empty where it does not look at it."""
    if fact.side == "items":
        row = audit["items"].get("by_group", {}).get(fact.attribute, {}).get(fact.group)
        if row is None or row.get("exposure_share") is None or row.get("relevant_share") is None:
            return ""
        shown, liked = (words.percent(row[key]) for key in ("exposure_share", "relevant_share"))
        return words.say("{shown} of exposure, {liked} of what is liked", shown=shown, liked=liked)
    groups = audit["groups"].get(fact.attribute)
    if groups is None:
        return ""
    if fact.metric == "probe_auc":
        value = audit.get("model", {}).get(fact.attribute, {}).get("probe_auc", {}).get("value")
        told = words.say(
            "AUC of a probe {auc}; {chance} is chance", auc=words.number(value), chance=words.number(0.5, 1)
        )
        return "" if value is None else told
    large = {name: group for name, group in groups.items() if not group["small"] and name != "(unknown)"}
    values = {name: _value(fact, group) for name, group in large.items()}
    if len(values) < 2 or None in values.values():
        return ""
    written = words.percent if fact.category else words.number
    told = words.join([f"{words.people(fact.attribute, name)} {written(value)}" for name, value in values.items()])
    row = audit["gaps"].get(fact.attribute, {}).get(fact.metric, {})
    tested = [words.p_value(row["p_value"])] if row.get("p_value") is not None else []
    what = fact.category or f"{METRICS[fact.metric].title}@{audit['k']}"
    return words.say("{what}: {told}", what=what, told=told) + "".join(f" ({one})" for one in tested)


def _value(fact: Planted, group: Mapping[str, Any]) -> float | None:
    found = group.get(fact.metric)
    value: float | None = found.get(fact.category) if isinstance(found, Mapping) else found
    return value


# --- by how much ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Size:
    """A fact's group against the others, as a part of their value, 0 where they are alike: planted, found in lists, and
    in these lists after a mitigation."""

    fact: Planted
    planted: float
    found: float
    after: float


@dataclass(frozen=True, eq=False)
class Looked:
    """Lists [n_users, k] of a split's people, and the NDCG of each [n_users], NaN where undefined."""

    items: Codes
    ndcg: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class _Shown:
    """What people have or are shown, an entry a person and item [n]: their codes, and how much it counts."""

    person: Codes
    item: Codes
    weight: NDArray[np.float64]

    @staticmethod
    def of_lists(items: Codes, *, flat: bool) -> _Shown:
        """Places of lists [n_users, k]: 1 / log2(rank + 1), or flat 1."""
        row, place = np.nonzero(items >= 0)
        weight = np.ones(items.shape[1]) if flat else accuracy.discounts(items.shape[1])
        return _Shown(row.astype(np.int32), items[row, place], weight[place])


class Sizes:
    """By how much each fact lies off, as far as lists show it. Of a gap in accuracy the generator says what was
    planted; of categories and exposure the histories do: tastes are the same by group, and so is merit. Groups are
    those of the minimum size; a fact of a smaller one, or of an attribute that is called otherwise now, is left out.

    It holds what does not hang on lists, so that lists after lists can be held against it."""

    def __init__(self, facts: Sequence[Planted], split: Split) -> None:
        data = self._data = split.training
        own = data.train.matrix(data.n_users, data.n_items).tocoo()
        histories = _Shown(own.row.astype(np.int32), own.col.astype(np.int32), np.ones(own.nnz))
        self._groups: dict[tuple[str, str], Groups] = {}
        self._planted: list[tuple[Planted, float]] = []
        for fact in facts:
            table = data.people if fact.side == "users" else data.items
            told = fact.side == "items" or fact.category or fact.metric == "ndcg"
            if fact.attribute in table and told:
                self._groups.setdefault((fact.side, fact.attribute), form(GroupSpec((fact.attribute,)), table))
                by_hand = fact.side == "users" and not fact.category
                self._planted.append((fact, fact.size if by_hand else self._off(fact, histories, None)))

    def of(self, before: Looked, after: Looked) -> list[Size]:
        """What lists show of each fact, and what other lists do."""
        looks = [self._looked(one) for one in (before, after)]
        found = [Size(fact, planted, *(look[i] for look in looks)) for i, (fact, planted) in enumerate(self._planted)]
        return [one for one in found if not any(map(math.isnan, (one.planted, one.found, one.after)))]

    def _looked(self, one: Looked) -> list[float]:
        by_place = {flat: _Shown.of_lists(one.items, flat=flat) for flat in (False, True)}
        return [self._off(fact, by_place[fact.side == "users"], one.ndcg) for fact, _ in self._planted]

    def _off(self, fact: Planted, shown: _Shown, ndcg: NDArray[np.float64] | None) -> float:
        groups = self._groups[fact.side, fact.attribute]
        if fact.side == "items":
            return _of_items(fact, groups, _summed(shown.item, shown.weight, self._data.n_items))
        if not fact.category:
            assert ndcg is not None
            return _against_others(fact, groups, ndcg)
        categories = self._data.categories
        if fact.category not in categories.names:
            return math.nan
        share = categories.shares[:, [categories.names.index(fact.category)]].toarray().ravel()
        above, below = (
            _summed(shown.person, weight, self._data.n_users)
            for weight in (shown.weight * share[shown.item], shown.weight)
        )
        return _against_others(fact, groups, above, below)


def _summed(codes: Codes, weight: NDArray[np.float64], n: int) -> NDArray[np.float64]:
    """What the entries of each code weigh together [n]."""
    return np.asarray(np.bincount(codes, weight, n), dtype=np.float64)


def _of_items(fact: Planted, kinds: Groups, per_item: NDArray[np.float64]) -> float:
    """The group's share of what is shown, against its share of the items whose group is known."""
    if fact.group not in kinds.names:
        return math.nan
    own, known = kinds.codes == kinds.names.index(fact.group), kinds.codes >= 0
    total = float(per_item[known].sum())
    return float(per_item[own].sum()) / total / (own.sum() / known.sum()) - 1 if total else math.nan


def _against_others(
    fact: Planted, groups: Groups, above: NDArray[np.float64], below: NDArray[np.float64] | None = None
) -> float:
    """Σ above / Σ below of the fact's group against that of the other groups that are large enough; below: None counts
    who has a value."""
    if fact.group not in groups.names:
        return math.nan
    code = groups.names.index(fact.group)
    large = np.flatnonzero(groups.sizes >= settings.MIN_GROUP_SIZE)
    known = ~np.isnan(above)
    own, rest = groups.codes == code, np.isin(groups.codes, large) & (groups.codes != code)
    if code not in large or not (own & known).any() or not (rest & known).any():
        return math.nan
    under = known.astype(np.float64) if below is None else below
    mine, theirs = (
        float(above[who & known].sum()) / max(float(under[who & known].sum()), 1e-12) for who in (own, rest)
    )
    return mine / theirs - 1 if theirs else math.nan
