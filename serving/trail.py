"""The trail of what was done: entries of the ledger as a reviewer asks for them, nobody named.

People stand under a pseudonym that follows from their key: the same in every entry, worth nothing
outside the ledger, and gone with an erasure. Filters and pages are made by the database.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from datetime import date, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from serving import tables
from serving.chain import Action, Entry, LedgerDamaged, plain_json
from serving.ledger import Ledger
from serving.permissions import Principal
from serving.safe_csv import written

PAGE = 50
MOST_LINES = 100_000
"""Lines of one download; a longer one is asked for by dates."""

MOST_PEOPLE = 100
"""People of one entry that are listed; a batch may be about a million."""

COLUMNS = (
    *("Entry", "When (UTC)", "Who", "Role", "What", "Why", "Question", "People", "Details"),
    "SHA-256",
)


@dataclass(frozen=True)
class Asked:
    """What a reviewer asks of the trail; empty means all. Dates are whole days in UTC."""

    action: str = ""
    actor: str = ""
    question: str = ""
    since: str = ""
    until: str = ""
    score: str = ""

    @classmethod
    def of(cls, said: Mapping[str, str]) -> tuple[Asked, dict[str, str]]:
        """Return what an address asks, and what in it cannot be understood, by field.

        Examples
        --------
        >>> Asked.of({"action": "view", "since": "30 2 2026"})[1]
        {'since': 'Enter a date like 3 11 2026'}
        >>> Asked.of({"since": "3 November 2026", "until": "2026-11-30"})[0].query()
        {'since': '2026-11-03', 'until': '2026-11-30'}
        """
        given = {field.name: printable(said.get(field.name, "")) for field in fields(cls)}
        errors = {}
        for name in ("since", "until"):
            day = _day(given[name])
            if given[name] and day is None:
                errors[name] = "Enter a date like 3 11 2026"
            given[name] = "" if day is None else day.isoformat()
        if given["since"] and given["until"] and given["until"] < given["since"]:
            errors["until"] = "The last day is before the first one"
        if given["action"] not in [action.value for action in Action]:
            given["action"] = ""
        return cls(**given), errors

    def query(self) -> dict[str, str]:
        """Return the parts of an address that ask for it."""
        said = {field.name: str(getattr(self, field.name)) for field in fields(self)}
        return {name: value for name, value in said.items() if value}

    def where(self) -> dict[str, Any]:
        """Return it as the ledger is asked."""
        until = _day(self.until)
        return {
            "action": self.action or None,
            "actor": self.actor or None,
            "question": self.question or None,
            "since": self.since or None,
            "until": None if until is None else (until + timedelta(days=1)).isoformat(),
            "about": self.score or None,
        }


def printable(text: str) -> str:
    r"""Return a text as a database takes it: without controls, and of a length that is worked with.

    Examples
    --------
    >>> printable(" a.\x00nalyst ")
    'a.nalyst'
    """
    return "".join(letter for letter in text if letter.isprintable()).strip()[:200]


def _day(text: str) -> date | None:
    """Return the day that was written as day, month and year, in words, or year first."""
    numbers = re.fullmatch(r"(\d{1,2})[ /.-](\d{1,2})[ /.-](\d{4})", text, re.ASCII)
    try:
        if numbers:
            return date(int(numbers[3]), int(numbers[2]), int(numbers[1]))
        if re.fullmatch(r"\d{4}-\d\d-\d\d", text, re.ASCII):
            return date.fromisoformat(text)
        return datetime.strptime(text, "%d %B %Y").date()
    except ValueError:
        return None


def page(ledger: Ledger, asked: Asked, before: int | None = None) -> tuple[list[Entry], int | None]:
    """Return a page of entries, the latest first, and where the next page begins."""
    found = ledger.entries(**asked.where(), before=before, limit=PAGE + 1)
    more = found[PAGE - 1].seq if len(found) > PAGE else None
    return found[:PAGE], more


def person_pseudonym(subject: bytes | None) -> str:
    """Return how a person is called on the ledger's own pages: the same in every entry.

    Lists, which do not ask the ledger, call each by the score instead
    (`pseudonyms.score_pseudonym`).

    Examples
    --------
    >>> person_pseudonym(bytes.fromhex("3f9a21c400"))
    'P-3F9A21C4'
    """
    return "Nobody" if subject is None else f"P-{subject[:4].hex().upper()}"


def questions(ledger: Ledger) -> list[str]:
    """Return the questions that something is recorded about, by name."""
    column = tables.entry.c.question
    query = sa.select(column).where(column.is_not(None)).distinct().order_by(column)
    with ledger.reading() as connection:
        return [str(name) for name in connection.scalars(query)]


def download(ledger: Ledger, asked: Asked, principal: Principal, purpose: str) -> bytes:
    """Return entries as CSV, the latest first; the download is on the ledger before it leaves."""
    found = ledger.entries(**asked.where(), limit=MOST_LINES)
    ledger.append(
        Action.EXPORT,
        actor=principal.actor,
        role=principal.role,
        purpose=purpose,
        body={
            "what": "audit trail",
            "asked": {name: value for name, value in asked.query().items() if name != "score"},
            "about_one_person": bool(asked.score),
            "lines": len(found),
        },
    )
    return written(COLUMNS, _lines(found))


def _lines(found: list[Entry]) -> Iterator[tuple[Any, ...]]:
    for entry in found:
        yield (
            *(entry.seq, entry.at, entry.actor, entry.role, entry.action, entry.purpose),
            *(entry.question, entry.leaf_count, plain_json(entry.body), entry.hash),
        )


@dataclass(frozen=True)
class Verified:
    """The last time that the whole chain was walked, as the ledger has it."""

    entry: int
    at: str
    actor: str
    ok: bool
    entries: int
    leaves: int
    breaks: tuple[str, ...]


WALK = "verification of the chain"
MOST_WALKED = 200_000
"""Entries and parts about people beyond which the chain is not walked while a page waits."""


def verify(ledger: Ledger, principal: Principal, purpose: str) -> Verified:
    """Walk the whole chain and put what was found on the ledger."""
    found = ledger.verify()
    if found.ok:  # what verified once cannot be cut off unseen later
        ledger.checkpoint()
    entry = ledger.append(
        Action.AUDIT,
        actor=principal.actor,
        role=principal.role,
        purpose=purpose,
        body={
            "what": WALK,
            "ok": found.ok,
            "entries": found.entries,
            "leaves": found.leaves,
            "breaks": [str(broken) for broken in found.breaks[:20]],
            "broken": len(found.breaks),
        },
    )
    return _verified(entry)


def last_verified(ledger: Ledger) -> Verified | None:
    """Return the last walk over the chain on the ledger; one that is made up counts as a break."""
    table = tables.entry.c
    query = (
        sa.select(table.seq)
        .where(table.action == Action.AUDIT.value, table.body.contains(f'"what":"{WALK}"'))
        .order_by(table.seq.desc())
        .limit(1)
    )
    with ledger.reading() as connection:
        seq = connection.scalar(query)
    if seq is None:
        return None
    try:
        return _verified(ledger.entry(seq, sealed=True))
    except LedgerDamaged:
        found = ledger.entry(seq)
    said = f"entry {seq} says that the chain was walked, and does not bear the ledger's seal"
    return Verified(seq, found.at, found.actor, False, 0, 0, (said,))


def _verified(entry: Entry) -> Verified:
    said = entry.body
    return Verified(
        entry=entry.seq,
        at=entry.at,
        actor=entry.actor,
        ok=said["ok"],
        entries=said["entries"],
        leaves=said["leaves"],
        breaks=tuple(said["breaks"]),
    )


def size(ledger: Ledger) -> tuple[int, int]:
    """Return how many entries there are, and how many parts about people, by their numbers."""
    with ledger.reading() as connection:
        entries = connection.scalar(sa.select(sa.func.max(tables.entry.c.seq))) or 0
        leaves = connection.scalar(
            sa.select(sa.func.coalesce(sa.func.sum(tables.entry.c.leaf_count), 0))
        )
    return int(entries), int(leaves or 0)
