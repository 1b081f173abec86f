"""Groups of people or items from their attributes: values as they are, numbers cut in bands, crossings.

A cell may hold several values separated by "|": each is a group, and they overlap. An attribute may also be written
`column=value`: those whose cell holds the value (alone, or among several) against the others. A list of ids is an
attribute, too: who is in it, and who is not. Missing values, and marks such as "?", are -1: the group `(unknown)`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse

from fairdash import columns, settings, words
from fairdash.errors import ConfigError
from fairdash.schema import CATEGORIES, ITEM_ID, TITLE, USER_ID, Codes, Groups, GroupSpec

TARGET_ROUNDING = 1e-6  # by which target shares may miss 1
AGE_EDGES = (18.0, 25.0, 35.0, 45.0, 56.0)
MAX_GROUPS = 500
MAX_VALUES = 12  # different numbers that are still groups of their own; more are cut in bands
SHOWN_VALUES = 8  # of an attribute, in messages: the most frequent ones
# Attributes that fairness work asks about first, in this order; others follow by name.
_FIRST = (
    *(
        "gender",
        "sex",
        "age",
        "agegroup",
        "ageband",
        "race",
        "ethnicity",
        "country",
        "nationality",
        "region",
        "language",
    ),
    *("religion", "disability", "maritalstatus", "occupation", "occupationname", "education", "income", "birthyear"),
)


def form(spec: GroupSpec, table: pd.DataFrame) -> Groups:
    """Groups of the rows of `table` (users, or items) [n].

    Numeric attributes are cut at the spec's edges, [a, b) each with open ends; without edges at `default_edges` where
    they have more than 12 different values. Spelling differences in case and spaces are one group, under the most
    frequent spelling. Several attributes give their crossing, unknown where any is. Bands and crossings that nobody
    is in are left out. Raises ConfigError for an absent attribute, edges that do not rise, and over 500 groups.
    """
    if not spec.attributes:
        raise ConfigError("A group needs an attribute.", "Name one, such as gender.")
    parts = [_single(one, table) for one in spec.each]
    groups = parts[0]
    for part in parts[1:]:
        groups = _cross(groups, part)
    if len(groups.names) > MAX_GROUPS:
        message = words.say(
            "{label} has {n} different values; at most {max_groups} can be groups.",
            label=spec.label,
            n=len(groups.names),
            max_groups=MAX_GROUPS,
        )
        raise ConfigError(message, "Choose an attribute that many share, or give edges for a numeric one.")
    return Groups(spec.label, groups.names, groups.codes, groups.member)


def _single(spec: GroupSpec, table: pd.DataFrame) -> Groups:
    (attribute,), edges = spec.attributes, spec.edges[0] if spec.edges else None
    if spec.members:
        return _listed(attribute, spec.members[0][1], table)
    if attribute not in table.columns and columns.is_birth(attribute) and "age" in table.columns:
        attribute = "age"  # which it became on import
    if attribute not in table.columns:
        column, equals, value = attribute.partition("=")
        if equals and column in table.columns:
            return _holds(attribute, value, table[column])
        own = {USER_ID, ITEM_ID}
        there = ", ".join(str(c) for c in table.columns if c not in own) or "none"
        raise ConfigError(
            words.say("There is no attribute {attribute}.", attribute=repr(attribute)),
            words.say("The attributes are: {there}.", there=there),
        )
    values = table[attribute]
    if edges is not None:
        return _bands(attribute, values, edges)
    known = columns.tidy(values)
    if columns.in_numbers(known) and (known.nunique() > MAX_VALUES or columns.is_age(attribute)):
        return _bands(attribute, values, default_edges(attribute, values))
    return _values(attribute, known)


def _values(attribute: str, known: pd.Series) -> Groups:
    """One group a value; cells that hold several values separated by "|" belong to the group of each."""
    place, values = pd.factorize(known)  # each different cell is looked at once
    cells = [[part for part in map(str.strip, str(value).split("|")) if part] for value in values]
    counts: dict[str, int] = {}
    for parts, count in zip(cells, np.bincount(place[place >= 0], minlength=len(cells)), strict=True):
        for part in parts:
            counts[part] = counts.get(part, 0) + int(count)
    spelling: dict[str, str] = {}
    for text in sorted(counts, key=lambda v: (-counts[v], v)):
        spelling.setdefault(text.casefold(), text)
    names = tuple(sorted(spelling.values(), key=columns.natural_key))
    position = {name.casefold(): i for i, name in enumerate(names)}
    held = [sorted({position[part.casefold()] for part in parts}) for parts in cells]
    own = np.array([*(groups[0] if len(groups) == 1 else -1 for groups in held), -1], dtype=np.int32)
    codes: Codes = own[place]  # a missing cell's place is -1: the last
    if all(len(groups) < 2 for groups in held):
        return Groups(attribute, names, codes)
    of_cells = np.zeros((len(held) + 1, len(names)), dtype=bool)
    for cell, groups in enumerate(held):
        of_cells[cell, groups] = True
    return Groups(attribute, names, codes, sparse.csr_array(of_cells[place]))


def _holds(attribute: str, value: str, column: pd.Series) -> Groups:
    wanted = " ".join(value.split()).casefold()
    known = columns.tidy(column)
    parts = known.str.casefold().str.split("|")
    codes = np.array([-1 if not isinstance(p, list) else 0 if wanted in map(str.strip, p) else 1 for p in parts])
    if not (codes == 0).any():
        there = known.str.split("|").explode().str.strip().value_counts().index[:SHOWN_VALUES].tolist()
        held = words.say("it has no values")
        if there:
            shown = ", ".join([*there, *(["…"] if len(there) == SHOWN_VALUES else [])])
            held = words.say("its values are {shown}", shown=shown)
        raise ConfigError(
            words.say(
                "No row of {name} holds {value}: {held}.",
                name=column.name,
                value=repr(value),
                held=held,
            ),
            words.say(
                "Name one of its values after the =, or write {name} alone for one group a value.", name=column.name
            ),
        )
    return _present(Groups(attribute, (value, f"not {value}"), codes.astype(np.int32)))


def _listed(attribute: str, ids: Sequence[str], table: pd.DataFrame) -> Groups:
    inside = table[USER_ID].astype(str).isin(ids).to_numpy()
    if not inside.any():
        raise ConfigError(
            words.say("Nobody of the group “{name}” is among these people.", name=attribute),
            words.say("Choose another group, or the lists with which it was saved."),
        )
    return _present(Groups(attribute, words.SIDES, np.where(inside, 0, 1).astype(np.int32)))


def _bands(attribute: str, column: pd.Series, edges: tuple[float, ...]) -> Groups:
    if not all(np.isfinite(edges)) or any(b <= a for a, b in pairwise(edges)):
        shown = ", ".join(f"{e:g}" for e in edges)
        raise ConfigError(
            words.say("The edges of {attribute} do not rise: {shown}.", attribute=attribute, shown=shown),
            "Give them in order, such as 18, 25, 35.",
        )
    values = columns.numbers(column)
    told = columns.tidy(column).notna().to_numpy()
    if told.any() and not np.isfinite(values[told]).any():
        raise ConfigError(
            words.say("{attribute} has edges but holds no numbers.", attribute=attribute),
            "Leave the edges out for this attribute.",
        )
    values[columns.impossible(column, attribute)] = np.nan
    codes = np.searchsorted(np.array(edges), values, side="right").astype(np.int32)
    codes[np.isnan(values)] = -1
    whole = bool(np.all(values[codes >= 0] == np.rint(values[codes >= 0])))
    return _present(Groups(attribute, band_names(edges, whole), codes))


def band_names(edges: tuple[float, ...], whole: bool) -> tuple[str, ...]:
    """Names of the bands that edges cut: "under 18", "18–24", "25+" for whole numbers, else "1.5 to under 2.5"."""
    if not edges:
        return ("all",)
    names = [f"under {edges[0]:g}"]
    for low, high in pairwise(edges):
        if whole and low == round(low) and high == round(high):
            names.append(f"{low:g}" if high - low == 1 else f"{low:g}–{high - 1:g}")
        else:
            names.append(f"{low:g} to under {high:g}")
    return (*names, f"{edges[-1]:g}+")


def default_edges(attribute: str, column: pd.Series) -> tuple[float, ...]:
    """Age bands for ages; else the quartiles, rounded to three digits, without repeats."""
    if columns.is_age(attribute):
        return AGE_EDGES
    values = columns.numbers(column)
    values = values[np.isfinite(values) & ~columns.impossible(column, attribute)]
    if not len(values):
        return ()
    cuts = np.quantile(values, [0.25, 0.5, 0.75], method="lower")
    rounded = [float(f"{cut:.3g}") if abs(cut) < 1000 else float(np.rint(cut)) for cut in cuts]
    return tuple(sorted({cut for cut in rounded if values.min() < cut <= values.max()}))


def _cross(left: Groups, right: Groups) -> Groups:
    if left.member is not None or right.member is not None:
        return _cross_members(left, right)
    both = np.where(
        (left.codes < 0) | (right.codes < 0), -1, left.codes.astype(np.int64) * len(right.names) + right.codes
    )
    used = np.unique(both[both >= 0])
    names = tuple(f"{left.names[c // len(right.names)]} × {right.names[c % len(right.names)]}" for c in used)
    codes = np.where(both < 0, -1, np.searchsorted(used, both)).astype(np.int32)
    return Groups(f"{left.attribute} × {right.attribute}", names, codes)


def _cross_members(left: Groups, right: Groups) -> Groups:
    """The crossing of groups of which one overlaps: who is in both of a pair is in their crossing."""
    a, b = left.membership.tocsc(), right.membership.tocsc()
    pairs = [(i, j, a[:, [i]].multiply(b[:, [j]])) for i in range(a.shape[1]) for j in range(b.shape[1])]
    used = [(i, j, sparse.csc_array(column)) for i, j, column in pairs if column.nnz]
    names = tuple(f"{left.names[i]} × {right.names[j]}" for i, j, _ in used)
    shape = (a.shape[0], 0)
    member = sparse.csr_array(sparse.hstack([column for *_, column in used]) if used else sparse.csr_array(shape))
    return Groups.of(f"{left.attribute} × {right.attribute}", names, member)


def _present(groups: Groups) -> Groups:
    """Without the names that nobody has."""
    used = np.unique(groups.codes[groups.codes >= 0])
    codes: Codes = np.where(groups.codes < 0, -1, np.searchsorted(used, groups.codes)).astype(np.int32)
    return Groups(groups.attribute, tuple(groups.names[i] for i in used), codes)


def suggest(table: pd.DataFrame, min_size: int = settings.MIN_GROUP_SIZE) -> list[GroupSpec]:
    """Attributes of people or items worth a look, those that fairness work asks about first; numeric ones with edges.

    Left out: ids, names, titles, categories, columns that tell nearly everybody apart, those where fewer than two
    groups reach min_size, and a code column beside another one that says the same in words.
    """
    found: dict[str, tuple[GroupSpec, Groups, bool]] = {}
    for column in columns.names(table):
        if column in (USER_ID, ITEM_ID, TITLE, CATEGORIES) or columns.is_identifier(column):
            continue
        known = columns.tidy(table[column]).dropna()
        different = known.str.casefold().nunique()
        numeric = columns.in_numbers(known)
        most = MAX_GROUPS if columns.plain(column) in _FIRST else 50  # of countries there may be many
        if different < 2 or (not numeric and different > min(most, 0.5 * len(known))):
            continue
        cut = numeric and (different > MAX_VALUES or columns.is_age(column))
        edges = (default_edges(column, table[column]),) if cut else ()
        spec = GroupSpec((column,), edges, min_size)
        groups = form(spec, table)
        if (groups.sizes >= min_size).sum() >= 2:
            found[column] = (spec, groups, numeric)
    kept = {c: spec for c, (spec, _, numeric) in found.items() if not (numeric and _said_in_words(c, table, found))}
    rank = {name: i for i, name in enumerate(_FIRST)}
    return [kept[c] for c in sorted(kept, key=lambda c: (rank.get(columns.plain(c), len(rank)), c))]


def _said_in_words(column: str, table: pd.DataFrame, found: dict[str, tuple[GroupSpec, Groups, bool]]) -> bool:
    """Whether another, not numeric, attribute gives each value of this column its own word."""
    code = columns.tidy(table[column])
    for other, (_, _, numeric) in found.items():
        if other != column and not numeric:
            pairs = pd.DataFrame({"code": code, "word": columns.tidy(table[other])}).dropna().drop_duplicates()
            if len(pairs) == pairs["code"].nunique() == pairs["word"].nunique() > 1:
                return True
    return False


def from_json(value: Mapping[str, Any]) -> GroupSpec:
    """A GroupSpec from its JSON form (`dataclasses.asdict` is the other way)."""
    target = value.get("target", "")
    return GroupSpec(
        attributes=tuple(value["attributes"]),
        edges=tuple(None if edges is None else tuple(float(e) for e in edges) for edges in value.get("edges", ())),
        min_size=int(value.get("min_size", settings.MIN_GROUP_SIZE)),
        target=target if isinstance(target, str) else tuple((str(name), float(share)) for name, share in target),
        members=tuple((str(name), tuple(map(str, ids))) for name, ids in value.get("members", ())),
    )


def target_shares(
    spec: GroupSpec, names: Sequence[str], known: Mapping[str, NDArray[np.float64]]
) -> NDArray[np.float64] | None:
    """The shares [g] that groups of these names should have, adding up to 1; None where the spec names no target.

    Its target is "uniform", one of the words of `known`, or shares by name, of which groups that are not named have the
    rest in equal parts. Raises ConfigError for another word or name, and for shares that cannot add up to 1."""
    if isinstance(spec.target, str):
        targets = {"uniform": np.full(len(names), 1 / max(1, len(names))), **known}
        if spec.target and spec.target not in targets:
            raise ConfigError(
                words.say(
                    "{label} has no target “{target}”; there are: {names}.",
                    label=spec.label,
                    target=spec.target,
                    names=", ".join(targets),
                ),
                words.say("Name one of them, or shares such as {names}=0.4.", names=names[0] if names else "tail"),
            )
        return targets.get(spec.target)
    place = {name.casefold(): i for i, name in enumerate(names)}
    for name, _ in spec.target:
        if name.casefold() not in place:
            raise ConfigError(
                words.say("{label} has no group “{name}” to give a target to.", label=spec.label, name=name),
                words.say("Its groups are: {names}.", names=", ".join(names)),
            )
    given = {place[name.casefold()]: share for name, share in spec.target}
    rest = 1 - sum(given.values())
    left = [g for g in range(len(names)) if g not in given]
    fits = rest >= -TARGET_ROUNDING and (left or rest <= TARGET_ROUNDING)
    if not fits or not all(share >= 0 for share in given.values()):
        told = ", ".join(f"{name}={share:g}" for name, share in spec.target)
        raise ConfigError(
            words.say("The target of {label}, {told}, does not add up to 1.", label=spec.label, told=told),
            "Give shares from 0 to 1.",
        )
    shares = np.array([given[g] if g in given else max(rest, 0.0) / len(left) for g in range(len(names))])
    return np.asarray(shares / shares.sum())


def form_all(specs: Sequence[GroupSpec], table: pd.DataFrame) -> list[Groups]:
    """One Groups for each spec, over the rows of users or of items."""
    return [form(spec, table) for spec in specs]


def compared(groups: Groups, least: int = settings.MIN_GROUP_SIZE) -> Groups:
    """The groups that fairness is measured between: smaller ones than `least` count as `(unknown)`, as in the audit.
    Where fewer than two are large enough, all are kept."""
    small = groups.sizes < least
    if not small.any() or (~small).sum() < 2:
        return groups
    return groups.among(np.flatnonzero(~small))


def form_compared(specs: Sequence[GroupSpec], table: pd.DataFrame) -> list[Groups]:
    """The same, less the groups that are too small to be compared: a mitigation that followed the worst-off of three
    people would train for them alone."""
    return [compared(form(spec, table), spec.min_size) for spec in specs]
