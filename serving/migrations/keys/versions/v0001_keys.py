"""One key for each person, wrapped by the master key, and the store's own secret."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "key_store",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer, "sqlite"),
            primary_key=True,
            autoincrement=False,
        ),
        sa.Column("made_at", sa.Text, nullable=False),
        sa.Column("secret", sa.LargeBinary, nullable=False),
        sqlite_strict=True,
    )
    op.create_table(
        "person_key",
        sa.Column("person", sa.LargeBinary, primary_key=True),
        sa.Column("subject", sa.LargeBinary, nullable=False),
        sa.Column("wrapped", sa.LargeBinary, nullable=False),
        sqlite_strict=True,
    )
    op.create_index("person_key_subject", "person_key", ["subject"], unique=True)
