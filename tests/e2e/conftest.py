"""A served app with a workspace of its own, and a browser: what every end-to-end test drives."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, expect

from fairdash.jobs import runner
from fairdash.workspace import Workspace
from tests.e2e import steps
from tests.e2e.browser import launched

ROOT = Path(__file__).parents[2]
WHOLE = "FAIRDASH_WALKS" in os.environ  # `make soak`; every test run takes a part of what takes minutes
HERE = re.compile(r"(http|ws)://127\.0\.0\.1:|data:|blob:|about:")
# On a deep link Streamlit's own script asks below every part of the path where its server is: each miss is a 404.
PROBES = re.compile(r"/[a-z]+/_stcore/(health|host-config)$")
SERVER_GONE = (  # tests end servers
    *("ERR_CONNECTION_REFUSED", "ERR_CONNECTION_RESET", "ERR_EMPTY_RESPONSE", "WebSocket"),
    "when disconnected from server",
)
expect.set_options(timeout=steps.HANG_MS)


class Server:
    """`streamlit run app.py` in a process of its own; it can be killed and started again on the same port."""

    def __init__(self, home: Path, root: Path = ROOT) -> None:
        self.home = home
        self.root = root
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.process: subprocess.Popen[bytes] | None = None
        self.options: tuple[str, ...] = ()  # of Streamlit, beside the port

    @property
    def environment(self) -> dict[str, str]:
        return {
            **os.environ,
            "FAIRDASH_HOME": str(self.home),
            "PYTHONPATH": str(self.root),
            "HF_HUB_OFFLINE": "1",
            "FAIRDASH_BOOTSTRAP": "200",
            "FAIRDASH_PERMUTATIONS": "200",
        }

    @property
    def log(self) -> Path:
        return self.home / "server.log"

    def start(self) -> None:
        command = [sys.executable, "-m", "streamlit", "run", "app.py"]
        command += ["--server.port", str(self.port), "--server.headless", "true", *self.options]
        with self.log.open("ab") as out:
            self.process = subprocess.Popen(command, cwd=self.root, env=self.environment, stdout=out,
                                            stderr=subprocess.STDOUT, start_new_session=True)  # fmt: skip
        steps.until(self.answers, "the app answers")

    def answers(self) -> bool:
        """Whether the app serves; fails when its process is gone."""
        assert self.process is not None
        assert self.process.poll() is None, f"The app ended:\n{self.log.read_text()[-2000:]}"
        try:
            with urllib.request.urlopen(f"{self.url}/healthz", timeout=steps.HANG_SECONDS) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def kill(self) -> None:
        """End the server at once, as a crash would; its jobs are processes of their own."""
        if self.process is not None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
            self.process = None

    def stop_jobs(self) -> None:
        """End the workers that outlive the server, so that they do not run into the next test."""
        for job in runner.everybodys(Workspace(self.home)).active():
            runner.cancel(Workspace(self.home).of(job.owner), job.id)
            if job.pid is not None and runner.alive(job):
                os.kill(job.pid, signal.SIGKILL)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with launched() as opened:
        yield opened


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    served = Server(tmp_path_factory.mktemp("home"))
    served.start()
    yield served
    served.kill()
    served.stop_jobs()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A tab at 1280 × 800. A test fails when a page raised an error in the browser's console, or asked for anything
    from elsewhere."""
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    tab = context.new_page()
    faults = watched(tab)
    tab.set_default_timeout(steps.HANG_MS)
    yield tab
    context.close()
    assert not faults, faults


def watched(tab: Page) -> list[str]:
    """What will be wrong with a tab: errors in its console, and requests that leave this machine."""
    faults: list[str] = []

    def said(message: ConsoleMessage) -> None:
        known = PROBES.search(message.location.get("url", "")) or any(one in message.text for one in SERVER_GONE)
        if message.type == "error" and not known:
            faults.append(f"{message.text} ({message.location.get('url')})")

    tab.on("pageerror", lambda fault: faults.append(str(fault)))
    tab.on("console", said)
    tab.on("request", lambda asked: None if HERE.match(asked.url) else faults.append(asked.url))
    return faults
