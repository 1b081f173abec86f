"""The audit of what people bring, and which of it is streamed; `fairdash.audit` and `fairdash.audits`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Literal, cast, overload

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from fairdash import settings, words
from fairdash.data.brought import Brings, Brought, Lists, bring
from fairdash.data.options import ImportOptions
from fairdash.data.windows import windows
from fairdash.engines import Engine
from fairdash.errors import ConfigError, DataError
from fairdash.metrics import inputs, stream, told
from fairdash.metrics.audit import check, cuts, from_frames, from_tables, liked_from, sole
from fairdash.metrics.systems import Series, Systems
from fairdash.metrics.value import Audit
from fairdash.schema import USER_ID

LARGE_ROWS = 10_000_000  # of lists, above which a Parquet file is streamed


@overload
def audit(
    recommendations: Brings,
    truth: Brings | None = None,
    users: Brings | None = None,
    *,
    k: int = settings.K,
    **more: Any,
) -> Audit: ...
@overload
def audit(
    recommendations: Brings, truth: Brings | None = None, users: Brings | None = None, *, k: Sequence[int], **more: Any
) -> Series: ...
def audit(
    recommendations: Brings,
    truth: Brings | None = None,
    users: Brings | None = None,
    *,
    k: int | Sequence[int] = settings.K,
    engine: Engine | None = None,
    **more: Any,
) -> Audit | Series:
    """`audit.from_frames`, and its keywords; several K at once, such as k=[5, 10, 20], give an audit for each of them,
    of one reading. Lists in Parquet of more than LARGE_ROWS rows, or for which an engine is named, are streamed in
    bounded memory (`stream.from_parquet`). Raises ConfigError for an engine and other lists."""
    if not isinstance(k, int):
        return audits(recommendations, truth, users, k=k, one_system=True, engine=engine, **more)
    if _streamed(recommendations, engine) and not more.get("model"):
        kept = {key: value for key, value in more.items() if key != "model"}
        where = {} if engine is None else {"engine": engine}
        return stream.from_parquet(recommendations, truth, users, k=k, **where, **kept)  # type: ignore[arg-type]  # a path has rows
    return from_frames(recommendations, truth, users, k=k, **more)


@overload
def audits(
    recommendations: Lists,
    truth: Brings | None = None,
    users: Brings | None = None,
    *,
    k: int = settings.K,
    **more: Any,
) -> Systems: ...
@overload
def audits(
    recommendations: Lists, truth: Brings | None = None, users: Brings | None = None, *, k: Sequence[int], **more: Any
) -> Series: ...
@overload
def audits(
    recommendations: Lists,
    truth: Brings | None = None,
    users: Brings | None = None,
    *,
    window: str,
    k: int | Sequence[int] = settings.K,
    **more: Any,
) -> Series: ...
def audits(
    recommendations: Lists,
    truth: Brings | None = None,
    users: Brings | None = None,
    *,
    train: Brings | Sequence[Brings] | None = None,
    items: Brings | None = None,
    k: int | Sequence[int] = settings.K,
    relevance_threshold: float | Literal["auto"] | None = "auto",
    options: ImportOptions | None = None,
    accept_guesses: bool = True,
    one_system: bool = False,
    window: str | None = None,
    engine: Engine | None = None,
    **statistics: Any,
) -> Systems | Series:
    """Audit the lists of each system, all on the same people (those with a list of any system or held-out items) and
    the same replicates; at each K, where several are given, and in each window of time, where one is named: "month",
    "week", or how many of equal length (`data.windows`).

    recommendations: tables of lists, by the names of their systems or in a list (then named by their files), or one
    table with a column `system` or `model`. one_system: DataError where there are several. The other arguments are
    those of `audit`.
    """
    several = cuts(k)
    for one in several:
        check(one, **statistics)
    given: list[Brings]
    if isinstance(recommendations, Mapping):
        given = list(recommendations.values())
    else:
        given = recommendations if isinstance(recommendations, list) else [cast(Brings, recommendations)]
    options = liked_from(relevance_threshold, options)
    tables: dict[str, Any] = {"train": train, "items": items, "options": options, "accept_guesses": accept_guesses}
    if any(_streamed(one, engine) for one in given):
        if window is not None:
            raise DataError(
                words.say("Lists of more than {large_rows} rows have no windows.", large_rows=LARGE_ROWS),
                "Cut the file by time.",
            )
        if len(given) > 1:
            raise DataError(
                words.say(
                    "Lists of more than {large_rows} rows are audited one system at a time.", large_rows=LARGE_ROWS
                ),
                "Audit each file on its own, or bring the best places of each list alone.",
            )

        def streamed(k: int) -> Systems:
            return Systems({"": audit(given[0], truth, users, k=k, engine=engine, **tables, **statistics)})

        return _by_k(streamed, k)
    found = bring(recommendations, truth, users, timed=window is not None, **tables)
    if one_system:
        sole(found)

    def at(part: Brought, k: int) -> Systems:
        found = {name: from_tables(part, name, k=k, **statistics) for name in part.systems}
        return Systems(found, _told(part, k, **statistics))

    if window is None:
        return _by_k(partial(at, found), k)
    by_window = {name: _by_k(partial(at, part), k) for name, part in windows(found, window).items()}
    return Series("window", {name: _alone(one) for name, one in by_window.items()})


def _told(tables: Brought, k: int, *, seed: int = 0, replicates: int = settings.BOOTSTRAP, **_: Any) -> dict[str, Any]:
    """`told.by_attribute` of the systems that are one language model."""
    made = {pair: inputs.from_tables(tables, name, (), (), k, seed, True) for name, pair in tables.told.items()}
    if not made:
        return {}
    any_of = next(iter(made.values()))
    lists = {pair: one.lists.items[:, :k] for pair, one in made.items()}
    asked = {pair: np.asarray((items >= 0).any(axis=1)) for pair, items in lists.items()}
    if tables.empty is not None:
        places = pd.Index(any_of.user_ids).astype("str").get_indexer(tables.empty[USER_ID].astype("str"))
        for place, *pair in zip(places, tables.empty["attribute"], tables.empty["value"], strict=True):
            key = (str(pair[0]), str(pair[1]))
            lists.setdefault(key, np.full_like(next(iter(lists.values())), -1))
            there = asked.setdefault(key, np.zeros(len(any_of.user_ids), dtype=bool))
            there[place] |= place >= 0
    return told.by_attribute(lists, any_of.hashes, asked=asked, seed=seed, replicates=replicates)


def _by_k(at: Callable[[int], Systems], k: int | Sequence[int]) -> Systems | Series:
    """What is audited at one K, or at each of several."""
    return at(k) if isinstance(k, int) else Series("k", {str(one): _alone(at(one)) for one in cuts(k)})


def _alone(found: Systems | Series) -> Audit | Systems | Series:
    """The audit, where there is one system."""
    return found if isinstance(found, Series) or len(found.audits) > 1 else found[found.first]


def _streamed(source: Brings, engine: Engine | None) -> bool:
    """Whether lists are read piece by piece."""
    rows = _parquet_rows(source)
    if engine is not None and not rows:
        raise ConfigError(
            words.say("An engine is for lists in Parquet, which many can read at once."),
            words.say("Write them as Parquet, or leave out --engine."),
        )
    return rows > LARGE_ROWS or engine is not None


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
