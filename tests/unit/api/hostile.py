"""Requests that nobody should send, from a seed: broken JSON, wrong shapes, wrong types, wrong methods and paths."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass, field

GOOD = {
    "/api/v1/recommendations": [
        {"userId": "p0001", "k": 5, "why": True, "profile": {"gender": "woman"}, "run": "0" * 16},
        {"history": ["f0001", {"itemId": "f0002", "eventValue": 4}], "k": 3},
    ],
    "/api/v1/events": [
        {"userId": "p0001", "itemId": "f0001", "eventType": "watch", "sentAt": 1, "eventId": "e", "eventValue": 2,
         "impression": ["f0001", "f0002"], "sessionId": "s", "recommendationId": "r"},
    ],
}  # fmt: skip
PATHS = [
    *GOOD, "/api/v1/audits/" + "0" * 16, "/api/v1/audits/..", "/api/v1/audits/%2e%2e%2f", "/api/v1/audits/%00",
    "/api/v1/audits/%ff", "/api/v1/audits/" + "a" * 3000, "/api/v1/runs", "/api/v1/runs/", "/api/v1//runs", "/api",
    "/api/", "/api/v2/runs", "/api/v1/runs?x=%00", "/openapi.json", "/api/../../etc/passwd", "/api/v1/audits/é",
]  # fmt: skip
METHODS = ["POST"] * 20 + ["GET", "GET", "GET", "PUT", "DELETE", "PATCH", "OPTIONS", "HEAD", "TRACE", "BREW"]
STRANGE = [
    None, True, False, 0, -1, 1e308, -1e308, 10**18, 10**40, 1.5, "", " ", "x" * 5000, "\x00", "\u202e", "\ud800",
    "NaN", "null", "'; drop table events; --", "../../etc/passwd", "{{7*7}}", "<script>", "0" * 16, [], {}, [[]],
    [None], {"a": {}}, [[[[[]]]]], {"": ""}, {"\ud800": 1}, list(range(300)), {str(i): i for i in range(200)},
]  # fmt: skip
RAW = [
    b"", b" ", b"{", b"[", b'"', b"nul", b"NaN", b"[NaN]", b"-Infinity", b'{"k": NaN}', b"1e999", b'{"k": 1e999}',
    b"[" * 100_000, b'{"a":' * 50_000, b"9" * 5000, b'{"k": ' + b"9" * 5000 + b"}", b"\xff\xfe", b"\xef\xbb\xbf{}",
    b"{}" * 3, b'{"userId": "a", "userId": "b", "history": []}', b'"\\ud800"', b'{"userId": "\\ud800"}', b"\x00",
    "{}".encode("utf-16"), b'{"userId": "\xc3\x28"}', b"[" + b'{"userId": 1},' * 3000 + b"1]", b'{"history": [' +
    b'"f0001",' * 5000 + b'"f0001"]}', b"/* */ {}", b"{'userId': 'a'}", b"userId=a", b"<xml/>", b"1" * 100,
]  # fmt: skip
KINDS = ["application/json"] * 12 + ["", "text/plain", "application/json; charset=utf-16", "application/xml", "é"]
HEADERS = [
    ("Authorization", "Bearer x"), ("Accept-Language", "zh-\x01"), ("Accept", "image/png"), ("Range", "bytes=0-1"),
    ("Content-Encoding", "gzip"), ("X-Http-Method-Override", "DELETE"), ("Cookie", "a=" + "b" * 3000),
    ("Origin", "https://evil.example"), ("Host", "evil.example"), ("Expect", "100-continue"), ("If-Match", "*"),
]  # fmt: skip


@dataclass(frozen=True)
class Hostile:
    """A request as it is sent."""

    method: str
    path: str
    content: bytes
    headers: dict[str, bytes] = field(default_factory=dict)


def requests(seed: int, number: int) -> Iterator[Hostile]:
    """So many of them, the same for the same seed."""
    draw = random.Random(seed)
    for _ in range(number):
        path = draw.choice(list(GOOD)) if draw.random() < 0.8 else draw.choice(PATHS)
        body = draw.choice(RAW) if draw.random() < 0.3 else _bent(draw, path)
        headers = {"Content-Type": draw.choice(KINDS).encode("latin-1")}
        if draw.random() < 0.15:
            name, value = draw.choice(HEADERS)
            headers[name] = value.encode("latin-1")
        yield Hostile(draw.choice(METHODS), path, body, headers)


def _bent(draw: random.Random, path: str) -> bytes:
    """A good body with something strange in it."""
    body = json.loads(json.dumps(draw.choice(GOOD.get(path, [{}]))))
    at = draw.random()
    if at < 0.7 and body:
        body[draw.choice(list(body))] = draw.choice(STRANGE)
    elif at < 0.8 and body:
        del body[draw.choice(list(body))]
    elif at < 0.9:
        body[str(draw.choice(STRANGE))[:50]] = draw.choice(STRANGE)
    else:
        body = draw.choice(STRANGE)
    if path.endswith("events") and draw.random() < 0.5:
        body = [body] * draw.choice([0, 1, 2, 1001])
    text = json.dumps(body, ensure_ascii=draw.random() < 0.5)
    return text.encode("utf-8", "surrogatepass")
