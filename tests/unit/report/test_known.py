"""What is known beside the numbers, and the commands that give them again."""

from __future__ import annotations

import shlex

from fairdash import cli
from fairdash.report import known
from fairdash.schema import GroupSpec
from fairdash.stages.audit import AuditSpec

DATA = known.Data("my; data", "user-time:0.8", {})
MITIGATION = {"method": "calibrate", "groups": [{"attributes": ["gender", "age"], "edges": [None, [18, 25]]}],
              "strength": 0.5}  # fmt: skip
RUN = {"recommender": "bert_sequence", "options": {"profile": "gender,age", "epochs": "2"}, "seed": 3,
       "mitigations": [{"method": "reweigh", "groups": [{"attributes": ["gender"]}], "strength": 0.5}]}  # fmt: skip


def about(*how: dict[str, object]) -> known.Known:
    spec = AuditSpec(groups=(GroupSpec(("gender", "age"), (None, (18.0, 25.0)), 12),), k=5, seed=7, permutations=99)
    return known.Known(DATA, tuple(known.Lists("lists", one, RUN) for one in how), spec)


def test_every_command_is_one_that_the_command_line_takes() -> None:
    mitigated = {"mitigation": MITIGATION, "first": [{"method": "project", "groups": [], "strength": 1.0}]}
    for lists, kind in (
        (({},), "audit"),
        ((mitigated,), "audit"),
        (({}, mitigated), "comparison"),
        (({}, {}), "comparison"),
    ):
        lines = known.commands(about(*lists), kind)
        assert lines[0].startswith("python -m fairdash train --interactions INTERACTIONS")
        assert lines[-1].startswith("python -m fairdash report ")
        for line in lines:
            parsed = cli._parser().parse_args(shlex.split(line)[3:])
            if hasattr(parsed, "bins") and parsed.group and parsed.group != ["gender"]:
                assert parsed.group == ["gender,age"]
                assert parsed.bins == ["age=18,25"]
        audited = cli._parser().parse_args(shlex.split(lines[-2])[3:])
        assert audited.seed == 7
        assert audited.permutations == 99
        assert audited.min_group_size == 12


def test_of_lists_that_somebody_brought_there_is_no_command() -> None:
    assert known.commands(known.Known(), "audit") == ()
    brought = known.Known(DATA, (known.Lists("lists", {"imported": True}, {"recommender": "lists"}),))
    assert known.commands(brought, "audit") == ()


def test_names_of_the_data_cannot_become_commands() -> None:
    evil = known.Data("x", "user-time:0.8; rm -rf /", {})
    lines = known.commands(known.Known(evil, (known.Lists("x", {}, {**RUN, "options": {"a": "$(id)"}}),)), "audit")
    words = shlex.split(lines[0])
    assert "user-time:0.8; rm -rf /" in words
    assert "a=$(id)" in words
