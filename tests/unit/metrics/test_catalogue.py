"""What a metric declares is all that pages, gates, reports and comparisons know of it."""

from __future__ import annotations

import pytest

from fairdash.metrics.catalogue import DECLARED, FAMILIES, METRICS, find, on_side, over, part, why

PICTURES = ("categories", "selection", "score")


@pytest.mark.parametrize("key", METRICS)
def test_a_declaration_is_whole(key: str) -> None:
    metric = METRICS[key]
    assert metric.key == key
    assert metric.title
    assert metric.formula
    assert metric.why
    assert metric.low < metric.high
    assert metric.better in (-1, 0, 1)
    assert metric.gap_better in (-1, 1)
    assert not metric.shown_by or metric.shown_by in (*PICTURES, *DECLARED)
    assert set(metric.gap_of) <= DECLARED.keys()
    assert (metric.over is not None) <= (metric.side == "items")


def test_every_metric_stands_in_one_family_and_at_a_place_of_its_own() -> None:
    places = [(metric.side, metric.place) for metric in METRICS.values()]
    assert len(set(places)) == len(places)
    assert sum(len(family.metrics) for family in FAMILIES.values()) == len(METRICS)
    assert METRICS.keys() < DECLARED.keys()


def test_a_key_may_end_in_the_groups_of_items_that_it_is_about() -> None:
    assert find("demographic_parity_ratio:popularity") is METRICS["demographic_parity_ratio"]
    assert find("true_positive_rate") is None
    assert part("true_positive_rate").title == "Part of liked items that is shown"
    assert why("reo") == "fewer than two groups have relevant items, or nobody has a hit"


def test_the_item_side_is_of_the_catalogue_or_of_groups_of_items() -> None:
    catalogue, classes = over("catalogue"), over("classes")
    assert [key for key in ("gini", "coverage", "entropy", "arp", "aplt") if key in catalogue] == [
        "gini", "coverage", "entropy", "arp", "aplt"
    ]  # fmt: skip
    assert {"awrf", "eel", "exposure_ratio", "mmf", "rsp"} <= set(classes)
    assert not set(catalogue) & set(classes)
    assert {*catalogue, *classes, "exposure_share", "pairwise_accuracy"} == set(on_side("items"))
