"""Controls that are made from declarations: a recommender's options, and groups of people or items."""

from __future__ import annotations

import dataclasses
import weakref
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import pandas as pd
import streamlit as st

from fairdash import entries, groups, settings, words
from fairdash.errors import ConfigError
from fairdash.recommenders.options import choices_of
from fairdash.schema import PART, TIME, USER_ID, Dataset, GroupSpec
from fairdash.stages.audit import AuditSpec
from fairdash.ui import access, parts, state

NONE = ""  # no attribute can be called so


def options(name: str, config: type, *, columns: int = 3) -> dict[str, Any]:
    """One control for each field of an options dataclass; those declared as `first` stand open, the rest behind “More
    options”.

    name: whose options these are; the controls of two owners never share a value. Returns the values that
    differ from their defaults, ready for `recommenders.build` and for `--set`.
    """
    fields = {field.name: field for field in dataclasses.fields(config)}
    chosen = _grid(name, [field for field in fields.values() if field.metadata.get("first")], columns)
    rest = [field for field in fields.values() if not field.metadata.get("first")]
    if rest:
        drawn = parts.folded(words.say("More options"), f"more-{name}", None, _grid, name, rest, columns)
        chosen |= {field.name: _said(name, field) for field in rest} if drawn is None else drawn
    changed = {option: value for option, value in chosen.items() if value != fields[option].default}
    for value in changed.values():
        if isinstance(value, str):
            access.own_folder(value)
    return changed


def fill(name: str, config: type, values: Mapping[str, Any]) -> None:
    """Set the controls that `options` will draw: these values, and the defaults of all others."""
    for field in dataclasses.fields(config):
        state.put(_key(name, field), _written(field)(values.get(field.name, field.default)))
        if field.name in values and not field.metadata.get("first"):
            st.session_state[f"more-{name}"] = True  # what is set is seen


def _key(name: str, field: dataclasses.Field[Any]) -> str:
    return f"set_{name}_{field.name}"


def _grid(name: str, fields: Sequence[dataclasses.Field[Any]], columns: int) -> dict[str, Any]:
    chosen = {}
    for start in range(0, len(fields), columns):
        for column, field in zip(st.columns(columns, vertical_alignment="bottom"), fields[start:], strict=False):
            with column:
                chosen[field.name] = _control(name, field)
    return chosen


def _control(name: str, field: dataclasses.Field[Any]) -> Any:
    """The control that fits the field's type; its value lives in the URL under the owner's and the field's name."""
    label, meta, default = words.say(words.option(field.name)), field.metadata, field.default
    held = state.own(_key(name, field), default, partial(_read, field), _written(field))
    shared: dict[str, Any] = {"help": words.say(meta.get("help", "")), **held}
    if choices := choices_of(field):
        return st.selectbox(label, choices, **shared)
    if isinstance(default, bool):
        return st.checkbox(label, **shared)
    if isinstance(default, int):
        return st.number_input(label, int(meta["min"]), int(meta["max"]), **shared)
    if isinstance(default, float):
        step = 10.0 ** (len(f"{int(1 / default)}") * -1) if 0 < default < 1 else 0.1
        return st.number_input(label, float(meta["min"]), float(meta["max"]), step=step, format="%g", **shared)
    return st.text_input(label, **shared)


def _said(name: str, field: dataclasses.Field[Any]) -> Any:
    """The value of an option whose control is not drawn."""
    return state.seen(_key(name, field), field.default, partial(_read, field))


def _read(field: dataclasses.Field[Any], told: str) -> Any:
    """An option's value from the URL. Raises ValueError or KeyError for one that it cannot have."""
    default, meta = field.default, field.metadata
    if choices := choices_of(field):
        return state.one_of(choices)(told)
    if isinstance(default, bool):
        return told.lower() == "true"
    if not isinstance(default, int | float):
        return told
    value = type(default)(told)
    if not meta["min"] <= value <= meta["max"]:
        raise ValueError(told)
    return value


def _written(field: dataclasses.Field[Any]) -> Callable[[Any], str | None]:
    """An option's value for the URL, which says nothing of the usual one."""
    return lambda value: None if value == field.default else str(value)


_suggested: dict[int, tuple[weakref.ref[pd.DataFrame], dict[str, GroupSpec]]] = {}


def attributes(table: pd.DataFrame) -> dict[str, GroupSpec]:
    """The attributes of a table that make groups, by name, as the data stage proposes them; looked for once in each
    table, which nobody changes and which is gone when nobody holds it."""
    at = id(table)
    if at not in _suggested or _suggested[at][0]() is not table:
        found = {spec.attributes[0]: spec for spec in groups.suggest(table)}
        _suggested[at] = weakref.ref(table, lambda _: _suggested.pop(at, None)), found
    return _suggested[at][1]


def saved(table: pd.DataFrame) -> dict[str, GroupSpec]:
    """The groups of people that were saved with the lists in view, by name, as attributes of a table of people; without
    those that are named as one of its columns, and those of whom nobody is in it."""
    workspace, lists = state.workspace(), state.get("lists") or ""
    kept = entries.saved_people(workspace, lists) if workspace.has("lists", lists) else {}
    return {
        name: GroupSpec((name,), members=((name, tuple(ids)),))
        for name, ids in kept.items()
        if name not in table and table[USER_ID].astype(str).isin(ids).any()
    }


def group(
    table: pd.DataFrame, label: str = words.later("Groups of people"), *, inline: bool = False
) -> GroupSpec | None:
    """Choose an attribute of people or a saved group, perhaps crossed with a second one; cuts of numeric ones can be
    edited.

    All pages share the choice. inline: the cuts stand beside it, for a place that is a popover itself.
    None where the table has no attribute that makes groups.
    """
    known = attributes(table) | saved(table)
    if not known:
        return None
    names = list(known)
    with st.container(horizontal=True, vertical_alignment="bottom", key="choose-group", width="content"):
        first = st.selectbox(
            words.say(label),
            names,
            format_func=words.namer(names),
            width=200,
            **state.shared("group", names[0], state.one_of(names)),
        )
        second = _second(names, first)
        hint = words.say("Cuts of numeric attributes, and the least group size")
        with st.container() if inline else st.popover(words.say("Cuts"), icon=":material/tune:", help=hint):
            size = _least()
            chosen = [_cut(known[name], size) for name in (first, second) if name != NONE]
    return GroupSpec.crossed(chosen)


def details(known: Mapping[str, GroupSpec], first: str) -> tuple[dict[str, GroupSpec], GroupSpec | None]:
    """What a sentence has no room for: the least size, the cuts of all attributes, and for one of them that the first
    is crossed with. Returns the attributes as they are cut, and the groups of `first`; None where it is none of them.
    """
    hint = words.say("A second attribute, cuts of numeric attributes, the least group size")
    with st.popover(words.say("Cuts"), icon=":material/tune:", key="group-details", help=hint):
        second = _second(list(known), first) if first in known else NONE
        size = _least()
        cut = {name: _cut(spec, size) for name, spec in known.items()}
    return cut, GroupSpec.crossed([cut[name] for name in (first, second) if name in cut]) if first in cut else None


def _second(names: Sequence[str], first: str) -> str:
    """The attribute that the first is crossed with, or NONE."""
    others = [NONE, *(name for name in names if name != first)]
    if len(others) == 1:
        return NONE
    second: str = st.selectbox(
        words.say("Crossed with"), others, format_func=words.namer(others, _titled), width=160,
        help=words.say("People are then grouped by both attributes at once."),
        **state.shared("cross", NONE, state.one_of(others)),
    )  # fmt: skip
    return second


def _least() -> int:
    size = st.number_input(
        words.say("Least group size"),
        settings.FEWEST,
        100_000,
        help=words.say("Smaller groups are shown in grey and are never part of a gap."),
        **state.shared("least", settings.MIN_GROUP_SIZE, state.within(settings.FEWEST, 100_000)),
    )
    return int(size)


def _cut(spec: GroupSpec, size: int) -> GroupSpec:
    """The attribute with the cuts and the least size that were chosen."""
    edges = _edges(spec)
    return dataclasses.replace(spec, edges=() if edges is None else (edges,), min_size=size)


def view(group: GroupSpec | None, items: GroupSpec | str | None, k: int) -> dict[str, Any]:
    """What is chosen of people, items and K, as a part of a job's request."""
    things = GroupSpec((items,)) if isinstance(items, str) else items
    return AuditSpec(
        groups=() if group is None else (group,), item_groups=() if things is None else (things,), k=k
    ).to_json()


def _titled(name: str) -> str:
    """An attribute's own name, or that there is none."""
    return words.say("none") if name == NONE else name


def _edges(spec: GroupSpec) -> tuple[float, ...] | None:
    """The cuts of a numeric attribute; None for one that has names already."""
    if not spec.edges or spec.edges[0] is None:
        return None
    name, default = spec.attributes[0], ", ".join(f"{edge:g}" for edge in spec.edges[0])
    told = st.text_input(
        words.say("Cuts of {name}", name=words.plain(name)),
        help=words.say("Numbers, smallest first; each one starts a new group."),
        **state.shared(f"cut_{name}", default, str),
    )
    return parse_edges(told)


def item_group(table: pd.DataFrame, extra: Sequence[str] = (), *, inline: bool = False) -> GroupSpec | str | None:
    """Choose groups of items: an attribute of items, or one of `extra` (such as popularity), or none. inline: within a
    sentence that says what it is.
    """
    known = attributes(table)
    names = [NONE, *dict.fromkeys([*extra, *known])]
    if len(names) == 1:
        return None
    first = extra[0] if extra else NONE
    chosen = st.selectbox(
        words.say("Groups of items"), names, format_func=words.namer(names, _titled), width=170 if inline else 200,
        label_visibility="collapsed" if inline else "visible",
        **state.shared("item_group", first, state.one_of(names)),
    )  # fmt: skip
    return None if chosen == NONE else chosen if chosen in extra else known[chosen]


def parse_edges(told: str) -> tuple[float, ...]:
    """ "18, 25, 35" → (18, 25, 35). Raises ConfigError for what is no rising list of numbers."""
    try:
        edges = tuple(float(word) for word in told.replace(";", ",").split(",") if word.strip())
    except ValueError:
        raise ConfigError(
            words.say("“{told}” is no list of numbers.", told=words.label(told)),
            words.say("Write cuts like 18, 25, 35."),
        ) from None
    if not edges or list(edges) != sorted(set(edges)):
        raise ConfigError(
            words.say("Cuts must rise, and there must be at least one."), words.say("Write cuts like 18, 25, 35.")
        )
    return edges


SPLITS = {
    "own": words.later("As the data came"),
    "user-time": words.later("Each person's last part in time"),
    "leave-one-out": words.later("Each person's last item"),
    "user-random": words.later("A random part of each person"),
    "global-time": words.later("One date for everybody"),
}


def split(dataset: Dataset) -> str:
    """What is held out as test, as the spec that `data.split.split` takes; all pages share it. Offered is what this
    data can do: nothing goes by time where there is none."""
    timed = TIME in dataset.interactions
    own = ["own"] if PART in dataset.interactions else []
    kinds = [*own, *(kind for kind in SPLITS if kind != "own" and (timed or kind == "user-random"))]
    kind, _, argument = (state.get("split") or "").partition(":")
    if kind not in kinds:
        kind, argument = kinds[0], ""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.selectbox(
            words.say("Held out for the test"),
            kinds,
            format_func=lambda one: words.say(SPLITS[one]),
            width=240,
            **state.held("split_kind", kind, lambda chosen: state.put("split", chosen)),
        )
        spec = kind
        if kind in ("user-time", "user-random"):
            share = _share(argument)
            st.number_input(
                words.say("Known part"),
                0.1,
                0.95,
                step=0.05,
                width=130,
                help=words.say("The rest of each person's interactions is held out."),
                **state.held("split_share", share, lambda chosen: state.put("split", f"{kind}:{chosen:g}")),
            )
            spec = f"{kind}:{share:g}"
        elif kind == "global-time":
            date = argument.strip() or "80%"
            st.text_input(
                words.say("Date or part"),
                help=words.say(
                    "A date such as 2003-01-31, a number in the time column's own unit, or a part such as 80%."
                ),
                width=160,
                **state.held("split_date", date, lambda chosen: state.put("split", f"{kind}:{chosen.strip()}")),
            )
            spec = f"{kind}:{date}"
    if not timed:
        st.caption(
            words.say(
                "This data has no column of times or of an order, so a random part of each person is held out. "
                "To hold out the latest, bring the files again and name such a column under “Columns”."
            )
        )
    elif kind not in ("own", "global-time"):
        st.caption(
            words.say(
                "Cut person by person: what other people did later is in training, so accuracy is rated too high. "
                "One date for everybody leaves nothing later in training."
            )
        )
    state.put("split", spec)
    return spec


def _share(told: str) -> float:
    """The known part; 0.8 where the text is no number between 0.1 and 0.95."""
    try:
        share = float(told)
    except ValueError:
        return 0.8
    return share if 0.1 <= share <= 0.95 else 0.8
