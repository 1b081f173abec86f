"""What ratings say: words, stars, zeros, codes, outliers; and what is asked."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from fairdash import data, words
from fairdash.data import ImportOptions, values
from fairdash.data.findings import Finding
from fairdash.schema import Dataset


@pytest.mark.parametrize(
    ("cells", "numbers"),
    [
        (("True", "False"), (1, 0)),
        (("yes", "No"), (1, 0)),
        (("thumbs_up", "thumbs-down"), (1, 0)),
        (("like", "dislike", "not interested"), (1, 0, 0)),
        (("★★★☆☆", "★★★★½"), (3, 4.5)),
        (("4/5", "3.5 out of 5 stars"), (4, 3.5)),
        (("80%", "75 %"), (80, 75)),
        (("5 stars", "1 star"), (5, 1)),
        (("3,5", "4"), (3.5, 4)),
    ],
)
def test_words_and_stars_are_numbers(cells: tuple[str, ...], numbers: tuple[float, ...]) -> None:
    got = values.read(pd.Series(cells, dtype="str"))
    assert got.numbers.tolist() == list(numbers)
    assert not got.bad.any()


def test_unknown_words_are_bad() -> None:
    assert values.read(pd.Series(["good", "bad", "3"])).bad.tolist() == [True, True, False]


@pytest.mark.parametrize("cells", [("80%", "4", "5"), ("80%", "5/5", "4/5"), ("60 %", "3 stars", "1 star")])
def test_a_percentage_beside_a_scale_is_no_number_of_it(cells: tuple[str, ...]) -> None:
    got = values.read(pd.Series(cells * 4, dtype="str"))
    assert got.bad[::3].all()
    assert np.isnan(got.numbers[::3]).all()
    assert np.nanmax(got.numbers, initial=0) <= 5


def _log(cells: list[str], head: str = "rating") -> tuple[str, bytes]:
    rows = [f"u{i % 7},i{i // 7},{cell}" for i, cell in enumerate(cells)]
    return "log.csv", "\n".join([f"user_id,item_id,{head}", *rows, ""]).encode()


def _build(cells: list[str], head: str = "rating", **options: object) -> tuple[Dataset, dict[str, Finding]]:
    dataset, findings = data.build(_log(cells, head), options=ImportOptions(**options))  # type: ignore[arg-type]
    return dataset, {finding.key: finding for finding in findings}


@pytest.mark.parametrize("cells", [["1", "0"], ["True", "False"], ["yes", "no"]])
@pytest.mark.parametrize("head", ["click", "is_click", "purchased", "is_listened"])
def test_zero_in_a_column_of_clicks_is_an_impression(cells: list[str], head: str) -> None:
    dataset, found = _build([cells[i % 2] for i in range(70)], head)
    assert len(dataset.interactions) == 35
    assert dataset.impressions is not None
    assert len(dataset.impressions) == 35
    assert list(dataset.impressions.columns) == ["user_id", "item_id"]
    assert dataset.relevance_threshold is None
    assert found["impressions"].count == 35
    disliked, _ = _build([cells[i % 2] for i in range(70)], head, zeros="dislike")
    assert len(disliked.interactions) == 70
    assert disliked.relevance_threshold == 1.0


def test_items_that_were_only_shown_are_in_the_catalogue_and_taken_pairs_are_no_impressions() -> None:
    rows = "a,x,1\na,x,0\na,y,0\nb,x,1\n"
    dataset, _ = data.build(("log.csv", f"user_id,item_id,click\n{rows}".encode()))
    assert dataset.items["item_id"].tolist() == ["x", "y"]
    assert dataset.impressions is not None
    assert dataset.impressions.to_numpy().tolist() == [["a", "y"]]
    assert dataset.digest != data.build(("l.csv", b"user_id,item_id,click\na,x,1\nb,x,1\n"))[0].digest


def test_a_dislike_is_an_interaction_that_is_not_liked() -> None:
    dataset, _ = _build(["yes", "no"] * 35, "liked")
    assert len(dataset.interactions) == 70
    assert dataset.relevance_threshold == 1.0
    assert dataset.impressions is None


@pytest.mark.parametrize("head", ["feedback", "reaction"])
def test_words_of_a_reaction_are_likes_and_dislikes(head: str) -> None:
    dataset, _ = _build(["Like", "Dislike", "Not interested", "neutral"] * 20, head)
    assert dataset.relevance_threshold == 1.0
    assert (dataset.interactions["rating"] == 1).sum() == 20


def test_counts_of_clicks_that_are_zero_are_impressions() -> None:
    dataset, _ = _build(["0", "1", "3", "0", "2"] * 10, "clicks")
    assert len(dataset.interactions) == 30
    assert dataset.impressions is not None
    assert dataset.provenance["mapping"]["rating_kind"] == "count"


def test_a_number_of_the_item_is_no_rating() -> None:
    rows = "".join(f"u{u},i{i},{i % 5}\n" for u in range(9) for i in range(10))
    dataset, _ = data.build(("log.csv", rows.encode()))
    assert "rating" not in dataset.interactions
    assert dataset.items["column 3"].tolist() == [str(i % 5) for i in range(10)]


def test_codes_of_events_are_events() -> None:
    rows = "".join(f"u{u},i{i},{1 + (u * i) % 4}\n" for u in range(9) for i in range(9))
    _, findings = data.build(("log.csv", f"user_id,item_id,behavior_type\n{rows}".encode()))
    assert {question.key for question in data.questions(findings)} == {"events"}


def test_an_open_name_is_asked() -> None:
    _, found = _build(["0", "1"] * 35, "label")
    question = found["zeros"].question
    assert question is not None
    assert (question.key, question.preselected, question.option) == ("zeros", "dislike", "--zeros")


@pytest.mark.parametrize(
    ("code", "scale"),
    [
        ("0", "1 2 3 4 5 6 7 8 9 10"),
        ("-1", "1 5 7 10"),
        ("255", "1 2 3 4 5"),
        ("99", "-9.5 0 3.25 8"),
        ("9", "1 2 3 4 5"),
        ("88", "1 2 3 4 5"),
        ("0", "0.5 1 1.5 2 2.5 3"),
        ("0", "5 20 55 80 95"),
        ("-1", "0 30 55 80 100"),
    ],
)
def test_codes_for_not_rated_are_asked_with_their_share(code: str, scale: str) -> None:
    cells = [code] * 40 + scale.split() * 10
    dataset, found = _build(cells)
    finding = found["not_rated"]
    assert finding.count == 40
    assert finding.question is not None
    assert finding.question.preselected == code
    assert words.percent(40 / len(cells), 0) in finding.question.text
    assert float(code) not in dataset.interactions["rating"].tolist()
    kept, found = _build(cells, rating_missing=())
    assert len(kept.interactions) == len(cells)
    assert "not_rated" not in found


@pytest.mark.parametrize(
    "scale", ["0 1 2", "0 1", "0 0.5 3 5", "1 2 3 4 5", "-1 1", "0 20 45 70 99", "0 0.5 1 1.5 2 2.5"]
)
def test_scales_with_zero_are_not_asked_about(scale: str) -> None:
    _, found = _build(scale.split() * 20)
    assert "not_rated" not in found


@pytest.mark.parametrize("outlier", ["500", "55", "1e6", "-500", "11", "8", "-4"])
def test_one_row_does_not_change_the_scale(outlier: str) -> None:
    dataset, found = _build(["1", "2", "3", "4", "5"] * 60 + [outlier])
    assert dataset.relevance_threshold == 4.0
    assert (found["off_scale"].count, found["off_scale"].rows) == (1, (302,))
    assert len(dataset.interactions) == 300


def test_plays_keep_their_long_tail() -> None:
    counts = [str(int(x)) for x in np.geomspace(1, 5000, 100)]
    dataset, found = _build(counts, "plays")
    assert "off_scale" not in found
    assert dataset.interactions["rating"].max() == 5000


def test_points_of_a_hundred_and_half_stars() -> None:
    assert _build([str(5 * i) for i in range(21)] * 3)[0].relevance_threshold == 75.0
    assert _build([str(i / 2) for i in range(1, 11)] * 5)[0].relevance_threshold == 4.0


def test_a_lone_number_is_offered_and_not_taken() -> None:
    rows = "".join(f"u{u},i{i},{1 + (u * i) % 3}\n" for u in range(7) for i in range(7))
    dataset, findings = data.build(("log.csv", f"user_id,item_id,channel\n{rows}".encode()))
    assert "rating" not in dataset.interactions
    (question,) = data.questions(findings)
    assert (question.key, question.choices, question.preselected) == ("rating", ("", "channel"), "")
    for answer in ("", "channel"):
        log = ("log.csv", f"user_id,item_id,channel\n{rows}".encode())
        answered, findings = data.build(log, options=ImportOptions(rating=answer), accept_guesses=False)
        assert ("rating" in answered.interactions) == bool(answer)


@pytest.mark.parametrize("cells", [("Ja", "Nein"), ("True", "False")])
def test_yes_and_no_under_an_unknown_name_are_asked(cells: tuple[str, str]) -> None:
    rows = "".join(f"u{u},i{i},{cells[(u * i) % 2]}\n" for u in range(7) for i in range(7))
    log = ("log.csv", f"user_id,item_id,behalten\n{rows}".encode())
    assert [question.key for question in data.questions(data.preview(log).findings)] == ["rating"]
    assert data.build(log, options=ImportOptions(rating="behalten"))[0].relevance_threshold == 1.0


def test_several_columns_of_what_was_done_are_asked() -> None:
    rows = "".join(f"u{u},i{i},1,{(u * i) % 2}\n" for u in range(7) for i in range(7))
    seen = data.preview(("log.csv", f"user_id,item_id,viewed,bought\n{rows}".encode()))
    assert [question.key for question in data.questions(seen.findings)] == ["rating"]


@pytest.mark.parametrize("words", [("viewed", "bought", "returned"), ("vista", "compra", "carrito")])
def test_words_that_say_what_was_done_are_events_whatever_the_column_is_called(words: tuple[str, ...]) -> None:
    rows = "".join(f"u{u},i{i},{words[(u * i) % 3]}\n" for u in range(7) for i in range(7))
    log = ("log.csv", f"user_id,item_id,status\n{rows}".encode())
    _, findings = data.build(log)
    assert {question.key for question in data.questions(findings)} == {"event", "events"}
    kept, _ = data.build(log, options=ImportOptions(event="status", events=(words[1],)), accept_guesses=False)
    assert len(kept.interactions) == sum((u * i) % 3 == 1 for u in range(7) for i in range(7))


def test_the_rating_follows_person_and_item_where_a_number_of_the_row_stands_before_them() -> None:
    rows = "".join(f"{12 * u + i},u{u},i{i},{1 + (u * i) % 5}\n" for u in range(9) for i in range(12))
    assert data.preview(("log.csv", rows.encode())).mapping.rating == "column 4"


@pytest.mark.parametrize("head", ["gender", "segment"])
def test_a_number_that_is_constant_for_a_person_is_theirs(head: str) -> None:
    rows = "".join(f"u{u},i{i},{u % 2}\n" for u in range(8) for i in range(6))
    dataset, findings = data.build(("log.csv", f"user_id,item_id,{head}\n{rows}".encode()))
    assert list(dataset.interactions.columns) == ["user_id", "item_id"]
    assert dataset.users[head].tolist() == ["0", "1"] * 4
    assert dataset.relevance_threshold is None
    assert any(finding.key == "personal_columns" for finding in findings)


def test_an_attribute_that_changes_over_time_is_a_finding_and_the_last_counts() -> None:
    rows = "".join(f"u{u},i{i},{i},{'FM'[u % 2]}\n" for u in range(8) for i in range(6))
    rows = rows.replace("u0,i5,5,F", "u0,i5,5,X")
    people = b"user_id,country\n" + b"".join(b"u%d,DE\n" % u for u in range(8))
    dataset, findings = data.build(("log.csv", f"user_id,item_id,timestamp,gender\n{rows}".encode()), ("p.csv", people))
    assert dataset.users["gender"].tolist() == ["X", "M", *["F", "M"] * 3]
    assert dataset.users["country"].tolist() == ["DE"] * 8
    assert next(finding for finding in findings if finding.key == "changing_attribute").count == 1


EVENTS = "user,item,event,time\n" + "".join(
    f"u{u},i{i},{kind},{t}\n"
    for u in range(20)
    for i in range(4)
    for t, kind in enumerate(("view", "cart", "buy")[: 1 + i % 3])
)


def test_kinds_of_events_are_asked_chosen_or_weighted() -> None:
    source = ("events.csv", EVENTS.encode())
    _, findings = data.build(source)
    question = next(question for question in data.questions(findings) if question.key == "events")
    assert question.choices == ("all", "view", "cart", "buy")
    bought, _ = data.build(source, options=ImportOptions(events=("buy",)))
    assert len(bought.interactions) == 20
    weighted, findings = data.build(
        source, options=ImportOptions(event_weights=(("view", 1), ("cart", 3), ("buy", 9)), dedupe="sum")
    )
    assert sorted(set(weighted.interactions["rating"])) == [1.0, 4.0, 13.0]
    assert weighted.relevance_threshold is None
    assert not data.questions(findings)


def test_questions_stop_where_guesses_are_not_accepted() -> None:
    with pytest.raises(data.UnansweredError) as error:
        data.build(_log(["0"] * 40 + list("12345") * 5), accept_guesses=False)
    assert "--rating-missing 0" in error.value.hint
    assert "--accept-guesses" in error.value.hint
    answered = ImportOptions(rating_missing=(0.0,))
    assert data.build(_log(["0"] * 40 + list("12345") * 5), options=answered, accept_guesses=False)[0].n_users == 7


@pytest.mark.parametrize(
    ("cells", "numbers"),
    [
        (("3 Sterne", "1 Stern"), (3, 1)),
        (("4,5 von 5 Sternen", "4,0 von 5 Sternen"), (4.5, 4)),
        (("3,0 sur 5 étoiles", "2 étoiles"), (3, 2)),
        (("5つ星のうち4.0", "5つ星のうち3.0"), (4, 3)),
        (("五星", "3星"), (5, 3)),
        (("3½", "½"), (3.5, 0.5)),
        (("４", "٥"), (4, 5)),
        (("👍🏽", "👎🏿"), (1, 0)),
        (("❤️", "💔"), (1, 0)),
        (("Me gusta", "No me gusta"), (1, 0)),
        (("3/5", "8/10", "5/5"), (6, 8, 10)),
    ],
)
def test_stars_and_thumbs_of_other_languages(cells: tuple[str, ...], numbers: tuple[float, ...]) -> None:
    got = values.read(pd.Series(cells, dtype="str"))
    assert got.numbers.tolist() == list(numbers)
    assert not got.bad.any()


@pytest.mark.parametrize(
    "cells", ["1.234 37 5.600 12.001", "1.234.567 2.000 9.100", "1,234 37 5,600", "1'234 37 5'600", "1\u202f234 37"]
)
def test_marks_that_part_thousands_of_counts(cells: str) -> None:
    column = pd.Series(cells.split(" "), dtype="str")
    got = values.read(column, thousands=True)
    assert got.numbers.tolist() == [float("".join(c for c in cell if c.isdigit())) for cell in column]
    assert got.note == "thousands"


@pytest.mark.parametrize("cells", ["1.234 0.500 2.125", "1.234 2.345 3.456", "1.5 37 1.234", "12.50 1.234 7"])
def test_decimals_of_counts_stay_decimals(cells: str) -> None:
    column = pd.Series(cells.split(), dtype="str")
    assert values.read(column, thousands=True).numbers.tolist() == column.astype(float).tolist()


def _told(cells: list[object], head: str = "rating") -> tuple[str, bytes]:
    rows = "".join(f"u{n % 12},i{n // 12},{cell}\n" for n, cell in enumerate(cells))
    return "x.csv", f"user_id,item_id,{head}\n{rows}".encode()


def test_counts_below_zero_are_returns() -> None:
    dataset, found = data.build(_told([2, 3, -1, 5] * 24, "quantity"))
    assert dataset.interactions["rating"].min() == 2
    assert next(f for f in found if f.key == "below_zero").count == 24


def test_a_seldom_zero_beside_stars_is_asked_and_stays() -> None:
    dataset, found = data.build(_told([1, 2, 3, 4, 5, 3, 2, 1] * 12 + [0] * 12))
    assert [(q.option, q.choices, q.preselected) for q in data.questions(found)] == [
        ("--rating-missing", ("0", "none"), "none")
    ]
    assert (dataset.interactions["rating"] == 0).sum() == 12
    without, found = data.build(
        _told([1, 2, 3, 4, 5, 3, 2, 1] * 12 + [0] * 12), options=ImportOptions(rating_missing=(0.0,))
    )
    assert len(without.interactions) == 96
    assert not data.questions(found)
    _, found = data.build(_told([0, 1, 2, 3, 4, 5] * 16, "relevance"))  # grades begin at 0
    assert not data.questions(found)


def test_minus_one_without_a_sign_is_a_code() -> None:
    assert list(values.not_rated(np.array([1.0, 2, 3, 4, 5, 2.0**64] * 9))) == [2.0**64]


def test_a_kind_of_event_without_a_weight_counts_once() -> None:
    log = "user_id,item_id,event\n" + "".join(
        f"u{u},i{i},{('view', 'buy', 'cart')[(u + i) % 3]}\n" for u in range(6) for i in range(6)
    )
    for events, counted in (
        (("all",), {"view": 1.0, "buy": 5.0, "cart": 1.0}),
        (("view", "buy"), {"view": 1.0, "buy": 5.0}),
    ):
        dataset, _ = data.build(
            ("x.csv", log.encode()), options=ImportOptions(events=events, event_weights=(("buy", 5.0),))
        )
        found = {
            (int(user[1:]) + int(item[1:])) % 3: weight
            for user, item, weight in dataset.interactions[["user_id", "item_id", "rating"]].itertuples(index=False)
        }
        assert {("view", "buy", "cart")[kind]: weight for kind, weight in found.items()} == counted
