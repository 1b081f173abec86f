"""The lever on Mitigate and Compare: a strength in the hand, everybody's lists at once, and who loses and gains by
it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import partial
from itertools import chain
from typing import Any

import numpy as np
import streamlit as st

from fairdash import charts, settings, words
from fairdash.charts import PeopleRow
from fairdash.data.synthetic import Planted
from fairdash.groups import from_json as group_from_json
from fairdash.metrics.catalogue import METRICS
from fairdash.mitigation import METHODS
from fairdash.mitigation.base import Info, Mitigation
from fairdash.mitigation.sweep import RULES
from fairdash.progress import Progress
from fairdash.run import Run
from fairdash.schema import GroupSpec, Split
from fairdash.stages import planted
from fairdash.stages.explore import names_of
from fairdash.stages.fit import TrainSpec
from fairdash.stages.lever import STRENGTHS, GroupShift, Lever, Shift, can, refuse
from fairdash.stages.mitigate import Retrain
from fairdash.ui import findings, forms, lever_view, load, mitigated, mitigating, parts, planes, runs, state
from fairdash.workspace import Entry

NAMED = 3  # groups that the sentence names; the table has all
CHOICES = 40  # people who fell, and as many who rose, that are offered by name
NOBODY = 0


def lever(run: Run) -> None:
    """Choose a method and its groups, then move its strength: everything follows."""
    refuse(run)
    infos = {key: method.info for key, method in METHODS.items() if can(key)}
    possible = [key for key, info in infos.items() if not mitigating.lacking(run, info)]
    with st.container(horizontal=True, vertical_alignment="bottom", key="lever-controls"):
        method = st.selectbox(words.say("Method"), possible, width=300,
                              format_func=lambda key: words.say(infos[key].title),
                              **state.pick("method", possible))  # fmt: skip
        first = mitigating.start_from(run, infos[method], in_view=True)
        deep = run.candidates("valid").k
        k = st.number_input("K", 1, deep, width=110,
                            **state.shared("k", min(settings.K, deep), state.within(1, deep)))  # fmt: skip
    groups, items = mitigating.groups_for(run, infos[method])  # in a row of its own, as it is one itself
    # who loses is asked by group also where a method knows of none
    group = groups[0] if groups else forms.group(run.split.training.people)
    chosen = Mitigation(method, tuple(groups), items)
    parts.live(_moved, run, infos[method], chosen, int(k), group, first)


def of_lists(entry: Entry, group: GroupSpec | None, k: int) -> None:
    """The lever of the re-ranking that made these lists, from what it was applied to; it begins at their strength."""
    run, made = load.run(entry.meta["base_run"]), entry.meta["mitigation"]
    refuse(run)
    chosen, first = Mitigation.from_json({**made, "strength": None}), list(entry.meta.get("first") or [])
    parts.live(_moved, run, METHODS[chosen.method].info, chosen, k, group, first, entry)


def _named(
    run: Run, chosen: Mitigation, k: int, group: GroupSpec | None, first: Sequence[Mapping[str, Any]]
) -> tuple[str, str, int, str | None, str]:
    """All that the lever of a method after those in `first` depends on."""
    people = None if group is None else json.dumps(asdict(group))
    return run.digest, json.dumps(chosen.to_json()), k, people, json.dumps(first)


@st.cache_resource(max_entries=16, show_spinner="Preparing the lever")
def _made(run: str, chosen: str, k: int, group: str | None, first: str) -> Lever:
    """The lever, kept with every strength that it was moved to."""
    people = None if group is None else group_from_json(json.loads(group))
    steps = [Mitigation.from_json(step) for step in json.loads(first)]
    return Lever(load.run(run), Mitigation.from_json(json.loads(chosen)), k, people, steps, _trained(load.run(run)))


def _trained(base: Run) -> Retrain:
    """Gives runs that a mitigation trained before; the lever itself trains nothing."""

    def found(spec: TrainSpec, _: Progress) -> Run:
        return load.run(spec.digest(base.split))

    return found


def _moved(
    run: Run,
    info: Info,
    chosen: Mitigation,
    k: int,
    group: GroupSpec | None,
    first: list[dict[str, Any]],
    entry: Entry | None = None,
) -> None:
    """All that follows the strength; it draws itself again without the page. entry: the lists whose lever it is, where
    the page is about them."""
    named = _named(run, chosen, k, group, first)
    it = _made(*named)
    st.caption(
        words.say(
            ":material/science: Looked at on validation, where strengths are tuned. The test stays untouched until you "
            "keep a strength and compare."
        )
    )
    name, usual = "lever", 0.5
    if entry is not None:
        name = f"lever_{entry.digest}"
        usual = min(STRENGTHS, key=lambda one: abs(one - entry.meta["mitigation"]["strength"]))
    strength = state.seen(name, usual, _strength)

    def asked() -> dict[str, Any]:
        tuned = {"strength": state.seen(name, usual, _strength), "rule": next(iter(RULES))}
        return mitigating.request(run, info, list(chosen.groups), chosen.item_group, tuned, k, first)

    shift = it.at(strength)
    names = _metrics(shift)
    metric = _metric(names) if names else None
    with st.container(horizontal=True, vertical_alignment="bottom", key="lever-row"):
        if names and entry is None:  # else it is chosen above on the page
            st.selectbox(words.say("Metric"), names, width=260, format_func=findings.namer(names, it.k),
                         **state.pick("metric", names))  # fmt: skip
        parts.submit(words.say("Keep this strength"), mitigating.start, run, info, asked(), type="primary",
                     icon=":material/bookmark_add:", key="keep")  # fmt: skip
    job = parts.last_job("mitigate", asked())
    if job is not None:
        parts.job(job.id, mitigated.result)
    left, right = st.columns([11, 9], gap="medium")
    begun = it.complete
    with left:
        _people(it, shift, group, metric, name, named)
    with right:
        planes.plane(
            run,
            it,
            shift,
            lambda other: _made(*_named(run, other, k, group, first)),
            partial(_go, chosen.method, entry),
        )
    if not begun:
        st.rerun()  # with all strengths in the hand
    _planted(it, shift)
    _both(it, shift)


def _strength(told: str) -> float:
    """A place of the lever from the URL. Raises ValueError for any other number."""
    return STRENGTHS[STRENGTHS.index(float(told))]


def _go(own: str, entry: Entry | None, method: str, strength: str) -> None:
    """Move the lever to a point of the plane; one of another method, where the page is not about certain lists."""
    if entry is None and can(method):
        state.put("method", method)
        state.put("lever", strength)
    elif entry is not None and method == own:
        state.put(f"lever_{entry.digest}", strength)


def _planted(it: Lever, shift: Shift) -> None:
    """Of made-up data: by how much a group was put off, what lists show of it, and what is left at this strength."""
    facts = runs.planted(it.run.digest)
    start = it.at(0.0)
    looked = (planted.Looked(one.items, one.ndcg) for one in (start, shift))
    found = _put_off(it.run.digest, facts, it.run.split).of(*looked) if facts else []
    if found:
        st.markdown(words.say("**What was planted in this made-up service: the group against the others**"))
    for one in found:
        st.markdown(
            f"- {words.plain(one.fact.description, 300)} **{words.plain(size_told(one, shift.strength), 200)}**"
        )


@st.cache_resource(max_entries=8, show_spinner=False)
def _put_off(run: str, _facts: Sequence[Planted], _split: Split) -> planted.Sizes:
    """What was planted in a run's data, as its histories at validation time show it."""
    return planted.Sizes(_facts, _split.on_validation)


def size_told(one: planted.Size, strength: float) -> str:
    """Romance: planted +40.1 %, found +38.2 %, at strength 0.4: +3.0 %."""
    return words.say(
        "{what}: planted {planted}, found {found}, at strength {strength}: {after}.",
        what=words.sentence(one.fact.category or words.say(METRICS[one.fact.metric].title)),
        planted=words.percent(one.planted, 0, sign=True),
        found=words.percent(one.found, 0, sign=True),
        strength=words.brief(strength),
        after=words.percent(one.after, 0, sign=True),
    )


def sentences(shift: Shift, group: GroupSpec | None) -> list[str]:
    """Who loses a hit and who gains one, those with most losses first; for the groups that may be shown."""
    if shift.strength == 0:
        return [words.say("At strength 0 the lists are as they are: move the lever.")]
    if not shift.groups:
        return [words.say("No group is large enough to be shown.")]
    most = sorted(shift.groups, key=lambda one: -(1 if one.lose is None else one.lose) / len(one.numbers))
    named = [one for one in shift.groups if one in most[:NAMED]]
    told = words.say("; ").join(counted(one, group) for one in named)
    said = [words.say("At strength {strength}: {told}.", strength=words.brief(shift.strength), told=told)]
    if len(most) > NAMED:
        said.append(words.say("The table has the other groups."))
    return said


def counted(one: GroupShift, group: GroupSpec | None) -> str:
    """31 women lose a hit, 12 gain one."""
    attribute = "" if group is None else group.label
    people = words.say("people") if group is None else words.people(attribute, one.name)
    lose, gain = (_counted(n, words.say("none")) for n in (one.lose, one.gain))
    if people.startswith(f"{words.label(attribute)} "):  # no word for its members: country BR
        return words.say("{lose} of {people} lose a hit, {gain} gain one",
                         lose=lose, people=people, gain=gain)  # fmt: skip
    if one.lose == 0:
        return words.say("no {people} lose a hit, {gain} gain one", people=people, gain=gain)
    return words.say("{lose} {people} lose a hit, {gain} gain one", lose=lose, people=people, gain=gain)


def _counted(n: int | None, zero: str) -> str:
    if n is None:
        return words.say("fewer than {n}", n=settings.FEWEST)
    return words.count(n) if n else zero


def _metrics(shift: Shift) -> list[str]:
    """Metrics of each person that all shown groups have, in the catalogue's order."""
    order = list(METRICS)
    known = set.intersection(*(set(one.before) & set(one.rows) for one in shift.groups)) if shift.groups else set()
    return sorted(known, key=lambda key: (key != "ndcg", order.index(key)))


def _number(value: Any, change: Any, ci: Any, *, better: int = 1, moved: bool) -> tuple[str, str, str, str]:
    """A number at one strength, as the view takes it. better: the direction that is fairer; moved: a change was
    found."""
    tone = "" if not moved or not change else "good" if change * better > 0 else "bad"
    return words.number(value, 4), words.signed(change, 4), tone, mitigated.ci_of(ci)


def _numbers(it: Lever, shift: Shift, metric: str | None) -> dict[str, tuple[str, str, str, str]]:
    """What the method is meant to move, its price, and the gap in the metric that is looked at, by what each is
    called."""
    point = shift.point
    found = {
        planes.title(it, point.target): _number(
            point.value, point.change, point.change_ci, better=point.better, moved=mitigated.moved(point.change_ci)
        ),
        words.say("{metric} of everybody", metric=findings.title("ndcg", it.k)): _number(
            point.ndcg, point.ndcg_change, point.ndcg_change_ci, moved=mitigated.moved(point.ndcg_change_ci)
        ),
    }
    gap = None if metric is None else shift.gaps.get(metric)
    if metric is not None and gap is not None and gap["difference"] is not None and metric != point.target:
        called = words.say("Gap in {metric}", metric=findings.title(metric, it.k))
        found[called] = _number(gap["after"], gap["difference"], gap["ci"], better=-1, moved=gap["moved"])
    return found


def _metric(names: Sequence[str]) -> str:
    """The metric that is looked at."""
    return state.seen("metric", names[0], state.one_of(names))


def _people(
    it: Lever, shift: Shift, group: GroupSpec | None, metric: str | None, name: str, named: tuple[Any, ...]
) -> None:
    """The strength in the hand, and each person before and after it. name: under which the link holds it."""
    if metric is None:
        parts.empty(words.say("No group is large enough to be shown."), words.say("Choose other groups of people."))
    title = "" if metric is None else words.plain(findings.title(metric, it.k), 80)
    parts.head(
        name,
        words.say("{title} of each person, before and after", title=title) if title else "",
        about=words.say(
            "Each dot is a person who has a liked item to find, at their own value after; a line leads there from the "
            "value before. Up and down within a row says nothing. Of a large group those who move furthest are drawn. "
            "Diamonds are the group's mean, with its change and the paired 95 % interval above. Click a person to see "
            "both lists."
        ),
        rows=None if metric is None else lambda: charts.movers_table(_rows(shift, group, metric)),
    )
    drawn = _drawn(named, metric, words.spoken(), len(it.known), it, group)
    lever_view.view(
        name, drawn, shift.strength, _looked(it),
        move=lambda strength: state.put(name, str(strength)), look=lambda number: state.put("who", str(number)),
    )  # fmt: skip


def _rows(shift: Shift, group: GroupSpec | None, metric: str) -> list[PeopleRow]:
    """The groups at a strength, in one metric."""
    return [
        PeopleRow(
            words.say(one.name) if group is None else one.name, one.people, one.numbers, one.before[metric],
            one.after[metric], (one.rows[metric]["before"], one.rows[metric]["after"]),
            (one.rows[metric]["difference"], *one.rows[metric]["ci"]), counted(one, group),
        )
        for one in shift.groups
    ]  # fmt: skip


@st.cache_data(max_entries=16, show_spinner=False)
def _drawn(
    named: tuple[Any, ...], metric: str | None, language: str, known: int, _it: Lever, _group: GroupSpec | None
) -> str:
    """What the view shows of every strength that has been made, as JSON. known: how many these are."""
    shifts = [_it.known.get(strength) for strength in STRENGTHS]
    rows = [None if one is None else [] if metric is None else _rows(one, _group, metric) for one in shifts]
    by = [{} if one is None else _numbers(_it, one, metric) for one in shifts]
    nothing = (words.DASH, "", "", "")
    numbers = {label: [one.get(label, nothing) for one in by] for label in dict.fromkeys(chain(*by))}
    title = "" if metric is None else findings.title(metric, _it.k)
    headlines = [None if one is None else words.label(" ".join(sentences(one, _group)), 900) for one in shifts]
    return json.dumps(lever_view.content(headlines, numbers, charts.movers(rows, title), title))


def _looked(it: Lever) -> int | None:
    """The pseudonym in the URL, of somebody who may be shown."""
    number = state.seen("who", NOBODY, int)
    return number if it.person(number) is not None else None


def _both(it: Lever, shift: Shift) -> None:
    """One person's list before and after, side by side."""
    options = [NOBODY, *_movers(shift)]
    looked = _looked(it)
    if looked is not None and looked not in options:
        options.append(looked)
    number = st.selectbox(
        words.say("See both lists of a person"), options, width=340, format_func=words.namer(options, _person(shift)),
        **state.own("who", NOBODY, state.among(options)),
    )  # fmt: skip
    user = it.person(number)
    if user is None:
        return
    names = names_of(it.run.split.training.items)
    before, after = (
        [int(item) for item in items if item >= 0] for items in (it.lists(0.0).items[user], shift.items[user])
    )
    told = {item: words.label(names[item], 60) for item in (*before, *after)}
    sides = words.say("as it is"), words.say("at strength {strength}", strength=words.brief(shift.strength))
    parts.draw(
        charts.ribbons(before, after, told, sides, it.liked_by(user)), "lever-both",
        words.say("The list of person {number}", number=number),
        about=words.say("A ribbon joins the places of an item that is on both lists; ♥ marks what the person liked "
                        "later, in the validation part."),
    )  # fmt: skip


def _movers(shift: Shift) -> list[int]:
    """Pseudonyms of those whose NDCG fell most, then of those whose rose most."""
    number = np.concatenate([one.numbers for one in shift.groups]) if shift.groups else np.zeros(0, dtype=np.int64)
    change = np.concatenate([one.after["ndcg"] - one.before["ndcg"] for one in shift.groups]) if len(number) else number
    order = np.lexsort((number, change))
    down = [int(number[i]) for i in order[:CHOICES] if change[i] < 0]
    up = [int(number[i]) for i in order[::-1][:CHOICES] if change[i] > 0]
    return list(dict.fromkeys([*down, *up]))


def _person(shift: Shift) -> Any:
    """What a person is called: a pseudonym, with their own change."""
    told = {
        int(number): (float(before), float(after))
        for one in shift.groups
        for number, before, after in zip(one.numbers, one.before["ndcg"], one.after["ndcg"], strict=True)
    }

    def name(number: int) -> str:
        if number == NOBODY:
            return words.say("nobody")
        before, after = told[number]
        return words.say("person {number}: NDCG {before} → {after}", number=number, before=words.number(before),
                         after=words.number(after))  # fmt: skip

    return name
