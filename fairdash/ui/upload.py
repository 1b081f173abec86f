"""Files of a person → a data set of the workspace: what each file and column was taken for, what is asked, what comes
of it; each of it in a control whose effect is seen at once."""

from __future__ import annotations

import gc
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from fairdash import charts, columns, data, entries, memory, words
from fairdash.answers import ANSWERS
from fairdash.data import files, mapping
from fairdash.data.clean import REPAIRS
from fairdash.data.findings import examples
from fairdash.data.importing import Preview
from fairdash.data.options import ImportOptions
from fairdash.data.pseudonyms import kept
from fairdash.data.table import SEPARATOR_TITLES, SHOWN, Reading, Table
from fairdash.errors import FairDashError
from fairdash.groups import form
from fairdash.hashing import digest
from fairdash.schema import RATING, TIME, UNKNOWN, USER_ID, Dataset, GroupSpec
from fairdash.ui import asking, catalogue, parts, state

Files = list[tuple[str, bytes]]

PREVIEW_ROWS = 8
COLUMNS_SHOWN = 10  # of a file, before one has to ask for more
KNOWN_NAMES = {"u.data": "MovieLens 100K", "ratings.dat": "MovieLens 1M"}  # files of archives, by their names
AUTO = ""  # leaves it to the guess
_ICONS = {"info": ":material/info:", "warning": ":material/warning:", "error": ":material/error:"}
_ROLES = {
    "interactions": words.later("Interactions"),
    "users": words.later("People"),
    "items": words.later("Items"),
    "aside": words.later("Left aside"),
}
_ENCODINGS = ("utf-8", "cp1252", "latin-1", "utf-16", "gb18030", "big5", "shift_jis", "euc_kr", "cp1251", "cp1250")
_FILES = "files-brought"  # in the session: those of the last run
_HELD = "files-held"  # in the session: digests of what was brought and the answers, while what they make is in memory
_BETWEEN = ("|", ",", ";", "/", " / ", " ", "[]")


@dataclass(frozen=True)
class Further:
    """What came beside the tables: a zip of pictures of the items, and files of their vectors by name."""

    images: tuple[str, bytes] | None = None
    vectors: dict[str, tuple[str, bytes]] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class _Read:
    """What was read of files, with the first rows of each; the data set that it makes, or why it makes none."""

    seen: Preview
    made: tuple[Dataset, tuple[data.Finding, ...]] | None
    fault: FairDashError | None


@st.cache_resource(max_entries=1, show_spinner="Reading the files", scope="session")  # it goes with its tab
def _read(key: str, more: str, options: ImportOptions, _sources: Files, _further: Further) -> _Read:
    told: list[Preview] = []
    try:
        made = data.build(_sources, options=options, item_arrays=_further.vectors, item_images=_further.images,
                          look=told.append)  # fmt: skip
    except FairDashError as fault:
        if not told:
            raise
        return _Read(told[0], None, fault.with_traceback(None))
    return _Read(told[0], made, None)


def section() -> None:
    """Upload, look, answer, keep."""
    st.file_uploader(
        words.say("Interactions, and people and items if you have them: CSV, TSV, “::”, “|”, JSON, Excel, Parquet, or "
"one zip of them"),
        accept_multiple_files=True, key="files",
        help=words.say("MovieLens files are recognised as they come from the archive. Files stay on this server."),
    )  # fmt: skip
    files = st.session_state["files"]  # what the uploader gives back are copies, with their content
    for file in set(st.session_state.get(_FILES, ())).difference(files):
        file.close()  # Streamlit keeps one that was taken away, with its content, among what its uploader held before
    st.session_state[_FILES] = list(files)
    if not files:
        st.caption(
            words.say(
                "A table of interactions is enough: a column for the person and one for the item; a rating or "
                "count and a time make it better. Attributes of people (gender, age, …) make groups, those of "
                "items item groups."
            )
        )
        return
    state.holds("files", _let_go)
    with parts.errors():
        _bring(files, _further())


def _let_go() -> None:
    """No file is there any more: they were taken away, or whoever chose them is gone from here and has to choose them
    again, as Streamlit forgets those of what is not shown."""
    for file in st.session_state.pop(_FILES, ()):
        file.close()
    _give_back()


def _give_back() -> None:
    """What was read of files that are kept or taken away is forgotten."""
    st.session_state.pop(_HELD, None)
    _read.clear()
    gc.collect()
    memory.give_back()


def _further() -> Further:
    """Pictures and vectors of the items, where there are any."""
    with st.expander(words.say("Pictures and vectors of items"), icon=":material/image:", key="further"):
        st.caption(
            words.say(
                "A recommender may read them beside the texts, and Explore shows the pictures. A picture is its item's "
                "by its name (`42.jpg`), or by a column `image` of the items that holds its path in the zip."
            )
        )
        st.file_uploader(words.say("Pictures of items: one zip of JPEG, PNG, WebP or GIF files"), ["zip"],
                                    key="images-file")  # fmt: skip
        st.file_uploader(
            words.say("Vectors of items: .npz with `ids` and values, or Parquet; each is called by its file's name"),
            ["npz", "parquet"], accept_multiple_files=True, key="vectors-files",
        )  # fmt: skip
    return _beside()


def _beside() -> Further:
    pictures, vectors = st.session_state["images-file"], st.session_state["vectors-files"]
    named = {PurePosixPath(file.name).stem: (file.name, file.getvalue()) for file in vectors}
    return Further(None if pictures is None else (pictures.name, pictures.getvalue()), named)


def _content(files: Sequence[UploadedFile]) -> Files:
    return [(file.name, file.getvalue()) for file in files]


def _bring(uploaded: Sequence[UploadedFile], further: Further) -> None:
    sources = _content(uploaded)
    key = digest(*(part for source in sources for part in source))
    options = asking.options(key)
    asked_for = key, digest(further.images, further.vectors), options
    if st.session_state.get(_HELD) != asked_for:
        _give_back()  # what was made with other answers is not there beside what is made now
        st.session_state[_HELD] = asked_for
    seen, dataset, findings = _as_far(sources, further, *asked_for)
    asked = asking.open_questions(data.questions(findings), key)
    if seen is not None and dataset is not None:
        _recognised(seen, dataset, asked)
    asking.questions(asked, key)
    if seen is not None and dataset is not None:
        _size(dataset)
        _keep_it(seen, dataset, asked, key)
        _findings(findings, key, bool(asked))
    with parts.errors():
        _files(sources, seen, key)
    if seen is None:
        _unread(sources, options, key)
    else:
        _columns(seen, dataset, options, key)
    if dataset is not None:
        _outcome(dataset, key)
    with st.expander(words.say("More about the values"), icon=":material/edit:", key="values"):
        asking.controls(options, key, "values", but=("relevance_threshold",))  # it stands below the ratings
    asking.given(key)
    asking.earlier(key)


def _as_far(
    sources: Files, further: Further, key: str, more: str, options: ImportOptions
) -> tuple[Preview | None, Dataset | None, tuple[data.Finding, ...]]:
    """As far as it came; what is wrong stands above the controls in which it is put right."""
    try:
        found = _read(key, more, options, sources, further)
    except FairDashError as fault:
        parts.error(fault)
        return None, None, ()
    if found.fault is not None:
        parts.error(found.fault)
    return found.seen, *(found.made or (None, found.seen.findings))


def _tables(seen: Preview) -> dict[str, Table]:
    found = {"interactions": seen.interactions, "users": seen.users, "items": seen.items}
    return {role: table for role, table in found.items() if table is not None}


def _recognised(seen: Preview, dataset: Dataset, asked: Sequence[data.Question]) -> None:
    """The green box, where nothing is unsure; else how much is asked."""
    said = words.join(
        [words.say("{what} from {file}", what=words.say(_ROLES[role]).lower(), file=words.plain(table.name))
         for role, table in _tables(seen).items()]
    )  # fmt: skip
    if asked:
        told = words.say(
            "Read {said}. {n} guess is not sure: please answer it below. Until then the likely answer is in use.",
            "Read {said}. {n} guesses are not sure: please answer them below. Until then the likely answers are in "
            "use.",
            said=said,
            n=len(asked),
        )
        st.info(told, icon=":material/help:")
    else:
        st.success(words.say("Recognised {said}.", said=said), icon=":material/task_alt:")


def _size(dataset: Dataset) -> None:
    threshold = dataset.relevance_threshold
    parts.metrics(
        [
            parts.Metric(words.say("People"), words.count(dataset.n_users)),
            parts.Metric(words.say("Items"), words.count(dataset.n_items)),
            parts.Metric(words.say("Interactions"), words.count(len(dataset.interactions))),
            parts.Metric(
                words.say("Liked from"),
                words.say("any") if threshold is None else words.brief(threshold),
                help=words.say("A held-out item counts as liked from this rating on."),
            ),
            parts.Metric(words.say("Categories"), words.count(len(set(dataset.categories.names) - {UNKNOWN}))),
        ]
    )


def _keep_it(seen: Preview, dataset: Dataset, asked: Sequence[data.Question], key: str) -> None:
    """A name, and the button that keeps; disabled, with the reason, while something is asked."""
    reason = asking.reason(asked)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        known = KNOWN_NAMES.get(seen.interactions.name, dataset.name)
        name = st.text_input(
            words.say("Name of the data set"), known, max_chars=60, key=f"name-{key}", width=360
        ).strip()
        hidden = asking.pseudonyms()
        parts.submit(words.say("Keep this data set"), _keep, name or dataset.name, hidden, type="primary",
                     icon=":material/check:", key="keep", disabled=bool(asked), help=reason)  # fmt: skip
    if reason:
        st.caption(reason)


def _keep(name: str, hidden: bool) -> None:
    """Store the data set with its findings, and look at it. It is asked for here: what a button is given stays in
    memory as long as the button."""
    key, more, options = st.session_state[_HELD]
    found = _read(key, more, options, _content(st.session_state["files"]), _beside())
    if found.made is None:
        return
    dataset, findings = found.made
    workspace = state.workspace()
    made = kept(replace(dataset, name=name), findings, entries.pseudonyms(workspace) if hidden else None)
    catalogue.look_at(entries.put_dataset(workspace, made))
    del found, dataset, made
    st.session_state.pop(_FILES, None)
    _give_back()


# ---- findings ----------------------------------------------------------------------------------------------------


def _findings(findings: Sequence[data.Finding], key: str, asked: bool) -> None:
    """What wants a look, and below it what is only told. Repairs wait until the questions are answered."""
    told = [finding for finding in findings if finding.question is None]
    offered: list[str] = []
    loud = [one for one in told if one.severity != "info"]
    for one in loud:
        _finding(one, key, told, offered, asked)
    quiet = [one for one in told if one.severity == "info"]
    if quiet:
        title = words.count(len(quiet), "note on how it was read", "notes on how it was read")
        with st.expander(title, icon=":material/info:", key="notes"):
            for one in quiet:
                _finding(one, key, told, offered, asked)


def _finding(
    finding: data.Finding, key: str, all_of_them: Sequence[data.Finding], offered: list[str], asked: bool
) -> None:
    repair = REPAIRS.get(finding.repair)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        rows = words.say(" Rows {rows}.", rows=", ".join(map(words.count, finding.rows))) if finding.rows else ""
        file = f"{words.plain(finding.table)}: " if finding.table and finding.table not in finding.message else ""
        told = words.plain(words.again(finding.message), 600)
        st.markdown(f"{_ICONS[finding.severity]} {file}{told}{rows}", width="stretch")
        if repair is None:
            return
        if repair.when == "always" or finding.repair in offered:  # several findings can share one: it is chosen once
            st.badge(
                words.say("repaired") if finding.applied else words.say("open"),
                color="green" if finding.applied else "gray",
                help=words.say(repair.title),
            )
            return
        offered.append(finding.repair)
        done = {one.repair for one in all_of_them if one.applied and REPAIRS.get(one.repair) is not None
                and REPAIRS[one.repair].when != "always"}  # fmt: skip

        def choose(wanted: bool) -> None:
            now = set(asking.answers(key).get("repairs", done))  # another box was ticked before the page came again
            asking.answer(key, repairs=tuple(sorted(now | {finding.repair} if wanted else now - {finding.repair})))

        st.checkbox(
            words.say(repair.title),
            disabled=asked,
            help=words.say("Answer the questions first.") if asked else None,
            **state.held(f"repair-{finding.repair}", finding.applied, choose),
        )


# ---- files and columns -------------------------------------------------------------------------------------------


def swapped(holders: Mapping[str, str], name: str, role: str, nothing: str) -> dict[str, str]:
    """Roles by holder after `name` takes `role`: who had it gets what `name` had. nothing: the role that many have."""
    new = {**holders, name: role}
    before = [other for other, had in holders.items() if had == role and other != name]
    if role != nothing:
        new |= dict.fromkeys(before, holders.get(name, nothing))
    return new


def _files(sources: Files, seen: Preview | None, key: str) -> None:
    """Each file with its role, in a box that can be changed."""
    names = files.listed(sources)
    if len(names) < 2:
        return
    chosen: dict[str, str] = dict(asking.answers(key).get("roles", ()))
    used = {} if seen is None else {table.name: role for role, table in _tables(seen).items()}
    holders = {name: used.get(name, chosen.get(name, "aside" if seen is not None else AUTO)) for name in names}
    st.markdown(f"**{words.say('Files')}**")
    for name in names:
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            table = None if seen is None else next((t for t in _tables(seen).values() if t.name == name), None)
            told = "" if table is None else words.say("{n} row", "{n} rows", n=table.rows)

            def choose(role: str, name: str = name) -> None:
                roles = swapped(holders | dict(asking.answers(key).get("roles", ())), name, role, "aside")
                asking.answer(key, roles=tuple((one, had) for one, had in roles.items() if had != AUTO))

            st.selectbox(
                words.say("Role of {name}", name=words.label(name)),
                [*([AUTO] if holders[name] == AUTO else []), *_ROLES],
                format_func=lambda role: words.say(_ROLES[role]) if role else words.say("by its columns"),
                label_visibility="collapsed",
                width=180,
                **state.held(f"role-{name}", holders[name], choose),
            )
            st.markdown(words.plain(name, 80), width="content")
            st.caption(told, width="content")


def _columns(seen: Preview, dataset: Dataset | None, options: ImportOptions, key: str) -> None:
    """Each column with its meaning, examples and confidence; and how each file was cut."""
    tables = _tables(seen)
    st.markdown(f"**{words.say('Columns')}**")
    for tab, (role, table) in zip(
        st.tabs([f"{words.say(_ROLES[role])} · {words.plain(table.name)}" for role, table in tables.items()]),
        tables.items(),
        strict=True,
    ):
        with tab:
            holders = {guess.column: name for name, guess in seen.guesses.items() if ANSWERS[name].about == role}
            order = sorted(columns.names(table.frame), key=lambda column: column not in holders)
            st.caption(words.say("What each column was taken for; a change shows its effect at once."))
            named = words.namer(order)
            for column in order[:COLUMNS_SHOWN]:
                _column(column, role, table, seen, dataset, holders, named, key)
            if len(order) > COLUMNS_SHOWN:
                more = words.say("{n} more column", "{n} more columns", n=len(order) - COLUMNS_SHOWN)
                with st.expander(more, key=f"more-{role}"):
                    for column in order[COLUMNS_SHOWN:]:
                        _column(column, role, table, seen, dataset, holders, named, key)
            with st.expander(words.say("How it was read"), icon=":material/table_rows:", key=f"read-{role}"):
                _reading(role, table, seen, options, key)


def _held(holders: Mapping[str, str], given: Mapping[str, Any]) -> dict[str, str]:
    """Meanings by column as they were seen, but for what was answered since."""
    answered = {name: column for name, column in given.items() if isinstance(column, str)}
    found = {column: name for column, name in holders.items() if name not in answered}
    return found | {column: name for name, column in answered.items() if column}


def _column(
    column: str,
    role: str,
    table: Table,
    seen: Preview,
    dataset: Dataset | None,
    holders: Mapping[str, str],
    named: Callable[[Any], str],
    key: str,
) -> None:
    mine = holders.get(column, AUTO)
    fits = [name for name, declared in ANSWERS.items() if declared.about == role]
    others = [] if mine and ANSWERS[mine].needed else [AUTO]
    without = _otherwise(column, role, dataset)

    def choose(name: str) -> None:
        now = _held(holders, {had: one for had, one in asking.answers(key).items() if had in fits})
        new = swapped(now, column, name, AUTO)
        found = {had: one for one, had in new.items() if had}
        lost = [had for had in now.values() if had and had not in found]
        asking.answer(key, **found, **{had: "" for had in lost if not ANSWERS[had].needed})
        asking.forget(key, *(had for had in lost if ANSWERS[had].needed))

    with st.container(horizontal=True, vertical_alignment="center", gap="small", key=f"column-{role}-{column}"):
        st.markdown(f"**{words.plain(column)}**", width=170)
        st.selectbox(
            words.say("Meaning of {column}", column=named(column)),
            [*fits, *others],
            format_func=lambda name: words.say(ANSWERS[name].title) if name else without,
            label_visibility="collapsed",
            width=230,
            **state.held(f"meaning-{role}-{column}", mine, choose),
        )
        guess = seen.guesses.get(mine) or _unnamed(column, role, dataset)
        told, color = _sure(guess, mine in asking.answers(key))
        st.badge(told, color=color, help=words.plain(guess.reason, 200), width=70)  # type: ignore[arg-type]  # a badge's colour
        shown = examples(table.frame[column].dropna().head(SHOWN))
        # a width of its own, as what stretches goes to a line of its own where it is long
        st.caption(words.plain(shown, 120) or words.say("empty"), width=380)


def _sure(guess: mapping.Guess, chosen: bool) -> tuple[str, str]:
    if chosen:
        return words.say("chosen"), "blue"
    if guess.confidence < mapping.ASKED:
        return words.say("asked"), "orange"
    return (words.say("sure"), "green") if guess.confidence >= 0.9 else (words.say("likely"), "gray")


def _unnamed(column: str, role: str, dataset: Dataset | None) -> mapping.Guess:
    """How sure it is what a column is that has no role: what stands in a file of its own is about its rows."""
    if role != "interactions" or columns.plain(column) in columns.PERSONAL_NAMES:
        return mapping.Guess(column, 1.0, words.say("by its file and its name"))
    if dataset is not None and (column in dataset.users or column in dataset.items):
        return mapping.Guess(column, 0.7, words.say("the same in each row of a person, or of an item"))
    return mapping.Guess(column, 0.7, words.say("it says nothing steady about a person or an item"))


def _otherwise(column: str, role: str, dataset: Dataset | None) -> str:
    """What a column is that has no role."""
    if dataset is None or role != "interactions":
        return {"users": words.say("About the person"), "items": words.say("About the item")}.get(
            role, words.say("None of these")
        )
    if column in dataset.users:
        return words.say("About the person")
    return words.say("About the item") if column in dataset.items else words.say("Left aside")


def _unread(sources: Files, options: ImportOptions, key: str) -> None:
    """How the files are cut, where they could not be read at all as they were."""
    with st.expander(words.say("How it was read"), icon=":material/table_rows:", expanded=True, key="unread"):
        for role in ("interactions", "users", "items")[: min(3, len(sources) + 2 * (len(sources) > 1))]:
            if len(sources) > 1:
                st.caption(words.say(_ROLES[role]))
            _cutting(role, None, options, key)


def _reading(role: str, table: Table, seen: Preview, options: ImportOptions, key: str) -> None:
    """How a file was cut, in controls, and its first rows as they were cut."""
    _cutting(role, table, options, key)
    if role == "items" and seen.mapping.categories:
        used = seen.mapping.category_separator

        def choose(mark: str) -> None:
            if mark:
                asking.answer(key, category_separator=mark)
            else:
                asking.forget(key, "category_separator")

        st.selectbox(
            words.say("Between categories"), [AUTO, *dict.fromkeys([*_BETWEEN, options.category_separator or used])],
            width=190, format_func=lambda mark: f"“{mark}”" if mark else words.say("“{used}” (seen)", used=used),
            **state.held("category-separator", options.category_separator or AUTO, choose),
        )  # fmt: skip
    st.caption(words.say("The first rows as they were cut:"))
    st.dataframe(table.frame.head(PREVIEW_ROWS), hide_index=False, placeholder=words.DASH, key=f"head-rows-{role}")


def _cutting(role: str, table: Table | None, options: ImportOptions, key: str) -> None:
    """Separator, first row and encoding, each with what was seen."""
    own: Reading = getattr(options, f"read_{role}")

    def change(**new: Any) -> None:
        now = asking.answers(key).get(f"read_{role}", own)
        asking.answer(key, **{f"read_{role}": replace(now, **new)})

    def seen(what: str) -> str:
        return words.say("(guess)") if table is None else words.say("{what} (seen)", what=what)

    cut = "" if table is None else words.say(SEPARATOR_TITLES.get(table.separator, table.separator))
    head = words.say("names") if table is None or table.header else words.say("data")
    codes = list(dict.fromkeys([AUTO, *_ENCODINGS, own.encoding or AUTO]))
    with st.container(horizontal=True, gap="small"):
        st.selectbox(
            words.say("Separator"), [AUTO, *SEPARATOR_TITLES], width=190,
            format_func=lambda mark: words.say(SEPARATOR_TITLES[mark]) if mark else seen(cut),
            **state.held(f"cut-{role}", own.separator or AUTO, lambda mark: change(separator=mark or None)),
        )  # fmt: skip
        st.selectbox(
            words.say("First row"), [AUTO, *words.several("names", "data")], width=190,
            format_func=lambda one: words.say(one) if one else seen(head),
            **state.held(f"head-{role}", AUTO if own.header is None else "names" if own.header else "data",
                         lambda one: change(header=one == "names" if one else None)),
        )  # fmt: skip
        st.selectbox(
            words.say("Encoding"), codes, width=190, format_func=lambda code: code or seen(
                "" if table is None else table.encoding),
            **state.held(f"code-{role}", own.encoding or AUTO, lambda code: change(encoding=code or None)),
        )  # fmt: skip


# ---- what comes of it --------------------------------------------------------------------------------------------


def _outcome(dataset: Dataset, key: str) -> None:
    """The ratings with the threshold, groups of people, and the first rows, as the answers make them."""
    st.markdown(f"**{words.say('What comes of it')}**")
    if RATING in dataset.interactions:
        values = dataset.interactions[RATING].to_numpy(np.float64)
        threshold = dataset.relevance_threshold
        parts.draw(charts.ratings(values, threshold), "ratings", words.say("Ratings or counts"),
                   about=words.say("Click a bar to let liked begin there."),
                   pick=lambda begin: asking.answer(key, relevance_threshold=float(begin)))  # fmt: skip
        st.number_input(
            words.say("Liked from"), value=None, width=220, format="%g", placeholder=words.say("any interaction"),
            help=words.say("A held-out item counts as liked from here on. Empty: any interaction counts."),
            **state.held("liked", threshold, lambda value: asking.answer(key, relevance_threshold=value)),
        )  # fmt: skip
    for name in columns.names(dataset.users):
        told = columns.tidy(dataset.users[name]) if name != USER_ID else None
        if told is not None and 1 < told.nunique() <= 12:
            # As an audit forms them: in letters of any case, and overlapping. The unknown are the last of the members.
            made = form(GroupSpec((name,)), dataset.users)
            sizes = map(len, made.members[:-1])
            groups = [f"{words.plain(one)} ({words.count(n)})" for one, n in zip(made.names, sizes, strict=True)]
            if told.isna().any():
                groups.append(words.say("unknown ({n})", n=int(told.isna().sum())))
            st.markdown(words.say("Groups of {name}: {groups}", name=words.plain(name), groups=", ".join(groups)))
    tables = {"interactions": _clocks(dataset), "users": dataset.users, "items": dataset.items}
    for tab, (role, frame) in zip(st.tabs([words.say(_ROLES[role]) for role in tables]), tables.items(), strict=True):
        with tab:
            st.dataframe(frame.head(PREVIEW_ROWS), hide_index=True, placeholder=words.DASH, key=f"outcome-{role}")


def _clocks(dataset: Dataset) -> pd.DataFrame:
    """The first interactions, with times as dates where they are such."""
    first = dataset.interactions.head(PREVIEW_ROWS)
    unit = {"seconds": "s", "milliseconds": "ms"}.get(dataset.provenance["time_unit"])
    if TIME not in first or unit is None:
        return first
    return first.assign(**{TIME: pd.to_datetime(first[TIME], unit=unit)})  # type: ignore[call-overload]  # one of two units
