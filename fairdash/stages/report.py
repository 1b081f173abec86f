"""A comparison as one HTML page: no script, nothing loaded from elsewhere, readable on paper, in the language of
whoever is spoken to.

    page = html(comparison)        # the value of comparison.json, as it is or read back from the file

Every text that came with the data is escaped. A picture never stands without its table.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

from fairdash import __version__, words
from fairdash.metrics.catalogue import METRICS, on_side
from fairdash.stages.compare import FAIRER, UNDEFINED, WORSE, sentences, title
from fairdash.stages.disclosure import aside, people_of, withheld

WIDTH, ROW, LEFT, RIGHT = 720, 30, 250, 24  # of a picture, in pixels
MARKS = {"fairer": "▲", "less fair": "▼", "no change shown": "○", "only on its own": "◌", "changed": "◆",
         "undefined": words.DASH}  # fmt: skip
_ONE_SCALE = (*on_side("accuracy"), "equal_opportunity_difference", "category_divergence", "score_ks", "miscalibration")

_STYLE = """
:root { color-scheme: light dark; --ink: #1c2430; --soft: #5b6675; --line: #d8dee6; --ground: #fff; --old: #8a94a3;
  --new: #0072b2; --good: #007a5a; --bad: #b34700; }
@media (prefers-color-scheme: dark) { :root { --ink: #e7ebf0; --soft: #a3adba; --line: #37414e; --ground: #12171e;
  --old: #8a94a3; --new: #56b4e9; --good: #35c597; --bad: #f0924c; } }
@media print { :root { color-scheme: light; --ink: #000; --soft: #444; --line: #bbb; --ground: #fff; --new: #0072b2; } }
body { font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--ground); max-width: 62rem;
  margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.7rem; line-height: 1.25; margin: 0 0 .3rem; } h2 { margin: 2.2rem 0 .5rem; font-size: 1.25rem; }
p.soft, caption, small { color: var(--soft); } ul.findings { font-size: 1.1rem; padding-left: 1.2rem; }
.scroll { overflow-x: auto; } table { border-collapse: collapse; width: 100%; font-size: .9rem; }
caption { text-align: left; padding: .3rem 0; } th, td { padding: .3rem .6rem; border-bottom: 1px solid var(--line);
  text-align: right; white-space: nowrap; } th:first-child, td:first-child { text-align: left; white-space: normal; }
td.good { color: var(--good); } td.bad { color: var(--bad); } svg { max-width: 100%; height: auto; }
svg text { fill: var(--ink); font: 13px system-ui, sans-serif; } svg .soft { fill: var(--soft); }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .2rem 1rem; } dt { color: var(--soft); }
dd { margin: 0; } section { break-inside: avoid-page; }
"""


def html(value: Mapping[str, Any]) -> str:
    """The page [one string]. Raises KeyError or TypeError for a value that is no comparison."""
    value = withheld(value)
    before, after = (str(name) for name in value["names"])
    about = value["about"]
    place = " · ".join(str(about[key]) for key in ("data", "split") if about.get(key))
    parts = [
        f"<h1>{escape(before)} → {escape(after)}</h1>",
        f'<p class="soft">{escape(place)}{" · " if place else ""}'
        f"{words.count(value['n_users'], 'person', 'people')} · "
        f"{words.say('lists of {items}', items=words.count(value['k'], 'item'))}</p>",
        '<ul class="findings">',
        *(f"<li>{escape(str(line))}</li>" for line in sentences(value)),
        "</ul>",
        _section(
            words.say("Accuracy, everybody"),
            _table(
                words.say("Means over people with a liked held-out item; higher is better."),
                {title(key): row for key, row in value["overall"].items() if key in on_side("accuracy")},
                {FAIRER: words.later("better"), WORSE: words.later("worse")},
            ),
        ),
    ]
    for attribute, named in value["gaps"].items():
        rows = {title(key): row for key, row in named.items() if row["difference"] is not None}
        caption = words.say("Difference between the highest and the lowest group, before and after; smaller is fairer.")
        # Ratios and counts have other scales; they stand in the table alone.
        drawn = {title(key): named[key] for key in _ONE_SCALE if named.get(key, {}).get("difference") is not None}
        heading = words.say("Gaps between groups of {attribute}", attribute=attribute)
        parts.append(_section(heading, _picture(drawn), _table(caption, rows)))
        heading = words.say("Groups of {attribute}", attribute=attribute)
        parts.append(_section(heading, _groups(value["groups"][attribute], value["people"], attribute)))
    for attribute, named in value["model"].items():
        rows = {title(key): row for key, row in named.items()}
        heading = words.say("What the model makes of {attribute}", attribute=attribute)
        parts.append(_section(heading, _table(words.say("The model side."), rows)))
    items = value["items"]
    rows = {title(key): row for key, row in items.items() if "before" in row}
    parts.append(_section(words.say("Items and providers"), _table(words.say("Over the whole catalogue."), rows)))
    for attribute, named in items.get("by_group", {}).items():
        shares = {name: row["exposure_share"] for name, row in named.items() if "exposure_share" in row}
        caption = words.say("Part of all exposure, 1 / log2(rank + 1) of each place, that goes to a group of items.")
        parts.append(_section(words.say("Exposure by {title}", title=attribute), _table(caption, shares)))
    parts.append(_section(words.say("How both came to be"), _about(about)))
    parts.append(_section(words.say("How to read this"), _legend(value)))
    heading = escape(f"{before} → {after}")
    return (
        f'<!doctype html><html lang="{escape(words.spoken())}"><head><meta charset="utf-8">'
        f"<title>{heading}</title>"
        # The page needs no script and nothing from elsewhere, and says so to the browser.
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>{_STYLE}</style></head><body><main>{''.join(parts)}</main>"
        f'<p class="soft"><small>FairDash {__version__}</small></p></body></html>'
    )


def _section(title: str, *parts: str) -> str:
    body = "".join(parts)
    return f"<section><h2>{escape(title)}</h2>{body}</section>" if body else ""


def _table(caption: str, rows: Mapping[str, Mapping[str, Any]], told: Mapping[str, str] | None = None) -> str:
    """A row a number, with what its change means; `told` says it otherwise than "fairer" and "less fair"."""
    if not rows:
        return ""
    lines = []
    for name, row in rows.items():
        verdict = str(row.get("verdict", UNDEFINED))
        look = {FAIRER: "good", WORSE: "bad"}.get(verdict, "")
        meant = words.say((told or {}).get(verdict, verdict))
        if row.get("changed_sides"):
            meant = words.say("{verdict}, changed sides", verdict=meant)
        lines.append(
            f"<tr><td>{escape(name)}</td><td>{_number(row['before'])}</td><td>{_number(row['after'])}</td>"
            f"<td>{_number(row['difference'], sign=True)}</td><td>{_interval(row['ci'])}</td>"
            f'<td class="{look}">{MARKS.get(verdict, "")} {escape(meant)}</td></tr>'
        )
    head = _head(words.several("", "before", "after", "change", "95 % CI of the change", ""))
    return (
        f'<div class="scroll"><table><caption>{escape(caption)}</caption><thead><tr>{head}</tr></thead>'
        f"<tbody>{''.join(lines)}</tbody></table></div>"
    )


def _groups(named: Mapping[str, Any], people: Mapping[str, Any], attribute: str) -> str:
    lines = []
    for name, group in named.items():
        row = group.get("ndcg")
        told = people.get(attribute, {}).get(name, {}).get("ndcg", {})
        cells = (
            [_number(row[key], sign=key == "difference") for key in ("before", "after", "difference")]
            if row is not None
            else [words.DASH] * 3
        )
        moved = [_share(told.get(key)) for key in ("better", "worse", "equal")]
        n = people_of(group, "ndcg")
        apart = aside(name, n, group["small"])
        small = f" ({apart})" if apart else ""
        lines.append(
            f"<tr><td>{escape(words.group(name, n) + small)}</td>"
            + "".join(f"<td>{cell}</td>" for cell in [*cells, _interval(row["ci"] if row else None), *moved])
            + "</tr>"
        )
    head = _head(words.several("", "NDCG before", "after", "change", "95 % CI", "better off", "worse off", "equal"))
    caption = words.say(
        "NDCG by group (n: those with a liked held-out item), and the part of them whose list got better or worse."
    )
    return (
        f'<div class="scroll"><table><caption>{escape(caption)}</caption>'
        f"<thead><tr>{head}</tr></thead><tbody>{''.join(lines)}</tbody></table></div>"
    )


def _head(names: Sequence[str]) -> str:
    return "".join(f"<th>{escape(words.say(name))}</th>" for name in names)


def _picture(rows: Mapping[str, Mapping[str, Any]]) -> str:
    """Before (hollow) and after (filled) on one axis, a row a metric; drawn as SVG."""
    if not rows:
        return ""
    ends = [float(row[key]) for row in rows.values() for key in ("before", "after")]
    low, high = min(0.0, *ends), max(0.0, *ends)
    span = (high - low) or 1.0
    height = ROW * len(rows) + 40

    def x(value: float) -> float:
        return round(LEFT + (value - low) / span * (WIDTH - LEFT - RIGHT), 1)

    marks = []
    for i, (name, row) in enumerate(rows.items()):
        y = 20 + ROW * i
        old, new = x(float(row["before"])), x(float(row["after"]))
        shown = escape(name if len(name) <= 34 else name[:33] + "…")
        marks.append(
            f'<text x="0" y="{y + 4}">{shown}</text>'
            f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y}" y2="{y}" stroke="var(--line)"/>'
            f'<line x1="{old}" x2="{new}" y1="{y}" y2="{y}" stroke="var(--new)" stroke-width="2"/>'
            f'<circle cx="{old}" cy="{y}" r="5" fill="var(--ground)" stroke="var(--old)" stroke-width="2"/>'
            f'<path d="M{new} {y - 6} l6 6 l-6 6 l-6 -6 z" fill="var(--new)"/>'
        )
    foot = height - 12
    axis = "".join(
        f'<text class="soft" x="{x(value)}" y="{foot}" text-anchor="middle">{words.number(value, 2)}</text>'
        for value in (low, (low + high) / 2, high)
    )
    alt = words.say("Gaps before (circle) and after (diamond); the table below holds the numbers")
    return (
        f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{escape(alt)}">{"".join(marks)}{axis}</svg>'
        f'<p class="soft"><small>{escape(words.say("○ before  ◆ after"))}</small></p>'
    )


def _about(about: Mapping[str, Any]) -> str:
    lines = []
    for side, heading in (("before", words.say("Before")), ("after", words.say("After"))):
        told = about.get(side)
        if not isinstance(told, Mapping):
            continue
        entries: list[tuple[str, Any]] = [
            (words.say("Lists"), told.get("title")), (words.say("Recommender"), told.get("recommender"))
        ]  # fmt: skip
        if told.get("recommender"):
            options = words.say(", ").join(f"{key} = {value}" for key, value in (told.get("options") or {}).items())
            entries.append((words.say("Options"), options or words.say("defaults")))
            entries.append((words.say("Seed"), str(told.get("seed"))))
        chosen = told.get("mitigation")
        steps = [*(told.get("mitigations") or ()), *(told.get("first") or ()), *([chosen] if chosen else ())]
        entries.append((words.say("Mitigation"), words.say(", then ").join(dict.fromkeys(map(_step, steps)))))
        if chosen:
            tried = told.get("tuning")
            among = words.say("chosen on validation among {n}", n=len(tried)) if tried else words.say("as given")
            entries.append((words.say("Strength"), among))
        trained = told.get("train_seconds")
        if trained is not None:
            entries.append((words.say("Training"), f"{words.duration(trained)}. {told.get('device_sentence') or ''}"))
        rows = "".join(f"<dt>{escape(name)}</dt><dd>{escape(str(text))}</dd>" for name, text in entries if text)
        lines.append(f"<h3>{escape(heading)}</h3><dl>{rows}</dl>")
    return "".join(lines)


def _step(step: Mapping[str, Any]) -> str:
    """A method, its strength, and whom it is meant for."""
    groups = [" × ".join(group["attributes"]) for group in step.get("groups") or ()]
    items = step.get("item_group")
    meant = [
        *groups,
        *([words.say("items by {attribute}", attribute=" × ".join(items["attributes"]))] if items else []),
    ]
    told = {"method": step["method"], "strength": words.brief(step["strength"])}
    if not meant:
        return words.say("{method}, strength {strength}", **told)
    return words.say("{method}, strength {strength}, for {groups}", groups=words.join(meant), **told)


def _legend(value: Mapping[str, Any]) -> str:
    used = {key.split(":")[0] for named in value["gaps"].values() for key in named}
    used |= {*value["overall"], *(key for key, row in value["items"].items() if "before" in row)}
    rows = "".join(
        f"<dt>{escape(title(key))}</dt><dd>{escape(words.say(METRICS[key].formula))}"
        f"{'. ' + escape(METRICS[key].paper) if METRICS[key].paper else ''}</dd>"
        for key in METRICS
        if key in used
    )
    said = words.say(
        "Intervals are 95 % bootstrap intervals over people, on the same replicates before and after. A change counts "
        "as shown when its interval leaves 0 out; of the gaps of an attribute, when it does so after Holm’s correction "
        "for their number, else it is shown only on its own. “No change shown” is not “no change”: with few people "
        "only large changes can be seen."
    )
    notes = [*value["about"].get("split_notes", ()), *value["warnings"]]
    return f"<p>{escape(said)}</p>{_list(notes)}<dl>{rows}</dl>"


def _list(lines: Iterable[str]) -> str:
    found = "".join(f"<li>{escape(str(line))}</li>" for line in lines)
    return f"<ul>{found}</ul>" if found else ""


def _number(value: float | None, *, sign: bool = False) -> str:
    """A dash where there is no value: a cell holds no word."""
    if value is None or math.isnan(value):
        return words.DASH
    return (words.signed if sign else words.number)(value, 4)


def _interval(ci: Sequence[float | None] | None) -> str:
    return words.DASH if ci is None or None in ci else words.interval(ci[0], ci[1], 4, sign=True)


def _share(value: float | None) -> str:
    return words.DASH if value is None else words.percent(value, 0)
