"""A recommender's name is written in its own folder alone; everybody else asks the declarations."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import get_args

import pytest

import fairdash
from fairdash import recommenders
from fairdash.errors import ModelError
from fairdash.recommenders import DEFAULT, RECOMMENDERS, store
from fairdash.recommenders.options import Brought, choices_of
from fairdash.stages.fit import TrainSpec

PACKAGE = Path(fairdash.__file__).parent
SOURCES = [*PACKAGE.rglob("*.py"), *(PACKAGE.parent / "pages").glob("*.py"), PACKAGE.parent / "app.py"]
OTHERWISE = {  # the same word for something else
    ("item_classes.py", "popularity"),  # an attribute of items
    ("metrics/families/popularity.py", "popularity"),  # a family of metrics
    ("recommenders/bert_pair/__init__.py", "popularity"),  # a prior
    ("recommenders/bert_pair/model.py", "popularity"),
    ("stages/feed.py", "popularity"),  # what a card asks
    ("ui/made.py", "popularity"),  # what is popular, as people say it
    ("stages/quality.py", "popularity"),  # the baseline that quality is told beside, whoever trained it
    ("stages/example.py", "ease"),  # what the shipped example was made with
}


def written(tree: ast.Module) -> Iterator[str]:
    """All texts of a module but its docstrings."""
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, documented) and node.body and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
            yield node.value


def test_no_name_outside_of_its_folder() -> None:
    found = set()
    for file in SOURCES:
        place = file.relative_to(PACKAGE).as_posix() if PACKAGE in file.parents else file.name
        texts = list(written(ast.parse(file.read_text("utf-8"))))
        for name in RECOMMENDERS:
            if place.startswith(f"recommenders/{name}/"):
                continue
            named = re.compile(rf"\b{name}\b" if "_" in name else rf"\A{name}\Z")  # ease is a word, too
            if any(named.search(text) for text in texts):
                found.add((place, name))
    assert found == OTHERWISE


def test_the_first_declared_is_the_default_everywhere() -> None:
    assert min(RECOMMENDERS.values(), key=lambda info: info.place).name == DEFAULT
    assert TrainSpec().recommender == DEFAULT


def test_choices_that_hang_on_declarations_follow_them(monkeypatch: pytest.MonkeyPatch) -> None:
    firsts = [
        spec
        for info in RECOMMENDERS.values()
        if info.scores == "candidates"
        for spec in fields(info.options)
        if spec.name == "first_stage"
    ]
    assert len(firsts) == 2
    assert all(choices_of(first) == recommenders.first_stages() for first in firsts)
    monkeypatch.setitem(RECOMMENDERS, "more", RECOMMENDERS[DEFAULT])
    assert all(choices_of(first)[-1] == "more" for first in firsts)


def test_a_language_model_is_sent_to_the_options_that_take_one(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(ModelError) as caught:
        store.locate(str(tmp_path), tmp_path)
    assert caught.value.hint == "Give it as the option encoder of bert_sequence or the option base of bert_pair."


def test_options_that_take_a_model_say_what_to_do_with_it() -> None:
    for name, specs in recommenders.taking(*get_args(Brought)).items():
        for spec in specs:
            assert spec.metadata["use"], (name, spec.name)
            if spec.metadata["takes"] == "saved":
                recommenders.build(name, {"epochs": 0})  # used as it is


def test_who_goes_on_from_what_it_saved_says_by_which_option() -> None:
    found = {name: recommenders.going_on(name) for name in ("bert_sequence", "bert_pair", "ease")}
    assert found == {"bert_sequence": "start", "bert_pair": "base", "ease": None}
