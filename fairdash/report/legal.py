"""Optional sections under the headings that two laws of the European Union ask a documentation to have.

Regulation (EU) 2024/1689 (AI Act), Annex IV, asks it of high-risk systems; Regulation (EU) 2022/2065 (Digital Services
Act) asks its Articles 27, 34 and 35 of online platforms and of very large ones. What the numbers say stands there; what
only a person knows is named, so that nobody takes a gap for an answer.
"""

from __future__ import annotations

from collections.abc import Mapping

from fairdash import words
from fairdash.report import shared
from fairdash.report.document import Points, Section, Text, section
from fairdash.report.known import Known


def sections(known: Known, findings: tuple[str, ...], caveats: tuple[str, ...]) -> list[Section]:
    """One for each heading. findings, caveats: sentences of the report."""
    made, treated = _made(known), _treated(known)
    data = []
    if known.data is not None:
        name, split = words.label(known.data.name, 120), words.label(known.data.split, 80)
        data.append(words.say("Data: {name}, cut as {split}.", name=name, split=split))
    told = {
        "1": made,
        "2": [*data, *treated],
        "3": [*findings[:3], *caveats],
        "4": [
            words.say(
                "The metrics, their formulas and their papers are defined in this report; each gap between groups "
                "stands with an interval or a test."
            )
        ],
        "6": treated,
        "27": made,
        "34": [*findings, *caveats],
        "35": [*treated, *(findings if treated else ())],
    }
    about = words.say(
        "The headings below are those of Annex IV of the AI Act (Regulation (EU) 2024/1689), which is asked of "
        "high-risk systems, and of Articles 27, 34 and 35 of the Digital Services Act (Regulation (EU) 2022/2065). "
        "Whether they apply here is for a person to say; nothing here is legal advice."
    )
    found = [section(words.say("Frames of the law"), Text(about))]
    for law, rows in _LAWS.items():
        for number, heading, missing in rows:
            place = words.say(law, number=number, heading=words.say(heading))
            rest = Text(words.say("For a person to add: {what}.", what=words.say(missing)), quiet=True)
            found.append(section(place, Points(tuple(told.get(number, ()))), rest))
    return found


def _made(known: Known) -> list[str]:
    if not known.lists:
        return []
    lists = known.lists[-1]
    said = [words.say("The lists are those of “{title}”.", title=words.label(lists.title, 120))]
    recommender = str(lists.run.get("recommender") or "lists")
    if recommender != "lists":
        said.append(words.say("They were made by the recommender {name}.", name=recommender))
    return said


def _treated(known: Known) -> list[str]:
    chosen = known.lists[-1].how.get("mitigation") if known.lists else None
    if not chosen:
        return []
    said = [words.say("A mitigation was applied: {step}.", step=shared.step(chosen))]
    if known.lists[-1].how.get("tuning"):
        said.append(words.say("Its strength was chosen on a validation part; the numbers here are of a test part."))
    return said


# The headings, and what no number can say below each.
_LAWS: Mapping[str, tuple[tuple[str, str, str], ...]] = {
    words.later("AI Act, Annex IV, {number}. {heading}"): (
        (
            "1",
            words.later("General description of the AI system"),
            words.later(
                "the intended purpose, the provider, the version in use and how it relates to earlier ones, the form "
                "in which the system is offered, and the instructions for its use"
            ),
        ),
        (
            "2",
            words.later("Elements of the AI system and process of its development"),
            words.later(
                "the design choices and their reasons, how the data was obtained and labelled, human oversight "
                "(Article 14), and measures of cybersecurity"
            ),
        ),
        (
            "3",
            words.later("Monitoring, functioning and control of the AI system"),
            words.later(
                "foreseeable unintended outcomes and sources of risk, the human oversight that is needed, and what "
                "input is allowed"
            ),
        ),
        (
            "4",
            words.later("Appropriateness of the performance metrics"),
            words.later("why these metrics fit the intended purpose"),
        ),
        (
            "5",
            words.later("Risk management system (Article 9)"),
            words.later("the known and foreseeable risks, and how they are treated"),
        ),
        (
            "6",
            words.later("Relevant changes through the lifecycle"),
            words.later("the changes that the provider made since the system was put into service"),
        ),
        (
            "7",
            words.later("Harmonised standards applied"),
            words.later("the list of standards, or the other means by which the requirements are met"),
        ),
        ("8", words.later("EU declaration of conformity (Article 47)"), words.later("a copy of it")),
        (
            "9",
            words.later("Post-market monitoring (Article 72)"),
            words.later("the plan, with how often this audit is made again and what happens when a gap grows"),
        ),
    ),
    words.later("Digital Services Act, Article {number}. {heading}"): (
        (
            "27",
            words.later("Recommender system transparency"),
            words.later(
                "the main parameters in plain language, why they matter as they do, and the options by which people "
                "can change them"
            ),
        ),
        (
            "34",
            words.later("Risk assessment"),
            words.later(
                "illegal content, civic discourse, public health and minors, which these numbers do not touch, and how "
                "severe and how likely each risk is"
            ),
        ),
        (
            "35",
            words.later("Mitigation of risks"),
            words.later(
                "the measures that were decided, why they are reasonable, proportionate and effective, and who answers "
                "for them"
            ),
        ),
    ),
}
