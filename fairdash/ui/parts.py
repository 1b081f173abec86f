"""Pieces that every page is made of: errors for people, charts with their table, downloads, jobs, empty states."""

from __future__ import annotations

import io
from base64 import b64encode
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal, TypeVar

import numpy as np
import pandas as pd
import streamlit as st

from fairdash import log, trail, words
from fairdash.charts import Chart, curves, ink, pixels
from fairdash.errors import FairDashError, full, locked
from fairdash.jobs import kinds, runner
from fairdash.jobs.table import Job
from fairdash.metrics.catalogue import METRICS
from fairdash.report.document import Picture
from fairdash.ui import state

T = TypeVar("T")

POLL_SECONDS = 1.0
_PRESSED = "pressed"  # in the session: the buttons whose deed waits for what the page says
_DUE = "due"  # in the session: that deed, and what it is given
HEAD_WIDTH = 90  # pixels that a column is wide for its name alone
HEAD_LETTERS = 1.15  # how much larger they are than a picture's
NO_MODEBAR = {"displayModeBar": False, "responsive": True}


# --- errors and empty states ------------------------------------------------------------------------------------------


def error(fault: FairDashError, *, wanted: bool = False) -> None:
    """What is wrong and where, then what to do. wanted: somebody asked for it, so that nothing is wrong."""
    hint = f"\n\n{words.plain(fault.hint, 2000)}" if fault.hint else ""
    told = f"**{words.plain(fault.message, 2000)}**{hint}"
    if wanted:
        st.info(told, icon=":material/info:")
    else:
        st.error(told, icon=":material/error:")


@contextmanager
def errors() -> Iterator[None]:
    """A user's error becomes a box. Anything else becomes a sentence with a number that the server's log holds too."""
    try:
        yield
    except FairDashError as fault:
        error(fault)
    except Exception as fault:  # the last line of defence: a person never sees a trace
        error(_unexpected(fault, "page"))


def live(draw: Callable[..., None], *args: object, every: float | None = None) -> None:
    """A part that draws itself again: every so many seconds, or when one of its own controls is used. It then runs
    alone, so it guards itself."""

    def guarded() -> None:
        with errors():
            draw(*args)

    st.fragment(guarded, run_every=every)()


def act(label: str, do: Callable[..., object], *args: object, **look: Any) -> None:
    """A button that does something. It acts before the page is run again, so that a page which polls a job cannot be
    interrupted between the press and the deed; a user's error is shown on the page that follows."""
    st.button(label, on_click=_guarded, args=(do, *args), **look)


def submit(label: str, do: Callable[..., object], *args: object, key: str, disabled: bool = False, **look: Any) -> None:
    """A button that does something with what the controls of its page say. Who changes one and presses at once presses
    a button that was drawn before the change: so the page is run as far as the button, and with what it is given then
    the deed is done, before the page is run again. Nothing is done where it cannot be pressed by then."""
    st.button(label, key=key, disabled=disabled, on_click=_press, args=(key,), **look)
    if key in _pressed():
        _pressed().clear()
        if not disabled:
            st.session_state[_DUE] = do, *args
            st.rerun()


def _press(key: str) -> None:
    _pressed().add(key)


def _pressed() -> set[str]:
    found: set[str] = st.session_state.setdefault(_PRESSED, set())
    return found


def due() -> None:
    """What was submitted is done; said before a page is run."""
    if _DUE in st.session_state:
        _guarded(*st.session_state.pop(_DUE))


def over() -> None:
    """The page has run: whatever it did not reach is not there to be pressed any more."""
    _pressed().clear()


def _guarded(do: Callable[..., object], *args: object) -> None:
    try:
        do(*args)
    except FairDashError as fault:
        st.session_state["fault"] = fault
    except Exception as fault:  # a callback runs outside of `errors`
        st.session_state["fault"] = _unexpected(fault, "action")


def _unexpected(fault: Exception, what: str) -> FairDashError:
    """A sentence for a fault that nobody foresaw, with a number that the server's log holds too."""
    root = None
    with suppress(FairDashError):  # nobody is signed in: it goes into the log of the server
        root = state.workspace().root
    if full(fault):
        return FairDashError(
            words.say("The disk of this workspace is full."),
            words.say("Free space at {root}, then try again.", root=root or "FAIRDASH_HOME"),
        )
    if locked(fault):
        return FairDashError(
            words.say("This workspace cannot be written."),
            words.say("Let the server write to {root}: it may belong to somebody else, or lie on a disk that can only "
                      "be read. What is stored can be looked at.", root=root or "FAIRDASH_HOME"),
        )  # fmt: skip
    number = log.fault(fault, what, root)
    hint = words.say("Nothing that was stored is lost. Reload the page; the server's log holds the details.")
    return FairDashError(words.say("This page stopped on an unexpected error (number {number}).", number=number), hint)


def last_fault() -> None:
    """What went wrong when the last button acted, once."""
    fault = st.session_state.pop("fault", None)
    if fault is not None:
        error(fault)


def empty(title: str, body: str, page: str | None = None, action: str = "") -> None:
    """What is not there yet, why it is worth having, and the step that makes it."""
    with st.container(border=True, key=f"empty-{title[:24].replace(' ', '-').lower()}"):
        st.markdown(f"**{title}**")
        st.caption(body)
        if page:
            go(page, action, icon=":material/arrow_forward:")


def go(page: str, label: str, icon: str | None = None, **query: str) -> None:
    """A link to another page that keeps what is in view; one to lists of another data set has that in view, too."""
    data = state.data_of(query.get("lists") or query.get("before"))
    if data is not None:
        query.setdefault("data", data)
    st.page_link(state.page(page), label=label, icon=icon, query_params={**state.link(), **query})


def tabs(label: str, titles: Mapping[str, str], name: str, default: str | None = None) -> str:
    """Which part of a page is shown, by key → title; its key stands in the URL under `name`. The label is for those who
    cannot see it."""
    chosen: str = st.segmented_control(
        label,
        list(titles),
        required=True,
        format_func=lambda key: words.say(titles[key]),
        label_visibility="collapsed",
        **state.pick(name, titles, default),
    )
    return chosen


def folded(label: str, key: str, icon: str | None, draw: Callable[..., T], *args: object) -> T | None:
    """A part that is made when it is opened, and stands open in the link: what nobody looks at costs a page nothing."""
    box = st.expander(label, icon=icon, key=key, on_change="rerun", bind="query-params")
    if not box.open:
        return None
    with box:
        return draw(*args)


# --- tables, charts, downloads ----------------------------------------------------------------------------------------


def opened(title: str, name: str) -> None:
    """The heading of what a click on a mark opens, and its end; what is open stands in the link under this name."""
    with st.container(horizontal=True, vertical_alignment="center", key=f"opened-{name}"):
        st.markdown(f"**{title}**", width="stretch")
        act(words.say("Close"), state.put, name, None, icon=":material/close:", type="tertiary", key=f"close-{name}")


def csv_bytes(frame: pd.DataFrame) -> bytes:
    """The frame as CSV that no spreadsheet mistakes for formulas; UTF-8 with a mark, so that accents survive Excel."""
    safe = frame.rename(columns=lambda name: words.cell(str(name))).map(words.cell)
    buffer = io.StringIO()
    safe.to_csv(buffer, index=False)
    return buffer.getvalue().encode("utf-8-sig")


def download(frame: pd.DataFrame, name: str, label: str = "CSV") -> None:
    """A button that saves the frame as <name>.csv."""
    save(label, lambda: csv_bytes(frame), f"{name}.csv", "text/csv", f"csv-{name}")


def save(label: str, make: Callable[[], bytes | str], file: str, media: str, key: str, help: str | None = None) -> None:
    """A button that saves what `make` gives when it is pressed, in the language of the page; the trail says so, with
    what is in view."""
    language, view = words.spoken(), {name: value for name in state.IDS if (value := state.get(name))}
    workspace, who = state.workspace(), trail.usual()  # it is made outside of the page's own thread

    def made() -> bytes | str:
        with words.speaking(language), trail.acting(who):
            content = make()
            trail.note(workspace, "export", file=key, **view)
        return content

    st.download_button(label, made, file, media, key=key, icon=":material/download:", on_click="ignore", help=help)


def headed(column: str) -> str | None:
    """What a column is called for the person, where that is not its own name."""
    told = words.say(column)
    return None if told == column else told


def heads(frame: pd.DataFrame, looks: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """What the columns of a table are called for the person, and how they look; the names of the frame stay the same in
    every language."""
    return {str(name): {**(looks or {}).get(name, {}), "label": headed(str(name))} for name in frame.columns}


def table(
    frame: pd.DataFrame,
    name: str,
    *,
    digits: int = 3,
    height: int | Literal["auto"] = "auto",
    aside: Collection[str] = (),
) -> None:
    """A table with its download. Numbers are shown with `digits` digits and saved in full, under names that stay the
    same in every language; a column in which nothing is said is left out of the view. aside: columns that are saved,
    and shown only to who asks the table for them."""
    said = [_says(column) for _, column in frame.items()]
    shown = frame if all(said) else frame.loc[:, said]
    columns = {str(name): _column(str(name), column, digits) for name, column in shown.items()}
    st.dataframe(
        shown,
        hide_index=True,
        column_config=columns,
        column_order=[str(name) for name in shown if name not in aside],
        height=height,
        key=f"table-{name}",
        placeholder=words.DASH,
    )
    download(frame, name)


def _says(column: pd.Series) -> bool:
    """Whether anything is said in a column."""
    if pd.api.types.is_numeric_dtype(column):
        return bool(column.notna().any())
    return any(not pd.isna(cell) and str(cell).strip() for cell in column.array)


def _column(name: str, values: pd.Series, digits: int) -> Any:
    """A column as wide as what stands in it, so that a table of numbers fits a page; long text opens from its cell."""
    if not pd.api.types.is_numeric_dtype(values) or pd.api.types.is_bool_dtype(values):
        longest = max((len(str(value)) for value in values.dropna()), default=1)
        return st.column_config.Column(headed(name), width=_wide(name, longest))
    known = values.to_numpy(np.float64, na_value=np.nan)
    known = known[~np.isnan(known)]
    if (known % 1 == 0).all():
        digits = 0  # counts, also where some are missing
    ends = (known.min(), known.max()) if len(known) else ()  # no number between them is longer
    longest = max((len(f"{end:.{digits}f}") for end in ends), default=1)
    return st.column_config.NumberColumn(headed(name), width=_wide(name, longest), format=f"%.{digits}f")


def _wide(name: str, longest: int) -> int:
    """Pixels of a column in which so many letters stand at most, and as much of its name as there is room for."""
    return min(int(max(6.5 * longest, min(HEAD_LETTERS * pixels(headed(name) or name), HEAD_WIDTH))) + 17, 180)


def drawn(picture: Picture) -> str:
    """A picture of a report as HTML for a page of the app, in the ink of the theme: as an image, since HTML of a page
    may hold no SVG."""
    svg = picture.svg.replace("currentColor", ink(state.dark()))
    svg = svg.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1)  # an image is a document of its own
    data = b64encode(svg.encode()).decode()
    return f'<img alt="{words.markup(picture.alt, 400)}" src="data:image/svg+xml;base64,{data}">'


def image(picture: Picture) -> None:
    """A picture of a report, as wide as its place."""
    st.html(f'<div class="picture">{drawn(picture)}</div>')


def head(key: str, title: str, *, about: str | None = None, rows: Callable[[], pd.DataFrame] | None = None) -> None:
    """What stands above a picture: its title, and behind one button what it shows and its values as a table."""
    with st.container(horizontal=True, vertical_alignment="center", key=f"head-{key}", gap="small"):
        if title:
            st.markdown(f"**{title}**", width="stretch")
        if about or rows is not None:
            behind(key, about, rows)


def behind(
    key: str,
    about: str | None = None,
    rows: Callable[[], pd.DataFrame] | None = None,
    *,
    name: str | None = None,
    digits: int = 3,
) -> None:
    """A button that opens what a picture shows and the same as a table, which are made then: what nobody opens costs a
    page nothing. name: of the table, where it is not the button's."""
    if rows is None:
        label, icon = words.say("What this shows"), ":material/info:"
    elif about is None:
        label, icon = words.say("The same as a table"), ":material/table_rows:"
    else:
        label, icon = words.say("What this shows, and as a table"), ":material/info:"
    box = st.popover(label, icon=icon, type="tertiary", help=label, key=f"icon-open-{key}", on_change="rerun")
    if box.open:
        with box:
            if about is not None:
                st.markdown(about)
            if rows is not None:
                table(rows(), name or key, digits=digits)


def draw(
    chart: Chart,
    key: str,
    title: str = "",
    *,
    about: str | None = None,
    note: str | None = None,
    open_table: bool = False,
    pick: Callable[[str], None] | None = None,
    brush: Callable[[tuple[float, float] | None], None] | None = None,
) -> None:
    """Title, picture, table, definition. The table opens from a button beside the title, or lies open below.

    pick: takes the chart's key of a mark that is clicked. brush: takes the range of the axis that is drawn over, None
    where that is undone; a picture that is drawn over hears no click. Both act before the page is run again."""
    rows = None if open_table or not len(chart.table) else lambda: chart.table
    head(key, title, about=about, rows=rows)
    figure = chart.themed(state.dark(), "brushed" if brush else "clicked" if pick else "seen")
    if pick is None and brush is None:
        st.plotly_chart(figure, theme=None, key=key, config=NO_MODEBAR, alt=chart.alt)
    else:
        st.plotly_chart(
            figure, theme=None, key=key, config=NO_MODEBAR, alt=chart.alt, selection_mode="box" if brush else "points",
            on_select=lambda: chosen(st.session_state[key]["selection"], chart.keys, pick, brush),
        )  # fmt: skip
    if note:
        st.caption(note)
    if open_table and len(chart.table):
        table(chart.table, key)


def chosen(
    selection: Mapping[str, Any],
    keys: Sequence[str],
    pick: Callable[[str], None] | None,
    brush: Callable[[tuple[float, float] | None], None] | None,
) -> None:
    """What plotly says was selected, to whom it concerns: a box is a brush, a mark a pick; nothing undoes a brush."""
    boxes, points = selection.get("box") or [], selection.get("points") or []
    if boxes and brush:
        ends = [float(x) for x in boxes[-1]["x"]]
        brush((min(ends), max(ends)))
    elif points and pick:
        told = points[-1].get("customdata")
        if isinstance(told, Sequence) and len(told) > 1 and 0 <= int(told[1]) < len(keys):  # else a mark of no meaning
            pick(keys[int(told[1])])
    elif not boxes and not points and brush:
        brush(None)


@dataclass(frozen=True)
class Metric:
    """One number of a metric row. delta: words below it. gap: a larger delta is worse."""

    label: str
    value: str
    delta: str | None = None
    help: str | None = None
    gap: bool = False
    quiet: bool = False  # the delta is said without a colour: nothing was found


def metrics(row: Sequence[Metric]) -> None:
    """Numbers side by side; on a narrow screen they wrap."""
    with st.container(horizontal=True, gap="medium"):
        for one in row:
            st.metric(
                one.label,
                one.value,
                one.delta.replace(words.MINUS, "-") if one.delta else None,  # the arrow goes by an ASCII minus
                delta_color="off" if one.quiet else "inverse" if one.gap else "normal",
                delta_arrow="off" if one.quiet else "auto",
                help=one.help,
                width="content",
            )


# --- jobs -------------------------------------------------------------------------------------------------------------

_OF_THE_TRAINING = ("learning_rate",)  # curves that say nothing of how good it is; the log and TensorBoard hold them
_STATES = {
    "queued": (words.later("waits for its turn"), "gray", ":material/hourglass:"),
    "running": (words.later("running"), "blue", ":material/play_arrow:"),
    "done": ("done", "green", ":material/check:"),
    words.later("failed"): ("failed", "red", ":material/error:"),
    "cancelled": (words.later("stopped"), "orange", ":material/stop:"),
    words.later("lost"): ("lost", "red", ":material/power_off:"),
}


def job_badge(job: Job) -> None:
    """The state of a job in a word with its colour."""
    told, color, icon = _STATES[job.state]
    st.badge(words.say(told), color=color, icon=icon)  # type: ignore[arg-type]  # the table's words are badge colours


def job(job_id: str, on_done: Callable[[Job], None] | None = None, *, quality: str = "ndcg") -> None:
    """A job with progress, remaining time, live curves, log and cancel. It polls while the job is active, and reruns
    the page when it ends. `on_done` draws what a finished job leaves."""
    start = runner.get(state.workspace(), job_id)
    if start.ended:
        _job(start.id, on_done, was_active=False)
    else:
        live(_job, start.id, on_done, every=POLL_SECONDS)


def _job(job_id: str, on_done: Callable[[Job], None] | None, was_active: bool = True) -> None:
    workspace = state.workspace()
    runner.reap(workspace)
    job = runner.get(workspace, job_id)
    if was_active and job.ended:
        st.rerun()
    with st.container(border=True, key=f"job-{job.id}"):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"**{words.plain(words.again(job.title, job.said), 80)}**", width="stretch")
            job_badge(job)
        if job.state in ("running", "queued"):
            _active(job)
        elif job.state != "done":
            told = words.again(job.error, job.said) if job.error else words.say("The job ended without a result.")
            fault = FairDashError(told, words.again(job.hint, job.said) if job.hint else "")
            error(fault, wanted=job.state == "cancelled")
            act(
                words.say("Resume"),
                runner.resume,
                workspace,
                job.id,
                icon=":material/play_arrow:",
                key=f"resume-{job.id}",
            )
        elif on_done is not None:
            on_done(job)
        else:
            st.caption(words.say("Took {elapsed}.", elapsed=words.duration(job.elapsed)))
        if job.kind in ("train", "learn", "demo"):
            _curves(job)
        printed = runner.read_log(workspace, job.id)
        if printed:
            with st.expander(words.say("Log"), key=f"log-{job.id}"):
                st.code(printed, language=None, height=220, wrap_lines=True)


def _active(job: Job) -> None:
    remaining = words.duration(job.remaining)
    took = words.say("{elapsed} so far", elapsed=words.duration(job.elapsed)) + (
        words.say(", about {remaining} to go", remaining=remaining) if remaining else ""
    )
    begun = words.say("Starting") if job.state == "running" else words.say("Waiting")
    message = words.plain(words.again(job.message, job.said) if job.message else begun, 160)
    st.progress(min(1.0, job.done), text=f"{message} · {words.percent(job.done, 0)}")
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(took if job.state == "running" else _turn(job), width="stretch")
        if job.cancel:
            st.caption(words.say("Stopping at the next step …"), width="content")
        else:
            act(
                words.say("Cancel"),
                runner.cancel,
                state.workspace(),
                job.id,
                icon=":material/stop:",
                key=f"cancel-{job.id}",
            )


def _turn(job: Job) -> str:
    """Where a job stands in the line of all people's jobs."""
    before = runner.table(state.workspace()).places(runner.SHORT_KINDS).get(job.id, 0)
    if before == 0:
        return words.say("It starts next.")
    return words.say("{n} job comes before this one; people take turns.",
                     "{n} jobs come before this one; people take turns.", n=before)  # fmt: skip


def _curves(job: Job) -> None:
    points = runner.table(state.workspace()).curves(job.id)
    if not points:
        return
    families: dict[tuple[int, str], dict[str, list[tuple[float, float]]]] = {}
    for name, line in points.items():
        if name not in _OF_THE_TRAINING:
            place, family, told = _curve(name)
            families.setdefault((place, family), {})[told] = [(100 * x, y) for x, y in line]
    drawn = sorted(families.items())
    seen = f"at_{job.id}"
    places = [column for _ in range(0, len(drawn), 2) for column in st.columns(min(2, len(drawn)))]
    for column, ((place, family), lines) in zip(places, drawn, strict=False):
        with column:
            draw(curves(lines, words.say("% of training"), family), f"curve-{job.id}-{place}-{family}", family,
                 pick=partial(state.put, seen))  # fmt: skip
    at = state.seen(seen, None, float)
    if at is not None:
        opened(words.say("At {share} of the training", share=words.percent(at / 100)), seen)
        table(_at(drawn, at), seen, digits=4)


def _at(
    drawn: Sequence[tuple[tuple[int, str], Mapping[str, Sequence[tuple[float, float]]]]], at: float
) -> pd.DataFrame:
    """Every line's value where the training was so far (in %), or the last one before."""
    rows = [(family, name, [y for x, y in points if x <= at + 1e-3])
            for (_, family), lines in drawn for name, points in lines.items()]  # fmt: skip
    told = [(family, name, values[-1]) for family, name, values in rows if values]
    return pd.DataFrame(told, columns=list(words.several("picture", "line", "value")))


def _curve(name: str) -> tuple[int, str, str]:
    """The picture that a curve of a training is part of, by its place and title, and what the curve is called there: a
    picture of all would have too many lines to tell them apart."""
    metric, _, group = name.partition("/")
    title = words.say(METRICS[metric].title) if metric in METRICS else metric
    if "loss" in metric:
        return 0, words.say("Loss"), words.say(words.option(name)).lower()
    if not group:
        return 1, words.say("Validation"), title
    attribute, _, value = group.partition("=")
    return 2, words.say("{metric} by {attribute}, on validation", metric=title, attribute=attribute), words.label(value)


def last_job(kind: str, params: Mapping[str, Any]) -> Job | None:
    """The job of exactly this request; None when nobody asked for it, or when what it made was deleted."""
    workspace = state.workspace()
    found = runner.table(workspace).get(runner.identify(kind, params, workspace.owner))
    return found if found is None or runner.kept(state.workspace(), found) else None


def made(kind: str, params: Mapping[str, Any], title: str) -> str | None:
    """The audit or the comparison of exactly this request; while it is being made, its job is shown, and None. To who
    may only look it is said that an auditor can have it made."""
    workspace = state.workspace()
    there = kinds.found(workspace, kind, params)
    if there is not None:
        return there
    if workspace.closed:
        told = words.say("Nobody has asked for this yet, and it takes a job. An auditor may start one.")
        st.info(words.together(told, workspace.closed), icon=":material/lock:")
        return None
    known = last_job(kind, params)
    if known is not None and known.state == "done":  # what it made is no longer there
        runner.table(workspace).delete(known.id)
        known = None
    job(runner.submit(workspace, kind, title, params) if known is None else known.id)
    return None


def active_jobs(kinds: Sequence[str] | None = None) -> list[Job]:
    """Jobs that wait or run, oldest first; of the given kinds."""
    runner.reap(state.workspace())
    return [j for j in runner.table(state.workspace()).active() if kinds is None or j.kind in kinds]
