"""One person at a time: the list of an edited profile or history, what a changed attribute does, and why an item.

Every function takes a trained recommender and one person's own history; nothing is trained and nothing is stored.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fairdash import words
from fairdash.errors import ConfigError
from fairdash.recommenders import ranking
from fairdash.recommenders.base import CandidateFitted, CatalogueFitted, Fitted, profile_of
from fairdash.recommenders.first_stage import by_history
from fairdash.schema import ITEM_ID, TITLE, Categories, Codes, Floats, Groups, Interactions, Lists, Split

MAX_PARTS = 25  # history items whose part in a score is tried, the latest ones
REASON_PARTS = 12  # and in the scores of a whole list, of which a word is said of each item
ABSENT = words.later("(not told)")


@dataclass(frozen=True, eq=False)
class Person:
    """A person as the recommender sees them. user: code. history: own interactions, oldest first. profile: attribute
    values that are told to a recommender that reads a profile; None: as they are in the data. wording: of the profile
    text, 0 as trained, 1 the same facts in other words."""

    user: int
    history: Interactions
    profile: Mapping[str, Any] | None = None
    wording: int = 0


def shown(value: str) -> str:
    """A value of an attribute as a person reads it; that none is told, in their language."""
    return words.say(ABSENT) if value == ABSENT else value


def person(split: Split, user: int) -> Person:
    """The person as known at test time."""
    known = split.known
    start, stop = np.searchsorted(known.user, np.array([user, user + 1], known.user.dtype))
    return Person(user, known.take(np.arange(start, stop)))


def edited(
    who: Person, *, without: Sequence[int] = (), added: Sequence[int] = (), rating: float | Sequence[float] = 1.0
) -> Person:
    """The person without some items of the history, and with others added as the latest ones, rated `rating` (one for
    all, or one for each)."""
    kept = who.history.take(np.flatnonzero(~np.isin(who.history.item, list(without))))
    last = float(kept.time[-1]) if len(kept) else 0.0
    n = len(added)
    more = Interactions(
        np.full(n, who.user, np.int32), np.array(added, np.int32), np.full(n, rating, np.float32), np.full(n, last)
    )
    return replace(who, history=Interactions.concat(kept, more))


def with_profile(who: Person, split: Split, attributes: Sequence[str], changes: Mapping[str, Any]) -> Person:
    """The person with attribute values told otherwise; None, or ABSENT, leaves one out of the text."""
    row = split.training.users.iloc[who.user]
    profile = {name: changes.get(name, row[name]) for name in attributes}
    return replace(who, profile={name: None if v == ABSENT else v for name, v in profile.items()})


def reworded(who: Person, split: Split, attributes: Sequence[str]) -> Person:
    """The person of whom the same is told in other words: what then moves in the list is the floor of all that moves
    when something else is told."""
    return replace(with_profile(who, split, attributes, who.profile or {}), wording=1)


def scores(fitted: Fitted, who: Person) -> Floats:
    """Scores [n_items] for this person; -inf for what is not among the candidates of a recommender that has some."""
    own: Floats = ranking.scores(fitted, _users(who), who.history, _told(fitted, who))[0]
    return own


def _scores_of(fitted: Fitted, split: Split, people: Sequence[Person], items: Codes) -> Floats:
    """Scores [n, c] of the items [c] for each of n edits of a person: in one pass where the recommender knows people by
    what is told of them alone, which is three times as fast as one after the other (`python -m tests.bench.api`)."""
    if not (isinstance(fitted, CatalogueFitted) and by_history(fitted)):
        each = (ranking.scores_of(fitted, _users(who), items[None], who.history, _told(fitted, who)) for who in people)
        return np.concatenate(list(each))
    profile, everyone = profile_of(fitted), np.arange(len(people), dtype=np.int32)
    told: list[str] | None = None
    if profile:
        told = [t for who in people for t in _told(fitted, with_profile(who, split, profile, who.profile or {})) or ()]
    past = Interactions.concat(*(who.history for who in people))
    past = replace(past, user=np.repeat(everyone, [len(who.history) for who in people]))
    return ranking.scores_of(fitted, everyone, np.tile(items, (len(people), 1)), past, told)


def candidates(fitted: Fitted, split: Split, who: Person) -> Codes:
    """The items that have a score for this person: the whole catalogue, or what the first stage brings."""
    if not isinstance(fitted, CandidateFitted):
        return np.arange(split.training.n_items, dtype=np.int32)
    found: Codes = fitted.first(_users(who), who.history).items[0]
    kept: Codes = found[found >= 0]
    return kept


def _users(who: Person) -> Codes:
    return np.array([who.user], np.int32)


def _told(fitted: Fitted, who: Person) -> list[str] | None:
    """The profile text of a person of whom it is edited; None: as it is in the data."""
    if who.profile is None:
        return None
    if not profile_of(fitted):
        raise ConfigError("This recommender reads no profile.", "Train one with attributes in its profile text.")
    from fairdash.recommenders.text import profile_text

    return [profile_text(who.profile, who.wording)]


def recommend(fitted: Fitted, split: Split, who: Person, k: int, seed: int = 0) -> Lists:
    """The person's list [1, k]; what is in the history is left out."""
    n_items = split.training.n_items
    seen = Interactions(np.zeros_like(who.history.user), who.history.item, who.history.rating, who.history.time)
    return ranking.top_k(scores(fitted, who)[None], seen.matrix(1, n_items), k, split.training.item_hashes, seed)


def flips(fitted: Fitted, split: Split, who: Person, attribute: str, values: Sequence[Any], k: int) -> dict[str, Lists]:
    """The list under each value of one attribute, and with the attribute left out (ABSENT); all else as it is."""
    attributes = profile_of(fitted)
    if attribute not in attributes:
        told = ", ".join(attributes) or "nothing"
        raise ConfigError(
            words.say("This recommender is not told {attribute}.", attribute=attribute),
            words.say("Its profile text holds: {told}.", told=told),
        )
    change = partial(with_profile, who, split, attributes)
    return {str(v): recommend(fitted, split, change({attribute: v}), k) for v in (ABSENT, *values)}


def staying(before: Lists, after: Lists) -> tuple[int, int]:
    """How many items of a person's list [1, k] are in another one too, at any rank, and how many it holds."""
    a, b = set(before.items[0].tolist()) - {-1}, set(after.items[0].tolist()) - {-1}
    return len(a & b), len(a)


@dataclass(frozen=True)
class Reason:
    """What an item's score rests on most. item: of the history, or -1; attribute: of the profile, or "". Neither where
    the score does not fall whatever is not known. fall: in the recommender's own units."""

    item: int = -1
    attribute: str = ""
    fall: float = 0.0


def why(fitted: Fitted, split: Split, who: Person, item: int) -> list[Reason]:
    """What an item's score rests on: by how much it falls when one thing is not known, largest part first.

    Each of the latest MAX_PARTS history items, and each told attribute, is left out in turn; the difference is in the
    recommender's own units. Parts do not add up to the score, since they work together. Candidates stay the same ones,
    so that a part is never that the item is no candidate any more.

    Raises ConfigError for an item that is not among the candidates."""
    titles = names_of(split.training.items)
    among = candidates(fitted, split, who)
    if item not in among:
        raise ConfigError(
            words.say("“{titles}” is not among the candidates, so it has no score.", titles=titles[item]),
            "Choose an item of the list.",
        )

    tried = _tried(fitted, split, who, MAX_PARTS)
    found = _scores_of(fitted, split, [who, *tried.values()], among)[:, among == item][:, 0]
    parts = [replace(part, fall=float(found[0] - less)) for part, less in zip(tried, found[1:], strict=True)]
    return sorted(parts, key=lambda part: -abs(part.fall))


def _tried(fitted: Fitted, split: Split, who: Person, most: int) -> dict[Reason, Person]:
    """The person without one thing: each of the latest `most` items of the history, and each told attribute."""
    profile = profile_of(fitted)
    items = {Reason(item=item): edited(who, without=[item]) for item in who.history.item[-most:].tolist()}
    return items | {
        Reason(attribute=name): with_profile(who, split, profile, {**(who.profile or {}), name: ABSENT})
        for name in profile
    }


def reasons(fitted: Fitted, split: Split, who: Person, items: Codes) -> list[Reason]:
    """Of each item [n] the one thing without which its score falls most: one of the latest REASON_PARTS items of the
    history, or a told attribute."""

    best = [Reason() for _ in items]
    tried = _tried(fitted, split, who, REASON_PARTS)
    whole, *without = _scores_of(fitted, split, [who, *tried.values()], items)
    for part, less in zip(tried, without, strict=True):
        for place, fall in enumerate((whole - less).tolist()):
            if fall > best[place].fall:
                best[place] = replace(part, fall=fall)
    return best


def names_of(items: pd.DataFrame) -> NDArray[Any]:
    """What items are called [n_items]: titles where there are any, else ids."""
    ids = items[ITEM_ID].astype(str)
    return (items[TITLE].fillna(ids) if TITLE in items else ids).to_numpy()


def tastes(categories: Categories, items: Codes) -> NDArray[np.float64]:
    """Category shares [n_categories] of some items, -1 left out; NaN without any."""
    own = items[items >= 0]
    if not len(own):
        return np.full(len(categories.names), np.nan)
    share: NDArray[np.float64] = np.asarray(categories.shares[own].mean(axis=0)).ravel()
    return share


def tastes_by_group(categories: Categories, lists: Lists, groups: Groups) -> dict[str, NDArray[np.float64]]:
    """Category shares [n_categories] of the lists of each group's people."""
    named = zip(groups.names, groups.members, strict=False)  # the unknown come last, without a name
    return {name: tastes(categories, lists.items[rows].ravel()) for name, rows in named}
