"""One person's list as cards, a second list beside it with ribbons between them, and the history."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from fairdash import charts, entries, images, words
from fairdash.columns import natural_key
from fairdash.mitigation import METHODS
from fairdash.recommenders.base import profile_of
from fairdash.run import Run
from fairdash.schema import CATEGORIES, ITEM_ID, Codes, Lists
from fairdash.stages import explore
from fairdash.stages.explore import ABSENT, Person, Reason
from fairdash.stages.places import place_of
from fairdash.ui import feedback, finder, load, naming, parts, state, what_if
from fairdash.workspace import Entry

SHOWN_HISTORY = 30
SHOWN_OUT = 10  # items that are named in a line
EDITED, TOLD, WORDS = "edited", "told", "words"
SECOND = {
    EDITED: words.later("this person, edited"),
    TOLD: words.later("told to be someone else"),
    WORDS: words.later("the same facts in other words"),
}
PICTURE = 44  # pixels that a picture is wide on a card
COLUMNS = {
    words.later("picture"): st.column_config.ImageColumn(width=50),
    "#": st.column_config.NumberColumn(width=36),
    words.later("item"): st.column_config.TextColumn(width=138),
    words.later("categories"): st.column_config.TextColumn(width=120),
    words.later("score"): st.column_config.NumberColumn(format="%.3f", width=60),
    words.later("rating"): st.column_config.NumberColumn(format="%g", width=60),
    words.later("now"): st.column_config.TextColumn(width=80),
}


@dataclass(frozen=True)
class Second:
    """The list on the right. title: what it is. items: its codes; None where nothing is changed yet. who: whose history
    stands below it. first: the list that it is held against, where that is not the one in view. floor: how many items
    of that stay when the same is told in other words; None where nothing else is told."""

    title: str
    who: Person
    items: list[int] | None = None
    first: Lists | None = None
    floor: int | None = None


def changed_after(entry: Entry) -> str | None:
    """The methods that changed lists after the model had made them, in words; None where they are the model's own."""
    steps = [*entry.meta.get("first", ()), *filter(None, [entry.meta.get("mitigation")])]
    after = [step["method"] for step in steps if step["method"] in METHODS and not place_of(step["method"]).retrains]
    return words.join([METHODS[method].info.title for method in after]) or None


def of_the_model(mitigation: str) -> str:
    """That an answer is the model's own, while mitigated lists are in view."""
    return words.say(
        "The lists in view were made by {method} out of everybody's lists at once; here answers the model that they "
        "came from, before and after.",
        method=mitigation,
    )


def section(run: Run, digest: str, lists: Lists, user: int, k: int) -> None:
    """The list in view as cards; beside it a second one, what was liked and is on neither, and the history."""
    who = explore.person(run.split, user)
    left, right = st.columns([5, 6], gap="medium")
    mitigation = changed_after(state.workspace().get("lists", digest))
    own = mitigation is not None and _of_model(run, digest, who)
    with right:
        parts.live(_second_side, run, digest, lists, user, k, own, state.get("explore"))
    with left:
        if own and mitigation is not None:
            st.caption(of_the_model(mitigation))
        shown, row = (explore.recommend(run.fitted, run.split, who, k), 0) if own else (lists.top(k), user)
        _cards(run, who, shown.items[row], shown.scores[row], _liked(run, user))


def _second_side(run: Run, digest: str, lists: Lists, user: int, k: int, own: bool, part: str | None) -> None:
    """What stands beside the list. It draws itself again without the cards, which stay as they are while a person is
    edited. own: whether the cards are what the model itself answers, where the lists in view are not its own. part: of
    the page, as it was drawn; a click may lead to another."""
    if state.get("explore") != part:
        st.rerun()
    who, liked = explore.person(run.split, user), _liked(run, user)
    second = _second(run, digest, who, k)
    if changed_after(state.workspace().get("lists", digest)) and own is not _of_model(run, digest, who):
        st.rerun()  # with the other cards
    items = (lists.items[user, :k] if second.first is None else second.first.items[0]).tolist()
    first = [item for item in items if item >= 0]
    if second.items is not None:
        _beside(run, first, second, liked, lists.items[user, :k])
    _missed(run, lists, user, {*first, *(second.items or [])}, liked)
    if run.has_model:
        _without_score(run, second.who, sorted(({*first} | liked) - {*(second.items or first)}))
    _history(run, second.who)


# --- the second list --------------------------------------------------------------------------------------------------


def _ways(run: Run) -> list[str]:
    """What the model of a run can be asked."""
    if not run.has_model:
        return []
    return [EDITED, TOLD, WORDS] if profile_of(run.fitted) else [EDITED]


def _of_model(run: Run, digest: str, who: Person) -> bool:
    """Whether the model is asked what stands beside the list, as the link says."""
    options = [*_ways(run), *(entry.digest for entry in finder.others(run, digest))]
    way = state.seen("beside", options[0], state.one_of(options)) if options else ""
    return way in (TOLD, WORDS) or (way == EDITED and what_if.edited(run, who) is not who)


def _second(run: Run, digest: str, who: Person, k: int) -> Second:
    """Choose what stands beside the list, and make it."""
    others = {entry.digest: entry for entry in finder.others(run, digest)}
    options = [*_ways(run), *others]
    if not options:
        return Second("", who)
    named = naming.namer(list(others.values()))
    titles = {one: words.say(SECOND[one]) if one in SECOND else named(one) for one in options}
    way = st.selectbox(words.say("Beside it"), options, format_func=words.namer(options, titles.__getitem__),
                       **state.pick("beside", options))  # fmt: skip
    if way in others:
        items = load.lists(way)[1].items[who.user, :k]
        return Second(titles[way], who, [int(item) for item in items if item >= 0])
    attributes = profile_of(run.fitted)
    if way == EDITED:
        told = words.say("Edit the history and the profile")
        drawn = parts.folded(told, "editing", ":material/edit:", what_if.controls, run, who)
        changed = what_if.edited(run, who) if drawn is None else drawn
        if changed is who:
            return Second(titles[way], who)
    elif way == TOLD:
        changed, value = _told(run, who, attributes)
        titles[way] = words.say("told {value}", value=explore.shown(value))
    else:
        changed = explore.reworded(who, run.split, attributes)
    before = explore.recommend(run.fitted, run.split, who, k)
    after = explore.recommend(run.fitted, run.split, changed, k)
    floor = None
    if changed.profile is not None and way != WORDS:
        same = explore.reworded(who, run.split, attributes)
        floor = explore.staying(before, explore.recommend(run.fitted, run.split, same, k))[0]
    return Second(titles[way], changed, [int(item) for item in after.items[0] if item >= 0], before, floor)


def _told(run: Run, who: Person, attributes: Sequence[str]) -> tuple[Person, str]:
    """The person of whom another value of one attribute is told, and that value."""
    users = run.split.training.users
    one, two = st.columns(2)
    with one:
        attribute = st.selectbox(words.say("Attribute"), list(attributes), format_func=words.namer(list(attributes)),
                                 **state.pick("flip", attributes))  # fmt: skip
    own = users[attribute].iloc[who.user]
    values = sorted(users[attribute].dropna().astype(str).unique().tolist(), key=natural_key)
    options = [value for value in [*values, ABSENT] if value != str(own)]
    with two:
        label = words.say("Told instead of {own}", own=words.plain(own))
        named = words.namer(options, explore.shown)
        value = st.selectbox(label, options, format_func=named, **state.pick("told", options))
    return explore.with_profile(who, run.split, attributes, {attribute: value}), value


def tell(attribute: str, value: str) -> None:
    """Hold the list of somebody who is told to be of this value beside the person's own."""
    for name, chosen in (("flip", attribute), ("told", value), ("beside", TOLD), ("explore", "list")):
        state.put(name, chosen)


def ask_why(item: str) -> None:
    """Ask what the score of an item of the list in view, by its id, rests on."""
    state.put("item", item)
    state.put("explore", "why")


def _beside(run: Run, first: list[int], second: Second, liked: set[int], own: Codes) -> None:
    """How much of the first list is on the second, in a sentence and in ribbons. own: the list in view [k]."""
    after = second.items or []
    stay = len(set(first) & set(after))
    if second.floor is None:
        said = words.say("{stay} of {of} stay.", stay=stay, of=len(first))
    else:
        said = words.say("{stay} of {of} stay; harmless rewording keeps {floor}.", stay=stay, of=len(first),
                         floor=second.floor)  # fmt: skip
    st.markdown(f"## {said}")
    names = explore.names_of(run.split.training.items)
    told = {item: str(names[item]) for item in {*first, *after}}
    sides = (words.say("the list"), second.title)
    ids = run.split.training.items[ITEM_ID].astype(str)
    keys = {int(item): ids.iloc[item] for item in own if item >= 0} if run.has_model else {}
    parts.draw(
        charts.ribbons(first, after, told, sides, liked, keys), "ribbons", words.say("What stays, comes and goes"),
        about=words.say(
            "A ribbon joins the places of an item on both lists. A green diamond is new; a dashed line leads to what "
            "is no longer listed. ♥ was liked later. Harmless rewording tells the model the same facts in other words: "
            "what moves then, moves for no reason. Click the mark of an item of the list to ask why it is there."
        ),
        pick=ask_why if keys else None,
    )  # fmt: skip


def _missed(run: Run, lists: Lists, user: int, listed: set[int], liked: set[int]) -> None:
    """What the person liked later and no list in view holds, with the place that it has further down."""
    names = explore.names_of(run.split.training.items)
    place = {int(item): i + 1 for i, item in enumerate(lists.items[user]) if item >= 0}
    missed = sorted(liked - listed, key=lambda item: (place.get(item, lists.k + 1), str(names[item])))
    if not missed:
        return
    told = [
        words.say("{item} (place {place})", item=words.plain(names[item], 60), place=place[item])
        if item in place else words.plain(names[item], 60)
        for item in missed[:SHOWN_OUT]
    ]  # fmt: skip
    more = words.say(", and {n} more", n=len(missed) - SHOWN_OUT) if len(missed) > SHOWN_OUT else ""
    st.markdown(words.say("**Liked later, not shown:** {items}{more}", items=", ".join(told), more=more))


def _without_score(run: Run, who: Person, wanted: list[int]) -> None:
    """Says which of these items no list can hold, as they are not among the person's candidates."""
    open_to = {*explore.candidates(run.fitted, run.split, who).tolist(), *who.history.item.tolist()}
    names = explore.names_of(run.split.training.items)
    out = [words.plain(names[item], 60) for item in wanted if item not in open_to]
    if out:
        more = words.say(", and {n} more", n=len(out) - SHOWN_OUT) if len(out) > SHOWN_OUT else ""
        st.caption(words.say("Not among the candidates, so without a score: {items}{more}.",
                             items=", ".join(out[:SHOWN_OUT]), more=more))  # fmt: skip


# --- the list and the history -----------------------------------------------------------------------------------------


def _cards(run: Run, who: Person, items: Codes, scores: Any, liked: set[int]) -> None:
    """A card an item: its place, whether it was liked later, and in a line why it is there."""
    shown = np.array([item for item in items if item >= 0], np.int32)
    with st.container(horizontal=True, vertical_alignment="center", key="head-list", gap="small"):
        st.markdown(words.say("**List**"), width="stretch")
        marks = dict.fromkeys(liked, words.say("liked later"))
        parts.behind("list", rows=lambda: table(run, items, scores, marks))
    if not len(shown):
        st.caption(words.say("Everything is in this person's history already."))
    why = _why(run, who, shown)
    stored = feedback.of(run)
    given = {} if stored is None else entries.thumbs(state.workspace(), stored)
    names = explore.names_of(run.split.training.items)
    for place, (item, reason) in enumerate(zip(shown.tolist(), why, strict=True), 1):
        with st.container(border=True, key=f"card-{place}", horizontal=True, vertical_alignment="center", gap="small"):
            pictures = run.split.training.item_images
            if pictures is not None and (picture := pictures[item]) is not None:
                st.image(picture, width=PICTURE, alt=words.say("Picture of {name}", name=words.label(names[item], 60)))
            st.markdown(_card(place, names[item], reason, item in liked), width="stretch")
            if stored is not None:
                feedback.thumb(run, stored, given, who.user, item)


def _card(place: int, name: object, reason: str, liked: bool) -> str:
    """What stands on a card, as Markdown."""
    mark = f" :green-badge[♥ {words.say('liked later')}]" if liked else ""
    return f"**{place}** {words.plain(name, 70)}{mark}  \n:small[{reason}]"


def _why(run: Run, who: Person, items: Codes) -> list[str]:
    """In a line, why each item is on the list: what its score rests on, or without a model what it shares with the
    history."""
    if not run.has_model:
        return _shared(run, who, items)
    names, known = explore.names_of(run.split.training.items), run.split.training.popularity
    told = []
    for item, reason in zip(items.tolist(), _reasons(run.digest, who.user, tuple(items.tolist())), strict=True):
        if reason.attribute:
            told.append(
                words.say("above all for the {attribute} that is told", attribute=words.plain(reason.attribute))
            )
        elif reason.item >= 0:
            told.append(words.say("above all for “{item}”", item=words.plain(names[reason.item], 40)))
        else:
            told.append(words.say("whatever they had; {n} person has it", "whatever they had; {n} people have it",
                                  n=int(known[item])))  # fmt: skip
    return told


@st.cache_data(max_entries=256, show_spinner=False)
def _reasons(digest: str, user: int, items: tuple[int, ...]) -> list[Reason]:
    run = load.run(digest)
    return explore.reasons(run.fitted, run.split, explore.person(run.split, user), np.array(items, np.int32))


def _shared(run: Run, who: Person, items: Codes) -> list[str]:
    """What part of the history has a category of each item."""
    kinds = run.split.training.categories
    told = []
    for item in items:
        own = kinds.shares[[int(item)]].indices
        part = float((kinds.shares[who.history.item][:, own].sum(axis=1) > 0).mean()) if len(who.history) else 0.0
        what = words.plain(", ".join(kinds.names[c] for c in own))
        told.append(words.say("{categories}: {share} of the history", categories=what, share=words.percent(part, 0)))
    return told


def table(run: Run, items: Codes, scores: Any = None, marks: dict[int, str] | None = None) -> pd.DataFrame:
    """Items as rows: place, name, what is marked, score and categories."""
    things = run.split.training.items
    names = explore.names_of(things)
    kept = [int(item) for item in items if item >= 0]
    found = pd.DataFrame({"#": range(1, len(kept) + 1), "item": [words.label(names[item], 60) for item in kept]})
    if marks:
        found["now"] = [marks.get(item, "") for item in kept]
    if scores is not None:
        found["score"] = [float(score) for score in scores[: len(kept)]]
    if CATEGORIES in things:
        told = things[CATEGORIES].fillna("")
        found["categories"] = [str(told.iloc[item]).replace("|", ", ") for item in kept]
    return found


def _liked(run: Run, user: int) -> set[int]:
    test, threshold = run.split.test, run.split.training.relevance_threshold
    own = test.take(np.flatnonzero(test.user == user))
    return {int(i) for i, r in zip(own.item, own.rating, strict=True) if threshold is None or r >= threshold}


def _history(run: Run, who: Person) -> None:
    latest = who.history.take(np.arange(len(who.history))[::-1][:SHOWN_HISTORY])
    with st.expander(words.say("**History**, {history}, latest first", history=words.count(len(who.history), "item")),
                     icon=":material/history:", expanded=True, key="history-of"):  # fmt: skip
        ratings = latest.rating if run.split.training.relevance_threshold is not None else None
        found = table(run, latest.item, ratings).rename(columns={"score": "rating"})
        pictures = run.split.training.item_images
        if pictures is not None:
            found.insert(1, "picture", [images.uri(pictures[item]) for item in latest.item])
        st.dataframe(found, hide_index=True, placeholder=words.DASH, height=300, key="history",
                     column_config=parts.heads(found, COLUMNS))  # fmt: skip
