"""Random tables, written in every format, renamed, reordered and shuffled: the same data set each time."""

from __future__ import annotations

import gzip
import importlib.util
import io
import json
import random
import zipfile
from collections.abc import Sequence
from typing import Any

import pandas as pd
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fairdash import data
from fairdash.data import ImportOptions, brought
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
    "pipes": lambda frame: frame.to_csv(index=False, sep="|").encode(),
    "below a title": lambda frame: b"A table\n\n" + frame.to_csv(index=False).encode(),
    "for Excel": lambda frame: b"sep=;\r\n" + frame.to_csv(index=False, sep=";", lineterminator="\r\n").encode(),
    "rows": lambda frame: json.dumps({"columns": list(frame), "data": frame.to_numpy(object).tolist()}).encode(),
    "under a key": lambda frame: json.dumps({"ok": True, "found": frame.to_dict("records")}).encode(),
    "recbole": lambda frame: _text(
        frame.rename(columns={c: f"{c}:{'float' if c in ('rating', 'timestamp') else 'token'}" for c in frame}), "\t"
    ),
    "parts": lambda frame: _zip(
        {
            f"out/part-0000{n}.csv": part.to_csv(index=False).encode()
            for n, part in enumerate((frame.head(3), frame.iloc[3:]))
            if len(part)
        }
        | {"out/_SUCCESS": b""}
    ),
}
if importlib.util.find_spec("openpyxl") is not None:
    WRITERS["excel"] = lambda frame: _excel(frame)


def _excel(frame: pd.DataFrame) -> bytes:
    raw = io.BytesIO()
    frame.to_excel(raw, index=False)
    return raw.getvalue()


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


@settings(FEW, max_examples=60)
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


def _lists(frame: pd.DataFrame, write: Any) -> bytes:
    """A row a person, with lists in its cells."""
    cells = frame.sort_values(["user_id", "rank"]).groupby("user_id", sort=False)["item_id"].agg(list)
    return bytes(write(cells.map(lambda items: [str(item) for item in items])))


def _sides(frame: pd.DataFrame, names: Sequence[str], sep: str, head: bool = True) -> bytes:
    return frame[list(names)].to_csv(index=False, sep=sep, header=head).encode()


# what recommenders write: of user_id, item_id, rank, score
LISTS: dict[str, Any] = {
    **{name: WRITERS[name] for name in ("csv", "tsv", "lines", "parquet", "gzip", "parts", "utf-16")},
    "trec": lambda frame: "".join(
        f"{u} Q0 {i} {r} {s} x\n" for u, i, r, s in frame[list(RANKED)].itertuples(index=False)
    ).encode(),
    "rectools": lambda frame: _sides(frame, RANKED[:2] + RANKED[3:] + RANKED[2:3], ","),
    "lenskit": lambda frame: _sides(
        frame.rename(columns={"user_id": "user", "item_id": "item"}), ("item", "score", "user", "rank"), ","
    ),
    "elliot": lambda frame: _sides(frame, ("user_id", "item_id", "score"), "\t", head=False),
    "surprise": lambda frame: _sides(
        frame.rename(columns={"user_id": "uid", "item_id": "iid", "score": "est"}).assign(r_ui=3, details="{}"),
        ("uid", "iid", "r_ui", "est", "details"), ",",
    ),
    "cornac": lambda frame: _sides(
        frame.rename(columns={"user_id": "UserId", "item_id": "ItemId", "score": "prediction"}),
        ("UserId", "ItemId", "prediction"), "\t",
    ),
    "recbole": lambda frame: _text(
        frame[list(RANKED)].rename(columns={"user_id": "user_id:token", "item_id": "item_id:token",
                                            "rank": "rank:float", "score": "score:float"}), "\t"
    ),
    "json by person": lambda frame: _lists(frame, lambda cells: json.dumps(cells.to_dict()).encode()),
    "cells": lambda frame: _lists(frame, lambda cells: _sides(cells.reset_index(), ("user_id", "item_id"), ",")),
    "joined": lambda frame: _lists(
        frame, lambda cells: cells.map("|".join).rename("recommendations").reset_index().to_csv(index=False).encode()
    ),
    "side by side": lambda frame: frame.pivot_table("item_id", "user_id", "rank", aggfunc="first")
    .add_prefix("top_").reset_index().to_csv(index=False).encode(),
}  # fmt: skip
RANKED = ("user_id", "item_id", "rank", "score")
HELD: dict[str, Any] = {
    **{name: WRITERS[name] for name in ("csv", "semicolons", "json", "parquet", "colons", "recbole", "windows")},
    "qrels": lambda frame: "".join(
        f"{u} 0 {i} {r}\n" for u, i, r in frame[["user_id", "item_id", "rating"]].itertuples(index=False)
    ).encode(),
}


@st.composite
def audits(draw: Any) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Lists of three places (user_id, item_id, rank, score), held-out rows and people."""
    form = draw(st.sampled_from(["{}", "u{}", "00{}"]))
    chance = random.Random(draw(st.integers(0, 10_000)))
    people, things = [form.format(u) for u in range(draw(st.integers(5, 8)))], [f"i{i}" for i in range(7)]
    lists = [(user, item, rank, 9.5 - rank) for user in people for rank, item in enumerate(chance.sample(things, 3), 1)]
    held = [(user, item, chance.choice((1, 2, 4, 5))) for user in people for item in chance.sample(things, 3)]
    genders = [(user, "FM"[u % 2], 20 + u) for u, user in enumerate(people)]
    names = ("user_id", "item_id", "rating")
    return _frame(lists, RANKED), _frame(held, names), _frame(genders, ("user_id", "gender", "age"))


@settings(FEW, max_examples=60)
@given(audits(), st.sampled_from(sorted(LISTS)), st.sampled_from(sorted(HELD)), st.randoms(use_true_random=False))
def test_lists_and_truth_of_every_writer_are_the_same_tables(
    made: Any, first: str, second: str, chance: random.Random
) -> None:
    expected = brought.bring(made[0], made[1], made[2])
    lists, held, people = (frame.sample(frac=1, random_state=chance.randrange(1000)) for frame in made)
    people = people.rename(columns={"user_id": chance.choice(SPELLINGS["user_id"])})
    sources = [("x", LISTS[first](lists)), ("y", HELD[second](held)), ("z", WRITERS["csv"](people))]
    got = brought.bring(*sources)
    assert list(got.systems) == [""]
    for a, b in ((expected.systems[""], got.systems[""]), (expected.truth, got.truth), (expected.users, got.users)):
        keys = ["user_id", *(["item_id"] if "item_id" in a else [])]
        one, other = (frame.sort_values(keys, ignore_index=True).astype({"user_id": str}) for frame in (a, b))
        for column in one:
            if column in ("score", "rank") and column not in other:
                continue  # the other one of the two gives the same order
            assert one[column].astype(str).tolist() == other[column].astype(str).str.removesuffix(".0").tolist() or (
                one[column].astype(float).tolist() == other[column].astype(float).tolist()
            )
    assert expected.threshold == got.threshold
