"""The tables of an audit: any spelling, form and door gives the same ones."""

from __future__ import annotations

import gzip
import io
import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from fairdash.data import ImportOptions, UnansweredError, brought, questions
from fairdash.data.given import given_split
from fairdash.data.lists import read_lists, read_systems
from fairdash.errors import DataError
from fairdash.metrics import audit, inputs
from fairdash.schema import GroupSpec

DRAW = np.random.default_rng(5)
PEOPLE, ITEMS = 24, 15
RECS = pd.DataFrame(
    [(u, int(i), rank + 1) for u in range(PEOPLE) for rank, i in enumerate(DRAW.permutation(ITEMS)[:10])],
    columns=["user_id", "item_id", "rank"],
)
TRUTH = pd.DataFrame(
    [(u, int(i), int(DRAW.integers(1, 6))) for u in range(PEOPLE) for i in DRAW.permutation(ITEMS)[:5]],
    columns=["user_id", "item_id", "rating"],
)
USERS = pd.DataFrame({"user_id": range(PEOPLE), "gender": ["F", "M"] * (PEOPLE // 2)})
TRAIN = pd.DataFrame(
    [(u, int(i)) for u in range(PEOPLE) for i in DRAW.permutation(ITEMS)[:3]], columns=["user_id", "item_id"]
)


def _csv(frame: pd.DataFrame, **options: object) -> tuple[str, bytes]:
    return "x.csv", frame.to_csv(index=False, **options).encode()  # type: ignore[call-overload,no-any-return]


def _result(found: brought.Brought, system: str = "") -> dict[str, Any]:
    groups = [GroupSpec(("gender",), (), 2)]
    return audit.from_tables(found, system, groups=groups, replicates=20, permutations=20).to_json()


EXPECTED = _result(brought.bring(_csv(RECS), _csv(TRUTH), _csv(USERS), _csv(TRAIN)))


def _same(*tables: brought.Brings, **options: object) -> brought.Brought:
    found = brought.bring(*tables, options=ImportOptions(**options))  # type: ignore[arg-type]
    got = _result(found)
    assert got["overall"] == EXPECTED["overall"]
    assert got["gaps"]["gender"]["ndcg"] == EXPECTED["gaps"]["gender"]["ndcg"]
    return found


def test_frames_and_files_are_one() -> None:
    found = _same(RECS, TRUTH, USERS, TRAIN)
    assert pd.api.types.is_integer_dtype(found.truth["user_id"].dtype)  # no detour by text
    _same(RECS.astype("str"), TRUTH.astype(str), USERS, _csv(TRAIN))
    _same(RECS.sample(frac=1, random_state=1), TRUTH.set_index("user_id").reset_index(), USERS, TRAIN)


@pytest.mark.parametrize(
    ("recs", "truth", "users"),
    [
        ("userId,movieId,rank", "userId,movieId,rating", "userId,gender"),
        ("user,item,position", "user,item,relevance", "user,gender"),
        ("Usuario,Película,Rango", "usuario,pelicula,valoración", "usuario,gender"),
        ("uid,iid,Rank", "uid,iid,r_ui", "uid,gender"),
        ("用户ID,物品ID,排名", "用户ID,物品ID,评分", "用户ID,gender"),
    ],
)
def test_every_spelling_of_the_columns(recs: str, truth: str, users: str) -> None:
    frames = [
        frame.set_axis(names.split(","), axis=1) for frame, names in ((RECS, recs), (TRUTH, truth), (USERS, users))
    ]
    _same(*frames, TRAIN)
    _same(*map(_csv, frames), TRAIN)


def test_outputs_of_other_libraries() -> None:
    scored = RECS.assign(score=1 / RECS["rank"])
    _same(_csv(scored[["user_id", "item_id", "score"]], header=False, sep="\t"), _csv(TRUTH), _csv(USERS), _csv(TRAIN))
    lenskit = scored[["item_id", "score", "user_id", "rank"]].set_axis(["item", "score", "user", "rank"], axis=1)
    _same(lenskit, TRUTH, USERS, TRAIN)
    trec = scored.assign(q0="Q0", run="mine")[["user_id", "q0", "item_id", "rank", "score", "run"]]
    _same(_csv(trec, header=False, sep=" "), _csv(TRUTH), _csv(USERS), _csv(TRAIN))
    qrels = TRUTH.assign(it=0)[["user_id", "it", "item_id", "rating"]]
    _same(_csv(RECS), _csv(qrels, header=False, sep=" "), _csv(USERS), _csv(TRAIN))


LISTS = RECS.groupby("user_id")["item_id"].agg(list)


@pytest.mark.parametrize(
    "source",
    [
        _csv(LISTS.map(str).rename("items").reset_index()),
        _csv(LISTS.map(lambda items: ",".join(map(str, items))).rename("recommendations").reset_index()),
        ("r.json", json.dumps({str(u): items for u, items in LISTS.items()}).encode()),
        ("r.gz", gzip.compress(LISTS.rename("items").reset_index().to_json(orient="records", lines=True).encode())),
        LISTS.rename("items").reset_index(),
        _csv(LISTS.map(lambda items: str([(i, 1 - r / 20) for r, i in enumerate(items)])).rename("recs").reset_index()),
        _csv(LISTS.map(lambda items: str({i: 1 - r / 20 for r, i in enumerate(items)})).rename("recs").reset_index()),
        _csv(LISTS.map(lambda items: "[" + " ".join(map(str, items)) + "]").rename("items").reset_index()),
        ("r.json", json.dumps({str(u): [[i, 0.5] for i in items] for u, items in LISTS.items()}).encode()),
        _csv(LISTS.map(lambda items: str([{"movie_id": i, "why": "x"} for i in items])).rename("recs").reset_index()),
        _csv(pd.DataFrame(LISTS.tolist(), index=LISTS.index, columns=range(1, 11)).reset_index()),
        pd.DataFrame(LISTS.tolist(), index=LISTS.index).add_prefix("item_").reset_index(),
    ],
)  # fmt: skip
def test_lists_in_a_cell(source: brought.Brings) -> None:
    found = _same(source, TRUTH.astype(str), USERS, TRAIN)
    assert "laid_out" in {finding.key for finding in found.findings} or isinstance(source, pd.DataFrame)


@pytest.mark.parametrize(
    ("form", "key"),
    [(lambda i: f"{i}.0", "float_ids"), (lambda i: f" {i} ", "id_spaces"), (lambda i: f"{i:07}", "padded_ids")],
)
def test_ids_of_other_forms_meet(form: object, key: str) -> None:
    odd = RECS.assign(user_id=RECS["user_id"].map(form), item_id=RECS["item_id"].map(form))  # type: ignore[arg-type]
    found = _same(_csv(odd), _csv(TRUTH), _csv(USERS), _csv(TRAIN))
    assert key in {finding.key for finding in found.findings}


def _ordinal(n: int) -> str:
    return f"{n}{ {1: 'st', 2: 'nd', 3: 'rd'}.get(n, 'th') }"


@pytest.mark.parametrize("form", [_ordinal, "#{}".format, "No. {}".format, "{}°".format, "第{}位".format])
def test_ranks_that_are_written_as_places_are_their_numbers(form: Callable[[int], str]) -> None:
    found = _same(_csv(RECS.assign(rank=RECS["rank"].map(form))), _csv(TRUTH), _csv(USERS), _csv(TRAIN))
    assert next(one for one in found.findings if one.key == "ranks").count == len(RECS)
    odd = RECS.assign(rank=["first", *RECS["rank"].iloc[1:].astype(str)])
    with pytest.raises(DataError, match="rank: 'first' is no number"):
        _result(brought.bring(odd, TRUTH, USERS))


def test_repeated_people_and_groups_beside_the_lists_or_the_truth() -> None:
    found = _same(RECS, TRUTH, pd.concat([USERS, USERS.head(4)]), TRAIN)
    assert next(finding for finding in found.findings if finding.key == "repeated_people").count == 4
    _same(RECS.merge(USERS), TRUTH, None, TRAIN)
    _same(_csv(RECS), _csv(TRUTH.merge(USERS)), None, _csv(TRAIN))


def test_a_prediction_is_the_score_and_what_was_said_is_ignored_and_named() -> None:
    predictions = TRUTH.assign(est=5 - RECS["rank"].head(len(TRUTH)) / 10)
    found = brought.bring(predictions, TRUTH, USERS)
    assert list(found.systems[""].columns) == ["user_id", "item_id", "score"]
    assert any("rating" in finding.message for finding in found.findings if finding.key == "columns_aside")
    assert "prediction" in brought.bring(RECS, predictions, USERS).truth
    alone = brought.bring(TRUTH, TRUTH, USERS)
    assert "rating_as_score" in {finding.key for finding in alone.findings}


def test_a_number_of_the_person_is_no_rating() -> None:
    held = TRUTH.drop(columns="rating").assign(gender=TRUTH["user_id"] % 2)
    found = brought.bring(RECS, held, USERS)
    assert found.threshold is None
    assert "rating" not in found.truth
    assert found.users["gender"].isin(["F", "M"]).all()


def test_graded_relevance_from_zero_is_liked_from_its_upper_quarter() -> None:
    held = TRUTH.assign(rating=TRUTH["rating"] - 1).rename(columns={"rating": "relevance"})
    assert brought.bring(RECS, held, USERS).threshold == 3.0


def test_each_system_is_its_own() -> None:
    other = RECS.assign(item_id=(RECS["item_id"] + 1) % ITEMS)
    both = pd.concat([RECS.assign(model="als"), other.assign(model="pop")]).sample(frac=1, random_state=2)
    for source in (both, _csv(both)):
        found = brought.bring(source, TRUTH, USERS, TRAIN)
        assert set(found.systems) == {"als", "pop"}
        assert _result(found, "als")["overall"] == EXPECTED["overall"]
    users, items = USERS.astype(str), pd.DataFrame({"item_id": [str(i) for i in range(ITEMS)]})
    assert set(read_systems(_csv(both), users, items)) == {"als", "pop"}
    with pytest.raises(DataError, match="lists of 2 systems: "):
        read_lists(_csv(both), users, items)
    lists, _ = read_lists(_csv(both), users, items, system="pop")
    alone, _ = read_lists(_csv(other), users, items)
    assert lists.digest == alone.digest


def test_our_split_and_tables_give_the_same_audit() -> None:
    holes = RECS[(RECS["rank"] + RECS["user_id"]) % 4 != 0]
    strange = holes.assign(item_id=holes["item_id"].where(holes["rank"] != 2, 900 + holes["user_id"]))
    fine = RECS.assign(score=1 / (7 * RECS["rank"] + RECS["user_id"]))  # float32 would make others of them
    for recs in (RECS, holes, strange, fine):
        tables = brought.bring(_csv(recs), _csv(TRUTH), _csv(USERS), _csv(TRAIN))
        _, split = given_split(tables)
        lists, findings = inputs.lists_for(tables, "", split.training.users["user_id"])
        options = {"groups": [GroupSpec(("gender",), (), 2)], "replicates": 20, "permutations": 20}
        whole = audit.from_split(split, lists, findings=findings, **options).to_json()  # type: ignore[arg-type]
        assert whole == _result(tables)


def test_scores_are_kept_in_half_the_bytes_where_that_keeps_every_digit() -> None:
    things = pd.DataFrame({"item_id": [str(i) for i in range(ITEMS)]})
    for score, kind in ((1 - RECS["rank"] / 16, np.float32), (1 / RECS["rank"], np.float64), (None, np.float32)):
        recs = RECS if score is None else RECS.assign(score=score)
        tables = brought.bring(_csv(recs), _csv(TRUTH), _csv(USERS))
        users = given_split(tables)[1].training.users["user_id"]
        for lists, _ in (inputs.lists_for(tables, "", users), read_lists(_csv(recs), USERS.astype(str), things)):
            assert lists.scores.dtype == kind
            kept = lists.scores[lists.items >= 0]
            assert np.isnan(kept).all() if score is None else set(kept.tolist()) == set(score.tolist())


def test_odd_frames() -> None:
    _same(RECS.set_index("user_id"), TRUTH.astype("Int64"), USERS.astype({"gender": "category"}), TRAIN.astype(object))
    found = brought.bring(RECS.assign(user_id=RECS["user_id"].where(RECS["rank"] != 9)), TRUTH, USERS)
    assert next(finding for finding in found.findings if finding.key == "empty_ids").count == PEOPLE
    assert pd.api.types.is_integer_dtype(found.systems[""]["user_id"].dtype)
    for frame, said in (
        (pd.concat([RECS, RECS], axis=1), "two columns 'user_id'"),
        (RECS.drop(columns="rank"), "neither a rank nor a score"),
        (RECS.drop(columns="user_id"), "no column user_id"),
        (RECS.head(0), "no row with a user_id"),
    ):
        with pytest.raises(DataError, match=said):
            brought.bring(frame, TRUTH, USERS)


def test_guesses_by_place_stop_where_they_are_not_accepted() -> None:
    source = _csv(RECS, header=False)
    assert {question.key for question in questions(brought.bring(source, TRUTH, USERS).findings)} >= {"user", "item"}
    with pytest.raises(UnansweredError) as error:
        brought.bring(source, TRUTH, USERS, accept_guesses=False)
    assert "--user-column" in error.value.hint


def test_clicks_that_were_only_shown_are_held_out_of_truth_and_train() -> None:
    log = TRUTH.assign(click=(TRUTH["rating"] > 2).astype(int)).drop(columns="rating")
    found = brought.bring(RECS, log, USERS, log)
    assert found.train is not None
    assert len(found.truth) == len(found.train) == int(log["click"].sum())
    assert found.threshold is None


def test_parquet_with_lists_and_scores() -> None:
    frame = LISTS.rename("recommendations").reset_index().assign(scores=[[1 - r / 20 for r in range(10)]] * PEOPLE)
    raw = io.BytesIO()
    frame.to_parquet(raw)
    found = _same(("r.parquet", raw.getvalue()), _csv(TRUTH), _csv(USERS), _csv(TRAIN))
    assert "score" in found.systems[""]


@pytest.mark.parametrize("name", ["variant", "seed", "experiment"])
def test_several_lists_a_person_are_asked_about_and_are_systems(name: str) -> None:
    column = {"variant": "variant", "seed": "seed", "experiment": "which"}[name]
    both = pd.concat([RECS.assign(**{column: 1}), RECS.assign(item_id=14 - RECS["item_id"], **{column: 2})])
    found = brought.bring(_csv(both), _csv(TRUTH), _csv(USERS), _csv(TRAIN))
    assert list(found.systems) == ["1", "2"]
    assert _result(found, "1")["overall"] == EXPECTED["overall"]
    if name != "variant":  # which is a name of systems
        (question,) = questions(found.findings)
        assert (question.key, question.preselected) == ("system", column)


def test_lists_of_several_times_are_refused_with_the_way_out() -> None:
    both = pd.concat([RECS.assign(made="2020-01-01"), RECS.assign(made="2020-02-01", item_id=14 - RECS["item_id"])])
    with pytest.raises(DataError, match=r"several lists a person, of different times \(made\)") as caught:
        brought.bring(_csv(both), _csv(TRUTH), _csv(USERS))
    assert "--window" in caught.value.hint


def test_folds_of_lists_and_truth_are_asked_and_cut_alike() -> None:
    def folded(frame: pd.DataFrame) -> pd.DataFrame:
        return pd.concat([frame.assign(fold=1), frame.assign(fold=2, item_id=14 - frame["item_id"])])

    found = brought.bring(*(_csv(folded(frame)) for frame in (RECS, TRUTH)), _csv(USERS), _csv(folded(TRAIN)))
    (question,) = questions(found.findings)
    assert (question.key, question.choices, question.preselected) == ("fold", ("all", "1", "2"), "1")
    assert _result(found)["overall"] == EXPECTED["overall"]
    # a whole data set with its folds: what is known before are the other ones
    whole = pd.concat([TRUTH.assign(fold=1), TRAIN.assign(fold=2, rating=3)]).drop_duplicates(["user_id", "item_id"])
    tables = brought.bring(_csv(RECS), _csv(whole), train=_csv(whole), options=ImportOptions(fold="1"))
    assert len(tables.truth) == len(TRUTH)
    assert tables.train is not None
    assert len(tables.train) == len(whole) - len(TRUTH)


def test_ids_of_people_that_were_guessed_by_place_are_asked() -> None:
    who = USERS.rename(columns={"user_id": "who"}).head(3)
    with pytest.raises(UnansweredError) as caught:
        brought.bring(_csv(RECS), _csv(TRUTH), _csv(who), accept_guesses=False)
    assert "--users-id-column" in caught.value.hint


def _cells(write: Any) -> tuple[str, bytes]:
    """A row a person, with what `write` makes of their items and scores, best first."""
    rows = [(u, write([(int(i), 1 - r / 20) for i, r in zip(part["item_id"], part["rank"], strict=True)]))
            for u, part in RECS.groupby("user_id")]  # fmt: skip
    return _csv(pd.DataFrame(rows, columns=["user_id", "recommendations"]))


@pytest.mark.parametrize(
    "source",
    [
        _cells(lambda best: "[" + ", ".join(f"{{{i}, {s}}}" for i, s in best) + "]"),
        _cells(lambda best: "[" + ", ".join(f"Row(item={i}, rating={s})" for i, s in best) + "]"),
        _cells(lambda best: "[" + ", ".join(f"np.int64({i})" for i, _ in best) + "]"),
        _cells(lambda best: f"tensor([{', '.join(str(i) for i, _ in best)}])"),
        _csv(RECS.assign(score=(1 - RECS["rank"] / 20).map(lambda s: f"{s}".replace(".", ",")))
             .drop(columns="rank"), sep=";"),
        _csv(RECS.assign(score=(100 - RECS["rank"]).map("{} %".format)).drop(columns="rank")),
        _csv(pd.concat([RECS, RECS.head(30)])),
        _csv(RECS.assign(user_id=RECS["user_id"].map("{}\u200b".format))),
        ("x", "".join(f"{u} 0 {i} {r} {1 - r / 20} mine\n" for u, i, r in RECS.itertuples(index=False)).encode()),
        ("x", RECS.pivot_table("item_id", "user_id", "rank", aggfunc="first").reset_index()
         .to_csv(index=False, header=False).encode()),
    ],
)  # fmt: skip
def test_lists_as_programs_print_them(source: brought.Brings) -> None:
    _same(source, _csv(TRUTH), _csv(USERS), _csv(TRAIN))


def test_a_map_of_items_and_scores_in_parquet() -> None:
    cells = [[(int(i), 1 - r / 20) for i, r in zip(part["item_id"], part["rank"], strict=True)]
             for _, part in RECS.groupby("user_id")]  # fmt: skip
    table = pa.table({"user": pa.array(range(PEOPLE)), "recs": pa.array(cells, pa.map_(pa.int64(), pa.float64()))})
    raw = io.BytesIO()
    pq.write_table(table, raw)
    _same(("x.parquet", raw.getvalue()), _csv(TRUTH), _csv(USERS), _csv(TRAIN))


def test_ranks_against_scores_are_asked_at_every_door() -> None:
    things = pd.DataFrame({"item_id": [str(i) for i in range(ITEMS)]})
    upside = RECS.assign(score=RECS["rank"] / 20)
    for door in (lambda **o: brought.bring(_csv(upside), _csv(TRUTH), **o),
                 lambda **o: read_lists(_csv(upside), USERS.astype(str), things, **o)):  # fmt: skip
        with pytest.raises(UnansweredError, match="opposite orders") as caught:
            door(accept_guesses=False)
        assert [(q.option, q.choices, q.preselected) for q in caught.value.questions] == [
            ("--rank-column", ("rank", ""), "rank")
        ]
        door(accept_guesses=False, options=ImportOptions(rank="rank"))
    unsorted = _cells(lambda best: str(best[::-1]))  # the scores beside the items say which is the best
    _same(unsorted, _csv(TRUTH), _csv(USERS), _csv(TRAIN))
    found = brought.bring(_csv(RECS.assign(score=1 - (RECS["rank"] % 9) / 20)), _csv(TRUTH))
    assert [f.count for f in found.findings if f.key == "order"] == [PEOPLE]
