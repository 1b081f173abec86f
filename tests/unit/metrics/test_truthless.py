"""Lists alone, without held-out items and without people: what needs no liked item is told, all else says why not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import fairdash
from fairdash.cli import EXIT_ERROR, main
from fairdash.data.brought import bring
from fairdash.errors import DataError
from fairdash.metrics import files
from tests.unit.metrics.people import make

OPTIONS: dict[str, Any] = {"replicates": 30, "permutations": 30, "k": 5}


@pytest.fixture(scope="module")
def data() -> dict[str, Any]:
    return make(60)


def test_without_held_out_items_all_but_accuracy_is_as_with_them(data: dict[str, Any]) -> None:
    more = {**OPTIONS, "groups": ["gender"]}
    whole = fairdash.audit(**data, **more).to_json()
    lists = {name: table for name, table in data.items() if name != "truth"}
    found = fairdash.audit(**lists, **more).to_json()
    assert found["overall"]["ndcg"] is None
    assert found["undefined"]["overall.ndcg"]
    assert found["undefined"]["gaps.gender.ndcg"]
    assert (found["n_users"], found["n_without_truth"]) == (whole["n_users"], whole["n_users"])
    assert "no_truth" in {finding["key"] for finding in found["findings"]}
    for part in ("coverage", "gini"):
        assert found["items"][part] == whole["items"][part]
    for name, row in whole["groups"]["gender"].items():
        assert found["groups"]["gender"][name].get("category_share") == row.get("category_share")
    json.dumps(found, allow_nan=False)
    assert fairdash.audit(**lists, **more).summary()


@pytest.mark.parametrize("ids", ["text", "numbers"])
def test_lists_and_items_are_enough_at_every_door(
    data: dict[str, Any], ids: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    tables = {name: data[name].copy() for name in ("recommendations", "items")}
    if ids == "numbers":
        for table in tables.values():
            for key in {"user_id", "item_id"} & set(table):
                table[key] = table[key].str[1:].astype(int)
    found = fairdash.audit(**tables, **OPTIONS).to_json()
    assert found["items"]["coverage"] > 0
    assert found["items"]["by_group"]
    paths = {}
    for name, frame in tables.items():
        paths[name] = str(tmp_path / f"{name}.csv")
        frame.to_csv(paths[name], index=False)
    given = [word for name, path in paths.items() for word in (f"--{name}", path)]
    capsys.readouterr()
    code = main(["audit", *given, "--k", "5", "--replicates", "30", "--permutations", "30", "--json"])
    captured = capsys.readouterr()
    assert code == 0, captured.err
    told = json.loads(captured.out)
    assert told["items"] == found["items"]
    assert told == fairdash.audit(**paths, **OPTIONS).to_json()

    parquet = tmp_path / "lists.parquet"
    tables["recommendations"].to_parquet(parquet)
    plain = fairdash.audit(parquet, items=tables["items"], **OPTIONS).to_json()
    monkeypatch.setattr(files, "LARGE_ROWS", 10)
    streamed = fairdash.audit(parquet, items=tables["items"], **OPTIONS).to_json()
    assert streamed["items"]["coverage"] == plain["items"]["coverage"]
    assert streamed["overall"]["ndcg"] is None


def test_nothing_at_all_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(DataError, match="Neither lists nor held-out"):
        bring(None, None)
    assert main(["audit", "--items", "items.csv"]) == EXIT_ERROR
    assert "--recommendations" in capsys.readouterr().err


def test_a_gate_on_accuracy_cannot_pass_unseen(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lists = tmp_path / "r.csv"
    pd.DataFrame({"user_id": ["a", "b"], "item_id": ["x", "y"], "rank": [1, 1], "gender": ["F", "M"]}).to_csv(lists)
    given = ["audit", "--recommendations", str(lists), "--group", "gender", "--min-group-size", "1"]
    assert (
        main([*given, "--replicates", "20", "--permutations", "20", "--fail-over", "gender.ndcg.gap=0.1"]) == EXIT_ERROR
    )
    assert "cannot be judged" in capsys.readouterr().err
