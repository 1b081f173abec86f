"""The page Recommender: the one in view beside plain ones, what it reads, and its calibration."""

from __future__ import annotations

from typing import Any

from fairdash import entries
from fairdash import words as say
from fairdash.jobs import kinds
from fairdash.stages import quality
from fairdash.workspace import Workspace
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
