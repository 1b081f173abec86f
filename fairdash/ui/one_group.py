"""What a click on a picture of the data opens: a group of people in words, with the way to them; or a group's items."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
import streamlit as st

from fairdash import settings, words
from fairdash.groups import form as form_groups
from fairdash.schema import ITEM_ID, UNKNOWN, Dataset, GroupSpec
from fairdash.stages.describe import UserGroups
from fairdash.stages.explore import names_of
from fairdash.ui import parts, pictures, state

MOST = 3  # categories that are told either way


def see(name: str) -> None:
    """Look at this group."""
    state.put("one", name)


def section(users: UserGroups, wide: pd.DataFrame, least: int) -> None:
    """What the data holds of the group of people that was clicked. wide: shares, category × group. least: people of a
    group that is compared."""
    name = state.seen("one", "", str)
    table = users.table.set_index("group")
    if name not in table.index:
        return
    row = {str(column): value for column, value in table.loc[[name]].to_dict("records")[0].items()}
    with st.container(border=True, key="one-group"):
        who = words.sentence(words.people(users.attribute, name))
        parts.opened(words.plain(words.group(who, int(row["people"]))), "one")
        if row["people"] < settings.FEWEST:
            st.caption(words.say(words.WITHHELD))
            return
        st.markdown(_numbers(row))
        others = [one for one in table.index[table["people"] >= least] if one != name]
        st.markdown(_tastes(wide, name, table.loc[others, "interactions"]))
        if state.data_of(state.get("lists")) == state.get("data"):
            parts.go("audit", words.say("See these people"), ":material/group:", view=pictures.PEOPLE, who=name)


def _numbers(row: Mapping[str, float]) -> str:
    told = words.say(
        "{people} of all people and {interactions} of all interactions; at the median a person has {median}, half of "
        "them {low} to {high}.",
        people=words.percent(row["people_share"]), interactions=words.percent(row["interaction_share"]),
        median=words.count(round(row["activity_median"]), "interaction"), low=words.count(round(row["activity_p25"])),
        high=words.count(round(row["activity_p75"])),
    )  # fmt: skip
    tail = words.say("{share} of what they have is from the tail.", share=words.percent(row["tail_share"]))
    liked = row["liked_share"]
    return words.together(told, tail, "" if pd.isna(liked) else words.say("They liked {share} of it.",
                                                                          share=words.percent(liked)))  # fmt: skip


def _tastes(wide: pd.DataFrame, name: str, others: pd.Series) -> str:
    """Of which categories they have more, and of which less, than the other groups that are compared together. others:
    their interactions."""
    if not len(wide) or not others.sum():
        return ""
    beside = (wide[list(others.index)] * others / others.sum()).sum(axis=1)
    away = (wide[name] - beside).sort_values(kind="stable")

    def told(categories: pd.Index) -> str:
        return words.join([
            words.say("{category} ({own} and not {other})", category=words.plain(str(one)),
                      own=words.percent(wide.loc[one, name]), other=words.percent(beside[one]))
            for one in categories
        ])  # fmt: skip

    more, less = away[away > 0].index[::-1][:MOST], away[away < 0].index[:MOST]
    if not len(more) or not len(less):
        return ""
    return words.say("They have more {more} than the other groups, and less {less}.", more=told(more), less=told(less))


def items(dataset: Dataset, spec: GroupSpec, popularity: pd.DataFrame) -> None:
    """The items of the group that was clicked, the most popular first. popularity: of a `Description`."""
    attribute, name = pictures.items_asked() or ("", "")
    groups = form_groups(spec, dataset.items)
    members = dict(zip((*groups.names, UNKNOWN), groups.members, strict=True))
    if attribute != spec.label or name not in members:
        return
    ids = dataset.items[ITEM_ID].iloc[members[name]]
    titles = pd.Series(names_of(dataset.items)[members[name]], index=ids)
    mine = popularity[popularity["item_id"].isin(ids)]
    told = words.say("{n} item of {name}", "{n} items of {name}", n=len(mine), name=words.label(name))
    parts.opened(words.plain(told, 160), "items_of")
    n = mine["interactions"].astype(float)
    shown = n.where((n == 0) | (n >= settings.FEWEST))
    parts.table(
        pd.DataFrame(
            {
                words.later("item"): [words.label(titles[one], 60) for one in mine["item_id"]],
                words.later("interactions"): shown,
                words.later("of the group's interactions"): shown / (n.sum() or 1.0),
            }
        ),
        "data-items-of",
        digits=4,
        height=380,
    )
    st.caption(words.say("A dash: fewer than {n} interactions.", n=settings.FEWEST))
