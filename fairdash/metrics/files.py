"""The audit of files: which are read whole, and which are streamed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from fairdash.data import read
from fairdash.errors import DataError
from fairdash.metrics import stream
from fairdash.metrics.audit import from_frames
from fairdash.metrics.value import Audit

LARGE_ROWS = 10_000_000  # of lists, above which a Parquet file is streamed


def from_files(
    recommendations: Path | str,
    truth: Path | str,
    users: Path | str,
    *,
    train: Sequence[Path | str] = (),
    items: Path | str | None = None,
    **options: Any,
) -> Audit:
    """`from_frames` of files: CSV, TSV, Parquet, or folders of Parquet files. Lists of more than LARGE_ROWS rows in
    Parquet are streamed in bounded memory (`stream.from_parquet`). options: the other keywords of `from_frames`."""
    tables: dict[str, Any] = {
        "truth": read_table(truth),
        "users": read_table(users),
        "train": pd.concat([read_table(path) for path in train], ignore_index=True) if train else None,
        "items": None if items is None else read_table(items),
    }
    if _parquet_rows(Path(recommendations)) > LARGE_ROWS and not options.get("model"):
        kept = {key: value for key, value in options.items() if key != "model"}
        return stream.from_parquet(recommendations, **tables, **kept)
    return from_frames(read_table(recommendations), **tables, **options)


def _parquet_rows(path: Path) -> int:
    """Rows of a Parquet file, or of all in a folder; 0 for anything else."""
    files = sorted(path.glob("*.parquet")) if path.is_dir() else [path]
    try:
        return sum(pq.read_metadata(file).num_rows for file in files)
    except (pa.ArrowException, OSError):
        return 0  # whoever reads it says what is wrong


def read_table(source: Path | str) -> pd.DataFrame:
    """A table for `from_frames`: CSV, TSV or Parquet, or a folder of Parquet files; messages name the file and row."""
    path = Path(source)
    if not path.exists():
        raise DataError(f"{path} does not exist.", "Check the path.")
    if not path.is_dir():
        frame = read.table(path).frame
        frame.attrs["file"] = path.name
        return frame
    parts = sorted(path.glob("*.parquet"))
    if not parts:
        raise DataError(f"{path} is a folder without Parquet files.", "Name a file, or a folder of *.parquet.")
    return pd.concat([read.table(part).frame for part in parts], ignore_index=True)
