"""Choosing and running mitigations: the catalogue by place, strength, the sweep on validation, and what was done."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, replace
from typing import Any

import pandas as pd
import streamlit as st

from fairdash import charts, settings, words
from fairdash.charts import TradePoint
from fairdash.item_classes import POPULARITY
from fairdash.jobs import runner
from fairdash.jobs.table import Job
from fairdash.mitigation import METHODS
from fairdash.mitigation.base import Info, Mitigation
from fairdash.mitigation.sweep import ACCURACY_BUDGET, RULES
from fairdash.run import Run
from fairdash.schema import GroupSpec
from fairdash.stages import places
from fairdash.stages.advise import Advice, Suggestion, advise
from fairdash.stages.compare import aim_title, aims
from fairdash.stages.places import PLACES, place_of
from fairdash.ui import findings, forms, load, naming, parts, runs, state
from fairdash.workspace import Entry

TABS = {
    "one": words.later("One method"),
    "shortlist": words.later("Shortlist"),
    "done": words.later("Done so far"),
}
_NEEDS = {
    "user_groups": words.later("groups of people"),
    "item_groups": words.later("groups of items"),
    "categories": words.later("categories of items"),
    "profile": words.later("a model that reads a profile"),
    "vectors": words.later("a model with user vectors"),
    "probabilities": words.later("a model that predicts P(like)"),
}
_SIDES = {
    "users": words.later("people"),
    "items": words.later("items"),
    "both": words.later("people and items"),
}
BY_HAND = "hand"
HOW = {"rule": words.later("Chosen on validation"), BY_HAND: words.later("By hand")}  # how the strength is chosen
AS_TRAINED = "trained"
_COLUMNS = words.several("method", "lists", "strength", "target", "target change", "NDCG change")


def catalogue() -> dict[str, Info]:
    """Key → what the catalogue says of each method."""
    return {key: method.info for key, method in METHODS.items()}


def one(run: Run) -> None:
    """Choose a method, its groups and its strength; run it as a job; look at the trade-off."""
    infos = catalogue()
    places = {place.key: [key for key in infos if place_of(key) is place] for place in PLACES.values()}
    shown = [key for key, methods in places.items() if methods]
    left, right = st.columns([11, 9], gap="medium")
    with left:
        place = st.segmented_control(words.say("Where it acts"), shown, required=True,
                                     format_func=lambda key: words.say(PLACES[key].title),
                                     **state.pick("place", shown, shown[-1]))  # fmt: skip
        method = st.selectbox(words.say("Method"), places[place], format_func=lambda key: words.say(infos[key].title),
                              **state.pick("method", places[place]))  # fmt: skip
        info = infos[method]
        groups, items = _groups(run, info)
        first = _first(run, info)
        tuned, k = _strength(run, info)
        missing = lacking(run, info)
        if missing:
            told = words.say("Not possible for {title}: {missing}", title=words.plain(run.title), missing=missing)
            st.warning(told, icon=":material/block:")
        params = _params(run, info, groups, items, tuned, k, first)
        parts.act(words.say("Mitigate"), start, run, info, params, type="primary", icon=":material/tune:",
                  key="mitigate", disabled=bool(missing))  # fmt: skip
    with right, st.container(border=True, key="method-card"):
        _card(info)
    job = parts.last_job("mitigate", params)
    if job is not None:
        parts.job(job.id, _result)


def _card(info: Info) -> None:
    st.markdown(f"**{words.say(info.title)}**")
    st.markdown(words.plain(words.say(info.objective), 600))
    needs = words.join([words.say(_NEEDS.get(need, need)) for need in info.needs])
    st.markdown(
        words.say(
            "**For** {side} · **needs** {needs}  \n**Meant to move** {target}  \n**Usual price** {price}",
            side=words.say(_SIDES[info.side]),
            needs=needs or words.say("nothing but the lists"),
            target=aim_title(info.target, settings.K),
            price=words.plain(words.say(info.cost), 400),
        )
    )
    st.caption(words.plain(info.paper, 400))


def lacking(run: Run, info: Info) -> str:
    """What this run lacks for a method, in words; empty where nothing."""
    refused = places.lacking(info.key, run.meta["recommender"], offered(run))
    return "" if refused is None else f"{refused.message} {refused.hint}"


def _groups(run: Run, info: Info) -> tuple[list[GroupSpec], GroupSpec | None]:
    training = run.split.training
    groups: list[GroupSpec] = []
    items: GroupSpec | None = None
    with st.container(horizontal=True, vertical_alignment="bottom"):
        if "user_groups" in info.needs or info.side != "items":
            group = forms.group(training.people)
            groups = [] if group is None else [group]
        if "item_groups" in info.needs or info.side != "users":
            given = forms.item_group(training.items, (POPULARITY,) if len(training.train) else ())
            items = GroupSpec((given,)) if isinstance(given, str) else given
    others = [name for name in forms.attributes(training.people) if not groups or name not in groups[0].attributes]
    if not place_of(info.key).crosses and others and groups:
        known = forms.attributes(training.people)
        also = st.multiselect(words.say("Protect these attributes too"), others, key="also", bind="query-params")
        groups += [known[name] for name in also]
    return groups, items


def _first(run: Run, info: Info) -> list[dict[str, Any]]:
    """The mitigations, in order, that this one is to be combined with: those of lists that were made from this run."""
    earlier = {}
    for entry in done(run):
        steps = [*entry.meta.get("first", ()), entry.meta["mitigation"]]
        known = all(step["method"] in METHODS and step["method"] != info.key for step in steps)
        if entry.meta.get("base_run") != run.digest or not known:
            continue
        if place_of(steps[-1]["method"]).order <= place_of(info.key).order:
            earlier[entry.digest] = (" + ".join(_step(step) for step in steps), steps)
    if not earlier:
        return []
    start = st.selectbox(words.say("Start from"), [AS_TRAINED, *earlier], format_func=_starts(done(run), earlier),
                         **state.pick("first", [AS_TRAINED, *earlier]),
                         help=words.say("Methods can be combined: what is chosen here is applied first."))  # fmt: skip
    return [] if start == AS_TRAINED else earlier[start][1]


def _starts(entries: list[Entry], earlier: dict[str, tuple[str, Any]]) -> Callable[[Any], str]:
    """Labels of what one can start from; entries of equal steps say in what they differ."""
    own = [entry for entry in entries if entry.digest in earlier]
    name = naming.namer([replace(one, meta={**one.meta, "title": earlier[one.digest][0]}) for one in own], 80)
    return lambda key: words.say("The lists as trained") if key == AS_TRAINED else name(key)


def _step(step: dict[str, Any]) -> str:
    title = words.say(METHODS[step["method"]].info.title)
    return words.say("{method} ({strength})", method=title, strength=words.brief(step["strength"]))


def _strength(run: Run, info: Info) -> tuple[dict[str, Any], int]:
    """{"strength": by hand, or None for "rule" and "budget"} and K."""
    one, two = st.columns([3, 1], vertical_alignment="bottom")
    with one:
        how = st.segmented_control(words.say("Strength"), list(HOW), required=True,
                                   format_func=lambda key: words.say(HOW[key]),
                                   **state.pick("strength_how", HOW))  # fmt: skip
    with two:
        deep = run.candidates().k
        k = st.number_input("K", 1, deep, **state.shared("k", min(settings.K, deep), state.within(1, deep)))
    if how == BY_HAND:
        strength = st.slider(words.say("From 0, the lists as they are, to 1"), 0.0, 1.0, 0.5, 0.05, key="strength",
                             bind="query-params")  # fmt: skip
        return {"strength": float(strength), "rule": next(iter(RULES))}, int(k)
    rule = st.selectbox(words.say("Rule"), list(RULES), format_func=lambda key: words.say(RULES[key]),
                        **state.pick("rule", RULES))  # fmt: skip
    tuned: dict[str, Any] = {"strength": None, "rule": rule}
    if rule == "accuracy-budget":
        lost = st.number_input(words.say("NDCG that may be lost, %"), 0.0, 100.0, 100 * ACCURACY_BUDGET, 1.0,
                               key="budget", bind="query-params")  # fmt: skip
        tuned["budget"] = lost / 100
    elif rule == "gap-budget":
        label = words.say("Bound on {target}", target=aim_title(info.target, int(k)))
        bound = st.number_input(label, value=None, step=0.01, format="%.4f",
                                placeholder=words.say("half the way to the fairest point"),
                                **state.own("bound", None, float))  # fmt: skip
        tuned["budget"] = None if bound is None else float(bound)
    if place_of(info.key).retrains:
        st.caption(words.say("Every strength that is tried costs a training."))
    return tuned, int(k)


def _params(
    run: Run,
    info: Info,
    groups: list[GroupSpec],
    items: GroupSpec | None,
    tuned: dict[str, Any],
    k: int,
    first: list[dict[str, Any]],
) -> dict[str, Any]:
    mitigation = {
        "method": info.key,
        "groups": [asdict(group) for group in groups],
        "item_group": None if items is None else asdict(items),
        "strength": tuned["strength"],
    }
    steps = [{name: step[name] for name in mitigation} for step in first]
    params = {"run": run.digest, "mitigation": mitigation, "k": k, "first": steps, "rule": tuned["rule"]}
    made: dict[str, Any] = json.loads(json.dumps({**params, "budget": tuned.get("budget")}))
    return made


def start(run: Run, info: Info, params: dict[str, Any]) -> str:
    """Queue the job; returns its id."""
    title = words.say("{method} on {run}", method=words.say(info.title), run=run.title)
    return runner.submit(state.workspace(), "mitigate", title, params)


def _result(job: Job) -> None:
    result = job.result or {}
    if not state.workspace().has("lists", result.get("lists", "")):
        st.caption(words.say("These lists were deleted. Press Mitigate to make them again."))
        return
    entry = state.workspace().get("lists", result["lists"])
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
        _trade_off(tuning, chosen["strength"], catalogue()[chosen["method"]], job.params)
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
        )
        for p in tuning
        if p["value"] is not None and p["ndcg"] is not None
    ]
    parts.draw(
        charts.trade_off(points, target, ndcg, better=better), f"trade-{info.key}",
        words.say("The whole trade-off, on validation"),
        about=words.say(
            "Each point is one strength. Test data plays no part here; the comparison shows what holds there."
        ),
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
                         quiet=not _moved(point["change_ci"]), help=_ci(point["change_ci"])),
            parts.Metric(ndcg, words.number(point["ndcg"], 4), words.signed(point["ndcg_change"], 4),
                         quiet=not _moved(point["ndcg_change_ci"]),
                         help=_ci(point["ndcg_change_ci"])),
        ]
    )  # fmt: skip
    if looked != strength:
        wanted = {**params, "mitigation": {**params["mitigation"], "strength": looked}}
        at = words.brief(looked)
        title = words.say("{method} at {strength}", method=words.say(info.title), strength=at)
        parts.act(words.say("Make lists at strength {strength}", strength=at), runner.submit, state.workspace(),
                  "mitigate", title, wanted, key=f"make-{info.key}")  # fmt: skip


def _moved(ci: Any) -> bool:
    return bool(ci) and None not in ci and (ci[0] > 0 or ci[1] < 0)


def _ci(ci: Any) -> str:
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


def done(run: Run) -> list[Entry]:
    """Mitigated lists of the data set in view, newest first."""
    return [entry for entry in runs.of(state.get("data")) if entry.meta.get("mitigation")]


def past(run: Run) -> None:
    """What was tried, with its place on validation."""
    entries = done(run)
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
    picked = st.dataframe(table, hide_index=True, key="mitigated", on_select="rerun", selection_mode="single-row")
    st.caption(words.say("Changes are on validation. Choose a row to compare it on the test."))
    for row in picked.selection.rows:
        compare_button(entries[row])


def shortlist(run: Run) -> None:
    """Which methods fit what the latest audit of these lists found, and why; chosen ones run as a batch of jobs."""
    audits = [entry for entry in state.workspace().entries("audits") if entry.meta["lists"] == state.get("lists")]
    if not audits:
        parts.empty(
            words.say("No audit of these lists yet"),
            words.say("The advice follows from what an audit found."),
            "audit",
            words.say("Audit"),
        )
        return
    found = advise(load.audit(audits[0].digest), can=offered(run))
    if not found:
        st.success(
            words.say("The latest audit of these lists found nothing that a method here aims at."),
            icon=":material/check:",
        )
        return
    picked: list[tuple[Advice, Suggestion]] = []
    for i, advice in enumerate(found):
        with st.container(border=True, key=f"advice-{i}"):
            st.markdown(f"**{words.plain(advice.finding, 400)}**")
            for suggestion in advice.suggestions:
                told = words.say("**{method}**: {why}", method=suggestion.title, why=words.plain(suggestion.why, 300))
                lacks = [words.say(_NEEDS.get(need, words.later("a training"))) for need in suggestion.missing]
                if lacks:
                    needs = words.say(", ").join(lacks)
                    told = words.say("{method} (not here: it needs {needs})", method=told, needs=needs)
                chosen = st.checkbox(told, key=f"advice-{i}-{suggestion.method}", disabled=bool(lacks),
                                     help=words.plain(suggestion.paper, 300))  # fmt: skip
                if chosen:
                    picked.append((advice, suggestion))
    label = (
        words.say("Run {methods}", methods=words.count(len(picked), "method"))
        if picked
        else words.say("Run the chosen methods")
    )
    parts.act(label, _batch, run, picked, audits[0].meta, type="primary", icon=":material/playlist_play:",
              key="batch", disabled=not picked)  # fmt: skip
    for job in parts.active_jobs(("mitigate",)):
        parts.job(job.id)


def offered(run: Run) -> frozenset[str]:
    """What a run and its data offer to methods, see `places.offered_by`."""
    return _offered_by(run.digest, run.meta["recommender"], bool(run.meta["options"].get("profile")), run)


@st.cache_data(max_entries=64, show_spinner=False)
def _offered_by(digest: str, recommender: str, profile: bool, _run: Run) -> frozenset[str]:
    return places.offered_by(_run)


def _batch(run: Run, picked: list[tuple[Advice, Suggestion]], audited: dict[str, Any]) -> None:
    """Queue a mitigation for each finding and method."""
    for advice, suggestion in picked:
        params = {"run": run.digest, "mitigation": advised(advice, suggestion, audited), "k": audited["k"]}
        start(run, catalogue()[suggestion.method], {**params, "rule": next(iter(RULES))})


def advised(advice: Advice, suggestion: Suggestion, audited: dict[str, Any]) -> dict[str, Any]:
    """The mitigation that was advised, with the groups that the finding is of, as the audit formed them. Of a finding
    that is not of people, a method for people and items takes the audit's first groups of people."""
    people, items = (
        {" × ".join(group["attributes"]): group for group in audited[name]} for name in ("groups", "item_groups")
    )
    if advice.about == "people":
        groups = [people[advice.attribute]] if advice.attribute in people else []
    else:
        groups = list(people.values())[:1] if catalogue()[suggestion.method].side == "both" else []
    item_group, wanted = None, suggestion.item_group
    if wanted is not None:
        item_group = items.get(wanted) or json.loads(json.dumps(asdict(GroupSpec((wanted,)))))
    return {"method": suggestion.method, "groups": groups, "item_group": item_group, "strength": None}
