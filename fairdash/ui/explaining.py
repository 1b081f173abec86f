"""Why a list is what it is: the same person told to be someone else, what a score rests on, and tastes by group."""

from __future__ import annotations

import json
from functools import partial

import numpy as np
import streamlit as st

from fairdash import charts, words
from fairdash.columns import natural_key
from fairdash.groups import form as form_groups
from fairdash.recommenders.base import profile_of
from fairdash.run import Run
from fairdash.schema import ITEM_ID, USER_ID, Lists
from fairdash.stages import explore
from fairdash.stages.disclosure import aside
from fairdash.ui import exploring, forms, parts, state, what_if

ABREAST = 4  # lists side by side that can still be read
MOST = 10  # items of a category that are named


def flip(run: Run, user: int, k: int, mitigation: str | None) -> None:
    """The same person and history, told to be someone else: how much of the list stays."""
    attributes = profile_of(run.fitted)
    if not attributes:
        parts.empty(
            words.say("This recommender is not told who people are"),
            words.say(
                "It reads the history alone, so no attribute can change its list directly. Train one with "
                "attributes in its profile text to try."
            ),
            "recommender",
            words.say("Train one"),
        )
        return
    if mitigation:
        st.caption(exploring.of_the_model(mitigation))
    attribute = st.selectbox(words.say("Attribute"), attributes, width=260, format_func=words.namer(attributes),
                             **state.pick("flip", attributes))  # fmt: skip
    who = explore.person(run.split, user)
    counts = run.split.training.users[attribute].dropna().astype(str).value_counts()
    values = sorted(counts.index[:6], key=natural_key)
    own = str(run.split.training.users.iloc[user][attribute])
    actual = explore.recommend(run.fitted, run.split, who, k)
    found = explore.flips(run.fitted, run.split, who, attribute, values, k)
    stay = {value: explore.staying(actual, other)[0] for value, other in found.items()}
    away = {value: number for value, number in stay.items() if value != own}
    least = min(away, key=lambda value: away[value])
    listed = explore.staying(actual, actual)[1]
    if stay[least] == listed:
        said = words.say(
            "The list holds the same items, whatever {attribute} is told.", attribute=words.plain(attribute)
        )
    else:
        said = words.say(
            "Told {attribute} {least} instead of {own}, {stay} of {listed} items stay on this person's list.",
            attribute=words.plain(attribute),
            least=words.plain(explore.shown(least)),
            own=words.plain(own),
            stay=stay[least],
            listed=listed,
        )
    st.markdown(f"## {said}")
    names = [
        words.say("{value} (as in the data)", value=value) if value == own else explore.shown(value) for value in found
    ]
    about = words.say(
        "Items of the list under the profile of the data that are on the other list too, at any rank. Click a bar to "
        "hold its list beside this person's."
    )
    shown = charts.bars(
        names, list(stay.values()), words.say("items that stay, of {listed}", listed=listed), digits=0, most=listed,
        keys=["" if value == own else value for value in found],
    )  # fmt: skip
    parts.draw(shown, "flips", words.say("How much of the list stays"), about=about,
               pick=partial(exploring.tell, attribute))  # fmt: skip
    usual = set(actual.items[0].tolist())
    abreast = min(ABREAST, len(found))
    places = [column for _ in range(0, len(found), abreast) for column in st.columns(abreast)]
    for column, (value, other) in zip(places, found.items(), strict=False):
        with column:
            st.markdown(f"**{words.plain(explore.shown(value))}**")
            marks = {int(item): words.say("new") for item in other.items[0] if int(item) not in usual}
            rows = exploring.table(run, other.items[0], None, marks).drop(columns="categories", errors="ignore")
            st.dataframe(rows, hide_index=True, placeholder=words.DASH, key=f"flip-{value}",
                         column_config=parts.heads(rows, {"#": exploring.COLUMNS["#"]}))  # fmt: skip


def why(run: Run, lists: Lists, user: int, k: int) -> None:
    """What the model's score of an item of the list in view rests on."""
    who = explore.person(run.split, user)
    names = explore.names_of(run.split.training.items)
    options = [int(item) for item in lists.items[user, :k] if item >= 0]
    if not options:
        parts.empty(words.say("An empty list"), words.say("Everything is in this person's history already."))
        return
    ids = run.split.training.items[ITEM_ID].astype(str)
    code = {ids.iloc[item]: item for item in options}
    item = code[
        st.selectbox(
            words.say("Item"),
            list(code),
            format_func=words.namer(list(code), lambda one: names[code[one]], limit=60),
            width=420,
            **state.pick("item", code),
        )
    ]
    found = explore.why(run.fitted, run.split, who, item)
    if not any(one.fall for one in found):
        st.info(
            words.say("Nothing in the history or the profile moves this score: everybody gets the same."),
            icon=":material/info:",
        )
        return
    named = [words.say("profile: {attribute}", attribute=one.attribute) if one.attribute else str(names[one.item])
             for one in found]  # fmt: skip
    name = words.plain(names[item], 60)
    st.markdown(
        words.say(
            "## Without “{part}” the score of “{name}” would {move} most.",
            part=words.plain(named[0], 60),
            name=name,
            move=words.say("fall") if found[0].fall > 0 else words.say("rise"),
        )
    )
    parts.draw(
        charts.bars(
            named,
            [one.fall for one in found],
            words.say("the score falls by this without it"),
            keys=[
                json.dumps(["told", one.attribute] if one.attribute else ["without", ids.iloc[one.item]])
                for one in found
            ],
        ),
        "why",
        words.say("Why “{name}”", name=name),
        about=words.say(
            "Each of the latest items of the history, and each told attribute, is left out in turn. The "
            "parts work together, so they do not add up to the score. Click a bar to see the list without it."
        ),
        pick=partial(what_if.leave_out, str(run.split.training.users[USER_ID].iloc[user])),
    )


def group_tastes(run: Run, lists: Lists, user: int) -> None:
    """What each group's lists are made of, one small picture a group, beside this person's own."""
    training = run.split.training
    group = forms.group(training.people)
    if group is None:
        parts.empty(words.say("No groups of people"), words.say("No attribute of people makes groups here."))
        return
    groups = form_groups(group, training.people)
    categories = training.categories
    names = list(categories.names)
    own = {groups.names[g] for g in groups.take(np.array([user])).slots()[0] if g >= 0}
    found = explore.tastes_by_group(categories, lists, groups)
    history = explore.tastes(categories, explore.person(run.split, user).history.item)
    listed = explore.tastes(categories, lists.items[user])
    mine = {words.say("this person's history"): history, words.say("this person's list"): listed}
    of = partial(state.put, "category")
    about = words.say("Click a mark to see this person's items of its category.")
    parts.draw(charts.shares(names, mine, words.say("share"), by_row=True), "tastes", words.say("This person"),
               about=about, pick=of)  # fmt: skip
    _of_category(run, lists, user, state.seen("category", "", str))
    columns = st.columns(min(3, len(found)) or 1, gap="medium")
    for i, (name, share) in enumerate(found.items()):
        n = int(groups.sizes[groups.names.index(name)])
        mark = words.say(", this person's") if name in own else ""
        with columns[i % len(columns)]:
            lists_of, apart = words.say("the group's lists"), aside(name, n, n < group.min_size)
            shown = {lists_of: share, words.say("this person's list"): listed}
            chart = (
                charts.empty(words.say(apart))
                if apart == words.WITHHELD
                else charts.shares(names, shown, words.say("share of slots"), 8, {lists_of: apart}, by_row=True)
            )
            parts.draw(chart, f"tastes-{i}", f"{words.plain(words.group(name, n))}{mark}", pick=of)


def _of_category(run: Run, lists: Lists, user: int, category: str) -> None:
    """This person's items of the category that was clicked: on the list, and in the history, the latest first."""
    categories = run.split.training.categories
    if category not in categories.names:
        return
    inside = categories.shares[:, [categories.names.index(category)]].toarray()[:, 0] > 0
    names = explore.names_of(run.split.training.items)
    parts.opened(words.plain(category, 90), "category")
    history = explore.person(run.split, user).history.item[::-1]
    both = {words.say("on the list"): lists.items[user], words.say("in the history, latest first"): history}
    for told, items in both.items():
        own = [int(item) for item in items if item >= 0 and inside[item]]
        shown = words.join([words.plain(names[item], 60) for item in own[:MOST]]) or words.say("none")
        more = words.say(", and {n} more", n=len(own) - MOST) if len(own) > MOST else ""
        st.markdown(words.say("**{where}:** {items}{more}", where=words.sentence(told), items=shown, more=more))
