"""What requests and answers of the API hold, declared once: a dataclass says its fields, `schema` writes them as JSON
Schema, `read` takes a JSON value as one and says what is wrong in it, `plain` gives the JSON value of one.

In JSON a field `user_id` is called userId. A text in an annotation is its description.
"""

from __future__ import annotations

import math
import re
import types
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields, is_dataclass
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin, get_type_hints

from fairdash import settings
from fairdash.errors import DataError
from fairdash.events import log
from fairdash.words import label, say

T = TypeVar("T")


@dataclass(frozen=True)
class Within:
    """From what to what, both included: a number, the characters of a text, the entries of a list or a mapping."""

    low: int
    high: int


WHOLE = 2**63 - 1  # the largest whole number that every program reads as it is written
Text = Annotated[str, Within(0, log.MAX_TEXT)]
Id = Annotated[str, Within(1, log.MAX_TEXT)] | Annotated[int, Within(-WHOLE, WHOLE)]


# --- requests ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Past:
    """An item of a history that is given, with how it was rated on the scale of the data; without: liked."""

    item_id: Id
    event_value: float | None = None


@dataclass(frozen=True)
class Request:
    """Whose list is asked for: a known person, or a history and a profile as given."""

    user_id: Annotated[Id | None, "A person of the data, or one of whom there are events."] = None
    history: Annotated[
        Annotated[tuple[Past | Id, ...], Within(0, settings.API_HISTORY)] | None,
        "Instead of userId: items, oldest first.",
    ] = None
    profile: Annotated[
        Mapping[str, Text | float | bool | None],
        Within(0, settings.MAX_COLUMNS),
        "Attributes as they are told to a recommender that reads a profile; null: not told.",
    ] = field(default_factory=dict)
    k: Annotated[int, Within(1, settings.CANDIDATES), "Items of the list."] = settings.K
    why: Annotated[bool, "With what each item rests on most."] = False
    run: Annotated[Text | None, "The id of a run; it may be left out where there is but one."] = None


@dataclass(frozen=True)
class Event:
    """What somebody did or was shown; the names are those of Amazon Personalize's PutEvents."""

    user_id: Id
    event_type: Annotated[Id, "click, watch, purchase and the like."]
    sent_at: Annotated[Text | float, "ISO 8601, or seconds or milliseconds since 1970."]
    item_id: Annotated[Id | None, "What was clicked, played, bought."] = None
    event_id: Annotated[Id | None, "Two events with the same one count once."] = None
    session_id: Id | None = None
    event_value: Annotated[float | None, "How it was rated, on the scale of the data."] = None
    impression: Annotated[
        Annotated[tuple[Id, ...], Within(0, log.MAX_IMPRESSION)] | None, "The items shown, the first first."
    ] = None
    recommendation_id: Annotated[Id | None, "Of the list that was shown."] = None


Events = Event | Annotated[tuple[Event, ...], Within(0, settings.API_BATCH)]


# --- answers ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Because:
    """What an item rests on most: an item of the history, or an attribute of the profile; neither where nothing that is
    left out lowers its score."""

    item_id: str | None
    attribute: str | None
    fall: Annotated[float, "By how much the score falls without it, in the recommender's own units."]


@dataclass(frozen=True)
class Recommended:
    """An item of a list."""

    item_id: str
    title: str
    rank: int
    score: float
    why: Because | None


@dataclass(frozen=True)
class Recommendations:
    """A list, best first."""

    recommendation_id: Annotated[str, "To be sent with the events that follow."]
    run: str
    user_id: str | None
    history: Annotated[int, "How many items of a history it rests on, those of events among them."]
    items: tuple[Recommended, ...]


@dataclass(frozen=True)
class RunEntry:
    """A run. audits: ids of the audits of its lists."""

    id: str
    title: str
    recommender: str
    data: str
    split: str
    people: int
    items: int
    model: Annotated[bool, "false: lists of another system, without a model that could answer."]
    audits: tuple[str, ...]


@dataclass(frozen=True)
class Runs:
    """All runs, the newest first."""

    runs: tuple[RunEntry, ...]


@dataclass(frozen=True)
class Fault:
    """What is wrong, and what to do about it."""

    status: int
    message: str
    hint: str


@dataclass(frozen=True)
class Failed:
    """The answer to a request that cannot be followed."""

    error: Fault


# --- JSON Schema ------------------------------------------------------------------------------------------------------

_NAMES: Mapping[Any, str] = {str: "string", int: "integer", float: "number", bool: "boolean", types.NoneType: "null"}


def schema(kind: Any) -> dict[str, Any]:
    """The JSON Schema of a type; dataclasses are referred to, see `components`."""
    kind, limits, described = _bare(kind)
    told: dict[str, Any] = {"description": described} if described else {}
    if is_dataclass(kind):
        return {"$ref": f"#/components/schemas/{kind.__name__}", **told}  # type: ignore[union-attr]  # it is a class
    if choices := _choices(kind):
        return {"anyOf": [schema(one) for one in choices], **told}
    if get_origin(kind) is tuple:
        found: dict[str, Any] = {"type": "array", "items": schema(get_args(kind)[0])}
        return found | ({"maxItems": limits.high} if limits else {}) | told
    if get_origin(kind) is Mapping:
        found = {"type": "object", "additionalProperties": schema(get_args(kind)[1])}
        return found | ({"maxProperties": limits.high} if limits else {}) | told
    if kind is Any:
        return told
    found = {"type": _NAMES[kind]}
    names = ("minLength", "maxLength") if kind is str else ("minimum", "maximum")
    return found | (dict(zip(names, (limits.low, limits.high), strict=True)) if limits else {}) | told


def components(*kinds: Any) -> dict[str, Any]:
    """By name, the schemas of these dataclasses and of all within them."""
    found: dict[str, Any] = {}
    for kind in map(_only, kinds):
        for part in (*_choices(kind), *get_args(kind)):
            found |= components(part)
        if is_dataclass(kind):
            hints = get_type_hints(kind, include_extras=True)
            found[kind.__name__] = {  # type: ignore[union-attr]  # it is a class
                "type": "object",
                "description": " ".join((kind.__doc__ or "").split()),
                "properties": {_camel(name): schema(hint) for name, hint in hints.items()},
                "required": [_camel(one.name) for one in fields(kind) if _needed(one)],
                "additionalProperties": False,
            }
            found |= components(*hints.values())
    return found


# --- JSON values ------------------------------------------------------------------------------------------------------


def read(kind: type[T], value: Any) -> T:
    """A JSON value as the dataclass. Raises DataError that names the field and what it may be."""
    return _read(kind, value, "")  # type: ignore[no-any-return]


def plain(value: Any) -> Any:
    """The JSON value of a dataclass."""
    if is_dataclass(value):
        return {_camel(one.name): plain(getattr(value, one.name)) for one in fields(value)}
    return [plain(one) for one in value] if isinstance(value, tuple) else value


def _read(kind: Any, value: Any, where: str) -> Any:
    kind, limits, _ = _bare(kind)
    if choices := _choices(kind):
        fitting = [one for one in choices if _fits(_only(one), value)]
        if not fitting:
            raise _wrong(where, say(" or ").join(_named(one) for one in choices))
        return _read(fitting[0], value, where)
    if not _fits(kind, value):
        raise _wrong(where, _named(kind))
    if is_dataclass(kind):
        return _record(kind, value, where)
    if isinstance(value, list | dict) and limits and len(value) > limits.high:
        raise DataError(
            say("{where} holds {n} entries; at most {high} are allowed.", where=_place(where), n=len(value),
                high=limits.high)
        )  # fmt: skip
    if get_origin(kind) is tuple:
        return tuple(_read(get_args(kind)[0], one, f"{where}[{i}]") for i, one in enumerate(value))
    if get_origin(kind) is Mapping:
        return {name: _read(get_args(kind)[1], one, _within(where, name)) for name, one in value.items()}
    if limits and isinstance(value, str) and not limits.low <= len(value) <= limits.high:
        raise DataError(
            say("{where} has {n} characters; {low} to {high} are allowed.", where=_place(where), n=len(value),
                low=limits.low, high=limits.high)
        )  # fmt: skip
    if limits and kind is int and not limits.low <= value <= limits.high:
        raise DataError(
            say("{where} lies between {low} and {high}.", where=_place(where), low=limits.low, high=limits.high)
        )
    return kind(value) if kind in (int, float) else value


def _record(kind: Any, value: Mapping[str, Any], where: str) -> Any:
    names = {_camel(one.name): one for one in fields(kind)}
    for name in value:
        if name not in names:
            raise DataError(
                say("There is no field {name}.", name=_within(where, label(name))),
                say("Fields: {names}.", names=", ".join(names)),
            )
    for name, one in names.items():
        if name not in value and _needed(one):
            raise DataError(say("{where} is missing.", where=_within(where, name)))
    hints = get_type_hints(kind, include_extras=True)
    return kind(**{one.name: _read(hints[one.name], value[name], _within(where, name))
                   for name, one in names.items() if name in value})  # fmt: skip


def _wrong(where: str, wanted: str) -> DataError:
    return DataError(say("{where} must be {wanted}.", where=_place(where), wanted=wanted))


def _place(where: str) -> str:
    return where or say("The body")


def _within(where: str, name: str) -> str:
    return f"{where}.{label(name)}" if where else label(name)


def _named(kind: Any) -> str:
    """A type in words."""
    kind = _only(kind)
    if is_dataclass(kind) or get_origin(kind) is Mapping:
        return say("an object")
    if get_origin(kind) is tuple:
        return say("a list")
    said = {
        str: say("a text"), int: say("a whole number"), float: say("a number"), bool: say("true or false"),
        types.NoneType: "null",
    }  # fmt: skip
    return said[kind]


def _fits(kind: Any, value: Any) -> bool:
    """Whether a JSON value is of that type; its limits are looked at later. Infinite numbers are none."""
    if is_dataclass(kind) or get_origin(kind) is Mapping:
        return isinstance(value, dict)
    if get_origin(kind) is tuple:
        return isinstance(value, list)
    if isinstance(value, bool):
        return kind is bool
    if kind not in (int, float):
        return isinstance(value, kind)
    if isinstance(value, int):
        return kind is int or abs(value) < 2**1023  # what is larger has no float
    return isinstance(value, float) and math.isfinite(value) and (kind is float or value.is_integer())


# --- types ------------------------------------------------------------------------------------------------------------


def _bare(kind: Any) -> tuple[Any, Within | None, str]:
    """A type without its annotations, its limits, and what is said of it."""
    if get_origin(kind) is not Annotated:
        return kind, None, ""
    inner, *more = get_args(kind)
    limits = next((one for one in more if isinstance(one, Within)), None)
    return inner, limits, next((one for one in more if isinstance(one, str)), "")


def _only(kind: Any) -> Any:
    return _bare(kind)[0]


def _choices(kind: Any) -> tuple[Any, ...]:
    return get_args(kind) if get_origin(kind) in (Union, types.UnionType) else ()


def _needed(one: Any) -> bool:
    return one.default is MISSING and one.default_factory is MISSING


def _camel(name: str) -> str:
    return re.sub(r"_(\w)", lambda found: found[1].upper(), name)
