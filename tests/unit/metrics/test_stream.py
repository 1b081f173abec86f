"""One piece or many, in memory or streamed: the same numbers."""

import math
import pickle
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from fairdash.data import brought
from fairdash.data.findings import UnansweredError
from fairdash.data.options import ImportOptions
from fairdash.engines import added, nobody
from fairdash.engines.local import Local
from fairdash.errors import ConfigError, DataError
from fairdash.metrics import audit, files, inputs, stream
from fairdash.metrics.catalogue import on_side
from fairdash.metrics.tally import Rules, tally
from tests.unit.metrics.people import make

OPTIONS: dict[str, Any] = {"groups": ["gender", "age"], "item_groups": ["maker", "popularity"], "replicates": 50}


def same(a: Any, b: Any, path: str = "") -> None:
    """Equal to 1e-12, counts and names to the bit."""
    if isinstance(a, dict):
        assert a.keys() == b.keys(), path
        for key in a:
            same(a[key], b[key], f"{path}.{key}")
    elif isinstance(a, list):
        assert len(a) == len(b), path
        for i, (x, y) in enumerate(zip(a, b, strict=True)):
            same(x, y, f"{path}[{i}]")
    elif isinstance(a, float):
        assert math.isclose(a, b, rel_tol=1e-11, abs_tol=1e-12), (path, a, b)
    else:
        assert a == b, path


def without(value: dict[str, Any], *keys: str) -> dict[str, Any]:
    return {key: inner for key, inner in value.items() if key not in keys}


@pytest.fixture(scope="module")
def data() -> dict[str, Any]:
    return make()


@pytest.fixture(scope="module")
def whole(data: dict[str, Any]) -> dict[str, Any]:
    return audit.from_frames(**data, **OPTIONS).to_json()


def in_pieces(data: dict[str, Any], cuts: list[np.ndarray]) -> audit.Audit:
    """The audit of coded tables cut by users, in the given order."""
    groups = audit.specs(OPTIONS["groups"])
    tables = brought.bring(**data)
    made = inputs.from_tables(tables, "", groups, audit.specs(OPTIONS["item_groups"]), 10, 0)
    scores = made.lists.scores[:, :10]
    rules = Rules(10, 0, 50, 2000, score_cells=audit.score_cells(scores[np.isfinite(scores)]))
    total = None
    for cut in cuts:
        part = tally(inputs.people_of(made, cut.astype(np.int32)), rules)
        total = part if total is None else total + part
    continuous = {label: values[np.concatenate(cuts)] for label, values in made.continuous.items()}
    return audit.finish(
        total, made.catalogue, ["maker", "popularity"], made.warnings, continuous, made.threshold,
        findings=made.findings,
    )  # fmt: skip


@pytest.mark.parametrize("pieces", [1, 7, 100])
def test_pieces_add_up(data: dict[str, Any], whole: dict[str, Any], pieces: int) -> None:
    order = np.random.default_rng(pieces).permutation(120)
    found = in_pieces(data, np.array_split(order, pieces)).to_json()
    # exact Kolmogorov-Smirnov values need all scores at once: here it is that of the cells, which are exact for few
    same(without(found, "gaps"), without(whole, "gaps"))
    for attribute, rows in whole["gaps"].items():
        for metric, row in rows.items():
            drop = ("pair",) if metric == "score_ks" else ()
            if metric != "score_ks":
                same(without(found["gaps"][attribute][metric], *drop), without(row, *drop), f"{attribute}.{metric}")


def test_one_piece_and_a_hundred(data: dict[str, Any]) -> None:
    one = in_pieces(data, [np.arange(120)]).to_json()
    hundred = in_pieces(data, np.array_split(np.arange(120), 100)).to_json()
    same(hundred, one)


def write(path: Any, frame: pd.DataFrame, row_group_size: int = 100) -> None:
    pq.write_table(pa.Table.from_pandas(frame, preserve_index=False), path, row_group_size=row_group_size)


@pytest.mark.parametrize("scattered", [False, True])
@pytest.mark.parametrize("ids", ["text", "numbers"])
def test_parquet(tmp_path, monkeypatch, scattered: bool, ids: str) -> None:
    monkeypatch.setattr(stream, "BATCH_ROWS", 64)
    monkeypatch.setattr(stream, "PIECE_ROWS", 150)
    monkeypatch.setattr(stream, "BUCKET_ROWS", 300)
    data = make(seed=3)
    lists = data["recommendations"]
    # some people without a list, some in no table of users, some in no truth
    data["recommendations"] = lists = lists[~lists["user_id"].isin(["u3", "u50"])]
    data["users"] = data["users"][~data["users"]["user_id"].isin(["u7", "u8"])]
    data["truth"] = data["truth"][~data["truth"]["user_id"].isin(["u9", "u10"])]
    if ids == "numbers":
        for frame in data.values():
            for column in {"user_id", "item_id"} & set(frame.columns):
                frame[column] = frame[column].str[1:].astype(int)
        lists = data["recommendations"]
    expected = audit.from_frames(**data, **OPTIONS).to_json()
    shown = lists.sample(frac=1, random_state=1) if scattered else lists
    half = len(shown) // 2
    half += 0 if scattered else 5  # a user's rows go on in the next file
    write(tmp_path / "a.parquet", shown.iloc[:half])
    write(tmp_path / "b.parquet", shown.iloc[half:])
    rest = {key: value for key, value in data.items() if key != "recommendations"}
    found = stream.from_parquet(tmp_path, **rest, **OPTIONS).to_json()
    for value in (found, expected):
        for rows in value["gaps"].values():
            rows.pop("score_ks")
            for row in rows.values():
                row.pop("p_holm")
    same(
        without(found, "warnings", "distributions", "undefined"),
        without(expected, "warnings", "distributions", "undefined"),
    )
    assert set(expected["warnings"]) <= set(found["warnings"])


class Travelling(Local):
    """Keeps how much is sent to all and with each part, and of how many people own values come back."""

    def __init__(self) -> None:
        super().__init__(1)
        self.sent: list[int] = []
        self.parts: list[int] = []
        self.kept: list[int] = []

    def total(self, function: Any, shared: Any, parts: Any, told: Any = nobody, gather: Any = added) -> Any:
        def sent(shared: Any, part: bytes) -> Any:
            found = function(shared, pickle.loads(part))
            if isinstance(found, stream.Counted):
                self.kept.append(len(found.tally.own.ids))
            return found

        packed = [pickle.dumps(part) for part in parts]
        self.sent.append(len(pickle.dumps(shared)))
        self.parts += map(len, packed)
        return super().total(sent, shared, packed, lambda part: told(pickle.loads(part)), gather)


def test_what_travels_does_not_grow_with_people_elsewhere(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(stream, "BATCH_ROWS", 64)
    monkeypatch.setattr(stream, "PIECE_ROWS", 150)
    data = make(seed=3)
    lists = data.pop("recommendations")
    found = {}
    for n in (40, 120):
        some = data["users"]["user_id"].head(n)
        own = {name: frame[frame["user_id"].isin(some)] for name, frame in data.items() if "user_id" in frame}
        write(tmp_path / "a.parquet", lists[lists["user_id"].isin(some)])
        found[n] = Travelling()
        stream.from_parquet(tmp_path / "a.parquet", **{**data, **own}, **OPTIONS, engine=found[n])
    few, many = found[40], found[120]
    assert len(many.parts) > len(few.parts)
    assert max(many.sent) <= 1.1 * max(few.sent), (many.sent, few.sent)
    assert max(many.parts) <= 1.1 * max(few.parts), (many.parts, few.parts)


@pytest.mark.parametrize("scattered", [False, True])
def test_values_of_single_people_are_kept_of_the_smallest_hashes(tmp_path, monkeypatch, scattered: bool) -> None:
    """The same people's however they are cut, and all else is of everybody."""
    data = make(n=400, seed=6)
    all_kept = audit.from_frames(**data, **OPTIONS)
    monkeypatch.setattr("fairdash.metrics.tally.OWN_PEOPLE", 90)
    monkeypatch.setattr(stream, "BATCH_ROWS", 64)
    monkeypatch.setattr(stream, "PIECE_ROWS", 150)
    whole = audit.from_frames(**data, **OPTIONS)
    assert len(whole.per_user) == 90
    merged = whole.per_user.merge(all_kept.per_user, on="user_id", suffixes=("", "_all"))
    np.testing.assert_array_equal(merged["ndcg"], merged["ndcg_all"])
    drawn = "distributions", "curves", "conventions", "said"
    same(without(whole.to_json(), *drawn), without(all_kept.to_json(), *drawn))
    assert "90 of 400" in whole.to_json()["conventions"]["own_values"]
    shares = whole.to_json()["distributions"]["gender"]["ndcg"]["groups"]
    assert shares != all_kept.to_json()["distributions"]["gender"]["ndcg"]["groups"]

    lists = data.pop("recommendations")
    write(tmp_path / "a.parquet", lists.sample(frac=1, random_state=0) if scattered else lists)
    engine = Travelling()
    streamed = stream.from_parquet(tmp_path / "a.parquet", **data, **OPTIONS, engine=engine)
    a, b = (one.per_user.sort_values("user_id", ignore_index=True) for one in (streamed, whole))
    pd.testing.assert_frame_equal(a, b, rtol=1e-12)
    same(streamed.to_json()["curves"], whole.to_json()["curves"])
    # a piece gives back its part of those alone, and not much more
    assert sum(engine.kept) < 90 * 1.8


def test_who_has_no_row_left_has_no_list(tmp_path, monkeypatch) -> None:
    """Of people whose items the repairs leave out: with held-out items they count, with an accuracy of 0, else not."""
    monkeypatch.setattr(stream, "BATCH_ROWS", 64)
    monkeypatch.setattr(stream, "PIECE_ROWS", 150)
    data = make(n=60, seed=7)
    lists = data.pop("recommendations")
    data["truth"] = data["truth"][data["truth"]["user_id"] != "u30"]
    for some in (lists, lists.sample(frac=1, random_state=0)):
        none = some["user_id"].isin(["u3", "u30"])
        given = some.assign(item_id=some["item_id"].mask(none, "  "))
        write(tmp_path / "a.parquet", given)
        made = stream.from_parquet(tmp_path / "a.parquet", **data, **OPTIONS)
        whole = audit.from_frames(given, **data, **OPTIONS)
        assert len(made.per_user) == made.n_users == 59
        assert any("no list" in line for line in made.to_json()["warnings"])
        for part in ("n_users", "overall", "groups"):  # cells of scores are cut from the first rows
            same(made.to_json()[part], whole.to_json()[part])


def test_parquet_by_score(tmp_path) -> None:
    data = make(seed=4)
    lists = data["recommendations"].drop(columns="rank")
    write(tmp_path / "a.parquet", lists)
    rest = {key: value for key, value in data.items() if key != "recommendations"}
    found = stream.from_parquet(tmp_path / "a.parquet", **rest, **OPTIONS).to_json()
    expected = audit.from_frames(lists, **rest, **OPTIONS).to_json()
    same(found["overall"], expected["overall"])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"rank": [1.5] * 1200}, "row 1, column rank: 1.5 is no rank"),
        ({"rank": [1] * 1200}, "another item at rank 1"),
        ({"rank": ["1st"] * 1200}, "column rank: Failed to parse string: '1st'"),
        ({"score": ["0,5"] * 1200}, "column score: Failed to parse string: '0,5'"),
        ({"item_id": [None] * 1200}, "has no row with a user_id and a item_id"),
    ],
)
def test_bad_parquet_is_refused(tmp_path, change: dict[str, Any], message: str) -> None:
    data = make()
    write(tmp_path / "a.parquet", data["recommendations"].assign(**change))
    rest = {key: value for key, value in data.items() if key != "recommendations"}
    with pytest.raises(DataError, match=message):
        stream.from_parquet(tmp_path / "a.parquet", **rest, replicates=0, permutations=0)


def test_no_parquet_is_refused(tmp_path) -> None:
    data = make()
    rest = {key: value for key, value in data.items() if key != "recommendations"}
    with pytest.raises(DataError, match="without Parquet files"):
        stream.from_parquet(tmp_path, **rest)
    (tmp_path / "a.parquet").write_text("user_id,item_id")
    with pytest.raises(DataError, match="cannot be read as Parquet"):
        stream.from_parquet(tmp_path / "a.parquet", **rest)
    write(tmp_path / "a.parquet", data["recommendations"].drop(columns=["rank", "score"]))
    with pytest.raises(DataError, match="neither a rank nor a score"):
        stream.from_parquet(tmp_path / "a.parquet", **rest)


def test_pieces_of_different_audits_do_not_add(data: dict[str, Any]) -> None:
    made = inputs.from_tables(brought.bring(**data), "", [], [], 10, 0)
    first = tally(made, Rules(10, 0, 0, 0))
    with pytest.raises(ConfigError, match="cannot be added"):
        first + tally(made, Rules(5, 0, 0, 0))


def test_many_people_are_tested_by_the_limit(monkeypatch, data: dict[str, Any], whole: dict[str, Any]) -> None:
    """The limit distribution of the shuffled sums gives the p-values of true shufflings."""
    for module in ("resampled", "tally"):
        monkeypatch.setattr(f"fairdash.metrics.{module}.EXACT_PEOPLE", 100)
    monkeypatch.setattr("fairdash.metrics.shuffles.SMALL_GROUP", 10)
    found = audit.from_frames(**data, **OPTIONS).to_json()["gaps"]["gender"]
    for metric in ("ndcg", "recall", "mrr", "arp", "equal_opportunity_difference"):
        assert found[metric]["p_value"] == pytest.approx(whole["gaps"]["gender"][metric]["p_value"], abs=0.05)


def test_the_order_of_sums_does_not_show_where_people_are_many(monkeypatch, data: dict[str, Any]) -> None:
    """Clusters add neighbours wherever they are: the same to 1e-12 in one piece, in nine and in another order."""
    for module in ("resampled", "tally"):
        monkeypatch.setattr(f"fairdash.metrics.{module}.EXACT_PEOPLE", 100)
    monkeypatch.setattr("fairdash.metrics.shuffles.SMALL_GROUP", 10)
    people = np.arange(len(data["users"]))
    whole, cut, turned = (
        without(in_pieces(data, cuts).to_json(), "distributions")
        for cuts in ([people], np.array_split(people, 9), np.array_split(people, 9)[::-1])
    )
    same(cut, whole)
    same(turned, whole)


def test_large_files_are_streamed(tmp_path, monkeypatch) -> None:
    data = make(seed=5)
    paths = {}
    for name, frame in data.items():
        paths[name] = tmp_path / f"{name}.csv"
        frame.to_csv(paths[name], index=False)
    paths["train"] = [paths["train"]]
    write(tmp_path / "lists.parquet", data["recommendations"])
    plain = files.audit(**paths, **OPTIONS).to_json()
    paths["recommendations"] = tmp_path / "lists.parquet"
    small = files.audit(**paths, **OPTIONS).to_json()
    monkeypatch.setattr(files, "LARGE_ROWS", 10)
    large = files.audit(**paths, **OPTIONS).to_json()
    same(small, plain)
    same(large["overall"], plain["overall"])
    same(large["items"], plain["items"])
    assert any("cut from the first rows" in line for line in large["warnings"])


def test_streamed_audits_have_what_predictions_and_accuracy_alone_give(tmp_path, monkeypatch) -> None:
    data = make(seed=5)
    data["truth"] = data["truth"].assign(prediction=np.linspace(1, 5, len(data["truth"])))
    paths = {}
    for name, frame in data.items():
        paths[name] = tmp_path / f"{name}.csv"
        frame.to_csv(paths[name], index=False)
    paths["train"] = [paths["train"]]
    write(tmp_path / "lists.parquet", data["recommendations"])
    paths["recommendations"] = tmp_path / "lists.parquet"
    whole = {only: files.audit(**paths, **OPTIONS, accuracy_only=only).to_json() for only in (False, True)}
    monkeypatch.setattr(files, "LARGE_ROWS", 10)
    streamed = {only: files.audit(**paths, **OPTIONS, accuracy_only=only).to_json() for only in (False, True)}
    for attribute, named in whole[False]["gaps"].items():
        for metric in ("value_unfairness", "nonparity_unfairness"):
            assert named[metric]["gap"] is not None
            assert streamed[False]["gaps"][attribute][metric]["gap"] == pytest.approx(named[metric]["gap"])
    assert set(streamed[True]["gaps"]["gender"]) == set(whole[True]["gaps"]["gender"]) == set(on_side("accuracy"))
    same(streamed[True]["overall"], whole[True]["overall"])


@pytest.mark.parametrize("name", ["recommendations", "truth", "users", "items"])
def test_a_file_that_is_missing_is_named(tmp_path, name: str) -> None:
    data = make(seed=5)
    paths = {}
    for other, frame in data.items():
        paths[other] = tmp_path / f"{other}.parquet"
        frame.to_parquet(paths[other])
    paths["train"] = [paths["train"]]
    paths[name] = tmp_path / "gone.parquet"
    with pytest.raises(DataError, match=r"gone\.parquet cannot be read: No such file"):
        files.audit(**paths, **OPTIONS)


@pytest.mark.parametrize("scattered", [False, True])
def test_streamed_lists_are_repaired_as_others(tmp_path, monkeypatch, scattered: bool) -> None:
    """Other names of columns, ids with spaces and zeros before them, and rows without an id."""
    monkeypatch.setattr(stream, "BATCH_ROWS", 64)
    data = make(seed=6)
    for name in ("truth", "users", "train"):
        data[name] = data[name].assign(user_id=data[name]["user_id"].str[1:])
    lists = data["recommendations"]
    odd = lists.assign(user_id=lists["user_id"].str[1:].str.zfill(5), item_id=" " + lists["item_id"], note="x")
    odd.loc[odd.index[7::50], "user_id"] = None
    odd.loc[odd.index[9::50], "item_id"] = "  "
    odd = odd.sample(frac=1, random_state=3) if scattered else odd
    odd = odd.rename(columns={"user_id": "userId", "item_id": "movieId", "rank": "position"})
    write(tmp_path / "a.parquet", odd)
    rest = {key: value for key, value in data.items() if key != "recommendations"}
    found = stream.from_parquet(tmp_path / "a.parquet", **rest, **OPTIONS).to_json()
    expected = audit.from_frames(tmp_path / "a.parquet", **rest, **OPTIONS).to_json()
    same(found["overall"], expected["overall"])
    same(found["groups"], expected["groups"])
    keys = {finding["key"] for finding in found["findings"]}
    assert {"columns_aside", "empty_ids", "id_spaces", "padded_ids", "rank_holes"} <= keys


@pytest.mark.parametrize("upside_down", [False, True])
def test_ranks_against_scores_are_said_of_streamed_lists_too(tmp_path, upside_down: bool) -> None:
    data = make(seed=8)
    lists = data["recommendations"]
    score = lists["rank"] / 20 if upside_down else 1 - (lists["rank"] % 9) / 20
    write(tmp_path / "a.parquet", lists.assign(score=score).rename(columns={"rank": "position"}))
    rest = {key: value for key, value in data.items() if key != "recommendations"}
    doors = (stream.from_parquet, audit.from_frames)
    found, expected = (door(tmp_path / "a.parquet", **rest, **OPTIONS) for door in doors)
    said = {finding.key: finding for finding in found.findings}
    key = "opposite_orders" if upside_down else "order"
    assert said[key].count
    assert said == {finding.key: finding for finding in expected.findings}
    for door in doors if upside_down else ():
        with pytest.raises(UnansweredError, match="position and score tell opposite orders"):
            door(tmp_path / "a.parquet", **rest, **OPTIONS, accept_guesses=False)
    answered = ImportOptions(rank="position")
    one, other = (door(tmp_path / "a.parquet", **rest, **OPTIONS, options=answered).to_json() for door in doors)
    same(one["overall"], other["overall"])
    assert key not in {finding["key"] for finding in one["findings"]}
