"""Files of a person → a data set of the workspace: what was recognised, what was found, what can be corrected."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pandas as pd
import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from fairdash import data, words
from fairdash.data.clean import REPAIRS
from fairdash.data.importing import Preview
from fairdash.data.mapping import Guess
from fairdash.data.options import ImportOptions
from fairdash.data.read import SEPARATOR_TITLES, Reading
from fairdash.entries import put_dataset
from fairdash.hashing import digest
from fairdash.schema import Dataset
from fairdash.ui import catalogue, parts, state

Files = list[tuple[str, bytes]]

PREVIEW_ROWS = 8
KNOWN_NAMES = {"u.data": "MovieLens 100K", "ratings.dat": "MovieLens 1M"}  # files of archives, by their names
AUTO, NOTHING = words.several("(guess)", "(none)")
_ICONS = {"info": ":material/info:", "warning": ":material/warning:", "error": ":material/error:"}
_ROLES = {
    "interactions": words.later("Interactions"),
    "users": words.later("People"),
    "items": words.later("Items"),
}
_FIELDS = {  # option of ImportOptions → the table it chooses from, label, whether there may be none
    "user": ("interactions", words.later("Person"), False),
    "item": ("interactions", words.later("Item"), False),
    "rating": ("interactions", words.later("Rating or count"), True),
    "time": ("interactions", words.later("Time or order"), True),
    "split": ("interactions", words.later("Train, valid or test"), True),
    "users_id": ("users", words.later("Id of people"), False),
    "items_id": ("items", words.later("Id of items"), False),
    "title": ("items", words.later("Title"), True),
    "categories": ("items", words.later("Categories"), True),
}


@st.cache_resource(max_entries=2, show_spinner="Reading and checking the files")
def _build(key: str, options: ImportOptions, _sources: Files) -> tuple[Dataset, tuple[data.Finding, ...]]:
    return data.build(_sources, options=options)


@st.cache_resource(max_entries=2, show_spinner="Reading the files")
def _preview(key: str, options: ImportOptions, _sources: Files) -> Preview:
    return data.preview(_sources, options=options)


def section() -> None:
    """Upload, look, correct, keep."""
    files = st.file_uploader(
        words.say("Interactions, and people and items if you have them: CSV, TSV, “::”, “|”, Parquet, or one zip "
"of them"),
        accept_multiple_files=True, key="files",
        help=words.say("MovieLens files are recognised as they come from the archive. Files stay on this server."),
    )  # fmt: skip
    if not files:
        st.caption(
            words.say(
                "A table of interactions is enough: a column for the person and one for the item; a rating or "
                "count and a time make it better. Attributes of people (gender, age, …) make groups, those of "
                "items item groups."
            )
        )
        return
    with parts.errors():
        _bring(files)


def _bring(files: Sequence[UploadedFile]) -> None:
    sources = [(file.name, file.getvalue()) for file in files]
    key = digest(*(part for source in sources for part in source))
    reading: ImportOptions = _reading(key)
    seen = _preview(key, reading, sources)
    options = replace(
        reading, **st.session_state.get(f"chosen-{key}", {}), repairs=st.session_state.get(f"repairs-{key}")
    )
    dataset: Dataset | None = None
    with parts.errors():  # what is wrong stands above the form in which it is put right
        dataset, findings = _build(key, options, sources)
    if dataset is not None:
        _recognised(seen, dataset)
        with st.container(horizontal=True, vertical_alignment="bottom"):
            known = KNOWN_NAMES.get(seen.interactions.name, dataset.name)
            name = st.text_input(
                words.say("Name of the data set"), known, max_chars=60, key=f"name-{key}", width=360
            ).strip()
            parts.act(words.say("Keep this data set"), _keep, dataset, name or dataset.name, findings, type="primary",
                      icon=":material/check:", key="keep")  # fmt: skip
        _findings(findings, key)
    with (
        st.expander(
            words.say("Columns and options"),
            icon=":material/edit:",
            expanded=dataset is None or _unsure(seen.guesses),
            key="columns",
        ),
        st.form(f"options-{key}", border=False),
    ):
        given = _correct(seen, dataset, st.session_state.get(f"chosen-{key}", {}))
        if st.form_submit_button(words.say("Apply"), icon=":material/refresh:"):
            st.session_state[f"chosen-{key}"] = given
            st.rerun()
    _rows(seen)


def _keep(dataset: Dataset, name: str, findings: Sequence[data.Finding]) -> None:
    """Store the data set with its findings, and look at it."""
    provenance = {**dataset.provenance, "findings": [finding.to_json() for finding in findings]}
    catalogue.look_at(put_dataset(state.workspace(), replace(dataset, name=name, provenance=provenance)))


def _unsure(guesses: dict[str, Guess]) -> bool:
    return any(guess.confidence < 0.6 for guess in guesses.values())


def _recognised(seen: Preview, dataset: Dataset) -> None:
    tables = [(role, getattr(seen, role)) for role in _ROLES if getattr(seen, role) is not None]
    said = ", ".join(f"{words.say(_ROLES[role]).lower()} from {words.plain(table.name)}" for role, table in tables)
    st.success(words.say("Recognised {said}.", said=said), icon=":material/task_alt:")
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
            parts.Metric(words.say("Categories"), words.count(len(dataset.categories.names))),
        ]
    )


def _findings(findings: Sequence[data.Finding], key: str) -> None:
    st.markdown(f"**{words.count(len(findings), 'finding')}**")
    chosen, offered = set(), set()
    asked = False
    for i, finding in enumerate(findings):
        repair = REPAIRS.get(finding.repair)
        with st.container(horizontal=True, vertical_alignment="center", key=f"finding-{i}", gap="small"):
            rows = (
                words.say(" Rows {rows}.", rows=", ".join(f"{row:,}" for row in finding.rows)) if finding.rows else ""
            )
            file = f"{words.plain(finding.table)}: " if finding.table else ""
            st.markdown(f"{_ICONS[finding.severity]} {file}{words.plain(finding.message, 600)}{rows}", width="stretch")
            if repair is None:
                continue
            if repair.when == "always":
                st.badge(
                    words.say("repaired") if finding.applied else words.say("open"),
                    color="green" if finding.applied else "gray",
                    help=repair.title,
                )
                continue
            asked = True
            if finding.repair in offered:  # several findings can share a repair: it is chosen once, for all of them
                st.badge(
                    words.say("repaired") if finding.applied else words.say("open"),
                    color="green" if finding.applied else "gray",
                    help=repair.title,
                )
                continue
            offered.add(finding.repair)
            if st.checkbox(repair.title, finding.applied, key=f"repair-{key}-{finding.repair}"):
                chosen.add(finding.repair)
    wanted = tuple(sorted(chosen))
    usual = tuple(sorted({f.repair for f in findings if f.applied and REPAIRS.get(f.repair) is not None
                          and REPAIRS[f.repair].when != "always"}))  # fmt: skip
    if asked and wanted != usual:
        st.session_state[f"repairs-{key}"] = wanted
        st.rerun()


def _reading(key: str) -> ImportOptions:
    """How each file is read, where the guess is wrong."""
    stored: ImportOptions = st.session_state.get(f"reading-{key}", ImportOptions())
    with (
        st.popover(words.say("How the files are read"), icon=":material/settings:", type="tertiary"),
        st.form(f"reading-form-{key}", border=False),
    ):
        given = {}
        for role, title in _ROLES.items():
            st.caption(words.say(title))
            one, two, three = st.columns(3)
            with one:
                cut = st.selectbox(words.say("Separator"), [AUTO, *SEPARATOR_TITLES], key=f"cut-{role}-{key}",
                                   format_func=lambda mark: words.say(SEPARATOR_TITLES.get(mark) or mark))  # fmt: skip
            with two:
                head = st.selectbox(
                    words.say("First row"),
                    [AUTO, *words.several("names", "data")],
                    format_func=words.say,
                    key=f"head-{role}-{key}",
                )
            with three:
                code = st.selectbox(
                    words.say("Encoding"),
                    [AUTO, "utf-8", "latin-1", "cp1252", "utf-16"],
                    format_func=words.say,
                    key=f"code-{role}-{key}",
                )
            given[role] = Reading(
                None if cut == AUTO else cut, None if code == AUTO else code, None if head == AUTO else head == "names"
            )
        if st.form_submit_button(words.say("Read again")):
            stored = ImportOptions(
                read_interactions=given["interactions"], read_users=given["users"], read_items=given["items"]
            )
            st.session_state[f"reading-{key}"] = stored
    return stored


def _correct(seen: Preview, dataset: Dataset | None, before: dict[str, Any]) -> dict[str, Any]:
    """Controls for every column and option; returns arguments of ImportOptions. before: what was chosen last."""
    given: dict[str, Any] = {}
    fields = [(name, *rest) for name, rest in _FIELDS.items() if getattr(seen, rest[0]) is not None]
    for start in range(0, len(fields), 4):
        for column, (name, role, label, optional) in zip(st.columns(4), fields[start : start + 4], strict=False):
            frame: pd.DataFrame = getattr(seen, role).frame
            guess = seen.guesses.get(name)
            names = [*([NOTHING] if optional else []), *frame.columns]
            index = names.index(guess.column) if guess and guess.column in names else 0
            hint = (
                words.say(
                    "{reason}, {confidence} sure", reason=guess.reason, confidence=words.percent(guess.confidence, 0)
                )
                if guess
                else words.say("nothing was recognised")
            )
            with column:
                picked = st.selectbox(
                    words.say(label), names, index, format_func=words.namer(names), help=words.plain(hint, 200)
                )
            given[name] = "" if picked == NOTHING else picked
    one, two, three, four = st.columns(4)
    with one:
        kind = st.selectbox(
            words.say("The numbers are"),
            words.several("auto", "rating", "count", "none"),
            format_func=words.say,
            help=words.say("Ratings on a scale, counts (plays, clicks), or nothing that matters."),
        )
    with two:
        usual = None if dataset is None else dataset.relevance_threshold
        empty = words.say("any interaction") if dataset else words.say("decided from the ratings")
        liked = st.number_input(words.say("Liked from"), value=usual, placeholder=empty,
                                help=words.say("Empty: any held-out interaction counts as liked."))  # fmt: skip
    with three:
        dedupe = st.selectbox(words.say("Of repeated rows keep"), words.several("last", "best"), format_func=words.say)
    with four:
        core = st.number_input(
            words.say("k-core"),
            0,
            100,
            0,
            help=words.say("Leave out people and items with fewer interactions; 0: nobody."),
        )
    bad = st.checkbox(words.say("Leave out rows whose rating is no number"))
    given |= {"rating_kind": kind, "dedupe": dedupe, "k_core": 0 if core == 1 else core, "drop_bad_ratings": bad}
    if liked != usual:
        given["relevance_threshold"] = liked
    elif dataset is not None and "relevance_threshold" in before:  # chosen before, and left as it was now
        given["relevance_threshold"] = before["relevance_threshold"]
    return given


def _rows(seen: Preview) -> None:
    roles = [role for role in _ROLES if getattr(seen, role) is not None]
    with st.expander(words.say("First rows of the files"), icon=":material/table_rows:", key="first-rows"):
        for tab, role in zip(st.tabs([words.say(_ROLES[role]) for role in roles]), roles, strict=True):
            table = getattr(seen, role)
            with tab:
                mark = SEPARATOR_TITLES.get(table.separator, table.separator)
                head = words.say("first row holds names") if table.header else words.say("no row of names")
                st.caption(
                    words.say(
                        "{name}: {frame} rows, {mark}, {encoding}, {head}.",
                        name=words.plain(table.name),
                        frame=len(table.frame),
                        mark=mark,
                        encoding=table.encoding,
                        head=head,
                    )
                )
                st.dataframe(table.frame.head(PREVIEW_ROWS), hide_index=False, key=f"head-{role}")
