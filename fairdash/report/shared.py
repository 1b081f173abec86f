"""Sections that a report of an audit and one of a comparison share: the data, how the lists came to be, what to be
careful about, how to make it again, and the definitions that it uses."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from fairdash import __version__, words
from fairdash.metrics.catalogue import METRICS
from fairdash.report import known as knowledge
from fairdash.report.document import Commands, Facts, Points, Section, Text, section
from fairdash.report.known import Data, Known, Lists
from fairdash.stages.compare import title

Value = Mapping[str, Any]
FEW_SHUFFLES = 200  # of the labels: a p below 0.005 cannot be told from 0.005


def place(known: Known, n_users: int, k: int) -> str:
    """What a report is about, in one line."""
    told = [] if known.data is None else [known.data.name, known.data.split]
    people = words.count(n_users, "person", "people")
    lists = words.say("lists of {items}", items=words.count(k, "item"))
    return " · ".join([*filter(None, told), people, lists])


def data_card(known: Known) -> Section:
    """What the numbers are of."""
    data, heading = known.data, words.say("The data")
    if data is None:
        return section(heading, Text(words.say("Where the data came from is not known from this file.")))
    rows = [(words.say("Data set"), words.label(data.name, 200))]
    rows += [(words.sentence(words.say(name)), words.count(n)) for name, n in data.counts.items()]
    if data.first is not None and data.last is not None:
        ends = [datetime.fromtimestamp(end, UTC).date().isoformat() for end in (data.first, data.last)]
        rows.append((words.say("Time"), words.say("{low} to {high}", low=ends[0], high=ends[1])))
    rows.append((words.say("Split"), _split(data)))
    if data.counts:
        liked = (
            words.say("every held-out item")
            if data.threshold is None
            else words.say("held-out items rated {least} or more", least=words.brief(data.threshold))
        )
        rows.append((words.say("Liked"), liked))
    for key, name in (
        ("source", words.later("Source")),
        ("licence", words.later("Licence")),
        ("citation", words.later("To cite")),
    ):
        if data.provenance.get(key):
            rows.append((words.say(name), words.label(data.provenance[key], 400)))
    repairs = data.provenance.get("repairs") or ()
    if repairs:
        rows.append((words.say("Repairs"), words.say(", ").join(words.label(one, 80) for one in repairs)))
    return section(heading, Facts(tuple(rows)), Points(tuple(map(words.again, data.notes))))


def _split(data: Data) -> str:
    """How the held-out part was cut, in words."""
    name, _, told = data.split.partition(":")
    template = _SPLITS.get(name)
    if template is None:
        return words.label(data.split, 80)
    return words.say("{rule} ({spec})", rule=words.say(template), spec=words.label(data.split, 80)) if told else (
        words.say(template)
    )  # fmt: skip


_SPLITS = {
    "leave-one-out": words.later("of each person, the last item is held out and the one before it validates"),
    "user-time": words.later("of each person, the latest part is held out"),
    "user-random": words.later("of each person, a part drawn by chance is held out"),
    "global-time": words.later("what came after a date is held out"),
    "own": words.later("as the data came"),
}


def model_card(known: Known) -> Section:
    """How the lists came to be, side by side where there are two."""
    parts: list[Text | Facts] = []
    names = (words.say("Before"), words.say("After")) if len(known.lists) == 2 else (None,)
    for name, lists in zip(names, known.lists, strict=False):
        if name is not None:
            parts.append(Text(name))
        parts.append(Facts(tuple((what, words.label(told, 900)) for what, told in _made(lists) if told)))
    heading = words.say("How both came to be") if len(known.lists) == 2 else words.say("How the lists came to be")
    if not parts:
        parts.append(Text(words.say("How the lists came to be is not known from this file.")))
    return section(heading, *parts)


def _made(lists: Lists) -> list[tuple[str, str]]:
    run, how = lists.run, lists.how
    rows = [(words.say("Lists"), lists.title)]
    if run.get("recommender") and run["recommender"] != "lists":
        options = words.say(", ").join(f"{key} = {value}" for key, value in (run.get("options") or {}).items())
        rows += [
            (words.say("Recommender"), str(run["recommender"])),
            (words.say("Options"), options or words.say("defaults")),
            (words.say("Seed"), str(run.get("seed"))),
        ]
    elif run.get("recommender") == "lists":
        rows.append((words.say("Recommender"), words.say("lists of another system, as they were brought")))
    chosen = how.get("mitigation")
    steps = [*(run.get("mitigations") or ()), *(how.get("first") or ()), *([chosen] if chosen else ())]
    rows.append((words.say("Mitigation"), words.say(", then ").join(dict.fromkeys(map(step, steps)))))
    if chosen:
        tried = how.get("tuning")
        among = words.say("chosen on validation among {n}", n=len(tried)) if tried else words.say("as given")
        rows.append((words.say("Strength"), among))
    trained = run.get("train_seconds")
    if trained is not None:
        took = words.say("{took}. {device}", took=words.duration(trained), device=run.get("device_sentence") or "")
        rows += [(words.say("Training"), took.strip()), (words.say("Energy"), words.say("not measured"))]
    return rows


def step(step: Mapping[str, Any]) -> str:
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


def caveats(value: Value, known: Known) -> list[str]:
    """What these numbers cannot carry, from the numbers themselves."""
    said = []
    if known.spec is not None and known.spec.permutations < FEW_SHUFFLES:
        least = words.number(1 / (known.spec.permutations + 1))
        told = words.later("Labels were shuffled only {n} times: no p can fall below {least}.")
        said.append(words.say(told, n=known.spec.permutations, least=least))
    recommended = {
        lists.run.get("seed") for lists in known.lists if lists.run.get("recommender") not in (None, "lists")
    }
    if recommended:
        said.append(
            words.say(
                "One training of each recommender was measured. Intervals are over people; another seed of the "
                "training could move the numbers, too; by how much is not measured here."
            )
        )
    return [*said, *(words.again(warning, value.get("said")) for warning in value["warnings"])]


def how_made(known: Known, kind: str, rules: Mapping[str, str], made: datetime) -> Section:
    """Seeds, digests, dates, rules and the commands that give the same numbers."""
    rows = []
    if known.measured is not None:
        rows.append((words.say("Measured"), _moment(known.measured)))
    rows += [(words.say("Report made"), _moment(made)), (words.say("Version"), f"FairDash {__version__}")]
    if known.spec is not None:
        rows += [
            (words.say("Seed of intervals and tests"), str(known.spec.seed)),
            (words.say("Bootstrap replicates"), words.count(known.spec.replicates)),
            (words.say("Shufflings"), words.count(known.spec.permutations)),
        ]
    rows += [(words.say("Digest of the {what}", what=name), digest) for name, digest in known.digests.items() if digest]
    rows += [(words.say(name), words.label(words.say(rules[key]), 900)) for key, name in _RULES.items() if key in rules]
    lines = knowledge.commands(known, kind)
    told = words.say("These commands give the same numbers; RUN and the files are where you put them.")
    again = Text(told) if lines else None
    return section(words.say("How to make it again"), Facts(tuple(rows)), again, Commands(lines))


_RULES = {
    "relevance": words.later("Relevance"),
    "candidates": words.later("Candidates"),
    "discount": words.later("Discount"),
    "ties": words.later("Ties"),
    "interval": words.later("Intervals"),
    "test": words.later("Tests"),
    "users_without_truth": words.later("People without held-out items"),
}


def _moment(when: datetime) -> str:
    return f"{when.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def definitions(used: Iterable[str]) -> Facts:
    """Only of metrics that a report speaks of: formula, edge and paper."""
    wanted = {key.partition(":")[0] for key in used}
    rows = []
    for key, metric in METRICS.items():
        if key in wanted:
            told = [words.say(metric.formula), words.say(metric.edge) if metric.edge else "", metric.paper]
            rows.append((title(key), ". ".join(one.rstrip(".") for one in told if one) + "."))
    return Facts(tuple(rows))
