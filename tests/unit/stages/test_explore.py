"""One person at a time, with a recommender whose answers are known."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from fairdash.errors import ConfigError
from fairdash.schema import Categories, Codes, Floats, Groups, Interactions, Lists, Split, TrainingData
from fairdash.stages import explore

N_ITEMS = 6


class Known:
    """Scores an item by its closeness to the items of the history, plus 1 for item 5 where the profile says woman."""

    name = "bert_sequence"
    profile = ("gender",)

    def score(self, users: Codes, history: Interactions) -> Floats:
        base = np.zeros((len(users), N_ITEMS), np.float32)
        for row, user in enumerate(users):
            for own in history.item[history.user == user]:
                base[row] += np.float32(1) / (1 + np.abs(np.arange(N_ITEMS) - own)).astype(np.float32)
        return base

    def score_profiles(self, users: Codes, history: Interactions, profiles: Sequence[str]) -> Floats:
        scores = self.score(users, history)
        scores[:, 5] += [float("woman" in text) for text in profiles]
        return scores

    def save(self, folder: Path) -> None:
        raise NotImplementedError


def interactions(*pairs: tuple[int, int]) -> Interactions:
    user, item = (np.array(column, np.int32) for column in zip(*pairs, strict=True))
    return Interactions(user, item, np.ones(len(pairs), np.float32), np.arange(len(pairs), dtype=float))


@pytest.fixture
def split() -> Split:
    users = pd.DataFrame({"user_id": ["a", "b"], "gender": ["F", "M"]})
    items = pd.DataFrame(
        {"item_id": list("uvwxyz"), "title": ["U", None, *"WXYZ"], "categories": ["d", "d", "c|d", "c", None, "c"]}
    )
    training = TrainingData(users, items, interactions((0, 0), (1, 4)), interactions((0, 1), (1, 3)))
    return Split("s", "leave-one-out", 0, training, interactions((0, 2)))


def test_a_person_knows_train_and_validation_oldest_first(split: Split) -> None:
    assert explore.person(split, 0).history.item.tolist() == [0, 1]
    assert explore.person(split, 1).history.item.tolist() == [4, 3]


def test_the_list_leaves_the_history_out(split: Split) -> None:
    found = explore.recommend(Known(), split, explore.person(split, 0), 10)
    assert found.items[0, :4].tolist() == [2, 3, 4, 5]
    assert found.items[0, 4:].tolist() == [-1] * 6


def test_an_edited_history_changes_the_list_and_frees_what_was_taken_away(split: Split) -> None:
    who = explore.edited(explore.person(split, 0), without=[0, 1], added=[5])
    assert who.history.item.tolist() == [5]
    assert explore.recommend(Known(), split, who, 2).items[0].tolist() == [4, 3]


def test_without_any_history_there_is_still_a_list(split: Split) -> None:
    who = explore.edited(explore.person(split, 0), without=[0, 1])
    assert (explore.recommend(Known(), split, who, 6).items[0] >= 0).all()


def test_a_profile_is_told_with_its_changes(split: Split) -> None:
    who = explore.person(split, 1)
    as_is = explore.scores(Known(), explore.with_profile(who, split, ("gender",), {}))
    as_woman = explore.scores(Known(), explore.with_profile(who, split, ("gender",), {"gender": "F"}))
    assert as_woman[5] - as_is[5] == pytest.approx(1.0)


def test_flips_give_a_list_for_every_value_and_one_without(split: Split) -> None:
    found = explore.flips(Known(), split, explore.person(split, 0), "gender", ["F", "M"], 2)
    assert list(found) == [explore.ABSENT, "F", "M"]
    assert found["F"].items[0, 0] == 5
    assert found["M"].items[0].tolist() == found[explore.ABSENT].items[0].tolist() == [2, 3]
    assert explore.staying(found["M"], found[explore.ABSENT]) == (2, 2)
    assert explore.staying(found["F"], found["M"]) == (1, 2)


def test_an_attribute_that_is_not_told_cannot_be_flipped(split: Split) -> None:
    with pytest.raises(ConfigError, match="not told age"):
        explore.flips(Known(), split, explore.person(split, 0), "age", ["1"], 2)


def test_why_gives_each_part_what_the_score_loses_without_it(split: Split) -> None:
    parts = {one.item: one.fall for one in explore.why(Known(), split, explore.person(split, 0), 2)}
    names = {name: item for item, name in enumerate(explore.names_of(split.training.items))}
    assert parts[names["v"]] == pytest.approx(1 / 2)  # an item without a title goes by its id
    assert parts[names["U"]] == pytest.approx(1 / 3)
    told = explore.why(Known(), split, explore.with_profile(explore.person(split, 0), split, ("gender",), {}), 5)
    assert {one.attribute: one.fall for one in told}["gender"] == pytest.approx(1.0)


def test_reasons_name_what_each_item_of_a_list_rests_on_most(split: Split) -> None:
    who = explore.with_profile(explore.person(split, 0), split, ("gender",), {"gender": "F"})
    found = explore.reasons(Known(), split, who, np.array([2, 5], np.int32))
    assert found[0].item == 1  # next to v: 1/2, more than to U: 1/3
    assert found[0].fall == pytest.approx(1 / 2)
    assert (found[1].item, found[1].attribute) == (-1, "gender")
    alone = explore.edited(explore.person(split, 1), without=[3, 4])
    assert explore.reasons(Known(), split, alone, np.array([2], np.int32)) == [explore.Reason()]


def test_what_knows_people_by_their_history_is_asked_for_all_reasons_at_once(split: Split) -> None:
    asked: list[list[int]] = []

    class Counting(Known):
        def score(self, users: Codes, history: Interactions) -> Floats:
            asked.append(np.asarray(users).tolist())
            return super().score(users, history)

    class ByIds(Counting):
        name = "ncf"

    who, items = explore.person(split, 1), np.array([2, 5], np.int32)
    together = explore.reasons(Counting(), split, who, items)
    whys = explore.why(Counting(), split, who, 2)
    assert asked == [[0, 1, 2, 3]] * 2  # as they are, without each of two items, and without the gender
    asked.clear()
    assert explore.reasons(ByIds(), split, who, items) == together
    assert explore.why(ByIds(), split, who, 2) == whys
    assert asked == [[1]] * 8


def test_the_same_facts_in_other_words_are_the_floor(split: Split) -> None:
    heard: list[str] = []

    class Listening(Known):
        def score_profiles(self, users: Codes, history: Interactions, profiles: Sequence[str]) -> Floats:
            heard.extend(profiles)
            return super().score_profiles(users, history, profiles)

    who = explore.reworded(explore.person(split, 0), split, ("gender",))
    explore.recommend(Listening(), split, who, 2)
    explore.recommend(Listening(), split, explore.with_profile(explore.person(split, 0), split, ("gender",), {}), 2)
    assert heard == ["This is someone with gender = woman.", "A person: woman."]


def test_tastes_count_an_item_of_two_categories_half_each(split: Split) -> None:
    kinds = Categories.of(split.training.items)
    found = dict(zip(kinds.names, explore.tastes(kinds, np.array([0, 2, -1], np.int32)), strict=True))
    assert found == {"(unknown)": 0.0, "c": 0.25, "d": 0.75}
    assert np.isnan(explore.tastes(kinds, np.array([-1], np.int32))).all()


def test_tastes_by_group_are_those_of_the_groups_lists(split: Split) -> None:
    kinds = Categories.of(split.training.items)
    lists = Lists(np.array([[0, 1], [3, 5]], np.int32), np.zeros((2, 2), np.float32))
    groups = Groups("gender", ("F", "M"), np.array([0, 1], np.int32))
    found = explore.tastes_by_group(kinds, lists, groups)
    assert found["F"].tolist() == [0.0, 0.0, 1.0]
    assert found["M"].tolist() == [0.0, 1.0, 0.0]
