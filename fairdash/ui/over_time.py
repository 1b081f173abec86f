"""The gap in view, in one window of time after the other."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import streamlit as st

from fairdash import charts, words
from fairdash.charts import Moment
from fairdash.run import Run
from fairdash.schema import UNKNOWN, Lists
from fairdash.stages import over_time as stage
from fairdash.stages.audit import AuditSpec
from fairdash.stages.over_time import Window
from fairdash.ui import findings, parts, state
from fairdash.ui.pictures import see_people

NAMED = {"month": words.later("months"), "week": words.later("weeks")}
_ABOUT = words.later(
    "Held-out items go by the time at which they happened; whoever has none in a window is no part of it. The lists "
    "are the same throughout. The test of each window is corrected over all windows. A cross at the foot is a window "
    "without a gap, as too few people of two groups are in it. Click a mark to see the groups of its window."
)


@st.cache_data(max_entries=16, show_spinner="Comparing each window")
def _windows(lists: str, _run: Run, _lists: Lists, spec: AuditSpec, metric: str, way: str) -> tuple[Window, ...]:
    return stage.over_time(_run.split, _lists, spec, metric, way)


def section(audit: Mapping[str, Any], spec: AuditSpec, metric: str, run: Run, lists: Lists) -> None:
    """Which windows, the picture with its table, and how to read its sign."""
    ways = stage.ways(run.split)
    if not ways:
        st.info(words.say("The held-out items have no times, so that there is no view over time."),
                icon=":material/info:")  # fmt: skip
        return
    way = st.segmented_control(
        words.say("Windows"), ways, required=True, format_func=_named, **state.pick("window", ways)
    )
    (group,) = spec.groups
    found = _windows(state.get("lists") or "", run, lists, spec, metric, way)
    compared = [name for name, one in audit["groups"][group.label].items() if name != UNKNOWN and not one.get("small")]
    two = compared if len(compared) == 2 else []
    name = findings.title(metric, audit["k"])
    told = [_moment(one, group.label, two) for one in found]
    seen = [one for one in told if one.verdict == "found"]
    st.markdown(_sentence(name, told, len(seen), sum(one.verdict == "alone" for one in told)))
    signs = [words.people(group.label, one) for one in two]
    note = words.say("Above 0 {more} have more, below 0 {less}.", more=signs[1], less=signs[0]) if two else None
    parts.draw(charts.over_time(told, name), "over-time", words.say("{metric} over time", metric=words.plain(name, 90)),
               about=words.say(_ABOUT), note=note, pick=partial(state.put, "moment"))  # fmt: skip
    _of_window({one.name: one for one in found}, group.label, metric, name)


def _of_window(found: Mapping[str, Window], attribute: str, metric: str, title: str) -> None:
    """The groups in the window that was clicked."""
    window = found.get(state.seen("moment", "", str))
    if window is None:
        return
    told = words.say("{metric} in {window}", metric=title, window=window.name)
    parts.opened(window.name, "moment")
    parts.draw(findings.by_group(window.audit, attribute, metric), "moment-groups", words.plain(told, 120),
               pick=see_people)  # fmt: skip


def _named(way: str) -> str:
    return words.say(NAMED[way]) if way in NAMED else words.say("{n} equal parts", n=int(way))


def _sentence(metric: str, told: list[Moment], found: int, alone: int) -> str:
    known = sum(one.gap is not None for one in told)
    if not known:
        return words.say("In none of {n} windows are there enough people of two groups for a gap.", n=len(told))
    said = words.say(
        "A difference in {metric} was found in {found} of {known} windows that have enough people.",
        metric=words.plain(metric, 90), found=found, known=known,
    )  # fmt: skip
    if alone:
        more = words.say("In {n} more it would count on its own alone; over so many windows, chance may do that.",
                         n=alone)  # fmt: skip
        return words.together(said, more)
    return said


def _moment(window: Window, attribute: str, two: list[str]) -> Moment:
    """A window of the picture. two: the groups, where there are two and the gap has a sign: above 0 the second one has
    more."""
    row = window.gap
    gap, (low, high), pair = row.get("gap"), row.get("ci") or (None, None), row.get("pair")
    more = ""
    if gap is not None and pair and two and pair[0] == two[0]:
        gap, low, high = -gap, *(None if end is None else -end for end in (high, low))
    elif gap is not None and pair and not two and pair[0] != pair[1]:
        one, other = (words.people(attribute, name) for name in pair)
        more = words.say("{one}, then {other}", one=one, other=other)
    verdict = "few" if gap is None and window.few else charts.verdict(row)
    return Moment(window.name, window.people, gap, low, high, row.get("p_holm"), verdict,
                  words.say(window.reason) if gap is None else "", more)  # fmt: skip
