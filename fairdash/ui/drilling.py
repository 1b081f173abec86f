"""The people behind a gap, one by one: a group's people, who of them is worst off, which items carry the gap."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np
import pandas as pd
import streamlit as st

from fairdash import charts, entries, settings, words
from fairdash.charts import Crowd, Reference
from fairdash.metrics.catalogue import METRICS, find
from fairdash.run import Run
from fairdash.schema import ITEM_ID, UNKNOWN, Codes, GroupSpec, Lists
from fairdash.stages import explore
from fairdash.stages import people as stage
from fairdash.stages.people import GroupPart, Mask, People, Portrait
from fairdash.ui import findings, forms, parts, pictures, state

TEN = 10  # worst and typical people
ITEMS, MOST_ITEMS = 12, 200  # of one picture, and of its table
ABREAST = 3  # groups side by side that can still be read
TASTE = 2  # categories that tell a taste
PARTS = {
    "worst": words.later("Worst off"),
    "typical": words.later("Typical"),
    "items": words.later("Items that carry it"),
    "save": words.later("Save and export"),
}
HANDS = {"range": words.later("Draw over a range"), "person": words.later("Click a person")}
SAVED = "saved"
_SAVED = words.later("Saved groups")
_ABOUT_PEOPLE = words.later(
    "One dot a person; dots of like value stand on each other. The stroke is the group's value, the dotted line the "
    "reference, the grey band what still counts as the same. Draw over a range to look at these people alone, or click "
    "a dot to see the person."
)


def asked() -> bool:
    """Whether the people are looked at, and not the audit."""
    return state.seen("view", "", str) == pictures.PEOPLE


def page(run: Run, lists: Lists) -> bool:
    """The whole view with its choice of groups and K; whether there are groups whose people can be looked at."""
    with st.container(horizontal=True, vertical_alignment="bottom", key="audit-controls"):
        group = forms.group(run.split.training.people)
        if group is None:
            return False
        k = st.number_input("K", 1, settings.CANDIDATES, width=110, help=words.say("Places of the list that count."),
                            **state.shared("k", settings.K, state.within(1, settings.CANDIDATES)))  # fmt: skip
    section(run, lists, group, int(k))
    return True


def section(run: Run, lists: Lists, spec: GroupSpec, k: int) -> None:
    """The people of the lists in view by the group of the page, with all that can be asked of them."""
    digest = state.get("lists") or ""
    saved = entries.saved_people(state.workspace(), digest)
    everybody = pictures.gathered(digest, k, run, lists)
    with st.container(horizontal=True, vertical_alignment="bottom", key="people-controls"):
        people = _grouped(everybody, run, spec, saved)
        names = list(people.measures)
        asked_for = state.seen("metric", "", str)
        metric = st.selectbox(words.say("Metric"), names, format_func=findings.namer(names, k), width=260,
                              **state.pick("metric", names))  # fmt: skip
        told = [part for part in stage.parts(people, metric) if part.told]
        against = [part.name for part in told if part.compared]
        if against:
            reference = st.selectbox(words.say("Against"), against, format_func=words.namer(against), width=170,
                                     **state.pick("versus", against, _largest(told, against)))  # fmt: skip
            tolerance = st.number_input(
                words.say("Tolerance, %"), 0, 50, width=120, step=1,
                help=words.say("Groups within this part of the reference's value count as the same."),
                **state.own("tolerance", 5, state.within(0, 50)),
            )  # fmt: skip
        parts.act(words.say("Back to the audit"), state.put, "view", None, icon=":material/arrow_back:",
                  type="tertiary", key="to-audit")  # fmt: skip
    if asked_for not in names and find(asked_for) is not None:
        st.caption(words.say("{metric} has no value for a single person; another metric is shown.",
                             metric=findings.title(asked_for, k)))  # fmt: skip
    if not against:
        parts.empty(
            words.say("No group is large enough to show its people"),
            words.say("A group needs {n} people with a value.", n=people.least),
        )
        return
    brushed = _brush(people, metric)
    mask = None if brushed is None else stage.between(people, metric, *brushed)
    title = findings.title(metric, k)
    st.markdown(f"## {_headline(people, metric, title, mask, brushed)}")
    left, right = st.columns([11, 9], gap="medium")
    with left:
        _dots(people, metric, title, reference, int(tolerance), brushed)
    with right:
        _brushed(people, metric, k, mask, reference)
    name = st.segmented_control(
        words.say("Group"),
        [part.name for part in told],
        required=True,
        format_func=words.namer([part.name for part in told], lambda one: words.group(one, _size(told, one))),
        **state.pick("who", [part.name for part in told], _worst_of(told, metric, reference)),
    )
    part = parts.tabs(words.say("What to see of them"), PARTS, "people")
    if part == "items":
        other = reference if reference != name else next((one for one in against if one != name), name)
        _items(people, run, metric, title, name, other)
    elif part == "save":
        _save(people, run, metric, saved, mask, brushed)
    else:
        _ten(people, run, metric, title, name, part)


def _grouped(everybody: People, run: Run, spec: GroupSpec, saved: Mapping[str, Sequence[str]]) -> People:
    """The people by the page's attribute, or by the groups that were saved, where there are any."""
    by = spec.label
    if saved:
        options = [spec.label, SAVED]
        by = st.selectbox(
            words.say("By"),
            options,
            format_func=words.namer(options, lambda one: words.say(_SAVED) if one == SAVED else one),
            width=170,
            **state.pick("by", options),
        )
    if by == SAVED and saved:
        return stage.by_saved(everybody, saved, words.say(_SAVED), words.say("all others"))
    return stage.by_attribute(everybody, run.split, spec)


def _largest(told: Sequence[GroupPart], among: Sequence[str]) -> str:
    return max((part for part in told if part.name in among), key=lambda part: part.people).name


def _size(told: Sequence[GroupPart], name: str) -> int:
    return next(part.people for part in told if part.name == name)


def _worst_of(told: Sequence[GroupPart], metric: str, reference: str) -> str:
    """The group that is worst off by the metric's own direction; farthest from the reference where it has none."""
    found = METRICS[metric]
    base = next(part.value for part in told if part.name == reference)
    others = [part for part in told if part.compared and part.name != reference] or list(told)
    if found.better:
        return min(others, key=lambda part: found.better * part.value).name
    return max(others, key=lambda part: abs(part.value - base)).name


def _brush(people: People, metric: str) -> tuple[float, float] | None:
    """The range of the metric that is brushed; None where it is all."""

    def accept(given: str) -> tuple[float, float] | None:
        of, low, high = json.loads(given)
        if of != metric or not float(low) <= float(high):
            raise ValueError(given)  # of another metric, or no range
        return float(low), float(high)

    return state.seen("brush", None, accept)


def _keep_brush(metric: str, ends: tuple[float, float] | None) -> None:
    state.put("brush", None if ends is None else json.dumps([metric, *(round(end, 6) for end in ends)]))


def _headline(people: People, metric: str, title: str, mask: Mask | None, brushed: tuple[float, float] | None) -> str:
    """The groups' values in a sentence, of all people or of the brushed."""
    ends, attribute = stage.widest(stage.parts(people, metric, mask)), people.groups.attribute
    told = {"metric": title}
    if brushed is not None:
        told |= {"from_": words.number(brushed[0]), "to": words.number(brushed[1])}
    if ends is None:
        few = words.later("Fewer than two groups have enough people with {metric} to compare.")
        few_of = words.later(
            "Of the people with {metric} from {from_} to {to}, fewer than two groups can be told: too few are left of "
            "a group, or all but a few."
        )
        return words.plain(words.say(few if brushed is None else few_of, **told), 400)
    high, low = ends
    told |= {
        "one": words.number(high.value),
        "high": words.people(attribute, high.name),
        "other": words.number(low.value),
        "low": words.people(attribute, low.name),
        "gap": words.number(high.value - low.value),
    }
    every = words.later("{metric} is {one} for {high} and {other} for {low}, a gap of {gap}.")
    some = words.later(
        "Of the people from {from_} to {to}, {metric} is {one} for {high} and {other} for {low}, a gap of {gap}."
    )
    return words.plain(words.say(every if brushed is None else some, **told), 400)


def _dots(
    people: People, metric: str, title: str, reference: str, tolerance: int, brushed: tuple[float, float] | None
) -> None:
    each, crowds = people.measures[metric].each, []
    for part in stage.parts(people, metric):
        rows = stage.shown(people, metric, part.name) if part.told else np.empty(0, np.int64)
        crowds.append(Crowd(part.name, part.people, people.ids[rows].tolist(), each[rows],
                            part.value if part.told else None, part.aside))  # fmt: skip
    value = people.measures[metric].of(people.member(reference))
    held = Reference(
        words.label(words.people(people.groups.attribute, reference), 24), value, abs(value) * tolerance / 100
    )
    hand = st.segmented_control(
        words.say("In the picture"),
        list(HANDS),
        required=True,
        format_func=lambda one: words.say(HANDS[one]),
        label_visibility="collapsed",
        **state.pick("hand", HANDS),
    )
    parts.draw(
        charts.people(crowds, title, held, brushed, state.seen("person", "", str)),
        "people-dots",
        words.say("Each person"),
        about=words.say(_ABOUT_PEOPLE),
        pick=None if hand == "range" else partial(_see, people),
        brush=partial(_keep_brush, metric) if hand == "range" else None,
    )


def _see(people: People, person: str) -> None:
    """Look at this person, among those of a group of theirs."""
    row = people.row(person)
    if row is not None:
        state.put("person", person)
        state.put("who", next(name for name in people.names if people.member(name)[row]))


def _brushed(people: People, metric: str, k: int, mask: Mask | None, reference: str) -> None:
    """From and to, and the groups' values of every metric of the people within."""
    each = people.measures[metric].each
    told = np.concatenate([each[stage.shown(people, metric, name)] for name in people.names])
    least, most = math.floor(float(told.min()) * 1000) / 1000, math.ceil(float(told.max()) * 1000) / 1000
    now = _brush(people, metric) or (least, most)

    def keep(place: int, value: float | None) -> None:
        ends = list(_brush(people, metric) or (least, most))
        ends[place] = value if value is not None else (least, most)[place]
        whole = (ends[0], ends[1]) == (least, most)
        _keep_brush(metric, None if whole else (min(ends), max(ends)))

    with st.container(horizontal=True, vertical_alignment="bottom", key="brush-ends"):
        for place, label in enumerate((words.say("From"), words.say("To"))):
            held = state.held(f"brush-{place}", now[place], partial(keep, place))
            st.number_input(label, value=None, width=110, format="%.3f", step=0.05, **held)
        if mask is not None:
            parts.act(words.say("All people"), _keep_brush, metric, None, icon=":material/close:", type="tertiary",
                      key="brush-off")  # fmt: skip
    now_told = stage.parts(people, metric, mask)
    if sum(part.told for part in now_told) > ABREAST:
        parts.table(_by_group(people, metric, k, now_told, reference), "people-values", height=420)
    else:
        parts.table(_by_metric(people, k, mask), "people-values", height=300)
    whys = {part.name: part.aside or words.UNDEFINED for part in now_told if not part.told}
    kept = [part for part in now_told if part.told]
    sizes = [words.say("{n} of {people} of {group}", n=part.n, people=part.people, group=words.label(part.name, 24))
             for part in kept]  # fmt: skip
    if sizes and mask is not None:
        st.caption(words.plain(words.join(sizes), 400))
    for why in dict.fromkeys(whys.values()):
        named = words.join([name for name, one in whys.items() if one == why])
        st.caption(words.plain(words.say("{groups}: {why}.", groups=named, why=words.say(why)), 400))


def _by_metric(people: People, k: int, mask: Mask | None) -> pd.DataFrame:
    """Every metric with the gap, and its value in a few groups side by side."""
    rows = []
    for key in people.measures:
        found = stage.parts(people, key, mask)
        ends = stage.widest(found)
        row: dict[str, object] = {words.later("metric"): findings.title(key, k)}
        row |= {words.later("gap"): ends[0].value - ends[1].value if ends else None}  # seen, however many groups follow
        rows.append({**row, **{words.label(part.name, 32): part.value if part.told else None for part in found}})
    return pd.DataFrame(rows)


def _by_group(people: People, metric: str, k: int, found: Sequence[GroupPart], reference: str) -> pd.DataFrame:
    """Many groups below each other: who of them is brushed, their value, and how far it is from the reference's."""
    told = [part for part in found if part.told]
    base = next((part.value for part in told if part.name == reference), math.nan)
    return pd.DataFrame(
        {
            words.later("group"): [words.label(part.name, 32) for part in told],
            "n": [part.n for part in told],
            findings.title(metric, k): [part.value for part in told],
            words.say("less {group}", group=words.label(reference, 16)): [part.value - base for part in told],
        }
    )


# --- persons ----------------------------------------------------------------------------------------------------------


def _ten(people: People, run: Run, metric: str, title: str, name: str, part: str) -> None:
    """The ten worst off, or nearest to the median, of a group; one of them, or who was clicked, in full."""
    choose = stage.worst if part == "worst" else stage.typical
    rows = choose(people, metric, name, TEN).tolist()
    each = people.measures[metric].each
    mine = stage.shown(people, metric, name)
    clicked = people.row(state.seen("person", "", str))
    if clicked is not None and clicked not in rows and clicked in mine:
        rows = [clicked, *rows]
    portraits = {row: stage.portrait(people, run.split, row) for row in rows}
    equal = int((each[mine] == each[rows[-1]]).sum()) if part == "worst" else 0
    if equal > TEN:
        st.caption(
            words.say(
                "{n} people of this group have the same value as the last of these; which of them stand here does not "
                "go by their ids.", n=equal,
            )
        )  # fmt: skip
    names, held = explore.names_of(run.split.training.items), people.facts.categories
    table = pd.DataFrame(
        {
            words.later("person"): [people.ids[row] for row in rows],
            title: [each[row] for row in rows],
            words.later("own taste"): [_taste(people, portraits[row].history) for row in rows],
            words.later("gets"): [_taste(people, portraits[row].listed) for row in rows],
            words.later("hits"): [len(portraits[row].hits) for row in rows],
            words.later("liked, not shown"): [_titles(names, portraits[row].missed) for row in rows],
        }
    )
    parts.table(table if held else table.drop(columns=["own taste", "gets"]), f"people-{part}")
    ids = [str(people.ids[row]) for row in rows]
    with st.container(horizontal=True, vertical_alignment="bottom", key="one-person"):
        chosen = st.selectbox(words.say("Person"), ids, format_func=words.namer(ids), width=220,
                              **state.pick("person", ids))  # fmt: skip
        parts.go("explore", words.say("Explore this person"), ":material/person_search:", person=chosen)
    _person(portraits[rows[ids.index(chosen)]], people, names)


def _taste(people: People, items: Codes) -> str:
    """The largest categories of some items with their shares."""
    told = stage.taste(people, items, TASTE)
    return words.say(", ").join(f"{words.label(name, 20)} {words.percent(share, 0)}" for name, share in told)


def _titles(names: np.ndarray, items: Codes, most: int = 1) -> str:
    told = [words.label(names[item], 30) for item in items[:most].tolist()]
    more = len(items) - most
    return words.say(", ").join([*told, *([words.say("{n} more", n=more)] if more > 0 else [])])


def _person(one: Portrait, people: People, names: np.ndarray) -> None:
    """Own history, list and what was liked and missed, side by side."""
    none: frozenset[int] = frozenset()
    lists = (
        (words.say("History, latest first"), one.history[:TEN], none, len(one.history)),
        (words.say("List"), one.listed, one.hits, len(one.listed)),
        (words.say("Liked later, not on the list"), one.missed[:TEN], none, len(one.missed)),
    )
    for column, (title, items, hits, n) in zip(st.columns(3, gap="medium"), lists, strict=True):
        with column:
            st.markdown(f"**{title}** · {words.count(n)}")
            if not len(items):
                st.caption(words.say("none"))
            lines = []
            for item in items.tolist():
                mark = f" :green-badge[{words.say('liked later')}]" if item in hits else ""
                lines.append(f"1. {words.plain(names[item], 60)}{mark}")
            st.markdown("\n".join(lines))


# --- items ------------------------------------------------------------------------------------------------------------


@st.cache_data(max_entries=32, show_spinner="Leaving one item out at a time")
def _carriers(digest: str, k: int, by: str, metric: str, one: str, other: str, _people: People) -> pd.DataFrame:
    return stage.carriers(_people, metric, one, other)


def _items(people: People, run: Run, metric: str, title: str, name: str, other: str) -> None:
    """What the gap would be if nobody were shown an item."""
    if name == other or UNKNOWN in (name, other):
        st.info(words.say("There is no other group to hold this one against."), icon=":material/info:")
        return
    # who is in the groups is all of the grouping that the numbers depend on
    by = str(hash((people.member(name).tobytes(), people.member(other).tobytes(), people.least)))
    found = _carriers(state.get("lists") or "", people.k, by, metric, name, other, people)
    pair = [words.people(people.groups.attribute, one) for one in (name, other)]
    moved = found[found["moved"] != 0]
    if moved.empty:
        st.info(words.say("No single item moves the difference between {one} and {other}.", one=words.plain(pair[0]),
                          other=words.plain(pair[1])), icon=":material/info:")  # fmt: skip
        return
    names = explore.names_of(run.split.training.items)
    asked = state.seen("carrier", "", str)
    ids = run.split.training.items[ITEM_ID].astype(str)
    clicked = moved[ids.iloc[moved["item"].astype(int)].to_numpy() == asked]
    first = (moved if clicked.empty else clicked).iloc[0]
    whole = float(first["without"] + first["moved"])
    told = words.say(
        "Without “{item}”, {metric} of {one} less that of {other} would be {without} and not {whole}.",
        item=words.label(names[int(first["item"])], 60), metric=title, one=pair[0], other=pair[1],
        without=words.signed(float(first["without"])), whole=words.signed(whole),
    )  # fmt: skip
    st.markdown(f"## {words.plain(told, 400)}")
    shown = moved.head(ITEMS)
    about = words.say(
        "Each item in turn is left out as if it were on nobody's list: its place stays empty, all else is as it was. "
        "The bars say how far the difference of the two groups then moves; they do not add up. Items on fewer than {n} "
        "lists are left out; of a group, a dash is fewer than {n}. Click a bar to read of its item above.",
        n=settings.FEWEST,
    )
    left, right = st.columns(2, gap="medium")
    with left:
        parts.draw(
            charts.bars(
                [str(names[int(item)]) for item in shown["item"]],
                shown["moved"].tolist(),
                words.say("the item's part of {one} less {other}", one=pair[0], other=pair[1]),
                digits=4,
                keys=[ids.iloc[int(item)] for item in shown["item"]],
            ),
            "carriers",
            words.say("Items that carry the difference"),
            about=about,
            pick=partial(state.put, "carrier"),
        )
    with right:
        table = pd.DataFrame(
            {
                words.later("item"): [words.label(names[int(item)], 60) for item in moved["item"]],
                words.later("moves it by"): moved["moved"].to_numpy(),
                words.say("lists of {group}", group=words.label(name, 24)): moved["one"].to_numpy(),
                words.say("lists of {group}", group=words.label(other, 24)): moved["other"].to_numpy(),
            }
        )
        parts.table(table.head(MOST_ITEMS), "carrying-items", digits=4, height=380)


# --- keeping ----------------------------------------------------------------------------------------------------------


def _save(
    people: People,
    run: Run,
    metric: str,
    saved: Mapping[str, Sequence[str]],
    mask: Mask | None,
    brushed: tuple[float, float] | None,
) -> None:
    """The people in view as a group of their own, kept with the lists; and as a table."""
    digest = state.get("lists") or ""
    kept = np.zeros(people.n, dtype=bool)
    for part in stage.parts(people, metric, mask):
        if part.told:
            kept[stage.shown(people, metric, part.name)] = True
    if mask is not None:
        kept &= mask
    who = people.ids[kept].tolist()
    left, right = st.columns(2, gap="large")
    with left:
        why = stage.refusal(people, run.split, kept, saved)
        if brushed is None:
            why = words.say("Draw over a range of people first, or type its ends.")
        told = (
            words.say("**Save as a group**") if why else words.say("**Save these {n} people as a group**", n=len(who))
        )
        st.markdown(told)
        if mask is not None and (mask & ~kept).any():
            st.caption(words.say("People of groups that are not told here are not among them."))
        if why:
            st.caption(words.plain(why, 400))
        else:
            name = st.text_input(words.say("Name"), max_chars=40, key="save-name")
            st.caption(words.say("Kept with these lists, as a list of people: it stays the same at another K. Wherever "
                                 "groups are chosen, it can be chosen, too."))  # fmt: skip
            taken = name.strip() in run.split.training.people
            if taken:
                st.caption(words.say("The people have an attribute of that name already: choose another one."))
            parts.submit(words.say("Save"), _save_as, digest, name, who, icon=":material/save:", key="save-people",
                         disabled=taken or not name.strip())  # fmt: skip
        for i, (one, ids) in enumerate(saved.items()):
            with st.container(horizontal=True, vertical_alignment="center", key=f"saved-{i}"):
                st.markdown(words.plain(words.group(one, len(ids))), width="stretch")
                parts.act(words.say("Audit it"), _audit, one, icon=":material/balance:", type="tertiary",
                          key=f"audit-saved-{i}")  # fmt: skip
                parts.act(words.say("Remove"), entries.save_people, state.workspace(), digest, one, (),
                          icon=":material/delete:", type="tertiary", key=f"unsave-{i}")  # fmt: skip
    with right:
        st.markdown(words.say("**These people as a table**"))
        st.caption(words.say("One row a person, one column a metric. Cells that a spreadsheet would run are quoted."))
        table = pd.DataFrame({"user_id": who, people.groups.attribute: _groups_of(people, kept)})
        for key, measure in people.measures.items():
            table[key] = measure.each[kept]
        if len(table):
            parts.download(table, "people")


def _save_as(digest: str, name: str, who: Sequence[str]) -> None:
    entries.save_people(state.workspace(), digest, name.strip(), who)
    state.put("by", SAVED)
    state.put("who", name.strip())
    state.put("brush", None)


def _audit(name: str) -> None:
    """The audit by who is in a saved group and who is not."""
    state.put("group", name)
    state.put("view", None)


def _groups_of(people: People, kept: Mask) -> list[str]:
    """The groups of each of these people, joined by "|" where there are several."""
    slots = people.groups.slots()[kept]
    return ["|".join(people.groups.names[g] for g in row if g >= 0) or UNKNOWN for row in slots.tolist()]
