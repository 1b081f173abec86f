"""The best lists of all users under conditions on group sums, as a linear programme over ranking policies.

A policy of user u is a doubly-stochastic matrix (candidate × place, P[i, p] the probability that i stands at place p).
Objective and conditions of `user_parity`, `cp_fair` and `exposure_parity` are linear in it, and tie users together only
through group means of utility U_g and group shares of exposure E_h. So the programme over n · c · k variables splits
(Dantzig & Wolfe 1960): a master programme in a handful of rows mixes *plans* (one list for everybody), and a new plan
for given prices of U_g and E_h is one sort per user by score + a_g · gain + b_h, which is the optimal vertex because
discounts fall with the place. Plans are added until none would improve the mixture. At the end each user's policy is a
mixture of few permutations, which is its Birkhoff–von Neumann decomposition; the number of them is at most the number
of conditions plus one. Everybody gets one list of it (`share_out`).

Instances of at most EXACT_CELLS variables, where a mixture cannot be shared out, are given to HiGHS as well, over whole
lists; the better answer counts.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.optimize import Bounds, LinearConstraint, linprog, milp

from fairdash import words
from fairdash.errors import ConfigError
from fairdash.hashing import mix
from fairdash.metrics.accuracy import discounts
from fairdash.mitigation.base import Info
from fairdash.mitigation.reranking.method import best_positions, blocks
from fairdash.schema import Codes, Floats

Numbers = NDArray[np.float64]
EXACT_CELLS = 320
WORK = 400_000  # nodes of branch and bound × variables, so that an instance takes seconds at most
ROUNDS = 60  # plans are added at most so often; a few suffice
TOLERANCE = 1e-6  # of the objective, whose range is 0…1
LEAST_WEIGHT = 1e-9
GOLDEN = (5**0.5 - 1) / 2  # its multiples fill 0…1 evenly at any length
LEARN = (0.25, 0.5, 0.75, 1.0)  # strengths whose plans every mixture starts from
MAX_ITEM_GROUPS = 50  # each is a condition of its own; with hundreds, plans are added for hours
LEAST = 1e-3  # weight that the scores keep at full strength, so that ties in fairness go to the better list


def check_item_groups(info: Info, item_group: Codes) -> None:
    """Raises ConfigError where candidates are of too many groups for a programme. item_group: [n, c], -1 for none."""
    n_groups = len(np.unique(item_group[item_group >= 0]))
    if n_groups > MAX_ITEM_GROUPS:
        raise ConfigError(
            words.say(
                "{key}: the candidates are of {n_groups} groups of items; at most {max_item_groups} can be balanced.",
                key=info.key,
                n_groups=n_groups,
                max_item_groups=MAX_ITEM_GROUPS,
            ),
            "Choose p_mmf or fair_rec, which are made for many providers, or merge groups of items.",
        )


@dataclass(frozen=True, eq=False)
class Conditions:
    """weight · Q − cost · z is maximised under  on_utility · U + on_exposure · E + on_free · z ≤ limit.

    Q: mean list score (0…1). U: [blocks] mean utility of each user block. E: [item groups] share of all exposure.
    z: [free] further variables of the programme, within `low`…∞.
    """

    weight: float
    on_utility: Numbers  # [rows, blocks]
    on_exposure: Numbers  # [rows, item groups]
    on_free: Numbers  # [rows, free]
    limit: Numbers  # [rows]
    cost: Numbers  # [free]
    low: Numbers  # [free]


@dataclass(eq=False)
class Programme:
    """scores, gains: [n, c]; valid: [n, c]; user_block: [n] in 0…n_blocks-1; item_group: [n, c], -1 for none."""

    scores: Floats
    gains: Floats
    valid: NDArray[np.bool_]
    k: int
    user_block: NDArray[np.intp]
    n_blocks: int
    item_group: Codes
    n_groups: int
    seed: int = 0

    def __post_init__(self) -> None:
        n, c = self.valid.shape
        self.length = min(self.k, c)
        self.discount = discounts(self.length)
        self.size = np.bincount(self.user_block, minlength=self.n_blocks).astype(np.float64)
        self.share = self.size / max(n, 1)
        self.total = float(self.discount.sum())
        self.turn = np.argsort(mix(self.seed, np.arange(n, dtype=np.uint64)), kind="stable")
        self.identity = self.plan(np.zeros(self.n_blocks), np.zeros(self.n_groups))
        self.base = [self.identity]

    def lists(
        self, rows: slice | NDArray[np.intp], score: float, utility: Numbers, exposure: Numbers
    ) -> NDArray[np.intp]:
        """Best positions [rows, length] of these users by score · s + utility[block] · gain + exposure[group]."""
        value = score * self.scores[rows] + utility[self.user_block[rows], None].astype(np.float32) * self.gains[rows]
        if self.n_groups:
            value += np.append(exposure, 0.0).astype(np.float32)[self.item_group[rows]]
        return best_positions(value, self.valid[rows], self.length)

    def plan(self, utility: Numbers, exposure: Numbers, score: float = 1.0) -> Plan:
        """The plan at these prices, with what it gives each block."""
        parts = blocks(*self.valid.shape)
        positions = np.concatenate([self.lists(part, score, utility, exposure) for part in parts])
        return self._given(positions, score, utility, exposure)

    def _given(self, positions: NDArray[np.intp], score: float, utility: Numbers, exposure: Numbers) -> Plan:
        """A plan whose lists are at hand."""
        weight = np.where(positions >= 0, self.discount, 0.0)
        at = np.maximum(positions, 0)
        block, n_blocks = self.user_block, self.n_blocks
        quality = np.bincount(block, (weight * np.take_along_axis(self.scores, at, 1)).sum(1), minlength=n_blocks)
        gain = np.bincount(block, (weight * np.take_along_axis(self.gains, at, 1)).sum(1), minlength=n_blocks)
        per_user = np.maximum(self.size, 1) * self.total
        shown = np.zeros((n_blocks, self.n_groups))
        if self.n_groups:
            cell = block[:, None] * (self.n_groups + 1) + np.take_along_axis(self.item_group, at, 1) + 1
            counted = np.bincount(cell.ravel(), weight.ravel(), minlength=n_blocks * (self.n_groups + 1))
            shown = counted.reshape(n_blocks, -1)[:, 1:] / per_user[:, None]
        return Plan(score, utility, exposure, quality / per_user, gain / per_user, shown)

    def learn(self, situations: Iterable[Conditions]) -> None:
        """Start every later mixture from the plans that these need, so that each takes few new ones. What a mixture
        finds is not kept: an answer must not depend on what was asked before it."""
        for conditions in situations:
            self.base = self.mixture(conditions).plans

    def mixture(self, conditions: Conditions) -> Mixture:
        """The optimal policy: plans and their weights in each block."""
        used = np.flatnonzero(self.size)
        plans = list(self.base)
        for _ in range(ROUNDS):
            mixture, row_price, block_price = self._master(plans, conditions, used)
            utility = -(row_price @ conditions.on_utility) / np.maximum(self.share, 1e-12)
            exposure = -(row_price @ conditions.on_exposure)
            new = self.plan(utility, exposure, conditions.weight)
            worth = self.share * (conditions.weight * new.quality + utility * new.gain + new.shown @ exposure)
            if (worth - block_price)[used].sum() <= TOLERANCE:
                break
            plans.append(new)
        return replace(mixture, utility=utility, exposure=exposure)

    def _master(
        self, plans: list[Plan], conditions: Conditions, used: NDArray[np.intp]
    ) -> tuple[Mixture, Numbers, Numbers]:
        """Solve over these plans: the mixture, prices ≥ 0 of the rows, price of each block."""
        quality = np.stack([plan.quality for plan in plans])[:, used]  # [plans, used]
        gain = np.stack([plan.gain for plan in plans])[:, used]
        shown = np.stack([plan.shown for plan in plans])[:, used]  # [plans, used, groups]
        n_plans, n_used = quality.shape
        share = self.share[used]
        rows = conditions.on_utility[:, used][:, None, :] * gain + np.einsum(
            "rh,pbh->rpb", conditions.on_exposure, shown * share[None, :, None]
        )
        a_ub = np.hstack([rows.reshape(len(conditions.limit), n_plans * n_used), conditions.on_free])
        a_eq = np.hstack([np.tile(np.eye(n_used), n_plans), np.zeros((n_used, len(conditions.cost)))])
        cost = np.concatenate([-(conditions.weight * quality * share).ravel(), conditions.cost])
        bounds = [(0.0, None)] * (n_plans * n_used) + [(low, None) for low in conditions.low]
        found = linprog(cost, a_ub, conditions.limit, a_eq, np.ones(n_used), bounds, method="highs")
        if found.status != 0:
            raise RuntimeError(f"the master programme was not solved: {found.message}")
        weights = np.zeros((n_plans, self.n_blocks))
        weights[:, used] = found.x[: n_plans * n_used].reshape(n_plans, n_used)
        block_price = np.zeros(self.n_blocks)
        block_price[used] = -found.eqlin.marginals
        mixture = Mixture(plans, weights, -float(found.fun), np.zeros(self.n_blocks), np.zeros(self.n_groups))
        return mixture, -found.ineqlin.marginals, block_price

    def share_out(self, mixture: Mixture) -> NDArray[np.intp]:
        """One list for everybody: positions [n, length]. In each block the plans are dealt out in proportion to their
        weights, to users in the order of what the choice between the two main plans moves, so that group sums come out
        as the mixture has them; users who are alike take turns."""
        result = np.full((len(self.user_block), self.length), -1, dtype=np.intp)
        for block in np.flatnonzero(self.size):
            weights = mixture.weights[:, block] / mixture.weights[:, block].sum()
            used = np.flatnonzero(weights > LEAST_WEIGHT)
            used = used[np.argsort(-weights[used], kind="stable")]
            members = self.turn[self.user_block[self.turn] == block]
            options = [self._of_plan(mixture.plans[j], members) for j in used]
            if len(used) > 1:
                moved = self._priced(mixture, members, options[0]) - self._priced(mixture, members, options[1])
                place = np.empty(len(members))
                place[np.argsort(moved, kind="stable")] = np.arange(1, len(members) + 1)
                edges = np.cumsum(weights[used]) / weights[used].sum()
                dealt = np.minimum(np.searchsorted(edges, (place * GOLDEN) % 1.0), len(used) - 1)
            else:
                dealt = np.zeros(len(members), dtype=np.intp)
            for j, lists in enumerate(options):
                result[members[dealt == j]] = lists[dealt == j]
        return result

    def _of_plan(self, plan: Plan, members: NDArray[np.intp]) -> NDArray[np.intp]:
        parts = blocks(len(members), self.valid.shape[1])
        return np.concatenate([self.lists(members[p], plan.score, plan.utility, plan.exposure) for p in parts])

    def _priced(self, mixture: Mixture, members: NDArray[np.intp], positions: NDArray[np.intp]) -> Numbers:
        """What each member's list adds to the conditions, at the mixture's prices [members]."""
        at, rows = np.maximum(positions, 0), members[:, None]
        price = np.append(mixture.exposure, 0.0)[self.item_group[rows, at]]
        worth = mixture.utility[self.user_block[rows]] * self.gains[rows, at] + price
        return np.asarray((np.where(positions >= 0, self.discount, 0.0) * worth).sum(axis=1))

    def best(self, conditions: Conditions) -> NDArray[np.intp]:
        """Positions [n, length] of the best lists found under the conditions: proven optimal where HiGHS finishes, else
        the optimal policy shared out."""
        lists = self.share_out(self.mixture(conditions))
        if self.valid.size * self.length > EXACT_CELLS:
            return lists
        exact = self.exact(conditions)
        if exact is None or self.value(conditions, exact) < self.value(conditions, lists):
            return lists
        return exact

    def value(self, conditions: Conditions, positions: NDArray[np.intp]) -> float:
        """Value of the programme at lists that are nobody's mixture."""
        given = self._given(positions, 0.0, np.zeros(self.n_blocks), np.zeros(self.n_groups))
        room = (
            conditions.limit - conditions.on_utility @ given.gain - conditions.on_exposure @ (self.share @ given.shown)
        )
        bounds = [(low, None) for low in conditions.low]
        paid = linprog(conditions.cost, conditions.on_free, room + 1e-12, bounds=bounds, method="highs")
        return float(conditions.weight * self.share @ given.quality - paid.fun)

    def exact(self, conditions: Conditions) -> NDArray[np.intp] | None:
        """The optimal lists where nobody's list is mixed, by HiGHS; None when it finds none."""
        n, c = self.valid.shape
        length = np.minimum(self.valid.sum(axis=1), self.length)
        user, item, place = (axis.ravel() for axis in np.indices((n, c, self.length)))
        keep = self.valid[user, item] & (place < length[user])
        user, item, place = user[keep], item[keep], place[keep]
        worth = self.discount[place] / self.total
        block = self.user_block[user]
        quality = worth * self.scores[user, item] / n
        gain = worth * self.gains[user, item] / self.size[block]
        group = self.item_group[user, item]
        rows = conditions.on_utility[:, block] * gain + (
            np.hstack([conditions.on_exposure, np.zeros((len(conditions.limit), 1))])[:, group] * worth / n
        )
        n_free = len(conditions.cost)
        once, cell = np.unique(user * c + item, return_inverse=True)
        seat, at = np.unique(user * self.length + place, return_inverse=True)
        count = np.arange(len(user))
        free = [sparse.csr_array((size, n_free)) for size in (len(once), len(seat))]
        per_item = sparse.hstack(
            [sparse.csr_array((np.ones(len(user)), (cell, count)), shape=(len(once), len(user))), free[0]]
        )
        per_place = sparse.hstack(
            [sparse.csr_array((np.ones(len(user)), (at, count)), shape=(len(seat), len(user))), free[1]]
        )
        found = milp(
            np.concatenate([-conditions.weight * quality, conditions.cost]),
            integrality=np.concatenate([np.ones(len(user)), np.zeros(n_free)]),
            bounds=Bounds(
                np.concatenate([np.zeros(len(user)), conditions.low]), np.append(np.ones(len(user)), [np.inf] * n_free)
            ),
            constraints=[
                LinearConstraint(np.hstack([rows, conditions.on_free]), -np.inf, conditions.limit),
                LinearConstraint(per_item, -np.inf, 1.0),
                LinearConstraint(per_place, 1.0, 1.0),
            ],
            options={"mip_rel_gap": 0.0, "node_limit": max(WORK // len(user), 1)},
        )
        if found.x is None:
            return None
        on = found.x[: len(user)] > 0.5
        chosen = np.full((n, self.length), -1, dtype=np.intp)
        chosen[user[on], place[on]] = item[on]
        return chosen


@dataclass(frozen=True, eq=False)
class Plan:
    """One list for everybody, at prices: score · s + utility[block] · gain + exposure[item group]; and what it gives.

    quality, gain: [blocks] mean discounted score and gain, of 0…1. shown: [blocks, groups] share of exposure."""

    score: float
    utility: Numbers
    exposure: Numbers
    quality: Numbers
    gain: Numbers
    shown: Numbers


@dataclass(frozen=True, eq=False)
class Mixture:
    """A policy: everybody of block b gets plans[j] with probability weights[j, b] [plans, blocks]. value: of the
    programme at this policy; utility, exposure: prices of U_g and E_h at it [blocks], [groups]."""

    plans: list[Plan]
    weights: Numbers
    value: float
    utility: Numbers
    exposure: Numbers
