"""Links to one audit or comparison: made, listed and taken back on the Report page."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from urllib.parse import urlencode, urlsplit

import streamlit as st

from fairdash import settings, shares, words
from fairdash.shares import Share
from fairdash.ui import access, account, parts, state
from fairdash.workspace import Kind

_DAYS = (1, 7, 30, 90)
_TOLD: dict[Kind, str] = {
    "audits": words.later("A link to an audit, made on {made}, until {until} (UTC)."),
    "comparisons": words.later("A link to a comparison, made on {made}, until {until} (UTC)."),
}
_MADE = "share-made"  # in the session: the token of the link that was just made, which nothing else tells


def popover(kind: Kind, digest: str) -> None:
    """Make a link to what is in view; nothing where nobody signs in, or for who may not."""
    if not access.on() or not access.may("work"):
        return
    with st.popover(words.say("Share"), icon=":material/share:", key="share-open"):
        st.caption(words.say("Whoever has the link sees this report, and nothing else of yours, without signing in. "
                             "They can change nothing. It can be taken back at any time."))  # fmt: skip
        offered = [days for days in _DAYS if days <= settings.SHARE_DAYS]
        days = st.selectbox(words.say("It lasts"), offered, index=min(1, len(offered) - 1), key="share-days",
                            format_func=lambda n: words.say("{n} day", "{n} days", n=n))  # fmt: skip
        parts.submit(words.say("Make a link"), _give, kind, digest, days, type="primary", key="share-make")
        token = st.session_state.get(_MADE, {}).get(digest)
        if token is not None:
            st.code(address(token), language=None, wrap_lines=True)
            st.caption(words.say("Copy it now: of the link itself nothing is kept, and it is not shown again."))
        listed([one for one in shares.of(state.workspace()) if one.digest == digest])


def _give(kind: Kind, digest: str, days: int) -> None:
    st.session_state[_MADE] = {digest: shares.give(state.workspace(), kind, digest, days)}


def address(token: str) -> str:
    """The link that holds a token, on this server."""
    here = urlsplit(st.context.url or "")
    return f"{here.scheme}://{here.netloc}/{account.VISITORS}?{urlencode({access.SHARE: token})}"


def listed(found: Sequence[Share], *, oversee: bool = False, whose: str = "") -> None:
    """Links with the time of each and a button that takes it back."""
    for one in found:
        made, until = (f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M}" for at in (one.created, one.expires))
        with st.container(horizontal=True, vertical_alignment="center", border=oversee, key=f"share-{one.id[:12]}"):
            told = words.say(_TOLD[one.kind], made=made, until=until)
            st.markdown(f"{whose}  \n{told}" if whose else told, width="stretch")
            parts.act(words.say("Take back"), _revoke, one.id, oversee, icon=":material/link_off:",
                      key=f"revoke-{one.id[:12]}")  # fmt: skip


def _revoke(share: str, oversee: bool) -> None:
    shares.revoke(state.workspace(), share, oversee=oversee and access.may("oversee"))
