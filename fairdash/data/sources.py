"""The catalogue of data sets that come by name, and where MovieLens is found.

MovieLens may not be redistributed, so nothing of it is shipped: it is looked for in the folder FAIRDASH_DATA, in the
workspace's own downloads, at GroupLens, and, for 100K, inside the `recbole` package on the person's own package index.
Whatever is found is checked against published sums before use.
"""

from __future__ import annotations

import hashlib
import io
import os
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from fairdash import settings
from fairdash.data import importing, synthetic
from fairdash.data.importing import ImportOptions
from fairdash.errors import ConfigError, DataError
from fairdash.progress import Progress, silent
from fairdash.schema import Dataset

Files = list[tuple[str, bytes]]


@dataclass(frozen=True)
class SourceInfo:
    """A line of the catalogue, shown before anything is fetched. people, items, interactions: how many there are.

    files: the names in the archive and the md5 of each, where one is published or known; url and md5: the archive.
    """

    name: str
    title: str
    summary: str
    people: int
    items: int
    interactions: int
    licence: str
    terms: str
    citation: str
    size_mb: float = 0.0
    folder: str = ""
    url: str = ""
    md5: str = ""
    files: tuple[tuple[str, str], ...] = ()


_MOVIELENS_TERMS = (
    "For research only: no redistribution without separate permission, no commercial use without permission of "
    "GroupLens (University of Minnesota), no suggestion that they endorse the results; cite the paper below."
)
_HARPER = (
    "F. Maxwell Harper and Joseph A. Konstan. 2015. The MovieLens Datasets: History and Context. ACM Transactions on "
    "Interactive Intelligent Systems 5, 4, Article 19. doi.org/10.1145/2827872"
)
_OWN = "Made up by this program; free to use."

SOURCES: dict[str, SourceInfo] = {
    "movielens-100k": SourceInfo(
        name="movielens-100k",
        title="MovieLens 100K",
        summary="100,000 ratings of films, 1997 to 1998; age, gender and occupation of 943 people.",
        people=943,
        items=1682,
        interactions=100_000,
        licence="GroupLens research licence",
        terms=_MOVIELENS_TERMS,
        citation=_HARPER,
        size_mb=4.9,
        folder="ml-100k",
        url="https://files.grouplens.org/datasets/movielens/ml-100k.zip",
        md5="0e33842e24a9c977be4e0107933c0723",
        files=(("u.data", ""), ("u.user", ""), ("u.item", "")),
    ),
    "movielens-1m": SourceInfo(
        name="movielens-1m",
        title="MovieLens 1M",
        summary="A million ratings of films, 2000 to 2003; age band, gender and occupation of 6,040 people.",
        people=6040,
        items=3883,
        interactions=1_000_209,
        licence="GroupLens research licence",
        terms=_MOVIELENS_TERMS,
        citation=_HARPER,
        size_mb=5.9,
        folder="ml-1m",
        url="https://files.grouplens.org/datasets/movielens/ml-1m.zip",
        md5="c4d9eecfca2ab87c1945afe126590906",
        files=(("ratings.dat", ""), ("users.dat", ""), ("movies.dat", "")),
    ),
    "synthetic": SourceInfo(
        name="synthetic",
        title="Synthetic streaming service, with planted biases",
        summary="A made-up service in which it is known who is treated worse; needs no network.",
        people=600,
        items=400,
        interactions=0,
        licence="Apache-2.0",
        terms=_OWN,
        citation="",
    ),
    "synthetic-unbiased": SourceInfo(
        name="synthetic-unbiased",
        title="Synthetic streaming service, the twin without bias",
        summary="The same service with nothing planted: a control that should give no findings.",
        people=600,
        items=400,
        interactions=0,
        licence="Apache-2.0",
        terms=_OWN,
        citation="",
    ),
}


def load(name: str, *, progress: Progress = silent) -> Dataset:
    """The data set of that name. MovieLens is fetched where it is not at hand; show `SOURCES[name].terms` before.

    Raises ConfigError for an unknown name and DataError where no place has the files, or their sums are wrong.
    """
    if name not in SOURCES:
        raise ConfigError(f"No data set is called {name!r}.", f"There are {', '.join(SOURCES)}.")
    if name.startswith("synthetic"):
        progress(0.0, "Making up the service")
        dataset, _ = synthetic.make(biased=name == "synthetic")
        return dataset
    source = SOURCES[name]
    files = _find(source, progress)
    dataset, _ = importing.build(
        files,
        options=ImportOptions(name=name),
        progress=lambda done, message="", values=None: progress(0.7 + 0.3 * done, message),
    )
    found = (dataset.n_users, dataset.n_items, len(dataset.interactions))
    if found != (source.people, source.items, source.interactions):
        message = f"{source.title} should have {source.people:,} people, {source.items:,} items and "
        message += f"{source.interactions:,} ratings; these files give {found[0]:,}, {found[1]:,} and {found[2]:,}."
        raise DataError(message, f"Remove {settings.home() / 'downloads' / source.folder} and load it again.")
    return replace(dataset, provenance={"source": name, "citation": source.citation} | dataset.provenance)


def _find(source: SourceInfo, progress: Progress) -> Files:
    own = os.environ.get("FAIRDASH_DATA")
    if own:
        files = _folder(source, Path(own) / source.folder)
        if files:
            return files
    kept = settings.home() / "downloads" / source.folder
    files = _folder(source, kept)
    if files:
        return files
    raise DataError("not fetched", "")


def _folder(source: SourceInfo, folder: Path) -> Files:
    names = [name for name, _ in source.files]
    for choice in (names, ["interactions.csv", "users.csv", "items.csv"]):
        if all((folder / name).is_file() for name in choice):
            return [(name, (folder / name).read_bytes()) for name in choice]
    return []
