"""Remember which log-ins were ended

Revision ID: 0003
Revises: 0002
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "ended_log_in",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="ended_log_in_pkey"),
    )
    op.create_index("ended_log_in_expires_at_idx", "ended_log_in", ["expires_at"], unique=False)


def downgrade() -> None:
    op.drop_index("ended_log_in_expires_at_idx", table_name="ended_log_in")
    op.drop_table("ended_log_in")
