"""People who belong to several groups: they count in each, and intervals and tests know it."""

from typing import Any

import numpy as np
import pytest
from scipy import sparse

from fairdash.data import brought
from fairdash.errors import ConfigError
from fairdash.metrics import audit, inputs, paired
from fairdash.metrics.shuffles import _combinations, _root, _shuffle_limit, orders_of, shuffle_members
from fairdash.metrics.tally import Rules, tally
from fairdash.mitigation.base import Info, check_groups
from fairdash.schema import Groups, GroupSpec
from fairdash.ui import findings
from tests.bench import statistics
from tests.bench.verdicts import Draw
from tests.unit.metrics.people import make

SPEAKS = GroupSpec(("speaks",), min_size=5)


def spoken(n: int = 120) -> dict[str, Any]:
    """People of three languages, some of two, one in ten unknown; and predicted ratings."""
    data = make(n)
    rng = np.random.default_rng(3)
    cells = rng.choice(["en", "fr", "en|fr", "de|en", "de", None], n, p=[0.3, 0.2, 0.2, 0.1, 0.1, 0.1])
    data["users"] = data["users"].assign(speaks=cells)
    data["truth"] = data["truth"].assign(prediction=np.round(rng.uniform(1, 5, len(data["truth"])), 2))
    return data


def one_each(data: dict[str, Any]) -> dict[str, Any]:
    """The same with one attribute a language, of who speaks it and who does not."""
    cells = data["users"]["speaks"].fillna("")
    columns = {lang: np.where(cells.str.split("|").map(lambda p, lang=lang: lang in p), "yes", "no") for lang in
               ("de", "en", "fr")}  # fmt: skip
    return {**data, "users": data["users"].assign(**columns)}


@pytest.fixture(scope="module")
def found() -> audit.Audit:
    return audit.from_frames(**one_each(spoken()), groups=[SPEAKS, "de", "en", "fr"], replicates=200, permutations=200)


def test_a_group_is_all_who_belong_to_it(found: audit.Audit) -> None:
    """Each group has the numbers that the audit of this language alone gives those who speak it."""
    value = found.results
    for language in ("de", "en", "fr"):
        mine, alone = value["groups"]["speaks"][language], value["groups"][language]["yes"]
        assert mine["n"] == alone["n"]
        for key in ("ndcg", "recall", "category_share"):
            assert mine[key] == pytest.approx(alone[key], abs=1e-12)
    cells = spoken()["users"]["speaks"]
    row = value["gaps"]["speaks"]["ndcg"]
    in_pair = cells.fillna("").str.split("|").map(lambda parts: set(row["pair"]) <= set(parts))
    assert row["in_both"] == int(in_pair.sum())
    assert all("in_both" not in one for one in value["gaps"]["de"].values())
    people = f"{row['in_both']} people"
    assert not row["in_both"] or f"In both groups: {people}." in findings.sentence(value, "speaks", "ndcg")
    assert not row["in_both"] or any(f"with {people} in both" in line for line in found.summary())
    assert value["groups"]["speaks"]["(unknown)"]["n"] == int(cells.isna().sum())
    both = int(cells.str.contains("|", regex=False).sum())
    said = f"speaks: {both} of 120 people belong to several groups and count in each of them"
    assert any(line.startswith(said) for line in value["warnings"])


def test_what_needs_each_person_in_one_group_says_so(found: audit.Audit) -> None:
    assert "several groups" in found.results["undefined"]["gaps.speaks.group_entropy_index"]
    assert found.results["gaps"]["speaks"]["group_entropy_index"]["gap"] is None
    assert found.results["gaps"]["de"]["group_entropy_index"]["gap"] is not None
    for key in ("ndcg", "score_ks", "value_unfairness", "demographic_parity_difference", "category_divergence"):
        row = found.results["gaps"]["speaks"][key]
        assert row["gap"] is not None
        assert 0 < row["p_value"] <= 1


def test_pieces_add_up() -> None:
    tables = brought.bring(**spoken())
    made = inputs.from_tables(tables, "", [SPEAKS], [], 10, 0)
    rules = Rules(10, 0, 50, 100)
    whole = audit.finish(tally(made, rules), made.catalogue).results
    parts = [tally(inputs.people_of(made, cut.astype(np.int32)), rules) for cut in
             np.array_split(np.random.default_rng(0).permutation(120), 6)]  # fmt: skip
    total = parts[0]
    for piece in parts[1:]:
        total = total + piece
    added = audit.finish(total, made.catalogue).results
    for key, row in whole["gaps"]["speaks"].items():
        assert added["gaps"]["speaks"][key]["gap"] == pytest.approx(row["gap"], abs=1e-12), key
        assert added["gaps"]["speaks"][key]["p_value"] == pytest.approx(row["p_value"]), key
    for key, value in whole["overall"].items():
        assert added["overall"][key] == pytest.approx(value, abs=1e-12), key
    for name, row in whole["groups"]["speaks"].items():
        assert added["groups"]["speaks"][name]["ndcg_ci"] == pytest.approx(row["ndcg_ci"], abs=1e-12)


def test_two_names_of_one_group_do_not_differ() -> None:
    data = spoken()
    data["users"] = data["users"].assign(speaks="en|fr")
    row = audit.from_frames(**data, groups=[SPEAKS], replicates=100, permutations=100).results["gaps"]["speaks"]["ndcg"]
    assert row["gap"] == 0
    assert row["p_value"] == 1
    assert row["ci"] == pytest.approx((0, 0), abs=1e-9)
    assert row["detectable"] is None


@pytest.mark.parametrize(
    ("title", "metric", "base"),
    [("half/half, 30 % in both", "ndcg", 0.3), ("small/large, 30 % of small in both", "hit", 0.3)],
)
def test_intervals_cover_and_tests_hold_their_level(title: str, metric: str, base: float) -> None:
    """600 data sets of one seed; `tests.bench.statistics` looks at more."""
    row = statistics.Overlapping(title, metric, base, replicates=150)
    found = {at: one.value for at, one in row.measure(row.columns, Draw(600, permutations=150)).items()}
    assert found["none", "rejects"] <= 0.06
    assert found["none", "gap"] >= 0.94
    assert found["planted", "gap"] >= 0.94
    assert 0.7 <= found["detectable", "found"] <= 0.9


def test_groups_that_share_people_are_told_apart_by_less() -> None:
    """One inside the other: what both have in common is no part of the difference."""
    people = {(1,): 200, (0, 1): 200}
    chances = {(1,): 0.3, (0, 1): 0.5}
    seen = [
        statistics.look_overlapping(people, chances, "hit", 300, 100, np.random.default_rng(seed)) for seed in range(40)
    ]
    width = np.mean([one.ci[1] - one.ci[0] for one in seen])
    # the difference is half of that between the two halves
    true = 2 * 1.96 * np.sqrt((0.5 * 0.5 + 0.3 * 0.7) / 200) / 2
    assert width == pytest.approx(true, rel=0.1)


@pytest.mark.parametrize("scale", [1, 60])
def test_the_limit_has_the_moments_of_true_shufflings(scale: int) -> None:
    rng = np.random.default_rng(5)
    counts = {(0,): 40 * scale, (1,): 20 * scale, (0, 1): 30 * scale, (1, 2): 10 * scale}
    kinds = np.repeat(np.arange(len(counts)), list(counts.values()))
    member = np.array([[g in kind for g in range(3)] for kind in counts])[kinds]
    who = Groups.of("x", ("a", "b", "c"), sparse.csr_array(member))
    rows = np.stack([rng.exponential(size=len(kinds)), np.ones(len(kinds))], axis=1)
    combinations, sizes = _combinations(who)
    assert {tuple(kind): size for kind, size in zip(combinations, sizes, strict=True)} == counts
    total = rows.sum(axis=0)
    limit = _shuffle_limit(rows, total, _root(total, rows.T @ rows, len(rows)), combinations, sizes, 2000, rng)
    exact = shuffle_members(rows, who.membership, [orders_of(len(rows), 2000, rng)])
    for made in (limit, exact):
        np.testing.assert_allclose(made[..., 1], np.broadcast_to(who.sizes, (2000, 3)), atol=1e-6)
    np.testing.assert_allclose(np.cov(limit[..., 0].T), np.cov(exact[..., 0].T), rtol=0.15, atol=scale)


def test_a_change_is_of_the_people_who_changed() -> None:
    data = spoken()
    lists = data["recommendations"]
    turned = lists.assign(rank=np.where(lists["user_id"].str.endswith("1"), 11 - lists["rank"], lists["rank"]))
    options: dict[str, Any] = {"groups": [SPEAKS], "replicates": 200, "permutations": 50}
    before = audit.from_frames(**data, **options)
    after = audit.from_frames(**{**data, "recommendations": turned}, **options)
    value = paired.paired(before, after).results
    row = value["gaps"]["speaks"]["ndcg"]
    assert row["ci"][0] <= row["difference"] <= row["ci"][1]
    assert row["signed_ci"][0] < row["signed_ci"][1]
    assert value["people"]["speaks"]["en"]["ndcg"]["n"] > value["people"]["speaks"]["fr"]["ndcg"]["n"]
    same = paired.paired(before, before).results["gaps"]["speaks"]["ndcg"]
    assert same["ci"] == pytest.approx((0, 0))


def test_methods_that_need_each_person_in_one_group_ask_for_another() -> None:
    info = Info("reweigh", "", "data", "users", "", "", (), "", "")
    who = Groups.of("speaks", ("en", "fr"), sparse.csr_array(np.array([[1, 1], [1, 0], [0, 1]], dtype=bool)))
    with pytest.raises(ConfigError, match="1 person belongs to several groups of speaks") as error:
        check_groups(info, [who], 3)
    assert "speaks=en" in str(error.value.hint)
    check_groups(info, [who], 3, apart=False)
