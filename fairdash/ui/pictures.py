"""Pictures of an audit that one can work in: a click on a mark goes to its metric, or to the people of its group."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import partial
from itertools import product
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from fairdash import charts, settings, words
from fairdash.charts import Cell, Chart, Half, Mark
from fairdash.groups import form as form_groups
from fairdash.metrics.catalogue import on_side
from fairdash.run import Run
from fairdash.schema import CATEGORIES, UNKNOWN, GroupSpec, Lists
from fairdash.stages import people as stage
from fairdash.stages.disclosure import people_of
from fairdash.stages.explore import names_of
from fairdash.stages.people import People
from fairdash.ui import findings, parts, state

Audit = Mapping[str, Any]
PEOPLE = "people"  # the view of the people behind a gap
STEP = ""  # of Lorenz's curve, in the place of an attribute of items, which none can be called
_STEPS = {str(step) for step in range(1, charts.STEPS + 1)}
RANK = "first_hit"  # the rank of the first hit
TARGETS = {
    "catalogue": words.later("the catalogue"),
    "interactions": words.later("interactions"),
    "liked": words.later("liked items"),
    "uniform": words.later("equal parts"),
}
_SHARES = {"catalogue": "catalogue_share", "interactions": "interaction_share", "liked": "relevant_share"}
_ABOUT_STROKES = words.later(
    "Among many groups the highest and the lowest are partly luck. The stroke is the group's value drawn towards the "
    "mean of all, as far as chance could have spread them: the fewer people, the farther."
)
_ABOUT_STRIP = words.later(
    "Each gap in units of half its own 95 % interval, so that all metrics fit on one axis: one that stands beyond 1 is "
    "larger than its interval is wide to either side. In the grey of a row a true gap could easily have stayed unseen. "
    "Click a mark to look at its metric."
)
_ABOUT_CROSSING = words.later(
    "Each tile is a crossing: its value, the value drawn to the mean of all where there is one, and its people. The "
    "colour is the difference from the mean of the crossings shown, in half-widths of the tile's own 95 % interval. "
    "Hatched: too few people. Click a tile to see its people."
)


@st.cache_resource(max_entries=6, show_spinner="Looking at the people")
def gathered(digest: str, k: int, _run: Run, _lists: Lists) -> People:
    """Everybody's values of these lists at K."""
    return stage.gather(_run.split, _lists, k)


def _people(audit: Audit, run: Run, lists: Lists) -> People:
    return gathered(state.get("lists") or "", audit["k"], run, lists)


def see_people(name: str) -> None:
    """Go to the people of this group."""
    state.put("view", PEOPLE)
    state.put("who", name)


def see_range(metric: str, asked: str) -> None:
    """Go to the people of a group whose values of the metric lie in a cell of its distribution. asked: [group, from,
    to] as JSON."""
    group, low, high = json.loads(asked)
    if metric == RANK:  # is the inverse of a value that everybody has
        metric, low, high = "mrr", 1 / high, min(1.0, 1 / low)
    state.put("metric", metric)
    state.put("brush", json.dumps([metric, round(low, 6), round(high, 6)]))
    see_people(group)


def strip(audit: Audit, attribute: str) -> None:
    """Every metric's gap on one axis, in units of its own interval."""
    chart = charts.strip(*marks(audit, attribute))
    parts.draw(chart, "strip", words.say("Every gap in units of its interval"), about=words.say(_ABOUT_STRIP),
               pick=lambda metric: state.put("metric", metric))  # fmt: skip


def marks(audit: Audit, attribute: str) -> tuple[list[Mark], str, str]:
    """The gaps of values that everybody has, and who stands at either end where two groups are compared."""
    groups = audit["groups"][attribute]
    compared = [name for name, group in groups.items() if name != UNKNOWN and not group.get("small")]
    two = len(compared) == 2
    found = []
    for metric in findings.metrics_of(audit, attribute):
        row = audit["gaps"][attribute][metric]
        if audit["overall"].get(metric) is None or metric.partition(":")[0] in on_side("model"):
            continue
        gap, (low, high) = row.get("gap"), row.get("ci") or (None, None)
        if two and gap is not None and row.get("pair") and row["pair"][0] == compared[0]:
            gap, low, high = -gap, *(None if end is None else -end for end in (high, low))
        why = findings.reason(audit, attribute, metric) if gap is None else ""
        found.append(Mark(metric, findings.title(metric, audit["k"]), gap, low, high, row.get("detectable"),
                          charts.verdict(row), why))  # fmt: skip
    left, right = (words.people(attribute, name) for name in compared) if two else ("", "")
    return found, left, right


def groups(audit: Audit, run: Run, spec: GroupSpec, metric: str) -> None:
    """The metric's value in each group; of crossings of two attributes, a tile each."""
    title = words.plain(findings.title(metric, audit["k"]), 90)
    found = crossing(audit, run, spec, metric) if len(spec.attributes) == 2 else None
    if found is not None:
        parts.draw(found, "crossing", title, about=words.say(_ABOUT_CROSSING), pick=see_people)
    else:
        about = words.say(_ABOUT_STROKES) if audit.get("shrunk", {}).get(spec.label) else None
        parts.draw(findings.by_group(audit, spec.label, metric), "by-group", title, about=about, pick=see_people)


def crossing(audit: Audit, run: Run, spec: GroupSpec, metric: str) -> Chart | None:
    """The crossings of two attributes as tiles; None for a metric that a single group does not have."""
    found, shrunk = audit["groups"][spec.label], audit.get("shrunk", {}).get(spec.label, {}).get(metric, {})
    if not any(metric in group for group in found.values()):
        return None
    rows, columns = (form_groups(one, run.split.training.people).names for one in spec.each)
    cells = []
    for row, column in product(rows, columns):
        group = found.get(f"{row} × {column}")
        if group is None:
            continue
        few = group.get("small") or people_of(group, metric) < settings.MIN_GROUP_SIZE
        key, n = f"{row} × {column}", group["n"]
        if few:
            cells.append(Cell(row, column, key, n, None, aside=words.WITHHELD))
            continue
        low, high = group.get(f"{metric}_ci") or (None, None)
        drawn = shrunk.get("groups", {}).get(key, {}).get("value")
        cells.append(Cell(row, column, key, n, group.get(metric), low, high, shrunk=drawn))
    told = [cell for cell in cells if cell.value is not None]
    if not told:
        return charts.empty(words.say("No crossing has enough people with a value to show it."))
    mean = float(np.average([cell.value or 0.0 for cell in told], weights=[cell.n for cell in told]))
    title = findings.title(metric, audit["k"])
    return charts.crossing(cells, title, mean, words.say("the mean of the crossings shown"))


def categories(audit: Audit, spec: GroupSpec, run: Run, lists: Lists) -> None:
    """What the lists are made of: two groups mirrored, each against its own history; of several, all of them below."""
    attribute = spec.label
    compared = [n for n, g in audit["groups"][attribute].items() if n != UNKNOWN and not g.get("small")]
    pair = audit["gaps"][attribute].get("category_divergence", {}).get("pair") or compared[:2]
    people = stage.by_attribute(_people(audit, run, lists), run.split, spec)
    names = people.facts.categories.names if people.facts.categories else ()
    if len(pair) == 2 and names:
        pair = sorted(pair, key=list(audit["groups"][attribute]).index)
        if len(compared) > 2:
            pair = _sides(compared, pair)
        halves = []
        for name in pair:
            got, history = stage.shares(people, name)
            halves.append(Half(words.group(name, audit["groups"][attribute][name]["n"]), got, history, name))
        about = words.say(
            "Part of each group's recommendation slots that goes to a category, widest difference first. The strokes "
            "are the group's own history: a bar beyond its stroke is more than they had chosen themselves. Click a bar "
            "to see the group's people."
        )
        shown = charts.mirrored(list(names), halves[0], halves[1], words.say("share of recommendation slots"))
        parts.draw(shown, "mirrored", words.say("What the lists are made of"), about=about, pick=see_people)
    if len(compared) != 2 or not names:
        about = words.say(
            "Part of each group's recommendation slots that goes to a category. Widest difference first. Click a mark "
            "to see the group's people."
        )
        parts.draw(findings.categories(audit, attribute), "categories", words.say("All groups"), open_table=True,
                   about=about, pick=see_people)  # fmt: skip


def _sides(compared: Sequence[str], pair: Sequence[str]) -> list[str]:
    """The two of several groups that are mirrored; at first those that differ most."""
    with st.container(horizontal=True, key="sides"):
        left = st.selectbox(words.say("On the left"), compared, format_func=words.namer(compared), width=220,
                            **state.pick("left", compared, pair[0]))  # fmt: skip
        others = [name for name in compared if name != left]
        usual = next(name for name in (*pair[::-1], *others) if name != left)
        right = st.selectbox(words.say("On the right"), others, format_func=words.namer(others), width=220,
                             **state.pick("right", others, usual))  # fmt: skip
    return [left, right]


def exposure(audit: Audit, run: Run, lists: Lists, spec: GroupSpec | None, target: str) -> None:
    """Exposure of groups of items, of `spec` and of the categories, against the target, and of single items as Lorenz's
    curve; below, the items of a group that was clicked."""
    people = _people(audit, run, lists)
    shown, known = stage.exposure(people)
    of_items = target if target in known else "catalogue"  # equal parts of all items are those of the catalogue
    left, right = st.columns([11, 9], gap="medium")
    with left:
        for name in audit["items"].get("by_group", {}):
            title = words.say("categories") if name == CATEGORIES else words.plain(name)
            parts.draw(
                against(audit, name, target),
                f"exposure-{name}",
                words.say("Exposure by {title}", title=title),
                about=words.say(
                    "Exposure of an item in a list is 1 / log2(rank + 1). Beside it: the group's part of the "
                    "catalogue, of training interactions, or of liked held-out items (its merit). Click a mark to see "
                    "the group's items."
                ),
                pick=partial(see_items, name),
            )
    with right:
        parts.draw(
            charts.lorenz(shown, known[of_items], words.say(TARGETS[of_items])),
            "lorenz",
            words.say("How unequally items are shown"),
            about=words.say(
                "Items in rising order of exposure for their part of the target: how much exposure the first of them "
                "get together. On the dotted line exposure is as the target (Lorenz 1905). Click a mark to see the "
                "items of its step."
            ),
            pick=partial(see_items, STEP),
        )
        items_in(run, spec, {"": people}, of_items)


def see_items(attribute: str, name: str) -> None:
    """Look at the items of this group, below the pictures."""
    state.put("items_of", json.dumps([attribute, name]))


def items_asked() -> tuple[str, str] | None:
    """The attribute of items and the group of it that was clicked."""

    def accept(told: str) -> tuple[str, str]:
        attribute, name = json.loads(told)
        return str(attribute), str(name)

    return state.seen("items_of", None, accept)


def items_in(run: Run, spec: GroupSpec | None, sides: Mapping[str, People], target: str = "") -> None:
    """The items of the group that was clicked, of `spec` or of the categories, or of a step of Lorenz's curve against a
    target: on how many lists each is, and its part of all exposure. sides: what stands before a column's name → whose
    lists."""
    attribute, name = items_asked() or (STEP, "")
    items, of = run.split.training.items, GroupSpec((CATEGORIES,)) if attribute == CATEGORIES else spec
    if attribute == STEP and name in _STEPS and target:
        (people,) = sides.values()
        shown, known = stage.exposure(people)
        low, high = (words.percent(end / charts.STEPS, 0) for end in (int(name) - 1, int(name)))
        found = {"": stage.counted(people, charts.on_step(shown, known[target], int(name))).set_index("item")}
        told = words.say("{n} item from {low} to {high} of {target}", "{n} items from {low} to {high} of {target}",
                         n=len(found[""]), low=low, high=high, target=words.say(TARGETS[target]))  # fmt: skip
    elif name and of is not None and of.label == attribute:
        found = {side: stage.items_of(people, items, of, name).set_index("item") for side, people in sides.items()}
        told = words.say("{n} item of {name}", "{n} items of {name}", n=len(next(iter(found.values()))),
                         name=words.label(name))  # fmt: skip
    else:
        return
    codes = next(iter(found.values())).index
    if not len(codes):
        return
    parts.opened(words.plain(told, 160), "items_of")
    titles = names_of(items)
    table = pd.DataFrame({words.later("item"): [words.label(titles[code], 60) for code in codes]})
    for side, one in found.items():
        for column, title in (("lists", words.say("lists")), ("exposure", words.say("part of exposure"))):
            named = words.say("{column}, {side}", column=title, side=side) if side else title
            table[named] = one.loc[codes, column].to_numpy()
    parts.table(table, "items-of", digits=4, height=380)
    st.caption(words.say("A dash: on the lists of fewer than {n} people.", n=settings.FEWEST))


def against(audit: Audit, items: str, target: str) -> Chart:
    """A group of items: its part of exposure beside its part of the target, farthest first."""
    rows: Mapping[str, Mapping[str, Any]] = audit["items"].get("by_group", {}).get(items, {})
    share = _SHARES.get(target, target)
    equal = 1 / max(1, sum(name != UNKNOWN for name in rows))

    def part(name: str, key: str) -> float:
        value = (None if name == UNKNOWN else equal) if key == "uniform" else rows[name].get(key)
        return float("nan") if value is None else float(value)

    names = sorted(rows, key=lambda name: -abs(np.nan_to_num(part(name, "exposure_share") - part(name, share))))
    main = words.say("exposure")
    ci: Sequence[Sequence[float]] = [
        [float("nan") if end is None else float(end) for end in rows[name].get("exposure_share_ci") or (None, None)]
        for name in names
    ]
    shown = {words.say(TARGETS[target]): [part(name, share) for name in names]}
    shown[main] = [part(name, "exposure_share") for name in names]
    labels = [words.say("{name} ({n} item)", "{name} ({n} items)", name=name, n=rows[name]["n"]) for name in names]
    return charts.exposure(labels, shown, {main: ci}, main=main, keys=names)
