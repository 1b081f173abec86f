"""The OpenAPI document: valid, of all routes, and true of what they take and answer."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest
from openapi_spec_validator import validate
from starlette.routing import Route
from starlette.testclient import TestClient

from fairdash.api.app import api
from fairdash.api.document import document
from fairdash.api.endpoints import ENDPOINTS, Shelf
from fairdash.run import Run
from fairdash.schema import USER_ID


def test_it_is_openapi(client: TestClient) -> None:
    validate(client.get("/openapi.json").json())


def test_it_has_every_route_and_no_other() -> None:
    app: Any = api(Shelf()).app
    routed = {(method.lower(), route.path) for route in app.routes if isinstance(route, Route)
              for method in route.methods or () if method != "HEAD"}  # fmt: skip
    told = {(method, path) for path, item in document()["paths"].items() for method in item}
    assert routed == told | {("get", "/openapi.json")}
    names = [operation["operationId"] for item in document()["paths"].values() for operation in item.values()]
    assert len(set(names)) == len(names) == len(ENDPOINTS)


def holds(schema: dict[str, Any], value: Any) -> bool:
    """Whether a value is what a schema of the document says."""
    whole = {**schema, "components": document()["components"]}
    return jsonschema.Draft202012Validator(whole).is_valid(value)


def answers(operation: dict[str, Any], status: int) -> dict[str, Any]:
    found: dict[str, Any] = operation["responses"][str(status)]["content"]["application/json"]["schema"]
    return found


BODIES: dict[str, list[Any]] = {
    "/api/v1/recommendations": [
        {"userId": "p0000"}, {"userId": 7}, {"history": []}, {"history": ["f0001", {"itemId": "f0002"}], "why": True},
        {"history": [{"itemId": "f0002", "eventValue": 4.5}], "profile": {"gender": None, "age": 20}, "k": 3},
        {"history": [], "run": None, "k": 5.0}, {"k": 0, "history": []}, {"history": [{}]}, {"userId": True}, {"x": 1},
        {"userId": "", "k": 1}, {"userId": "x" * 257}, {"history": "f0001"}, {"profile": {"gender": []}}, [], 3, None,
        {"k": 101, "history": []}, {"userId": 1.5}, {"why": 1, "history": []}, {"history": ["f0001"] * 1001},
    ],
    "/api/v1/events": [
        {"userId": "u", "eventType": "watch", "sentAt": 1, "itemId": "f0001", "eventValue": 3, "sessionId": "s"},
        [{"userId": 7, "eventType": "view", "sentAt": "2026-01-31T12:00:00Z", "impression": ["f0001", 2]}],
        {"userId": "u"}, {"userId": "u", "eventType": "watch", "sentAt": 1, "itemId": []}, 3, [[]], [None],
        {"userId": "u", "eventType": "watch", "sentAt": 1, "itemId": "f0001", "eventValue": "3"},
        {"userId": "u", "eventType": "watch", "sentAt": [], "itemId": "f0001"},
    ],
}  # fmt: skip


@pytest.mark.parametrize("path", BODIES)
def test_what_it_says_is_taken_is_taken_and_nothing_else(client: TestClient, path: str) -> None:
    operation = document()["paths"][path]["post"]
    schema = operation["requestBody"]["content"]["application/json"]["schema"]
    for body in BODIES[path]:
        answer = client.post(path, content=json.dumps(body), headers={"Content-Type": "application/json"})
        if not holds(schema, body):
            assert answer.status_code in (413, 422), body
        elif answer.status_code != 200:  # well formed, and impossible here
            assert answer.json()["error"]["message"].split()[0] in ("There", "Give"), (body, answer.text)
        assert holds(answers(operation, answer.status_code), answer.json()), answer.text


def test_every_answer_is_as_it_says(client: TestClient, run: Run) -> None:
    for path, item in document()["paths"].items():
        for name in ("0" * 16, client.get("/api/v1/runs").json()["runs"][0]["audits"][0]):
            if "get" in item:
                answer = client.get(path.replace("{id}", name))
                assert holds(answers(item["get"], answer.status_code), answer.json())
    asked = {"userId": str(run.split.training.users[USER_ID][0]), "why": True}
    answer = client.post("/api/v1/recommendations", json=asked)
    assert holds(answers(document()["paths"]["/api/v1/recommendations"]["post"], 200), answer.json())
    assert not holds(answers(document()["paths"]["/api/v1/recommendations"]["post"], 200), {})
