"""Every option of the command line with values that nobody means: an exit code and a sentence, never a traceback."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from fairdash import cli, documents, log
from fairdash.cli import EXIT_ERROR, EXIT_GATE, main

NUL, NOT_UTF8 = "a\0b", os.fsdecode(b"a\xffb")
HUGE = ("1e400", str(10**30), str(-(10**30)), "9" * 5000)
VALUES = ("", " ", "nan", "inf", "-inf", "-1", "0", NUL, NOT_UTF8, "\u202e\u200b", "../x", "=", ":", ",", "%", *HUGE)
PARTS = ("nan", "inf", "1e400", "-1", str(10**30), "")  # behind what an option of several parts begins with
BEGINS = {
    "--split": ("global-time:", "user-time:", "user-random:", "leave-one-out:", "own:"),
    "--bins": ("age=",), "--target": ("gender:F=", "popularity:"), "--set": ("damping=", "shrink=", "x="),
    "--fail-over": ("gender.ndcg.gap=", "items.awrf="), "--event-weight": ("buy=",), "--role": ("log.csv=",),
    "--user-vectors": ("x=",), "--item-vectors": ("x=",),
}  # fmt: skip
LONG = ("--trials", "--device")  # their values are read as all others are, and a good one would train


def _options(command: str) -> Iterator[argparse.Action]:
    parsers = next(one for one in cli._parser()._actions if isinstance(one, argparse._SubParsersAction))
    yield from (one for one in parsers.choices[command]._actions if one.option_strings and one.nargs != 0)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """A small service: its tables, a run of it, and lists."""
    root = tmp_path_factory.mktemp("service")
    draw = np.random.default_rng(0)
    log = [f"u{u},i{i},{1 + (u + i) % 5},{1000 + 10 * u + i}" for u in range(24) for i in draw.permutation(12)[:6]]
    (root / "log.csv").write_text("\n".join(["user_id,item_id,rating,timestamp", *log]))
    people = [f"u{u},{'FM'[u % 2]},{18 + u}" for u in range(24)]
    (root / "people.csv").write_text("\n".join(["user_id,gender,age", *people]))
    data = ["--interactions", str(root / "log.csv"), "--users", str(root / "people.csv"), "--accept-guesses"]
    train = [*data, "--recommender", "popularity", "--split", "user-time:0.5"]
    assert main(["train", *train, "--out", str(root / "run")]) == 0
    run = ["--run", str(root / "run")]
    assert main(["recommend", *run, "--k", "3", "--out", str(root / "lists.csv")]) == 0
    quick = ["--k", "3", "--replicates", "10", "--permutations", "10", "--min-group-size", "2", "--group", "gender"]
    sides = [*run, "--before", str(root / "lists.csv"), "--after", str(root / "lists.csv")]
    assert main(["audit", *run, *quick, "--out", str(root / "audit.json")]) == 0
    out = ["--out", str(root / "out")]
    commands = {
        "data": [*data, *out],
        "train": [*train, *out],
        "recommend": [*run, "--k", "3", *out],
        "audit": ["--recommendations", str(root / "lists.csv"), "--truth", str(root / "run" / "truth.csv"), "--users",
                  str(root / "people.csv"), "--accept-guesses", *quick, *out],
        "mitigate": [*run, "--method", "calibrate", "--strength", "0.5", "--k", "3", *out],
        "compare": [*sides, *quick, *out],
        "report": ["--audit", str(root / "audit.json"), "--format", "md", *out],
    }  # fmt: skip
    return {"root": root, "commands": commands}


def _said(capsys: pytest.CaptureFixture[str], arguments: list[str]) -> tuple[int, str]:
    try:
        code = main(arguments)
    except SystemExit as stop:  # argparse, of what it reads itself
        code = int(stop.code or 0)
    return code, capsys.readouterr().err


@pytest.mark.parametrize("command", ["data", "train", "recommend", "audit", "mitigate", "compare", "report"])
def test_no_value_of_any_option_ends_in_a_traceback(
    command: str, files: dict[str, Any], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(files["root"])
    step = int(os.environ.get("FAIRDASH_EVERY", "5"))  # of all pairs; 1 tries each
    tried = 0
    for action in _options(command):
        name = action.option_strings[-1]
        parts = [begin + part for begin in BEGINS.get(name, ()) for part in PARTS]
        for value in (*VALUES, *parts):
            tried += 1
            if name in LONG or (tried % step and value not in (NUL, NOT_UTF8) and value not in parts):
                continue
            arguments = [command, *files["commands"][command], f"{name}={value}"]
            code, told = _said(capsys, arguments)
            assert code in (0, EXIT_ERROR, EXIT_GATE), arguments
            assert code != EXIT_ERROR or "error: " in told, arguments
            assert "Traceback" not in told
            if value in (NUL, NOT_UTF8):
                assert code == EXIT_ERROR, arguments


def test_an_error_that_nobody_foresaw_is_a_sentence_with_a_number_and_its_trace_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FAIRDASH_HOME", str(tmp_path))
    monkeypatch.setattr(cli, "_demo", lambda _: {}["secret"])
    assert main(["demo"]) == 1
    told = capsys.readouterr().err
    assert "secret" not in told
    (line,) = (tmp_path / log.FILE).read_text().splitlines()
    noted = json.loads(line)
    assert noted["number"] in told
    assert (noted["where"], noted["error"]) == ("command", "KeyError")
    assert noted["trace"][-1].endswith("<lambda>")
    assert "secret" not in line  # the message may be somebody's data


@pytest.mark.parametrize("text", ["[" * 100_000, "[" * 3_000 + "]" * 3_000, '{"a":' * 100_000, "\ufeff{", "1e400"])
def test_documents_that_are_none_are_told_by_every_command(
    files: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str
) -> None:
    root = files["root"]
    given = tmp_path / "given.json"
    given.write_text(text, "utf-8")
    for asked in (
        ["data", "--interactions", str(root / "log.csv"), "--mapping", str(given)],
        ["report", "--audit", str(given), "--out", str(tmp_path / "report.md")],
        ["report", "--comparison", str(given), "--out", str(tmp_path / "report.md")],
    ):
        capsys.readouterr()
        assert main(asked) == EXIT_ERROR, asked
        assert "given.json is no" in capsys.readouterr().err


def test_a_document_that_does_not_end_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("fairdash.settings.MAX_UPLOAD_MB", 1)
    with pytest.raises(ValueError, match="larger than 1 MB"):
        documents.read(Path("/dev/zero"))


def test_names_that_steer_a_terminal_are_written_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with zipfile.ZipFile(tmp_path / "given.zip", "w") as archive:
        archive.writestr("a\x1b[2J\x07\u202eb.bin", b"\0\1\2")
    assert main(["data", "--interactions", str(tmp_path / "given.zip")]) == EXIT_ERROR
    said = capsys.readouterr().err
    assert not {letter for letter in said if not letter.isprintable()} - {"\n"}
    assert r"\x1b[2J\x07\u202eb.bin" in said


def test_a_warning_of_a_library_is_nothing_for_a_terminal(tmp_path: Path) -> None:
    table = pa.table(
        {"user_id": ["a", "b"], "item_id": ["x", "y"], "rating": pa.array([1.5, float("nan")], pa.float16())}
    )
    pq.write_table(table, tmp_path / "log.parquet")
    command = [sys.executable, "-m", "fairdash", "data", "--accept-guesses", "--interactions", tmp_path / "log.parquet"]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "FAIRDASH_HOME": str(tmp_path)})
    assert done.returncode == 0
    assert "Warning" not in done.stderr
