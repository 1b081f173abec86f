"""Odd tables: repaired and said, or refused with row and column."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from fairdash.data import brought
from fairdash.data.options import ImportOptions
from fairdash.errors import ConfigError, DataError
from fairdash.hashing import id_hash, mix
from fairdash.item_classes import tail_items
from fairdash.metrics import audit, inputs, stream
from fairdash.schema import GroupSpec
from tests.unit.metrics.people import make


def tiny(**changes: Any) -> dict[str, Any]:
    """Two people with lists of three; u0 likes its second item, u1 its first."""
    data = {
        "recommendations": pd.DataFrame(
            {
                "user_id": ["u0"] * 3 + ["u1"] * 3,
                "item_id": ["a", "b", "c", "d", "e", "f"],
                "rank": [1, 2, 3, 1, 2, 3],
            }
        ),
        "truth": pd.DataFrame({"user_id": ["u0", "u1"], "item_id": ["b", "d"]}),
        "users": pd.DataFrame({"user_id": ["u0", "u1"], "gender": ["F", "M"]}),
    }
    return data | changes


def run(data: dict[str, Any], **options: Any) -> dict[str, Any]:
    return audit.from_frames(**data, **{"k": 3, "replicates": 0, "permutations": 0} | options).to_json()


def mrr(found: dict[str, Any]) -> float:
    return found["overall"]["mrr"]


def keys(found: dict[str, Any]) -> dict[str, int]:
    """The findings' counts by their keys."""
    return {finding["key"]: finding["count"] for finding in found["findings"]}


def test_plain() -> None:
    assert mrr(run(tiny())) == pytest.approx(0.75)


def test_order_of_rows_does_not_matter() -> None:
    data = tiny()
    data["recommendations"] = data["recommendations"].iloc[::-1]
    assert mrr(run(data)) == pytest.approx(0.75)


def test_ranks_from_zero_are_shifted_and_said() -> None:
    data = tiny()
    data["recommendations"]["rank"] -= 1
    found = run(data)
    assert mrr(found) == pytest.approx(0.75)
    assert "rank_from_zero" in keys(found)


def test_holes_keep_the_given_rank() -> None:
    data = tiny()
    data["recommendations"]["rank"] = [1, 3, 4, 2, 3, 4]
    found = run(data, k=10)
    assert mrr(found) == pytest.approx((1 / 3 + 1 / 2) / 2)
    assert keys(found)["rank_holes"] == 2


def test_repeated_item_counts_once() -> None:
    data = tiny()
    data["recommendations"].loc[2, "item_id"] = "b"
    found = run(data)
    assert found["overall"]["recall"] == 1.0
    assert keys(found)["repeated_items"] == 1


def test_two_items_at_one_rank_are_refused() -> None:
    data = tiny()
    data["recommendations"]["rank"] = [1, 2, 2, 1, 2, 3]
    with pytest.raises(DataError, match="recommendations, row 3, column rank: the user has another item at rank 2"):
        run(data)


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("rank", 1.5, "row 2, column rank: 1.5 is no rank"),
        ("rank", -1, "row 2, column rank: -1 is no rank"),
        ("rank", np.nan, "row 2, column rank: nan is no number"),
        ("rank", np.inf, "row 2, column rank: 'inf' is no number"),
    ],
)
def test_bad_cells_are_refused(column: str, value: Any, message: str) -> None:
    data = tiny()
    data["recommendations"][column] = data["recommendations"][column].astype(object)
    data["recommendations"].loc[1, column] = value
    with pytest.raises(DataError, match=message):
        run(data)


def test_rows_without_an_id_are_left_out_and_said() -> None:
    data = tiny()
    data["recommendations"].loc[2, "user_id"] = None
    found = run(data)
    assert mrr(found) == pytest.approx(0.75)
    (odd,) = [finding for finding in found["findings"] if finding["key"] == "empty_ids"]
    assert (odd["table"], odd["count"], odd["rows"], odd["applied"]) == ("recommendations", 1, [3], True)


def test_rows_are_named_as_in_the_file() -> None:
    data = tiny()
    data["recommendations"].index = range(2, 8)  # the header is the first row
    data["recommendations"].attrs["file"] = "recs.csv"
    data["recommendations"]["rank"] = ["1", "x", "3", "1", "2", "3"]
    with pytest.raises(DataError, match=r"recs.csv, row 3, column rank: 'x' is no number"):
        run(data)


def test_scores_make_ranks_and_a_hash_breaks_ties() -> None:
    items = [f"i{i}" for i in range(9)]
    lists = pd.DataFrame({"user_id": "u", "item_id": items, "score": [1.0] * 8 + [2.0]})
    truth = pd.DataFrame({"user_id": ["u"], "item_id": ["i8"]})
    made = inputs.from_tables(brought.bring(lists, truth), "", [], [], 9, 3)
    names = made.catalogue.ids[made.lists.items[0]]
    assert names[0] == "i8"
    order = np.argsort(mix(3, id_hash(items[:8])))
    assert list(names[1:]) == [items[i] for i in order]


def test_nan_score_is_refused_only_where_it_orders() -> None:
    data = tiny()
    data["recommendations"]["score"] = [3.0, np.nan, 1.0, 3.0, 2.0, 1.0]
    assert mrr(run(data)) == pytest.approx(0.75)
    data["recommendations"] = data["recommendations"].drop(columns="rank")
    with pytest.raises(DataError, match="row 2, column score: nan is no number"):
        run(data)


def test_rows_beyond_k_do_not_count() -> None:
    found = run(tiny(), k=1)
    assert found["overall"]["recall"] == 0.5
    assert found["items"]["coverage"] == pytest.approx(2 / 6)


@pytest.mark.parametrize(
    "as_numbers", [("recommendations",), ("truth", "users"), ("recommendations", "truth", "users")]
)
def test_ids_as_numbers_and_text_are_one(as_numbers: tuple[str, ...]) -> None:
    data = tiny()
    for name, frame in data.items():
        frame["user_id"] = frame["user_id"].str[1:].astype(int if name in as_numbers else str)
    found = run(data, groups=[GroupSpec(("gender",), min_size=1)], replicates=20)
    assert found["groups"]["gender"]["F"]["mrr"] == 0.5
    assert found["groups"]["gender"]["M"]["mrr"] == 1.0
    text = run(tiny() | {n: f.assign(user_id=f["user_id"].astype(str)) for n, f in data.items()}, replicates=20)
    assert found["overall"]["mrr_ci"] == text["overall"]["mrr_ci"]  # replicates hang on the id's text


def test_whole_floats_are_ids() -> None:
    data = tiny()
    for frame in data.values():
        frame["user_id"] = frame["user_id"].str[1:].astype(float)
    assert mrr(run(data)) == pytest.approx(0.75)


def test_ids_far_apart() -> None:
    data = tiny()
    for frame in data.values():
        frame["user_id"] = frame["user_id"].map({"u0": 2**60, "u1": 5})
    assert mrr(run(data)) == pytest.approx(0.75)


def test_people_missing_somewhere_are_said() -> None:
    data = tiny()
    data["users"] = pd.DataFrame({"user_id": ["u0", "idle"], "gender": ["F", "M"]})
    data["truth"] = pd.concat([data["truth"], pd.DataFrame({"user_id": ["silent"], "item_id": ["a"]})])
    found = run(data, groups=[GroupSpec(("gender",), min_size=1)])
    assert any("1 person has held-out items but no list" in line for line in found["warnings"])
    said = " ".join(finding["message"] for finding in found["findings"])
    assert "2 of 3 audited people are missing from the table of users" in said
    assert "1 person of the table of users has neither" in said
    assert found["groups"]["gender"]["(unknown)"]["n"] == 2
    assert "M" not in found["groups"]["gender"]
    assert mrr(found) == pytest.approx((0.5 + 1 + 0) / 3)


def test_tables_that_do_not_meet() -> None:
    data = tiny()
    data["truth"]["user_id"] = ["1", "2"]
    with pytest.raises(DataError, match="the user ids of the two tables do not meet"):
        run(data)
    data = tiny()
    data["truth"]["item_id"] = ["x", "y"]
    assert "items_apart" in keys(run(data))


def test_threshold() -> None:
    data = tiny()
    data["truth"]["rating"] = [5, 2]
    found = run(data)
    assert found["n_without_truth"] == 1
    assert "5 or more" in found["conventions"]["relevance"]
    assert run(data, relevance_threshold=2)["n_without_truth"] == 0
    for ratings, liked in (([4, 2], "4 or more"), ([0, 1], "1 or more"), ([10, 7], "10 or more")):
        data["truth"]["rating"] = ratings
        assert liked in run(data)["conventions"]["relevance"]
        assert run(data)["n_without_truth"] == 1
    data["truth"]["rating"] = ["good", "4"]
    with pytest.raises(DataError, match=r"'rating' are no numbers, such as 'good' \(row 1\)"):
        run(data)
    data["truth"]["rating"] = [300, 2]  # play counts
    found = run(data)
    assert found["n_without_truth"] == 0
    assert found["conventions"]["relevance"] == "binary: every held-out item"
    with pytest.raises(ConfigError, match="needs ratings, and there are none"):
        run(tiny(), relevance_threshold=4)


def test_ratings_that_are_all_alike_reach_a_threshold_that_was_chosen() -> None:
    data = tiny()
    data["truth"]["rating"] = [5, 5]
    assert run(data, relevance_threshold=4)["conventions"]["relevance"] == "binary: held-out items rated 4 or more"
    assert run(data)["conventions"]["relevance"] == "binary: every held-out item"


def test_repeated_truth_counts_once() -> None:
    data = tiny()
    data["truth"] = pd.concat([data["truth"], data["truth"]])
    assert run(data)["overall"]["recall"] == 1.0


def test_several_training_tables() -> None:
    train = pd.DataFrame({"user_id": ["u0", "u9"], "item_id": ["z", "a"]})
    both = run(tiny(train=[train.iloc[:1], train.iloc[1:]]))
    assert both["overall"] == run(tiny(train=train))["overall"]
    assert both["overall"]["arp"] == pytest.approx((1 / 3 + 0) / 2)  # people who are not audited count in popularity


def test_recommended_training_items_are_no_candidates() -> None:
    """u0 is recommended an item that it had: it stays in accuracy's list, and is left out of rates over candidates."""
    items = pd.DataFrame({"item_id": list("abcdef"), "maker": list("xxxyyy")})
    train = pd.DataFrame({"user_id": ["u0"], "item_id": ["a"]})
    found = run(tiny(train=train, items=items), item_groups=["maker"])
    assert mrr(found) == pytest.approx(0.75)
    # x: u0 has candidates b, c, both selected; u1 has a, b, c, none selected
    assert found["items"]["by_group"]["maker"]["x"]["selection_rate"] == pytest.approx(2 / 5)


@pytest.mark.parametrize(
    ("name", "table", "message"),
    [
        ("recommendations", pd.DataFrame({"user_id": [], "item_id": [], "rank": []}), "has no row with a user_id"),
        ("truth", pd.DataFrame({"user_id": [], "item_id": []}), "has no row with a user_id"),
        ("recommendations", pd.DataFrame({"user_id": ["u0"], "item_id": ["a"]}), "neither a rank nor a score"),
        ("users", pd.DataFrame({"height": [1.5, 1.7]}), r"No user_id of truth \(\'u0\', \'u1\'\) has a row in users"),
        ("items", pd.DataFrame({"price": [1.5, 1.7]}), r"No item_id of truth \(\'b\', \'d\'\) has a row in items"),
    ],
)
def test_bad_tables_are_refused(name: str, table: pd.DataFrame, message: str) -> None:
    with pytest.raises(DataError, match=message):
        run(tiny(**{name: table}))


def test_bad_options_are_refused() -> None:
    with pytest.raises(ConfigError, match="k = 0"):
        run(tiny(), k=0)
    with pytest.raises(ConfigError, match="replicates = -1"):
        run(tiny(), replicates=-1)
    with pytest.raises(ConfigError, match="no attribute 'sex'"):
        run(tiny(), groups=["sex"])
    with pytest.raises(ConfigError, match="have no categories"):
        run(tiny(), item_groups=["categories"])
    with pytest.raises(ConfigError, match="training interactions"):
        run(tiny(), item_groups=["popularity"])


def test_tail_is_all_but_the_fewest_items_that_make_four_fifths() -> None:
    ids = np.array(list("abcde"), dtype=object)
    assert tail_items(np.array([50.0, 30, 10, 10]), ids[:4]).tolist() == [False, False, True, True]
    assert tail_items(np.zeros(3), ids[:3]).tolist() == [True] * 3
    assert tail_items(np.array([7.0]), ids[:1]).tolist() == [False]
    assert tail_items(np.ones(2), ids[:2]).tolist() == [False, False]  # one of two equal items is too few
    assert tail_items(np.ones(5), ids).sum() == 1  # four of five are just enough, by rounding a little less


def test_of_equal_items_at_the_border_the_head_takes_as_many_as_it_needs() -> None:
    """Ten interactions with an item and one with each of ninety: 70 of these reach 80, so 20 are tail; which ones is a
    matter of their ids alone, not of the order in which they stand."""
    ids = np.array([f"i{i}" for i in range(91)], dtype=object)
    popularity = np.array([10.0] + [1.0] * 90)
    tail = tail_items(popularity, ids)
    assert (int(tail.sum()), bool(tail[0])) == (20, False)
    assert 0 < tail[1:46].sum() < 20  # neither the first nor the last ones
    turned = tail_items(popularity[::-1], ids[::-1])
    assert turned[::-1].tolist() == tail.tolist()


def test_a_file_and_a_folder_of_parts_are_read_as_the_frame(tmp_path) -> None:
    data = make(30)
    path, folder = tmp_path / "recs.csv", tmp_path / "parts"
    data["recommendations"].to_csv(path, index=False)
    folder.mkdir()
    data["recommendations"].iloc[:100].to_parquet(folder / "a.parquet", index=False)
    data["recommendations"].iloc[100:].to_parquet(folder / "b.parquet", index=False)
    rest = {key: value for key, value in data.items() if key != "recommendations"}
    options = {"replicates": 20, "permutations": 20, "groups": ["gender"], "item_groups": ["maker"]}
    expected = audit.from_frames(**data, **options).to_json()
    for source in (path, folder):
        found = audit.from_frames(source, **rest, **options).to_json()
        assert {**found, "findings": []} == {**expected, "findings": []}
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="folder without tables"):
        audit.from_frames(tmp_path / "empty", **rest, **options)


@pytest.mark.parametrize("rank", [1e19, 2.0**31, float("inf"), float("nan")])
def test_a_rank_beyond_all_lists_is_refused(rank: float) -> None:
    data = tiny()
    data["recommendations"]["rank"] = data["recommendations"]["rank"].astype(float)
    data["recommendations"].loc[0, "rank"] = rank
    with pytest.raises(DataError, match=r"rank|number"):
        run(data)


def test_a_group_of_enough_people_is_judged_although_few_have_truth() -> None:
    """Small is said of people: a group of 25 of whom 5 have liked held-out items, all missed, is a gap of 1."""
    people = [f"{group}{i}" for group in "pq" for i in range(25)]
    lists = pd.DataFrame({"user_id": people, "item_id": ["a"] * 50, "rank": [1] * 50})
    own = [f"p{i}" for i in range(25)] + [f"q{i}" for i in range(5)]
    truth = pd.DataFrame({"user_id": own, "item_id": ["a"] * 25 + ["b"] * 5})
    users = pd.DataFrame({"user_id": people, "side": [person[0] for person in people]})
    found = run({"recommendations": lists, "truth": truth, "users": users}, groups=["side"], k=1)
    assert found["gaps"]["side"]["ndcg"]["gap"] == 1.0
    assert found["groups"]["side"]["q"]["small"] is False


def test_places_of_items_without_a_category_count_in_category_shares() -> None:
    items = pd.DataFrame({"item_id": list("abcdef"), "categories": ["x", "x| y ", None, "?", "", "|"]})
    found = run(tiny(items=items), groups=[GroupSpec(("gender",), min_size=1)])
    assert found["groups"]["gender"]["F"]["category_share"] == pytest.approx({"x": 0.5, "y": 1 / 6})
    assert found["groups"]["gender"]["M"]["category_share"] == pytest.approx({"x": 0.0, "y": 0.0})


def deep(n_items: int = 130, found: int = 120) -> dict[str, Any]:
    """Two people whose lists hold the whole catalogue, what they like at place `found`."""
    rows = [(user, f"i{item}", rank) for user in ("u0", "u1") for rank, item in enumerate(range(n_items), 1)]
    return {
        "recommendations": pd.DataFrame(rows, columns=["user_id", "item_id", "rank"]),
        "truth": pd.DataFrame({"user_id": ["u0", "u1"], "item_id": [f"i{found - 1}"] * 2}),
        "users": tiny()["users"],
        "items": pd.DataFrame({"item_id": [f"i{item}" for item in range(n_items)], "maker": ["x"] * n_items}),
    }


def pairwise(found: dict[str, Any]) -> float:
    return found["items"]["by_group"]["maker"]["x"]["pairwise_accuracy"]


def test_pairwise_accuracy_is_of_all_places_that_were_given(tmp_path: Path) -> None:
    """119 of 129 irrelevant items rank above the one that is liked."""
    data = deep()
    options = {"k": 3, "item_groups": ["maker"], "replicates": 0, "permutations": 0}
    found = audit.from_frames(**data, **options).to_json()
    assert pairwise(found) == pytest.approx(10 / 129)
    assert not any("cut" in line for line in found["warnings"])
    path = tmp_path / "recs.parquet"
    data.pop("recommendations").to_parquet(path)
    assert pairwise(stream.from_parquet(path, **data, **options).to_json()) == pytest.approx(10 / 129)


def test_lists_that_are_cut_are_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Kept are 100 places: what is liked is as good as the 29 others that are not listed, half of 29 pairs."""
    monkeypatch.setattr(inputs, "LIST_CELLS", 1)
    data = deep()
    options = {"k": 3, "item_groups": ["maker"], "replicates": 0, "permutations": 0}
    path = tmp_path / "recs.parquet"
    data["recommendations"].to_parquet(path)
    rest = {key: value for key, value in data.items() if key != "recommendations"}
    for made in (audit.from_frames(**data, **options), stream.from_parquet(path, **rest, **options)):
        assert pairwise(made.to_json()) == pytest.approx(14.5 / 129)
        assert "cut at place 100, and 60 rows lie beyond" in " ".join(made.to_json()["warnings"])


def test_scores_keep_all_their_digits(tmp_path: Path) -> None:
    """Scores that differ in the tenth digit tell the groups apart, and order a list."""
    people = [f"u{i}" for i in range(50)]
    women = people[::2]
    low, high = (2.0**30 + part for part in (0.25, 0.5))
    lists = pd.DataFrame([(user, item) for user in people for item in "ab"], columns=["user_id", "item_id"])
    own = ["a" if user in women else "b" for user in lists["user_id"]]
    truth = pd.DataFrame({"user_id": people, "item_id": own[::2]})
    users = pd.DataFrame({"user_id": people, "gender": ["F" if user in women else "M" for user in people]})
    options = {"groups": ["gender"], "k": 1, "replicates": 5, "permutations": 5}
    path = tmp_path / "recs.parquet"

    def both_ways(score: np.ndarray) -> list[dict[str, Any]]:
        frame = lists.assign(score=score)
        frame.to_parquet(path)
        whole = audit.from_frames(frame, truth, users, **options)
        return [whole.to_json(), stream.from_parquet(path, truth, users, **options).to_json()]

    for found in both_ways(np.where(lists["item_id"] == own, high, low)):
        assert found["overall"]["mrr"] == 1.0
    for found in both_ways(np.where(lists["user_id"].isin(women), high, low)):
        assert found["gaps"]["gender"]["score_ks"]["gap"] == 1.0


def test_what_was_trained_on_is_counted_in_truth_and_in_lists(tmp_path: Path) -> None:
    data = tiny(train=pd.DataFrame({"user_id": ["u0", "u0", "u1", "u1"], "item_id": ["b", "c", "a", "d"]}))
    path = tmp_path / "recs.parquet"
    data["recommendations"].to_parquet(path)
    rest = {key: value for key, value in data.items() if key != "recommendations"}
    options = {"k": 3, "replicates": 0, "permutations": 0}
    for made in (audit.from_frames(**data, **options), stream.from_parquet(path, **rest, **options)):
        said = " ".join(made.to_json()["warnings"])
        assert "2 of 2 held-out items of 2 people are among the same person's training items" in said
        assert "3 places, in 2 lists, hold what the person had in training" in said
    clean = tiny(train=pd.DataFrame({"user_id": ["u0", "u1"], "item_id": ["d", "b"]}))
    assert not any("in training" in line or "training items" in line for line in run(clean)["warnings"])


def test_pairs_held_out_with_different_ratings_are_said() -> None:
    truth = pd.DataFrame(
        {
            "user_id": ["u0", "u0", "u0", "u1", "u1"],
            "item_id": ["b", "b", "b", "d", "d"],
            "rating": [1, 2, 5, 4, 4],
            "prediction": [3.0, 3.0, 3.0, 4.0, 2.0],
        }
    )

    def said(truth: pd.DataFrame, **options: Any) -> list[str]:
        found = audit.from_frames(**tiny(truth=truth), k=3, replicates=0, permutations=0, **options)
        return [finding.message for finding in found.findings if finding.key == "contradicting_pairs"]

    ratings, predictions = said(truth)
    assert ratings == "1 held-out pairs of a person and an item occur with different ratings; the last row counts."
    assert predictions.startswith("1 held-out pairs of a person and an item occur with different predictions")
    assert said(truth, options=ImportOptions(dedupe="best"))[0].endswith("the best row counts.")
    assert len(said(truth, options=ImportOptions(dedupe="sum"))) == 1  # added up, ratings are none
    assert not said(truth.drop_duplicates(["user_id", "item_id"]))


def test_disparity_of_exposure_is_of_everybody_who_got_a_list() -> None:
    """u0 gets x then y, u1 (nothing held out) y alone, u2 has something held out but no list: with d = 1 / log2(3),
    eed is the mean of 1 + d² and 1, and the loss that of the two whose ideal is known."""
    lists = pd.DataFrame({"user_id": ["u0", "u0", "u1"], "item_id": ["a", "b", "b"], "rank": [1, 2, 1]})
    truth = pd.DataFrame({"user_id": ["u0", "u2"], "item_id": ["a", "b"]})
    users = pd.DataFrame({"user_id": ["u0", "u1", "u2"], "gender": ["F", "M", "M"]})
    items = pd.DataFrame({"item_id": ["a", "b"], "maker": ["x", "y"]})
    options = {"k": 2, "item_groups": ["maker"], "replicates": 0, "permutations": 0}
    found = audit.from_frames(lists, truth, users, items=items, **options).to_json()["items"]
    d = 1 / np.log2(3)
    assert found["eed"] == pytest.approx((1 + d**2 + 1) / 2)
    assert found["eel"] == pytest.approx((0 + 1 + d**2) / 2)
    assert found["eer"] == pytest.approx(2 * (1 + d**2) / 2)
