"""The audit of lists that do not fit into memory: stretches of Parquet files go through `tally`, and the tallies are
added. Each stretch is read by whoever tallies it, so that an engine (`fairdash.engines`) may have many machines do so:
with a stretch goes what is known of the people in it, and of nobody else.

Memory holds the table of users, truth, training pairs and a few pieces of the lists. A first pass reads the ids alone,
since people and catalogue must be known. Where the rows of a user stand together, in any order of users, a second pass
is enough; otherwise rows are first sorted into temporary files by user, on this machine.

The numbers are those of `audit.from_frames`, but for `score_ks`, whose cells of scores come from the first rows (said
in the warnings); where lists have scores and people are more than `EXACT_PEOPLE`, what is drawn is drawn anew, as the
cells are columns that are drawn, too.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import cached_property, partial
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from fairdash import memory, settings, words
from fairdash.data import brought
from fairdash.data.brought import Brings, Brought
from fairdash.data.findings import Finding, UnansweredError, questions
from fairdash.data.options import ImportOptions
from fairdash.data.table import Table
from fairdash.engines import Engine
from fairdash.engines.local import LOCAL
from fairdash.errors import DataError
from fairdash.hashing import Hashes, id_hash, mix
from fairdash.metrics import audit as audits
from fairdash.metrics import inputs
from fairdash.metrics.catalogue import ACCURACY
from fairdash.metrics.inputs import Coder, Inputs
from fairdash.metrics.tally import Limits, Rules, Tally, tally
from fairdash.metrics.value import Audit
from fairdash.progress import Progress, silent
from fairdash.schema import ITEM_ID, RANK, SCORE, USER_ID, Codes, Groups, GroupSpec, Interactions, Lists

Array = NDArray[np.float64]

BATCH_ROWS = 1_000_000  # rows decoded at once
PIECE_ROWS = 500_000  # rows tallied at once, by each worker
LARGE_GROUP = 4  # BATCH_ROWS of a row group, beyond which it is cut: whoever reads a part decodes what is before it
EDGE_ROWS = 65_536  # rows decoded at once of a row group of which a part is wanted
BUCKET_ROWS = 5_000_000  # rows of one temporary file, where rows of a user do not stand together
UNLISTED_PEOPLE = 100_000  # people without a list that are tallied at once


@dataclass(frozen=True)
class Stretch:
    """Rows of the lists from `first` on, before `stop`, counted through all files."""

    first: int
    stop: int

    def __len__(self) -> int:
        return max(0, self.stop - self.first)

    def within(self, other: Stretch) -> Stretch:
        """What both have in common."""
        return Stretch(max(self.first, other.first), min(self.stop, other.stop))


@dataclass(frozen=True)
class RowGroup:
    """A row group of a Parquet file, and where its rows stand."""

    file: Path
    number: int
    rows: Stretch


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
    """What a first look at a stretch of the lists tells; looks at neighbouring stretches add up. users, items: their
    different ids, in the order in which they come. runs: how many there are of rows of one user that stand
    together; last: the user of the last row, first: of the first one. lowest: the lowest rank. rows: those with ids.
    cuts: of each stretch a row at which another user begins than stands before it, and how many runs are before it."""

    users: pa.Array
    items: pa.Array
    systems: frozenset[Any]
    runs: int
    first: Any
    last: Any
    lowest: float
    rows: int
    cuts: tuple[tuple[int, int], ...]

    def __add__(self, other: Contents) -> Contents:
        if not self.rows or not other.rows:
            return self if self.rows else other
        before = self.runs - int(self.last == other.first)
        return Contents(
            _different(self.users, other.users),
            _different(self.items, other.items),
            self.systems | other.systems,
            before + other.runs,
            self.first,
            other.last,
            min(self.lowest, other.lowest),
            self.rows + other.rows,
            self.cuts + tuple((row, before + runs) for row, runs in other.cuts),
        )


def _different(*arrays: pa.Array) -> pa.Array:
    return pa.chunked_array(arrays).unique()


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

    def of_some(self, rows: Codes) -> tuple[Ids, Codes]:
        """The ids with these raw codes, coded in this order, and the codes that they have here."""
        code = self.code[rows]
        there = code >= 0
        places = np.where(there, np.cumsum(there) - 1, -1).astype(np.int32)
        return Ids(Coder(self.raw.index[rows], None, 0), places), code[there]

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
    engine: Engine = LOCAL,
    progress: Progress = silent,
) -> Audit:
    """As `audit.from_frames`, with the lists in a Parquet file, or in a folder of them, read piece by piece. engine:
    where pieces are read and tallied.

    Repaired are the ids, by those that differ; the lists of one system are expected, a row for each item."""
    audits.check(k, replicates, permutations, seed)
    specs, item_specs = audits.specs(groups), audits.specs(item_groups)
    options = audits.liked_from(relevance_threshold, options)
    findings: list[Finding] = []
    files = _files(Path(recommendations))
    roles = _roles(files[0], options, findings)
    groups_of_rows = _groups(files, roles)
    roles = _ordered(groups_of_rows, roles, options, findings)
    asked = questions(findings)
    if asked and not accept_guesses:
        raise UnansweredError(asked)
    whole = groups_of_rows[-1].rows.stop
    contents = _look(groups_of_rows, roles, engine, progress)
    if contents.rows < whole:
        message = words.say(
            "{n} row has no {user_id} or no {item_id}; it is left out.",
            "{n} rows have no {user_id} or no {item_id}; they are left out.",
            n=whole - contents.rows,
            user_id=USER_ID,
            item_id=ITEM_ID,
        )
        name = files[0].name
        findings.append(Finding("empty_ids", "warning", name, message, whole - contents.rows, (), "drop_empty_ids",
                                True))  # fmt: skip
    users_seen, items_seen = contents.users.to_pandas(), contents.items.to_pandas()
    tables, listed = _with_ids(
        files[0].name, users_seen, items_seen, roles, truth, users, train, items, options, accept_guesses
    )
    people, things = inputs.coders(tables)
    user, item = (Ids.of(raw, listed[key], coder) for raw, key, coder in
                  ((users_seen, USER_ID, people), (items_seen, ITEM_ID, things)))  # fmt: skip
    said: list[str] = []
    made = inputs.setting(tables, people, things, specs, item_specs, said)
    cells = () if accuracy_only else _score_cells(groups_of_rows, roles, k)
    if cells:
        said.append(words.say("Score distance: of cells of scores that were cut from the first rows of the lists."))
    rules = Rules(k, seed, replicates, permutations, ACCURACY if accuracy_only else (), cells)
    least = tuple(spec.min_size for spec in specs)

    together = contents.runs == len(users_seen) and not listed[USER_ID].duplicated().any()
    held, listed_too = (np.zeros(people.size, dtype=bool) for _ in range(2))
    held[people.codes(tables.truth[USER_ID])], listed_too[user.code[user.code >= 0]] = True, True
    unlisted, audited = np.flatnonzero(held & ~listed_too).astype(np.int32), held | listed_too
    limits = Limits.of(int(audited.sum()), [int(audited[~group.unknown].sum()) for group in made.groups])
    pieces = _Pieces(groups_of_rows, roles, item, made, least, rules, limits, int(contents.lowest == 0))
    items_meet = inputs.meet(item.code[item.code >= 0], things.codes(tables.truth[ITEM_ID]), things.size)
    lists = pd.DataFrame({USER_ID: users_seen.head(3), ITEM_ID: items_seen.head(3)})
    lists.attrs["file"] = files[0].name
    apart = inputs.meeting(lists, tables.truth, bool((held & listed_too).any()), items_meet)
    order = user.raw.codes(users_seen) if together else None
    everyone = _Everyone(pieces, made, user, order, contents.cuts, whole, unlisted)
    of_tables = tables.findings
    del tables, contents, users_seen, items_seen  # codes are all that is needed: the lists are to have the memory
    memory.give_back()
    done = 0

    def told(part: Part) -> None:
        nonlocal done
        done += 0 if part.rows is None else len(part.rows)
        progress(min(1.0, done / whole), words.say("Audited {done} of {whole} rows", done=done, whole=whole))

    counted = engine.total(_count, pieces, everyone.parts(), told, Counted.gathered)
    assert counted is not None  # there is at least one row
    left = np.concatenate([counted.left, everyone.left])
    empty, audited[left] = left[held[left]], held[left]
    if len(empty):  # of all their rows nothing was left, so they have no list either
        unlisted = np.concatenate([unlisted, empty])
        counted = Counted.gathered([counted, _count(pieces, Part(everyone.people.take(empty)))])
    codes, own, odd = np.flatnonzero(audited), counted.tally.own, counted.odd
    groups_of, rows = tuple(group.take(codes) for group in made.groups), np.searchsorted(codes, own.ids[own.rows])
    own = replace(own, ids=everyone.people.ids[codes], who=groups_of, rows=rows)
    total = replace(counted.tally, own=own.sorted())
    odd.from_zero = bool(pieces.shift)
    said += [*odd.sentences(), *inputs.short(odd.short, k)]
    said += inputs.unlisted(len(unlisted))
    continuous = {label: values[codes] for label, values in made.continuous.items()}
    labels = [spec.label for spec in item_specs]
    rated = None
    if made.rated is not None and not accuracy_only:
        who = id_hash(people.index.astype(str).to_numpy(dtype=object))
        rated = audits.rating_gaps(made.rated, who, made.groups, least, made.catalogue.size, rules)
    found = (*findings, *of_tables, *odd.findings(files[0].name), *apart)
    return audits.finish(total, made.catalogue, labels, said, continuous, made.threshold, rated=rated, findings=found)


@dataclass(frozen=True, eq=False)
class Some:
    """What is known of some people [n] beside their lists. codes: among everybody; ids, and the other values, which are
    in their order, as in Inputs."""

    codes: Codes
    ids: NDArray[Any]
    relevant: Interactions
    known: Interactions | None
    groups: tuple[Groups, ...]
    graded: Interactions | None

    def take(self, places: Codes) -> Some:
        """Those at these places, in this order."""
        relevant, known, graded = (
            None if pairs is None or starts is None else inputs.pairs_of(pairs, starts, places)
            for pairs, starts in zip((self.relevant, self.known, self.graded), self._starts, strict=True)
        )
        assert relevant is not None
        groups = tuple(group.take(places) for group in self.groups)
        return Some(self.codes[places], self.ids[places], relevant, known, groups, graded)

    @cached_property
    def _starts(self) -> list[NDArray[np.int64] | None]:
        """Where each one's pairs begin."""
        pairs = self.relevant, self.known, self.graded
        return [None if one is None else one.starts(len(self.codes)) for one in pairs]


@dataclass(frozen=True, eq=False)
class Part:
    """Lists and whose they are. rows: where they stand, with the ids that these people have there; or the rows, with
    places among these people as users; None: they have no lists."""

    people: Some
    rows: Stretch | Rows | None = None
    listed: Ids | None = None


@dataclass(frozen=True, eq=False)
class Counted:
    """Of a part: the tally of its people, what was odd in their lists, and left: codes of those who had none after all.
    Of who they are the codes of those whose own values are kept go back alone, as the tally's ids: the rest is known
    where it goes."""

    tally: Tally
    odd: inputs.Oddities
    left: Codes

    @staticmethod
    def gathered(parts: Iterable[Counted]) -> Counted:
        """Any number of parts as one, at least one."""
        odd, left = inputs.Oddities(), [np.empty(0, dtype=np.int32)]

        def tallies() -> Iterator[Tally]:
            for part in parts:
                odd.add(part.odd)
                left.append(part.left)
                yield part.tally

        total = Tally.gathered(tallies())
        return Counted(total, odd, np.concatenate(left))


def _count(pieces: _Pieces, part: Part) -> Counted:
    """What an engine has done for each part, wherever."""
    rows = part.rows
    if isinstance(rows, Stretch):
        assert part.listed is not None
        read = list(_rows(pieces.groups, pieces.roles, part.listed, pieces.item, rows))
        if not any(map(len, read)):  # rows without ids, or of ids that repairs have left out
            nobody = part.people.take(np.empty(0, dtype=np.int32))
            return replace(pieces.tally(nobody, None), left=part.people.codes)
        rows = Rows.join(read)
    return pieces.tally(part.people, rows)


class _Pieces:
    """Makes the tally of each piece: what all of them share, nothing of which is about people. It can be pickled."""

    def __init__(
        self,
        groups: Sequence[RowGroup],
        roles: Mapping[str, str],
        item: Ids,
        made: inputs.Setting,
        min_sizes: tuple[int, ...],
        rules: Rules,
        limits: Limits,
        shift: int,
    ) -> None:
        self.groups, self.roles, self.item = groups, roles, item
        self.min_sizes, self.rules, self.limits, self.shift = min_sizes, rules, limits, shift
        self.targets, self.catalogue, self.threshold = made.targets, made.catalogue, made.threshold
        self.ties: Hashes = mix(rules.seed, id_hash(made.catalogue.ids))
        self.limit = rules.k if rules.accuracy_only else inputs.places(made.people.size, made.things.size)

    def tally(self, people: Some, rows: Rows | None) -> Counted:
        """Of rows in which those of a user stand together; None: of people without lists."""
        odd = inputs.Oddities()
        if rows is None:
            empty = np.full((len(people.codes), self.rules.k), -1, dtype=np.int32)
            return self._counted(people, Lists(empty, np.full(empty.shape, np.nan)), odd)
        starts = np.concatenate([[0], np.flatnonzero(rows.user[1:] != rows.user[:-1]) + 1])
        listed = rows.user[starts]
        local = np.repeat(np.arange(len(listed), dtype=np.int32), np.diff(np.append(starts, len(rows))))
        if rows.rank is not None:
            rank = rows.rank + self.shift
        else:
            assert rows.score is not None
            rank = inputs.ranks_of_scores(rows.score, local, self.ties[rows.item])

        def where(row: int) -> str:
            return f"recommendations, user {people.ids[rows.user[row]]}, column rank"

        lists = inputs.arrange(
            local, rows.item, rank, rows.score, len(listed), self.catalogue.size, self.rules.k, odd, where, self.limit
        )
        return replace(self._counted(people.take(listed), lists, odd), left=np.delete(people.codes, listed))

    def _counted(self, people: Some, lists: Lists, odd: inputs.Oddities) -> Counted:
        """Of the lists of people. odd: what was odd in them so far."""
        piece = Inputs(
            user_ids=people.ids,
            lists=lists,
            relevant=people.relevant,
            known=people.known,
            groups=people.groups,
            min_sizes=self.min_sizes,
            targets=self.targets,
            continuous={},
            catalogue=self.catalogue,
            graded=people.graded,
            warnings=(),
            threshold=self.threshold,
        )
        odd.count_known(lists, piece.known, self.catalogue.size)
        nobody = np.empty(0, dtype=np.int64)
        found = tally(piece, self.rules, limits=self.limits)
        kept, who = found.own.rows, tuple(group.take(nobody) for group in people.groups)
        own = replace(found.own, ids=people.codes[kept], who=who, rows=np.arange(len(kept)))
        return Counted(replace(found, own=own), odd, people.codes[:0])


class _Everyone:
    """Cuts rows where a user ends, and gives to each piece what is known of its people. order: raw codes of the ids as
    they follow each other in the lists; None: rows of a user do not stand together. cuts: rows at which another user
    begins, with the users before them. whole: rows. unlisted: people without a list. left: when all parts are made,
    codes of those of whose rows nothing was left."""

    def __init__(
        self,
        pieces: _Pieces,
        made: inputs.Setting,
        user: Ids,
        order: Codes | None,
        cuts: Sequence[tuple[int, int]],
        whole: int,
        unlisted: Codes,
    ) -> None:
        self.pieces, self.user, self.order, self.cuts = pieces, user, order, cuts
        self.whole, self.unlisted, self.left = whole, unlisted, np.empty(0, dtype=np.int32)
        codes = np.arange(made.people.size, dtype=np.int32)
        ids = made.people.index.to_numpy()
        self.people = Some(codes, ids, made.relevant, made.known, made.groups, made.graded)

    def parts(self) -> Iterator[Part]:
        """All that is to be tallied: about PIECE_ROWS rows each, then people without a list."""
        yield from self._sorted() if self.order is None else self._stretches(self.order)
        for first in range(0, len(self.unlisted), UNLISTED_PEOPLE):
            yield Part(self.people.take(self.unlisted[first : first + UNLISTED_PEOPLE]))

    def _stretches(self, order: Codes) -> Iterator[Part]:
        """Stretches of PIECE_ROWS or more, each of which ends where a user does."""
        first = before = 0
        for cut, users in (*self.cuts, (self.whole, len(order))):
            if cut - first >= PIECE_ROWS or first < cut == self.whole:
                listed, codes = self.user.of_some(order[before:users])
                yield Part(self.people.take(codes), Stretch(first, cut), listed)
                first, before = cut, users

    def _sorted(self) -> Iterator[Part]:
        gone = np.zeros(len(self.people.codes), dtype=bool)
        gone[self.user.code[self.user.code >= 0]] = True

        def part(rows: Rows) -> Part:
            codes, places = np.unique(rows.user, return_inverse=True)
            gone[codes] = False
            return Part(self.people.take(codes), replace(rows, user=places.astype(np.int32)))

        waiting: list[Rows] = []
        for some in _scattered(self.pieces.groups, self.pieces.roles, self.user, self.pieces.item):
            waiting.append(some)
            if sum(map(len, waiting)) >= PIECE_ROWS:
                piece = Rows.join(waiting)
                changes = np.flatnonzero(piece.user[1:] != piece.user[:-1])
                cut = int(changes[-1]) + 1 if len(changes) else 0
                waiting = [piece.take(slice(cut, None))]
                if cut:
                    yield part(piece.take(slice(0, cut)))
        if sum(map(len, waiting)):
            yield part(Rows.join(waiting))
        self.left = np.flatnonzero(gone).astype(np.int32)


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


def _sound(group: RowGroup, rows: int, columns: list[str] | None = None) -> Iterator[pa.RecordBatch]:
    """Rows of a row group, so many at once. Raises DataError where it is damaged further in, or holds text that is not
    UTF-8."""
    try:
        reader = pq.ParquetFile(group.file)
        for batch in reader.iter_batches(batch_size=rows, columns=columns, row_groups=[group.number]):
            batch.validate(full=True)
            yield batch
    except (pa.ArrowException, OSError) as error:
        raise DataError(
            words.say("{name} is damaged, or its text is not UTF-8.", name=group.file.name),
            words.say("Write the file again, with text as UTF-8."),
        ) from error


def _roles(file: Path, options: ImportOptions, findings: list[Finding]) -> dict[str, str]:
    """The columns of the lists, recognised from the first rows."""
    numbers = range(pq.read_metadata(file).num_row_groups)
    heads = (batch for n in numbers for batch in _sound(RowGroup(file, n, Stretch(0, 0)), 1000) if len(batch))
    head = next(heads, None)
    if head is None:
        raise DataError(words.say("{name} has no rows.", name=file.name), "Give at least one list.")
    table = Table(file.name, head.to_pandas(), "parquet", "utf-8", True)
    roles = brought.list_roles(table, options, findings)
    brought.unused(file.name, [c for c in map(str, table.frame.columns) if c not in roles.values()], findings)
    return roles


def _ordered(
    groups: Sequence[RowGroup], roles: dict[str, str], options: ImportOptions, findings: list[Finding]
) -> dict[str, str]:
    """The columns of the lists after their first scores were held against the ranks."""
    if not {RANK, SCORE} <= roles.keys():
        return roles
    parts, seen = [], 0
    for batch, rows in _batches(groups, roles):
        parts.append(batch.to_pandas().set_axis(rows + 1, axis=0).set_axis(list(roles.values()), axis=1))
        seen += len(batch)
        if seen >= brought.LOOK:
            break
    if not parts:
        return roles
    table = Table(groups[0].file.name, pd.concat(parts), "parquet", "utf-8", True)
    return brought.ordered_by(table, roles, (), options, findings)


def _with_ids(
    name: str,
    users_seen: pd.Series,
    items_seen: pd.Series,
    roles: Mapping[str, str],
    truth: Brings | None,
    users: Brings | None,
    train: Brings | Sequence[Brings] | None,
    items: Brings | None,
    options: ImportOptions,
    accept_guesses: bool,
) -> tuple[Brought, dict[str, pd.Series]]:
    """The other tables beside lists in which each different id stands once, and those ids after the repairs by their
    place among those that were seen."""
    partner = {key: ids[ids.astype("str").str.strip() != ""].head(1) for key, ids in
               ((USER_ID, users_seen), (ITEM_ID, items_seen))}  # fmt: skip
    if not all(map(len, partner.values())):
        raise DataError(
            words.say(
                "{name} has no row with a {user_id} and a {item_id}.", name=name, user_id=USER_ID, item_id=ITEM_ID
            ),
            "Check the columns of the ids.",
        )
    n, m = len(users_seen), len(items_seen)
    every = {
        USER_ID: pd.concat([users_seen, partner[USER_ID].repeat(m)], ignore_index=True),
        ITEM_ID: pd.concat([partner[ITEM_ID].repeat(n), items_seen], ignore_index=True),
    }
    every[RANK] = pd.Series(np.arange(1.0, n + m + 1.0))  # no row is there twice, which would be repaired
    frame = pd.DataFrame({column: every.get(role, 1.0) for role, column in roles.items()})
    frame.attrs["file"] = name
    tables = brought.bring(frame, truth, users, train, items, options=options, accept_guesses=accept_guesses)
    (lists,) = tables.systems.values()
    place = lists.index.to_numpy() - 1
    repaired = lists.set_axis(place, axis=0)
    own = repaired.loc[place[place >= n], ITEM_ID]
    return tables, {USER_ID: repaired.loc[place[place < n], USER_ID], ITEM_ID: own.set_axis(own.index - n)}


def _groups(files: Sequence[Path], roles: Mapping[str, str]) -> tuple[RowGroup, ...]:
    """All row groups, in their order. Raises DataError where a file lacks a column of the first one's."""
    found: list[RowGroup] = []
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
        for number in range(reader.metadata.num_row_groups):
            first = found[-1].rows.stop if found else 0
            found.append(
                RowGroup(file.absolute(), number, Stretch(first, first + reader.metadata.row_group(number).num_rows))
            )
    return tuple(found)


def _batches(
    groups: Sequence[RowGroup], roles: Mapping[str, str], stretch: Stretch | None = None
) -> Iterator[tuple[pa.RecordBatch, NDArray[np.int64]]]:
    """The columns under the names of their roles, and the rows in their order through all files, from 0 on, without
    those that lack an id; of a stretch alone, where one is named."""
    for group in groups:
        own = group.rows if stretch is None else group.rows.within(stretch)
        begin = group.rows.first
        for batch in _sound(group, BATCH_ROWS if own == group.rows else EDGE_ROWS, list(roles.values())) if own else ():
            here = Stretch(begin, begin + len(batch)).within(own)
            named = pa.RecordBatch.from_arrays([batch[column] for column in roles.values()], list(roles))
            named = named.slice(here.first - begin, len(here))
            begin += len(batch)
            rows = np.arange(here.first, here.stop)
            if named[USER_ID].null_count or named[ITEM_ID].null_count:
                there = pc.and_(named[USER_ID].is_valid(), named[ITEM_ID].is_valid())
                named, rows = named.filter(there), rows[there.to_numpy(zero_copy_only=False)]
            if len(named):
                yield named, rows
            if begin >= own.stop:
                break


def _look(groups: Sequence[RowGroup], roles: Mapping[str, str], engine: Engine, progress: Progress) -> Contents:
    """One pass over the ids and ranks."""
    bounds = [0]
    for group in groups:  # a stretch is some whole row groups, or a part of one
        if len(group.rows) > LARGE_GROUP * BATCH_ROWS:
            bounds += range(bounds[-1] + BATCH_ROWS, group.rows.stop, BATCH_ROWS)
        elif len(bounds) > 1 and group.rows.stop - bounds[-2] <= BATCH_ROWS:
            bounds.pop()
        bounds.append(group.rows.stop)
    done = 0

    def told(stretch: Stretch) -> None:
        nonlocal done
        done += len(stretch)
        progress(0.0, words.say("Looked at {n} row", "Looked at {n} rows", n=done))

    wanted = {role: column for role, column in roles.items() if role != SCORE}
    stretches = [Stretch(*both) for both in pairwise(bounds) if both[0] < both[1]]
    found = engine.total(_contents, (groups, wanted), stretches, told)
    if found is None or not found.rows:
        raise DataError(
            words.say(
                "{name} has no row with a {user_id} and a {item_id}.",
                name=groups[0].file.name,
                user_id=USER_ID,
                item_id=ITEM_ID,
            ),
            "Check the columns of the ids.",
        )
    if len(found.systems) > 1:
        shown = ", ".join(sorted(map(str, found.systems))[:8])
        hint = 'Write a file for each of them, or take all rows as one system (--system-column "").'
        raise DataError(
            words.say("{name} holds lists of {n} systems: {shown}.", name=groups[0].file.name,
                      n=len(found.systems), shown=shown), hint,
        )  # fmt: skip
    return found


def _contents(source: tuple[Sequence[RowGroup], Mapping[str, str]], stretch: Stretch) -> Contents:
    """What a look at a stretch tells."""
    groups, roles = source
    users, things, systems, lowest, runs, seen = [], [], set[Any](), np.inf, 0, 0
    first: Any = None
    last: Any = None
    cut: tuple[tuple[int, int], ...] = ()
    for batch, rows in _batches(groups, roles, stretch):
        column = _plain(batch[USER_ID])
        starts = _run_starts(column)
        found = column.take(pa.array(starts))
        fresh = int(not seen or found[0].as_py() != last)
        if not seen:
            first = found[0].as_py()
        if not cut and len(starts) > int(not seen or not fresh):
            cut = ((int(rows[starts[int(not seen or not fresh)]]), runs + int(not seen)),)
        runs += len(found) - 1 + fresh
        last = found[-1].as_py()
        users.append(pc.unique(found))
        things.append(pc.unique(_plain(batch[ITEM_ID])))
        if RANK in roles:
            lowest = float(np.fmin.reduce(_floats(batch[RANK], RANK, groups[0].file.name), initial=lowest))
        if brought.SYSTEM in roles:
            systems |= set(pc.unique(batch[brought.SYSTEM]).to_pylist())
        seen += len(batch)
    ids = [_different(*some) if some else pa.array([], pa.null()) for some in (users, things)]
    return Contents(ids[0], ids[1], frozenset(systems), runs, first, last, float(lowest), seen, cut)


def _plain(column: pa.Array) -> pa.Array:
    return column.dictionary_decode() if pa.types.is_dictionary(column.type) else column


def _run_starts(column: pa.Array) -> NDArray[np.int64]:
    """Rows at which another id begins."""
    if pa.types.is_integer(column.type) or pa.types.is_floating(column.type):
        values = column.to_numpy(zero_copy_only=False)
    else:
        values = column.dictionary_encode().indices.to_numpy(zero_copy_only=False)
    return np.concatenate([[0], np.flatnonzero(values[1:] != values[:-1]) + 1]).astype(np.int64)


def _rows(
    groups: Sequence[RowGroup], roles: Mapping[str, str], people: Ids, things: Ids, stretch: Stretch | None = None
) -> Iterator[Rows]:
    wanted = {role: column for role, column in roles.items() if role != brought.SYSTEM}
    for batch, place in _batches(groups, wanted, stretch):
        users = _plain(batch[USER_ID])
        starts = _run_starts(users)
        length = np.diff(np.append(starts, len(users)))
        user = np.repeat(people.codes(users.take(pa.array(starts))), length)
        item = things.codes(_plain(batch[ITEM_ID]))
        rank = score = None

        def where(at: int, column: str, place: NDArray[np.int64] = place) -> str:
            return f"{groups[0].file.name}, row {place[at] + 1}, column {column}"

        if RANK in roles:
            rank = inputs.check_ranks(_numbers(batch[RANK], partial(where, column=RANK)), partial(where, column=RANK))
        if SCORE in roles:
            values = _floats(batch[SCORE], SCORE, groups[0].file.name)
            if rank is None and not np.isfinite(values).all():
                at = int(np.argmax(~np.isfinite(values)))
                raise DataError(
                    words.say("{where}: the score is no number.", where=where(at, SCORE)), "Fill it in or drop the row."
                )
            score = values
        rows = Rows(user, item, rank, score)
        known = (user >= 0) & (item >= 0)
        yield rows if known.all() else rows.take(np.flatnonzero(known))


def _floats(column: pa.Array, role: str, file: str) -> Array:
    """A column as float64 [n], NaN where a cell is empty. Raises DataError for text that is no number."""
    try:
        floats: Array = column.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)
    except pa.ArrowException as error:
        raise DataError(
            words.say("{file}, column {column}: {error}.", file=file, column=role, error=error),
            words.say("Write the column as numbers: what is read piece by piece is not put right."),
        ) from error
    return floats


def _numbers(column: pa.Array, where: Callable[[int], str]) -> NDArray[Any]:
    if pa.types.is_integer(column.type) and not column.null_count:
        values: NDArray[Any] = column.to_numpy(zero_copy_only=False)
        return values
    floats = _floats(column, RANK, where(0).split(",")[0])
    if not np.isfinite(floats).all():
        raise DataError(
            words.say("{where}: there is no number.", where=where(int(np.argmax(~np.isfinite(floats))))),
            "Ranks are 1, 2, 3, …",
        )
    return floats


def _scattered(groups: Sequence[RowGroup], roles: Mapping[str, str], people: Ids, things: Ids) -> Iterator[Rows]:
    """The rows, those of a user together: through temporary files by user, each sorted in memory."""
    buckets = max(1, -(-groups[-1].rows.stop // BUCKET_ROWS))
    with tempfile.TemporaryDirectory(prefix="fairdash-") as folder:
        names = ("user", "item", "rank", "score")
        paths = {(b, name): Path(folder) / f"{b}.{name}" for b in range(buckets) for name in names}
        kinds: dict[str, np.dtype[Any]] = {}
        with ExitStack() as stack:
            # one handle a column and bucket: 80 at 100 million rows
            out = {key: stack.enter_context(path.open("wb")) for key, path in paths.items()}
            for rows in _rows(groups, roles, people, things):
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


def _score_cells(groups: Sequence[RowGroup], roles: Mapping[str, str], k: int) -> tuple[float, ...]:
    """Cells from the scores of the first rows; none where there are no scores."""
    if SCORE not in roles:
        return ()
    for batch, _ in _batches(groups, roles):
        scores = _floats(batch[SCORE], SCORE, groups[0].file.name)
        kept = np.isfinite(scores)
        if RANK in roles:
            kept &= _floats(batch[RANK], RANK, groups[0].file.name) <= k
        return audits.score_cells(scores[kept])
    return ()
