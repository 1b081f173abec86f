"""Five to seven slides to show to people who decide: who is in the data, the finding, two people, the lever, the
decision, and what is not known. A slide is a title that says it, a few parts, and notes with method and interval.

Everything is read from an audit, a comparison and the lists behind them; no number is made here. Two people stand for
their groups: of each the one nearest to its median, without a name, an id or any attribute but the one it is about.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np

from fairdash import words
from fairdash.errors import ConfigError
from fairdash.mitigation import find_method
from fairdash.mitigation.base import Mitigation
from fairdash.report import comparison, findings, pictures, shared
from fairdash.report.document import Beside, Facts, Part, Picture, Points, Section, Text
from fairdash.report.known import Known
from fairdash.run import Run
from fairdash.schema import ITEM_ID, TITLE, UNKNOWN, GroupSpec, Lists
from fairdash.stages import feed, lever, people
from fairdash.stages.advise import advise
from fairdash.stages.compare import LOST, aim_title, meant, sentences, title

Value = Mapping[str, Any]
MOST_GROUPS, MOST_POINTS, SHOWN, HISTORY = 8, 6, 10, 4  # of a picture, of a slide, of a list, of a history


@dataclass(frozen=True)
class Slide:
    """key: its name in links and in what is kept. title: the finding, as a sentence. notes: method and interval."""

    key: str
    title: str
    parts: tuple[Part, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Subject:
    """What a story is about. audit: of the lists as they are, or were before, without values of very few. run, lists:
    these lists. known: what is known of them. compared: comparisons with these lists before, the shown one first."""

    audit: Value
    run: Run
    lists: Lists
    known: Known
    compared: Sequence[tuple[Value, Known]] = ()

    @cached_property
    def tried(self) -> tuple[pictures.Tried, ...]:
        """The strengths of the mitigation of the shown comparison, as validation saw them; two slides ask for them, and
        those of a re-ranking that was not tuned take a sweep."""
        value, known = self.compared[0]
        return tuple(_tried(known.lists[-1].how.get("tuning") or _swept(self, value["k"])))


def slides(subject: Subject) -> tuple[Slide, ...]:
    """The slides that have something to say."""
    things = subject.known.things()
    cards = feed.feed(subject.audit, things=things)
    main = _main(cards)
    attribute = _attribute(subject, main)
    found: list[Slide | None] = [_who(subject, attribute, things), _finding(subject, cards, main)]
    found.append(_pair(subject, main, things))
    if subject.compared:
        found += [_lever(subject), _decision(subject, main)]
    else:
        found.append(_advice(subject))
    found.append(_unknown(subject, cards))
    return tuple(slide for slide in found if slide is not None)


def _main(cards: Sequence[feed.Card]) -> feed.Card | None:
    """The finding that the story is about: the surest one between groups of people; one that leaves a group worse off
    before one in the kinds that they get, one of a single attribute before one of a crossing."""
    among = [card for card in cards if card.about == "people" and card.kind in ("found", "alone")]
    return min(
        among,
        key=lambda card: (card.kind != "found", card.question == "kinds", words.CROSS in card.attribute),
        default=None,
    )


def _attribute(subject: Subject, main: feed.Card | None) -> str | None:
    if main is not None:
        return main.attribute
    return next(iter(subject.audit["groups"]), None)


# --- who is in the data -----------------------------------------------------------------------------------------------


def _who(subject: Subject, attribute: str | None, things: str) -> Slide:
    data, audit = subject.known.data, subject.audit
    counts = data.counts if data is not None else {}
    headline = words.say(
        "Who is in the data: {people}, {n} {things}, {interactions}",
        people=words.count(counts.get("people", audit["n_users"]), "person", "people"),
        n=counts.get("items", 0),
        things=things,
        interactions=words.count(counts.get("interactions", 0), "interaction"),
    )
    shown = [name for name in dict.fromkeys([attribute, *audit["groups"]]) if name and words.CROSS not in name][:2]
    columns = [Section(words.sentence(words.label(name)), (picture,)) for name in shown
               if (picture := _sizes(audit, name)) is not None]  # fmt: skip
    points = []
    if counts.get("held out (test)"):
        points.append(
            words.say(
                "{n} of the interactions were held out, of each person the latest. A list of {k} {things} is good when "
                "it holds what its person went on to like.",
                n=counts["held out (test)"],
                k=audit["k"],
                things=things,
            )
            if data is not None and data.split.startswith(("user-time", "leave"))
            else words.say(
                "{n} of the interactions were held out. A list of {k} {things} is good when it holds what its person "
                "liked of these.",
                n=counts["held out (test)"],
                k=audit["k"],
                things=things,
            )
        )
    if audit.get("n_without_truth"):
        points.append(
            words.say(
                "Of {n} person nothing that they liked was held out: how well lists fit them is not known.",
                "Of {n} people nothing that they liked was held out: how well lists fit them is not known.",
                n=audit["n_without_truth"],
            )
        )
    notes = [words.say("Data: {name}.", name=words.label(data.name, 120))] if data is not None else []
    if data is not None and data.provenance.get("citation"):
        notes.append(words.label(data.provenance["citation"], 400))
    notes += list(data.notes) if data is not None else []
    return Slide("who", headline, (*([Beside(tuple(columns))] if columns else []), Points(tuple(points))), tuple(notes))


def _sizes(audit: Value, attribute: str) -> Picture | None:
    """How many people each group has; the small ones as one number."""
    groups = audit["groups"][attribute]
    large = {name: row["n"] for name, row in groups.items() if not row["small"] and name != UNKNOWN}
    rows = [_size(words.people(attribute, name), n, audit["n_users"]) for name, n in [*large.items()][:MOST_GROUPS]]
    rest = audit["n_users"] - sum([*large.values()][:MOST_GROUPS])
    if rest > 0:
        rows.append(_size(words.say("others, or not known"), rest, audit["n_users"], quiet=True))
    return pictures.bars(rows, words.say("People by {attribute}.", attribute=words.label(attribute)))


def _size(name: str, n: int, of: int, *, quiet: bool = False) -> pictures.Row:
    told = words.say("{n} · {share}", n=n, share=words.percent(n / of, 0))
    return pictures.Row(name, n, told=told, quiet=quiet)


# --- the finding ------------------------------------------------------------------------------------------------------


def _finding(subject: Subject, cards: Sequence[feed.Card], main: feed.Card | None) -> Slide:
    unseen = Points(tuple(findings.unseen(_asked(cards))[:2]))
    if main is None:
        headline = words.say("No difference between groups of people was found")
        return Slide("finding", headline, (unseen,), _method(subject))
    picture = findings.picture(main)
    more = [card for card in cards if card.kind == "found" and card is not main
            and (card.attribute, card.question) != (main.attribute, main.question)]  # fmt: skip
    others: list[Part] = []
    if more:
        others += [Text(words.say("Also found"), quiet=True), Points(tuple(card.plain for card in more[:3]))]
    if unseen.said:
        others += [Text(words.say("Looked for and not found"), quiet=True), unseen]
    first = Section("", (Text(_surely(main)), *([picture] if picture else [])))
    beside = Beside((first, *([Section("", tuple(others))] if others else [])))
    return Slide("finding", main.plain, (beside,), (main.sentence, *_method(subject)))


def _asked(cards: Sequence[feed.Card]) -> list[feed.Card]:
    """Cards of single attributes, how well lists fit first: what people ask about first."""
    single = [card for card in cards if card.about == "people" and words.CROSS not in card.attribute]
    return sorted(single, key=lambda card: (card.question != "accuracy", card.seen))


def _surely(card: feed.Card) -> str:
    """How sure a finding is, in things people know."""
    if card.p is None:
        return words.say("How sure this is was not tested.")
    if card.kind == "alone":
        return words.say(
            "Not sure: as the only question it would count as a difference, but {n} questions were asked, and among so "
            "many one can turn out so by chance.",
            n=card.tests,
        )
    times = min(1000, int(1 / max(card.p_feed if card.p_feed is not None else card.p, 1e-9)))
    return words.say(
        "How sure: if the groups were treated alike, chance would give as much less than once in {n} times, with all "
        "{m} questions that were asked counted in.",
        n=times,
        m=card.tests,
    )


def _method(subject: Subject) -> tuple[str, ...]:
    rules = subject.audit.get("conventions", {})
    return tuple(words.say(rules[key]) for key in ("test", "relevance") if key in rules)


# --- two people -------------------------------------------------------------------------------------------------------


def _pair(subject: Subject, main: feed.Card | None, things: str) -> Slide | None:
    """One person of each of the two groups: the one nearest to the median of its group."""
    if main is None or main.pair is None:
        return None
    split, k = subject.run.split, subject.audit["k"]
    spec = next(
        (group for group in (subject.known.spec.groups if subject.known.spec else ()) if group.label == main.attribute),
        GroupSpec(tuple(main.attribute.split(words.CROSS))),
    )
    everybody = people.by_attribute(people.gather(split, subject.lists, k), split, spec)
    metric = main.metric if main.metric in everybody.measures else next(iter(everybody.measures), None)
    if metric is None:
        return None
    worse = main.worse if main.worse in main.pair else main.pair[1]
    other = main.pair[0] if worse == main.pair[1] else main.pair[1]
    columns = []
    for letter, name in (("A", worse), ("B", other)):
        nearest = people.typical(everybody, metric, str(name), 1)
        if len(nearest):
            columns.append(_person(subject, everybody, int(nearest[0]), letter, main.attribute, str(name), things))
    if len(columns) < 2:
        return None
    headline = words.say(
        "Two people side by side: one of the {one}, one of the {other}",
        one=words.members(main.attribute, str(worse)),
        other=words.members(main.attribute, str(other)),
    )
    notes = words.say(
        "Of each group the person nearest to its median in {metric}; equal ones are taken by a hash of their ids. Two "
        "people show what a number means; they prove nothing.",
        metric=title(metric),
    )
    return Slide("people", headline, (Beside(tuple(columns)),), (notes,))


def _person(
    subject: Subject, everybody: people.People, row: int, letter: str, attribute: str, name: str, things: str
) -> Section:
    one = people.portrait(everybody, subject.run.split, row)
    table = subject.run.split.training.items
    names = (table[TITLE] if TITLE in table else table[ITEM_ID]).astype(str).to_numpy()
    listed = [
        words.say("{name} ✓", name=words.label(names[item], 40)) if item in one.hits else words.label(names[item], 40)
        for item in one.listed[:SHOWN].tolist()
    ]
    known = words.say("; ").join(words.label(names[item], 40) for item in one.history[:HISTORY].tolist())
    taste = people.taste(everybody, one.history)
    chose = words.say(", ").join(words.say("{name} {share}", name=words.label(kind, 20), share=words.percent(part, 0))
                                 for kind, part in taste)  # fmt: skip
    said: list[Part] = [Text(words.say("Latest before: {names}.", names=known), quiet=True)]
    if chose:
        said.append(Text(words.say("Of what they chose: {kinds}.", kinds=chose), quiet=True))
    said.append(Points(tuple(listed)))
    n, k = len(one.hits), len(one.listed)
    said.append(
        Text(
            words.say(
                "Of {k} {things} shown, {n} was liked later (✓).",
                "Of {k} {things} shown, {n} were liked later (✓).",
                k=k,
                things=things,
                n=n,
            )
        )
    )
    heading = words.say("Person {letter}, one of the {group}", letter=letter, group=words.members(attribute, name))
    return Section(heading, tuple(said))


# --- the lever and the decision ---------------------------------------------------------------------------------------


def _lever(subject: Subject) -> Slide:
    """What was tried: the aim and the accuracy over the strengths on validation, or before and after."""
    value, known = subject.compared[0]
    how = known.lists[-1].how
    chosen = how.get("mitigation") or {}
    aim, ndcg = value.get("aim"), value["overall"].get("ndcg")
    name = _aim(aim, value["k"]) if aim else words.say("the aim")
    method = _method_of(chosen) if chosen else words.label(value["names"][1], 80)
    points = subject.tried
    at = next((point for point in points if point.strength == chosen.get("strength")), None)
    alt = words.say("{aim} and accuracy over the strength.", aim=name)
    drawn = (aim_title(aim["metric"], value["k"]) if aim else name, words.say("NDCG kept, %"))
    picture = pictures.sweep(points, at.strength, drawn, alt) if at is not None else None
    told = []
    if aim:
        told.append(words.say("{aim} {change} ({verdict})", aim=name, change=_move(aim), verdict=meant(aim)))
    if ndcg and ndcg["before"]:
        told.append(words.say("accuracy {share}", share=words.percent(ndcg["difference"] / ndcg["before"], sign=True)))
    headline = words.say("What was done: {method}", method=method)
    if told:
        headline = words.say("{done}. {change}", done=headline, change=words.say(", ").join(told))
    if picture is None:
        of = _between(value)
        metric = aim["metric"] if aim and aim["metric"] != "ndcg" else "ndcg"
        moves = [(key, comparison.moved(value, of, key)) for key in dict.fromkeys([metric, "ndcg"])] if of else []
        columns = [Section(title(key), (one,)) for key, one in moves if one is not None]
        below = Text(words.say("Circle: before, diamond: after. Of groups that are large enough."), quiet=True)
        return Slide("lever", headline, (Beside(tuple(columns)), below) if columns else (), _changes(value))
    below = Text(
        words.say(
            "{n} strength was tried on a validation part; the dashed line is the one that was taken. The "
            "numbers in the headline are of the held-out part.",
            "{n} strengths were tried on a validation part; the dashed line is the one that was taken. The "
            "numbers in the headline are of the held-out part.",
            n=len(points),
        ),
        quiet=True,
    )
    of = _between(value)
    shown = comparison.moved(value, of) if of is not None else None
    name = words.say("NDCG by group: circle before, diamond after")
    beside = [Section(name, (shown,))] if shown is not None else []
    return Slide("lever", headline, (Beside((Section("", (picture,)), *beside)), below), _changes(value))


def _between(value: Value) -> str | None:
    """The attribute that a comparison is about: of its first aim between groups, else the first."""
    aimed = (one["attribute"] for one in value["aims"] if one["attribute"] in value["groups"])
    return next(aimed, next(iter(value["groups"]), None))


def _aim(aim: Value, k: int) -> str:
    """What an aim is called, with the groups that it is between."""
    return aim_title(aim["metric"], k, () if aim["attribute"] is None else (aim["attribute"],))


def _method_of(chosen: Value) -> str:
    """A mitigation by its title, with its strength."""
    name = words.say(find_method(chosen["method"]).info.title)
    return words.say("{method}, strength {strength}", method=name, strength=words.brief(chosen["strength"]))


def _reranked(subject: Subject) -> Mitigation | None:
    """The re-ranking of these lists that the comparison is about; None where it is another kind of lists."""
    lists = subject.compared[0][1].lists
    before, after = lists[0], lists[-1]
    chosen = after.how.get("mitigation")
    if not chosen or after.how.get("first") or before.how.get("mitigation") or before.run != after.run:
        return None
    return Mitigation.from_json(chosen) if lever.can(chosen["method"]) else None


def _swept(subject: Subject, k: int) -> Sequence[Value]:
    """All strengths on validation, of a re-ranking of these lists whose strength was given and not tuned."""
    chosen = _reranked(subject)
    return () if chosen is None else [point.to_json() for point in lever.tried(subject.run, chosen, k)]


def _tried(tuning: Sequence[Value]) -> Iterator[pictures.Tried]:
    whole = next((point["ndcg"] for point in tuning if point["strength"] == 0.0), None)
    for point in tuning:
        if whole and point.get("value") is not None and point.get("ndcg") is not None:
            low, high = point.get("ci") or (None, None)
            yield pictures.Tried(point["strength"], point["value"], low, high, point["ndcg"] / whole)


def _changes(value: Value) -> tuple[str, ...]:
    return tuple(sentences(value)[:4])


def _decision(subject: Subject, main: feed.Card | None) -> Slide:
    """Leave it, or one of what was tried: what each does to the aim, what it costs, and who loses."""
    first, _ = subject.compared[0]
    options = [_left(first, main), *(_option(value, about) for value, about in subject.compared[:2])]
    for other in (_other_strength, _other_method):
        found = other(subject) if len(options) < OPTIONS else None
        options += [] if found is None else [found]
    names = words.several("What it aims at", "Accuracy (NDCG)", "Who loses")
    columns = tuple(
        Section(name, (Facts(tuple(zip(map(words.say, names), told, strict=True))),)) for name, told in options
    )
    headline = words.say(
        "The decision: {n} option, its price, and who loses",
        "The decision: {n} options, their price, and who loses",
        n=len(options),
    )
    about = words.say("Before and after on the same people; in brackets the 95 % interval of the change.")
    note = words.say("Who loses: groups whose own value changed beyond its 95 % interval, for the worse.")
    return Slide("decision", headline, (Beside(columns), Text(about, quiet=True)), (note, *_changes(first)))


OPTIONS = 3  # of a decision
_NOT_MEASURED = words.later("not measured yet: make these lists and compare")
Option: TypeAlias = tuple[str, tuple[str, str, str]]  # its name; aim, accuracy, who loses


def _left(value: Value, main: feed.Card | None) -> Option:
    aim, ndcg = value.get("aim"), value["overall"].get("ndcg")
    stands = words.DASH
    if aim:
        stands = words.say("{aim} stays {value}", aim=_aim(aim, value["k"]), value=words.number(aim["before"]))
    keeps = words.number(ndcg["before"]) if ndcg else words.DASH
    who = words.say("nobody more than today")
    if main is not None and main.worse and main.question != "kinds":
        who = words.say("{people}, as today", people=words.members(main.attribute, main.worse))
    return words.say("Leave it as it is"), (stands, keeps, who)


def _option(value: Value, known: Known) -> Option:
    aim, ndcg = value.get("aim"), value["overall"].get("ndcg")
    how = known.lists[-1].how.get("mitigation")
    name = _method_of(how) if how else words.label(value["names"][1], 60)
    told = words.DASH
    if aim:
        told = words.say("{aim} {change}", aim=_aim(aim, value["k"]), change=_change(aim))
    cost = words.DASH
    if ndcg and ndcg["before"]:
        share = words.percent(ndcg["difference"] / ndcg["before"], sign=True)
        cost = words.say("{share} ({change})", share=share, change=_change(ndcg))
    harmed = [row for row in value["beyond"] if row["verdict"] in LOST]
    named = {words.people(row["attribute"], row["group"]): row["difference"] for row in harmed}
    worse = value["people"].get("all", {}).get("all", {}).get("ndcg", {}).get("worse")
    return name, (told, cost, _lost([*named.items()], worse))


def _lost(groups: Sequence[tuple[str, float]], worse: float | None) -> str:
    """Who loses: groups with their change, and the part of all people whose list got worse."""
    told = [words.say("{people} {by}", people=who, by=words.signed(by)) for who, by in groups]
    if worse is not None:
        told.append(words.say("{share} of all people get a worse list", share=words.percent(worse, 0)))
    return words.say("; ").join(told) or words.say("no group beyond its interval")


def _change(row: Value) -> str:
    said, ci = _move(row), row.get("ci")
    if ci is None or None in ci:
        return said
    return words.say("{change} [{interval}]", change=said, interval=words.interval(*ci, sign=True))


def _move(row: Value) -> str:
    return words.say("{before} → {after}", before=words.number(row["before"]), after=words.number(row["after"]))


def _other_strength(subject: Subject) -> Option | None:
    """The strength nearest to half of the chosen one, else the next stronger one, as validation saw it."""
    chosen = subject.compared[0][1].lists[-1].how.get("mitigation") or {}
    points, own = subject.tried, chosen.get("strength") or 0.0
    milder = [point for point in points if 0 < point.strength < own]
    other = min(milder or [point for point in points if point.strength > own],
                key=lambda point: abs(point.strength - own / 2), default=None)  # fmt: skip
    if other is None:
        return None
    name = _method_of({**chosen, "strength": other.strength})
    told = words.say("{before} → {after} on validation", before=words.number(points[0].value),
                     after=words.number(other.value))  # fmt: skip
    cost = words.say("{share} on validation", share=words.percent(other.accuracy - 1, sign=True))
    return name, (told, cost, _loses(subject, other.strength) or words.say(_NOT_MEASURED))


def _loses(subject: Subject, strength: float) -> str:
    """Who loses at another strength of a re-ranking, on validation; "" where that takes a training."""
    (value, known), chosen = subject.compared[0], _reranked(subject)
    spec = next((one for one in (known.spec.groups if known.spec else ()) if one.label == _between(value)), None)
    if chosen is None:
        return ""
    try:
        it = lever.Lever(subject.run, chosen, value["k"], spec)
    except ConfigError:  # there is no validation part
        return ""
    start, at = it.at(0.0), it.at(strength)
    told = _lost(
        [(words.people(spec.label, one.name), one.rows["ndcg"]["difference"]) for one in at.groups
         if spec is not None and one.rows["ndcg"]["moved"] and one.rows["ndcg"]["difference"] < 0],
        float((at.ndcg < start.ndcg)[~np.isnan(start.ndcg)].mean()),
    )  # fmt: skip
    return words.say("{told} (on validation)", told=told)


def _other_method(subject: Subject) -> Option | None:
    """What else would answer the findings, as its declaration says."""
    tried = {(known.lists[-1].how.get("mitigation") or {}).get("method") for _, known in subject.compared}
    fit = (one for found in advise(subject.audit) for one in found.suggestions if one.method not in tried)
    other = next(fit, None)
    if other is None:
        return None
    info = find_method(other.method).info
    return other.title, (aim_title(info.target, subject.audit["k"]), words.say(info.cost), words.say(_NOT_MEASURED))


def _advice(subject: Subject) -> Slide | None:
    """Without a mitigation: what fits the findings."""
    told = []
    for one in advise(subject.audit):
        if one.suggestions:
            first = one.suggestions[0]
            told.append(words.say("{finding} {method}: {why}", finding=one.finding, method=first.title, why=first.why))
    if not told:
        return None
    note = words.say("The least intrusive method that answers each finding, by the table of the Mitigate page.")
    return Slide("lever", words.say("What could be done"), (Points(tuple(told[:4])),), (note,))


# --- what is not known ------------------------------------------------------------------------------------------------


def _unknown(subject: Subject, cards: Sequence[feed.Card]) -> Slide:
    value, known = subject.compared[0] if subject.compared else (subject.audit, subject.known)
    unseen = findings.unseen(_asked([card for card in cards if card.kind == "few"]))
    points = [
        words.say("Whether these people are like those who will get the lists."),
        words.say("What people would have liked of what they were never shown."),
        *unseen[:2],
        *shared.caveats(value, known),
    ]
    shown = Points(tuple(points[:MOST_POINTS]))
    return Slide("unknown", words.say("What we do not know"), (shown,), (*points[MOST_POINTS:], *unseen[2:]))
