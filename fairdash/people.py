"""Who signed in, and what they may do. Roles and what they allow are declared here, and asked by `may`, nowhere else.

A person is known by who vouches for them and the number that they have there (OpenID Connect Core 1.0, section 5.7: the
claims `iss` and `sub` together, never a name or an address, which can be chosen or given to somebody else).
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from fairdash import settings, words
from fairdash.errors import ConfigError, RightsError
from fairdash.workspace import Workspace, sole, write_json

AHEAD_SECONDS = 300.0  # that the clock of whoever signs people in may be ahead
ABOUT, ENDED = "person.json", "signed-out.json"  # in the workspace of a person: who that is; sign-ins that are over

Right = Literal["look", "people", "work", "oversee"]
Role = Literal["visitor", "viewer", "auditor", "admin"]
RIGHTS: Mapping[Role, frozenset[Right]] = {
    "visitor": frozenset[Right](["look"]),  # of a link, who need not sign in
    "viewer": frozenset[Right](["look", "people"]),  # single people of a data set, too
    "auditor": frozenset[Right](["look", "people", "work"]),  # import, train, audit, mitigate, share, delete
    "admin": frozenset[Right](["look", "people", "work", "oversee"]),  # all jobs, links and times of keeping
}
TITLES: Mapping[Role, str] = {
    "visitor": words.later("visitor"),
    "viewer": words.later("viewer"),
    "auditor": words.later("auditor"),
    "admin": words.later("admin"),
}
GIVEN: tuple[Role, ...] = ("admin", "auditor", "viewer")  # what a claim can give, the most first
USUAL: Role = "auditor"  # of everybody who signs in where no claim is named: each has but the own workspace


def may(role: Role, right: Right) -> bool:
    """Whether a role allows something."""
    return right in RIGHTS[role]


@dataclass(frozen=True)
class Roles:
    """Which values of which claim give which role; by default the role's own name.

    claim: its name in the identity token, with dots for what lies deeper (realm_access.roles); "": none, and everybody
    is an auditor."""

    claim: str = ""
    values: Mapping[Role, frozenset[str]] = field(default_factory=dict)

    @staticmethod
    def of(told: Mapping[str, Any]) -> Roles:
        """As the operator wrote it: {"claim": "groups", "viewer": ["staff"], …}. Raises ConfigError for anything else:
        a word that is misspelt must not give everybody a role."""
        unknown = [str(name) for name in told if name not in ("claim", *GIVEN)]
        claim = told.get("claim", "")
        values = {role: [told[role]] if isinstance(told[role], str) else told[role] for role in GIVEN if role in told}
        lists = all(
            isinstance(one, list | tuple) and all(isinstance(value, str) for value in one) for one in values.values()
        )
        if unknown or not isinstance(claim, str) or not lists or (told and not claim.strip()):
            raise ConfigError(
                words.say("The roles of this server are not said in a way that can be followed."),
                words.say(
                    'In the secrets, [roles] needs claim = "NAME", and may hold viewer, auditor and admin, each with a '
                    "list of values."
                ),
            )
        return Roles(claim.strip(), {role: frozenset(given) for role, given in values.items()})

    def role(self, claims: Mapping[str, Any]) -> Role | None:
        """The highest role that somebody's claims give; None where they give none."""
        if not self.claim:
            return USUAL
        value: Any = claims.get(self.claim)
        if value is None:
            value = claims
            for part in self.claim.split("."):
                value = value.get(part) if isinstance(value, Mapping) else None
        held = {value} if isinstance(value, str) else set(map(str, value)) if isinstance(value, list | tuple) else set()
        return next((role for role in GIVEN if held & self.values.get(role, {role})), None)


@dataclass(frozen=True)
class Person:
    """One who signed in. owner: what their workspace is called by. name: for people to read; never an identity."""

    owner: str
    name: str
    role: Role

    @property
    def acts(self) -> str:
        """As what they stand in the trail: no name, and nobody else's."""
        return f"person {self.owner[:12]}"


def person(claims: Mapping[str, Any], roles: Roles, now: float | None = None) -> Person:
    """Who is meant by the claims of an identity token that was checked.

    Raises RightsError where they say nobody, where signing in was too long ago (settings.SIGN_IN_HOURS), and for one
    who has no role here."""
    issuer, subject, at = claims.get("iss"), claims.get("sub"), claims.get("iat")
    if not (isinstance(issuer, str) and issuer and isinstance(subject, str) and subject):
        raise RightsError(
            words.say("Whoever signed you in does not say who you are."),
            words.say("The identity token needs the claims iss and sub; tell who runs this server."),
        )
    now = time.time() if now is None else now
    if isinstance(at, int | float) and at > now + AHEAD_SECONDS:  # else it would not end in its time
        raise RightsError(
            words.say("By its own clock, whoever signed you in did so later than now."),
            words.say("Tell who runs this server: the two clocks differ."),
        )
    if not isinstance(at, int | float) or not now <= at + 3600 * settings.SIGN_IN_HOURS:
        raise RightsError(
            words.say("You signed in more than {n} hour ago.", "You signed in more than {n} hours ago.",
                      n=settings.SIGN_IN_HOURS),
            words.say("Sign in again."),
        )  # fmt: skip
    name = next((str(claims[key]) for key in ("name", "email", "preferred_username") if claims.get(key)), subject)
    role = roles.role(claims)
    if role is None:
        raise RightsError(
            words.say("{name} has no role here.", name=words.label(name, 60)),
            words.say("Ask who runs this server for one: viewer, auditor or admin."),
        )
    return Person(owner(issuer, subject), words.label(name, 60), role)


def owner(issuer: str, subject: str) -> str:
    """What the workspace of a person is called by [32 hex digits]: neither part can be read from it, and no two people
    have the same."""
    return hashlib.sha256(f"{len(issuer)} {issuer} {subject}".encode()).hexdigest()[:32]


# --- what is kept of people -------------------------------------------------------------------------------------------


def known(workspace: Workspace) -> dict[str, Any]:
    """What is kept of the person whose workspace it is: name, email, role, issuer, and when they were seen last; for
    whoever oversees the server, and to tell whom the trail means. Empty where nothing is."""
    with suppress(OSError, ValueError, RecursionError):
        told = json.loads((workspace.root / ABOUT).read_text("utf-8"))
        return told if isinstance(told, dict) else {}
    return {}


def seen(workspace: Workspace, who: Person, claims: Mapping[str, Any]) -> None:
    """Keep who it is whose workspace this is, as the latest signing in says it."""
    workspace.root.mkdir(parents=True, exist_ok=True)
    told = {key: words.label(str(claims[key]), 200) for key in ("email", "iss") if claims.get(key)}
    told = known(workspace) if _later(workspace, claims) else {**told, "name": who.name, "role": who.role}
    signed = told.get("signed", claims["iat"])
    write_json(workspace.root / ABOUT, {**told, "signed": signed, "seen": time.time()})


def overtaken(workspace: Workspace, who: Person, claims: Mapping[str, Any]) -> bool:
    """Whether they signed in again since, and were given another role: the latest counts, in every tab."""
    return _later(workspace, claims) and known(workspace).get("role") != who.role


def _later(workspace: Workspace, claims: Mapping[str, Any]) -> bool:
    signed = known(workspace).get("signed")
    return isinstance(signed, int | float) and signed > float(claims["iat"])


def sign_out(workspace: Workspace, claims: Mapping[str, Any]) -> None:
    """End this signing in, in every tab that has it, and for whoever may have got hold of its cookie."""
    until = time.time() + 3600 * settings.SIGN_IN_HOURS  # it is over by then
    workspace.root.mkdir(parents=True, exist_ok=True)
    with sole(workspace.root / f"{ENDED}.lock", wait=lambda: None):
        others = {one: at for one, at in _ended(workspace.root).items() if at > time.time()}
        write_json(workspace.root / ENDED, {**others, _sign_in(claims): until})


def signed_out(workspace: Workspace, claims: Mapping[str, Any]) -> bool:
    """Whether this signing in was ended."""
    return _sign_in(claims) in _ended(workspace.root)


def _sign_in(claims: Mapping[str, Any]) -> str:
    """One signing in: two of the same person differ in time or nonce."""
    told = {key: value for key, value in claims.items() if key != "tokens"}
    return hashlib.sha256(json.dumps(told, sort_keys=True, default=str).encode()).hexdigest()


def _ended(root: Path) -> dict[str, float]:
    with suppress(OSError, ValueError, AttributeError, TypeError, RecursionError):  # nobody signed out yet
        told = json.loads((root / ENDED).read_text("utf-8"))
        return {str(one): float(at) for one, at in told.items()}
    return {}
