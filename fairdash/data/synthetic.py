"""A made-up streaming service whose biases are known, and its twin without them.

People pick films by taste and quality. In the biased service three things go wrong, all of them known as `Planted`
facts: accounts of women and of non-binary people are shared in their households, so that a part of their histories is
chance; the service pushes romance to women and action to men beyond what they like; and it shows films by women less
than films of the same quality by men. The twin has the same sizes and labels, given independently of behaviour.

Films may have covers, drawn so that their look tells the categories: colours and shapes of the first, specks of the
second one's colour.
"""

from __future__ import annotations

import colorsys
import io
import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fairdash.images import SIDE, Images
from fairdash.schema import CATEGORIES, ITEM_ID, RATING, TIME, TITLE, USER_ID, Dataset

GENRES = ("Action", "Comedy", "Crime", "Documentary", "Drama", "Family", "Romance", "Science Fiction")
# How strong everything is, in units of the noise of a choice (log-odds).
TASTE, QUALITY = 1.0, 0.8  # what liking is made of
FOCUS = 1.8  # how much choices follow liking
PUSHED, HIDDEN = 1.8, 0.8  # what the service adds for a pushed genre, and takes from films by women
EVENINGS = 3  # of each genre in a history: films of a genre are watched in so many runs
SHARED = 0.35  # part of a shared account that others picked

_COUNTRIES = ("BR", "DE", "IN", "NA", "US")  # NA is Namibia, not a missing value
_FIRST = (
    *("Silent", "Golden", "Broken", "Hidden", "Distant", "Burning", "Paper", "Crimson", "Little", "Last", "Electric"),
    *("Frozen", "Wandering", "Secret", "Velvet", "Hollow", "Northern", "Midnight", "Glass", "Endless", "Borrowed"),
)
_SECOND = {
    "Action": ("Strike", "Pursuit", "Vendetta", "Convoy", "Storm"),
    "Comedy": ("Neighbours", "Wedding Guest", "Roommate", "Holiday", "Mix-Up"),
    "Crime": ("Alibi", "Informant", "Heist", "Verdict", "Witness"),
    "Documentary": ("Glacier", "Harvest", "Migration", "Workshop", "Archive"),
    "Drama": ("Inheritance", "Confession", "Farewell", "Daughter", "Season"),
    "Family": ("Tree House", "Puppy", "Lighthouse", "Circus", "Kite"),
    "Romance": ("Letter", "Promise", "Waltz", "Heart", "Summer"),
    "Science Fiction": ("Orbit", "Colony", "Signal", "Android", "Horizon"),
}


@dataclass(frozen=True)
class Planted:
    """One bias that was put in. metric: a key of the audit. group: who is worse off, or gets more (of `category`).

    sign: −1 where the group's value is below the others', +1 above. needs: "any" recommender shows it, popularity too,
    or only a "personal" one. size: what was planted, as a part of the others' value; NaN where it is what the histories
    hold more or less of, since tastes and merit are the same.
    """

    side: Literal["users", "items"]
    attribute: str
    metric: str
    group: str
    sign: Literal[-1, 1]
    needs: Literal["any", "personal"]
    description: str
    category: str = ""
    size: float = math.nan


@dataclass(frozen=True)
class GroundTruth:
    """What was planted; empty for the twin."""

    facts: tuple[Planted, ...]


PLANTED = (
    Planted(
        *("users", "gender", "ndcg", "woman", -1, "any"),
        "A third of what is in women's histories was picked by others in the household, so lists fit them worse.",
        size=-SHARED,
    ),
    Planted(
        *("users", "gender", "category_share", "woman", 1, "personal"),
        "The service pushed romance to women beyond their taste, so lists hold more of it for them.",
        category="Romance",
    ),
    Planted(
        *("users", "gender", "category_share", "man", 1, "personal"),
        "The service pushed action to men beyond their taste, so lists hold more of it for them.",
        category="Action",
    ),
    Planted(
        *("users", "gender", "probe_auc", "woman", 1, "personal"),
        "The pushed genres give gender away, so it can be read from user vectors and from lists.",
    ),
    Planted(
        *("items", "creator_gender", "exposure_share", "woman", -1, "any"),
        "Films by women were shown less than films of the same quality by men, so they get less exposure than merit.",
    ),
)


def make(
    seed: int = 0,
    *,
    biased: bool = True,
    n_users: int = 600,
    n_items: int = 400,
    mean_history: int = 45,
    covers: float = 0.0,
) -> tuple[Dataset, GroundTruth]:
    """The service (or, with biased=False, its twin) and what was planted in it.

    Users: age, gender (woman, man, a tiny group of non-binary people, some unknown), country. Items: title, categories,
    creator_gender. Interactions: ratings 1…5 and seconds since 1970. The same seed gives the same tables. covers: the
    share of films that have one.
    """
    people, films, acts = (np.random.default_rng([seed, stream]) for stream in range(3))
    users = _people(people, n_users)
    items, shares, quality, partner = _films(films, n_items)
    woman, man, other = (users["gender"].to_numpy() == g for g in ("woman", "man", "non-binary"))

    genre = shares.argmax(axis=1)
    taste = _tastes(acts, users["gender"].fillna("").to_numpy())
    liking = TASTE * np.log(taste @ shares.T + 0.02) + QUALITY * quality  # [n_users, n_items]
    liking = (liking - liking.mean()) / liking.std()
    shown = FOCUS * liking
    if biased:
        shown += PUSHED * woman[:, None] * shares[:, GENRES.index("Romance")]
        shown += PUSHED * man[:, None] * shares[:, GENRES.index("Action")]
        shown -= HIDDEN * (items["creator_gender"].to_numpy() == "woman")
    # The k best of score plus Gumbel noise are a draw of k without replacement by softmax of the score.
    order = np.argsort(-(shown + acts.gumbel(size=shown.shape)), axis=1)
    size = np.clip(acts.lognormal(np.log(mean_history) - 0.08, 0.4, n_users).astype(int), 12, n_items // 3)
    chance = np.argsort(acts.random(shown.shape), axis=1)  # what others in the household pick
    rows, stars, noise = [], [], acts.normal(0, 0.6, shown.shape)
    shared = np.where(biased & (woman | other), SHARED, 0.0)
    for u in range(n_users):
        by_chance = acts.random(size[u]) < shared[u]
        own = order[u, : size[u]]
        strange = chance[u][~np.isin(chance[u], own)][: by_chance.sum()]
        rating = 3.3 + 0.8 * liking[u, own] + noise[u, own]
        rating[by_chance] = acts.permutation(rating)[: by_chance.sum()]  # as happy as with the own picks
        picked = own.copy()
        picked[by_chance] = strange
        # People watch in evenings of one genre: a film falls on one of the evenings that its genre has.
        evening = acts.random((len(GENRES), EVENINGS))[genre[picked], acts.integers(0, EVENINGS, size[u])]
        turn = np.argsort(evening)
        rows.append(picked[turn])
        stars.append(rating[turn])
    item = np.concatenate(rows)
    user = np.repeat(np.arange(n_users), size)
    if not biased:
        place = np.concatenate([np.arange(k) / k for k in size])
        item = _evened(user, item, place, partner, items["creator_gender"].to_numpy() == "woman", acts)
    start = acts.integers(1_704_067_200, 1_719_792_000, n_users)  # the first half of 2024
    gaps = acts.exponential(90_000, len(user))
    elapsed = np.cumsum(gaps)
    first = np.repeat(elapsed[np.cumsum(size) - size], size)
    interactions = pd.DataFrame(
        {
            USER_ID: users[USER_ID].to_numpy()[user],
            ITEM_ID: items[ITEM_ID].to_numpy()[item],
            RATING: np.clip(np.rint(np.concatenate(stars)), 1, 5),
            TIME: np.rint(start[user] + elapsed - first),
        }
    ).astype({USER_ID: "str", ITEM_ID: "str"})
    name = "synthetic" if biased else "synthetic-unbiased"
    if covers:
        name += "-covers"
    provenance = {"source": name, "seed": seed, "time_unit": "seconds", "mapping": {"rating_kind": "rating"}}
    drawn = _covers(np.random.default_rng([seed, 3]), items, covers) if covers else None
    dataset = Dataset(name, interactions, users, items, 4.0, provenance, item_images=drawn)
    return dataset, GroundTruth(PLANTED if biased else ())


def _tastes(draw: np.random.Generator, gender: NDArray[Any]) -> NDArray[np.float64]:
    """Tastes [n, genres], the same mixture in every gender: each takes its people evenly from one ordered list."""
    n = len(gender)
    listed = draw.dirichlet(np.full(len(GENRES), 0.35), n)
    listed = listed[np.lexsort((listed.max(axis=1), listed.argmax(axis=1)))]
    taste = np.empty_like(listed)
    for value in sorted(set(gender)):
        people = draw.permutation(np.flatnonzero(gender == value))
        taste[people] = listed[((np.arange(len(people)) + 0.5) / len(people) * n).astype(int)]
    return taste


def _evened(
    user: NDArray[np.int64],
    item: NDArray[np.int64],
    place: NDArray[np.float64],
    partner: NDArray[np.int64],
    by_woman: NDArray[np.bool_],
    draw: np.random.Generator,
) -> NDArray[np.int64]:
    """Picks in which the two films of a pair are had equally often, early and late in histories alike [n].

    The films of a pair differ in nothing but their creator; left to chance, one would still be ahead in any one draw,
    and rankings make much of small leads. place: 0…1 within the person's history.
    """
    pair = np.minimum(np.arange(len(partner)), partner)[item]
    both = pd.Series(user * np.int64(len(partner)) + pair).duplicated(keep=False).to_numpy()
    order = np.lexsort((draw.random(len(item)), place, pair))
    order = order[~both[order]]
    counts = np.bincount(pair[order], minlength=len(partner))
    turn = (np.arange(len(order)) - (np.cumsum(counts) - counts)[pair[order]]) % 2
    # Which of the two is first follows W M M W from the most popular pair down, so that neither is ahead on the whole.
    rank = np.empty(len(partner), dtype=np.int64)
    rank[np.argsort(-np.bincount(pair, minlength=len(partner)), kind="stable")] = np.arange(len(partner))
    lead = np.isin(rank % 4, (0, 3)) == by_woman[: len(partner)]
    even = item.copy()
    even[order] = np.where((turn == 0) == lead[pair[order]], pair[order], partner[pair[order]])
    return even


def _people(draw: np.random.Generator, n: int) -> pd.DataFrame:
    gender = np.array(["woman", "man", "non-binary", ""], dtype=object)[
        draw.choice(4, n, p=[0.455, 0.475, 0.025, 0.045])
    ]
    age = np.clip(np.rint(draw.gamma(7.0, 5.2, n)), 14, 85).astype(int)
    country = draw.choice(_COUNTRIES, n, p=[0.2, 0.25, 0.2, 0.05, 0.3])
    frame = pd.DataFrame({USER_ID: [f"p{i:04d}" for i in draw.permutation(n)], "age": age, "gender": gender})
    frame["country"] = country
    frame = frame.sort_values(USER_ID, ignore_index=True).astype("str")
    return frame.mask(frame == "")


def _films(
    draw: np.random.Generator, n: int
) -> tuple[pd.DataFrame, NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]:
    """Items; genre shares [n, genres]; quality [n]; each film's partner [n]. Partners have the same genres and the
    same quality, one is by a woman and one by a man: merit does not differ. Some pairs have unknown creators."""
    half = (n + 1) // 2
    main = draw.integers(0, len(GENRES), half)
    second = np.where(draw.random(half) < 0.4, (main + draw.integers(1, len(GENRES), half)) % len(GENRES), main)
    quality = np.repeat(draw.normal(0, 1, half), 2)[:n]
    # Only the lesser half has unknown creators; a pair of stars among them would skew everybody's exposure.
    unknown = np.repeat((draw.random(half) < 0.1), 2)[:n] & (quality < np.median(quality))
    first = np.repeat(draw.integers(0, 2, half), 2)[:n]
    main, second = np.repeat(main, 2)[:n], np.repeat(second, 2)[:n]
    shares = np.zeros((n, len(GENRES)))
    np.add.at(shares, (np.arange(n), main), 0.5)
    np.add.at(shares, (np.arange(n), second), 0.5)
    creator = np.where(np.arange(n) % 2 == first, "woman", "man").astype(object)
    creator[unknown] = ""
    titles: list[str] = []
    used: dict[str, int] = {}
    for genre in main:
        title = f"{_FIRST[draw.integers(len(_FIRST))]} {_SECOND[GENRES[genre]][draw.integers(5)]}"
        used[title] = used.get(title, 0) + 1
        titles.append(title if used[title] == 1 else f"{title} {used[title]}")
    categories = ["|".join(dict.fromkeys((GENRES[a], GENRES[b]))) for a, b in zip(main, second, strict=True)]
    number = draw.permutation(n)  # so that ids say nothing about pairs
    frame = pd.DataFrame({ITEM_ID: [f"f{i:04d}" for i in number], TITLE: titles, CATEGORIES: categories})
    frame["creator_gender"] = creator
    other = np.minimum(np.arange(n) ^ 1, n - 1)  # the last of an odd number is its own partner
    partner = np.empty(n, dtype=np.int64)
    partner[number] = number[other]
    order = np.argsort(number)
    frame = frame.iloc[order].reset_index(drop=True).astype("str")
    return frame.mask(frame == ""), shares[order], quality[order], partner


def _covers(draw: np.random.Generator, items: pd.DataFrame, share: float) -> Images:
    """A cover for that share of the films, drawn by their categories; no two are alike."""
    has = draw.random(len(items)) < share
    return tuple(
        _cover(draw, str(told).split("|")) if one else None for one, told in zip(has, items[CATEGORIES], strict=True)
    )


def _cover(draw: np.random.Generator, genres: list[str]) -> bytes:
    """A JPEG, SIDE high: the first genre's ground and shapes, and specks of the last one's colour."""
    from PIL import Image, ImageDraw

    first, last = GENRES.index(genres[0]), GENRES.index(genres[-1])
    width, height = 2 * SIDE // 3, SIDE
    picture = Image.new("RGB", (width, height), _colour(draw, first, 0.85))
    pen = ImageDraw.Draw(picture)
    for _ in range(int(draw.integers(4, 8))):
        x, y, r = draw.integers(0, width), draw.integers(0, height), draw.integers(12, 32)
        _shape(pen, first, float(x), float(y), float(r), _colour(draw, first, 0.45))
    for _ in range(int(draw.integers(10, 20))):
        x, y = draw.integers(0, width), draw.integers(0, height)
        pen.ellipse((float(x), float(y), float(x) + 5, float(y) + 5), fill=_colour(draw, last, 1.0))
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=85)
    return out.getvalue()


def _colour(draw: np.random.Generator, genre: int, light: float) -> tuple[int, int, int]:
    """A colour of that genre, no two draws quite the same."""
    hue, value = genre / len(GENRES) + draw.normal(0, 0.015), light * draw.uniform(0.85, 1.0)
    red, green, blue = colorsys.hsv_to_rgb(float(hue % 1), 0.65, float(value))
    return int(255 * red), int(255 * green), int(255 * blue)


def _shape(pen: Any, genre: int, x: float, y: float, r: float, colour: tuple[int, int, int]) -> None:
    """The shape of that genre around (x, y), r wide to each side."""
    box = (x - r, y - r, x + r, y + r)
    if genre % 4 == 0:
        pen.polygon([(x, y - r), (x - r, y + r), (x + r, y + r)], fill=colour)
    elif genre % 4 == 1:
        pen.ellipse(box, fill=colour)
    elif genre % 4 == 2:
        pen.rectangle((x - r / 4, 0, x + r / 4, SIDE), fill=colour)
    else:
        pen.rectangle(box, fill=colour)
