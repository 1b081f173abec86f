"""A workspace is opened for a session in one place; nothing that is kept in memory asks for another person's."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1.util import patch_config_options

from fairdash.errors import RightsError
from fairdash.ui import access, state

ROOT = Path(__file__).parents[3]
DRAWN = sorted((*(ROOT / "pages").glob("*.py"), *(ROOT / "fairdash" / "ui").glob("*.py")))
OPENS = {"access.py": "asks who is there", "server.py": "looks after the workspaces of all"}
OTHERS = re.compile(r"runner\.everybodys|(state\.)?workspace(\(\))?\.(of|all)")  # from one workspace to others
# Functions whose results are kept though they look into a workspace: what they are asked by says whose it is, or
# whoever asks them has asked the workspace first.
LOOKS = {"load.py", "naming.py", "cards.py"}


def names(tree: ast.AST) -> Iterator[str]:
    """What a source calls and reads, as it is written."""
    return (ast.unparse(node) for node in ast.walk(tree) if isinstance(node, ast.Attribute | ast.Name))


@pytest.mark.parametrize("file", DRAWN, ids=lambda file: file.name)
def test_no_page_opens_a_workspace_another_way(file: Path) -> None:
    tree = ast.parse(file.read_text("utf-8"))
    calls = [ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)]
    opened = [name for name in calls if name in ("Workspace", "Workspace.default") or name.endswith("settings.home")]
    opened += [name for name in calls if OTHERS.fullmatch(name)]
    allowed = OPENS.keys() | {"overseeing.py"}  # which asks for the right to oversee
    assert not opened or file.name in allowed, f"{file.name}: state.workspace() says whose it is"
    assert "st.secrets" not in names(tree) or file.name == "access.py"
    assert "st.user" not in names(tree) or file.name == "access.py"


@pytest.mark.parametrize("file", DRAWN, ids=lambda file: file.name)
def test_what_is_kept_in_memory_does_not_hang_on_whose_workspace_it_is(file: Path) -> None:
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.FunctionDef) and any("cache" in ast.unparse(one) for one in node.decorator_list):
            asks = "state.workspace" in names(node)
            assert not asks or file.name in LOOKS, f"{file.name}: {node.name} would tell one person what is another's"


def test_nobody_is_there_where_no_page_is_drawn(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("FAIRDASH_HOME", str(tmp_path))
    assert state.workspace().root == tmp_path  # nobody signs in
    monkeypatch.setattr(access, "on", lambda: True)
    with pytest.raises(RightsError):
        state.workspace()
    assert not access.may("look")


def test_secrets_that_cannot_be_read_let_nobody_in(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "secrets.toml"
    for text, signed in (
        (None, False),
        ("[auth\nclient_id = ", True),
        ("[other]\nx = 1", False),
        ("[auth]\nx = 1", True),
    ):
        if text is not None:
            file.write_text(text)
        monkeypatch.setattr(st, "secrets", type(st.secrets)())
        with patch_config_options({"secrets.files": [str(file)]}):
            assert access.on() == signed, text
            if signed:
                assert access.providers() == []
                assert access.hosts() == frozenset()


def test_who_signs_people_in_is_offered_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    one = {"redirect_uri": "https://fair.example:8443/oauth2callback", "cookie_secret": "x"}
    for told, found in (
        ({**one, "client_id": "a"}, [""]),
        ({**one, "google": {"client_id": "b"}, "house": {"client_id": "c"}}, ["google", "house"]),
        ({**one, "client_id": "a", "house": {"client_id": "c"}}, ["", "house"]),
    ):
        secrets = type(st.secrets)()
        secrets._secrets = {"auth": told}
        monkeypatch.setattr(st, "secrets", secrets)
        assert access.on()
        assert access.providers() == found
        assert access.hosts() == {"fair.example"}
