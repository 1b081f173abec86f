"""`events` and `watch` without a browser: what they say, the gate, and the web hook."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from fairdash import cli
from fairdash.events.log import EventLog
from tests.unit.events.service import service, simulation

DATA = service(items=40)


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    """The options of a service with a drift, whose events are in a log."""
    for name in ("interactions", "users", "items"):
        getattr(DATA, name).to_csv(tmp_path / f"{name}.csv", index=False)
    events = simulation(DATA, seconds=0.5, drift_from=2400, size=0.95).events(0, 4800)
    lines = [json.dumps(event) for event in events]
    (tmp_path / "events.jsonl").write_text("\n".join([*lines, lines[0], "no json", '{"userId": "u1"}']))
    log = str(tmp_path / "log")
    EventLog(Path(log), 120.0).append([json.loads(line) for line in lines])
    tables = [
        word for name in ("interactions", "users", "items") for word in (f"--{name}", str(tmp_path / f"{name}.csv"))
    ]
    return ["watch", "--events", log, *tables, "--accept-guesses", "--group", "gender", "--k", "5", "--seconds", "300",
            "--feedback-within", "60", "--reference", "2", "--once"]  # fmt: skip


class Hook(BaseHTTPRequestHandler):
    got: list[dict[str, Any]]

    def do_POST(self) -> None:
        self.got.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


def test_a_watch_says_what_moved_and_fails_over_a_gate(
    files: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Hook.got = []
    server = HTTPServer(("127.0.0.1", 0), Hook)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_port}/hook"
    out = tmp_path / "live.json"
    assert cli.main([*files, "--out", str(out), "--hook", address]) == 0
    assert cli.main([*files, "--hook", address]) == 0  # nothing changed since
    server.shutdown()
    server.server_close()
    assert [(got["before"], got["status"]) for got in Hook.got] == [("INSUFFICIENT_DATA", "DRIFT")]
    assert any("less the others" in line for line in Hook.got[0]["summary"])
    found = json.loads(out.read_text())
    assert found["status"] == "DRIFT"
    assert found["gaps"]["gender"]["exposure_share"]["gap"] > 0.1
    capsys.readouterr()
    assert cli.main([*files, "--fail-over", "gender.exposure_share.gap=0.1", "gender.hit.ratio=0.1"]) == cli.EXIT_GATE
    assert "gate failed: gender.exposure_share.gap" in capsys.readouterr().out
    assert cli.main([*files, "--fail-over", "gender.nothing.gap=0.1"]) == cli.EXIT_ERROR
    assert "gender.nothing" in capsys.readouterr().err


def test_a_file_of_events_is_added_once_and_malformed_lines_are_named(
    files: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert files
    add = ["events", "--log", str(tmp_path / "other"), "--add", str(tmp_path / "events.jsonl")]
    assert cli.main([*add, "--lateness", "120"]) == 0
    said = capsys.readouterr()
    assert "already there: 1," in said.out
    assert "kept aside as malformed: 2" in said.out
    assert len(said.err.splitlines()) == 2
    assert cli.main([*add, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["accepted"] == 0
    assert cli.main([*add, "--lateness", "5"]) == cli.EXIT_ERROR


def test_a_hook_that_does_not_answer_is_named_and_told_again(
    files: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    for _ in range(2):
        assert cli.main([*files, "--hook", "http://127.0.0.1:9/secret"]) == 0
        said = capsys.readouterr().err
        assert "127.0.0.1" in said
        assert "was not told" in said
        assert "secret" not in said


def test_a_gate_on_too_little_is_no_pass(files: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([*files, "--min-group-size", "100000", "--fail-over", "gender.hit.gap=0.1"]) == cli.EXIT_ERROR
    assert "cannot be judged" in capsys.readouterr().err
