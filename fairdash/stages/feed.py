"""The feed: from an audit of many attributes at once to cards, the largest and surest finding first.

Each attribute, crossing, way to group items and model is asked a few questions that people understand, not every metric
there is; the rest stands in the audit. A card says the answer twice: with its numbers, and in things people know. All
questions that have a test are one family: `p_feed` is Holm's over all of them, whichever are looked at.

Cards are ordered by what is sure of their size: the end of the interval on the side of no difference, as a part of
everybody's value. A crossing that repeats what one of its attributes shows alone comes after what is new.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd
from scipy.special import ndtr

from fairdash import groups, item_classes, settings, words
from fairdash.activity import ACTIVITY
from fairdash.item_classes import POPULARITY
from fairdash.metrics.bootstrap import ALPHA, Z, holm
from fairdash.metrics.catalogue import METRICS, on_side
from fairdash.metrics.rates import difference
from fairdash.schema import CATEGORIES, UNKNOWN, GroupSpec
from fairdash.stages.advise import Suggestion, suggestions
from fairdash.stages.audit import AuditSpec
from fairdash.stages.disclosure import people_of

Audit = Mapping[str, Any]
Row = Mapping[str, Any]
Kind = Literal["found", "alone", "few", "untested", "none"]
About = Literal["people", "items", "model"]
Target = Literal["catalogue", "interactions", "uniform", "liked"]

ATTRIBUTES, CROSSED, ITEM_ATTRIBUTES = 6, 3, 4  # attributes that the feed looks at, and the first ones that it crosses
LARGE = 0.2  # part of everybody's value: where a difference of this size could stay unseen, there are too few people
SEEN = 0.05  # of K items, below which a difference is told of a hundred items instead
_SHARES: Mapping[Target, str] = {
    "catalogue": "catalogue_share",
    "interactions": "interaction_share",
    "liked": "relevant_share",
}


@dataclass(frozen=True)
class Question:
    """What is asked of every attribute of people. title: in what people may differ. metrics: that answer it; the surest
    answer is shown. families: of metrics, that have them."""

    title: words.Said
    metrics: tuple[str, ...]
    families: tuple[str, ...]


QUESTIONS: Mapping[str, Question] = {
    "accuracy": Question("how well lists fit", ("ndcg", "hit"), ("accuracy",)),
    "kinds": Question("what kinds they get", ("category_divergence",), ("categories",)),
    "taste": Question("how lists follow their taste", ("miscalibration",), ("categories",)),
    "popularity": Question("how popular what they get is", ("popularity_lift",), ("popularity",)),
}
FAMILIES = tuple(dict.fromkeys(name for one in QUESTIONS.values() for name in (*one.families, "exposure")))


@dataclass(frozen=True)
class Bar:
    """A line of a card's picture: a group, how many it has, its value with the interval; NaN where there is none."""

    name: str
    n: int
    value: float
    low: float = math.nan
    high: float = math.nan


@dataclass(frozen=True)
class Card:
    """kind: `found` among all that the feed asks, `alone` only if it were the one question, `few` people to see even a
    large difference, `untested`, or `none`: not found, and a large one would have been seen. question: of QUESTIONS, or
    "exposure", "leakage", "flip". pair: the higher and the lower group. worse: which of them is worse off, where one
    is. of: the category. size: the difference in the metric's own units, ci its 95 % interval; part: of everybody's
    value; certain: the end of the interval next to none, as such a part. p: of this question alone; p_feed: among all
    `tests`. seen: from which part on a true difference would have been found with probability 0.8. plain: the finding
    in things people know. bars, beside: what a small picture shows, and the line it is held against.
    concerned: the groups that it is about. link: the query under which the Audit page shows it."""

    kind: Kind
    about: About
    question: str
    attribute: str
    metric: str
    pair: tuple[str, str] | None
    worse: str | None
    of: str | None
    size: float
    ci: tuple[float, float] | None
    part: float
    certain: float
    p: float | None
    sentence: str
    plain: str
    bars: tuple[Bar, ...] = ()
    beside: float | None = None
    concerned: tuple[str, ...] = ()
    link: Mapping[str, str] = field(default_factory=dict)
    seen: float = math.nan
    p_feed: float | None = None
    tests: int = 0


# --- what is asked ----------------------------------------------------------------------------------------------------


def spec(
    people: Sequence[GroupSpec],
    items: Sequence[GroupSpec] = (),
    *,
    also: Sequence[GroupSpec] = (),
    k: int = settings.K,
) -> AuditSpec:
    """The audit that the feed is made from: the first attributes of people, such as `groups.suggest` finds, and the
    crossings of the first of them; the first ways to group items. also: groups of people besides. How active people are
    is no part of it unless asked for: whoever has more held-out items has more to hit."""
    each = [one for one in people if one.label != ACTIVITY][:ATTRIBUTES]
    crossed = [GroupSpec.crossed(pair) for pair in combinations(each[:CROSSED], 2)]
    asked = {one.label: one for one in (*each, *crossed, *also)}
    return AuditSpec(tuple(asked.values()), tuple(items[:ITEM_ATTRIBUTES]), k, only=FAMILIES)


def ways(people: pd.DataFrame, items: pd.DataFrame, *, popularity: bool) -> AuditSpec:
    """The same of tables of people and of items, with their usual cuts. popularity: whether head and tail are known."""
    return spec(groups.suggest(people), item_classes.ways(groups.suggest(items), popularity=popularity))


# --- the feed ---------------------------------------------------------------------------------------------------------


def feed(audit: Audit, *, things: str = "", target: Target = "catalogue") -> tuple[Card, ...]:
    """The cards of an audit.json from which values of very few are withheld (`disclosure.withheld`). things: what items
    are called, in the person's language; "": items. target: what the exposure of groups of items is held against."""
    things = things or words.say(_THINGS)
    asked = [*_people(audit, things), *_items(audit, target, things), *_model(audit, things)]
    adjusted = holm([math.nan if card.p is None else card.p for card in asked])
    tests = sum(card.p is not None for card in asked)
    surest: dict[tuple[str, str, str], Card] = {}
    for card in (_judged(card, p, tests) for card, p in zip(asked, adjusted, strict=True)):
        key = (card.about, card.attribute, card.question)
        surest[key] = min(surest.get(key, card), card, key=_order)
    found = {(card.attribute, card.question) for card in surest.values() if card.kind == "found"}
    return tuple(sorted(surest.values(), key=lambda card: (*_order(card)[:1], _echo(card, found), *_order(card)[1:])))


_KINDS: tuple[Kind, ...] = get_args(Kind)
_ABOUTS: tuple[About, ...] = get_args(About)
_THINGS = words.later("items")
_JUDGED = {
    "found": words.later("It holds among all {count} questions of this feed (Holm, {p})."),
    "alone": words.later(
        "On its own this counts as a difference; among all {count} questions of this feed it does not (Holm, {p})."
    ),
    "single": words.later("It was the only question of this feed ({p})."),
}
_UNSEEN = {
    "few": words.later(
        "Too few people to see it: a difference in {what} between groups of {attribute} below {part} of everybody's "
        "value could stay unseen."
    ),
    "none": words.later(
        "No difference found in {what} between groups of {attribute}; one of {part} of everybody's value would have "
        "been seen."
    ),
}


def _order(card: Card) -> tuple[int, int, float]:
    size = card.certain if card.kind == "found" else card.part
    return _KINDS.index(card.kind), _ABOUTS.index(card.about), -(0.0 if math.isnan(size) else size)


def _echo(card: Card, found: set[tuple[str, str]]) -> bool:
    """Whether a crossing only repeats what one of its attributes shows alone."""
    parts = card.attribute.split(words.CROSS)
    return len(parts) > 1 and any((part, card.question) in found for part in parts)


def _judged(card: Card, p_feed: float, tests: int) -> Card:
    """The card with its kind among all, and what Holm says of it."""
    if card.p is None:
        return card
    kind: Kind = "found" if p_feed < ALPHA else "alone" if card.p < ALPHA else card.kind
    if kind in _JUDGED:
        more = words.say(_JUDGED[kind if tests > 1 else "single"], count=tests, p=words.p_value(p_feed))
        return replace(card, kind=kind, p_feed=p_feed, tests=tests, sentence=words.together(card.sentence, more))
    told = {
        "what": words.say(title(card)),
        "attribute": words.label(card.attribute),
        "part": words.percent(card.seen, 0),
    }
    plain = words.say(_UNSEEN[kind], **told) if kind in _UNSEEN and not math.isnan(card.seen) else card.plain
    return replace(card, p_feed=p_feed, tests=tests, plain=plain)


def title(card: Card) -> str:
    """What the card's question is about, in English."""
    return QUESTIONS[card.question].title if card.question in QUESTIONS else _WHAT[card.question]


def remedies(card: Card, can: Collection[str] = ()) -> tuple[Suggestion, ...]:
    """What can be done about a card's finding, least intrusive first. can: see `advise.advise`."""
    about: Literal["people", "items"] = "items" if card.about == "items" else "people"
    return suggestions(_FINDINGS[card.question], card.attribute, about, can)


_FINDINGS = {  # what methods say that they answer
    "accuracy": "gaps.ndcg",
    "kinds": "gaps.category_divergence",
    "taste": "gaps.miscalibration",
    "popularity": "gaps.popularity_lift",
    "exposure": "items.exposure_ratio",
    "leakage": "model.probe_auc",
    "flip": "model.flip_jaccard",
}


# --- people -----------------------------------------------------------------------------------------------------------


def _people(audit: Audit, things: str) -> Iterator[Card]:
    """A card for each attribute and metric that the feed asks about, in the audit's order."""
    for attribute, rows in audit["gaps"].items():
        for key, question in QUESTIONS.items():
            for metric in question.metrics:
                row = rows.get(metric)
                if row is not None and row.get("gap") is not None and row.get("pair"):
                    yield _between(audit, attribute, key, metric, row, things)


def _between(audit: Audit, attribute: str, question: str, metric: str, row: Row, things: str) -> Card:
    groups, pair = audit["groups"][attribute], tuple(row["pair"])
    high, low = (groups[name] for name in pair)
    of, share = _category(high, low) if metric == "category_divergence" else (None, math.nan)
    scale = _scale(audit, metric)
    ci = _ends(row.get("ci"))
    sure = _ends(row.get("above_floor_ci")) or ci
    part = share if of else row["gap"] / scale
    certain = part * sure[0] / row["gap"] if sure and row["gap"] else math.nan
    seen = (row.get("detectable") or math.nan) / scale
    kind: Kind = "untested" if row.get("p_value") is None else "few" if not seen <= LARGE else "none"
    told = _Told(audit["k"], attribute, metric, pair, high, low, of, things)
    first, *more = attribute.split(words.CROSS)
    return Card(
        kind, "people", question, attribute, metric, (pair[0], pair[1]), row.get("worst_group"), of, row["gap"], ci,
        part, certain, row.get("p_value"), _sentence(told, row, ci), _PLAIN[metric](told),
        bars=tuple(_bars(groups, metric, of, pair)),
        beside=_value(audit["overall"], metric, None),
        concerned=(pair[0], pair[1]),
        link={"group": first, "cross": more[0] if more else _NONE, "metric": metric},
        seen=seen,
    )  # fmt: skip


_NONE = "none"  # no second attribute, as the controls have it


def _scale(audit: Audit, metric: str) -> float:
    """What a difference is a part of: everybody's value, or quotient where 1 is taken off it; 1 for distances."""
    overall = audit["overall"].get(metric)
    if overall is None:
        return 1.0
    quotient = METRICS[metric].value
    value = overall - (0.0 if quotient is None else quotient.offset)
    return float(value) if value > 0 else math.nan


def _category(high: Row, low: Row) -> tuple[str | None, float]:
    """The category whose share of the lists differs most, and the part of the lists that is of other categories."""
    mine, theirs = high.get("category_share") or {}, low.get("category_share") or {}
    differences = {name: mine[name] - theirs[name] for name in mine if None not in (mine[name], theirs.get(name))}
    if not differences:
        return None, math.nan
    return max(differences, key=lambda name: abs(differences[name])), sum(map(abs, differences.values())) / 2


def _value(row: Row, metric: str, of: str | None) -> float | None:
    value: float | None = row.get(metric) if of is None else (row.get("category_share") or {}).get(of)
    return value


def _bars(groups: Mapping[str, Row], metric: str, of: str | None, pair: Sequence[str]) -> Iterator[Bar]:
    """The groups that are compared, the highest first; of categories, the pair alone."""
    for name, row in sorted(groups.items(), key=lambda one: -(_value(one[1], metric, of) or 0.0)):
        value = _value(row, metric, of)
        if value is None or row.get("small") or name == UNKNOWN or (of is not None and name not in pair):
            continue
        ends = row.get(f"{metric}_ci") if of is None else (row.get("category_share_ci") or {}).get(of)
        yield Bar(name, people_of(row, metric), value, *(_ends(ends) or (math.nan, math.nan)))


def _ends(ci: Sequence[float | None] | None) -> tuple[float, float] | None:
    low, high = ci if ci else (None, None)
    return None if low is None or high is None else (low, high)


@dataclass(frozen=True)
class _Told:
    """What a sentence is made of. pair: names of the higher and the lower group, high and low their rows."""

    k: int
    attribute: str
    metric: str
    pair: tuple[str, ...]
    high: Row
    low: Row
    of: str | None
    things: str

    def names(self, *, worse_first: bool = False) -> tuple[str, str]:
        """The higher and the lower group as nouns; worse_first: the one that is worse off, where higher is better."""
        one, other = (words.members(self.attribute, name) for name in self.pair)
        return (other, one) if worse_first else (one, other)

    def both(self, metric: str) -> tuple[float, float] | None:
        """The metric's value in the higher and in the lower group; None where one has none."""
        one, other = self.high.get(metric), self.low.get(metric)
        return None if one is None or other is None else (one, other)


def _sentence(told: _Told, row: Row, ci: tuple[float, float] | None) -> str:
    """The difference with its numbers, as the metric has it."""
    lower = METRICS[told.metric].better > 0
    one, other = told.names(worse_first=lower)
    n, m = (people_of(group, told.metric) for group in ((told.low, told.high) if lower else (told.high, told.low)))
    name = words.say(METRICS[told.metric].title)
    interval = [words.say("95 % CI {interval}", interval=words.interval(*ci))] if ci else []
    said = {
        "one": one,
        "other": other,
        "metric": f"{name}@{told.k}" if told.metric in on_side("accuracy") else name[:1].lower() + name[1:],
        "gap": words.number(row["gap"]),
        "statistics": words.say(", ").join([*interval, words.p_value(row.get("p_value"))]),
        "n": n,
        "m": m,
    }
    if told.of is not None or told.metric not in told.high:
        form = words.later("Between {one} and {other} {metric} is {gap} ({statistics}; {n} and {m} people).")
    elif lower:
        form = words.later("{one} get {gap} lower {metric} than {other} ({statistics}; {n} and {m} people).")
    else:
        form = words.later("{one} get {gap} higher {metric} than {other} ({statistics}; {n} and {m} people).")
    return words.sentence(words.say(form, **said))


# --- against one group ------------------------------------------------------------------------------------------------


def against(audit: Audit, attribute: str, metric: str, reference: str) -> tuple[Bar, ...]:
    """What each group that is compared has more than the reference, with the interval of this one difference (Zou &
    Donner 2008, from the intervals of both values; of people in both groups it knows nothing). Empty for a metric that
    a single group does not have."""
    groups = audit["groups"][attribute]
    own, ends = groups[reference].get(metric), _ends(groups[reference].get(f"{metric}_ci"))
    found = []
    for name, row in groups.items():
        value, its = row.get(metric), _ends(row.get(f"{metric}_ci"))
        if None in (own, value) or name in (reference, UNKNOWN) or row.get("small"):
            continue
        low = high = math.nan
        if ends and its:
            values, lows, highs = (
                (np.array(one), np.array(other)) for one, other in zip((value, *its), (own, *ends), strict=True)
            )
            low, high = (float(end) for end in difference(values, lows, highs))
        found.append(Bar(name, people_of(row, metric), value - own, low, high))
    return tuple(found)


# --- in things people know --------------------------------------------------------------------------------------------


def _hits(told: _Told) -> str:
    one, other = told.names(worse_first=True)
    best, worst = told.both("hit") or (math.nan, math.nan)
    return words.say(
        "Of a hundred {one}, {n} find nothing they go on to like among their first {k} {things}; of a hundred {other}, "
        "{m}.",
        one=one, other=other, n=words.number(100 * (1 - worst), 0), m=words.number(100 * (1 - best), 0), k=told.k,
        things=told.things,
    )  # fmt: skip


def _quality(told: _Told) -> str:
    """Liked items of K where their number differs the same way as the metric, else the metric itself in hundredths."""
    one, other = told.names(worse_first=True)
    best, worst = told.both("precision") or (math.nan, math.nan)
    if told.k * (best - worst) >= SEEN:
        return words.say(
            "Of {k} {things}, {one} go on to like {n}; {other} {m}.",
            k=told.k, things=told.things, one=one, other=other, n=words.number(told.k * worst, 1),
            m=words.number(told.k * best, 1),
        )  # fmt: skip
    high, low = told.both(told.metric) or (math.nan, math.nan)
    return words.say(
        "Where lists of {other} earn 100 points for what they go on to like, those of {one} earn {n}; the higher up it "
        "stands, the more points it gives.",
        one=one, other=other, n=words.number(100 * low / high if high > 0 else math.nan, 0),
    )  # fmt: skip


def _kinds(told: _Told) -> str:
    one, other = told.names()
    if told.of is None:
        return words.say("Lists of {one} and of {other} hold other kinds of {things}.", one=one, other=other,
                         things=told.things)  # fmt: skip
    more = told.high["category_share"][told.of] - told.low["category_share"][told.of]
    if more < 0:
        one, other, more = other, one, -more
    count = _out_of(told.k, more)
    return words.say(
        "Of {count} {things}, {one} get {n} more {category} than {other}.",
        count=count, things=told.things, one=one, other=other, n=words.number(count * more, 1),
        category=words.label(told.of),
    )  # fmt: skip


def _out_of(k: int, share: float) -> int:
    """Of how many items a share is told, so that it is more than next to nothing."""
    return next((count for count in (k, 100) if count * share >= SEEN), 1000)


def _taste(told: _Told) -> str:
    one, other = told.names()
    high, low = told.both(told.metric) or (math.nan, math.nan)
    if not low > 0:
        return words.say("Lists of {one} stray further from the kinds they chose before than lists of {other}.",
                         one=one, other=other)  # fmt: skip
    return words.say(
        "Lists of {one} stray {n} further from the kinds they chose before than lists of {other}.",
        one=one, other=other, n=words.percent(high / low - 1, 0),
    )  # fmt: skip


def _lift(told: _Told) -> str:
    one, other = told.names()
    high, low = told.both(told.metric) or (math.nan, math.nan)
    return words.say(
        "What {one} are shown is {n} times as popular as what they chose themselves; for {other} it is {m} times.",
        one=one, other=other, n=words.number(1 + high, 2), m=words.number(1 + low, 2),
    )  # fmt: skip


_PLAIN: Mapping[str, Callable[[_Told], str]] = {
    "ndcg": _quality,
    "hit": _hits,
    "category_divergence": _kinds,
    "miscalibration": _taste,
    "popularity_lift": _lift,
}
_WHAT = {
    "exposure": words.later("how much groups of items are shown"),
    "leakage": words.later("what gives people away"),
    "flip": words.later("what lists make of a profile"),
}


# --- items ------------------------------------------------------------------------------------------------------------


def _items(audit: Audit, target: Target, things: str) -> Iterator[Card]:
    """Of each way to group items but by category, the group that falls furthest below its target in exposure.

    There is no test: p is that of a normal value with the width of the interval."""
    for attribute, rows in audit["items"].get("by_group", {}).items():
        aims = _aims(rows, target)
        short = {name: 1 - rows[name]["exposure_share"] / aim for name, aim in aims.items() if aim > 0}
        if attribute == CATEGORIES or len(short) < 2:
            continue
        name = max(short, key=lambda one: short[one])
        row, aim = rows[name], aims[name]
        ends = _ends(row.get("exposure_share_ci"))
        count, group = _out_of(audit["k"], row["exposure_share"]), _items_of(attribute, name)
        told = {
            "count": count, "things": things, "group": group, "n": words.number(count * row["exposure_share"], 1),
            "m": words.number(count * aim, 1),
        }  # fmt: skip
        statistics = words.say("95 % CI {interval}", interval=words.interval(*ends)) if ends else words.p_value(None)
        yield Card(
            "untested" if ends is None else "none", "items", "exposure", attribute, "exposure_share", None, name, None,
            aim - row["exposure_share"], None if ends is None else (aim - ends[1], aim - ends[0]), short[name],
            math.nan if ends is None else 1 - ends[1] / aim, _p(aim - row["exposure_share"], ends),
            words.say(
                "Of all exposure {share} goes to {group} ({statistics}); {of} is {aim}.",
                group=group, share=words.percent(row["exposure_share"]), statistics=statistics,
                of=words.say(_OF[target]), aim=words.percent(aim),
            ),
            words.say(_SHOWN[target], **told),
            bars=tuple(
                Bar(one, int(rows[one]["n"]), rows[one]["exposure_share"],
                    *(_ends(rows[one].get("exposure_share_ci")) or (math.nan, math.nan)))
                for one in sorted(aims, key=lambda one: -rows[one]["exposure_share"])
            ),
            beside=aim,
            concerned=(name,),
            link={"item_group": attribute, "more": "items"},
        )  # fmt: skip


_OF: Mapping[Target, str] = {
    "catalogue": words.later("its part of the catalogue"),
    "interactions": words.later("its part of the training interactions"),
    "uniform": words.later("an equal part"),
    "liked": words.later("its part of what people go on to like"),
}
_SHOWN: Mapping[Target, str] = {
    "catalogue": words.later("Of {count} {things} shown, {n} are of {group}; of {count} in the catalogue, {m} are."),
    "interactions": words.later(
        "Of {count} {things} shown, {n} are of {group}; of {count} that people chose before, {m} are."
    ),
    "uniform": words.later("Of {count} {things} shown, {n} are of {group}; in equal parts {m} would be."),
    "liked": words.later(
        "Of {count} {things} shown, {n} are of {group}; of {count} that people go on to like, {m} are."
    ),
}


def _items_of(attribute: str, name: str) -> str:
    """A group of items as a noun."""
    if attribute == POPULARITY:
        return words.say(words.later("the little-known tail") if name == "tail" else words.later("the well-known head"))
    return words.say("{attribute} “{group}”", attribute=words.label(attribute), group=words.label(name))


def named(card: Card, name: str) -> str:
    """One of a card's groups in words, where it has any: women for gender F, the tail of popularity."""
    if card.about == "people":
        return words.people(card.attribute, name)
    return words.say(name) if card.about == "items" and card.attribute == POPULARITY else name


def _aims(rows: Mapping[str, Row], target: Target) -> dict[str, float]:
    """The share of exposure that each group should have, of those that have both numbers."""
    named = [name for name, row in rows.items() if name != UNKNOWN and row.get("exposure_share") is not None]
    if target == "uniform":
        return dict.fromkeys(named, 1 / len(named)) if named else {}
    return {name: rows[name][_SHARES[target]] for name in named if rows[name].get(_SHARES[target]) is not None}


def _p(difference: float, ends: tuple[float, float] | None) -> float | None:
    """Two-sided, of a difference from 0 whose interval has this width, 1 below 0; None without an interval."""
    if ends is None:
        return None
    error = (ends[1] - ends[0]) / (2 * Z)
    return 1.0 if difference <= 0 else float(2 * ndtr(-difference / error)) if error > 0 else 0.0


# --- the model --------------------------------------------------------------------------------------------------------


def _model(audit: Audit, things: str) -> Iterator[Card]:
    """What the recommender itself does with who people are, where it was looked at."""
    for attribute, rows in (audit.get("model") or {}).items():
        if not isinstance(rows, Mapping):
            continue
        for question, metric in (("leakage", "probe_auc"), ("flip", "flip_jaccard")):
            row = rows.get(metric)
            if isinstance(row, Mapping) and row.get("value") is not None:
                card = _leak(attribute, row) if question == "leakage" else _flip(attribute, row, audit["k"], things)
                if card is not None:
                    yield card


def _leak(attribute: str, row: Row) -> Card:
    ends, chance = _ends(row.get("ci")), 0.5
    excess = row["value"] - chance
    p = row.get("p_value")
    n = words.number(100 * row["value"], 0)
    return Card(
        "none", "model", "leakage", attribute, "probe_auc", None, None, None, excess,
        None if ends is None else (ends[0] - chance, ends[1] - chance), excess / chance,
        math.nan if ends is None else (ends[0] - chance) / chance, _p(excess, ends) if p is None else p,
        words.say(
            "A probe reads {attribute} with AUC {value} ({statistics}; {chance} is chance).",
            attribute=words.label(attribute), value=words.number(row["value"]), chance=words.number(chance, 1),
            statistics=words.say("95 % CI {interval}", interval=words.interval(*ends)) if ends else words.p_value(p),
        ),
        words.say(
            "Shown two people who differ in {attribute}, one who sees only what the recommender knows of them tells "
            "which is which {n} times of a hundred; guessing gives 50.",
            attribute=words.label(attribute), n=n,
        ),
        bars=(Bar(words.say("AUC of a probe"), int(row.get("n") or 0), row["value"], *(ends or (math.nan, math.nan))),),
        beside=chance,
        concerned=(attribute,),
        link={"group": attribute, "cross": _NONE, "more": "model", "model": "True"},
    )  # fmt: skip


def _flip(attribute: str, row: Row, k: int, things: str) -> Card | None:
    """Lists under another value of the attribute, beside the same facts in other words."""
    below, ends = row.get("below_floor"), _ends(row.get("below_floor_ci"))
    if below is None or row.get("floor") is None:
        return None
    stay, usual = (k * 2 * value / (1 + value) for value in (row["value"], row["floor"]))
    return Card(
        "untested" if ends is None else "none", "model", "flip", attribute, "flip_jaccard", None, None, None, below,
        ends, below, math.nan if ends is None else ends[0], _p(below, ends),
        words.say(
            "Told another {attribute}, lists overlap by {value}; by {floor} when the same facts are told in other "
            "words ({statistics}).",
            attribute=words.label(attribute), value=words.number(row["value"]), floor=words.number(row["floor"]),
            statistics=words.say("95 % CI {interval}", interval=words.interval(*ends)) if ends else words.p_value(None),
        ),
        words.say(
            "Told another {attribute}, {n} of {k} {things} stay; told the same facts in other words, {m} stay.",
            attribute=words.label(attribute), n=words.number(stay, 1), m=words.number(usual, 1), k=k, things=things,
        ),
        bars=(
            Bar(words.say("told otherwise"), int(row.get("n") or 0), row["value"]),
            Bar(words.say("same facts, other words"), int(row.get("n") or 0), row["floor"]),
        ),
        concerned=(attribute,),
        link={"group": attribute, "cross": _NONE, "more": "model", "model": "True"},
    )  # fmt: skip
