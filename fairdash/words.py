"""All that is said to a person passes through here: sentences, numbers, and text that came with the data.

A second language is a file, `fairdash/locale/<language>.po`, in the format that translators' tools know: what `say` is
given in English, and how that is said; the language's own name (`X-Name`), the plural rule, how numbers are written
(`X-Decimal`, `X-Group`), and that words have no spaces between them (`X-Script: Han`) stand in its header. What there
is to translate is listed by `templates()`, what a file lacks by `make strings`: that is said in English.

The language belongs to whoever is spoken to, never to the process. What is said knows what it was made of, so that a
text that one person had stored is said again in the language of another (`forms`, `again`).

Four states of a number look different everywhere: a value, `undefined`, `too few` people, and `not run yet`.
"""

from __future__ import annotations

import ast
import gettext
import math
import re
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import cache, reduce
from numbers import Integral
from pathlib import Path
from string import Formatter
from typing import Any, TypeVar

T = TypeVar("T", bound=Hashable)
Said = str  # of a declaration's field: text that stands there in English and is said where it is shown

MINUS = "−"
DASH = "–"
MAX_LABEL = 48  # characters of a name from data that are shown in one line

_MARKDOWN = re.compile(r"([\\`*_{}\[\]()<>#+\-.!|~$:^=&])")
_LINK = re.compile(
    r"(www(?=\.)|:(?=//)|mailto:|xmpp:|@(?=[\w-]*\.))", re.IGNORECASE
)  # what Markdown makes a link of, unasked
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff]")


_BEGINS = rf"{_CONTROL.pattern[:-1]}\s]*[=+\-@|＝＋－＠｜]"  # a formula, also behind what nobody sees
_FORMULA = re.compile(rf"(\A(?=[\t\r\n])|(?:\A|[;\t\r\n])(?={_BEGINS}))")

_HAN, _LATIN, _WIDE_MARKS = re.compile(r"[\u3400-\u9fff]"), re.compile(r"[A-Za-z0-9]"), "、。，：；？！（）"

# --- language ---------------------------------------------------------------------------------------------------------

LOCALE = Path(__file__).parent / "locale"
ENGLISH = "en"
language: ContextVar[str] = ContextVar("language")  # of whoever is spoken to


@dataclass(frozen=True)
class Catalogue:
    """A language. texts: an English template → its forms in this language. form: a number → which form it takes."""

    texts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    form: Callable[[int], int] = lambda n: int(n != 1)
    decimal: str = "."
    group: str = ","
    name: str = ""  # the language's own
    han: bool = False  # written without spaces between words, but beside Latin letters and numbers


_ENGLISH = Catalogue()


def nobody() -> str | None:
    """The language of whoever is spoken to where nobody looks: none."""
    return None


listener: Callable[[], str | None] = nobody  # tells the language where none is set, as the pages do


def spoken() -> str:
    """The language of whoever is spoken to."""
    return language.get(None) or listener() or ENGLISH


@contextmanager
def speaking(name: str) -> Iterator[None]:
    """Within the block this language is spoken."""
    before = language.set(name)
    try:
        yield
    finally:
        language.reset(before)


def languages() -> Mapping[str, str]:
    """The languages that can be spoken: key → its own name."""
    return _languages_in(LOCALE)


@cache  # asked with every sentence of a page
def _languages_in(folder: Path) -> Mapping[str, str]:
    return {ENGLISH: "English", **{file.stem: catalogue(file.stem).name for file in sorted(folder.glob("*.po"))}}


def nearest(wish: str | None) -> str | None:
    """The language that a wish such as zh-CN, zh_Hans.UTF-8 or en means; None where it is not spoken here."""
    main = re.split(r"[-_.]", wish or "")[0].lower()
    return main if main in languages() else None


class Told(str):
    """What `say` says: text that knows what it was made of."""

    __slots__ = ("form",)
    form: dict[str, Any]  # template, plural where there is one, and values, which may be forms themselves


def say(template: str, plural: str | None = None, /, **values: Any) -> str:
    """The template in the language of whoever is spoken to, with its `{names}` filled in.

    plural: the template for all numbers `n` but 1. Whole numbers are written with the language's groups; other numbers
    come as text, from `number` and its like. Text from data comes through `plain`, `label` or `markup`. Without values
    the text has no names, and braces in it are braces."""
    chosen = catalogue(spoken())
    forms = chosen.texts.get(template)
    if forms is None:
        chosen, forms = _ENGLISH, (template, plural or template)
    n = values.get("n")
    form = 0 if plural is None else chosen.form(int(n)) if isinstance(n, Integral) else len(forms) - 1
    form = min(form, len(forms) - 1)
    told = Told(
        _filled(chosen, forms[form], {name: _shown(v) for name, v in values.items()}) if values else forms[form]
    )
    told.form = {"template": template, **({"plural": plural} if plural else {}), "values": values}
    return told


def _shown(value: object) -> object:
    return count(int(value)) if isinstance(value, Integral) else value


def _filled(chosen: Catalogue, template: str, values: Mapping[str, object]) -> str:
    """The template with its names filled in. Whether a space belongs before and after a value of Chinese text is known
    only when the value is."""
    if not chosen.han:
        return template.format_map(values)
    told = ""
    for fixed, name, spec, _ in Formatter().parse(template):
        told = _set_beside(told, fixed)
        if name is not None:
            told = _set_beside(told, format(values[name], spec or ""))
    return told


def _set_beside(left: str, right: str) -> str:
    """Two pieces of Chinese text in one line: a space between a character and a Latin letter or number, none between
    two characters or beside a mark as wide as one."""
    before, after = left.rstrip(" ")[-1:], right.lstrip(" ")[:1]
    if {before, after} & {*_WIDE_MARKS} or (_HAN.match(before) and _HAN.match(after)):
        return left.rstrip(" ") + right.lstrip(" ")
    if (_HAN.match(before) and _LATIN.match(after)) or (_LATIN.match(before) and _HAN.match(after)):
        return f"{left.rstrip(' ')} {right.lstrip(' ')}"
    return left + right


def together(*sentences: str) -> str:
    """Sentences one behind the other, as the language sets them; empty ones are left out."""
    said = [one for one in sentences if one]
    return reduce(_set_beside, (f"{one} " for one in said), "").strip() if catalogue(spoken()).han else " ".join(said)


def forms(value: Any) -> dict[str, dict[str, Any]]:
    """What the texts within a value (nested mappings and sequences) were made of, to be kept beside it as JSON: text →
    its form. Texts that `say` did not make, or that are a template as it stands, need none."""
    if isinstance(value, Told):
        form = value.form
        return {str(value): _kept(form)} if form["values"] or form["template"] != value else {}
    if isinstance(value, Mapping):
        value = value.values()
    elif isinstance(value, str) or not isinstance(value, Iterable):
        return {}
    return {text: form for one in value for text, form in forms(one).items()}


def _kept(form: Mapping[str, Any]) -> dict[str, Any]:
    def plain(value: Any) -> Any:
        if isinstance(value, Told):
            return _kept(value.form)
        return int(value) if isinstance(value, Integral) else str(value)

    return {**form, "values": {name: plain(value) for name, value in form["values"].items()}}


def again(text: str, known: Mapping[str, Mapping[str, Any]] | None = None) -> str:
    """A text that was stored or said for another, in the language of whoever is spoken to. known: what `forms` said
    when it was stored."""
    form = text.form if isinstance(text, Told) else (known or {}).get(text)
    return say(text) if form is None else _again(form)


def changed(text: str, change: Callable[[str], str]) -> str:
    """The same said with other words where they came with data: what `say` filled in, else the whole text."""
    if not isinstance(text, Told):
        return change(text)
    values = {name: changed(one, change) if isinstance(one, str) else one for name, one in text.form["values"].items()}
    return say(text.form["template"], text.form.get("plural"), **values)


def _again(form: Mapping[str, Any]) -> str:
    values = {
        name: _again(one) if isinstance(one, Mapping) else again(one) if isinstance(one, Told) else one
        for name, one in form["values"].items()
    }
    return say(form["template"], form.get("plural"), **values)


def later(template: str) -> str:
    """A template that stands in a table and is said where it is shown."""
    return template


def several(*each: str) -> tuple[str, ...]:
    """Templates that stand side by side, such as the parts of a page, and are said where they are shown."""
    return each


@cache
def templates(root: Path = Path(__file__).parents[1]) -> dict[str, str | None]:
    """All that the sources say, for translators: English template → its plural, None where there is none. To it belong
    what declarations are given for their `Said` fields, the names and helps of options, and helps of commands."""
    files = sorted((*root.glob("fairdash/**/*.py"), *root.glob("pages/*.py")))
    trees = {
        ".".join(file.relative_to(root).with_suffix("").parts): ast.parse(file.read_text("utf-8")) for file in files
    }
    at_home = {
        (module, node.name): node
        for module, tree in trees.items() for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)
    }  # fmt: skip
    somewhere = {
        name: node for (_, name), node in at_home.items()
        if isinstance(node, ast.ClassDef) and any(_fields(node).values())
    }  # fmt: skip
    for (_, name), made in at_home.items():  # what is said of a class is said of those made from it
        if isinstance(made, ast.ClassDef) and name not in somewhere:
            for base in map(ast.unparse, made.bases):
                somewhere.update({name: somewhere[base]} if base in somewhere else {})
    found: dict[str, str | None] = {}
    everywhere = _fixed(trees.values())
    for module, tree in trees.items():
        fixed = everywhere | _fixed([tree])  # a module's own before one of the same name elsewhere
        within = _within(tree)
        named = {
            one.name: at_home[str(node.module), one.name]
            for node in tree.body if isinstance(node, ast.ImportFrom)
            for one in node.names if (str(node.module), one.name) in at_home
        }  # fmt: skip
        own = {name: node for (home, name), node in at_home.items() if home == module}
        meant = (*somewhere.items(), *named.items(), *own.items())  # the nearest that has any
        declared = {name: fields for name, node in meant if any((fields := _fields(node)).values())}
        for node in ast.walk(tree):
            if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value is not None:
                if _called(node.value) == "option":
                    found[option(node.target.id)] = None
                elif ast.unparse(node.annotation).endswith("Said"):  # a field that need not be given
                    found |= dict.fromkeys(filter(None, _texts([node.value])))
            if not isinstance(node, ast.Call):
                continue
            name, said = _called(node), list(_texts(node.args))
            if name == "several":
                found |= dict.fromkeys(said)
            elif name in ("say", "later") and said:
                found[said[0]] = said[1] if len(said) > 1 else found.get(said[0])
            elif name == "count" and said and len(node.args) > 1 and not said[0].isspace():
                found[f"{{n}} {said[0]}"] = f"{{n}} {said[1] if len(said) > 1 else said[0] + 's'}"
            elif name in _HELPS:
                helps = (k.value for k in node.keywords if k.arg == "help")
                found |= dict.fromkeys(_texts([*node.args[_HELPS[name]], *helps]))
            elif name in declared:
                fields = declared[name]
                given = {**dict(zip(fields, node.args, strict=False)), **{str(k.arg): k.value for k in node.keywords}}
                held = within.get(node, {})
                shown = [
                    one for k, v in given.items() if fields.get(k)
                    for one in (held.get(v.id) or [fixed.get(v.id, v)] if isinstance(v, ast.Name) else [v])
                ]  # fmt: skip
                found |= dict.fromkeys(text for text in _texts(shown) if text and text not in found)
    found.pop("", None)
    return found


# Calls whose helps are said by what they make: where one stands that is not given by its name.
_HELPS = {"option": slice(1, 2), "add_argument": slice(0), "command": slice(2, 3)}


def _called(node: ast.AST | None) -> str:
    """The name of the function that a node calls; "" where it calls none."""
    func = node.func if isinstance(node, ast.Call) else node
    return func.attr if isinstance(func, ast.Attribute) else getattr(func, "id", "")


def _fixed(trees: Iterable[ast.Module]) -> dict[str, ast.expr]:
    """What names of modules stand for."""
    return {
        node.targets[0].id: node.value
        for tree in trees for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
    }  # fmt: skip


def _within(tree: ast.Module) -> dict[ast.AST, dict[str, list[ast.expr]]]:
    """For each call in a function, what the function's names may stand for."""
    found: dict[ast.AST, dict[str, list[ast.expr]]] = {}
    for scope in ast.walk(tree):
        if isinstance(scope, ast.FunctionDef):
            held: dict[str, list[ast.expr]] = {}
            for node in ast.walk(scope):
                if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                    held.setdefault(node.targets[0].id, []).append(node.value)
            found |= {node: held for node in ast.walk(scope) if isinstance(node, ast.Call)}
    return found


def _fields(node: ast.ClassDef | ast.FunctionDef) -> dict[str, bool]:
    """What a dataclass, a class with a constructor or a function is given, in its order, and whether it is said."""
    if isinstance(node, ast.ClassDef):
        made = (one for one in node.body if isinstance(one, ast.FunctionDef) and one.name == "__init__")
        if (init := next(made, None)) is not None:
            return dict(list(_fields(init).items())[1:])  # without itself
    if isinstance(node, ast.FunctionDef):
        named = [(one.arg, one.annotation) for one in (*node.args.args, *node.args.kwonlyargs)]
    else:
        fields = [one for one in node.body if isinstance(one, ast.AnnAssign)]
        named = [(ast.unparse(one.target), one.annotation) for one in fields]
    return {name: kind is not None and "Said" in ast.unparse(kind) for name, kind in named}


def _texts(nodes: Iterable[ast.expr]) -> Iterator[str]:
    """The texts among expressions, and those that a dict of them holds."""
    for node in nodes:
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value
        elif isinstance(node, ast.Dict):
            yield from _texts(node.values)
        elif isinstance(node, ast.IfExp):
            yield from _texts([node.body, node.orelse])


@cache
def catalogue(name: str) -> Catalogue:
    """The catalogue of a language; the empty one for English and for a language that has no file."""
    file = LOCALE / f"{name}.po"
    if not re.fullmatch(r"[A-Za-z_-]+", name) or not file.is_file():
        return Catalogue()
    texts = dict(_entries(file.read_text("utf-8")))
    header = dict(re.findall(r"^([\w-]+): ?(.*)$", texts.pop("", ("",))[0], re.MULTILINE))
    rule = re.search(r"plural=([^;]+)", header.get("Plural-Forms", ""))
    return Catalogue(
        texts, gettext.c2py(rule[1]) if rule else Catalogue().form, header.get("X-Decimal", "."),
        header.get("X-Group", ",").replace("space", "\u202f"), header.get("X-Name", name),
        header.get("X-Script") == "Han",
    )  # fmt: skip


def _entries(text: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Each msgid of a .po file with its forms; what is not translated, or marked fuzzy, is left out."""
    for block in re.split(r"\n\s*\n", text):
        parts: dict[str, str] = {}
        at = ""
        for line in block.splitlines():
            if said := re.fullmatch(r'\s*(msg\w+(?:\[\d\])?)?\s*(".*")\s*', line):
                at = said[1] or at
                parts[at] = parts.get(at, "") + ast.literal_eval(said[2])
        forms = tuple(parts[name] for name in sorted(parts) if name.startswith("msgstr"))
        if "msgid" in parts and all(forms) and not re.search(r"^#,.*fuzzy", block, re.MULTILINE):
            yield parts["msgid"], forms


def _written(text: str) -> str:
    """A number as the language writes it, from 1,234.5."""
    chosen = catalogue(spoken())
    return text.translate({ord("."): chosen.decimal, ord(","): chosen.group})


# --- text from data ---------------------------------------------------------------------------------------------------


def label(value: object, limit: int = MAX_LABEL) -> str:
    """Text from data in one line: control and direction characters removed, at most `limit` characters."""
    text = " ".join(_CONTROL.sub(" ", str(value)).split())
    return text if len(text) <= limit else text[: limit - 1] + "…"


def plain(value: object, limit: int = MAX_LABEL) -> str:
    """Text from data for a place that renders Markdown (markdown, caption, metric, radio, pills, table headers). No
    address in it becomes a link: a word joiner, which nobody sees, stands where one would begin."""
    return _MARKDOWN.sub(r"\\\1", _LINK.sub("\\1\u2060", label(value, limit)))


def markup(value: object, limit: int = MAX_LABEL) -> str:
    """Text from data for a place that renders HTML or plotly's own tags."""
    return label(value, limit).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")


def distinct(labels: Sequence[str], facts: Sequence[Mapping[str, str]] = ()) -> list[str]:
    """The same labels, no two of them equal: those that are get the facts in which they differ, then a number.

    A control that hands back what was chosen by its label, as streamlit's do, would take one for the other.
    facts: of each label, such as {"seed": "3", "made": "1 May"}."""
    told = list(labels)
    for label_, shared in Counter(labels).items():
        same = [i for i, one in enumerate(labels) if one == label_] if shared > 1 and facts else []
        names = dict.fromkeys(name for i in same for name in facts[i])
        telling = [name for name in names if len({facts[i].get(name) for i in same}) > 1]
        for i in same:
            more = [f"{_fact(name)} {facts[i][name]}".strip() for name in telling if facts[i].get(name)]
            told[i] = " · ".join([label_, *more])
    seen: set[str] = set(told)
    taken: set[str] = set()
    for i, one in enumerate(told):
        name, number_ = one, 1
        while name in taken or (number_ > 1 and name in seen):
            number_ += 1
            name = f"{one} ({number_})"
        told[i] = name
        taken.add(name)
    return told


def _fact(name: str) -> str:
    """What a fact is called: its own word, or that of an option, in the language of whoever is spoken to."""
    parts = name.split(": ")
    told = [say(part) if say(part) != part else say(sentence(part)) for part in parts]
    return ": ".join(part if one == sentence(part) else one for one, part in zip(told, parts, strict=True))


def namer(
    options: Sequence[T],
    title: Callable[[T], object] = lambda one: one,
    facts: Sequence[Mapping[str, str]] = (),
    limit: int = MAX_LABEL,
) -> Callable[[Any], str]:
    """The `format_func` of a choice among options: a label of each in one line, no two of them equal."""
    labels = distinct([label(title(one), limit) for one in options], facts)
    named = dict(zip(options, labels, strict=True))
    return lambda one: named.get(one, label(one, limit))


def cell(value: object) -> object:
    """A CSV cell that no spreadsheet runs as a formula: what begins with = + - @ or | (full-width ones are the same in
    some), also behind spaces and marks that nobody sees, is put behind an apostrophe; so is what would begin a cell
    where a spreadsheet cuts at semicolons, tabs or ends of lines."""
    return _FORMULA.sub(r"\1'", value) if isinstance(value, str) else value


def option(name: str) -> str:
    """What an option is called for a person, in English: learning_rate → Learning rate."""
    return sentence(name.replace("_", " "))


UNDEFINED = later("undefined")
WITHHELD = later("too few people to show")
FINER = 2  # digits that a number of its size gets beyond the usual ones
ABOUT_0 = "≈ 0"


# --- numbers ----------------------------------------------------------------------------------------------------------


def number(value: float | None, digits: int = 3) -> str:
    """0.021, −0.021, 1,234.5; `undefined` for NaN and None. What rounds to 0 has up to FINER more digits, so that it
    is not taken for none; what is smaller still is about 0."""
    if value is None or math.isnan(value):
        return say(UNDEFINED)
    if math.isinf(value):
        return "∞" if value > 0 else MINUS + "∞"
    text = f"{abs(value):,.{digits}f}"
    if value != 0 and float(text.replace(",", "")) == 0:
        first = -math.floor(math.log10(abs(value)))  # the place of the first digit that is not 0
        if first > digits + FINER:
            return ABOUT_0
        text = f"{abs(value):.{first}f}"
    return (MINUS if value < 0 else "") + _written(text)


def brief(value: float) -> str:
    """0.5, 30, 1.25e-05, ∞: as few digits as tell it, six at most."""
    return "∞" if value == math.inf else _written(f"{value:g}").replace("-", MINUS)


def signed(value: float | None, digits: int = 3) -> str:
    """+0.021 or −0.021."""
    text = number(value, digits)
    return text if value is None or math.isnan(value) or value <= 0 or text == ABOUT_0 else "+" + text


def percent(share: float | None, digits: int = 1, *, sign: bool = False) -> str:
    """0.123 → 12.3 %; with a sign, +12.3 %."""
    if share is None or math.isnan(share):
        return say(UNDEFINED)
    return say("{number} %", number=(signed if sign else number)(100 * share, digits))


def count(n: int, singular: str = "", plural: str = "") -> str:
    """1 person, 1,682 people."""
    if not singular:
        return _written(f"{n:,}")
    return say(f"{{n}} {singular}", f"{{n}} {plural or singular + 's'}", n=int(n))


def sizes(people: int, items: int, interactions: int) -> str:
    """943 people, 1,682 items, 100,000 interactions."""
    return say(
        "{people}, {items}, {interactions}",
        people=count(people, "person", "people"),
        items=count(items, "item"),
        interactions=count(interactions, "interaction"),
    )


def interval(low: float | None, high: float | None, digits: int = 3, *, sign: bool = False) -> str:
    """0.006 to 0.036; of a difference, with signs, −0.006 to +0.036."""
    form = signed if sign else number
    return say("{low} to {high}", low=form(low, digits), high=form(high, digits))


def p_value(p: float | None) -> str:
    """p = 0.004, p < 0.001; `no test` where there is none."""
    if p is None or math.isnan(p):
        return say("no test")
    return say("p < {p}", p=number(0.001)) if p < 0.001 else say("p = {p}", p=number(p))


def duration(seconds: float | None) -> str:
    """45 s, 3 min 20 s, 2 h 5 min; empty where unknown."""
    if seconds is None or math.isnan(seconds):
        return ""
    total = max(0, round(seconds))
    hours, minutes, rest = total // 3600, total % 3600 // 60, total % 60
    if hours:
        return say("{hours} h {minutes} min", hours=hours, minutes=minutes)
    return say("{minutes} min {rest} s", minutes=minutes, rest=rest) if minutes else say("{rest} s", rest=rest)


def size(n_bytes: float) -> str:
    """3.1 MB."""
    for unit in ("B", "kB", "MB"):
        if n_bytes < 1000:
            return f"{number(n_bytes, 0 if unit == 'B' else 1)} {unit}"
        n_bytes /= 1000
    return f"{number(n_bytes, 1)} GB"


# --- sentences --------------------------------------------------------------------------------------------------------

_WOMEN, _MEN = later("women"), later("men")
_AGE = r"age([ _]?(band|group))?"
SIDES = several("in it", "not in it")  # the two groups that a list of people makes
_SIDES = {SIDES[0]: later("{people} in “{group}”"), SIDES[1]: later("{people} not in “{group}”")}
CROSS = " × "  # between the attributes of a crossing, and between the names of its groups
_PEOPLE = {"f": _WOMEN, "female": _WOMEN, "woman": _WOMEN, "m": _MEN, "male": _MEN, "man": _MEN}


def people(attribute: str, name: str) -> str:
    """The members of a group in words: gender F → women, age 25–34 → people aged 25–34, a list of people → people in
    it; of a crossing what they have in common, women aged 25–34; others as they are."""
    if CROSS in attribute and attribute.count(CROSS) == name.count(CROSS):
        return members(attribute, name)
    if name in SIDES:
        return say(_SIDES[name], people=say("people"), group=label(attribute))
    if attribute.lower() in ("gender", "sex"):
        known = _PEOPLE.get(name.strip().lower())
        return f"{attribute} {label(name)}" if known is None else say(known)
    if re.fullmatch(_AGE, attribute.lower()):
        if name.startswith("under "):
            return say("people under {age}", age=label(name.removeprefix("under ")))
        return say("people aged {age}", age=label(name))
    return f"{label(attribute)} {say(label(name))}"


def members(attribute: str, name: str) -> str:
    """The members of a group as a noun: women, people aged 25–34, people with occupation student; those of a crossing
    with all that they have in common, women aged 25–34."""
    attributes, names = attribute.split(CROSS), name.split(CROSS)
    parts = list(zip(attributes, names, strict=True)) if len(attributes) == len(names) else [(attribute, name)]
    told = say("people")
    rest = []
    for each, value in parts:
        noun = _PEOPLE.get(value.strip().lower()) if each.lower() in ("gender", "sex") else None
        if noun is None:
            rest.append((each, value))
        else:
            told = say(noun)
    for each, value in rest:
        if value in SIDES:
            told = say(_SIDES[value], people=told, group=label(each))
        elif not re.fullmatch(_AGE, each.lower()):
            told = say("{people} with {attribute} {value}", people=told, attribute=label(each), value=label(value))
        elif value.lower().startswith("under "):
            told = say("{people} under {age}", people=told, age=label(value[len("under ") :]))
        else:
            told = say("{people} aged {age}", people=told, age=label(value))
    return told


def group(name: str, n: int) -> str:
    """A group's label, always with its size: F (n = 273)."""
    return say("{name} (n = {n})", name=label(say(name) if name in SIDES else name, 32), n=n)


def sentence(text: str) -> str:
    """First letter upper case."""
    return text[:1].upper() + text[1:]


def join(words: Sequence[str]) -> str:
    """a, b and c."""
    if len(words) < 2:
        return "".join(words)
    return say("{several} and {last}", several=say(", ").join(words[:-1]), last=words[-1])


def finding(
    attribute: str,
    metric: str,
    low: tuple[str, int, float],
    high: tuple[str, int, float],
    ci: tuple[float, float] | None,
    p: float | None,
    *,
    significant: bool,
    several: bool = False,
    detectable: float | None = None,
    higher_is_worse: bool = False,
) -> str:
    """The finding in one sentence, for a person who reads nothing else.

    low, high: (group, n, value) of the lowest and the highest group. several: there are more than two groups, so the
    two are the extremes. higher_is_worse: of the metric; the sentence is about those who are worse off.
    detectable: the smallest gap that this many people could show (said where nothing was found).
    """
    worse, better = (high, low) if higher_is_worse else (low, high)
    name = metric if metric[1:2].isupper() or "@" in metric else metric[:1].lower() + metric[1:]
    statistics = [say("95 % CI {interval}", interval=interval(*ci))] if ci else []
    statistics.append(p_value(p))
    extremes = say(", the widest gap between groups of {attribute}", attribute=label(attribute)) if several else ""
    told = {
        "one": people(attribute, worse[0]),
        "other": people(attribute, better[0]),
        "metric": name,
        "gap": number(high[2] - low[2]),
        "extremes": extremes,
        "statistics": say(", ").join(statistics),
        "n": worse[1],
        "m": better[1],
    }
    higher = later("{one} get {gap} higher {metric} than {other}{extremes} ({statistics}; {n} and {m} people).")
    lower = later("{one} get {gap} lower {metric} than {other}{extremes} ({statistics}; {n} and {m} people).")
    if significant:
        return sentence(say(higher if higher_is_worse else lower, **told))
    said = say(
        "no difference in {metric} found between {one} and {other}{extremes} (gap {gap}, {statistics}; {n} and {m} "
        "people).", **told,
    )  # fmt: skip
    if detectable:
        said += " " + say("A gap below {gap} could easily stay unseen with this many people.", gap=number(detectable))
    return sentence(said)
