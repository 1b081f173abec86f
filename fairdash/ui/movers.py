"""Who gains and who loses most by other lists, and what one person gets in each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pandas as pd
import streamlit as st

from fairdash import words
from fairdash.metrics.value import Audit
from fairdash.run import Run
from fairdash.stages import many
from fairdash.stages.explore import names_of
from fairdash.stages.many import Mover
from fairdash.ui import findings, load, parts, state

ABREAST = 3  # lists side by side that can still be read
PART = "people"  # of the comparison of two lists
ALL = ""  # no group alone
_COLUMNS = words.several("who", "person", "group", "before", "after")
_LIKED = "♥"  # an item that was liked later
_NDCG = "ndcg"  # whose movers are told where people have no value of their own in a metric


def see(group: str) -> None:
    """Look at those of this group who gain and lose most: of two lists, or of a row of many."""
    state.put("members", group)
    state.put("compared", PART)


def choose(baseline: Audit, other: Audit, run: Run, metric: str) -> list[Mover]:
    """Of which group, and in a table who of it loses and who gains most."""
    own = metric if metric in other.tally.own.metrics else _NDCG
    title = words.plain(findings.title(own, other.k))
    st.markdown(words.say("**Who loses and who gains most** ({metric})", metric=title))
    attribute = next((groups.attribute for groups in baseline.tally.groups), None)
    group = ALL
    if attribute is not None:
        options = [ALL, *many.groups_shown(baseline)]
        group = st.selectbox(words.say("Of which group"), options, width=260, **state.pick("members", options),
                             format_func=words.namer(options, _named))  # fmt: skip
        asked = state.seen("members", ALL, str)
        if asked not in options:
            told = words.say("{group}: too few people to be shown one by one.", group=words.label(asked, 60))
            st.caption(words.plain(told, 160))
    lost, won = many.movers(baseline, other, run, own, group)
    parts.table(_table(lost, won), "movers")
    return [*lost, *won]


def person(found: Sequence[Mover], run: Run, order: Sequence[str], name: Callable[[str], str], k: int) -> None:
    """One of these people, and their list in each of the lists of `order`. name: what lists are called."""
    options = [0, *(one.number for one in found)]
    number = st.selectbox(words.say("See a person's list under each"), options, width=340,
                          format_func=words.namer(options, _person),
                          **state.own("who", 0, state.among(options)))  # fmt: skip
    user = next((one.user for one in found if one.number == number), None)
    if user is not None:
        _lists(run, user, order, name, k)


def _named(group: str) -> str:
    return words.say("all groups") if group == ALL else group


def _person(number: int) -> str:
    return words.say("person {number}", number=number) if number else words.say("nobody")


def _table(lost: Sequence[Mover], won: Sequence[Mover]) -> pd.DataFrame:
    rows = [
        (words.say(told), one.number, one.group, one.before, one.after)
        for told, some in ((words.later("loses"), lost), (words.later("gains"), won))
        for one in some
    ]
    return pd.DataFrame(rows, columns=list(_COLUMNS))


def _lists(run: Run, user: int, order: Sequence[str], name: Callable[[str], str], k: int) -> None:
    """One person's list under every row, with what was liked later."""
    names, test = names_of(run.split.training.items), run.split.test
    threshold = run.split.training.relevance_threshold
    own = test.take((test.user == user).nonzero()[0])
    liked = {int(i) for i, r in zip(own.item, own.rating, strict=True) if threshold is None or r >= threshold}
    places = [column for _ in range(0, len(order), ABREAST) for column in st.columns(ABREAST, gap="small")]
    for column, one in zip(places, order, strict=False):
        items = [int(item) for item in load.lists(one)[1].items[user, :k] if item >= 0]
        with column:
            st.markdown(f"**{words.plain(name(one), 70)}**")
            st.dataframe(_listed(names, items, liked), hide_index=True, placeholder=words.DASH, key=f"list-{one}",
                         column_config={
                "#": st.column_config.NumberColumn(width=36),
                _LIKED: st.column_config.TextColumn(width=36, help=words.say("liked later")),
            })  # fmt: skip


def _listed(names: Any, items: Sequence[int], liked: set[int]) -> pd.DataFrame:
    """A person's list. names: of all items; liked: item codes."""
    return pd.DataFrame(
        {
            "#": range(1, len(items) + 1),
            _LIKED: [_LIKED if item in liked else "" for item in items],
            words.say("item"): [words.label(names[item], 60) for item in items],
        }
    )
