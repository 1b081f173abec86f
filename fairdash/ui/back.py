"""The way back after signing in: to the view from which somebody went to sign in, where Streamlit leads to the first
page.

The view stands in a cookie of that browser from one end of the round trip to the other. What the cookie says is taken
for a page of this app and its query, and for nothing else: it leads nobody to another site.
"""

from __future__ import annotations

from collections.abc import Callable
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

from streamlit import config

from fairdash.api.guard import ASGI, Message, Receive, Send
from fairdash.ui import access, state

COOKIE = "fairdash_back"
SECONDS = 600  # from leaving to coming back
MOST = 3000  # characters: browsers drop a cookie of more than 4,096

Headers = list[tuple[bytes, bytes]]


class BackAgain:
    """Remembers a view when its browser leaves for whoever signs people in, and leads there when it comes back."""

    def __init__(self, app: ASGI) -> None:
        self.app = app

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """One ASGI call."""
        base = f"/{config.get_option('server.baseUrlPath').strip('/')}".rstrip("/")
        path = scope.get("path") if scope["type"] == "http" else None
        if path == f"{base}/auth/login":
            said = quote(_view(_one(scope, b"referer"), _one(scope, b"host"), base), safe="")
            cookie = _cookie(said, base, SECONDS) if 0 < len(said) <= MOST else _cookie("", base, 0)
            send = _changed(send, lambda headers: [*headers, cookie])
        elif path == f"{base}/oauth2callback":
            there = f"{base}/{_remembered(scope)}".encode()

            def led(headers: Headers) -> Headers:
                ends = {b"location": lambda value: there if value.decode("latin-1").rstrip("/") == base else value}
                moved = [(name, ends.get(name.lower(), bytes)(value)) for name, value in headers]
                return [*moved, _cookie("", base, 0)]

            send = _changed(send, led)
        await self.app(scope, receive, send)


def _changed(send: Send, change: Callable[[Headers], Headers]) -> Send:
    async def told(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = change([(bytes(name), bytes(value)) for name, value in message.get("headers", ())])
        await send(message)

    return told


def _one(scope: Message, name: bytes) -> str:
    """A header that came once; "" for any other."""
    given = [bytes(value) for key, value in scope["headers"] if bytes(key).lower() == name]
    return given[0].decode("latin-1") if len(given) == 1 else ""


def _view(address: str, host: str, base: str) -> str:
    """The page of this app and the query that an address on this server names, without the link of a visitor: who signs
    in goes to what is their own. "" for every other address."""
    try:
        told = urlsplit(address)
        asked = [(name, value) for name, value in parse_qsl(told.query) if name != access.SHARE]
    except ValueError:
        return ""
    page = told.path.removeprefix(base).strip("/")
    if told.netloc.lower() != host.lower() or (page and page not in state.JOURNEY | state.OVERSIGHT):
        return ""
    return "?".join([page, urlencode(asked)] if asked else [page])


def _remembered(scope: Message) -> str:
    """The view that this browser is to be led back to, read anew: a cookie can hold what anybody wrote."""
    try:
        kept = SimpleCookie(_one(scope, b"cookie")).get(COOKIE)
    except CookieError:
        return ""
    return "" if kept is None else _view(f"//here/{unquote(kept.value)}", "here", "")


def _cookie(value: str, base: str, seconds: int) -> tuple[bytes, bytes]:
    said = f"{COOKIE}={value}; Path={base}/oauth2callback; Max-Age={seconds}; HttpOnly; SameSite=Lax"
    return b"set-cookie", said.encode("latin-1")
