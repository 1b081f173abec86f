"""The API as an ASGI app, beside the pages (`routes`) or alone (`serve`)."""

from __future__ import annotations

import asyncio
import json
import os
import socket
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from fairdash import __version__, documents, log, settings
from fairdash.api.document import PATH, document
from fairdash.api.endpoints import ENDPOINTS, Endpoint, Shelf
from fairdash.api.guard import Declined, Guard, answered
from fairdash.errors import ConfigError, FairDashError
from fairdash.jobs import runner
from fairdash.recommenders.device import one_thread
from fairdash.words import say
from fairdash.workspace import Workspace

Handler = Callable[[Request], Coroutine[Any, Any, Response]]


def api(shelf: Shelf, signed: Callable[[], bool] = lambda: False) -> Guard:
    """The endpoints and their document. signed: whether people sign in beside them."""

    async def described(_: Request) -> Response:
        return answered(document())

    routes = [Route(one.path, _handler(one, shelf), methods=[one.method]) for one in ENDPOINTS]
    faults: Any = {HTTPException: _lost, Exception: _broken}
    app = Starlette(routes=[*routes, Route(PATH, described)], exception_handlers=faults)
    app.router.redirect_slashes = False
    return Guard(app, signed=signed)


def routes(shelf: Shelf, signed: Callable[[], bool] = lambda: False) -> list[BaseRoute]:
    """What an app has to route to the API: all below /api, so that no page answers there."""
    app = api(shelf, signed)
    return [Route("/healthz", health), *(Route(path, app) for path in (PATH, "/api", "/api/{rest:path}"))]


async def health(_: Request) -> JSONResponse:
    """200 when the job table answers, 503 when it does not."""
    try:
        active = len(await asyncio.to_thread(lambda: runner.everybodys(Workspace.default()).active()))
    except Exception as error:  # whatever is wrong with the store, the answer is that the service is not well
        return JSONResponse({"status": "unwell", "reason": type(error).__name__}, status_code=503)
    return JSONResponse({"status": "ok", "version": __version__, "active_jobs": active})


def serve(run: Path, host: str, port: int, ready: Callable[[str], None]) -> None:
    """Serve one run's folder until the process is told to end. ready: is told the address when all is read.

    Raises ConfigError for another address than this machine's own without a token, and for one that is taken."""
    import uvicorn

    if host not in ("localhost", "127.0.0.1", "::1") and not settings.api_token():
        raise ConfigError(
            say("On {host} others can ask, and there is no token.", host=host),
            say("Set FAIRDASH_API_TOKEN, or leave out --host."),
        )
    if not 0 <= port < 1 << 16:
        raise ConfigError(say("There is no port {port}.", port=str(port)), say("Choose another --port."))
    one_thread()
    shelf = Shelf(run)
    shelf.answering(None).warm()
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listening = socket.create_server((host, port), family=family)
    except OSError as error:
        raise ConfigError(
            say("{host}, port {port} cannot be listened at: {error}.", host=host, port=str(port), error=str(error)),
            say("Choose another --port."),
        ) from error
    shown = f"[{host}]" if ":" in host else host
    # the head and the body of an answer are two writes; else the second waits 40 ms for word that the first was read
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    with listening:
        ready(f"http://{shown}:{listening.getsockname()[1]}")
        app = Starlette(routes=routes(shelf))
        config = uvicorn.Config(app, access_log=False, log_level="warning", proxy_headers=False, server_header=False)
        uvicorn.Server(config).run(sockets=[listening])


# --- requests ---------------------------------------------------------------------------------------------------------


def _handler(endpoint: Endpoint, shelf: Shelf) -> Handler:
    # as many at once as compute at once, in the order in which they came: more would wait for each other in any order
    turns = asyncio.Semaphore(os.cpu_count() or 1)

    async def handle(request: Request) -> Response:
        try:
            given = await _body(request) if endpoint.body is not None else request.path_params.get("id")
            async with turns:
                if await request.is_disconnected():  # whoever is gone is passed over
                    raise Declined(400, say("Nobody waits for the answer any more."))
                return answered(await asyncio.to_thread(endpoint.answer, shelf, given))
        except Declined as declined:
            return declined.answer
        except FairDashError as error:
            return Declined(422, error.message, error.hint).answer

    return handle


async def _body(request: Request) -> Any:
    """The JSON value of a request. Raises Declined for anything else."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json" or request.headers.get("content-encoding", "identity") != "identity":
        raise Declined(415, say("The body is no plain JSON."), say("Send it with Content-Type: application/json."))
    most, read = settings.API_BODY_KB << 10, bytearray()
    try:
        async with asyncio.timeout(settings.API_BODY_SECONDS):
            async for chunk in request.stream():
                read += chunk
                if len(read) > most:
                    raise Declined(
                        413,
                        say("The body is larger than {n} KB.", n=settings.API_BODY_KB),
                        say("Send less at once."),
                        {"Connection": "close"},
                    )
    except TimeoutError:
        raise Declined(
            408,
            say("The body did not arrive within {n} seconds.", n=settings.API_BODY_SECONDS),
            say("Send less at once."),
            {"Connection": "close"},
        ) from None
    except ClientDisconnect:  # nobody is there to read the answer
        raise Declined(400, say("The body ended too soon.")) from None
    try:
        value = documents.loads(read.decode("utf-8"))
        json.dumps(value, ensure_ascii=False, allow_nan=False).encode("utf-8")  # halves of letters, infinite numbers
    except (ValueError, RecursionError) as error:
        raise Declined(
            400,
            say("The body is no valid JSON: {reason}.", reason=str(error)[:100]),
            say("NaN and Infinity are no JSON."),
        ) from None
    return value


async def _lost(request: Request, error: Exception) -> Response:
    """No such path, or no such method of it."""
    assert isinstance(error, HTTPException)
    status = error.status_code
    message = say("There is nothing here.") if status == 404 else say("This cannot be done here.")
    return Declined(status, message, say("GET /openapi.json says what there is."), error.headers).answer


async def _broken(request: Request, error: Exception) -> Response:
    """A fault of ours: it stands in the log of the server under the number that is told."""
    number = log.fault(error, "api")
    return Declined(
        500, say("Something went wrong here (number {number}).", number=number), say("The log of the server says more.")
    ).answer
