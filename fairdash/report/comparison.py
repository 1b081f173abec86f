"""A comparison as a document: what moved, what it cost, who gained and who lost; then all numbers, and how they came
to be."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from fairdash import words
from fairdash.metrics.catalogue import METRICS, on_side
from fairdash.report import legal, pictures, shared
from fairdash.report.document import (
    Card,
    Cell,
    Document,
    Picture,
    Points,
    Section,
    Table,
    Text,
    Tone,
    between,
    number,
    section,
    sections,
    share,
)
from fairdash.report.known import Known
from fairdash.schema import UNKNOWN
from fairdash.stages.compare import LOST, UNDEFINED, WON, meant, sentences, title
from fairdash.stages.disclosure import aside, people_of, withheld

Value = Mapping[str, Any]
MARKS = dict.fromkeys(WON, "▲") | dict.fromkeys(LOST, "▼") | {
    "no change shown": "○", "only on its own": "◌", "changed": "◆", "undefined": words.DASH,
}  # fmt: skip
TONES: Mapping[str, Tone] = {**dict.fromkeys(WON, "good"), **dict.fromkeys(LOST, "bad")}


def document(value: Value, known: Known, made: datetime, *, frames: bool = False) -> Document:
    """The report of a comparison.json, as it is or read back. frames: also the sections that the laws on AI and on
    platforms ask for. Raises KeyError or TypeError for a value that is no comparison."""
    value = withheld(value)
    before, after = (words.label(name, 120) for name in value["names"])
    told = sentences(value)
    found = [section(words.say("What changed"), *_cards(value, told))]
    overall = {title(key): row for key, row in value["overall"].items() if key in on_side("accuracy")}
    means = words.say("Means over people with a liked held-out item; higher is better.")
    found.append(section(words.say("Accuracy, everybody"), _table(means, overall)))
    for attribute, named in value["gaps"].items():
        about = words.label(attribute)
        heading = words.say("Groups of {attribute}", attribute=about)
        groups = value["groups"][attribute]
        found.append(section(heading, moved(value, attribute), _groups(groups, value["people"], attribute)))
        caption = words.say("Difference between the highest and the lowest group, before and after; smaller is fairer.")
        rows = {title(key): row for key, row in named.items() if row["difference"] is not None}
        found.append(section(words.say("Gaps between groups of {attribute}", attribute=about), _table(caption, rows)))
    for attribute, named in value["model"].items():
        rows = {title(key): row for key, row in named.items()}
        heading = words.say("What the model makes of {attribute}", attribute=words.label(attribute))
        found.append(section(heading, _table(words.say("The model side."), rows)))
    found += _items(value["items"])
    found.append(section(words.say("What to be careful about"), Points(tuple(shared.caveats(value, known)))))
    found += [shared.data_card(known), shared.model_card(known)]
    found.append(shared.how_made(known, "comparison", value.get("conventions", {}), made))
    found.append(section(words.say("How to read this"), Text(_reading()), shared.definitions(_used(value))))
    if frames:
        found += legal.sections(known, tuple(told), tuple(shared.caveats(value, known)))
    return Document(f"{before} → {after}", shared.place(known, value["n_users"], value["k"]), made, sections(*found))


def _cards(value: Value, told: list[str]) -> list[Card | Points]:
    """The first sentence with who lost in it, and its picture; the others below."""
    if not told:
        return []
    aim = value.get("aim")
    verdict = str(aim["verdict"]) if aim else ""
    attribute = (aim or {}).get("attribute")
    attribute = attribute if attribute in value["groups"] else next(iter(value["groups"]), None)
    state = words.say("aim: {verdict}", verdict=meant(aim)) if aim else ""
    picture = None if attribute is None else moved(value, attribute)
    first = Card(MARKS.get(verdict, ""), state, told[0], (), TONES.get(verdict, ""), picture)
    return [first, Points(tuple(told[1:]))]


def moved(value: Value, attribute: str, metric: str = "ndcg") -> Picture | None:
    """A metric of each group that is large enough, before and after."""
    rows = []
    for name, group in value["groups"][attribute].items():
        row = group.get(metric)
        if group["small"] or name == UNKNOWN or not isinstance(row, Mapping) or row["difference"] is None:
            continue
        told = words.interval(row["before"], row["after"])
        label = words.group(words.people(attribute, name), people_of(group, metric))
        reach = tuple(row["before"] + end for end in row["ci"] if end is not None)
        rows.append(pictures.Row(label, row["after"], told=told, before=row["before"], reach=reach))
    alt = words.say(
        "{metric} of groups of {attribute}, before (circle) and after (diamond).",
        metric=title(metric),
        attribute=attribute,
    )
    return pictures.values(rows, alt)


def _items(items: Value) -> list[Section]:
    rows = {title(key): row for key, row in items.items() if "before" in row}
    found = [section(words.say("Items and providers"), _table(words.say("Over the whole catalogue."), rows))]
    for attribute, named in items.get("by_group", {}).items():
        shares = {name: row["exposure_share"] for name, row in named.items() if "exposure_share" in row}
        caption = words.say("Part of all exposure, 1 / log2(rank + 1) of each place, that goes to a group of items.")
        heading = words.say("Exposure by {title}", title=words.label(attribute))
        drawn = [
            pictures.Row(
                str(name), row["after"], told=words.interval(row["before"], row["after"]), before=row["before"]
            )
            for name, row in shares.items()
            if row["difference"] is not None
        ]
        alt = words.say("Exposure by {title}: bars after, strokes before.", title=attribute)
        found.append(section(heading, pictures.bars(drawn[: pictures.MOST], alt), _table(caption, shares)))
    return found


def _table(caption: str, rows: Mapping[str, Value]) -> Table:
    """A row a number, with what its change means."""
    lines = []
    for name, row in rows.items():
        verdict = str(row.get("verdict", UNDEFINED))
        meant = words.say(verdict)
        if row.get("changed_sides"):
            meant = words.say("{verdict}, changed sides", verdict=meant)
        last = Cell(f"{MARKS.get(verdict, '')} {meant}".strip(), meant, TONES.get(verdict, ""))
        difference = number(row["difference"], sign=True)
        ends = number(row["before"]), number(row["after"])
        lines.append((Cell(words.label(name, 80)), *ends, difference, between(row["ci"], sign=True), last))
    head = words.several("", "before", "after", "change", "95 % CI of the change", "")
    return Table(caption, _said(head), tuple(lines))


def _groups(named: Value, people: Value, attribute: str) -> Table:
    """NDCG of each group, before and after; of one that is too small the size alone."""
    lines = []
    for name, group in named.items():
        row = None if group["small"] else group.get("ndcg")
        told = {} if group["small"] else people.get(attribute, {}).get(name, {}).get("ndcg", {})
        n = people_of(group, "ndcg")
        apart = aside(name, n, group["small"])
        label = words.group(name, n) + (f" ({apart})" if apart and name != UNKNOWN else "")
        cells = [number(None if row is None else row[key]) for key in ("before", "after")]
        cells.append(number(None if row is None else row["difference"], sign=True))
        moved_shares = [share(told.get(key)) for key in ("better", "worse", "equal")]
        lines.append((Cell(label), *cells, between(None if row is None else row["ci"], sign=True), *moved_shares))
    caption = words.say(
        "NDCG by group (n: those with a liked held-out item), and the part of them whose list got better or worse."
    )
    head = words.several("", "NDCG before", "after", "change", "95 % CI", "better off", "worse off", "equal")
    return Table(caption, _said(head), tuple(lines))


def _said(head: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(words.say(name) if name else "" for name in head)


def _reading() -> str:
    return words.say(
        "Intervals are 95 % bootstrap intervals over people, on the same replicates before and after. A change counts "
        "as shown when its interval leaves 0 out; of the gaps of an attribute, when it does so after Holm’s correction "
        "for their number, else it is shown only on its own. “No change shown” is not “no change”: with few people "
        "only large changes can be seen."
    )


def _used(value: Value) -> set[str]:
    """Keys of the metrics that have a row."""
    used = {key for named in value["gaps"].values() for key, row in named.items() if row["difference"] is not None}
    used |= {key for key in value["overall"] if key in METRICS and key in on_side("accuracy")}
    used |= {key for named in value["model"].values() for key in named}
    return used | {key for key, row in value["items"].items() if "before" in row}
