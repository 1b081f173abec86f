"""What is being looked at, typed: it lives in the URL and, between pages, in the session.

Ids of the workspace, and the choices that several pages share (groups, k, split), are kept here, so that a link opens
the same view in any browser that reaches this workspace. Controls of one page alone bind themselves to the URL.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import streamlit as st

from fairdash.workspace import Workspace

T = TypeVar("T")

IDS = ("data", "lists", "before", "after", "comparison", "job")  # ids of the workspace
CHOICES = (
    "group",
    "cross",
    "item_group",
    "k",
    "least",
    "split",
    "model",
    "recommender",
)  # shared by pages; and cut_<attribute>
_DIGEST = re.compile(r"[0-9a-f]{16}")
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


def workspace() -> Workspace:
    """The workspace of this server."""
    return Workspace.default()


def page(name: str) -> st.Page:
    """A page by absolute path: a deep link, AppTest and every way to serve the app then find the same one."""
    _, title, icon = JOURNEY[name]
    return st.Page(PAGES / f"{name}.py", title=title, icon=icon, url_path=name, default=name == "overview")


def _is_shared(name: str) -> bool:
    return name in IDS or name in CHOICES or name.startswith("cut_")


def _view() -> dict[str, str]:
    view: dict[str, str] = st.session_state.setdefault("view", {})
    return view


def restore() -> None:
    """Once a rerun, before the page: what the URL says wins over the session, and the URL is made complete."""
    for name, given in st.query_params.to_dict().items():
        if _is_shared(name):
            put(name, given if name not in IDS or _DIGEST.fullmatch(given) else None)
    for name, value in _view().items():
        st.query_params[name] = value


def get(name: str) -> str | None:
    """What is in view under this name, if anything."""
    return _view().get(name)


def put(name: str, value: str | None) -> None:
    """Look at this from now on, on every page."""
    if value is None:
        _view().pop(name, None)
        st.query_params.pop(name, None)
    else:
        _view()[name] = value
        if st.query_params.get(name) != value:
            st.query_params[name] = value


def shared(name: str, default: T, accept: Callable[[str], T]) -> dict[str, Any]:
    """Key and callback of a control whose value all pages share.

    accept: turns the URL's text into a value; raises ValueError or KeyError for one that this control cannot have.
    """
    key = f"view_{name}"
    given = get(name)
    try:
        st.session_state[key] = default if given is None else accept(given)
    except (ValueError, KeyError):
        st.session_state[key] = default
    return {"key": key, "on_change": lambda: put(name, str(st.session_state[key]))}


def one_of(options: Any) -> Callable[[str], str]:
    """An `accept` for a choice among texts."""

    def accept(given: str) -> str:
        if given not in options:
            raise KeyError(given)
        return given

    return accept


def within(low: int, high: int) -> Callable[[str], int]:
    """An `accept` for a whole number; one out of bounds becomes the nearest that is allowed."""
    return lambda given: min(max(int(given), low), high)


def link() -> dict[str, str]:
    """The query of a link to another page that keeps what is in view."""
    return dict(_view())


def dark() -> bool:
    """Whether the browser shows the dark theme."""
    return bool(st.context.theme.type == "dark")
