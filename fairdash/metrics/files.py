"""The audit of what people bring, and which of it is streamed; `fairdash.audit` and `fairdash.audits`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from fairdash.data.brought import Brings
from fairdash.metrics import stream
from fairdash.metrics.audit import from_frames
from fairdash.metrics.value import Audit

LARGE_ROWS = 10_000_000  # of lists, above which a Parquet file is streamed


def audit(recommendations: Brings, truth: Brings, users: Brings | None = None, **more: Any) -> Audit:
    """`audit.from_frames`, and its keywords. Lists of more than LARGE_ROWS rows in Parquet are streamed in bounded
    memory (`stream.from_parquet`)."""
    if _parquet_rows(recommendations) > LARGE_ROWS and not more.get("model"):
        kept = {key: value for key, value in more.items() if key != "model"}
        return stream.from_parquet(recommendations, truth, users, **kept)  # type: ignore[arg-type]  # a path has rows
    return from_frames(recommendations, truth, users, **more)


def _parquet_rows(source: Brings) -> int:
    """Rows of a Parquet file, or of all in a folder; 0 for anything else."""
    if not isinstance(source, (str, Path)):
        return 0
    path = Path(source)
    files = sorted(path.glob("*.parquet")) if path.is_dir() else [path]
    try:
        return sum(pq.read_metadata(file).num_rows for file in files)
    except (pa.ArrowException, OSError):
        return 0  # whoever reads it says what is wrong
