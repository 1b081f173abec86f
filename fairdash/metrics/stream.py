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
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from fairdash import settings, words
from fairdash.data import brought
from fairdash.data.brought import Brings, Brought
from fairdash.data.findings import Finding
from fairdash.data.options import ImportOptions
from fairdash.data.read import Table
from fairdash.errors import DataError
from fairdash.hashing import Hashes, id_hash, mix
from fairdash.metrics import audit as audits
from fairdash.metrics import inputs
from fairdash.metrics.catalogue import ACCURACY
from fairdash.metrics.inputs import Coder, Inputs
from fairdash.metrics.tally import Rules, Tally, tally
from fairdash.metrics.value import Audit
from fairdash.progress import Progress, silent
from fairdash.schema import ITEM_ID, RANK, SCORE, USER_ID, Codes, GroupSpec, Interactions, Lists

Array = NDArray[np.float64]

BATCH_ROWS = 1_000_000  # rows decoded at once
PIECE_ROWS = 1_000_000  # rows tallied at once, in each of at most MAX_THREADS threads
BUCKET_ROWS = 5_000_000  # rows of one temporary file, where rows of a user do not stand together
UNLISTED_PEOPLE = 100_000  # people without a list that are tallied at once
MAX_THREADS = 4


@dataclass(frozen=True, eq=False)
class Rows:
    """Rows of lists, coded [n]. score: NaN where there is none."""

    user: Codes
    item: Codes
    rank: NDArray[np.int64] | None
    score: Array | None

    def __len__(self) -> int:
        return len(self.user)

    def take(self, rows: slice | NDArray[np.int64]) -> Rows:
        """The given rows, in that order."""
        return Rows(
            self.user[rows],
            self.item[rows],
            None if self.rank is None else self.rank[rows],
            None if self.score is None else self.score[rows],
        )

    @staticmethod
    def join(parts: Sequence[Rows]) -> Rows:
        """The parts under each other."""
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
    together. lowest: the lowest rank. empty: rows without an id, which are left out."""

    users: pd.Series
    items: pd.Series
    scattered: bool
    lowest: float
    empty: int


@dataclass(frozen=True, eq=False)
class Ids:
    """Codes of ids as they stand in the lists, before they are repaired; -1 for one that cannot be."""

    raw: Coder
    code: Codes  # by the raw coder's

    @staticmethod
    def of(raw: pd.Series, repaired: pd.Series, coder: Coder) -> Ids:
        """repaired: the ids after the repairs, by their place in `raw`, as far as they are left."""
        own = Coder.of(raw)
        code = np.full(own.size, -1, dtype=np.int32)
        code[own.codes(raw.iloc[repaired.index.to_numpy()])] = coder.codes(repaired)
        return Ids(own, code)

    def codes(self, column: pa.Array) -> Codes:
        """Ids are looked up once where they are text or far apart."""
        if self.raw.table is not None and pa.types.is_integer(column.type):
            return self.code[self.raw.codes(pd.Series(column.to_numpy(zero_copy_only=False)))]
        encoded = column.dictionary_encode()
        different = self.code[self.raw.codes(encoded.dictionary.to_pandas())]
        found: Codes = different[encoded.indices.to_numpy(zero_copy_only=False)]
        return found


@words.speaking(words.ENGLISH)
def from_parquet(
    recommendations: Path | str,
    truth: Brings | None = None,
    users: Brings | None = None,
    *,
    train: Brings | Sequence[Brings] | None = None,
    items: Brings | None = None,
    groups: Sequence[GroupSpec | str] = (),
    item_groups: Sequence[GroupSpec | str] = (),
    k: int = settings.K,
    relevance_threshold: float | Literal["auto"] | None = "auto",
    seed: int = 0,
    replicates: int = settings.BOOTSTRAP,
    permutations: int = settings.PERMUTATIONS,
    accuracy_only: bool = False,
    options: ImportOptions | None = None,
    accept_guesses: bool = True,
    progress: Progress = silent,
) -> Audit:
    """As `audit.from_frames`, with the lists in a Parquet file, or in a folder of them, read piece by piece.

    Repaired are the ids, by those that differ; the lists of one system are expected, a row for each item."""
    audits.check(k, replicates, permutations, seed)
    specs, item_specs = audits.specs(groups), audits.specs(item_groups)
    options = audits.liked_from(relevance_threshold, options)
    findings: list[Finding] = []
    files = _files(Path(recommendations))
    roles = _roles(files[0], options, findings)
    contents = _look(files, roles, progress)
    if contents.empty:
        message = words.say(
            "{empty} rows have no {user_id} or no {item_id}; they are left out.",
            empty=contents.empty,
            user_id=USER_ID,
            item_id=ITEM_ID,
        )
        name = files[0].name
        findings.append(Finding("empty_ids", "warning", name, message, contents.empty, (), "drop_empty_ids", True))
    tables, listed = _with_ids(files[0].name, contents, roles, truth, users, train, items, options, accept_guesses)
    people, things = inputs.coders(tables)
    user, item = (Ids.of(raw, listed[key], coder) for raw, key, coder in
                  ((contents.users, USER_ID, people), (contents.items, ITEM_ID, things)))  # fmt: skip
    said: list[str] = []
    made = inputs.setting(tables, people, things, specs, item_specs, said)
    cells = () if accuracy_only else _score_cells(files, roles, k)
    if cells:
        said.append(words.say("Score distance: of cells of scores that were cut from the first rows of the lists."))
    rules = Rules(k, seed, replicates, permutations, ACCURACY if accuracy_only else (), cells)
    pieces = _Pieces(made, tuple(spec.min_size for spec in specs), rules, int(contents.lowest == 0))

    order: list[Codes] = []
    together = not contents.scattered and not listed[USER_ID].duplicated().any()
    rows = _rows(files, roles, user, item) if together else _scattered(files, roles, user, item)
    held, listed_too = (np.zeros(people.size, dtype=bool) for _ in range(2))
    held[people.codes(tables.truth[USER_ID])], listed_too[user.code[user.code >= 0]] = True, True
    unlisted = np.flatnonzero(held & ~listed_too).astype(np.int32)
    items_meet = inputs.meet(item.code[item.code >= 0], things.codes(tables.truth[ITEM_ID]), things.size)
    lists = pd.DataFrame({USER_ID: contents.users.head(3), ITEM_ID: contents.items.head(3)})
    lists.attrs["file"] = files[0].name
    apart = inputs.meeting(lists, tables.truth, bool((held & listed_too).any()), items_meet)
    found = tables.findings
    del tables  # their codes are all that is needed: the lists are to have the memory

    def parts() -> Iterator[Tally]:
        whole, done = sum(pq.read_metadata(file).num_rows for file in files), 0
        for codes, part in _in_parallel(pieces.tallies(rows, unlisted)):
            yield part
            order.append(codes)
            done += len(codes)
            progress(
                min(1.0, done / people.size),
                words.say("Audited {done} of {size} people ({whole} rows)", done=done, size=people.size, whole=whole),
            )

    total = Tally.gathered(parts())
    pieces.odd.from_zero = contents.lowest == 0
    said += [*pieces.odd.sentences(), *inputs.short(pieces.odd.short, k)]
    said += inputs.unlisted(len(unlisted))
    place = np.concatenate(order)
    continuous = {label: values[place] for label, values in made.continuous.items()}
    labels = [spec.label for spec in item_specs]
    rated = None
    if made.rated is not None and not accuracy_only:
        who = id_hash(people.index.astype(str).to_numpy(dtype=object))
        least = tuple(spec.min_size for spec in specs)
        rated = audits.rating_gaps(made.rated, who, made.groups, least, made.catalogue.size, rules)
    found = (*findings, *found, *pieces.odd.findings(files[0].name), *apart)
    return audits.finish(total, made.catalogue, labels, said, continuous, made.threshold, rated=rated, findings=found)


class _Pieces:
    """Cuts coded rows where a user ends, and makes the tally of each piece."""

    def __init__(self, made: inputs.Setting, min_sizes: tuple[int, ...], rules: Rules, shift: int) -> None:
        self.made, self.min_sizes, self.rules, self.shift = made, min_sizes, rules, shift
        self.ids = made.people.index.to_numpy()
        self.ties: Hashes = mix(rules.seed, id_hash(made.catalogue.ids))
        self.relevant = made.relevant.starts(made.people.size)
        self.known = None if made.known is None else made.known.starts(made.people.size)
        self.odd, self.lock = inputs.Oddities(), threading.Lock()
        self.limit = rules.k if rules.accuracy_only else inputs.places(made.people.size, made.things.size)
        self.graded = None if made.graded is None else made.graded.starts(made.people.size)

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
            yield partial(self.tally_lists, codes, Lists(empty, np.full(empty.shape, np.nan)))

    def tally(self, rows: Rows) -> tuple[Codes, Tally]:
        starts = np.concatenate([[0], np.flatnonzero(rows.user[1:] != rows.user[:-1]) + 1])
        codes = rows.user[starts]
        local = np.repeat(np.arange(len(codes), dtype=np.int32), np.diff(np.append(starts, len(rows))))
        if rows.rank is not None:
            rank = rows.rank + self.shift
        else:
            assert rows.score is not None
            rank = inputs.ranks_of_scores(rows.score, local, self.ties[rows.item])
        odd = inputs.Oddities()

        def where(row: int) -> str:
            return f"recommendations, user {self.ids[rows.user[row]]}, column rank"

        n_items = self.made.things.size
        lists = inputs.arrange(
            local, rows.item, rank, rows.score, len(codes), n_items, self.rules.k, odd, where, self.limit
        )
        self.count(odd)
        return self.tally_lists(codes, lists)

    def count(self, odd: inputs.Oddities) -> None:
        with self.lock:  # pieces are tallied in several threads
            self.odd.add(odd)

    def tally_lists(self, codes: Codes, lists: Lists) -> tuple[Codes, Tally]:
        made = self.made
        piece = Inputs(
            user_ids=self.ids[codes],
            lists=lists,
            relevant=inputs.pairs_of(made.relevant, self.relevant, codes),
            known=_of(made.known, self.known, codes),
            groups=tuple(group.take(codes) for group in made.groups),
            min_sizes=self.min_sizes,
            targets=made.targets,
            continuous={},
            catalogue=made.catalogue,
            graded=_of(made.graded, self.graded, codes),
            warnings=(),
            threshold=made.threshold,
        )
        odd = inputs.Oddities()
        odd.count_known(lists, piece.known, made.things.size)
        self.count(odd)
        return codes, tally(piece, self.rules)


def _of(pairs: Interactions | None, starts: NDArray[np.int64] | None, codes: Codes) -> Interactions | None:
    """The pairs of these users, where there are pairs."""
    return None if pairs is None or starts is None else inputs.pairs_of(pairs, starts, codes)


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
        raise DataError(
            words.say("{path} is a folder without Parquet files.", path=path), "Name a file, or a folder of *.parquet."
        )
    for file in files:
        try:
            pq.read_schema(file)
        except (pa.ArrowException, OSError) as error:
            raise DataError(
                words.say("{file} cannot be read as Parquet: {error}.", file=file, error=error),
                "Check the path, or write it again.",
            ) from error
    return files


def _sound(file: Path, rows: int, columns: list[str] | None = None) -> Iterator[pa.RecordBatch]:
    """Rows of a Parquet file. Raises DataError where it is damaged further in, or holds text that is not UTF-8."""
    try:
        for batch in pq.ParquetFile(file).iter_batches(batch_size=rows, columns=columns):
            batch.validate(full=True)
            yield batch
    except (pa.ArrowException, OSError) as error:
        raise DataError(
            words.say("{name} is damaged, or its text is not UTF-8.", name=file.name),
            words.say("Write the file again, with text as UTF-8."),
        ) from error


def _roles(file: Path, options: ImportOptions, findings: list[Finding]) -> dict[str, str]:
    """The columns of the lists, recognised from the first rows."""
    head = next(_sound(file, 1000), None)
    if head is None or not len(head):
        raise DataError(words.say("{name} has no rows.", name=file.name), "Give at least one list.")
    table = Table(file.name, head.to_pandas(), "parquet", "utf-8", True)
    roles = brought.list_roles(table, options, findings)
    brought.unused(file.name, [c for c in map(str, table.frame.columns) if c not in roles.values()], findings)
    return roles


def _with_ids(
    name: str,
    contents: Contents,
    roles: Mapping[str, str],
    truth: Brings | None,
    users: Brings | None,
    train: Brings | Sequence[Brings] | None,
    items: Brings | None,
    options: ImportOptions,
    accept_guesses: bool,
) -> tuple[Brought, dict[str, pd.Series]]:
    """The other tables beside lists in which each different id stands once, and those ids after the repairs by their
    place in `contents`."""
    partner = {key: ids[ids.astype("str").str.strip() != ""].head(1) for key, ids in
               ((USER_ID, contents.users), (ITEM_ID, contents.items))}  # fmt: skip
    if not all(map(len, partner.values())):
        raise DataError(
            words.say(
                "{name} has no row with a {user_id} and a {item_id}.", name=name, user_id=USER_ID, item_id=ITEM_ID
            ),
            "Check the columns of the ids.",
        )
    n, m = len(contents.users), len(contents.items)
    every = {
        USER_ID: pd.concat([contents.users, partner[USER_ID].repeat(m)], ignore_index=True),
        ITEM_ID: pd.concat([partner[ITEM_ID].repeat(n), contents.items], ignore_index=True),
    }
    frame = pd.DataFrame({column: every.get(role, 1.0) for role, column in roles.items()})
    frame.attrs["file"] = name
    tables = brought.bring(frame, truth, users, train, items, options=options, accept_guesses=accept_guesses)
    (lists,) = tables.systems.values()
    place = lists.index.to_numpy() - 1
    repaired = lists.set_axis(place, axis=0)
    own = repaired.loc[place[place >= n], ITEM_ID]
    return tables, {USER_ID: repaired.loc[place[place < n], USER_ID], ITEM_ID: own.set_axis(own.index - n)}


def _batches(files: Sequence[Path], roles: Mapping[str, str]) -> Iterator[tuple[pa.RecordBatch, NDArray[np.int64]]]:
    """The columns under the names of their roles, and the rows in their order through all files, from 0 on, without
    those that lack an id."""
    first = 0
    for file in files:
        reader = pq.ParquetFile(file)
        for column in roles.values():
            if column not in reader.schema_arrow.names:
                raise DataError(
                    words.say(
                        "{name} has no column {column}, as {name_2} has.",
                        name=file.name,
                        column=repr(column),
                        name_2=files[0].name,
                    ),
                    "Write both alike.",
                )
        for batch in _sound(file, BATCH_ROWS, list(roles.values())):
            named = pa.RecordBatch.from_arrays([batch[column] for column in roles.values()], list(roles))
            rows = np.arange(first, first + len(batch))
            first += len(batch)
            if named[USER_ID].null_count or named[ITEM_ID].null_count:
                there = pc.and_(named[USER_ID].is_valid(), named[ITEM_ID].is_valid())
                named, rows = named.filter(there), rows[there.to_numpy(zero_copy_only=False)]
            if len(named):
                yield named, rows


def _look(files: Sequence[Path], roles: Mapping[str, str], progress: Progress) -> Contents:
    """One pass over the ids and ranks."""
    runs, things, systems, lowest, n_runs = [], [], set(), np.inf, 0
    last: Any = None
    seen = 0
    wanted = {role: column for role, column in roles.items() if role != SCORE}
    for batch, rows in _batches(files, wanted):
        users = _plain(batch[USER_ID])
        starts = _run_starts(users)
        found = users.take(pa.array(starts))
        continued = last is not None and found[0].as_py() == last
        n_runs += len(found) - int(continued)
        last = found[-1].as_py()
        runs.append(pc.unique(found))
        things.append(pc.unique(_plain(batch[ITEM_ID])))
        if RANK in roles:
            low = pc.min(batch[RANK].cast(pa.float64(), safe=False)).as_py()
            lowest = min(lowest, low if low is not None else np.inf)
        if brought.SYSTEM in roles:
            systems |= set(pc.unique(batch[brought.SYSTEM]).to_pylist())
        seen += len(batch)
        progress(0.0, words.say("Looked at {n} rows", n=int(rows[-1]) + 1))
    if len(systems) > 1:
        shown = ", ".join(sorted(map(str, systems))[:8])
        hint = 'Write a file for each of them, or take all rows as one system (--system-column "").'
        raise DataError(
            words.say("{name} holds lists of {n} systems: {shown}.", name=files[0].name, n=len(systems), shown=shown),
            hint,
        )
    if not seen:
        raise DataError(
            words.say(
                "{name} has no row with a {user_id} and a {item_id}.",
                name=files[0].name,
                user_id=USER_ID,
                item_id=ITEM_ID,
            ),
            "Check the columns of the ids.",
        )
    different = pa.chunked_array(runs).unique()
    whole = sum(pq.read_metadata(file).num_rows for file in files)
    return Contents(
        different.to_pandas(),
        pa.chunked_array(things).unique().to_pandas(),
        n_runs > len(different),
        float(lowest),
        whole - seen,
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


def _rows(files: Sequence[Path], roles: Mapping[str, str], people: Ids, things: Ids) -> Iterator[Rows]:
    for batch, place in _batches(files, {role: column for role, column in roles.items() if role != brought.SYSTEM}):
        users = _plain(batch[USER_ID])
        starts = _run_starts(users)
        length = np.diff(np.append(starts, len(users)))
        user = np.repeat(people.codes(users.take(pa.array(starts))), length)
        item = things.codes(_plain(batch[ITEM_ID]))
        rank = score = None

        def where(at: int, column: str, place: NDArray[np.int64] = place) -> str:
            return f"{files[0].name}, row {place[at] + 1}, column {column}"

        if RANK in roles:
            rank = inputs.check_ranks(_numbers(batch[RANK], partial(where, column=RANK)), partial(where, column=RANK))
        if SCORE in roles:
            values = batch[SCORE].cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)
            if rank is None and not np.isfinite(values).all():
                at = int(np.argmax(~np.isfinite(values)))
                raise DataError(
                    words.say("{where}: the score is no number.", where=where(at, SCORE)), "Fill it in or drop the row."
                )
            score = values
        rows = Rows(user, item, rank, score)
        known = (user >= 0) & (item >= 0)
        yield rows if known.all() else rows.take(np.flatnonzero(known))


def _numbers(column: pa.Array, where: Callable[[int], str]) -> NDArray[Any]:
    if pa.types.is_integer(column.type) and not column.null_count:
        values: NDArray[Any] = column.to_numpy(zero_copy_only=False)
        return values
    try:
        floats: Array = column.cast(pa.float64()).to_numpy(zero_copy_only=False)
    except pa.ArrowInvalid as error:
        raise DataError(
            words.say("{split}, column rank: {error}.", split=where(0).split(",")[0], error=error),
            "Ranks are 1, 2, 3, …",
        ) from error
    if not np.isfinite(floats).all():
        raise DataError(
            words.say("{where}: there is no number.", where=where(int(np.argmax(~np.isfinite(floats))))),
            "Ranks are 1, 2, 3, …",
        )
    return floats


def _scattered(files: Sequence[Path], roles: Mapping[str, str], people: Ids, things: Ids) -> Iterator[Rows]:
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
            for rows in _rows(files, roles, people, things):
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


def _score_cells(files: Sequence[Path], roles: Mapping[str, str], k: int) -> tuple[float, ...]:
    """Cells from the scores of the first rows; none where there are no scores."""
    if SCORE not in roles:
        return ()
    for batch, _ in _batches(files, roles):
        scores = batch[SCORE].cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)
        kept = np.isfinite(scores)
        if RANK in roles:
            kept &= batch[RANK].cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False) <= k
        return audits.score_cells(scores[kept])
    return ()
