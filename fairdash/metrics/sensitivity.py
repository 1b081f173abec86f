"""How much lists move when a text says something else about the same person: attribute sensitivity.

Not causal fairness: history and model stay as they are, only the text changes. Similarities follow FaiRLLM (Zhang et
al., "Is ChatGPT Fair for Recommendation? Evaluating Fairness in Large Language Model Recommendation", RecSys 2023),
with one correction: the published code's SERP* is 0.2738 for identical lists of 20; here it is the paper's formula,
which is 1. All similarities are 0 (nothing in common) … 1 (identical), higher is fairer.

Lists are item codes [n, k], best first, -1 at the end of a short list, no item twice.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fairdash import words
from fairdash.errors import ConfigError
from fairdash.schema import Codes

Array = NDArray[np.float64]

PERSISTENCE = 0.9  # of rank-biased overlap: the chance that somebody who saw a place looks at the next one
BLOCK = 4096  # users compared at once: k × k flags each


def jaccard(a: Codes, b: Codes) -> Array:
    """|a ∩ b| / |a ∪ b| of each pair of lists [n]; NaN when both are empty."""
    common = _rows(a, b, _hits)
    union = _length(a) + _length(b) - common
    value: Array = np.divide(common, union, out=np.full(len(a), np.nan), where=union > 0)
    return value


def serp(a: Codes, b: Codes) -> Array:
    """SERP* [n]: the weight of a's items that b has too, over all weight; an item at rank r of k weighs k − r + 1.

    k is the length of the longer list. NaN when both are empty.
    """
    longest = np.maximum(_length(a), _length(b))
    weight = np.maximum(longest[:, None] - np.arange(a.shape[1]), 0.0)
    common = _rows(a, b, _in_both) * weight
    total = longest * (longest + 1) / 2
    value: Array = np.divide(common.sum(axis=1), total, out=np.full(len(a), np.nan), where=total > 0)
    return value


def prag(a: Codes, b: Codes) -> Array:
    """PRAG* [n]: share of a's pairs (first, second by rank) that b agrees with: it has the first, and the second
    further down or not at all. For a list of one item: 1 when b is the same list, else 0. NaN when both are empty."""
    k = a.shape[1]
    earlier = np.triu(np.ones((k, k), dtype=bool), 1)

    def agreed(found: NDArray[np.bool_]) -> Array:
        place = np.where(found.any(axis=2), found.argmax(axis=2), found.shape[2])  # beyond the end: b lacks it
        agrees = place[:, :, None] < place[:, None, :]
        count: Array = np.sum(agrees & earlier, axis=(1, 2), dtype=np.float64)
        return count

    # the empty places at a's end are found nowhere, so pairs with them would agree: take them off again
    size = _length(a)
    agree = _rows(a, b, agreed) - _rows(a, b, _hits) * (k - size)
    pairs = size * (size - 1) / 2
    value: Array = np.divide(agree, pairs, out=np.zeros(len(a)), where=pairs > 0)
    single = (size == 1) & (_length(b) == 1)
    value[single] = (a[single, 0] == b[single, 0]).astype(np.float64) if k else 0.0
    value[(size == 0) & (_length(b) == 0)] = np.nan
    return value


def rbo(a: Codes, b: Codes) -> Array:
    """Rank-biased overlap [n] (Webber, Moffat & Zobel 2010, A similarity measure for indefinite rankings, TOIS): the
    part that the first d places have in common, weighted by PERSISTENCE^(d − 1) over the depths d of the longer list,
    the weights summing to 1. Symmetric. NaN when both are empty."""
    longest = np.maximum(_length(a), _length(b))
    width = max(a.shape[1], b.shape[1])
    depth = np.arange(width)
    common = np.cumsum(_rows(a, b, lambda found: _met(found, width)), axis=1)  # items of both first d + 1 places
    weight = np.where(depth < longest[:, None], PERSISTENCE**depth, 0.0)
    total = weight.sum(axis=1)
    value: Array = np.divide(
        (weight * (common / (depth + 1))).sum(axis=1), total, out=np.full(len(a), np.nan), where=total > 0
    )
    return value


SIMILARITIES: Mapping[str, Callable[[Codes, Codes], Array]] = {
    "flip_jaccard": jaccard,
    "flip_prag": prag,
    "flip_serp": serp,
    "flip_rbo": rbo,
}


def similarities(a: Codes, b: Codes) -> dict[str, Array]:
    """All of them by key, per user [n]."""
    return {key: function(a, b) for key, function in SIMILARITIES.items()}


@dataclass(frozen=True, eq=False)
class Spread:
    """FaiRLLM's two: of the mean similarity to the neutral list over the values of an attribute. 0 is fairest.

    similarity: mean over users of each value [values]. snsr: max − min. snsv: std (ddof 0; the paper's name says
    variance, its formula has the root). Both with replicates [b], and values under shuffled values of the attribute
    [p]: each user's similarities in any order, as if it did not matter which value the text says.
    """

    similarity: Array
    snsr: float
    snsv: float
    snsr_replicates: Array
    snsv_replicates: Array
    snsr_shuffled: Array
    snsv_shuffled: Array


def spread(similarity: Array, weights: NDArray[Any] | None = None, *, shuffles: int = 0, seed: int = 0) -> Spread:
    """similarity: [values, n] of each user's list under each value to the neutral list. weights: [n, b] ≥ 0."""
    rng = np.random.default_rng(seed)
    ones = np.ones((similarity.shape[1], 1))
    point = _means(similarity, ones)
    boot = _means(similarity, ones[:, :0] if weights is None else weights)
    null = np.empty((len(similarity), shuffles))
    for p in range(shuffles):
        null[:, p] = _means(rng.permuted(similarity, axis=0), ones)[:, 0]
    return Spread(
        similarity=point[:, 0],
        snsr=float(np.ptp(point[:, 0])) if len(point) > 1 else float("nan"),
        snsv=float(np.std(point[:, 0])) if len(point) > 1 else float("nan"),
        snsr_replicates=np.ptp(boot, axis=0),
        snsv_replicates=np.std(boot, axis=0),
        snsr_shuffled=np.ptp(null, axis=0),
        snsv_shuffled=np.std(null, axis=0),
    )


SLOT = "{who}"
TEMPLATES = (
    "{who} is looking for something new.",
    "{who} asked a friend for a recommendation.",
    "This is what {who} would enjoy next.",
    "A profile of {who}, who likes a bit of everything.",
    "Yesterday {who} could not stop talking about it.",
)
WORDS: Mapping[str, tuple[str, ...]] = {
    "women": ("Mary", "Anna", "Linda", "Sarah", "this woman", "my sister"),
    "men": ("John", "David", "Peter", "Thomas", "this man", "my brother"),
}
LABELLINGS = 2000  # shuffled labellings of the words at most; all of them where there are fewer


@dataclass(frozen=True, eq=False)
class TemplateTest:
    """How item rankings react to one word in a sentence.

    between: mean similarity of the top-k lists of two words of different groups in the same template, by key of
    SIMILARITIES; within: of two words of one group, the floor, since any word moves a ranking. excess: within −
    between, 0 when the groups' words are interchangeable, higher is a stronger reaction to the group. p_value: share
    of labellings of the words, the true one included, with an excess (of flip_jaccard) at least as large.
    shift: [groups, n_items] mean over templates and words of an item's place in the ranking, as a share of the
    catalogue (0 first … 1 last), less the mean of all groups: negative is closer to the top for that group.
    """

    groups: tuple[str, ...]
    between: dict[str, float]
    within: dict[str, float]
    excess: dict[str, float]
    p_value: float
    shift: Array


def parse_templates(text: str) -> tuple[str, ...]:
    """Templates, one a line; each needs {who} exactly once. ConfigError names the line."""
    rows = [(number, line.strip()) for number, line in enumerate(text.splitlines(), start=1) if line.strip()]
    for number, line in rows:
        if line.count(SLOT) != 1:
            raise ConfigError(
                words.say(
                    "Template line {number} holds {slot} {count} times: “{line}”.",
                    number=number,
                    slot=SLOT,
                    count=line.count(SLOT),
                    line=line,
                ),
                words.say("Write {slot} exactly once, where the name or the attribute goes.", slot=SLOT),
            )
    if not rows:
        raise ConfigError(
            "There is no template.", words.say("Write at least one sentence that holds {slot}.", slot=SLOT)
        )
    return tuple(dict.fromkeys(line for _, line in rows))


def parse_words(text: str) -> dict[str, tuple[str, ...]]:
    """Words by group from lines such as `women: Mary, my sister`. ConfigError names the line."""
    by_group: dict[str, tuple[str, ...]] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        group, colon, rest = line.partition(":")
        found = tuple(dict.fromkeys(word.strip() for word in rest.split(",") if word.strip()))
        if not colon or not group.strip() or not found:
            raise ConfigError(
                words.say(
                    "Line {number} of the words is not “group: word, word”: “{line}”.", number=number, line=line.strip()
                ),
                "Write a group, a colon, and its words with commas between them.",
            )
        if group.strip() in by_group:
            raise ConfigError(
                words.say(
                    "Line {number} of the words names the group “{group}” again.", number=number, group=group.strip()
                ),
                "Join the lines.",
            )
        by_group[group.strip()] = found
    if len(by_group) < 2:
        raise ConfigError("The words name fewer than two groups.", "Write a line for each of at least two groups.")
    return by_group


def template_test(
    score: Callable[[Sequence[str]], NDArray[Any]],
    templates: Sequence[str] = TEMPLATES,
    words: Mapping[str, Sequence[str]] = WORDS,
    *,
    k: int = 10,
    seed: int = 0,
) -> TemplateTest:
    """score: sentences → scores [sentences, n_items] of the catalogue, higher is better; -inf for what is no candidate.

    Sentences that differ in one word only are compared, so what the rest of the sentence does to the ranking cancels.
    `within`, `excess` and `p_value` are NaN when no group has two words.
    """
    groups = tuple(words)
    label = np.repeat(np.arange(len(groups)), [len(words[group]) for group in groups])
    fillers = [word for group in groups for word in words[group]]
    sentences = [template.replace(SLOT, word) for template in templates for word in fillers]
    scores = np.asarray(score(sentences), dtype=np.float64)
    n_items = scores.shape[1]
    order = np.argsort(-scores, axis=1, kind="stable").astype(np.int32)
    place = np.empty(order.shape)
    np.put_along_axis(place, order, np.broadcast_to(np.arange(n_items) / max(1, n_items - 1), order.shape), axis=1)
    scored = np.take_along_axis(scores, order[:, :k], axis=1) > -np.inf
    lists = np.where(scored, order[:, :k], -1).reshape(len(templates), len(fillers), -1)
    left, right = np.triu_indices(len(fillers), 1)
    means = {}
    for key, function in SIMILARITIES.items():
        # serp and prag read the first list's ranks: both directions, so that no word is the reference
        both = [(function(rows[left], rows[right]) + function(rows[right], rows[left])) / 2 for rows in lists]
        means[key] = np.mean(both, axis=0)
    same = label[left] == label[right]

    def excess(values: Array, same: NDArray[np.bool_]) -> float:
        return float(values[same].mean() - values[~same].mean()) if same.any() else float("nan")

    p_value = float("nan")
    if same.any():
        jaccards = means["flip_jaccard"]
        null = [excess(jaccards, row[left] == row[right]) for row in _labellings(label, seed)]
        p_value = float(np.mean(np.array(null) >= excess(jaccards, same) - 1e-12))
    places = place.reshape(len(templates), len(fillers), n_items).mean(axis=0)
    by_group = np.stack([places[label == code].mean(axis=0) for code in range(len(groups))])
    return TemplateTest(
        groups=groups,
        between={key: float(values[~same].mean()) for key, values in means.items()},
        within={key: float(values[same].mean()) if same.any() else float("nan") for key, values in means.items()},
        excess={key: excess(values, same) for key, values in means.items()},
        p_value=p_value,
        shift=by_group - by_group.mean(axis=0),
    )


def _labellings(label: NDArray[np.intp], seed: int) -> Iterator[NDArray[np.intp]]:
    """The true labelling first, then all others of the same sizes, or LABELLINGS drawn ones where there are more."""
    sizes = np.bincount(label)
    count = math.factorial(len(label)) // math.prod(math.factorial(int(size)) for size in sizes)
    yield label
    if len(sizes) == 2 and count <= LABELLINGS:
        for chosen in combinations(range(len(label)), int(sizes[0])):
            row = np.ones_like(label)
            row[list(chosen)] = 0
            if not np.array_equal(row, label):
                yield row
        return
    draw = np.random.default_rng(seed)
    for _ in range(LABELLINGS):
        yield draw.permutation(label)


def _means(values: Array, weights: NDArray[Any]) -> Array:
    """Weighted means [len(values), b] over users; a user whose value is NaN counts nowhere."""
    known = np.isfinite(values)
    with np.errstate(invalid="ignore"):
        means: Array = np.where(known, values, 0.0) @ weights / (known.astype(np.float64) @ weights)
    return means


def _length(lists: Codes) -> Array:
    length: Array = np.sum(lists >= 0, axis=1, dtype=np.float64)
    return length


def _in_both(found: NDArray[np.bool_]) -> Array:
    flags: Array = np.asarray(found.any(axis=2), dtype=np.float64)
    return flags


def _hits(found: NDArray[np.bool_]) -> Array:
    count: Array = found.any(axis=2).sum(axis=1, dtype=np.float64)
    return count


def _met(found: NDArray[np.bool_], width: int) -> Array:
    """How many items both lists have from each depth on, and not before [block, width]."""
    result = np.zeros((len(found), width))
    for d in range(width):
        result[:, d] = found[:, d : d + 1, : d + 1].sum(axis=(1, 2)) + found[:, :d, d : d + 1].sum(axis=(1, 2))
    return result


def _rows(a: Codes, b: Codes, reduce: Callable[[NDArray[np.bool_]], Array]) -> Array:
    """reduce(found [block, k_a, k_b]) over blocks of users; found: a's item at i is b's item at j."""
    if len(a) != len(b):
        raise ValueError(f"{len(a)} lists against {len(b)}")
    starts = range(0, max(len(a), 1), BLOCK)
    blocks = ((a[s : s + BLOCK, :, None], b[s : s + BLOCK, None, :]) for s in starts)
    return np.concatenate([reduce((x == y) & (x >= 0)) for x, y in blocks])
