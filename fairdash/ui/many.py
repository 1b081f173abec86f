"""Many lists side by side: a row a run, a system or mitigated lists, a column an aim; and what is behind one row."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from fairdash import settings, words
from fairdash.charts import many as pictures
from fairdash.hashing import digest as digest_of
from fairdash.item_classes import POPULARITY
from fairdash.metrics.value import Audit
from fairdash.mitigation.base import Mitigation
from fairdash.run import Run
from fairdash.schema import Lists, Split
from fairdash.stages import many
from fairdash.stages.audit import AuditSpec
from fairdash.stages.compare import LOST, WON, aims
from fairdash.stages.many import Cell, Column
from fairdash.ui import changes, comparing, findings, forms, load, movers, naming, parts, runs, state
from fairdash.workspace import Entry

Comparison = dict[str, Any]
ROWS = 12  # lists that are shown where none were chosen
ROW_HEIGHT = 46
COLUMNS = 3  # columns that are shown where none were chosen: as many as fit a page
# Up or down; a gap that moved only on its own is not shown to move.
_WAY = dict.fromkeys(WON, 1) | dict.fromkeys(LOST, -1)
_BY_NAME = "name"
_COLUMNS = words.several("lists", "metric", "value", "difference", "95 % from", "95 % to", "verdict")


@dataclass(frozen=True)
class Table:
    """What is compared. shown: entries by digest; pinned: the baseline's digest; compared: each row's comparison with
    it, as comparison.json; columns: what they are compared by; spec: groups and K."""

    shown: Mapping[str, Entry]
    pinned: str
    compared: Mapping[str, Comparison]
    columns: Sequence[Column]
    spec: AuditSpec

    def cell(self, row: str, column: Column) -> Cell:
        """A cell of the table."""
        return many.cell(self.compared[row], column, baseline=row == self.pinned)

    def harmed(self, row: str) -> list[dict[str, Any]]:
        """Groups that a row harms, in NDCG or in a metric of the columns."""
        metrics = list(dict.fromkeys(["ndcg", *(column.metric for column in self.columns)]))
        return many.harmed(self.compared[row], metrics)


@dataclass(frozen=True)
class Beside:
    """All lists that can be rows, with their runs, and the name of the people that they are compared for."""

    lists: list[tuple[Run, Lists]]
    people: str


def page() -> None:
    """Choose rows, columns and the baseline; see all of them; open one."""
    entries = _entries()
    if len(entries) < 2:
        parts.empty(
            words.say("Nothing to compare yet"),
            words.say("A comparison needs two lists for the same people and the same test part."),
            "mitigate",
            words.say("Mitigate"),
        )
        return
    one, two, three, four, five = st.columns([3.2, 3.2, 3, 3, 2.4], vertical_alignment="bottom")
    with four.popover(words.say("Rows, columns"), icon=":material/view_column:", width="stretch"):
        wanted = st.container()
    with one:
        pinned = _pinned(entries)
    with wanted:
        shown = _shown(entries, pinned)
    with five.popover(words.say("Groups, K"), icon=":material/tune:", width="stretch"):
        spec = _spec(pinned, shown)
    beside = _beside(entries)
    compared = {row: _against(pinned, row, spec, beside) for row in shown}
    with wanted:
        columns = _columns(compared[pinned], entries)
    table = Table(shown, pinned, compared, columns, spec)
    with two:
        by = _by(table)
    with three:
        hide = st.toggle(
            words.say("Hide dominated"), **state.own("undominated", False, lambda told: told == "True"),
            help=words.say("Rows that another one beats: as good in every column, and better in one."),
        )  # fmt: skip
    order = _order(table, by, hide=hide)
    name = naming.namer(list(entries.values()), 70)
    st.markdown(f"## {words.plain(sentence(table, name), 900)}")
    _table(table, order, name)
    row = _open(order, name, pinned)
    if row is not None:
        _row(table, row, order, name, beside)


def _entries() -> dict[str, Entry]:
    """The lists of the test part that is in view, newest first."""
    every = {entry.digest: entry for entry in runs.of(state.get("data"))}
    first = state.get("after") if state.get("after") in every else state.get("lists")
    if first not in every:
        first = next(iter(every), None)
    if first is None:
        return {}
    return {one: entry for one, entry in every.items() if comparing.same(entry, every[first])}


def _pinned(entries: Mapping[str, Entry]) -> str:
    """The baseline: what was not mitigated, of the lists in view where they are such."""
    plain = [one for one, entry in entries.items() if not entry.meta.get("mitigation")]
    own = next((one for one in (state.get("lists"), state.get("before"), *plain) if one in plain), next(iter(entries)))
    name = naming.namer(list(entries.values()), 70)
    return str(st.selectbox(words.say("Baseline, pinned on top"), list(entries), format_func=name,
                            **state.pick("pinned", entries, own)))  # fmt: skip


def _shown(entries: Mapping[str, Entry], pinned: str) -> dict[str, Entry]:
    """The rows, the baseline first."""
    usual = [one for one in entries if one != pinned][: ROWS - 1]
    rows = st.multiselect(words.say("Rows"), list(entries), placeholder=words.say("Choose options"),
                          **_list("rows", usual, entries),
                          format_func=naming.namer(list(entries.values()), 70))  # fmt: skip
    return {pinned: entries[pinned], **{one: entries[one] for one in rows if one != pinned}}


def _spec(pinned: str, shown: Mapping[str, Entry]) -> AuditSpec:
    """Groups and K, as all pages share them."""
    run, _ = load.lists(pinned)
    deep = min(load.lists(digest)[1].k for digest in shown)
    group = forms.group(run.split.training.people, inline=True)
    items = forms.item_group(run.split.training.items, (POPULARITY,) if len(run.split.known) else ())
    k = st.number_input("K", 1, deep, width=110, **state.shared("k", min(settings.K, deep), state.within(1, deep)))
    return AuditSpec.from_json(forms.view(group, items, int(k)))


def _list(name: str, usual: list[str], known: Any) -> dict[str, Any]:
    """Key and callback of a choice of several, with what is usual where the URL says nothing."""

    def accept(given: str) -> list[str]:
        return [one for one in json.loads(given) if one in known]

    return state.own(name, usual, accept, json.dumps)


def _columns(value: Comparison, entries: Mapping[str, Entry]) -> list[Column]:
    """The chosen columns; at first accuracy, its gap, and what the mitigations were meant to move."""
    known = {column.key: column for column in many.columns(value)}
    meant = [
        column.key
        for entry in entries.values() if entry.meta.get("mitigation")
        for aim in aims(Mitigation.from_json(entry.meta["mitigation"]))
        for column in known.values()
        if column.metric == aim.metric and column.attribute == (aim.attribute or "")
    ]  # fmt: skip
    accuracy = [key for key in known if key.startswith(("overall.ndcg", "gaps.ndcg."))]
    usual = list(dict.fromkeys([*accuracy, *meant, *known]))[:COLUMNS]
    chosen = st.multiselect(words.say("Columns"), list(known), placeholder=words.say("Choose options"),
                            **_list("columns", usual, known),
                            format_func=_namer(list(known.values()), value["k"]))  # fmt: skip
    return [known[key] for key in chosen]


def _namer(columns: Sequence[Column], k: int) -> Callable[[Any], str]:
    """What each column is called, by its key; those of one title say of which groups they are."""
    known = {column.key: column for column in columns}
    of = [{"by": column.attribute} for column in columns]
    return words.namer(list(known), lambda key: _title(known[key], k), of, 80)


def _title(column: Column, k: int) -> str:
    named = findings.title(column.metric, k)
    if column.part == "gaps":
        return words.say("Gap in {metric}", metric=named)
    if column.part == "item_gaps":
        return words.say("{metric} ({items})", metric=named, items=words.label(column.attribute, 24))
    return named


def _by(table: Table) -> Column | None:
    """What the rows are sorted by; None: their names."""
    known = {column.key: column for column in table.columns}
    orders, named = [*known, _BY_NAME], _namer(table.columns, table.spec.k)
    by = st.selectbox(words.say("Sort by"), orders, **state.pick("sort", orders),
                      format_func=lambda key: named(key) if key in known else words.say("name"))  # fmt: skip
    return known.get(by)


def _order(table: Table, by: Column | None, *, hide: bool) -> list[str]:
    """The rows, the best first, the baseline on top. hide: without those that another one beats."""
    rows = [one for one in table.shown if one != table.pinned]
    if hide:
        worth = {one: [column.worth(table.cell(one, column).value) for column in table.columns] for one in table.shown}
        beaten = many.dominated(worth)
        rows = [one for one in rows if one not in beaten]

    def place(one: str) -> tuple[bool, float, str]:
        worth = None if by is None else by.worth(table.cell(one, by).value)
        return worth is None, -(worth or 0.0), table.shown[one].title

    return [table.pinned, *sorted(rows, key=place)]


def sentence(table: Table, name: Any) -> str:
    """How many of the lists harm a group, and whom."""
    others = [one for one in table.shown if one != table.pinned]
    found = {one: table.harmed(one) for one in others}
    harming = [one for one in others if found[one]]
    about = {"n": len(harming), "lists": words.count(len(others), "list"), "baseline": name(table.pinned)}
    if not harming:
        return words.say("Of {lists} beside {baseline}, none is shown to harm a group.", **about)
    whom = dict.fromkeys(words.people(row["attribute"], row["group"]) for one in harming for row in found[one])
    return words.say(
        "Of {lists} beside {baseline}, {n} harms a group beyond its interval: {people}.",
        "Of {lists} beside {baseline}, {n} harm a group beyond its interval: {people}.",
        people=words.join(list(whom)),
        **about,
    )


def told_harm(rows: Sequence[Mapping[str, Any]], k: int) -> str:
    """NDCG@10: women −0.020, men −0.013; of the first metric, and how many more there are. Empty where nobody is shown
    to be harmed."""
    metrics = list(dict.fromkeys(row["metric"] for row in rows))
    if not metrics:
        return ""
    told = [
        words.say("{group} {difference}", group=words.people(row["attribute"], row["group"]),
                  difference=words.signed(row["difference"]))
        for row in rows if row["metric"] == metrics[0]
    ]  # fmt: skip
    said = words.say("{what}: {told}", what=findings.title(metrics[0], k), told=words.say(", ").join(told))
    if len(metrics) == 1:
        return said
    return words.say("{told}; {metrics}", told=said, metrics=words.count(len(metrics) - 1, "more metric"))


def _table(table: Table, order: Sequence[str], name: Any) -> None:
    """All rows with a small picture in each cell; a row that is chosen is opened below."""
    k, dark, named = table.spec.k, state.dark(), _namer(table.columns, table.spec.k)
    harmed = [
        words.say("baseline") if one == table.pinned else told_harm(table.harmed(one), k) or words.say("none shown")
        for one in order
    ]
    longest = 60 + 6 * max(map(len, harmed))
    shown: dict[str, list[str]] = {"name": [name(one) for one in order], "harmed": harmed}
    config: dict[str, Any] = {
        "name": st.column_config.TextColumn(words.say("lists"), width=215),
        "harmed": st.column_config.TextColumn(words.say("harmed groups"), width=min(220, longest)),
    }
    for column in table.columns:
        cells = [table.cell(one, column) for one in order]
        reach = max([abs(end) for one in cells for end in (one.low, one.high) if end is not None], default=0.0)
        shown[column.key] = [
            pictures.interval(
                one.value, one.difference, (one.low, one.high), reach, _WAY.get(one.verdict, 0), dark=dark
            )
            for one in cells
        ]
        title = named(column.key)
        config[column.key] = st.column_config.ImageColumn(title, width=max(pictures.WIDTH + 14, 7 * len(title)))

    def chosen() -> None:
        rows = st.session_state["many"].selection.rows
        if rows:
            state.put("row", order[rows[0]])

    st.dataframe(pd.DataFrame(shown), hide_index=True, placeholder=words.DASH, column_config=config,
                 row_height=ROW_HEIGHT, key="many", on_select=chosen, selection_mode="single-row",
                 height=ROW_HEIGHT * len(order) + 40)  # fmt: skip
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(
            words.say(
                "In each cell the row's value, and its paired difference from the baseline with the 95 % interval: "
                "▲ better, ▼ worse, ○ not shown to differ. Choose a row to open it."
            ),
            width="stretch",
        )
        parts.behind("many", rows=lambda: _plain(table, order, name), name="many-lists", digits=4)


def _plain(table: Table, order: Sequence[str], name: Any) -> pd.DataFrame:
    """The same in numbers: one row a cell."""
    rows, named = [], _namer(table.columns, table.spec.k)
    for one in order:
        for column in table.columns:
            cell = table.cell(one, column)
            verdict = words.say(cell.verdict) if cell.verdict else ""
            numbers = (cell.value, cell.difference, cell.low, cell.high)
            rows.append((name(one), named(column.key), *numbers, verdict))
    return pd.DataFrame(rows, columns=list(_COLUMNS)).astype(dict.fromkeys(_COLUMNS[2:-1], float))


def _open(order: Sequence[str], name: Any, pinned: str) -> str | None:
    """The row that is opened."""
    options = ["", *(one for one in order if one != pinned)]
    chosen = st.selectbox(words.say("Open a row"), options, width=420, **state.pick("row", options),
                          format_func=lambda one: name(one) if one else words.say("none"))  # fmt: skip
    return chosen or None


def _row(table: Table, row: str, order: Sequence[str], name: Any, beside: Beside) -> None:
    """Groups before and after, who gains and loses most, and one person's list under every row."""
    value, k = table.compared[row], table.spec.k
    attribute = next(iter(value["gaps"]), None)
    baseline, other = (_audit(one, table.spec, beside) for one in (table.pinned, row))
    names = changes.metrics_of(value, attribute) if attribute is not None else list(other.tally.own.metrics)
    metric = st.selectbox(words.say("Metric"), names, format_func=findings.namer(names, k), width=300,
                          **state.pick("metric", names))  # fmt: skip
    title = words.plain(findings.title(metric, k), 80)
    left, right = st.columns([11, 9], gap="medium")
    with left:
        if attribute is not None:
            parts.draw(changes.by_group(value, attribute, metric), "many-groups",
                       words.say("{title}, before and after", title=title), pick=movers.see)  # fmt: skip
    run, _ = load.lists(table.pinned)
    with right:
        found = movers.choose(baseline, other, run, metric)
    movers.person(found, run, order, name, k)


def people(params: Mapping[str, Any], metric: str) -> None:
    """Who gains and who loses most between the two lists of a comparison. params: of its job."""
    order, spec = (params["before"], params["after"]), AuditSpec.from_json(params)
    beside = _beside(order)
    run, _ = load.lists(order[0])
    baseline, other = (_audit(one, spec, beside) for one in order)
    found = movers.choose(baseline, other, run, metric)
    name = naming.namer([state.workspace().get("lists", one) for one in order], 70)
    movers.person(found, run, order, name, spec.k)


# --- one audit a row, one pairing a row, both kept -------------------------------------------------------------------


def _against(pinned: str, row: str, spec: AuditSpec, beside: Beside) -> Comparison:
    return _paired(pinned, row, json.dumps(spec.to_json()), beside.people, beside.lists)


def _audit(row: str, spec: AuditSpec, beside: Beside) -> Audit:
    return _audited(row, json.dumps(spec.to_json()), beside.people, beside.lists)


def _beside(digests: Iterable[str]) -> Beside:
    lists = [load.lists(one) for one in digests]
    return Beside(lists, _key(lists))


def _key(beside: Sequence[tuple[Run, Lists]]) -> str:
    """The name of who has a list in any row, and who is asked in all: all that the rows beside decide."""
    some = np.any([(lists.items >= 0).any(axis=1) for _, lists in beside], axis=0)
    return digest_of(some, reduce(Split.among, (run.split for run, _ in beside)).asked)


@st.cache_data(max_entries=128, show_spinner="Comparing")
def _paired(pinned: str, row: str, spec: str, people: str, _beside: list[tuple[Run, Lists]]) -> Comparison:
    both = (_audited(one, spec, people, _beside) for one in (pinned, row))
    return many.against(*both)


@st.cache_resource(max_entries=32, show_spinner="Auditing")
def _audited(row: str, spec: str, people: str, _beside: list[tuple[Run, Lists]]) -> Audit:
    run, lists = load.lists(row)
    lists_of, splits = [one for _, one in _beside], [one.split for one, _ in _beside]
    return many.audited(run, lists, AuditSpec.from_json(json.loads(spec)), lists_of, splits)
