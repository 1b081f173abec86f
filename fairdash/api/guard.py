"""Who may ask, and how often. Without a token this machine alone: who asks comes from it, and calls it by its own name,
so that neither a page of another site in somebody's browser nor a name that was pointed here can ask in their place.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import json
import re
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping, MutableMapping, Sequence
from typing import Any

from starlette.responses import Response

from fairdash import settings, words
from fairdash.api.shapes import Failed, Fault, plain
from fairdash.words import say

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
ASGI = Callable[[Message, Receive, Send], Awaitable[None]]

OWN_NAMES = ("localhost", "127.0.0.1", "[::1]")
MAX_ADDRESSES = 10_000  # whose rate is known; the one that was longest away is forgotten first
FORWARDING = (b"forwarded", b"x-forwarded-for", b"x-forwarded-host", b"x-real-ip")  # what a proxy tells of others
HOST = re.compile(r"(\[[0-9a-fA-F:.]+\]|[\w.-]+?)\.?(:\d{1,5})?", re.ASCII)
HEADERS = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}


class Declined(Exception):  # noqa: N818 - it is the asker's fault
    """A request that is not followed, with the status of the answer."""

    def __init__(self, status: int, message: str, hint: str = "", headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status, self.message, self.hint, self.headers = status, message, hint, headers or {}

    @property
    def answer(self) -> Response:
        """What is sent."""
        return answered(Failed(Fault(self.status, self.message, self.hint)), self.status, self.headers)


def answered(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A dataclass or a JSON value as an answer."""
    text = json.dumps(plain(value), ensure_ascii=False, allow_nan=False)
    return Response(text, status, {**HEADERS, **(headers or {})}, "application/json")


class Guard:
    """Lets through to an app what may be asked of it, in the language of whoever asks. signed: whether people sign in
    beside it: then it is not enough to be on this machine, from which a proxy asks for everybody."""

    def __init__(
        self, app: ASGI, clock: Callable[[], float] = time.monotonic, signed: Callable[[], bool] = lambda: False
    ) -> None:
        self.app, self.clock, self.signed = app, clock, signed
        self.spent: OrderedDict[str, tuple[float, float]] = OrderedDict()  # address → requests ahead, when

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """One ASGI call."""
        if scope["type"] != "http":
            return
        headers = named(scope)
        with words.speaking(wished(headers)):
            app = self.app
            try:
                self._slow_down(scope)
                _check(scope, headers, self.signed())
            except Declined as declined:
                app = declined.answer
            await app(scope, receive, send)

    def _slow_down(self, scope: Message) -> None:
        """Each address has settings.API_RATE requests a second, and may be as many ahead."""
        address, now = str((scope.get("client") or ("",))[0]), self.clock()
        ahead, before = self.spent.pop(address, (0.0, now))
        ahead = max(0.0, ahead - (now - before) * settings.API_RATE)
        allowed = ahead + 1 <= settings.API_RATE
        self.spent[address] = (ahead + allowed, now)
        if len(self.spent) > MAX_ADDRESSES:
            self.spent.popitem(last=False)
        if not allowed:
            raise Declined(
                429,
                say("More than {n} requests a second.", n=settings.API_RATE),
                say("Wait a moment, or send events in batches."),
                {"Retry-After": "1"},
            )


def _check(scope: Message, headers: Mapping[bytes, list[bytes]], alone: bool) -> None:
    """Raises Declined for what may not be asked. alone: the token alone opens, from wherever."""
    hosts = headers.get(b"host", [])
    called = HOST.fullmatch(hosts[0].decode("latin-1")) if len(hosts) == 1 else None
    name = called[1].lower() if called else ""
    if name not in OWN_NAMES and name not in settings.api_hosts():
        raise Declined(
            403,
            say("This server does not go by the name in the header Host."),
            say("Call it by 127.0.0.1 or localhost, or name it in FAIRDASH_API_HOSTS."),
        )
    if foreign(headers):
        raise Declined(
            403,
            say("Pages of another site may not ask."),
            say("Ask from a server, or from a page of this one."),
        )
    token = settings.api_token()
    if token:
        if not _bears(headers.get(b"authorization", []), token):
            raise Declined(
                401,
                say("The token is missing or wrong."),
                say("Send it in a header, Authorization: Bearer TOKEN, as it stands in FAIRDASH_API_TOKEN."),
                {"WWW-Authenticate": "Bearer"},
            )
    elif alone or not is_here(scope.get("client")) or any(name in headers for name in FORWARDING):
        raise Declined(
            403,
            say("Without a token the API answers this machine alone."),
            say("Set FAIRDASH_API_TOKEN where the server is started, and send it with each request."),
        )


def _bears(given: list[bytes], token: str) -> bool:
    """Whether the one header Authorization bears the token; how long it takes tells nothing of it."""
    scheme, _, own = (given[0] if len(given) == 1 else b"").partition(b" ")
    same = hmac.compare_digest(hashlib.sha256(own.strip()).digest(), hashlib.sha256(token.encode()).digest())
    return same and scheme.lower() == b"bearer"


def named(scope: Message) -> dict[bytes, list[bytes]]:
    """The headers of a request by their names in small letters."""
    found: dict[bytes, list[bytes]] = {}
    for name, value in scope["headers"]:
        found.setdefault(bytes(name).lower(), []).append(bytes(value))
    return found


def wished(headers: Mapping[bytes, Sequence[bytes]]) -> str:
    """The language that whoever asks would like best, where it is there."""
    wish = headers.get(b"accept-language", [b""])[0].decode("latin-1")
    return words.nearest(re.split("[,;]", wish)[0].strip()) or words.ENGLISH


def foreign(headers: Mapping[bytes, Sequence[bytes]]) -> bool:
    """Whether a page of another site had a browser ask, by what browsers say themselves: Origin, and Sec-Fetch-Site,
    which stands also where they send no Origin (pictures, scripts, frames). Who follows a link here is not foreign."""
    host = b"".join(headers.get(b"host", ())).lower()
    if any(origin.lower().partition(b"://")[2] != host for origin in headers.get(b"origin", ())):
        return True
    led = headers.get(b"sec-fetch-mode") == [b"navigate"] and headers.get(b"sec-fetch-dest") == [b"document"]
    return not led and not set(headers.get(b"sec-fetch-site", ())) <= {b"same-origin", b"none"}  # none: by hand


def is_here(end: Sequence[Any] | None) -> bool:
    """Whether an end of a connection (its address first) is one that only this machine can reach: of who asks, that
    they are on it; of where they were let in, that nobody else can be."""
    told = str((end or ("",))[0])
    try:
        address = ipaddress.ip_address(told)
    except ValueError:
        return told == "localhost"
    return (getattr(address, "ipv4_mapped", None) or address).is_loopback
