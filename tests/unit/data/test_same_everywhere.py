"""Random tables, written in every format, renamed, reordered and shuffled: the same data set each time."""

from __future__ import annotations

import gzip
import io
import json
import random
import zipfile
from typing import Any

import pandas as pd
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fairdash import data
from fairdash.data import ImportOptions
from fairdash.schema import Dataset

OPTIONS = ImportOptions(name="x")
SPELLINGS = {
    "user_id": ("user_id", "userId", "User ID", "customer_id", "usuario", "用户ID", "reviewerID", "user_id:token"),
    "item_id": ("item_id", "movieId", "Item-ID", "asin", "película", "物品ID", "product_id", "podcast_id"),
    "rating": ("rating", "Rating", "stars", "overall", "valoración", "评分"),
    "timestamp": ("timestamp", "Time", "date", "unixReviewTime", "fecha", "时间"),
}
WORDS = st.text(st.characters(codec="utf-8", categories=("Lu", "Ll", "Lo", "Nd")), min_size=1, max_size=6)


@st.composite
def tables(draw: Any) -> tuple[list[tuple[Any, ...]], list[tuple[str, str]], list[tuple[str, str, str]]]:
    """Interactions (user, item, rating, time), people (user, gender) and items (item, title, categories)."""
    form = draw(st.sampled_from(["{}", "u{}", "00{}", "{}-x"]))
    people = [form.format(i) for i in range(draw(st.integers(6, 9)))]
    things = [f"i{i}" for i in range(draw(st.integers(5, 8)))]
    chance = random.Random(draw(st.integers(0, 10_000)))
    log = [
        (person, thing, chance.choice((1, 2, 3.5, 4, 5)), 1_400_000_000 + chance.randrange(10**7))
        for person in people
        for thing in things
        if chance.random() < 0.8
    ] or [(people[0], things[0], 1, 1_400_000_000)]
    genders = [(person, "FM"[i % 2]) for i, person in enumerate(people)]
    names = draw(st.lists(WORDS, min_size=len(things), max_size=len(things)))
    items = [
        (thing, f"T {name}", "|".join(("A", "B")[: 1 + i % 2]))
        for i, (thing, name) in enumerate(zip(things, names, strict=True))
    ]
    return log, genders, items


def _frame(rows: list[tuple[Any, ...]], names: tuple[str, ...]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=list(names))


def _same(one: Dataset, other: Dataset) -> None:
    """The same but for the order of rows and the names of columns of attributes."""
    for table, key in (("interactions", ["user_id", "item_id"]), ("users", ["user_id"]), ("items", ["item_id"])):
        a, b = (getattr(each, table).sort_values(key, ignore_index=True) for each in (one, other))
        pd.testing.assert_frame_equal(a, b[a.columns], check_dtype=False)
    assert one.relevance_threshold == other.relevance_threshold


def _text(frame: pd.DataFrame, separator: str) -> bytes:
    rows = [list(frame.columns), *frame.astype(str).to_numpy().tolist()]
    return "\n".join(separator.join(row) for row in rows).encode()


def _parquet(frame: pd.DataFrame) -> bytes:
    raw = io.BytesIO()
    frame.to_parquet(raw)
    return raw.getvalue()


WRITERS: dict[str, Any] = {
    "csv": lambda frame: frame.to_csv(index=False).encode(),
    "bom": lambda frame: frame.to_csv(index=False).encode("utf-8-sig"),
    "utf-16": lambda frame: frame.to_csv(index=False).encode("utf-16"),
    "tsv": lambda frame: frame.to_csv(index=False, sep="\t").encode(),
    "semicolons": lambda frame: frame.to_csv(index=False, sep=";").encode(),
    "colons": lambda frame: _text(frame, "::"),
    "windows": lambda frame: frame.to_csv(index=False, lineterminator="\r\n", quoting=1).encode(),
    "json": lambda frame: frame.to_json(orient="records").encode(),
    "split": lambda frame: frame.to_json(orient="split").encode(),
    "by column": lambda frame: frame.to_json().encode(),
    "lines": lambda frame: frame.to_json(orient="records", lines=True, force_ascii=False).encode(),
    "python": lambda frame: "\n".join(map(repr, json.loads(frame.to_json(orient="records")))).encode(),
    "gzip": lambda frame: gzip.compress(frame.to_csv(index=False).encode()),
    "parquet": _parquet,
    "zip": lambda frame: _zip({"a.csv": frame.to_csv(index=False).encode()}),
}


def _zip(files: dict[str, bytes]) -> bytes:
    raw = io.BytesIO()
    with zipfile.ZipFile(raw, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return raw.getvalue()


FEW = settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
LOG, WHO, WHAT = ("user_id", "item_id", "rating", "timestamp"), ("user_id", "gender"), ("item_id", "title", "genres")


@FEW
@given(tables(), st.sampled_from(sorted(WRITERS)), st.sampled_from(sorted(WRITERS)))
def test_every_format_reads_back_the_same(made: Any, first: str, second: str) -> None:
    frames = [_frame(rows, names) for rows, names in zip(made, (LOG, WHO, WHAT), strict=True)]
    expected, _ = data.build(*(("x", WRITERS["csv"](frame)) for frame in frames), options=OPTIONS)
    sources = [("x", WRITERS[form](frame)) for form, frame in zip((first, second, first), frames, strict=True)]
    got, _ = data.build(*sources, options=OPTIONS)
    _same(expected, got)


@FEW
@given(tables(), st.randoms(use_true_random=False), st.data())
def test_names_order_and_roles_of_files_change_nothing(made: Any, chance: random.Random, draw: Any) -> None:
    names = {role: draw.draw(st.sampled_from(spellings)) for role, spellings in SPELLINGS.items()}
    frames = [_frame(rows, known) for rows, known in zip(made, (LOG, WHO, WHAT), strict=True)]
    expected, _ = data.build(*(("x", frame.to_csv(index=False).encode()) for frame in frames), options=OPTIONS)
    files = {}
    called = ["a.csv", "b.csv", "c.csv"]
    chance.shuffle(called)
    for name, frame in zip(called, frames, strict=True):
        order = list(frame.columns)
        chance.shuffle(order)
        shuffled = frame.sample(frac=1, random_state=chance.randrange(1000))[order].rename(columns=names)
        files[name] = shuffled.to_csv(index=False).encode()
    pairs = list(files.items())
    chance.shuffle(pairs)
    got, findings = data.build(("all.zip", _zip(dict(pairs))), options=OPTIONS)
    _same(expected, got)
    assert all(finding.key != "left_aside" for finding in findings)
    assert not data.questions(findings)
