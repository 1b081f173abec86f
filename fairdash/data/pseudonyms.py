"""Pseudonyms of people: what stands in the place of their ids in data that is kept (HMAC-SHA256, RFC 2104).

Who has the key can find a person's rows again and bring more that is theirs; without it a pseudonym tells nothing, as a
plain hash would not: all ids can be tried. The rows stand in the order of the pseudonyms, as the order of a file tells
who is who, too. Ties and random draws go by ids (`fairdash.hashing`), so that under pseudonyms they fall otherwise;
what rests on neither is the same, up to the order of sums.
"""

from __future__ import annotations

import hmac
import re
from base64 import b32encode
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd

from fairdash import words
from fairdash.data.brought import Brought
from fairdash.data.findings import Finding
from fairdash.schema import PSEUDONYMS, USER_ID, Dataset

_BYTES = 10  # of a pseudonym: of ten million people two are one with a chance of 4e-11
_QUOTED = re.compile(r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"")


@dataclass(frozen=True)
class Pseudonyms:
    """Of one key, which is random bytes that nobody else has."""

    key: bytes

    @cached_property
    def name(self) -> str:
        """What the key is called; it tells nothing of it."""
        return hmac.digest(self.key, b"name", "sha256").hex()[:16]

    def one(self, person: str) -> str:
        """The pseudonym of an id: 17 letters and digits, the first a letter."""
        known = hmac.digest(self.key, b"person " + person.encode("utf-8", "surrogatepass"), "sha256")
        return "p" + b32encode(known[:_BYTES]).decode().lower()

    def of(self, people: pd.Series) -> pd.Series:
        """The pseudonym of each id [n]."""
        place, different = pd.factorize(people.astype("str"))
        made = np.array([self.one(str(one)) for one in different], dtype=object)
        return pd.Series(made[place], index=people.index, name=people.name, dtype="str")

    def dataset(self, dataset: Dataset) -> Dataset:
        """The data under pseudonyms, sorted by them; its provenance names the key, and tells nobody's id."""
        order = np.argsort(self.of(dataset.users[USER_ID]).to_numpy(object), kind="stable")
        told = _untold(dataset.users[USER_ID])
        provenance = dict(dataset.provenance)
        if "repairs" in provenance:
            provenance["repairs"] = [told(message) for message in provenance["repairs"]]
        shown = dataset.impressions
        return replace(
            dataset,
            users=self._sorted(dataset.users).reset_index(drop=True),
            interactions=self._sorted(dataset.interactions).reset_index(drop=True),
            impressions=None if shown is None else self._sorted(shown).reset_index(drop=True),
            user_arrays={name: values[order] for name, values in dataset.user_arrays.items()},
            provenance=provenance | {PSEUDONYMS: self.name},
        )

    def brought(self, tables: Brought) -> Brought:
        """The tables of an audit under pseudonyms, sorted by them."""
        logs = [tables.truth, *tables.systems.values(), *([] if tables.train is None else [tables.train])]
        known = pd.concat([tables.users[USER_ID], *(log[USER_ID] for log in logs)]).drop_duplicates()
        return replace(
            tables,
            systems={name: self._sorted(frame) for name, frame in tables.systems.items()},
            truth=self._sorted(tables.truth),
            users=self._sorted(tables.users),
            train=None if tables.train is None else self._sorted(tables.train),
            findings=self.untold(tables.findings, known),
            empty=None if tables.empty is None else self._sorted(tables.empty),
            hidden=self.name,
        )

    def untold(self, findings: Iterable[Finding], people: pd.Series) -> tuple[Finding, ...]:
        """The findings without the ids of these people that they quote as examples."""
        told = _untold(people)
        return tuple(replace(finding, message=told(finding.message)) for finding in findings)

    def meeting(self, people: pd.Series, known: pd.Series) -> pd.Series:
        """The pseudonym [n] of each id as the import repaired it: as it stands, without spaces around it, an ending .0
        or zeros before it; the first of these that `known` has."""
        there = pd.Index(known)
        bare = people.astype("str").str.strip()
        whole = bare.str.replace(r"^(\d+)\.0$", r"\1", regex=True)
        found = self.of(people)
        for ids in (bare, whole, whole.str.replace(r"^0+(?=\d+$)", "", regex=True)):
            found = found.where(found.isin(there), self.of(ids))
        return found

    def _sorted(self, frame: pd.DataFrame) -> pd.DataFrame:
        return frame.assign(**{USER_ID: self.of(frame[USER_ID])}).sort_values(USER_ID, kind="stable")


def _untold(people: pd.Series) -> Callable[[str], str]:
    """What takes the ids of these people out of what was said: quoted, as they are or as they were before repairs, or
    cut; what stands in their place is “…”."""
    known = {_bare(str(one)) for one in people.unique()}

    def hidden(text: str) -> str:
        return _QUOTED.sub(lambda quoted: "“…”" if _bare(quoted[0][1:-1]) in known else quoted[0], text)

    return lambda text: words.changed(text, hidden)


def _bare(person: str) -> str:
    text = person.strip().removesuffix(".0")
    return text.lstrip("0") if text.isdigit() else text


def kept(dataset: Dataset, findings: Sequence[Finding], hidden: Pseudonyms | None) -> Dataset:
    """The data set as it is kept, with what was found in its files. hidden: whose pseudonyms it gets; None: none."""
    if hidden is not None:
        findings = hidden.untold(findings, dataset.users[USER_ID])
        dataset = hidden.dataset(dataset)
    told = [finding.to_json() for finding in findings]
    return replace(dataset, provenance={**dataset.provenance, "findings": told})
