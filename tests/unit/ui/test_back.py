"""Who signs in is led back to the view from which they went, and never to another site, whatever was remembered."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import quote

import pytest

from fairdash.ui import back, server
from fairdash.ui.back import COOKIE, BackAgain

HERE = "fair.example"
LIST = "a" * 16


def answered(path: str, sent: dict[str, str], location: str) -> tuple[str, str | None]:
    """Where a request that the app would lead to `location` is led, and what is remembered then; None: nothing said."""
    headers = [(name.encode(), value.encode("latin-1")) for name, value in sent.items()]
    told: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        del scope, receive
        await send({"type": "http.response.start", "status": 302, "headers": [(b"location", location.encode())]})

    async def send(message: Any) -> None:
        told.append(message)

    scope = {"type": "http", "headers": headers, "path": path}
    with ThreadPoolExecutor(1) as thread:  # this one may have a loop already: the browser's, of a test before
        thread.submit(asyncio.run, BackAgain(app)(scope, None, send)).result()  # type: ignore[arg-type]  # nothing is received
    found = dict(told[0]["headers"])
    cookie = found.get(b"set-cookie")
    return found[b"location"].decode(), None if cookie is None else cookie.decode()


def left(referer: str, **more: str) -> str:
    """The cookie after going to sign in from an address."""
    where, cookie = answered("/auth/login", {"host": HERE, "referer": referer, **more}, "https://id.example/authorize")
    assert where == "https://id.example/authorize"
    assert cookie is not None
    return cookie


def came(cookie: str, location: str = "/") -> str:
    """Where somebody who comes back with a cookie is led."""
    where, after = answered("/oauth2callback", {"host": HERE, "cookie": cookie}, location)
    assert after is not None
    assert "Max-Age=0" in after  # it is led to once
    return where


@pytest.mark.parametrize(
    "view",
    ["", "audit", f"audit?lists={LIST}&k=5&group=gender", "?lang=zh", "explore?user=%E5%BC%A0+a%26b%3D%22%3B",
     "oversee?part=links"],
)  # fmt: skip
def test_the_view_from_which_somebody_went_is_where_they_come_back_to(view: str) -> None:
    cookie = left(f"https://{HERE}/{view}")
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert came(cookie.partition(";")[0]) == f"/{view}"


@pytest.mark.parametrize(
    "referer",
    ["", "https://evil.example/audit", f"https://{HERE}.evil.example/audit", f"https://{HERE}@evil.example/audit",
     f"https://{HERE}//evil.example", f"https://{HERE}/nowhere", f"https://{HERE}/audit/../oauth2callback", "http://[",
     f"https://{HERE}/audit?user={'a' * 4000}"],
)  # fmt: skip
def test_from_anywhere_else_nothing_is_remembered(referer: str) -> None:
    cookie = left(referer)
    assert "Max-Age=0" in cookie
    assert came(cookie.partition(";")[0]) == "/"


@pytest.mark.parametrize(
    "told",
    ["//evil.example", "/\\evil.example", "https://evil.example", "javascript:alert(1)", "audit/../..//evil.example",
     "@evil.example", "audit\r\nlocation: https://evil.example", ".evil.example", "auth/logout",
     "oauth2callback?code=x", "http://[", "\0", "?" * 3],
)  # fmt: skip
def test_whatever_a_cookie_says_the_way_back_stays_on_this_server(told: str) -> None:
    where = came(f"{COOKIE}={quote(told, safe='')}")
    page, _, query = where.removeprefix("/").partition("?")
    assert where.startswith("/")
    assert page in ("", *back.state.JOURNEY)
    assert not {"\r", "\n", "\\", "\0"} & set(where)
    assert "evil" not in page
    assert "evil" not in query


def test_the_link_of_a_visitor_is_left_behind() -> None:
    cookie = left(f"https://{HERE}/report?share={'x' * 43}&lang=zh")
    assert came(cookie.partition(";")[0]) == "/report?lang=zh"


def test_an_answer_that_leads_elsewhere_and_a_cookie_of_no_sense_change_nothing() -> None:
    assert came(f"{COOKIE}=audit", "https://id.example/again") == "https://id.example/again"
    for cookie in ("", "a=b; c", f"{COOKIE}", 'x="', f"{COOKIE}=audit; {COOKIE}=data"):
        assert came(cookie) in ("/", "/data")
    assert answered("/audit", {"host": HERE, "cookie": f"{COOKIE}=data"}, "/") == ("/", None)


def test_below_a_base_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(back.config, "get_option", lambda _: "/fair/")
    _, cookie = answered("/fair/auth/login", {"host": HERE, "referer": f"https://{HERE}/fair/audit?k=5"}, "https://id")
    assert cookie is not None
    assert SimpleCookie(cookie)[COOKIE]["path"] == "/fair/oauth2callback"
    kept = cookie.partition(";")[0]
    assert answered("/fair/oauth2callback", {"host": HERE, "cookie": kept}, "/fair/")[0] == "/fair/audit?k=5"


def test_the_server_has_it() -> None:
    assert BackAgain in [one.cls for one in server.MIDDLEWARE]
