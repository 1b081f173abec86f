"""Chosen target shares of groups of items and of people."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from fairdash.cli import main
from fairdash.errors import ConfigError
from fairdash.groups import from_json, target_shares
from fairdash.metrics import audit
from fairdash.schema import GroupSpec
from tests.unit.metrics.people import make

NAMES = ("head", "tail")


@pytest.mark.parametrize(
    ("target", "shares"),
    [
        ("uniform", (0.5, 0.5)),
        ("known", (0.9, 0.1)),
        ((("tail", 0.4),), (0.6, 0.4)),
        ((("Tail", 0.4), ("head", 0.6)), (0.6, 0.4)),
        ((("head", 1.0),), (1.0, 0.0)),
    ],
)
def test_shares(target: Any, shares: tuple[float, float]) -> None:
    found = target_shares(GroupSpec(("popularity",), target=target), NAMES, {"known": np.array([0.9, 0.1])})
    assert found is not None
    assert found.tolist() == pytest.approx(shares)


def test_without_a_target_the_metric_has_its_own() -> None:
    assert target_shares(GroupSpec(("popularity",)), NAMES, {}) is None


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("fair", "no target “fair”; there are: uniform"),
        ((("middle", 0.4),), "no group “middle”"),
        ((("tail", 0.4), ("head", 0.4)), "does not add up to 1"),
        ((("tail", 1.4),), "does not add up to 1"),
        ((("tail", -0.4),), "does not add up to 1"),
        ((("tail", float("nan")),), "does not add up to 1"),
    ],
)
def test_what_cannot_be_is_refused(target: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        target_shares(GroupSpec(("popularity",), target=target), NAMES, {})


@pytest.mark.parametrize("target", ["", "uniform", (("tail", 0.4),)])
def test_a_spec_with_a_target_is_kept_as_json(target: Any) -> None:
    spec = GroupSpec(("popularity",), target=target)
    assert from_json(json.loads(json.dumps(asdict(spec)))) == spec


def audited(lists: list[str], target: Any = "", k: int = 1) -> dict[str, Any]:
    """Lists of a and b, made by x and by y."""
    rows = [(f"u{u}", item, rank) for u, listed in enumerate(lists) for rank, item in enumerate(listed, start=1)]
    found = audit.from_frames(
        pd.DataFrame(rows, columns=["user_id", "item_id", "rank"]),
        pd.DataFrame({"user_id": ["u0", "u1"], "item_id": ["a", "b"]}),
        train=pd.DataFrame({"user_id": ["u0", "u1", "u2", "u2"], "item_id": ["b", "a", "a", "c"]}),
        items=pd.DataFrame({"item_id": list("abc"), "maker": ["x", "y", None]}),
        item_groups=[GroupSpec(("maker",), target=target)],
        k=k,
        replicates=50,
        permutations=0,
    )
    return found.to_json()


def test_lists_that_are_each_one_sided_are_balanced_together() -> None:
    found = audited(["a", "b"])["items"]
    assert found["awrf"] == pytest.approx(0)
    assert found["awrf_list"] == pytest.approx(1 / 2)
    assert audited(["ab", "ba"], k=2)["items"]["awrf"] == pytest.approx(0)


def test_the_target_by_hand() -> None:
    given = audited(["a", "b"], (("x", 0.8),))["items"]
    assert given["awrf"] == pytest.approx(0.3)
    assert given["awrf_list"] == pytest.approx((0.2 + 0.8) / 2)
    assert given["mmf"] == pytest.approx(0.5 / 0.8)
    assert given["by_group"]["maker"]["x"]["target_share"] == pytest.approx(0.8)
    seen = audited(["a", "b"], "interactions")["items"]  # 2 of 3 that are of a known maker
    assert seen["awrf"] == pytest.approx(abs(1 / 2 - 2 / 3))


def test_lists_without_a_known_maker_are_left_out() -> None:
    assert audited(["a", "b", "c"])["items"]["awrf_list"] == pytest.approx(1 / 2)
    found = audited(["c", "c"])
    assert found["items"]["awrf_list"] is None
    assert found["undefined"]["items.awrf_list"] == "no list holds an item of known group"


def test_shares_of_interactions_need_training_data() -> None:
    data = {key: frame for key, frame in make(20).items() if key != "train"}
    with pytest.raises(ConfigError, match="there are: uniform, catalogue"):
        audit.from_frames(**data, item_groups=[GroupSpec(("maker",), target="interactions")])


def test_people_of_a_target_have_their_cross_entropy_against_it() -> None:
    def of(target: Any) -> tuple[float, float]:
        found = audit.from_frames(
            **make(60), groups=[GroupSpec(("gender",), target=target)], replicates=0, permutations=0
        ).to_json()
        mean = [found["groups"]["gender"][name]["ndcg"] for name in ("F", "M")]
        return found["gaps"]["gender"]["generalized_cross_entropy"]["gap"], mean[0] / sum(mean)

    plain, share = of("")
    assert of("uniform")[0] == pytest.approx(plain)
    assert of((("F", share),))[0] == pytest.approx(0, abs=1e-12)
    aimed = of((("M", 0.3),))[0]
    assert aimed == pytest.approx((1 - 0.49 / share - 0.09 / (1 - share)) / 2)


def test_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, frame in make(30).items():
        frame.to_csv(tmp_path / f"{name}.csv", index=False)
    files = [part for name in ("recommendations", "truth", "users", "train", "items")
             for part in (f"--{name}", str(tmp_path / f"{name}.csv"))]  # fmt: skip
    out = tmp_path / "audit.json"
    asked = ["audit", *files, "--out", str(out), "--replicates", "20", "--permutations", "20", "--group", "gender"]
    asked += ["--item-group", "popularity"]
    assert main([*asked, "--target", "popularity:tail=0.4"]) == 0
    rows = json.loads(out.read_text())["items"]["by_group"]["popularity"]
    assert rows["tail"]["target_share"] == pytest.approx(0.4)
    assert main([*asked, "--target", "age:uniform"]) == 2
    assert "which no group is made of" in capsys.readouterr().err
    assert main([*asked, "--target", "popularity"]) == 2
    assert "no attribute with a target" in capsys.readouterr().err
    assert main([*asked, "--target", "popularity:tail=much"]) == 2
