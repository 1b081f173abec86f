"""The groups of the data in view, as a person shapes them: cuts by dragging, values merged, shares that are stated."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from fairdash import charts, columns, entries, words
from fairdash.data import versions
from fairdash.data.clean import REPAIRS
from fairdash.groups import band_names
from fairdash.groups import form as form_groups
from fairdash.schema import Dataset, GroupSpec
from fairdash.stages import represent
from fairdash.ui import one_group, parts, state

MOST_CUTS = 7
OFFERED = 200  # values of an attribute that are offered to be merged


def section(dataset: Dataset, spec: GroupSpec) -> None:
    """Controls for the groups in view, behind a heading each."""
    for i, attribute in enumerate(spec.attributes):
        edges = spec.edges[i] if i < len(spec.edges) else None
        if attribute not in dataset.users:  # made of what people do
            continue
        if edges is not None:
            told = words.say("Cut {attribute} by dragging", attribute=words.plain(attribute))
            parts.folded(told, f"shape-cuts-{attribute}", ":material/content_cut:", _cuts, dataset, attribute, edges)
        elif not columns.is_numeric(dataset.users[attribute]):
            told = words.say("Merge values of {attribute}", attribute=words.plain(attribute))
            parts.folded(told, f"merge-{attribute}", ":material/merge:", _merge, dataset, attribute)
    told = words.say("Is {attribute} represented as it should be?", attribute=words.plain(spec.label))
    parts.folded(told, "shape-represented", ":material/groups:", _represented, dataset, spec)


# --- cuts -------------------------------------------------------------------------------------------------------------


def _cuts(dataset: Dataset, attribute: str, edges: tuple[float, ...]) -> None:
    """A handle a cut, over the numbers that are cut; the box “Cuts” above holds the same."""
    values = columns.numbers(dataset.users[attribute])
    values[columns.impossible(dataset.users[attribute], attribute)] = np.nan
    known = values[np.isfinite(values)]
    if not len(known) or known.min() == known.max():
        st.caption(words.say("All people have the same number."))
        return
    low, high = float(known.min()), float(known.max())
    whole = bool((known == np.rint(known)).all())

    def put(new: list[float]) -> None:
        state.put(f"cut_{attribute}", ", ".join(f"{edge:g}" for edge in sorted(set(new))) or f"{low:g}")

    def move(begin: str) -> None:
        to = float(begin)
        put([*sorted(edges, key=lambda edge: abs(edge - to))[1:], to])

    parts.draw(charts.cuts(values, edges, band_names(edges, whole), attribute), f"cuts-{attribute}",
               words.say("How many people have which {attribute}", attribute=words.plain(attribute)),
               about=words.say("Click a bar to move the nearest cut there; the sliders below do the same."),
               pick=move)  # fmt: skip

    def number(n: int) -> None:
        kept = list(edges[:n])
        spread = np.quantile(known, np.linspace(0, 1, n + 2)[1:-1], method="lower")
        put(
            kept if n <= len(edges) else [float(np.format_float_positional(cut, 4, fractional=False)) for cut in spread]
        )

    st.number_input(words.say("Number of cuts"), 1, MOST_CUTS, width=150,
                    help=words.say("Another number of cuts makes groups of about equally many people."),
                    **state.held(f"n-cuts-{attribute}", min(len(edges), MOST_CUTS), number))  # fmt: skip
    for i, edge in enumerate(edges[:MOST_CUTS]):

        def moved(value: float, i: int = i) -> None:
            put([*edges[:i], float(value), *edges[i + 1 :]])

        told = words.say("Cut {n}: from here on, the next group", n=i + 1)
        key = f"drag-{attribute}-{i}"
        if whole and edge == round(edge):
            ends = int(min(low, edge)), int(max(high, edge))
            st.slider(told, *ends, **state.held(key, int(edge), moved))
        else:
            ends_ = float(min(low, edge)), float(max(high, edge))
            st.slider(told, *ends_, step=(ends_[1] - ends_[0]) / 200, **state.held(key, float(edge), moved))


# --- values that are one ----------------------------------------------------------------------------------------------


def _merge(dataset: Dataset, attribute: str) -> None:
    """Choose values that mean the same, name them, and look at the data with them merged."""
    known = columns.tidy(dataset.users[attribute]).dropna()
    counts = known.str.split("|").explode().str.strip().value_counts()
    options = counts.index[:OFFERED].tolist()
    proposed = versions.proposals(dataset, attribute)
    if proposed:
        st.caption(
            words.say(
                "These look like one value: {groups}.",
                groups=words.join([words.plain(" = ".join(group), 90) for group in proposed.values()]),
            )
        )
    first = [value for value in next(iter(proposed.values()), []) if value in options]

    def accept(given: str) -> list[str]:
        return [value for value in json.loads(given) if value in options]

    one, two = st.columns([3, 2], vertical_alignment="bottom")
    with one:
        values = st.multiselect(
            words.say("Values that are one"), options, placeholder=words.say("Choose options"),
            format_func=words.namer(options, lambda value: words.group(value, int(counts[value]))),
            **state.own(f"merge_{attribute}", first, accept, json.dumps),
        )  # fmt: skip
    with two:
        into = st.text_input(words.say("Called"), max_chars=80,
                             **state.own(f"merged_{attribute}", values[0] if values else "", str))  # fmt: skip
    if len(values) > 1:
        people = int(known.str.split("|").map(lambda cell: bool({part.strip() for part in cell} & {*values})).sum())
        st.caption(
            words.say(
                "{n} value becomes one, of {people}.",
                "{n} values become one, of {people}.",
                n=len(values),
                people=words.count(people, "person", "people"),
            )
        )
    parts.submit(words.say("Make a version of the data"), _merged, dataset, attribute, values, into,
                 disabled=not values, icon=":material/merge:", key=f"make-merged-{attribute}")  # fmt: skip


def _merged(dataset: Dataset, attribute: str, values: list[str], into: str) -> None:
    name = words.say("{data}, {attribute} merged", data=dataset.name.removesuffix(f", {attribute} merged"),
                     attribute=attribute)  # fmt: skip
    made = versions.merge_values(dataset, attribute, values, into, name)
    state.put("data", entries.put_dataset(state.workspace(), made))
    for param in (f"merge_{attribute}", f"merged_{attribute}"):
        state.put(param, None)


# --- shares that are stated -------------------------------------------------------------------------------------------


def _represented(dataset: Dataset, spec: GroupSpec) -> None:
    """The observed share of each group beside the one that a person states, with interval and test."""
    groups = form_groups(spec, dataset.users)
    if len(groups.names) < 2:
        st.caption(words.say("There is one group alone."))
        return
    names = [f'"{name}"' if set(name) & set(",;=") else name for name in groups.names]
    told = st.text_input(
        words.say("Shares that it should have, in %"),
        placeholder=", ".join(f"{name}={round(100 / len(names), 1)}" for name in names[:8]),
        help=words.say("Of the people whom you serve, or of a census. Groups that you leave out share the rest."),
        **state.own(f"stated_{spec.label}", "", str, lambda given: given or None),
    )
    if not told.strip():
        st.caption(words.say("State them, and the shares that are in the data stand beside them with a test."))
        return
    with parts.errors():
        found = represent.represent(spec, groups, represent.parse(told))
        _against(spec, found)


def _against(spec: GroupSpec, found: represent.Representation) -> None:
    table = found.table
    rows = {str(row["group"]): row for row in table.to_dict("records")}
    if found.found:
        name = found.found[0]
        row = rows[name]
        template = _FEWER if row["observed"] < row["stated"] else _MORE
        said = words.say(
            template,
            people=words.plain(words.sentence(words.people(spec.label, name))),
            observed=words.percent(row["observed"]),
            low=words.percent(row["low"]),
            high=words.percent(row["high"]),
            stated=words.percent(row["stated"]),
            p=words.p_value(row["p_holm"]),
        )
    else:
        said = words.say("No group's share was found to differ from the stated one.")
    st.markdown(f"**{said}**")
    labels = [words.group(name, int(n)) for name, n in zip(table["group"], table["people"], strict=True)]
    main = words.say("in the data")
    shares = {main: table["observed"], words.say("stated"): table["stated"]}
    ends = {main: table[["low", "high"]].to_numpy()}
    names = table["group"].tolist()
    picture = charts.exposure(labels, shares, ends, axis=words.say("part of the people"), main=main, keys=names)
    parts.draw(picture, "represented", words.say("In the data, and stated"), pick=one_group.see)
    notes = [words.say("too few") if n < spec.min_size else "" for n in table["people"]]
    shown = table.drop(columns="p_value").rename(
        columns={"observed": main, "low": words.say("95 % from"), "high": words.say("95 % to"),
                 "stated": words.say("stated"), "p_holm": words.say("p (Holm)")}
    )  # fmt: skip
    parts.table(shown.assign(**{words.say("note"): notes}), "stated")


_FEWER = words.later(
    "{people} are {observed} of the people here (95 % CI {low} to {high}), fewer than the stated {stated} ({p})."
)
_MORE = words.later(
    "{people} are {observed} of the people here (95 % CI {low} to {high}), more than the stated {stated} ({p})."
)


def repairs(effects: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """One row a repair: what it is, the rows that went, the cells that changed, and attributes with fewer values."""
    return pd.DataFrame(
        [
            {
                words.say("repair"): words.say(REPAIRS[one["repair"]].title)
                if one["repair"] in REPAIRS
                else one["repair"],
                words.say("interactions gone"): one["interactions"],
                words.say("people gone"): one["people"],
                words.say("items gone"): one["items"],
                words.say("cells changed"): one["cells"],
                words.say("values before → after"): ", ".join(
                    f"{words.label(name)} {old} → {new}" for name, (old, new) in one["different"].items()
                ),
            }
            for one in effects
        ]
    )
