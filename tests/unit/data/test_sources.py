"""Where MovieLens is found, in which order, and what is said when it is not. No test here uses a network."""

from __future__ import annotations

import hashlib
import io
import subprocess
import urllib.error
import urllib.request
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from fairdash.data import sources
from fairdash.errors import ConfigError, DataError
from tests.unit.data.test_movielens import U_DATA, U_ITEM, U_USER

FILES = {"u.data": U_DATA, "u.user": U_USER, "u.item": U_ITEM}


def _md5(raw: bytes) -> str:
    return hashlib.md5(raw, usedforsecurity=False).hexdigest()


def _archive() -> bytes:
    raw = io.BytesIO()
    with zipfile.ZipFile(raw, "w") as archive:
        for name, content in FILES.items():
            archive.writestr(f"ml-100k/{name}", content)
    return raw.getvalue()


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> bytes:
    """A stand-in of nine ratings for MovieLens 100K, with its own sums; gives its archive."""
    archive = _archive()
    files = tuple((name, _md5(content)) for name, content in FILES.items())
    small = replace(
        sources.SOURCES["movielens-100k"], people=3, items=3, interactions=9, files=files, md5=_md5(archive)
    )
    monkeypatch.setattr(sources, "SOURCES", {**sources.SOURCES, "movielens-100k": small})
    monkeypatch.setenv("FAIRDASH_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("FAIRDASH_DATA", raising=False)
    monkeypatch.setattr(urllib.request, "urlopen", _no_network)
    monkeypatch.setattr(subprocess, "run", _no_package)
    return archive


def _no_network(*_: Any, **__: Any) -> Any:
    raise urllib.error.URLError("no network")


def _no_package(*_: Any, **__: Any) -> Any:
    return subprocess.CompletedProcess([], 1, "", "ERROR: No matching distribution found for recbole\n")


def test_catalogue_says_what_a_person_must_know() -> None:
    for name, source in sources.SOURCES.items():
        assert source.name == name
        assert source.title
        assert source.terms
        assert source.licence
        if name.startswith("movielens"):
            assert "redistribution" in source.terms
            assert "10.1145/2827872" in source.citation
            assert len(source.md5) == 32
            assert source.size_mb > 0


def test_unknown_name() -> None:
    with pytest.raises(ConfigError) as caught:
        sources.load("movielens-20b")
    assert "movielens-100k" in caught.value.hint


def test_own_folder_comes_first(tiny: bytes, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "ml-100k").mkdir()
    for name, content in FILES.items():
        (tmp_path / "ml-100k" / name).write_bytes(content)
    monkeypatch.setenv("FAIRDASH_DATA", str(tmp_path))
    dataset = sources.load("movielens-100k")
    assert dataset.name == "movielens-100k"
    assert dataset.provenance["found"] == str(tmp_path)
    assert "Harper" in dataset.provenance["citation"]


def test_download_is_checked_kept_and_used_again(tiny: bytes, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    asked = []

    def answer(url: str, timeout: float) -> io.BytesIO:
        asked.append((url, timeout))
        return io.BytesIO(tiny)

    monkeypatch.setattr(urllib.request, "urlopen", answer)
    said: list[str] = []
    first = sources.load("movielens-100k", progress=lambda done, message="", values=None: said.append(message))
    again = sources.load("movielens-100k")
    assert first.digest == again.digest
    assert first.provenance["found"] == "GroupLens"
    assert again.provenance["found"] == str(tmp_path / "home" / "downloads")
    assert asked == [("https://files.grouplens.org/datasets/movielens/ml-100k.zip", 20)]
    assert "Fetching 4.9 MB from GroupLens" in said


def test_wrong_sum_is_refused_and_not_kept(tiny: bytes, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(urllib.request, "urlopen", lambda url, timeout: io.BytesIO(tiny + b"x"))
    with pytest.raises(DataError, match="is not the published file"):
        sources.load("movielens-100k")
    assert not list((tmp_path / "home").rglob("*.zip"))


def test_no_place_has_it(tiny: bytes) -> None:
    with pytest.raises(DataError) as caught:
        sources.load("movielens-100k")
    assert "no network" in caught.value.message
    assert "No matching distribution" in caught.value.message
    assert "upload u.data, u.user, u.item" in caught.value.hint
    assert "FAIRDASH_DATA" in caught.value.hint


def test_package_of_the_own_index(tiny: bytes, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    packed = {
        "ml-100k.inter": b"user_id:token\titem_id:token\trating:float\ttimestamp:float\n" + U_DATA,
        "ml-100k.user": b"user_id:token\tage:token\tgender:token\toccupation:token\tzip_code:token\n"
        + U_USER.replace(b"|", b"\t"),
        "ml-100k.item": (
            "item_id:token\tmovie_title:token_seq\trelease_year:token\tclass:token_seq\n"
            "1\tToy Story\t1995\tAnimation Children's Comedy\n"
            "2\tMisérables, Les\t1958\tAction Adventure Thriller\n3\tunkonwn\tunkonwn\tunknown\n"
        ).encode(),
    }
    monkeypatch.setattr(sources, "_PACKED", {name: _md5(content) for name, content in packed.items()})

    def download(command: list[str], **_: Any) -> Any:
        target = Path(command[command.index("--dest") + 1]) / "recbole-1-py3-none-any.whl"
        with zipfile.ZipFile(target, "w") as wheel:
            for name, content in packed.items():
                wheel.writestr(f"recbole/dataset_example/ml-100k/{name}", content)
        assert "--no-deps" in command
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(subprocess, "run", download)
    dataset = sources.load("movielens-100k")
    own = sources.importing.build(list(FILES.items()))[0]
    assert dataset.interactions.equals(own.interactions)
    assert dataset.users.equals(own.users)
    assert dataset.items.equals(own.items)
    assert dataset.provenance["found"] == "the package recbole"
    monkeypatch.setattr(subprocess, "run", _no_package)
    assert sources.load("movielens-100k").digest == dataset.digest


def test_files_of_another_size_are_refused(tiny: bytes, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "ml-100k").mkdir()
    for name, content in (
        ("interactions.csv", "user_id,item_id,rating\n1,1,5\n2,1,4\n"),
        ("users.csv", "user_id,gender\n1,F\n2,M\n"),
        ("items.csv", "item_id,title\n1,A\n"),
    ):
        (tmp_path / "ml-100k" / name).write_text(content)
    monkeypatch.setenv("FAIRDASH_DATA", str(tmp_path))
    with pytest.raises(DataError, match="give 2 people, 1 item, 2 interactions"):
        sources.load("movielens-100k")


@pytest.mark.parametrize("name", ["synthetic", "synthetic-unbiased"])
def test_synthetic_needs_nothing(name: str, tiny: bytes) -> None:
    dataset = sources.load(name)
    assert dataset.name == name
    assert (dataset.n_users, dataset.n_items) == (600, 400)
