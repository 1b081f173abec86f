"""The recommender in view: how good it is beside plain ones, the text that it reads of a person, its calibration."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from functools import partial

import pandas as pd
import streamlit as st

from fairdash import charts, settings, words
from fairdash.charts import GroupValue, Reliability, ReliabilityCell
from fairdash.recommenders import RECOMMENDERS
from fairdash.recommenders.base import BlendedFitted, CalibratedFitted, ReadingFitted
from fairdash.recommenders.calibration import Calibration
from fairdash.run import Run
from fairdash.schema import USER_ID, Lists
from fairdash.stages import explore, quality
from fairdash.ui import finder, load, naming, parts, state
from fairdash.workspace import Entry

OTHERS = 5  # lists of the workspace that stand beside those in view
LINES = 10  # texts of a history that are shown at once
BEST = 1  # the item of the list whose pair is shown


def section(data: str) -> None:
    """Quality, then what is read, then what probabilities are worth."""
    digest = state.get("lists")
    if digest is None:
        parts.empty(words.say("Nothing trained or brought yet"), words.say("Train a recommender first."))
        return
    run, lists = load.lists(digest)
    k = int(st.number_input("K", 1, lists.k, width=110,
                            **state.shared("k", min(settings.K, lists.k), state.within(1, lists.k))))  # fmt: skip
    _quality(run, digest, k)
    left, right = st.columns(2, gap="medium")
    with left:
        _read(run, lists)
    with right:
        _calibrated(run)


# --- how good it is ---------------------------------------------------------------------------------------------------


def _plain(run: Run, lists: str) -> list[Entry]:
    """Other recommenders' own lists for the same split, those of plain recommenders first, then newest first."""
    found = [
        entry
        for entry in finder.others(run, lists)
        if not entry.meta.get("mitigation")
        and state.workspace().get("runs", entry.meta["run"]).meta.get("recommender") != quality.POPULARITY
    ]
    plain = {name for name, info in RECOMMENDERS.items() if info.cost is None}
    of = {entry.digest: state.workspace().get("runs", entry.meta["run"]).meta.get("recommender") for entry in found}
    return sorted(found, key=lambda entry: of[entry.digest] not in plain)[:OTHERS]


@st.cache_data(max_entries=32, show_spinner="Ranking what is popular")
def _table(lists: str, others: tuple[tuple[str, str], ...], own: str, popular: str, first: str, k: int) -> pd.DataFrame:
    run, made = load.lists(lists)
    by = {own: made, popular: quality.most_popular(run.split, k)}
    alone = quality.first_stage(run.fitted, run.split, k) if run.has_model else None
    if alone is not None:
        by[first] = alone
    return quality.beside(run.split, by | {name: load.lists(digest)[1] for digest, name in others}, k)


def _quality(run: Run, digest: str, k: int) -> None:
    entry = state.workspace().get("lists", digest)
    others = _plain(run, digest)
    named = naming.namer([entry, *others])
    always = (words.say("popularity"), words.say("its first stage alone"))
    names = words.distinct([named(digest), *always, *(named(other.digest) for other in others)])
    own, popular, alone, *rest = names
    table = _table(digest, tuple(zip((o.digest for o in others), rest, strict=True)), own, popular, alone, k)
    first, best = table.iloc[0], table.iloc[1:].sort_values("ndcg", ascending=False).iloc[0]
    told = _AHEAD if best["less_high"] < 0 else _BEHIND if best["less_low"] > 0 else _LEVEL
    said = words.say(
        told,
        name=words.plain(own),
        k=k,
        value=words.number(first["ndcg"]),
        other=words.plain(best["name"]),
        than=words.number(best["ndcg"]),
        ci=words.interval(-best["less_high"], -best["less_low"], sign=True),
    )
    st.markdown(f"## {said}")
    if run.has_model and isinstance(run.fitted, BlendedFitted):
        st.caption(
            words.say(
                "It adds up {weights}: how much each counts was found on validation. The first stage stands in the "
                "table by itself, so that you see whether ordering its candidates anew was worth it.",
                weights=", ".join(f"{name} × {words.number(value)}" for name, value in run.fitted.weights.items()),
            )
        )
    columns = ("name", "people", "ndcg", "low", "high")
    rows = [GroupValue(*row) for row in zip(*(table[column].tolist() for column in columns), strict=True)]
    known = (digest, quality.POPULARITY, quality.FIRST_STAGE, *(other.digest for other in others))
    digests = {name: one for name, one in zip(names, known, strict=True) if name in set(table["name"])}
    parts.draw(charts.group_values(rows, words.say("NDCG@{k}", k=k)), "quality", words.say("Beside plain recommenders"),
               about=words.say("Means over the same people, with 95 % intervals. Popularity is what most people have "
                               "that the person does not; it knows nobody. Click a mark to look at what it is of."),
               pick=lambda name: state.put("one", digests[name]))  # fmt: skip
    _one(table, {one: name for name, one in digests.items()}, digest, k)
    parts.table(
        table.rename(
            columns={
                "ndcg": words.say("NDCG@{k}", k=k), "low": words.say("95 % from"), "high": words.say("95 % to"),
                "coverage": words.say("coverage"),
                "less": words.say("less the first"), "less_low": words.say("less, from"),
                "less_high": words.say("less, to"),
            }
        ), "quality-all",
    )  # fmt: skip


def _one(table: pd.DataFrame, names: Mapping[str, str], digest: str, k: int) -> None:
    """What stands beside the lists in view, where it was clicked. names: digest of lists, or popularity → its name."""
    one = state.seen("one", "", str)
    if one not in names:
        return
    row = table[table["name"] == names[one]].to_dict("records")[0]
    with st.container(border=True, key="one-list"):
        parts.opened(words.plain(names[one], 120), "one")
        told = words.say(
            "NDCG@{k} is {value} ({interval}) over {people}; {coverage} of the catalogue is on somebody's list.",
            k=k, value=words.number(row["ndcg"]), interval=words.interval(row["low"], row["high"]),
            people=words.count(row["people"], "person", "people"), coverage=words.percent(row["coverage"]),
        )  # fmt: skip
        if one == digest:
            st.markdown(told)
            return
        less = words.say("That is {less} from what is in view ({interval}).", less=words.signed(row["less"]),
                         interval=words.interval(row["less_low"], row["less_high"], sign=True))  # fmt: skip
        st.markdown(words.together(told, less))
        if one == quality.POPULARITY:
            st.caption(words.say("Everybody gets the items that most people have, without those of their own history."))
            return
        if one == quality.FIRST_STAGE:
            st.caption(words.say("The candidates in the order in which the first stage brings them."))
            return
        with st.container(horizontal=True):
            parts.act(words.say("Look at this one"), _look, one, icon=":material/visibility:", key="look-at-one")
            parts.go("compare", words.say("Compare with it"), ":material/compare_arrows:", before=digest, after=one,
                     sides="two")  # fmt: skip


def _look(lists: str) -> None:
    state.put("lists", lists)
    state.put("one", None)


_AHEAD = words.later("{name} reaches NDCG@{k} {value}, more than {other} with {than} (difference {ci}).")
_BEHIND = words.later("{name} reaches NDCG@{k} {value}, less than {other} with {than} (difference {ci}).")
_LEVEL = words.later("{name} reaches NDCG@{k} {value}, not told apart from {other} with {than} (difference {ci}).")


# --- what it reads ----------------------------------------------------------------------------------------------------


def _read(run: Run, lists: Lists) -> None:
    """The text of a real person, as the encoder is given it."""
    st.markdown(words.say("**What it reads of a person**"))
    if not run.has_model:
        st.caption(words.say("These lists came without a model."))
        return
    fitted = run.fitted
    if not isinstance(fitted, ReadingFitted):
        st.caption(words.say("This recommender reads no text: it knows who had which item, and no more."))
        return
    user = finder.by_id(run.split.training.users[USER_ID].astype(str).to_numpy())
    if user is None:
        return
    items = [int(item) for item in lists.items[user, :BEST] if item >= 0]
    if not items:
        st.caption(words.say("Everything is in this person's history already."))
        return
    who = explore.person(run.split, user)
    texts = fitted.reads(run.split.training, user, items[0], who.history)
    if not texts:
        st.caption(words.say("This recommender reads no text: it knows who had which item, and no more."))
        return
    names = explore.names_of(run.split.training.items)
    shown = [*texts[:1], *(["…"] if len(texts) > LINES + 1 else []), *texts[1:][-LINES:]]
    st.code("\n".join(words.label(one, 4000) for one in shown), language=None, wrap_lines=True)
    st.caption(
        words.say(
            "{n} text, the last of them “{item}”, the first of this person's list.",
            "{n} texts in this order, the last of them “{item}”, the first of this person's list.",
            n=len(texts),
            item=words.plain(names[items[0]], 60),
        )
    )


# --- what its probabilities are worth ---------------------------------------------------------------------------------


def _calibrated(run: Run) -> None:
    """The reliability curve of the fit on validation."""
    st.markdown(words.say("**Does P(like) mean what it says?**"))
    if not run.has_model:
        st.caption(words.say("These lists came without a model."))
        return
    fitted = run.fitted
    if not isinstance(fitted, CalibratedFitted):
        st.caption(words.say("Its scores order items and are no probabilities: there is nothing to hold them against."))
        return
    found = fitted.calibration
    if not found.curve:
        st.caption(words.plain(found.note, 300) or words.say("It was not measured."))
        return
    st.caption(
        words.say(
            "On {n} validation pairs that it was not trained on, the mean distance between what was said and what "
            "happened is {ece}; before it was calibrated it was {before}. A liked pair has the higher probability in "
            "{auc} of all cases.",
            n=found.n,
            ece=words.number(found.ece),
            before=words.number(found.ece_before),
            auc=words.percent(found.auc, 0),
        )
    )
    at = state.seen("cell", None, cell_asked)
    told = None if at is None else said_and_happened(_line(found), at[1])
    parts.draw(charts.reliability([_line(found)]), "calibrated", words.say("Said and happened"), note=told,
               about=words.say("Click a mark to read it."), pick=partial(state.put, "cell"))  # fmt: skip


def cell_asked(told: str) -> tuple[int, int]:
    """The line and the cell of the mark that was clicked, from the link."""
    line, cell = json.loads(told)
    return int(line), int(cell)


def said_and_happened(line: Reliability, cell: int) -> str | None:
    """A mark of a reliability chart in words; None where there is none."""
    if not 0 <= cell < len(line.cells):
        return None
    one = line.cells[cell]
    return words.say(
        "{group}: of {pairs} that were given {predicted} on average, {observed} were liked.",
        group=words.sentence(line.label), pairs=words.count(one.n, "pair"), predicted=words.percent(one.predicted),
        observed=words.percent(one.observed),
    )  # fmt: skip


def _line(found: Calibration) -> Reliability:
    cells = [ReliabilityCell(one.n, one.n, one.predicted, one.observed, None, None) for one in found.curve]
    error = 0.0 if math.isnan(found.ece) else found.ece
    return Reliability(words.say("everybody"), found.n, error, cells)
