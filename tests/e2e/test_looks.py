"""What can be seen and heard: contrast, headings without jumps, names of buttons, tables that fit and can be left."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from fairdash import data, entries
from fairdash.jobs import kinds
from fairdash.workspace import Workspace
from tests.e2e import steps
from tests.e2e.conftest import Server

# The contrast of what is written in an element with the first ground behind it that is not transparent, alpha mixed.
CONTRAST = """element => {
  const canvas = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
  const rgba = colour => {
    canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data; return [r, g, b, a / 255];
  };
  let ground = null, fade = 1;
  for (let at = element; at; at = at.parentElement) {
    const style = getComputedStyle(at);
    if (ground === null) {
      const own = rgba(style.backgroundColor);
      if (own[3] > 0.9) ground = own;
      fade *= parseFloat(style.opacity);
    }
  }
  ground ??= [255, 255, 255, 1];
  const ink = rgba(getComputedStyle(element).color);
  const alpha = ink[3] * fade;
  const mixed = [0, 1, 2].map(i => ink[i] * alpha + ground[i] * (1 - alpha));
  const linear = v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
  const light = rgb => [0.2126, 0.7152, 0.0722].reduce((sum, part, i) => sum + part * linear(rgb[i] / 255), 0);
  const [a, b] = [light(mixed), light(ground)].sort((x, y) => y - x);
  return (a + 0.05) / (b + 0.05);
}"""
# An icon is written as a word in a font of icons; that word is no name.
NAMELESS = """() => [...document.querySelectorAll('[data-testid=stMain] button')].filter(one => {
  const copy = one.cloneNode(true);
  copy.querySelectorAll('[data-testid=stIconMaterial], svg').forEach(icon => icon.remove());
  return one.offsetParent && !(one.getAttribute('aria-label') || one.title || copy.textContent.trim());
}).map(one => one.outerHTML.slice(0, 300))"""
# Tables whose columns go on beyond their right edge.
CUT = """() => [...document.querySelectorAll('[data-testid=stMain] .dvn-scroller')]
  .filter(one => one.scrollWidth > one.clientWidth + 2).map(one => [one.scrollWidth, one.clientWidth])"""
# What has the focus, once around: its number in the page, and the group of choices that arrow keys go through.
FOCUSED = """() => {
  const one = document.activeElement;
  if (one === null || one === document.body) return null;
  one.dataset.met ??= String(1 + document.querySelectorAll('[data-met]').length);
  one.closest('[role=radiogroup]')?.setAttribute('data-met-inside', '');
  return one.closest('[data-testid=stDataFrame]') ? 'table' : one.dataset.met;
}"""
# What a mouse can press and the keys never came to; what opens a list, or counts up, the arrow keys of its field do.
UNMET = """() => [...document.querySelectorAll('button, a[href], input, textarea, [role=slider]')]
  .filter(one => one.offsetParent && !one.disabled && !one.dataset.met && getComputedStyle(one).visibility !== 'hidden'
    && one.closest('[data-met-inside], [data-testid=stDataFrame], [data-testid=stHeadingWithActionElements]') === null
    && !(one.tabIndex < 0 && (one.matches('[aria-haspopup]') || one.closest('[data-testid=stNumberInput]'))))
  .map(one => one.outerHTML.slice(0, 200))"""
INSIDE = "() => document.activeElement.closest('[data-testid=stDataFrame]') !== null"
# Pictures that are drawn twice: with less room than plotly finds it needs, or as wide as a part of a pixel.
TWICE = """() => [...document.querySelectorAll('.js-plotly-plot')].filter(one => {
  const {margin, _size, width} = one._fullLayout;
  return width % 1 || ['l', 'r', 't', 'b'].some(side => _size[side] > margin[side] + 0.5);
}).map(one => [one.innerText, one._fullLayout.margin, one._fullLayout._size, one._fullLayout.width])"""
LEVELS = "() => [...document.querySelectorAll('[data-testid=stMain] :is(h1,h2,h3,h4,h5,h6)')].map(h => +h.tagName[1])"


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    """A made-up service with ease's lists and their audit, as the pages ask for it."""
    home = tmp_path_factory.mktemp("looks")
    workspace = Workspace(home)
    dataset, _ = data.synthetic.make(n_users=150, n_items=80)
    stored = entries.put_dataset(workspace, dataset)
    made = kinds.run(workspace, "train", {"dataset": stored, "split": "user-time:0.8", "recommender": "ease"})
    return home, {"data": stored, "lists": made["lists"]}


def shown(browser: Browser, theme: str) -> Page:
    context = browser.new_context(viewport={"width": 1280, "height": 800}, color_scheme=theme)  # type: ignore[arg-type]
    page = context.new_page()
    page.set_default_timeout(steps.HANG_MS)
    return page


@pytest.mark.timeout(steps.TEST_SECONDS)
def test_pages_can_be_read_and_heard(filled: tuple[Path, dict[str, str]], browser: Browser) -> None:
    home, known = filled
    server = Server(home)
    server.start()
    try:
        for theme in ("light", "dark"):
            page = shown(browser, theme)
            for path in (
                "",
                "data?tab=view",
                "audit?",
                "explore?",
                "mitigate?",
                "recommender?profile=%5B%22gender%22%5D",
            ):
                steps.visit(page, f"{server.url}/{path}{'&' if '?' in path else '?'}lists={known['lists']}")
                page.wait_for_function("!document.querySelector('[data-testid=stProgress]')")
                steps.rest(page)
                levels = page.evaluate(LEVELS)
                assert levels[0] == 1, path
                assert all(b <= a + 1 for a, b in pairwise(levels)), (path, levels)
                assert page.evaluate(NAMELESS) == [], path
                assert page.evaluate(TWICE) == [], path
                if path in ("audit?", "explore?"):
                    assert page.evaluate(CUT) == [], path
                    for key in ("Tab", "Shift+Tab"):
                        page.locator("[data-testid=stMain] [data-testid=stDataFrame] canvas").first.focus()
                        pressed = 0
                        while page.evaluate(INSIDE):
                            page.keyboard.press(key)
                            pressed += 1
                            assert pressed < 60, (path, key)
                for button in page.locator('[data-testid^="stBaseButton-primary"]:enabled, [data-tag] > span').all():
                    assert button.evaluate(CONTRAST) >= 4.5, (theme, path)
                for part in page.locator('[data-testid="stCaptionContainer"] :is(p, a)').all():
                    assert part.evaluate(CONTRAST) >= 4.5, (theme, path, part.inner_text())
            page.context.close()
    finally:
        server.kill()
        server.stop_jobs()


@pytest.mark.timeout(steps.TEST_SECONDS)
def test_the_tab_key_reaches_everything_and_is_held_nowhere(
    filled: tuple[Path, dict[str, str]], browser: Browser
) -> None:
    home, known = filled
    server = Server(home)
    server.start()
    try:
        page = shown(browser, "light")
        for path in ("audit?group=gender&", "explore?", "mitigate?act=lever&", "mitigate?"):
            steps.visit(page, f"{server.url}/{path}lists={known['lists']}")
            steps.rest(page)
            met: list[str] = []
            for _ in range(400):
                page.keyboard.press("Tab")
                at = page.evaluate(FOCUSED)
                if at is None and met:
                    break  # the end of the page: the browser's own controls come next
                met += [] if at is None else [at]
                assert met[-60:] != ["table"] * 60, path
                assert len(met) < 4 or len(set(met[-4:])) > 1 or at == "table", (path, at)
            else:
                raise AssertionError(f"the end of {path} is never reached")
            assert page.evaluate(UNMET) == [], path
        page.context.close()
    finally:
        server.kill()
        server.stop_jobs()
