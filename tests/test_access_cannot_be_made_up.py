"""Rows of access are bound to the ledger: none can be made up, prolonged or brought back."""

from __future__ import annotations

import hmac
from datetime import timedelta

import pytest
import sqlalchemy as sa
from ledgers import address, ledger  # noqa: F401 - fixtures

from serving import tables
from serving.access import Access, Forbidden, Unauthorised
from serving.chain import canonical, utc_now
from serving.credentials import PREFIX, hashed
from serving.ledger import Ledger
from serving.sessions import extend


def written(address: str, statement: sa.Executable) -> None:  # noqa: F811
    """Write to the tables of access as who owns the database can."""
    engine = sa.create_engine(address)
    with engine.begin() as connection:
        connection.execute(statement)
    engine.dispose()


def rows_of(ledger: Ledger, table: sa.Table) -> list[dict]:  # noqa: F811
    """Return the rows of a table of access as they stand, as a back-up has them."""
    with ledger.reading() as connection:
        return [dict(row) for row in connection.execute(sa.select(table)).mappings()]


def refused(access: Access, token: str) -> None:
    with pytest.raises(Unauthorised):
        access.authenticate(token)


def test_a_token_that_nobody_gave_is_nobodys_and_is_named(ledger: Ledger, address: str) -> None:  # noqa: F811
    access, token = Access(ledger), PREFIX + "made-up"
    row = {"hash": hashed(token), "token_id": "made-up", "actor": "me", "role": "reviewer"}
    row |= {"issued_at": "2026-01-01", "expires_at": "2999-01-01", "mark": "0" * 64}
    written(address, sa.insert(tables.token).values(row))
    refused(access, token)
    (found,) = ledger.verify().breaks
    assert "made or changed elsewhere" in found.what
    assert "'me', reviewer" in found.what


@pytest.mark.parametrize("column", ["expires_at", "role", "actor"])
def test_a_token_that_was_changed_is_nobodys(ledger: Ledger, address: str, column: str) -> None:  # noqa: F811
    access = Access(ledger)
    token = access.issue_token("app", "service", 1)
    values = {"expires_at": "2999-01-01", "role": "reviewer", "actor": "chief"}
    written(address, sa.update(tables.token).values({column: values[column]}))
    refused(access, token)
    assert len(ledger.verify().breaks) == 1


def test_a_revoked_token_stays_revoked_though_its_row_is_put_back(
    ledger: Ledger,  # noqa: F811
    address: str,  # noqa: F811
) -> None:
    access = Access(ledger)
    token = access.issue_token("app", "service", 1)
    with ledger.reading() as connection:
        (before,) = connection.execute(sa.select(tables.token)).mappings().all()
    access.revoke(access.tokens()[0].token_id, purpose="left the project")
    assert ledger.verify().ok
    written(address, sa.update(tables.token).values(dict(before)))
    refused(access, token)
    (found,) = ledger.verify().breaks
    assert "the ledger says that it was revoked" in found.what


def test_sessions_and_links_bear_marks_too(ledger: Ledger, address: str) -> None:  # noqa: F811
    access = Access(ledger)
    cookie = access.sign_in(access.issue_link("a.nalyst", "analyst"), "127.0.0.1")
    spent = access.issue_link("r.eviewer", "reviewer")
    access.sign_in(spent, "127.0.0.1")
    assert ledger.verify().ok
    written(address, sa.update(tables.link).values(used_at=None))
    with pytest.raises(Unauthorised):
        access.sign_in(spent, "127.0.0.1")
    written(address, sa.update(tables.session).values(role="reviewer", actor="me"))
    with pytest.raises(Unauthorised):
        access.session(cookie)
    assert len(ledger.verify().breaks) == 4


def test_what_is_over_stays_over_though_its_old_row_is_put_back(
    ledger: Ledger,  # noqa: F811
    address: str,  # noqa: F811
) -> None:
    access = Access(ledger)
    link = access.issue_link("a.nalyst", "analyst")
    (fresh_link,) = rows_of(ledger, tables.link)
    left = access.sign_in(link, "127.0.0.1")
    token = access.issue_token("r.eviewer", "reviewer", 1)
    ended = access.sign_in_with_token(token)
    before = rows_of(ledger, tables.session)
    stays = access.sign_in_with_token(access.issue_token("s.upervisor", "supervisor", 1))
    access.sign_out(left)
    (given,) = [one for one in access.tokens() if one.actor == "r.eviewer"]
    access.revoke(given.token_id, purpose="left the project")
    assert ledger.verify().ok
    for row in before:
        written(
            address,
            sa.update(tables.session).where(tables.session.c.hash == row["hash"]).values(row),
        )
    written(address, sa.update(tables.link).values(fresh_link))
    for opened in (access, Access(ledger)):
        for cookie in (left, ended):
            with pytest.raises(Unauthorised):
                opened.session(cookie)
        with pytest.raises(Unauthorised):
            opened.sign_in(link, "127.0.0.1")
        assert opened.session(stays)
    found = [one.what for one in ledger.verify().breaks]
    assert len(found) == 3
    assert all("the ledger says that it is over" in what for what in found)


def without_ends(connection: sa.Connection) -> None:
    """Take from the table of sessions what version 0003 adds to it."""
    for name in ("latest", "token_id"):
        connection.exec_driver_sql(f"ALTER TABLE access_session DROP COLUMN {name}")


def test_a_session_from_before_ends_when_it_says_and_is_not_extended(
    ledger: Ledger,  # noqa: F811
    address: str,  # noqa: F811
) -> None:
    access = Access(ledger)
    cookie = access.sign_in_with_token(access.issue_token("a.nalyst", "analyst", 1))
    (row,) = rows_of(ledger, tables.session)
    ends = row["expires_at"]
    # as the release before marked it: over the columns that it knew
    said = ("hash", "actor", "role", "started_at", "expires_at", "ended_at")
    text = canonical(["access_session", *(row[name] for name in said)]).encode()
    mark = hmac.digest(ledger.secret("access"), text, "sha256").hex()
    engine = sa.create_engine(address)
    with engine.begin() as connection:
        connection.execute(sa.update(tables.session).values(mark=mark))
        without_ends(connection)
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0002'")
    engine.dispose()
    with Ledger.open(address) as later:
        assert Access(later).session(cookie).expires_at == ends
        with pytest.raises(Forbidden, match="cannot be extended"):
            extend(Access(later), later, cookie)
        assert Access(later).session(cookie).expires_at == ends
        assert later.verify().ok
        Access(later).sign_out(cookie)
        assert later.verify().ok
    later = Ledger.open(address, clock=lambda: utc_now() + timedelta(hours=9))
    with later, pytest.raises(Unauthorised):
        Access(later).session(cookie)


@pytest.mark.parametrize("said", [{"latest": "2999-01-01"}, {"latest": None, "token_id": None}])
def test_how_long_a_session_may_last_is_sealed(
    ledger: Ledger,  # noqa: F811
    address: str,  # noqa: F811
    said: dict[str, str | None],
) -> None:
    access = Access(ledger)
    cookie = access.sign_in_with_token(access.issue_token("a.nalyst", "analyst", 1))
    written(address, sa.update(tables.session).values(said))
    with pytest.raises(Unauthorised):
        access.session(cookie)
    (found,) = ledger.verify().breaks
    assert "made or changed elsewhere" in found.what


def test_a_ledger_of_the_release_before_opens_and_its_old_access_ends(
    ledger: Ledger,  # noqa: F811
    address: str,  # noqa: F811
) -> None:
    token = Access(ledger).issue_token("app", "service", 1)
    engine = sa.create_engine(address)
    with engine.begin() as connection:
        for name in ("access_token", "access_link", "access_session"):
            connection.exec_driver_sql(f"ALTER TABLE {name} DROP COLUMN mark")
        without_ends(connection)
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0001'")
    engine.dispose()
    with Ledger.open(address) as later:
        refused(Access(later), token)
        assert Access(later).authenticate(Access(later).issue_token("app", "service", 1))
