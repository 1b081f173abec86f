"""roles → values: what the cells of ratings, times and events say, each oddity a finding, each doubt a question."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fairdash import columns, words
from fairdash.data import mapping, times, values
from fairdash.data.findings import Finding, Question, Severity, examples, first_rows, in_rows
from fairdash.data.mapping import RatingKind
from fairdash.data.options import ImportOptions
from fairdash.data.table import Table
from fairdash.errors import ConfigError, DataError

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]


# ---- ratings -----------------------------------------------------------------------------------------------------


def ratings(
    table: Table, column: str, options: ImportOptions, findings: list[Finding]
) -> tuple[Array | None, RatingKind, Mask]:
    """Ratings [n] (None where they say only who had what), whether they are ratings or counts, and which rows are
    impressions: shown, and not taken."""
    text = table.frame[column]
    none = np.zeros(len(text), dtype=bool)
    counted = options.rating_kind == "count" or columns.is_count(column)
    got = values.read(text, counted, not columns.MEASURED.search(columns.plain(column)))
    found = got.numbers
    if got.note:
        shown = examples(text[~np.isfinite(columns.numbers(text))].dropna().head(2000))
        if got.note == "thousands":
            shown = examples(text[text.str.contains(r"\d\D\d{3}", na=False)].head(2000))
            message = words.say(
                "{column}: in {n} number a mark parts the thousands, {shown}; it was read so.",
                "{column}: in {n} numbers a mark parts the thousands, such as {shown}; they were read so.",
                column=column, n=got.count, shown=shown,
            )  # fmt: skip
        elif got.note == "decimal_comma":
            message = words.say(
                "{column}: {n} number is written with a decimal comma; it was read so.",
                "{column}: {n} numbers are written with a decimal comma; they were read so.",
                column=column, n=got.count,
            )  # fmt: skip
        else:
            message = words.say(
                "{column}: {n} cell is a word or stars, {shown}; it was read as a number, yes as 1 and no as 0.",
                "{column}: {n} cells are words or stars, such as {shown}; they were read as numbers, yes as 1 and no "
                "as 0.",
                column=column, n=got.count, shown=shown,
            )  # fmt: skip
        findings.append(Finding(got.note, "info", table.name, message, got.count))
    if got.bad.any():
        _bad_ratings(table, column, got.bad, options, findings)
    if not np.isfinite(found).any():
        return None, "none", none
    if values.is_binary(found) and options.rating_kind == "auto":
        impression = _zeros(table, column, found, options, findings)
        return (None, "none", impression) if impression.any() else (found, "rating", none)
    if counted:
        found = _not_below_zero(table, column, found, findings)
    else:
        found = _on_scale(table, column, found, options, findings)
    if counted and columns.plain(column) in columns.CLICK_NAMES and (found == 0).any():
        return found, "count", _zeros(table, column, found, options, findings)
    kind = mapping.rating_kind(column, found) if options.rating_kind == "auto" else options.rating_kind
    told = found[np.isfinite(found)]
    if len(told) and np.ptp(told) == 0 and kind == "rating" and options.relevance_threshold in ("auto", None):
        message = words.say(
            "{column}: all ratings are {told}, so the data says only who had what.", column=column, told=f"{told[0]:g}"
        )
        findings.append(Finding("constant_rating", "info", table.name, message, len(told)))
        return None, "none", none
    return found, kind, none


def _bad_ratings(table: Table, column: str, bad: Mask, options: ImportOptions, findings: list[Finding]) -> None:
    """A finding for cells that are no ratings where they are to be left out; else DataError."""
    text, rows = table.frame[column], first_rows(table.frame, bad)
    shown = ", ".join(repr(v) for v in dict.fromkeys(text[bad].head(3)))
    message = words.say(
        "{name}: {n} of {m} cells of {column} are no numbers, such as {shown} ({in_rows}).",
        name=table.name,
        n=int(bad.sum()),
        m=len(text),
        column=repr(column),
        shown=shown,
        in_rows=in_rows(rows),
    )
    if bad.mean() > 0.5:
        raise DataError(
            message,
            "Write them as numbers, choose the column that holds ratings (--rating-column), or say that there is none "
            "(--rating-column “”).",
        )
    if not options.drop_bad_ratings:
        raise DataError(message, "Correct these cells, or choose to leave those rows out.")
    findings.append(Finding("bad_ratings", "warning", table.name, message, int(bad.sum()), rows, "drop_unrated", True))


def _zeros(table: Table, column: str, found: Array, options: ImportOptions, findings: list[Finding]) -> Mask:
    """Which rows [n] are impressions, where 0 stands beside 1: sure for a column of clicks; asked where a name such as
    "label" leaves it open; else 0 is a dislike."""
    zero = found == 0
    click = columns.plain(column) in columns.CLICK_NAMES
    choice = options.zeros or ("impression" if click else "dislike")
    message = words.say(
        "{column}: {n} of {m} rows hold 0, which says that the item was not liked.",
        column=column,
        n=int(zero.sum()),
        m=len(found),
    )
    if choice == "impression":
        message = words.say(
            "{column}: {n} of {m} rows hold 0, which says that the item was shown and not taken: kept as "
            "impressions, which are no interactions.",
            column=column,
            n=int(zero.sum()),
            m=len(found),
        )
    question = None
    if options.zeros is None and columns.plain(column) in columns.OPEN_NAMES:
        question = Question(
            "zeros", words.say("{name}, {message}", name=table.name, message=message), ("dislike", "impression"), choice
        )
    key = "impressions" if choice == "impression" else "zeros"
    severity: Severity = "warning" if choice == "impression" or question else "info"
    findings.append(
        Finding(key, severity, table.name, message, int(zero.sum()), first_rows(table.frame, zero), question=question)
    )
    return zero if choice == "impression" else np.zeros(len(found), dtype=bool)


def _not_below_zero(table: Table, column: str, found: Array, findings: list[Finding]) -> Array:
    """Counts without those below 0, which are returns and corrections: nobody had so many of an item."""
    below = found < 0
    if not below.any() or below.mean() > 0.5:
        return found
    message = words.say(
        "{column}: {n} of {m} counts are below 0, as returns are; those rows are left out.",
        column=column,
        n=int(below.sum()),
        m=len(found),
    )
    count, rows = int(below.sum()), first_rows(table.frame, below)
    findings.append(Finding("below_zero", "warning", table.name, message, count, rows, "drop_unrated", True))
    return np.where(below, np.nan, found)


def _on_scale(table: Table, column: str, found: Array, options: ImportOptions, findings: list[Finding]) -> Array:
    """Ratings without codes for "not rated", which are asked, and without a few numbers far off the scale."""
    codes = {code: float((found == code).mean()) for code in options.rating_missing or () if (found == code).any()}
    open_zero = False
    if options.rating_missing is None:
        codes = values.not_rated(found)
        if not codes and columns.plain(column) not in columns.GRADE_NAMES:
            codes = values.open_zero(found)
            open_zero = bool(codes)
    if codes:
        shown = words.say(", ").join(
            words.say("{code} in {share} of the rows", code=f"{code:g}", share=words.percent(share, 0))
            for code, share in codes.items()
        )
        message = words.say(
            "{column}: {shown} stands for “not rated”; those rows are left out.", column=column, shown=shown
        )
        written = " ".join(str(int(code)) if code.is_integer() else str(code) for code in codes)
        text = words.say(
            "{name}, {column}: {shown}. Does that stand for “not rated”?", name=table.name, column=column, shown=shown
        )
        question = Question("rating_missing", text, (written, "none"), "none" if open_zero else written)
        asked = question if options.rating_missing is None else None
        missing = np.isin(found, list(codes))
        if open_zero:  # seldom enough to be the worst rating
            count, rows = int(missing.sum()), first_rows(table.frame, missing)
            findings.append(Finding("zero_rating", "warning", table.name, text, count, rows, question=asked))
            codes = {}
    if codes:
        count, rows = int(missing.sum()), first_rows(table.frame, missing)
        findings.append(
            Finding("not_rated", "warning", table.name, message, count, rows, "drop_unrated", True, question=asked)
        )
        found = np.where(missing, np.nan, found)
    off = values.off_scale(found)
    if off.any() and options.rating_kind == "auto":
        shown = examples(f"{value:g}" for value in found[off])
        message = words.say(
            "{column}: {n} of {m} ratings lie far off the scale of all others ({shown}); those rows are left out.",
            column=column,
            n=int(off.sum()),
            m=len(found),
            shown=shown,
        )
        count, rows = int(off.sum()), first_rows(table.frame, off)
        findings.append(Finding("off_scale", "warning", table.name, message, count, rows, "drop_unrated", True))
        found = np.where(off, np.nan, found)
    return found


def relevance(
    file: str, rated: pd.Series | None, kind: RatingKind, options: ImportOptions, findings: list[Finding]
) -> float | None:
    """The threshold in use: as chosen, else by the scale; said in a finding with the part that is liked. rated: the
    ratings, None where there are none."""
    chosen = options.relevance_threshold
    if rated is None or not len(rated):
        if chosen not in ("auto", None):
            hint = "Leave the threshold out: any interaction counts, or choose the column that holds ratings."
            raise ConfigError(
                words.say("A relevance threshold of {chosen} needs ratings, and there are none.", chosen=f"{chosen:g}"),
                hint,
            )
        message = "There are no ratings: every held-out interaction counts as relevant."
        findings.append(Finding("relevance", "info", file, message))
        return None
    told = rated.to_numpy(np.float64)
    low, high = told.min(), told.max()
    what = words.say("counts") if kind == "count" else words.say("ratings")
    if chosen == "auto":
        chosen = None if kind == "count" else mapping.threshold(told)
    if chosen is None:
        message = words.say(
            "The {what} go from {low} to {high}: every held-out interaction counts as relevant.",
            what=what,
            low=f"{low:g}",
            high=f"{high:g}",
        )
        findings.append(Finding("relevance", "info", file, message))
        return None
    liked = float((told >= chosen).mean())
    message = words.say(
        "The {what} go from {low} to {high}: relevant from {chosen} on, which {liked} reach.",
        what=what,
        low=f"{low:g}",
        high=f"{high:g}",
        chosen=f"{chosen:g}",
        liked=words.percent(liked, 0),
    )
    if liked == 0.0:
        hint = words.say("Choose a threshold of at most {high}.", high=f"{high:g}")
        raise ConfigError(
            words.say(
                "No rating of {file} reaches the relevance threshold {chosen}; the highest is {high}.",
                file=file,
                chosen=f"{chosen:g}",
                high=f"{high:g}",
            ),
            hint,
        )
    findings.append(Finding("relevance", "info", file, message))
    return float(chosen)


# ---- times -------------------------------------------------------------------------------------------------------


def moments(
    table: Table, column: str, clock: str | None, options: ImportOptions, findings: list[Finding]
) -> tuple[Array, str] | None:
    """Moments [n] and their unit; None where the column gives no order."""
    if options.time_format == "none":
        findings.append(
            Finding(
                "time_aside",
                "warning",
                table.name,
                words.say("{column} is left aside: there is no order.", column=column),
            )
        )
        return None
    text, called = table.frame[column], column
    if clock is not None:
        text, called = (
            text + " " + table.frame[clock].fillna("00:00"),
            words.say("{column} with {clock}", column=called, clock=clock),
        )
    parsed = times.parse(text, options.time_format)
    asked = None
    if parsed.unit == "unknown":
        message = words.say(
            "{name}: {called} holds no time that is known, such as {examples}; it gives no order and is left aside.",
            name=table.name,
            called=called,
            examples=examples(text.dropna().head(20)),
        )
        asked = Question("time_format", message, ("none", times.TEXT), "none")
        findings.append(Finding("time_unknown", "warning", table.name, message, question=asked))
        return None
    if parsed.formats and not options.time_format:
        fits = words.say(" or ").join(parsed.formats)
        message = words.say(
            "{name}: {called} can be read as {fits}, such as {value}.",
            name=table.name,
            called=called,
            fits=fits,
            value=repr(text.dropna().iloc[0]),
        )
        asked = Question("time_format", message, parsed.formats, parsed.formats[0])
    elif parsed.halved and not options.time_format:
        message = words.say(
            "{name}: no clock of {called} goes beyond 12, and none says whether it is before or after noon, such as "
            "{value}. Is the order within a day right, or are the times to be left aside?",
            name=table.name,
            called=called,
            value=repr(text.dropna().iloc[0]),
        )
        asked = Question("time_format", message, (parsed.halved, "none"), parsed.halved)
    severity: Severity = "info" if asked is None else "warning"
    message = words.say("{called} gives the order: {note}.", called=called, note=parsed.note)
    findings.append(Finding("time", severity, table.name, message, question=asked))
    return _untimed(table, parsed.moments, options, findings), parsed.unit


def _untimed(table: Table, found: Array, options: ImportOptions, findings: list[Finding]) -> Array:
    """Moments with a value for rows without one, where those stay as the oldest: asked, where they are not few."""
    missing = ~np.isfinite(found)
    share = missing.mean() if len(found) else 0.0
    keep = share > 0.05 if options.keep_untimed is None else options.keep_untimed
    if not keep or not 0 < share < 1:
        return found
    message = words.say(
        "{name}: {n} row ({share}) has no time; it stays, as the oldest.",
        "{name}: {n} rows ({share}) have no time; they stay, as the oldest.",
        name=table.name,
        n=int(missing.sum()),
        share=words.percent(share, 0),
    )
    question = Question("keep_untimed", message, ("yes", "no"), "yes")
    asked = question if options.keep_untimed is None else None
    count, rows = int(missing.sum()), first_rows(table.frame, missing)
    findings.append(Finding("untimed_kept", "warning", table.name, message, count, rows, question=asked))
    return np.where(missing, np.nanmin(found) - 1.0, found)


# ---- events ------------------------------------------------------------------------------------------------------


def events(table: Table, column: str, options: ImportOptions, findings: list[Finding]) -> tuple[Mask, Array | None]:
    """Which rows count [n], by the kind of event, and what each counts (None: all the same); a kind that was chosen
    without a weight counts 1."""
    kinds = table.frame[column]
    counts = kinds.value_counts()
    weights = dict(options.event_weights)
    wanted = options.events or tuple(weights)
    everything = np.ones(len(kinds), dtype=bool)
    if not wanted:
        shown = ", ".join(f"{kind} {words.count(count)}" for kind, count in counts.items())
        text = words.say(
            "{name}: {column} tells kinds of events ({shown}). Which of them count as interactions?",
            name=table.name,
            column=column,
            shown=shown,
        )
        question = Question("events", text, ("all", *map(str, counts.index)), "all")
        findings.append(Finding("events", "warning", table.name, text, len(counts), question=question))
        return everything, None
    if wanted == ("all",):
        if not weights:
            return everything, None
        wanted = (*weights, *(str(kind) for kind in counts.index if kind not in weights))
    strange = [kind for kind in wanted if kind not in counts]
    if strange:
        hint = words.say("There are {names}.", names=", ".join(map(repr, counts.index)))
        raise ConfigError(
            words.say(
                "{name}: no row of {column} is {strange}.", name=table.name, column=column, strange=repr(strange[0])
            ),
            hint,
        )
    kept = kinds.isin(wanted).to_numpy()
    message = words.say(
        "{column}: {names} count; {n} row of other kinds is left out.",
        "{column}: {names} count; {n} rows of other kinds are left out.",
        column=column,
        names=", ".join(wanted),
        n=int((~kept).sum()),
    )
    findings.append(Finding("events", "info", table.name, message, int((~kept).sum())))
    each = {**dict.fromkeys(wanted, 1.0), **weights}
    return kept, pd.to_numeric(kinds.map(each)).to_numpy(np.float64) if weights else None


def inside(
    table: Table, found: Array | None, unit: str, options: ImportOptions, findings: list[Finding]
) -> Mask | None:
    """Which rows [n] lie in the time that was asked for; None: nothing was asked."""
    if not (options.start or options.end):
        return None
    if found is None:
        raise ConfigError(
            words.say("--from and --to go by time, and {name} has no column of times.", name=table.name),
            "Name it with --time-column, or leave them out.",
        )
    kept = times.within(found, unit, options.start, options.end, table.name)
    span = times.span(options.start, options.end)
    message = words.say(
        "Only what happened {span} counts: {n} of {m} rows are left out.",
        span=span,
        n=int((~kept).sum()),
        m=len(kept),
    )
    findings.append(Finding("time_window", "info", table.name, message, int((~kept).sum()), applied=True))
    return kept


# ---- folds and parts of a split ----------------------------------------------------------------------------------


def fold(table: Table, column: str, likely: str, options: ImportOptions, findings: list[Finding]) -> str:
    """The fold that is the test part, "all" for none: as chosen, else the likely one, which is asked. Raises
    ConfigError where there is no such fold."""
    names = mapping.folds(table.frame[column])
    if not options.fold:
        text = words.say(
            "{name}: {column} tells folds ({names}). Which of them is the test part?",
            name=table.name,
            column=column,
            names=", ".join(names),
        )
        question = Question("fold", text, ("all", *names), likely)
        findings.append(Finding("folds", "warning", table.name, text, len(names), question=question))
        return likely
    if options.fold != "all" and options.fold not in names:
        raise ConfigError(
            words.say("{name}: no row of {column} is {fold}.", name=table.name, column=column, fold=repr(options.fold)),
            words.say("There are {names}.", names=", ".join(names)),
        )
    return options.fold


def of_fold(table: Table, keys: tuple[str, str], options: ImportOptions, findings: list[Finding], held: bool) -> Table:
    """The table of an audit with the rows of one fold alone, where a person is in several: of lists and held-out rows
    (held) those of the fold; of training rows those of the fold where it repeats pairs, else those of all others.

    keys: the columns of the person, and of the item or of what a person has once."""
    column = mapping.guess_fold(table.frame, keys)
    if column is None or not table.frame[[keys[0], column]].drop_duplicates().duplicated(keys[0]).any():
        return table
    again = bool(table.frame.duplicated([*keys]).any())
    chosen = fold(table, column, mapping.folds(table.frame[column])[0] if again else "all", options, findings)
    rest = table.frame.drop(columns=column)
    if chosen == "all":
        return replace(table, frame=rest)
    own = (table.frame[column].astype("str") == chosen) == (held or again)
    message = words.say(
        "{column}: {n} of {m} rows are those of fold {chosen}.",
        column=column,
        n=int(own.sum()),
        m=len(own),
        chosen=chosen,
    )
    findings.append(Finding("fold", "info", table.name, message, int(own.sum()), applied=True))
    return replace(table, frame=rest[own])


def parts(table: Table, column: str, findings: list[Finding]) -> tuple[pd.Series, Mask]:
    """train, valid or test of each row [n], and which rows are in one of them."""
    text = table.frame[column]
    known = {cell: columns.part_of(str(cell)) for cell in text.dropna().unique()}
    named = text.map(known).astype("str")
    told = named.notna().to_numpy()
    if not {"train", "test"} <= set(named.dropna()):
        hint = "Choose a column whose cells are train, valid or test; or none, to have the data split here."
        raise DataError(
            words.say(
                "{name}: {column} does not name both train and test, but {examples}.",
                name=table.name,
                column=repr(column),
                examples=examples(text),
            ),
            hint,
        )
    counts = ", ".join(f"{part} {words.count(n)}" for part, n in named.value_counts().items())
    findings.append(
        Finding(
            "own_parts",
            "info",
            table.name,
            words.say("{column} tells the parts of a split: {counts} rows.", column=column, counts=counts),
        )
    )
    if not told.all():
        message = words.say(
            "{n} row is in no part ({examples}); it is left out.",
            "{n} rows are in no part ({examples}); they are left out.",
            n=int((~told).sum()),
            examples=examples(text[~told].fillna("")),
        )
        rows = first_rows(table.frame, ~told)
        findings.append(Finding("in_no_part", "warning", table.name, message, int((~told).sum()), rows, applied=True))
    return named, told
