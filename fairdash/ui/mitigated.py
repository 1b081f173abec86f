"""What mitigations made: a finished job's lists with its trade-off on validation, and all that was done so far."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
import streamlit as st

from fairdash import charts, words
from fairdash.charts import TradePoint
from fairdash.jobs import runner
from fairdash.jobs.table import Job
from fairdash.mitigation import METHODS
from fairdash.mitigation.base import Info, Mitigation
from fairdash.stages.compare import aim_title, aims
from fairdash.ui import findings, parts, runs, state
from fairdash.workspace import Entry

_COLUMNS = words.several("method", "lists", "strength", "target", "target change", "NDCG change")


def result(job: Job) -> None:
    """What a finished job left: its lists, their trade-off on validation, and the way to the comparison."""
    made = job.result or {}
    if not state.workspace().has("lists", made.get("lists", "")):
        st.caption(words.say("These lists were deleted. Press Mitigate to make them again."))
        return
    entry = state.workspace().get("lists", made["lists"])
    chosen = entry.meta["mitigation"]
    at, elapsed = words.brief(chosen["strength"]), words.duration(job.elapsed)
    st.markdown(words.say("**Lists made at strength {strength}**, in {elapsed}.", strength=at, elapsed=elapsed))
    tuning = entry.meta.get("tuning") or []
    if tuning and chosen["strength"] == 0:
        st.info(
            words.say(
                "These are the lists as they were: on validation, the rule called for no stronger point. The points "
                "below show what each strength does to the target, and its price."
            ),
            icon=":material/info:",
        )
    if tuning:
        _trade_off(tuning, chosen["strength"], METHODS[chosen["method"]].info, job.params)
    compare_button(entry)


def _trade_off(tuning: list[dict[str, Any]], strength: float, info: Info, params: dict[str, Any]) -> None:
    meant = [aim.attribute for aim in aims(Mitigation.from_json(params["mitigation"])) if aim.attribute is not None]
    target = aim_title(tuning[0]["target"], params["k"], meant)
    better, ndcg = tuning[0]["better"], findings.title("ndcg", params["k"])
    points = [
        TradePoint(
            series=words.say(info.title),
            label=words.say("strength {strength}", strength=words.brief(p["strength"])),
            gap=p["value"],
            quality=p["ndcg"],
            gap_ci=None if None in p["ci"] else tuple(p["ci"]),
            quality_ci=None if None in p["ndcg_ci"] else tuple(p["ndcg_ci"]),
            chosen=p["strength"] == strength,
            key=str(p["strength"]),
        )
        for p in tuning
        if p["value"] is not None and p["ndcg"] is not None
    ]
    parts.draw(
        charts.trade_off(points, target, ndcg, better=better), f"trade-{info.key}",
        words.say("The whole trade-off, on validation"),
        about=words.say(
            "Each point is one strength; click one to look at it. Test data plays no part here; the comparison shows "
            "what holds there."
        ),
        pick=lambda key: state.put(f"look_{info.key}", key),
    )  # fmt: skip
    strengths = [p["strength"] for p in tuning]
    looked = st.select_slider(
        words.say("Look at a strength"), strengths, format_func=words.brief,
        **state.own(f"look_{info.key}", strength, lambda told: strengths[strengths.index(float(told))]),
    )  # fmt: skip
    point = next(p for p in tuning if p["strength"] == looked)
    parts.metrics(
        [
            parts.Metric(target, words.number(point["value"], 4), words.signed(point["change"], 4), gap=better < 0,
                         quiet=not moved(point["change_ci"]), help=ci_of(point["change_ci"])),
            parts.Metric(ndcg, words.number(point["ndcg"], 4), words.signed(point["ndcg_change"], 4),
                         quiet=not moved(point["ndcg_change_ci"]),
                         help=ci_of(point["ndcg_change_ci"])),
        ]
    )  # fmt: skip
    if looked != strength:
        wanted = {**params, "mitigation": {**params["mitigation"], "strength": looked}}
        at = words.brief(looked)
        title = words.say("{method} at {strength}", method=words.say(info.title), strength=at)
        parts.submit(words.say("Make lists at strength {strength}", strength=at), runner.submit, state.workspace(),
                     "mitigate", title, wanted, key=f"make-{info.key}")  # fmt: skip


def moved(ci: Any) -> bool:
    """Whether an interval of a change leaves 0 out."""
    return bool(ci) and None not in ci and (ci[0] > 0 or ci[1] < 0)


def ci_of(ci: Any) -> str:
    """The interval of a change, in words."""
    known = ci and None not in ci
    told = words.interval(ci[0], ci[1], 4) if known else words.say(words.UNDEFINED)
    return words.say("95 % CI of the change {interval}", interval=told)


def before_of(entry: Entry) -> str | None:
    """The unmitigated lists that mitigated ones came from."""
    base = entry.meta.get("base_run")
    same = (e for e in state.workspace().entries("lists") if e.meta["run"] == base and not e.meta.get("mitigation"))
    found = next(same, None)
    return None if found is None else found.digest


def compare_button(entry: Entry) -> None:
    """A link to the comparison of these lists with those that they came from."""
    before = before_of(entry)
    if before is None:
        st.caption(words.say("The lists before the mitigation were deleted, so there is nothing to compare with."))
    else:
        parts.go("compare", words.say("Compare before and after"), icon=":material/compare_arrows:", before=before,
                 after=entry.digest)  # fmt: skip


def done() -> list[Entry]:
    """Mitigated lists of the data set in view, newest first."""
    return [entry for entry in runs.of(state.get("data")) if entry.meta.get("mitigation")]


def steps(entry: Entry) -> list[dict[str, Any]]:
    """The mitigations that mitigated lists are made by, in order, with their strengths."""
    return [*(entry.meta.get("first") or ()), entry.meta["mitigation"]]


def alike(one: Sequence[Mapping[str, Any]], other: Sequence[Mapping[str, Any]]) -> bool:
    """Whether steps are the same methods with the same groups at the same strengths, however those were found."""
    return [Mitigation.from_json(step) for step in one] == [Mitigation.from_json(step) for step in other]


def past() -> None:
    """What was tried, with its place on validation."""
    entries = done()
    if not entries:
        parts.empty(words.say("Nothing mitigated yet"), words.say("What you run is kept here with its trade-off."))
        return
    rows = []
    for entry in entries:
        chosen, tuning = entry.meta["mitigation"], entry.meta.get("tuning") or []
        at = next((p for p in tuning if p["strength"] == chosen["strength"]), None)
        method = chosen["method"]
        rows.append(
            (
                words.say(METHODS[method].info.title) if method in METHODS else method,
                words.label(entry.title, 70),
                float(chosen["strength"]),
                aim_title(at["target"], entry.meta["k"]) if at else "",
                at["change"] if at else None,
                at["ndcg_change"] if at else None,
            )
        )
    table = pd.DataFrame(rows, columns=[words.say(column) for column in _COLUMNS])
    picked = st.dataframe(
        table, hide_index=True, placeholder=words.DASH, key="mitigated", on_select="rerun", selection_mode="single-row"
    )
    st.caption(words.say("Changes are on validation. Choose a row to compare it on the test."))
    for row in picked.selection.rows:
        compare_button(entries[row])
