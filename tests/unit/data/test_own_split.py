"""A split that somebody else made is kept as it came: three files, names in an archive, or a column."""

from __future__ import annotations

import io
import itertools
import json
import zipfile
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import pytest

from fairdash import cli, data, entries
from fairdash.data import Finding, ImportOptions
from fairdash.errors import ConfigError, DataError
from fairdash.jobs import kinds
from fairdash.run import Run
from fairdash.schema import PART, Dataset, Interactions, Split
from fairdash.workspace import Workspace

ROWS = [
    (f"u{u}", f"i{(u * 3 + i) % 15}", 1 + (u + i) % 5, 1.4e9 + 86400 * (i * 7 + u)) for u in range(20) for i in range(8)
]
LOG = pd.DataFrame(ROWS, columns=["user_id", "item_id", "rating", "timestamp"])
WHICH = pd.Series(
    [("train", "test", "train", "valid", "train", "train", "test", "train")[i % 8] for i in range(len(LOG))]
)
PEOPLE = pd.DataFrame({"user_id": [f"u{u}" for u in range(20)], "gender": ["F", "M"] * 10})


def csv(frame: pd.DataFrame, **how: object) -> bytes:
    return frame.to_csv(index=False, **how).encode()  # type: ignore[call-overload, no-any-return]


def parts(frame: pd.DataFrame = LOG, which: pd.Series = WHICH) -> dict[str, bytes]:
    return {part: csv(frame[which == part]) for part in ("train", "valid", "test")}


def built(*given: object, **more: object) -> tuple[Dataset, dict[str, Finding]]:
    dataset, findings = data.build(*given, **more)  # type: ignore[arg-type]
    return dataset, {finding.key: finding for finding in findings}


def pairs(part: Interactions, split: Split) -> set[tuple[str, str]]:
    users, items = split.training.users["user_id"], split.training.items["item_id"]
    return set(zip(users.iloc[part.user], items.iloc[part.item], strict=True))


def check(dataset: Dataset) -> Split:
    split = data.split.split(dataset, "own")
    for part, made in (("train", split.training.train), ("valid", split.training.valid), ("test", split.test)):
        rows = LOG[part == WHICH]
        assert pairs(made, split) == set(zip(rows["user_id"], rows["item_id"], strict=True)), part
    return split


def test_three_files_are_kept_as_they_came() -> None:
    files = parts()
    dataset, found = built(("a.csv", files["train"]), valid=("b.csv", files["valid"]), test=("c.csv", files["test"]))
    assert "train from a.csv" in found["own_split"].message
    assert data.split.usual(dataset) == "own"
    check(dataset)
    assert len(data.split.split(dataset, "leave-one-out").test) == 20  # another one can still be chosen


@pytest.mark.parametrize(
    ("names", "separator"),
    [
        (("ml.train.inter", "ml.valid.inter", "ml.test.inter"), "\t"),
        (("train.csv", "valid.csv", "test.csv"), ","),
        (("x_train.csv", "x_dev.csv", "x_test.csv"), ","),
        (("d/log-training.tsv", "d/log-validation.tsv", "d/log-testing.tsv"), "\t"),
    ],
)
def test_names_in_an_archive_a_folder_or_a_list_tell_the_parts(
    names: tuple[str, str, str], separator: str, tmp_path: Path
) -> None:
    frame = LOG
    if names[0].endswith(".inter"):
        frame = LOG.set_axis(["user_id:token", "item_id:token", "rating:float", "timestamp:float"], axis=1)
    files = {
        name: csv(frame[part == WHICH], sep=separator)
        for name, part in zip(names, ("train", "valid", "test"), strict=True)
    }
    files["people.csv"] = csv(PEOPLE)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
            (tmp_path / name).parent.mkdir(exist_ok=True)
            (tmp_path / name).write_bytes(content)
    for given in (("all.zip", buffer.getvalue()), str(tmp_path), list(files.items())):
        dataset, found = built(given)
        assert "own_split" in found
        check(dataset)
        assert set(dataset.users["gender"]) == {"F", "M"}


@pytest.mark.parametrize("words", [("train", "valid", "test"), ("Training", "DEV", "held-out"), ("fit", "val", "TEST")])
def test_a_column_tells_the_parts(words: tuple[str, str, str]) -> None:
    said = dict(zip(("train", "valid", "test"), words, strict=True))
    if words[0] == "fit":
        with pytest.raises(DataError, match="does not name both"):
            built(("log.csv", csv(LOG.assign(fold=WHICH.map(said)))), options=ImportOptions(split="fold"))
        return
    dataset, found = built(("log.csv", csv(LOG.assign(fold=WHICH.map(said)))))
    assert "own_parts" in found
    split = check(dataset)
    assert set(dataset.users.columns) == {"user_id"}
    assert split.spec == "own"
    plain, found = built(("log.csv", csv(LOG.assign(fold=WHICH.map(said)))), options=ImportOptions(split=""))
    assert PART not in plain.interactions
    numbered, _ = built(("log.csv", csv(LOG.assign(fold=[i % 5 for i in range(len(LOG))]))))
    assert PART not in numbered.interactions


def test_rows_in_two_parts_are_counted_and_stay_where_they_were_known() -> None:
    files = parts()
    twice = LOG[WHICH == "train"].head(7)
    files["test"] = csv(pd.concat([LOG[WHICH == "test"], twice]))
    dataset, found = built(("a.csv", files["train"]), valid=("b.csv", files["valid"]), test=("c.csv", files["test"]))
    assert found["in_two_parts"].count == 7
    assert found["in_two_parts"].applied
    check(dataset)


def test_rows_in_no_part_are_left_out_with_a_count() -> None:
    marked = LOG.assign(split=WHICH.where(LOG.index >= 5, "unused"))
    dataset, found = built(("log.csv", csv(marked)), options=ImportOptions(split="split"))
    assert found["in_no_part"].count == 5
    assert len(dataset.interactions) == len(LOG) - 5


def test_who_and_what_is_in_test_alone_is_said() -> None:
    files = parts()
    late = pd.DataFrame({"user_id": ["late", "u1"], "item_id": ["i1", "new"], "rating": 3, "timestamp": 1.5e9})
    files["test"] += late.to_csv(index=False, header=False).encode()
    dataset, _ = built(("a.csv", files["train"]), valid=("b.csv", files["valid"]), test=("c.csv", files["test"]))
    notes = "\n".join(data.split.split(dataset, "own").notes)
    assert "1 person is in test without any history, as all they did is held out." in notes
    assert "1 item is in test alone" in notes
    without, _ = built(("a.csv", files["train"]), test=("c.csv", files["test"]))
    assert "no validation part" in "\n".join(data.split.split(without, "own").notes)


def test_a_column_that_a_part_lacks_is_left_aside_for_all() -> None:
    bare = csv(LOG.loc[WHICH == "test", ["user_id", "item_id"]])
    dataset, found = built(("a.csv", parts()["train"]), test=("c.csv", bare))
    assert "rating" in found["columns_aside"].message
    assert len(data.split.split(dataset, "own").test) == (WHICH == "test").sum()


def test_parts_may_call_their_columns_otherwise() -> None:
    files = parts()
    renamed = csv(LOG[WHICH.eq("test")].rename(columns={"user_id": "uid", "timestamp": "time"}))
    dataset, found = built(("a.csv", files["train"]), valid=("b.csv", files["valid"]), test=("c.csv", renamed))
    assert "columns_aside" not in found
    check(dataset)


def test_what_cannot_be_a_split_is_refused() -> None:
    files = parts()
    with pytest.raises(DataError, match="none of test"):
        built(("a.csv", files["train"]), valid=("b.csv", files["valid"]))
    with pytest.raises(DataError, match="has other columns"):
        built(("a.csv", files["train"]), test=("c.csv", b"who,what\nu1,i1\nu2,i2\n"))
    plain, _ = built(("log.csv", csv(LOG)))
    with pytest.raises(ConfigError, match="no split of its own"):
        data.split.split(plain, "own")


def test_command_line_and_job_train_on_the_same_split(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for part, content in parts().items():
        (tmp_path / f"{part}.csv").write_bytes(content)
    given = ["--interactions", str(tmp_path / "train.csv"), "--valid", str(tmp_path / "valid.csv"),
             "--test", str(tmp_path / "test.csv")]  # fmt: skip
    assert cli.main(["data", *given, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert "own_split" in {finding["key"] for finding in told["findings"]}
    assert cli.main(["train", *given, "--recommender", "popularity", "--out", str(tmp_path / "run")]) == 0
    mine = Run.load(tmp_path / "run")
    assert mine.meta["split"] == "own"
    dataset, _ = data.build(tmp_path / "train.csv", valid=tmp_path / "valid.csv", test=tmp_path / "test.csv")
    workspace = Workspace(tmp_path / "home")
    stored = entries.put_dataset(workspace, dataset)
    made = kinds.run(workspace, "train", {"dataset": stored, "split": "own", "recommender": "popularity"})
    assert made["runs"] == mine.digest
    assert mine.split.notes == data.split.split(dataset, "own").notes
    assert (
        cli.main(["train", "--dataset", "synthetic", "--test", "t.csv", "--out", str(tmp_path / "x")]) == cli.EXIT_ERROR
    )


def _folds(names: Sequence[str]) -> list[tuple[str, bytes]]:
    """train and test of three folds, under these names; the row n is held out in fold 1 + n % 3."""
    rows = [f"u{u},i{i},{1 + (u * i) % 5},{n}" for n, (u, i) in enumerate(itertools.product(range(6), range(8)))]
    found = []
    for fold in (1, 2, 3):
        test = [row for n, row in enumerate(rows) if n % 3 == fold - 1]
        for name, part in zip(names, ([row for row in rows if row not in test], test), strict=True):
            text = "\n".join(["user_id,item_id,rating,time", *part, ""])
            found.append((name.format(fold), text.encode()))
    return found


@pytest.mark.parametrize("names", [("u{}.base", "u{}.test"), ("fold{}/train.csv", "fold{}/test.csv"),
                                   ("ml/train_{}.csv", "ml/test_{}.csv")])  # fmt: skip
def test_files_of_several_folds_are_asked(names: Sequence[str]) -> None:
    files = _folds(names)
    _, findings = data.build(files)
    (question,) = data.questions(findings)
    assert (question.key, len(question.choices), question.preselected) == ("fold", 3, question.choices[0])
    options = ImportOptions(fold=question.choices[1])
    dataset, _ = data.build(files, options=options, accept_guesses=False)
    log = dataset.interactions
    assert sorted(log[log[PART] == "test"]["time"] % 3) == [1.0] * 16
    with pytest.raises(DataError, match="3 splits"):
        data.build(files, options=ImportOptions(fold="9"))


def test_a_column_of_folds_is_asked_and_one_can_be_the_test_part() -> None:
    rows = [f"u{u},i{i},{1 + (u + i) % 5}" for u, i in itertools.product(range(6), range(10))]
    log = ("log.csv", "\n".join(["user_id,item_id,fold", *rows, ""]).encode())
    whole, findings = data.build(log)
    (question,) = data.questions(findings)
    assert (question.key, question.preselected, question.choices[0]) == ("fold", "all", "all")
    assert PART not in whole.interactions
    assert "fold" not in whole.users
    cut, _ = data.build(log, options=ImportOptions(fold="3"), accept_guesses=False)
    assert (cut.interactions[PART] == "test").sum() == 12
    with pytest.raises(ConfigError, match="no row of fold is '7'"):
        data.build(log, options=ImportOptions(fold="7"))
