"""`ncf`: neural collaborative filtering, He, Liao, Zhang, Nie, Hu & Chua 2017 (NeuMF), as a baseline.

Shapes: b interactions of a batch, n drawn items for each, f factors, m items.

A person and an item each have two learned vectors. The product of the first two (generalised matrix factorisation, f)
and a tower of linear layers over the other two (4f → 2f → f) go side by side into one logit. Binary cross-entropy;
items drawn evenly among those that the person has not had are the negatives, new ones every epoch.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional

from fairdash.progress import Progress
from fairdash.recommenders import calibration, store
from fairdash.recommenders.calibration import Calibration
from fairdash.recommenders.device import Device, choose
from fairdash.recommenders.ncf import NcfOptions
from fairdash.recommenders.options import parse
from fairdash.recommenders.training import Batch, Output, Validation, train
from fairdash.schema import Codes, Floats, Interactions, TrainingData

PAIRS = 1 << 18  # pairs scored at once


class NeuMF(nn.Module):
    """A user vector [3f] is the person's factors [f] and the person's part of the tower's input [2f]."""

    def __init__(self, n_users: int, n_items: int, factors: int) -> None:
        super().__init__()
        f = self.factors = factors
        self.users = nn.Embedding(n_users, 3 * f)
        self.items = nn.Embedding(n_items, 3 * f)
        self.first = nn.Linear(4 * f, 2 * f)
        self.second = nn.Linear(2 * f, f)
        self.out = nn.Linear(2 * f, 1)
        for table in (self.users, self.items):
            nn.init.normal_(table.weight, std=0.01)
        for layer in (self.first, self.second, self.out):
            nn.init.xavier_uniform_(layer.weight)
            nn.init.zeros_(layer.bias)

    def logits(self, users: torch.Tensor, items: torch.Tensor) -> torch.Tensor:
        """[…] from user vectors and item vectors […, 3f] that broadcast against each other."""
        f = self.factors
        product = users[..., :f] * items[..., :f]
        # the first layer of the tower is a sum of a person's and an item's part, so each is computed once
        person = functional.linear(users[..., f:], self.first.weight[:, : 2 * f], self.first.bias)
        thing = functional.linear(items[..., f:], self.first.weight[:, 2 * f :])
        tower = torch.relu(self.second(torch.relu(person + thing)))
        result: torch.Tensor = self.out(torch.cat([product.expand_as(tower), tower], dim=-1))[..., 0].float()
        return result

    def forward(
        self,
        users: torch.Tensor,  # int64 [b]
        items: torch.Tensor,  # int64 [b, 1 + n], the interaction's own item first
        labels: torch.Tensor,  # float32 [b, 1 + n]
        weights: torch.Tensor,  # float32 [b]
    ) -> Output:
        """The loss of a batch, with what terms of the loss look at."""
        vectors = self.users(users)  # [b, 3f]
        logits = self.logits(vectors[:, None], self.items(items))  # [b, 1 + n]
        loss = functional.binary_cross_entropy_with_logits(logits, labels, reduction="none")
        each = items.shape[1]
        return Output(
            loss=(loss.mean(1) * weights).sum() / weights.sum().clamp(min=1e-6),
            users=users.repeat_interleave(each),
            vectors=vectors.repeat_interleave(each, dim=0),
            sample_loss=loss.flatten(),
            probability=torch.sigmoid(logits).flatten(),
            label=labels.flatten(),
            items=items.flatten(),
            weight=weights.repeat_interleave(each),
        )


class NcfBatches:
    """Training interactions in a new order every epoch, each with its drawn items."""

    def __init__(self, data: TrainingData, options: NcfOptions, seed: int) -> None:
        self.data, self.options, self.seed = data, options, seed
        train = data.train
        self.known = np.unique(train.user.astype(np.int64) * data.n_items + train.item)
        self.label = np.ones(len(train), np.float32)
        if options.positives == "liked" and data.relevance_threshold is not None:
            self.label = (train.rating >= data.relevance_threshold).astype(np.float32)
        self.weight = data.row_weight if data.row_weight is not None else np.ones(len(train), np.float32)
        times = data.user_repeats[train.user] if data.user_repeats is not None else np.ones(len(train), np.int32)
        self.rows = np.repeat(np.arange(len(train)), times)
        self.set_epoch(0)

    def __len__(self) -> int:
        return max(1, -(-len(self.rows) // self.options.batch))

    def set_epoch(self, epoch: int) -> None:
        """See `Batches`."""
        self.epoch = epoch
        self.order = np.random.default_rng([self.seed, epoch]).permutation(self.rows)

    def batch(self, index: int) -> Batch:
        """See `Batches`."""
        rng = np.random.default_rng([self.seed, self.epoch, index])
        rows = self.order[index * self.options.batch : (index + 1) * self.options.batch]
        user, n_items = self.data.train.user[rows].astype(np.int64), self.data.n_items
        drawn = rng.integers(0, n_items, (len(rows), self.options.negatives))
        for _ in range(10):  # who has had nearly everything keeps a few negatives that are none
            had = self._had(user[:, None] * n_items + drawn)
            if not had.any():
                break
            drawn[had] = rng.integers(0, n_items, int(had.sum()))
        labels = np.zeros((len(rows), 1 + drawn.shape[1]), np.float32)
        labels[:, 0] = self.label[rows]
        return {
            "users": torch.from_numpy(user),
            "items": torch.from_numpy(np.column_stack([self.data.train.item[rows], drawn]).astype(np.int64)),
            "labels": torch.from_numpy(labels),
            "weights": torch.from_numpy(self.weight[rows]),
        }

    def _had(self, keys: NDArray[np.int64]) -> NDArray[np.bool_]:
        place = np.searchsorted(self.known, keys).clip(max=len(self.known) - 1)
        had: NDArray[np.bool_] = self.known[place] == keys
        return had


class FittedNcf:
    """A trained `ncf`. It knows people by their ids alone: `history` changes nothing."""

    name = "ncf"

    def __init__(self, options: NcfOptions, model: NeuMF, device: Device, calibrated: Calibration) -> None:
        self.options, self.model, self.device, self.calibration = options, model, device, calibrated

    def score(self, users: Codes, history: Interactions) -> Floats:
        """Scores of the whole catalogue [n, n_items]; see `Fitted`."""
        return self.score_vectors(self.user_vectors(users, history))

    def user_vectors(self, users: Codes, history: Interactions) -> Floats:
        """Vectors of people [n, d]; see `Fitted`."""
        vectors: Floats = self.model.users.weight.detach()[torch.from_numpy(users.astype(np.int64))].cpu().numpy()
        return vectors

    def score_vectors(self, vectors: Floats) -> Floats:
        """Scores [n, n_items] of people's vectors [n, d]; see `Fitted`."""
        items = self.model.items.weight.detach()
        left = torch.from_numpy(np.ascontiguousarray(vectors, np.float32)).to(self.device.torch)
        step = max(1, PAIRS // len(items))
        with torch.inference_mode():
            parts = [self.model.logits(part[:, None], items[None]) for part in torch.split(left, step)]
            scores: Floats = torch.cat(parts).cpu().numpy() if parts else np.empty((0, len(items)), np.float32)
        return scores

    def probability(self, users: Codes, items: Codes, history: Interactions) -> Floats:
        """Where `positives` are liked items: P(the person likes the item, should they take it), else P(the person takes
        it), calibrated on validation."""
        return self.calibration.probability(self.pair_logits(users, items))

    def pair_logits(self, users: Codes, items: Codes) -> Floats:
        """Logits [n] of the pairs (users[i], items[i])."""
        with torch.inference_mode():
            left = self.model.users.weight[torch.from_numpy(users.astype(np.int64))]
            right = self.model.items.weight[torch.from_numpy(items.astype(np.int64))]
            result: Floats = self.model.logits(left, right).cpu().numpy()
        return result

    def save(self, folder: Path) -> None:
        """Weights and options into an existing folder; see `Fitted`."""
        arrays = {name: value.cpu().numpy() for name, value in self.model.state_dict().items()}
        manifest = {
            "name": self.name,
            "options": dataclasses.asdict(self.options),
            "calibration": self.calibration.to_json(),
        }
        store.write(folder, manifest, arrays)


class Ncf:
    """The recommender to be trained; see the module's head."""

    name = "ncf"

    def __init__(self, config: NcfOptions) -> None:
        self.config = config

    @property
    def vector_width(self) -> int:
        """Width of user vectors, None where there are none."""
        return 3 * self.config.factors

    def fit(
        self, data: TrainingData, *, seed: int, device: str, folder: Path, progress: Progress, terms: Sequence[Any] = ()
    ) -> FittedNcf:
        """Train on `data`; see `Recommender`."""
        options, chosen = self.config, choose(device)
        folder.mkdir(parents=True, exist_ok=True)
        progress(0.0, chosen.sentence)
        torch.manual_seed(seed)
        model = NeuMF(data.n_users, data.n_items, options.factors).to(chosen.torch)
        fitted = FittedNcf(options, model, chosen, Calibration(note="Not calibrated yet."))
        train(
            model,
            NcfBatches(data, options, seed),
            Validation(data, lambda users: torch.from_numpy(fitted.score(users, data.train)), seed=seed),
            options=options,
            seed=seed,
            device=chosen,
            folder=folder,
            progress=progress,
            terms=terms,
        )
        strangers = np.setdiff1d(np.arange(data.n_users), data.train.user)
        if len(strangers):  # nothing was learned of them: they are the average person
            with torch.no_grad():
                known = torch.from_numpy(np.unique(data.train.user).astype(np.int64)).to(chosen.torch)
                model.users.weight[torch.from_numpy(strangers).to(chosen.torch)] = model.users.weight[known].mean(0)
        fitted.calibration = calibration.on_validation(fitted.pair_logits, data, seed)
        return fitted


build = Ncf


def load(folder: Path, manifest: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> FittedNcf:
    """Called by `store.load`."""
    options, device = parse(NcfOptions, manifest["options"]), choose("auto")
    model = NeuMF(len(arrays["users.weight"]), len(arrays["items.weight"]), options.factors)
    model.load_state_dict({name: torch.from_numpy(value) for name, value in arrays.items()})
    return FittedNcf(options, model.to(device.torch).eval(), device, Calibration.from_json(manifest["calibration"]))
