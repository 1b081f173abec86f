"""Whatever is sent, the answer is one of ours: JSON that says what is wrong, no trace, no fault of the server."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Awaitable, Callable, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from starlette.testclient import TestClient

from fairdash import settings
from fairdash.api.app import api
from fairdash.api.endpoints import Shelf
from fairdash.api.guard import Guard
from fairdash.run import Run
from tests.unit.api.hostile import Hostile, requests

NUMBER = 400  # 10,000 over a socket: python -m tests.bench.api


async def asked(app: Guard, method: str, path: str, body: bytes, headers: dict[str, bytes]) -> tuple[int, bytes]:
    """Status and body of one request, given to the app as a server gives it."""
    given = {"Host": b"localhost", **headers}
    scope: dict[str, Any] = {
        "type": "http", "method": method, "path": path, "raw_path": path.encode(), "query_string": b"",
        "headers": [(name.lower().encode(), value) for name, value in given.items()], "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 1), "scheme": "http", "http_version": "1.1", "root_path": "",
    }  # fmt: skip
    sent: list[MutableMapping[str, Any]] = []

    async def receive() -> MutableMapping[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    await app(scope, receive, send)
    return sent[0]["status"], b"".join(one.get("body", b"") for one in sent)


def test_whatever_is_sent_is_answered(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "API_RATE", 10**9)
    app = api(Shelf(run.folder))

    async def every() -> list[tuple[Hostile, int, bytes]]:
        return [(one, *await asked(app, one.method, one.path, one.content, one.headers)) for one in requests(7, NUMBER)]

    with ThreadPoolExecutor(1) as thread:  # this one may have a loop already
        found = thread.submit(asyncio.run, every()).result()
    for one, status, body in found:
        assert status < 500, one
        assert b"Traceback" not in body
        assert b"site-packages" not in body
        if status >= 400 and one.method != "HEAD":
            assert json.loads(body)["error"]["status"] == status
            assert json.loads(body)["error"]["message"]
    statuses = {status for _, status, _ in found}
    assert {200, 400, 403, 404, 405, 413, 415, 422} <= statuses


def answered(run: Run, receive: Callable[[], Awaitable[MutableMapping[str, Any]]]) -> int:
    """The status of a request to add events whose body arrives so."""
    sent: list[MutableMapping[str, Any]] = []

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    headers = [(b"host", b"localhost"), (b"content-type", b"application/json")]
    scope = {"type": "http", "method": "POST", "path": "/api/v1/events", "headers": headers, "query_string": b"",
             "client": ("127.0.0.1", 1), "scheme": "http", "root_path": "", "http_version": "1.1"}  # fmt: skip
    with ThreadPoolExecutor(1) as thread:  # this one may have a loop already
        thread.submit(asyncio.run, api(Shelf(run.folder))(scope, receive, send)).result()  # type: ignore[arg-type]
    return int(sent[0]["status"])


def test_a_body_beyond_the_limit_is_not_read_to_its_end(run: Run) -> None:
    read = []

    async def receive() -> MutableMapping[str, Any]:
        read.append(1 << 20)
        assert sum(read) < (settings.API_BODY_KB << 10) + (4 << 20)
        return {"type": "http.request", "body": b" " * (1 << 20), "more_body": True}

    assert answered(run, receive) == 413


def test_a_body_that_does_not_arrive_is_not_waited_for(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "API_BODY_SECONDS", 0.05)

    async def receive() -> MutableMapping[str, Any]:
        await asyncio.Event().wait()
        raise AssertionError

    assert answered(run, receive) == 408


def test_a_fault_of_ours_is_told_without_its_trace(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("secret")

    monkeypatch.setattr(Shelf, "runs", broken)
    answer = client.get("/api/v1/runs")
    assert answer.status_code == 500
    assert re.fullmatch(r"Something went wrong here \(number [0-9a-f]{8}\)\.", answer.json()["error"]["message"])
    assert "secret" not in answer.text
