"""Who is meant by an identity token, what they may do, and what a workspace lets them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from fairdash import entries, people, trail
from fairdash.data import synthetic
from fairdash.errors import ConfigError, FairDashError, RightsError
from fairdash.jobs import runner
from fairdash.people import Roles
from fairdash.workspace import Workspace

CLAIMS: dict[str, Any] = {"iss": "https://id.example", "sub": "1", "iat": 1000.0, "name": "Ada"}


def test_a_person_is_who_vouches_for_them_and_their_number_there_whatever_they_call_themselves() -> None:
    one = people.person(CLAIMS, Roles(), now=1000)
    assert people.person({**CLAIMS, "name": "Eve", "email": "ada@example.org"}, Roles(), now=1000).owner == one.owner
    assert people.person({**CLAIMS, "sub": "2"}, Roles(), now=1000).owner != one.owner
    assert people.person({**CLAIMS, "iss": "https://other.example"}, Roles(), now=1000).owner != one.owner
    assert people.owner("a", "b c") != people.owner("a b", "c")  # where one ends and the other begins is part of it
    assert len(one.owner) == 32
    assert "Ada" not in one.acts


@pytest.mark.parametrize("left_out", ["iss", "sub", "iat"])
def test_a_token_that_says_nobody_lets_nobody_in(left_out: str) -> None:
    with pytest.raises(RightsError):
        people.person({key: value for key, value in CLAIMS.items() if key != left_out}, Roles(), now=1000)
    with pytest.raises(RightsError):
        people.person({**CLAIMS, left_out: ["x"]}, Roles(), now=1000)


def test_a_sign_in_ends_after_its_hours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fairdash.settings.SIGN_IN_HOURS", 2)
    assert people.person(CLAIMS, Roles(), now=1000 + 7200)
    with pytest.raises(RightsError, match="2 hours"):
        people.person(CLAIMS, Roles(), now=1000 + 7201)


@pytest.mark.parametrize("at", [1301.0, 1e300, float("inf"), float("nan"), -1e300])
def test_a_sign_in_of_no_sensible_time_lets_nobody_in(at: float) -> None:
    assert people.person({**CLAIMS, "iat": 1300.0}, Roles(), now=1000)
    with pytest.raises(RightsError):
        people.person({**CLAIMS, "iat": at}, Roles(), now=1000)


def test_roles_come_from_the_claim_and_the_highest_counts() -> None:
    named = Roles.of({"claim": "groups", "admin": "ops", "viewer": ["staff"]})
    assert named.role({"groups": ["staff", "ops"]}) == "admin"
    assert named.role({"groups": "staff"}) == "viewer"
    assert named.role({"groups": ["auditor"]}) == "auditor"  # its own name, where nothing else is said
    assert named.role({"groups": ["admin"]}) is None  # which is not what gives it here
    assert named.role({"groups": ["nobody"]}) is None
    assert named.role({}) is None
    deep = Roles.of({"claim": "realm_access.roles"})
    assert deep.role({"realm_access": {"roles": ["viewer"]}}) == "viewer"
    assert deep.role({"realm_access.roles": ["admin"]}) == "admin"
    assert deep.role({"realm_access": "roles"}) is None
    with pytest.raises(RightsError, match="no role"):
        people.person({**CLAIMS, "groups": []}, named, now=1000)


def test_without_a_claim_everybody_audits_and_nobody_oversees() -> None:
    assert Roles.of({}).role({"groups": ["admin"], "role": "admin"}) == "auditor"


@pytest.mark.parametrize(
    "told",
    [{"admin": ["ops"]}, {"claim": ""}, {"claim": "g", "admins": ["ops"]}, {"claim": ["g"]}, {"claim": "g", "admin": 1},
     {"claim": "g", "admin": [1]}, {"": "g"}],
)  # fmt: skip
def test_roles_that_are_misspelt_let_nobody_in(told: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="roles"):
        Roles.of(told)


def test_each_right_is_asked_of_the_declaration() -> None:
    table = {role: {right for right in ("look", "people", "work", "oversee") if people.may(role, right)}  # type: ignore[arg-type]  # the four words
             for role in people.RIGHTS}  # fmt: skip
    assert table == {
        "visitor": {"look"},
        "viewer": {"look", "people"},
        "auditor": {"look", "people", "work"},
        "admin": {"look", "people", "work", "oversee"},
    }
    assert people.TITLES.keys() == people.RIGHTS.keys()


def test_signing_out_ends_that_sign_in_and_no_other(tmp_path: Path) -> None:
    workspace, now = Workspace(tmp_path).of("a" * 32), {**CLAIMS, "nonce": "1"}
    assert not people.signed_out(workspace, now)
    people.sign_out(workspace, now)
    assert people.signed_out(workspace, dict(now))
    assert not people.signed_out(workspace, {**now, "nonce": "2"})


def test_a_workspace_of_a_person_is_beside_all_others_and_of_no_other_name(tmp_path: Path) -> None:
    home = Workspace(tmp_path)
    one = home.of("a" * 32)
    assert one.root == tmp_path / "people" / ("a" * 32)
    assert one.home == tmp_path
    assert one.of("b" * 32).root.parent == one.root.parent
    assert one.of("") == home
    for name in ("..", "A" * 32, "a" * 31, "a" * 32 + "/..", "x" * 32):
        with pytest.raises(ValueError, match=r".*"):
            home.of(name)
    one.root.mkdir(parents=True)
    (one.root.parent / "else").mkdir()
    assert home.all() == [home, one]
    (one.root / "file").write_bytes(b"12345")
    assert sum(home.usage().values()) == 0  # others' own counts with them
    assert sum(one.usage().values()) == 5


def tree(root: Path) -> dict[str, bytes]:
    """All files below, but for who was here and did what, and the table of jobs, whose rows are looked at instead."""
    told = ("trail", "jobs.sqlite", people.ABOUT)
    return {
        str(path.relative_to(root)): path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file() and not path.name.startswith(told)
    }


def test_nothing_changes_a_closed_workspace(tmp_path: Path) -> None:
    dataset, _ = synthetic.make(n_users=30, n_items=20)
    whole = Workspace(tmp_path)
    name = entries.put_dataset(whole, dataset)
    runner.table(whole).enqueue("j" * 16, "train", "Train", {})
    closed, before = Workspace(tmp_path, closed="You may look."), tree(tmp_path)
    other, _ = synthetic.make(n_users=31, n_items=20)
    tries: list[Any] = [
        lambda: entries.put_dataset(closed, other),
        lambda: closed.rename("datasets", name, "else"),
        lambda: closed.delete("datasets", name),
        lambda: entries.delete(closed, "datasets", name),
        lambda: entries.clear(closed, "uploads"),
        lambda: closed.delete_search("x"),
        lambda: entries.put_thumb(closed, name, "u", "i", True),
        lambda: entries.save_people(closed, name, "mine", ["u"]),
        lambda: entries.pseudonyms(closed),
        lambda: runner.submit(closed, "train", "Train", {}),
        lambda: runner.resume(closed, "j" * 16),
        lambda: runner.cancel(closed, "j" * 16),
    ]
    for number, attempt in enumerate(tries):
        with pytest.raises(RightsError, match="You may look"):
            attempt()
        assert tree(tmp_path) == before, number
    assert [job.state for job in runner.table(whole).all()] == ["queued"]
    assert entries.get_dataset(closed, name).n_users == 30


def test_what_is_not_among_the_chosen_values_answers_like_what_never_was(tmp_path: Path) -> None:
    whole = Workspace(tmp_path)
    one, two = (entries.put_dataset(whole, synthetic.make(n_users=n, n_items=20)[0]) for n in (30, 31))
    some = Workspace(tmp_path, only=frozenset({("datasets", one)}), closed="x")
    assert [entry.digest for entry in some.entries("datasets")] == [one]
    said = []
    for name in (two, "0" * 16):
        with pytest.raises(FairDashError) as fault:
            some.get("datasets", name)
        said.append(str(fault.value).replace(name, "ID"))
        assert not some.has("datasets", name)
        with pytest.raises(FairDashError):
            entries.thumbs(some, name)
    assert said[0] == said[1]
    runner.table(whole).enqueue("j" * 16, "train", "Train", {})
    assert runner.table(some).all() == []


def test_the_trail_says_who_and_no_name(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path).of("a" * 32)
    with trail.acting(people.person(CLAIMS, Roles(), now=1000).acts):
        trail.note(workspace, "ask")
    (deed,) = trail.read(workspace)
    assert deed.who.startswith("person ")
    assert "Ada" not in deed.who
