"""Who may come in while nobody signs in: this machine's own browser, at pages that this server itself gave it.

A page of another site, open in the same browser, can send requests here; and a name of another site can be pointed at
this machine. Neither may look, over HTTP or over a WebSocket.
"""

from __future__ import annotations

import ipaddress
import os
import re
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from starlette.responses import PlainTextResponse

from fairdash import words

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
ASGI = Callable[[Message, Receive, Send], Awaitable[None]]

OWN_NAMES = ("localhost", "127.0.0.1", "[::1]")
_HOST = re.compile(r"(\[[0-9a-f:.]+\]|[\w.-]+?)\.?(:\d{1,5})?", re.ASCII)
_REFUSED = {"type": "websocket.close", "code": 1008}  # before it was accepted: the browser is answered 403


def names() -> tuple[str, ...]:
    """What this server may be called: its own names, and those in FAIRDASH_HOSTS, as of a proxy before it."""
    more = os.environ.get("FAIRDASH_HOSTS", "").lower().split(",")
    return (*OWN_NAMES, *(name.strip() for name in more if name.strip()))


class OwnSite:
    """Refuses what was asked under a foreign name (Host) or from a page of another site (Origin), with 403."""

    def __init__(self, app: ASGI) -> None:
        self.app = app

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """One ASGI call."""
        if scope["type"] not in ("http", "websocket") or _own(scope):
            await self.app(scope, receive, send)
        elif scope["type"] == "websocket":
            await receive()  # the wish to connect
            await send(_REFUSED)
        else:
            said = words.say(
                "This server answers its own pages alone. Its operator names more hosts in FAIRDASH_HOSTS."
            )
            await PlainTextResponse(said, 403)(scope, receive, send)


def _own(scope: Message) -> bool:
    sent = [(bytes(name).lower(), bytes(value).decode("latin-1").lower()) for name, value in scope["headers"]]
    hosts = [value for name, value in sent if name == b"host"]
    called = _HOST.fullmatch(hosts[0]) if len(hosts) == 1 else None
    if called is None or (_is_loopback(scope) and called[1] not in names()):
        return False
    return all(value.partition("://")[2] == hosts[0] for name, value in sent if name == b"origin")


def _is_loopback(scope: Message) -> bool:
    """Whether the request came in where only this machine can ask: there no other name is meant."""
    address = str((scope.get("server") or ("",))[0])
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return address == "localhost"
