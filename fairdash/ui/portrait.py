"""The data set in view: its size and findings, and how it treats groups before any model."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
import streamlit as st

from fairdash import charts, images, settings, words
from fairdash.charts import GroupValue
from fairdash.groups import form as form_groups
from fairdash.schema import UNKNOWN, Dataset, GroupSpec
from fairdash.stages.describe import Description, UserGroups, describe
from fairdash.stages.disclosure import aside
from fairdash.ui import forms, load, one_group, parts, pictures, shaping, state

ROWS = 100  # of people and items that are shown as they are
_COLUMNS = {
    "people_share": words.later("of all people"),
    "interaction_share": words.later("of all interactions"),
    "activity_mean": words.later("a person, mean"),
    "activity_median": words.later("a person, median"),
    "shown": words.later("shown"),
    "shown_share": words.later("of all that was shown"),
    "click_rate": words.later("taken of what was shown"),
    "click_rate_low": words.later("taken, from"),
    "click_rate_high": words.later("taken, to"),
    "rating_mean": words.later("mean rating"),
    "liked_share": words.later("liked"),
    "tail_share": words.later("from the tail"),
    "popularity_mean": words.later("mean popularity"),
}


@st.cache_resource(max_entries=16, show_spinner="Looking at the data")
def _describe(digest: str, people: GroupSpec | None, things: GroupSpec | None) -> Description:
    dataset = load.dataset(digest)
    users = [] if people is None else [form_groups(people, dataset.users)]
    items = [] if things is None else [form_groups(things, dataset.items)]
    return describe(dataset, users, items)


def section() -> None:
    """Numbers, then the bias of the data by group, then what was found and held out."""
    digest = state.get("data") or ""
    dataset = load.dataset(digest)
    if dataset.interactions.empty:  # of lists that came alone
        parts.empty(
            words.say("No interactions"),
            words.say("These lists came without what was held out or known: only what they show can be audited."),
            "audit",
            words.say("Audit the lists"),
        )
        _details(dataset)
        return
    with st.container(horizontal=True, vertical_alignment="bottom"):
        people = forms.group(dataset.users)
        things = forms.item_group(dataset.items)
    seen = _describe(digest, people, things if isinstance(things, GroupSpec) else None)
    _size(dataset, seen)
    if people is None:
        parts.empty(
            words.say("No groups of people"),
            words.say("This data has no attribute of people that makes groups: only items can be audited."),
        )
    for users in seen.users.values():
        _by_group(users, int(people.min_size) if people else settings.MIN_GROUP_SIZE)
    if people is not None:
        shaping.section(dataset, people)
    for items in seen.items.values():
        table = items.table
        sizes = [
            words.say("{name} ({n} item)", "{name} ({n} items)", name=name, n=int(n))
            for name, n in zip(table["group"], table["items"], strict=True)
        ]
        shares = {
            words.say("catalogue"): table["catalogue_share"],
            words.say("interactions"): table["interaction_share"],
        }
        if table["shown_share"].notna().any():
            shares[words.say("shown")] = table["shown_share"]
        parts.draw(
            charts.exposure(sizes, shares, keys=table["group"].tolist()),
            "items",
            words.say("Items by {attribute}", attribute=words.plain(items.attribute)),
            about=words.say("Click a mark to see the items of its group."),
            pick=partial(pictures.see_items, items.attribute),
        )
        if isinstance(things, GroupSpec):
            one_group.items(dataset, things, seen.popularity)
    _split(digest, dataset)
    _details(dataset)


def _size(dataset: Dataset, seen: Description) -> None:
    overall = seen.overall
    head, liked = overall["head_catalogue_share"], overall["liked_share"]
    row = [
        parts.Metric(words.say("People"), words.count(dataset.n_users)),
        parts.Metric(words.say("Items"), words.count(dataset.n_items)),
        parts.Metric(words.say("Interactions"), words.count(len(dataset.interactions))),
        parts.Metric(
            words.say("A person, median"),
            words.number(overall["activity_median"], 0),
            help=words.say("Interactions of a person."),
        ),
        parts.Metric(
            words.say("Head"),
            words.percent(head, 0),
            help=words.say("The part of the catalogue that makes 80 % of all interactions."),
        ),
    ]
    if overall["shown"] is not None:
        row.append(
            parts.Metric(
                words.say("Taken"),
                words.percent(overall["click_rate"], 1),
                help=words.say(
                    "Of {shown} that people were shown: interactions, and impressions that they left.",
                    shown=words.count(int(overall["shown"])),
                ),
            )
        )
    if liked is not None and dataset.relevance_threshold is not None:
        row.append(
            parts.Metric(
                words.say("Liked"),
                words.percent(liked, 0),
                help=words.say(
                    "Rated {relevance_threshold} or more.", relevance_threshold=words.brief(dataset.relevance_threshold)
                ),
            )
        )
    seconds = {"seconds": 1.0, "milliseconds": 1e-3}.get(dataset.provenance.get("time_unit", "seconds"))
    if overall["last_time"] is not None and seconds is not None and overall["last_time"] * seconds > 1e8:
        first, last = (
            np.datetime64(int(float(overall[key] or 0) * seconds), "s").astype("datetime64[M]")
            for key in ("first_time", "last_time")
        )
        row.append(parts.Metric(words.say("From … to"), f"{first} … {last}"))
    parts.metrics(row)


def _by_group(users: UserGroups, least: int) -> None:
    table = users.table
    st.markdown(f"## {sentence(users, least)}")
    sizes = dict(zip(table["group"].tolist(), table["people"].tolist(), strict=True))
    labels = [words.group(name, n) for name, n in sizes.items()]
    apart = {words.group(name, n): aside(name, n, n < least) for name, n in sizes.items()}
    left, right = st.columns(2, gap="medium")
    wide = users.categories.pivot(index="category", columns="group", values="share")
    if len(wide) > 1:
        with left:
            groups = {label: wide[name].to_numpy() for name, label in zip(table["group"], labels, strict=True)}
            parts.draw(
                charts.shares(
                    list(wide.index),
                    groups,
                    words.say("share of the group's interactions"),
                    aside=apart,
                    keys=dict(zip(labels, sizes, strict=True)),
                ),
                "data-categories",
                words.say("What they have"),
                about=words.say(
                    "Part of each group's interactions that goes to a category; an item of several categories counts "
                    "in equal parts. Widest difference first. Click a mark to look at its group."
                ),
                pick=one_group.see,
            )
    with right if len(wide) > 1 else left:
        columns = ("group", "people", "activity_median", "activity_p25", "activity_p75")
        rows = [
            GroupValue(
                name,
                n,
                middle,
                low,
                high,
                apart[words.group(name, n)],
                words.WITHHELD if n < settings.FEWEST else "",
            )
            for name, n, middle, low, high in zip(*(table[column].tolist() for column in columns), strict=True)
        ]
        parts.draw(
            charts.group_values(
                rows, words.say("interactions a person, median"), spread=words.say("middle half"), digits=0
            ),
            "data-activity",
            words.say("How active they are"),
            about=words.say("The mark is the median person of a group; the line reaches over the middle half of them."),
            pick=one_group.see,
        )
    with right:
        tail = {label: [1 - share, share] for label, share in zip(labels, table["tail_share"], strict=True)}
        parts.draw(
            charts.stacked(
                tail,
                [words.say("head"), words.say("tail")],
                words.say("% of interactions"),
                aside=apart,
                keys=list(sizes),
            ),
            "data-tail",
            words.say("How mainstream they are"),
            about=words.say("Head: the fewest items that make 80 % of all interactions. Tail: all others."),
            pick=one_group.see,
        )
    if table["click_rate"].notna().any():
        columns = ("group", "people", "click_rate", "click_rate_low", "click_rate_high")
        taken = [
            GroupValue(name, n, rate, low, high, words.say("unknown") if name == UNKNOWN else "")
            for name, n, rate, low, high in zip(*(table[column].tolist() for column in columns), strict=True)
        ]
        parts.draw(
            charts.group_values(taken, words.say("taken of what was shown")),
            "data-taken",
            words.say("What they take of what they were shown"),
            about=words.say("Interactions of all that was shown, with a 95 % interval over people."),
            pick=one_group.see,
        )
    one_group.section(users, wide, least)
    parts.folded(words.say("All of it by group"), "all-by-group", ":material/table_rows:", _table, users, apart)


def _table(users: UserGroups, apart: Mapping[str, str]) -> None:
    """All that is told of each group. apart: label → why a group is not compared, in the table's order."""
    parts.table(
        users.table.drop(columns=["activity_p25", "activity_p75"])  # they are in the picture of how active people are
        .rename(columns={name: words.say(told) for name, told in _COLUMNS.items()})
        .dropna(axis=1, how="all")
        .assign(**{words.say("note"): list(apart.values())}),
        "data-groups",
        aside=[words.say(_COLUMNS[key]) for key in ("activity_mean", "activity_median")],  # likewise in that picture
    )


def sentence(users: UserGroups, least: int) -> str:
    """Who is there, how much of the data is theirs, and where their tastes differ most."""
    table = users.table[(users.table["group"] != UNKNOWN) & (users.table["people"] >= least)]
    if len(table) < 2:
        told = words.plain(users.attribute)
        return words.say("Fewer than two groups of {attribute} are large enough to compare.", attribute=told)
    small = table.sort_values("people").iloc[0]
    values = {
        "group": words.plain(words.sentence(words.people(users.attribute, str(small["group"])))),
        "people": words.percent(small["people_share"], 0),
        "interactions": words.percent(small["interaction_share"], 0),
    }
    wide = users.categories.pivot(index="category", columns="group", values="share")[list(table["group"])]
    spread = (wide.max(axis=1) - wide.min(axis=1)).sort_values(ascending=False)
    if len(spread) < 2 or not spread.iloc[0] > 0:
        return words.say("{group} are {people} of people and {interactions} of interactions.", **values)
    most = wide.loc[spread.index[0]]
    shares = [
        words.say("{share} for {group}", share=words.percent(most[name], 0),
                  group=words.plain(words.people(users.attribute, str(name))))
        for name in (most.idxmax(), most.idxmin())
    ]  # fmt: skip
    return words.say(
        "{group} are {people} of people and {interactions} of interactions; tastes differ most in {category}: "
        "{shares}.",
        category=words.plain(spread.index[0]), shares=words.join(shares), **values,
    )  # fmt: skip


def _split(digest: str, dataset: Dataset) -> None:
    st.markdown(words.say("**What is held out for the test**"))
    spec = forms.split(dataset)
    with parts.errors():
        cut = load.split(digest, spec)
        known = cut.training
        parts.metrics(
            [
                parts.Metric(words.say("Train"), words.count(len(known.train))),
                parts.Metric(
                    words.say("Validation"),
                    words.count(len(known.valid)),
                    help=words.say("For early stopping and for choosing strengths."),
                ),
                parts.Metric(
                    words.say("Test"), words.count(len(cut.test)), help=words.say("For audits and comparisons alone.")
                ),
            ]
        )
        for note in getattr(cut, "notes", ()):
            st.caption(words.plain(words.again(note), 300))


def _details(dataset: Dataset) -> None:
    findings = dataset.provenance.get("findings", [])
    if findings:
        with st.expander(
            words.say("{findings} on import", findings=words.count(len(findings), "finding")),
            icon=":material/fact_check:",
            key="found",
        ):
            for finding in findings:
                done = words.say(" (repaired)") if finding["applied"] else ""
                st.markdown(f"- {words.plain(finding['table'])}: {words.plain(finding['message'], 600)}{done}")
    effects = dataset.provenance.get("effects", [])
    if effects:
        with st.expander(words.say("What {n} repair did", "What {n} repairs did", n=len(effects)),
                         icon=":material/build:", key="effects"):  # fmt: skip
            parts.table(shaping.repairs(effects), "effects")
    parts.folded(words.say("People and items as they are"), "tables", ":material/table_rows:", _raw, dataset)
    citation = dataset.provenance.get("citation")
    if citation:
        st.caption(words.plain(citation, 400))


def _raw(dataset: Dataset) -> None:
    """The first rows of both tables; items with their pictures, where there are any."""
    for name, table, shots in (
        (words.say("People"), dataset.users, None),
        (words.say("Items"), dataset.items, dataset.item_images),
    ):
        st.caption(
            words.say(
                "{name}: {n} row, the first {ROWS} shown",
                "{name}: {n} rows, the first {ROWS} shown",
                name=name,
                n=len(table),
                ROWS=min(ROWS, len(table)),
            )
        )
        shown, title = table.head(ROWS), words.say("picture")
        looks: dict[str, Any] = {}
        if shots is not None and title not in table:
            shown = shown.assign(**{title: np.array([images.uri(one) for one in shots[:ROWS]], object)})
            looks = {title: st.column_config.ImageColumn(width=50)}
        st.dataframe(shown, hide_index=True, placeholder=words.DASH, key=f"raw-{name}", column_config=looks)
