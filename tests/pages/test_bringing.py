"""What a person brings: data files, another system's lists, lists with their own test, models."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

import fairdash
from fairdash import data, entries
from fairdash.cli import main
from fairdash.jobs import kinds, runner
from fairdash.schema import GroupSpec
from fairdash.workspace import Workspace
from tests.pages.conftest import Open, url, words


def csv(frame: pd.DataFrame) -> bytes:
    return frame.to_csv(index=False).encode()


def ratings() -> pd.DataFrame:
    rows = [(f"u{u}", f"i{i}", 1 + (u + i) % 5, i) for u in range(40) for i in range(12) if (u * i + u) % 3]
    return pd.DataFrame(rows, columns=["user_id", "item_id", "rating", "time"])


def people() -> pd.DataFrame:
    return pd.DataFrame(
        [(f"u{u}", "F" if u % 2 else "M", 20 + u) for u in range(40)], columns=["user_id", "gender", "age"]
    )


def test_files_are_recognised_named_and_kept(nothing: Path, open_page: Open) -> None:
    app = open_page("data", tab="upload")
    app.file_uploader[0].set_value(
        [("ratings.csv", csv(ratings()), "text/csv"), ("users.csv", csv(people()), "text/csv")]
    )
    app.run()
    assert not app.exception
    assert "Recognised interactions from ratings\\.csv and people from users\\.csv" in words(app)
    next(box for box in app.text_input if box.label == "Name of the data set").set_value("My shop").run()
    app.button(key="keep").click().run()
    assert not app.exception
    assert not app.error
    (stored,) = Workspace(nothing).entries("datasets")
    assert stored.title == "My shop"
    assert stored.meta["n_users"] == 40
    assert stored.meta["provenance"]["findings"]
    assert "of people and" in words(app)  # the page shows its own bias now


def test_a_split_of_your_own_is_known_by_names_of_files_and_offered_first(nothing: Path, open_page: Open) -> None:
    log = ratings()
    part = {0: "test", 1: "valid"}
    which = (log["time"] % 5).map(lambda rest: part.get(rest, "train"))
    app = open_page("data", tab="upload")
    app.file_uploader(key="files").set_value(
        [(f"x.{name}.csv", csv(log[which == name]), "text/csv") for name in ("train", "valid", "test")]
    ).run()
    assert not app.exception
    assert "A split of your own: train from x.train.csv" in words(app).replace("\\", "")
    app.button(key="keep").click().run()
    (stored,) = Workspace(nothing).entries("datasets")
    for page in ("data", "recommender"):
        shown = open_page(page, data=stored.digest)
        assert shown.selectbox(key="split_kind").value == "own"
        assert url(shown, "split") == "own"


def test_columns_can_be_corrected(nothing: Path, open_page: Open) -> None:
    frame = ratings().rename(columns={"rating": "a", "time": "b"})
    app = open_page("data", tab="upload")
    app.file_uploader[0].set_value([("ratings.csv", csv(frame), "text/csv")]).run()
    assert {m.label: m.value for m in app.metric}["Liked from"] in ("any", "4")
    app.selectbox(key="meaning-interactions-a").set_value("rating").run()
    assert not app.exception
    assert {m.label: m.value for m in app.metric}["Liked from"] == "4"


def test_a_file_that_cannot_be_used_gets_a_sentence(nothing: Path, open_page: Open) -> None:
    app = open_page("data", tab="upload")
    app.file_uploader[0].set_value([("one.csv", b"user_id\n1\n2\n", "text/csv")]).run()
    assert not app.exception
    assert "one\\.csv" in app.error[0].value
    assert not Workspace(nothing).entries("datasets")


def test_lists_of_another_system_are_kept_for_the_audit(here: dict[str, Any], open_page: Open) -> None:
    workspace = Workspace(here["home"])
    run, lists = entries.get_lists(workspace, here["lists"])
    frame = lists.top(5).to_frame(run.split.training.users, run.split.training.items)
    app = open_page("recommender", data=here["data"], how="bring")
    app.file_uploader(key="lists-file").set_value(("theirs.csv", csv(frame), "text/csv")).run()
    assert not app.exception
    assert "at most 5 items each" in words(app)
    app.button(key="keep-lists").click().run()
    assert not app.exception
    made = next(entry for entry in workspace.entries("lists") if entry.title == "theirs")
    _, kept = entries.get_lists(workspace, made.digest)
    assert (kept.items[:, :5] == lists.items[:, :5]).all()


def test_lists_with_their_own_test_need_no_data_of_ours(nothing: Path, open_page: Open) -> None:
    truth = ratings().query("time > 8")[["user_id", "item_id", "rating"]]
    shown = [(f"u{u}", f"i{i}", r) for u in range(40) for r, i in enumerate((9, 3, 11, 10), 1)]
    lists = pd.DataFrame(shown, columns=["user_id", "item_id", "rank"])
    app = open_page("recommender", how="bring")
    for key, name, frame in (
        ("Lists", "lists.csv", lists),
        ("Held out", "truth.csv", truth),
        ("People", "people.csv", people()),
    ):
        app.file_uploader(key=f"own-{key}").set_value((name, csv(frame), "text/csv"))
    app.run()
    assert not app.exception
    assert not app.error, [box.value for box in app.error]
    app.button(key="keep-lists").click().run()
    assert not app.exception
    workspace = Workspace(nothing)
    (stored,), (made,) = workspace.entries("datasets"), workspace.entries("lists")
    run, _ = entries.get_lists(workspace, made.digest)
    assert len(run.split.test) == len(truth)
    assert stored.title == run.meta["data"]
    shared: dict[str, Any] = {"groups": [GroupSpec(("gender",), (None,), 5)], "k": 3}
    group = {"attributes": ["gender"], "bins": [None], "min_size": 5}
    done = kinds.run(workspace, "audit", {"lists": made.digest, "groups": [group], "k": 3})
    files = [(f"{name}.csv", csv(frame)) for name, frame in (("lists", lists), ("truth", truth), ("people", people()))]
    audit = json.loads((workspace.get("audits", done["audits"]).path / "audit.json").read_text("utf-8"))
    assert audit == fairdash.audit(*files, **shared).to_json()


def test_each_system_of_a_file_is_kept(nothing: Path, open_page: Open) -> None:
    truth = ratings().query("time > 8")[["user_id", "item_id", "rating"]]
    top = {"als": (9, 3), "pop": (11, 9)}
    shown = [(f"u{u}", f"i{i}", r, name) for name in top for u in range(40) for r, i in enumerate(top[name], 1)]
    lists = pd.DataFrame(shown, columns=["user_id", "item_id", "rank", "model"])
    app = open_page("recommender", how="bring")
    for key, name, frame in (("Lists", "lists.csv", lists), ("Held out", "truth.csv", truth)):
        app.file_uploader(key=f"own-{key}").set_value((name, csv(frame), "text/csv"))
    app.run()
    assert [box.value for box in app.text_input if box.label == "Name of the system"] == ["als", "pop"]
    app.text_input(key="system-1").set_value("Popular").run()
    app.checkbox(key="pseudonyms").check().run()
    app.button(key="keep-lists").click().run()
    assert not app.exception
    workspace = Workspace(nothing)
    assert sorted(entry.title for entry in workspace.entries("lists")) == ["Popular", "als"]
    (stored,) = workspace.entries("datasets")
    hidden = entries.hidden(workspace, stored.digest)
    assert hidden is not None
    known = set(entries.get_dataset(workspace, stored.digest).users["user_id"])
    assert known == {hidden.one(f"u{u}") for u in range(40)}


def test_lists_without_held_out_items_open_every_page(nothing: Path, open_page: Open) -> None:
    lists = pd.DataFrame(
        [(f"u{u}", f"i{(u * r) % 9}", r) for u in range(40) for r in (1, 2, 4)], columns=["user_id", "item_id", "rank"]
    )
    app = open_page("recommender", how="bring")
    app.file_uploader(key="own-Lists").set_value(("lists.csv", csv(lists), "text/csv"))
    app.file_uploader(key="own-People").set_value(("people.csv", csv(people()), "text/csv")).run()
    assert not app.exception
    assert not app.error, [box.value for box in app.error]
    app.button(key="keep-lists").click().run()
    assert not app.exception
    workspace = Workspace(nothing)
    (data,), (made,) = workspace.entries("datasets"), workspace.entries("lists")
    view = {"data": data.digest, "lists": made.digest}
    for page in ("data", "recommender", "explore", "mitigate", "compare", "report", "overview"):
        app = open_page(page, errors=True, **view)
        assert not any("unexpected" in box.value for box in app.error), page
    open_page("audit", **view)
    for part in ("All gaps", "Spread", "Categories", "Items", "All numbers", "Conventions"):
        said = words(open_page("audit", group="gender", metric="ndcg", more=part, **view))
        assert "no liked" in said, said


def test_what_is_unsure_about_lists_is_asked_before_they_are_kept(nothing: Path, open_page: Open) -> None:
    truth = ratings().query("time > 8")[["user_id", "item_id"]].assign(label=lambda rows: range(len(rows)))
    truth["label"] = (truth["label"] % 3 > 0).astype(int)
    shown = [(f"u{u}", f"i{i}", r) for u in range(40) for r, i in enumerate((9, 3, 11, 10), 1)]
    lists = pd.DataFrame(shown, columns=["user_id", "item_id", "rank"])
    app = open_page("recommender", how="bring")
    for key, name, frame in (("Lists", "lists.csv", lists), ("Held out", "truth.csv", truth)):
        app.file_uploader(key=f"own-{key}").set_value((name, csv(frame), "text/csv"))
    app.run()
    assert not app.success
    assert app.button(key="keep-lists").disabled
    app.radio(key="question-zeros").set_value("impression").run()
    app.button(key="take-zeros").click().run()
    assert "at most 4 items each" in app.success[0].value
    app.selectbox(key="value-rank").set_value("item_id").run()
    assert app.error  # and the control is there still
    app.selectbox(key="value-rank").set_value("").run()
    assert not app.error
    app.button(key="keep-lists").click().run()
    assert not app.exception
    workspace = Workspace(nothing)
    (made,) = workspace.entries("lists")
    run, _ = entries.get_lists(workspace, made.digest)
    assert len(run.split.test) == int(truth["label"].sum())


def test_columns_of_lists_can_be_named(here: dict[str, Any], open_page: Open) -> None:
    run, lists = entries.get_lists(Workspace(here["home"]), here["lists"])
    frame = lists.top(5).to_frame(run.split.training.users, run.split.training.items)
    frame = frame[["user_id", "item_id", "rank"]].rename(columns={"rank": "z"}).assign(y=1)
    app = open_page("recommender", data=here["data"], how="bring")
    app.file_uploader(key="lists-file").set_value(("theirs.csv", csv(frame), "text/csv")).run()
    assert not app.exception
    app.selectbox(key="value-rank").set_value("z").run()
    assert not app.error
    assert "at most 5 items each" in app.success[0].value


def test_a_model_with_pickled_weights_is_refused_in_words(here: dict[str, Any], open_page: Open) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("m/config.json", '{"model_type": "bert"}')
        archive.writestr("m/pytorch_model.bin", b"\x80\x02}q\x00.")
    app = open_page("recommender", data=here["data"], how="bring", bring="model")
    app.file_uploader(key="model-file").set_value(("m.zip", buffer.getvalue(), "application/zip")).run()
    assert not app.exception
    assert "pickle" in app.error[0].value
    assert "safetensors" in app.error[0].value


def brought(here: dict[str, Any], open_page: Open, **members: Any) -> AppTest:
    """The page after a model's zip with these json files was given to it."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("m/model.safetensors", b"x")
        for name, value in members.items():
            archive.writestr(f"m/{name}.json", json.dumps(value))
    app = open_page("recommender", data=here["data"], how="bring", bring="model")
    app.file_uploader(key="model-file").set_value(("m.zip", buffer.getvalue(), "application/zip")).run()
    assert not app.exception
    return app


def test_a_saved_recommender_goes_on_as_what_it_is(here: dict[str, Any], open_page: Open) -> None:
    """It was given to bert_sequence whoever had saved it, and failed there."""
    keys = {
        name: [button.key for button in brought(here, open_page, fairdash={"name": name}).button if button.key]
        for name in ("bert_sequence", "bert_pair", "ease")
    }
    assert {"use-model", "prefill-bert_sequence-start"} <= set(keys["bert_sequence"])
    assert "prefill-bert_pair-base" in keys["bert_pair"]
    assert not {"use-model", "prefill-bert_sequence-start"} & {*keys["bert_pair"], *keys["ease"]}
    app = brought(here, open_page, fairdash={"name": "unheard"})
    assert "unheard" in app.error[0].value


def test_an_encoder_is_offered_where_it_can_be_used(here: dict[str, Any], open_page: Open) -> None:
    for kind, pairs in (("bert", True), ("roberta", False)):
        keys = [button.key for button in brought(here, open_page, config={"model_type": kind}).button]
        assert "prefill-bert_sequence-encoder" in keys
        assert ("prefill-bert_pair-base" in keys) == pairs
    for config, key in (
        ({"model_type": "vit"}, "prefill-bert_sequence-image_encoder"),
        ({"model_type": "llama", "architectures": ["LlamaForCausalLM"]}, "prefill-llm-model"),
    ):
        keys = [button.key for button in brought(here, open_page, config=config).button if button.key]
        assert [one for one in keys if one.startswith("prefill-")] == [key]
    app = brought(here, open_page, config={"model_type": "whisper"})
    assert "encoder is needed" in app.error[0].value
    app = brought(here, open_page, config={"model_type": "bert"})
    app.button(key="prefill-bert_pair-base").click().run()
    assert not app.exception
    assert "uploads" in app.text_input(key="set_bert_pair_base").value


def test_a_zip_that_leaves_its_folder_is_refused(here: dict[str, Any], open_page: Open) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("../../evil/config.json", "{}")
    app = open_page("recommender", data=here["data"], how="bring", bring="model")
    app.file_uploader(key="model-file").set_value(("m.zip", buffer.getvalue(), "application/zip")).run()
    assert not app.exception
    assert app.error
    assert not (here["home"].parent / "evil").exists()


def test_a_catalogue_entry_is_loaded_by_a_job(nothing: Path, open_page: Open) -> None:
    app = open_page("data", tab="catalogue")
    assert app.button(key="load-movielens-100k").disabled  # until the terms are accepted
    app.checkbox(key="terms-movielens-100k").check().run()
    assert not app.button(key="load-movielens-100k").disabled
    app.button(key="load-synthetic").click().run()
    assert not app.exception
    assert [job.kind for job in runner.table(Workspace(nothing)).all()] == ["dataset"]


def _shown() -> pd.DataFrame:
    shown = [(f"u{u}", f"i{(u * 5 + 3 * r) % 12}", r) for u in range(40) for r in range(1, 5)]
    return pd.DataFrame(shown, columns=["user_id", "item_id", "rank"])


def _in_cells(write: Callable[[list[str]], str]) -> bytes:
    cells = _shown().groupby("user_id", sort=False)["item_id"].agg(lambda items: write(list(items)))
    return csv(cells.rename("recommendations").reset_index())


@pytest.mark.parametrize(
    ("lists", "held", "who"),
    [
        (lambda: _in_cells(lambda items: f"tensor({items})"), csv, csv),
        (
            lambda: (
                _shown()
                .assign(score=lambda made: (1 - made.pop("rank") / 7).map(lambda s: f"{s:.3f}".replace(".", ",")))
                .to_csv(index=False, sep=";")
                .encode()
            ),
            lambda frame: csv(frame) + b"Total,,999\n",
            lambda frame: csv(frame) + b"(40 rows)\n",
        ),
        (
            lambda: csv(_shown().assign(user_id=lambda made: made["user_id"] + "\u200b")),
            lambda frame: csv(frame.assign(rating=frame["rating"].map("{},0 von 5 Sternen".format))),
            lambda frame: csv(frame.melt("user_id", var_name="attribute")),
        ),
    ],
    ids=["tensors", "sums", "stars"],
)
def test_awkward_files_give_one_audit_at_every_door(
    lists: Callable[[], bytes],
    held: Callable[[pd.DataFrame], bytes],
    who: Callable[[pd.DataFrame], bytes],
    nothing: Path,
    open_page: Open,
    tmp_path: Path,
) -> None:
    truth = ratings().query("time > 4")[["user_id", "item_id", "rating"]]
    files = {
        "Lists": ("lists.csv", lists()),
        "Held out": ("truth.csv", held(truth)),
        "People": ("who.csv", who(people())),
    }
    one_at_every_door(files, nothing, open_page, tmp_path)


def test_what_is_answered_gives_one_audit_at_every_door(nothing: Path, open_page: Open, tmp_path: Path) -> None:
    who = people().assign(gender=[("F", "M", "Female", "male")[u % 4] for u in range(40)])
    files = {
        "Lists": ("lists.csv", csv(_shown())),
        "Held out": ("truth.csv", csv(ratings().query("time > 4")[["user_id", "item_id", "rating"]])),
        "People": ("who.csv", csv(who)),
    }
    answers = ["--merge-spellings", "yes"]
    one_at_every_door(files, nothing, open_page, tmp_path, answers, data.ImportOptions(merge_spellings=True))


def one_at_every_door(
    files: dict[str, tuple[str, bytes]],
    nothing: Path,
    open_page: Open,
    folder: Path,
    answers: Sequence[str] = ("--accept-guesses",),
    options: data.ImportOptions | None = None,
) -> None:
    """Page, command line and Python give one audit, to the last digit. answers: to what is asked, as options of the
    command line and of Python; the page takes what is likely."""
    app = open_page("recommender", how="bring")
    for key, (name, raw) in files.items():
        app.file_uploader(key=f"own-{key}").set_value((name, raw, "text/csv"))
        (folder / name).write_bytes(raw)
    app.run()
    while any(button.key == "take-all" or str(button.key).startswith("take-") for button in app.button):
        next(button for button in app.button if str(button.key).startswith("take-")).click().run()
    assert not app.exception
    assert not app.error, [box.value for box in app.error]
    app.button(key="keep-lists").click().run()
    assert not app.exception
    workspace = Workspace(nothing)
    (made,) = workspace.entries("lists")
    group = {"attributes": ["gender"], "bins": [None], "min_size": 5}
    done = kinds.run(workspace, "audit", {"lists": made.digest, "groups": [group], "k": 3})
    page = json.loads((workspace.get("audits", done["audits"]).path / "audit.json").read_text("utf-8"))
    recs, truth, who = (str(folder / name) for name, _ in files.values())
    shared = ["--group", "gender", "--min-group-size", "5", "--k", "3", *answers]
    told = ["audit", "--recommendations", recs, "--truth", truth, "--users", who, "--out", str(folder / "audit.json")]
    assert main([*told, *shared]) == 0
    groups = [GroupSpec(("gender",), (None,), 5)]
    python = fairdash.audit(recs, truth, who, groups=groups, k=3, options=options).to_json()
    assert json.loads((folder / "audit.json").read_text("utf-8")) == python == page
