"""Who is in the data against who should be: shares of groups beside shares that somebody states."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import pandas as pd
from scipy.stats import binomtest

from fairdash import words
from fairdash.errors import ConfigError
from fairdash.groups import target_shares
from fairdash.metrics.bootstrap import holm
from fairdash.schema import Groups, GroupSpec


@dataclass(frozen=True, eq=False)
class Representation:
    """One row a group: group, people, observed (its part of the people whose group is known), low, high (exact 95 %
    interval, Clopper & Pearson 1934), stated (the share that it should have), p_value of an exact binomial test of the
    stated share, p_holm (Holm over the groups). All shares are 0…1; the nearer observed is to stated, the better."""

    table: pd.DataFrame

    @property
    def found(self) -> list[str]:
        """Groups whose share is not the stated one, the furthest away first."""
        away = (self.table["observed"] - self.table["stated"]).abs()
        rows = self.table.assign(away=away)[self.table["p_holm"] < 0.05]
        return list(rows.sort_values("away", ascending=False, kind="stable")["group"])


def represent(spec: GroupSpec, groups: Groups, stated: Sequence[tuple[str, float]]) -> Representation:
    """Hold the groups' shares against the stated ones. stated: name → share, 0…1; groups that are not named have the
    rest in equal parts. Raises ConfigError for names that are no groups, and for shares that cannot add up to 1."""
    own = {_typed(name): name for name in groups.names}  # bands have a dash that few keyboards have
    named = tuple((own.get(_typed(name), name), share) for name, share in stated)
    shares = target_shares(replace(spec, target=named), groups.names, {})
    n = int((~groups.unknown).sum())
    rows = []
    for name, people, share in zip(groups.names, groups.sizes.tolist(), [] if shares is None else shares, strict=True):
        test = binomtest(people, n, float(share))
        ends = test.proportion_ci(0.95, "exact")
        rows.append((name, people, people / n, ends.low, ends.high, float(share), float(test.pvalue)))
    columns = ["group", "people", "observed", "low", "high", "stated", "p_value"]
    table = pd.DataFrame(rows, columns=columns)
    return Representation(table.assign(p_holm=holm(table["p_value"].tolist())))


def parse(told: str) -> list[tuple[str, float]]:
    """ "F = 51, M = 49" → [("F", 0.51), ("M", 0.49)]: names of groups with their shares in percent. A name may hold a
    "=" or a comma within quotes. Raises ConfigError for what is no such list."""
    found = []
    for part in _parts(told):
        name, equals, number = part.rpartition("=")
        try:
            share = float(number.strip().removesuffix("%").strip()) / 100
        except ValueError:
            share = math.nan
        name = name.strip().strip('"').strip()
        if not equals or not name or not 0 <= share <= 1:
            raise ConfigError(
                words.say("“{part}” is no share of a group.", part=part.strip()),
                "Write shares in percent, such as F=51, M=49.",
            )
        found.append((name, share))
    return found


def _typed(name: str) -> str:
    """A name as it may be typed."""
    return name.casefold().replace("–", "-")


def _parts(told: str) -> list[str]:
    """Cut at commas and semicolons that are not within quotes."""
    parts, quoted = [""], False
    for letter in told:
        quoted ^= letter == '"'
        if letter in ",;" and not quoted:
            parts.append("")
        else:
            parts[-1] += letter
    return [part for part in parts if part.strip()]
