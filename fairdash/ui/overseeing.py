"""What an admin sees of all people: sizes, jobs, links and times, never what is in a workspace."""

from __future__ import annotations

from datetime import datetime

import pandas as pd
import streamlit as st

from fairdash import entries, people, settings, shares, trail, words
from fairdash.errors import RightsError
from fairdash.jobs import runner
from fairdash.jobs.table import Job
from fairdash.ui import access, parts, sharing, state
from fairdash.workspace import Workspace

_KINDS = {  # of jobs; what they are called is their owners'
    "dataset": words.later("Data set"),
    "train": words.later("Train"),
    "audit": words.later("Audit"),
    "mitigate": words.later("Mitigate"),
    "compare": words.later("Compare"),
    "search": words.later("Search options"),
    "learn": words.later("Learn from them"),
    "demo": words.later("Demo on synthetic data"),
}


def _all() -> list[Workspace]:
    """Everybody's workspaces. Raises RightsError for who may not oversee them."""
    if not access.may("oversee"):
        raise RightsError(words.say("Only an admin sees what others do."))
    return state.workspace().all()


def _named(workspace: Workspace) -> str:
    """What a person calls themselves, with the start of what the trail calls them."""
    told = people.known(workspace)
    name = str(told.get("name") or words.say("nobody in particular"))
    return f"{words.plain(name, 60)} ({workspace.owner[:12]})" if workspace.owner else words.plain(name, 60)


def jobs() -> None:
    """All that wait or run, in the order of the line; each can be stopped."""
    whose = {one.owner: _named(one) for one in _all()}
    table = runner.everybodys(state.workspace())
    places, active = table.places(runner.SHORT_KINDS), table.active()
    if not active:
        st.info(words.say("No job waits or runs."), icon=":material/info:")
    for job in sorted(active, key=lambda job: (job.state != "running", places.get(job.id, 0))):
        with st.container(horizontal=True, vertical_alignment="center", border=True, key=f"of-all-{job.id}"):
            st.markdown(whose.get(job.owner, job.owner[:12]), width="stretch")
            st.caption(words.say(_KINDS.get(job.kind, job.kind)), width="content")
            parts.job_badge(job)
            place = words.say("place {n} in line", n=places.get(job.id, 0) + 1)
            st.caption(words.percent(job.done, 0) if job.state == "running" else place, width="content")
            parts.act(words.say("Cancel"), _cancel, job, icon=":material/stop:", key=f"stop-{job.id}")


def _cancel(job: Job) -> None:
    _all()
    runner.everybodys(state.workspace()).request_cancel(job.id)
    trail.note(state.workspace().of(job.owner), "cancel", job=job.id)


def everybody() -> None:
    """Who was ever here, with their role, when they were last seen, and how much they keep."""
    rows = []
    titles = {str(role): words.say(title) for role, title in people.TITLES.items()}
    for one in _all():
        told, size = people.known(one), sum(one.usage().values())
        if one.owner:
            rows.append(
                {
                    words.later("name"): words.label(told.get("name", ""), 60),
                    words.later("email"): words.label(told.get("email", ""), 80) or None,
                    words.later("role"): titles.get(str(told.get("role"))),
                    words.later("seen"): _seen(told.get("seen")),
                    words.later("MB"): size / 1e6,
                    words.later("trail"): one.owner[:12],
                }
            )
    if not rows:
        st.info(words.say("Nobody was here yet."), icon=":material/info:")
        return
    frame = pd.DataFrame(rows)
    st.dataframe(frame, hide_index=True, placeholder=words.DASH, key="everybody",
                 column_config=parts.heads(frame, {"MB": st.column_config.NumberColumn(format="%.1f")}))  # fmt: skip
    st.caption(
        words.say("The last column is what the trail calls them. Nobody's data can be seen here; who runs the server "
                  "can read the folder people of {home}.", home=words.plain(state.workspace().home, 200))
    )  # fmt: skip


def _seen(at: object) -> datetime | None:
    """When somebody was last here, as it was kept; None where nothing is kept that can be read."""
    try:
        return datetime.fromtimestamp(at) if isinstance(at, float) and at > 0 else None
    except (OverflowError, OSError, ValueError):
        return None


def links() -> None:
    """Every link that can be opened, by whose it is."""
    found = [(one, shares.of(one)) for one in _all()]
    if not any(mine for _, mine in found):
        st.info(words.say("Nothing is shared."), icon=":material/info:")
    for one, mine in found:
        sharing.listed(mine, oversee=True, whose=_named(one))


def keeping() -> None:
    """How long brought data is kept, and what is due."""
    days = settings.RETENTION_DAYS
    if not days:
        st.info(words.say("Data that people bring is kept until they delete it: FAIRDASH_RETENTION_DAYS is not set."),
                icon=":material/info:")  # fmt: skip
        return
    st.markdown(words.say("Data that people bring is removed after {n} day.",
                          "Data that people bring is removed after {n} days.", n=days))  # fmt: skip
    for one in _all():
        due = entries.expired(one)
        if due:
            st.caption(words.say("{whose}: {told} due.", whose=_named(one), told=words.count(len(due), "data set")))
