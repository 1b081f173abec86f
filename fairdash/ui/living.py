"""The live audit on a page: events of the service, or a made-up stream with a drift that is known; the status, what
each group gets over time, and what moved."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pandas as pd
import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from fairdash import charts, entries, settings, words
from fairdash.events.drift import Status
from fairdash.events.live import Live
from fairdash.events.log import FILE, Aside, EventLog
from fairdash.events.simulated import BLOCK, Simulation
from fairdash.events.sums import Census, Rate
from fairdash.events.watch import Rules, Watch
from fairdash.groups import form
from fairdash.hashing import digest
from fairdash.jobs import runner
from fairdash.jobs.table import Job
from fairdash.run import Run
from fairdash.schema import GroupSpec
from fairdash.stages.feedback import FEEDBACK
from fairdash.ui import forms, load, parts, state

SOURCES = {"made": words.later("A made-up stream"), "service": words.later("Events of the service")}
EVERY = 2.0  # seconds between two looks
STATUS: dict[Status, tuple[str, str, str, str]] = {  # in a word, in a sentence, colour, icon
    "OK": (words.later("no drift"), words.later("No difference between groups has moved away from the reference."),
           "green", ":material/check:"),
    "DRIFT": (words.later("drift"), words.later("A difference between groups has moved away from the reference."),
              "red", ":material/error:"),
    "INSUFFICIENT_DATA": (words.later("too little data"), words.later("There is too little to tell yet."), "gray",
                          ":material/hourglass:"),
}  # fmt: skip
LISTS, WINDOW, DRIFT_FROM, MADE = 1600, 800, 8, 20  # lists a look and a window; windows before the drift, and in all
START, SECONDS = 1_767_225_600.0, 4.5  # the made-up stream begins with 2026; from list to list
_OF_WINDOW = words.several("group", "value", "95 % from", "95 % to", "less the others", "from", "to", "moved",
                          "still open")  # fmt: skip
LENGTHS = {"600": words.later("10 minutes"), "3600": words.later("an hour"), "86400": words.later("a day")}


@dataclass(frozen=True, eq=False)
class Source:
    """log: the file of the events. made: the made-up stream, where it is one."""

    watch: Watch
    log: Path
    made: Simulation | None


def choose(data: str) -> tuple[Source, bool] | None:
    """The controls: where events come from, whose groups, how long a window is; and whether it keeps looking."""
    dataset, folder = load.dataset(data), state.workspace().root
    events = folder / FILE
    first = "service" if events.exists() else "made"
    with st.container(horizontal=True, vertical_alignment="bottom"):
        kind = parts.tabs(words.say("Source"), SOURCES, "source", first)
        group = forms.group(dataset.users)
        seconds = WINDOW * SECONDS
        if kind == "service":
            seconds = float(st.selectbox(words.say("A window is"), list(LENGTHS), width=140,
                                         format_func=lambda key: words.say(LENGTHS[key]),
                                         **state.pick("window", LENGTHS, "3600")))  # fmt: skip
        going = st.toggle(words.say("Keep looking"), **state.own("going", True, lambda told: told == "True"))
    if group is None:
        st.info(words.say("No column of the people makes groups, so there is nothing to compare."))
        return None
    if kind == "service" and not events.exists():
        parts.empty(
            words.say("No event has come yet"),
            words.say("Send events to the API (POST /api/v1/events), or add a file: python -m fairdash events --log "
                      "{file} --add events.jsonl", file=str(Path("$FAIRDASH_HOME") / FILE)),
        )  # fmt: skip
        return None
    return _source(data, kind, group, seconds), bool(going)


@st.cache_resource(max_entries=4, show_spinner=False)
def _census(data: str, spec: GroupSpec) -> Census:
    return Census.of(load.dataset(data), (spec,), (), settings.K)


@st.cache_resource(max_entries=4, show_spinner=False)
def _simulated(data: str, spec: GroupSpec) -> Simulation:
    dataset = load.dataset(data)
    category = _largest(_census(data, spec))
    return Simulation(dataset, form(spec, dataset.users), START, SECONDS, drift_from=DRIFT_FROM * WINDOW, size=0.9,
                      category=category)  # fmt: skip


def _source(data: str, kind: str, group: GroupSpec, seconds: float) -> Source:
    workspace = state.workspace()
    census = _census(data, group)
    rules = Rules(seconds=seconds, feedback=600.0 if kind == "made" else seconds)
    key = digest(data, kind, census.digest, seconds)
    counted, sent = (workspace.root / entries.LIVE / f"{data}-{key}.{ending}" for ending in ("watch", "made"))
    if kind == "service":
        sent, hidden = workspace.root / FILE, entries.hidden(workspace, data)
        log = EventLog(sent, known_as=None if hidden is None else hidden.one, look=bool(workspace.closed))
        return Source(Watch(census, log, _kept(counted), rules), sent, None)
    log = EventLog(_kept(sent), 600.0)
    return Source(Watch(census, log, _kept(counted), rules), sent, _simulated(data, group))


def _kept(file: Path) -> Path | Aside:
    """Where to go on: the file; for who may look and not write, what it holds by now, held while that is in view."""
    if not state.workspace().closed:
        return file
    held: dict[Path, Aside] = st.session_state.setdefault("counted-aside", {})
    if file not in held:
        for other in [one for one in held if one.stem != file.stem]:
            del held[other]
        held[file] = Aside(file)
    return held[file]


def _largest(census: Census) -> int:
    """The category with the most items: what is taken from it is seen soonest."""
    return int(census.classes[0].sizes.argmax()) if census.classes else 0


def section(source: Source, going: bool) -> None:
    """The status and the pictures; they draw themselves again while events may come."""
    ended = source.made is not None and source.made.following(source.watch.log) >= MADE * WINDOW
    parts.live(_draw, source, going, every=EVERY if going and not ended else None)


def learn(source: Source, data: str) -> None:
    """What people did as a new version of the data and, of a run in view that has a model, a new one: as a job."""
    workspace, log = state.workspace(), source.watch.log
    where = source.log.relative_to(workspace.root).as_posix()
    run = _of_view(data)
    st.markdown(words.say("**Learn from these events**"))
    if run is None:
        told = words.later("What people took and refused becomes a new version of the data. With lists of a "
                           "recommender in view, that is trained on it, too.")  # fmt: skip
    else:
        told = words.later("What people took and refused becomes a new version of the data, and {title} is trained "
                           "again on it; what is held out stays the same.")  # fmt: skip
    st.caption(words.say(told, title="" if run is None else words.plain(run.title, 80)))
    events = log.counts().events
    params = {"dataset": data, "log": where, "run": None if run is None else run.digest, "events": events}
    title = words.say("Learn from events of {data}", data=workspace.get("datasets", data).title)
    parts.submit(words.say("Learn from them"), runner.submit, workspace, "learn", title, params, key="learn",
                 icon=":material/school:", disabled=not events)  # fmt: skip
    asked = [job for job in runner.table(workspace).all() if job.kind == "learn"
             and {**job.params, "events": 0} == {**params, "events": 0} and runner.kept(workspace, job)]  # fmt: skip
    if asked:
        parts.job(max(asked, key=lambda job: job.created).id, _learned)


def _of_view(data: str) -> Run | None:
    """The run in view, where it has a model and is of this data."""
    lists = state.get("lists") or ""
    if not state.workspace().has("lists", lists):
        return None
    run, _ = load.lists(lists)
    return run if run.has_model and state.workspace().get("runs", run.digest).meta.get("dataset") == data else None


def _learned(job: Job) -> None:
    """What came of it, and the ways there."""
    made = job.result or {}
    about = state.workspace().get("datasets", made["datasets"]).meta["provenance"][FEEDBACK]
    st.markdown(
        words.say(
            "{n} thing that people took or refused is learned; known already, held out, or of nobody known: "
            "{left_out}.",
            "{n} things that people took or refused are learned; known already, held out, or of nobody known: "
            "{left_out}.",
            n=about["thumbs"], left_out=about["left_out"],
        )
    )  # fmt: skip
    with st.container(horizontal=True):
        parts.go(
            "data", words.say("See the new data"), icon=":material/table_chart:", data=made["datasets"], tab="view"
        )
        if "lists" in made:
            parts.go("compare", words.say("Compare before and after"), icon=":material/compare_arrows:",
                     before=state.get("lists") or "", after=made["lists"], sides="two")  # fmt: skip


def _ticks() -> bool:
    """Whether a part of the page draws itself again, and not the page with all its parts."""
    context = get_script_run_ctx(suppress_warning=True)
    return context is not None and bool(context.fragment_ids_this_run)


def _draw(source: Source, going: bool) -> None:
    watch = source.watch
    if going and source.made is not None:
        first = source.made.following(watch.log)
        lists = min(LISTS, MADE * WINDOW - first)
        if lists > 0 and (first == 0 or _ticks()):  # else a page would wait for what comes two seconds later anyway
            watch.log.append(source.made.events(first, lists // BLOCK * BLOCK))
    watch.advance()
    live = Live.of(watch)
    _headline(live)
    if not live.windows:
        st.info(words.say("The first window is not there yet."), icon=":material/hourglass:")
        return
    rates = {_key(rate): i for i, rate in enumerate(watch.census.rates)}
    named = words.namer(list(rates), lambda key: watch.census.rates[rates[key]].name, limit=120)
    chosen = st.selectbox(words.say("What groups get"), list(rates), width=380, format_func=named,
                          **state.pick("what", rates, _first(live, rates)))  # fmt: skip
    told = watch.census.rates[rates[chosen]]
    attribute = watch.census.groups[0].attribute
    table = live.lines(0, rates[chosen])
    table["open"] = (table["state"] == "open") | (told.feedback & (table["state"] == "closed"))
    whole = len(live.windows) > watch.rules.reference and live.windows[0].window == watch.first()
    end = pd.Timestamp(live.windows[watch.rules.reference - 1].end, unit="s") if whole else None
    see = partial(state.put, "moment")
    left, right = st.columns(2, gap="medium")
    with left:
        values = table.assign(series=[words.people(attribute, name) for name in table["group"]], moved=False)
        parts.draw(
            charts.timeline(values, told.name, reference=end, share=True), "live-values",
            words.say("By group, window by window"), pick=see,
            about=words.say("Each mark is a window of its own, with its 95 % interval over people. Hollow: the window "
                            "is still open, or its feedback is not all there. Groups with too few people are left "
                            "out. Click a mark to see the numbers of its window."),
        )  # fmt: skip
    with right:
        gaps = table.dropna(subset=["gap"])[["end", "group", "gap", "gap_low", "gap_high", "open", "moved"]]
        gaps = gaps.rename(columns={"gap": "value", "gap_low": "low", "gap_high": "high"})
        gaps["series"] = [
            words.say("{group} less the others", group=words.people(attribute, name)) for name in gaps["group"]
        ]
        parts.draw(
            charts.timeline(gaps, words.say("Difference"), reference=end, zero=True), "live-gaps",
            words.say("The gap over time"), pick=see,
            about=words.say("A diamond is a window in which the difference had moved away from the reference. The bar "
                            "is the 95 % interval of one window; the test looks at spans of 1, 2, 4 … windows, and "
                            "all its looks together raise a false alarm with a chance of at most 5 %. Click a mark to "
                            "see the numbers of its window."),
        )  # fmt: skip
    _of_window(table, state.seen("moment", "", str))
    _counted(live, watch, source.made is not None)


def _of_window(table: pd.DataFrame, moment: str) -> None:
    """The numbers of the window that was clicked, which ends at this time."""
    mine = table[[end.isoformat() == moment for end in table["end"]]]
    if mine.empty:
        return
    parts.opened(words.say("Window to {end}", end=f"{mine['end'].iloc[0]:%Y-%m-%d %H:%M}"), "moment")
    shown = mine[["group", "value", "low", "high", "gap", "gap_low", "gap_high"]].assign(
        moved=mine["moved"].map({True: words.say("yes"), False: ""}),
        open=mine["open"].map({True: words.say("yes"), False: ""}),
    )
    parts.table(shown.rename(columns=dict(zip(shown.columns, _OF_WINDOW, strict=True))), "live-window")


def _key(rate: Rate) -> str:
    """A rate in the URL."""
    return ":".join((rate.key, rate.of, rate.part))


def _first(live: Live, rates: Mapping[str, int]) -> str:
    """What is shown at first: what moved furthest beyond chance, while something has."""
    moved = live.moved()
    return next((_key(Rate(one.metric, one.of, one.part)) for one in moved), next(iter(rates)))


def _headline(live: Live) -> None:
    name, said, color, icon = STATUS[live.status]
    with st.container(horizontal=True, vertical_alignment="center"):
        st.badge(words.say(name), color=color, icon=icon)  # type: ignore[arg-type]  # the table's words are colours
        st.markdown(f"**{words.say(said)}**", width="stretch")
    st.markdown("\n".join(f"- {words.plain(one.sentence(), 400)}" for one in live.moved()[:3]))


def _counted(live: Live, watch: Watch, made: bool) -> None:
    counts = watch.log.counts()
    told = words.say(
        "{events} in {windows}; too late for their window: {late}, sent again: {repeated}, kept aside as malformed: "
        "{refused}.", events=words.count(counts.events, "event"), windows=words.count(len(live.windows), "window"),
        late=counts.late, repeated=counts.repeated, refused=counts.refused,
    )  # fmt: skip
    if made:
        name = watch.census.classes[0].names[_largest(watch.census)] if watch.census.classes else ""
        about = words.say(
            "Made up over the people and items of this data set: from window {n} on, {group} get fewer items of "
            "{category}, and take less of what they get instead.", n=DRIFT_FROM + 1,
            group=words.plain(words.people(watch.census.groups[0].attribute, watch.census.groups[0].names[0])),
            category=words.plain(name),
        )  # fmt: skip
        told = words.together(told, about)
    st.caption(told)
