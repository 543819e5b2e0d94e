"""What the ledger can be asked: entries, one score, one person, the model in force."""

from __future__ import annotations

import hmac
import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine, Row

from features.errors import NotFound
from serving import tables
from serving.chain import (
    IN_FORCE,
    OUT_OF_FORCE,
    Action,
    Entry,
    Head,
    LedgerDamaged,
    entry_hash,
    seal,
)
from serving.database import reading
from serving.keys import KeyStore
from serving.leaves import Recorded, open_leaf
from serving.permissions import known_by

_LAST = (
    sa.select(tables.entry.c.seq, tables.entry.c.hash).order_by(tables.entry.c.seq.desc()).limit(1)
)
# made once: to make it takes longer than to ask it
_FORCE_CHANGED = sa.select(sa.func.max(tables.entry.c.seq)).where(
    tables.entry.c.question == sa.bindparam("question"),
    tables.entry.c.action.in_(sorted(IN_FORCE | OUT_OF_FORCE)),
)


class Promoted(NamedTuple):
    """The model in force for a question: its version, and the SHA-256 a worker must find."""

    version: int
    sha256: str


class Reader:
    """The reading half of the ledger; reading is itself recorded by whoever answers with it.

    Examples
    --------
    >>> Reader.score.__doc__.splitlines()[0]
    "Return a score's entry and what was said; None in place of what was erased."
    """

    def __init__(self, engine: Engine, keys: KeyStore) -> None:
        self._engine = engine
        self._keys = keys
        self.no_view_due: dict[str, tuple[str, set[str]]] = {}
        """By question: a list, and who owes no own view of it any more (`serving.own_view`)."""

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Open a transaction that sees one unchanging state of the ledger's database."""
        with reading(self._engine) as connection:
            yield connection

    def head(self) -> Head | None:
        """Return the last entry's number and hash, to be noted down; None if there is no entry."""
        with self.reading() as connection:
            return self._head(connection)

    def entries(
        self,
        *,
        action: str | Iterable[str] | None = None,
        actor: str | None = None,
        person: str | None = None,
        role: str | None = None,
        question: str | None = None,
        since: str | None = None,
        until: str | None = None,
        before: int | None = None,
        about: str | None = None,
        limit: int | None = 100,
        sealed: bool = False,
    ) -> list[Entry]:
        """Return entries, the latest first.

        Parameters
        ----------
        action, actor, role, question : optional
            Only those; ``action`` may be several.
        person : str, optional
            Only those by whoever this actor is, whatever their account's name was then.
        since, until : str, optional
            Only those from this UTC time on, and before that one (ISO 8601, ending in Z).
        before : int, optional
            Only those with a smaller number: the last one of the page before.
        about : str, optional
            Only those that say something about the person of this score.
        limit : int, optional
            How many at most; None for all.
        sealed : bool
            For what is acted upon, not only shown: each entry must bear the ledger's seal.

        Raises
        ------
        LedgerDamaged
            If one that has to bear the seal does not.
        """
        table = tables.entry.c
        query = sa.select(tables.entry).order_by(table.seq.desc()).limit(limit)
        if action is not None:
            wanted = [action] if isinstance(action, str) else list(action)
            query = query.where(table.action.in_(wanted))
        exactly = ((table.actor, actor), (table.role, role), (table.question, question))
        for column, value in exactly:
            if value is not None:
                query = query.where(column == value)
        if person is not None:
            lasting = known_by(person)
            end = f" ({lasting})"  # not LIKE, which passes over capitals in SQLite
            tail = sa.func.substr(table.actor, sa.func.length(table.actor) - len(end) + 1)
            query = query.where((table.actor == lasting) | (tail == end))
        if since is not None:
            query = query.where(table.at >= since)
        if until is not None:
            query = query.where(table.at < until)
        if before is not None:
            query = query.where(table.seq < before)
        if about is not None:
            leaf = tables.leaf.c
            whom = sa.select(leaf.subject).where(leaf.score_id == about)
            query = query.where(table.seq.in_(sa.select(leaf.seq).where(leaf.subject.in_(whom))))
        with self.reading() as connection:
            rows = connection.execute(query).all()
        if sealed:
            self._genuine(rows)
        return [_entry(row) for row in rows]

    def entry(self, seq: int, *, sealed: bool = False) -> Entry:
        """Return one entry by its number.

        Parameters
        ----------
        sealed : bool
            For what is acted upon, as in `entries`.

        Raises
        ------
        NotFound
            If there is none.
        LedgerDamaged
            If it has to bear the ledger's seal and does not.
        """
        with self.reading() as connection:
            row = connection.execute(
                sa.select(tables.entry).where(tables.entry.c.seq == seq)
            ).one_or_none()
        if row is None:
            raise NotFound(f"entry {seq} is not on the ledger", remedy="Check the number.")
        if sealed:
            self._genuine([row])
        return _entry(row)

    def score(self, score_id: str) -> tuple[Entry, dict[str, Any] | None]:
        """Return a score's entry and what was said; None in place of what was erased.

        Raises
        ------
        NotFound
            If no score has this id.
        LedgerDamaged
            If what was said has been altered or does not bear the ledger's seal, or its key is
            lost without an erasure.
        """
        found = self._recorded(tables.leaf.c.score_id == score_id)
        if not found:
            raise NotFound(
                f"score {score_id!r} is not on the ledger",
                remedy="Check the id, and that this is the ledger where it was recorded.",
                field="score_id",
            )
        return found[0].entry, found[0].payload

    def erasure_of(self, score_id: str) -> int | None:
        """Return the entry that records the erasure of a score's person; None for no erasure."""
        found = self.subject(score_id)
        return None if found is None else self._erased(found)

    def subjects(self, seq: int, limit: int | None = None) -> list[tuple[bytes, str | None]]:
        """Return the pseudonym and the score id of each person of an entry, in their order."""
        leaf = tables.leaf.c
        query = sa.select(leaf.subject, leaf.score_id).where(leaf.seq == seq)
        with self.reading() as connection:
            rows = connection.execute(query.order_by(leaf.position).limit(limit))
            return [(bytes(row.subject), row.score_id) for row in rows]

    def subject(self, score_id: str) -> bytes | None:
        """Return the pseudonym under which a score's person stands on the ledger."""
        query = sa.select(tables.leaf.c.subject).where(tables.leaf.c.score_id == score_id)
        with self.reading() as connection:
            found = connection.scalar(query)
        return None if found is None else bytes(found)

    def person(self, nominal_id: str) -> list[Recorded]:
        """Return all that was recorded about a person, the latest first.

        The list is empty for somebody never recorded and for somebody erased: that the two
        cannot be told apart is the point of an erasure.
        """
        key = self._keys.find(nominal_id)
        return [] if key is None else self._recorded(tables.leaf.c.subject == key.subject)

    def about(
        self, nominal_ids: Iterable[str], action: str | Iterable[str], question: str
    ) -> list[Recorded]:
        """Return what some kinds of action said about some people for a question, latest first."""
        keys = (self._keys.find(nominal_id) for nominal_id in nominal_ids)
        subjects = [key.subject for key in keys if key is not None]
        if not subjects:
            return []
        wanted = [action] if isinstance(action, str) else list(action)
        entry = tables.entry.c
        seqs = sa.select(entry.seq).where(entry.action.in_(wanted), entry.question == question)
        return self._recorded(
            sa.and_(tables.leaf.c.subject.in_(subjects), tables.leaf.c.seq.in_(seqs))
        )

    def people(self, seq: int, *, sealed: bool = True) -> list[Recorded]:
        """Return all leaves of one entry, in their order.

        Parameters
        ----------
        sealed : bool
            Refuse those of an entry without the ledger's seal; not for who inspects the trail.
        """
        return self._recorded(tables.leaf.c.seq == seq, sealed=sealed)

    def recorded(self, action: str, question: str) -> list[Recorded]:
        """Return all that one kind of action said about people for a question, the latest first."""
        about = sa.select(tables.entry.c.seq).where(
            tables.entry.c.action == str(action), tables.entry.c.question == question
        )
        return self._recorded(tables.leaf.c.seq.in_(about))

    def force_changed(self, question: str) -> int:
        """Return the last entry that put a question's model in force or out of it; cheap to ask."""
        with self.reading() as connection:
            return connection.scalar(_FORCE_CHANGED, {"question": question}) or 0

    def promoted_sha(self, question: str) -> Promoted | None:
        """Return the version and SHA-256 of the model in force for a question, if one is.

        Returns
        -------
        (version, sha256) or None
            None before a first promotion, and after a suspension or retirement; a retired version
            is in force never again, in whatever order its entries were written.

        Raises
        ------
        LedgerDamaged
            If somebody without the ledger's key wrote what would be in force.
        """
        found = self.entries(
            action=IN_FORCE | OUT_OF_FORCE, question=question, limit=None, sealed=True
        )
        retired = {e.body.get("version") for e in found if e.action == Action.RETIREMENT}
        for entry in found:
            if entry.action == Action.RETIREMENT and not entry.body.get("in_force", True):
                continue  # of a version that was not in force: the one in force stays
            if entry.action in OUT_OF_FORCE or entry.body["version"] in retired:
                return None
            return Promoted(entry.body["version"], entry.body["sha256"])
        return None

    def _sealed(self, row: Row[Any]) -> bool:
        own = seal(self._keys.seal_key, entry_hash(dict(row._mapping)))
        return hmac.compare_digest(own.encode(), str(row.seal).encode())

    def _genuine(self, rows: Iterable[Row[Any]]) -> None:
        """Refuse entries that were written, or changed, by somebody without the ledger's key."""
        for row in rows:
            if not self._sealed(row):
                raise LedgerDamaged(
                    f"entry {row.seq} does not bear the ledger's seal, so nothing is done by it",
                    remedy="Run precursor audit verify, and treat it as an incident.",
                )

    def _head(self, connection: Connection) -> Head | None:
        row = connection.execute(_LAST).one_or_none()
        return None if row is None else Head(row.seq, row.hash)

    def _recorded(
        self, condition: sa.ColumnElement[bool], *, sealed: bool = True
    ) -> list[Recorded]:
        order = (tables.leaf.c.seq.desc(), tables.leaf.c.position)
        with self.reading() as connection:
            leaves = connection.execute(
                sa.select(tables.leaf).where(condition).order_by(*order)
            ).all()
            wanted = sorted({row.seq for row in leaves})
            rows = connection.execute(
                sa.select(tables.entry).where(tables.entry.c.seq.in_(wanted))
            ).all()
        if sealed:  # a leaf can be copied into an entry that says who did what, and when
            self._genuine(rows)
        entries = {row.seq: _entry(row) for row in rows}
        keys = self._keys.of_subjects(bytes(row.subject) for row in leaves)
        for row in leaves:
            if bytes(row.subject) not in keys and self._erased(bytes(row.subject)) is None:
                raise LedgerDamaged(
                    f"entry {row.seq}: the key of the person in leaf {row.position} is lost, "
                    "and no erasure is recorded",
                    remedy="Restore the key store from its back-up.",
                )
        return [open_leaf(row, entries[row.seq], keys.get(bytes(row.subject))) for row in leaves]

    def _erased(self, subject: bytes) -> int | None:
        query = sa.select(tables.entry).where(
            tables.entry.c.action == Action.ERASURE.value,
            tables.entry.c.body.contains(f'"subject":"{subject.hex()}"', autoescape=True),
        )
        with self.reading() as connection:
            found = connection.execute(query.order_by(tables.entry.c.seq)).all()
        self._genuine(found)  # else a key that was taken away would pass for an erasure
        return found[0].seq if found else None


def _entry(row: Row[Any]) -> Entry:
    fields = {name: value for name, value in row._mapping.items() if name != "seal"}
    return Entry(**fields | {"body": json.loads(fields["body"])})
