"""People at once on one server, without a clock: everybody is answered, with what is theirs; who waits costs no page.

How long they wait is measured by `python -m tests.load.people` (`make soak`)."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from fairdash.jobs import runner
from fairdash.workspace import Workspace
from tests.e2e import steps
from tests.e2e.conftest import Server
from tests.load.client import Client, owner, secrets
from tests.load.people import FAULTS, filled, held, title

pytestmark = pytest.mark.timeout(steps.TEST_SECONDS)
NAMES = [f"person{number}" for number in range(6)]
PAGES = ("audit", "data", "report", "overview")


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, list[dict[str, str]]]]:
    server = Server(tmp_path_factory.mktemp("house"))
    (server.home / "secrets.toml").write_text(secrets(server.url))
    server.options = ("--secrets.files", str(server.home / "secrets.toml"))
    views = filled(server.home, NAMES, 60, 40)
    server.start()
    yield server, views
    server.kill()
    server.stop_jobs()


def test_everybody_at_once_is_answered_with_what_is_theirs(house: tuple[Server, list[dict[str, str]]]) -> None:
    server, views = house

    def one(number: int) -> list[str]:
        faults = []
        with Client(server.url, NAMES[number], steps.HANG_SECONDS) as client:
            for page in PAGES:
                answer = client.run("" if page == "overview" else page, views[number])
                others = [name for name in NAMES if name != NAMES[number] and answer.says(title(name))]
                faults += [f"{page} of {NAMES[number]} shows {name}" for name in others]
                faults += [f"{page} of {NAMES[number]}: {said}" for said in FAULTS if answer.says(said)]
                if not answer.says(title(NAMES[number])):
                    faults.append(f"{page} of {NAMES[number]} is not theirs")
        return faults

    with ThreadPoolExecutor(len(NAMES)) as threads:
        assert [fault for found in threads.map(one, range(len(NAMES))) for fault in found] == []


def test_a_cookie_that_nobody_signed_is_nobodys(house: tuple[Server, list[dict[str, str]]]) -> None:
    server, views = house
    with Client(server.url, NAMES[0], steps.HANG_SECONDS, secret="another one") as client:
        answer = client.run("audit", views[0])
        assert answer.says("Sign in")
        assert not any(answer.says(title(name)) for name in NAMES)


def test_a_hundred_jobs_that_wait_make_a_page_no_longer(house: tuple[Server, list[dict[str, str]]]) -> None:
    server, views = house
    with Client(server.url, NAMES[0], steps.HANG_SECONDS) as client:
        client.run("audit", views[0])
        with held(server.home, owner(NAMES[0])):
            few = client.run("audit", views[0])
            for number in range(100):
                whose = Workspace(server.home).of(owner(NAMES[number % 2]))
                runner.table(whose).enqueue(f"{number:016x}", "train", f"Job {number}", {"n": number})
            many = client.run("audit", views[0])
    assert few.says("Held")
    assert many.messages <= few.messages + 6  # a bar for the first that wait, and how many more there are
    assert many.says("more jobs wait")
