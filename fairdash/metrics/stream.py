"""The audit of lists that do not fit into memory: Parquet batches go through `tally`, and the tallies are added.

Memory holds the table of users, truth, training pairs and a few pieces of the lists. A first pass reads the ids alone,
since people and catalogue must be known. Where the rows of a user stand together, in any order of users, a second pass
is enough; otherwise rows are first sorted into temporary files by user.

The numbers are those of `audit.from_frames`, but for `score_ks`, whose cells of scores come from the first rows (said
in the warnings).
"""

from __future__ import annotations

import os
import tempfile
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from fairdash import settings
from fairdash.errors import DataError
from fairdash.hashing import Hashes, id_hash, mix
from fairdash.metrics import audit as audits
from fairdash.metrics import inputs
from fairdash.metrics.inputs import Coder, Inputs
from fairdash.metrics.tally import Rules, Tally, tally
from fairdash.metrics.value import Audit
from fairdash.progress import Progress, silent
from fairdash.schema import ITEM_ID, RANK, SCORE, USER_ID, Codes, Groups, GroupSpec, Interactions, Lists

Array = NDArray[np.float64]

BATCH_ROWS = 1_000_000  # rows decoded at once
PIECE_ROWS = 2_000_000  # rows tallied at once, in each of at most MAX_THREADS threads
BUCKET_ROWS = 5_000_000  # rows of one temporary file, where rows of a user do not stand together
UNLISTED_PEOPLE = 100_000  # people without a list that are tallied at once
MAX_THREADS = 4


@dataclass(frozen=True, eq=False)
class Rows:
    """Rows of lists, coded [n]. score: NaN where there is none."""

    user: Codes
    item: Codes
    rank: NDArray[np.int64] | None
    score: NDArray[np.float32] | None

    def __len__(self) -> int:
        return len(self.user)

    def take(self, rows: slice | NDArray[np.int64]) -> Rows:
        return Rows(
            self.user[rows],
            self.item[rows],
            None if self.rank is None else self.rank[rows],
            None if self.score is None else self.score[rows],
        )

    @staticmethod
    def join(parts: Sequence[Rows]) -> Rows:
        first = parts[0]
        return Rows(
            np.concatenate([part.user for part in parts]),
            np.concatenate([part.item for part in parts]),
            None if first.rank is None else np.concatenate([part.rank for part in parts if part.rank is not None]),
            None if first.score is None else np.concatenate([part.score for part in parts if part.score is not None]),
        )


@dataclass(frozen=True, eq=False)
class Contents:
    """What a first look at the lists tells. users, items: their different ids. scattered: rows of a user do not stand
    together. lowest: the lowest rank."""

    users: pd.Series
    items: pd.Series
    scattered: bool
    lowest: float


def from_parquet(
    recommendations: Path | str,
    truth: pd.DataFrame,
    users: pd.DataFrame,
    *,
    train: pd.DataFrame | None = None,
    items: pd.DataFrame | None = None,
    groups: Sequence[GroupSpec | str] = (),
    item_groups: Sequence[GroupSpec | str] = (),
    k: int = settings.K,
    relevance_threshold: float | None = None,
    seed: int = 0,
    replicates: int = settings.BOOTSTRAP,
    permutations: int = settings.PERMUTATIONS,
    accuracy_only: bool = False,
    progress: Progress = silent,
) -> Audit:
    """As `audit.from_frames`, with the lists in a Parquet file, or in a folder of them, read piece by piece."""
    audits.check(k, replicates, permutations, seed)
    specs, item_specs = audits.specs(groups), audits.specs(item_groups)
    files = _files(Path(recommendations))
    contents = _look(files, progress)
    said: list[str] = []
    listed = pd.DataFrame({USER_ID: contents.users}), pd.DataFrame({ITEM_ID: contents.items})
    tables = inputs.checked(truth, users, train, items)
    user = inputs.id_columns({"recommendations": listed[0], **tables}, USER_ID)
    item = inputs.id_columns({"recommendations": listed[1], **tables}, ITEM_ID)
    people = Coder.of(user["recommendations"], user["truth"])
    things = Coder.of(*(item[name] for name in ("items", "recommendations", "truth", "train") if name in item))
    made = inputs.setting(truth, users, items, user, item, people, things, specs, item_specs, relevance_threshold, said)
    if contents.lowest == 0:
        said.append(inputs.FROM_ZERO)
    cells = () if accuracy_only else _score_cells(files, k)
    if cells:
        said.append("Score distance: of cells of scores that were cut from the first rows of the lists.")
    rules = Rules(k, seed, replicates, permutations, accuracy_only, cells)
    pieces = _Pieces(made, tuple(spec.min_size for spec in specs), rules, int(contents.lowest == 0))

    total: Tally | None = None
    order: list[Codes] = []
    rows = _scattered(files, people, things) if contents.scattered else _rows(files, people, things)
    unlisted = np.setdiff1d(people.codes(user["truth"]), people.codes(user["recommendations"])).astype(np.int32)
    whole = sum(pq.read_metadata(file).num_rows for file in files)
    done = 0
    for codes, part in _in_parallel(pieces.tallies(rows, unlisted)):
        total = part if total is None else total + part
        order.append(codes)
        done += len(codes)
        progress(min(1.0, done / people.size), f"Audited {done:,} of {people.size:,} people ({whole:,} rows)")
    assert total is not None  # there is at least one row
    said += pieces.odd.sentences(k)
    meet = (
        bool(user["truth"].isin(user["recommendations"]).any()),
        bool(item["truth"].isin(item["recommendations"]).any()),
    )
    said += inputs.meeting(user, item, *meet)
    said += inputs.missing(len(unlisted), people.size - made.n_known_people, people.size)
    idle = len(users) - made.n_known_people
    if idle:
        said.append(f"{idle:,} people of the table of users have neither a list nor held-out items: they are left out.")
    place = np.concatenate(order)
    continuous = {label: values[place] for label, values in made.continuous.items()}
    labels = [spec.label for spec in item_specs]
    rated = {}
    if made.rated is not None and not accuracy_only:
        who = id_hash(people.index.astype(str).to_numpy(dtype=object))
        least = tuple(spec.min_size for spec in specs)
        rated = audits.rating_gaps(made.rated, who, made.groups, least, made.catalogue.size, rules)
    return audits.finish(total, made.catalogue, labels, said, continuous, made.threshold, rated=rated)


class _Pieces:
    """Cuts coded rows where a user ends, and makes the tally of each piece."""

    def __init__(self, made: inputs.Setting, min_sizes: tuple[int, ...], rules: Rules, shift: int) -> None:
        self.made, self.min_sizes, self.rules, self.shift = made, min_sizes, rules, shift
        self.ids = made.people.index.to_numpy()
        self.ties: Hashes = mix(rules.seed, id_hash(made.catalogue.ids))
        self.relevant = made.relevant.starts(made.people.size)
        self.known = None if made.known is None else made.known.starts(made.people.size)
        self.odd = inputs.Oddities()

    def tallies(self, rows: Iterator[Rows], unlisted: Codes) -> Iterator[Callable[[], tuple[Codes, Tally]]]:
        """One call a piece, to be made in any thread; the last ones are people without a list."""
        waiting: list[Rows] = []
        for part in rows:
            waiting.append(part)
            if sum(map(len, waiting)) >= PIECE_ROWS:
                piece = Rows.join(waiting)
                changes = np.flatnonzero(piece.user[1:] != piece.user[:-1])
                cut = int(changes[-1]) + 1 if len(changes) else 0
                waiting = [piece.take(slice(cut, None))]
                if cut:
                    yield partial(self.tally, piece.take(slice(0, cut)))
        if sum(map(len, waiting)):
            yield partial(self.tally, Rows.join(waiting))
        for first in range(0, len(unlisted), UNLISTED_PEOPLE):
            codes = unlisted[first : first + UNLISTED_PEOPLE]
            empty = np.full((len(codes), self.rules.k), -1, dtype=np.int32)
            yield partial(self.tally_lists, codes, Lists(empty, np.full(empty.shape, np.nan, dtype=np.float32)))

    def tally(self, rows: Rows) -> tuple[Codes, Tally]:
        starts = np.concatenate([[0], np.flatnonzero(rows.user[1:] != rows.user[:-1]) + 1])
        codes = rows.user[starts]
        local = np.repeat(np.arange(len(codes), dtype=np.int32), np.diff(np.append(starts, len(rows))))
        if rows.rank is not None:
            rank = rows.rank + self.shift
        else:
            assert rows.score is not None
            rank = inputs.ranks_of_scores(rows.score.astype(np.float64), local, self.ties[rows.item])
        odd = inputs.Oddities()

        def where(row: int) -> str:
            return f"recommendations, user {self.ids[rows.user[row]]}, column rank"

        n_items = self.made.things.size
        lists = inputs.arrange(local, rows.item, rank, rows.score, len(codes), n_items, self.rules.k, odd, where)
        self.odd.repeated += odd.repeated
        self.odd.holes += odd.holes
        self.odd.short += odd.short
        return self.tally_lists(codes, lists)

    def tally_lists(self, codes: Codes, lists: Lists) -> tuple[Codes, Tally]:
        made = self.made
        piece = Inputs(
            user_ids=self.ids[codes],
            lists=lists,
            relevant=_of(made.relevant, self.relevant, codes),
            known=None if made.known is None or self.known is None else _of(made.known, self.known, codes),
            groups=tuple(Groups(group.attribute, group.names, group.codes[codes]) for group in made.groups),
            min_sizes=self.min_sizes,
            continuous={},
            catalogue=made.catalogue,
            warnings=(),
            threshold=made.threshold,
        )
        return codes, tally(piece, self.rules)


def people_of(whole: Inputs, codes: Codes) -> Inputs:
    """The same tables with these users alone, in this order: a piece of an audit, to be made on another machine."""
    n = len(whole.user_ids)
    return replace(
        whole,
        user_ids=whole.user_ids[codes],
        lists=Lists(whole.lists.items[codes], whole.lists.scores[codes]),
        relevant=_of(whole.relevant, whole.relevant.starts(n), codes),
        known=None if whole.known is None else _of(whole.known, whole.known.starts(n), codes),
        groups=tuple(Groups(group.attribute, group.names, group.codes[codes]) for group in whole.groups),
        continuous={label: values[codes] for label, values in whole.continuous.items()},
    )


def _of(pairs: Interactions, starts: NDArray[np.int64], codes: Codes) -> Interactions:
    """The pairs of these users, renumbered in their order."""
    length = starts[codes + 1] - starts[codes]
    ends = np.cumsum(length)
    rows = np.arange(int(ends[-1]) if len(ends) else 0) + np.repeat(starts[codes] - (ends - length), length)
    user = np.repeat(np.arange(len(codes), dtype=np.int32), length)
    return Interactions(user, pairs.item[rows], pairs.rating[rows], pairs.time[rows])


def _in_parallel(calls: Iterator[Callable[[], tuple[Codes, Tally]]]) -> Iterator[tuple[Codes, Tally]]:
    """Results in the order of the calls, so that sums do not depend on timing; as many at once as there are cores."""
    at_once = max(1, min(os.cpu_count() or 1, MAX_THREADS))
    with ThreadPoolExecutor(at_once) as pool:
        running: deque[Future[tuple[Codes, Tally]]] = deque()
        for call in calls:
            running.append(pool.submit(call))
            if len(running) >= at_once:
                yield running.popleft().result()
        while running:
            yield running.popleft().result()


# --- reading ----------------------------------------------------------------------------------------------------------


def _files(path: Path) -> list[Path]:
    files = sorted(path.glob("*.parquet")) if path.is_dir() else [path]
    if not files:
        raise DataError(f"{path} is a folder without Parquet files.", "Name a file, or a folder of *.parquet.")
    for file in files:
        try:
            pq.read_schema(file)
        except (pa.ArrowException, OSError) as error:
            raise DataError(
                f"{file} cannot be read as Parquet: {error}.", "Check the path, or write it again."
            ) from error
    return files


def _batches(files: Sequence[Path], wanted: Sequence[str]) -> Iterator[pa.RecordBatch]:
    for file in files:
        reader = pq.ParquetFile(file)
        present = [name for name in wanted if name in reader.schema_arrow.names]
        for name in (USER_ID, ITEM_ID):
            if name not in present:
                raise DataError(f"{file.name} has no column `{name}`.", "Rename the column.")
        if not {RANK, SCORE} & set(reader.schema_arrow.names):
            raise DataError(f"{file.name} has neither `rank` nor `score`.", "Add one: without it there is no order.")
        yield from reader.iter_batches(batch_size=BATCH_ROWS, columns=present)


def _look(files: Sequence[Path], progress: Progress) -> Contents:
    """One pass over the ids and ranks."""
    runs, things, lowest, n_runs = [], [], np.inf, 0
    last: Any = None
    row = 0
    for batch in _batches(files, (USER_ID, ITEM_ID, RANK)):
        for name in (USER_ID, ITEM_ID):
            column = batch[name]
            if column.null_count:
                at = row + int(np.argmax(column.is_null().to_numpy(zero_copy_only=False))) + 1
                raise DataError(f"{files[0].name}, row {at}, column {name}: the id is missing.", "Drop the row.")
        if not len(batch):
            continue
        users = _plain(batch[USER_ID])
        starts = _run_starts(users)
        found = users.take(pa.array(starts))
        continued = last is not None and found[0].as_py() == last
        n_runs += len(found) - int(continued)
        last = found[-1].as_py()
        runs.append(pc.unique(found))
        things.append(pc.unique(_plain(batch[ITEM_ID])))
        if RANK in batch.schema.names:
            low = pc.min(batch[RANK]).as_py()
            lowest = min(lowest, low if low is not None else np.inf)
        row += len(batch)
        progress(0.0, f"Looked at {row:,} rows")
    if not row:
        raise DataError(f"{files[0].name} has no rows.", "Give at least one list.")
    users = pa.chunked_array(runs).unique()
    return Contents(
        users.to_pandas(), pa.chunked_array(things).unique().to_pandas(), n_runs > len(users), float(lowest)
    )


def _plain(column: pa.Array) -> pa.Array:
    return column.dictionary_decode() if pa.types.is_dictionary(column.type) else column


def _run_starts(column: pa.Array) -> NDArray[np.int64]:
    """Rows at which another id begins."""
    if pa.types.is_integer(column.type) or pa.types.is_floating(column.type):
        values = column.to_numpy(zero_copy_only=False)
    else:
        values = column.dictionary_encode().indices.to_numpy(zero_copy_only=False)
    return np.concatenate([[0], np.flatnonzero(values[1:] != values[:-1]) + 1]).astype(np.int64)


def _codes(column: pa.Array, coder: Coder) -> Codes:
    """Codes of a column of ids; ids are looked up once where they are text or far apart."""
    if coder.table is not None and pa.types.is_integer(column.type):
        return coder.codes(pd.Series(column.to_numpy(zero_copy_only=False)))
    encoded = column.dictionary_encode()
    ids = encoded.dictionary.to_pandas()
    if pd.api.types.is_float_dtype(ids.dtype):
        ids = ids.astype(np.int64)
    ids = ids if coder.index.dtype.kind in "iu" else ids.astype(str)
    codes: Codes = coder.codes(ids)[encoded.indices.to_numpy(zero_copy_only=False)]
    return codes


def _rows(files: Sequence[Path], people: Coder, things: Coder) -> Iterator[Rows]:
    row = 0
    for batch in _batches(files, (USER_ID, ITEM_ID, RANK, SCORE)):
        users = _plain(batch[USER_ID])
        starts = _run_starts(users)
        length = np.diff(np.append(starts, len(users)))
        user = np.repeat(_codes(users.take(pa.array(starts)), people), length)
        names = batch.schema.names
        rank = score = None

        def where(at: int, column: str, first: int = row) -> str:
            return f"{files[0].name}, row {first + at + 1}, column {column}"

        if RANK in names:
            rank = inputs.check_ranks(_numbers(batch[RANK], partial(where, column=RANK)), partial(where, column=RANK))
        if SCORE in names:
            values = batch[SCORE].cast(pa.float32(), safe=False).to_numpy(zero_copy_only=False)
            if rank is None and not np.isfinite(values).all():
                at = int(np.argmax(~np.isfinite(values)))
                raise DataError(f"{where(at, SCORE)}: the score is no number.", "Fill it in or drop the row.")
            score = values
        yield Rows(user, _codes(_plain(batch[ITEM_ID]), things), rank, score)
        row += len(batch)


def _numbers(column: pa.Array, where: Callable[[int], str]) -> NDArray[Any]:
    if pa.types.is_integer(column.type) and not column.null_count:
        values: NDArray[Any] = column.to_numpy(zero_copy_only=False)
        return values
    try:
        floats: Array = column.cast(pa.float64()).to_numpy(zero_copy_only=False)
    except pa.ArrowInvalid as error:
        raise DataError(f"{where(0).split(',')[0]}, column rank: {error}.", "Ranks are 1, 2, 3, …") from error
    if not np.isfinite(floats).all():
        raise DataError(f"{where(int(np.argmax(~np.isfinite(floats))))}: there is no number.", "Ranks are 1, 2, 3, …")
    return floats


def _scattered(files: Sequence[Path], people: Coder, things: Coder) -> Iterator[Rows]:
    """The rows, those of a user together: through temporary files by user, each sorted in memory."""
    whole = sum(pq.read_metadata(file).num_rows for file in files)
    buckets = max(1, -(-whole // BUCKET_ROWS))
    with tempfile.TemporaryDirectory(prefix="fairdash-") as folder:
        names = ("user", "item", "rank", "score")
        paths = {(b, name): Path(folder) / f"{b}.{name}" for b in range(buckets) for name in names}
        kinds: dict[str, np.dtype[Any]] = {}
        with ExitStack() as stack:
            # one handle a column and bucket: 80 at 100 million rows
            out = {key: stack.enter_context(path.open("wb")) for key, path in paths.items()}
            for rows in _rows(files, people, things):
                bucket = rows.user % buckets
                order = np.argsort(bucket, kind="stable")
                ends = np.searchsorted(bucket[order], np.arange(buckets + 1))
                for name in names:
                    values = getattr(rows, name)
                    if values is None:
                        continue
                    kinds[name] = values.dtype
                    sorted_values = values[order]
                    for b in range(buckets):
                        sorted_values[ends[b] : ends[b + 1]].tofile(out[b, name])
        for b in range(buckets):
            columns = {name: np.fromfile(paths[b, name], dtype=kind) for name, kind in kinds.items()}
            rows = Rows(columns["user"], columns["item"], columns.get("rank"), columns.get("score"))
            yield rows.take(np.argsort(rows.user, kind="stable"))


def _score_cells(files: Sequence[Path], k: int) -> tuple[float, ...]:
    """Cells from the scores of the first rows; none where there are no scores."""
    for batch in _batches(files, (USER_ID, ITEM_ID, RANK, SCORE)):
        if SCORE not in batch.schema.names:
            break
        scores = batch[SCORE].cast(pa.float32(), safe=False).to_numpy(zero_copy_only=False)
        kept = np.isfinite(scores)
        if RANK in batch.schema.names:
            kept &= batch[RANK].cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False) <= k
        return audits.score_cells(scores[kept])
    return ()
