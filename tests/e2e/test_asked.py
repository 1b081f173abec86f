"""What a person sees of files in awkward shapes, and what they do: roles by columns, attributes among events, times as
words, and a guess that is asked."""

from __future__ import annotations

import io
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.e2e import steps
from tests.e2e.conftest import Server

PAIRS = [(u, i) for u in range(24) for i in range(11) if (u * 7 + i * 3) % 4]


def _time(n: int) -> datetime:
    return datetime(2015, 3, 1, tzinfo=UTC) + timedelta(hours=5 * n)


def _zip() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        rows = [f"{u},{i + 100},{1 + (u + i) % 5},{_time(n).timestamp():.0f}" for n, (u, i) in enumerate(PAIRS)]
        archive.writestr("scores.csv", "\n".join(["memberId,filmId,rating,timestamp", *rows]))
        archive.writestr("who.csv", "\n".join(["member_id,sex", *(f"{u},{'FM'[u % 2]}" for u in range(24))]))
        films = [f"{i + 100},Film {i},{('Drama|War', 'Comedy')[i % 2]}" for i in range(11)]
        archive.writestr("what.csv", "\n".join(["id,title,genres", *films]))
    return buffer.getvalue()


def _sex_in_log() -> bytes:
    rows = [f"p{u},t{i},{u % 2},{_time(n).timestamp():.0f}" for n, (u, i) in enumerate(PAIRS)]
    return "\n".join(["user_id,item_id,sex,timestamp", *rows]).encode()


def _spoken_times() -> bytes:
    rows = [f"p{u},t{i},{1 + (u + i) % 5},{_time(n):%a %b %d %H:%M:%S +0000 %Y}" for n, (u, i) in enumerate(PAIRS)]
    return "\n".join(["user_id,item_id,rating,timestamp", *rows]).encode()


def _unrated() -> bytes:
    rows = [f"p{u},t{i},{0 if n % 3 else 6 + n % 5}" for n, (u, i) in enumerate(PAIRS)]
    return "\n".join(["user_id,item_id,rating", *rows]).encode()


SHAPES = {"three.zip": _zip(), "sex.csv": _sex_in_log(), "spoken.csv": _spoken_times(), "unrated.csv": _unrated()}


def _brought(server: Server, page: Page, folder: Path, name: str) -> None:
    file = folder / name
    file.write_bytes(SHAPES[name])
    steps.visit(page, f"{server.url}/data?tab=upload")
    steps.upload(page, file)


def _box(page: Page, label: str) -> str:
    """What a select box holds."""
    return page.get_by_test_id("stMain").get_by_role("combobox", name=label).first.input_value()


@pytest.mark.timeout(steps.TEST_SECONDS)
def test_each_file_of_an_archive_shows_its_role_and_can_be_given_another(
    server: Server, page: Page, tmp_path: Path
) -> None:
    _brought(server, page, tmp_path, "three.zip")
    steps.shown(page, "Recognised interactions from scores.csv, people from who.csv and items from what.csv.")
    roles = {name: _box(page, f"Role of {name}") for name in ("scores.csv", "who.csv", "what.csv")}
    assert roles == {"scores.csv": "Interactions", "who.csv": "People", "what.csv": "Items"}
    steps.counted(page, "Categories", "3")
    steps.shown(page, "Groups of sex: F (12), M (12)")
    steps.select(page, "Role of what.csv", "Left aside")
    steps.counted(page, "Categories", "0")
    steps.shown(page, "Recognised interactions from scores.csv and people from who.csv.")
    steps.press(page, "Keep this data set")
    steps.shown(page, "A person, median")


@pytest.mark.timeout(steps.TEST_SECONDS)
def test_an_attribute_among_the_events_is_no_rating(server: Server, page: Page, tmp_path: Path) -> None:
    _brought(server, page, tmp_path, "sex.csv")
    steps.shown(page, "Recognised interactions from sex.csv.")
    assert _box(page, "Meaning of sex") == "About the person"
    steps.counted(page, "Liked from", "any")
    steps.shown(page, "Groups of sex: 0 (12), 1 (12)")
    meaning = page.get_by_role("combobox", name="Meaning of sex")
    meaning.click()
    meaning.press_sequentially("Rating")
    meaning.press("Enter")
    steps.rest(page)
    steps.shown(page, "chosen")
    steps.counted(page, "Liked from", "1")


@pytest.mark.timeout(steps.TEST_SECONDS)
def test_times_as_words_are_shown_as_the_dates_that_they_are(server: Server, page: Page, tmp_path: Path) -> None:
    _brought(server, page, tmp_path, "spoken.csv")
    steps.shown(page, "Recognised interactions from spoken.csv.")
    assert _box(page, "Meaning of timestamp") == "Time or order"
    page.get_by_text("notes on how it was read").click()
    steps.shown(page, "timestamp gives the order: dates written")
    steps.shown_in_picture(page, "Liked from 4 on")


@pytest.mark.timeout(steps.TEST_SECONDS)
def test_a_guess_is_asked_and_nothing_is_kept_before_the_answer(server: Server, page: Page, tmp_path: Path) -> None:
    _brought(server, page, tmp_path, "unrated.csv")
    steps.shown(page, "Does that stand for “not rated”?")
    keep = page.get_by_test_id("stMain").get_by_role("button", name="Keep this data set")
    expect(keep).to_be_disabled()
    expect(page.get_by_text("Recognised interactions")).to_have_count(0)
    few = int(steps.metric(page, "Interactions"))
    page.get_by_text("no number, all are ratings").click()
    steps.rest(page)
    assert len(PAIRS) > few
    steps.counted(page, "Interactions", str(len(PAIRS)))
    page.get_by_text("0 (likely)").click()
    steps.rest(page)
    steps.press(page, "Take this answer")
    steps.shown(page, "Recognised interactions from unrated.csv.")
    steps.counted(page, "Interactions", str(few))
    expect(keep).to_be_enabled()
