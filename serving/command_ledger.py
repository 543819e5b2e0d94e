"""The ledger as the command line opens it: made by what begins one, never by what only asks."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from features.errors import NotFound, UsageError
from serving.chain import SCORE_ID

if TYPE_CHECKING:
    from sqlalchemy.engine import URL

    from serving.ledger import Action, Ledger

_OURS = "alembic_version"  # every database that a release made or migrated has this table
_ASKED_OF_THE_LEDGER = frozenset({"score_id", "nominal_id", "token_id"})


@contextmanager
def ledger(*, make: bool = True) -> Iterator[Ledger]:
    """Open the ledger of the state folder, or of PRECURSOR_DATABASE_URL.

    What is not on it is told with where it is: whoever works from another folder has another
    ledger. The service does not say so, for it would tell anybody on which machine it is.

    Parameters
    ----------
    make : bool
        Make it where there is none. What only asks makes nothing.

    Raises
    ------
    NotFound
        There is none, and none is to be made; a question is unknown or has no model in force.
    """
    with _opened(_place(make)) as book:
        yield book


@contextmanager
def asking(*, make: bool = False) -> Iterator[Ledger]:
    """Open the ledger to ask about single people: nobody is erased meanwhile."""
    from features.turns import turn

    place = _place(make)  # before a turn is taken, which makes the state folder
    with turn(), _opened(place) as book:
        yield book


@contextmanager
def _opened(place: str) -> Iterator[Ledger]:
    from serving.ledger import Ledger

    with Ledger.open() as book:
        try:
            yield book
        except NotFound as missing:
            if missing.field in _ASKED_OF_THE_LEDGER:
                missing.message += f" (the ledger is {place})"
            raise


def _place(make: bool) -> str:
    """Return where the ledger is, without a password; refuse if there is none to be asked."""
    from features.home import home
    from serving.checkpoints import Checkpoints
    from serving.database_address import database_url

    url = database_url(None, variable="PRECURSOR_DATABASE_URL", file="ledger.db")
    local = url.get_backend_name() == "sqlite"
    place = str(url.database) if local else f"postgresql://{url.host or ''}/{url.database}"
    # where heads were noted down there was one: that it is gone is not that there is none
    if not make and not _begun(url) and not any(True for _ in Checkpoints.of(url, home())):
        raise NotFound(
            f"there is no ledger at {place}",
            remedy="Give the command in the folder where scores were made, or name its state"
            " folder in PRECURSOR_HOME, or the ledger's database in PRECURSOR_DATABASE_URL.",
            code="no_ledger",
        )
    if local and not Path(place).exists():  # whoever is in the wrong folder sees it here
        typer.echo(f"A new ledger begins at {place}.", err=True)
    return place


def _begun(url: URL) -> bool:
    """Return whether a ledger was ever kept in a database; nothing is made by asking."""
    import sqlalchemy as sa

    from serving.database import connect, reading

    if url.get_backend_name() == "sqlite":
        return _ours(Path(str(url.database)))
    engine = connect(url)
    try:
        with reading(engine) as connection:
            return sa.inspect(connection).has_table(_OURS)
    finally:
        engine.dispose()


def _ours(file: Path) -> bool:
    """Return whether an SQLite file is one of ours, or so broken that whoever opens it says why."""
    if not file.is_file():
        return False
    try:
        with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True)) as there:
            asked = "SELECT count(*) FROM sqlite_master WHERE name = ?"
            return bool(there.execute(asked, [_OURS]).fetchone()[0])
    except sqlite3.DatabaseError:
        return True


def record(book: Ledger, action: Action, reason: str, question: str, body: dict[str, Any]) -> None:
    """Put what the command line's user does on the ledger."""
    from serving.permissions import operator

    who = operator()
    book.append(
        action, actor=who.actor, role=who.role, purpose=reason, question=question, body=body
    )


def record_in_force(
    book: Ledger, action: Action, reason: str, question: str, body: dict[str, Any]
) -> None:
    """Put on the ledger that a version comes into force, unless it was retired meanwhile.

    Both happen in one transaction: no retirement comes between the look and the entry.

    Raises
    ------
    Conflict
        The version was retired.
    """
    from serving.permissions import operator
    from serving.retirement import require_not_retired

    who = operator()
    with book.transaction() as connection:
        require_not_retired(book, question, body["version"])
        book.append_within(
            connection,
            action,
            actor=who.actor,
            role=who.role,
            purpose=reason,
            question=question,
            body=body,
        )


def score_id(given: str) -> str:
    """Return what was given as a score's id, or refuse what cannot be one.

    Examples
    --------
    >>> score_id("N000123")
    Traceback (most recent call last):
    ...
    features.errors.UsageError: SCORE_ID: 'N000123' is not the id of a score: that is an s and 32 \
of 0-9 and a-f. Copy it from the column score_id of the scored file.
    """
    if re.fullmatch(SCORE_ID, given) is None:
        raise UsageError(
            f"SCORE_ID: '{given}' is not the id of a score: that is an s and 32 of 0-9 and a-f",
            remedy="Copy it from the column score_id of the scored file.",
            field="score_id",
        )
    return given
