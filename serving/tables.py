"""The tables of the ledger, of access and of the key store, as queries see them."""

from __future__ import annotations

import sqlalchemy as sa

_Whole = sa.BigInteger().with_variant(sa.Integer, "sqlite")

LEDGER = sa.MetaData()
"""What stands in the ledger's database: two append-only tables, and three mutable ones beside."""

KEYS = sa.MetaData()
"""What stands in the key store, a database of its own with back-ups of its own."""

entry = sa.Table(
    "ledger_entry",
    LEDGER,
    sa.Column("seq", _Whole, primary_key=True, autoincrement=False),
    sa.Column("at", sa.Text, nullable=False),
    sa.Column("actor", sa.Text, nullable=False),
    sa.Column("role", sa.Text, nullable=False),
    sa.Column("action", sa.Text, nullable=False),
    sa.Column("purpose", sa.Text, nullable=False),
    sa.Column("question", sa.Text),
    sa.Column("body", sa.Text, nullable=False),
    sa.Column("leaf_count", _Whole, nullable=False),
    sa.Column("root", sa.Text),
    sa.Column("previous_hash", sa.Text, nullable=False),
    sa.Column("hash", sa.Text, nullable=False),
    sa.Column("seal", sa.Text, nullable=False),
    sa.Index("ledger_entry_action", "action", "seq"),
    sa.Index("ledger_entry_question", "question", "action", "seq"),
    sa.Index("ledger_entry_actor", "actor", "seq"),
    sqlite_strict=True,
)

leaf = sa.Table(
    "ledger_leaf",
    LEDGER,
    sa.Column("seq", _Whole, primary_key=True, autoincrement=False),
    sa.Column("position", _Whole, primary_key=True, autoincrement=False),
    sa.Column("subject", sa.LargeBinary, nullable=False),
    sa.Column("score_id", sa.Text),
    sa.Column("payload", sa.LargeBinary, nullable=False),
    sa.Column("hash", sa.LargeBinary, nullable=False),
    sa.Index("ledger_leaf_score_id", "score_id", unique=True),
    sa.Index("ledger_leaf_subject", "subject", "seq"),
    sqlite_strict=True,
)

token = sa.Table(
    "access_token",
    LEDGER,
    sa.Column("hash", sa.Text, primary_key=True),
    sa.Column("token_id", sa.Text, nullable=False, unique=True),
    sa.Column("actor", sa.Text, nullable=False),
    sa.Column("role", sa.Text, nullable=False),
    sa.Column("issued_at", sa.Text, nullable=False),
    sa.Column("expires_at", sa.Text, nullable=False),
    sa.Column("revoked_at", sa.Text),
    sa.Column("mark", sa.Text),
    sqlite_strict=True,
)

link = sa.Table(
    "access_link",
    LEDGER,
    sa.Column("hash", sa.Text, primary_key=True),
    sa.Column("actor", sa.Text, nullable=False),
    sa.Column("role", sa.Text, nullable=False),
    sa.Column("issued_at", sa.Text, nullable=False),
    sa.Column("expires_at", sa.Text, nullable=False),
    sa.Column("used_at", sa.Text),
    sa.Column("mark", sa.Text),
    sqlite_strict=True,
)

session = sa.Table(
    "access_session",
    LEDGER,
    sa.Column("hash", sa.Text, primary_key=True),
    sa.Column("actor", sa.Text, nullable=False),
    sa.Column("role", sa.Text, nullable=False),
    sa.Column("started_at", sa.Text, nullable=False),
    sa.Column("expires_at", sa.Text, nullable=False),
    sa.Column("ended_at", sa.Text),
    sa.Column("mark", sa.Text),
    sa.Column("latest", sa.Text),
    sa.Column("token_id", sa.Text),
    sa.Index("access_session_actor", "actor"),
    sqlite_strict=True,
)

store = sa.Table(
    "key_store",
    KEYS,
    sa.Column("id", _Whole, primary_key=True, autoincrement=False),
    sa.Column("made_at", sa.Text, nullable=False),
    sa.Column("secret", sa.LargeBinary, nullable=False),
    sqlite_strict=True,
)

person = sa.Table(
    "person_key",
    KEYS,
    sa.Column("person", sa.LargeBinary, primary_key=True),
    sa.Column("subject", sa.LargeBinary, nullable=False),
    sa.Column("wrapped", sa.LargeBinary, nullable=False),
    sa.Index("person_key_subject", "subject", unique=True),
    sqlite_strict=True,
)
