"""What was planted in made-up data, beside what audits of a recommender found of it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from fairdash import settings, words
from fairdash.data.synthetic import Planted
from fairdash.groups import form
from fairdash.metrics import accuracy
from fairdash.metrics.catalogue import METRICS
from fairdash.schema import Categories, Codes, Groups, GroupSpec, Split

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


def sizes(facts: Sequence[Planted], split: Split, before: Looked, after: Looked) -> list[Size]:
    """By how much each fact lies off, as far as lists show it. Of a gap in accuracy the generator says what was
    planted; of categories and exposure the histories do: tastes are the same by group, and so is merit. Groups are
    those of the minimum size; a fact of a smaller one, or of an attribute that is called otherwise now, is left out."""
    data = split.training
    history = data.train.matrix(data.n_users, data.n_items).astype(np.float64)
    looks = (before, after)

    @cache
    def groups(side: str, attribute: str) -> Groups:
        return form(GroupSpec((attribute,)), data.people if side == "users" else data.items)

    @cache
    def shown(*, flat: bool) -> list[sparse.csr_array]:
        return [history, *(_exposure(one.items, data.n_items, flat=flat) for one in looks)]

    found = []
    for fact in facts:
        if fact.attribute not in (data.people if fact.side == "users" else data.items):
            continue
        if fact.side == "items":
            kinds = groups(fact.side, fact.attribute)
            told = [_of_items(fact, kinds, matrix) for matrix in shown(flat=False)]
        elif fact.category:
            people = groups(fact.side, fact.attribute)
            told = [_of_category(fact, people, data.categories, matrix) for matrix in shown(flat=True)]
        elif fact.metric == "ndcg":
            people = groups(fact.side, fact.attribute)
            told = [fact.size, *(_against_others(fact, people, one.ndcg) for one in looks)]
        else:
            continue
        if not any(map(math.isnan, told)):
            found.append(Size(fact, *told))
    return found


def _exposure(items: Codes, n_items: int, *, flat: bool = False) -> sparse.csr_array:
    """What each place of each list gives its item [n_users, n_items]: 1 / log2(rank + 1), or flat 1."""
    row, place = np.nonzero(items >= 0)
    weight = np.ones(items.shape[1]) if flat else accuracy.discounts(items.shape[1])
    return sparse.csr_array((weight[place], (row, items[row, place])), shape=(len(items), n_items))


def _of_items(fact: Planted, kinds: Groups, shown: sparse.csr_array) -> float:
    """The group's share of what is shown, against its share of the items whose group is known."""
    if fact.group not in kinds.names:
        return math.nan
    own, known = kinds.codes == kinds.names.index(fact.group), kinds.codes >= 0
    per_item = np.asarray(shown.sum(axis=0)).ravel()
    total = float(per_item[known].sum())
    return float(per_item[own].sum()) / total / (own.sum() / known.sum()) - 1 if total else math.nan


def _of_category(fact: Planted, groups: Groups, categories: Categories, shown: sparse.csr_array) -> float:
    if fact.category not in categories.names:
        return math.nan
    share = categories.shares[:, [categories.names.index(fact.category)]].toarray().ravel()
    return _against_others(fact, groups, shown @ share, shown @ np.ones(shown.shape[1]))


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
