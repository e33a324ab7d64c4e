"""Count attempts to log in

Revision ID: 0002
Revises: 0001
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "attempts",
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("key", name="attempts_pkey"),
    )
    op.create_index("attempts_expires_at_idx", "attempts", ["expires_at"], unique=False)


def downgrade() -> None:
    op.drop_index("attempts_expires_at_idx", table_name="attempts")
    op.drop_table("attempts")
