"""Who may come in: a browser at pages that this server itself gave it, and while nobody signs in that of this machine
alone.

A page of another site, open in the same browser, can send requests here; and a name of another site can be pointed at
this machine. Neither may look, over HTTP or over a WebSocket.
"""

from __future__ import annotations

from starlette.responses import PlainTextResponse

from fairdash import settings, words
from fairdash.api.guard import ASGI, HOST, OWN_NAMES, Message, Receive, Send, is_here
from fairdash.ui import access

_COUNTS = "/_stcore/metrics"  # Streamlit's: which function was asked how often, by all people together
_REFUSED = {"type": "websocket.close", "code": 1008}  # before it was accepted: the browser is answered 403


class OwnSite:
    """Refuses what was asked under a foreign name (Host) or from a page of another site (Origin), with 403; and where
    people sign in, to tell anybody what all of them do."""

    def __init__(self, app: ASGI) -> None:
        self.app = app

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """One ASGI call."""
        if scope["type"] == "http" and scope["path"].rstrip("/").endswith(_COUNTS) and access.on():
            await PlainTextResponse(words.say("Who runs this server does not tell what people do on it."), 403)(
                scope, receive, send
            )
        elif scope["type"] not in ("http", "websocket") or _own(scope):
            await self.app(scope, receive, send)
        elif scope["type"] == "websocket":
            await receive()  # the wish to connect
            await send(_REFUSED)
        else:
            said = words.say(
                "This server answers its own pages alone, and while nobody signs in this machine alone. Its operator "
                "names more hosts in FAIRDASH_API_HOSTS."
            )
            await PlainTextResponse(said, 403)(scope, receive, send)


def _own(scope: Message) -> bool:
    sent = [(bytes(name).lower(), bytes(value).decode("latin-1").lower()) for name, value in scope["headers"]]
    hosts = [value for name, value in sent if name == b"host"]
    called = HOST.fullmatch(hosts[0]) if len(hosts) == 1 else None
    names = settings.api_hosts() | access.hosts()
    if called is None or called[1] not in (*OWN_NAMES, *names):
        return False
    if not names and not is_here(scope.get("server")):  # others can ask there, and nobody asks who they are
        return False
    return all(value.partition("://")[2] == hosts[0] for name, value in sent if name == b"origin")
