"""The catalogue of data sets that come by name, and where MovieLens is found.

MovieLens may not be redistributed, so nothing of it is shipped. It is looked for in the folder FAIRDASH_DATA, in the
workspace's own downloads, at GroupLens and, for 100K, inside the `recbole` package on the person's own package index.
What is found has to have the published sums.
"""

from __future__ import annotations

import hashlib
import http.client
import io
import os
import subprocess
import sys
import tempfile
import urllib.request
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from fairdash import settings, words
from fairdash.data import importing, read, synthetic
from fairdash.data.options import ImportOptions
from fairdash.errors import ConfigError, DataError
from fairdash.progress import Progress, silent
from fairdash.schema import TITLE, Dataset
from fairdash.words import Said
from fairdash.workspace import aside

Files = list[tuple[str, bytes]]


@dataclass(frozen=True)
class SourceInfo:
    """A line of the catalogue, to be shown before anything is fetched.

    people, items, interactions: how many there are (0: depends on the seed). url, md5: the archive and its published
    sum. files: names in it, with the md5 of each where it is known.
    """

    name: str
    title: Said
    summary: Said
    people: int
    items: int
    interactions: int
    licence: str
    terms: Said
    citation: str = ""
    size_mb: float = 0.0
    folder: str = ""
    url: str = ""
    md5: str = ""
    files: tuple[tuple[str, str], ...] = ()
    things: Said = "films"


_TERMS = (
    "For research only: no redistribution without separate permission, no commercial use without permission of "
    "GroupLens (University of Minnesota), no suggestion that they endorse the results; cite the paper below."
)
_HARPER = (
    "F. Maxwell Harper and Joseph A. Konstan. 2015. The MovieLens Datasets: History and Context. ACM Transactions on "
    "Interactive Intelligent Systems 5, 4, Article 19. https://doi.org/10.1145/2827872"
)

_CATALOGUE = (
    SourceInfo(
        name="movielens-100k",
        title="MovieLens 100K",
        summary="100,000 ratings of films, 1997 to 1998; age, gender and occupation of 943 people.",
        people=943,
        items=1682,
        interactions=100_000,
        licence="GroupLens research licence",
        terms=_TERMS,
        citation=_HARPER,
        size_mb=4.9,
        folder="ml-100k",
        url="https://files.grouplens.org/datasets/movielens/ml-100k.zip",
        md5="0e33842e24a9c977be4e0107933c0723",
        files=(
            ("u.data", "6e47046882bad158b0efbb84cd5cb987"),
            ("u.user", "1b53539edc13caad0282c8500608a319"),
            ("u.item", "c9e7f390115d79079537301d5204f3f7"),
        ),
    ),
    SourceInfo(
        name="movielens-1m",
        title="MovieLens 1M",
        summary="A million ratings of films, 2000 to 2003; age band, gender and occupation of 6,040 people.",
        people=6040,
        items=3883,
        interactions=1_000_209,
        licence="GroupLens research licence",
        terms=_TERMS,
        citation=_HARPER,
        size_mb=5.9,
        folder="ml-1m",
        url="https://files.grouplens.org/datasets/movielens/ml-1m.zip",
        md5="c4d9eecfca2ab87c1945afe126590906",
        files=(("ratings.dat", ""), ("users.dat", ""), ("movies.dat", "")),
    ),
    SourceInfo(
        name="synthetic",
        title="Synthetic streaming service, with planted biases",
        summary="A made-up service in which it is known who is treated worse; needs no network.",
        people=600,
        items=400,
        interactions=0,
        licence="Apache-2.0",
        terms="Made up by this program; free to use.",
    ),
    SourceInfo(
        name="synthetic-unbiased",
        title="Synthetic streaming service, the twin without bias",
        summary="The same service with nothing planted: a control that should give no findings.",
        people=600,
        items=400,
        interactions=0,
        licence="Apache-2.0",
        terms="Made up by this program; free to use.",
    ),
    SourceInfo(
        name="synthetic-covers",
        title="Synthetic streaming service, with covers",
        summary="The service with planted biases; four of five films have a cover, whose look tells the categories.",
        people=600,
        items=400,
        interactions=0,
        licence="Apache-2.0",
        terms="Made up by this program; free to use.",
    ),
)
COVERED = 0.8  # share of films with a cover
SOURCES: Mapping[str, SourceInfo] = {source.name: source for source in _CATALOGUE}

# The package that carries MovieLens 100K; its ratings are those of u.data below one row of names.
_PACKAGE = "recbole"
_PACKED = {
    "ml-100k.inter": "a8a8c3f165aedc53f63b5dc0a0463b14",
    "ml-100k.user": "ac50ecbab626dbefa83288a3593f92ab",
    "ml-100k.item": "fb748e97e64d9a35421d06d7083d0959",
}


def load(name: str, *, progress: Progress = silent) -> Dataset:
    """The data set of that name. MovieLens is fetched where it is not at hand: show `SOURCES[name].terms` before.

    Raises ConfigError for an unknown name, and DataError where no place has the files or their sums are wrong.
    """
    if name not in SOURCES:
        raise ConfigError(
            words.say("No data set is called {name}.", name=repr(name)),
            words.say("There are {names}.", names=", ".join(SOURCES)),
        )
    if name.startswith("synthetic"):
        progress(0.0, words.say("Making up the service"))
        covers = COVERED if name == "synthetic-covers" else 0.0
        dataset, _ = synthetic.make(biased=name != "synthetic-unbiased", covers=covers)
        progress(1.0, words.say("The service is made up"))
        return dataset
    source = SOURCES[name]
    progress(0.0, words.say("Looking for {title}", title=source.title))
    files, place = _find(source, progress)

    def later(done: float, message: str = "", values: Mapping[str, float] | None = None) -> None:
        progress(0.6 + 0.4 * done, message, values)

    dataset, _ = importing.build(files, options=ImportOptions(name=name), progress=later)
    found = (dataset.n_users, dataset.n_items, len(dataset.interactions))
    if found != (source.people, source.items, source.interactions):
        message = words.say(
            "{title} has {sizes}; the files from {place} give {found}.",
            title=source.title,
            sizes=words.sizes(source.people, source.items, source.interactions),
            place=place,
            found=words.sizes(*found),
        )
        raise DataError(message, "Remove these files and load it again.")
    if files[0][0] in _PACKED:
        dataset = replace(dataset, items=_with_years(dataset.items))
    about = {"source": name, "found": place, "licence": source.licence, "citation": source.citation}
    return replace(dataset, provenance=about | dataset.provenance)


def planted(name: str) -> tuple[synthetic.Planted, ...]:
    """The biases that a made-up data set of that name is known to have; none of any other."""
    return synthetic.PLANTED if name in ("synthetic", "synthetic-covers") else ()


def things(name: str) -> str:
    """What items are called, in English, in the data set of that name: "items" where nothing else is known."""
    return SOURCES[name].things if name in SOURCES else "items"


def _with_years(items: pd.DataFrame) -> pd.DataFrame:
    """Titles as in the original: RecBole cut the year off, which tells remakes apart, and misspelt one title."""
    title, year = items[TITLE].replace("unkonwn", "unknown"), items["release_year"]
    known = year.str.fullmatch(r"\d{4}", na=False)
    title = title.where(~known, title + " (" + year + ")")
    return items.assign(**{TITLE: title, "release_year": year.where(known)})


def _find(source: SourceInfo, progress: Progress) -> tuple[Files, str]:
    """The three files, and the place they come from; the places are tried in order."""
    downloads = settings.home() / "downloads"
    own = os.environ.get("FAIRDASH_DATA")
    tries: list[tuple[str, Callable[[], Files]]] = []
    if own:
        tries.append((own, lambda: _in_folder(source, Path(own).expanduser())))
    tries.append((str(downloads), lambda: _in_folder(source, downloads)))
    tries.append(("GroupLens", lambda: _from_grouplens(source, downloads, progress)))
    if source.name == "movielens-100k":
        tries.append((f"the package {_PACKAGE}", lambda: _from_package(downloads, progress)))
    reasons = []
    for place, attempt in tries:
        try:
            files = attempt()
        except DataError as error:  # a place that has wrong files says so; the next one may have the right ones
            reasons.append(error.message)
            continue
        except (OSError, http.client.HTTPException, subprocess.SubprocessError) as error:
            reasons.append(f"{place}: {error}.")
            continue
        if files:
            return files, place
    hint = words.say(
        "Without a network, upload {names} (or their zip) on the Data page, or set FAIRDASH_DATA to a "
        "folder that holds {folder}/.",
        names=", ".join(name for name, _ in source.files),
        folder=source.folder,
    )
    raise DataError(
        words.say("{title} could not be fetched. {names}", title=source.title, names=" ".join(reasons)), hint
    )


def _in_folder(source: SourceInfo, folder: Path) -> Files:
    """The files in `folder`, loose, packed as published, or as tables; [] where there is nothing."""
    inside, archive = folder / source.folder, folder / f"{source.folder}.zip"
    names = [name for name, _ in source.files]
    if all((inside / name).is_file() for name in names):
        return _checked([(name, (inside / name).read_bytes()) for name in names], dict(source.files), inside)
    if archive.is_file():
        return _unpacked(source, archive.read_bytes(), archive)
    if source.name == "movielens-100k" and all((inside / name).is_file() for name in _PACKED):
        return _checked([(name, (inside / name).read_bytes()) for name in _PACKED], _PACKED, inside)
    tables = ("interactions.csv", "users.csv", "items.csv")
    if all((inside / name).is_file() for name in tables):
        return [(name, (inside / name).read_bytes()) for name in tables]
    return []


def _checked(files: Files, sums: Mapping[str, str], place: Path | str) -> Files:
    for name, raw in files:
        if sums[name] and hashlib.md5(raw, usedforsecurity=False).hexdigest() != sums[name]:
            raise DataError(
                words.say("{name} in {place} is not the published file.", name=name, place=place),
                "Remove it and load the data again.",
            )
    return files


def _unpacked(source: SourceInfo, raw: bytes, place: Path | str) -> Files:
    _checked([("", raw)], {"": source.md5}, place)
    inside = {Path(name).name: data for name, data in read.unzip((f"{source.folder}.zip", raw))}
    return [(name, inside[name]) for name, _ in source.files]


def _from_grouplens(source: SourceInfo, downloads: Path, progress: Progress) -> Files:
    progress(0.1, words.say("Fetching {size_mb} MB from GroupLens", size_mb=f"{source.size_mb:g}"))
    with urllib.request.urlopen(source.url, timeout=20) as answer:
        # The sum is checked below; the bound keeps a wrong answer from filling the disk.
        raw = answer.read(int(source.size_mb * 2_000_000))
    files = _unpacked(source, raw, source.url)
    _keep(downloads / f"{source.folder}.zip", raw)
    progress(0.6, words.say("Fetched"))
    return files


def _from_package(downloads: Path, progress: Progress) -> Files:
    progress(0.3, words.say("Fetching the package {package} from your package index", package=_PACKAGE))
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:"]
        done = subprocess.run(
            [*command, "--dest", folder, _PACKAGE], capture_output=True, text=True, timeout=120, check=False
        )
        wheels = sorted(Path(folder).glob("*.whl"))
        if done.returncode or not wheels:
            last = (done.stderr.strip().splitlines() or ["pip gave no reason"])[-1]
            raise DataError(
                words.say("The package {package} is not to be had: {last}", package=_PACKAGE, last=last),
                "Check the package index of pip.",
            )
        with zipfile.ZipFile(io.BytesIO(wheels[0].read_bytes())) as wheel:
            try:
                files = [(name, wheel.read(f"recbole/dataset_example/ml-100k/{name}")) for name in _PACKED]
            except KeyError as error:
                raise DataError(
                    words.say("{name} carries no MovieLens 100K.", name=wheels[0].name), "Upload the files yourself."
                ) from error
    files = _checked(files, _PACKED, wheels[0].name)
    for name, raw in files:
        _keep(downloads / "ml-100k" / name, raw)
    progress(0.6, words.say("Fetched"))
    return files


def _keep(path: Path, raw: bytes) -> None:
    """Write whole or not at all, so that a killed download is never taken for a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = aside(path)
    part.write_bytes(raw)
    part.replace(path)
