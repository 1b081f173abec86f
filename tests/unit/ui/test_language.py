"""All that a page says passes through `words.say`, and a second language is a file."""

from __future__ import annotations

import ast
import dataclasses
import json
import re
import string
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from fairdash import words
from fairdash.data.clean import REPAIRS
from fairdash.data.findings import Finding
from fairdash.data.sources import SOURCES
from fairdash.errors import DataError, FairDashError
from fairdash.metrics.catalogue import DECLARED
from fairdash.mitigation import METHODS
from fairdash.recommenders import RECOMMENDERS
from tests import strings

ROOT = Path(__file__).parents[3]
SPOKEN = [*sorted((ROOT / "fairdash" / "ui").glob("*.py")), *sorted((ROOT / "pages").glob("*.py"))]
SPOKEN += sorted((ROOT / "fairdash" / "charts").glob("*.py"))
SOURCES_OF_TEXT = sorted((ROOT / "fairdash").rglob("*.py"))
FILE_NAME = re.compile(r"\w+\.\w+")

# Calls that show text → the places of their arguments that are shown; and keywords that are, of any call of them.
FIRST = (
    "title header subheader markdown caption info warning success error button download_button selectbox multiselect "
    "text_input text_area number_input toggle checkbox slider select_slider segmented_control file_uploader popover "
    "expander form_submit_button badge tabs metric FairDashError"
)
PLACES: dict[str, tuple[int, ...]] = {
    **dict.fromkeys(FIRST.split(), (0,)),
    **{"empty": (0, 1, 3), "go": (1,), "act": (0,), "draw": (2,), "Metric": (0, 1), "download": (2,), "Chart": (1,)},
    "FairDashError": (0, 1),
    "note": (2,),
}
KEYWORDS = ("help", "placeholder", "text", "about", "note", "title_text", "alt", "label", "hovertemplate")
LETTERS = re.compile(r"[^\W\d_]{2,}")
ICON = re.compile(r":\w+(/\w+)?:|:\w+\[|&\w+;|</?\w+>|%\{[^}]*\}")


def shown(tree: ast.Module) -> Iterator[ast.expr]:
    """Expressions whose text a person sees: arguments of calls that show text, and what variables among them hold."""
    for scope in ast.walk(tree):
        if not isinstance(scope, ast.FunctionDef | ast.Module):
            continue
        held: dict[str, list[ast.expr]] = {}
        for node in _own(scope):
            if isinstance(node, ast.Assign | ast.AugAssign | ast.AnnAssign) and node.value is not None:
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                for target in targets:
                    if isinstance(target, ast.Name):
                        held.setdefault(target.id, []).append(node.value)
        for node in _own(scope):
            if isinstance(node, ast.Call):
                for told in _told(node):
                    yield told
                    for name in ast.walk(told):
                        if isinstance(name, ast.Name):
                            yield from held.get(name.id, ())


def _own(scope: ast.AST) -> Iterator[ast.AST]:
    """The nodes of a scope without those of functions within it."""
    for node in ast.iter_child_nodes(scope):
        if not isinstance(node, ast.FunctionDef):
            yield node
            yield from _own(node)


def _told(call: ast.Call) -> Iterator[ast.expr]:
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    drawn = ("add_annotation", "update_xaxes", "update_yaxes", "add_scatter", "add_bar")
    if name not in PLACES and name not in (*drawn, "progress", "page_link"):
        return
    if isinstance(call.func, ast.Attribute) and getattr(call.func.value, "id", "st") not in ("st", "parts", "charts",
                                                                                             "figure"):  # fmt: skip
        return
    for place in PLACES.get(name, ()):
        if place < len(call.args):
            yield call.args[place]
    for keyword in call.keywords:
        if keyword.arg in KEYWORDS:
            yield keyword.value


def literals(node: ast.expr) -> Iterator[ast.expr]:
    """Text in an expression that did not pass through a call: constants and f-strings with words in them."""
    if isinstance(node, ast.Constant):
        if (
            isinstance(node.value, str)
            and not FILE_NAME.fullmatch(node.value)
            and LETTERS.search(ICON.sub("", node.value))
        ):
            yield node
    elif isinstance(node, ast.JoinedStr):
        fixed = "".join(str(part.value) for part in node.values if isinstance(part, ast.Constant))
        if LETTERS.search(ICON.sub("", fixed)):
            yield node
        else:
            for part in node.values:
                if isinstance(part, ast.FormattedValue):
                    yield from literals(part.value)
    elif isinstance(node, ast.IfExp):
        yield from literals(node.body)
        yield from literals(node.orelse)
    elif isinstance(node, ast.BoolOp | ast.Tuple | ast.List):
        for part in node.values if isinstance(node, ast.BoolOp) else node.elts:
            yield from literals(part)
    elif isinstance(node, ast.BinOp):
        yield from literals(node.left)
        yield from literals(node.right)


@pytest.mark.parametrize("file", SPOKEN, ids=lambda file: f"{file.parent.name}/{file.name}")
def test_what_is_shown_is_said_in_the_language_of_the_person(file: Path) -> None:
    tree = ast.parse(file.read_text())
    silent = sorted({(node.lineno, ast.unparse(node)[:80]) for told in shown(tree) for node in literals(told)})
    assert not silent, silent


# Calls whose text is said when it is shown, so that a text without values may stand as it is → its places.
SAID_LATER = {
    **{one.__name__: (0, 1) for one in (FairDashError, *FairDashError.__subclasses__())},
    "Finding": (3,),
    "Question": (1,),
}


@pytest.mark.parametrize("file", SOURCES_OF_TEXT, ids=lambda file: str(file.relative_to(ROOT)))
def test_an_error_and_a_finding_are_said_whole(file: Path) -> None:
    """Nothing is put together from pieces and values, which no language could say in its own order."""
    silent = set()
    for scope in ast.walk(ast.parse(file.read_text())):
        if not isinstance(scope, ast.FunctionDef):
            continue
        held: dict[str, list[ast.expr]] = {}
        for node in _own(scope):
            if isinstance(node, ast.Assign | ast.AugAssign) and node.value is not None:
                target = node.targets[0] if isinstance(node, ast.Assign) else node.target
                held.setdefault(ast.unparse(target), []).append(node.value)
        for node in _own(scope):
            places = SAID_LATER.get(ast.unparse(node.func).split(".")[-1], ()) if isinstance(node, ast.Call) else ()
            for told in [node.args[i] for i in places if i < len(node.args)] if isinstance(node, ast.Call) else []:
                for one in [told, *held.get(ast.unparse(told), [])]:
                    silent |= {ast.unparse(piece)[:80] for piece in literals(one) if isinstance(piece, ast.JoinedStr)}
                    silent |= {ast.unparse(one)[:80]} if isinstance(one, ast.BinOp) else set()
    assert not silent


def test_an_error_is_said_in_the_language_of_whoever_meets_it() -> None:
    with words.speaking("zh"):
        error = DataError(words.say("{name} is empty: 0 bytes.", name="a.csv"), "Pack it again, or unpack it.")
        assert "a.csv" in error.message
        assert error.message != "a.csv is empty: 0 bytes."
        assert error.hint != "Pack it again, or unpack it."
    assert words.again(error.message) == "a.csv is empty: 0 bytes."


def test_a_stored_finding_is_said_again_in_another_language() -> None:
    found = Finding(
        "x", "info", "a.csv", words.say("{n} row has no usable time.", "{n} rows have no usable time.", n=1200), 1200
    )
    stored = Finding.from_json(json.loads(json.dumps(found.to_json())))
    assert stored == found
    with words.speaking("zh"):
        told = words.again(stored.message)
        assert "1,200" in told
        assert told != found.message


def fields(template: str) -> set[str]:
    """The names in a template."""
    return {name for _, name, _, _ in string.Formatter().parse(template) if name}


def test_every_template_is_given_what_it_names() -> None:
    for file in {*SPOKEN, *SOURCES_OF_TEXT}:
        for node in ast.walk(ast.parse(file.read_text())):
            if (
                isinstance(node, ast.Call)
                and ast.unparse(node.func) == "words.say"
                and not any(keyword.arg is None for keyword in node.keywords)
            ):
                given = {keyword.arg for keyword in node.keywords}
                for told in node.args:
                    if isinstance(told, ast.Constant):
                        assert fields(told.value) == given, (file.name, told.value)


COUNTED = re.compile(
    r"(?:\b(\w+) )?\{(\w+)\} (?:(?!of |holds |and |for |between |needs |weighs |by )[a-z]+ )?"
    r"(?:rows|people|items|interactions|values|pairs|files|columns|cells|lists|windows|events|things|places|questions|"
    r"methods|strengths|systems|workers|tokens|ids|ratings|parts|trials|metrics|numbers|impressions|pictures)\b"
    r"|^\{(n)\} of \{m\}"
)
AT_LEAST = (
    "than of most within to least all every up first in last best below the among"  # before a number of two or more
)
NEVER_ONE = (  # a limit that was gone beyond, a setting, people of a group that is large enough, or what comes in twos
    "{n} events in one request.", "{name} has {cells} cells; the limit", "{name} holds {cells} numbers,",
    "{name} has {width} columns; the limit", "{name} has {rows} rows; the limit",
    "{name} holds {n} files", "That makes {count} windows", "{label} has {n} different values", "{n_users} people ×",
    "There are {m} pictures", "{n} list has fewer than", "{attribute}: {tests} metrics", "length {length} and",
    "{by} has {values} values", "It must be one of the", "The model {source} is described with {asked} numbers",
    "{trials} trials are none", "A group needs {n} people", "{n} people of this group", "**Save these {n} people",
    "Groups of fewer than", "{n} equal parts", "{one} get {gap}", "Between {one} and {other}", "no difference in",
    "The model knows {n}", "ease inverts", "{column} tells the parts of a split", "Not sure: as the only question",
    "On {n} validation pairs", "Of {shown} that people were shown", "Of {people} people with held-out items",
    "{permutations} shufflings", "k = {k}, but this run",
)  # fmt: skip


def test_what_is_counted_is_said_of_one_too() -> None:
    """A template with a number of things has a form for one; other numbers in it come with their own from `count`."""
    wrong = {}
    for template, plural in words.templates().items():
        numbers = [
            one[0] for one in COUNTED.finditer(plural or template)
            if one[1] not in AT_LEAST.split() and not (plural and (one[2] or one[3]) == "n")
        ]  # fmt: skip
        if numbers and not template.startswith(NEVER_ONE):
            wrong[template] = numbers
    assert not wrong


def test_all_templates_are_listed_for_translators() -> None:
    found = words.templates()
    assert len(found) > 200
    assert found["Nothing to audit yet"] is None  # said
    assert found["Spread"] is None  # one of several
    assert found["difference found"] is None  # said later
    assert found["{n} finding"] == "{n} findings"  # counted
    assert found["{n} search"] == "{n} searches"


def test_what_is_declared_is_listed_for_translators() -> None:
    """Metrics, mitigations, recommenders and data sets say in their declarations which texts are said."""
    found = words.templates()
    declared = (*DECLARED.values(), *(one.info for one in METHODS.values()), *RECOMMENDERS.values(), *SOURCES.values())
    declared = (*declared, *REPAIRS.values())
    silent = set()
    for one in declared:
        for spec in dataclasses.fields(one):
            if "Said" in str(spec.type):
                given = getattr(one, spec.name)
                silent |= {text for text in (given.values() if isinstance(given, dict) else [given]) if text} - {*found}
    assert not silent
    assert {"NDCG", "Leakage", "BERT over pairs", "Undefined where a group has no such pair."} <= {*found}
    for info in RECOMMENDERS.values():
        for spec in dataclasses.fields(info.options):
            assert {words.option(spec.name), spec.metadata["help"]} <= {*found}


LANGUAGES = sorted(file.stem for file in words.LOCALE.glob("*.po"))


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_language_says_all_that_the_sources_say_and_nothing_else(language: str) -> None:
    """`make strings` writes what is missing into the file, and takes out what is stale."""
    assert not strings.missing(language)
    assert not strings.stale(language)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_translation_holds_what_its_template_names(language: str) -> None:
    listed = words.templates()
    for template, forms in words.catalogue(language).texts.items():
        for form in forms if listed.get(template) else forms[:1]:
            if fields(template):  # else braces are braces
                assert fields(form) == fields(listed.get(template) or template), template
            for mark in ("**", "`"):
                assert form.count(mark) == template.count(mark), template
            for bold, after in zip(form.split("**")[1::2], form.split("**")[2::2], strict=False):
                shuts = bold[-1].isalnum() or not after or not (after[0].isalnum() or after[0] == "{")
                assert shuts, template  # Markdown ends no bold text between a stop and a letter


def test_the_language_is_the_persons_own_and_not_the_processs() -> None:
    """Each of many people who read at once hears the own language."""
    heard: dict[str, str] = {}
    meet = threading.Barrier(2)

    def read(language: str) -> None:
        words.language.set(language)
        meet.wait()
        heard[language] = words.count(3, "person", "people")

    readers = [threading.Thread(target=read, args=(language,)) for language in ("zh", "en")]
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join()
    assert heard == {"zh": "3 人", "en": "3 people"}
    assert words.spoken() == "en"


@pytest.mark.parametrize(("wish", "found"), [
    ("zh-CN", "zh"), ("zh_Hans.UTF-8", "zh"), ("ZH", "zh"), ("en-GB", "en"), ("xx", None), ("../zh", None), ("", None),
    (None, None),
])  # fmt: skip
def test_a_wish_for_a_language_finds_the_nearest(wish: str | None, found: str | None) -> None:
    assert words.nearest(wish) == found


def test_what_one_person_stored_is_said_again_for_another() -> None:
    told = words.say("{group} {difference}", group=words.say("women"), difference=words.interval(0.1, 0.2))
    stored = json.loads(json.dumps({"told": [told, "a text of somebody else", words.count(1200, "person", "people")]}))
    known = json.loads(
        json.dumps(words.forms({"told": [told, "a text of somebody else", words.count(1200, "person", "people")]}))
    )
    with words.speaking("zh"):
        assert [words.again(text, known) for text in stored["told"]] == [
            "女性 0.100 至 0.200",
            "a text of somebody else",
            "1,200 人",
        ]
        assert words.again("women") == "女性"
    assert [words.again(text, known) for text in stored["told"]] == stored["told"]


def test_numbers_and_lists_in_chinese() -> None:
    with words.speaking("zh"):
        assert words.percent(0.1234) == "12.3%"
        assert words.join(["A", "B", "C"]) == "A、B 和 C"
        assert words.number(1234.5, 1) == "1,234.5"
        assert words.count(1, "person", "people") == "1 人"
        told = words.finding(
            "gender", "NDCG@10", ("F", 273, 0.211), ("M", 670, 0.232), (0.006, 0.036), 0.004, significant=True
        )
    assert told == "女性的 NDCG@10 比男性低 0.021（95% 置信区间 0.006 至 0.036、p = 0.004；人数分别为 273 和 670）。"


@pytest.mark.parametrize(
    ("pieces", "told"),
    [
        (("女性", "的"), "女性的"),
        (("高于 ", "流行度"), "高于流行度"),
        (("女性的", "NDCG@10"), "女性的 NDCG@10"),
        (("比", "18 岁以下"), "比 18 岁以下"),
        (("NDCG@10  ", " 下降"), "NDCG@10 下降"),
        (("。 ", "NDCG@10"), "。NDCG@10"),
        (("达到 0.165，", " 女性"), "达到 0.165，女性"),
        (("27%", "和"), "27%和"),
        (("Heat ", "(1995)"), "Heat (1995)"),
        (("", " 高"), "高"),
    ],
)
def test_values_are_set_into_chinese_text_as_it_is_written(pieces: tuple[str, str], told: str) -> None:
    assert words._set_beside(*pieces).strip() == told


def test_sentences_stand_behind_each_other_as_the_language_sets_them() -> None:
    assert words.together("One.", "", "Two.") == "One. Two."
    with words.speaking("zh"):
        assert words.together("一。", "", "NDCG@10 低。") == "一。NDCG@10 低。"
        assert words.together("Heat (1995)", "二。") == "Heat (1995) 二。"


POLISH = r"""
msgid ""
msgstr ""
"Plural-Forms: nplurals=3; plural=(n==1 ? 0 : n%10>=2 && n%10<=4 && (n%100<10 || n%100>=20) ? 1 : 2);\n"
"X-Decimal: ,\n"
"X-Group: space\n"

#: a page
msgid "Nothing to audit yet"
msgstr "Nie ma jeszcze czego "
"badać"

msgid "{n} person"
msgid_plural "{n} people"
msgstr[0] "{n} osoba"
msgstr[1] "{n} osoby"
msgstr[2] "{n} osób"

msgid "{low} to {high}"
msgstr "{low} do {high}"

#, fuzzy
msgid "Audit"
msgstr "not yet looked at"

msgid "Compare"
msgstr ""
"""


@pytest.fixture
def polish(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Somebody who is spoken to in a language that is a file and nothing else."""
    (tmp_path / "pl.po").write_text(POLISH)
    monkeypatch.setattr(words, "LOCALE", tmp_path)
    words.catalogue.cache_clear()
    before = words.language.set("pl")
    yield
    words.language.reset(before)
    words.catalogue.cache_clear()


@pytest.mark.usefixtures("polish")
def test_a_second_language_is_a_file() -> None:
    assert words.say("Nothing to audit yet") == "Nie ma jeszcze czego badać"
    counted = [words.count(n, "person", "people") for n in (1, 2, 5, 22, 1682)]
    assert counted == ["1 osoba", "2 osoby", "5 osób", "22 osoby", "1\u202f682 osoby"]
    assert words.number(1234.5, 1) == "1\u202f234,5"
    assert words.number(-0.0214) == "−0,021"
    assert words.interval(0.1, 0.25, 2) == "0,10 do 0,25"
    assert words.size(3_100_000) == "3,1 MB"
    assert words.say("Audit") == "Audit"  # marked as fuzzy: in English still
    assert words.say("Compare") == "Compare"  # not translated
    assert words.count(2, "film") == "2 films"  # neither


@pytest.mark.parametrize("name", ["", "..", "no_such", "../../secret"])
def test_a_language_without_a_file_is_english(name: str) -> None:
    before = words.language.set(name)
    try:
        assert words.count(2, "person", "people") == "2 people"
        assert words.number(1234.5, 1) == "1,234.5"
    finally:
        words.language.reset(before)
