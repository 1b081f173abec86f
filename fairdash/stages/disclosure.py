"""Groups of very few people: their values are their people's own, so that they are not shown.

A group below the minimum size of its spec is shown, grey and out of every comparison. One below `settings.FEWEST` is
not shown at all: that all of its lists hold comedy would be said of each of its three people. Its size stays.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fairdash import settings, words
from fairdash.hashing import id_hash
from fairdash.metrics.catalogue import part
from fairdash.schema import UNKNOWN

KEPT = ("n", "n_with_truth", "small")  # of a group, whatever its size


def people_of(group: Mapping[str, Any], metric: str) -> int:
    """How many of a group's people a metric's value rests on: for accuracy those with a liked held-out item."""
    return int(group.get("n_with_truth", group["n"]) if part(metric).counted == "truth" else group["n"])


def aside(name: str, n: int, small: bool) -> str:
    """Why a group is no part of a comparison; empty for one that is."""
    if n < settings.FEWEST:
        return words.WITHHELD
    return words.say("unknown") if name == UNKNOWN else words.say("too few") if small else ""


def told(n: int) -> int | None:
    """A number of people of a group as it may be said: None where somebody is counted, but fewer than FEWEST are."""
    return None if 0 < n < settings.FEWEST else n


def pseudonyms(ids: pd.Series) -> NDArray[np.int64]:
    """A number for each person [n], from 1: the same on every page, and nothing that the id or the row order tells."""
    order = np.argsort(id_hash(ids.astype(str)), kind="stable")
    number: NDArray[np.int64] = np.empty(len(order), dtype=np.int64)
    number[order] = np.arange(1, len(order) + 1)
    return number


def withheld(value: Mapping[str, Any]) -> dict[str, Any]:
    """An audit.json or a comparison.json without the values that rest on fewer than FEWEST people of a group; why they
    are missing stands under `undefined`."""
    shown: dict[str, Any] = {**value, "groups": {}, "undefined": dict(value.get("undefined", {}))}
    for attribute, groups in value["groups"].items():
        shown["groups"][attribute] = {}
        for name, group in groups.items():
            gone = [key for key in group if key not in KEPT and _few(group, key)]
            shown["groups"][attribute][name] = {key: row for key, row in group.items() if key not in gone}
            shown["undefined"] |= {f"groups.{attribute}.{name}.{key}": words.WITHHELD for key in gone}
    for name in ("shrunk", "distributions"):
        shown |= {name: _by_metric(value[name], value["groups"])} if name in value else {}
    if "people" in value:  # who gained and who lost, by metric
        shown["people"] = {
            attribute: {
                name: {key: row for key, row in rows.items() if attribute == "all" or row["n"] >= settings.FEWEST}
                for name, rows in groups.items()
            }
            for attribute, groups in value["people"].items()
        }
    return shown


def _few(group: Mapping[str, Any], key: str) -> bool:
    return people_of(group, key.removesuffix("_ci")) < settings.FEWEST


def _by_metric(found: Mapping[str, Any], groups: Mapping[str, Any]) -> dict[str, Any]:
    """Values that are told by attribute and metric first, without those of very few."""
    return {
        attribute: {
            metric: {
                **row,
                "groups": {name: told for name, told in row["groups"].items()
                           if not _few(groups[attribute][name], metric)},
            }
            for metric, row in metrics.items()
        }
        for attribute, metrics in found.items()
    }  # fmt: skip


def blank(table: pd.DataFrame, people: Mapping[str, int], kept: tuple[str, ...]) -> pd.DataFrame:
    """A table with a column `group`, where groups of very few have no value but in the `kept` columns."""
    few = table["group"].map(people).to_numpy() < settings.FEWEST
    hidden = [column for column in table.columns if column not in kept]
    return table.astype(dict.fromkeys(hidden, np.float64)).mask(few[:, None] & ~table.columns.isin(kept), np.nan)
