"""One key for each person: what is recorded about somebody can be read only while it exists."""

from __future__ import annotations

import base64
import binascii
import hmac
import os
import secrets
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TypeVar

import sqlalchemy as sa
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy.engine import Connection, Engine, Row

from features.errors import PrecursorError
from features.files import sync
from features.home import home
from serving import tables
from serving.chain import stamp, utc_now
from serving.database import (
    BUSY_SECONDS,
    add_rows,
    connect,
    migrate,
    reading,
    told,
    writing,
)
from serving.database_address import database_url

_MASTER = "PRECURSOR_MASTER_KEY"
_NONCE = 12
_CHUNK = 5_000
_T = TypeVar("_T")

_NAMED = sa.select(tables.person).where(
    tables.person.c.person.in_(sa.bindparam("named", expanding=True))
)


class KeysRefused(PrecursorError):
    """The keys cannot be used: the master key is missing, unreadable or another one."""

    code = "keys_refused"
    status = 503


def master_key(*, create: bool) -> bytes:
    """Return the key that wraps all others: from the environment, or from the state folder.

    Parameters
    ----------
    create : bool
        Whether ``HOME/master.key`` may be made if neither is there. Of several processes that
        try at once one makes it, and all return the same key.

    Returns
    -------
    bytes
        32 of them.

    Raises
    ------
    KeysRefused
        If there is none, or what there is cannot be a key. Its value is never repeated.
    """
    given = os.environ.get(_MASTER)
    if given is not None:
        return _decoded(given.strip(), _MASTER)
    path = home() / "master.key"
    if create and not path.exists():
        _make(path)
    try:
        mode = path.stat().st_mode
        text = path.read_text(encoding="ascii", errors="replace")
    except FileNotFoundError:
        raise KeysRefused(
            f"{path} is not there and {_MASTER} is not set",
            remedy=f"Set {_MASTER}, or put the back-up of the file in its place.",
        ) from None
    except PermissionError:
        raise KeysRefused(
            f"{path} cannot be read by this user", remedy="Run as its owner."
        ) from None
    if mode & 0o077:
        raise KeysRefused(
            f"{path} can be read by others than its owner",
            remedy=f"Run chmod 600 {path}, and think of who has read it.",
        )
    return _decoded(text.strip(), str(path))


def _make(path: Path) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    handle = os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    try:
        os.write(handle, base64.b64encode(secrets.token_bytes(32)) + b"\n")
        os.fsync(handle)
        # A link, unlike a rename, fails where the name is taken: the first one stays.
        os.link(part, path)
    except FileExistsError:
        return
    finally:
        os.close(handle)
        part.unlink()
    sync(path.parent)


def _decoded(text: str, place: str) -> bytes:
    remedy = (
        "Give 32 random bytes in base64, for example from: "
        'python -c "import base64, os; print(base64.b64encode(os.urandom(32)).decode())"'
    )
    try:
        key = base64.b64decode(text.replace("-", "+").replace("_", "/"), validate=True)
    except (binascii.Error, ValueError):
        raise KeysRefused(f"{place} is not base64", remedy=remedy) from None
    if len(key) != 32:
        raise KeysRefused(f"{place} holds {len(key)} bytes, not 32", remedy=remedy)
    if len(set(key)) < 8:
        raise KeysRefused(f"{place} is not random", remedy=remedy)
    return key


def _derived(key: bytes, use: str) -> bytes:
    """One key for each use, so that none can be turned against another."""
    return hmac.digest(key, b"precursor/1/" + use.encode(), "sha256")


@dataclass(frozen=True, slots=True)
class PersonKey:
    """What seals and opens everything recorded about one person.

    Attributes
    ----------
    subject : bytes
        The person's pseudonym in the ledger: 32 bytes that say nothing once the key is gone.

    Examples
    --------
    >>> key = PersonKey.of(b"0123456789abcdef" * 2, "N1")
    >>> key.open(key.seal(b"secret", b"score 1"), b"score 1")
    b'secret'
    """

    subject: bytes
    cipher: AESGCM

    @classmethod
    def of(cls, key: bytes, nominal_id: str) -> PersonKey:
        """Return the two faces of a person's key: pseudonym and cipher."""
        subject = hmac.digest(_derived(key, "subject"), nominal_id.encode(), "sha256")
        return cls(subject, _cipher(key))

    def seal(self, content: bytes, about: bytes) -> bytes:
        """Return ciphertext that opens only under this key, and only as being ``about`` this."""
        nonce = os.urandom(_NONCE)
        return nonce + self.cipher.encrypt(nonce, content, self.subject + about)

    def open(self, sealed: bytes, about: bytes) -> bytes:
        """Return what was sealed; raises ``InvalidTag`` if it was altered or moved."""
        return self.cipher.decrypt(sealed[:_NONCE], sealed[_NONCE:], self.subject + about)


def _cipher(key: bytes) -> AESGCM:
    return AESGCM(_derived(key, "payload"))


class KeyStore:
    """The keys of all people on the ledger, each wrapped by the master key.

    It is a database of its own, so that it has back-ups of its own: a back-up of the ledger
    does not bring back what was erased.
    """

    def __init__(self, engine: Engine, master: bytes, secret: bytes) -> None:
        self._engine = engine
        self._wrap = AESGCM(_derived(master, "wrap"))
        self._index = _derived(secret, "index")
        self.seal_key = _derived(secret, "seal")

    @classmethod
    def open(
        cls,
        url: str | None = None,
        *,
        local: bool = True,
        anew: bool = True,
        wait: float = BUSY_SECONDS,
    ) -> KeyStore:
        """Open the store, and make it where there is none.

        Parameters
        ----------
        url : str, optional
            By default ``PRECURSOR_KEYS_URL``, or ``keys.db`` in the state folder.
        local : bool
            Whether the ledger is an SQLite file: only then may a master key be made here.
        anew : bool
            Whether a store may be made: not where a ledger has entries, which no new one opens.
        wait : float
            How many seconds a new key waits while another process writes.

        Raises
        ------
        KeysRefused
            If the master key is missing, unreadable or not the one this store was made with, or
            the store is gone.
        LedgerUnavailable
            If the store cannot be reached.
        """
        address = database_url(url, variable="PRECURSOR_KEYS_URL", file="keys.db")
        local = local and address.get_backend_name() == "sqlite"
        with ExitStack() as undo:
            engine = connect(address, wait)
            undo.callback(engine.dispose)
            migrate(engine, "keys")
            with reading(engine) as connection:
                wrapped = connection.execute(sa.select(tables.store.c.secret)).scalar()
            if wrapped is None and not anew:
                raise KeysRefused(
                    f"{told(address, '')[0]} holds no keys, and the ledger has entries",
                    remedy="Put the back-up of the key store in its place, or set"
                    " PRECURSOR_KEYS_URL to where it is; a new one would open none of them.",
                )
            # A new master key could not open an old store, so none is made for it.
            master = master_key(create=local and wrapped is None)
            wrap = AESGCM(_derived(master, "wrap"))
            if wrapped is None:
                wrapped = _found(engine, wrap)
            try:
                secret = wrap.decrypt(wrapped[:_NONCE], wrapped[_NONCE:], b"store")
            except InvalidTag:
                raise KeysRefused(
                    "the master key is not the one that this key store was made with",
                    remedy=f"Set {_MASTER} (or master.key) to that one; the store is unharmed.",
                ) from None
            undo.pop_all()
        return cls(engine, master, secret)

    def close(self) -> None:
        """Let go of the database."""
        self._engine.dispose()

    def ensure(self, nominal_ids: Iterable[str]) -> dict[str, PersonKey]:
        """Return each person's key, making one where there is none; new ones are durable."""
        keys: dict[str, PersonKey] = {}
        for chunk in _chunks(dict.fromkeys(nominal_ids)):
            keys |= self._present(chunk)
            absent = [nominal_id for nominal_id in chunk if nominal_id not in keys]
            if absent:
                with writing(self._engine) as connection:
                    # Another process may have made some of them meanwhile.
                    keys |= self._present(absent, connection)
                    keys |= self._add([item for item in absent if item not in keys], connection)
        return keys

    def find(self, nominal_id: str) -> PersonKey | None:
        """Return a person's key; None for somebody never recorded, or erased."""
        return self._present([nominal_id]).get(nominal_id)

    def of_subjects(self, subjects: Iterable[bytes]) -> dict[bytes, PersonKey]:
        """Return the keys behind pseudonyms; the erased ones are not among them."""
        table = tables.person
        found: dict[bytes, PersonKey] = {}
        for chunk in _chunks(dict.fromkeys(subjects)):
            with reading(self._engine) as connection:
                for row in connection.execute(sa.select(table).where(table.c.subject.in_(chunk))):
                    found[bytes(row.subject)] = self._opened(row)
        return found

    def known(self, subjects: Iterable[bytes]) -> set[bytes]:
        """Return those of the pseudonyms whose key exists."""
        column = tables.person.c.subject
        found: set[bytes] = set()
        for chunk in _chunks(dict.fromkeys(subjects)):
            with reading(self._engine) as connection:
                rows = connection.scalars(sa.select(column).where(column.in_(chunk)))
                found |= {bytes(subject) for subject in rows}
        return found

    def erase(self, nominal_id: str) -> bool:
        """Destroy a person's key for good; False if there was none.

        On SQLite the bytes are overwritten in the file and its log is cut, before this returns.
        Back-ups of the key store still hold the key until they expire.

        Raises
        ------
        KeysRefused
            If a reader keeps the log from being cut for 30 seconds; the key is gone from the
            store by then, and the next call finishes the work.
        """
        with writing(self._engine) as connection:
            gone = connection.execute(
                sa.delete(tables.person).where(tables.person.c.person == self._named(nominal_id))
            )
        self._scrub()
        return bool(gone.rowcount)

    def _scrub(self) -> None:
        connection = self._engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        with connection:
            if connection.dialect.name == "postgresql":
                connection.exec_driver_sql("VACUUM person_key")
                return
        raw = self._engine.raw_connection()
        try:
            busy = raw.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
        finally:
            raw.close()
        if busy:
            raise KeysRefused(
                "a reader keeps the key store's log from being cut, so it may still hold the key",
                remedy="Run the erasure again in a moment.",
            )

    def _named(self, nominal_id: str) -> bytes:
        """The person's name in the store, which without the store's secret names nobody."""
        return hmac.digest(self._index, nominal_id.encode(), "sha256")

    def _present(
        self, nominal_ids: Iterable[str], connection: Connection | None = None
    ) -> dict[str, PersonKey]:
        if connection is None:
            with reading(self._engine) as fresh:
                return self._present(nominal_ids, fresh)
        named = {self._named(nominal_id): nominal_id for nominal_id in nominal_ids}
        rows = connection.execute(_NAMED, {"named": list(named)})
        return {named[bytes(row.person)]: self._opened(row) for row in rows}

    def _opened(self, row: Row[tuple[bytes, bytes, bytes]]) -> PersonKey:
        wrapped = bytes(row.wrapped)
        try:
            key = self._wrap.decrypt(wrapped[:_NONCE], wrapped[_NONCE:], bytes(row.person))
        except InvalidTag:
            raise KeysRefused(
                "a person's key in the key store has been altered",
                remedy="Restore the key store from its back-up, and treat it as an incident.",
            ) from None
        return PersonKey(bytes(row.subject), _cipher(key))

    def _add(self, nominal_ids: list[str], connection: Connection) -> dict[str, PersonKey]:
        added: dict[str, PersonKey] = {}
        rows = []
        for nominal_id in nominal_ids:
            key, nonce, person = os.urandom(32), os.urandom(_NONCE), self._named(nominal_id)
            added[nominal_id] = made = PersonKey.of(key, nominal_id)
            wrapped = nonce + self._wrap.encrypt(nonce, key, person)
            rows.append((person, made.subject, wrapped))
        add_rows(connection, tables.person, rows)
        return added


def _found(engine: Engine, wrap: AESGCM) -> bytes:
    """Give a new store its secret; of several processes, one wins and all return its."""
    nonce = os.urandom(_NONCE)
    sealed = nonce + wrap.encrypt(nonce, secrets.token_bytes(32), b"store")
    with writing(engine) as connection:
        there = connection.execute(sa.select(tables.store.c.secret)).scalar()
        if there is not None:
            return bytes(there)
        row = {"id": 1, "made_at": stamp(utc_now()), "secret": sealed}
        connection.execute(sa.insert(tables.store), [row])
    return sealed


def _chunks(items: Iterable[_T]) -> Iterator[list[_T]]:
    rest = iter(items)
    while chunk := list(islice(rest, _CHUNK)):
        yield chunk
