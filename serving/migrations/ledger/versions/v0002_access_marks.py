"""Rows of access bear a mark; those from before have none, and have to be given anew."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    for table in ("access_token", "access_link", "access_session"):
        op.add_column(table, sa.Column("mark", sa.Text))
