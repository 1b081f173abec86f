"""Adding a mitigation is adding a file."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from fairdash.mitigation import METHODS, discover


def test_a_module_that_declares_a_method_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "toys"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "one.py").write_text("METHOD = 'one'\n")
    (package / "several.py").write_text("METHOD = 'two'\nMETHODS = (METHOD, 'three')\n")
    (package / "helps.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    assert discover.methods("toys", [str(package)]) == ("one", "two", "three")
    for name in [name for name in sys.modules if name.partition(".")[0] == "toys"]:
        monkeypatch.delitem(sys.modules, name)


def test_the_catalogue_is_in_the_order_in_which_methods_act() -> None:
    places = [method.info.place for method in METHODS.values()]
    assert places == sorted(places, key=["data", "training", "vectors", "reranking"].index)
