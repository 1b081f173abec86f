"""What surrounds the pages: health, headers, the watch over jobs."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from fairdash.jobs import runner
from fairdash.ui import server
from fairdash.workspace import Workspace


@pytest.fixture
def client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> TestClient:
    monkeypatch.setenv("FAIRDASH_HOME", str(tmp_path))
    hello = Route("/hello", lambda request: PlainTextResponse("hello"))
    app = Starlette(routes=[*server.ROUTES, hello], middleware=server.MIDDLEWARE)
    return TestClient(app, base_url="http://localhost")


def test_health_tells_version_and_active_jobs(client: TestClient, tmp_path: Path) -> None:
    runner.table(Workspace(tmp_path)).enqueue("a" * 16, "train", "t", {})
    answer = client.get("/healthz")
    assert answer.status_code == 200
    assert answer.json()["status"] == "ok"
    assert answer.json()["active_jobs"] == 1


def test_health_is_503_when_the_store_does_not_answer(client: TestClient, tmp_path: Path) -> None:
    (tmp_path / "jobs.sqlite").mkdir()
    answer = client.get("/healthz")
    assert answer.status_code == 503
    assert answer.json()["status"] == "unwell"


def test_every_answer_carries_the_headers(client: TestClient) -> None:
    answer = client.get("/hello")
    for path in ("/hello", "/openapi.json"):  # which has some of its own
        answer = client.get(path)
        for name, value in server.HEADERS.items():
            assert answer.headers.get_list(name) == [value]
    policy = answer.headers["Content-Security-Policy"]
    assert "http:" not in policy
    assert "https:" not in policy
    assert "object-src 'none'" in policy


def test_jobs_are_watched_while_the_server_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAIRDASH_HOME", str(tmp_path))
    monkeypatch.setattr(server, "REAP_SECONDS", 0.01)
    table = runner.table(Workspace(tmp_path))
    table.enqueue("a" * 16, "train", "t", {})
    table.claim_next(1)
    table.set_process("a" * 16, 2**22 - 1, 1.0)  # no such process

    async def serve() -> None:
        async with server.lifespan(None):
            for _ in range(200):
                row = table.get("a" * 16)
                if row is not None and row.state == "lost":
                    return
                await asyncio.sleep(0.02)

    with ThreadPoolExecutor(1) as thread:  # this one may have a loop already: the browser's, of a test before
        thread.submit(asyncio.run, serve()).result()
    row = table.get("a" * 16)
    assert row is not None
    assert row.state == "lost"
