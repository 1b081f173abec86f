"""Editing a person: what is taken from or added to their history, and what is told of them; all of it in the URL."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from fairdash import words
from fairdash.columns import natural_key
from fairdash.recommenders.base import profile_of
from fairdash.run import Run
from fairdash.schema import ITEM_ID, USER_ID
from fairdash.stages import explore
from fairdash.stages.explore import ABSENT, Person
from fairdash.ui import state

ADDED = 20  # items that can be added
OFFERED = 100  # items that are offered at once; more of them are found by a part of their name
CHOICES = 60  # values of an attribute up to which a choice list is offered


def _what_if(person: str) -> dict[str, Any]:
    """What the URL says is edited of this person: {"without": ids, "added": ids, "told": {attribute: value}}."""

    def accept(given: str) -> dict[str, Any]:
        found = json.loads(given)
        if found["person"] != person:
            raise KeyError(person)  # what was edited of somebody else
        return {"without": list(found["without"]), "added": list(found["added"]), "told": dict(found["told"])}

    return state.seen("edit", {"without": [], "added": [], "told": {}}, accept)


def edited(run: Run, who: Person) -> Person:
    """The person as the URL says that they are edited; themselves where it says nothing."""
    now, row = _what_if(str(run.split.training.users[USER_ID].iloc[who.user])), run.split.training.users.iloc[who.user]
    code = {one: item for item, one in enumerate(run.split.training.items[ITEM_ID].astype(str))}
    own = set(who.history.item.tolist())
    chosen = {part: [code[one] for one in now[part] if one in code] for part in ("without", "added")}
    without = [item for item in chosen["without"] if item in own]
    added = [item for item in chosen["added"] if item not in own][:ADDED]
    told = {name: now["told"].get(name, row[name]) for name in profile_of(run.fitted)}
    return _changed(run, who, without, added, told)


def controls(run: Run, who: Person) -> Person:
    """The controls that edit a person, and the person as they say."""
    things, row = run.split.training.items, run.split.training.users.iloc[who.user]
    names, ids = explore.names_of(things), things[ITEM_ID].astype(str)
    code = {one: item for item, one in enumerate(ids)}
    own = who.history.item[::-1].tolist()
    person = str(row[USER_ID])
    now = _what_if(person)

    def keep(part: str, value: Any) -> None:
        given = {**_what_if(person), part: value}
        state.put("edit", json.dumps({"person": person, **given}) if any(given.values()) else None)

    def items(label: str, part: str, options: list[int], most: int | None = None) -> list[int]:
        chosen = [code[one] for one in now[part] if code.get(one) in options][:most]
        held = state.held(f"{part}-{who.user}", chosen, lambda value: keep(part, [ids.iloc[item] for item in value]))
        named = words.namer(options, names.__getitem__, limit=60)
        found: list[int] = st.multiselect(label, options, format_func=named, max_selections=most,
                                                placeholder=words.say("Choose options"), **held)  # fmt: skip
        return found

    one, two = st.columns(2)
    with one:
        without = items(words.say("Take away from the history"), "without", own)
    with two:
        added = items(words.say("Add to it, as the latest"), "added", _open(run, names, set(own), now["added"]), ADDED)
    attributes = profile_of(run.fitted)
    if not attributes:
        st.caption(
            words.say(
                "This recommender reads no profile text; train one with attributes in it to edit the profile too."
            )
        )
    told: dict[str, Any] = {}
    for column, attribute in zip(st.columns(len(attributes)) if attributes else (), attributes, strict=True):
        with column:
            given = now["told"].get(attribute, row[attribute])

            def put(value: Any, attribute: str = attribute) -> None:
                keep("told", {**_what_if(person)["told"], attribute: str(value)})

            told[attribute] = _value(run, who, attribute, given, put)
    return _changed(run, who, without, added, told)


def _open(run: Run, names: NDArray[Any], own: set[int], chosen: list[str]) -> list[int]:
    """The items that can be added, by name. Of a large catalogue those that most people have, or those whose name holds
    what is looked for, and what is chosen already: a browser takes a while for thousands of choices."""
    rest = [item for item in range(len(names)) if item not in own]
    if len(rest) > OFFERED:
        told = st.text_input(words.say("Find items to add, by a part of the name"), **state.own("seek", "", str))
        part, known = str(told).strip().casefold(), run.split.training.popularity
        found = [item for item in rest if part in str(names[item]).casefold()]
        kept = sorted(found, key=lambda item: -known[item])[:OFFERED]
        if len(found) > len(kept):
            st.caption(words.say("The {n} that most people have are offered, of {of}.", n=len(kept),
                                 of=words.count(len(found))))  # fmt: skip
        elif not found:
            st.caption(words.say("No item is called so."))
        taken = set(chosen)
        ids = run.split.training.items[ITEM_ID].astype(str).to_numpy()
        rest = [*{*kept, *(item for item in rest if ids[item] in taken)}]
    return sorted(rest, key=lambda item: str(names[item]))


def _changed(run: Run, who: Person, without: list[int], added: list[int], told: dict[str, Any]) -> Person:
    """A person without some items and with others, of whom these values of attributes are told."""
    attributes, row = profile_of(run.fitted), run.split.training.users.iloc[who.user]
    top = float(who.history.rating.max()) if len(who.history) else 1.0
    changed = explore.edited(who, without=without, added=added, rating=top) if without or added else who
    if any(_told(told[name]) != _told(row[name]) for name in attributes):
        return explore.with_profile(changed, run.split, attributes, told)
    return changed


def _told(value: Any) -> str:
    """An attribute's value as a control holds it."""
    return ABSENT if pd.isna(value) or value == "" else str(value)


def _value(run: Run, who: Person, attribute: str, given: Any, keep: Callable[[Any], None]) -> Any:
    key = f"told-{who.user}-{attribute}"
    values = run.split.training.users[attribute].dropna().astype(str).unique().tolist()
    if len(values) <= CHOICES:
        options = [ABSENT, *sorted(values, key=natural_key)]
        shown = _told(given) if _told(given) in options else ABSENT
        return st.selectbox(words.plain(attribute), options, format_func=words.namer(options, explore.shown),
                            **state.held(key, shown, keep))  # fmt: skip
    return (
        st.text_input(words.plain(attribute), **state.held(key, "" if pd.isna(given) else str(given), keep)) or ABSENT
    )


def leave_out(person: str, part: str) -> None:
    """Hold the list without one thing beside this person's. part: ["without", the id of an item of the history] or
    ["told", an attribute] as JSON."""
    kind, name = json.loads(part)
    given: dict[str, Any] = {"person": person, "without": [], "added": [], "told": {}}
    given[kind] = [name] if kind == "without" else {name: ABSENT}
    state.put("edit", json.dumps(given))
    state.put("beside", "edited")
    state.put("explore", "list")
