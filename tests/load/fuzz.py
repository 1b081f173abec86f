"""`make soak`: a coverage-guided fuzzer (atheris) at every door through which files come.

    python -m tests.load.fuzz [--minutes 30] [--door data|lists|settings|models|all] [--keep FOLDER]

Begins with the bad files of tests/hostile and good ones, changes their bytes, and keeps what reaches code that nothing
reached before. Whatever comes: a sentence with what to do (FairDashError), or a value that is sound. Anything else, and
what takes longer than a minute or more than 4 GB, fails, and its bytes are kept.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import re
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

DOORS = ("data", "lists", "settings", "models")


def _data(raw: bytes) -> None:
    """The files of a data set: interactions alone, or beside good people and items."""
    from fairdash import data

    name = ("x.csv", "x.zip", "x.parquet", "x.json", "x")[raw[0] % 5 if raw else 0]
    dataset, _ = data.build((name, raw[1:]))
    log = dataset.interactions
    assert log.notna().all().all()
    assert log["user_id"].isin(dataset.users["user_id"]).all()
    assert log["item_id"].isin(dataset.items["item_id"]).all()
    assert dataset.users["user_id"].is_unique
    assert dataset.items["item_id"].is_unique


def _lists(raw: bytes) -> None:
    """Lists that are brought, with what their people went on to like, and who they are."""
    from fairdash.data import brought
    from tests.hostile.test_data_files import LOG

    sources = [("l", LOG), ("t.csv", LOG), ("p.csv", b"user_id,g\nu0,a\nu1,b\n")]
    place = raw[0] % 3 if raw else 0
    sources[place] = (sources[place][0], raw[1:])
    found = brought.bring(*sources)
    for frame in (*found.systems.values(), found.truth):
        assert frame[["user_id", "item_id"]].notna().all().all()


def _settings(raw: bytes) -> None:
    """Answers that were saved, events, and requests to the API."""
    from fairdash.api import shapes
    from fairdash.data import ImportOptions
    from fairdash.events import log

    try:
        told: Any = json.loads(raw)
    except (ValueError, RecursionError):
        return
    assert log._read(told, 0.0) is not None
    if isinstance(told, dict):
        for read in (ImportOptions.from_json, lambda value: shapes.read(shapes.Request, value)):
            try:
                read(told)
            except _told():
                continue


def _models(raw: bytes) -> None:
    """A model as a zip, and what was saved of a recommender."""
    from fairdash.recommenders import store

    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        (place / "m.zip").write_bytes(raw)
        try:
            store.unpack(place / "m.zip", place / "out")
        finally:
            outside = [one for one in place.rglob("*") if one.is_symlink()]
            assert not outside
            assert {one.name.split(".")[0] for one in place.iterdir()} <= {"m", "out"}


_ASKED: dict[str, Callable[[bytes], None]] = {
    "data": _data, "lists": _lists, "settings": _settings, "models": _models,
}  # fmt: skip


def _told() -> tuple[type[Exception], ...]:
    """What may come of bytes that mean nothing."""
    from fairdash.api.guard import Declined
    from fairdash.errors import FairDashError

    return FairDashError, Declined


def _seeds(door: str, folder: Path) -> None:
    """What the fuzzer begins with."""
    from tests.hostile import test_data_files as corpus

    folder.mkdir(parents=True, exist_ok=True)
    good = [corpus.LOG, corpus._zip({"ratings.csv": corpus.LOG}), *corpus.FORMS.values()]
    small = [raw for raw, _ in corpus.CASES.values() if len(raw) < 5000]
    if door in ("data", "lists"):
        seeds = [bytes([kind]) + raw for raw in good + small for kind in range(3)]
    elif door == "settings":
        event = {"userId": "u", "eventId": "e", "eventType": "watch", "itemId": "i", "sentAt": 1_767_225_600}
        answers = {"user": "user_id", "read_interactions": {"separator": ";"}}
        told = (event, answers, {"history": ["i"], "k": 5}, {"repairs": ["x"]}, [event], 1)
        seeds = [json.dumps(one).encode() for one in told]
    else:
        seeds = [corpus._zip({"config.json": b"{}", "a/model.safetensors": b"\x02" + bytes(7) + b"{}"}),
                 corpus._zip({"../x": b""}), *small]  # fmt: skip
    for number, seed in enumerate(seeds):
        (folder / f"{number:04d}").write_bytes(seed)


def _fuzz(door: str, seconds: int, keep: Path) -> None:
    """Never returns: the fuzzer ends the process."""
    import atheris  # type: ignore[import-not-found, unused-ignore]  # `make soak` installs it beside the environment

    with atheris.instrument_imports(include=["fairdash"]):
        import fairdash.api.shapes
        import fairdash.data.brought
        import fairdash.events.log
        import fairdash.recommenders.store  # noqa: F401 - what is watched
    told, ask = _told(), _ASKED[door]

    def one(raw: bytes) -> None:
        try:
            ask(raw)
        except told as error:
            if not str(error):
                raise AssertionError("an error that says nothing") from error

    warnings.simplefilter("ignore")
    _seeds(door, keep / f"{door}-seeds")
    (keep / door).mkdir(exist_ok=True)
    atheris.Setup(
        [sys.argv[0], f"-max_total_time={seconds}", "-timeout=60", "-rss_limit_mb=4096", "-max_len=20000",
         f"-artifact_prefix={keep}/{door}-fault-", "-print_final_stats=1", "-verbosity=0",
         str(keep / door), str(keep / f"{door}-seeds")],
        one,
    )  # fmt: skip
    atheris.Fuzz()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--door", choices=(*DOORS, "all"), default="all")
    parser.add_argument("--keep", type=Path, default=Path(tempfile.gettempdir()) / "fairdash-fuzz")
    options = parser.parse_args()
    options.keep.mkdir(parents=True, exist_ok=True)
    if options.door != "all":
        _fuzz(options.door, round(60 * options.minutes), options.keep)
    faults = 0
    for door in DOORS:
        command = [sys.executable, "-m", "tests.load.fuzz", "--door", door, "--keep", str(options.keep)]
        done = subprocess.run([*command, "--minutes", str(options.minutes / len(DOORS))], env=os.environ, check=False,
                              capture_output=True, text=True, errors="replace")  # fmt: skip
        tried = re.search(r"number_of_executed_units: (\d+)", done.stderr)
        count, fault = tried[1] if tried else "?", "  A FAULT" if done.returncode else ""
        print(f"{door:<10}{count:>9} inputs{fault}", flush=True)
        if done.returncode:
            faults += 1
            print("\n".join(io.StringIO(done.stderr).read().splitlines()[-25:]))
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
