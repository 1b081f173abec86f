"""Every page on real data: each control that the browser finds there is worked, each kind of picture is clicked, and
the numbers are the library's.

With FAIRDASH_WALKS each page is walked in both languages. Without, two pages that take seconds are, one in English and
one in Chinese: all ten take six minutes."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect

from fairdash import data, entries, words
from fairdash.jobs import kinds, runner
from fairdash.metrics.catalogue import METRICS
from fairdash.mitigation.base import Mitigation
from fairdash.run import Run
from fairdash.schema import GroupSpec, Lists
from fairdash.stages import audit as audits
from fairdash.stages import quality
from fairdash.stages.audit import AuditSpec
from fairdash.stages.compare import sentences
from fairdash.stages.explore import names_of
from fairdash.stages.lever import Lever
from fairdash.ui import levering, state
from fairdash.workspace import Workspace
from tests.e2e import controls, steps
from tests.e2e.conftest import ROOT, WHOLE, Server, watched

ML_100K = (ROOT / "../shared/data/ml-100k").resolve()
K = 10
VIEWS = {  # where a walk of a page begins
    "overview": ("",),
    "data": ("tab=view",),
    "recommender": ("how=view",),
    "audit": ("group=gender&more=numbers", "group=gender&view=people&metric=miscalibration&hand=person"),
    "explore": ("explore=list",),
    "mitigate": ("act=lever&method=calibrate&lever=0.5", "act=one&method=calibrate"),
    "compare": ("sides=two", "sides=many"),
    "report": ("of=comparisons", "present=1&card=finding"),
    "live": ("source=made&going=True",),
    "guide": ("part=reading",),
}
LANGUAGES = ("en", "zh")
# A workspace for each language, as what was released or kept in one is so no second time; or one for both in turn.
WORLDS = LANGUAGES if WHOLE else (None,)
WALKED = [name for name in VIEWS if WHOLE or name in {"overview", "explore"}]


@dataclass(frozen=True)
class World:
    """A workspace on real data: plain lists, two mitigations of them, and what a comparison said of the first."""

    server: Server
    run: Run
    lists: Lists
    group: GroupSpec
    digests: dict[str, str]
    compared: dict[str, Any]
    language: str | None  # None: English and Chinese in turn
    once: set[str]  # controls that pages share, and that were worked on one of them where no language is walked whole

    @property
    def workspace(self) -> Workspace:
        return Workspace(self.server.home)

    def link(self, name: str, view: str, language: str) -> str:
        """Where a page shows all that is in view."""
        shown = "&".join(f"{key}={value}" for key, value in {**self.digests, "lang": language}.items())
        return f"{self.server.url}/{'' if name == 'overview' else name}?{view}&{shown}"


@pytest.fixture(scope="module")
def world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    files = [ML_100K / name for name in ("u.data", "u.user", "u.item")]
    if not all(file.is_file() for file in files):
        pytest.skip(f"MovieLens 100K's original files are not in {ML_100K}; they may not be redistributed")
    server = Server(tmp_path_factory.mktemp("home"))
    workspace = Workspace(server.home)
    dataset, _ = data.build(*files)
    stored = entries.put_dataset(workspace, dataset)
    group = kinds.default_groups(dataset)[0]
    trained = kinds.run(workspace, "train", {"dataset": stored, "split": "user-time:0.8", "recommender": "ease"})
    after = []
    for method, strength in (("user_parity", 0.5), ("calibrate", 0.5)):
        asked = {"method": method, "groups": [asdict(group)], "strength": strength}
        after.append(kinds.run(workspace, "mitigate", {"run": trained["runs"], "mitigation": asked})["lists"])
    draws = (int(server.environment[f"FAIRDASH_{name}"]) for name in ("BOOTSTRAP", "PERMUTATIONS"))  # as the pages do
    spec = AuditSpec((group,), (GroupSpec(("popularity",)),), K, "auto", 0, *draws).to_json()
    made = kinds.run(workspace, "compare", {"before": trained["lists"], "after": after[-1], **spec})["comparisons"]
    digests = {
        "data": stored, "lists": trained["lists"], "before": trained["lists"], "after": after[-1], "comparison": made,
    }  # fmt: skip
    run, lists = entries.get_lists(workspace, trained["lists"])
    compared = json.loads((workspace.get("comparisons", made).path / "comparison.json").read_text())
    server.start()
    yield World(server, run, lists, group, digests, compared, request.param, set())
    server.kill()
    server.stop_jobs()


@pytest.fixture
def tab(browser: Browser, request: pytest.FixtureRequest) -> Iterator[Page]:
    """A tab whose console and requests are watched."""
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    page = context.new_page()
    page.set_default_timeout(steps.HANG_MS)
    faults = watched(page)
    yield page
    context.close()
    assert not faults, faults


@pytest.mark.timeout(steps.TEST_SECONDS)
@pytest.mark.parametrize("name", WALKED)
@pytest.mark.parametrize("world", WORLDS, indirect=True)
def test_every_control_is_worked_marks_are_clicked_and_numbers_are_the_librarys(
    name: str, world: World, tab: Page
) -> None:
    assert set(VIEWS) == set(state.JOURNEY)
    language = world.language or LANGUAGES[WALKED.index(name) % 2]
    worked = set(world.once)
    for view in VIEWS[name]:
        steps.visit(tab, world.link(name, view, language))
        controls.rest(tab)
        if view == VIEWS[name][0]:
            with words.speaking(language):
                SAYS[name](tab, world)
        walk(tab, world, worked)
    assert len(worked) >= 3, worked
    if world.language is None:
        world.once.update(one for one in worked if " view_" in one)


def walk(page: Page, world: World, worked: set[str]) -> None:
    """Work what was not worked before, until there is nothing left: what is in an open popover first, then what changes
    a part of the page, then what leads elsewhere, and last the parts of the page, the innermost first."""
    while True:
        for key in controls.pictures(page):
            if f"picture {key}" not in worked:
                worked.add(f"picture {key}")
                back = page.url
                assert controls.click_marks(page, key), f"{key}: no mark that is clicked changes anything"
                whole(page, key)
                returned(page, world, back)
        left = [one for one in controls.found(page) if one.name not in worked]
        inside = [one for one in left if one.inside]
        if not inside and page.get_by_test_id("stPopoverBody").count():
            page.keyboard.press("Escape")
            expect(page.get_by_test_id("stPopoverBody")).to_have_count(0)
            continue
        if not left:
            return
        one = next_of(inside or left)
        worked.add(one.name)
        press(page, world, one)


def next_of(left: list[controls.Control]) -> controls.Control:
    """What is worked next."""
    order = {"radio": 2, "button": 1}
    least = min(order.get(one.role, 0) for one in left)
    among = [one for one in left if order.get(one.role, 0) == least]
    return among[-1] if least == 2 else among[0]


def press(page: Page, world: World, one: controls.Control) -> None:
    """Work a control; something on the page or in its link is then another, and nothing is wrong."""
    print(one.name)  # told where a step never ends
    if one.role == "link":
        assert urlsplit(one.href).path.rpartition("/")[2] in {"", *state.JOURNEY}, one
        return
    if one.kind == "stFileUploader":
        return  # what is brought, the journey brings
    if one.kind == "stDownloadButton":
        with page.expect_download() as saved:
            controls.work(page, one)
        assert Path(saved.value.path()).stat().st_size > 0, one
        return
    if one.kind == "stPopoverButton":
        controls.work(page, one)
        page.get_by_test_id("stPopoverBody").first.wait_for()
        controls.rest(page)  # what is in some is made when they open
        return
    back, before = page.url, controls.told(page)
    if controls.work(page, one):
        controls.changed(page, before, one)
    busy = controls.rest(page)
    whole(page, one)
    if busy:
        world.server.stop_jobs()
        jobs = runner.table(world.workspace)
        for job in jobs.all():
            jobs.delete(job.id)
        steps.visit(page, back)
    else:
        returned(page, world, back)


def whole(page: Page, what: object) -> None:
    """Nothing is wrong on the page."""
    wrong = page.locator('[data-testid="stAlertContentError"], [data-testid="stException"]')
    assert not wrong.count(), (what, page.url, wrong.first.inner_text())


def returned(page: Page, world: World, back: str) -> None:
    """Back to the page, or its view, that was left."""

    def at(url: str) -> tuple[str, ...]:
        asked = dict(one.partition("=")[::2] for one in urlsplit(url).query.split("&"))
        return (urlsplit(url).path, asked.get("view", ""), asked.get("present", ""))

    if at(page.url) != at(back):
        steps.visit(page, back)


# --- what each page must say ------------------------------------------------------------------------------------------


def _overview(page: Page, world: World) -> None:
    for told in sentences(world.compared)[:3]:
        steps.shown(page, spaced(told))


def _data(page: Page, world: World) -> None:
    training = world.run.split.training
    sizes = {"People": len(training.users), "Items": len(training.items), "Interactions": 100_000}
    for label, n in sizes.items():
        steps.counted(page, words.say(label), words.count(n))


def _recommender(page: Page, world: World) -> None:
    by = {"own": world.lists, "popular": quality.most_popular(world.run.split, K)}
    for value in quality.beside(world.run.split, by, K)["ndcg"]:
        steps.shown_in_picture(page, words.number(value))


def _audit(page: Page, world: World) -> None:
    spec = AuditSpec((world.group,), (), K, replicates=0, permutations=0)
    found = audits.audit(world.run, world.lists, spec).to_json()
    for row in (*found["groups"]["gender"].values(),):
        steps.shown_in_picture(page, words.number(row["ndcg"]))
        steps.shown_in_picture(page, re.compile(str(row["n_with_truth"] if "n_with_truth" in row else row["n"])))
    gap = found["gaps"]["gender"]["ndcg"]["gap"]
    steps.shown(page, re.compile(re.escape(words.number(gap))))


def _explore(page: Page, world: World) -> None:
    names = names_of(world.run.split.training.items)
    for item in world.lists.items[0, :K]:
        steps.shown(page, str(names[item]))


def _mitigate(page: Page, world: World) -> None:
    at = Lever(world.run, Mitigation("calibrate", (world.group,)), K, world.group).at(0.5)
    expect(page.get_by_role("heading", level=2).first).to_have_text(levering.sentences(at, world.group)[0])


def _compare(page: Page, world: World) -> None:
    steps.shown(page, spaced(sentences(world.compared)[0]))
    for row in world.compared["groups"]["gender"].values():
        steps.shown_in_picture(page, re.compile(re.escape(words.number(abs(row["ndcg"]["difference"])))))


def _report(page: Page, world: World) -> None:
    framed = page.frame_locator('[data-testid="stIFrame"]')
    expect(framed.get_by_text(sentences(world.compared)[0]).first).to_be_visible()


def _live(page: Page, world: World) -> None:
    steps.shown(page, re.compile(r"\d"))


def _guide(page: Page, world: World) -> None:
    page.get_by_role("radio", name=words.say("Accuracy")).click()
    steps.rest(page)
    for metric in METRICS.values():
        if metric.side == "accuracy":
            steps.shown(page, words.say(metric.title))


def spaced(told: str) -> re.Pattern[str]:
    """The words as they stand on the page: whitespace may differ."""
    return re.compile(r"\s+".join(map(re.escape, told.split())))


SAYS: dict[str, Callable[[Page, World], None]] = {
    "overview": _overview, "data": _data, "recommender": _recommender, "audit": _audit, "explore": _explore,
    "mitigate": _mitigate, "compare": _compare, "report": _report, "live": _live, "guide": _guide,
}  # fmt: skip
