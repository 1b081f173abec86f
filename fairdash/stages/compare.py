"""Before and after a mitigation, told honestly: what moved beyond its interval, what it cost, who gained and who lost.

The numbers are `metrics.paired`'s: same people, same bootstrap replicates. On top of them stands the reading: for every
number whether the change is fairer, less fair, or not shown, and the sentences that a stakeholder reads first.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from fairdash import words
from fairdash.data.brought import Brought
from fairdash.data.given import given_split
from fairdash.errors import ConfigError
from fairdash.metrics import bootstrap
from fairdash.metrics.catalogue import METRICS
from fairdash.metrics.inputs import lists_for
from fairdash.metrics.paired import paired
from fairdash.metrics.results import plain
from fairdash.mitigation import find_method
from fairdash.mitigation.base import Mitigation
from fairdash.mitigation.targets import BETWEEN_PEOPLE, TARGETS
from fairdash.progress import Progress, silent, within
from fairdash.run import Run
from fairdash.schema import USER_ID, Floats, GroupSpec, Lists
from fairdash.stages import audit, places
from fairdash.stages.audit import AuditSpec

if TYPE_CHECKING:
    from fairdash.metrics.value import Audit
    from fairdash.stages.model_side import Measures

FAIRER, WORSE, NOT_SHOWN, UNDEFINED, NEUTRAL = words.several(
    "fairer", "less fair", "no change shown", "undefined", "changed"
)
MORE_ACCURATE, LESS_ACCURATE = words.several("more accurate", "less accurate")  # of accuracy itself: it is no fairness
WON, LOST = (FAIRER, MORE_ACCURATE), (WORSE, LESS_ACCURATE)  # moved beyond its interval, for the better or the worse
_MEANT = {  # of an aim
    **dict.fromkeys(WON, words.later("moved as meant")),
    **dict.fromkeys(LOST, words.later("moved the wrong way")),
    NOT_SHOWN: words.later("not shown to move"),
    NEUTRAL: words.later("moved"),
    UNDEFINED: words.later("undefined"),
}
ALONE = words.later("only on its own")  # of a gap: beyond its interval, but not among all gaps of its attribute
SIGNIFICANT = 0.05  # p of one aim that was set beforehand, or after Holm's correction
_OF_RUN = ("recommender", "options", "seed", "device_sentence", "train_seconds", "mitigations")


@dataclass(frozen=True, eq=False)
class Made:
    """Lists [n_users, ≥ k] of a run's people, and how they came to be. how: the keys of `Mitigated.how`, none of them
    for a run's own lists; None for lists that somebody else made. vectors: user vectors [n_users, d] where a mitigation
    changed them, else None."""

    title: str
    run: Run
    lists: Lists
    how: Mapping[str, Any] | None
    vectors: Floats | None = None

    @staticmethod
    def of_run(run: Run, lists: Lists, name: str) -> Made:
        """The run's own lists where these are those, under its title; else lists of that name that somebody made."""
        best = run.candidates()
        longest = int((lists.items >= 0).sum(axis=1).max(initial=0))  # lists of a file are padded
        own = longest <= best.k and np.array_equal(lists.items[:, :longest], best.items[:, :longest])
        return Made(run.title, run, lists, {}) if own else Made(name, run, lists, None)

    @property
    def mitigation(self) -> Mitigation | None:
        """The last one, with its strength."""
        chosen = (self.how or {}).get("mitigation")
        return None if chosen is None else Mitigation.from_json(chosen)

    @property
    def has_model(self) -> bool:
        """Whether the model that made them is at hand."""
        return self.how is not None and self.run.has_model

    def about(self) -> dict[str, Any]:
        """What a report says of how they were made: of lists that somebody else made, nothing but the title."""
        how = self.how or {}
        return _about(self.title, how, {} if self.how is None else self.run.meta)


def _about(title: str, how: Mapping[str, Any], of_run: Mapping[str, Any]) -> dict[str, Any]:
    told = {name: how.get(name) for name in ("mitigation", "first", "tuning")}
    return {"title": title, **told, **{name: of_run.get(name) for name in _OF_RUN}}


@dataclass(frozen=True)
class Aim:
    """What the mitigation was meant to move: a metric's key, and the attribute between whose groups (None for
    metrics of everybody or of items)."""

    metric: str
    attribute: str | None = None


@dataclass(frozen=True, eq=False)
class Comparison:
    """See `to_json`: the contract of metrics.paired plus

    names      [before, after]
    about      how both came to be, as plain values
    model      {attribute: {metric: {before, after, difference, ci, moved, verdict}}} where models were at hand
    verdict    of every row with a difference: "fairer", "less fair", of accuracy "more accurate", "less accurate",
               "changed" (neither direction is fairer),
               "no change shown", "undefined"; of gaps also "only on its own", where the change lies beyond its interval
               but not after Holm's correction over the gaps of its attribute
    gaps       each with p_value, p_holm; ahead: the group with the higher value before; changed_sides: whether that one
               is behind the one that was lowest now, and the change lies beyond its interval
    beyond     [{attribute, group, metric, before, after, difference, ci, verdict}]: groups whose own NDCG changed
               beyond its interval, and those for whom an aim's metric moved the wrong way
    aims       [{metric, attribute, title, before, after, difference, ci, moved, verdict, before_ci, before_p,
               within_chance}], one for each attribute that the mitigation was meant to balance; within_chance: whether
               before, the data did not tell it from its fair value, so that there was nothing to move
    aim        the first of them, or null
    unmeasured [{metric, attribute}]: aims that have no row here
    sentences  what to read first: `sentences` of the rest, which says them in other languages, too
    """

    value: dict[str, Any]

    def to_json(self) -> dict[str, Any]:
        """The contract: plain values, null where undefined."""
        return self.value

    @property
    def sentences(self) -> list[str]:
        """What changed, the most important first."""
        return list(self.value["sentences"])


def aims(chosen: Mitigation | None) -> tuple[Aim, ...]:
    """What a mitigation was meant to move: one aim for each attribute; none without a mitigation."""
    if chosen is None:
        return ()
    info = find_method(chosen.method).info
    groups: tuple[GroupSpec, ...] = ()
    if "user_groups" in info.needs or METRICS[info.target].side == "model":
        groups = places.balanced(chosen)
    if not groups and chosen.item_group is not None and "item_groups" in info.needs:
        groups = (chosen.item_group,)
    return tuple(Aim(info.target, group.label) for group in groups) or (Aim(info.target),)


def compare(before: Made, after: Made, spec: AuditSpec, progress: Progress = silent) -> Comparison:
    """Audit both and hold them against each other.

    What the mitigation of `after` aimed at is always part of it: its own groups, and the model side where only that
    shows its target. spec.model: the model side in any case, where both have a model. Raises ConfigError for lists
    of different test parts.
    """
    if not comparable(before.run, after.run):
        raise ConfigError(
            words.say(
                "“{before}” and “{after}” are of different test parts, so no number of one can be held against the "
                "other.",
                before=before.title,
                after=after.title,
            ),
            words.say("Compare lists of the same data and split."),
        )
    chosen = after.mitigation
    meant = aims(chosen)
    if chosen is not None:
        own = () if chosen.item_group is None else (chosen.item_group,)
        spec = replace(
            spec,
            groups=_joined(spec.groups, places.balanced(chosen)),
            item_groups=_joined(spec.item_groups, own),
        )
    model = spec.model or any(aim.metric not in TARGETS for aim in meant)
    model = model and before.has_model and after.has_model
    audits, models = [], []
    alike = before.run.meta["split_digest"] == after.run.meta["split_digest"]
    first, second, notes = cut_alike(before.lists, after.lists, spec.k)
    for i, (side, lists) in enumerate(((before, first), (after, second))):
        half = within(progress, 0.5 * i, 0.5)
        ground = side.run if alike else before.run  # both are seen from what was known before
        if model:
            models.append(_measured(side, lists.top(spec.k), spec, within(half, 0.0, 0.8)))
        rest = within(half, 0.8, 0.2) if model else half
        plain = replace(spec, model=False)
        among = (before.run.split, after.run.split)
        audits.append(audit.audit(ground, lists, plain, beside=(first, second), among=among, progress=rest))
    return compare_audits(
        audits[0],
        audits[1],
        names=(before.title, after.title),
        about={
            "data": after.run.meta["data"],
            "split": after.run.meta["split"],
            "split_notes": list(after.run.split.notes),
            "before": before.about(),
            "after": after.about(),
        },
        aims=meant,
        models=(models[0], models[1]) if model else None,
        notes=notes,
    )


def of_tables(tables: Brought, spec: AuditSpec, progress: Progress = silent) -> Comparison:
    """The lists of two systems that were brought, the first before and the second after, on common people and what was
    held out of them. Raises ConfigError unless there are two."""
    if len(tables.systems) != 2:
        raise ConfigError(
            words.say(
                "Two systems are compared, and these are lists of {n}: {names}.",
                n=len(tables.systems), names=", ".join(tables.systems),
            ),
            words.say("Bring the lists of one system before, and of one after; `audit` takes any number of them."),
        )  # fmt: skip
    _, split = given_split(tables)
    read = [lists_for(tables, name, split.training.users[USER_ID]) for name in tables.systems]
    first, second, notes = cut_alike(read[0][0], read[1][0], spec.k)
    audits: list[Audit] = []
    for lists, (_, findings) in zip((first, second), read, strict=True):
        progress(0.5 * len(audits), words.say("Bootstrapping and permuting"))
        audits.append(audit.of_split(split, lists, spec, findings=findings, beside=(first, second)))
    one, other = tables.systems
    return compare_audits(
        audits[0],
        audits[1],
        names=(one, other),
        about={
            "data": split.name,
            "split": split.spec,
            "split_notes": list(split.notes),
            "before": _about(one, {}, {}),
            "after": _about(other, {}, {}),
        },
        notes=notes,
    )


def comparable(one: Run, other: Run) -> bool:
    """Whether lists of both are for the same people and items, with the same held out. What was known may differ: the
    second may have learned from feedback on the first."""
    return one.meta["split_digest"] == other.meta["split_digest"] or one.test_digest == other.test_digest


def cut_alike(before: Lists, after: Lists, k: int) -> tuple[Lists, Lists, list[str]]:
    """Lists of both systems to the length of the shorter ones, so that neither wins by its length, and a sentence where
    these end before place k."""
    shortest = min(before.depth, after.depth)
    if before.depth == after.depth:
        return before, after, []
    said = words.say(
        "The lists have up to {before} places before and {after} after: both were cut to {shortest}.",
        before=before.depth, after=after.depth, shortest=shortest,
    )  # fmt: skip
    return before.top(shortest), after.top(shortest), [said] if shortest < k else []


def _joined(asked: Sequence[GroupSpec], own: Sequence[GroupSpec]) -> tuple[GroupSpec, ...]:
    """The groups that were asked for, and of the mitigation's own those that are not among them."""
    known = {group.label for group in asked}
    return (*asked, *(group for group in own if group.label not in known))


def _measured(side: Made, top: Lists, spec: AuditSpec, progress: Progress) -> dict[str, Measures]:
    from fairdash.stages.model_side import measures

    return measures(
        side.run.fitted,
        side.run.split,
        spec.groups,
        top,
        k=spec.k,
        vectors=side.vectors,
        seed=spec.seed,
        replicates=spec.replicates,
        progress=progress,
    )


@words.speaking(words.ENGLISH)
def compare_audits(
    before: Audit,
    after: Audit,
    *,
    names: tuple[str, str] = ("before", "after"),
    about: Mapping[str, Any] | None = None,
    aims: Sequence[Aim] = (),
    models: tuple[Mapping[str, Measures], Mapping[str, Measures]] | None = None,
    notes: Sequence[str] = (),
) -> Comparison:
    """Read two audits of the same people against each other.

    aims: what the mitigation was meant to move; those that were not measured are named in the sentences.
    models: the model side of both, by attribute and metric, with replicates under the same weights. notes: further
    warnings. Raises ConfigError where the audits cannot be compared (other people, K, seed or groups; lists of which
    the shorter end before K).
    """
    value = dict(paired(before, after).to_json())
    value["warnings"] = [*notes, *value["warnings"]]
    value["said"] |= words.forms(notes)
    value["model"] = {} if models is None else _model(*models)
    for row, key, is_gap in _rows(value):
        row["verdict"] = _verdict(row, key, is_gap)
    for attribute, named in value["gaps"].items():
        _corrected(named)
        for key, row in named.items():
            row["changed_sides"] = _changed_sides(row)
            pair = before.results["gaps"][attribute][key]["pair"]
            row["ahead"] = pair[0] if pair is not None else None
    value = {"names": list(names), "about": dict(about or {}), **value}
    measured = {aim: _aim(value, aim, before, {} if models is None else models[0]) for aim in aims}
    value["aims"] = [row for row in measured.values() if row is not None]
    value["aim"] = value["aims"][0] if value["aims"] else None
    value["unmeasured"] = [asdict(aim) for aim, row in measured.items() if row is None]
    value["beyond"] = list(_beyond(value, {aim.metric for aim in aims}))
    value = plain(value)
    return Comparison({**value, "sentences": sentences(value)})


def _model(before: Mapping[str, Measures], after: Mapping[str, Measures]) -> dict[str, Any]:
    from fairdash.stages.model_side import by_construction

    found: dict[str, Any] = {}
    for attribute, measures in before.items():
        rows = found.setdefault(attribute, {})
        for key, old in measures.items():
            new = after.get(attribute, {}).get(key)
            if new is not None and not np.isnan(old.value):
                new = by_construction(new, len(old.replicates))
            if new is None or np.isnan(old.value) or np.isnan(new.value):
                continue
            row: dict[str, Any] = {
                "before": old.value,
                "after": new.value,
                "difference": new.value - old.value,
                "ci": None,
            }
            if len(old.replicates) and old.replicates.shape == new.replicates.shape:
                row["ci"] = list(bootstrap.interval(new.replicates - old.replicates))
            low, high = row["ci"] or (np.nan, np.nan)
            row["moved"] = None if np.isnan(low) else bool(low > 0 or high < 0)
            rows[key] = row
    return found


def _rows(value: Mapping[str, Any]) -> Iterator[tuple[dict[str, Any], str, bool]]:
    """Every number with a difference: the row, its metric, and whether it is a gap between groups."""
    yield from ((row, key, False) for key, row in value["overall"].items())
    for named in value["groups"].values():
        for group in named.values():
            yield from ((row, key, False) for key, row in group.items() if isinstance(row, dict) and "before" in row)
            yield from ((row, "category_share", False) for row in group.get("category_share", {}).values())
    for named in value["gaps"].values():
        yield from ((row, key, True) for key, row in named.items())
    items = value["items"]
    yield from ((row, key, False) for key, row in items.items() if "before" in row)
    for named in items.get("gaps", {}).values():
        yield from ((row, key, False) for key, row in named.items())
    for named in items.get("by_group", {}).values():
        for group in named.values():
            yield from ((row, "exposure_share", False) for row in group.values() if "before" in row)
    for named in value["model"].values():
        yield from ((row, key, False) for key, row in named.items())


def meant(row: Mapping[str, Any]) -> str:
    """What became of an aim (a row of `aims`), in words: the same on every page, slide and report."""
    if row["verdict"] == NOT_SHOWN and row.get("within_chance"):
        return words.say("nothing to move: within chance before")
    return words.say(_MEANT.get(row["verdict"], row["verdict"]))


def _verdict(row: Mapping[str, Any], key: str, is_gap: bool) -> str:
    """Which way a number moved."""
    if row["difference"] is None or np.isnan(row["difference"]) or row["moved"] is None:
        return UNDEFINED
    if not row["moved"]:
        return NOT_SHOWN
    key = key.split(":")[0]
    info = METRICS.get(key)
    if is_gap:
        better = -1 if info is None else info.gap_better
        return FAIRER if row["difference"] * better > 0 else WORSE
    if info is None:
        return NEUTRAL
    if info.target is not None:
        nearer = abs(row["after"] - info.target) < abs(row["before"] - info.target)
        return FAIRER if nearer else WORSE
    if info.better == 0:
        return NEUTRAL
    up = row["difference"] * info.better > 0
    if info.side == "accuracy":
        return MORE_ACCURATE if up else LESS_ACCURATE
    return FAIRER if up else WORSE


def _corrected(named: Mapping[str, dict[str, Any]]) -> None:
    """p of every gap's change, and Holm's over the gaps of one attribute; what does not hold there is told apart. Gaps
    that are the same number under two names are one question."""
    asked = {key: tuple(map(_known, (row["before"], row["after"], *row["ci"]))) for key, row in named.items()}
    first: dict[Any, str] = {}
    for key, numbers in asked.items():
        first.setdefault(numbers, key)
    tested = {key: _p_value(named[key]) for key in first.values()}
    holm = dict(zip(tested, bootstrap.holm(list(tested.values())), strict=True))
    for key, row in named.items():
        row["p_value"], row["p_holm"] = tested[first[asked[key]]], holm[first[asked[key]]]
        if row["verdict"] in (FAIRER, WORSE) and not row["p_holm"] < SIGNIFICANT:
            row["verdict"] = ALONE


def _known(number: float | None) -> float | None:
    """To nine places, so that rounding alone makes no other question."""
    return None if number is None or math.isnan(number) else round(number, 9)


def _p_value(row: Mapping[str, Any]) -> float:
    """Two-sided p of a change, by the spread that its 95 % interval has on the side of 0: below 0.05 where it leaves 0
    out. Replicates are too few to count how many lie beyond 0, as Holm asks for p far below one in a thousand."""
    difference, (low, high) = row["difference"], row["ci"]
    if row["moved"] is None or difference is None or math.isnan(difference):
        return math.nan
    width = difference - low if difference > 0 else high - difference
    if difference == 0 or width <= 0:
        return 0.0 if row["moved"] else 1.0
    return math.erfc(abs(difference) / width * bootstrap.Z / math.sqrt(2))


def _changed_sides(row: Mapping[str, Any]) -> bool:
    after, (low, high) = row["signed_after"], row["signed_ci"]
    return after is not None and after < 0 and low is not None and (low > 0 or high < 0)


def _beyond(value: Mapping[str, Any], aimed: Collection[str]) -> Iterator[dict[str, Any]]:
    """Groups that are large enough and whose own change lies beyond its interval, the harmed first."""
    found = [
        {"attribute": attribute, "group": name, "metric": key, **row}
        for attribute, named in value["groups"].items()
        for name, group in named.items()
        if not group["small"]
        for key, row in group.items()
        if isinstance(row, dict) and "verdict" in row
        if (row["verdict"] in LOST and key in {"ndcg", *aimed}) or (row["verdict"] in WON and key == "ndcg")
    ]
    yield from sorted(found, key=lambda row: row["verdict"] not in LOST)


def _aim(value: Mapping[str, Any], aim: Aim, before: Audit, models: Mapping[str, Measures]) -> dict[str, Any] | None:
    """The row that the mitigation was meant to move, and how it stood before; None where it was not measured."""
    of, key, was = aim.attribute, aim.metric, before.results
    row: Any
    fair, ci, p = METRICS[key].target, None, None
    if of is None:
        row, ci = value["overall"].get(key) or value["items"].get(key), was["overall"].get(f"{key}_ci")
    elif key in value["model"].get(of, {}):
        row, start = value["model"][of][key], models[of][key]
        ci, p = start.ci, start.more.get("p_value")
        fair = 0.0 if key.endswith("_unfairness") else fair
    elif key in value["gaps"].get(of, {}):
        gap = was["gaps"][of][key]
        row = {**value["gaps"][of][key]}
        row["verdict"] = _verdict(row, key, is_gap=True)  # set beforehand, it is one question
        fair, ci, p = 0.0, gap.get("above_floor_ci", gap["ci"]), gap["p_value"]
    else:
        row = value["items"].get("gaps", {}).get(of, {}).get(key)
    if not isinstance(row, dict) or "before" not in row:
        return None
    about = {"before_ci": ci, "before_p": p, "within_chance": _within_chance(fair, ci, p)}
    return {**asdict(aim), "title": _aim_title(asdict(aim), value["k"]), **row, **about}


def _within_chance(fair: float | None, ci: Sequence[float | None] | None, p: float | None) -> bool:
    """Whether a value is not told apart from its fair one: by its 95 % interval, or by a test at 5 %."""
    if fair is None or ci is None or ci[0] is None or ci[1] is None or np.isnan(ci[0]):
        return False
    return bool(ci[0] <= fair <= ci[1]) or (p is not None and bool(p >= SIGNIFICANT))


# --- sentences --------------------------------------------------------------------------------------------------------

_REACHED = {
    **dict.fromkeys(WON, words.later("Aim: {aim} moved as meant, beyond its interval: {change}.")),
    **dict.fromkeys(LOST, words.later("Aim: {aim} moved the wrong way, beyond its interval: {change}.")),
    NOT_SHOWN: words.later("Aim: {aim} did not move beyond its interval: {change}."),
    UNDEFINED: words.later("Aim: {aim} cannot be compared here: {change}."),
    NEUTRAL: words.later("Aim: {aim} moved beyond its interval: {change}."),
}
_ACCURACY = {
    **dict.fromkeys(WON, words.later("Accuracy: NDCG@{k} rose: {change}.")),
    **dict.fromkeys(LOST, words.later("Accuracy: NDCG@{k} fell: {change}.")),
    NOT_SHOWN: words.later("Accuracy: NDCG@{k} did not change beyond its interval: {change}."),
}


def sentences(value: Mapping[str, Any]) -> list[str]:
    """What to read first of a comparison (the value of comparison.json), in the language of whoever is spoken to."""
    k = value["k"]
    after = value["about"].get("after") or {}
    said = [
        words.together(words.say(_REACHED[aim["verdict"]], aim=_aim_title(aim, k), change=_change(aim)), _why(aim))
        for aim in value["aims"]
    ]
    if said and not any(aim["verdict"] in (*WON, NEUTRAL) for aim in value["aims"]):
        said[-1] = words.together(said[-1], _tuned(after))
    said += [
        words.say("Aim: {aim} was not measured here.", aim=_aim_title(aim, k)) for aim in value.get("unmeasured", ())
    ]
    ndcg = value["overall"].get("ndcg")
    if ndcg is not None and ndcg["verdict"] != UNDEFINED:
        change = _change(ndcg)
        if ndcg["before"]:
            share = words.percent(ndcg["difference"] / ndcg["before"], sign=True)
            change = words.say("{change} ({share})", change=change, share=share)
        said.append(words.say(_ACCURACY[ndcg["verdict"]], k=k, change=change))
    if said:  # whoever reads one sentence reads who lost
        said[0] = words.together(said[0], *_whom(value))
    for attribute, named in value["groups"].items():
        costs = [
            words.say(
                "{group} {difference}",
                group=words.people(attribute, name),
                difference=words.signed(row["ndcg"]["difference"]),
            )
            for name, row in named.items()
            if not row["small"] and row.get("ndcg", {}).get("difference") is not None
        ]
        if costs:
            costs_said = words.say(", ").join(costs)
            said.append(
                words.say("By {attribute}, NDCG@{k} changed by: {costs}.", attribute=attribute, k=k, costs=costs_said)
            )
    everyone = value["people"].get("all", {}).get("all", {}).get("ndcg")
    if everyone is not None and everyone["n"]:
        shares = {part: words.percent(everyone[part], 0) for part in ("better", "worse", "equal")}
        said.append(
            words.say(
                "Of {people} people with held-out items, {better} have a better list, {worse} a worse one, {equal} an "
                "equal one (by NDCG@{k}).",
                people=everyone["n"],
                k=k,
                **shares,
            )
        )
    for attribute, named in value["gaps"].items():
        said += _gaps(attribute, named)
    return said


def _gaps(attribute: str, named: Mapping[str, Any]) -> Iterator[str]:
    """What became of the gaps between groups of an attribute."""
    moved: dict[str, list[str]] = {
        told: [title(key) for key, row in named.items() if row[name] == held]
        for told, name, held in (
            (words.later("Smaller gaps between groups of {attribute}: {gaps}."), "verdict", FAIRER),
            (words.later("Larger gaps between groups of {attribute}: {gaps}."), "verdict", WORSE),
            (words.later("Gaps that changed sides between groups of {attribute}: {gaps}."), "changed_sides", True),
        )
    }
    for told, gaps in moved.items():
        if gaps:
            yield words.say(told, attribute=attribute, gaps=words.join(gaps))
    tested = sum(row["moved"] is not None for row in named.values())
    if not tested or any(row["verdict"] in (FAIRER, WORSE) for row in named.values()):
        return
    alone = sum(row["verdict"] == ALONE for row in named.values())
    about = {"gaps": words.count(tested, "gap"), "attribute": attribute}
    if alone:
        yield words.say(
            "Of {gaps} between groups of {attribute}, none is shown to have moved; {n} would be if it were the only "
            "one.",
            "Of {gaps} between groups of {attribute}, none is shown to have moved; {n} would be if each were the only "
            "one.",
            n=alone,
            **about,
        )
    else:
        yield words.say("Of {gaps} between groups of {attribute}, none is shown to have moved.", **about)


def _whom(value: Mapping[str, Any]) -> Iterator[str]:
    """Every group whose own change lies beyond its interval; the gaps in NDCG and of the aims that changed sides."""
    k = value["k"]
    for row in value["beyond"]:
        low, high = row["ci"]
        yield words.say(
            words.later("{metric} rose for {people}: {difference} (95 % CI {interval}).")
            if row["difference"] > 0
            else words.later("{metric} fell for {people}: {difference} (95 % CI {interval})."),
            metric=_at(row["metric"], k),
            people=words.people(row["attribute"], row["group"]),
            difference=words.signed(row["difference"]),
            interval=words.interval(low, high, sign=True),
        )
    looked = [(aim["attribute"], aim["metric"]) for aim in value["aims"]] + [(of, "ndcg") for of in value["gaps"]]
    for attribute, key in dict.fromkeys(looked):
        row = value["gaps"].get(attribute, {}).get(key)
        if row is not None and row["changed_sides"]:
            yield words.say(
                "{gap} changed sides: {people} had {more} more, and have {less} less now.",
                gap=aim_title(key, k, (attribute,)),
                people=words.people(attribute, row["ahead"]),
                more=words.number(row["before"]),
                less=words.number(-row["signed_after"]),
            )


def _why(aim: Mapping[str, Any]) -> str:
    """Why an aim did not move, where its value before tells."""
    if aim["verdict"] != NOT_SHOWN or not aim["within_chance"]:
        return ""
    statistics = words.say("95 % CI {interval}", interval=words.interval(*aim["before_ci"]))
    if aim["before_p"] is not None:
        statistics = words.say(", ").join([statistics, words.p_value(aim["before_p"])])
    return words.say("Before, it was within chance ({statistics}): there was nothing to move.", statistics=statistics)


def _tuned(after: Mapping[str, Any]) -> str:
    """What validation had said of a mitigation that did not reach its aim in the test."""
    strength, tuning = (after.get("mitigation") or {}).get("strength"), after.get("tuning") or []
    if strength == 0.0:
        if not tuning:
            return words.say("Strength 0 was taken, at which the lists are as they were.")
        return words.say(
            "Strength 0 was taken, at which the lists are as they were: on validation, the rule called for no stronger "
            "one."
        )
    point = next((point for point in tuning if point["strength"] == strength), None)
    if point is None or point["change"] is None or None in point["change_ci"]:
        return ""
    low, high = point["change_ci"]
    return words.say(
        words.later("On validation it had not moved beyond its interval either, by {difference} (95 % CI {interval}).")
        if low <= 0 <= high
        else words.later("On validation it had moved by {difference} (95 % CI {interval})."),
        difference=words.signed(point["change"]),
        interval=words.interval(low, high, sign=True),
    )


def aim_title(metric: str, k: int, attributes: Sequence[str] = ()) -> str:
    """What an aim is called: NDCG@10, which each group has, is aimed at as the gap between groups; what lies between
    groups in itself is named as such. attributes: those whose groups are meant, where they are known."""
    name, between = _at(metric, k), metric in BETWEEN_PEOPLE
    gap = between and METRICS[metric].side == "accuracy"
    if attributes:
        told = (
            words.later("Gap in {metric} between groups of {attributes}")
            if gap
            else words.later("{metric} between groups of {attributes}")
        )
        return words.say(told, metric=name, attributes=words.join(attributes))
    if between:
        told = words.later("Gap in {metric} between groups") if gap else words.later("{metric} between groups")
        return words.say(told, metric=name)
    return name


def _aim_title(aim: Mapping[str, Any], k: int) -> str:
    """The same of an aim as it stands in comparison.json."""
    return aim_title(aim["metric"], k, () if aim["attribute"] is None else (aim["attribute"],))


def _at(key: str, k: int) -> str:
    """A metric's title, with K where it is one of accuracy."""
    return title(key) + (f"@{k}" if METRICS[key].side == "accuracy" else "")


def title(key: str) -> str:
    """A metric's title; of one over groups of items, which."""
    name, _, of = key.partition(":")
    found = words.say(METRICS[name].title) if name in METRICS else name
    return words.say("{metric} ({items})", metric=found, items=of) if of else found


def _change(row: Mapping[str, Any]) -> str:
    change = words.interval(row["before"], row["after"])
    if row.get("above_before") is not None and row.get("above_after") is not None:
        above = words.interval(row["above_before"], row["above_after"])
        change = words.say("{values} ({above} of it beyond chance alone)", values=change, above=above)
    low, high = row["ci"] if row["ci"] is not None else (None, None)
    if low is None or high is None:
        return change
    by, interval = words.signed(row["difference"]), words.interval(low, high, sign=True)
    return words.say("{values}, a change of {by} (95 % CI {interval})", values=change, by=by, interval=interval)
