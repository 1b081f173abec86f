"""What is being looked at, typed: ids of the workspace live in the URL and, between pages, in the session.

A link restores the view on any browser that reaches this workspace; nothing valuable lives only in the session.
Controls of a page bind themselves to the URL (`bind="query-params"`); here are the ids that all pages share.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal

import streamlit as st

from fairdash.workspace import Workspace

Id = Literal["data", "run", "lists", "comparison", "job"]
IDS: tuple[Id, ...] = ("data", "run", "lists", "comparison", "job")
PAGES = Path(__file__).parents[2] / "pages"
JOURNEY = {  # page → section of the navigation, title, icon; in the order in which a person goes through them
    "overview": ("", "Overview", ":material/home:"),
    "data": ("Prepare", "Data", ":material/table_chart:"),
    "recommender": ("Prepare", "Recommender", ":material/model_training:"),
    "audit": ("Measure", "Audit", ":material/balance:"),
    "explore": ("Measure", "Explore", ":material/person_search:"),
    "mitigate": ("Act", "Mitigate", ":material/tune:"),
    "compare": ("Act", "Compare", ":material/compare_arrows:"),
    "report": ("Act", "Report", ":material/description:"),
}
_DIGEST = re.compile(r"[0-9a-f]{16}")


def workspace() -> Workspace:
    """The workspace of this server."""
    return Workspace.default()


def page(name: str) -> st.Page:
    """A page by absolute path: a deep link, AppTest and every way to serve the app then find the same one."""
    _, title, icon = JOURNEY[name]
    return st.Page(PAGES / f"{name}.py", title=title, icon=icon, url_path=name, default=name == "overview")


def restore() -> None:
    """Once a rerun, before the page: ids of the URL win over the session's; what is no id is dropped."""
    for name in IDS:
        given = st.query_params.get(name)
        if given is not None and not _DIGEST.fullmatch(given):
            del st.query_params[name]
            given = None
        put(name, given or st.session_state.get(f"id:{name}"))


def get(name: Id) -> str | None:
    """The id in view, if any."""
    value: str | None = st.session_state.get(f"id:{name}")
    return value


def put(name: Id, value: str | None) -> None:
    """Look at this from now on, on every page."""
    st.session_state[f"id:{name}"] = value
    if value is None:
        st.query_params.pop(name, None)
    elif st.query_params.get(name) != value:
        st.query_params[name] = value


def link() -> dict[str, str]:
    """The query of a link to another page that keeps what is in view."""
    return {name: value for name in IDS if (value := get(name))}


def dark() -> bool:
    """Whether the browser shows the dark theme."""
    return st.context.theme.type == "dark"
