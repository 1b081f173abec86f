"""The judge itself: it can say nothing of an item that nobody brings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from fairdash.recommenders import store, text
from fairdash.recommenders.first_stage import FirstStage


class Fitted:
    """Likes items whose codes are close to those of the history; of two equal ones, even codes for women."""

    name = "toy_judge"

    def __init__(self, first, profile, profiles):
        self.first, self.profile, self.profiles = first, profile, profiles

    def score_candidates(self, users, items, history):
        return self.score_candidate_profiles(users, items, history, [self.profiles[user] for user in users])

    def score_candidate_profiles(self, users, items, history, profiles):
        scores = np.zeros(items.shape, np.float32)
        for row, (user, profile) in enumerate(zip(users, profiles, strict=True)):
            own = history.item[history.user == user]
            near = np.abs(items[row][:, None] - own).min(1, initial=50)
            scores[row] = -near + 20.0 * ("woman" in profile) * (items[row] % 2 == 0)
        return scores

    def save(self, folder: Path) -> None:
        said = {"n": self.first.n, "profile": list(self.profile), "profiles": self.profiles}
        self.first.save(folder)
        store.write(folder, {"name": self.name, **said}, {"none": np.zeros(1)})


class Judge:
    """Fits its first stage, and has nothing else to learn."""

    name, vector_width = "toy_judge", None

    def __init__(self, options: Any) -> None:
        self.options = options

    def fit(self, data, *, seed, device, folder, progress, terms=()):
        first = FirstStage.fit(
            self.options.first_stage, self.options.n_candidates, data,
            seed=seed, device=device, folder=folder, progress=progress,
        )  # fmt: skip
        profiles = text.profile_texts(data.users, data.profile) if data.profile else [""] * data.n_users
        return Fitted(first, data.profile, profiles)


build = Judge


def load(folder, manifest, arrays):
    return Fitted(FirstStage.load(folder, manifest["n"]), tuple(manifest["profile"]), manifest["profiles"])
