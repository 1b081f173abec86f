"""Links show what they were made for, to whoever has them, for as long as they last."""

from __future__ import annotations

from pathlib import Path

import pytest

from fairdash import shares, trail
from fairdash.errors import ConfigError, FairDashError, RightsError
from fairdash.workspace import Kind, Workspace

ONE, OTHER = "a" * 32, "b" * 32
CLOSED = "A link shows."


def put(workspace: Workspace, kind: Kind, digest: str, **of: str) -> str:
    with workspace.create(kind, digest, {"title": digest, **of}) as folder:
        (folder / "value").write_text("x")
    return digest


@pytest.fixture
def one(tmp_path: Path) -> Workspace:
    """Somebody's workspace: two data sets, a run, lists and an audit of the first."""
    found = Workspace(tmp_path).of(ONE)
    put(found, "datasets", "1" * 16)
    put(found, "datasets", "9" * 16)
    put(found, "runs", "2" * 16, dataset="1" * 16)
    put(found, "lists", "3" * 16, run="2" * 16)
    put(found, "audits", "4" * 16, lists="3" * 16)
    put(found, "audits", "5" * 16, lists="3" * 16)
    return found


def refused(workspace: Workspace, token: str) -> str:
    with pytest.raises(RightsError) as fault:
        shares.opened(workspace, token, CLOSED)
    return str(fault.value)


def test_a_link_opens_one_value_and_what_it_was_made_from_and_changes_nothing(one: Workspace, tmp_path: Path) -> None:
    token = shares.give(one, "audits", "4" * 16, 7)
    shown, share = shares.opened(Workspace(tmp_path), token, CLOSED)
    assert shown.only == {(k, d * 16) for k, d in (("audits", "4"), ("lists", "3"), ("runs", "2"), ("datasets", "1"))}
    assert (share.owner, share.kind, share.digest) == (ONE, "audits", "4" * 16)
    assert [entry.digest for entry in shown.entries("audits")] == ["4" * 16]
    for attempt in (lambda: shown.delete("audits", "4" * 16), lambda: shares.give(shown, "audits", "4" * 16, 7)):
        with pytest.raises(RightsError, match=CLOSED):
            attempt()


def test_the_token_is_nowhere_on_the_disk(one: Workspace, tmp_path: Path) -> None:
    tokens = [shares.give(one, "audits", "4" * 16, 7) for _ in range(2)]
    assert tokens[0] != tokens[1]
    assert all(len(token) == 43 for token in tokens)
    held = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert not any(token.encode() in path.read_bytes() or token in str(path) for path in held for token in tokens)


def test_a_link_ends_by_itself_or_is_taken_back_and_then_answers_like_none(
    one: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    never = refused(one, "x" * 43)
    first, second = (shares.give(one, "audits", "4" * 16, days) for days in (1, 7))
    newest = shares.of(one)[0]
    shares.revoke(one, newest.id)
    shares.revoke(one, newest.id)  # no error
    assert refused(one, second) == never
    assert shares.opened(one, first, CLOSED)
    (left,) = shares.of(one)
    monkeypatch.setattr("fairdash.shares.time.time", lambda: left.expires)
    assert refused(one, first) == never
    assert shares.of(one) == []
    shares.expire(one.home)
    assert not list((one.home / shares.FOLDER).glob("*.json"))


def test_links_of_others_can_neither_be_seen_nor_taken_back_but_by_who_oversees(one: Workspace) -> None:
    other = one.of(OTHER)
    token = shares.give(one, "audits", "4" * 16, 7)
    (share,) = shares.of(one)
    assert shares.of(other) == []
    shares.revoke(other, share.id)
    assert shares.opened(other, token, CLOSED)
    assert shares.of(other, oversee=True) == [share]
    shares.revoke(other, share.id, oversee=True)
    assert refused(one, token)
    assert [deed.what for deed in trail.read(one)] == ["share", "revoke"]


def test_what_was_deleted_is_not_shown_any_more(one: Workspace) -> None:
    token = shares.give(one, "audits", "4" * 16, 7)
    one.delete("audits", "4" * 16)
    assert refused(one, token) == refused(one, "x" * 43)


@pytest.mark.parametrize("days", [0, 91, -1])
def test_a_time_out_of_bounds_is_refused(one: Workspace, days: int) -> None:
    with pytest.raises(ConfigError, match="1 to 90 days"):
        shares.give(one, "audits", "4" * 16, days)


def test_only_values_of_groups_can_be_shared(one: Workspace) -> None:
    for kind, digest in (("datasets", "1"), ("runs", "2"), ("lists", "3")):
        with pytest.raises(ConfigError):
            shares.give(one, kind, digest * 16, 7)  # type: ignore[arg-type]  # kinds, as words
    with pytest.raises(FairDashError, match="no entry"):
        shares.give(one, "audits", "8" * 16, 7)


@pytest.mark.parametrize(
    "told",
    [
        *("", "{}", "[]", '{"owner": 1}'),
        '{"owner": "..", "kind": "audits", "digest": "4444444444444444", "created": 0, "expires": 1e12}',
        '{"owner": "", "kind": "runs", "digest": "2222222222222222", "created": 0, "expires": 1e12}',
    ],
)
def test_a_file_of_somebody_else_opens_nothing(one: Workspace, told: str) -> None:
    token = "t" * 43
    (one.home / shares.FOLDER).mkdir()
    (one.home / shares.FOLDER / f"{shares._hash(token)}.json").write_text(told)
    assert refused(one, token)
    assert shares.of(one, oversee=True) == []
    for odd in ("../x", "", "é" * 43, "a" * 44, "\x00" * 43):
        refused(one, odd)
