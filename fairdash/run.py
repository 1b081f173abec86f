"""The run folder: what is in it, how it is read and written. Complete in itself and readable by anything:

train.csv valid.csv truth.csv users.csv items.csv   what was known, what was held out, who and what
arrays.safetensors                                  arrays of people and items, where the data has any
run.json                                            recommender, options, mitigations, split, seed, device, timings
candidates.safetensors                              best items of every user with scores, for validation and test
model/                                              the trained recommender (absent for lists of another system)
"""

from __future__ import annotations

import csv
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pa_parquet
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from fairdash import __version__, arrays, images, words
from fairdash.errors import DataError, FairDashError
from fairdash.schema import (
    ITEM_ID,
    PREDICTION,
    RATING,
    SCORE,
    TIME,
    USER_ID,
    Floats,
    Interactions,
    Lists,
    Split,
    TrainingData,
    rows_of,
)
from fairdash.workspace import write_json

if TYPE_CHECKING:
    from fairdash.data.findings import Finding
    from fairdash.data.options import ImportOptions
    from fairdash.data.table import Table
    from fairdash.recommenders.base import Fitted


TEXT = "text"  # in split.json, the type of a column that pandas may hold as str, string or object
_SAID = {
    "digest": str,
    "title": str,
    "options": dict,
    "mitigations": list,
    "seed": int,
    "findings": list,
}  # in run.json
VALUE = "value"  # column of train, valid and truth: ratings or counts that decide nothing about liking


@dataclass(frozen=True, eq=False)
class Run:
    """A finished run folder. Split, candidates and model are read when they are first asked for.

    changed: what mitigations that came before made of its lists and user vectors, for "valid" and "test"."""

    folder: Path
    meta: dict[str, Any]
    changed: Mapping[str, Outcome] = field(default_factory=dict)

    @staticmethod
    def load(folder: Path | str) -> Run:
        """Open a run folder. Raises DataError when it is none."""
        folder = Path(folder)
        try:
            meta = json.loads((folder / "run.json").read_text("utf-8"))
            if not all(isinstance(meta[key], kind) for key, kind in _SAID.items() if key in meta or kind is str):
                raise TypeError
        except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
            raise DataError(
                words.say("{folder} is not a run folder: it holds no readable run.json.", folder=folder),
                "Give the folder that `python -m fairdash train … --out RUN` wrote.",
            ) from error
        return Run(folder, meta)

    @property
    def digest(self) -> str:
        """The run's id: the name of all that its numbers depend on."""
        return str(self.meta["digest"])

    @property
    def title(self) -> str:
        """What the run was called when it was made."""
        return str(self.meta["title"])

    @cached_property
    def split(self) -> Split:
        """The data set as it was cut, with the held-out part; read once."""
        return read_split(self.folder)

    @cached_property
    def _candidates(self) -> dict[str, Any]:
        parts = [f"{part}_{what}" for part in ("valid", "test") for what in ("items", "scores")]
        return read_arrays(self.folder / "candidates.safetensors", parts)

    def candidates(self, part: str = "test") -> Lists:
        """Best items of every user at validation ("valid") or at test time ("test"), seen items left out."""
        if part in self.changed:
            return self.changed[part].lists
        return Lists(self._candidates[f"{part}_items"], self._candidates[f"{part}_scores"])

    @cached_property
    def fitted(self) -> Fitted:
        """The trained recommender. Raises FairDashError for lists of another system, which have no model."""
        if not (self.folder / "model").is_dir():
            raise FairDashError(
                words.say("{title} has no model: it holds lists of another system.", title=self.title),
                "Re-ranking methods work on lists; methods that train, or that look at user vectors, need a model.",
            )
        from fairdash.recommenders import store

        return store.load(self.folder / "model")

    @cached_property
    def test_digest(self) -> str:
        """`Split.test_digest` of its split; runs of before do not say it."""
        return str(self.meta.get("test_digest") or self.split.test_digest)

    @property
    def has_model(self) -> bool:
        """Whether a trained recommender is in the folder; False for lists of another system."""
        return (self.folder / "model").is_dir()


@dataclass(frozen=True, eq=False)
class Outcome:
    """What a mitigation made at one strength and one time: the run (the same, or one that was trained anew), its lists,
    and user vectors [n_users, d] where they were changed."""

    run: Run
    lists: Lists
    vectors: Floats | None = None


def write_split(split: Split, folder: Path) -> None:
    """Write the five tables, arrays and pictures where there are any, and what the tables cannot say (`split.json`).

    Raises DataError for an attribute that is neither text, number, yes or no, time, nor a category of these."""
    folder.mkdir(parents=True, exist_ok=True)
    data = split.training
    for name, part in (("train", data.train), ("valid", data.valid), ("truth", split.test)):
        frame = {
            USER_ID: pa.array(data.users[USER_ID].to_numpy()[part.user], pa.string()),
            ITEM_ID: pa.array(data.items[ITEM_ID].to_numpy()[part.item], pa.string()),
        }
        if data.relevance_threshold is not None:
            frame[RATING] = pa.array(part.rating)
        elif (part.rating != 1.0).any():  # not called rating, as an audit of these files would take it for stars
            frame[VALUE] = pa.array(part.rating)
        if part.time.any():
            frame[TIME] = pa.array(part.time)
        if part is split.test and split.predicted is not None:
            frame[PREDICTION] = pa.array(split.predicted)
        pa_csv.write_csv(pa.table(frame), folder / f"{name}.csv")
    types = {}
    for name, table in (("users", data.users), ("items", data.items)):
        types[name] = {str(column): _kind(name, table[column]) for column in table.columns}
        written = pa.table({column: _written(table[column], kind) for column, kind in types[name].items()})
        pa_csv.write_csv(written, folder / f"{name}.csv")
    arrays.save(folder, data.user_arrays, data.item_arrays)
    images.save(folder, data.item_images)
    write_json(
        folder / "split.json",
        {
            "name": split.name,
            "split": split.spec,
            "seed": split.seed,
            "relevance_threshold": data.relevance_threshold,
            "types": types,
            "notes": list(split.notes),
            "asked": None if split.asked is None else np.flatnonzero(split.asked).tolist(),
        },
    )


def read_split(folder: Path) -> Split:
    """The Split that `write_split` wrote: the same codes, order, types and digest. Raises DataError where a table is
    missing or damaged."""
    try:
        return _read_split(folder)
    except (OSError, KeyError, ValueError, TypeError, StopIteration, RecursionError, pa.ArrowException) as error:
        raise DataError(
            words.say(
                "The tables of the run folder {folder} cannot be read: {name}: {error}.",
                folder=folder,
                name=type(error).__name__,
                error=error,
            ),
            "They are damaged, or of another version of FairDash: make the run again.",
        ) from error


def read_arrays(file: Path, names: Collection[str]) -> dict[str, Any]:
    """All arrays of a safetensors file of ours, which has those of the `names`. Raises DataError where it is missing
    (deleted meanwhile) or damaged."""
    try:
        found: dict[str, Any] = load_file(file)
        for name in names:
            if name not in found:
                raise ValueError(words.say("it holds no {name}", name=name))
    except (OSError, ValueError, SafetensorError) as error:
        raise DataError(
            words.say("{file} cannot be read: {error}.", file=file, error=error),
            "It was deleted or damaged; make the run or the lists again.",
        ) from error
    return found


def write_arrays(file: Path, named: Mapping[str, Any]) -> None:
    """Write arrays as `read_arrays` reads them."""
    save_file({name: np.ascontiguousarray(array) for name, array in named.items()}, file)


def _read_split(folder: Path) -> Split:
    said = json.loads((folder / "split.json").read_text())
    tables = {}
    for name in ("users", "items"):
        types = said["types"][name]
        flat = {column: _arrow(kind) for column, kind in types.items() if isinstance(kind, str) and kind != TEXT}
        table = _read_csv(folder / f"{name}.csv", flat)
        tables[name] = pd.DataFrame({column: _typed(table[column], kind) for column, kind in types.items()})
    numbers = {RATING: pa.float32(), VALUE: pa.float32(), TIME: pa.float64(), PREDICTION: pa.float64()}
    parts = {name: _read_csv(folder / f"{name}.csv", numbers) for name in ("train", "valid", "truth")}

    def part(name: str) -> Interactions:
        table = parts[name]
        user, item = (rows_of(tables[of][key], table[key]) for key, of in ((USER_ID, "users"), (ITEM_ID, "items")))
        rated = next((key for key in (RATING, VALUE) if key in table.column_names), None)
        return Interactions(
            user,
            item,
            np.ones(len(table), np.float32) if rated is None else table[rated].to_numpy().astype(np.float32),
            table[TIME].to_numpy().astype(np.float64) if TIME in table.column_names else np.zeros(len(table)),
        )

    user_arrays, item_arrays = arrays.load(folder)
    training = TrainingData(
        tables["users"],
        tables["items"],
        part("train"),
        part("valid"),
        said["relevance_threshold"],
        user_arrays=user_arrays,
        item_arrays=item_arrays,
        item_images=images.load(folder),
    )
    notes = tuple(said.get("notes", ()))  # runs of before have none
    asked = None
    if said.get("asked") is not None:
        asked = np.zeros(len(tables["users"]), bool)
        asked[said["asked"]] = True
    truth = parts["truth"]
    predicted = truth[PREDICTION].to_numpy().astype(np.float64) if PREDICTION in truth.column_names else None
    return Split(said["name"], said["split"], said["seed"], training, part("truth"), notes, asked, predicted)


def _kind(table: str, column: pd.Series) -> Any:
    """How `split.json` says a column's type: "text", the name of the type, or {"of", "categories", "ordered"}."""
    kind = column.dtype
    if isinstance(kind, pd.CategoricalDtype):
        categories = kind.categories.to_series(name=column.name)
        of = _kind(table, categories)
        if of == TEXT or kind.categories.dtype.kind in "iuf":
            return {"of": of, "categories": categories.astype("str").tolist(), "ordered": bool(kind.ordered)}
    elif isinstance(kind, (np.dtype, pd.api.extensions.ExtensionDtype)) and kind.kind in "biufM":
        if isinstance(kind, (np.dtype, pd.DatetimeTZDtype)) or hasattr(kind, "numpy_dtype"):
            return str(kind)
    elif pd.api.types.infer_dtype(column, skipna=True) in ("string", "empty"):
        return TEXT
    raise DataError(
        words.say(
            "The column {name} of {table} is of the type {kind}, which a run folder cannot hold.",
            name=repr(column.name),
            table=table,
            kind=kind,
        ),
        "Make it text, numbers, true and false, dates, or a category of text or numbers.",
    )


def _written(column: pd.Series, kind: Any) -> pa.Array:
    """The cells as they go into the file."""
    if isinstance(column.dtype, pd.DatetimeTZDtype):  # a zone's offset is written without its seconds
        column = column.dt.tz_convert("UTC")
    if isinstance(kind, Mapping):
        column = pd.Series(pd.Categorical.from_codes(column.cat.codes, kind["categories"])).astype("str")
    return pa.array(column, from_pandas=True)


def _arrow(kind: str) -> pa.DataType:
    """How the cells of a column of that pandas type are read."""
    dtype = pd.api.types.pandas_dtype(kind)
    if isinstance(dtype, pd.DatetimeTZDtype):
        return pa.timestamp(dtype.unit, "UTC")
    return pa.from_numpy_dtype(getattr(dtype, "numpy_dtype", dtype))


def _typed(column: pa.ChunkedArray, kind: Any) -> pd.Series:
    """The column under its pandas type."""
    if isinstance(kind, Mapping):
        texts = pd.Categorical(_typed(column, TEXT), categories=kind["categories"], ordered=kind["ordered"])
        if kind["of"] == TEXT:
            return pd.Series(texts)
        numbers = pa.array(kind["categories"], pa.string()).cast(_arrow(kind["of"]))
        return pd.Series(texts.rename_categories(pd.Index(_typed(pa.chunked_array([numbers]), kind["of"]))))
    dtype: Any = pd.api.types.pandas_dtype("str" if kind == TEXT else kind)
    if hasattr(dtype, "numpy_dtype"):  # may have missing cells; `astype` goes by float64, which rounds beyond 2^53
        return pd.Series(dtype.__from_arrow__(column))
    typed: pd.Series = column.to_pandas(types_mapper=pd.ArrowDtype).astype(dtype)
    return typed


def _read_csv(path: Path, numbers: Mapping[str, pa.DataType]) -> pa.Table:
    """A table of a run folder: every column text but the `numbers`; an empty unquoted cell is missing."""
    with path.open(encoding="utf-8", newline="") as stream:
        header = next(csv.reader(stream))
    types = {name: numbers.get(name, pa.string()) for name in header}
    options = pa_csv.ConvertOptions(column_types=types, strings_can_be_null=True, quoted_strings_can_be_null=False)
    options.null_values = [""]
    parse = pa_csv.ParseOptions(newlines_in_values=True)
    return pa_csv.read_csv(path, convert_options=options, parse_options=parse)


def read_lists(
    run: Run, source: Path | str | Table, options: ImportOptions | None = None, *, accept_guesses: bool = True
) -> tuple[Lists, tuple[Finding, ...]]:
    """Lists of a file for the people of a run, and what was found in it; see `data.lists.read_lists`. Raises DataError
    that names the file, row and column."""
    from fairdash.data import lists

    data = run.split.training
    return lists.read_lists(
        source, data.users, data.items, seed=run.split.seed, options=options, accept_guesses=accept_guesses
    )


def write_lists(run: Run, lists: Lists, path: Path, *, scores: bool = False) -> None:
    """Write user_id, item_id, rank[, score] as CSV, or as Parquet where the name ends so."""
    frame = lists.to_frame(run.split.training.users, run.split.training.items)
    table = pa.Table.from_pandas(frame if scores else frame.drop(columns=SCORE), preserve_index=False)
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".parquet":
        pa_parquet.write_table(table, path)
    else:
        pa_csv.write_csv(table, path)


def finish(split: Split, name: str, meta: Mapping[str, Any], lists: Mapping[str, Lists], folder: Path) -> Run:
    """Write the lists of each part ("valid", "test") and, last of all, run.json; gives the finished run.

    name: its digest. meta: what run.json says beside the data, the split and the sizes."""
    kept = {}
    for part, ranked in lists.items():
        kept[f"{part}_items"] = np.ascontiguousarray(ranked.items)
        kept[f"{part}_scores"] = np.ascontiguousarray(ranked.scores)
    save_file(kept, folder / "candidates.safetensors")
    meta = {**meta, "digest": name, "data": split.name, "split": split.spec, "split_digest": split.digest}
    meta["test_digest"] = split.test_digest
    meta |= {"n_users": split.training.n_users, "n_items": split.training.n_items, "version": __version__}
    write_json(folder / "run.json", meta)
    return Run.load(folder)
