"""Who gets what, and how well: the audit of ranked lists against what people liked.

`from_frames` takes the tables of any recommender, `from_tables` such as are read already, `from_split` a split and
lists of this program; all give an `Audit` (see `value`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from fairdash import settings, words
from fairdash.data import brought
from fairdash.data.brought import Brings, Brought
from fairdash.data.findings import Finding
from fairdash.data.options import ImportOptions
from fairdash.errors import ConfigError, DataError
from fairdash.hashing import Hashes
from fairdash.metrics import bootstrap, inputs, many_tests, rating, results, shrinkage
from fairdash.metrics.catalogue import ACCURACY, chosen, why
from fairdash.metrics.groups import Gap
from fairdash.metrics.inputs import Catalogue, Inputs
from fairdash.metrics.shuffles import Shuffles
from fairdash.metrics.tally import Rules, Tally, tally
from fairdash.metrics.value import Audit, ModelSide
from fairdash.schema import USER_ID, Groups, GroupSpec, Lists, Split

Array = NDArray[np.float64]

RATING_SHUFFLES = 500  # labellings at first, for the tests of metrics of predicted ratings
RATING_TIMES = 4  # as many labellings at most, for what is near the line
SCORES, RATING = "scores", "rating"  # families that need more than sums over people
SCORE_CELLS = 128  # of list scores, for replicates of score_ks; the value itself is exact


def from_frames(
    recommendations: Brings,
    truth: Brings | None = None,
    users: Brings | None = None,
    *,
    train: Brings | Sequence[Brings] | None = None,
    items: Brings | None = None,
    groups: Sequence[GroupSpec | str] = (),
    item_groups: Sequence[GroupSpec | str] = (),
    k: int = settings.K,
    relevance_threshold: float | Literal["auto"] | None = "auto",
    seed: int = 0,
    replicates: int = settings.BOOTSTRAP,
    permutations: int = settings.PERMUTATIONS,
    model: ModelSide | None = None,
    accuracy_only: bool = False,
    options: ImportOptions | None = None,
    accept_guesses: bool = True,
) -> Audit:
    """Audit lists of any recommender, as frames or as files (a path, or a name with bytes).

    recommendations: user_id, item_id, rank (from 1) or score. truth: user_id, item_id[, rating][, prediction], the
    held-out part (None: there is none, and accuracy is undefined); all of it counts as liked
    (relevance_threshold=None), or what is rated at least `relevance_threshold` ("auto": decided
    from the scale, 4 where ratings go to 5). prediction: the predicted rating of the pair, or P(like); needed for
    value_unfairness and its kin. users: user_id and attributes. train: user_id, item_id, one table or several; needed
    for candidates, popularity and profiles. items: item_id[, categories] and attributes: the catalogue. Columns are
    known by other names too, and tables are repaired (`data.brought`): what was guessed, ignored or repaired stands in
    the audit's findings. options: answers to what is guessed; without accept_guesses an unsure guess is an error.

    groups, item_groups: attributes, crossings as GroupSpec; item groups may also be "categories" and "popularity" (head
    and tail). accuracy_only: leave out everything but accuracy. Raises DataError and ConfigError, which
    say what and where.
    """
    check(k, replicates, permutations, seed)
    tables = brought.bring(
        recommendations,
        truth,
        users,
        train,
        items,
        options=liked_from(relevance_threshold, options),
        accept_guesses=accept_guesses,
    )
    return from_tables(
        tables,
        sole(tables),
        groups=groups,
        item_groups=item_groups,
        k=k,
        seed=seed,
        replicates=replicates,
        permutations=permutations,
        model=model,
        accuracy_only=accuracy_only,
    )


def sole(tables: Brought) -> str:
    """The name of the only system; DataError where there are several."""
    if len(tables.systems) > 1:
        raise DataError(
            words.say(
                "There are lists of {n} systems: {names}.", n=len(tables.systems), names=", ".join(tables.systems)
            ),
            "Audit them together (`fairdash.audits`), or bring the lists of one of them.",
        )
    (system,) = tables.systems
    return system


def liked_from(threshold: float | Literal["auto"] | None, options: ImportOptions | None) -> ImportOptions:
    """The options with that threshold; "auto" leaves theirs."""
    options = options or ImportOptions()
    if threshold == "auto":
        return options
    return replace(options, relevance_threshold=None if threshold is None else float(threshold))


@words.speaking(words.ENGLISH)
def from_tables(
    tables: Brought,
    system: str,
    *,
    groups: Sequence[GroupSpec | str] = (),
    item_groups: Sequence[GroupSpec | str] = (),
    k: int = settings.K,
    seed: int = 0,
    replicates: int = settings.BOOTSTRAP,
    permutations: int = settings.PERMUTATIONS,
    model: ModelSide | None = None,
    accuracy_only: bool = False,
) -> Audit:
    """Audit the lists of one system of tables that were read and repaired. The people are those of all its systems."""
    made = inputs.from_tables(
        tables,
        system,
        specs(groups),
        specs(item_groups),
        k,
        seed,
        accuracy_only,
    )
    return from_inputs(
        made,
        [spec.label for spec in specs(item_groups)],
        k=k,
        seed=seed,
        replicates=replicates,
        permutations=permutations,
        model=model,
        only=ACCURACY if accuracy_only else (),
    )


@words.speaking(words.ENGLISH)
def from_split(
    split: Split,
    lists: Lists,
    *,
    groups: Sequence[GroupSpec | str] = (),
    item_groups: Sequence[GroupSpec | str] = (),
    k: int = settings.K,
    relevance_threshold: float | Literal["auto"] | None = "auto",
    seed: int = 0,
    replicates: int = settings.BOOTSTRAP,
    permutations: int = settings.PERMUTATIONS,
    model: ModelSide | None = None,
    findings: Sequence[Finding] = (),
    beside: Sequence[Lists] = (),
    only: Sequence[str] = (),
) -> Audit:
    """Audit lists [n_users, ≥ k] of a split's people against its test part. relevance_threshold: "auto" takes the data
    set's own. findings: of the reader, where the tables came from files. beside: lists that these will be compared
    with: whoever has one of them is audited too. only: names of families of metrics, of `catalogue.FAMILIES`; all
    where none is named. Raises ConfigError for another name."""
    check(k, replicates, permutations, seed)
    made = inputs.from_split(split, lists, specs(groups), specs(item_groups), relevance_threshold, findings, beside)
    return from_inputs(
        made,
        [spec.label for spec in specs(item_groups)],
        k=k,
        seed=seed,
        replicates=replicates,
        permutations=permutations,
        model=model,
        only=only,
    )


@words.speaking(words.ENGLISH)
def from_inputs(
    made: Inputs,
    item_labels: Sequence[str],
    *,
    k: int,
    seed: int,
    replicates: int,
    permutations: int,
    model: ModelSide | None = None,
    only: Sequence[str] = (),
) -> Audit:
    """The audit of coded tables; `from_frames` and `from_split` end here."""
    families = chosen(only)
    scores = made.lists.scores[:, :k]
    cells = score_cells(scores[np.isfinite(scores)]) if SCORES in families else ()
    rules = Rules(k, seed, replicates, permutations, tuple(only), cells)
    filled = np.count_nonzero(made.lists.items[:, :k] >= 0, axis=1)
    listed = np.asarray((made.lists.items >= 0).any(axis=1))
    said = [
        *made.warnings,
        *inputs.short(int(np.count_nonzero(listed & (filled < k))), k),
        *inputs.unlisted(int(np.count_nonzero(~listed)), held=len(made.relevant.user) > 0 or made.rated is not None),
    ]
    total = tally(made, rules, _model_values(model, made))
    exact_ks = _exact_ks(made, k) if cells else {}
    rated = None
    if made.rated is not None and RATING in families:
        rated = rating_gaps(made.rated, made.hashes, made.groups, made.min_sizes, made.catalogue.size, rules)
    return finish(
        total,
        made.catalogue,
        item_labels,
        said,
        made.continuous,
        made.threshold,
        model,
        exact_ks,
        rated,
        made.findings,
    )


@words.speaking(words.ENGLISH)
def finish(
    total: Tally,
    catalogue: Catalogue,
    item_labels: Sequence[str] = (),
    warnings: Sequence[str] = (),
    continuous: Mapping[str, Array] | None = None,
    threshold: float | None = None,
    model: ModelSide | None = None,
    exact_ks: Mapping[str, tuple[float, tuple[str, str]]] | None = None,
    rated: Callable[[int, int], Mapping[str, Gap]] | None = None,
    findings: Sequence[Finding] = (),
) -> Audit:
    """From sums to numbers: every metric, interval and test of a tally, which may be the sum of many."""
    said = list(warnings)
    families = chosen(total.rules.only)
    undefined: dict[str, str] = {}
    if catalogue.popularity is None and not total.rules.accuracy_only:
        said.append(
            words.say(
                "No training interactions: popularity, miscalibration and head and tail are undefined, and every item "
                "counts as a candidate."
            )
        )
    found: dict[str, dict[str, Gap]] = {}
    groups: dict[str, Any] = {}
    shuffles = Shuffles(total)
    for a, group in enumerate(total.groups):
        groups[group.attribute] = results.group_rows(total, group, catalogue, undefined)
        own = rated or _unrated
        found[group.attribute] = results.gaps(
            total,
            a,
            shuffles,
            catalogue,
            said,
            undefined,
            (exact_ks or {}).get(group.attribute),
            own if RATING in families else None,
        )
        said += many_tests.too_few(group.attribute, found[group.attribute])
    contract: dict[str, Any] = {
        "k": total.rules.k,
        "conventions": results.conventions(total, threshold),
        "n_users": total.n,
        "n_without_truth": total.n_without_truth,
        "overall": results.overall(total, undefined),
        "groups": groups,
        "gaps": {attribute: results.gap_rows(attribute, named, undefined) for attribute, named in found.items()},
        "shrunk": {},
        "items": {"by_group": {}, "gaps": {}},
        "distributions": {},
        "curves": {},
    }
    if not total.rules.accuracy_only:
        contract["items"] = results.items(total, catalogue, item_labels, undefined)
    if not total.rules.only or total.rules.accuracy_only:
        contract["shrunk"] = {group.attribute: shrinkage.by_group(total, group) for group in total.groups}
    if not total.rules.only:
        contract["distributions"] = {
            group.attribute: results.histograms(total, a, total.rules.score_cells)
            for a, group in enumerate(total.groups)
        }
        contract["curves"] = {label: results.curves(total, values) for label, values in (continuous or {}).items()}
    if model is not None:
        contract["model"] = dict(model.results)
        said += model.warnings
        undefined |= {f"model.{path}": reason for path, reason in model.undefined.items()}
    if total.n_without_truth:
        said.append(
            words.say(
                "{n} of {m} people has no liked held-out item: accuracy leaves that person out.",
                "{n} of {m} people have no liked held-out item: accuracy leaves them out.",
                n=total.n_without_truth,
                m=total.n,
            )
        )
    contract["findings"] = [finding.to_json() for finding in findings]
    contract["warnings"] = said
    contract["undefined"] = undefined
    contract["said"] = words.forms([contract[name] for name in ("conventions", "findings", "warnings", "undefined")])
    value = results.plain(contract)
    value["undefined"] = results.without_interval(value, total.rules.replicates) | value["undefined"]
    return Audit(total, catalogue, found, value, tuple(findings))


def score_cells(scores: NDArray[Any]) -> tuple[float, ...]:
    """Edges of cells of about equal mass for list scores [n]; one cell for each value where there are few."""
    if not len(scores):
        return ()
    values = np.unique(scores.astype(np.float64))
    if len(values) > SCORE_CELLS:
        values = np.unique(
            np.quantile(scores.astype(np.float64), np.arange(1, SCORE_CELLS) / SCORE_CELLS, method="lower")
        )
    return tuple(float(value) for value in values)


def _exact_ks(made: Inputs, k: int) -> dict[str, tuple[float, tuple[str, str]]]:
    """score_ks from all scores, by attribute, with its pair of groups."""
    items, scores = made.lists.items[:, :k], made.lists.scores[:, :k]
    user, column = np.nonzero((items >= 0) & np.isfinite(scores))
    found = {}
    for group, least in zip(made.groups, made.min_sizes, strict=True):
        # the same groups as in all other gaps: those with enough people
        kept = group.among(np.flatnonzero(group.sizes >= max(1, least)))
        # each score stands for all groups of its person
        place, owner = kept.membership[user].nonzero()
        each = Groups(kept.attribute, kept.names, np.arange(len(kept.names), dtype=np.int32))
        own = scores[user, column][place].astype(np.float64)
        distance = rating.score_ks(owner.astype(np.int32), own, each)
        if distance.pair is not None:
            found[group.attribute] = distance.value, distance.pair
    return found


def rating_gaps(
    rated: rating.Rated,
    hashes: Hashes,
    groups: Sequence[Groups],
    min_sizes: Sequence[int],
    n_items: int,
    rules: Rules,
) -> Callable[[int, int], dict[str, Gap]]:
    """The metrics of predicted ratings, from an attribute's place and how many times as many labellings as at first;
    their floor under shuffled labels stands beside them.

    hashes: of the ids of the people that `rated` and `groups` are over [n]."""
    weights = bootstrap.weights(hashes, rules.replicates, rules.seed)

    def found(attribute: int, times: int) -> dict[str, Gap]:
        group, least = groups[attribute], min_sizes[attribute]
        kept = group.among(np.flatnonzero(group.sizes >= max(1, least)))
        labellings = min(rules.permutations, RATING_SHUFFLES) * min(times, RATING_TIMES)
        person = np.repeat(np.arange(len(hashes))[:, None], labellings, axis=1)
        enough = ~kept.unknown
        person[enough] = np.random.default_rng([rules.seed, attribute]).permuted(person[enough], axis=0)
        pairs, each, weights_of, shuffles = rating.each_group(rated, kept, weights, person)
        disparities = rating.unfairness(pairs, each, n_items, min_size=least, weights=weights_of, shuffles=shuffles)
        return {
            key: Gap(
                gap=value.value,
                ci=value.ci,
                p_value=value.p_value,
                pair=value.pair,
                oriented=value.replicates,
                reason=value.reason,
                shuffled=value.shuffled,
                draws=int(np.isfinite(value.shuffled).sum()),
                more={} if value.reason else {"shared": value.shared},
            )
            for key, value in disparities.items()
        }

    return found


def _unrated(_attribute: int, _times: int) -> dict[str, Gap]:
    return {key: Gap(reason=why(key)) for key in rating.KEYS}


def _model_values(model: ModelSide | None, made: Inputs) -> dict[str, Array]:
    if model is None or model.per_user is None:
        return {}
    table = model.per_user.set_index(model.per_user[USER_ID].astype(str)).reindex(made.user_ids.astype(str))
    return {str(key): table[key].to_numpy(np.float64) for key in table.columns if key != USER_ID}


def specs(groups: Sequence[GroupSpec | str]) -> list[GroupSpec]:
    """Attributes by name, or as they are to be cut, one or several → specs, each once. Raises ConfigError for one
    attribute that is to be grouped in two ways."""
    given = [groups] if isinstance(groups, (str, GroupSpec)) else groups
    found = list(dict.fromkeys(GroupSpec((group,)) if isinstance(group, str) else group for group in given))
    for label, times in Counter(spec.label for spec in found).items():
        if times > 1:
            raise ConfigError(
                words.say("Groups of {name} are asked for in {n} different ways at once.", name=label, n=times),
                words.say(
                    "Numbers are kept by the name of the groups: ask for one way, and for another in a second audit."
                ),
            )
    return found


def cuts(k: int | Sequence[int]) -> list[int]:
    """One or several K, each once, in rising order. Raises ConfigError for none."""
    several = [k] if isinstance(k, (int, np.integer)) else sorted(set(k))
    if not several:
        raise ConfigError("No K was given.", "Give one, such as k=10, or several: k=[5, 10, 20].")
    return [int(one) for one in several]


def check(
    k: int = settings.K,
    replicates: int = settings.BOOTSTRAP,
    permutations: int = settings.PERMUTATIONS,
    seed: int = 0,
    **_: object,
) -> None:
    """ConfigError for a number among the keywords of an audit that cannot be."""
    for name, value, least, most in (
        ("k", k, 1, 100_000),
        ("replicates", replicates, 0, 100_000),
        ("permutations", permutations, 0, 1_000_000),
        ("seed", seed, 0, 2**63 - 1),
    ):
        if value < least:
            raise ConfigError(
                words.say("{name} = {value}, but it must be at least {least}.", name=name, value=value, least=least),
                "Give a whole number from there on.",
            )
        if value > most:
            raise ConfigError(
                words.say("{name} = {value}, but it must be at most {most}.", name=name, value=value, most=most),
                "Give a smaller whole number.",
            )
