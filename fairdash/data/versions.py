"""Versions of a stored data set: the same with values of an attribute merged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from fairdash import columns, words
from fairdash.data import attributes
from fairdash.errors import ConfigError
from fairdash.schema import Dataset

MERGED = "merged"  # in a version's provenance: [{"of": digest, "attribute", "values", "into"}], the first merge first


def merge_values(dataset: Dataset, attribute: str, values: Sequence[str], into: str, name: str) -> Dataset:
    """The data with several values of an attribute of people as one, called `into`; cells that hold several values
    keep the others. Its digest is its own, and its provenance names the data that it is of.

    Raises ConfigError for an attribute that is not there, for fewer than two values (or one that keeps its name), and
    for a name that is empty or could not be told from several values."""
    if attribute not in dataset.users.columns:
        raise ConfigError(
            words.say("There is no attribute {attribute} of people.", attribute=repr(attribute)),
            "Choose one of the table of people.",
        )
    into = " ".join(into.split())
    if not into or "|" in into:
        raise ConfigError("The merged value needs a name without a bar (|).", "Write a name, such as other.")
    changed = {value: into for value in values if value != into}
    if not changed or len({*values, into}) < 2:
        raise ConfigError("One value alone is no merge.", "Choose two values or more, or another name.")
    known = columns.tidy(dataset.users[attribute])
    merged = known.map(lambda cell: _cell(str(cell), changed), na_action="ignore").astype("str")
    done = {"of": dataset.digest, "attribute": attribute, "values": sorted(values), "into": into}
    return replace(
        dataset,
        name=name,
        users=dataset.users.assign(**{attribute: merged}),
        provenance={**dataset.provenance, MERGED: [*dataset.provenance.get(MERGED, []), done]},
    )


def _cell(cell: str, changed: dict[str, str]) -> str:
    """One cell, whose several values are parted by bars, with each of them under its new name, once."""
    return "|".join(dict.fromkeys(changed.get(part.strip(), part.strip()) for part in cell.split("|")))


def proposals(dataset: Dataset, attribute: str) -> dict[str, list[str]]:
    """Spellings of one value that could be merged: the one that stays → all of them, itself first."""
    found: dict[str, list[str]] = {}
    for spelling, into in attributes.spellings(dataset.users[attribute], attribute).items():
        found.setdefault(into, [into]).append(spelling)
    return found
