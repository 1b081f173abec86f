"""A Dataset in a folder: a Parquet file a table, its arrays, pictures and a json; read back it keeps its digest."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pyarrow as pa

from fairdash import arrays, images, words
from fairdash.errors import DataError
from fairdash.schema import Dataset

_TABLES = ("interactions", "users", "items")
_IMPRESSIONS = "impressions.parquet"  # a fourth table, where they are known


def save(dataset: Dataset, folder: Path) -> None:
    """Write the data set into `folder`, which is made where it is absent."""
    folder.mkdir(parents=True, exist_ok=True)
    for table in _TABLES:
        getattr(dataset, table).to_parquet(folder / f"{table}.parquet", index=False, compression="zstd")
    arrays.save(folder, dataset.user_arrays, dataset.item_arrays)
    images.save(folder, dataset.item_images)

    if dataset.impressions is not None:
        dataset.impressions.to_parquet(folder / _IMPRESSIONS, index=False, compression="zstd")
    about = {
        "name": dataset.name,
        "relevance_threshold": dataset.relevance_threshold,
        "provenance": dataset.provenance,
        "digest": dataset.digest,
    }
    (folder / "dataset.json").write_text(json.dumps(about, indent=1, ensure_ascii=False), encoding="utf-8")


def load(folder: Path, name: str | None = None) -> Dataset:
    """The data set that `save` wrote, under another name where one is given; DataError where it is incomplete or
    changed."""
    hint = "Import the data again."
    try:
        about = json.loads((folder / "dataset.json").read_text(encoding="utf-8"))
        frames = {table: pd.read_parquet(folder / f"{table}.parquet") for table in _TABLES}
        users, items = arrays.load(folder)
        dataset = Dataset(
            name=about["name"] if name is None else name,
            relevance_threshold=about["relevance_threshold"],
            provenance=about["provenance"],
            user_arrays=users,
            item_arrays=items,
            item_images=images.load(folder),
            impressions=pd.read_parquet(folder / _IMPRESSIONS) if (folder / _IMPRESSIONS).exists() else None,
            **frames,
        )
        written = about["digest"]
    except FileNotFoundError as error:
        raise DataError(
            words.say(
                "There is no data set in {folder}: {name} is missing.", folder=folder, name=Path(error.filename).name
            ),
            hint,
        ) from error
    except (OSError, ValueError, KeyError, TypeError, pa.ArrowException) as error:
        raise DataError(
            words.say("The data set in {folder} cannot be read: {error}.", folder=folder, error=error), hint
        ) from error
    if dataset.digest != written:
        raise DataError(words.say("The data set in {folder} is not the one that was stored.", folder=folder), hint)
    return dataset
