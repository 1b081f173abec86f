"""The best lists of all users under conditions on group sums, as a linear programme over ranking policies.

A policy of user u is a doubly-stochastic matrix (candidate × place, P[i, p] the probability that i stands at place p).
Objective and conditions of `user_parity`, `cp_fair` and `exposure_parity` are linear in it, and tie users together only
through group means of utility U_g and group shares of exposure E_h. So the programme over n · c · k variables splits
(Dantzig & Wolfe 1960): a master programme in a handful of rows mixes *plans* (one list for everybody), and a new plan
for given prices of U_g and E_h is one sort per user by score + a_g · gain + b_h, which is the optimal vertex because
discounts fall with the place. Plans are added until none would improve the mixture. At the end each user's policy is a
mixture of few permutations, which is its Birkhoff–von Neumann decomposition; the number of them is at most the number
of conditions plus one. Everybody gets one list of it: users in the order of a hash take plans in proportion.

Instances of at most EXACT_CELLS variables are solved over whole lists instead (HiGHS), where a mixture cannot be shared
out.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.optimize import Bounds, LinearConstraint, linprog, milp

from fairdash.hashing import mix
from fairdash.metrics.accuracy import discounts
from fairdash.mitigation.reranking.method import best_positions, blocks
from fairdash.schema import Codes, Floats

Numbers = NDArray[np.float64]
EXACT_CELLS = 1_000
ROUNDS = 60  # plans are added at most so often; a few suffice
TOLERANCE = 1e-6  # of the objective, whose range is 0…1
LEAST = 1e-3  # weight that the scores keep at full strength, so that ties in fairness go to the better list


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
    plans: list[Plan] = field(default_factory=list)

    def __post_init__(self) -> None:
        n, c = self.valid.shape
        self.length = min(self.k, c)
        self.discount = discounts(self.length)
        self.size = np.bincount(self.user_block, minlength=self.n_blocks).astype(np.float64)
        self.share = self.size / max(n, 1)
        self.total = float(self.discount.sum())
        self.turn = np.argsort(mix(self.seed, np.arange(n, dtype=np.uint64)), kind="stable")
        self.identity = self.plan(np.zeros(self.n_blocks), np.zeros(self.n_groups))

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
        quality, gain = np.zeros(self.n_blocks), np.zeros(self.n_blocks)
        shown = np.zeros((self.n_blocks, self.n_groups + 1))
        for part in blocks(*self.valid.shape):
            best = self.lists(part, score, utility, exposure)
            weight = np.where(best >= 0, self.discount, 0.0)
            at = np.maximum(best, 0)
            block = self.user_block[part]
            took = np.take_along_axis
            quality += np.bincount(block, (weight * took(self.scores[part], at, 1)).sum(1), minlength=self.n_blocks)
            gain += np.bincount(block, (weight * took(self.gains[part], at, 1)).sum(1), minlength=self.n_blocks)
            if self.n_groups:
                cell = block[:, None] * (self.n_groups + 1) + took(self.item_group[part], at, 1) + 1
                shown += np.bincount(cell.ravel(), weight.ravel(), minlength=shown.size).reshape(shown.shape)
        per_user = np.maximum(self.size, 1) * self.total
        return Plan(score, utility, exposure, quality / per_user, gain / per_user, shown[:, 1:] / per_user[:, None])

    def mixture(self, conditions: Conditions) -> tuple[Numbers, float]:
        """Weights [plans, blocks] of the optimal policy (columns sum to 1), and its value. Adds the plans it needs."""
        used = np.flatnonzero(self.size)
        if not self.plans:
            self.plans.append(self.identity)
        weights = np.zeros((1, self.n_blocks))
        value = -np.inf
        for _ in range(ROUNDS):
            weights, value, row_price, block_price = self._master(conditions, used)
            utility = -(row_price @ conditions.on_utility) / np.maximum(self.share, 1e-12)
            exposure = -(row_price @ conditions.on_exposure)
            new = self.plan(utility, exposure, conditions.weight)
            worth = self.share * (conditions.weight * new.quality + utility * new.gain + new.shown @ exposure)
            if (worth - block_price)[used].sum() <= TOLERANCE:
                break
            self.plans.append(new)
        return weights, value

    def _master(self, conditions: Conditions, used: NDArray[np.intp]) -> tuple[Numbers, float, Numbers, Numbers]:
        """Solve over the plans so far: weights, value, prices ≥ 0 of the rows, price of each block."""
        quality = np.stack([plan.quality for plan in self.plans])[:, used]  # [plans, used]
        gain = np.stack([plan.gain for plan in self.plans])[:, used]
        shown = np.stack([plan.shown for plan in self.plans])[:, used]  # [plans, used, groups]
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
        return weights, -float(found.fun), -found.ineqlin.marginals, block_price

    def share_out(self, weights: Numbers) -> NDArray[np.intp]:
        """One list for everybody: positions [n, length]; of each block, users in the order of a hash take the plans in
        proportion to their weights."""
        chosen = np.zeros(len(self.user_block), dtype=np.intp)
        for block in np.flatnonzero(self.size):
            members = self.turn[self.user_block[self.turn] == block]
            edges = np.cumsum(weights[:, block]) / weights[:, block].sum()
            chosen[members] = np.searchsorted(edges, (np.arange(len(members)) + 0.5) / len(members))
        result = np.full((len(chosen), self.length), -1, dtype=np.intp)
        for index in np.unique(chosen):
            plan, members = self.plans[index], np.flatnonzero(chosen == index)
            for part in blocks(len(members), self.valid.shape[1]):
                rows = members[part]
                result[rows] = self.lists(rows, plan.score, plan.utility, plan.exposure)
        return result

    def best(self, conditions: Conditions) -> NDArray[np.intp]:
        """Positions [n, length] of the optimal lists under the conditions."""
        if self.valid.size * self.length <= EXACT_CELLS:
            exact = self.exact(conditions)
            if exact is not None:
                return exact
        return self.share_out(self.mixture(conditions)[0])

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
        per_item = sparse.hstack([sparse.csr_array((np.ones(len(user)), (cell, count))), free[0]])
        per_place = sparse.hstack([sparse.csr_array((np.ones(len(user)), (at, count))), free[1]])
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
            options={"mip_rel_gap": 0.0, "node_limit": 20_000},
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
