"""Several systems: each audited alone, all on the same people, in one table, at every door."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import fairdash
from fairdash.cli import EXIT_ERROR, EXIT_GATE, main
from fairdash.data.brought import bring
from fairdash.errors import ConfigError, DataError
from fairdash.metrics import files
from tests.unit.metrics.people import make

OPTIONS: dict[str, Any] = {"groups": ["gender"], "replicates": 40, "permutations": 40}


@pytest.fixture(scope="module")
def data() -> dict[str, Any]:
    """Lists of two systems; the second has none for u3, who has nothing held out."""
    tables = make(60)
    other = make(60, seed=9)["recommendations"]
    tables["truth"] = tables["truth"][tables["truth"]["user_id"] != "u3"]
    named = [tables["recommendations"].assign(model="als"), other[other["user_id"] != "u3"].assign(model="pop")]
    return {**tables, "recommendations": pd.concat(named, ignore_index=True)}


def test_each_system_is_audited_alone_on_the_same_people(data: dict[str, Any]) -> None:
    found = fairdash.audits(**data, **OPTIONS)
    assert list(found.audits) == ["als", "pop"]
    lists = data["recommendations"]
    for name in found.audits:
        alone = fairdash.audit(**data | {"recommendations": lists[lists["model"] == name]}, **OPTIONS)
        assert found[name].to_json()["overall"]["ndcg"] == alone.to_json()["overall"]["ndcg"]
        assert found[name].n_users == 60
    table = found.table
    assert table.loc[table["system"] == "als", "difference"].isna().all()
    row = table[(table["system"] == "pop") & (table["side"] == "overall") & (table["metric"] == "ndcg")].iloc[0]
    assert row["difference"] == pytest.approx(row["value"] - found["als"].to_json()["overall"]["ndcg"])
    assert row["difference_low"] <= row["difference"] <= row["difference_high"]
    assert json.loads(json.dumps(found.to_json(), allow_nan=False))["first"] == "als"
    assert found.summary()[1].startswith("pop: NDCG")
    with pytest.raises(DataError, match="lists of 2 systems: als, pop"):
        fairdash.audit(**data, **OPTIONS)


def test_a_column_files_and_names_give_the_same(
    data: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lists = data["recommendations"]
    parts = {name: lists[lists["model"] == name].drop(columns="model") for name in ("als", "pop")}
    expected = fairdash.audits(**data, **OPTIONS).to_json()
    by_name = fairdash.audits(**data | {"recommendations": parts}, **OPTIONS).to_json()
    assert by_name["systems"] == expected["systems"]
    paths = []
    for name, frame in parts.items():
        paths.append(str(tmp_path / f"{name}.csv"))
        frame.to_csv(paths[-1], index=False)
    by_file = fairdash.audits(**data | {"recommendations": paths}, **OPTIONS).to_json()
    assert by_file["table"] == expected["table"]
    others = []
    for name in ("truth", "users", "train", "items"):
        data[name].to_csv(tmp_path / f"{name}.csv", index=False)
        others += [f"--{name}", str(tmp_path / f"{name}.csv")]
    command = ["audit", *others, "--group", "gender", "--replicates", "40", "--permutations", "40"]
    out = tmp_path / "audit.json"
    assert main([*command, "--recommendations", *paths, "--out", str(out)]) == 0
    said = capsys.readouterr().out
    assert said.startswith("als: NDCG")
    assert "from als" in said
    assert json.loads(out.read_text())["table"] == expected["table"]
    gated = [*command, "--recommendations", *paths, "--fail-over", "gender.ndcg.gap=0.00001"]
    assert main(gated) == EXIT_GATE
    assert "gate failed: pop: gender.ndcg.gap" in capsys.readouterr().out
    assert main([*command, "--recommendations", *paths, "--run", str(tmp_path)]) == EXIT_ERROR


def test_files_of_one_name_and_systems_in_each(data: dict[str, Any]) -> None:
    lists = data["recommendations"]
    one = ("recs.csv", lists.to_csv(index=False).encode())
    alone = ("b/recs.csv", lists[lists["model"] == "als"].to_csv(index=False).encode())
    found = fairdash.audits(**data | {"recommendations": [one, alone]}, **OPTIONS)
    assert list(found.audits) == ["recs (1): als", "recs (1): pop", "recs (2)"]
    assert found["recs (1): als"].to_json()["overall"] == found["recs (2)"].to_json()["overall"]


def test_large_lists_are_audited_one_at_a_time(
    data: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "lists.parquet"
    data["recommendations"].to_parquet(path)
    monkeypatch.setattr(files, "LARGE_ROWS", 10)
    rest = {**data, "recommendations": [path, path]}
    with pytest.raises(DataError, match="one system at a time"):
        fairdash.audits(**rest, **OPTIONS)
    with pytest.raises(DataError, match="holds lists of 2 systems: als, pop"):
        fairdash.audits(**{**rest, "recommendations": path}, **OPTIONS)


def test_several_k_are_of_one_reading_and_each_as_alone(
    data: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    both = fairdash.audits(**data, k=[5, 3, 5], **OPTIONS)
    assert list(both.parts) == ["3", "5"]
    alone = fairdash.audits(**data, k=3, **OPTIONS)
    assert both[3].to_json() == alone.to_json()
    assert list(both.leaves) == ["K = 3, als", "K = 3, pop", "K = 5, als", "K = 5, pop"]
    assert list(both.table.columns)[:4] == ["k", "system", "side", "attribute"]

    one = data["recommendations"][data["recommendations"]["model"] == "als"].drop(columns="model")
    reads = []
    monkeypatch.setattr(files, "bring", lambda *given, **more: reads.append(1) or bring(*given, **more))
    found = fairdash.audit(**data | {"recommendations": one}, k=(3, 5), **OPTIONS)
    assert len(reads) == 1
    value = found.to_json()
    assert value["by_k"]["5"] == fairdash.audit(**data | {"recommendations": one}, k=5, **OPTIONS).to_json()
    assert {row["k"] for row in value["table"]} == {3, 5}
    assert found.summary()[0].startswith("K = 3: 60 people; NDCG")
    with pytest.raises(DataError, match="lists of 2 systems"):
        fairdash.audit(**data, k=[3, 5], **OPTIONS)
    with pytest.raises(ConfigError, match="No K"):
        fairdash.audit(**data, k=[], **OPTIONS)
    with pytest.raises(ConfigError, match="k = 0"):
        fairdash.audit(**data, k=[0, 5], **OPTIONS)

    paths = {}
    for name, frame in {**data, "recommendations": one}.items():
        paths[name] = str(tmp_path / f"{name}.csv")
        frame.to_csv(paths[name], index=False)
    given = [word for name, path in paths.items() for word in (f"--{name}", path)]
    more = ["--group", "gender", "--replicates", "40", "--permutations", "40", "--accept-guesses"]
    capsys.readouterr()
    assert main(["audit", *given, *more, "--k", "3", "--k", "5", "--json"]) == 0
    assert list(json.loads(capsys.readouterr().out)["by_k"]) == ["3", "5"]
    assert main(["audit", *given, *more, "--k", "3", "--k", "5", "--fail-over", "gender.ndcg.gap=0"]) == EXIT_GATE
    assert "gate failed: K = 5: gender.ndcg.gap" in capsys.readouterr().out


def test_systems_of_unequal_length_are_refused_by_their_names(data: dict[str, Any]) -> None:
    lists = data["recommendations"]
    short = lists[(lists["model"] == "als") | (lists["rank"] <= 3)]
    found = fairdash.audits(**data | {"recommendations": short}, k=5, **OPTIONS)
    with pytest.raises(ConfigError, match=r"The lists of als end at place \d+, those of pop at place 3, and K = 5"):
        _ = found.table
