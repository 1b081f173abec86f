"""What `bert_sequence` reads in training: histories cut into windows, and ratings as token types.

Shapes: b people in a batch, n positions.

Padded batches of windows in any order take 2.0 times the processor time an item at MovieLens-100K's size, and 1.3 times
at MovieLens-1M's (`python -m tests.bench.sequence_parts`).
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from fairdash.recommenders.bert_sequence import MIN_STEPS, SequenceOptions, learns
from fairdash.recommenders.bert_sequence.network import TYPES
from fairdash.recommenders.training import Batch
from fairdash.schema import Floats, TrainingData


class SequenceBatches:
    """Windows of at most `length` items of all histories. A longer history is cut at a new random phase every epoch,
    so that each of its items is a target once an epoch and stands at every position in turn. What a person did at one
    time has no order: it is drawn anew every epoch. Windows of like length share a batch of about batch × length
    positions, or of fewer where that would make too few steps."""

    def __init__(
        self,
        data: TrainingData,
        options: SequenceOptions,
        types: NDArray[np.int64],  # [len(train)] token types of the ratings
        profile: NDArray[np.int64],  # [n_users] rows of the profile texts
        twins: Sequence[NDArray[np.int64]],  # rows of the texts with the attribute exchanged, [n_users] each
        seed: int,
    ) -> None:
        self.data, self.options, self.types, self.profile, self.twins = data, options, types, profile, twins
        self.seed = seed
        train = data.train
        self.starts = train.starts(data.n_users)
        self.weight = data.row_weight if data.row_weight is not None else np.ones(len(train), np.float32)
        self.liked = np.ones(len(train), bool)
        if data.relevance_threshold is not None:
            self.liked = train.rating >= data.relevance_threshold
        self.tied = bool(((train.user[1:] == train.user[:-1]) & (train.time[1:] == train.time[:-1])).any())
        repeats = data.user_repeats if data.user_repeats is not None else np.ones(data.n_users, np.int32)
        counts = np.diff(self.starts)
        self.people = np.repeat(np.arange(data.n_users), np.where(counts > 0, repeats, 0))
        tokens = int((counts[self.people] + 1).sum() * (1.0 + (data.swap_share if twins else 0.0)))
        steps = round(tokens / (options.batch * (options.length + 1)))
        self.n_batches = min(max(steps, min(MIN_STEPS, len(self.people) // 8), 1), len(self.people))
        self.set_epoch(0)

    def __len__(self) -> int:
        return self.n_batches

    def set_epoch(self, epoch: int) -> None:
        """See `Batches`."""
        self.epoch = epoch
        rng = np.random.default_rng([self.seed, epoch])
        train = self.data.train
        self.order = np.arange(len(train))  # the row that stands at each place of the histories
        if self.tied:
            self.order = np.lexsort((rng.random(len(train)), train.time, train.user))
        # the place of the next liked interaction at or behind each; len(train) where there is none
        following = np.append(np.where(self.liked[self.order], np.arange(len(train)), len(train)), len(train))
        self.next_liked = np.minimum.accumulate(following[::-1])[::-1] if self.liked.any() else None
        people, twin = self.people, np.full(len(self.people), -1)
        if self.twins:
            chosen = np.flatnonzero(rng.random(len(people)) < self.data.swap_share)
            twin = np.concatenate([twin, rng.integers(0, len(self.twins), len(chosen))])
            people = np.concatenate([people, people[chosen]])
        count, length = np.diff(self.starts)[people], self.options.length
        phase = np.where(count > length, rng.integers(1, length + 1, len(people)), np.minimum(count, length))
        pieces = 1 + -(-(count - phase) // length)
        row = np.repeat(np.arange(len(people)), pieces)
        piece = np.arange(len(row)) - np.repeat(np.cumsum(pieces) - pieces, pieces)
        self.first = np.where(piece == 0, 0, phase[row] + (piece - 1) * length)  # place in the person's history
        stop = np.minimum(phase[row] + piece * length, count[row])
        self.size = stop - self.first
        self.user, self.twin = people[row], twin[row]
        order = rng.permutation(len(row))
        # windows are sorted by length within 16 batches, up and down in turn: neighbours are alike across blocks too
        block = np.arange(len(row)) // max(1, 16 * len(row) // self.n_batches)
        order = order[np.lexsort((np.where(block % 2, -1, 1) * self.size[order], block))]
        cumulated = np.concatenate([[0], np.cumsum(self.size[order] + 1)])
        cuts = np.searchsorted(cumulated, np.linspace(0, cumulated[-1], self.n_batches + 1))
        low = np.arange(self.n_batches + 1)
        cuts = np.minimum(np.maximum.accumulate(cuts - low) + low, len(order) - low[::-1])  # no batch is empty
        cuts[0] = 0
        parts = [order[a:b] for a, b in itertools.pairwise(cuts)]
        self.parts = [parts[i] for i in rng.permutation(self.n_batches)]

    def batch(self, index: int) -> Batch:
        """See `Batches`."""
        rng = np.random.default_rng([self.seed, self.epoch, index])
        part = self.parts[index]
        user, first, size = self.user[part], self.first[part], self.size[part]
        train = self.data.train
        place = np.arange(int(size.max()))[None]  # [1, n - 1]
        real = place < size[:, None]
        at = np.where(real, self.starts[user][:, None] + first[:, None] + place, 0)  # places in the histories
        items = np.where(real, train.item[self.order[at]], -1).astype(np.int64)
        types = np.where(real, self.types[self.order[at]], 0)
        end = self.starts[user + 1][:, None]  # behind the person's last interaction
        if self.options.objective == "causal":
            goal = self._liked(at, rng)
            asked = real & (goal < end)
        else:
            goal = at
            asked = real & ((rng.random(at.shape) < self.options.mask_share) | (place == size[:, None] - 1))
        asked[np.arange(len(part)), size - 1] = True  # every sample has a user vector with a target
        goal = self.order[np.where(asked, np.minimum(goal, end - 1), 0)]
        side = ((0, 0), (0, 1) if self.options.objective == "causal" else (1, 0))
        targets = np.pad(np.where(asked, train.item[goal], -1), side, constant_values=-1)
        weights = np.pad(np.where(asked, self.weight[goal], 0.0), side)
        profile = self.profile[user]
        twin = self.twin[part]
        for i, texts in enumerate(self.twins):
            profile = np.where(twin == i, texts[user], profile)
        rated = {}
        if learns(self.options, "rating"):  # the item itself, liked or not: nothing takes its place
            judging = asked if self.options.objective == "masked" else real
            rows = self.order[at]
            rated = {
                "judged": np.pad(np.where(judging, items, -1), side, constant_values=-1),
                "liked": np.pad(self.liked[rows] & judging, side).astype(np.float32),
                "judged_weights": np.pad(np.where(judging, self.weight[rows], 0.0), side).astype(np.float32),
            }
        return {
            **{name: torch.from_numpy(array) for name, array in rated.items()},
            "users": torch.from_numpy(user.astype(np.int64)),
            "items": torch.from_numpy(items),
            "types": torch.from_numpy(types),
            "targets": torch.from_numpy(targets.astype(np.int64)),
            "weights": torch.from_numpy(weights.astype(np.float32)),
            "profile": torch.from_numpy(profile.astype(np.int64)),
        }

    def _liked(self, goal: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int64]:
        """The places to predict: of those that were disliked a share of `dislikes` stays, the others give way to the
        next liked one, which may be another person's where there is none."""
        if self.next_liked is None or self.options.dislikes == 1.0:
            return goal
        kept = rng.random(goal.shape) < self.options.dislikes
        return np.where(kept, goal, self.next_liked[goal])


def rating_levels(rating: Floats) -> NDArray[np.float32]:
    """Upper edges that cut ratings into at most 7 levels: their own values where they are few, quantiles otherwise.
    Empty where all ratings are equal (implicit data)."""
    values = np.unique(rating)
    if len(values) < 2:
        return np.zeros(0, np.float32)
    if len(values) > TYPES - 1:
        values = np.unique(np.quantile(rating, np.linspace(0, 1, TYPES)[1:]))
    return values[:-1].astype(np.float32)


def rating_types(rating: Floats, levels: NDArray[np.float32]) -> NDArray[np.int64]:
    """Token type of each rating: 1 for the lowest level; 0 everywhere where there are no levels."""
    return np.searchsorted(levels, rating, side="left") + 1 if len(levels) else np.zeros(rating.shape, np.int64)
