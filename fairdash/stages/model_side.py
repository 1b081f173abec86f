"""The model side of an audit: what a trained recommender does with who the user is, and what it gives away of it.

Attributes are tried in the profile text: present, absent, set to every value, and the same facts in other words (the
no-op control: what a harmless change moves already). Vectors and lists are searched for the attribute; predicted
probabilities are compared with what people liked. Called attribute sensitivity, not causal fairness.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fairdash import settings, words
from fairdash.groups import form
from fairdash.hashing import id_hash, mix
from fairdash.metrics import (
    accuracy,
    bootstrap,
    calibration,
    divergence,
    floor,
    leakage,
    membership,
    rating,
    sensitivity,
    told,
)
from fairdash.metrics.catalogue import METRICS
from fairdash.metrics.groups import p_value
from fairdash.metrics.results import plain
from fairdash.metrics.value import ModelSide
from fairdash.progress import Progress, silent
from fairdash.recommenders import ranking
from fairdash.recommenders.base import (
    COSTLY_TEXTS,
    CandidateFitted,
    Fitted,
    ProbabilityFitted,
    VectorFitted,
    WritingFitted,
    profile_of,
)
from fairdash.schema import ITEM_ID, TITLE, USER_ID, Codes, Floats, Groups, GroupSpec, Lists, Split

Array = NDArray[np.float64]

TEXTS = 6_000  # profile texts scored for one attribute by a recommender with one vector a user; else COSTLY_TEXTS
MAX_VALUES = 12  # values of an attribute that are tried, the largest groups first
RATED_PAIRS = 20_000  # held-out pairs whose probability is predicted
SHUFFLES = 500  # shuffled labellings for the tests of this side
REMEMBERED, REMEMBERED_CELLS = 400, 20_000_000  # people, and their scores, that are searched for what was trained on
MOVED = 10  # items that a template test names for each group


@dataclass(frozen=True, eq=False)
class Measure:
    """One metric of one attribute. value: NaN with a reason. ci: 95 % interval over users. replicates: the value under
    each bootstrap weight, the same weights as everywhere [b]. more: what belongs beside it, as plain JSON values.
    per_user: values [n_users] whose mean it is, NaN where undefined."""

    value: float
    ci: tuple[float, float] = (float("nan"), float("nan"))
    replicates: Array = field(default_factory=lambda: np.empty(0))
    more: Mapping[str, Any] = field(default_factory=dict)
    reason: str = ""
    per_user: Array | None = None


def by_construction(measure: Measure, replicates: int) -> Measure:
    """A measure whose value follows from the model's making, with that value and replicates; others as they are."""
    value = measure.more.get(BY_CONSTRUCTION)
    if value is None:
        return measure
    return replace(measure, value=value, ci=(value, value), replicates=np.full(replicates, value), reason="")


Measures = dict[str, Measure]  # by key of METRICS


def model_side(
    fitted: Fitted,
    split: Split,
    groups: Sequence[GroupSpec],
    lists: Lists,
    *,
    k: int = settings.K,
    attributes: Sequence[str] | None = None,
    vectors: Floats | None = None,
    seed: int = 0,
    replicates: int = settings.BOOTSTRAP,
    progress: Progress = silent,
) -> ModelSide:
    """What `audit.from_split(…, model=)` takes. results: {attribute: {metric: {value, ci, …}}}, `template_test`
    for a recommender that reads a profile text, and `membership`: what scores give away of the training; per_user:
    `flip_jaccard:gender` and the like.

    groups: of users; attributes: labels of those to look at (None: all). lists: [n_users, ≥ k] at test time.
    vectors: user vectors as a mitigation left them; None: the recommender's own.
    """
    found = measures(
        fitted,
        split,
        groups,
        lists,
        k=k,
        attributes=attributes,
        vectors=vectors,
        seed=seed,
        replicates=replicates,
        progress=progress,
    )
    per_user = pd.DataFrame({USER_ID: split.training.users[USER_ID].to_numpy()})
    results: dict[str, Any] = {}
    undefined: dict[str, str] = {}
    for attribute, by_key in found.items():
        results[attribute] = {key: to_json(measure) for key, measure in by_key.items()}
        undefined |= {f"{attribute}.{key}": measure.reason for key, measure in by_key.items() if measure.reason}
        for key, measure in by_key.items():
            if measure.per_user is not None:
                per_user[f"{key}:{attribute}"] = measure.per_user
    if isinstance(fitted, VectorFitted) and profile_of(fitted):
        results["template_test"] = template_test(fitted, split, k=k, seed=seed)
    progress(1.0, words.say("The model side is done"))
    several = {spec.label: form(spec, split.training.users).several for spec in groups if spec.label in found}
    said = tuple(
        words.say(
            "{attribute}: {n} person belongs to several groups; what vectors, lists and profile texts give "
            "away leaves them out.",
            "{attribute}: {n} people belong to several groups; what vectors, lists and profile texts give away "
            "leaves them out.",
            attribute=label,
            n=int(n),
        )
        for label, n in several.items()
        if n
    )
    said += tuple(
        words.say(
            "{attribute}: under every wording the lists hold the same items, in other orders. Jaccard similarity, SNSR "
            "and SNSV see no order: read RBO, or let more candidates be ordered than lists have places.",
            attribute=label,
        )
        for label, by_key in found.items()
        if _order_alone(by_key)
    )
    tried = membership_of(fitted, split, seed)
    if isinstance(tried, membership.Membership):
        results["membership"] = asdict(tried)
        said += (_remembered(tried),)
    else:
        undefined["membership"] = tried
    return ModelSide(results, per_user if per_user.shape[1] > 1 else None, said, undefined)


def _order_alone(by_key: Measures) -> bool:
    """Whether no wording changes which items a list holds, not even somebody else's, and some change their order."""
    held, order = by_key["flip_jaccard"], by_key["flip_rbo"]
    return held.value == held.more.get("floor") == held.more.get("stranger") == 1.0 > order.value


def membership_of(fitted: Fitted, split: Split, seed: int = 0) -> membership.Membership | str:
    """How well the scores of the whole catalogue give away which interactions were trained on, against held-out ones of
    the same people; why it was not tried where it was not. At most REMEMBERED people, drawn by a hash of their ids."""
    if isinstance(fitted, CandidateFitted):
        return words.say("it has scores of a few candidates alone")
    data, held = split.training, split.test
    both = np.intersect1d(data.train.user, held.user)
    if len(both) < settings.MIN_GROUP_SIZE:
        return words.say("too few people have both trained and held-out interactions")
    most = max(settings.MIN_GROUP_SIZE, min(REMEMBERED, REMEMBERED_CELLS // max(1, data.n_items)))
    people: Codes = np.sort(both[np.argsort(mix(seed, id_hash(data.users[USER_ID]))[both])][:most]).astype(np.int32)
    # Histories as at test time: what is tried is what somebody sees who asks the served model.
    looks = membership.familiar(ranking.scores(fitted, people, split.known))
    place = np.full(data.n_users, -1)
    place[people] = np.arange(len(people))
    pairs = [(place[part.user], part.item) for part in (data.train, held)]
    row, item = (np.concatenate([one[place] for one in pairs]) for place in (0, 1))
    trained = np.arange(len(row)) < len(pairs[0][0])
    inside = row >= 0
    row, item, trained = row[inside], item[inside], trained[inside]
    return membership.attack(looks[row, item], trained, row, seed)


def _remembered(found: membership.Membership) -> str:
    ends = words.interval(*found.auc_ci)
    told = words.later("From its scores alone one can partly tell what it was trained on: of a trained and a held-out "
                       "interaction the trained one looks more familiar in {auc} of cases (AUC {value}, 95 % CI "
                       "{ends}), and {share} of trained ones are found at 1 % false alarms.")  # fmt: skip
    if found.auc_ci[0] <= 0.5:
        told = words.later("Its scores alone do not tell what it was trained on: of a trained and a held-out "
                           "interaction the trained one looks more familiar in {auc} of cases (AUC {value}, 95 % CI "
                           "{ends}), and {share} of trained ones are found at 1 % false alarms.")  # fmt: skip
    return words.say(told, auc=words.percent(found.auc, 0), value=words.number(found.auc), ends=ends,
                     share=words.percent(found.found, 1))  # fmt: skip


def measures(
    fitted: Fitted,
    split: Split,
    groups: Sequence[GroupSpec],
    lists: Lists,
    *,
    k: int = settings.K,
    attributes: Sequence[str] | None = None,
    vectors: Floats | None = None,
    seed: int = 0,
    replicates: int = settings.BOOTSTRAP,
    progress: Progress = silent,
) -> dict[str, Measures]:
    """By attribute, everything that this recommender allows to be measured; what it does not is NaN with the reason.

    vectors: user vectors [n_users, d] as a mitigation left them; None: the recommender's own.
    """
    users = split.training.people
    chosen = [(spec, form(spec, users)) for spec in groups if attributes is None or spec.label in attributes]
    if split.asked is not None:  # nobody else has a list, and nobody else is asked about
        rows = np.where(split.asked, np.arange(len(users)), -1)
        chosen = [(spec, who.take(rows)) for spec, who in chosen]
    hashes = id_hash(users[USER_ID])
    weights = bootstrap.weights(hashes, replicates, seed)
    everyone: Codes = np.arange(len(users), dtype=np.int32)
    steps = 3 * len(chosen) + 1
    if vectors is None and isinstance(fitted, VectorFitted):
        progress(0.0, words.say("Computing user vectors"))
        vectors = fitted.user_vectors(everyone, split.known)
    rated = _rated(fitted, split, seed) if isinstance(fitted, ProbabilityFitted) else None
    found: dict[str, Measures] = {}
    for i, (spec, who) in enumerate(chosen):
        progress((1 + 3 * i) / steps, words.say("Reading {label} off vectors and lists", label=spec.label))
        shuffles, alone = _shuffles(who, seed), Groups(who.attribute, who.names, who.codes)
        labels = alone.codes[_shuffles(alone, seed)]
        by_key = _given_away(vectors, lists.items[:, :k], split, spec, alone, seed, weights, labels)
        progress((2 + 3 * i) / steps, words.say("Comparing predictions by {label}", label=spec.label))
        by_key |= _predictions(rated, split, spec, who, weights, shuffles)
        progress((3 + 3 * i) / steps, words.say("Changing {label} in the profile text", label=spec.label))
        by_key |= attribute_sensitivity(fitted, split, spec, who, k=k, seed=seed, replicates=replicates)
        by_key["invalid_disparity"] = _validity(fitted, split, spec, alone, seed, weights)
        found[spec.label] = by_key
    return found


BY_CONSTRUCTION = "by_construction"  # beside a value that was not measured: what it cannot but be
SENSITIVITY_KEYS = (*sensitivity.SIMILARITIES, "flip_utility_change", "flip_both", "snsr", "snsv")
QUADRANTS = ("neither", "list", "utility", "both")  # what changed


def attribute_sensitivity(
    fitted: Fitted,
    split: Split,
    spec: GroupSpec,
    who: Groups,
    *,
    k: int = settings.K,
    seed: int = 0,
    replicates: int = settings.BOOTSTRAP,
    progress: Progress = silent,
) -> Measures:
    """How lists move when the profile text says another value of the attribute: the keys of SENSITIVITY_KEYS.

    A flip compares a user's list under the own text with the lists under every other value, and takes their mean. The
    value of a band (of ages) is the one that most of its people have. `floor` is the similarity under the no-op
    control; `stranger` is it under the profile text of somebody else. Both are lists of the same history.
    `flip_both` has the shares of four quadrants beside it: whether a list holds other items, and whether its NDCG is
    another, of those with a liked held-out item. SNSR and SNSV compare every value's lists with those of the text
    without the attribute.
    """
    attribute = spec.attributes[0]
    if not profile_of(fitted):
        return _unread("this recommender reads no profile text")
    if len(spec.attributes) > 1:
        return _undefined(SENSITIVITY_KEYS, "the profile text is changed in one attribute at a time")
    if attribute not in profile_of(fitted):
        return _unread(f"the profile text does not hold {attribute}")
    kept = [code for code in np.argsort(-who.sizes, kind="stable") if who.sizes[code] >= max(1, spec.min_size)]
    kept = sorted(kept[:MAX_VALUES])
    if len(kept) < 2:
        return _undefined(SENSITIVITY_KEYS, "fewer than two groups of sufficient size")

    data = split.training
    hashes = id_hash(data.users[USER_ID])
    people = np.flatnonzero(np.isin(who.codes, kept))
    room = (TEXTS if isinstance(fitted, VectorFitted) else COSTLY_TEXTS) // (len(kept) + 4)
    people = np.sort(people[np.argsort(mix(seed, hashes[people]), kind="stable")][: max(room, 1)])
    group = np.searchsorted(kept, who.codes[people])  # place of each person's own group in `kept`
    names = [who.names[code] for code in kept]
    weights = bootstrap.weights(hashes[people], replicates, seed)
    table = data.users.iloc[people]
    values = [_typical(data.users[attribute], who.codes == code) for code in kept]

    from fairdash.recommenders.text import profile_texts

    texts = [
        profile_texts(table, profile_of(fitted)),
        profile_texts(table, profile_of(fitted), wording=1),
        list(np.roll(np.array(profile_texts(table, profile_of(fitted)), object), 1)),
        profile_texts(table, profile_of(fitted), changes={attribute: None}),
        *(profile_texts(table, profile_of(fitted), changes={attribute: value}) for value in values),
    ]
    made = []
    for i, variant in enumerate(texts):
        made.append(_lists(fitted, split, people.astype(np.int32), variant, k, seed))
        progress(
            (i + 1) / len(texts),
            words.say(
                "Ranked {done} of {texts} wordings of {people} profiles",
                done=i + 1,
                texts=len(texts),
                people=len(people),
            ),
        )
    own, control, stranger, neutral, *each = made
    other = np.arange(len(kept))[:, None] != group[None, :]  # [values, people]

    result: Measures = {}
    similar_to_neutral = {}
    for key, function in sensitivity.SIMILARITIES.items():
        flips = _mean_over(np.stack([function(own, lists) for lists in each]), other)
        unmoved = function(own, control)
        value, boot = _mean(flips, weights)
        base, base_boot = _mean(unmoved, weights)
        strange, strange_boot = _mean(function(own, stranger), weights)
        result[key] = Measure(
            value,
            bootstrap.interval(boot, 0.0, 1.0),
            boot,
            {
                "n": len(people),
                "values": [str(v) for v in values],
                "floor": base,
                "floor_ci": _pair(bootstrap.interval(base_boot, 0.0, 1.0)),
                "stranger": strange,
                "stranger_ci": _pair(bootstrap.interval(strange_boot, 0.0, 1.0)),
                "below_floor": base - value,
                "below_floor_ci": _pair(bootstrap.interval(base_boot - boot)),
                "by_group": _by_group(flips, group, names),
            },
            per_user=_spread_out(flips, people, data.n_users),
        )
        similar_to_neutral[key] = np.stack([function(lists, neutral) for lists in each])

    truth = _liked(split, people)
    utility = [_ndcg(lists, truth, data.n_items, k) for lists in (own, control, *each)]
    change = _mean_over(np.stack(utility[2:]) - utility[0], other)
    value, boot = _mean(change, weights)
    result["flip_utility_change"] = Measure(
        value,
        bootstrap.interval(boot, -1.0, 1.0),
        boot,
        {
            "n": int(np.isfinite(change).sum()),
            "floor": _mean(utility[1] - utility[0], weights)[0],
            "absolute": _mean(np.abs(change), weights)[0],
            "by_group": _by_group(change, group, names),
        },
        "" if np.isfinite(value) else NO_LIKED,
        per_user=_spread_out(change, people, data.n_users),
    )

    result["flip_both"] = _quadrants(own, each, control, utility, other, weights)

    for name, (value, ci, boot, more) in told.spreads(similar_to_neutral, names, weights, seed).items():
        result[name] = Measure(value, ci, boot, {"n": len(people), **more})
    return result


def _quadrants(
    own: Codes,
    each: Sequence[Codes],
    control: Codes,
    utility: Sequence[Array],
    other: NDArray[np.bool_],
    weights: NDArray[np.uint8],
) -> Measure:
    """The share of flips in each of QUADRANTS, with intervals. utility: NDCG [n] under the own text, the control, and
    each value. other: which values are flips [values, n]."""

    def shares(lists: Sequence[Codes], ndcg: Sequence[Array], counted: NDArray[np.bool_]) -> dict[str, Array]:
        moved = np.stack([sensitivity.jaccard(own, some) < 1 for some in lists])
        change = np.stack(ndcg) - utility[0]
        known = counted & np.isfinite(change)
        changed = np.abs(np.nan_to_num(change)) > 1e-9
        cells = (~moved & ~changed, moved & ~changed, ~moved & changed, moved & changed)
        return {name: _mean_over(cell.astype(np.float64), known) for name, cell in zip(QUADRANTS, cells, strict=True)}

    flips = shares(each, utility[2:], other)
    unmoved = shares([control], utility[1:2], np.ones((1, len(own)), bool))
    found = {name: _mean(values, weights) for name, values in flips.items()}
    value, boot = found["both"]
    return Measure(
        value,
        bootstrap.interval(boot, 0.0, 1.0),
        boot,
        {
            "n": int(np.isfinite(flips["both"]).sum()),
            "floor": _mean(unmoved["both"], weights)[0],
            "quadrants": {
                name: {"value": share, "ci": _pair(bootstrap.interval(draws, 0.0, 1.0))}
                for name, (share, draws) in found.items()
            },
        },
        "" if np.isfinite(value) else NO_LIKED,
    )


NO_LIKED = "none of these people has a relevant held-out item"


def template_test(
    fitted: Fitted | None,
    split: Split,
    *,
    templates: Sequence[str] = sensitivity.TEMPLATES,
    words: Mapping[str, Sequence[str]] = sensitivity.WORDS,
    k: int = settings.K,
    seed: int = 0,
) -> dict[str, Any]:
    """Sentences that differ in one word only, and how far item rankings move: as plain JSON values.

    A recommender with profile text ranks the catalogue for a new person of whom it knows the sentence alone; without
    one (None, or no profile) the bundled text encoder does, by the cosine of sentence and item text.
    """
    items = split.training.items
    reader = fitted if fitted is not None and profile_of(fitted) else None

    def score(sentences: Sequence[str]) -> Floats:
        if reader is not None:
            nothing = split.known.take(np.empty(0, np.int64))
            return ranking.scores(reader, np.zeros(len(sentences), np.int32), nothing, sentences)
        from fairdash.recommenders.text import encode, item_texts

        sides: Floats = encode(sentences) @ encode(item_texts(items)).T
        return sides

    found = sensitivity.template_test(score, templates, words, k=k, seed=seed)
    moved = {}
    for code, name in enumerate(found.groups):
        first = np.argsort(found.shift[code], kind="stable")[:MOVED]
        moved[name] = [
            {
                ITEM_ID: str(items[ITEM_ID].iloc[item]),
                **({TITLE: str(items[TITLE].iloc[item])} if TITLE in items else {}),
                "shift": float(found.shift[code, item]),
            }
            for item in first
            if found.shift[code, item] < 0  # what is no candidate stands at the same place for all
        ]
    return {
        "ranked_by": "text encoder" if reader is None else "recommender",
        "templates": list(templates),
        "words": {name: list(some) for name, some in words.items()},
        "between": found.between,
        "within": found.within,
        "excess": found.excess,
        "p_value": found.p_value,
        "moved": moved,
    }


def _validity(
    fitted: Fitted, split: Split, spec: GroupSpec, who: Groups, seed: int, weights: NDArray[np.uint8]
) -> Measure:
    """The largest gap between groups in Valid@K of the lists that a language model wrote at test time; beside it
    Valid@K of everybody and of each group, and what became of the other places."""
    asked = np.ones(len(who.codes), bool) if split.asked is None else split.asked
    people = np.flatnonzero(asked).astype(np.int32)
    written = fitted.written(people, split.known) if isinstance(fitted, WritingFitted) else None
    if written is None:
        return Measure(float("nan"), reason="this recommender writes no lists, so every place that it fills is an item")
    codes = who.codes[people]
    kept = [g for g in range(len(who.names)) if (codes == g).sum() >= max(1, spec.min_size)]
    if len(kept) < 2:
        return Measure(float("nan"), reason="fewer than two groups of sufficient size")
    shares = written.counts / np.maximum(written.counts.sum(axis=1, keepdims=True), 1)  # [people, kinds]
    valid = shares[:, 0]
    means = [_mean(np.where(codes == g, valid, np.nan), weights[people]) for g in kept]
    value, boot = float(np.ptp([mean for mean, _ in means])), np.ptp(np.stack([draws for _, draws in means]), axis=0)
    rows = np.flatnonzero(np.isin(codes, kept))
    draw = np.random.default_rng(seed)
    labels = draw.permuted(np.repeat(codes[rows][None], SHUFFLES, axis=0), axis=1)
    shuffled = np.ptp(np.stack([((labels == g) @ valid[rows]) / (codes == g).sum() for g in kept]), axis=0)
    p = p_value(value, shuffled)
    names = [who.names[g] for g in kept]
    kinds = [dict(zip(written.kinds, map(float, shares[codes == g].mean(axis=0)), strict=True)) for g in kept]
    return Measure(
        value,
        _distance_ci("invalid_disparity", value, boot),
        boot,
        {
            "n": len(rows),
            "valid": float(valid.mean()),
            "by_group": {name: mean for name, (mean, _) in zip(names, means, strict=True)},
            "kinds": dict(zip(names, kinds, strict=True)),
            "p_value": p,
            **floor.beside(value, shuffled, boot, p),
        },
    )


def _given_away(
    vectors: Floats | None,
    items: Codes,
    split: Split,
    spec: GroupSpec,
    who: Groups,
    seed: int,
    weights: NDArray[np.uint8],
    shuffles: Codes,
) -> Measures:
    """divergence of the user vectors, and probe_auc from vectors and from lists [n_users, k]."""
    hashes = id_hash(split.training.users[USER_ID])
    probes = {}
    sources: dict[str, Any] = {} if vectors is None else {"vectors": vectors}
    sources["lists"] = leakage.list_features(items, split.training.n_items)
    for name, features in sources.items():
        probe = leakage.probe_auc(features, who, hashes, seed=seed, min_size=spec.min_size, weights=weights)
        probes[name] = Measure(
            probe.value,
            bootstrap.interval(probe.replicates, 0.0, 1.0),
            probe.replicates,
            {"n": probe.n, "balance": probe.balance, "by_group": probe.by_group},
            probe.reason,
        )
    first = probes.get("vectors", probes["lists"])
    result = {
        "probe_auc": Measure(
            first.value,
            first.ci,
            first.replicates,
            {**first.more, "source": next(iter(probes)), "by_source": {name: to_json(m) for name, m in probes.items()}},
            first.reason,
        )
    }
    if vectors is None:
        return result | _undefined(("divergence",), "this recommender has no user vectors")
    kinds = {}
    for name in divergence.NEUTRAL:
        found = divergence.divergence(vectors, who, name, min_size=spec.min_size, weights=weights, shuffles=shuffles)
        kinds[name] = Measure(
            found.value,
            bootstrap.interval(found.replicates, 0.0),
            found.replicates,
            {
                "relative": found.relative,
                "p_value": found.p_value,
                **floor.beside(found.value, found.shuffled, found.replicates, found.p_value),
                "by_group": found.by_group,
            },
            found.reason,
        )
    main = kinds["project"]
    more = {**main.more, "neutral": "project", "by_neutral": {name: to_json(m) for name, m in kinds.items()}}
    return result | {"divergence": Measure(main.value, main.ci, main.replicates, more, main.reason)}


def _predictions(
    rated: rating.Rated | None,
    split: Split,
    spec: GroupSpec,
    who: Groups,
    weights: NDArray[np.uint8],
    shuffles: NDArray[np.int64],
) -> Measures:
    """The rating metrics of predicted probabilities, score_ks of them, and how far they mean what they say."""
    if rated is None:
        reason = "this recommender predicts no probability of single pairs; scores of its lists are compared under gaps"
        return _undefined((*rating.KEYS, "score_ks", "calibration"), reason)
    pairs, each, weights_of, labels = rating.each_group(rated, who, weights, shuffles)
    found = rating.unfairness(
        pairs, each, split.training.n_items, min_size=spec.min_size, weights=weights_of, shuffles=labels
    )
    ks = rating.score_ks(pairs.user, pairs.predicted, each, min_size=spec.min_size, weights=weights_of, shuffles=labels)
    by_key = {key: _disparity(value) for key, value in {**found, "score_ks": ks}.items()}
    return by_key | {"calibration": _calibration(rated, spec, who, weights)}


def _calibration(rated: rating.Rated, spec: GroupSpec, who: Groups, weights: NDArray[np.uint8]) -> Measure:
    """The calibration error over everybody; beside it the cells, and the same of each group."""
    if not len(rated.user):
        return Measure(float("nan"), reason="nothing was held out")
    if rated.true.all():
        return Measure(float("nan"), reason="every held-out pair is a liked one: there is nothing to tell likes from")
    everybody, groups = calibration.calibration(rated, who, min_size=spec.min_size, weights=weights)
    beside = {**_curve(everybody), "by_group": {name: _curve(group) for name, group in groups.items()}}
    return Measure(everybody.error, everybody.ci, everybody.replicates, beside)


def _curve(found: calibration.Calibration) -> dict[str, Any]:
    row = {key: getattr(found, key) for key in ("n", "people", "predicted", "observed", "error", "chance", "small")}
    return {**row, "error_ci": _pair(found.ci), "cells": [asdict(cell) for cell in found.cells]}


def _disparity(found: rating.Disparity) -> Measure:
    beside = {"pair": found.pair, "p_value": found.p_value, **found.beside()}
    return Measure(found.value, found.ci, found.replicates, beside, found.reason)


def to_json(measure: Measure) -> dict[str, Any]:
    """value, ci and what is beside them as plain JSON values, None for NaN."""
    row: dict[str, Any] = plain({"value": measure.value, "ci": measure.ci, **measure.more})
    return row


def _unread(reason: str) -> Measures:
    """Sensitivity to an attribute that the text never says. There is nothing to measure; beside one that reads it, it
    counts as what it is by construction: lists that cannot react are identical."""
    return {
        key: Measure(float("nan"), more={BY_CONSTRUCTION: float(key in sensitivity.SIMILARITIES)}, reason=reason)
        for key in SENSITIVITY_KEYS
    }


def _undefined(keys: Sequence[str], reason: str) -> Measures:
    return {key: Measure(float("nan"), reason=reason) for key in keys}


def _pair(ci: tuple[float, float]) -> list[float]:
    return [float(ci[0]), float(ci[1])]


def _distance_ci(key: str, value: float, replicates: Array) -> tuple[float, float]:
    """Interval of a metric that is never below 0 and biased upward; begins at 0 unless the data say otherwise."""
    info = METRICS[key]
    return bootstrap.Estimate(value, replicates, "distance", info.low, info.high).ci


def _rated(fitted: ProbabilityFitted, split: Split, seed: int) -> rating.Rated:
    """Held-out pairs of as many people, in the order of their hashes, as make RATED_PAIRS; true: liked or not."""
    data, test = split.training, split.test
    order = np.argsort(mix(seed, id_hash(data.users[USER_ID])), kind="stable")
    counts = np.bincount(test.user, minlength=data.n_users)
    chosen = np.zeros(data.n_users, dtype=bool)
    before = np.cumsum(counts[order]) - counts[order]
    chosen[order[before + counts[order] <= RATED_PAIRS]] = True
    part = test.take(np.flatnonzero(chosen[test.user]))
    liked = np.ones(len(part)) if data.relevance_threshold is None else part.rating >= data.relevance_threshold
    predicted = fitted.probability(part.user, part.item, split.known)
    return rating.Rated(part.user, part.item, predicted.astype(np.float64), liked.astype(np.float64))


def _shuffles(who: Groups, seed: int) -> NDArray[np.int64]:
    """Whose groups each gets, shuffled among the people of known group [n_users, SHUFFLES]."""
    draw = np.random.default_rng(seed)
    known = np.flatnonzero(~who.unknown)
    columns = np.repeat(np.arange(len(who.codes))[:, None], SHUFFLES, axis=1)
    columns[known] = draw.permuted(columns[known], axis=0)
    return columns


def _typical(column: pd.Series, members: NDArray[np.bool_]) -> Any:
    """The value that most of the members have; of equally frequent ones the first in order."""
    counts = column[members].value_counts()
    most = counts[counts == counts.max()].index
    return min(most, key=lambda value: (isinstance(value, str), value))


def _lists(fitted: Fitted, split: Split, people: Codes, texts: Sequence[str], k: int, seed: int) -> Codes:
    """Top k of the people with these profile texts [len(people), k]."""
    data = split.training
    hashes = data.item_hashes
    seen = split.known.matrix(data.n_users, data.n_items)
    step = max(1, ranking.BATCH_CELLS // data.n_items)
    parts = []
    for start in range(0, len(people), step):
        some = people[start : start + step]
        scores = ranking.scores(fitted, some, split.known, texts[start : start + step])
        parts.append(ranking.top_k(scores, seen[some], k, hashes, seed).items)
    return np.concatenate(parts)


def _liked(split: Split, people: NDArray[np.int64]) -> tuple[NDArray[np.int64], Codes]:
    """Offsets [len(people) + 1] and relevant held-out items of the people, in their (rising) order."""
    data, test = split.training, split.test
    liked = np.ones(len(test), dtype=bool)
    if data.relevance_threshold is not None:
        liked = test.rating >= data.relevance_threshold
    rows = np.flatnonzero(liked & np.isin(test.user, people))
    pairs = np.unique(np.stack([test.user[rows], test.item[rows]], axis=1), axis=0)
    return np.searchsorted(pairs[:, 0], np.append(people, data.n_users)).astype(np.int64), pairs[:, 1].astype(np.int32)


def _ndcg(lists: Codes, liked: tuple[NDArray[np.int64], Codes], n_items: int, k: int) -> Array:
    starts, items = liked
    return accuracy.per_user(accuracy.hits(lists, starts, items, n_items), np.diff(starts), k)["ndcg"]


def _mean_over(values: Array, counted: NDArray[np.bool_]) -> Array:
    """Mean over the first axis of what is counted and known [n]; NaN where nothing is."""
    counted = counted & np.isfinite(values)
    number = counted.sum(axis=0)
    total = np.where(counted, values, 0.0).sum(axis=0)
    mean: Array = np.divide(total, number, out=np.full(values.shape[1], np.nan), where=number > 0)
    return mean


def _mean(values: Array, weights: NDArray[np.uint8]) -> tuple[float, Array]:
    """Mean over users whose value is known, and its replicates [b], widened for small numbers."""
    known = np.isfinite(values)
    if not known.any():
        return float("nan"), np.empty(0)
    value = float(values[known].mean())
    share = weights[known].astype(np.float64)
    with np.errstate(invalid="ignore"):
        boot = values[known] @ share / share.sum(axis=0)
    return value, value + bootstrap.widening(np.array(known.sum())) * (boot - value)


def _spread_out(values: Array, people: NDArray[np.int64], n_users: int) -> Array:
    """Values of some people as values of all [n_users], NaN for the others."""
    whole = np.full(n_users, np.nan)
    whole[people] = values
    return whole


def _by_group(values: Array, group: NDArray[np.int64], names: Sequence[str]) -> dict[str, float]:
    """Mean over each group's people whose value is known."""
    means = {}
    for code, name in enumerate(names):
        own = values[(group == code) & np.isfinite(values)]
        means[name] = float(own.mean()) if len(own) else float("nan")
    return means
