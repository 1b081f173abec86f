"""Every metric again, slowly: plain loops over dictionaries, from the definitions and the papers, sharing no code with
`fairdash.metrics`. The tests compare both on random small cases."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations

NAN = float("nan")


@dataclass
class Case:
    """One audit, small. lists: items of each user, best first. liked: relevant held-out items of each user. seen:
    training items of each user. categories: names of each item. user_group, item_group: name, or None when unknown."""

    n_items: int
    k: int
    lists: list[list[int]]
    liked: list[set[int]]
    seen: list[set[int]]
    categories: list[list[str]]
    user_group: list[str | None]
    item_group: list[str | None]
    scores: dict[tuple[int, int], float] = field(default_factory=dict)

    @property
    def users(self) -> range:
        return range(len(self.lists))

    def top(self, user: int) -> list[int]:
        return self.lists[user][: self.k]

    def candidates(self, user: int) -> list[int]:
        """All but the training items; one that is held out as relevant again is a candidate."""
        return [item for item in range(self.n_items) if item not in self.seen[user] - self.liked[user]]

    def user_names(self) -> list[str]:
        return sorted({name for name in self.user_group if name is not None})

    def item_names(self) -> list[str]:
        return sorted({name for name in self.item_group if name is not None})

    def members(self, name: str) -> list[int]:
        return [user for user in self.users if self.user_group[user] == name]

    def popularity(self) -> list[int]:
        return [sum(item in seen for seen in self.seen) for item in range(self.n_items)]


def divide(a: float, b: float) -> float:
    return a / b if b else NAN


def mean(values: Sequence[float]) -> float:
    known = [value for value in values if not math.isnan(value)]
    return divide(sum(known), len(known))


def discount(rank: int) -> float:
    return 1.0 / math.log2(rank + 1)


# Accuracy, one value a user


def ndcg(case: Case, user: int) -> float:
    liked = case.liked[user]
    if not liked:
        return NAN
    gain = sum(discount(rank) for rank, item in enumerate(case.top(user), start=1) if item in liked)
    return gain / sum(discount(rank) for rank in range(1, min(case.k, len(liked)) + 1))


def graded_ndcg(case: Case, user: int, ratings: Mapping[int, float]) -> float:
    """Gains of 2^rating − 1 of this user's rated held-out items, over those of the best order."""
    gains = {item: 2**rating - 1 for item, rating in ratings.items()}
    best = sorted(gains.values(), reverse=True)[: case.k]
    ideal = sum(gain * discount(rank) for rank, gain in enumerate(best, start=1))
    return divide(sum(gains.get(item, 0) * discount(rank) for rank, item in enumerate(case.top(user), start=1)), ideal)


def recall(case: Case, user: int) -> float:
    return divide(len(set(case.top(user)) & case.liked[user]), len(case.liked[user]))


def precision(case: Case, user: int) -> float:
    return len(set(case.top(user)) & case.liked[user]) / case.k if case.liked[user] else NAN


def hit(case: Case, user: int) -> float:
    return float(bool(set(case.top(user)) & case.liked[user])) if case.liked[user] else NAN


def mrr(case: Case, user: int) -> float:
    if not case.liked[user]:
        return NAN
    for rank, item in enumerate(case.top(user), start=1):
        if item in case.liked[user]:
            return 1.0 / rank
    return 0.0


def average_precision(case: Case, user: int) -> float:
    if not case.liked[user]:
        return NAN
    total, hits = 0.0, 0
    for rank, item in enumerate(case.top(user), start=1):
        if item in case.liked[user]:
            hits += 1
            total += hits / rank
    return total / min(case.k, len(case.liked[user]))


ACCURACY: Mapping[str, Callable[[Case, int], float]] = {
    "ndcg": ndcg,
    "recall": recall,
    "precision": precision,
    "hit": hit,
    "mrr": mrr,
    "map": average_precision,
}


# From values of groups to gaps


def gaps(values: Mapping[str, float], lower_is_worse: bool = True) -> dict[str, float | str]:
    """gap, ratio, mad, std and worst_group over the groups' values."""
    numbers = list(values.values())
    middle = sum(numbers) / len(numbers)
    pairs = [abs(a - b) for a, b in combinations(numbers, 2)]
    worst = (min if lower_is_worse else max)(values, key=lambda name: values[name])
    return {
        "gap": max(numbers) - min(numbers),
        "ratio": divide(min(numbers), max(numbers)),
        "mad": mean(pairs),
        "std": math.sqrt(sum((value - middle) ** 2 for value in numbers) / len(numbers)),
        "worst_group": worst,
    }


# Do groups get different things?


def category_share(case: Case, users: Sequence[int]) -> dict[str, float]:
    shares = {name: 0.0 for names in case.categories for name in names}
    slots = 0
    for user in users:
        for item in case.top(user):
            slots += 1
            for name in case.categories[item]:
                shares[name] += 1.0 / len(case.categories[item])
    return {name: divide(value, slots) for name, value in shares.items()}


def jensen_shannon_distance(p: Mapping[str, float], q: Mapping[str, float]) -> float:
    def relative(a: Mapping[str, float], middle: Mapping[str, float]) -> float:
        return sum(a[name] * math.log2(a[name] / middle[name]) for name in a if a[name] > 0)

    middle = {name: (p[name] + q[name]) / 2 for name in p}
    return math.sqrt(max(0.0, (relative(p, middle) + relative(q, middle)) / 2))


def category_divergence(case: Case) -> float:
    shares = {name: category_share(case, case.members(name)) for name in case.user_names()}
    return max(jensen_shannon_distance(shares[a], shares[b]) for a, b in combinations(shares, 2))


def selection_rates(case: Case, wanted: set[int]) -> dict[str, float]:
    """P(in the top K | a candidate of `wanted`) of each user group."""
    rates = {}
    for name in case.user_names():
        selected = candidates = 0
        for user in case.members(name):
            for item in case.candidates(user):
                if item in wanted:
                    candidates += 1
                    selected += item in case.top(user)
        rates[name] = divide(selected, candidates)
    return rates


def fewest_expected(case: Case, wanted: set[int]) -> float:
    """Places of `wanted` in the lists of the group that has the fewest, if all groups had the same selection rate."""
    selected, candidates = 0, []
    for name in case.user_names():
        pairs = [(user, item) for user in case.members(name) for item in case.candidates(user) if item in wanted]
        selected += sum(item in case.top(user) for user, item in pairs)
        candidates.append(len(pairs))
    return divide(selected, sum(candidates)) * min(candidates)


def true_positive_rates(case: Case, wanted: set[int] | None = None) -> dict[str, float]:
    """P(in the top K | relevant) of each user group."""
    rates = {}
    for name in case.user_names():
        selected = relevant = 0
        for user in case.members(name):
            for item in case.candidates(user):
                if item in case.liked[user] and (wanted is None or item in wanted):
                    relevant += 1
                    selected += item in case.top(user)
        rates[name] = divide(selected, relevant)
    return rates


def false_positive_rates(case: Case, wanted: set[int] | None = None) -> dict[str, float]:
    """P(in the top K | a candidate that is not relevant) of each user group."""
    rates = {}
    for name in case.user_names():
        selected = other = 0
        for user in case.members(name):
            for item in case.candidates(user):
                if item not in case.liked[user] and (wanted is None or item in wanted):
                    other += 1
                    selected += item in case.top(user)
        rates[name] = divide(selected, other)
    return rates


def difference(rates: Mapping[str, float]) -> float:
    known = [rate for rate in rates.values() if not math.isnan(rate)]
    return max(known) - min(known) if len(known) > 1 else NAN


def popularity_lift(case: Case, users: Sequence[int]) -> float:
    """Kowald et al. 2020 after Abdollahpouri et al. 2019: means over users of means over items, then the ratio; of
    users who have both a profile and a list."""
    popularity = case.popularity()
    both = [user for user in users if case.seen[user] and case.top(user)]
    profile = mean([mean([popularity[item] for item in case.seen[user]]) for user in both])
    listed = mean([mean([popularity[item] for item in case.top(user)]) for user in both])
    return divide(listed - profile, profile)


def miscalibration(case: Case, user: int) -> float:
    """Steck 2018, α = 0.01, natural logarithm."""
    if not case.seen[user] or not case.top(user):
        return NAN

    def shares(items: Sequence[int]) -> dict[str, float]:
        total: dict[str, float] = {}
        for item in items:
            for name in case.categories[item]:
                total[name] = total.get(name, 0.0) + 1.0 / len(case.categories[item]) / len(items)
        return total

    p, q = shares(sorted(case.seen[user])), shares(case.top(user))
    return sum(p[name] * math.log(p[name] / (0.99 * q.get(name, 0.0) + 0.01 * p[name])) for name in p)


def generalized_cross_entropy(benefit: Mapping[str, float], target: Mapping[str, float], beta: float = 2.0) -> float:
    """Deldjoo et al. 2021; benefit: of each group, made to sum to 1."""
    total = sum(benefit.values())
    if not total:
        return NAN
    if min(benefit.values()) == 0:
        return -math.inf
    shares = {name: value / total for name, value in benefit.items()}
    inner = sum(target[name] ** beta * shares[name] ** (1 - beta) for name in shares)
    return (inner - 1.0) / (beta * (1 - beta))


def differential_fairness(case: Case, concentration: float = 1.0) -> float:
    """Foulds et al. 2020: the largest log ratio of smoothed P(item in the list | group), of p and of 1 − p."""
    worst = 0.0
    for item in range(case.n_items):
        rates = []
        for name in case.user_names():
            members = case.members(name)
            listed = sum(item in case.top(user) for user in members)
            rates.append((listed + concentration / 2) / (len(members) + concentration))
        for p, q in combinations(rates, 2):
            worst = max(worst, abs(math.log(p / q)), abs(math.log((1 - p) / (1 - q))))
    return worst


def generalised_entropy(benefits: Sequence[float], alpha: float = 2.0) -> float:
    middle = mean(benefits)
    if not middle:
        return NAN
    return sum((value / middle) ** alpha - 1 for value in benefits) / (len(benefits) * alpha * (alpha - 1))


def group_entropy_index(benefits: Sequence[float], names: Sequence[str]) -> tuple[float, float, float]:
    """(whole, between groups, within groups), α = 2 (Shorrocks 1980; Speicher et al. 2018)."""
    whole = generalised_entropy(benefits)
    middle = mean(benefits)
    own: dict[str, list[float]] = {}
    for value, name in zip(benefits, names, strict=True):
        own.setdefault(name, []).append(value)
    between = generalised_entropy([mean(own[name]) for name in names])
    within = 0.0
    for values in own.values():
        if mean(values):
            within += len(values) / len(benefits) * (mean(values) / middle) ** 2 * generalised_entropy(values)
    return whole, between, within


def atkinson(benefits: Sequence[float], names: Sequence[str]) -> tuple[float, float, float]:
    """(whole, between groups, within groups), ε = ½: what all have equally as well as now, over what they have
    (Atkinson 1970); between is of what each group would have, within is what is lost inside groups (Blackorby,
    Donaldson & Auersperg 1981)."""

    def as_well(values: Sequence[float]) -> float:
        return mean([math.sqrt(value) for value in values]) ** 2

    own: dict[str, list[float]] = {}
    for value, name in zip(benefits, names, strict=True):
        own.setdefault(name, []).append(value)
    smoothed = [as_well(own[name]) for name in names]
    whole = 1 - as_well(benefits) / mean(benefits)
    between = 1 - as_well(smoothed) / mean(smoothed)
    within = sum(sum(values) / sum(benefits) * (1 - divide(as_well(values), mean(values)))
                 for values in own.values() if sum(values))  # fmt: skip
    return whole, between, within


# Items and providers


def inequity_of_attention(case: Case, user: int) -> float:
    """IAA with linear attention and relevance of 0 or 1, every item of the catalogue looked at."""
    if not case.liked[user] or case.k == 1:
        return NAN
    apart = 0.0
    for item in range(case.n_items):
        rank = case.top(user).index(item) + 1 if item in case.top(user) else case.k
        apart += abs((case.k - rank) / (case.k - 1) - (item in case.liked[user]))
    return apart / case.n_items


def off_merit(case: Case, user: int, item: int) -> float:
    """E − E* with a patience of 0.8, both as sums over places."""
    shown = case.top(user)
    seen = 0.8 ** shown.index(item) if item in shown else 0.0
    liked = case.liked[user]
    return seen - (mean([0.8**place for place in range(len(liked))]) if item in liked else 0.0)


def exposure_off_merit(case: Case) -> tuple[float, float]:
    """II-F and AI-F (Wu et al. 2022), of people who like something."""
    there = [user for user in case.users if case.liked[user]]
    off = [[off_merit(case, user, item) for user in there] for item in range(case.n_items)]
    return mean([x**2 for row in off for x in row]), mean([mean(row) ** 2 for row in off])


def better_and_worse_off(case: Case) -> tuple[float, float]:
    """IBO and IWO (Saito & Joachims 2022), of items that somebody likes."""
    by_chance = mean([1 / (place + 1) if place < case.k else 0.0 for place in range(case.n_items)])
    better, worse = [], []
    for item in range(case.n_items):
        there = [user for user in case.users if item in case.liked[user]]
        if there:
            tops = [case.top(user) for user in there]
            impact = sum(1 / (1 + top.index(item)) for top in tops if item in top)
            better.append(float(impact >= 1.1 * by_chance * len(there) - 1e-9))
            worse.append(float(impact <= 0.9 * by_chance * len(there) + 1e-9))
    return mean(better), mean(worse)


def exposure(case: Case) -> list[float]:
    total = [0.0] * case.n_items
    for user in case.users:
        for rank, item in enumerate(case.top(user), start=1):
            total[item] += discount(rank)
    return total


def share_by_group(case: Case, weight: Sequence[float]) -> dict[str, float]:
    """Each item group's part of the weight that items of known group have."""
    total = dict.fromkeys(case.item_names(), 0.0)
    for item, name in enumerate(case.item_group):
        if name is not None:
            total[name] += weight[item]
    everything = sum(total.values())
    return {name: divide(value, everything) for name, value in total.items()}


def total_variation(p: Mapping[str, float], q: Mapping[str, float]) -> float:
    return sum(abs(p[name] - q[name]) for name in p) / 2


def away(case: Case, user: int, target: Mapping[str, float]) -> float:
    """AWRF of one list; undefined without an item of known group."""
    mass = [0.0] * case.n_items
    for rank, item in enumerate(case.top(user), start=1):
        mass[item] += discount(rank)
    share = share_by_group(case, mass)
    return NAN if any(map(math.isnan, share.values())) else total_variation(share, target)


def selection_by_item_group(case: Case, relevant_only: bool) -> dict[str, float]:
    """P(in the top K | item group[, relevant]): the rates of RSP and REO (Zhu et al. 2020)."""
    rates = {}
    for name in case.item_names():
        selected = candidates = 0
        for user in case.users:
            for item in case.candidates(user):
                if case.item_group[item] == name and (not relevant_only or item in case.liked[user]):
                    candidates += 1
                    selected += item in case.top(user)
        rates[name] = divide(selected, candidates)
    return rates


def relative_deviation(rates: Mapping[str, float]) -> float:
    known = [rate for rate in rates.values() if not math.isnan(rate)]
    middle = mean(known)
    return divide(math.sqrt(sum((rate - middle) ** 2 for rate in known) / len(known)), middle) if known[1:] else NAN


def expected_exposure(case: Case) -> tuple[float, float, float]:
    """eed = |E|², eer = 2 E·E*, eel = |E − E*|² at group level, means over users with a list, and over those with
    relevant items where E* is needed (Diaz et al. 2020): E from the list's discounts; E* from the ideal policy that
    puts the relevant items first in random order and all others after them, cut at K; both summed over each item
    group."""
    names = case.item_names()
    disparity: list[float] = []
    parts: list[tuple[float, float]] = []
    for user in case.users:
        candidates, liked = case.candidates(user), case.liked[user]
        system = dict.fromkeys(names, 0.0)
        for rank, item in enumerate(case.top(user), start=1):
            name = case.item_group[item]
            if name is not None:
                system[name] += discount(rank)
        if case.top(user):
            disparity.append(sum(system[name] ** 2 for name in names))
        if not liked:
            continue
        m = len(liked)
        top = sum(discount(rank) for rank in range(1, min(m, case.k) + 1)) / m
        rest = len(candidates) - m
        below = sum(discount(rank) for rank in range(m + 1, min(case.k, len(candidates)) + 1)) / rest if rest else 0.0
        target = dict.fromkeys(names, 0.0)
        for item in candidates:
            name = case.item_group[item]
            if name is not None:
                target[name] += top if item in liked else below
        parts.append(
            (
                2 * sum(system[name] * target[name] for name in names),
                sum((system[name] - target[name]) ** 2 for name in names),
            )
        )
    eed = mean(disparity) if disparity else NAN
    if not parts:
        return eed, NAN, NAN
    eer, eel = (sum(column) / len(parts) for column in zip(*parts, strict=True))
    return eed, eer, eel


def pairwise_accuracy(case: Case, name: str, other: Callable[[int], bool] = lambda item: True) -> float:
    """P(score of a relevant item of the group > score of an irrelevant candidate), pairs pooled, ties half
    (Beutel et al. 2019); other: which irrelevant items count."""
    right = pairs = 0.0
    for user in case.users:
        for item in case.candidates(user):
            if item not in case.liked[user] or case.item_group[item] != name:
                continue
            for rival in case.candidates(user):
                if rival in case.liked[user] or not other(rival):
                    continue
                pairs += 1
                a, b = case.scores[user, item], case.scores[user, rival]
                right += 1.0 if a > b else 0.5 if a == b else 0.0
    return divide(right, pairs)


def gini(amounts: Sequence[float]) -> float:
    """Mean absolute difference over twice the mean, divided by (n − 1) / n."""
    n, total = len(amounts), sum(amounts)
    if not total or n < 2:
        return NAN
    differences = sum(abs(a - b) for a in amounts for b in amounts)
    return differences / (2 * n * total) / ((n - 1) / n)


def recommended(case: Case) -> list[int]:
    return [sum(item in case.top(user) for user in case.users) for item in range(case.n_items)]


def covered(counts: Sequence[float]) -> float:
    return sum(count > 0 for count in counts) / len(counts)


def even(amounts: Sequence[float]) -> float:
    """Entropy of the amounts' shares over its maximum."""
    total = sum(amounts)
    if not total or math.isnan(total) or len(amounts) < 2:
        return NAN
    return -sum(a / total * math.log(a / total) for a in amounts if a) / math.log(len(amounts))


def coverage(case: Case) -> float:
    return covered(recommended(case))


def entropy(case: Case) -> float:
    return even(recommended(case))


def jain(counts: Sequence[float]) -> float:
    return divide(sum(counts) ** 2, len(counts) * sum(count**2 for count in counts))


def satisfied(counts: Sequence[float]) -> float:
    """FSat of Patro et al. 2020: items that are recommended ⌊S / n⌋ times or more, where that is not 0."""
    share = math.floor(sum(counts) / len(counts))
    return sum(count >= share for count in counts) / len(counts) if share else NAN


def rescaled(measure: Callable[[Sequence[float]], float], case: Case) -> float:
    """Between the lists that all begin one order of the items, and a deal of as many places item by item."""
    alike, dealt = [0] * case.n_items, [0] * case.n_items
    places = 0
    for user in case.users:
        for at in range(len(case.top(user))):
            alike[at] += 1
            dealt[places % case.n_items] += 1
            places += 1
    low, high = measure(alike), measure(dealt)
    return (measure(recommended(case)) - low) / (high - low) if abs(high - low) > 1e-9 else NAN


def tail(popularity: Sequence[int]) -> set[int]:
    """Items outside the head: the fewest items that make 80 % of interactions. Only for popularities without ties
    at the border; with ties which of the equal items is in the head is a matter of the tie rule."""
    order = sorted(range(len(popularity)), key=lambda item: -popularity[item])
    total, head, made = sum(popularity), set(), 0
    for item in order:
        if made >= 0.8 * total:
            break
        head.add(item)
        made += popularity[item]
    return set(range(len(popularity))) - head


def arp(case: Case) -> float:
    """Mean over users of the mean popularity of the list."""
    popularity = case.popularity()
    return mean([mean([popularity[item] for item in case.top(user)]) for user in case.users if case.top(user)])


def aplt(case: Case, tail: set[int]) -> float:
    return mean([len(tail & set(case.top(user))) / len(case.top(user)) for user in case.users if case.top(user)])


def aclt(case: Case, tail: set[int]) -> float:
    return mean([float(len(tail & set(case.top(user)))) for user in case.users if case.top(user)])


# Model side


def yao_huang(rows: Sequence[tuple[int, int, float, float]], group_of: Sequence[str | None]) -> dict[str, float]:
    """rows: user, item, predicted, true. The largest over pairs of groups."""
    names = sorted({group_of[user] for user, *_ in rows} - {None})  # type: ignore[type-var]
    found: dict[str, list[float]] = {
        key: [] for key in ("value", "absolute", "underestimation", "overestimation", "nonparity")
    }
    for a, b in combinations(names, 2):
        terms: dict[str, list[float]] = {key: [] for key in found if key != "nonparity"}
        for item in {item for _, item, *_ in rows}:
            errors = []
            for name in (a, b):
                own = [(y, r) for user, i, y, r in rows if i == item and group_of[user] == name]
                errors.append(mean([y for y, _ in own]) - mean([r for _, r in own]))
            g, h = errors
            if math.isnan(g) or math.isnan(h):
                continue
            terms["value"].append(abs(g - h))
            terms["absolute"].append(abs(abs(g) - abs(h)))
            terms["underestimation"].append(abs(max(0.0, -g) - max(0.0, -h)))
            terms["overestimation"].append(abs(max(0.0, g) - max(0.0, h)))
        for key, values in terms.items():
            found[key].append(mean(values))
        means = [mean([y for user, _, y, _ in rows if group_of[user] == name]) for name in (a, b)]
        found["nonparity"].append(abs(means[0] - means[1]))
    result = {}
    for key, values in found.items():
        known = [value for value in values if not math.isnan(value)]
        result[f"{key}_unfairness"] = max(known) if known else NAN
    return result


def kolmogorov_smirnov(a: Sequence[float], b: Sequence[float]) -> float:
    def below(values: Sequence[float], limit: float) -> float:
        return sum(value <= limit for value in values) / len(values)

    return max(abs(below(a, limit) - below(b, limit)) for limit in [*a, *b])


def jaccard(a: Sequence[int], b: Sequence[int]) -> float:
    return divide(len(set(a) & set(b)), len(set(a) | set(b)))


def serp(a: Sequence[int], b: Sequence[int]) -> float:
    k = max(len(a), len(b))
    return divide(sum(k - rank + 1 for rank, item in enumerate(a, start=1) if item in b), sum(range(1, k + 1)))


def rbo(a: Sequence[int], b: Sequence[int], p: float = 0.9) -> float:
    depths = range(1, max(len(a), len(b)) + 1)
    overlap = [len(set(a[:d]) & set(b[:d])) / d * p ** (d - 1) for d in depths]
    return divide(sum(overlap), sum(p ** (d - 1) for d in depths))


def prag(a: Sequence[int], b: Sequence[int]) -> float:
    if not a and not b:
        return NAN
    if len(a) <= 1:
        return float(list(a) == list(b))
    agreed = pairs = 0
    for first, second in combinations(a, 2):
        pairs += 1
        if first in b:
            agreed += second not in b or b.index(first) < b.index(second)
    return agreed / pairs


def auc(positive: Sequence[float], negative: Sequence[float]) -> float:
    right = sum(1.0 if p > q else 0.5 if p == q else 0.0 for p in positive for q in negative)
    return divide(right, len(positive) * len(negative))
