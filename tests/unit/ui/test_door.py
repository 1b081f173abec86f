"""Foreign names and pages of other sites are refused, over HTTP and over a WebSocket."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from fairdash.ui import access, door, server


def asked(kind: str, host: str | None, origin: str | None = "own", address: str = "127.0.0.1", path: str = "/",
          **more: str) -> str:  # fmt: skip
    """What comes of a request: "in", or the type of what is sent instead. origin: "own" is that of a page of the host,
    as browsers say it of each WebSocket. more: headers."""
    origin = (f"http://{host}" if kind == "websocket" else None) if origin == "own" else origin
    told = {"host": host, "origin": origin, **{name.replace("_", "-"): value for name, value in more.items()}}
    headers = [(name.encode(), value.encode()) for name, value in told.items() if value is not None]
    scope = {"type": kind, "headers": headers, "server": (address, 8501), "method": "GET", "path": path}
    found: list[str] = []

    async def app(*_: Any) -> None:
        found.append("in")

    async def receive() -> Any:
        return {"type": f"{kind}.connect"}

    async def send(message: Any) -> None:
        found.append(f"{message['type']} {message.get('status') or message.get('code') or ''}".strip())

    with ThreadPoolExecutor(1) as thread:  # this one may have a loop already: the browser's, of a test before
        thread.submit(asyncio.run, door.OwnSite(app)(scope, receive, send)).result()
    return found[0]


OWN = ["localhost:8501", "127.0.0.1:8501", "[::1]:8501", "LOCALHOST:8501", "localhost"]
FOREIGN = [
    "evil.example",
    "evil.example:8501",
    "127.0.0.1.evil.example",
    "localhost.evil.example:8501",
    "",
    "a b",
    None,
]


@pytest.mark.parametrize("kind", ["http", "websocket"])
def test_own_names_come_in_and_others_do_not(kind: str) -> None:
    refused = "http.response.start 403" if kind == "http" else "websocket.close 1008"
    assert [asked(kind, host) for host in OWN] == ["in"] * len(OWN)
    assert [asked(kind, host) for host in FOREIGN] == [refused] * len(FOREIGN)


@pytest.mark.parametrize("kind", ["http", "websocket"])
def test_pages_of_other_sites_do_not_come_in(kind: str) -> None:
    assert asked(kind, "localhost:8501", "http://localhost:8501") == "in"
    for origin in ("http://evil.example", "null", "http://localhost:9999", "http://localhost:8501.evil.example", ""):
        assert asked(kind, "localhost:8501", origin) != "in", origin


def test_a_websocket_says_where_its_page_is_from() -> None:
    assert asked("websocket", "localhost:8501", None) == "websocket.close 1008"
    assert asked("http", "localhost:8501", None) == "in"  # a browser that opens a page says nothing


SITES = ("same-origin", "none", "same-site", "cross-site", "x", "")


@pytest.mark.parametrize(
    "path", ["/", "/media/x.csv", "/api/v1/runs", "/auth/logout", "/auth/logout/", "/x/auth/logout"]
)
def test_what_browsers_say_of_the_site_that_asks_is_heard(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    host, led = "localhost:8501", {"sec_fetch_mode": "navigate", "sec_fetch_dest": "document"}
    said = [asked("http", host, path=path, sec_fetch_site=site) == "in" for site in SITES]
    assert said == [True, True, False, False, False, False]
    framed = {"sec_fetch_mode": "navigate", "sec_fetch_dest": "iframe"}
    assert asked("http", host, path=path, sec_fetch_site="cross-site", **framed) != "in"
    followed = asked("http", host, path=path, sec_fetch_site="cross-site", **led) == "in"  # a link on a page elsewhere
    assert followed == ("logout" not in path)


def test_nobody_is_signed_out_by_a_page_of_another_site() -> None:
    host, path = "localhost:8501", "/auth/logout"
    assert asked("http", host, path=path, referer="http://localhost:8501/audit?k=3") == "in"  # of an older browser
    for page in ("http://evil.example/", "http://localhost:9999/", "http://localhost:8501.evil.example/", "x", "//[x"):
        assert asked("http", host, path=path, referer=page) == "http.response.start 403", page
    assert asked("http", host, path=path) != "in"
    assert asked("http", host, path=path, sec_fetch_site="cross-site", referer=f"http://{host}/") != "in"


@pytest.mark.parametrize("kind", ["http", "websocket"])
def test_while_nobody_signs_in_this_machine_alone_comes_in(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for address in ("10.0.0.5", "192.168.0.2", "::ffff:10.0.0.5", "fe80::1", "", "host.example"):
        for host in ("localhost:8501", "10.0.0.5:8501", "fair.example"):  # a name is for whoever asks to choose
            assert asked(kind, host, address=address) != "in", (address, host)
    assert asked(kind, "localhost:8501", address="::ffff:127.0.0.1") == "in"
    monkeypatch.setenv("FAIRDASH_API_HOSTS", "fair.example")  # the operator says that others reach it
    assert asked(kind, "fair.example", "https://fair.example", address="10.0.0.5") == "in"
    assert asked(kind, "fair.example", "https://evil.example", address="10.0.0.5") != "in"
    assert asked(kind, "evil.example", address="10.0.0.5") != "in"


@pytest.mark.parametrize("kind", ["http", "websocket"])
def test_where_people_sign_in_it_goes_by_the_name_that_they_are_led_back_to(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(access, "hosts", lambda: frozenset({"fair.example"}))
    for address in ("127.0.0.1", "10.0.0.5"):
        assert asked(kind, "fair.example", "https://fair.example", address=address) == "in"
        assert asked(kind, "evil.example", address=address) != "in"
        assert asked(kind, "fair.example", "https://evil.example", address=address) != "in"


def test_where_people_sign_in_nobody_is_told_what_all_of_them_do(monkeypatch: pytest.MonkeyPatch) -> None:
    counts = ("/_stcore/metrics", "/_stcore/metrics/", "/fair/_stcore/metrics")
    assert {asked("http", "localhost", path=path) for path in counts} == {"in"}
    monkeypatch.setattr(access, "on", lambda: True)
    assert {asked("http", "localhost", path=path) for path in counts} == {"http.response.start 403"}
    assert asked("http", "localhost", path="/_stcore/health") == "in"


def test_the_operator_names_hosts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAIRDASH_API_HOSTS", "fair.example, other.example")
    assert asked("http", "fair.example", "https://fair.example") == "in"
    assert asked("http", "evil.example") != "in"


def test_the_server_has_the_door() -> None:
    assert door.OwnSite in [one.cls for one in server.MIDDLEWARE]


def test_who_is_refused_is_told_in_their_language() -> None:
    scope = {"type": "http", "path": "/", "method": "GET", "headers": [(b"accept-language", b"zh-CN,zh;q=0.9")]}
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        raise AssertionError

    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, door.OwnSite(receive)(scope, receive, send)).result()  # type: ignore[arg-type]  # not called
    assert not sent[1]["body"].decode().isascii()
