"""Who may come in: a browser at pages that this server itself gave it, and while nobody signs in that of this machine
alone.

A page of another site, open in the same browser, can send requests here; and a name of another site can be pointed at
this machine. Neither may look, over HTTP or over a WebSocket, nor sign anybody out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from urllib.parse import urlsplit

from starlette.responses import PlainTextResponse

from fairdash import settings, words
from fairdash.api.guard import ASGI, HOST, OWN_NAMES, Message, Receive, Send, foreign, is_here, named, wished
from fairdash.ui import access

_COUNTS = "/_stcore/metrics"  # Streamlit's: which function was asked how often, by all people together
_OUT = "/auth/logout"  # Streamlit's: whoever asks for it with somebody's cookie signs them out
_REFUSED = {"type": "websocket.close", "code": 1008}  # before it was accepted: the browser is answered 403


class OwnSite:
    """Refuses, with 403, what was asked under a foreign name (Host) or from a page of another site (`guard.foreign`);
    and where people sign in, to tell anybody what all of them do, and to sign somebody out from elsewhere."""

    def __init__(self, app: ASGI) -> None:
        self.app = app

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """One ASGI call."""
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        headers = named(scope)
        with words.speaking(wished(headers)):
            said = _refused(scope, headers)
        if not said:
            await self.app(scope, receive, send)
        elif scope["type"] == "websocket":
            await receive()  # the wish to connect
            await send(_REFUSED)
        else:
            await PlainTextResponse(said, 403)(scope, receive, send)


def _refused(scope: Message, headers: Mapping[bytes, Sequence[bytes]]) -> str:
    """Why a request is not followed; "": it is."""
    path = scope["path"].rstrip("/") if scope["type"] == "http" else ""
    if not _own(scope, headers):
        return words.say(
            "This server answers its own pages alone, and while nobody signs in this machine alone. Its operator "
            "names more hosts in FAIRDASH_API_HOSTS."
        )
    if path.endswith(_COUNTS) and access.on():
        return words.say("Who runs this server does not tell what people do on it.")
    if path.endswith(_OUT) and not _by_themselves(headers):
        return words.say("Nobody was signed out: by what this browser says, no page of this server asked for it.")
    return ""


def _own(scope: Message, headers: Mapping[bytes, Sequence[bytes]]) -> bool:
    hosts = [value.decode("latin-1").lower() for value in headers.get(b"host", ())]
    called = HOST.fullmatch(hosts[0]) if len(hosts) == 1 else None
    names = settings.api_hosts() | access.hosts()
    if called is None or called[1] not in (*OWN_NAMES, *names):
        return False
    if not names and not is_here(scope.get("server")):  # others can ask there, and nobody asks who they are
        return False
    if scope["type"] == "websocket" and b"origin" not in headers:  # each browser says where its page is from
        return False
    return not foreign(headers)


def _by_themselves(headers: Mapping[bytes, Sequence[bytes]]) -> bool:
    """Whether a page of this server asked, or its person by hand. Browsers that do not say (over HTTP from afar they do
    not) name the page that they come from."""
    site, pages = headers.get(b"sec-fetch-site"), headers.get(b"referer", [])
    if site is not None:
        return set(site) <= {b"same-origin", b"none"}
    try:
        return len(pages) == 1 and urlsplit(pages[0].lower()).netloc == headers[b"host"][0].lower()
    except ValueError:
        return False
