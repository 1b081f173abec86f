"""The Guide: how to read an interval and a verdict, an audit worked through, and every metric, as the catalogue
declares it: what it says and what it does not."""

from __future__ import annotations

from collections.abc import Iterator

import streamlit as st

from fairdash import charts, words
from fairdash.data import sources
from fairdash.metrics.catalogue import METRICS, on_side
from fairdash.metrics.declare import Metric, Side
from fairdash.report import findings, pictures
from fairdash.stages import example, feed
from fairdash.stages.disclosure import withheld
from fairdash.ui import parts

PARTS = {
    "reading": words.later("How to read it"),
    "worked": words.later("A worked audit"),
    "accuracy": words.later("Accuracy"),
    "users": words.later("People"),
    "items": words.later("Items"),
    "model": words.later("Model"),
}
SIDES: dict[Side, tuple[str, str]] = {  # what the metrics of a side say, and what they do not
    "accuracy": (
        words.later("How much of what a person went on to like is on their list, and how high up."),
        words.later(
            "Not what they would have liked of what they were never shown, and not whether the list is good for them. "
            "Who has more held-out items has more to hit."
        ),
    ),
    "users": (
        words.later("How lists of groups of people differ, and how far lists stray from what a person chose before."),
        words.later(
            "Not that a difference is a harm: tastes differ. Hold it against the group’s own history, and ask "
            "the people."
        ),
    ),
    "items": (
        words.later("How much of all exposure each item, maker or kind of item gets."),
        words.later(
            "Not what a fair share is: the target (equal parts, the catalogue, what is liked) is chosen by a person."
        ),
    ),
    "model": (
        words.later("What the recommender itself knows of who people are, and what its lists make of that."),
        words.later("Not that lists are unfair: what is known need not be used, and what is used can be fair."),
    ),
}
_BETTER = {
    1: words.later("higher is better"),
    -1: words.later("lower is fairer"),
    0: words.later("neither end is better"),
}


def reading() -> None:
    """Intervals and verdicts."""
    st.markdown(
        words.say(
            "A number comes from these people. Other people of the same kind would have given another one. The **95 % "
            "interval** (the stroke through a mark) says how far off it may be: of a hundred such intervals, about 95 "
            "hold the true value. A **gap** between groups counts when its interval leaves 0 out, and when it would be "
            "rare were the groups treated alike (p below 0.05)."
        )
    )
    left, right = st.columns([9, 11], gap="large")
    rows = [
        pictures.Row(words.say("found: the interval leaves 0 out"), 0.06, 0.03, 0.09, words.signed(0.06, 2)),
        pictures.Row(words.say("not found, and small if there is one"), 0.005, -0.02, 0.03, words.signed(0.005, 3)),
        pictures.Row(words.say("not found: too few people to see"), 0.04, -0.07, 0.15, words.signed(0.04, 2)),
    ]
    alt = words.say("Three gaps with their intervals: one that leaves 0 out, a narrow and a wide one that do not.")
    picture = pictures.values(rows, alt, line=0.0, line_told=words.say("no difference"))
    if picture is not None:
        with left:
            parts.image(picture)
    with right:
        st.markdown("\n".join(f"- {line}" for line in _verdicts()))


def _verdicts() -> Iterator[str]:
    """The marks on a finding, and what each means."""
    told = {
        "found": words.say("it holds even though many questions were asked at once (Holm’s correction)."),
        "alone": words.say(
            "it would count if it had been the only question; among many, one can turn out so by chance."
        ),
        "few": words.say("nothing was found, but a large difference could have stayed unseen."),
        "none": words.say(
            "nothing was found, and a large difference would have been seen. It is not proof of equality."
        ),
        "untested": words.say("there is a value, but no test: too few people, or none was asked for."),
    }
    for kind, said in told.items():
        mark, name, _ = findings.STATES[kind]  # type: ignore[index]  # the keys are the feed's kinds
        yield f"**{mark} {words.sentence(words.say(name))}**: {said}"
    undefined = words.sentence(words.say(charts.VERDICTS["undefined"][0]))
    yield f"**{words.DASH} {undefined}**: " + words.say("there is no value, and the reason stands beside it.")


def worked() -> None:
    """The shipped audit, read step by step."""
    audit = withheld(example.read())
    cards = feed.feed(audit, things=words.say(sources.things(example.SOURCE)))
    first = cards[0]
    row = audit["gaps"][first.attribute][first.metric]
    st.caption(example_note(audit["n_users"]))
    left, right = st.columns([9, 11], gap="large")
    picture = findings.picture(first)
    with left:
        st.markdown(f"**{words.plain(first.plain, 400)}**")
        if picture is not None:
            parts.image(picture)
    steps = [
        words.say("**What it says.** {sentence}", sentence=words.plain(first.sentence, 600)),
        words.say(
            "**How much.** {gap} of everybody’s {value} is {share}: the gap as a part of what everybody has.",
            gap=words.number(row["gap"]),
            value=words.number(audit["overall"][first.metric]),
            share=words.percent(first.part, 0),
        ),
        words.say(
            "**How sure.** The interval goes from {low} to {high}: even its end next to no difference is far from 0.",
            low=words.number(row["ci"][0]),
            high=words.number(row["ci"][1]),
        ),
        words.say(
            "**What it does not say.** Not why. In this made-up service it is known: a third of what is in women’s "
            "histories was picked by others in the household."
        ),
        words.say(
            "**What to do.** See the people behind it, try what answers it on the Mitigate page, and look at who pays."
        ),
    ]
    with right:
        st.markdown("\n".join(f"1. {step}" for step in steps))


def example_note(people: int) -> str:
    """That the example is one."""
    return words.say("Example: {n} made-up people of a made-up film service, whose biases were put in.", n=people)


def side(chosen: Side) -> None:
    """What the metrics of a side say and do not say, and each of them."""
    says, does_not = SIDES[chosen]
    st.markdown(words.say("**What they say.** {text}", text=words.say(says)))
    st.markdown(words.say("**What they do not say.** {text}", text=words.say(does_not)))
    for key in on_side(chosen):
        metric = METRICS[key]
        with st.expander(words.say(metric.title), key=f"guide-{key}"):
            st.markdown("\n".join(f"- {line}" for line in _lines(metric)))


def _lines(metric: Metric) -> Iterator[str]:
    yield words.say("**Formula:** {formula}", formula=words.plain(words.say(metric.formula), 900))
    low, high = words.brief(metric.low), words.brief(metric.high)
    yield words.say(
        "**Range:** {low} to {high}; {better}", low=low, high=high, better=words.say(_BETTER[metric.better])
    )
    if metric.target is not None:
        yield words.say("**Fair value:** {target}", target=words.brief(metric.target))
    if metric.edge:
        yield words.say("**Where it is undefined:** {edge}", edge=words.plain(words.say(metric.edge), 900))
    if metric.paper:
        yield words.say("**Paper:** {paper}", paper=words.plain(metric.paper, 400))
    yield words.say("**In audit.json:** `{key}`", key=metric.key)
