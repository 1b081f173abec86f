"""What was chosen on import, kept as JSON and given again."""

from __future__ import annotations

import json
from typing import Any

import pytest

from fairdash.data import ImportOptions
from fairdash.data.read import Reading
from fairdash.errors import ConfigError


@pytest.mark.parametrize(
    "told",
    [
        {"read_interactions": {"sep": ";"}}, {"read_items": 5}, {"read_users": {"header": []}}, {"user": 5},
        {"repairs": 3}, {"repairs": {"a": 1}}, {"event_weights": [["a"]]}, {"event_weights": [["a", "b"]]},
        {"rating_missing": ["0"]}, {"k_core": "2"}, {"k_core": True}, {"header": 1}, {"zeros": "none"}, {"events": "a"},
        {"relevance_threshold": [4]}, {"dedupe": {}}, {"roles": [["a", "b", "c"]]}, {"name": None},
        {"drop_bad_ratings": "yes"}, {"as_of": 5},
    ],
    ids=str,
)  # fmt: skip
def test_answers_of_the_wrong_kind_are_named(told: dict[str, Any]) -> None:
    (key,) = told
    with pytest.raises(ConfigError, match=f"for '{key}'|for 'header'|for 'read_") as caught:
        ImportOptions.from_json(told)
    assert caught.value.hint


def test_answers_are_read_back_as_they_were_kept() -> None:
    told = ImportOptions(
        user="u", rating_missing=(0, -1.5), events=("a",), event_weights=(("a", 2.0),), roles=(("f.csv", "aside"),),
        keep_untimed=True, relevance_threshold=4, repairs=("ages",), read_users=Reading(";", None, False, "p"),
    )  # fmt: skip
    assert ImportOptions.from_json(json.loads(json.dumps(told.to_json()))) == told
