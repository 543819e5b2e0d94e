"""The record of everything that leaves: durable before it is answered, and never changed."""

from __future__ import annotations

import hmac
import json
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.exc import IntegrityError

from features.errors import Conflict, NotFound, UsageError
from features.home import home
from serving import access_rows, tables
from serving.chain import (
    Action,
    Entry,
    Head,
    Leaf,
    new_score_id,
    seal,
    stamp,
    utc_now,
)
from serving.checkpoints import EVERY, Checkpoints
from serving.database import (
    BUSY_SECONDS,
    LedgerUnavailable,
    add_rows,
    connect,
    migrate,
    reading,
    room,
    together,
    writing,
)
from serving.database_address import database_url, same_file
from serving.keys import KeyStore
from serving.leaves import Recorded, seal_leaf
from serving.reader import Promoted, Reader
from serving.unlinked import NAMES_A_PERSON, WITHOUT_THE_ID, NamesAPerson, UnlinkedEntry, faults
from serving.verification import Break, Verification, verify

__all__ = ["Action", "Entry", "Head", "Leaf", "Ledger", "Promoted", "Recorded", "new_score_id"]

_ADD = sa.insert(tables.entry)

READY_SECONDS = 2.0
"""How long the ledger may be locked before it counts as not ready."""


class Ledger(Reader):
    """The ledger: an append-only, hash-chained record of who did what, when and what for.

    One object may be used by all threads of a process; any number of processes may append to
    one ledger. Entries are in one order, each sealed to the one before it. What an entry says
    about a person is encrypted under that person's own key (`serving.keys`).

    Examples
    --------
    >>> import tempfile
    >>> from unittest.mock import patch
    >>> with patch.dict("os.environ", PRECURSOR_HOME=tempfile.mkdtemp()):
    ...     ledger = Ledger.open()
    >>> entry = ledger.append("view", actor="a.nalyst", role="analyst", purpose="IOM meeting",
    ...                       people=[Leaf("N1", payload={"page": "person"})])
    >>> entry.seq, entry.leaf_count, ledger.verify().ok
    (1, 1, True)
    >>> ledger.close()
    """

    def __init__(
        self,
        engine: Engine,
        keys: KeyStore,
        checkpoints: Checkpoints,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        super().__init__(engine, keys)
        self._checkpoints = checkpoints
        self._clock = clock
        self._turn = threading.Lock()
        self._linked: list[Head] = []
        self._unnoted: Head | None = None

    @classmethod
    def open(
        cls,
        url: str | None = None,
        *,
        keys_url: str | None = None,
        clock: Callable[[], datetime] = utc_now,
        wait: float = BUSY_SECONDS,
    ) -> Ledger:
        """Open the ledger and its key store, and make or migrate them where that is due.

        Parameters
        ----------
        url : str, optional
            By default ``PRECURSOR_DATABASE_URL``, or ``ledger.db`` in the state folder.
        keys_url : str, optional
            By default ``PRECURSOR_KEYS_URL``, or ``keys.db`` in the state folder.
        clock : callable
            What the time is, in UTC.
        wait : float
            How many seconds an entry waits for its turn before it is refused.

        Raises
        ------
        LedgerUnavailable
            If a database cannot be reached, or not written to.
        KeysRefused
            If the master key is missing or wrong.
        UsageError
            If an address cannot be used, or both name one database.
        """
        address = database_url(url, variable="PRECURSOR_DATABASE_URL", file="ledger.db")
        keys_at = database_url(keys_url, variable="PRECURSOR_KEYS_URL", file="keys.db")
        if same_file(address, keys_at):  # before anything is made in it
            raise together()
        with ExitStack() as undo:
            engine = connect(address, wait)
            undo.callback(engine.dispose)
            migrate(engine, "ledger")
            with reading(engine) as connection:
                empty = connection.execute(sa.select(tables.entry.c.seq).limit(1)).first() is None
            local = address.get_backend_name() == "sqlite"
            keys = KeyStore.open(keys_url, local=local, anew=empty, wait=wait)
            undo.callback(keys.close)
            undo.pop_all()
        return cls(engine, keys, Checkpoints.of(address, home()), clock)

    def close(self) -> None:
        """Note the head down if entries were added, and let go of both databases."""
        if self._unnoted is not None:
            self._checkpoints.note(self._unnoted, stamp(self._clock()))
            self._unnoted = None
        self._engine.dispose()
        self._keys.close()

    def __enter__(self) -> Ledger:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def append(
        self,
        action: str,
        *,
        actor: str,
        role: str,
        purpose: str,
        question: str | None = None,
        body: Mapping[str, Any] | None = None,
        people: Iterable[Leaf] = (),
    ) -> Entry:
        """Record something; it is on disk when this returns, and only then may it be answered.

        Parameters
        ----------
        action : str
            One of `Action`.
        actor, role, purpose : str
            Who, as what, and what for; none may be empty.
        question : str, optional
        body : mapping, optional
            What was done, in plain JSON values, nothing of it about one person.
        people : iterable of Leaf
            What was said about whom. A hundred thousand are one link; give more in parts.

        Raises
        ------
        UsageError
            If something is missing or personal; every fault is listed.
        Conflict
            If a score id is on the ledger already.
        LedgerUnavailable
            If it could not be written. Nothing may be answered then.
        """
        entry = self._unlinked(action, actor, role, purpose, question, body, people)
        with self.transaction() as connection:
            return self._link(connection, entry)

    def append_within(
        self,
        connection: Connection,
        action: str,
        *,
        actor: str,
        role: str,
        purpose: str,
        question: str | None = None,
        body: Mapping[str, Any] | None = None,
        people: Iterable[Leaf] = (),
    ) -> Entry:
        """Record something within a `transaction`: all that is done in it stands, or nothing."""
        entry = self._unlinked(action, actor, role, purpose, question, body, people)
        return self._link(connection, entry)

    def secret(self, use: str) -> bytes:
        """Return 32 bytes of the ledger's own for one use, which nobody without its keys knows."""
        return hmac.digest(self._keys.seal_key, b"precursor/use/" + use.encode(), "sha256")

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """Open the one writing transaction there is at a time; durable when the block is left.

        Raises
        ------
        LedgerUnavailable
            If no turn comes in time or the database cannot be written to.
        """
        with self._in_turn():
            with writing(self._engine) as connection:
                self._linked = []
                yield connection
            self._noted()

    def _noted(self) -> None:
        at = stamp(self._clock())
        try:
            for head in self._linked:
                self._unnoted = head
                if head.seq % EVERY == 0:
                    self._checkpoints.note(head, at)
                    self._unnoted = None
            if self._linked:
                self._checkpoints.mark(self._linked[-1], at)
        except OSError as failed:
            raise LedgerUnavailable(
                f"checkpoints: {failed.strerror}",
                remedy="Let this user write there, or make room; the entry stands, unanswered.",
            ) from failed

    def now(self) -> datetime:
        """Return what the ledger takes the time to be, in UTC."""
        return self._clock()

    def checkpoint(self) -> Head | None:
        """Note the head down in the state folder now, beside those noted every 100 entries."""
        head = self.head()
        if head is not None:
            self._checkpoints.note(head, stamp(self._clock()))
        return head

    def ready(self) -> None:
        """Return if an entry could be written now; what stands in the way is raised.

        Raises
        ------
        LedgerUnavailable
            If the database cannot be reached, is locked for two seconds, or its disk is full.
        """
        room(self._engine)
        with self._in_turn(READY_SECONDS), writing(self._engine, READY_SECONDS) as connection:
            self._head(connection)

    def erase(
        self,
        nominal_id: str,
        *,
        actor: str,
        role: str,
        purpose: str,
        recorded: Callable[[int], None] | None = None,
    ) -> Entry:
        """Destroy a person's key: what the ledger says about them cannot be read again.

        The erasure is recorded first, under the pseudonym that nothing leads back from once the
        key is gone. The chain still verifies. Run again, it finishes what was interrupted.

        Parameters
        ----------
        recorded : callable, optional
            Takes the entry's number before the key is destroyed.

        Raises
        ------
        NotFound
            If nothing is recorded about such a person, or it was erased before.
        """
        key = self._keys.find(nominal_id)
        if key is None:
            # An erasure that was interrupted may have left traces in the key store's log.
            self._keys.erase(nominal_id)
            raise NotFound(
                "nothing is recorded about this person, or it was erased before",
                remedy="Check the nominal id.",
                field="nominal_id",
            )
        entry = self.append(
            Action.ERASURE,
            actor=actor,
            role=role,
            purpose=purpose,
            body={"subject": key.subject.hex()},
        )
        if recorded is not None:
            recorded(entry.seq)
        self._keys.erase(nominal_id)
        return entry

    def verify(self, *, heads: Iterable[Head] = ()) -> Verification:
        """Walk the whole chain and all leaves, and return every break that is found.

        Parameters
        ----------
        heads : iterable of Head
            Heads noted down elsewhere, beside those in the state folder.
        """
        found = verify(self._engine, self._keys, self._checkpoints, heads)
        with self.reading() as connection:
            breaks = [
                Break(None, f"{place}: {what}", "Revoke it, and find out who wrote it.")
                for place, what in access_rows.faults(connection, self.secret("access"))
            ]
        return replace(found, breaks=(*found.breaks, *breaks))

    @contextmanager
    def _in_turn(self, wait: float | None = None) -> Iterator[None]:
        """Queue the threads of one process here; SQLite would have them sleep and try again."""
        wait = self._engine.get_execution_options()["patience"] if wait is None else wait
        if not self._turn.acquire(timeout=wait):
            raise LedgerUnavailable(
                f"other requests have kept the ledger locked for {wait:g} seconds",
                remedy="Try again; give large batches in parts.",
            )
        try:
            yield
        finally:
            self._turn.release()

    def _unlinked(
        self,
        action: str,
        actor: str,
        role: str,
        purpose: str,
        question: str | None,
        body: Mapping[str, Any] | None,
        people: Iterable[Leaf],
    ) -> UnlinkedEntry:
        leaves, body = list(people), dict(body or {})
        texts = {"actor": actor, "role": role, "purpose": purpose, "question": question}
        found = faults(action, texts, body, [leaf.nominal_id for leaf in leaves])
        if found:
            reasons = [why for _, why in found]
            kind = NamesAPerson if NAMES_A_PERSON in reasons else UsageError
            raise kind(
                "not recorded: " + "; ".join(reasons),
                remedy=WITHOUT_THE_ID
                if set(reasons) == {NAMES_A_PERSON}
                else "Nothing leaves without an actor, a role and a purpose; what is about one "
                "person goes into that person's leaf.",
                field=found[0][0],
            )
        # Sealed before the ledger's turn is taken, so that nobody waits for a large batch.
        keys = self._keys.ensure(leaf.nominal_id for leaf in leaves) if leaves else {}
        sealed = [seal_leaf(leaf, keys[leaf.nominal_id]) for leaf in leaves]
        return UnlinkedEntry(str(action), str(actor), str(role), purpose, question, body, sealed)

    def _link(self, connection: Connection, entry: UnlinkedEntry) -> Entry:
        fields = entry.follow(self._head(connection), stamp(self._clock()))
        rows = [
            (fields["seq"], position, leaf.subject, leaf.score_id, leaf.payload, leaf.hash)
            for position, leaf in enumerate(entry.leaves)
        ]
        try:
            add_rows(connection, tables.leaf, rows)
        except IntegrityError as error:
            raise Conflict(
                "a score id is on the ledger already", remedy="Use new_score_id() for each score."
            ) from error
        mark = seal(self._keys.seal_key, fields["hash"])
        connection.execute(_ADD, fields | {"seal": mark})
        self._linked.append(Head(fields["seq"], fields["hash"]))
        return Entry(**fields | {"body": json.loads(fields["body"])})
