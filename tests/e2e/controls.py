"""The controls of a page as the browser has them, found by their roles; and what a person does with each."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass

from playwright.sync_api import Locator, Page, TimeoutError, expect

from tests.e2e import steps

# What Streamlit hangs on its own elements: links to headings, tools above tables and pictures, arrows, question marks.
_NOT_OURS = (
    *("stHeaderActionElements", "stBaseButton-elementToolbar", "stTooltipHoverTarget"),
    *("stNumberInputStepUp", "stNumberInputStepDown"),
)
_KINDS = ("stFileUploader", "stDownloadButton", "stPopoverButton", "stMultiSelect", "stSelectbox")
# Each control that can be seen and used, marked so that it can be found again.
_FOUND = """([aside, kinds]) => {
  const roles = {BUTTON: 'button', TEXTAREA: 'textbox', SUMMARY: 'summary', A: 'link'};
  const types = {number: 'spinbutton', checkbox: 'checkbox', radio: 'radio', file: 'file', range: 'slider'};
  const within = (e, name) => e.closest(`[data-testid="${name}"]`) !== null;
  const arrow = e => e.tagName === 'BUTTON' && (within(e, 'stSelectbox') || within(e, 'stMultiSelect'));
  const seen = e => e.getClientRects().length > 0 || ['file', 'checkbox', 'range'].includes(e.type);
  document.querySelectorAll('[data-worked]').forEach(e => e.removeAttribute('data-worked'));
  return [...document.querySelectorAll('[data-testid="stMain"], [data-testid="stPopoverBody"]')]
    .flatMap(place => [...place.querySelectorAll('input, textarea, button, summary, a[href], [role=slider]')])
    .filter(e => !e.disabled && seen(e) && !arrow(e) && !aside.some(name => within(e, name)))
    .map((e, i) => {
      e.dataset.worked = i;
      const keyed = e.closest('[class*="st-key-"]');
      return {
        place: i,
        role: e.getAttribute('role') || roles[e.tagName] || types[e.type] || 'textbox',
        kind: kinds.find(name => within(e, name)) || '',
        key: keyed ? [...keyed.classList].find(name => name.startsWith('st-key-')).slice(7) : '',
        label: e.getAttribute('aria-label') || e.innerText || '',
        on: e.getAttribute('aria-checked') === 'true',
        href: e.getAttribute('href') || '',
        inside: within(e, 'stPopoverBody'),
        part: within(e, 'stButtonGroup')
          && !e.closest('[data-testid=stButtonGroup]').querySelector('[data-testid=stWidgetLabel]')?.clientHeight,
      };
    });
}"""
# All that a page says, and what its pictures and frames hold.
_SAYS = """() => [location.href, document.querySelector('[data-testid=stMain]').innerText,
  ...[...document.querySelectorAll('[data-testid=stMain] :is(input, textarea)')].map(e => e.value + e.checked),
  ...[...document.querySelectorAll('.js-plotly-plot')].map(e => e.querySelector('.main-svg').textContent),
  ...[...document.querySelectorAll('[aria-checked], details')].map(e => e.getAttribute('aria-checked') + e.open),
  ...[...document.querySelectorAll('iframe')].map(e => e.srcdoc.length)].join('|')"""
# Pictures whose marks can be clicked, plotly's and our own, and where the marks of one are that stand for something, in
# pixels of the window.
_PICTURES = """() => [...document.querySelectorAll('.js-plotly-plot, [data-marks]')]
  .filter(e => !e._fullLayout || e._fullLayout.clickmode.includes('select') && e._fullLayout.dragmode !== 'select')
  .map(e => [...e.closest('[class*="st-key-"]').classList].find(name => name.startsWith('st-key-')).slice(7))"""
_MARKS = """plot => {
  plot.scrollIntoView({block: 'center', behavior: 'instant'});
  const box = plot.getBoundingClientRect(), layout = plot._fullLayout;
  const middle = ({left, right, top, bottom}) => [(left + right) / 2, (top + bottom) / 2];
  const within = ([x, y]) => y > 70 && y < innerHeight - 10;
  if (!layout)
    return [...plot.querySelectorAll('[data-mark]')].map(one => middle(one.getBoundingClientRect())).filter(within);
  return plot._fullData.filter(trace => trace.visible === true && trace.x && trace.customdata).flatMap(trace => {
    const x = layout[trace.xaxis.replace('x', 'xaxis')], y = layout[trace.yaxis.replace('y', 'yaxis')];
    const bar = trace.type === 'bar', across = bar && trace.orientation === 'h' ? 2 : 1;
    const up = bar && trace.orientation !== 'h' ? 2 : 1;
    return [...trace.customdata.keys()]
      .filter(i => Array.isArray(trace.customdata[i]) && trace.customdata[i].length > 1)
      .map(i => [box.left + x._offset + x.d2p(across === 2 ? trace.x[i] / 2 : trace.x[i]),
        box.top + y._offset + y.d2p(trace.y[i] / up)]);
  }).filter(within);
}"""
# Where a slider begins and where it stands.
_RANGE = "e => [e.getAttribute('aria-valuemin') ?? e.min, e.getAttribute('aria-valuenow') ?? e.value]"
BUSY = "(() => document.querySelector('[class*=\"st-key-cancel-\"]') !== null)"


@dataclass(frozen=True)
class Control:
    """A control where it stands now. kind: Streamlit's, where the role does not say it; on: whether a choice is taken;
    inside: whether it is in an open popover; part: whether it changes a part of the page, as a choice without a label
    does."""

    place: int
    role: str
    kind: str
    key: str
    label: str
    on: bool
    href: str
    inside: bool
    part: bool

    @property
    def name(self) -> str:
        """What it is called among all that were worked: numbers of rows and people in it count for nothing."""
        own = self.label if self.part or not self.key or self.role == "link" else ""
        key = self.key.partition("-")[0] if self.role == "summary" else self.key  # of each metric of the guide one
        if key.startswith("set_"):  # of a recommender's options, which are made from their declarations, one of a kind
            key = "set_"
        return re.sub(r"\d+", "#", f"{self.role} {key} {own}".replace("\n", " "))


def found(page: Page) -> list[Control]:
    """Every control that stands on the page now, in its order; of a choice what is not taken: all parts of a page, else
    one."""
    every = [Control(**one) for one in page.evaluate(_FOUND, [list(_NOT_OURS), list(_KINDS)])]
    left: Counter[str] = Counter()
    kept = []
    for one in every:
        if one.role == "radio":
            left[one.key] += not one.on
            if one.on or (left[one.key] > 1 and not one.part):
                continue
        kept.append(one)
    return kept


def told(page: Page) -> str:
    """All that stands on the page, the link included."""
    return str(page.evaluate(_SAYS))


def changed(page: Page, before: str, what: object) -> None:
    """Until something else stands on the page, or a job begins: the answer to a press may take its time."""
    try:
        page.wait_for_function(f"before => {BUSY}() || ({_SAYS})() !== before", arg=before)
    except TimeoutError as fault:
        raise AssertionError(f"{what} changes nothing") from fault


def rest(page: Page) -> bool:
    """Until the page has come to rest, or polls a job; whether it does."""
    page.evaluate(steps.FRAMES)
    page.wait_for_function(f"() => {BUSY}() || ({steps.AT_REST})()")
    if not page.evaluate(BUSY):
        steps.rest(page)
    return bool(page.evaluate(BUSY))


def work(page: Page, one: Control) -> bool:
    """Do with a control what a person would: choose something else, type, move, press. Whether there was anything to
    do: a choice of one thing has no other."""
    at = page.locator(f'[data-worked="{one.place}"]')
    if one.role == "combobox":
        return _choose(page, at, several=one.kind == "stMultiSelect")
    if one.role == "spinbutton":
        now, low, step = (at.get_attribute(name) for name in ("value", "min", "step"))
        if not now:
            at.fill("0.1")
        else:
            least = low is not None and float(now) - float(step or 1) < float(low)
            at.press("ArrowUp" if least else "ArrowDown")
        at.press("Enter")
    elif one.role == "slider":
        low, now = at.evaluate(_RANGE)
        at.press("ArrowRight" if now == low else "ArrowLeft")
        at.blur()  # some wait for the hand to rest
    elif one.role in ("checkbox", "switch"):
        at.locator("xpath=ancestor::label").first.click()
    elif one.role == "textbox":
        at.fill(_typed(one.key, at.input_value(), at.get_attribute("placeholder") or ""))
        at.blur()
    elif one.role == "summary":
        was = at.evaluate("e => e.parentElement.open")
        at.click()
        page.wait_for_function("([e, was]) => e.parentElement.open !== was", arg=[at.element_handle(), was])
    else:
        at.click()
    return True


def _typed(key: str, now: str, example: str) -> str:
    """Other words than those that stand in a box, of the kind that is asked for."""
    kinds = {"split_date": "70%", "view_cut_": "20, 40", "stated_": example}
    return next((told for name, told in kinds.items() if key.startswith(name)), f"{now} 2".strip())


def _choose(page: Page, at: Locator, *, several: bool) -> bool:
    """Another option than the one that is taken; whether there is one."""
    options = page.get_by_role("option")

    def opened() -> bool:
        if not at.count():  # it was drawn anew since it was found
            found(page)
        if at.get_attribute("aria-expanded") != "true":  # a run of the page that ends meanwhile closes it
            at.press("ArrowDown")
        return options.count() > 0

    now = at.input_value()
    steps.until(opened, "the options are shown")
    names = [name.strip() for name in options.all_inner_texts()]
    first = names.index(now) + 1 if now in names else 0  # the next one, as the first is often “any”
    order = [*range(first, len(names)), *range(first)]
    other = next((i for i in order if names[i] and names[i] != now), None)
    if other is not None:
        options.nth(other).click()
    if several or other is None:
        page.keyboard.press("Escape")
    return other is not None


def pictures(page: Page) -> list[str]:
    """The keys of the pictures whose marks can be clicked."""
    return list(page.evaluate(_PICTURES))


def click_marks(page: Page, key: str, most: int = 3) -> bool:
    """Click marks of a picture, until the page says something else; whether it does."""
    plot = page.locator(f".st-key-{key}").locator(".js-plotly-plot, [data-marks]").first
    before = told(page)
    for x, y in plot.evaluate(_MARKS)[:most]:
        page.mouse.move(x, y)
        known = page.locator(f".st-key-{key}").locator(".hoverlayer .hovertext, .told").first
        expect(known).to_be_visible()  # what is under the mouse is known
        page.mouse.down()
        page.mouse.up()
        rest(page)
        if told(page) != before:
            return True
    return False
