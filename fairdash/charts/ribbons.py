"""Two lists of one person beside each other: a ribbon joins the places of an item that is on both."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fairdash import words
from fairdash.charts import frame
from fairdash.charts.frame import BLUE, GREEN, GREY, VERMILLION, Chart, empty

Values = NDArray[np.float64]

_LEFT, _RIGHT = 0.43, 0.57  # of the picture's width: where names end and ribbons begin
_LINE = 21  # characters of a name in one line: two lines stand beside a ribbon, on a phone, too
_ROW, _FOOT = 38, 24  # pixels of a place, and of a lost item at the foot
_HEART = f" <span style='color:{VERMILLION}'>♥</span>"
_BEND = np.linspace(0.0, 1.0, 17)
_ACROSS = _LEFT + (_RIGHT - _LEFT) * _BEND
_GAP = "\u2003"  # between a ribbon's end and a name: as wide on a phone
_MOVED = {
    "stays": words.later("stays at {place}"),
    "moves": words.later("from {before} to {after}"),
    "new": words.later("new at {place}"),
    "lost": words.later("was {place}, no longer listed"),
}


@frame.kept
def ribbons(
    before: Sequence[int],
    after: Sequence[int],
    names: Mapping[int, str],
    sides: tuple[str, str],
    liked: Collection[int] = (),
    keys: Mapping[int, str] | None = None,
) -> Chart:
    """Items of two lists, best first. A blue ribbon joins an item's places, a new item has a green diamond, a lost one
    a dashed grey ribbon to its name at the foot. names: what items are called. liked: those liked later, with a ♥.
    keys: what the marks of an item stand for when they are clicked; nothing for one that is not among them."""
    if not before and not after:
        return empty(words.say("Both lists are empty."))
    lost = [item for item in before if item not in set(after)]
    rows = max(len(before), len(after))
    foot = rows + 0.9  # of the first lost item, below its heading
    step = _FOOT / _ROW
    height = _ROW * (rows + 1) + (_ROW + _FOOT * len(lost) if lost else 0)
    figure = frame.canvas(round(height) + 8)
    place = {item: i for i, item in enumerate(after)}
    places = place | {item: foot + step * i for i, item in enumerate(lost)}
    told = _told(before, after)
    meant = list(keys or {})
    marks = {item: [f"{words.markup(names[item], 60)}: {words.markup(how, 60)}",
                    *([meant.index(item)] if item in meant else [])] for item, how in told.items()}  # fmt: skip
    kept = [item for item in before if item in place]
    # As few traces as there are looks: a browser takes as long for a trace of one ribbon as for one of all.
    for items, color, width, dash, opacity in ((lost, GREY, 2, "dash", 0.55), (kept, BLUE, 9, "solid", 0.75)):
        paths = [_ribbon(list(before).index(item), places[item]) for item in items]
        if paths:
            figure.add_scatter(
                x=np.tile([*_ACROSS, np.nan], len(paths)), y=np.concatenate(paths), mode="lines+markers",
                marker={"color": "rgba(0,0,0,0)", "size": 11},  # a line alone hears no click
                showlegend=False, opacity=opacity, line={"color": color, "width": width, "dash": dash,
                                                      "simplify": False},
                customdata=[marks[item] for item in items for _ in range(len(_BEND) + 1)],
                hovertemplate="%{customdata[0]}<extra></extra>",
            )  # fmt: skip
    fresh = [item for item in after if item not in set(before)]
    if fresh:
        figure.add_scatter(
            x=[_RIGHT] * len(fresh), y=[place[item] for item in fresh], mode="markers", showlegend=False,
            marker={"color": GREEN, "symbol": "diamond", "size": 11},
            customdata=[marks[item] for item in fresh], hovertemplate="%{customdata[0]}<extra></extra>",
        )  # fmt: skip

    def name(item: int, number: int | None) -> str:
        return _name(names[item], number) + (_HEART if item in liked else "")

    left = [(-0.9, _heading(sides[0])), *((i, name(item, i + 1)) for i, item in enumerate(before))]
    right = [(-0.9, _heading(sides[1]))]
    right += [(y, name(item, place[item] + 1 if item in place else None)) for item, y in places.items()]
    if lost:
        right.append((foot - 0.75, _heading(words.say("no longer listed"))))
    for x, position, texts in ((_LEFT, "middle left", left), (_RIGHT, "middle right", right)):
        figure.add_scatter(
            x=[x] * len(texts), y=[y for y, _ in texts], text=[_away(text, position) for _, text in texts], mode="text",
            textposition=position, showlegend=False, hoverinfo="skip", cliponaxis=False,
        )  # fmt: skip
    figure.update_xaxes(range=[0, 1], visible=False, fixedrange=True)
    figure.update_yaxes(range=[(foot + step * len(lost) if lost else rows) - 0.4, -1.4], visible=False, fixedrange=True)
    figure.update_layout(margin={"l": 0, "r": 0, "t": 4, "b": 4}, hovermode="closest")
    table = pd.DataFrame(
        {
            "item": [names[item] for item in told],
            words.later("left"): pd.array([_at(before, item) for item in told], "Int64"),
            words.later("right"): pd.array([_at(after, item) for item in told], "Int64"),
            words.later("what happens"): list(told.values()),
            words.later("liked later"): [words.say("yes") if item in liked else "" for item in told],
        }
    )
    said = "; ".join(f"{names[item]}: {how}" for item, how in told.items())
    stay = len(before) - len(lost)
    summary = words.say("{left} and {right}: {stay} of {of} items are on both. {said}.",
                        left=sides[0], right=sides[1], stay=stay, of=len(before), said=said)  # fmt: skip
    return Chart(figure, summary, table, [(keys or {})[item] for item in meant])


def _told(before: Sequence[int], after: Sequence[int]) -> dict[int, str]:
    """What happens to each item, those of the left list first."""
    told = {}
    for item in dict.fromkeys([*before, *after]):
        old, new = _at(before, item), _at(after, item)
        if old is None or new is None:
            told[item] = words.say(_MOVED["new" if old is None else "lost"], place=new if old is None else old)
        elif old == new:
            told[item] = words.say(_MOVED["stays"], place=old)
        else:
            told[item] = words.say(_MOVED["moves"], before=old, after=new)
    return told


def _at(items: Sequence[int], item: int) -> int | None:
    """The place of an item, from 1; None where it is not listed."""
    return list(items).index(item) + 1 if item in items else None


def _name(title: str, number: int | None) -> str:
    """A name in two short lines at most, behind its place; a lost one in one line."""
    if number is None:
        return f"<i>{words.markup(title, _LINE + 5)}</i>"
    return f"<b>{number}</b> " + "<br>".join(words.markup(line, _LINE + 5) for line in _lines(title))


def _lines(text: str) -> list[str]:
    """Text in two lines at most."""
    lines = [""]
    for word in words.label(text, 2 * _LINE - 4).split(" "):
        if lines[-1] and len(lines[-1]) + 1 + len(word) > _LINE and len(lines) < 2:
            lines.append("")
        lines[-1] += (" " if lines[-1] else "") + word
    return lines


def _heading(text: str) -> str:
    return "<br>".join(f"<b>{words.markup(line, _LINE + 5)}</b>" for line in _lines(text))


def _away(text: str, position: str) -> str:
    """A name, a little away from where its ribbon ends."""
    lines = text.split("<br>")
    return "<br>".join(f"{line}{_GAP}" if position.endswith("left") else f"{_GAP}{line}" for line in lines)


def _ribbon(start: float, end: float) -> Values:
    """The heights of a ribbon on its way, and a gap to the next."""
    return np.append(start + (end - start) * (3 * _BEND**2 - 2 * _BEND**3), np.nan)
