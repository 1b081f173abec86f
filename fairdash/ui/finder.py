"""Finding a person to look at: by id, by what the lists do to them, or by how alike they are to somebody else."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import streamlit as st

from fairdash import settings, words
from fairdash.groups import form as form_groups
from fairdash.run import Run
from fairdash.schema import USER_ID, Codes, GroupSpec
from fairdash.stages import finder
from fairdash.stages.compare import comparable
from fairdash.stages.finder import Mask, Standing
from fairdash.ui import forms, load, naming, runs, state
from fairdash.workspace import Entry

LISTED = 5000  # people up to whom a choice list is offered
ABREAST = 4  # people who are offered at once
EVERYBODY = "everybody"
HURT, TYPICAL, CHANGED, ALIKE = "hurt", "typical", "changed", "alike"
WAYS = {
    HURT: words.later("Hurt most"),
    TYPICAL: words.later("Typical"),
    CHANGED: words.later("Changed most by"),
    ALIKE: words.later("Most alike, of another group"),
}


@st.cache_resource(max_entries=16, show_spinner=False)
def _standing(lists: str, k: int) -> Standing:
    run, found = load.lists(lists)
    return finder.standing(run.split, found, k)


@st.cache_resource(max_entries=4, show_spinner=False)
def _groups(run: str, saved: tuple[GroupSpec, ...]) -> dict[str, dict[str, Mask]]:
    """Attribute → group → who belongs to it; of groups that are large enough to be looked at. saved: groups that were
    saved with the lists in view, as attributes."""
    people = load.run(run).split.training.people
    found: dict[str, dict[str, Mask]] = {}
    for attribute, spec in {**forms.attributes(people), **{one.label: one for one in saved}}.items():
        groups = form_groups(spec, people)
        for name, rows in zip(groups.names, groups.members, strict=False):  # the unknown come last, without a name
            if len(rows) >= settings.MIN_GROUP_SIZE:
                inside = np.zeros(len(people), bool)
                inside[rows] = True
                found.setdefault(attribute, {})[name] = inside
    return found


def person(run: Run, lists: str, deepest: int) -> tuple[int | None, int]:
    """The code of the person in view, whose id lives in the URL, and K; others worth a look are a press away.

    deepest: how many places the lists have."""
    users = run.split.training.users
    ids = users[USER_ID].astype(str).to_numpy()
    saved = tuple(forms.saved(run.split.training.people).values())
    groups, beside = _groups(run.digest, saved), others(run, lists)
    ways = [way for way in WAYS if (way != CHANGED or beside) and (way != ALIKE or groups)]
    with st.container(horizontal=True, vertical_alignment="bottom", key="explore-controls"):
        user = by_id(ids)
        k = int(st.number_input("K", 1, deepest, width=95,
                                **state.shared("k", min(settings.K, deepest), state.within(1, deepest))))  # fmt: skip
        way = st.selectbox(words.say("Find"), ways, format_func=lambda one: words.say(WAYS[one]), width=205,
                           **state.pick("find", ways))  # fmt: skip
        other = _other(beside) if way == CHANGED else None
        among = _of_another(groups, user) if way == ALIKE else _among(groups, len(users))
    if among is not None:
        found, told = _found(lists, k, way, among, user, other)
        _offer(way, found, told, ids, user)
    return user, k


def others(run: Run, lists: str) -> list[Entry]:
    """Other lists of the workspace for the same people and test part; those that a mitigation made of this run's first,
    else newest first."""
    every = [entry for entry in runs.of(state.get("data")) if entry.digest != lists]
    found = [entry for entry in every if comparable(run, load.run(entry.meta["run"]))]
    return sorted(found, key=lambda entry: run.digest not in (entry.meta["run"], entry.meta.get("base_run")))


def by_id(ids: np.ndarray) -> int | None:
    """The code of a person who is chosen by id [n]; the id lives in the URL. None where nobody has it."""
    if len(ids) <= LISTED:
        options = ids.tolist()
        given = st.selectbox(
            words.say("Person"),
            options,
            width=140,
            format_func=words.namer(options),
            **state.pick("person", options),
        )
    else:
        given = st.text_input(words.say("Person (id)"), width=140, **state.own("person", str(ids[0]), str))
    found = np.flatnonzero(ids == str(given))
    if not len(found):
        st.warning(words.say("Nobody has the id {given}.", given=words.plain(given)), icon=":material/person_off:")
        return None
    return int(found[0])


def _other(beside: list[Entry]) -> Entry:
    by = {entry.digest: entry for entry in beside}
    chosen = st.selectbox(words.say("What changed them"), list(by), format_func=naming.namer(beside), width=270,
                          **state.pick("changed", by))  # fmt: skip
    return by[str(chosen)]


def _of_another(groups: dict[str, dict[str, Mask]], user: int | None) -> Mask | None:
    """Who is in a group of the chosen attribute, and in none that this person is in; None where nobody is in view."""
    names = list(groups)
    attribute = st.selectbox(words.say("Of another"), names, format_func=words.namer(names), width=160,
                             **state.pick("other", names))  # fmt: skip
    if user is None:
        return None
    masks = np.stack(list(groups[attribute].values()))
    return np.asarray(masks.any(axis=0) & ~masks[masks[:, user]].any(axis=0))


def _among(groups: dict[str, dict[str, Mask]], n: int) -> Mask:
    masks = {f"{attribute}={name}": mask for attribute, named in groups.items() for name, mask in named.items()}
    titles = {
        f"{attribute}={name}": words.group(words.sentence(words.people(attribute, name)), int(mask.sum()))
        for attribute, named in groups.items() for name, mask in named.items()
    }  # fmt: skip
    titles = {EVERYBODY: words.say("everybody"), **titles}
    chosen = st.selectbox(words.say("Among"), list(titles), width=190,
                          format_func=words.namer(list(titles), titles.__getitem__),
                          **state.pick("among", titles))  # fmt: skip
    return masks.get(str(chosen), np.ones(n, bool))


@st.cache_data(max_entries=64, show_spinner=False)
def _order(
    lists: str, k: int, way: str, among: bytes, user: int | None, other: str | None
) -> tuple[Codes, np.ndarray | None]:
    """Codes of the people found, and of everybody the number that says why, where there is one."""
    run, own = load.lists(lists)
    inside, standing = np.frombuffer(among, bool), _standing(lists, k)
    if way == CHANGED and other is not None:
        return finder.changed_most(standing, own, load.lists(other)[1], k, inside)
    if way == ALIKE and user is not None:
        return finder.most_alike(run.split, user, inside, standing.ties)
    return (finder.typical if way == TYPICAL else finder.hurt_most)(standing, inside), None


def _found(
    lists: str, k: int, way: str, among: Mask, user: int | None, other: Entry | None
) -> tuple[Codes, Callable[[int], str]]:
    """The people, the foremost first, and what says why one of them is there."""
    found, why = _order(lists, k, way, among.tobytes(), user if way == ALIKE else None,
                        None if other is None else other.digest)  # fmt: skip
    standing = _standing(lists, k)

    def told(code: int) -> str:
        if why is None:
            liked, hits = int(standing.liked[code]), int(standing.hits[code])
            return words.say("{hits} of {liked} liked listed", hits=hits, liked=liked)
        if way == CHANGED:
            return words.say("{n} new item", "{n} new items", n=int(why[code]))
        return words.say("{n} item in common", "{n} items in common", n=int(why[code]))

    return found, told


def _offer(way: str, found: Codes, told: Callable[[int], str], ids: np.ndarray, user: int | None) -> None:
    """Buttons that turn to a person, and one that goes on to the next."""
    if not len(found):
        st.caption(words.say("Nobody is found this way: choose other people, or another way."))
        return

    def offset(given: str) -> int:
        whose, _, place = given.partition(":")
        return state.within(0, len(found) - 1)(place) if whose == way else 0

    start = state.seen("from", 0, offset)
    with st.container(horizontal=True, vertical_alignment="center", key="found-people", gap="small"):
        for code in found[start : start + ABREAST].tolist():
            label = f"**{words.plain(ids[code], 20)}** · {told(code)}"
            st.button(label, key=f"to-{code}", disabled=code == user, on_click=state.put,
                      args=("person", str(ids[code])))  # fmt: skip
        following = start + ABREAST if start + ABREAST < len(found) else 0
        many = words.say("{n} person is found this way.", "{n} people are found this way.", n=len(found))
        st.button(words.say("Others"), key="others", icon=":material/arrow_forward:", type="tertiary", help=many,
                  on_click=state.put, args=("from", f"{way}:{following}"))  # fmt: skip
