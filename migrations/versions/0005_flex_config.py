"""Assets have a flex-model and a flex-context

Revision ID: 0005
Revises: 0004
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for name in ("flex_model", "flex_context"):
        column = sa.Column(name, sa.JSON(), server_default="{}", nullable=False)
        op.add_column("generic_asset", column)


def downgrade() -> None:
    op.drop_column("generic_asset", "flex_context")
    op.drop_column("generic_asset", "flex_model")
