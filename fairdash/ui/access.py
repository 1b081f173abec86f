"""Whose session this is: the one place where a workspace is opened for a page, and where a right is asked for.

People sign in where Streamlit's secrets have a section [auth]; else everything is everybody's who reaches the server,
which then answers this machine alone (`door`).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import streamlit as st
from streamlit import config
from streamlit.errors import StreamlitAuthError
from streamlit.runtime.scriptrunner import get_script_run_ctx

from fairdash import people, shares, words
from fairdash.errors import ConfigError, RightsError
from fairdash.people import Person, Right, Role, Roles
from fairdash.shares import Share
from fairdash.workspace import Workspace

SHARE = "share"  # in the URL
FRESH_SECONDS = 0.5  # for which an answer stands within one run of a page, which asks a hundred times


@dataclass(frozen=True)
class Session:
    """workspace: all that can be seen in it, closed where its role does not allow work. person: None where nobody signs
    in, and for a visitor. share: the link of a visitor."""

    role: Role
    workspace: Workspace
    person: Person | None = None
    share: Share | None = None

    @property
    def acts(self) -> str:
        """Who acts, as the trail says it."""
        if self.person is not None:
            return self.person.acts
        return "page" if self.share is None else f"link {self.share.id[:16]}"


class _Known(threading.local):
    """What was answered last in this thread, which is that of one session: to whom, with which link, when."""

    context: object = None
    token: str | None = None
    at = 0.0
    session: Session | None = None


_known = _Known()
_asked: tuple[object, bool] = (None, False)  # the secrets that were looked at, and what they said: pages ask often


def on() -> bool:
    """Whether people sign in here, as the secrets said when the server first looked at them. Secrets that are there and
    cannot be read may say so: then nobody comes in."""
    global _asked
    if _asked[0] is not st.secrets:
        read = st.secrets.load_if_toml_exists()
        broken = not read and any(Path(file).exists() for file in config.get_option("secrets.files"))
        _asked = (st.secrets, broken or bool(read and "auth" in st.secrets))
    return _asked[1]


def _told() -> Mapping[str, Any]:
    """What the secrets say of signing in; nothing where they cannot be read."""
    return dict(st.secrets["auth"]) if st.secrets.load_if_toml_exists() else {}


def hosts() -> frozenset[str]:
    """The name under which this server is reached, where people sign in: they are led back to it."""
    if not on():
        return frozenset()
    return frozenset(filter(None, [urlsplit(str(_told().get("redirect_uri", ""))).hostname]))


def session() -> Session:
    """Whose session this is. Raises RightsError for nobody: who did not sign in, has no role, signed in too long ago,
    or came with a link that opens nothing; ConfigError where the roles are not said well."""
    context, signed = get_script_run_ctx(suppress_warning=True), on()
    if context is None and not signed:
        return _everybody()
    if context is None:
        raise RightsError(words.say("Nobody is signed in here."), words.say("Reload the page."))
    token, now = st.session_state.get(SHARE) if signed else None, time.monotonic()
    if _known.session is None or _known.context is not context or _known.token != token or now > _known.at:
        _known.session = None  # also where what follows raises
        _known.session = _session(token) if signed else _everybody()
        _known.context, _known.token, _known.at = context, token, now + FRESH_SECONDS
    return _known.session


def _everybody() -> Session:
    return Session("auditor", Workspace.default())


def _session(token: str | None) -> Session:
    home = Workspace.default()
    if token is not None:
        workspace, share = shares.opened(home, token, words.say("A link shows; it changes nothing."))
        return Session("visitor", workspace.ready(), share=share)
    claims = _claims()
    if claims is None:
        raise RightsError(words.say("Nobody is signed in here."), words.say("Sign in to see your own workspace."))
    who = people.person(claims, _roles())
    workspace = home.of(who.owner)
    if people.signed_out(workspace, claims):
        raise RightsError(words.say("You signed out."), words.say("Sign in again."))
    if people.overtaken(workspace, who, claims):
        raise RightsError(words.say("Your role has changed since you signed in here."), words.say("Sign in again."))
    if not people.may(who.role, "work"):
        role = words.say(people.TITLES[who.role])
        workspace = Workspace(
            workspace.root,
            workspace.owner,
            closed=words.say("As a {role} you may look, and change nothing.", role=role),
        )
    return Session(who.role, workspace.ready(), who)


def may(right: Right) -> bool:
    """Whether this session has a right."""
    try:
        return people.may(session().role, right)
    except (RightsError, ConfigError):
        return False


def begin() -> None:
    """Once a rerun, before anything else: a link in the URL is held for the session, on whichever page it goes on; who
    signed in is kept once."""
    if not on():
        return
    _known.session = None
    if SHARE in st.query_params:
        st.session_state[SHARE] = st.query_params[SHARE]
    claims = _claims()
    if claims is not None and SHARE not in st.session_state and "seen" not in st.session_state:
        found = session()
        if found.person is not None:
            people.seen(found.workspace, found.person, claims)
            st.session_state["seen"] = True


def own_folder(told: str) -> None:
    """Where people sign in, a folder of this machine that is named for a model has to lie in one's own workspace.
    Raises ConfigError for another; what names no place on the machine (a model of a hub) passes."""
    path = Path(told).expanduser()
    if on() and (path.is_absolute() or ".." in path.parts or "~" in told):
        root = session().workspace.root.resolve()
        if not path.resolve().is_relative_to(root):
            raise ConfigError(
                words.say("{folder} is not in your workspace.", folder=words.label(told, 80)),
                words.say("Bring the model as a zip, under Recommender, Bring lists or a model."),
            )


def providers() -> list[str]:
    """Names of those who can sign people in, as the secrets call them; "": the one that has no name."""
    told = _told()
    named = [str(name) for name, one in told.items() if isinstance(one, Mapping) and "client_id" in one]
    return [*([""] if "client_id" in told else []), *named]


def leave() -> None:
    """Back from a link to one's own workspace, or to signing in."""
    st.session_state.pop(SHARE, None)
    st.query_params.pop(SHARE, None)


def held() -> bool:
    """Whether this session came with anything: a link, or a signing in."""
    return linked() or _claims() is not None


def linked() -> bool:
    """Whether this session came with a link, whatever it opens."""
    return SHARE in st.session_state


def give_up() -> None:
    """Let go of what this session came with and that opens nothing."""
    if linked():
        leave()
    else:
        st.logout()


def sign_in(provider: str) -> None:
    """Go to who signs people in. Raises ConfigError where the server is not ready for that."""
    hint = words.say("Tell who runs this server: README says what it needs, under “For several people”.")
    if find_spec("authlib") is None:
        raise ConfigError(words.say("Signing in needs a package that is not installed: fairdash[signin]."), hint)
    try:
        st.login(provider or None)
    except StreamlitAuthError as error:
        raise ConfigError(
            words.say("Nobody can sign in here: {reason}", reason=" ".join(str(error).split())), hint
        ) from error


def sign_out() -> None:
    """End this signing in, here and in every tab that has it."""
    claims = _claims()
    if claims is not None:
        people.sign_out(session().workspace, claims)
    st.logout()


def _claims() -> dict[str, Any] | None:
    """What the identity token says that Streamlit checked; None for one who did not sign in."""
    told: dict[str, Any] = dict(st.user.to_dict())
    return told if told.get("is_logged_in") else None


def _roles() -> Roles:
    told = st.secrets.get("roles", {})
    if not isinstance(told, Mapping):
        told = {"": told}
    return Roles.of(
        {str(name): list(value) if isinstance(value, list | tuple) else value for name, value in told.items()}
    )
