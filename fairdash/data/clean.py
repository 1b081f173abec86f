"""Repairs: pure functions from tables to tables, by the keys that findings offer. Each is listed when it is done."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fairdash import columns
from fairdash.data import attributes
from fairdash.data.check import Tables, in_later_part
from fairdash.data.repeats import repeated
from fairdash.schema import CATEGORIES, ITEM_ID, RATING, TIME, TITLE, USER_ID
from fairdash.words import Said

Keep = Literal["last", "best", "sum"]
When = Literal["always", "usually", "on request"]


@dataclass(frozen=True)
class Repair:
    """title: what it does, for a checkbox. when: "always" (later stages need it), "usually" (unless the person
    chooses otherwise) or "on request"."""

    title: Said
    when: When
    run: Callable[[Tables], Tables]


def _each(
    tables: Tables,
    log: Callable[[pd.DataFrame], pd.DataFrame],
    people: Callable[[pd.DataFrame], pd.DataFrame],
    things: Callable[[pd.DataFrame], pd.DataFrame],
) -> Tables:
    return replace(
        tables,
        interactions=log(tables.interactions),
        users=people(tables.users),
        items=things(tables.items),
        impressions=None if tables.impressions is None else log(tables.impressions),
    )


def _in_log(tables: Tables, kept: Callable[[pd.DataFrame], pd.Series | NDArray[np.bool_]]) -> Tables:
    """The tables with some of the interactions, and of the impressions."""
    shown = tables.impressions
    return replace(
        tables,
        interactions=tables.interactions[kept(tables.interactions)],
        impressions=None if shown is None else shown[kept(shown)],
    )


def _on_ids(tables: Tables, change: Callable[[pd.Series], pd.Series]) -> Tables:
    def on(*names: str) -> Callable[[pd.DataFrame], pd.DataFrame]:
        return lambda frame: frame.assign(**{name: change(frame[name]) for name in names})

    return _each(tables, on(USER_ID, ITEM_ID), on(USER_ID), on(ITEM_ID))


def strip_ids(tables: Tables) -> Tables:
    """Ids without the spaces around them; one that was only spaces becomes missing."""
    return _on_ids(tables, columns.stripped)


def whole_ids(tables: Tables) -> Tables:
    """Ids without a ".0" at their end."""
    return _on_ids(tables, lambda ids: ids.str.replace(r"^(\d+)\.0+$", r"\1", regex=True))


def unpadded_ids(tables: Tables) -> Tables:
    """Ids without zeros before their first other digit, so that 007 and 7 meet."""
    return _on_ids(tables, lambda ids: ids.str.replace(r"^0+(?=\d+$)", "", regex=True))


def drop_empty_ids(tables: Tables) -> Tables:
    """Without the rows that name no person or no item."""

    def having(*names: str) -> Callable[[pd.DataFrame], pd.DataFrame]:
        return lambda frame: frame[(frame[list(names)].notna() & (frame[list(names)] != "")).all(axis=1)]

    return _each(tables, having(USER_ID, ITEM_ID), having(USER_ID), having(ITEM_ID))


def first_row(tables: Tables) -> Tables:
    """The first row of each person and of each item."""
    return replace(tables, users=tables.users.drop_duplicates(USER_ID), items=one_row(tables.items))


def one_row(items: pd.DataFrame) -> pd.DataFrame:
    """The first row of each item, with the categories of all its rows."""
    if CATEGORIES in items and items.duplicated(ITEM_ID).any():
        told = items.dropna(subset=CATEGORIES).groupby(ITEM_ID, sort=False)[CATEGORIES]
        joined = told.agg(lambda cells: "|".join(dict.fromkeys("|".join(cells).split("|"))))
        items = items.assign(**{CATEGORIES: items[ITEM_ID].map(joined).astype("str")})
    return items.drop_duplicates(ITEM_ID)


def drop_unrated(tables: Tables) -> Tables:
    """Without the rows that have no rating."""
    return replace(tables, interactions=tables.interactions[tables.interactions[RATING].notna()])


def drop_untimed(tables: Tables) -> Tables:
    """Without the rows that have no time."""
    return replace(tables, interactions=tables.interactions[tables.interactions[TIME].notna()])


def first_part(tables: Tables) -> Tables:
    """Each person and item in the earliest part of a split that has them."""
    return replace(tables, interactions=tables.interactions[~in_later_part(tables.interactions)])


def drop_unknown_people(tables: Tables) -> Tables:
    """Without the interactions of people who have no row."""
    return _in_log(tables, lambda log: columns.among(log[USER_ID], tables.users[USER_ID]))


def drop_unknown_items(tables: Tables) -> Tables:
    """Without the interactions with items that have no row."""
    return _in_log(tables, lambda log: columns.among(log[ITEM_ID], tables.items[ITEM_ID]))


def drop_idle_people(tables: Tables) -> Tables:
    """Without the people whom no interaction names."""
    users = tables.users
    return replace(tables, users=users[columns.among(users[USER_ID], tables.interactions[USER_ID])])


def drop_idle_items(tables: Tables) -> Tables:
    """Without the items that no interaction names."""
    items = tables.items
    return replace(tables, items=items[columns.among(items[ITEM_ID], tables.interactions[ITEM_ID])])


def marks_to_missing(tables: Tables) -> Tables:
    """Attribute cells such as "?" become missing."""

    def clear(frame: pd.DataFrame, own: set[str]) -> pd.DataFrame:
        return frame.assign(
            **{c: frame[c].mask(columns.tidy(frame[c]).isna()) for c in columns.names(frame) if c not in own}
        )

    users, items = clear(tables.users, {USER_ID}), clear(tables.items, {ITEM_ID, TITLE, CATEGORIES})
    return replace(tables, users=users, items=items)


def _on_people(tables: Tables, change: Callable[[pd.Series, str], pd.Series | None]) -> Tables:
    users = tables.users
    for column in columns.names(users):
        if column != USER_ID and not columns.is_identifier(column):
            changed = change(users[column], column)
            users = users if changed is None else users.assign(**{column: changed})
    return replace(tables, users=users)


def merge_spellings(tables: Tables) -> Tables:
    """Spellings of one group under the most frequent of them."""

    def merged(column: pd.Series, name: str) -> pd.Series | None:
        known = attributes.spellings(column, name)
        return attributes.merge(column, known) if known else None

    return _on_people(tables, merged)


def several_values(tables: Tables) -> Tables:
    """Lists in attributes of people joined by "|"."""
    return _on_people(tables, lambda column, _: attributes.several(column))


def bare_numbers(tables: Tables) -> Tables:
    """Attributes without the units around their numbers."""

    def bare(frame: pd.DataFrame, own: set[str]) -> pd.DataFrame:
        names = [c for c in columns.names(frame) if c not in own and not columns.is_identifier(c)]
        found = {c: attributes.without_units(frame[c]) for c in names}
        return frame.assign(**{c: numbers[0] for c, numbers in found.items() if numbers is not None})

    users, items = bare(tables.users, {USER_ID}), bare(tables.items, {ITEM_ID, TITLE, CATEGORIES})
    return replace(tables, users=users, items=items)


def ages(tables: Tables) -> Tables:
    """Ages for dates of birth."""
    return replace(tables, users=attributes.with_ages(tables.users, tables.date))


def age_to_missing(tables: Tables) -> Tables:
    """Impossible ages and years of birth become missing."""

    def clear(frame: pd.DataFrame) -> pd.DataFrame:
        return frame.assign(**{c: frame[c].mask(columns.impossible(frame[c], c)) for c in columns.names(frame)})

    return replace(tables, users=clear(tables.users), items=clear(tables.items))


def drop_free_text(tables: Tables) -> Tables:
    """Without the attributes of people that are text of their own, or their names and addresses."""
    free = [c for c in columns.names(tables.users) if c != USER_ID and attributes.is_free_text(tables.users[c])]
    return replace(tables, users=tables.users.drop(columns=free)) if free else tables


def dedupe(tables: Tables, keep: Keep = "last") -> Tables:
    """One row for each pair of person and item: the last in time, or that with the best rating."""
    return replace(tables, interactions=once(tables.interactions, keep))


def once(frame: pd.DataFrame, keep: Keep = "last") -> pd.DataFrame:
    """One row for each person and item: the latest one, or the best rated one (the latest of several best); "sum": the
    latest, with the ratings (counts) of all of them added up.

    Later is larger in time where there is time, else further down in the file.
    """
    if keep == "sum" and RATING in frame:
        frame = frame.assign(**{RATING: frame.groupby([USER_ID, ITEM_ID])[RATING].transform("sum")})
    best = keep == "best" and RATING in frame
    if not best and TIME not in frame:
        return _rows(frame, ~repeated(frame, "last"))
    several = np.flatnonzero(repeated(frame, False))  # all other rows stay, wherever they stand
    some = frame.iloc[several]
    time = some[TIME].to_numpy() if TIME in some else several
    rating = some[RATING].to_numpy() if best else np.zeros(len(some))
    order = np.lexsort((several, time, rating))
    kept = np.ones(len(frame), dtype=bool)
    kept[several[order]] = ~repeated(some.iloc[order], "last")
    return _rows(frame, kept)


def _rows(frame: pd.DataFrame, kept: NDArray[np.bool_]) -> pd.DataFrame:
    """The rows of a long log that are kept, in the memory of its cells alone: pandas would number the rows first."""
    cells = {name: column.array[kept] for name, column in frame.items()}
    rows, places = frame.index, np.flatnonzero(kept)
    if isinstance(rows, pd.RangeIndex):  # it would write itself out first, and keep that
        rows = pd.Index(np.add(places, rows.start, out=places))
    else:
        rows = rows[places]
    return pd.DataFrame(cells, index=rows, copy=False)


def not_taken(tables: Tables) -> Tables:
    """One impression for each person and item, none of a pair that was taken."""
    if tables.impressions is None:
        return tables
    shown = tables.impressions.drop_duplicates([USER_ID, ITEM_ID], keep="last")
    pairs = pd.MultiIndex.from_frame(tables.interactions[[USER_ID, ITEM_ID]])
    taken = pd.MultiIndex.from_frame(shown[[USER_ID, ITEM_ID]]).isin(pairs)
    return replace(tables, impressions=shown[~taken])


def k_core(tables: Tables, k: int) -> Tables:
    """The largest part in which every person and every item that is left has at least k interactions.

    People and items without any interaction left go too.
    """
    user, item = pd.factorize(tables.interactions[USER_ID])[0], pd.factorize(tables.interactions[ITEM_ID])[0]
    rows = np.arange(len(user))
    while len(rows):
        enough = (np.bincount(user[rows])[user[rows]] >= k) & (np.bincount(item[rows])[item[rows]] >= k)
        if enough.all():
            break
        rows = rows[enough]
    return drop_idle_items(drop_idle_people(replace(tables, interactions=tables.interactions.iloc[rows])))


def add_unknown(tables: Tables) -> Tables:
    """A row, all unknown, for each id in use that has none; in the order of the ids, not of the rows."""

    def extend(frame: pd.DataFrame, column: str) -> pd.DataFrame:
        logs = [tables.interactions] if tables.impressions is None else [tables.interactions, tables.impressions]
        known = pd.concat([pd.Series(log[column].unique(), dtype="str") for log in logs]).drop_duplicates()
        ids = np.sort(known[~known.isin(frame[column])].to_numpy(object))
        if not len(ids):
            return frame
        new = pd.DataFrame({column: pd.Series(ids, dtype="str")}).reindex(columns=frame.columns).astype(frame.dtypes)
        return pd.concat([frame, new.set_axis(np.full(len(ids), -1), axis=0)])

    return replace(tables, users=extend(tables.users, USER_ID), items=extend(tables.items, ITEM_ID))


REPAIRS: dict[str, Repair] = {
    "strip_ids": Repair("Take the spaces around ids away", "usually", strip_ids),
    "drop_empty_ids": Repair("Leave out rows without a person or an item", "always", drop_empty_ids),
    "whole_ids": Repair('Write ids such as "7.0" as "7"', "usually", whole_ids),
    "unpadded_ids": Repair('Write ids such as "007" as "7"', "usually", unpadded_ids),
    "drop_unrated": Repair("Leave out rows without a rating", "always", drop_unrated),
    "drop_untimed": Repair("Leave out rows without a time", "always", drop_untimed),
    "first_row": Repair("Keep the first row of a repeated person or item", "always", first_row),
    "marks_to_missing": Repair('Take "?", "n/a" and the like as missing', "usually", marks_to_missing),
    "several_values": Repair("Tell several values in a cell apart", "usually", several_values),
    "merge_spellings": Repair("Merge spellings of the same group", "usually", merge_spellings),
    "units": Repair("Read numbers without the units around them", "usually", bare_numbers),
    "ages": Repair("Turn dates of birth into ages", "usually", ages),
    "age_to_missing": Repair("Take impossible ages as missing", "usually", age_to_missing),
    "drop_free_text": Repair("Leave out what people wrote, their names and addresses", "usually", drop_free_text),
    "drop_unknown_people": Repair("Leave out interactions of people without a row", "on request", drop_unknown_people),
    "drop_unknown_items": Repair("Leave out interactions with items without a row", "on request", drop_unknown_items),
    "first_part": Repair("Keep what is in two parts of a split in the earlier one", "always", first_part),
    "dedupe": Repair("Keep one row for each person and item", "always", dedupe),
    "drop_idle_people": Repair("Leave out people without interactions", "on request", drop_idle_people),
    "drop_idle_items": Repair("Leave out items without interactions", "on request", drop_idle_items),
}
