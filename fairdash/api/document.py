"""The endpoints as an OpenAPI document."""

from __future__ import annotations

from functools import cache
from http import HTTPStatus
from typing import Any

from fairdash import __version__
from fairdash.api import shapes
from fairdash.api.endpoints import ENDPOINTS, Endpoint

PATH = "/openapi.json"
ALWAYS = (401, 403, 429)  # what every endpoint may answer
WITH_BODY = (400, 408, 413, 415)


@cache
def document() -> dict[str, Any]:
    """OpenAPI 3.1 of all endpoints."""
    paths: dict[str, Any] = {}
    for one in ENDPOINTS:
        paths.setdefault(one.path, {})[one.method.lower()] = _operation(one)
    named = [kind for one in ENDPOINTS for kind in (one.body, one.gives)]
    return {
        "openapi": "3.1.0",
        "info": {"title": "FairDash", "version": __version__, "summary": "Recommendations, events and audits."},
        "paths": paths,
        "components": {
            "schemas": shapes.components(*named, shapes.Failed),
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{"token": []}, {}],
    }


def _operation(one: Endpoint) -> dict[str, Any]:
    statuses = sorted({*ALWAYS, *one.faults, *(WITH_BODY if one.body is not None else ())})
    found: dict[str, Any] = {"operationId": one.answer.__name__, "summary": one.summary}
    if "{id}" in one.path:
        found["parameters"] = [{"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}]
    if one.body is not None:
        found["requestBody"] = {"required": True, **_content(one.body)}
    answers = {"200": {"description": "As asked", **_content(one.gives)}}
    failed = _content(shapes.Failed)
    found["responses"] = answers | {str(s): {"description": HTTPStatus(s).phrase, **failed} for s in statuses}
    return found


def _content(kind: Any) -> dict[str, Any]:
    return {"content": {"application/json": {"schema": shapes.schema(kind)}}}
