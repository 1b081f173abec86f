"""The parts of the Explore page: choosing a person, editing, flipping, explaining, and tastes by group."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from fairdash import charts, words
from fairdash.columns import natural_key
from fairdash.groups import form as form_groups
from fairdash.mitigation import METHODS
from fairdash.recommenders.base import profile_of
from fairdash.run import Run
from fairdash.schema import CATEGORIES, ITEM_ID, USER_ID, Categories, Codes, Lists
from fairdash.stages import explore
from fairdash.stages.disclosure import aside
from fairdash.stages.explore import ABSENT, Person
from fairdash.stages.places import place_of
from fairdash.ui import forms, parts, state
from fairdash.workspace import Entry

LISTED = 5000  # people up to whom a choice list is offered
SHOWN_HISTORY = 30
SHOWN_OUT = 10  # items without a score that are named
ABREAST = 4  # lists side by side that can still be read
CHOICES = 60  # values of an attribute up to which a choice list is offered


def choose(users: pd.DataFrame) -> int | None:
    """The person's code, chosen by id; the id lives in the URL."""
    ids = users[USER_ID].astype(str)
    if len(ids) <= LISTED:
        options = ids.tolist()
        given = st.selectbox(
            words.say("Person"),
            options,
            width=260,
            format_func=words.namer(options),
            **state.pick("person", options),
        )
    else:
        given = st.text_input(words.say("Person (id)"), width=260, **state.own("person", ids.iloc[0], str))
    found = np.flatnonzero(ids.to_numpy() == str(given))
    if not len(found):
        st.warning(words.say("Nobody has the id {given}.", given=words.plain(given)), icon=":material/person_off:")
        return None
    return int(found[0])


def changed_after(entry: Entry) -> str | None:
    """The methods that changed lists after the model had made them, in words; None where they are the model's own."""
    steps = [*entry.meta.get("first", ()), *filter(None, [entry.meta.get("mitigation")])]
    after = [step["method"] for step in steps if step["method"] in METHODS and not place_of(step["method"]).retrains]
    return words.join([METHODS[method].info.title for method in after]) or None


def _table(run: Run, items: Codes, scores: Any = None, marks: dict[int, str] | None = None) -> pd.DataFrame:
    things = run.split.training.items
    names = explore.names_of(things)
    kept = [int(item) for item in items if item >= 0]
    table = pd.DataFrame({"#": range(1, len(kept) + 1), "item": [words.label(names[item], 60) for item in kept]})
    if marks:
        table["now"] = [marks.get(item, "") for item in kept]
    if scores is not None:
        table["score"] = [float(score) for score in scores[: len(kept)]]
    if CATEGORIES in things:
        told = things[CATEGORIES].fillna("")
        table["categories"] = [str(told.iloc[item]).replace("|", ", ") for item in kept]
    return table


def _liked(run: Run, user: int) -> set[int]:
    test, threshold = run.split.test, run.split.training.relevance_threshold
    own = test.take(np.flatnonzero(test.user == user))
    return {int(i) for i, r in zip(own.item, own.rating, strict=True) if threshold is None or r >= threshold}


def _history(run: Run, who: Person) -> None:
    latest = who.history.take(np.arange(len(who.history))[::-1][:SHOWN_HISTORY])
    st.markdown(words.say("**History**, {history}, latest first", history=words.count(len(who.history), "item")))
    ratings = latest.rating if run.split.training.relevance_threshold is not None else None
    table = _table(run, latest.item, ratings).rename(columns={"score": "rating"})
    st.dataframe(table, hide_index=True, height=390, key="history", column_config=_COLUMNS)


_COLUMNS = {
    "#": st.column_config.NumberColumn(width=36),
    "item": st.column_config.TextColumn(width=138),
    "categories": st.column_config.TextColumn(width=120),
    "score": st.column_config.NumberColumn(format="%.3f", width=60),
    "rating": st.column_config.NumberColumn(format="%g", width=60),
    "now": st.column_config.TextColumn(width=80),
}


def stored(run: Run, lists: Lists, user: int, k: int) -> None:
    """A person's list as it was brought."""
    left, right = st.columns(2, gap="medium")
    with left:
        st.markdown(words.say("**List**"))
        marks = dict.fromkeys(_liked(run, user), words.say("liked later"))
        _list(_table(run, lists.items[user, :k], lists.scores[user, :k], marks))
    with right:
        _history(run, explore.person(run.split, user))


def edit(run: Run, lists: Lists, user: int, k: int, mitigation: str | None) -> None:
    """The list in view beside the history, both as they change when the person is edited.

    mitigation: the method that made the lists in view of the model's, if any. It was given everybody's lists at once,
    so an edited person is answered by the model alone, beside the model's own list of the person as they are."""
    who = explore.person(run.split, user)
    with st.expander(words.say("Edit the history and the profile"), icon=":material/edit:", key="edit"):
        changed = _edited(run, who)
    edited = changed is not who
    left, right = st.columns(2, gap="medium")
    liked = dict.fromkeys(_liked(run, user), words.say("liked later"))
    with left:
        if not edited:
            st.markdown(words.say("**List**"))
            shown = lists.items[user, :k]
            _list(_table(run, shown, lists.scores[user, :k], liked))
            _without_score(run, who, sorted(set(liked) - set(shown.tolist())))
        else:
            before = explore.recommend(run.fitted, run.split, who, k)
            after = explore.recommend(run.fitted, run.split, changed, k)
            stay, of = explore.staying(before, after)
            st.markdown(words.say("**List**{same}", same=words.say(", {stay} of {of} stay", stay=stay, of=of)))
            if mitigation:
                st.caption(of_the_model(mitigation))
            _list(_table(run, after.items[0], after.scores[0], _moves(before, after, liked)))
            _without_score(run, changed, sorted({*before.items[0].tolist(), *liked} - {-1}))
    with right:
        _history(run, changed)


def _without_score(run: Run, who: Person, wanted: list[int]) -> None:
    """Says which of these items no list can hold, as they are not among the person's candidates."""
    open_to = {*explore.candidates(run.fitted, run.split, who).tolist(), *who.history.item.tolist()}
    names = explore.names_of(run.split.training.items)
    out = [words.plain(names[item], 60) for item in wanted if item not in open_to]
    if out:
        more = words.say(", and {n} more", n=len(out) - SHOWN_OUT) if len(out) > SHOWN_OUT else ""
        st.caption(words.say("Not among the candidates, so without a score: {items}{more}.",
                             items=", ".join(out[:SHOWN_OUT]), more=more))  # fmt: skip


def of_the_model(mitigation: str) -> str:
    """That an answer is the model's own, while mitigated lists are in view."""
    return words.say(
        "The lists in view were made by {method} out of everybody's lists at once; here answers the model that they "
        "came from, before and after.",
        method=mitigation,
    )


def _moves(before: Lists, after: Lists, liked: dict[int, str]) -> dict[int, str]:
    """What to say of each item of a list: whether it is new or stood elsewhere, and whether it was liked later."""
    old = {int(item): place for place, item in enumerate(before.items[0], 1) if item >= 0}
    marks = {}
    for place, item in enumerate(after.items[0].tolist(), 1):
        was = old.get(item)
        moved = "" if was == place else words.say("new") if was is None else words.say("was {was}", was=was)
        marks[item] = " · ".join(filter(None, [moved, liked.get(item, "")]))
    return marks


def _list(table: pd.DataFrame) -> None:
    st.dataframe(table, hide_index=True, height=390, key="list", column_config=_COLUMNS)


def _what_if(person: str) -> dict[str, Any]:
    """What the URL says is edited of this person: {"without": ids, "added": ids, "told": {attribute: value}}."""

    def accept(given: str) -> dict[str, Any]:
        found = json.loads(given)
        if found["person"] != person:
            raise KeyError(person)  # what was edited of somebody else
        return {"without": list(found["without"]), "added": list(found["added"]), "told": dict(found["told"])}

    return state.seen("edit", {"without": [], "added": [], "told": {}}, accept)


def _edited(run: Run, who: Person) -> Person:
    things, row = run.split.training.items, run.split.training.users.iloc[who.user]
    names, ids = explore.names_of(things), things[ITEM_ID].astype(str)
    code = {one: item for item, one in enumerate(ids)}
    own = who.history.item[::-1].tolist()
    rest = sorted(set(range(len(things))) - set(own), key=lambda item: str(names[item]))
    person = str(row[USER_ID])
    now = _what_if(person)

    def keep(part: str, value: Any) -> None:
        given = {**now, part: value}
        state.put("edit", json.dumps({"person": person, **given}) if any(given.values()) else None)

    def items(label: str, part: str, options: list[int], most: int | None = None) -> list[int]:
        chosen = [code[one] for one in now[part] if code.get(one) in options][:most]
        held = state.held(f"{part}-{who.user}", chosen, lambda value: keep(part, [ids.iloc[item] for item in value]))
        named = words.namer(options, names.__getitem__, limit=60)
        found: list[int] = st.multiselect(label, options, format_func=named, max_selections=most, **held)
        return found

    one, two = st.columns(2)
    with one:
        without = items(words.say("Take away from the history"), "without", own)
    with two:
        added = items(words.say("Add to it, as the latest"), "added", rest, 20)
    top = float(who.history.rating.max()) if len(who.history) else 1.0
    changed = explore.edited(who, without=without, added=added, rating=top) if without or added else who
    attributes = profile_of(run.fitted)
    if not attributes:
        st.caption(
            words.say(
                "This recommender reads no profile text; train one with attributes in it to edit the profile too."
            )
        )
        return changed
    told: dict[str, Any] = {}
    for column, attribute in zip(st.columns(len(attributes)), attributes, strict=True):
        with column:
            given = now["told"].get(attribute, row[attribute])

            def put(value: Any, attribute: str = attribute) -> None:
                keep("told", {**now["told"], attribute: str(value)})

            told[attribute] = _value(run, attribute, given, f"told-{who.user}-{attribute}", put)
    if any(_told(told[name]) != _told(row[name]) for name in attributes):
        return explore.with_profile(changed, run.split, attributes, told)
    return changed


def _told(value: Any) -> str:
    """An attribute's value as a control holds it."""
    return ABSENT if pd.isna(value) or value == "" else str(value)


def _value(run: Run, attribute: str, given: Any, key: str, keep: Callable[[Any], None]) -> Any:
    values = run.split.training.users[attribute].dropna().astype(str).unique().tolist()
    if len(values) <= CHOICES:
        options = [ABSENT, *sorted(values, key=natural_key)]
        shown = _told(given) if _told(given) in options else ABSENT
        return st.selectbox(words.plain(attribute), options, format_func=words.namer(options),
                            **state.held(key, shown, keep))  # fmt: skip
    return (
        st.text_input(words.plain(attribute), **state.held(key, "" if pd.isna(given) else str(given), keep)) or ABSENT
    )


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
        st.caption(of_the_model(mitigation))
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
            least=words.plain(least),
            own=words.plain(own),
            stay=stay[least],
            listed=listed,
        )
    st.markdown(f"## {said}")
    names = [words.say("{value} (as in the data)", value=value) if value == own else value for value in found]
    about = words.say("Items of the list under the profile of the data that are on the other list too, at any rank.")
    shown = charts.bars(
        names, list(stay.values()), words.say("items that stay, of {listed}", listed=listed), digits=0, most=listed
    )
    parts.draw(shown, "flips", words.say("How much of the list stays"), about=about)
    usual = set(actual.items[0].tolist())
    places = [column for _ in range(0, len(found), ABREAST) for column in st.columns(ABREAST)]
    for column, (value, other) in zip(places, found.items(), strict=False):
        with column:
            st.markdown(f"**{words.plain(value)}**")
            marks = {int(item): words.say("new") for item in other.items[0] if int(item) not in usual}
            st.dataframe(_table(run, other.items[0], None, marks).drop(columns="categories", errors="ignore"),
                         hide_index=True, key=f"flip-{value}", column_config=_COLUMNS)  # fmt: skip


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
    if not any(change for _, change in found):
        st.info(
            words.say("Nothing in the history or the profile moves this score: everybody gets the same."),
            icon=":material/info:",
        )
        return
    name = words.plain(names[item], 60)
    st.markdown(
        words.say(
            "## Without “{part}” the score of “{name}” would {move} most.",
            part=words.plain(found[0][0], 60),
            name=name,
            move=words.say("fall") if found[0][1] > 0 else words.say("rise"),
        )
    )
    parts.draw(
        charts.bars(
            [part for part, _ in found],
            [change for _, change in found],
            words.say("the score falls by this without it"),
        ),
        "why",
        words.say("Why “{name}”", name=name),
        about=words.say(
            "Each of the latest items of the history, and each told attribute, is left out in turn. The "
            "parts work together, so they do not add up to the score."
        ),
    )


def group_tastes(run: Run, lists: Lists, user: int) -> None:
    """What each group's lists are made of, one small picture a group, beside this person's own."""
    training = run.split.training
    group = forms.group(training.people)
    if group is None:
        parts.empty(words.say("No groups of people"), words.say("No attribute of people makes groups here."))
        return
    groups = form_groups(group, training.people)
    kinds = run.split.training.items
    categories = Categories.of(kinds)
    names = list(categories.names)
    own = {groups.names[g] for g in groups.take(np.array([user])).slots()[0] if g >= 0}
    found = explore.tastes_by_group(categories, lists, groups)
    history = explore.tastes(categories, explore.person(run.split, user).history.item)
    listed = explore.tastes(categories, lists.items[user])
    mine = {words.say("this person's history"): history, words.say("this person's list"): listed}
    parts.draw(charts.shares(names, mine, words.say("share")), "tastes", words.say("This person"))
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
                else charts.shares(names, shown, words.say("share of slots"), limit=8, aside={lists_of: apart})
            )
            parts.draw(chart, f"tastes-{i}", f"{words.plain(words.group(name, n))}{mark}")
