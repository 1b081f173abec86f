"""The search finds what is planted, keeps to validation, repeats itself, and goes on where it was stopped."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fairdash.errors import Cancelled, ConfigError
from fairdash.progress import Progress, silent
from fairdash.recommenders import build
from fairdash.recommenders.base import Range
from fairdash.recommenders.bert_sequence import SequenceOptions
from fairdash.schema import Groups, TrainingData
from fairdash.stages import search
from fairdash.stages.search import Trial
from tests.unit.recommenders.conftest import N_USERS, make_data

SPACE = {"l2": Range(0.5, 5000.0, log=True)}


def genders(data: TrainingData) -> Groups:
    return Groups("gender", ("F", "M"), (data.users["gender"] == "M").to_numpy().astype(np.int32))


def run(folder: Path, data: TrainingData | None = None, **more: Any) -> search.Search:
    data = data or make_data()
    return search.search(
        "ease", data, **{"space": SPACE, "trials": 8, "folder": folder, "groups": genders(data)} | more
    )


def test_accuracy_is_that_of_the_fitted_options_and_the_best_is_chosen(tmp_path: Path) -> None:
    data = make_data()
    found = run(tmp_path, data)
    assert len(found.trials) == 8
    assert found.trials[0].options == {"l2": 200.0}  # the default comes first
    assert found.best.accuracy == max(trial.accuracy or 0 for trial in found.trials)
    fitted = build("ease", found.best.options).fit(data, seed=0, device="cpu", folder=tmp_path / "x", progress=silent)
    accuracy, gap = search.measure(fitted, data, genders(data))
    assert (accuracy, gap) == (found.best.accuracy, found.best.gap)
    json.dumps(found.to_json(), allow_nan=False)


def test_measure_by_hand() -> None:
    data = make_data()

    class Knows:
        """Puts everybody's validation item at rank 1 for one group and at rank 2 for the other."""

        name = "knows"

        def score(self, users: np.ndarray, history: object) -> np.ndarray:
            scores = np.zeros((len(users), data.n_items), np.float32)
            for row, user in enumerate(users):
                own = data.valid.item[data.valid.user == user][0]
                scores[row, own] = 1.0
                if user % 2:
                    unseen = np.setdiff1d(np.arange(data.n_items), [*data.train.item[data.train.user == user], own])
                    scores[row, unseen[0]] = 2.0
            return scores

        def save(self, folder: Path) -> None: ...

    liked = data.valid.rating >= 4
    people = data.valid.user[liked]
    assert len(people) < N_USERS  # some validation items are disliked: no truth for these people
    accuracy, gap = search.measure(Knows(), data, genders(data), min_size=1)
    assert accuracy == pytest.approx(np.where(people % 2, 1 / np.log2(3), 1.0).mean())
    assert gap == pytest.approx(1 - 1 / np.log2(3))
    assert search.measure(Knows(), data, genders(data), min_size=N_USERS)[1] is None
    assert search.measure(Knows(), data, None)[1] is None


def test_the_same_seed_repeats_and_objectives_agree_on_their_rules(tmp_path: Path) -> None:
    one = run(tmp_path / "a", objective="both", min_size=1)
    two = run(tmp_path / "b", objective="both", min_size=1)
    assert [trial.options for trial in one.trials] == [trial.options for trial in two.trials]
    assert one.chosen == two.chosen
    assert one.digest == two.digest
    front = [one.trials[number] for number in one.chosen]
    for trial in one.trials:
        assert any(
            (other.accuracy or 0) >= (trial.accuracy or 0) and (other.gap or 0) <= (trial.gap or 0) for other in front
        )
    assert [t.accuracy for t in front] == sorted((t.accuracy or 0 for t in front), reverse=True)


def test_choosing() -> None:
    rows = [(0.20, 0.10), (0.196, 0.05), (0.10, 0.0), (None, None), (0.19, 0.05), (0.20, 0.10)]
    trials = [Trial(i, {}, accuracy, gap, 0.0) for i, (accuracy, gap) in enumerate(rows)]
    assert search._choose(trials, "accuracy") == (0,)
    assert search._choose(trials, "gap") == (1,)  # 0.10 costs half of the accuracy
    assert search._choose(trials, "both") == (0, 1, 2)
    assert search._choose(trials[3:4], "both") == ()


def test_a_stopped_search_goes_on_to_the_same_result(tmp_path: Path) -> None:
    whole = run(tmp_path / "a")
    done: list[float] = []

    def stop(share: float, message: str = "", values: Any = None) -> None:
        done.append(share)
        if values and len([1 for _ in done if values]) and share >= 0.5:
            raise Cancelled("stop")

    with pytest.raises(Cancelled):
        run(tmp_path / "b", progress=stop)
    stored = json.loads((tmp_path / "b" / search.TRIALS).read_text())["trials"]
    assert len(stored) == 4
    again = run(tmp_path / "b")
    assert [trial.options for trial in again.trials] == [trial.options for trial in whole.trials]
    assert [trial.seconds for trial in again.trials[:4]] == [row["seconds"] for row in stored]  # not fitted twice
    other = run(tmp_path / "b", seed=1)  # another search in the same folder begins anew
    assert [trial.options for trial in other.trials] != [trial.options for trial in whole.trials]
    assert sorted(done) == done


def test_the_first_trial_has_the_usual_options_also_one_that_goes_by_the_data(tmp_path: Path) -> None:
    small = {"epochs": "1", "width": "16", "layers": "1"}
    found = search.search("bert_sequence", make_data(), fixed=small, trials=2, folder=tmp_path)
    assert [trial.note for trial in found.trials] == ["", ""]
    assert found.trials[0].options["dropout"] == SequenceOptions().dropout
    assert found.trials[1].options["dropout"] >= 0


def test_options_name_the_profile_that_they_were_measured_with(tmp_path: Path) -> None:
    found = run(tmp_path, make_data(profile=("gender",)), trials=1)
    assert found.best.options["profile"] == "gender"
    assert "profile" not in run(tmp_path, trials=1).best.options


def test_trials_that_cannot_work_are_noted(tmp_path: Path) -> None:
    data = make_data()
    found = search.search(
        "bert_sequence",
        data,
        space={"heads": (3, 2), "width": (8,)},
        fixed={"epochs": 1, "items": "id", "layers": 1},
        trials=4,
        folder=tmp_path,
        device="cpu",
    )
    failed = [trial for trial in found.trials if trial.accuracy is None]
    assert failed
    assert all("divide" in trial.note and trial.options["heads"] == 3 for trial in failed)
    assert found.best.options["heads"] == 2


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"objective": "beauty"}, "beauty"),
        ({"objective": "gap", "groups": None}, "two groups"),
        ({"trials": 0}, "0 trials"),
        ({"space": {"l2": Range(10, 1)}}, "no range"),
        ({"space": {"l2": Range(-1, 1)}}, "l2"),
        ({"space": {"wrong": (1, 2)}}, "wrong"),
    ],
)
def test_what_cannot_be_searched_is_said(tmp_path: Path, more: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        run(tmp_path, **more)
    with pytest.raises(ConfigError, match="no option to vary"):
        search.search("popularity", make_data(), folder=tmp_path)
    with pytest.raises(ConfigError, match="magic"):
        search.search("magic", make_data(), folder=tmp_path)


def test_without_validation_likes_there_is_nothing_to_choose_by(tmp_path: Path) -> None:
    data = make_data()
    with pytest.raises(ConfigError, match="validation"):
        run(tmp_path, data.with_(valid=data.valid.take(np.flatnonzero(data.valid.rating < 4))))


def test_trials_of_another_question_are_not_taken_for_its_own(tmp_path: Path) -> None:
    data = make_data()
    first = run(tmp_path, data, trials=2, min_size=1)
    halves = Groups("half", ("low", "high"), (np.arange(data.n_users) >= data.n_users // 3).astype(np.int32))
    other = run(tmp_path, data, trials=2, min_size=1, groups=halves)
    fresh = run(tmp_path / "fresh", data, trials=2, min_size=1, groups=halves)
    assert [trial.gap for trial in other.trials] == [trial.gap for trial in fresh.trials]
    assert [trial.gap for trial in other.trials] != [trial.gap for trial in first.trials]
    for changed in ({"data": data.with_(profile=("gender",))}, {"min_size": 3}, {"groups": halves, "min_size": 5}):
        asked = {"data": data, **changed}
        key = json.loads((tmp_path / search.TRIALS).read_text())["key"]
        run(tmp_path, asked.pop("data"), trials=1, **asked)
        assert json.loads((tmp_path / search.TRIALS).read_text())["key"] != key


def test_trials_with_other_options_that_all_share_are_another_questions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran: list[dict[str, Any]] = []

    def tried(_: object, part: tuple[int, dict[str, Any]], progress: Progress) -> Trial:
        number, options = part
        ran.append(options)
        return Trial(number, options, 0.5, None, 0.0)

    monkeypatch.setattr(search._Trying, "run", tried)
    space = {"learning_rate": Range(1e-4, 1e-2, log=True)}
    for factors in (8, 16, 16):  # the third is answered from what the second found
        search.search("ncf", make_data(), space=space, fixed={"factors": factors}, trials=2, folder=tmp_path)
    assert [options["factors"] for options in ran] == [8, 8, 16, 16]
