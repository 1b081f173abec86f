"""What a person chose on import: each answer a field, which can be kept as JSON and given again."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from fairdash import words
from fairdash.answers import ANSWERS
from fairdash.data import clean, times
from fairdash.data.findings import Question
from fairdash.data.mapping import RatingKind
from fairdash.data.table import Reading
from fairdash.errors import ConfigError


@dataclass(frozen=True)
class ImportOptions:
    """What a person chose on import; None, "" and "auto" leave it to the guess, which is said in a finding.

    name: the data set's. roles: of files by their names, "aside" for one that is not used. encoding, separator, header:
    of all files; `read_…` of one. user, item, rating, time, clock, event, split: columns of the interactions ("" where
    one may be absent: there is none, or leave it aside); system, rank, score, prediction: likewise of lists and of
    held-out pairs. fold: which fold of a cross-validation is the test part, by its name; "all" leaves them together.
    users_id, items_id, title, categories: columns of the
    other files. rating_kind: "rating" (on a scale), "count" (plays, clicks), "none" (implicit: the numbers are left
    aside). rating_missing: numbers that stand for "not rated". zeros: whether 0 beside 1 is an "impression", shown and
    not taken, or a "dislike". events: kinds that count, ("all",) for each; event_weights: what each of them counts.
    time_format: as in `times.parse`, "none" to leave the times aside; keep_untimed: rows without a time stay, as the
    oldest. start, end: the first and the last date or time of interactions, or held-out rows, that count.
    merge_spellings: of groups. as_of: the date for ages from dates of birth, where interactions have none.
    relevance_threshold: liked from here on; None: any interaction is. dedupe: which of several rows of a person and an
    item stays, or "sum". k_core: 0 for none. repairs: keys of `clean.REPAIRS` to do beside those that are always done;
    None: the usual ones. drop_bad_ratings: leave out rows whose rating is no number, instead of stopping there.
    """

    name: str = ""
    encoding: str | None = None
    separator: str | None = None
    header: bool | None = None
    roles: tuple[tuple[str, str], ...] = ()
    user: str | None = None
    item: str | None = None
    rating: str | None = None
    time: str | None = None
    clock: str | None = None
    event: str | None = None
    split: str | None = None
    fold: str = ""
    system: str | None = None
    rank: str | None = None
    score: str | None = None
    prediction: str | None = None
    users_id: str | None = None
    items_id: str | None = None
    title: str | None = None
    categories: str | None = None
    category_separator: str | None = None
    rating_kind: RatingKind | Literal["auto"] = "auto"
    rating_missing: tuple[float, ...] | None = None
    zeros: Literal["impression", "dislike"] | None = None
    events: tuple[str, ...] = ()
    event_weights: tuple[tuple[str, float], ...] = ()
    time_format: str = ""
    keep_untimed: bool | None = None
    start: str = ""
    end: str = ""
    merge_spellings: bool | None = None
    as_of: str = ""
    relevance_threshold: float | Literal["auto"] | None = "auto"
    dedupe: clean.Keep = "last"
    k_core: int = 0
    repairs: tuple[str, ...] | None = None
    drop_bad_ratings: bool = False
    read_interactions: Reading = field(default_factory=Reading)
    read_users: Reading = field(default_factory=Reading)
    read_items: Reading = field(default_factory=Reading)

    def __post_init__(self) -> None:
        if self.k_core < 0:
            raise ConfigError(
                words.say("A k-core of {k_core} does not exist.", k_core=self.k_core), "Give 0 for none, or 2 and more."
            )
        if self.dedupe not in ("last", "best", "sum"):
            raise ConfigError(
                words.say("dedupe is {dedupe}.", dedupe=repr(self.dedupe)), 'Choose "last", "best" or "sum".'
            )
        if self.zeros not in (None, "impression", "dislike"):
            raise ConfigError(
                words.say("zeros is {zeros}.", zeros=repr(self.zeros)), 'Choose "impression" or "dislike".'
            )
        if self.as_of and times.moment(self.as_of) is None:
            raise ConfigError(words.say("{as_of} is no date.", as_of=repr(self.as_of)), "Write it as 2020-01-31.")
        unknown = sorted(set(self.repairs or ()) - set(clean.REPAIRS))
        if unknown:
            raise ConfigError(
                words.say("No repair is called {unknown}.", unknown=repr(unknown[0])),
                words.say("There are {names}.", names=", ".join(clean.REPAIRS)),
            )

    def reading(self, own: Reading | None = None) -> Reading:
        """How a file is read: as chosen for it, else as chosen for all."""
        own = own or Reading()
        header = self.header if own.header is None else own.header
        return Reading(own.separator or self.separator, own.encoding or self.encoding, header, own.person or self.user)

    def answered(self, questions: Iterable[Question]) -> ImportOptions:
        """With the likely answer to each of these questions."""
        return replace(self, **{asked.key: ANSWERS[asked.key].value(asked.preselected) for asked in questions})

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values of the answers that differ from the usual ones."""
        usual = ImportOptions()
        changed = [f.name for f in fields(self) if getattr(self, f.name) != getattr(usual, f.name)]
        whole: dict[str, Any] = json.loads(json.dumps(asdict(self)))
        return {key: whole[key] for key in changed}

    @staticmethod
    def from_json(values: Mapping[str, Any]) -> ImportOptions:
        """The options that `to_json` wrote; ConfigError for a key that there is not, or a value that it cannot have."""
        known = {f.name for f in fields(ImportOptions)}
        strange = sorted(set(values) - known)
        if strange:
            hint = words.say("There are {names}.", names=", ".join(sorted(known)))
            raise ConfigError(words.say("The mapping has an unknown key {strange}.", strange=repr(strange[0])), hint)
        return ImportOptions(**{key: _read(key, value, ImportOptions) for key, value in values.items()})


def _read(key: str, value: Any, of: type) -> Any:
    """A value as a field of these options holds it. Raises ConfigError for one that it cannot hold."""
    kind = get_type_hints(of)[key]
    found = _frozen(value)
    if kind is Reading and isinstance(value, dict) and value.keys() <= {f.name for f in fields(Reading)}:
        return Reading(**{name: _read(name, one, Reading) for name, one in value.items()})
    if not _fits(found, kind):
        told = words.label(json.dumps(value, ensure_ascii=False), 60)
        raise ConfigError(
            words.say("The mapping says {value} for {key}, which cannot be.", value=told, key=repr(key)),
            words.say("Give the file that --save-mapping wrote."),
        )
    return found


def _fits(value: Any, kind: Any) -> bool:
    """Whether a value of a JSON file is of the type of a field."""
    whole, parts = get_origin(kind), get_args(kind)
    if whole in (Union, UnionType):
        return any(_fits(value, part) for part in parts)
    if whole is Literal:
        return any(value == part and isinstance(value, type(part)) for part in parts)
    if whole is tuple:
        kinds = parts[:1] * len(value) if isinstance(value, tuple) and parts[-1] is ... else parts
        return isinstance(value, tuple) and len(value) == len(kinds) and all(map(_fits, value, kinds))
    if kind is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    return type(value) is kind


def _frozen(value: Any) -> Any:
    return tuple(map(_frozen, value)) if isinstance(value, list) else value
