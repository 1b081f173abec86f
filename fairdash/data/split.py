"""Cut a data set in train, validation and test. Ties go by a hash of seed, person and item: never by id or row order.

| spec | test | validation (of what is left) |
|---|---|---|
| `leave-one-out` | each person's last interaction | each person's last but one |
| `user-time:0.8` | the last 20 % of each person | the last `valid_share` of each person's rest |
| `user-random:0.8` | a random 20 % of each person | a random `valid_share` of each person's rest |
| `global-time:DATE` | all from DATE on | the last `valid_share` of all that is earlier |
| `own` | as the data came, in files or by a column of parts | as it came |

In the first three, people with fewer than 3 interactions stay in train with all they have. Of the others a share of
their n interactions is rounded to the nearest whole number (halves up), at least 1 and never all; so is the share of
validation in what is left. DATE is an ISO date, a number in the time column's own unit, or a part of all interactions
such as `80%`. People whose first interaction is on DATE or later are in test without a history.
"""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from fairdash import words
from fairdash.data import times
from fairdash.errors import ConfigError
from fairdash.hashing import id_hash, mix
from fairdash.schema import ITEM_ID, PART, TIME, USER_ID, Dataset, Interactions, Split, TrainingData

_RANDOM, _VALID = 0x5EED, 0x7A11D  # keep the random draws apart from each other and from the ties in time
_HINT = (
    "There are leave-one-out, user-time:0.8, user-random:0.8, global-time:2003-01-31 (or global-time:80%), and own for "
    "data that came with its parts."
)
OWN = "own"


def usual(dataset: Dataset) -> str:
    """The split of those who choose none: the one that the data came with; else leave-one-out; by chance where nothing
    says what came last."""
    if PART in dataset.interactions:
        return OWN
    return "leave-one-out" if TIME in dataset.interactions else "user-random:0.8"


@words.speaking(words.ENGLISH)
def split(dataset: Dataset, spec: str, *, seed: int = 0, valid_share: float = 0.1) -> Split:
    """Cut `dataset` as the table above says; the three parts are disjoint and complete.

    valid_share: 0 (no validation) to below 1. Raises ConfigError for an unknown spec, a share outside (0, 1), a date
    that leaves a side empty, and a split by time of data without time.
    """
    kind, _, argument = spec.strip().partition(":")
    if not 0 <= valid_share < 1:
        raise ConfigError(
            words.say("valid_share is {valid_share}.", valid_share=f"{valid_share:g}"),
            "Give 0 for none, or a share below 1, such as 0.1.",
        )
    if kind not in ("user-random", OWN) and TIME not in dataset.interactions:
        hint = "Choose user-random:0.8, or name a column that holds a time or an order."
        raise ConfigError(
            words.say(
                "The split {kind} goes by time, and {name} has no time column.", kind=repr(kind), name=dataset.name
            ),
            hint,
        )
    data = dataset.coded(seed)
    n = len(data)
    if kind == "leave-one-out" and not argument:
        place, size = _places(data.user)
        test = (place == size - 1) & (size >= 3)
        valid = (place == size - 2) & (size >= 3) & (valid_share > 0)
        spec = kind
    elif kind in ("user-time", "user-random"):
        share = _share(spec, argument or "0.8")
        test, valid = np.zeros(n, dtype=bool), np.zeros(n, dtype=bool)
        order = np.arange(n) if kind == "user-time" else np.lexsort((_draw(dataset, data, seed, _RANDOM), data.user))
        place, size = _places(data.user)
        n_test = _cut(size, 1 - share, size)
        test[order] = place >= size - n_test
        n_valid = _cut(size - n_test, Fraction(str(valid_share)), size)
        valid[order] = (place < size - n_test) & (place >= size - n_test - n_valid)
        spec = f"{kind}:{float(share):g}"
    elif kind == "global-time" and argument:
        start = _start(dataset, data.time, argument)
        test = data.time >= start
        known = np.flatnonzero(~test)
        order = known[np.lexsort((_draw(dataset, data, seed, _VALID)[known], data.time[known]))]
        valid = np.zeros(n, dtype=bool)
        valid[order[len(order) - math.floor(len(order) * valid_share) :]] = valid_share > 0
        spec = f"{kind}:{argument}"
    elif kind == OWN and not argument:
        if PART not in dataset.interactions:
            hint = "Bring train, valid and test as files (--valid, --test) or by a column (--split-column)."
            raise ConfigError(words.say("{name} has no split of its own.", name=dataset.name), hint)
        part = dataset.column(PART, seed).to_numpy(object)
        test, valid = part == "test", part == "valid"
        spec = kind
        if (test | valid).all() or not test.any():
            raise ConfigError(
                words.say(
                    "The split of {name} has no row of {value} that is left.",
                    name=dataset.name,
                    value="train" if test.any() else "test",
                ),
                "Choose another split, or look at what was left out on import.",
            )
    else:
        raise ConfigError(words.say("No split is called {spec}.", spec=repr(spec)), _HINT)
    if not test.any():
        hint = "Every person has fewer than 3 interactions; choose global-time, or bring more data."
        raise ConfigError(words.say("The split {spec} leaves nothing to test on.", spec=spec), hint)
    parts = [data.take(np.flatnonzero(rows)) for rows in (~test & ~valid, valid, test)]
    training = TrainingData(
        dataset.users,
        dataset.items,
        parts[0],
        parts[1],
        dataset.relevance_threshold,
        user_arrays=dataset.user_arrays,
        item_arrays=dataset.item_arrays,
        item_images=dataset.item_images,
    )
    notes = _notes(dataset, data, test)
    if spec == OWN:
        notes += _of_parts(dataset, data, test, valid)
    return Split(dataset.name, spec, seed, training, parts[2], notes)


def _notes(dataset: Dataset, data: Interactions, test: NDArray[np.bool_]) -> tuple[str, ...]:
    """Who cannot be tested, or has no history, in words."""
    n_all, n_test = (np.bincount(user, minlength=dataset.n_users) for user in (data.user, data.user[test]))
    untested, new = int(((n_test == 0) & (n_all > 0)).sum()), int(((n_test == n_all) & (n_all > 0)).sum())
    notes = []
    if untested:
        notes.append(
            words.say(
                "{n} of {m} people has nothing in test, and stays in train.",
                "{n} of {m} people have nothing in test; they stay in train.",
                n=untested,
                m=int((n_all > 0).sum()),
            )
        )
    if new:
        held_out = words.say(
            "{n} person is in test without any history, as all they did is held out.",
            "{n} people are in test without any history, as all they did is held out.",
            n=new,
        )
        later = words.say(
            "{n} person is in test without any history, as all they did is later than the cut.",
            "{n} people are in test without any history, as all they did is later than the cut.",
            n=new,
        )
        notes.append(held_out if PART in dataset.interactions else later)
    if not _own_order(dataset, data):
        notes += _leaks(data.time[~test], data.time[test])
    return tuple(notes)


def _of_parts(
    dataset: Dataset, data: Interactions, test: NDArray[np.bool_], valid: NDArray[np.bool_]
) -> tuple[str, ...]:
    """What a split that somebody else made leaves open, in words."""
    n_all, n_test = (np.bincount(item, minlength=dataset.n_items) for item in (data.item, data.item[test]))
    new = int(((n_test == n_all) & (n_all > 0)).sum())
    notes = []
    if new:
        notes.append(
            words.say(
                "{n} item is in test alone: nothing could be learned of it from what people did.",
                "{n} items are in test alone: nothing could be learned of them from what people did.",
                n=new,
            )
        )
    if not valid.any():
        notes.append(
            words.say("There is no validation part: training cannot stop early, nor strengths be chosen on it.")
        )
    return tuple(notes)


def _own_order(dataset: Dataset, data: Interactions) -> bool:
    """Whether times are places within each person's own sequence, which say nothing of what others did before."""
    if dataset.provenance.get("time_unit") in ("seconds", "milliseconds"):
        return False
    first = data.time[np.diff(data.user, prepend=-1) > 0]
    return len(first) > 1 and bool((first == np.median(first)).mean() > 0.5)


def _leaks(known: NDArray[np.float64], held: NDArray[np.float64]) -> tuple[str, ...]:
    """Whether interactions that are known [n] are later than those that are held out [m]: from them a recommender
    learns what it could not know yet."""
    if not len(known) or not len(held):
        return ()
    later = 1 - np.searchsorted(np.sort(known), held, side="right") / len(known)
    n = int((later > 0).sum())
    if not n:
        return ()
    message = words.say(
        "{earlier} of {held} held-out interactions are earlier than some that are known, of other people or of their "
        "own ({share} of what is known is later, on average): a recommender learns from what came after. One date for "
        "everybody (global-time) leaves nothing later in training.",
        earlier=n,
        held=len(held),
        share=words.percent(later.mean(), 0),
    )
    return (message,)


def _places(user: NDArray[np.int32]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Each row's place within its person's rows, and how many those are; both [n]. user is sorted."""
    counts = np.bincount(user)
    ends = np.cumsum(counts)
    return np.arange(len(user)) - (ends - counts)[user], counts[user]


def _cut(total: NDArray[np.int64], share: Fraction, size: NDArray[np.int64]) -> NDArray[np.int64]:
    """How many of `total` go: the share, rounded halves up, in whole-number arithmetic so that 0.8 is exactly 0.8; at
    least 1 and never all for people with 3 interactions or more, none for the others."""
    p, q = share.numerator, share.denominator
    wanted = np.clip((2 * total * p + q) // (2 * q), 1, np.maximum(total - 1, 0))
    return np.where((size >= 3) & (p > 0), wanted, 0)


def _share(spec: str, text: str) -> Fraction:
    try:
        share = Fraction(text)
    except (ValueError, ZeroDivisionError) as error:
        raise ConfigError(
            words.say("The split {spec} has no share.", spec=repr(spec)), "Give the known part, such as 0.8."
        ) from error
    if not 0 < share < 1 or share.denominator > 1_000_000:
        raise ConfigError(
            words.say("The split {spec} has a share outside 0…1.", spec=repr(spec)), "Give the known part, such as 0.8."
        )
    return share


def _draw(dataset: Dataset, data: Interactions, seed: int, salt: int) -> NDArray[np.uint64]:
    """A random key for each interaction [n] that depends on seed, person and item alone."""
    users, items = id_hash(dataset.users[USER_ID]), id_hash(dataset.items[ITEM_ID])
    return mix(seed + salt, users[data.user], items[data.item])


def _start(dataset: Dataset, time: NDArray[np.float64], text: str) -> float:
    """The first moment of test, in the time column's unit."""
    low, high = float(time.min()), float(time.max())
    unit = dataset.provenance.get("time_unit", "number")
    try:
        number = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    except ValueError:
        number = math.nan
    if text.endswith("%"):
        if not 0 < number < 1:
            raise ConfigError(
                words.say("global-time:{text} is no part of all interactions.", text=text), "Give one such as 80%."
            )
        start = float(np.sort(time)[math.floor(len(time) * number)])
        if start == low:
            hint = "Too many share the earliest time; choose a later cut, or user-random:0.8."
            raise ConfigError(words.say("global-time:{text} leaves nothing to train on.", text=text), hint)
        return start
    seconds = None if math.isfinite(number) and not _is_date(text, low, high, unit) else times.moment(text)
    if seconds is not None:
        known = unit if unit in ("seconds", "milliseconds") else times.unit_of(low, high)
        if known == "milliseconds":
            number = seconds * 1000
        elif known == "seconds":
            number = seconds
        else:
            hint = words.say(
                "Give a number from {low} to {high}, or a part such as 80%.", low=f"{low:g}", high=f"{high:g}"
            )
            raise ConfigError(
                words.say(
                    "{name} has no dates: its times go from {low} to {high}.",
                    name=dataset.name,
                    low=f"{low:g}",
                    high=f"{high:g}",
                ),
                hint,
            )
    if not math.isfinite(number):
        raise ConfigError(
            words.say("global-time:{text} is neither a date nor a number.", text=text),
            "Give one such as 2003-01-31 or 80%.",
        )
    if not low < number <= high:
        span = [f"{end:g}" for end in (low, high)]
        if unit in ("seconds", "milliseconds") or seconds is not None:
            scale = 1000.0 if unit == "milliseconds" else 1.0
            span = [str(np.datetime64(int(t / scale), "s")) for t in (low, high)]
        message = words.say("global-time:{text} leaves nothing to test on.", text=text)
        if number <= low:
            message = words.say("global-time:{text} leaves nothing to train on.", text=text)
        raise ConfigError(message, words.say("The times go from {start} to {end}.", start=span[0], end=span[1]))
    return number


def _is_date(text: str, low: float, high: float, unit: str) -> bool:
    """Whether digits alone, such as 2003 or 20030131, mean a date: they do for times in seconds or milliseconds that
    the number itself is far from."""
    return (
        unit in ("seconds", "milliseconds")
        and len(text) in (4, 8)
        and text.isdigit()
        and not low <= float(text) <= high
    )
