"""Charts: every one has words and a table, data text is inert, and the four states of a number look different."""

from __future__ import annotations

import json
from dataclasses import replace
from urllib.parse import unquote

import numpy as np
import pandas as pd
import pytest

from fairdash import charts, words
from fairdash.charts import (
    Change,
    Chart,
    GroupValue,
    PeopleRow,
    PlanePoint,
    Reliability,
    ReliabilityCell,
    TradePoint,
)
from fairdash.charts.lever import MAX_DOTS as MOST_PEOPLE
from fairdash.charts.lever import Array, frontier
from fairdash.charts.lorenz import curve, gini
from fairdash.charts.many import interval

EVIL = '<a href="javascript:alert(1)">x</a> %{y} $z$'


def every_chart(name: str) -> dict[str, Chart]:
    values = {name: (50, [0.25, 0.75]), "b": (30, [0.5, 0.5])}
    return {
        "group_values": charts.group_values(
            [GroupValue(name, 50, 0.2, 0.1, 0.3), GroupValue("b", 3, 0.4, aside="too few")], "NDCG@10", 0.3
        ),
        "cumulative": charts.distributions([0, 0.5, 1], values, "NDCG@10"),
        "violin": charts.distributions([0, 0.5, 1], values, "NDCG@10", "violin"),
        "shares in cells": charts.distributions([0, 0.5, 1], values, "NDCG@10", "shares"),
        "shares": charts.shares(["Drama", name], {name: [0.3, 0.7], "b": [0.5, 0.5]}, "share"),
        "exposure": charts.exposure(
            [name, "b"], {"catalogue": [0.5, 0.5], "exposure": [0.7, 0.3]}, {"exposure": [[0.6, 0.8], [0.2, 0.4]]}
        ),
        "timeline": charts.timeline(
            pd.DataFrame(
                [
                    (pd.Timestamp("2026-01-01"), name, 0.2, 0.1, 0.3, False, False),
                    (pd.Timestamp("2026-01-02"), name, 0.4, 0.3, 0.5, True, True),
                    (pd.Timestamp("2026-01-01"), "b", 0.3, 0.2, 0.4, False, False),
                ],
                columns=["end", "series", "value", "low", "high", "open", "moved"],
            ),
            "share",
            reference=pd.Timestamp("2026-01-01"),
            zero=True,
        ),
        "stacked": charts.stacked({name: [0.2, 0.8], "b": [0.5, 0.5]}, ["head", name], "% of slots"),
        "before_after": charts.before_after(
            [Change(name, 50, 0.2, 0.25, 0.05, 0.01, 0.09), Change("b", 9, None, None, None, None, None)], "NDCG@10"
        ),
        "plane": charts.plane(
            [PlanePoint(name, "0.5", 0.1, 0.9, "calibrate 0.5", True), PlanePoint("b", "1", 0.2, 1.1, "b 1")],
            (0.15, 1.0),
            "gap",
            "NDCG@10",
            -1,
        ),
        "trade_off": charts.trade_off(
            [TradePoint(name, "0.5", 0.1, 0.2, (0.05, 0.15), (0.19, 0.21), True)], "gap", "NDCG@10"
        ),
        "curves": charts.curves({name: [(0, 1), (1, 0.5)]}, "% of training", "loss"),
        "band": charts.band([20, 30], [0.1, 0.2], [0.05, 0.1], [0.2, 0.3], "age", "NDCG@10"),
        "reliability": charts.reliability(
            [
                Reliability("everybody", 50, 0.1, [ReliabilityCell(10, 9, 0.1, 0.2, 0.1, 0.4)]),
                Reliability(name, 30, 0.2, [ReliabilityCell(1, 1, 0.1, 0.0, None, None)]),
                Reliability("b", 3, 0.3, [ReliabilityCell(3, 3, 0.9, 0.8, 0.5, 0.9)], aside="too few"),
            ]
        ),
        "ribbons": charts.ribbons([0, 1], [1, 2], {0: name, 1: "b", 2: "c"}, ("before", name), {2}),
        "bars": charts.bars([name, "b"], [0.5, -0.2], "adds"),
        "strip": charts.strip([charts.Mark("ndcg", name, 0.02, 0.01, 0.03, 0.015, "found")], name, "b"),
        "people": charts.people(
            [charts.Crowd(name, 3, [name, "u2", "u3"], np.array([0.1, 0.2, 0.3]), 0.2)],
            name,
            charts.Reference(name, 0.2, 0.05),
        ),
        "crossing": charts.crossing([charts.Cell(name, "b", name, 30, 0.2, 0.1, 0.3)], name, 0.25, name),
        "mirrored": charts.mirrored(
            ["Drama", name], charts.Half(name, [0.3, 0.7], [0.5, 0.5]), charts.Half("b", [0.6, 0.4]), "share"
        ),
        "lorenz": charts.lorenz(np.array([1.0, 3.0]), np.array([1.0, 1.0]), name),
    }


@pytest.mark.parametrize("kind", every_chart("a"))
def test_every_chart_has_words_and_a_table_and_both_themes(kind: str) -> None:
    chart = every_chart("a")[kind]
    assert len(chart.alt) > 20
    assert len(chart.table)
    light, dark = (json.loads(chart.themed(mode).to_json())["layout"]["font"] for mode in (False, True))
    assert light["color"] != dark["color"]


@pytest.mark.parametrize("kind", every_chart("a"))
def test_names_from_data_are_inert(kind: str) -> None:
    drawn = json.loads(every_chart(EVIL)[kind].themed().to_json())
    for trace in drawn["data"]:
        trace.get("customdata")  # templates may quote it: it is escaped below like everything else
        assert "%{y} $z" not in json.dumps(trace.get("hovertemplate", ""))
    assert "<a " not in json.dumps(drawn)


def test_reliability_draws_those_who_are_compared_and_lists_all() -> None:
    chart = every_chart("a")["reliability"]
    diagonal, everybody, group = chart.figure.data
    assert tuple(diagonal.x) == tuple(diagonal.y) == (0, 1)
    assert everybody.error_y.array == pytest.approx((0.2,))
    assert everybody.error_y.arrayminus == pytest.approx((0.1,))
    assert everybody.marker.symbol != group.marker.symbol
    assert list(chart.table["of"]) == ["everybody", "a", "b"]
    assert list(chart.table["note"]) == ["", "", "too few"]
    assert charts.reliability([Reliability("everybody", 0, float("nan"), [])]).table.empty


def test_small_undefined_and_ordinary_groups_look_different() -> None:
    chart = charts.group_values(
        [
            GroupValue("F", 273, 0.21, 0.19, 0.23),
            GroupValue("X", 12, 0.3, 0.1, 0.5, aside="too few"),
            GroupValue("?", 2, None, reason="no held-out item"),
        ],
        "NDCG@10",
    )
    ordinary, small = chart.figure.data
    assert not ordinary.marker.symbol.endswith("-open")
    assert small.marker.symbol.endswith("-open")
    assert small.marker.color == charts.GREY
    assert any("undefined: no held-out item" in a.text for a in chart.figure.layout.annotations)
    assert "too few" in chart.figure.layout.yaxis.ticktext[1]
    assert list(chart.table["note"]) == ["", "too few", "no held-out item"]


def test_groups_differ_in_shape_as_well_as_colour() -> None:
    chart = charts.group_values([GroupValue(str(i), 30, i / 10) for i in range(6)], "NDCG@10")
    looks = {(t.marker.symbol, t.marker.color) for t in chart.figure.data}
    assert len({symbol for symbol, _ in looks}) == len({color for _, color in looks}) == 6


def test_labels_carry_n() -> None:
    chart = charts.group_values([GroupValue("F", 1273, 0.2)], "NDCG@10")
    assert chart.figure.layout.yaxis.ticktext == ("F (n = 1,273)",)


def test_a_value_drawn_to_the_mean_stands_beside_the_raw_one() -> None:
    raw = GroupValue("F", 30, 0.2, 0.1, 0.4)
    drawn = GroupValue("M", 30, 0.6, 0.4, 0.8, shrunk=0.45, shrunk_low=0.3, shrunk_high=0.6)
    chart = charts.group_values([raw, drawn], "NDCG@10")
    strokes = [t for t in chart.figure.data if t.marker.symbol == "line-ns"]
    assert [(t.x[0], t.y[0]) for t in strokes] == [(0.45, 1)]
    assert chart.table["drawn to the mean"].tolist()[1] == 0.45
    assert chart.table.columns[-1] == "note"
    assert "drawn to the mean" not in charts.group_values([raw], "NDCG@10").table


def test_a_group_of_whom_few_have_a_value_has_no_half_way() -> None:
    groups = {"a": (40, [0.1, 0.1]), "b": (40, [0.3, 0.6])}
    for kind in ("cumulative", "violin", "shares"):
        told = charts.distributions([1, 2, 3], groups, "First hit", kind).alt
        assert "20.0 % of a (n = 40) have one" in told
        assert "half of b (n = 40) have at most 3.000" in told


def test_a_cumulative_curve_ends_at_everybody() -> None:
    chart = charts.distributions([0, 1, 2, 4], {"a": (40, [0.5, 0.25, 0.25])}, "x")
    assert list(chart.figure.data[0].x) == [0, 1, 2, 4]
    assert list(chart.figure.data[0].y) == [0, 50, 75, 100]
    assert "half of a (n = 40) have at most 1.000" in chart.alt


def test_categories_are_ordered_by_their_difference() -> None:
    chart = charts.shares(["a", "b", "c"], {"F": [0.5, 0.2, 0.3], "M": [0.49, 0.4, 0.11]}, "share")
    assert chart.table["category"].tolist() == ["b", "c", "a"]


def test_changes_that_are_not_found_say_so() -> None:
    rows = [Change("F", 273, 0.2, 0.25, 0.05, 0.01, 0.09), Change("M", 670, 0.2, 0.21, 0.01, -0.01, 0.03)]
    chart = charts.before_after(rows, "NDCG@10")
    assert chart.table["change"].tolist() == ["found", "not found"]
    assert "no change found" in chart.figure.layout.annotations[1].text


@pytest.mark.parametrize(
    "chart",
    [
        charts.group_values([], "x"),
        charts.distributions([0, 1], {"a": (0, [0.0])}, "x"),
        charts.shares([], {}, "x"),
        charts.exposure([], {}),
        charts.stacked({}, [], "x"),
        charts.before_after([], "x"),
        charts.trade_off([], "x", "y"),
        charts.curves({}, "x", "y"),
        charts.band([], [], [], [], "x", "y"),
        charts.bars([], [], "x"),
    ],
)
def test_nothing_to_draw_says_so(chart: Chart) -> None:
    assert chart.alt
    assert chart.figure.layout.annotations[0].text


def test_many_rows_are_cut_in_the_picture_not_in_the_table() -> None:
    rows = [GroupValue(str(i), 30, 0.5) for i in range(60)]
    chart = charts.group_values(rows, "x")
    assert sum(len(trace.x) for trace in chart.figure.data) == charts.MAX_ROWS
    assert len(chart.table) == 60


def test_a_legend_of_several_lines_has_room_above_the_curves() -> None:
    few, many = (
        charts.curves({f"a line with a name {i}": [(0, 1), (1, 0)] for i in range(n)}, "x", "y").figure.layout
        for n in (1, 7)
    )
    assert many.margin.t - few.margin.t == many.height - few.height >= 3 * charts.frame.LEGEND_LINE


def test_a_legend_of_chinese_names_has_the_room_that_they_take() -> None:
    def above(name: str) -> int:
        return charts.curves({f"{name}{i}": [(0, 1), (1, 0)] for i in range(3)}, "x", "y").figure.layout.margin.t

    assert above("对用户群体同等的列表质量") > above("twelve marks")


def test_a_far_whisker_does_not_press_the_marks_together() -> None:
    whole = [GroupValue("F", 90, 0.2, 0.1, 0.4), GroupValue("M", 90, 0.21, 0.1, 0.3)]
    low, high = charts.group_values(whole, "NDCG@10", 0.2).figure.layout.xaxis.range
    assert low < 0.1 < 0.4 < high  # of groups that are compared, whiskers are whole
    values = [GroupValue("F", 90, 0.2, 0.18, 0.22), GroupValue("x", 6, 0.3, -0.4, 0.9, aside="too few")]
    low, high = charts.group_values(values, "NDCG@10", 0.21).figure.layout.xaxis.range
    assert 0.1 < low < 0.2
    assert 0.3 < high < 0.4


def test_bars_end_at_the_most_there_can_be() -> None:
    axis = charts.bars(["a", "b"], [10, 7], "items that stay, of 10", digits=0, most=10).figure.layout.xaxis
    assert axis.range[1] < 11
    assert max(axis.tickvals) == 10


def test_a_strip_is_in_units_of_each_metrics_own_interval() -> None:
    """0.02 in 0.01 to 0.03 is two half-widths of 0.01; seen from 0.015 on is one and a half."""
    marks = [
        charts.Mark("recall", "Recall", -0.01, -0.05, 0.03, 0.08, "none"),  # half a width of 0.04 / 2
        charts.Mark("ndcg", "NDCG", 0.02, 0.01, 0.03, 0.015, "found"),
        charts.Mark("map", "MAP", None, None, None, None, "undefined", "nobody has one"),
        charts.Mark("mrr", "MRR", 0.1, None, None, None, "untested"),
    ]
    chart = charts.strip(marks, "women", "men")
    assert list(chart.table["metric"]) == ["NDCG", "Recall", "MAP", "MRR"]  # the farthest first
    assert chart.table["in half-widths"].tolist()[:2] == pytest.approx([2, -0.25])
    zones = [(shape.x0, shape.x1) for shape in chart.figure.layout.shapes]
    assert zones == [pytest.approx((-1.5, 1.5)), pytest.approx((-2, 2))]
    found = next(trace for trace in chart.figure.data if trace.name == "difference found" and trace.x[0] is not None)
    assert chart.keys[found.customdata[0][1]] == "ndcg"
    assert (found.error_x.array[0], found.error_x.arrayminus[0]) == pytest.approx((1, 1))
    told = " ".join(note.text for note in chart.figure.layout.annotations)
    assert "undefined: nobody has one" in told
    assert "no interval" in told
    one_sided = charts.strip(marks[1:2])
    assert one_sided.figure.layout.shapes[0].x0 == 0


def test_of_many_people_some_are_drawn_evenly_and_the_number_is_said() -> None:
    rng = np.random.default_rng(0)
    many = charts.Crowd("F", 4000, [f"u{i}" for i in range(4000)], rng.permutation(4000) / 4000, 0.5)
    few = charts.Crowd("M", 30, [f"v{i}" for i in range(30)], np.arange(30) / 30, 0.5)
    chart = charts.people([many, few], "NDCG")
    dots = [trace for trace in chart.figure.data if trace.marker.size == 6]
    assert [len(trace.x) for trace in dots] == [charts.MAX_DOTS // 2, 30]
    assert chart.figure.layout.yaxis.ticktext[0] == "F (n = 4,000, 600 drawn)<br><b>0.500</b>"
    assert (min(dots[0].x), max(dots[0].x)) == (0, 3999 / 4000)
    assert np.diff(np.sort(dots[0].x)).max() < 8 / 4000  # evenly over the values
    assert list(chart.table["drawn"]) == [600, 30]
    assert all(chart.keys[place] == hint.split("<br>")[0] for trace in dots for hint, place in trace.customdata)


def test_people_of_one_value_stand_on_each_other_within_their_row() -> None:
    chart = charts.people([charts.Crowd("F", 40, list(map(str, range(40))), np.zeros(40), 0.0)], "NDCG")
    height = np.asarray(chart.figure.data[0].y)
    assert len(set(height.round(9))) == 40
    assert np.abs(height).max() < 0.5
    brushed = charts.people(
        [charts.Crowd("F", 3, ["a", "b", "c"], np.array([0.1, 0.5, 0.9]), 0.5)], "NDCG", None, (0.4, 0.6)
    )
    assert list(brushed.figure.data[0].marker.opacity) == [0.12, 0.6, 0.12]


def test_people_of_a_small_group_are_no_dots_but_a_reason() -> None:
    small = charts.Crowd("X", 12, [], np.empty(0), None, words.WITHHELD)
    large = charts.Crowd("F", 30, list(map(str, range(30))), np.arange(30) / 30, 0.5)
    chart = charts.people([large, small], "NDCG")
    assert sum(len(trace.x) for trace in chart.figure.data if trace.marker.size == 6) == 30
    assert any("too few people to show" in note.text for note in chart.figure.layout.annotations)
    assert chart.table.iloc[1]["NDCG"] is None or np.isnan(chart.table.iloc[1]["NDCG"])
    assert charts.people([small], "NDCG").table.empty


def test_a_crossing_is_in_its_own_half_widths_and_hatched_where_few_are() -> None:
    """0.3 against 0.2 with an interval of 0.25 to 0.35 is two half-widths."""
    cells = [
        charts.Cell("F", "18–24", "F × 18–24", 40, 0.3, 0.25, 0.35, shrunk=0.27),
        charts.Cell("F", "25+", "F × 25+", 12, None, aside=words.WITHHELD),
        charts.Cell("M", "25+", "M × 25+", 50, 0.1, 0.0, 0.2),
    ]
    chart = charts.crossing(cells, "NDCG", 0.2, "everybody shown")
    heat, hatched, tiles, few = chart.figure.data
    assert heat.z[0][0] == pytest.approx(2)
    assert heat.z[1][1] == pytest.approx(-1)
    assert np.isnan(heat.z[0][1])
    assert np.isnan(heat.z[1][0])  # nobody: no tile at all
    assert (hatched.x[0], hatched.base[0]) == (1, -0.46)
    assert len(hatched.x) == 1
    assert tiles.text[0] == "<b>0.300</b><br>→ 0.270<br>n 40"
    assert few.text[0] == "n 12"
    assert [chart.keys[place[1]] for place in tiles.customdata] == ["F × 18–24", "M × 25+"]
    assert [chart.keys[place[1]] for place in few.customdata] == ["F × 25+"]
    assert chart.table["drawn to the mean"].tolist()[0] == 0.27
    assert list(chart.table["n"]) == [40, 12, 50]
    wide = charts.crossing([*cells, charts.Cell("M", "18–24", "M × 18–24", 9, None), replace(cells[0], column="x")],
                           "NDCG", 0.2, "everybody shown")  # fmt: skip
    assert list(wide.figure.layout.yaxis.ticktext) == ["18–24", "25+", "x"]  # the longer side downwards


def test_mirrored_categories_stand_left_and_right_with_their_own_history() -> None:
    left, right = charts.Half("F", [0.5, 0.3, 0.2], [0.4, 0.4, 0.2]), charts.Half("M", [0.2, 0.3, 0.5], [0.3, 0.3, 0.4])
    chart = charts.mirrored(["Drama", "Comedy", "Action"], left, right, "share of slots")
    bar, history, other, _ = chart.figure.data
    assert list(chart.figure.layout.yaxis.ticktext)[2] == "Comedy"  # alike: the last
    assert bar.x[0] == pytest.approx(-50)
    assert history.x[0] == pytest.approx(-40)
    assert other.x[0] == pytest.approx(20)
    assert chart.table["F"].tolist() == [0.5, 0.2, 0.3]
    assert "Widest difference: Drama, 50.0 % and 20.0 %" in chart.alt
    nobody = charts.Half("X", [float("nan")] * 3)
    assert charts.mirrored(["Drama", "Comedy", "Action"], nobody, right, "share").table.empty


def test_lorenz_by_hand() -> None:
    """Exposure 1, 3 against an equal target: (½, ¼), Gini ¼; against 1, 3 it lies on the diagonal."""
    x, y = curve(np.array([3.0, 1.0]), np.array([1.0, 1.0]))
    assert x.tolist() == [0, 0.5, 1]
    assert y.tolist() == [0, 0.25, 1]
    assert gini(x, y) == pytest.approx(0.25)
    assert gini(*curve(np.array([1.0, 3.0]), np.array([1.0, 3.0]))) == pytest.approx(0)
    x, y = curve(np.array([1.0, 1.0, 0.0]), np.array([0.0, 1.0, 0.0]))  # one that no target knows comes last
    assert x.tolist() == [0, 1, 1]
    assert y.tolist() == [0, 0.5, 1]
    chart = charts.lorenz(np.array([1.0, 3.0]), np.array([1.0, 1.0]), "catalogue")
    assert "the half that gets least has 25.0 % of exposure" in chart.alt
    assert charts.lorenz(np.zeros(2), np.ones(2), "catalogue").table.empty


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("kind", every_chart("a"))
def test_a_mark_that_is_clicked_leaves_the_others_as_they_are(kind: str, dark: bool) -> None:
    chart = every_chart("a")[kind]
    for own, trace in zip(chart.figure.data, chart.themed(dark, "clicked").data, strict=True):
        if trace.type in ("scatter", "bar"):
            assert trace.unselected.marker.opacity == (own.unselected.marker.opacity or 1)
            assert trace.unselected.textfont.color


@pytest.mark.parametrize("kind", every_chart("a"))
def test_plotly_finds_nothing_new_in_a_copy_of_a_picture(kind: str) -> None:
    """It draws again where there is a template, an array in binary, or no revision of the data."""
    made = every_chart("a")[kind]
    told = json.loads(made.themed().to_json())
    assert "template" not in told["layout"]
    assert "bdata" not in json.dumps(told)
    assert told["layout"]["datarevision"] == made.themed().layout.datarevision
    assert told["layout"]["datarevision"] != made.themed(True).layout.datarevision


def test_ribbons_join_what_is_on_both_lists_and_tell_what_is_new_and_lost() -> None:
    names = {i: f"film {i}" for i in range(5)}
    chart = charts.ribbons([0, 1, 2], [2, 1, 3], names, ("before", "after"), liked={3})
    assert chart.table["what happens"].tolist() == [
        "was 1, no longer listed", "stays at 2", "from 3 to 1", "new at 3",
    ]  # fmt: skip
    assert chart.table["left"].tolist()[:3] == [1, 2, 3]
    assert chart.table["right"].isna().tolist() == [True, False, False, False]
    assert chart.table["liked later"].tolist() == ["", "", "", "yes"]
    assert "2 of 3 items are on both" in chart.alt
    lines = [trace for trace in chart.figure.data if trace.mode == "lines+markers"]
    lost, kept = lines
    assert (lost.line.dash, kept.line.dash) == ("dash", "solid")
    assert lost.y[0] == 0
    assert np.nanmax(lost.y) > 3  # at the foot
    ends = np.split(np.asarray(kept.y), np.flatnonzero(np.isnan(kept.y)) + 1)[:-1]
    assert [(one[0], round(one[-2], 3)) for one in ends] == [(1, 1), (2, 0)]
    assert kept.customdata[0] == kept.customdata[len(ends[0]) - 1] == ["film 1: stays at 2"]
    left, right = (tuple(one.strip() for one in trace.text) for trace in chart.figure.data if trace.mode == "text")
    assert left == ("<b>before</b>", "<b>1</b> film 0", "<b>2</b> film 1", "<b>3</b> film 2")
    assert right[-3:] == (right[3], "<i>film 0</i>", "<b>no longer listed</b>")
    assert "♥" in right[3]
    (new,) = [trace for trace in chart.figure.data if trace.mode == "markers"]
    assert list(new.y) == [2]
    assert not charts.ribbons([], [], {}, ("a", "b")).table.size


def test_a_frontier_holds_what_no_other_point_beats() -> None:
    places = ((0.3, 1.0), (0.2, 0.9), (0.2, 0.95), (0.25, 0.9), (0.4, 1.0))
    points = [PlanePoint("a", str(i), gap, accuracy, str(i)) for i, (gap, accuracy) in enumerate(places)]
    assert [point.label for point in frontier(points, -1)] == ["2", "0"]
    assert [point.label for point in frontier(points, 1)] == ["4"]


def test_an_interval_in_a_cell_says_its_number_and_shows_its_way() -> None:
    better, worse, still, none, start = (
        unquote(interval(0.2, difference, ends, 0.3, way))
        for difference, ends, way in (
            (0.1, (0.05, 0.15), 1), (-0.1, (-0.15, -0.05), -1), (0.1, (-0.1, 0.3), 0), (None, (None, None), None),
            (None, (None, None), None),
        )
    )  # fmt: skip
    assert "0.200" in better
    assert "+0.100" in better
    assert "−0.100" in worse
    assert "<circle" in still
    assert "<path" in better
    assert better != worse
    assert "<line" not in start == none
    assert "undefined" in unquote(interval(None, None, (None, None), 0.0, None))


def test_no_line_goes_through_the_numbers_above_the_marks() -> None:
    chart = charts.group_values([GroupValue("F", 90, 0.2), GroupValue("M", 90, 0.2)], "NDCG@10", 0.2)
    drawn = [(shape.y0, shape.y1) for shape in chart.figure.layout.shapes]
    assert len(drawn) == 2
    assert all(not (low < row - 0.3 < high) for row in (0, 1) for low, high in drawn)


def test_a_change_that_chance_may_have_made_looks_small() -> None:
    rows = [Change("F", 256, 0.1652, 0.1654, 0.0002, -0.006, 0.004), Change("M", 649, 0.1643, 0.1643, 0.0, None, None)]
    low, high = charts.before_after(rows, "NDCG@10").figure.layout.xaxis.range
    assert low < 0.1652 - 0.006
    assert high > 0.1652 + 0.004


def test_numbers_on_parts_of_a_row_can_be_read() -> None:
    chart = charts.stacked(
        {"F": [0.04, 0.75, 0.21]}, ["worse", "same", "better"], "%", colors=("#d55e00", "#8a939c", "#0072b2")
    )
    told = {one.text: one for one in chart.figure.layout.annotations}
    assert set(told) == {"75 %", "21 %"}  # a narrow part has no room
    assert all(one.bgcolor and one.font.color in ("#ffffff", "#1f2328") for one in told.values())
    assert charts.frame.legible("#8a939c") == "#1f2328"
    assert charts.frame.legible("#0072b2") == "#ffffff"


def test_a_picture_of_the_same_values_is_made_once() -> None:
    def drawn(value: float) -> charts.Chart:
        return charts.group_values([charts.GroupValue("F", 30, value, 0.1, 0.3)], "NDCG@10", 0.2)

    first = drawn(0.25)
    assert drawn(0.25) is first
    assert drawn(0.26) is not first
    with words.speaking("zh"):
        told = drawn(0.25)
    assert told is not first
    assert told.alt != first.alt


def test_no_look_of_a_picture_changes_another() -> None:
    chart = charts.group_values([charts.GroupValue("F", 30, 0.2, 0.1, 0.3)], "NDCG@10", 0.2)
    light = chart.themed().to_json()
    dark, brushed = chart.themed(True), chart.themed(use="brushed")
    assert brushed.layout.dragmode == "select"
    assert dark.layout.font.color != chart.themed().layout.font.color
    assert chart.themed().to_json() == light
    assert chart.themed(True) is dark


def rows(groups: int, n: int, after: Array) -> list[PeopleRow]:
    return [
        PeopleRow(f"g{g}", n, np.arange(n) + n * g + 1, np.zeros(n), after, (0.0, 0.5), (0.5, 0.4, 0.6), "1 gains")
        for g in range(groups)
    ]


def test_the_lever_draws_as_many_people_whatever_the_number_of_groups() -> None:
    n = 500

    def dots(groups: int) -> list[int]:
        drawn = charts.movers([rows(groups, n, np.arange(n) / n)], "NDCG@10").drawn
        numbers = [number for band in drawn["bands"] for number in band["numbers"]]
        assert len(numbers) == len(set(numbers)) <= MOST_PEOPLE
        return numbers

    assert len(dots(1)) == len(dots(2)) == len(dots(3)) == MOST_PEOPLE
    assert 1 not in dots(1)  # who did not move
    assert n in dots(2)  # who moved furthest


def test_the_lever_draws_the_same_people_at_every_strength_and_says_which_are_not_made() -> None:
    n = 500
    early, late = np.zeros(n), np.zeros(n)
    early[0], late[1] = 0.123456, 0.9  # each moves at one strength alone
    strengths = [rows(2, n, early), None, rows(2, n, late)]
    moved = charts.movers(strengths, "NDCG@10")
    for band in moved.drawn["bands"]:
        at = {number: i for i, number in enumerate(band["numbers"])}
        first = min(at)
        assert [None if after is None else (after[at[first]], after[at[first + 1]]) for after in band["after"]] == [
            (0.1235, 0.0), None, (0.0, 0.9)]  # fmt: skip
        assert {len(band[part]) for part in ("numbers", "heights", "before")} == {len(band["after"][0])}
        assert all(0 <= height <= 1 for height in band["heights"])
        assert band["said"][1] is band["means"][1] is None
        assert "+0.400 to +0.600" in band["said"][0]
    assert (moved.drawn["low"], moved.drawn["high"]) == (0.0, 0.9)
    assert moved.alt[1] is None
    assert "Means: g0" in str(moved.alt[0])
    table = charts.movers_table(rows(2, n, late))
    assert (len(table), table["who lost and gained"][0]) == (2, "1 gains")
    assert charts.movers([None, []], "NDCG@10").drawn["bands"] == []


def test_names_in_the_lever_are_of_one_line() -> None:
    row = rows(1, 20, np.ones(20))[0]
    drawn = charts.movers([[replace(row, name="a\u202eb\nc")]], "NDCG@10")
    assert drawn.drawn["bands"][0]["name"].startswith("a b c")
    assert "\n" not in str(drawn.alt[0])


def test_what_stands_at_the_axes_has_room_before_it_is_drawn() -> None:
    def room(name: str) -> tuple[int, int]:
        margin = charts.group_values([GroupValue(name, 30, 0.5)], "NDCG@10").figure.layout.margin
        return margin.l, margin.b

    short, long, chinese = room("F"), room("people aged 56+"), room("五十六岁及以上的人们以及其他人")
    assert short[0] < long[0] < chinese[0]
    assert short[1] == long[1] == charts.frame.BELOW
    assert short[0] < room("<i>")[0] < room("&lt;i&gt;")[0]  # as it is read, not as plotly is told it
