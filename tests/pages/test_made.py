"""The page Recommender: the one in view beside plain ones, what it reads, and its calibration."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fairdash import entries
from fairdash import words as say
from fairdash.jobs import kinds
from fairdash.stages import quality
from fairdash.workspace import Workspace
from tests import tiny_bert
from tests.pages.conftest import Open, select, url, words


def test_a_recommender_stands_beside_popularity_and_says_what_it_reads(here: dict[str, Any], open_page: Open) -> None:
    workspace = Workspace(here["home"])
    run, lists = entries.get_lists(workspace, here["lists"])
    app = open_page("recommender", with_tables=True, data=here["data"], lists=here["lists"], how="view")
    by = {"ease": lists, "popularity": quality.most_popular(run.split, 10)}
    table = quality.beside(run.split, by, 10).set_index("name")
    assert f"ease reaches NDCG@10 {say.number(table.loc['ease', 'ndcg'])}" in words(app).replace("\\", "")
    (shown,) = [frame.value for frame in app.dataframe if "coverage" in frame.value and "less the first" in frame.value]
    assert shown["name"].tolist() == ["ease", "popularity"]  # mitigated lists are no baseline
    assert shown["coverage"].tolist() == table["coverage"].tolist()
    assert "reads no text" in words(app)
    assert "no probabilities" in words(app)
    asked = {"dataset": here["data"], "split": "user-time:0.8", "recommender": "ncf", "options": {"epochs": "1"}}
    other = kinds.run(workspace, "train", asked)["lists"]
    again = open_page("recommender", data=here["data"], lists=other, how="view", k="5")
    assert "NDCG@5" in words(again).replace("\\", "")
    assert "no probabilities" not in words(again)  # it has some, and says what they are worth
    select(again, key="calibrated", mark=0)
    assert "that were given" in words(again)
    select(again, key="quality", mark=2)  # popularity is the second
    again.button(key="look-at-one").click().run()
    assert not again.exception
    assert url(again, "lists") == here["lists"]


def test_a_recommender_that_orders_anothers_candidates_stands_beside_it(
    here: dict[str, Any], open_page: Open, tmp_path: Path
) -> None:
    workspace = Workspace(here["home"])
    options = {"base": str(tiny_bert.write(tmp_path / "bert")), "epochs": "1", "n_candidates": "20", "length": "48",
               "item_length": "16", "history": "5"}  # fmt: skip
    asked = {"dataset": here["data"], "split": "user-time:0.8", "recommender": "bert_pair", "options": options}
    made = kinds.run(workspace, "train", asked)["lists"]
    run, _ = entries.get_lists(workspace, made)
    app = open_page("recommender", data=here["data"], lists=made, how="view")
    (shown,) = [frame.value for frame in app.dataframe if "coverage" in frame.value and "less the first" in frame.value]
    rows = shown.set_index("name")
    first = rows.loc["its first stage alone", "NDCG@10"]
    assert first == rows.loc["ease", "NDCG@10"] != rows.loc["popularity", "NDCG@10"]  # EASE of its own is the same
    weights = run.fitted.weights
    assert f"BERT × {say.number(weights['BERT'])}" in words(app)
    assert f"ease × {say.number(weights['ease'])}" in words(app)
