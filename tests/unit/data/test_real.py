"""The real data sets import well as they come, with nothing chosen by hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from fairdash import data
from fairdash.data.findings import Finding
from fairdash.data.split import split
from fairdash.groups import form, suggest
from fairdash.schema import Dataset, GroupSpec

SHARED = (Path(__file__).parents[3] / "../shared/data").resolve()
TABLES = ("interactions.csv", "users.csv", "items.csv")


def _build(folder: str, names: tuple[str, ...] = TABLES) -> tuple[Dataset, dict[str, Finding]]:
    if not (SHARED / folder).is_dir():
        pytest.skip(f"the data set {folder} is not beside this checkout")
    dataset, findings = data.build(*(SHARED / folder / name for name in names), accept_guesses=False)
    return dataset, {finding.key: finding for finding in findings}


def test_movielens_100k_original_files() -> None:
    dataset, findings = _build("ml-100k", ("u.data", "u.user", "u.item"))
    assert (dataset.n_users, dataset.n_items, len(dataset.interactions)) == (943, 1682, 100_000)
    assert dataset.relevance_threshold == 4.0
    assert dataset.users["gender"].value_counts().to_dict() == {"M": 670, "F": 273}
    assert dataset.items.loc[0, "categories"] == "Animation|Children's|Comedy"
    assert findings["repeated_titles"].count == 36
    assert "Misérables" in findings["encoding"].message
    assert findings["ties"].count > 50_000
    labels = [spec.label for spec in suggest(dataset.users)]
    assert labels == ["gender", "age", "occupation"]
    cut = split(dataset, "user-time:0.8")
    assert len(cut.test) == 20_000
    loo = split(dataset, "leave-one-out")
    assert (len(loo.test), len(loo.training.valid)) == (943, 943)


def test_movielens_1m_tables() -> None:
    dataset, findings = _build("ml-1m")
    assert (dataset.n_users, dataset.n_items, len(dataset.interactions)) == (6040, 3883, 1_000_209)
    assert dataset.provenance["mapping"]["time"] == "position"
    assert dataset.provenance["mapping"]["categories"] == "genres"
    assert findings["idle_items"].count == 177
    assert dataset.users["gender"].value_counts().to_dict() == {"M": 4331, "F": 1709}
    assert [spec.label for spec in suggest(dataset.users)] == ["gender", "age_group", "occupation_name"]
    last = split(dataset, "leave-one-out").test
    latest = dataset.interactions.groupby("user_id")["time"].max()
    assert (last.time == latest.loc[dataset.users["user_id"].iloc[last.user]].to_numpy()).all()


def test_last_fm_play_counts() -> None:
    dataset, findings = _build("lfm-360k-sample")
    assert dataset.provenance["mapping"]["rating_kind"] == "count"
    assert dataset.relevance_threshold is None
    assert (dataset.n_users, len(dataset.interactions)) == (1000, 42_429)
    assert dataset.users["gender"].isna().sum() == 100
    assert findings["impossible_age"].applied
    assert findings["impossible_age"].count == (dataset.users["age"].isna()).sum()
    groups = form(GroupSpec(("gender",)), dataset.users)
    assert groups.names == ("Female", "Male")
    assert (groups.codes < 0).sum() == 100
    assert "artist_gender" in [spec.label for spec in suggest(dataset.items)]


def test_restaurants_with_tiny_groups_and_no_time() -> None:
    dataset, findings = _build("uci-restaurant-consumer")
    assert (dataset.n_users, dataset.n_items, len(dataset.interactions)) == (138, 130, 1161)
    assert dataset.relevance_threshold == 2.0
    assert (findings["lost_letters"].table, findings["lost_letters"].rows) == ("items.csv", (4,))
    assert "no_time" in findings
    assert findings["missing_marks"].applied
    assert not (dataset.users == "?").any(axis=None)
    marital = form(GroupSpec(("marital_status",)), dataset.users)
    assert dict(zip(marital.names, marital.sizes.tolist(), strict=True))["widow"] == 2
    assert len(split(dataset, "user-random:0.8").test) > 200
