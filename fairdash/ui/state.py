"""What is being looked at, typed: it lives in the URL and, between pages, in the session.

Ids of the workspace, and the choices that several pages share (groups, k, split), follow a person from page to page, so
that a link opens the same view in any browser that reaches this workspace. A choice of one page alone stands in the URL
of that page. The URL holds what was chosen (a digest, a key), never the label under which it was shown: labels change
with the language, and two things can have one.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from fairdash import trail, words
from fairdash import workspace as store
from fairdash.ui import access
from fairdash.workspace import Workspace

T = TypeVar("T")

IDS = ("data", "lists", "before", "after", "comparison", "job")  # ids of the workspace
CHOICES = (
    "lang",
    "group",
    "cross",
    "item_group",
    "k",
    "least",
    "split",
    "model",
    "recommender",
)  # shared by pages; and cut_<attribute>
_HOLDING = "holding"  # in the session: what lets go of what a view holds, by its name
_LOOKED_AT = "looked-at"  # those views that were shown since it was last asked
_DIGEST = re.compile(r"[0-9a-f]{16}")
PAGES = Path(__file__).parents[2] / "pages"
# Page → title, icon; in the order in which a person goes through them. Without sections: a list that holds lists and
# headings is no list to those who hear the page.
JOURNEY = {
    "overview": (words.later("Overview"), ":material/home:"),
    "data": (words.later("Data"), ":material/table_chart:"),
    "recommender": (words.later("Recommender"), ":material/model_training:"),
    "audit": (words.later("Audit"), ":material/balance:"),
    "explore": (words.later("Explore"), ":material/person_search:"),
    "mitigate": (words.later("Mitigate"), ":material/tune:"),
    "compare": (words.later("Compare"), ":material/compare_arrows:"),
    "report": (words.later("Report"), ":material/description:"),
    "live": (words.later("Live"), ":material/monitoring:"),
    "guide": (words.later("Guide"), ":material/menu_book:"),
}
OVERSIGHT = {"oversee": (words.later("Oversee"), ":material/admin_panel_settings:")}  # for whoever oversees the server


def workspace() -> Workspace:
    """The workspace of this session. Raises RightsError where nobody is signed in."""
    return access.session().workspace


def page(name: str) -> st.Page:
    """A page by absolute path: a deep link, AppTest and every way to serve the app then find the same one."""
    title, icon = (JOURNEY | OVERSIGHT)[name]
    return st.Page(PAGES / f"{name}.py", title=words.say(title), icon=icon, url_path=name, default=name == "overview")


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _is_shared(name: str) -> bool:
    return name in IDS or name in CHOICES or name.startswith("cut_")


def _view() -> dict[str, str]:
    view: dict[str, str] = st.session_state.setdefault("view", {})
    return view


def restore() -> None:
    """Once a rerun, before the page: what the URL says wins over the session, and the URL is made complete, in one go:
    the browser draws itself again for every change of it."""
    there = st.query_params.to_dict()
    for name, given in there.items():
        if _is_shared(name):
            put(name, given if name not in IDS or _DIGEST.fullmatch(given) else None)
    if missing := {name: value for name, value in link().items() if there.get(name) != value}:
        st.query_params.update(missing)


def get(name: str) -> str | None:
    """What is in view under this name, if anything."""
    return _view().get(name)


def put(name: str, value: str | None) -> None:
    """Look at this from now on: on every page, or for a choice of one page alone on that page."""
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
    return held(f"view_{name}", _accepted(name, default, accept), lambda value: put(name, str(value)))


def own(name: str, default: T, accept: Callable[[str], T], write: Callable[[T], str | None] = _text) -> dict[str, Any]:
    """Key and callback of a control of one page alone; the rest as `shared`. write: the other way of `accept`; None
    where the URL says nothing."""
    return held(name, seen(name, default, accept), lambda value: put(name, write(value)))


def seen(name: str, default: T, accept: Callable[[str], T]) -> T:
    """What the URL of this page says under a name, else what was said before; the URL is made complete."""
    if name in st.query_params:
        _view()[name] = st.query_params[name]
    elif name in _view():
        st.query_params[name] = _view()[name]
    return _accepted(name, default, accept)


def now(name: str, default: T, accept: Callable[[str], T]) -> T:
    """What is in view under a name, for a control that all pages share; the rest as `shared`."""
    return _accepted(name, default, accept)


def several(name: str, options: Iterable[str]) -> dict[str, Any]:
    """Key and callback of a choice of any number of options, of one page alone; none is chosen at first."""
    known = list(options)

    def accept(given: str) -> list[str]:
        return [one for one in json.loads(given) if one in known]

    def write(chosen: list[str]) -> str | None:
        return json.dumps(chosen) if chosen else None

    none: list[str] = []
    return own(name, none, accept, write)


def pick(name: str, options: Iterable[str], default: str | None = None) -> dict[str, Any]:
    """Key and callback of a choice of one page alone; the first option is chosen at first where none is said."""
    known = list(options)
    return own(name, known[0] if default is None else default, one_of(known))


def held(key: str, value: object, keep: Callable[[Any], None]) -> dict[str, Any]:
    """Key and callback of a control that shows a value which is kept elsewhere; `keep` takes what a person makes of it,
    before the page is run again. Where it changes a part of a whole, it asks for the whole then: two controls may be
    changed before the page comes again."""
    st.session_state[key] = value
    return {"key": key, "on_change": lambda: keep(st.session_state[key])}


def holds(name: str, let_go: Callable[[], None]) -> None:
    """Said by a view that holds much in memory, in each run in which it is shown: what it has goes, by `let_go`, when
    nobody looks at it any more."""
    st.session_state.setdefault(_HOLDING, {})[name] = let_go
    st.session_state.setdefault(_LOOKED_AT, set()).add(name)


def let_go() -> None:
    """What views hold that this run of a page did not show goes."""
    holding: dict[str, Callable[[], None]] = st.session_state.get(_HOLDING, {})
    for name in holding.keys() - st.session_state.pop(_LOOKED_AT, set()):
        holding.pop(name)()


def _accepted(name: str, default: T, accept: Callable[[str], T]) -> T:
    given = get(name)
    try:
        return default if given is None else accept(given)
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError):
        return default


def one_of(options: Any) -> Callable[[str], str]:
    """An `accept` for a choice among texts."""

    def accept(given: str) -> str:
        if given not in options:
            raise KeyError(given)
        return given

    return accept


def among(options: Any) -> Callable[[str], int]:
    """An `accept` for a choice among whole numbers."""

    def accept(given: str) -> int:
        if int(given) not in options:
            raise KeyError(given)
        return int(given)

    return accept


def within(low: int, high: int) -> Callable[[str], int]:
    """An `accept` for a whole number; one out of bounds becomes the nearest that is allowed."""
    return lambda given: min(max(int(given), low), high)


def link() -> dict[str, str]:
    """The query of a link to another page that keeps what is in view."""
    return {name: value for name, value in _view().items() if _is_shared(name)}


def data_of(lists: str | None) -> str | None:
    """The data set that lists are of; None where that is not known here."""
    if not lists or not workspace().has("lists", lists):
        return None
    run = workspace().get("lists", lists).meta["run"]
    data = workspace().get("runs", run).meta.get("dataset") if workspace().has("runs", run) else None
    return str(data) if data and workspace().has("datasets", data) else None


def language() -> str | None:
    """The language of the person whose page this is: what the URL says or was said by hand, else the browser's; None
    where nobody looks, as in a thread of the server."""
    if get_script_run_ctx(suppress_warning=True) is None:
        return None
    return words.nearest(get("lang")) or words.nearest(st.context.locale)


def _acts() -> str:
    return "page" if get_script_run_ctx(suppress_warning=True) is None else access.session().acts


def _keeps_in() -> Path | None:
    if get_script_run_ctx(suppress_warning=True) is None:
        return _of_threads()
    return None if workspace().closed else workspace().root


_of_threads = store.keeps_in
store.keeps_in = _keeps_in
trail.usual = _acts
words.listener = language  # also for parts that draw themselves again, and for what a press sets off


def dark() -> bool:
    """Whether the browser shows the dark theme."""
    return bool(st.context.theme.type == "dark")
