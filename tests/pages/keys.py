"""Which controls the pages declare, and which of them the tests work: both read from the source.

A control is a call of Streamlit, or of `fairdash.ui.parts`, that takes what a person does. Its key is written there, or
made by `fairdash.ui.state`; what comes from data in it is `*` here. A test works a control whose key it names: as
`key=…` of an element or as its first parameter `key`, as `saved["…"]` of a download, as `.st-key-…` of a place in the
browser; what folds, by `…="true"` of a link.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
CONTROLS = {
    *("button", "checkbox", "toggle", "radio", "selectbox", "multiselect", "slider", "select_slider", "feedback"),
    *("number_input", "text_input", "text_area", "segmented_control", "pills", "file_uploader", "download_button"),
    *("date_input", "time_input", "datetime_input", "data_editor", "chat_input", "color_picker", "menu_button"),
}
# Of `parts`: the place of the key among the arguments.
PARTS = {"act": None, "submit": None, "save": 4, "folded": 1, "tabs": 2}
MARKS = {"on_select", "pick", "brush"}  # of a table or a picture whose rows or marks are chosen
STATE = {"pick": "", "own": "", "several": "", "held": "", "shared": "view_"}  # of `state`: what stands before the name

Known = Mapping[str, ast.expr]  # what names stand for; of a function, what it returns


@dataclass(frozen=True)
class Control:
    """A control that is declared. pattern: its key, with * for what comes from data; empty where it has none."""

    file: str
    line: int
    kind: str
    pattern: str

    @property
    def place(self) -> str:
        return f"{self.file}:{self.line} {self.kind} {self.pattern or '(no key)'}"


@cache
def declared() -> tuple[Control, ...]:
    """Every control that the source of the pages declares."""
    return tuple(_declared())


def _declared() -> Iterator[Control]:
    for file in sorted([*(ROOT / "pages").glob("*.py"), *(ROOT / "fairdash" / "ui").glob("*.py")]):
        tree = ast.parse(file.read_text())
        scopes = [tree, *(node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))]
        inside: dict[ast.Call, Known] = {}
        for scope in scopes:  # the innermost counts
            known = dict(_assigned(scope))
            inside |= dict.fromkeys(_calls(scope), known)
        returned = {
            node.name: node.body[-1].value
            for node in tree.body
            if isinstance(node, ast.FunctionDef) and isinstance(node.body[-1], ast.Return) and node.body[-1].value
        }
        for call, known in inside.items():
            kind = _kind(call)
            if kind:
                for key in _keys(call, {**returned, **known}):
                    if file.name != "parts.py" or key not in ("", "*"):  # else who calls that part names the key
                        yield Control(file.relative_to(ROOT).as_posix(), call.lineno, kind, key)


def worked() -> set[str]:
    """The keys that tests name; with * for what is made of a variable."""
    found: set[str] = set()
    for folder in ("pages", "e2e", "unit/ui"):
        for file in (ROOT / "tests" / folder).glob("*.py"):
            for node in ast.walk(ast.parse(file.read_text())):
                if isinstance(node, ast.Call):
                    found |= set(_parametrized(node))
                    found |= {_text(one.value) for one in node.keywords if one.arg == "key"}
                    found |= {one.arg for one in node.keywords if one.arg and _text(one.value) == "true"}
                elif isinstance(node, ast.Dict):
                    found |= {_text(key) for key, value in zip(node.keys, node.values, strict=True)
                              if _text(value) == "true"}  # fmt: skip
                elif isinstance(node, ast.Subscript) and _named(node.value, "saved"):
                    found.add(_text(node.slice))
                elif isinstance(node, (ast.Constant, ast.JoinedStr)):
                    found |= set(re.findall(r"st-key-([\w*-]+)", _text(node)))
    return found - {"*", ""}


def _parametrized(call: ast.Call) -> Iterator[str]:
    """The keys over which a test is parametrized, where they are its first parameter."""
    if not isinstance(call.func, ast.Attribute) or call.func.attr != "parametrize":
        return
    names, values = call.args[:2]
    if isinstance(names, ast.Tuple) and _text(names.elts[0]) == "key" and isinstance(values, ast.List):
        yield from (_text(one.elts[0]) for one in values.elts if isinstance(one, ast.Tuple))


def met(pattern: str, key: str) -> bool:
    """Whether a key that a test names is one of a control's; both may have parts that are not written there."""
    made = re.compile(".+".join(map(re.escape, pattern.split("*"))))
    return bool(pattern.strip("*-_")) and (key == pattern or made.fullmatch(key.replace("*", "x")) is not None)


def _calls(scope: ast.AST) -> Iterator[ast.Call]:
    return (node for node in ast.walk(scope) if isinstance(node, ast.Call))


def _named(node: ast.expr, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name


def _of(call: ast.Call, owner: str) -> str:
    """What is called of a module; empty where it is of another one."""
    func = call.func
    return func.attr if isinstance(func, ast.Attribute) and _named(func.value, owner) else ""


def _kind(call: ast.Call) -> str:
    """What control a call makes; empty where it makes none."""
    if _of(call, "st") in CONTROLS:
        return _of(call, "st")
    if _of(call, "parts") in PARTS:
        return _of(call, "parts")
    return _of(call, "st") or _of(call, "parts") if MARKS & {keyword.arg for keyword in call.keywords} else ""


def _assigned(scope: ast.AST) -> Iterator[tuple[str, ast.expr]]:
    """The names that a scope gives to expressions."""
    for node in ast.walk(scope):
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        value = node.value if isinstance(node, (ast.Assign, ast.AnnAssign)) else None
        for target in targets if value is not None else ():
            both = isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple)
            for one, it in zip(target.elts, value.elts, strict=False) if both else [(target, value)]:  # type: ignore[union-attr]  # tuples
                if isinstance(one, ast.Name):
                    yield one.id, it


def _text(node: ast.expr | None, known: Known | None = None) -> str:
    """The text of an expression, with * for what is not written there."""
    known = known or {}
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(_text(part, known) for part in node.values)
    name = node.func if isinstance(node, ast.Call) else node
    return _text(known[name.id]) if isinstance(name, ast.Name) and name.id in known else "*"


def _keys(call: ast.Call, known: Known) -> list[str]:
    """The patterns of a control's key; one that is empty where it has none."""
    place = 1 if _of(call, "parts") == "draw" else PARTS.get(_of(call, "parts"))
    if place is not None:
        return [_text(call.args[place], known)]
    for keyword in call.keywords:
        if keyword.arg == "key":
            return [_text(keyword.value, known)]
    return [key for keyword in call.keywords if keyword.arg is None for key in _kept(keyword.value, known)] or [""]


def _kept(node: ast.expr, known: Known) -> Iterator[str]:
    """The keys that `state`, or a helper of the page's own, gives a control by `**`."""
    made = known.get(node.id) if isinstance(node, ast.Name) else node
    if isinstance(made, ast.Dict):
        for key, value in zip(made.keys, made.values, strict=True):
            yield from _kept(value, known) if key is None else ()
    elif isinstance(made, ast.IfExp):
        yield from (*_kept(made.body, known), *_kept(made.orelse, known))
    elif isinstance(made, ast.Call) and made.args:
        yield STATE.get(_of(made, "state"), "") + _text(made.args[0], known)
