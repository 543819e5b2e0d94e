"""Whether the ledger is still what was written: every break, with its place and its remedy."""

from __future__ import annotations

import hmac
import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from itertools import groupby
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine, Row

from serving import guards, tables
from serving.chain import Action, Head, entry_hash, seal
from serving.checkpoints import Checkpoints
from serving.database import DAMAGED, LedgerUnavailable, reading
from serving.keys import KeyStore
from serving.leaves import content_hash
from serving.merkle import merkle_root

_PAGE = 1_000
_INCIDENT = "Treat it as an incident: compare with the last back-up that verifies, and restore it."


@dataclass(frozen=True, slots=True)
class Break:
    """One place where the ledger is not what was written.

    Attributes
    ----------
    seq : int or None
        The entry's number; None where the whole ledger is meant.
    what : str
        What differs.
    remedy : str
    leaf : int or None
        The leaf's position in the entry, from 0.

    Examples
    --------
    >>> print(Break(4, "its contents give another hash", "Restore it.", leaf=2))
    entry 4, leaf 2: its contents give another hash. Restore it.
    """

    seq: int | None
    what: str
    remedy: str
    leaf: int | None = None

    def __str__(self) -> str:
        place = "the ledger" if self.seq is None else f"entry {self.seq}"
        place += "" if self.leaf is None else f", leaf {self.leaf}"
        return f"{place}: {self.what}. {self.remedy}"


@dataclass(frozen=True, slots=True)
class Verification:
    """What a walk over the whole ledger found.

    Attributes
    ----------
    entries, leaves : int
        How many were walked.
    erased : int
        How many leaves can no longer be read because the person was erased.
    head : Head or None
        The last entry, to be noted down elsewhere.
    breaks : tuple of Break

    Examples
    --------
    >>> Verification(0, 0, 0, None, ()).ok
    True
    """

    entries: int
    leaves: int
    erased: int
    head: Head | None
    breaks: tuple[Break, ...]

    @property
    def ok(self) -> bool:
        """Whether nothing was found."""
        return not self.breaks

    def as_data(self) -> dict[str, Any]:
        """Return it as plain JSON values."""
        return {"ok": self.ok} | asdict(self)


def verify(
    engine: Engine,
    keys: KeyStore,
    checkpoints: Checkpoints,
    heads: Iterable[Head] = (),
) -> Verification:
    """Walk every entry and every leaf, and compare with the heads that were noted down.

    Found are entries and leaves that were altered, removed, inserted or put in another order; a
    new chain made without the ledger's key; a tail cut off behind a noted head; guards taken off
    the tables; keys lost without an erasure, and keys that came back after one.

    Parameters
    ----------
    engine : Engine
    keys : KeyStore
    checkpoints : Checkpoints
    heads : iterable of Head
        Heads noted down elsewhere.
    """
    walk = _Walk(keys)
    walk.expect(checkpoints, heads)
    try:
        with reading(engine) as connection, _lenient(connection):
            walk.breaks += [
                Break(None, f"its guard {name} was removed or altered", _INCIDENT)
                for name in guards.missing(connection)
            ]
            for row in _entries(connection):
                walk.entry(row)
            walk.finish_entries()
            for seq, leaves in groupby(_leaves(connection), key=lambda row: int(row.seq)):
                walk.leaves_of(seq, leaves)
            walk.finish_leaves()
        with reading(engine) as connection:
            # An erasure may have been recorded since this walk began.
            walk.keys_lost(_erased(connection))
    except LedgerUnavailable as error:
        if error.code != DAMAGED:
            raise
        walk.breaks.append(Break(None, error.message, error.remedy))
    breaks = sorted(walk.breaks, key=lambda b: (b.seq or 0, -1 if b.leaf is None else b.leaf))
    return Verification(walk.entries, walk.leaves, walk.erased, walk.last, tuple(breaks))


@dataclass
class _Walk:
    """What is known half-way: the entry before, the leaves announced, the heads expected."""

    keys: KeyStore
    breaks: list[Break] = field(default_factory=list)
    entries: int = 0
    leaves: int = 0
    erased: int = 0
    last: Head | None = None
    unsealed: list[int] = field(default_factory=list)
    expected: dict[int, dict[str, str]] = field(default_factory=dict)
    announced: dict[int, tuple[int, str | None]] = field(default_factory=dict)
    subjects: dict[bytes, tuple[int, int, int]] = field(default_factory=dict)

    def expect(self, checkpoints: Checkpoints, heads: Iterable[Head]) -> None:
        for place, head in checkpoints:
            if head is None:
                self.breaks.append(
                    Break(
                        None,
                        f"{place} cannot be read",
                        "Remove the line if a crash cut it short; otherwise somebody changed it.",
                    )
                )
            else:
                self.expected.setdefault(head.seq, {})[head.hash] = place
        for head in heads:
            self.expected.setdefault(head.seq, {})[head.hash] = "the head given"

    def entry(self, row: Row[Any]) -> None:
        before = self.last.seq if self.last else 0
        if row.seq != before + 1:
            more = "" if row.seq == before + 2 else f", and so are all up to {row.seq - 1}"
            self._break(before + 1, f"it is missing{more}")
        elif row.previous_hash != (self.last.hash if self.last else guards.FIRST):
            self._break(row.seq, f"the hash it names is not that of entry {before}")
        if (found := entry_hash(dict(row._mapping))) != row.hash:
            self._break(row.seq, f"its fields give the hash {found}, it carries {row.hash}")
        if not hmac.compare_digest(
            seal(self.keys.seal_key, row.hash).encode(),
            row.seal.encode("utf-8", "surrogateescape"),
        ):
            self.unsealed.append(row.seq)
        for hash_, place in self.expected.pop(row.seq, {}).items():
            if hash_ != row.hash:
                self._break(row.seq, f"{place} has the hash {hash_}, it carries {row.hash}")
        if row.leaf_count or row.root is not None:
            self.announced[row.seq] = (row.leaf_count, row.root)
        self.last = Head(row.seq, row.hash)
        self.entries += 1

    def finish_entries(self) -> None:
        if self.unsealed and len(self.unsealed) == self.entries:
            self.breaks.append(
                Break(
                    None,
                    "no entry bears the seal of this key store",
                    "Open it with the key store that belongs to it; if this is the one, "
                    "the whole chain was made anew: an incident.",
                )
            )
        else:
            for seq in self.unsealed:
                self._break(seq, "it was not sealed with the ledger's key")
        end = self.last.seq if self.last else 0
        beyond = {seq: found for seq, found in self.expected.items() if seq > end}
        if beyond:
            seq = max(beyond)
            place = next(iter(beyond[seq].values()))
            self._break(seq, f"{place} names it, but the ledger ends with entry {end}")

    def leaves_of(self, seq: int, leaves: Iterable[Row[Any]]) -> None:
        hashes = []
        for place, row in enumerate(leaves):
            if row.position != place:
                self._break(seq, f"leaf {row.position} stands in place {place}", leaf=row.position)
            found = content_hash(row.subject, row.score_id, row.payload)
            if found != row.hash:
                self._break(seq, "its contents give another hash", leaf=row.position)
            hashes.append(found)
            first, at, count = self.subjects.get(row.subject, (seq, row.position, 0))
            self.subjects[row.subject] = (first, at, count + 1)
        self.leaves += len(hashes)
        if seq not in self.announced:
            self._break(seq, f"{len(hashes)} leaves that it does not announce")
            return
        count, root = self.announced.pop(seq)
        if len(hashes) != count:
            self._break(seq, f"it announces {count} leaves, {len(hashes)} are there")
        given = merkle_root(hashes)
        if given is None or given.hex() != root:
            self._break(seq, "its leaves do not give the root that it carries")

    def finish_leaves(self) -> None:
        for seq, (count, _) in self.announced.items():
            self._break(seq, f"it announces {count} leaves, none are there")

    def keys_lost(self, erased: dict[bytes, int]) -> None:
        for subject in self.keys.known(erased):
            self.breaks.append(
                Break(
                    erased[subject],
                    "it records an erasure, but the person's key is there",
                    "Run the erasure again; if a back-up of the keys was restored, run it for "
                    "all that were erased since.",
                )
            )
        for subject in self.subjects.keys() - self.keys.known(self.subjects):
            seq, position, count = self.subjects[subject]
            if subject in erased:
                self.erased += count
                continue
            self.breaks.append(
                Break(
                    seq,
                    f"the key of a person with {count} leaves from here on is lost, and no "
                    "erasure is recorded",
                    "Restore the key store from its back-up.",
                    leaf=position,
                )
            )

    def _break(self, seq: int, what: str, leaf: int | None = None) -> None:
        self.breaks.append(Break(seq, what, _INCIDENT, leaf))


def _entries(connection: Connection) -> Iterator[Row[Any]]:
    query = sa.select(tables.entry).order_by(tables.entry.c.seq)
    yield from connection.execute(query, execution_options={"yield_per": _PAGE})


def _leaves(connection: Connection) -> Iterator[Row[Any]]:
    query = sa.select(tables.leaf).order_by(tables.leaf.c.seq, tables.leaf.c.position)
    yield from connection.execute(query, execution_options={"yield_per": _PAGE})


def _erased(connection: Connection) -> dict[bytes, int]:
    """Return the pseudonyms that were erased, each with the entry that records it."""
    table = tables.entry.c
    rows = connection.execute(
        sa.select(table.seq, table.body).where(table.action == Action.ERASURE.value)
    )
    found: dict[bytes, int] = {}
    for seq, body in rows:
        try:
            found[bytes.fromhex(json.loads(body)["subject"])] = seq
        except (ValueError, KeyError, TypeError):
            # Such a body was not written by us; the walk has reported the entry's hash.
            continue
    return found


@contextmanager
def _lenient(connection: Connection) -> Iterator[None]:
    """Let SQLite hand out text that is not UTF-8: it is to be reported, not to end the walk."""
    driver: Any = connection.connection.driver_connection
    if connection.dialect.name != "sqlite":
        yield
        return
    driver.text_factory = lambda raw: raw.decode("utf-8", "surrogateescape")
    try:
        yield
    finally:
        driver.text_factory = str
