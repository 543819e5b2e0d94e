"""The append-only ledger with its guards; tokens, sign-in links and sessions beside it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from serving import guards

revision = "0001"
down_revision = None

WHOLE = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    op.create_table(
        "ledger_entry",
        sa.Column("seq", WHOLE, primary_key=True, autoincrement=False),
        sa.Column("at", sa.Text, nullable=False),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("role", sa.Text, nullable=False),
        sa.Column("action", sa.Text, nullable=False),
        sa.Column("purpose", sa.Text, nullable=False),
        sa.Column("question", sa.Text),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("leaf_count", WHOLE, nullable=False),
        sa.Column("root", sa.Text),
        sa.Column("previous_hash", sa.Text, nullable=False),
        sa.Column("hash", sa.Text, nullable=False),
        sa.Column("seal", sa.Text, nullable=False),
        sqlite_strict=True,
    )
    op.create_index("ledger_entry_action", "ledger_entry", ["action", "seq"])
    op.create_index("ledger_entry_question", "ledger_entry", ["question", "action", "seq"])
    op.create_index("ledger_entry_actor", "ledger_entry", ["actor", "seq"])
    op.create_table(
        "ledger_leaf",
        sa.Column("seq", WHOLE, primary_key=True, autoincrement=False),
        sa.Column("position", WHOLE, primary_key=True, autoincrement=False),
        sa.Column("subject", sa.LargeBinary, nullable=False),
        sa.Column("score_id", sa.Text),
        sa.Column("payload", sa.LargeBinary, nullable=False),
        sa.Column("hash", sa.LargeBinary, nullable=False),
        sqlite_strict=True,
    )
    op.create_index("ledger_leaf_score_id", "ledger_leaf", ["score_id"], unique=True)
    op.create_index("ledger_leaf_subject", "ledger_leaf", ["subject", "seq"])
    guards.install(op.get_bind())
    op.create_table(
        "access_token",
        sa.Column("hash", sa.Text, primary_key=True),
        sa.Column("token_id", sa.Text, nullable=False, unique=True),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("role", sa.Text, nullable=False),
        sa.Column("issued_at", sa.Text, nullable=False),
        sa.Column("expires_at", sa.Text, nullable=False),
        sa.Column("revoked_at", sa.Text),
        sqlite_strict=True,
    )
    op.create_table(
        "access_link",
        sa.Column("hash", sa.Text, primary_key=True),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("role", sa.Text, nullable=False),
        sa.Column("issued_at", sa.Text, nullable=False),
        sa.Column("expires_at", sa.Text, nullable=False),
        sa.Column("used_at", sa.Text),
        sqlite_strict=True,
    )
    op.create_table(
        "access_session",
        sa.Column("hash", sa.Text, primary_key=True),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("role", sa.Text, nullable=False),
        sa.Column("started_at", sa.Text, nullable=False),
        sa.Column("expires_at", sa.Text, nullable=False),
        sa.Column("ended_at", sa.Text),
        sqlite_strict=True,
    )
    op.create_index("access_session_actor", "access_session", ["actor"])
