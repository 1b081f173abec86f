"""The server alone: `python -m fairdash serve` in a process of its own, and what it refuses to do."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import httpx
import pytest

from fairdash import cli
from fairdash.api.app import api, serve
from fairdash.api.endpoints import ENDPOINTS, Shelf
from fairdash.run import Run

T = TypeVar("T")
ROOT = Path(__file__).parents[3]


def test_a_run_is_served_until_the_process_ends(run: Run) -> None:
    command = [sys.executable, "-m", "fairdash", "serve", "--run", str(run.folder), "--port", "0"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        try:
            assert process.stdout is not None
            found = re.search(r"http://127\.0\.0\.1:\d+", process.stdout.readline())
            assert found
            body = json.dumps({"history": ["f0001"], "k": 3}).encode()
            asked = urllib.request.Request(
                f"{found[0]}/api/v1/recommendations", body, {"Content-Type": "application/json"}
            )
            with urllib.request.urlopen(asked) as answer:
                assert len(json.load(answer)["items"]) == 3
            with urllib.request.urlopen(f"{found[0]}/healthz") as answer:
                assert json.load(answer)["status"] == "ok"
        finally:
            process.send_signal(signal.SIGTERM)
    assert process.returncode in (0, -signal.SIGTERM)


def test_others_are_not_let_in_without_a_token(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["serve", "--run", str(run.folder), "--host", "0.0.0.0"]) == cli.EXIT_ERROR
    assert "FAIRDASH_API_TOKEN" in capsys.readouterr().err


def test_a_port_that_is_taken_is_said(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        assert cli.main(["serve", "--run", str(run.folder), "--port", port]) == cli.EXIT_ERROR
    assert port in capsys.readouterr().err
    assert cli.main(["serve", "--run", str(run.folder), "--port", "99999"]) == cli.EXIT_ERROR


def test_the_container_holds_what_the_app_needs() -> None:
    """Docker itself is not at hand where tests run."""
    text = (ROOT / "Dockerfile").read_text("utf-8")
    for copied in re.findall(r"^COPY (\S+)", text, re.M):
        assert (ROOT / copied).exists(), copied
    assert re.search(r"^HEALTHCHECK", text, re.M)
    assert "/healthz" in text
    assert re.search(r"^USER fairdash", text, re.M)
    port = re.search(r"^EXPOSE (\d+)", text, re.M)
    assert port
    assert text.count(port[1]) >= 4  # in the health check and the command, too


def test_the_body_of_an_answer_does_not_wait_for_its_head(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[bool] = []
    monkeypatch.setattr("torch.set_num_threads", lambda _: None)  # the tests go on

    def listens(_: object, sockets: list[socket.socket]) -> None:
        asked.append(bool(sockets[0].getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)))

    monkeypatch.setattr("uvicorn.Server.run", listens)
    serve(run.folder, "localhost", 0, lambda _: None)
    assert asked == [True]


def test_people_who_are_answered_at_once_share_no_threads(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a server has nothing else to do: the app's own keeps its threads for its pages."""
    asked: list[int] = []
    monkeypatch.setattr("torch.set_num_threads", asked.append)
    Shelf(run.folder).answering(None)
    assert not asked
    monkeypatch.setattr("uvicorn.Server.run", lambda *_, **__: None)
    serve(run.folder, "localhost", 0, lambda _: None)
    assert asked == [1]


def alone(asked: Coroutine[Any, Any, T]) -> T:
    """What is asked, in a thread that has no loop: tests in a browser before it have one that goes on."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, asked).result()


def test_requests_take_turns_in_the_order_in_which_they_came(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """As many at once as there are processors: with more, some would wait for all others."""
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    at_once, most, order = 0, 0, []
    lock, begun = threading.Lock(), threading.Barrier(2)

    def answer(_: Shelf, body: Any) -> dict[str, Any]:
        nonlocal at_once, most
        with lock:
            at_once, most = at_once + 1, max(most, at_once + 1)
            order.append(body["k"])
        begun.wait(60)
        with lock:
            at_once -= 1
        return {}

    slow = replace(ENDPOINTS[0], answer=answer)
    monkeypatch.setattr("fairdash.api.app.ENDPOINTS", (slow,))

    async def ask() -> list[int]:
        here = httpx.ASGITransport(api(Shelf(run.folder)))
        async with httpx.AsyncClient(transport=here, base_url="http://localhost") as client:
            found = await asyncio.gather(*(client.post(slow.path, json={"k": number}) for number in range(8)))
        return [one.status_code for one in found]

    assert alone(ask()) == [200] * 8
    assert most == 2
    assert [sorted(order[i : i + 2]) for i in range(0, 8, 2)] == [[0, 1], [2, 3], [4, 5], [6, 7]]


def test_who_is_gone_when_their_turn_comes_is_passed_over(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []
    noted = replace(ENDPOINTS[0], answer=lambda _, body: asked.append(body) or {})
    monkeypatch.setattr("fairdash.api.app.ENDPOINTS", (noted,))
    headers = [(b"host", b"localhost"), (b"content-type", b"application/json")]
    scope = {"type": "http", "method": "POST", "path": noted.path, "raw_path": noted.path.encode(), "query_string": b"",
             "root_path": "", "scheme": "http", "headers": headers, "client": ("127.0.0.1", 1),
             "server": ("localhost", 80), "http_version": "1.1"}  # fmt: skip

    async def ask(*after: dict[str, Any]) -> None:
        messages = iter([{"type": "http.request", "body": b"{}", "more_body": False}, *after])

        async def receive() -> Any:
            told = next(messages, None)
            if told is None:
                await asyncio.Event().wait()  # they wait for their answer
            return told

        async def send(_: Any) -> None: ...

        await api(Shelf(run.folder))(scope, receive, send)

    alone(ask({"type": "http.disconnect"}))
    assert not asked
    alone(ask())
    assert asked == [{}]
