"""An audit as a document: what was found first, then who is in the data, every gap, the items, the model, and how the
numbers came to be."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from fairdash import charts, words
from fairdash.metrics.catalogue import METRICS, on_side, part
from fairdash.report import findings, legal, pictures, shared
from fairdash.report.document import (
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
from fairdash.stages import feed
from fairdash.stages.compare import title
from fairdash.stages.disclosure import aside, people_of, withheld

Value = Mapping[str, Any]
MARKS = {"found": "◆", "alone": "◇", "none": "○", "untested": "×", "undefined": words.DASH}
TONES: Mapping[str, Tone] = {"found": "bad"}
_LEADING = ("ndcg", "hit", "recall")  # the first of these that there is stands first, and in the picture
_BESIDE = ("miscalibration", "popularity_lift", "aplt")  # of each group, without intervals
_EXPOSURE = {
    "catalogue_share": words.later("catalogue"),
    "interaction_share": words.later("interactions"),
    "relevant_share": words.later("liked items"),
    "exposure_share": words.later("exposure"),
}


def document(value: Value, known: Known, made: datetime, *, frames: bool = False) -> Document:
    """The report of an audit.json, as it is or read back. frames: also the sections that the laws on AI and on
    platforms ask for. Raises KeyError or TypeError for a value that is no audit of one system."""
    value = withheld(value)
    k, careful = value["k"], shared.caveats(value, known)
    cards = feed.feed(value, things=known.things())
    found = [section(words.say("What was found"), *findings.parts(cards))]
    for attribute, groups in value["groups"].items():
        about = words.label(attribute)
        heading = words.say("Groups of {attribute}", attribute=about)
        found.append(section(heading, by_group(value, attribute), _groups(groups, value["n_users"], k)))
        heading = words.say("Gaps between groups of {attribute}", attribute=about)
        found.append(section(heading, _gaps(value, attribute)))
    found.append(section(words.say("Accuracy, everybody"), _overall(value)))
    found += _items(value["items"])
    found += [
        _model(attribute, named) for attribute, named in value.get("model", {}).items() if attribute in value["groups"]
    ]
    found.append(section(words.say("What to be careful about"), Points(tuple(careful))))
    found += [shared.data_card(known), shared.model_card(known)]
    found.append(shared.how_made(known, "audit", value["conventions"], made))
    reading = words.say(
        "An interval holds the true value in 95 of 100 such samples of people; a gap whose interval leaves 0 out is "
        "more than chance would give. A difference is found where it holds among all metrics of its attribute (Holm), "
        "and counts only on its own where it would hold if nobody had looked at the others. “No difference found” is "
        "not “no difference”: the smallest gap that could have been seen stands beside it."
    )
    found.append(section(words.say("How to read this"), Text(reading), shared.definitions(_used(value))))
    if frames:
        told = [card.sentence for card in cards if card.kind == "found"]
        found += legal.sections(known, tuple(told), tuple(careful))
    name = known.lists[0].title if known.lists else words.say("lists that were brought")
    heading = words.say("Audit of {title}", title=words.label(name, 120))
    return Document(heading, shared.place(known, value["n_users"], k), made, sections(*found))


def at_k(key: str, k: int) -> str:
    """A metric's title, with K where it is one of accuracy."""
    return title(key) + (f"@{k}" if key in on_side("accuracy") else "")


def by_group(value: Value, attribute: str, metric: str = "") -> Picture | None:
    """A metric of each group that is large enough, with intervals, beside everybody's."""
    groups = value["groups"][attribute]
    metric = metric or next((key for key in _LEADING if any(key in group for group in groups.values())), "")
    rows = []
    for name, group in groups.items():
        if group["small"] or name == UNKNOWN or group.get(metric) is None:
            continue
        low, high = group.get(f"{metric}_ci") or (None, None)
        told = words.number(group[metric])
        rows.append(
            pictures.Row(
                words.group(words.people(attribute, name), people_of(group, metric)), group[metric], low, high, told
            )
        )
    everybody = value["overall"].get(metric)
    alt = words.say(
        "{metric} by {attribute}, with 95 % intervals.", metric=at_k(metric, value["k"]), attribute=attribute
    )
    line = words.say("everybody, {value}", value=words.number(everybody))
    return pictures.values(rows, alt, line=everybody, line_told=line) if rows else None


def _groups(groups: Value, n_users: int, k: int) -> Table:
    """Sizes, and the leading metrics of those that are large enough."""
    there = [key for key in (*_LEADING, *_BESIDE) if any(group.get(key) is not None for group in groups.values())]
    leading = [key for key in there if key in _LEADING][:1]
    beside = [key for key in there if key in _BESIDE]
    rows = []
    for name, group in groups.items():
        n = int(group["n"])
        apart = aside(name, n, group["small"])
        label = words.label(name) + (f" ({apart})" if apart and name != UNKNOWN else "")
        row = [Cell(label), Cell(words.count(n), n), share(n / n_users)]
        told = {} if group["small"] else group
        for key in leading:
            row += [number(told.get(key)), between(told.get(f"{key}_ci"))]
        rows.append((*row, *(number(told.get(key)) for key in beside)))
    head = ["", words.say("people"), words.say("of all")]
    head += [told for key in leading for told in (at_k(key, k), words.say("95 % CI"))]
    head += [at_k(key, k) for key in beside]
    caption = words.say("Who is in the groups, and what their lists are like.")
    return Table(caption, tuple(head), tuple(rows))


def _gaps(value: Value, attribute: str) -> Table:
    """Every gap with its interval and test, in the order of the catalogue."""
    rows = []
    for key, row in value["gaps"].get(attribute, {}).items():
        info = part(key)
        of_ratio = getattr(info, "gap_field", "gap") == "ratio"
        gap = row.get("ratio" if of_ratio else "gap")
        if gap is None:
            continue
        state = charts.verdict(row)
        pair = words.say(" over ").join(words.label(name, 24) for name in row["pair"]) if row.get("pair") else ""
        seen = row.get("detectable") if state in ("none", "alone") else None
        last = Cell(f"{MARKS[state]} {words.say(charts.VERDICTS[state][0])}", state, TONES.get(state, ""))
        told = (
            number(gap),
            between(None if of_ratio else row.get("ci")),
            Cell(pair, pair, "quiet"),
            number(row.get("p_holm")),
        )
        rows.append((Cell(title(key)), *told, number(seen), last))
    head = words.several("", "gap", "95 % CI", "between", "p (Holm)", "could be seen from", "")
    caption = words.say(
        "The higher group over the lower one. Differences that were not found say from which size on they would have "
        "been."
    )
    return Table(caption, tuple(words.say(name) if name else "" for name in head), tuple(rows))


def _overall(value: Value) -> Table:
    overall = value["overall"]
    rows = [
        (Cell(at_k(key, value["k"])), number(overall[key]), between(overall.get(f"{key}_ci")))
        for key in METRICS
        if overall.get(key) is not None
    ]
    columns = ("", words.say("value"), words.say("95 % CI"))
    return Table(words.say("Means over everybody who has a value."), columns, tuple(rows))


def _items(items: Value) -> list[Section]:
    rows = [
        (Cell(title(key)), number(items[key]), between(items.get(f"{key}_ci")))
        for key in METRICS
        if isinstance(items.get(key), int | float)
    ]
    columns = ("", words.say("value"), words.say("95 % CI"))
    whole = Table(words.say("Over the whole catalogue."), columns, tuple(rows))
    found = [section(words.say("Items and providers"), whole)]
    for attribute, named in items.get("by_group", {}).items():
        lines = [
            (Cell(words.label(name)), *(share(row.get(key), 1) for key in _EXPOSURE),
             between(row.get("exposure_share_ci")))
            for name, row in named.items()
        ]  # fmt: skip
        head = ("", *(words.say(told) for told in _EXPOSURE.values()), words.say("95 % CI of the exposure"))
        caption = words.say("Part of all items, of what was known, of what is liked, and of the places of the lists.")
        heading = words.say("Exposure by {title}", title=words.label(attribute))
        found.append(section(heading, exposure(named, attribute), Table(caption, head, tuple(lines))))
    return found


def exposure(named: Value, attribute: str) -> Picture | None:
    """The share of exposure of each group of items; a stroke where its share of the catalogue is."""
    rows = [
        pictures.Row(
            words.label(name),
            row["exposure_share"],
            told=words.say(
                "{shown}, catalogue {there}",
                shown=words.percent(row["exposure_share"], 0),
                there=words.percent(row.get("catalogue_share"), 0),
            ),
            before=row.get("catalogue_share"),
        )
        for name, row in named.items()
        if row.get("exposure_share") is not None
    ]
    alt = words.say("Exposure by {title}: bars; strokes: its share of the catalogue.", title=attribute)
    return pictures.bars(rows[: pictures.MOST], alt)


def _model(attribute: str, named: Value) -> Section:
    rows = [
        (Cell(title(key)), number(row["value"]), between(row.get("ci")), number(row.get("p_value")))
        for key, row in named.items()
        if isinstance(row, Mapping) and row.get("value") is not None
    ]
    columns = ("", words.say("value"), words.say("95 % CI"), words.say("p"))
    heading = words.say("What the model makes of {attribute}", attribute=words.label(attribute))
    return section(heading, Table(words.say("The model side."), columns, tuple(rows)))


def _used(value: Value) -> set[str]:
    """Keys of the metrics that have a row."""
    used = {key for named in value["gaps"].values() for key, row in named.items() if row.get("gap") is not None}
    used |= {key for key in METRICS if value["overall"].get(key) is not None}
    used |= {key for key in METRICS if isinstance(value["items"].get(key), int | float)}
    return used | {key for named in value.get("model", {}).values() for key in named}
