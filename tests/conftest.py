"""Tests compute on one thread each: their models are tiny, and two threads that wait for each other on a busy machine
made a test of five seconds run into its limit of three hundred. No example has a deadline: a busy machine is slow."""

from __future__ import annotations

import gc
import json
import os
import re
from collections.abc import Collection, Iterator, Mapping
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import hypothesis
import pytest

hypothesis.settings.register_profile("patient", deadline=None)
hypothesis.settings.load_profile("patient")
os.environ.setdefault("OMP_NUM_THREADS", "1")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files that drive a browser stand evenly among the others, so that they do not all run beside each other; those of
    whole commands, which are long, come before what is short, so that none of them is the last."""
    files = sorted(dict.fromkeys(item.path for item in items), key=lambda file: file.parent.name != "unit")
    order = {}
    for driving in (True, False):
        kind = [file for file in files if (file.parent.name == "e2e") == driving]
        order |= {file: (place + (not driving)) / len(kind) for place, file in enumerate(kind)}
    items.sort(key=lambda item: order[item.path])


@pytest.fixture(scope="module", autouse=True)
def _what_is_loaded_stays() -> None:
    """As in the server (`fairdash.ui.server`): a page that ends has Streamlit look at every object there is, which took
    longer than most pages among the million of libraries and of the tests before."""
    gc.collect()
    gc.freeze()


_WIDE = {letter: letter + 0xFEE0 for letter in (*range(ord("A"), ord("Z") + 1), *range(ord("a"), ord("z") + 1))}


def strange(template: str) -> str:
    """The template in the made-up language: in brackets, with wide letters; what is filled in keeps its place."""
    parts = re.split(r"(\{\w*\}|:material/\w+:)", template)
    return f"⟦{''.join(part if i % 2 else part.translate(_WIDE) for i, part in enumerate(parts))}⟧"


def english(text: str, data: Collection[str] = ()) -> list[str]:
    """Words of a text that nobody said in the made-up language, without those that came with the data."""
    bare = re.sub(r":material/\w+:|:[a-z]+(-badge)?\[|\\", "", text)
    return [word for word in re.findall(r"[A-Za-z]{2,}", bare) if word not in data]


@cache
def _catalogue() -> str:
    """The made-up language as a .po file."""
    from fairdash import words

    blocks = []
    for one, many in words.templates().items():
        forms = {"msgstr": one} if many is None else {"msgid_plural": many, "msgstr[0]": one, "msgstr[1]": many}
        lines = [
            f"{name} {json.dumps(said if name == 'msgid_plural' else strange(said))}" for name, said in forms.items()
        ]
        blocks.append("\n".join([f"msgid {json.dumps(one)}", *lines]))
    return "\n\n".join(blocks)


def report_of(value: Mapping[str, Any], suffix: str = "html", kind: str = "comparison", **how: Any) -> str:
    """A report of what an audit.json or a comparison.json holds, as the command line writes it from the file alone."""
    from fairdash import report
    from fairdash.report import known

    made = datetime(2026, 5, 1, tzinfo=UTC)
    return report.FORMATS[suffix].write(report.KINDS[kind](value, known.of_file(kind, value), made, **how))


@pytest.fixture
def made_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Everybody is spoken to in a language that has another text for each template, in brackets."""
    import streamlit

    from fairdash import words

    (tmp_path / "locale").mkdir()
    (tmp_path / "locale" / "xx.po").write_text(_catalogue(), "utf-8")
    monkeypatch.setattr(words, "LOCALE", tmp_path / "locale")
    monkeypatch.setattr(words, "ENGLISH", "xx")  # of whoever says nothing else
    words.catalogue.cache_clear()
    streamlit.cache_data.clear()  # what another made-up language said is kept under the same name
    yield
    words.catalogue.cache_clear()
