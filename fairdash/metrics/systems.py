"""Several audits in one table: of several systems on the same people and replicates, of one K after the other, or of
one window of time after the other."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

import pandas as pd

from fairdash import words
from fairdash.metrics import results
from fairdash.metrics.catalogue import METRICS
from fairdash.metrics.paired import paired
from fairdash.metrics.value import Audit

SHOWN = "ndcg"  # the metric of the lines


@dataclass(frozen=True, eq=False)
class Systems:
    """audits: by the system's name, in the order in which they were brought; differences are from the first. told:
    where the systems are one language model that was told who somebody is, what that changed (`told.by_attribute`)."""

    audits: Mapping[str, Audit]
    told: Mapping[str, Any] = field(default_factory=dict)

    def __getitem__(self, name: str) -> Audit:
        return self.audits[name]

    @property
    def first(self) -> str:
        """The system that differences are from."""
        return next(iter(self.audits))

    @property
    def leaves(self) -> Mapping[str, Audit]:
        """The single audits, by name."""
        return self.audits

    @cached_property
    def table(self) -> pd.DataFrame:
        """system, side (overall, gap), attribute, metric, value, low, high; and difference, difference_low,
        difference_high, moved: from the first system, with the 95 % interval of the difference of the same people.
        NaN where undefined, and in the rows of the first system."""
        parts = []
        for name, audit in self.audits.items():
            frame = _rows(audit)
            frame.insert(0, "system", name)
            if name != self.first:
                moves = paired(self.audits[self.first], audit, (self.first, name)).to_frame()
                moves = moves.loc[moves["side"].isin(("overall", "gap"))]
                moves = moves[["side", "attribute", "metric", "difference", "low", "high", "moved"]]
                moves = moves.rename(columns={"low": "difference_low", "high": "difference_high"})
                frame = frame.merge(moves, how="left", on=["side", "attribute", "metric"])
            parts.append(frame)
        more = ["difference", "difference_low", "difference_high", "moved"]
        return pd.concat(parts, ignore_index=True).reindex(columns=[*parts[0].columns, *more])

    def to_json(self) -> dict[str, Any]:
        """first: the system that differences are from; systems: {name: audit}; table: its rows, with null; told: what a
        language model made of being told who somebody is."""
        rows = self.table.astype(object).where(self.table.notna(), None).to_dict("records")
        audits = {name: audit.to_json() for name, audit in self.audits.items()}
        found: dict[str, Any] = results.plain(
            {"first": self.first, "systems": audits, "table": rows, "told": self.told}
        )
        return found

    def summary(self) -> list[str]:
        """A line a system, with its accuracy and its gaps; then what each audit says."""
        lines = []
        rows: list[dict[str, Any]] = self.table[self.table["metric"] == SHOWN].to_dict("records")  # type: ignore[assignment]
        for name in self.audits:
            told = []
            for row in (row for row in rows if row["system"] == name):
                what = METRICS[SHOWN].title + ("" if row["side"] == "overall" else f" gap by {row['attribute']}")
                moved = (
                    ""
                    if math.isnan(row["difference"])
                    else f" ({words.signed(row['difference'], 4)} from {self.first})"
                )
                told.append(f"{what} {words.number(row['value'], 4)}{moved}")
            lines.append(f"{name}: {'; '.join(told)}.")
        for attribute, row in self.told.items():
            if row["left_out"]:
                lines.append(
                    words.say(
                        "{attribute}: {n} person with a neutral list was not asked with each value, and is left out.",
                        "{attribute}: {n} people with a neutral list were not asked with each value, and are left out.",
                        attribute=attribute,
                        n=row["left_out"],
                    )
                )
            if "reason" in row:
                reason = words.say(row["reason"])
                lines.append(words.say("{attribute}: no SNSR, as {reason}.", attribute=attribute, reason=reason))
                continue
            low, high = row["snsr"]["ci"]
            lines.append(
                words.say(
                    "Told the {attribute} of {n} people, lists are unlike the neutral ones to a different degree: SNSR "
                    "{value} ({low} to {high}).",
                    attribute=attribute,
                    n=row["n"],
                    value=words.number(row["snsr"]["value"], 4),
                    low=words.number(low, 4),
                    high=words.number(high, 4),
                )
            )
        for name, audit in self.audits.items():
            lines += [f"{name}: {line}" for line in audit.summary()]
        return lines


@dataclass(frozen=True, eq=False)
class Series:
    """Audits along an axis, in its order. axis: "k", how many places count, or "window", of time. parts: by K as text,
    or by the window's name; people need not be the same in all of them."""

    axis: Literal["k", "window"]
    parts: Mapping[str, Audit | Systems | Series]

    def __getitem__(self, name: str | int) -> Audit | Systems | Series:
        return self.parts[str(name)]

    @property
    def leaves(self) -> Mapping[str, Audit]:
        """The single audits, by name."""
        title = "K = {}" if self.axis == "k" else "{}"
        found: dict[str, Audit] = {}
        for name, part in self.parts.items():
            own = title.format(name)
            inside = {"": part} if isinstance(part, Audit) else part.leaves
            found |= {f"{own}, {inner}" if inner else own: audit for inner, audit in inside.items()}
        return found

    @cached_property
    def table(self) -> pd.DataFrame:
        """k or window, then the columns of the parts: those of `Systems.table`, or side (overall, gap), attribute,
        metric, value, low, high. A window also has n_users."""
        frames = []
        for name, part in self.parts.items():
            frame = _rows(part) if isinstance(part, Audit) else part.table.copy()
            frame.insert(0, self.axis, int(name) if self.axis == "k" else name)
            if self.axis == "window" and isinstance(part, Audit):
                frame.insert(1, "n_users", part.n_users)
            frames.append(frame)
        return pd.concat(frames, ignore_index=True)

    def to_json(self) -> dict[str, Any]:
        """by_k or by_window: {name: as the part is}; table: its rows, with null."""
        rows = self.table.astype(object).where(self.table.notna(), None).to_dict("records")
        parts = {name: part.to_json() for name, part in self.parts.items()}
        found: dict[str, Any] = results.plain({f"by_{self.axis}": parts, "table": rows})
        return found

    def summary(self) -> list[str]:
        """A line a part, with its accuracy and its gaps; then what each says."""
        lines = [f"{name}: {words.count(audit.n_users)} people; {_told(audit)}." for name, audit in self.leaves.items()]
        for name, audit in self.leaves.items():
            lines += [f"{name}: {line}" for line in audit.summary()]
        return lines


def _told(audit: Audit) -> str:
    """The metric of the lines, and its gaps."""
    rows = _rows(audit)
    told = [
        f"{METRICS[SHOWN].title}{'' if side == 'overall' else f' gap by {attribute}'} {words.number(value, 4)}"
        for side, attribute, metric, value in rows[["side", "attribute", "metric", "value"]].itertuples(index=False)
        if metric == SHOWN
    ]
    return "; ".join(told)


def _rows(audit: Audit) -> pd.DataFrame:
    """side (overall, gap), attribute, metric, value, low, high."""
    frame = audit.to_frame()
    return frame.loc[frame["side"].isin(("overall", "gap")), ["side", "attribute", "metric", "value", "low", "high"]]
