"""What the API answers: the run's own lists, lists after events, audits, runs."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from starlette.testclient import TestClient

from fairdash import settings
from fairdash.api.endpoints import Shelf
from fairdash.jobs import kinds
from fairdash.run import Run
from fairdash.schema import ITEM_ID, USER_ID
from fairdash.stages import fit
from fairdash.workspace import Workspace
from tests.unit.api.conftest import client_of, run_of

ASK = "/api/v1/recommendations"


def asked(client: TestClient, **body: object) -> dict[str, object]:
    answer = client.post(ASK, json=body)
    assert answer.status_code == 200, answer.text
    found: dict[str, object] = answer.json()
    return found


def items(client: TestClient, **body: object) -> list[str]:
    return [one["itemId"] for one in asked(client, **body)["items"]]  # type: ignore[attr-defined]


def event(item: str, user: str, at: float = 1_700_000_000, **more: object) -> dict[str, object]:
    return {"userId": user, "itemId": item, "eventType": "watch", "sentAt": at, **more}


def test_a_known_person_gets_the_runs_own_list(client: TestClient, run: Run) -> None:
    data = run.split.training
    for code in range(0, data.n_users, 30):
        found = asked(client, userId=data.users[USER_ID][code], k=7)
        own = run.candidates().items[code, :7]
        assert [one["itemId"] for one in found["items"]] == data.items[ITEM_ID].iloc[own].tolist()  # type: ignore[attr-defined]
        scores = [one["score"] for one in found["items"]]  # type: ignore[attr-defined]
        assert np.allclose(scores, run.candidates().scores[code, :7], atol=1e-4)
        assert [one["rank"] for one in found["items"]] == list(range(1, 8))  # type: ignore[attr-defined]
        assert found["run"] == run.digest


def test_an_event_changes_the_next_list_and_nothing_is_trained(client: TestClient, run: Run) -> None:
    user = str(run.split.training.users[USER_ID][3])
    before = asked(client, userId=user)
    first = before["items"][0]["itemId"]  # type: ignore[index]
    sent = client.post("/api/v1/events", json=event(first, user, eventId="e1"))
    assert sent.json() == {"accepted": 1, "repeated": 0, "late": 0, "refused": []}
    after = asked(client, userId=user)
    assert after["history"] == int(before["history"]) + 1  # type: ignore[call-overload]
    assert first not in [one["itemId"] for one in after["items"]]  # type: ignore[attr-defined]
    scores = [{one["itemId"]: one["score"] for one in found["items"]} for found in (before, after)]  # type: ignore[attr-defined]
    both = scores[0].keys() & scores[1].keys()
    assert any(scores[0][item] != scores[1][item] for item in both)  # read anew, not masked alone
    assert client.post("/api/v1/events", json=[event(first, user, eventId="e1")]).json()["repeated"] == 1
    assert asked(client, userId=user)["items"] == after["items"]


def test_events_count_in_the_order_in_which_they_were_sent(client: TestClient) -> None:
    a, b = "f0001", "f0002"
    client.post("/api/v1/events", json=[event(a, "in", 100.0), event(b, "in", 200.0)])
    client.post("/api/v1/events", json=[event(b, "out", 200.0), event(a, "out", 100.0)])
    client.post("/api/v1/events", json=[event(b, "other", 100.0), event(a, "other", 200.0)])
    lists = {name: asked(client, userId=name)["items"] for name in ("in", "out", "other")}
    assert lists["in"] == lists["out"] == asked(client, history=[a, b])["items"]
    assert lists["in"] != lists["other"]


def test_what_was_only_shown_and_items_of_elsewhere_change_nothing(client: TestClient, run: Run) -> None:
    user = str(run.split.training.users[USER_ID][4])
    before = asked(client, userId=user)["items"]
    shown = {"userId": user, "eventType": "view", "sentAt": 5, "impression": ["f0001", "f0002"]}
    client.post("/api/v1/events", json=[shown, event("from elsewhere", user)])
    assert asked(client, userId=user)["items"] == before


def test_a_history_as_given_is_a_list_for_a_stranger(client: TestClient, run: Run) -> None:
    given = items(
        client, history=["f0003", {"itemId": "f0005", "eventValue": 5}], profile={"gender": "woman", "age": 30}
    )
    assert len(given) == settings.K
    assert not {"f0003", "f0005"} & set(given)
    assert len(items(client, history=[])) == settings.K
    data, known = run.split.training, run.split.known.take(np.flatnonzero(run.split.known.user == 0))
    person = {name: str(data.users[name][0]) for name in ("gender", "age")}
    history = [
        {"itemId": data.items[ITEM_ID][item], "eventValue": float(rating)}
        for item, rating in zip(known.item, known.rating, strict=True)
    ]  # a stranger of whom the same is known gets the same list
    assert items(client, history=history, profile=person) == items(client, userId=str(data.users[USER_ID][0]))


def test_a_profile_can_be_told_otherwise(client: TestClient, run: Run) -> None:
    user = str(run.split.training.users[USER_ID][0])
    scores = [
        asked(client, userId=user, profile={"gender": told})["items"][0]["score"] for told in ("woman", "man", None)
    ]  # type: ignore[index]
    assert len(set(scores)) == 3


def test_why_names_an_item_of_the_history_or_an_attribute(client: TestClient) -> None:
    found = asked(client, history=["f0001", "f0002"], profile={"gender": "woman"}, why=True, k=3)
    for one in found["items"]:  # type: ignore[attr-defined]
        assert one["why"].keys() == {"itemId", "attribute", "fall"}
        assert one["why"]["itemId"] in (None, "f0001", "f0002")
        assert one["why"]["attribute"] in (None, "gender", "age")
        assert one["why"]["fall"] >= 0
    assert asked(client, history=["f0001"])["items"][0]["why"] is None  # type: ignore[index]


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        ({}, 422, "either"),
        ({"userId": "u1", "history": []}, 422, "either"),
        ({"userId": "nobody"}, 404, "no person nobody"),
        ({"history": ["none such"]}, 422, "no item none such"),
        ({"history": [], "profile": {"size": "L"}}, 422, "not told size"),
        ({"history": [], "k": 0}, 422, "k lies between 1 and"),
        ({"history": [], "k": 10**30}, 422, "k lies between 1 and"),
        ({"history": [], "k": "10"}, 422, "k must be a whole number"),
        ({"history": [], "k": True}, 422, "k must be a whole number"),
        ({"history": [{"itemId": "f0001", "eventValue": "x"}]}, 422, "history[0].eventValue must be a number or null"),
        ({"history": [{}]}, 422, "history[0].itemId is missing"),
        ({"history": ["f0001"] * (settings.API_HISTORY + 1)}, 422, "at most"),
        ({"history": [], "why": None}, 422, "why must be true or false"),
        ({"history": [], "wy": True}, 422, "no field wy"),
        ({"history": "f0001"}, 422, "history must be a list or null"),
        ({"history": [], "profile": []}, 422, "profile must be an object"),
        ({"userId": "x" * 300}, 422, "300 characters"),
        ({"history": [], "run": "0" * 16}, 404, "no run 0000"),
        ({"history": [], "run": "../../etc"}, 404, "no run"),
        ([], 422, "The body must be an object"),
        (None, 422, "The body must be an object"),
    ],
)
def test_what_is_wrong_is_said(client: TestClient, body: object, status: int, said: str) -> None:
    answer = client.post(ASK, content=json.dumps(body), headers={"Content-Type": "application/json"})
    assert answer.status_code == status, answer.text
    error = answer.json()["error"]
    assert error["status"] == status
    assert said in error["message"]


def test_a_name_twice_is_no_question(client: TestClient) -> None:
    body = '{"userId": "a", "userId": "b", "history": []}'
    answer = client.post(ASK, content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 400
    assert "'userId' stands twice in one record" in answer.json()["error"]["message"]


def test_a_recommender_that_knows_ids_alone_has_no_list_for_a_stranger(workspace: Workspace) -> None:
    ncf = run_of(workspace, "ncf")
    client = client_of(Shelf(ncf.folder))
    answer = client.post(ASK, json={"history": ["f0001"]})
    assert answer.status_code == 422
    assert "by their ids" in answer.json()["error"]["message"]
    user = str(ncf.split.training.users[USER_ID][0])
    assert len(items(client, userId=user)) == settings.K


def test_of_several_runs_one_is_named(workspace: Workspace) -> None:
    client = client_of(Shelf())
    assert client.post(ASK, json={"history": ["f0001"]}).status_code == 422
    found = client.get("/api/v1/runs").json()["runs"]
    assert {one["recommender"] for one in found} == {"ncf", "bert_sequence"}
    bert = next(one for one in found if one["recommender"] == "bert_sequence")
    assert (bert["people"], bert["items"], bert["model"]) == (150, 60, True)
    assert len(items(client, history=["f0001"], run=bert["id"])) == settings.K


def test_without_any_run_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAIRDASH_HOME", str(tmp_path / "empty"))
    answer = client_of(Shelf()).post(ASK, json={"history": []})
    assert answer.status_code == 422
    assert "no run here" in answer.json()["error"]["message"]


def test_an_audit_is_answered_without_values_of_very_few(
    client: TestClient, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    (run,) = client.get("/api/v1/runs").json()["runs"]
    (name,) = run["audits"]
    stored = kinds.read_audit(workspace, name)
    assert client.get(f"/api/v1/audits/{name}").json()["groups"] == stored["groups"]
    monkeypatch.setattr(settings, "FEWEST", 10_000)
    few = client.get(f"/api/v1/audits/{name}").json()["groups"]["gender"]["woman"]
    assert "ndcg" not in few
    assert few["n"] == stored["groups"]["gender"]["woman"]["n"]
    for other in ("0" * 16, "..", "%2e%2e", "x" * 500, "é", workspace.entries("lists")[0].digest):
        assert client.get(f"/api/v1/audits/{other}").status_code == 404
    alone = client_of(Shelf(run_of(workspace, "ncf").folder))
    assert alone.get(f"/api/v1/audits/{name}").status_code == 404  # of another run than the one that is served


def test_a_batch_says_what_became_of_each_event(client: TestClient) -> None:
    answer = client.post("/api/v1/events", json=[event("f0001", "u1"), event("f0001", "u1"), {"userId": "u1"}, 7])
    found = answer.json()
    assert (found["accepted"], found["repeated"]) == (1, 1)
    assert [one["index"] for one in found["refused"]] == [2, 3]
    assert client.post("/api/v1/events", json={"userId": "u1"}).status_code == 422
    too_many = client.post("/api/v1/events", json=[event("f0001", "u1")] * (settings.API_BATCH + 1))
    assert too_many.status_code == 413


def test_a_run_that_is_gone_is_no_fault_of_the_server(run: Run, tmp_path: Path) -> None:
    client = client_of(Shelf(tmp_path / "nothing"))
    for answer in (client.post(ASK, json={"history": []}), client.get("/api/v1/runs")):
        assert answer.status_code == 422
        assert "is not a run folder" in answer.json()["error"]["message"]


def test_lists_of_another_system_answer_nobody(run: Run, tmp_path: Path) -> None:
    fit.import_lists(run.split, run.candidates().top(10), "theirs", tmp_path / "theirs")
    client = client_of(Shelf(tmp_path / "theirs"))
    assert client.get("/api/v1/runs").json()["runs"][0]["model"] is False
    user = str(run.split.training.users[USER_ID][0])
    answer = client.post(ASK, json={"userId": user})
    assert answer.status_code == 422
    assert "has no model" in answer.json()["error"]["message"]
