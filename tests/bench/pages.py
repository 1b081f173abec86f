"""What a page switch and a control cost, beside a blank Streamlit page served and measured in the same run.

    python -m tests.bench.pages [--times 20] [--sizes 100K 1M] [--seeds 4] [--home FOLDER] [--only mitigate lever]

In Chromium, from the click until the script has run, nothing stale stands there and two frames have been drawn; ours
and the blank one in turn. The same of an item that is taken out of a person's history, in milliseconds; and of the
lever's next strength until two frames show it, which needs no script, and until all else on the page has followed. The
workspace holds synthetic data of the size of MovieLens-100K and MovieLens-1M, with four
runs of each, mitigated lists, audits and a comparison; what pages ask for is made before the clock runs.
--seeds: runs of each. --home: where the workspace is kept, so that a second time has it made. --only: these pages and
gestures.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import asdict
from pathlib import Path

from playwright.sync_api import Page
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from fairdash import data, entries
from fairdash.jobs import kinds
from fairdash.ui import state
from fairdash.workspace import Workspace
from tests.e2e import steps
from tests.e2e.browser import launched
from tests.e2e.conftest import ROOT, Server

SIZES = {"100K": (943, 1_682, 106), "1M": (6_040, 3_706, 165)}  # people, items, interactions a person
LONGEST = 60.0  # seconds that a press may take, before it is said that nothing came of it
LIMITS = {"median": 2.5, "p95": 3.0}  # times a blank page
AT_ONCE = {"lever": 150.0, "history": 300.0}  # milliseconds that a gesture's median may take
BLANK = """import streamlit as st
def one():
    st.title("One")
    st.segmented_control("Part", ["a", "b", "c"], key="part", required=True, default="a")
def two():
    st.title("Two")
    st.segmented_control("Part", ["a", "b", "c"], key="part", required=True, default="a")
st.navigation([st.Page(one), st.Page(two)]).run()
"""
# The server says when a script has run: every run ends with one such message, however short it was, whereas what the
# page says of its own state can pass between two looks. In a page from before its first script on.
_HEAR = """(([finished, again]) => {
  window.ended = 0;
  const ends = bytes => {  // the top level of a protobuf message: tag, then a number or a length and as many bytes
    let at = 0;
    const number = () => {
      for (let value = 0, size = 1; ; size *= 128) {
        const byte = bytes[at++];
        value += (byte & 127) * size;
        if (byte < 128) return value;
      }
    };
    while (at < bytes.length) {
      const tag = number(), value = number();
      if (tag % 8 === 2) at += value;
      else if (Math.floor(tag / 8) === finished) return value !== again;
    }
    return false;
  };
  window.WebSocket = class extends WebSocket {
    constructor(...given) {
      super(...given);
      this.addEventListener('message', ({data}) => { window.ended += ends(new Uint8Array(data)); });
    }
  };
})"""
# From the press of the next click until the script has run and two frames show what came of it.
_NEXT = """limit => { window.took = new Promise((done, fail) => {
  const app = document.querySelector('[data-testid="stApp"]');
  const held = '[data-stale="true"], [data-testid="stSkeleton"], [data-testid="stSpinner"]';
  const before = window.ended;
  let pressed = null;
  const rests = () =>
    window.ended > before && app.dataset.testScriptState === 'notRunning' && document.querySelector(held) === null;
  const look = frames => {
    if (pressed !== null && performance.now() - pressed > limit)
      return fail(new Error(window.ended > before
        ? `the script has run, and something still stands there as stale (${app.dataset.testScriptState})`
        : 'no script has run'));
    if (pressed === null || !rests()) return setTimeout(look, 2, 0);
    if (frames === 2) return done(performance.now() - pressed);
    requestAnimationFrame(() => look(frames + 1));
  };
  const press = () => { pressed ??= performance.now(); look(0); };
  for (const kind of ['pointerdown', 'keydown']) addEventListener(kind, press, {capture: true, once: true});
}); }"""
# From the next key until two frames show another strength of the lever.
_MOVED = """() => { window.took = new Promise(done => {
  const lever = document.querySelector('.lever'), before = lever.dataset.at;
  addEventListener('keydown', () => {
    const pressed = performance.now();
    const look = frames => {
      if (frames === 2) return done(performance.now() - pressed);
      requestAnimationFrame(() => look(lever.dataset.at === before ? 0 : frames + 1));
    };
    look(0);
  }, {capture: true, once: true});
}); }"""
_PARTS = '[data-testid="stMain"] [data-testid="stButtonGroup"]'


def fill(workspace: Workspace, sizes: dict[str, tuple[int, int, int]], seeds: int) -> dict[str, dict[str, str]]:
    """Runs, mitigated lists and a comparison of each size; what a link to their view holds."""
    views = {}
    for name, (n_users, n_items, history) in sizes.items():
        dataset, _ = data.synthetic.make(n_users=n_users, n_items=n_items, mean_history=history)
        stored = entries.put_dataset(workspace, dataset)
        groups = [asdict(spec) for spec in kinds.default_groups(dataset)[:1]]
        asked = {"dataset": stored, "split": "user-time:0.8", "recommender": "ease"}
        made, *_ = [kinds.run(workspace, "train", {**asked, "options": {"l2": str(300 + i)}}) for i in range(seeds)]
        mitigation = {"method": "calibrate", "groups": groups, "strength": 0.5}
        changed = kinds.run(workspace, "mitigate", {"run": made["runs"], "mitigation": mitigation})
        sides = {"before": made["lists"], "after": changed["lists"]}
        compared = kinds.run(workspace, "compare", {**sides, "groups": groups})
        views[name] = {"data": stored, "lists": made["lists"], **sides, "comparison": compared["comparisons"]}
    return views


@contextmanager
def blank(folder: Path, port: int) -> Iterator[str]:
    """A Streamlit app with two pages of a title and a choice."""
    (folder / "blank.py").write_text(BLANK)
    command = [sys.executable, "-m", "streamlit", "run", "blank.py", "--server.port", str(port)]
    command += ["--server.headless", "true", "--server.fileWatcherType", "none"]
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}"

    def answers() -> bool:
        try:
            with urllib.request.urlopen(f"{url}/_stcore/health", timeout=5):
                return True
        except OSError:
            return False

    try:
        steps.until(answers, "the blank page answers")
        yield url
    finally:
        process.kill()
        process.wait()


def settle(page: Page) -> None:
    """Until nothing is being made and nothing moves."""
    steps.rest(page)
    page.wait_for_function("!document.querySelector('[data-testid=stProgress]')")
    steps.rest(page)


def cost(page: Page, press: Callable[[], None]) -> float:
    """Milliseconds from the press until the page shows what comes of it."""
    page.evaluate(_NEXT, 1000 * LONGEST)
    press()
    return float(page.evaluate("window.took"))


def hearing(page: Page) -> Page:
    """The page, which from now on counts the script runs that end (`window.ended`); before it is opened."""
    numbers = [ForwardMsg.SCRIPT_FINISHED_FIELD_NUMBER, ForwardMsg.FINISHED_EARLY_FOR_RERUN]
    page.add_init_script(f"({_HEAR})({numbers})")
    page.set_default_timeout(steps.HANG_MS)
    return page


def switch(page: Page, number: int) -> float:
    """Milliseconds to another page of the navigation."""
    return cost(page, page.get_by_test_id("stSidebarNav").get_by_role("link").nth(number).click)


def control(page: Page) -> float:
    """Milliseconds of another part of a page's first choice of parts."""
    return cost(page, page.locator(_PARTS).first.get_by_role("radio", checked=False).first.click)


def lever(page: Page, url: str, times: int, *, whole: bool = False) -> Iterator[float]:
    """Milliseconds of the lever's next strength, by the arrow key. whole: until all else has followed."""
    steps.visit(page, f"{url}&act=lever&method=calibrate&lever=0.0")
    settle(page)  # every strength has been made once
    slider = page.locator(".lever").get_by_role("slider")
    for _ in range(times):
        if whole:
            yield cost(page, lambda: slider.press("ArrowRight"))
        else:
            page.evaluate(_MOVED)
            slider.press("ArrowRight")
            yield float(page.evaluate("window.took"))
            page.wait_for_function("location.search.includes(`lever=${document.querySelector('.lever').dataset.at}`)")
        settle(page)


def history(page: Page, url: str, times: int) -> Iterator[float]:
    """Milliseconds of taking one more item out of a person's history."""
    steps.visit(page, f"{url}&beside=edited&editing=true")
    settle(page)
    place = page.locator("[class*=st-key-without-]")
    for _ in range(times):
        place.get_by_role("combobox").click()
        yield cost(page, page.get_by_role("option").nth(1).click)  # the first takes all
        page.keyboard.press("Escape")
        settle(page)


def gestures(page: Page, url: str, query: str, times: int, only: Collection[str]) -> bool:
    """Print what one gesture costs; whether all medians are within AT_ONCE."""
    within = True
    places = {"lever": (lever, f"{url}/mitigate?{query}"), "history": (history, f"{url}/explore?{query}")}
    for name, (gesture, place) in places.items():
        if name not in only:
            continue
        median, p95 = shape(list(gesture(page, place, times)))
        within &= median < AT_ONCE[name]
        print(f"{name:<18}{median:.0f} ms, p95 {p95:.0f} ms (asked: {AT_ONCE[name]:.0f})", flush=True)
    if "lever" in only:
        median, p95 = shape(list(lever(page, places["lever"][1], times, whole=True)))
        print(f"{'all that follows it':<18} {median:.0f} ms, p95 {p95:.0f} ms", flush=True)
    return within


def shape(took: list[float]) -> tuple[float, float]:
    """Median and p95."""
    return statistics.median(took), sorted(took)[min(len(took) - 1, int(0.95 * len(took)))]


def measure(page: Page, other: Page, times: int, names: Sequence[str]) -> dict[str, tuple[list[float], list[float]]]:
    """Page → cost of a switch there and of a control, in ms; "blank" is of the other one, measured in between."""
    found: dict[str, tuple[list[float], list[float]]] = {name: ([], []) for name in ("blank", *names)}
    for turn in range(times + 1):  # the first round warms up, and makes what is asked for
        kept = found if turn else {name: ([], []) for name in found}
        for number, name in enumerate(names):
            kept["blank"][0].append(switch(other, (turn * len(names) + number + 1) % 2))
            kept["blank"][1].append(control(other))
            kept[name][0].append(switch(page, list(state.JOURNEY).index(name)))
            settle(page)
            if page.locator(_PARTS).count():
                kept[name][1].append(control(page))
                settle(page)
    return found


def table(found: dict[str, tuple[list[float], list[float]]], size: str) -> bool:
    """Print medians and p95 as times of the blank page's own; whether all are within LIMITS."""
    within = True
    print(f"\n{size:<14}" + "".join(f"{what:>28}" for what in ("switch: median, p95", "control: median, p95")))
    base = [shape(found["blank"][kind]) for kind in (0, 1)]
    for name, kinds_ in found.items():
        cells = []
        for kind in (0, 1):
            if not kinds_[kind]:
                cells.append("")
                continue
            mine = shape(kinds_[kind])
            times = [value / blanks for value, blanks in zip(mine, base[kind], strict=True)]
            within &= name == "blank" or (times[0] < LIMITS["median"] and times[1] < LIMITS["p95"])
            cells.append(f"{mine[0]:.0f} ms ×{times[0]:.1f}, {mine[1]:.0f} ×{times[1]:.1f}")
        print(f"{name:<14}" + "".join(f"{cell:>28}" for cell in cells), flush=True)
    return within


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, default=20)
    parser.add_argument("--sizes", nargs="+", choices=SIZES, default=list(SIZES))
    parser.add_argument("--seeds", type=int, default=4)
    parser.add_argument(
        "--root", type=Path, default=ROOT, help="another version of the app, to measure before and after"
    )
    parser.add_argument("--home", help="a folder to keep the workspace in, so that the next time finds it there")
    parser.add_argument("--only", nargs="+", choices=[*state.JOURNEY, *AT_ONCE], default=[*state.JOURNEY, *AT_ONCE])
    options = parser.parse_args()
    names = [name for name in state.JOURNEY if name in options.only]
    if len(names) == 1:
        names.append(next(name for name in reversed(state.JOURNEY) if name not in names))  # to come from there
    within = True
    with tempfile.TemporaryDirectory() if options.home is None else nullcontext(options.home) as folder:
        os.environ["FAIRDASH_HOME"] = folder
        views = fill(Workspace(Path(folder)), {name: SIZES[name] for name in options.sizes}, options.seeds)
        server = Server(Path(folder), options.root)
        server.start()
        try:
            with blank(Path(folder), server.port + 1) as other, launched() as browser:
                for size, view in views.items():
                    pages = [hearing(browser.new_page(viewport={"width": 1280, "height": 800})) for _ in range(2)]
                    query = "&".join(f"{name}={value}" for name, value in view.items())
                    steps.visit(pages[0], f"{server.url}/{(names or list(state.JOURNEY))[-1]}?{query}")
                    steps.visit(pages[1], other)
                    if names:
                        within &= table(measure(*pages, options.times, names), size)
                    within &= gestures(pages[0], server.url, query, min(options.times, 20), options.only)
        finally:
            server.kill()
            server.stop_jobs()
    return 0 if within else 1


if __name__ == "__main__":
    sys.exit(main())
