"""The cards of the feed as cards of a report: what was found, in things people know, with its numbers and a picture."""

from __future__ import annotations

import math
from collections.abc import Sequence

from fairdash import words
from fairdash.report import pictures
from fairdash.report.document import Card, Picture, Points, Text, Tone
from fairdash.stages import feed

MOST, MOST_BARS = 6, 6  # cards of a report, and groups in the picture of one; the tables hold all
STATES: dict[feed.Kind, tuple[str, str, Tone]] = {  # mark, name, tone
    "found": ("◆", words.later("difference found"), "bad"),
    "alone": ("◇", words.later("only on its own"), ""),
    "few": ("…", words.later("too few people to see"), ""),
    "untested": ("×", words.later("not tested"), ""),
    "none": ("○", words.later("no difference found"), ""),
}


def parts(cards: Sequence[feed.Card]) -> list[Card | Points | Text]:
    """The first findings with their pictures; below them, in a line each, what was not found or could not be seen."""
    shown = [card for card in cards if card.kind in ("found", "alone")][:MOST]
    found: list[Card | Points | Text] = [card(one) for one in shown]
    if not shown:
        found.append(Text(words.say("No difference was found between groups.")))
    return [*found, Points(tuple(unseen(cards)))]


def unseen(cards: Sequence[feed.Card]) -> list[str]:
    """What was asked and not found, could not be seen, or has no test, in a sentence each."""
    return [
        words.say("{state}: {finding}", state=_state(one), finding=one.plain) if one.kind == "untested" else one.plain
        for one in cards
        if one.kind not in ("found", "alone")
    ]


def card(one: feed.Card) -> Card:
    """One finding: in things people know, then with its numbers."""
    mark, _, tone = STATES[one.kind]
    return Card(mark, _state(one), one.plain, (one.sentence,), tone, picture(one))


def _state(one: feed.Card) -> str:
    return words.sentence(words.say(STATES[one.kind][1]))


def _named(one: feed.Card, bar: feed.Bar) -> str:
    name = feed.named(one, bar.name)
    return words.group(name, bar.n) if bar.n else name


def picture(one: feed.Card) -> Picture | None:
    """The values that a finding is about: its groups, and the line that they are held against."""
    share = one.of is not None or one.about == "items"
    told = (lambda value: words.percent(value, 0)) if share else words.number
    bars = [bar for bar in one.bars if not math.isnan(bar.value)]
    if len(bars) > MOST_BARS:  # the two that the finding is about, and the largest of the others
        first = [bar for bar in bars if bar.name in one.concerned]
        others = sorted((bar for bar in bars if bar not in first), key=lambda bar: -bar.n)
        kept = [*first, *others[: MOST_BARS - len(first)]]
        bars = [bar for bar in bars if bar in kept]
    rows = [
        pictures.Row(
            _named(one, bar),
            bar.value,
            None if math.isnan(bar.low) else bar.low,
            None if math.isnan(bar.high) else bar.high,
            told(bar.value),
        )
        for bar in bars
    ]
    line = one.beside if one.of is None else None
    name = words.say("its share of the catalogue") if one.about == "items" else words.say("everybody")
    name = words.say("chance") if one.about == "model" else name
    named = words.say("{line}, {value}", line=name, value=told(line)) if line is not None else ""
    return pictures.values(rows, one.plain, line=line, line_told=named)
