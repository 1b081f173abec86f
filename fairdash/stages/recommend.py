"""Recommend: a run → the best items of everybody."""

from __future__ import annotations

from fairdash import settings, words
from fairdash.engines import Engine
from fairdash.errors import ConfigError
from fairdash.progress import Progress, silent
from fairdash.recommenders import ranking
from fairdash.recommenders.base import Fitted
from fairdash.run import Run
from fairdash.schema import ITEM_ID, Lists, Split


def rank(
    fitted: Fitted,
    split: Split,
    part: str,
    *,
    seed: int = 0,
    k: int = settings.CANDIDATES,
    engine: Engine | None = None,
    progress: Progress = silent,
) -> Lists:
    """The best k items of every user at validation time ("valid": the history is train) or at test time ("test": train
    and validation); of a sample of people, of them alone. What is in the history is left out; ties are broken by a
    hash. engine: where blocks of people are scored. Raises ConfigError beyond the limit of `check_size`."""

    data = split.training
    check_size(data.n_users, data.n_items)
    history = data.train if part == "valid" else split.known
    seen = history.matrix(data.n_users, data.n_items)
    ids = data.items[ITEM_ID].to_numpy()
    n_users, width = data.n_users, min(k, data.n_items)
    return ranking.rank_all(fitted, ids, history, n_users, seen, width, asked=split.asked, seed=seed,
                            engine=engine, progress=progress)  # fmt: skip


def check_size(n_users: int, n_items: int) -> None:
    """Raises ConfigError where ranking the whole catalogue for everybody is more than a run may score."""
    if n_users * n_items > settings.MAX_CATALOGUE_CELLS:
        raise ConfigError(
            words.say(
                "{n_users} people × {n_items} items are {n_users_2} scores; the limit of a run is "
                "{max_catalogue_cells}.",
                n_users=n_users,
                n_items=n_items,
                n_users_2=n_users * n_items,
                max_catalogue_cells=settings.MAX_CATALOGUE_CELLS,
            ),
            "Bring a sample of the people, leave out rare items (a k-core), or raise FAIRDASH_MAX_CATALOGUE_CELLS.",
        )


def recommend(run: Run, k: int) -> Lists:
    """The run's top-k lists at test time. Raises ConfigError when fewer candidates were kept."""
    lists = run.candidates("test")
    if not 1 <= k <= lists.k:
        raise ConfigError(
            words.say("k = {k}, but this run keeps {k_2} candidates a person.", k=k, k_2=lists.k),
            words.say("Choose k between 1 and {k}, or set FAIRDASH_CANDIDATES before training.", k=lists.k),
        )
    return lists.top(k)


def anew(run: Run, k: int, engine: Engine | None = None, progress: Progress = silent) -> Lists:
    """The same lists by the run's model, which scores everybody once more: of any length up to the catalogue's, and
    wherever the engine is. Raises ConfigError for another k, FairDashError for lists of another system."""
    n_items = run.split.training.n_items
    if not 1 <= k <= n_items:
        raise ConfigError(
            words.say("k = {k}, and the size of the catalogue is {n}.", k=k, n=n_items),
            words.say("Choose k between 1 and {k}.", k=n_items),
        )
    return rank(run.fitted, run.split, "test", seed=run.meta["seed"], k=k, engine=engine, progress=progress)
