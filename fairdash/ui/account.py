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
                st.caption(words.say("You may look, in every way that takes no job. What changes something is for "
                                     "auditors: to import, train, mitigate, compare anew, share, delete."))  # fmt: skip
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
        st.markdown(
            words.say("FairDash shows what groups of people get from a recommender, and what can be done about it.")
        )
        st.info(f"**{words.plain(nobody.message, 300)}**\n\n{words.plain(nobody.hint, 300)}", icon=":material/lock:")
        if not access.providers():
            st.caption(words.say("The secrets of this server do not say how, so that nobody can."))
        with st.container(horizontal=True, key="ways-in"):
            for name in access.providers():
                label = words.say("Sign in with {name}", name=words.plain(name, 40)) if name else words.say("Sign in")
                parts.act(label, access.sign_in, name, type="primary", icon=":material/login:", key=f"sign-in-{name}")
            if access.held():  # a link that opens nothing, or somebody without a role: the way back
                back = words.say("Go on without this link") if access.linked() else words.say("Use another account")
                parts.act(back, access.give_up, icon=":material/logout:", key="give-up")
        parts.last_fault()
        return False
    return True


def visit(current: StreamlitPage) -> None:
    """What a visitor sees: the one page that a link opens, whichever was asked for."""
    if current.url_path == VISITORS:
        current.run()
    else:
        with st.container(border=True, key="elsewhere"):
            st.markdown(words.say("**Your link shows one report**, and none of the other pages."))
            token = {access.SHARE: st.session_state[access.SHARE]}
            parts.go(VISITORS, words.say("Open what was shared with you"), icon=":material/description:", **token)
