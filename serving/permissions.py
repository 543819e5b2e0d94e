"""Who may do what, each rule with its reason."""

from __future__ import annotations

import os
import pwd
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import NamedTuple

from features.errors import PrecursorError, UsageError


class Forbidden(PrecursorError):
    """Whoever asks is known, but their role may not do this (status 403)."""

    code = "forbidden"
    status = 403


class Role(StrEnum):
    """What somebody acts as; an actor with two roles has two tokens.

    Examples
    --------
    >>> Role("analyst") is Role.ANALYST
    True
    """

    ANALYST = "analyst"
    DATA_SCIENTIST = "data_scientist"
    SUPERVISOR = "supervisor"
    REVIEWER = "reviewer"
    SERVICE = "service"
    OPERATOR = "operator"


GIVEN = (Role.ANALYST, Role.DATA_SCIENTIST, Role.SUPERVISOR, Role.REVIEWER, Role.SERVICE)
"""Roles a token, link or session can have; ``operator`` is whoever runs the command line."""


class Permission(StrEnum):
    """Everything that can be asked of the service.

    Examples
    --------
    >>> Permission("score") in PERMISSIONS
    True
    """

    SCORE = "score"
    VIEW = "view"
    LIST = "list"
    EXPORT = "export"
    OWN_VIEW = "own_view"
    DECISION = "decision"
    SIGN_OFF = "sign_off"
    DECISIONS = "decisions"
    OUTCOMES = "outcomes"
    SELECTION = "selection"
    CHALLENGE = "challenge"
    SETTLEMENT = "settlement"
    DASHBOARDS = "dashboards"
    CASELOAD = "caseload"
    BREAK_GLASS = "break_glass"
    REPLAY = "replay"
    AUDIT = "audit"
    IDENTITY = "identity"
    ASSURANCE = "assurance"
    QUESTIONS = "questions"
    MODEL_RECORD = "model_record"
    METRICS = "metrics"
    OPENAPI = "openapi"


@dataclass(frozen=True, slots=True)
class Rule:
    """Which roles may do something, and why these and no others.

    Examples
    --------
    >>> Rule((Role.REVIEWER,), "Because.").roles
    (<Role.REVIEWER: 'reviewer'>,)
    """

    roles: tuple[Role, ...]
    reason: str


_ANALYST, _SCIENTIST, _SUPERVISOR, _REVIEWER, _SERVICE = GIVEN

PERMISSIONS: Mapping[Permission, Rule] = MappingProxyType(
    {
        Permission.SCORE: Rule(
            (_ANALYST, _SERVICE),
            "A score is asked for by those who will act on it, or by the system they work in.",
        ),
        Permission.VIEW: Rule(
            (_ANALYST, _SUPERVISOR, _REVIEWER, _SERVICE),
            "What was said about a person is seen by who works with it and by who reviews it.",
        ),
        Permission.LIST: Rule(
            (_ANALYST, _SUPERVISOR, _REVIEWER, _SERVICE),
            "A list is worked by analysts, answered for by supervisors, reviewed by reviewers.",
        ),
        Permission.EXPORT: Rule(
            (_ANALYST,), "A copy leaves only with the person who answers for the list."
        ),
        Permission.DECISION: Rule(
            (_ANALYST,), "People decide: no program does, and nobody who reviews decisions."
        ),
        Permission.OWN_VIEW: Rule(
            (_ANALYST,), "A view of one's own is asked of those who will see the score."
        ),
        Permission.SIGN_OFF: Rule(
            (_SUPERVISOR,), "A decision is signed off by who answers for it and did not take it."
        ),
        Permission.DECISIONS: Rule(
            (_SUPERVISOR, _REVIEWER),
            "Decisions are read by who answers for them and by who reviews them.",
        ),
        Permission.OUTCOMES: Rule(
            (_REVIEWER,),
            "What followed decisions, group by group, is judged by who neither took them nor"
            " answers for them.",
        ),
        Permission.SELECTION: Rule(
            (_ANALYST, _SUPERVISOR),
            "Who is managed is settled by the people of the meeting, never by a program.",
        ),
        Permission.CHALLENGE: Rule(
            (_ANALYST, _SUPERVISOR, _REVIEWER),
            "A disputed record is brought by who speaks with the person, or by who reviews.",
        ),
        Permission.SETTLEMENT: Rule(
            (_SUPERVISOR, _REVIEWER),
            "What becomes of a dispute is said by who neither gave the score nor works by it.",
        ),
        Permission.DASHBOARDS: Rule(
            (_ANALYST, _SUPERVISOR, _REVIEWER),
            "What records add up to names nobody; it is for who manages the work and who reviews"
            " it.",
        ),
        Permission.CASELOAD: Rule(
            (_ANALYST, _SUPERVISOR),
            "Who is outstanding, or has an order that ends, is asked by who can act on it.",
        ),
        Permission.BREAK_GLASS: Rule(
            (_ANALYST, _SUPERVISOR, _REVIEWER),
            "A person in danger cannot wait; a program cannot judge that, and answers for nothing.",
        ),
        Permission.REPLAY: Rule(
            (_REVIEWER,), "Whether a score was computed right is asked by who did not give it."
        ),
        Permission.AUDIT: Rule(
            (_REVIEWER,), "The ledger is read by who is not the one mostly written about in it."
        ),
        Permission.IDENTITY: Rule(
            (_REVIEWER,),
            "Reviewers see pseudonyms; to learn who somebody is takes a reason, and is recorded.",
        ),
        Permission.ASSURANCE: Rule(
            (_SUPERVISOR, _REVIEWER, _SCIENTIST),
            "Whether scores are fair and accurate is asked by who answers for them, reviews or"
            " makes them.",
        ),
        Permission.QUESTIONS: Rule(
            (_SCIENTIST, _REVIEWER),
            "How models were judged and chosen is read by who makes them and by who reviews it.",
        ),
        Permission.MODEL_RECORD: Rule(
            GIVEN, "How the model works and how well names nobody and is no secret."
        ),
        Permission.METRICS: Rule(GIVEN, "Counts and times of requests name nobody."),
        Permission.OPENAPI: Rule(GIVEN, "Whoever may ask for anything may see how to ask."),
    }
)
"""The permission table; an operator, who has the machine itself, may do all of it."""


@dataclass(frozen=True, slots=True)
class Principal:
    """Whoever asks: a name and the role they act in.

    Examples
    --------
    >>> Principal("a.nalyst", Role.ANALYST).role.value
    'analyst'
    """

    actor: str
    role: Role


_ACCOUNT = re.compile(r"(?s)(.+) \(([^()]+)\)")


class Account(NamedTuple):
    """Somebody who signs in with an account: a name they can change, and an id they cannot.

    Examples
    --------
    >>> Account("a.nalyst", "0f-1").actor, Account("", "0f-1").actor
    ('a.nalyst (0f-1)', '0f-1')
    """

    name: str
    lasting: str

    @property
    def actor(self) -> str:
        """How they are recorded."""
        return f"{self.name} ({self.lasting})" if self.name else self.lasting


def account(actor: str) -> Account | None:
    """Return the account that an actor is; None for who is known by a name alone.

    Examples
    --------
    >>> account("a.nalyst (0f-1)").lasting, account("a.nalyst")
    ('0f-1', None)
    """
    found = _ACCOUNT.fullmatch(actor)
    return None if found is None else Account(found[1], found[2])


def known_by(actor: str) -> str:
    """Return what somebody is known by for good: an account's lasting id, or else the name.

    Examples
    --------
    >>> known_by("a.nalyst (0f-1)"), known_by("a.nalyst")
    ('0f-1', 'a.nalyst')
    """
    found = account(actor)
    return actor if found is None else found.lasting


def same_person(one: str, other: str) -> bool:
    """Return whether two actors are one person, for what nobody may do about their own.

    Of two accounts the lasting ids count, whatever their names are. Who is known by a name alone is
    taken for every account of that name or id.

    Examples
    --------
    >>> same_person("Old Name (0f-1)", "New Name (0f-1)"), same_person("Name (0f-1)", "Name (0f-2)")
    (True, False)
    >>> same_person("Name", "Name (0f-1)"), same_person("0f-1", "Name (0f-1)")
    (True, True)
    """
    first, second = account(one), account(other)
    if first is not None and second is not None:
        return first.lasting == second.lasting
    return not {*(first or (one,))}.isdisjoint(second or (other,))


def allows(role: Role, permission: Permission | str) -> bool:
    """Return whether a role may do something.

    Examples
    --------
    >>> allows(Role.ANALYST, "decision"), allows(Role.SERVICE, "decision")
    (True, False)
    """
    return role is Role.OPERATOR or role in PERMISSIONS[Permission(permission)].roles


def require(principal: Principal, permission: Permission | str) -> None:
    """Refuse what a role may not do, with the reason of the rule.

    Raises
    ------
    Forbidden
        If the principal's role may not.

    Examples
    --------
    >>> require(Principal("a.nalyst", Role.ANALYST), "score")
    >>> require(Principal("app", Role.SERVICE), "decision")
    Traceback (most recent call last):
    ...
    serving.permissions.Forbidden: role 'service' may not do this: decision. People decide: ...
    """
    if not allows(principal.role, permission):
        rule = PERMISSIONS[Permission(permission)]
        raise Forbidden(
            f"role {principal.role.value!r} may not do this: {Permission(permission).value}",
            remedy=f"{rule.reason} It is open to: {', '.join(role.value for role in rule.roles)}.",
        )


def require_named(principal: Principal, on_behalf_of: str | None) -> None:
    """Refuse a program that does not say which person it asks for.

    Raises
    ------
    UsageError
        If a program names nobody.

    Examples
    --------
    >>> require_named(Principal("case-system", Role.SERVICE), "PC 1234")
    >>> require_named(Principal("case-system", Role.SERVICE), None)
    Traceback (most recent call last):
    ...
    features.errors.UsageError: on_behalf_of: a program names the person it asks for. Send ...
    """
    if principal.role is Role.SERVICE and on_behalf_of is None:
        raise UsageError(
            "on_behalf_of: a program names the person it asks for",
            remedy="Send on_behalf_of with the name that the force knows them by; it is recorded.",
            field="on_behalf_of",
            code="on_behalf_of_missing",
        )


def operator() -> Principal:
    """Return whoever runs the command line: the operating system's user.

    Examples
    --------
    >>> operator().role.value
    'operator'
    """
    try:
        # Not from LOGNAME or USER: anybody may set those to another's name.
        return Principal(pwd.getpwuid(os.getuid()).pw_name, Role.OPERATOR)
    except KeyError:
        # A container's user may have a number and no name.
        return Principal(f"uid {os.getuid()}", Role.OPERATOR)
