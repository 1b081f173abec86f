"""Who is signed in, as the sidebar says it; signing in; and what stands there for a visitor with a link."""

from __future__ import annotations

from datetime import UTC, datetime

import streamlit as st
from streamlit.navigation.page import StreamlitPage

from fairdash import people, words
from fairdash.errors import FairDashError
from fairdash.ui import access, parts

VISITORS = "report"  # the page that a link opens: values of groups, nobody alone


def section() -> None:
    """Whose workspace this is, with the way out; nothing where nobody signs in."""
    if not access.on():
        return
    session = access.session()
    with st.container(key="account"):
        if session.share is not None:
            until = datetime.fromtimestamp(session.share.expires, UTC)
            st.caption(words.say("Shared with you, to look at, until {date} (UTC).", date=f"{until:%Y-%m-%d %H:%M}"))
            parts.act(words.say("Leave"), access.leave, icon=":material/close:", key="leave-link")
        elif session.person is not None:
            name, role = words.plain(session.person.name, 60), words.say(people.TITLES[session.role])
            st.caption(words.say("Signed in as **{name}**, {role}.", name=name, role=role))
            if not access.may("work"):
                st.caption(words.say("You may look at all that is here, in any way that takes no job. Importing, "
                                     "training, mitigating, comparing anew, sharing and deleting are for auditors."))  # fmt: skip
            parts.act(words.say("Sign out"), access.sign_out, icon=":material/logout:", key="sign-out")


def is_visitor() -> bool:
    """Whether this session is of a link."""
    return access.session().share is not None


def gate() -> bool:
    """Whether anybody is there for whom pages can be drawn; else what to do is said in their place."""
    try:
        access.begin()
        access.session()
    except FairDashError as nobody:
        st.title(words.say("Who gets what from a recommender?"))
        st.info(f"**{words.plain(nobody.message, 300)}**\n\n{words.plain(nobody.hint, 300)}", icon=":material/lock:")
        if access.held():  # a link that opens nothing, or somebody without a role: the way back
            parts.act(words.say("Leave"), access.give_up, icon=":material/logout:", key="give-up")
        if not access.providers():
            st.caption(words.say("The secrets of this server do not say how, so that nobody can."))
        for name in access.providers():
            label = words.say("Sign in with {name}", name=words.plain(name, 40)) if name else words.say("Sign in")
            parts.act(label, access.sign_in, name, type="primary", icon=":material/login:", key=f"sign-in-{name}")
        parts.last_fault()
        return False
    return True


def visit(current: StreamlitPage) -> None:
    """What a visitor sees: the one page that a link opens, whichever was asked for."""
    if current.url_path == VISITORS:
        current.run()
    else:
        token = {access.SHARE: st.session_state[access.SHARE]}
        parts.go(VISITORS, words.say("Open what was shared with you"), icon=":material/description:", **token)
