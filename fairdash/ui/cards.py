"""The cards of the feed: each a sentence in things people know, a small picture, the people, and what can be done."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
import streamlit as st

from fairdash import charts, words
from fairdash.data import sources
from fairdash.run import Run
from fairdash.stages import feed
from fairdash.stages.feed import Card, Kind
from fairdash.stages.places import offered_by, place_of
from fairdash.ui import parts, pictures, state
from fairdash.ui.question import EVERYTHING, Asked

SHOWN = 4  # cards that stand open at first: as many as a screen holds
KINDS: Mapping[Kind, tuple[str, str, str]] = {  # what it is called, its icon and its colour
    "found": (words.later("difference found"), ":material/report:", "orange"),
    "alone": (words.later("only on its own"), ":material/help:", "gray"),
    "few": (words.later("too few people to see"), ":material/group_off:", "gray"),
    "untested": (words.later("not tested"), ":material/question_mark:", "gray"),
    "none": (words.later("no difference found"), ":material/remove:", "gray"),
}
_COLUMNS = words.several(
    "between", "what", "verdict", "metric", "difference", "95 % from", "95 % to", "part of everybody's value", "p",
    "p (Holm)", "in words",
)  # fmt: skip
_ASIDE = words.several("metric", "part of everybody's value", "p")
_BESIDE: Mapping[feed.About, str] = {
    "people": words.later("everyone"),
    "items": words.later("target"),
    "model": words.later("chance"),
}
_TABS: Mapping[Kind, str] = {
    "found": words.later("Found"),
    "alone": words.later("Only on its own"),
    "few": words.later("Too few to see"),
    "untested": words.later("Not tested"),
    "none": words.later("No difference"),
}


def of(audit: Mapping[str, Any], run: Run, target: str) -> tuple[Card, ...]:
    """The cards of an audit of these lists, in words of the data set's own things."""
    chosen: feed.Target = target  # type: ignore[assignment]  # of the control's options, which are these words
    return feed.feed(audit, things=words.say(things(run)), target=chosen)


def about(cards: Sequence[Card], asked: Asked, chosen: str) -> tuple[Card, ...]:
    """The cards that answer what is asked: of the groups that were chosen, their crossings and the items beside them,
    or of all where none were."""
    wanted = set() if asked.group is None else set(asked.group.attributes)
    things = asked.items.label if asked.group is not None and asked.items is not None else None
    questions = {key for key, question in feed.QUESTIONS.items() if chosen in (key, *question.metrics)}
    everything = chosen == EVERYTHING
    return tuple(
        card
        for card in cards
        if (
            things in (None, card.attribute)
            if card.about == "items"
            else wanted <= {*card.attribute.split(words.CROSS)}
        )
        and (everything or card.question in questions)
    )


def things(run: Run) -> str:
    """What the items of a run are called, in English."""
    return _things(run.digest, state.workspace().owner)


@st.cache_data(max_entries=256, show_spinner=False)
def _things(run: str, owner: str) -> str:
    workspace = state.workspace()
    dataset = str(workspace.get("runs", run).meta.get("dataset") or "") if workspace.has("runs", run) else ""
    about = workspace.get("datasets", dataset).meta["provenance"] if workspace.has("datasets", dataset) else {}
    return sources.things(str(about.get("source", "")))


def show(cards: Sequence[Card], run: Run, reference: str | None = None) -> None:
    """All cards by kind, the surest kind first. reference: the group whose value stands in the pictures."""
    if not cards:
        st.info(words.say("Nothing was asked that has an answer here."), icon=":material/info:")
        return
    _said(cards)
    counts = {kind: sum(card.kind == kind for card in cards) for kind in KINDS}
    there: dict[str, str] = {
        kind: words.say("{title} ({n})", title=words.say(_TABS[kind]), n=n) for kind, n in counts.items() if n
    }
    chosen = parts.tabs(words.say("What was found"), there, "found")
    own = [card for card in cards if card.kind == chosen]
    if chosen in ("found", "alone"):
        _grid(own, run, reference)
    else:
        st.markdown("\n".join(f"- {_where(card)}: {words.plain(card.plain, 500)}" for card in own))


def table(cards: Sequence[Card]) -> None:
    """All that the feed asked, with its numbers."""
    rows = [
        (card.attribute, words.say(feed.title(card)), words.say(KINDS[card.kind][0]), card.metric, card.size,
         *(card.ci or (None, None)), card.part, card.p, card.p_feed, card.plain)
        for card in cards
    ]  # fmt: skip
    parts.table(pd.DataFrame(rows, columns=list(_COLUMNS)), "feed", digits=4, aside=_ASIDE)


def _said(cards: Sequence[Card]) -> None:
    """What the feed found, in one line."""
    tests = max(card.tests for card in cards)
    found = [card for card in cards if card.kind == "found"]
    of_people = [card for card in found if card.about == "people"]
    if tests <= 1 and found:
        told = words.say("One question was asked, and it found a difference.")
    elif tests <= 1:
        told = words.say("One question was asked; nothing was found beyond chance.")
    elif not found:
        told = words.say(
            "Nothing here was found beyond chance; {n} question was asked in all.",
            "Nothing here was found beyond chance; {n} questions were asked in all.",
            n=tests,
        )
    elif not of_people:
        told = words.say(
            "No difference between these groups of people was found among {count} questions; what was found is about "
            "items or the model.",
            count=tests,
        )
    else:
        told = words.say(
            "{found} among {count} questions; each holds among all of them (Holm).",
            found=words.count(len(found), "difference"), count=tests,
        )  # fmt: skip
    st.caption(told)


def _grid(cards: Sequence[Card], run: Run, reference: str | None) -> None:
    more = state.seen("all", "", str) == "1"
    shown = cards if more else cards[:SHOWN]
    for start in range(0, len(shown), 2):
        for at, (column, card) in enumerate(
            zip(st.columns(2, gap="medium"), shown[start : start + 2], strict=False), start
        ):
            with column:
                _card(card, run, reference, at)
    if len(cards) > SHOWN:
        label = words.say("Fewer") if more else words.say("Show all {n}", n=len(cards))
        icon = ":material/expand_less:" if more else ":material/expand_more:"
        parts.act(label, state.put, "all", None if more else "1", key="all-cards", type="tertiary", icon=icon)


def _where(card: Card) -> str:
    """What the card is about, as a label."""
    name = words.plain(card.attribute)
    return words.say("items by {attribute}", attribute=name) if card.about == "items" else name


def _card(card: Card, run: Run, reference: str | None, at: int) -> None:
    title, icon, color = KINDS[card.kind]
    with st.container(border=True, key=f"answer-{at}", height="stretch", gap="small"):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.badge(words.say(title), icon=icon, color=color)  # type: ignore[arg-type]  # the table's words are badge colours
            st.caption(_where(card), width="content")
        st.markdown(f"## {words.plain(card.plain, 500)}")
        drawn, alt = picture(card, reference)
        if drawn:
            st.image(drawn, alt=alt)
        st.caption(words.plain(card.sentence, 700))
        with st.container(horizontal=True, gap="small", vertical_alignment="center"):
            if card.about == "people":
                query = {**card.link, "view": pictures.PEOPLE, "who": card.worse or card.concerned[-1]}
                parts.act(words.say("See the people"), _look, query, key=f"people-{at}", type="tertiary",
                          icon=":material/group:")  # fmt: skip
            parts.act(words.say("Look closer"), _look, card.link, key=f"closer-{at}", type="tertiary",
                      icon=":material/search:")  # fmt: skip
            wanted = remedy(card, run)
            if wanted is not None:
                label = words.say("What to do: {method}", method=wanted[0])
                parts.go("mitigate", label, ":material/tune:", **wanted[1])


def _look(query: Mapping[str, str]) -> None:
    """Look at this, on this page."""
    for name, value in query.items():
        state.put(name, value)


def picture(card: Card, reference: str | None = None) -> tuple[str, str]:
    """The card's groups as SVG, and in words; against the reference where it is one of them."""
    told = {bar.name: feed.named(card, bar.name) for bar in card.bars}
    if not charts.fit([*told.values()]):
        told = {name: words.label(name) for name in told}
    rows = [(told[bar.name], bar.value, bar.low, bar.high) for bar in card.bars]
    held = next((bar for bar in card.bars if bar.name == reference), None)
    beside = (words.say(_BESIDE[card.about]), card.beside) if card.beside is not None else None
    if held is not None:
        beside = (told[held.name], held.value)
    alt = words.say(", ").join(f"{told[bar.name]}: {words.number(bar.value)}" for bar in card.bars)
    marked = [told[card.worse]] if card.worse else []
    return charts.mini(rows, alt, beside=beside, marked=marked, ink="#e8eaec" if state.dark() else "#1f2328"), alt


def remedy(card: Card, run: Run) -> tuple[str, dict[str, str]] | None:
    """The least intrusive method for this finding that can run here, by its title, and the query that chooses it."""
    for one in feed.remedies(card, offered_by(run)):
        if not one.missing:
            query = {"act": "one", "place": place_of(one.method).key, "method": one.method}
            query |= {name: value for name, value in card.link.items() if name in ("group", "cross")}
            return one.title, query | ({} if one.item_group is None else {"item_group": one.item_group})
    return None
