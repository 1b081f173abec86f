"""Which methods fit what an audit found, and the batch of jobs that tries them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import streamlit as st

from fairdash import words
from fairdash.mitigation.sweep import RULES
from fairdash.run import Run
from fairdash.schema import GroupSpec
from fairdash.stages.advise import TABLE, Advice, Suggestion, advise
from fairdash.stages.places import offered_by
from fairdash.ui import load, mitigating, parts, state
from fairdash.workspace import Entry


def shortlist(run: Run) -> None:
    """Which methods fit what the audits of these lists found, and why; chosen ones run as a batch of jobs."""
    audits = [entry for entry in state.workspace().entries("audits") if entry.meta["lists"] == state.get("lists")]
    if not audits:
        parts.empty(
            words.say("No audit of these lists yet"),
            words.say("The advice follows from what an audit found."),
            "audit",
            words.say("Audit"),
        )
        return
    found = _found(audits, offered_by(run))
    if not found:
        st.success(
            words.say("The audits of these lists found nothing that a method here aims at."),
            icon=":material/check:",
        )
        return
    picked: list[tuple[Advice, Suggestion, dict[str, Any]]] = []
    for i, (advice, audited) in enumerate(found):
        with st.container(border=True, key=f"advice-{i}"):
            st.markdown(f"**{words.plain(advice.finding, 400)}**")
            for suggestion in advice.suggestions:
                told = words.say("**{method}**: {why}", method=suggestion.title, why=words.plain(suggestion.why, 300))
                known = mitigating.NEEDS
                lacks = [words.say(known.get(need, words.later("a training"))) for need in suggestion.missing]
                if lacks:
                    needs = words.say(", ").join(lacks)
                    told = words.say("{method} (not here: it needs {needs})", method=told, needs=needs)
                chosen = st.checkbox(told, key=f"advice-{i}-{suggestion.method}", disabled=bool(lacks),
                                     help=words.plain(suggestion.paper, 300))  # fmt: skip
                if chosen:
                    picked.append((advice, suggestion, audited))
    label = (
        words.say("Run {methods}", methods=words.count(len(picked), "method"))
        if picked
        else words.say("Run the chosen methods")
    )
    parts.submit(label, _batch, run, picked, type="primary", icon=":material/playlist_play:",
                 key="batch", disabled=not picked)  # fmt: skip
    for job in parts.active_jobs(("mitigate",)):
        parts.job(job.id)


def _found(audits: Sequence[Entry], offered: frozenset[str]) -> list[tuple[Advice, dict[str, Any]]]:
    """What any audit of these lists found, with how that one was made; of one thing found again, what the newest says.
    Which audit was made last, a page that was merely looked at decides: it must not decide what is advised."""
    found: dict[tuple[Any, ...], tuple[Advice, dict[str, Any]]] = {}
    for entry in audits:  # newest first
        for advice in advise(load.audit(entry.digest), can=offered):
            found.setdefault((advice.about, advice.metric, advice.attribute), (advice, dict(entry.meta)))
    place = {(rule.about, rule.metric): i for i, rule in reversed([*enumerate(TABLE)])}
    return sorted(found.values(), key=lambda one: place[one[0].about, one[0].metric])


def _batch(run: Run, picked: list[tuple[Advice, Suggestion, dict[str, Any]]]) -> None:
    """Queue a mitigation for each finding and method."""
    for advice, suggestion, audited in picked:
        params = {"run": run.digest, "mitigation": advised(advice, suggestion, audited), "k": audited["k"]}
        mitigating.start(run, mitigating.catalogue()[suggestion.method], {**params, "rule": next(iter(RULES))})


def advised(advice: Advice, suggestion: Suggestion, audited: dict[str, Any]) -> dict[str, Any]:
    """The mitigation that was advised, with the groups that the finding is of, as the audit formed them. Of a finding
    that is not of people, a method for people and items takes the audit's first groups of people."""
    people, items = (
        {" × ".join(group["attributes"]): group for group in audited[name]} for name in ("groups", "item_groups")
    )
    if advice.about == "people":
        groups = [people[advice.attribute]] if advice.attribute in people else []
    else:
        groups = list(people.values())[:1] if mitigating.catalogue()[suggestion.method].side == "both" else []
    item_group, wanted = None, suggestion.item_group
    if wanted is not None:
        item_group = items.get(wanted) or json.loads(json.dumps(asdict(GroupSpec((wanted,)))))
    return {"method": suggestion.method, "groups": groups, "item_group": item_group, "strength": None}
