"""Who may ask: this machine alone without a token, whoever bears it with one; no other site, no other name."""

from __future__ import annotations

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from fairdash import settings
from fairdash.api.app import routes
from fairdash.api.endpoints import Shelf
from fairdash.api.guard import Guard
from fairdash.run import Run
from fairdash.workspace import Workspace
from tests.unit.api.conftest import client_of

RUNS = "/api/v1/runs"
TOKEN = "a token of some length"


def test_without_a_token_this_machine_alone_is_answered(run: Run) -> None:
    for address, status in {
        "127.0.0.1": 200, "127.8.8.8": 200, "::1": 200, "::ffff:127.0.0.1": 200,
        "192.168.0.7": 403, "::ffff:10.0.0.1": 403, "fe80::1": 403, "somebody": 403, "": 403,
    }.items():  # fmt: skip
        for path in (RUNS, "/openapi.json", "/api", "/api/v1/none"):
            answer = client_of(Shelf(run.folder), address).get(path)
            assert (answer.status_code == 403) == (status == 403), (address, path)


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Host": "127.0.0.1.evil.example"},
        {"Host": "localhost@evil.example"},
        {"Host": "[::1].evil.example"},
        {"Host": "localhost:8501:8501"},
        {"Host": "localhost, evil.example"},
        {"Host": ""},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": ""},
        {"Origin": "http://localhost:9"},
        {"Origin": "http://localhost.evil.example"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "script"},
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe"},
        {"X-Forwarded-For": "203.0.113.9"},
        {"Forwarded": "for=203.0.113.9"},
        {"X-Real-IP": "203.0.113.9"},
    ],
)
def test_other_names_other_sites_and_proxies_are_refused(client: TestClient, headers: dict[str, str]) -> None:
    answer = client.get(RUNS, headers=headers)
    assert answer.status_code == 403
    assert answer.json()["error"]["status"] == 403


def test_a_page_of_this_server_may_ask(client: TestClient) -> None:
    for host in ("localhost", "127.0.0.1:8501", "[::1]:8501", "LOCALHOST", "localhost."):
        assert client.get(RUNS, headers={"Host": host}).status_code == 200
        assert client.get(RUNS, headers={"Host": host, "Origin": f"http://{host}"}).status_code == 200


def test_with_a_token_whoever_bears_it_is_answered(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAIRDASH_API_TOKEN", TOKEN)
    far, near = client_of(Shelf(run.folder), "192.168.0.7"), client_of(Shelf(run.folder))
    for client in (far, near):
        assert client.get(RUNS, headers={"Authorization": f"Bearer {TOKEN}"}).status_code == 200
        assert client.get(RUNS, headers={"Authorization": f"bearer {TOKEN}"}).status_code == 200
        for wrong in (
            "",
            TOKEN,
            f"Basic {TOKEN}",
            f"Bearer {TOKEN}x",
            f"Bearer {TOKEN[:-1]}",
            "Bearer ",
            b"Bearer \xff",
        ):
            answer = client.get(RUNS, headers={"Authorization": wrong})
            assert answer.status_code == 401
            assert answer.headers["WWW-Authenticate"] == "Bearer"
        assert client.get(RUNS).status_code == 401
        twice = [("Authorization", f"Bearer {TOKEN}"), ("Authorization", "Bearer x")]
        assert client.get(RUNS, headers=twice).status_code == 401
    bearing = {"Authorization": f"Bearer {TOKEN}"}
    assert near.get(RUNS, headers={**bearing, "Host": "fair.example"}).status_code == 403
    monkeypatch.setenv("FAIRDASH_API_HOSTS", "other.example, Fair.Example")
    assert near.get(RUNS, headers={**bearing, "Host": "fair.example:80"}).status_code == 200
    assert near.get(RUNS, headers={**bearing, "X-Forwarded-For": "203.0.113.9"}).status_code == 200


def test_an_address_that_asks_too_often_waits(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "API_RATE", 3)
    client = client_of(Shelf(run.folder))
    statuses = [client.get(RUNS).status_code for _ in range(8)]
    assert statuses[:3] == [200] * 3
    assert 429 in statuses
    assert client_of(Shelf(run.folder), "127.0.0.2").get(RUNS).status_code == 200


def test_the_rate_is_of_each_address_and_forgotten_in_time() -> None:
    now = [0.0]

    async def app(*_: object) -> None: ...

    guard = Guard(app, lambda: now[0])

    def asks(address: str) -> bool:
        from fairdash.api.guard import Declined

        try:
            guard._slow_down({"client": (address, 1)})
        except Declined:
            return False
        return True

    assert all(asks("a") for _ in range(settings.API_RATE))
    assert not asks("a")
    assert asks("b")
    now[0] += 1.5 / settings.API_RATE
    assert asks("a")
    assert not asks("a")


def test_answers_are_in_the_language_of_whoever_asks(client: TestClient) -> None:
    from fairdash import words

    path = "/api/v1/none"
    for wish in ("", "en", "xx", "q;=;,", "é" * 100, "../../etc"):
        assert client.get(path, headers={"Accept-Language": wish.encode()}).json()["error"]["message"] == (
            "There is nothing here."
        )
    with words.speaking("zh"):
        there = words.say("There is nothing here.")
    assert client.get(path, headers={"Accept-Language": "zh-CN,zh;q=0.9"}).json()["error"]["message"] == there


def test_where_people_sign_in_the_token_alone_opens_and_nothing_of_theirs_is_there(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs = workspace.of("a" * 32)
    with theirs.create("audits", "e" * 16, {"title": "x", "lists": None}) as folder:
        (folder / "audit.json").write_text("{}")
    client = TestClient(Starlette(routes=routes(Shelf(), lambda: True)), "http://localhost", client=("127.0.0.1", 1))
    assert client.get(RUNS).status_code == 403  # from here, as a proxy asks for everybody
    monkeypatch.setenv("FAIRDASH_API_TOKEN", TOKEN)
    bearing = {"Authorization": f"Bearer {TOKEN}"}
    assert client.get(RUNS, headers=bearing).status_code == 200
    unknown = [client.get(f"/api/v1/audits/{name * 16}", headers=bearing) for name in "e0"]
    assert [answer.status_code for answer in unknown] == [404, 404]
    assert unknown[0].text.replace("e" * 16, "0" * 16) == unknown[1].text
