"""All strengths of all methods that were tried on a run's lists, in one plane: a chosen gap against accuracy."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import streamlit as st

from fairdash import charts, words
from fairdash.charts import PlanePoint
from fairdash.item_classes import POPULARITY
from fairdash.mitigation import METHODS
from fairdash.mitigation.base import Mitigation
from fairdash.mitigation.targets import BETWEEN_PEOPLE
from fairdash.run import Run
from fairdash.schema import GroupSpec
from fairdash.stages.compare import aim_title
from fairdash.stages.lever import STRENGTHS, Lever, Shift, can
from fairdash.ui import findings, mitigated, mitigating, parts, state

Make = Callable[[Mitigation], Lever]


def plane(run: Run, it: Lever, shift: Shift, make: Make, go: Callable[[str, str], None]) -> None:
    """The lever's own strengths, those of what was mitigated before, and of any other method that is asked for. go:
    takes method and strength of a mark that is clicked."""
    wait(it)
    targets = it.targets
    named = words.namer(targets, lambda one: title(it, one), limit=160)
    key = st.selectbox(words.say("Gap"), targets, format_func=named, **state.pick("gap", targets, it.target))
    picture = st.container()
    others = [one for one in METHODS if can(one) and one != it.chosen.method and not _lacks(run, one)]
    more = st.multiselect(words.say("Draw other methods, too"), others, **state.several("beside", others),
                          placeholder=words.say("Choose options"),
                          format_func=lambda one: words.say(METHODS[one].info.title))  # fmt: skip
    drawn = {_name(it.chosen): it.chosen}
    for one in [*_tried(run, it), *(_with(it, method) for method in more)]:
        drawn.setdefault(_name(one), one)
    levers = {name: make(one) if one is not it.chosen else it for name, one in drawn.items()}
    points = [point for name, lever in levers.items() for point in _points(name, lever, key, shift, it)]
    points += _stored(run, it, key)
    zero = it.points(key)[STRENGTHS.index(0.0)]
    with picture:
        parts.draw(
            charts.plane(points, (zero.value, 1.0), title(it, key), findings.title("ndcg", it.k), zero.better),
            "plane", words.say("Every strength, on validation"),
            about=words.say(
                "Each mark is one strength of a method on the same people. The lines cross at the lists as they are; "
                "the shaded corner is no worse in either. The dotted line joins what no other point beats in both. "
                "Click a mark to move the lever there."
            ),
            pick=lambda key: go(*key.split(" ")),
        )  # fmt: skip


def wait(it: Lever) -> None:
    """Make every strength of the lever once, with a bar; whoever moves it meanwhile need not wait for the rest."""
    if it.complete:
        return
    place = st.empty()
    told = words.say("Making every strength once, so that the lever moves at once")
    for share in it.ladder():
        place.progress(share, text=told)
    place.empty()


def title(it: Lever, key: str) -> str:
    """What a target is called, with the groups that it lies between."""
    between = key in BETWEEN_PEOPLE and it.group is not None
    return aim_title(key, it.k, [it.group.label] if between and it.group is not None else ())


def _key(method: str, strength: float) -> str:
    """What a mark stands for."""
    return f"{method} {strength}"


def _name(one: Mitigation) -> str:
    """A method, with the groups of items that it was given."""
    told = words.say(METHODS[one.method].info.title)
    if one.item_group is None:
        return told
    return words.say("{metric} ({items})", metric=told, items=one.item_group.label)


def _lacks(run: Run, method: str) -> bool:
    return bool(mitigating.lacking(run, METHODS[method].info))


def _with(it: Lever, method: str) -> Mitigation:
    """Another method between the same groups."""
    needs = METHODS[method].info.needs
    items = it.chosen.item_group or (GroupSpec((POPULARITY,)) if "item_groups" in needs else None)
    return Mitigation(method, it.chosen.groups, items if "item_groups" in needs else None)


def _tried(run: Run, it: Lever) -> Iterator[Mitigation]:
    """Re-rankings that were made of this run's lists from where the lever starts."""
    start = [step.to_json() for step in it.first]
    for entry in mitigated.done():
        made = entry.meta["mitigation"]
        own = entry.meta.get("base_run") == run.digest and mitigated.alike(entry.meta.get("first") or [], start)
        if own and made["method"] in METHODS and can(made["method"]):
            yield Mitigation.from_json({**made, "strength": None})


def _points(name: str, lever: Lever, key: str, shift: Shift, it: Lever) -> Iterator[PlanePoint]:
    found = lever.points(key)
    for point in found:
        chosen = lever is it and point.strength == shift.strength
        mark = _key(lever.chosen.method, point.strength)
        yield PlanePoint(name, words.say("strength {strength}", strength=words.brief(point.strength)), point.value,
                         point.ndcg / found[0].ndcg, mark, chosen)  # fmt: skip


def _stored(run: Run, it: Lever, key: str) -> list[PlanePoint]:
    """Sweeps of methods that train or change vectors, which are read as they were made: those of this gap and K, of the
    lists as trained."""
    points = []
    for entry in mitigated.done() if not it.first else ():
        made, tuning = entry.meta["mitigation"], entry.meta.get("tuning") or []
        if entry.meta.get("base_run") != run.digest or not tuning or made["method"] not in METHODS:
            continue
        if can(made["method"]) or tuning[0]["target"] != key or entry.meta["k"] != it.k or not tuning[0]["ndcg"]:
            continue
        name = words.say(METHODS[made["method"]].info.title)
        points += [
            PlanePoint(name, words.say("strength {strength}", strength=words.brief(p["strength"])), p["value"],
                       p["ndcg"] / tuning[0]["ndcg"], _key(made["method"], p["strength"]))
            for p in tuning if p["value"] is not None and p["ndcg"] is not None
        ]  # fmt: skip
    return points
