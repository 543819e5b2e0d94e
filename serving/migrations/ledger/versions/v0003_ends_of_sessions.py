"""Sessions say how long they may last at most, and which token they began with."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    # those from before say neither, and end when they say: they are not extended
    for name in ("latest", "token_id"):
        op.add_column("access_session", sa.Column(name, sa.Text))
