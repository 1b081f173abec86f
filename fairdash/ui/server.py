"""What surrounds the pages: the API, response headers, and the watch over jobs while the server runs."""

from __future__ import annotations

import asyncio
import gc
import importlib
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from starlette.middleware import Middleware
from streamlit import config

from fairdash import __version__, entries, log, settings, shares, trail, words
from fairdash.api import app
from fairdash.api.endpoints import Shelf
from fairdash.api.guard import ASGI, Message, Receive, Send
from fairdash.jobs import runner
from fairdash.ui import access
from fairdash.ui.back import BackAgain
from fairdash.ui.door import OwnSite
from fairdash.workspace import Workspace

REAP_SECONDS = 1.0
EXPIRE_TURNS = 3600  # turns of that from one look for expired data to the next: an hour
TORCH_AFTER_SECONDS = 4.0  # the first page is drawn by then
PAGES_OF = ("context", "portrait", "upload", "training", "auditing", "exploring", "mitigating", "comparing")

# Everything comes from this server: nothing is fetched elsewhere and no other site may frame the pages. Streamlit and
# plotly set inline styles, and compile expressions; their scripts are otherwise this server's own.
_POLICY = "; ".join(
    (
        "default-src 'self'",
        "script-src 'self' 'unsafe-inline' 'unsafe-eval' 'wasm-unsafe-eval' blob:",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data: blob:",
        "font-src 'self' data:",
        "connect-src 'self' ws: wss: blob: data:",
        "worker-src 'self' blob:",
        "frame-src 'self' blob: data:",
        "frame-ancestors 'self'",
        "form-action 'self'",
        "base-uri 'self'",
        "object-src 'none'",
    )
)
HEADERS = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "SAMEORIGIN",
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Cross-Origin-Opener-Policy": "same-origin",
}


class SecurityHeaders:
    """Puts HEADERS on every HTTP response, each once: two of one name are none to some browsers."""

    def __init__(self, app: ASGI) -> None:
        self.app = app

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """One ASGI call."""

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                ours = {name.lower().encode(): value.encode() for name, value in HEADERS.items()}
                others = [(name, value) for name, value in message.get("headers", []) if name.lower() not in ours]
                message["headers"] = [*others, *ours.items()]
            await send(message)

        await self.app(scope, receive, with_headers if scope["type"] == "http" else send)


def _look_after(expire: bool) -> None:
    """Notice dead workers, start what waits; now and then remove what was kept for as long as it may be."""
    with trail.acting("server"):
        home = Workspace.default()
        runner.reap(home)
        if expire:
            shares.expire(home.root)
            for workspace in home.all():
                entries.expire(workspace)


async def _watch_jobs() -> None:
    said, turn = "", 0
    while True:
        try:
            await asyncio.to_thread(_look_after, turn % EXPIRE_TURNS == 0)
            said = ""
        except Exception as error:  # a full disk or a locked table must not end the watch
            if str(error) != said:  # once, not every second
                log.fault(error, "server")
            said = str(error)
        turn += 1
        await asyncio.sleep(REAP_SECONDS)


async def _load_torch() -> None:
    await asyncio.sleep(TORCH_AFTER_SECONDS)
    await asyncio.to_thread(importlib.import_module, "torch")
    _keep_loaded()


def _keep_loaded() -> None:
    """What is loaded stays: no collection of garbage looks at it again. Streamlit collects after every script run, and
    a look at a million objects of libraries takes longer than most pages."""
    gc.collect()
    gc.freeze()


def _who_may_come() -> str:
    """Said where the server is started."""
    if access.on():
        return words.say("People sign in; each sees the own workspace.")
    if settings.api_hosts():
        return words.say("Nobody signs in: whoever reaches this server, also under {names}, may do everything.",
                         names=", ".join(sorted(settings.api_hosts())))  # fmt: skip
    return words.say("Nobody signs in, so it answers this machine alone.")


@asynccontextmanager
async def lifespan(_: Any) -> AsyncIterator[dict[str, Any] | None]:
    """Jobs that died are noticed, and waiting ones are started, while the server runs; running jobs outlive it. What
    pages are made of is loaded before the first person comes, and torch, which takes seconds, soon after."""
    if Path(sys.argv[0]).name == "app.py":  # under `streamlit run`; other servers say themselves where they listen
        address, port = config.get_option("server.address"), config.get_option("server.port")
        print(f"FairDash {__version__} is at http://{address}:{port}", flush=True)
        print(_who_may_come(), flush=True)
    watch = asyncio.create_task(_watch_jobs())
    for page in PAGES_OF:
        importlib.import_module(f"fairdash.ui.{page}")
    _keep_loaded()
    warm = asyncio.create_task(_load_torch())
    try:
        yield None
    finally:
        for task in (warm, watch):
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


ROUTES = app.routes(Shelf(), access.on)
MIDDLEWARE = [Middleware(SecurityHeaders), Middleware(OwnSite), Middleware(BackAgain)]
