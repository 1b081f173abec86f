"""README's commands run: each is read out of README itself, so that no new one can be forgotten.

A command is a line of a code block, or words between back quotes, that begins with `make`, `fairdash` or
`python -m fairdash` (or another module of this repository). `[…]` may be left out, `a|b` is a choice, COMMAND is any.
"""

from __future__ import annotations

import argparse
import importlib.util
import itertools
import json
import re
import shlex
import shutil
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import pytest

from fairdash import cli, recommenders
from fairdash.data import synthetic
from fairdash.recommenders.bert_sequence import SequenceOptions
from fairdash.recommenders.options import option

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text("utf-8")
COMMAND = re.compile(r"(make|fairdash) \S|python -m (fairdash|tests)\b")

# Commands that are not run here, and where what they do is.
ELSEWHERE = {
    "make app": "tests/e2e/conftest.py",  # starts the same server on a port of its own
    "make test": ".ci/run",  # runs this
    "make lint": "Makefile",  # the first step of `make test`
    "make strings": "tests/strings.py",  # writes into the sources
    "make bench": "tests/bench/__main__.py",  # takes hours
    "make soak": "tests/load/soak.py",  # puts the app under load for long
    "python -m tests.load.people": "tests/e2e/test_many_people.py",  # the same without a clock
    "python -m tests.load.fuzz": "tests/hostile/test_data_files.py",  # goes on for long
    "python -m tests.load.kills": "tests/unit/jobs/test_jobs.py",  # the same
    "make lock": "tests/lock.py",  # asks the package index
    "make sbom": "Makefile",  # the same
    "make advisories": "Makefile",  # the same
    "python -m tests.bench.api": "tests/bench/api.py",  # trains on real data
    "python -m tests.bench.scale": "tests/bench/scale.py",  # writes and audits 40 million rows
    "python -m tests.bench.mitigations": "tests/bench/mitigations.py",  # trains on real data
    "python -m tests.bench.reranking effects": "tests/bench/reranking.py",  # the same
    "python -m tests.bench.recommenders tasks": "tests/bench/recommenders.py",  # the same
    "python -m tests.bench.language_models OUT": "tests/bench/language_models.py",  # asks a language model for minutes
    "python -m tests.bench.statistics": "tests/bench/statistics.py",  # simulates for hours
    "python -m fairdash serve --run RUN --port 8601": "tests/unit/api/test_serve.py",  # runs until it is ended
    "python -m fairdash serve --run RUN": "tests/unit/api/test_serve.py",
    "python -m fairdash demo --dataset movielens-100k": "tests/unit/data/test_sources.py",  # fetches MovieLens
}
NO_LIMIT = {"BOOTSTRAP", "PERMUTATIONS", "API_RUNS"}  # settings that refuse nothing
# What is put in the place of words, so that a line takes seconds.
FASTER = {
    "--objective both": "--objective both --trials 2",
    "--group gender --out live": "--group gender --once --out live",
}
N_USERS, N_ITEMS = 120, 60
BROUGHT = {"i.csv": "interactions", "u.csv": "users", "it.csv": "items"}  # files that README's reader has
OF_RUN = ("truth.csv", "train.csv", "valid.csv", "users.csv")  # these a run folder holds


@dataclass(frozen=True)
class Tiny(SequenceOptions):
    """The same recommender where nobody chose a size."""

    epochs: int = option(1, "", low=0)
    width: int = option(8, "", low=8)
    layers: int = option(1, "", low=1)
    length: int = option(10, "", low=2)


def commands(text: str) -> list[str]:
    """The commands of a text as they stand there, continued lines joined and comments taken off."""
    joined = text.replace("\\\n", " ")
    blocks = [line.strip() for line in joined.splitlines() if line.startswith("    ")]
    for fenced in re.findall(r"^```\w*\n(.*?)^```", joined, re.M | re.S):
        blocks += [line.strip().removeprefix("$ ") for line in fenced.splitlines()]
    spans = re.findall(r"`([^`\n]+)`", joined)
    found = [re.sub(r"\s+", " ", line.split(" # ")[0]).strip() for line in (*blocks, *spans)]
    return list(dict.fromkeys(line for line in found if COMMAND.match(line)))


def whole(line: str) -> list[str]:
    """The command with all that may be left out, in every choice; COMMAND is each of the command line's."""
    parts = [each.split("|") for each in re.sub(r"[][]", "", line).split(" ")]
    chosen = [" ".join(choice) for choice in itertools.product(*parts)]
    return [each.replace("COMMAND", name) for each in chosen for name in (parsers() if "COMMAND" in each else ("",))]


def bare(line: str) -> str:
    """The command without what may be left out."""
    return re.sub(r"\s+", " ", re.sub(r"\[[^]]*\]", "", line)).strip()


def parsers() -> dict[str, argparse.ArgumentParser]:
    """The command line's commands."""
    (chosen,) = (a for a in cli._parser()._actions if isinstance(a, argparse._SubParsersAction))
    return dict(chosen.choices)


def options(parser: argparse.ArgumentParser) -> set[str]:
    return {name for action in parser._actions for name in action.option_strings if name.startswith("--")}


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the files that README's reader has, it is where commands run; a small service and model."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FAIRDASH_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(synthetic, "make", partial(synthetic.make, n_users=N_USERS, n_items=N_ITEMS))
    tiny = replace(recommenders.RECOMMENDERS["bert_sequence"], options=Tiny)
    monkeypatch.setitem(recommenders.RECOMMENDERS, "bert_sequence", tiny)
    dataset, _ = synthetic.make()
    for name, table in BROUGHT.items():
        frame = getattr(dataset, table)
        if "categories" in frame:
            frame = frame.assign(categories=frame["categories"].map("|".join))
        frame.to_csv(tmp_path / name, index=False)
    items = dataset.items["item_id"].tolist()
    said = {"userId": dataset.users["user_id"].iloc[0], "eventType": "click", "sentAt": 0}
    lines = [json.dumps({**said, "eventId": item, "itemId": item, "impression": items[:10]}) for item in items]
    (tmp_path / "events.jsonl").write_text("\n".join(lines))
    return tmp_path


def run(line: str, folder: Path) -> None:
    """The command as it stands, but for what FASTER puts in."""
    for slow, fast in FASTER.items():
        line = line.replace(slow, fast)
    arguments = shlex.split(line.removeprefix("python -m ").removeprefix("fairdash"))
    for name in OF_RUN:
        if name in arguments and not (folder / name).exists():
            shutil.copy(folder / "RUN" / name, folder / name)
    try:
        code = cli.main(arguments)
    except SystemExit as stopped:  # --help, and what argparse does not know
        code = int(stopped.code or 0)
    allowed = (0, cli.EXIT_GATE) if "--fail-over" in arguments else (0,)
    assert code in allowed, line
    if "--out" in arguments:
        assert (folder / arguments[arguments.index("--out") + 1]).exists(), line


def test_every_command_runs_as_it_stands(here: Path) -> None:
    lines = [each for line in commands(README) for each in whole(line) if each not in ELSEWHERE]
    assert len(lines) > 10
    for line in lines:
        assert not line.startswith(("make", "python -m tests")), f"{line}: run it here, or say in ELSEWHERE where it is"
        run(line, here)


def test_what_may_be_left_out_may_be_left_out(here: Path) -> None:
    lines = [bare(line) for line in commands(README) if bare(line) != line and bare(line) not in ELSEWHERE]
    assert lines
    run("fairdash events --log events.sqlite --add events.jsonl", here)  # which `watch` reads
    for line in lines:
        run(line, here)


@pytest.mark.parametrize("line", ELSEWHERE)
def test_what_is_run_elsewhere_is_there(line: str) -> None:
    known = [each for line in commands(README) for each in whole(line)]
    assert line in known, "README has it no longer: take it off the list"
    assert (ROOT / ELSEWHERE[line]).exists()
    first = line.split(" ")
    if first[0] == "make":
        assert re.search(rf"^{first[1]}:", (ROOT / "Makefile").read_text(), re.M)
    elif first[2] != "fairdash":
        assert importlib.util.find_spec(first[2])


def test_commands_and_options_are_those_that_there_are() -> None:
    known = parsers()
    named = {line.split(" ")[3] for line in commands(README) if line.startswith("python -m fairdash ")} - {"COMMAND"}
    assert named == set(known)
    every = {option for parser in (cli._parser(), *known.values()) for option in options(parser)}
    of_pip = {"--no-deps"}
    assert set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", README)) - of_pip <= every


@pytest.mark.parametrize("name", parsers())
def test_every_option_is_in_the_help_of_its_command(name: str) -> None:
    parser = parsers()[name]
    assert options(parser) <= set(re.findall(r"--[a-z][a-z-]*", parser.format_help()))


def test_variables_are_those_that_are_read() -> None:
    sources = "".join(file.read_text("utf-8") for file in (ROOT / "fairdash").rglob("*.py"))
    for name in set(re.findall(r"FAIRDASH_[A-Z_]+", README)):
        short = name.removeprefix("FAIRDASH_")
        assert re.search(rf'\b{name}\b|\b_number\("{short}"', sources), name


def table(head: str) -> list[list[str]]:
    """The rows of README's table below this head."""
    rows = README.partition(f"| {head} |")[2].partition("\n\n")[0].splitlines()[2:]
    return [[cell.strip() for cell in row.strip("|").split(" | ")] for row in rows]


def test_each_promise_names_tests_that_are_there() -> None:
    rows = table("promise | test")
    numbers = [int(found[1]) for promise, _ in rows if (found := re.match(r"\*\*(\d+)\*\* ", promise))]
    assert numbers == list(range(1, 13))
    for promise, told in rows:
        files = re.findall(r"`(tests/\S+\.py)`", told)
        assert files, promise
        for file in files:
            assert re.search(r"^def test_", (ROOT / file).read_text("utf-8"), re.M), file
        for module in re.findall(r"`python -m (\S+)`", told):
            assert importlib.util.find_spec(module), module
            assert f"-m {module}" in (ROOT / "Makefile").read_text(), f"make soak leaves {module} out"


def test_each_limit_stands_there_as_it_is() -> None:
    told = {name.strip("`"): int(usual.replace(",", "")) for name, usual, _ in table("limit | usual | of what")}
    declared = re.findall(r'_number\("([A-Z_]+)", ([\d_]+)', (ROOT / "fairdash" / "settings.py").read_text("utf-8"))
    assert told == {f"FAIRDASH_{name}": int(usual) for name, usual in declared if name not in NO_LIMIT}


def test_reading_commands() -> None:
    text = (
        "Text `make it so` and `fairdash x --help` of `fairdash`.\n\n"
        "    python -m fairdash a --p [--q|--r] \\\n        B  # why\n"
        "    import fairdash\n\n```sh\n$ fairdash z\nls\n```\n"
    )
    assert commands(text) == [
        "python -m fairdash a --p [--q|--r] B", "fairdash z", "make it so", "fairdash x --help",
    ]  # fmt: skip
    assert whole("a --p [--q x|y] B") == ["a --p --q x B", "a --p --q y B"]
    assert bare("a --p [--q x|y] B") == "a --p B"
