"""Files that cannot be used get a message that says what, where and what to do; never a trace, and nothing is lost."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Page, expect

from fairdash.ui.server import HEADERS
from tests.e2e import steps
from tests.e2e.conftest import Server


def _zip(**members: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


BAD = {
    "picture.csv": b"\x89PNG\r\n\x1a\n" + bytes(200),
    "blank.csv": b"\n\n\n",
    "one_column.csv": b"user_id\n1\n2\n",
    "words.csv": b"user_id,item_id,rating\n1,2,good\n2,3,bad\n1,3,good\n",
    "twice.csv": b"user_id,user_id,item_id\n1,1,2\n",
    "binary.csv": bytes(range(256)) * 20,
    "empty.zip": _zip(),
    "readme.zip": _zip(**{"README.txt": b"hello"}),
    "broken.zip": b"PK\x03\x04" + b"x" * 50,
    "broken.parquet": b"PAR1" + b"x" * 50 + b"PAR1",
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_file_gets_a_message(server: Server, page: Page, tmp_path: Path, name: str) -> None:
    file = tmp_path / name
    file.write_bytes(BAD[name])
    steps.visit(page, f"{server.url}/data?tab=upload")
    steps.upload(page, file)
    box = page.get_by_test_id("stAlert").filter(has_text=name.split(".")[0])
    expect(box.first).to_be_visible()
    text = page.get_by_test_id("stMain").inner_text()
    for forbidden in ("Traceback", "Error:", "unexpected error", "site-packages"):
        assert forbidden not in text
    assert len(box.first.inner_text().splitlines()) >= 2  # what is wrong, and what to do


def test_after_a_bad_file_a_good_one_works(server: Server, page: Page, tmp_path: Path) -> None:
    bad, good = tmp_path / "bad.csv", tmp_path / "good.csv"
    bad.write_bytes(b"user_id\n1\n")
    rows = [f"u{u},i{i},{1 + (u + i) % 5},{i}" for u in range(30) for i in range(12) if (u * i) % 3]
    good.write_text("user_id,item_id,rating,time\n" + "\n".join(rows))
    steps.visit(page, f"{server.url}/data?tab=upload")
    steps.upload(page, bad)
    expect(page.get_by_test_id("stAlert").first).to_be_visible()
    page.get_by_role("button", name="Remove bad.csv").click()
    expect(page.get_by_test_id("stAlert")).to_have_count(0)
    steps.rest(page)
    steps.upload(page, good)
    steps.shown(page, "Recognised interactions from")
    steps.counted(page, "Interactions", f"{len(rows):,}")


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/", 200), ("/audit", 200), ("/nowhere", 200), ("/healthz", 200), ("/_stcore/health", 200),
        ("/openapi.json", 200), ("/api/v1/nothing", 404), ("/static/../../etc/passwd", 200),
    ],
)  # fmt: skip
def test_headers_stand_on_every_answer_once(server: Server, path: str, status: int) -> None:
    with httpx.Client(trust_env=False) as client:
        answer = client.get(server.url + path)
        assert answer.status_code == status
        assert "root:" not in answer.text
        for name, value in HEADERS.items():
            assert answer.headers.get_list(name) == [value], name
        refused = client.get(server.url + path, headers={"Origin": "http://e.example"})
        assert refused.status_code == 403
        assert refused.headers.get_list("Content-Security-Policy") == [HEADERS["Content-Security-Policy"]]
