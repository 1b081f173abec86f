"""Every question that the reader can ask has its option of the command line, and the option answers it."""

from __future__ import annotations

import ast
import json
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

import fairdash
from fairdash import data
from fairdash.answers import ANSWERS
from fairdash.cli import EXIT_ERROR, main
from fairdash.data import ImportOptions, brought

LOG = [(f"u{u}", f"i{i}", 1 + (u * i + u) % 5) for u in range(12) for i in range(8)]


def _log(name: str, cells: Any, columns: str = "user_id,item_id") -> str:
    rows = [f"{user},{item},{cells(n, rating)}" for n, (user, item, rating) in enumerate(LOG)]
    return "\n".join([f"{columns},{name}", *rows]) + "\n"


def _bare(name: str, cells: Any) -> str:
    return _log(name, cells).partition("\n")[2]


PLAIN = _log("rating", lambda n, rating: rating)
USERS = "user_id,gender\n" + "".join(f"u{u},{('M', 'F', 'male', 'Female')[u % 4]}\n" for u in range(12))
BORN = "user_id,dob\n" + "".join(f"u{u},19{50 + 3 * u}-02-03\n" for u in range(12))
TITLES = "item_id,title\n" + "".join(f"i{i},这是一部关于城市生活的电影第{i}部\n" for i in range(8))
BARE = "".join(f"{900 + n % 12},{10 + n % 7 * 3},{1 + n % 5}\n" for n in range(84))
RANKS = "".join(f"u{u}\ti{i}\t{i + 1}\n" for u in range(12) for i in range(5))
SCORES = "".join(f"u{u}\ti{(i * 5 + u) % 8}\t{9.5 - i}\n" for u in range(12) for i in range(5))
TWICE = "user_id,item_id,rank,seed\n" + "".join(
    f"u{u},i{(i + 2 * seed) % 8},{i + 1},{seed}\n" for seed in (1, 2) for u in range(12) for i in range(5)
)
LISTS = "user_id,item_id,rank\n" + RANKS.replace("\t", ",")

CELLS = "user_id,items\n" + "".join(f'u{u},"i{u % 8} i{(u + 5) % 8} i{(u + 2) % 8}"\n' for u in range(12))

# files of a case by their options, and the keys that are asked
CASES: dict[str, tuple[str, dict[str, str | bytes], set[str]]] = {
    "place": ("data", {"interactions": BARE}, {"user", "item", "rating"}),
    "label": ("data", {"interactions": _log("label", lambda n, r: int(r > 2))}, {"zeros"}),
    "codes": ("data", {"interactions": _log("rating", lambda n, r: r if n % 3 else -1)}, {"rating_missing"}),
    "days": ("data", {"interactions": _log("date", lambda n, r: f"0{1 + n % 9}/0{1 + n % 8}/2014")}, {"time_format"}),
    "folds": ("data", {"interactions": _log("fold", lambda n, r: n % 5)}, {"fold"}),
    "no times": ("data", {"interactions": _log("date", lambda n, r: f"batch {n % 9} x")}, {"time_format"}),
    "half": ("data", {"interactions": _log("timestamp", lambda n, r: 1.4e9 + n if n % 2 else "")}, {"keep_untimed"}),
    "events": ("data", {"interactions": _log("event", lambda n, r: ("view", "buy")[n % 2])}, {"events"}),
    "cells": ("data", {"interactions": CELLS}, {"time"}),
    "words": ("data", {"interactions": _bare("kind", lambda n, r: ("seen", "had")[r % 2])}, {"event", "events"}),
    "gender": ("data", {"interactions": PLAIN, "users": USERS}, {"merge_spellings"}),
    "born": ("data", {"interactions": PLAIN, "users": BORN}, {"as_of"}),
    "letters": ("data", {"interactions": PLAIN, "items": TITLES.encode("gbk")}, {"encoding"}),
    "seeds": ("audit", {"recommendations": TWICE, "truth": PLAIN}, {"system"}),
    "ranks": ("audit", {"recommendations": RANKS, "truth": PLAIN}, {"rank", "user", "item"}),
    "scores": ("audit", {"recommendations": SCORES, "truth": PLAIN}, {"score", "user", "item"}),
    "bare truth": ("audit", {"recommendations": LISTS, "truth": PLAIN.partition("\n")[2].replace(",", "\t")},
                   {"user", "item", "rating"}),
    "all": ("audit", {"recommendations": LISTS, "truth": _log("label", lambda n, r: int(r > 2)), "users": USERS},
            {"zeros", "merge_spellings"}),
    "audited events": ("audit", {"recommendations": LISTS, "truth": _log("event", lambda n, r: ("view", "buy")[n % 2])},
                       {"events"}),
}  # fmt: skip


def _command(case: str, folder: Path) -> tuple[list[str], dict[str, data.Question]]:
    """The command line of a case without any answer, and what is asked."""
    command, files, _ = CASES[case]
    paths = {}
    for role, content in files.items():
        paths[role] = folder / f"{role}.txt"
        paths[role].write_bytes(content if isinstance(content, bytes) else content.encode())
    if command == "data":
        _, findings = data.build(paths["interactions"], paths.get("users"), paths.get("items"))
        more = []
    else:
        findings = brought.bring(paths["recommendations"], paths["truth"], paths.get("users")).findings
        more = ["--replicates", "0", "--permutations", "0"]
    given = [word for role, path in paths.items() for word in (f"--{role}", str(path))]
    return [command, *given, *more], {question.key: question for question in data.questions(findings)}


def _asked() -> set[str]:
    """Keys of all questions in the code of the reader; a role stands for those that are asked by place."""
    keys: set[str] = set()
    for file in (Path(fairdash.__file__).parent / "data").glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Question":
                first = node.args[0]
                keys |= {first.value} if isinstance(first, ast.Constant) else {"user", "item", "rating", "event"}  # type: ignore[arg-type]
    return keys | {"rank", "score"}


def test_each_answer_is_a_field_and_each_question_has_a_case() -> None:
    assert set(ANSWERS) == {f.name for f in fields(ImportOptions) if not f.name.startswith("read_")}
    assert len({answer.option for answer in ANSWERS.values()}) == len(ANSWERS)
    assert _asked() == {key for _, _, keys in CASES.values() for key in keys}


@pytest.mark.parametrize("case", CASES)
def test_what_is_asked_stops_and_its_option_answers_it(
    case: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command, asked = _command(case, tmp_path)
    assert set(asked) >= CASES[case][2]
    assert main(command) == EXIT_ERROR
    said = capsys.readouterr().err
    for question in asked.values():
        assert question.text in said
        assert f"Answer with {question.option} " in said
    assert main([*command, "--accept-guesses"]) == 0
    capsys.readouterr()
    answers = [word for question in asked.values() for word in (question.option, question.preselected)]
    assert main([*command, *answers]) == 0, capsys.readouterr().err
    for question in asked.values():
        for choice in question.choices:
            main([*command, question.option, choice])
            assert question.text not in capsys.readouterr().err


@pytest.mark.parametrize("case", ["place", "gender", "scores"])
def test_a_mapping_that_was_saved_answers_the_next_time(
    case: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command, asked = _command(case, tmp_path)
    kept = tmp_path / "m.json"
    assert main([*command, "--accept-guesses", "--save-mapping", str(kept)]) == 0
    assert set(json.loads(kept.read_text())) == set(asked)
    assert main([*command, "--mapping", str(kept)]) == 0
    kept.write_text("[1]")
    assert main([*command, "--mapping", str(kept)]) == EXIT_ERROR
    assert "--save-mapping" in capsys.readouterr().err


def test_what_is_no_answer_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command, _ = _command("codes", tmp_path)
    for option, text in (("--rating-missing", "x"), ("--relevance-threshold", "much"), ("--event-weight", "buy")):
        assert main([*command, option, text]) == EXIT_ERROR
        assert option in capsys.readouterr().err


ITEMS = "code,genres,kind,named\n" + "".join(f"i{i},A~B{i % 2},x,T{i}\n" for i in range(8))
WHEN = _log("date,at,also", lambda n, r: f"2014-03-{1 + n % 9:02},{n % 9 + 8}:30,{n % 23}:15")
PARTED = _log("rating,which", lambda n, r: f"{r},{('a', 'train', 'test', 'valid')[1 + n % 3]}")
TABLES = {"plain": PLAIN, "when": WHEN, "parted": PARTED, "caret": PLAIN.replace(",", "^"), "items": ITEMS,
          "events": _log("event,how", lambda n, r: f"{('view', 'buy')[n % 2]},{('near', 'far')[n % 2]}"),
          "people": "user_id,partner,sex\n" + "".join(f"u{u},u{11 - u},{'MF'[u % 2]}\n" for u in range(12)),
          "bad": _log("rating", lambda n, r: "so-so" if n % 2 else r), "few": PLAIN + "u99,i0,5\n",
    "again": PLAIN + "u0,i0,5\nu0,i0,2\n"}  # fmt: skip
# options, what they say, the log, and the table of people or items beside it
ALONE: dict[str, tuple[list[str], dict[str, Any], str, str]] = {
    "separator": (["--separator", "^"], {"separator": "^"}, "caret", ""),
    "no header": (["--header", "no"], {"header": False}, "plain", ""),
    "user": (["--user-column", "item_id", "--item-column", "user_id"], {"user": "item_id", "item": "user_id"}, "plain",
             ""),
    "no rating": (["--rating-column", ""], {"rating": ""}, "plain", ""),
    "counts": (["--rating-kind", "count"], {"rating_kind": "count"}, "plain", ""),
    "any": (["--relevance-threshold", "any"], {"relevance_threshold": None}, "plain", ""),
    "core": (["--k-core", "3"], {"k_core": 3}, "few", ""),
    "clock": (["--clock-column", "also"], {"clock": "also"}, "when", ""),
    "time": (["--time-column", "at"], {"time": "at"}, "when", ""),
    "from": (["--from", "2014-03-02", "--to", "2014-03-06"], {"start": "2014-03-02", "end": "2014-03-06"}, "when", ""),
    "parts": (["--split-column", "which"], {"split": "which"}, "parted", ""),
    "event": (["--event-column", "how", "--event", "far"], {"event": "how", "events": ("far",)}, "events", ""),
    "weights": (["--event", "all", "--event-weight", "buy=5"], {"events": ("all",), "event_weights": (("buy", 5.0),)},
                "events", ""),
    "people": (["--users-id-column", "partner"], {"users_id": "partner"}, "plain", "users"),
    "items": (["--items-id-column", "code", "--title-column", "named"], {"items_id": "code", "title": "named"}, "plain",
              "items"),
    "categories": (["--categories-column", "kind"], {"categories": "kind"}, "plain", "items"),
    "between": (["--category-separator", "~"], {"category_separator": "~"}, "plain", "items"),
    "bad": (["--drop-bad-ratings", "yes"], {"drop_bad_ratings": True}, "bad", ""),
    "best": (["--keep", "best"], {"dedupe": "best"}, "again", ""),
}  # fmt: skip


@pytest.mark.parametrize("case", ALONE)
def test_options_that_nothing_asks_for_say_what_python_says(
    case: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words, said, log, beside = ALONE[case]
    paths = {"interactions": tmp_path / "log.csv"} | ({beside: tmp_path / "beside.csv"} if beside else {})
    paths["interactions"].write_text(TABLES[log], "utf-8")
    if beside:
        paths[beside].write_text(TABLES["people" if beside == "users" else beside], "utf-8")
    given = [word for role, path in paths.items() for word in (f"--{role}", str(path))]
    digests = []
    for more in ([], words):
        out = tmp_path / f"out{len(more)}"
        code = main(["data", *given, "--accept-guesses", "--out", str(out), *more])
        digests.append(data.load(out).digest if code == 0 else "")
    expected, _ = data.build(
        paths["interactions"], paths.get("users"), paths.get("items"), options=ImportOptions(**said)
    )
    assert digests[1] == expected.digest, capsys.readouterr().err
    assert digests[0] != digests[1]
