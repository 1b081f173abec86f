"""Every page, empty and full: it opens by its link, says what is missing, and its controls do what they say."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from fairdash import data, entries, words
from fairdash.jobs import kinds, runner
from fairdash.mitigation import METHODS
from fairdash.stages.places import PLACES
from fairdash.ui import findings, parts, state
from fairdash.workspace import Workspace
from tests.pages.conftest import HANG_SECONDS, Open, open_tables, select, url
from tests.pages.conftest import words as told

PAGES = list(state.JOURNEY)


@pytest.mark.parametrize("name", PAGES)
def test_an_empty_workspace_says_what_comes_first(name: str, nothing: Path, open_page: Open) -> None:
    app = open_page(name)
    assert len(app.title) == 1
    assert not app.dataframe


@pytest.mark.parametrize("name", PAGES)
def test_a_link_to_what_is_not_here_is_no_fault(name: str, nothing: Path, open_page: Open) -> None:
    open_page(name, data="0" * 16, lists="f" * 16, comparison="<script>", before="../..", group="nobody", k="many")


@pytest.mark.parametrize("name", [name for name in PAGES if name not in ("audit", "compare")])
def test_a_full_workspace_opens(name: str, here: dict[str, Any], open_page: Open) -> None:
    app = open_page(name, data=here["data"], lists=here["lists"])
    assert len(app.title) == 1


@pytest.mark.parametrize("k", ["0", "-3", "99999999", "1e3", "ten", ""])
def test_numbers_out_of_bounds_in_a_link_are_mended(k: str, here: dict[str, Any], open_page: Open) -> None:
    for name in ("explore", "mitigate", "data"):
        open_page(name, data=here["data"], lists=here["lists"], k=k, least=k, set_bert_sequence_epochs=k, strength=k)


def test_the_data_page_shows_the_datas_own_bias(here: dict[str, Any], open_page: Open) -> None:
    app = open_page("data", data=here["data"])
    dataset = entries.get_dataset(Workspace(here["home"]), here["data"])
    assert {m.label: m.value for m in app.metric}["Interactions"] == words.count(len(dataset.interactions))
    assert "of people and" in told(app)
    assert {m.label: m.value for m in app.metric}["Test"] != "0"


def test_another_group_is_kept_in_the_url_and_on_the_next_page(here: dict[str, Any], open_page: Open) -> None:
    app = open_page("data", data=here["data"])
    chooser = app.selectbox(key="view_group")
    other = next(option for option in chooser.options if option != chooser.value)
    chooser.set_value(other).run()
    assert app.query_params["group"] == other
    again = open_page("data", data=here["data"], group=other)
    assert again.selectbox(key="view_group").value == other


def wait_for_job(app: Any, kind: str, home: Path) -> dict[str, Any]:
    """Until the page's job of that kind is done; its result."""
    started = time.monotonic()
    while time.monotonic() - started < HANG_SECONDS:
        jobs = [job for job in runner.table(Workspace(home)).all() if job.kind == kind]
        if jobs and jobs[0].ended:
            assert jobs[0].state == "done", (jobs[0].error, runner.read_log(Workspace(home), jobs[0].id))
            app.run()
            assert not app.exception
            result = jobs[0].result
            assert result is not None
            return result
        time.sleep(0.2)
    pytest.fail(f"no {kind} job ended")


def test_the_audit_page_audits_and_says_the_finding_of_the_stored_audit(here: dict[str, Any], open_page: Open) -> None:
    app = open_page("audit", data=here["data"], lists=here["lists"], group="gender")
    workspace = Workspace(here["home"])
    assert not runner.table(workspace).all()
    (whole,) = [entry.digest for entry in workspace.entries("audits") if not entry.meta["only"]]
    audit = kinds.read_audit(workspace, whole)
    assert words.plain(findings.sentence(audit, "gender", "ndcg"), 900) in told(app)
    for part in ("spread", "categories", "items", "model", "numbers", "conventions"):
        app.segmented_control(key="more").set_value(part).run()
        assert not app.exception
        assert not app.error
    for metric in reversed(findings.metrics_of(audit, "gender")):
        app.selectbox(key="metric").set_value(metric).run()
        assert not app.exception, metric
        assert not app.error
        assert url(app, "metric") == metric  # a key, whatever the label says
    again = open_page("audit", data=here["data"], lists=here["lists"], group="gender", metric="recall")
    assert again.selectbox(key="metric").value == "recall"


def test_the_compare_page_compares_with_the_lists_before(here: dict[str, Any], open_page: Open) -> None:
    app = open_page("compare", data=here["data"], after=here["after"])
    assert app.selectbox(key="view_before").value == here["lists"]
    made = wait_for_job(app, "compare", here["home"])
    value = json.loads((here["home"] / "comparisons" / made["comparisons"] / "comparison.json").read_text())
    shown = told(app)
    for sentence in value["sentences"]:
        assert words.plain(sentence, 600) in shown
    for part in ("categories", "items", "numbers"):
        app.segmented_control(key="compared").set_value(part).run()
        assert not app.exception
        assert not app.error
    report = open_page("report", data=here["data"], comparison=made["comparisons"])
    assert report.selectbox(key="view_comparison").value == made["comparisons"]
    again = open_page("compare", data=here["data"], before=here["lists"], after=here["after"], metric="recall")
    assert again.selectbox(key="metric").value == "recall"


def test_the_headline_of_a_comparison_has_a_verdict_for_each_aim() -> None:
    def page() -> None:
        from fairdash.ui import comparing

        still = {"verdict": "no change shown", "within_chance": True, "attribute": "age"}
        aims = [{"verdict": "fairer", "within_chance": False, "attribute": "gender"}, still]
        lost = {"attribute": "gender", "group": "F", "metric": "ndcg", "verdict": "less accurate"}
        beyond = [lost, {**lost, "metric": "miscalibration"}, {**lost, "group": "M", "verdict": "fairer"}]
        long = "Aim: one." + " NDCG fell for people." * 40 + " The last lost too."
        comparing.headline({"aims": aims, "overall": {}, "beyond": beyond}, [long, "Aim: two."])

    app = AppTest.from_function(page).run()
    assert not app.exception
    shown = told(app)
    assert "aim (gender): moved as meant" in shown
    assert "aim (age): nothing to move: within chance before" in shown
    assert "two" in shown
    assert "worse for women" in shown
    assert "The last lost too" in shown  # the first sentence is not cut: it names all who lost


def test_the_audit_page_shows_whether_probabilities_mean_what_they_say(here: dict[str, Any], open_page: Open) -> None:
    params = {"dataset": here["data"], "split": "user-time:0.8", "recommender": "ncf", "options": {"epochs": 2}}
    trained = kinds.run(Workspace(here["home"]), "train", params)
    app = open_page("audit", data=here["data"], lists=trained["lists"], group="gender", model="True", more="model")
    made = wait_for_job(app, "audit", here["home"])
    audit = json.loads((here["home"] / "audits" / made["audits"] / "audit.json").read_text())
    found = audit["model"]["gender"]["calibration"]
    assert found["n"] == sum(cell["n"] for cell in found["cells"])
    assert set(found["by_group"]) <= set(audit["groups"]["gender"])
    shown = told(app)
    assert "Do probabilities mean what they say?" in shown
    assert "How to read it: on the dotted line" in shown
    for name, group in found["by_group"].items():
        known = f"{words.sentence(words.people('gender', name))}: predicted {words.number(group['predicted'])}"
        assert (words.plain(known, 200) in shown) != group["small"]
    chart = findings.calibration(audit, "gender")
    assert chart.figure.data[1].name == words.group("everybody", found["people"])
    select(app, key="leakage", mark=0)
    assert "AUC" in told(app)
    app.button(key="close-defined").click().run()
    mark = next(i for i, key in enumerate(chart.keys) if json.loads(key)[0])  # of a group
    select(app, key="calibration", mark=mark)
    assert "that were given" in told(app)
    app.button(key="cell-people").click().run()
    assert not app.exception
    assert url(app, "view") == "people"


def test_a_recommender_without_probabilities_says_so(here: dict[str, Any], open_page: Open) -> None:
    app = open_page("audit", data=here["data"], lists=here["lists"], group="gender", model="True", more="model")
    made = wait_for_job(app, "audit", here["home"])
    audit = json.loads((here["home"] / "audits" / made["audits"] / "audit.json").read_text())
    assert "predicts no probability" in findings.calibration(audit, "gender").alt
    assert findings.calibration_sentences(audit, "gender") == ""
    assert "How to read it" not in told(app)


def test_a_part_that_polls_shows_a_fault_in_words(here: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    runner.table(Workspace(here["home"])).enqueue("a" * 16, "train", "Train something", {"dataset": here["data"]})

    def broken(*_: Any) -> str:
        raise RuntimeError("boom")

    def page() -> None:
        from fairdash.ui import parts

        parts.job("a" * 16)

    monkeypatch.setattr(runner, "reap", lambda _: None)
    monkeypatch.setattr(runner, "read_log", broken)
    app = AppTest.from_function(page, default_timeout=HANG_SECONDS).run()
    assert not app.exception
    assert "unexpected error" in app.error[0].value


def test_a_search_tries_options_and_hands_the_best_to_training(here: dict[str, Any], open_page: Open) -> None:
    app = open_page("recommender", data=here["data"], how="search", recommender="ease", trials="3")
    app.button(key="search").click().run()
    found = wait_for_job(app, "search", here["home"])["search"]
    assert len(found["trials"]) == 3
    best = found["trials"][found["chosen"][0]]
    assert f"NDCG@10 {best['accuracy']:.4f}" in told(app)
    next(button for button in app.button if button.label == "Train with the best options").click().run()
    assert not app.exception
    assert app.number_input(key="set_ease_l2").value == pytest.approx(best["options"]["l2"])
    assert app.button(key="train")


def test_every_method_of_the_catalogue_can_be_looked_at(here: dict[str, Any], open_page: Open) -> None:
    app = open_page("mitigate", data=here["data"], lists=here["lists"])
    seen = set()
    for place in PLACES:
        app.segmented_control(key="place").set_value(place).run()
        for key in [key for key, method in METHODS.items() if method.info.place == place]:
            app.selectbox(key="method").set_value(key).run()
            assert not app.exception, key
            assert words.plain(METHODS[key].info.paper, 400) in told(app)
            seen.add(key)
    assert seen == set(METHODS)


def test_methods_combine_and_the_budget_is_the_persons_own(
    here: dict[str, Any], open_page: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[dict[str, Any]] = []
    monkeypatch.setattr(runner, "submit", lambda _, kind, title, params: asked.append(params) or "none")
    app = open_page("mitigate", data=here["data"], lists=here["lists"])
    app.selectbox(key="method").set_value("xquad").run()
    app.selectbox(key="first").set_value(here["after"]).run()
    app.number_input(key="budget").set_value(20.0).run()
    app.button(key="mitigate").click().run()
    app.selectbox(key="rule").set_value("gap-budget").run()
    app.button(key="mitigate").click().run()
    app.number_input(key="bound").set_value(0.25).run()
    app.button(key="mitigate").click().run()
    assert not app.exception
    assert [params["budget"] for params in asked] == [0.2, None, 0.25]
    assert all([step["method"] for step in params["first"]] == ["calibrate"] for params in asked)
    workspace = Workspace(here["home"])
    lists = [kinds.run(workspace, "mitigate", params)["lists"] for params in asked[:2]]
    for name in lists:
        made = workspace.get("lists", name)
        assert [step["method"] for step in made.meta["first"]] == ["calibrate"]
        assert made.meta["first"][0]["strength"] == 0.5
        assert made.meta["mitigation"]["method"] == "xquad"
        at = next(p for p in made.meta["tuning"] if p["strength"] == made.meta["mitigation"]["strength"])
        start = next(p for p in made.meta["tuning"] if p["strength"] == 0)
        assert at["ndcg"] >= 0.8 * start["ndcg"] or name != lists[0]
    # no method is combined with itself, and re-ranking comes last
    for method, place in (("calibrate", "reranking"), ("blind", "data")):
        app = open_page("mitigate", data=here["data"], lists=here["lists"], place=place)
        app.selectbox(key="method").set_value(method).run()
        assert "first" not in [box.key for box in app.selectbox]


def test_a_training_method_is_refused_for_a_recommender_without_training(here: dict[str, Any], open_page: Open) -> None:
    app = open_page("mitigate", data=here["data"], lists=here["lists"], place="training")
    assert "Not possible" in told(app)
    assert app.button(key="mitigate").disabled


def test_one_persons_history_can_be_edited_and_the_list_changes(here: dict[str, Any], open_page: Open) -> None:
    app = open_page("explore", with_tables=True, data=here["data"], lists=here["lists"], editing="true")
    run = entries.get_run(Workspace(here["home"]), here["run"])
    user = 0

    def own_list() -> list[str]:
        return next(one.value["item"].tolist() for one in app.dataframe if "now" in one.value or "score" in one.value)

    before = own_list()
    own = run.split.known.item[run.split.known.user == user]
    app.multiselect(key=f"without-{user}").set_value([int(own[-1]), int(own[-2])]).run()
    assert not app.exception
    assert own_list() == before  # the list of the person as they are
    both = next(one.value for one in open_tables(app).dataframe if "what happens" in one.value)
    after = both.dropna(subset="right").sort_values("right")["item"].tolist()
    assert after != before
    assert f"{len(set(before) & set(after))} of {len(before)} stay" in told(app)
    app.segmented_control(key="explore").set_value("why").run()
    assert not app.exception
    assert "the score of" in told(app)


def test_a_job_that_failed_is_told_in_words_and_can_be_tried_again(here: dict[str, Any], open_page: Open) -> None:
    workspace = Workspace(here["home"])
    table = runner.table(workspace)
    table.enqueue("a" * 16, "train", "Train something", {"dataset": here["data"]})
    table.claim_next(1)
    table.finish("a" * 16, "failed", error="The machine ran out of memory.", hint="Choose a smaller model.")
    app = open_page("recommender", errors=True, data=here["data"], job="a" * 16)
    assert "ran out of memory" in app.error[0].value
    assert "smaller model" in app.error[0].value
    assert any(button.label == "Resume" for button in app.button)


def test_a_job_that_somebody_stopped_is_no_error(here: dict[str, Any], open_page: Open) -> None:
    table = runner.table(Workspace(here["home"]))
    table.enqueue("a" * 16, "train", "Train something", {"dataset": here["data"]})
    table.claim_next(1)
    table.finish("a" * 16, "cancelled", error="The job was stopped.", hint="Resume goes on from the last checkpoint.")
    app = open_page("recommender", data=here["data"], job="a" * 16)  # without an error box
    assert any("The job was stopped" in box.value for box in app.info)
    assert app.button(key=f"resume-{'a' * 16}")


def test_names_from_data_are_shown_as_they_are(nothing: Path, open_page: Open) -> None:
    evil = "**x** [a](javascript:alert(1)) <b>$y$</b>"
    rows = "".join(f"u{i},i{j},{1 + (i + j) % 5},{j}\n" for i in range(40) for j in range(8) if (i + j) % 3)
    people = "user_id,gender\n" + "".join(f'u{i},"{evil if i % 2 else "other"}"\n' for i in range(40))
    dataset, _ = data.build(("r.csv", ("user_id,item_id,rating,time\n" + rows).encode()), ("p.csv", people.encode()))
    workspace = Workspace(nothing)
    app = open_page("data", data=entries.put_dataset(workspace, dataset))
    assert evil not in told(app)
    assert "javascript:alert" not in told(app)


def test_data_without_categories_leaves_no_half_of_the_page_empty(nothing: Path, open_page: Open) -> None:
    dataset, _ = data.synthetic.make(n_users=80, n_items=40)
    plain = replace(dataset, items=dataset.items.drop(columns="categories"))
    app = open_page("data", data=entries.put_dataset(Workspace(nothing), plain))
    assert all(len(column.children) for column in app.columns)
    assert len(app.columns) >= 2


def test_the_learning_rate_is_no_validation_curve(here: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    table = runner.table(Workspace(here["home"]))
    table.enqueue("a" * 16, "train", "Train something", {"dataset": here["data"]})
    names = ("loss", "learning_rate", "ndcg", "auc", "ndcg/gender=woman", "ndcg/gender=man", "ndcg/country=NA")
    lines = {name: [(0.0, 1.0), (1.0, 0.5)] for name in names}
    monkeypatch.setattr(type(table), "curves", lambda *_: lines)
    drawn: dict[str, list[str]] = {}
    monkeypatch.setattr(parts, "draw", lambda chart, key, title, **_: drawn.update({title: list(chart.table["line"])}))
    parts._curves(table.get("a" * 16))
    assert {title: set(names) for title, names in drawn.items()} == {
        "Loss": {"loss"},
        "Validation": {"NDCG", "auc"},
        "NDCG by gender, on validation": {"woman", "man"},
        "NDCG by country, on validation": {"NA"},
    }
