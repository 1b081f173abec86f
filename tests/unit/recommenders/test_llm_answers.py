"""Lists that a language model writes: what they mean, and what became of every place; from this machine's model and
from an endpoint."""

from __future__ import annotations

import contextlib
import email.utils
import http.server
import json
import threading
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fairdash.data import split as splits
from fairdash.data import synthetic
from fairdash.errors import ConfigError, ModelError
from fairdash.progress import silent
from fairdash.recommenders import RECOMMENDERS, build, resolved, store
from fairdash.recommenders.base import BringingFitted, Sizes, WritingFitted
from fairdash.recommenders.device import choose
from fairdash.recommenders.estimate import estimate
from fairdash.recommenders.llm import endpoint, sample
from fairdash.recommenders.llm.answers import KINDS, Titles, lines_of, normal, read, spoken
from fairdash.recommenders.llm.endpoint import KEY, KEY_FOR, Endpoint
from fairdash.recommenders.llm.kept import LATER, Kept
from fairdash.recommenders.llm.model import FittedLlm
from fairdash.run import Run
from fairdash.schema import GroupSpec
from fairdash.stages import audit, fit, model_side, recommend
from tests.unit.recommenders.conftest import N_USERS, make_data

FILMS = ("Matrix, The (1999)", "Toy Story (1995)", "Toy Story 2 (1999)", "Amélie (2001)", "King Kong (1933)",
         "King Kong (1976)", "Sorry, Wrong Number (1948)", "Fast & Furious (2009)")  # fmt: skip
GENDER = GroupSpec(("gender",), (None,), 2)
SECRET = "sk-never-to-be-seen"


@pytest.mark.parametrize(
    ("written", "item"),
    [
        ("Matrix, The (1999)", 0),
        ("The Matrix", 0),
        ("the matrix (1999)", 0),
        ("Teh Matrix", None),  # 3 edits of 10 letters
        ("The Matrixx", 0),
        ("Toy Story", 1),
        ("Toy Story 2", 2),
        ("Toy Story 3", None),
        ("Amelie", 3),
        ("King Kong (1976)", 5),
        ("King Kong", 4),
        ("Fast and Furious", 7),
        ("Toy Story (1995) - a film about toys", 1),
        ("Amélie: Jean-Pierre Jeunet", None),  # it could be a subtitle
        ("Amélie**: Jean-Pierre Jeunet", 3),
        ("Blade Runner", None),
        ("", None),
    ],
)
def test_what_a_written_title_means(written: str, item: int | None) -> None:
    assert Titles(FILMS).find(written) == item


# As MovieLens-100K writes them.
MOVIELENS = (
    "Star Wars (1977)", "Empire Strikes Back, The (1980)", "Return of the Jedi (1983)", "Godfather, The (1972)",
    "Godfather: Part II, The (1974)", "Batman (1989)", "Jaws (1975)", "Mission: Impossible (1996)", "Psycho (1960)",
    "Aladdin (1992)", "Seven (Se7en) (1995)", "Shanghai Triad (Yao a yao yao dao waipo qiao) (1995)", "1984 (1984)",
    "Blade Runner (1982)", "$ (1971)", "???", "Land Before Time III: The Time of the Great Giving (1995) (V)",
    "Kill (Live) (1990)", "Fury (Live) (1991)", "Star Trek VI: The Undiscovered Country (1991)", "M*A*S*H (1970)",
)  # fmt: skip


@pytest.mark.parametrize(
    ("written", "title"),
    [
        ("Star Wars: Episode V - The Empire Strikes Back", "Empire Strikes Back, The (1980)"),
        ("Star Wars: Episode VI - Return of the Jedi (1983)", "Return of the Jedi (1983)"),
        ("Star Wars: Episode IV - A New Hope (1977)", "Star Wars (1977)"),
        ("Star Wars: Episode IV - A New Hope", None),
        ("The Godfather Part III (1990)", None),
        ("The Godfather: Part III", None),
        ("The Godfather (Part III)", None),
        ("The Godfather Part 2", "Godfather: Part II, The (1974)"),
        ("The Godfather: Part Two (1975)", "Godfather: Part II, The (1974)"),
        ("Star Trek 6: The Undiscovered Country", "Star Trek VI: The Undiscovered Country (1991)"),
        ("Batman: The Dark Knight", None),
        ("Jaws: The Revenge", None),
        ("Mission: Impossible - Fallout", None),
        ("Mission: Impossible - Fallout (2018)", None),
        ("Psycho (1998)", None),
        ("Psycho, 1998", None),
        ("Psycho 1960", "Psycho (1960)"),
        ("Psycho (1961)", "Psycho (1960)"),
        ("Psycho (Alfred Hitchcock, 1960)", "Psycho (1960)"),
        ("Psycho (Gus Van Sant, 1998)", None),
        ("Aladdin (2019) - the one with people", None),
        ("Blade Runner 2049", None),
        ("Jaws - a film about a shark", "Jaws (1975)"),
        ("M*A*S*H**: A film about doctors", "M*A*S*H (1970)"),
        ('Jaws" by Steven Spielberg', "Jaws (1975)"),
        ("Seven", "Seven (Se7en) (1995)"),
        ("Se7en (1995)", "Seven (Se7en) (1995)"),
        ("Se7en (2005)", None),
        ("Shanghai Triad", "Shanghai Triad (Yao a yao yao dao waipo qiao) (1995)"),
        ("Live", None),  # in brackets behind two titles
        ("1984", "1984 (1984)"),
        ("$", "$ (1971)"),
        ("???", "???"),
        ("!", None),
        ("The Land Before Time III: The Time of the Great Giving", MOVIELENS[16]),
        ("Land Before Time 3: The Time of the Great Giving (1995)", MOVIELENS[16]),
        (" - a (b)" * 5_000, None),
    ],
)
def test_rather_an_invention_than_another_film(written: str, title: str | None) -> None:
    item = Titles(MOVIELENS).find(written)
    assert (None if item is None else MOVIELENS[item]) == title


@pytest.mark.parametrize("title", MOVIELENS)
def test_each_title_means_itself(title: str) -> None:
    titles = Titles(MOVIELENS)
    for written in (title, title.upper(), spoken(title)):
        assert titles.find(written) == MOVIELENS.index(title)


@pytest.mark.parametrize(("one", "other"), [("काली", "काला"), ("ガ", "カ"), ("й", "и"), ("กา", "กี"), ("மா", "மீ")])
def test_marks_make_other_letters_in_other_scripts(one: str, other: str) -> None:
    assert normal(one) == normal(unicodedata.normalize("NFD", one)) != normal(other)
    assert Titles([one]).find(other) is None
    assert Titles([one, other]).find(unicodedata.normalize("NFD", other)) == 1


def test_accents_count_for_nothing_over_latin_and_greek_letters() -> None:
    titles = Titles(["Amélie (2001)", "Ζορμπάς", "Ёлки", "ＡＫＩＲＡ"])
    assert [titles.find(written) for written in ("AMELIE", "ζορμπας", "Елки", "Akira")] == [0, 1, 2, 3]


@pytest.mark.parametrize(
    "answer",
    [
        "1、Heat\n2、Fargo\n3、Big",
        "１．Heat\n２．Fargo\n３．Big",
        "[1] Heat\n[2] Fargo\n[3] Big",
        "**1. Heat**\n**2. Fargo**\n**3. Big**",
        "Here:\n- 1. Heat\n- 2. Fargo\n- 3. Big",
        '[null, {"title": null}, {"title": "Heat"}, "Fargo", {}, "Big"]',
        "1. Heat\n2. Fargo\n3. Big",
        'Here are three:\n\n1) **Heat**\n2) "Fargo"\n3) Big\n\nEnjoy!',
        "- Heat\n- Fargo\n- Big",
        'Sure: ["Heat", "Fargo", "Big"]',
        '[{"title": "Heat"}, {"title": "Fargo"}, {"title": "Big"}]',
        "Heat; Fargo; Big",
        "Heat\nFargo\nBig",
    ],
)
def test_lists_are_read_as_they_are_written(answer: str) -> None:
    assert lines_of(answer) == ["Heat", "Fargo", "Big"]


def test_numbers_that_belong_to_a_title_stay() -> None:
    assert lines_of("3:10 to Yuma\n(500) Days of Summer\n12 Monkeys") == [
        "3:10 to Yuma", "(500) Days of Summer", "12 Monkeys",
    ]  # fmt: skip
    assert lines_of("[1] Heat") == ["Heat"]


def test_what_cannot_be_read_is_invented_and_what_is_empty_refused() -> None:
    deep = read("[" * 100_000 + "]" * 100_000, 5, Titles(FILMS), "", (), ())
    assert (deep.counts["invented"], deep.counts["missing"]) == (1, 4)
    assert read("I'm sorry, I cannot recommend anything: []", 5, Titles(FILMS), "", (), ()).counts["refused"] == 5
    assert read('[{"title": null}]', 5, Titles(["None"]), "", (), ()).counts["missing"] == 5


def test_every_place_is_counted_once() -> None:
    prompt = "They liked, the latest last: Toy Story (1995). Recommend six titles."
    answer = "1. Blade Runner\n2. The Matrix\n3. Matrix\n4. Toy Story\n5. Amelie\n6. Recommend six titles\n7. King Kong"
    found = read(answer, 7, Titles(FILMS), prompt, named={1}, seen={1, 3})
    assert found.items == (0, 4)
    expected = {"valid": 2, "invented": 2, "echoed": 2, "seen": 1}  # "Matrix" alone is no title here
    assert found.counts == {**dict.fromkeys(KINDS, 0), **expected}
    again = read("The Matrix\nMatrix, The\nThe Matrix", 5, Titles(FILMS), prompt, (), ())
    assert (again.items, again.counts["repeated"], again.counts["missing"]) == ((0,), 2, 2)
    assert read("I'm sorry, but I cannot do that.", 5, Titles(FILMS), prompt, (), ()).counts["refused"] == 5
    assert read("Sorry, Wrong Number", 5, Titles(FILMS), prompt, (), ()).items == (6,)
    assert read("", 5, Titles(FILMS), prompt, (), ()).counts["missing"] == 5


def test_a_title_is_told_as_it_is_spoken() -> None:
    assert spoken("Matrix, The (1999)") == "The Matrix (1999)"
    assert spoken("Postman, The (Il Postino) (1994)") == "The Postman (Il Postino) (1994)"
    assert spoken("Me, Myself & Irene (2000)") == "Me, Myself & Irene (2000)"
    assert normal(spoken("Big Sleep, The (1946)")) == normal("Big Sleep, The (1946)")


def test_a_normal_title_has_no_case_accent_mark_year_or_article_behind() -> None:
    assert normal("Château, Le (1999)") == "le chateau"
    assert normal("  Se7en! ") == "se7en"


# --- an endpoint ------------------------------------------------------------------------------------------------------


@dataclass
class Served:
    """A server on this machine. answers: what it does at each request, the last one again and again. requests: bodies
    and Authorization headers that came."""

    url: str
    answers: list[Callable[[Any, dict[str, Any]], None]] = field(default_factory=list)
    requests: list[tuple[dict[str, Any], str | None]] = field(default_factory=list)


def says(text: str | Callable[[str], str]) -> Callable[[Any, dict[str, Any]], None]:
    def answer(handler: Any, body: dict[str, Any]) -> None:
        said = text if isinstance(text, str) else text(body["messages"][0]["content"])
        reply(handler, 200, json.dumps({"choices": [{"message": {"content": said}}]}).encode())

    return answer


def state(code: int, **headers: str) -> Callable[[Any, dict[str, Any]], None]:
    return lambda handler, body: reply(handler, code, b"{}", headers)


def reply(
    handler: Any, code: int, raw: bytes, headers: dict[str, str] | None = None, length: int | None = None
) -> None:
    handler.send_response(code)
    for name, value in (headers or {}).items():
        handler.send_header(name.replace("_", "-"), value)
    handler.send_header("Content-Length", str(len(raw) if length is None else length))
    handler.end_headers()
    handler.wfile.write(raw)


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    monkeypatch.setattr(endpoint, "WAIT", 0.0)
    monkeypatch.setenv(KEY, SECRET)
    monkeypatch.setenv("no_proxy", "*")

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            found.requests.append((body, self.headers.get("Authorization")))
            found.answers[min(len(found.requests), len(found.answers)) - 1](self, body)

        def log_message(self, format: str, *args: Any) -> None:
            """Nothing is printed."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    found = Served(f"http://127.0.0.1:{server.server_port}/v1")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    monkeypatch.setenv(KEY_FOR, f"127.0.0.1:{server.server_port}")
    yield found
    server.shutdown()
    server.server_close()
    thread.join()


def test_the_chat_protocol_at_temperature_0(served: Served) -> None:
    served.answers = [says("1. Heat")]
    assert Endpoint(served.url, "some-model").generate(["Which film?"], 20) == ["1. Heat"]
    ((body, authorization),) = served.requests
    assert authorization == f"Bearer {SECRET}"
    assert body["model"] == "some-model"
    assert body["messages"] == [{"role": "user", "content": "Which film?"}]
    assert (body["temperature"], body["max_tokens"], body["stream"]) == (0, 20, False)


def test_the_key_goes_to_its_own_host_alone(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    served.answers = [says("Heat")]
    for host in ("api.example.com", ""):
        monkeypatch.setenv(KEY_FOR, host)
        Endpoint(served.url, "m").generate(["?"], 5)
    assert [authorization for _, authorization in served.requests] == [None, None]


def test_what_passes_is_tried_again_and_waited_for(served: Served) -> None:
    waits: list[float] = []
    served.answers = [state(429, Retry_After="7"), state(500), state(503, Retry_After="9999"), says("Heat")]
    assert Endpoint(served.url, "m", waits.append).generate(["?"], 5) == ["Heat"]
    assert waits == [7.0, 0.0, 60.0]


def test_a_date_is_waited_for_within_the_bound(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []
    now = 1_800_000_000.0
    monkeypatch.setattr(endpoint.time, "time", lambda: now)
    dates = [email.utils.formatdate(now + later, usegmt=True) for later in (20, 3600, -5)]
    served.answers = [state(429, Retry_After=date) for date in dates] + [says("Heat")]
    assert Endpoint(served.url, "m", waits.append).generate(["?"], 5) == ["Heat"]
    assert waits == [20.0, 60.0, 0.0]


@pytest.mark.parametrize("told", ["nan", "inf", "-inf", "1e308", "soon", "Wed, 99 Foo 2026 99:99:99 GMT"])
def test_no_wait_that_is_asked_for_is_slept_without_bound(served: Served, told: str) -> None:
    waits: list[float] = []
    served.answers = [state(429, Retry_After=told), says("Heat")]
    assert Endpoint(served.url, "m", waits.append).generate(["?"], 5) == ["Heat"]
    assert waits in ([0.0], [60.0])


def raw(content: bytes) -> Callable[[Any, dict[str, Any]], None]:
    return lambda handler, body: reply(handler, 200, content)


def test_half_a_letter_can_be_kept_and_the_key_is_not(served: Served, tmp_path: Path) -> None:
    echo = json.dumps({"choices": [{"message": {"content": f"1. Heat Bearer {SECRET}"}}]}).encode()
    served.answers = [raw(b'{"choices": [{"message": {"content": "1. Heat \\ud83d"}}]}'), raw(echo)]
    said = Endpoint(served.url, "m").generate(["?", "!"], 5)
    assert said == ["1. Heat ?", f"1. Heat Bearer [{KEY}]"]
    for answer in said:
        Kept(tmp_path / "answers.jsonl", "m").add("?", {"text": answer})
    with (tmp_path / "answers.jsonl").open("ab") as file:
        file.write(b"[" * 200_000 + b"\n")
    assert Kept(tmp_path / "answers.jsonl", "m").get("?") == {"text": said[1]}


@pytest.mark.parametrize("key", [f"{SECRET}\nX: y", f"{SECRET}\u0416", f"{SECRET}\x00", f"{SECRET}\xfc"])
def test_a_key_that_cannot_be_sent_is_refused_unseen(served: Served, monkeypatch: pytest.MonkeyPatch, key: str) -> None:
    monkeypatch.setattr(endpoint.os, "environ", {**endpoint.os.environ, KEY: key})  # a real one holds no NUL
    with pytest.raises(ConfigError, match="cannot be sent") as caught:
        Endpoint(served.url, "m")
    assert SECRET not in f"{caught.value.message} {caught.value.hint}"
    monkeypatch.setenv(KEY_FOR, "elsewhere")
    Endpoint(served.url, "m")  # it is not sent there


def cut(handler: Any, body: dict[str, Any]) -> None:
    reply(handler, 200, b'{"choices": [', length=500)


@pytest.mark.parametrize(
    ("answer", "told", "tries"),
    [
        (state(429), "state 429", 4),
        (state(500), "state 500", 4),
        (state(401), "state 401", 1),
        (state(302, Location="http://127.0.0.1:9/"), "state 302", 1),  # where it leads to never sees the key
        (lambda handler, body: reply(handler, 200, b"not json"), "not of the chat protocol", 4),
        (lambda handler, body: reply(handler, 200, b'{"choices": []}'), "not of the chat protocol", 4),
        (lambda handler, body: reply(handler, 200, b"[" * 200_000), "not of the chat protocol", 4),
        (cut, "cut off", 4),
        (lambda handler, body: handler.connection.close(), "cannot be reached", 4),
    ],
)
def test_what_does_not_pass_is_named_without_the_key(
    served: Served, answer: Callable[[Any, dict[str, Any]], None], told: str, tries: int, caplog: Any, capfd: Any
) -> None:
    served.answers = [answer]
    with pytest.raises(ModelError, match=told) as caught:
        Endpoint(served.url, "m", lambda _: None).generate(["?"], 5)
    assert len(served.requests) == tries
    assert SECRET not in f"{caught.value.message} {caught.value.hint} {caught.value.__context__} {caplog.text}"
    assert SECRET not in "".join(capfd.readouterr())


def test_an_answer_that_takes_too_long(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(endpoint, "TIMEOUT", 0.1)
    done = threading.Event()
    served.answers = [lambda handler, body: done.wait(10) and None]
    with pytest.raises(ModelError, match=r"longer than 0\.1 seconds"):
        Endpoint(served.url, "m").generate(["?"], 5)
    done.set()
    assert len(served.requests) == 4


@pytest.mark.parametrize("before", [b"HTTP/1.1 200 OK\r\n\r\n", b"HTTP/1.1 200 OK\r\nX: ", b"HTTP/1.1 ", b"",
                                    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n1"])  # fmt: skip
def test_an_answer_in_drops_takes_no_longer(served: Served, monkeypatch: pytest.MonkeyPatch, before: bytes) -> None:
    monkeypatch.setattr(endpoint, "TIMEOUT", 0.2)
    monkeypatch.setattr(endpoint, "TRIES", 2)
    done = threading.Event()

    def drip(handler: Any, body: dict[str, Any]) -> None:
        handler.wfile.write(before)
        with contextlib.suppress(OSError):  # nobody listens any more
            while not done.wait(0.02):
                handler.wfile.write(b" ")

    served.answers = [drip]
    with pytest.raises(ModelError, match=r"longer than 0\.2 seconds"):
        Endpoint(served.url, "m").generate(["?"], 5)
    done.set()


@pytest.mark.parametrize(
    "url",
    [
        "ftp://host/v1",
        "host/v1",
        "file:///etc/passwd",
        f"http://me:{SECRET}@host/v1",
        f"http://host/v1?key={SECRET}",
        f"http://{SECRET}@host/v1",
        f"http://host/v1#{SECRET}",
        f"http://[::1/{SECRET}",
        f"http://host:{SECRET}/v1",
        f"http://пример.рф/{SECRET}",
        f"http://host/ü/{SECRET}",
        f"http://host/ {SECRET}",
        f"http://host/\x00{SECRET}",
        f"http://{'a' * 64}/{SECRET}",
        f"http://a..b/{SECRET}",
        "http://host:99999/v1",
    ],
)
def test_no_key_in_the_url(url: str) -> None:
    for check in (build, resolved):  # the second names a run before there is one, and loads no model
        with pytest.raises(ConfigError) as caught:
            check("llm", {"endpoint": url, "way": "generate"})
        assert SECRET not in f"{caught.value.message} {caught.value.hint}"
        with pytest.raises(ConfigError, match="how likely"):
            check("llm", {"endpoint": "http://127.0.0.1/v1"})
        with pytest.raises(ConfigError, match="nothing can be put into"):
            check("llm", {"template": "{who}"})


# --- models of known habits, through an audit -------------------------------------------------------------------------


def same(prompt: str) -> str:
    return "\n".join(f"{i}. Item {i}" for i in range(1, 6))


def run_of(served: Served, folder: Path, habit: Callable[[str], str], **more: Any) -> tuple[Any, dict[str, Any]]:
    dataset, _ = synthetic.make(n_users=60, n_items=40)
    items = dataset.items.assign(title=[f"Item {i}" for i in range(40)])
    cut_ = splits.split(type(dataset)(dataset.name, dataset.interactions, dataset.users, items), "user-time:0.8")
    served.answers = [says(habit)]
    options = {"way": "generate", "endpoint": served.url, "model": "habit", "titles": 5, "people": 40, "history": 3}
    run = fit.train(cut_, fit.TrainSpec("llm", {**options, "profile": "gender", **more}), folder / "run")
    spec = audit.AuditSpec((GENDER,), k=5, replicates=50, permutations=20, model=True)
    found = audit.audit(run, recommend.recommend(run, 5), spec).to_json()
    return run, found["model"]["gender"]


def test_what_came_before_an_answer_that_never_came_is_kept(served: Served, tmp_path: Path) -> None:
    options = {"way": "generate", "endpoint": served.url, "model": "m", "titles": 3, "history": 2, "people": 6}
    served.answers = [says("Heat")] * 3 + [state(401)]

    def ask() -> list[str]:
        served.requests.clear()
        recommender = build("llm", options)
        data = make_data()
        asked = data.with_(asked=sample(recommender.config, data, 0))
        with contextlib.suppress(ModelError):
            recommender.fit(asked, seed=0, device="cpu", folder=tmp_path, progress=silent)
        return [body["messages"][0]["content"] for body, _ in served.requests]

    before = ask()
    served.answers = [says("Heat")]
    assert len(before) == 4
    assert not set(before[:3]) & set(ask())


def test_a_model_that_always_says_the_same(served: Served, tmp_path: Path) -> None:
    run, found = run_of(served, tmp_path, same)
    assert found["flip_jaccard"]["value"] == found["flip_rbo"]["value"] == found["flip_jaccard"]["floor"] == 1.0
    assert found["flip_both"]["value"] == found["snsr"]["value"] == 0.0
    asked = len(served.requests)
    again = store.load(run.folder / "model")
    people = np.flatnonzero(run.split.asked).astype(np.int32)
    assert isinstance(again, BringingFitted)
    assert isinstance(again, WritingFitted)
    again.first(people, run.split.known)
    assert len(served.requests) == asked  # nothing is asked twice
    counts = again.written(people, run.split.known)
    assert counts is not None
    assert (counts.counts.sum(axis=1) == 5).all()
    for file in run.folder.rglob("*"):
        assert not file.is_file() or SECRET.encode() not in file.read_bytes()
    assert any("http://127" in file.read_text() for file in run.folder.rglob("fairdash.json"))


def test_what_an_audit_asks_is_said_before_it_is_asked(served: Served, tmp_path: Path) -> None:
    run, _ = run_of(served, tmp_path / "one", same, price=1000)
    (run.folder / "model" / LATER).unlink()  # what the first audit asked
    run = Run.load(run.folder)
    told: list[tuple[int, str]] = []
    served.requests.clear()
    audit.audit(
        run,
        recommend.recommend(run, 5),
        audit.AuditSpec((GENDER,), k=5, replicates=50, permutations=20, model=True),
        progress=lambda done, message="", values=None: told.append((len(served.requests), message)),
    )
    (before, said), *_ = [(n, message) for n, message in told if "at most 400 prompts more" in message]
    assert before == 0 < len(served.requests) <= 400
    assert "tokens are read or written" in said
    assert "They cost about" in said


def test_a_model_that_follows_the_attribute(served: Served, tmp_path: Path) -> None:
    def habit(prompt: str) -> str:
        start = 30 if "woman" in prompt else 20 if "man" in prompt else 10
        return "\n".join(f"Item {start + i}" for i in range(5))

    _, found = run_of(served, tmp_path, habit)
    assert found["flip_jaccard"]["value"] < 0.2
    assert found["flip_jaccard"]["floor"] == 1.0
    assert found["flip_jaccard"]["stranger"] < 1.0


def test_a_model_that_echoes_and_one_that_invents_for_some(served: Served, tmp_path: Path) -> None:
    def echo(prompt: str) -> str:
        return "\n".join(prompt.partition("latest last: ")[2].partition(".")[0].split("; "))

    run, _ = run_of(served, tmp_path / "echo", echo)
    written = run.fitted.written(np.flatnonzero(run.split.asked).astype(np.int32), run.split.known)
    shares = dict(zip(written.kinds, written.counts.mean(axis=0), strict=True))
    assert shares["valid"] == shares["invented"] == 0
    assert shares["echoed"] > 0
    assert (run.candidates("test").items == -1).all()

    def invent(prompt: str) -> str:
        return "Gone\nNowhere to be found\nNever made" if "woman" in prompt else same(prompt)

    run, found = run_of(served, tmp_path / "invent", invent)
    gap = found["invalid_disparity"]
    assert gap["value"] > 0.4
    assert gap["ci"][0] > 0
    assert gap["p_value"] < 0.05
    worst = min(gap["by_group"], key=gap["by_group"].get)
    assert gap["by_group"][worst] == 0.0
    assert gap["kinds"][worst] == pytest.approx({**dict.fromkeys(KINDS, 0.0), "invented": 0.6, "missing": 0.4})


def test_one_that_writes_nothing_says_so(tmp_path: Path) -> None:
    cut_ = splits.split(synthetic.make(n_users=60, n_items=40)[0], "user-time:0.8")
    run = fit.train(cut_, fit.TrainSpec("popularity"), tmp_path / "run")
    found = model_side.measures(run.fitted, run.split, (GENDER,), run.candidates(), k=5, replicates=10)
    assert "writes no lists" in found["gender"]["invalid_disparity"].reason


def test_candidates_are_offered_in_an_order_that_says_nothing(served: Served, tmp_path: Path) -> None:
    run, _ = run_of(served, tmp_path, lambda prompt: "Item 0\nNobody", protocol="candidates", n_candidates=6)
    fitted = run.fitted
    assert isinstance(fitted, FittedLlm)
    people = np.flatnonzero(run.split.asked).astype(np.int32)[:5]
    brought = fitted.first_stage(people, run.split.known).items
    for one, best in zip(fitted.asked(people, run.split.known, ["A person."] * 5), brought, strict=True):
        assert set(one.offered) == set(best)
        assert "Choose from these: " + "; ".join(f"Item {i}" for i in one.offered) in one.prompt
    assert any((one.offered != best).any() for one, best in
               zip(fitted.asked(people, run.split.known, [""] * 5), brought, strict=True))  # fmt: skip


def test_a_price_is_told() -> None:
    info = RECOMMENDERS["llm"]
    assert info.cost is not None
    options = {"endpoint": "http://127.0.0.1/v1", "way": "generate", "price": "2.5"}
    cost = info.cost(build("llm", options).config, Sizes(N_USERS, 40, 500))
    said = estimate(cost, choose("cpu")).sentence
    assert "2.5" not in said
    assert "at the price that was given" in said
    assert "memory" not in said
    assert "an audit of what the model does has more to ask" in said
    assert said.count("at the price that was given") == 2
