"""Assets have parents, descriptions, and ids in other systems

Revision ID: 0004
Revises: 0003
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_NAME_IN_ACCOUNT = "generic_asset_name_account_id_key"
_NAME_IN_PARENT = "generic_asset_parent_asset_id_name_key"
_PARENT = "generic_asset_parent_asset_id_generic_asset_fkey"
_NOT_OWN_PARENT = "generic_asset_not_own_parent_ck"


def upgrade() -> None:
    op.add_column("generic_asset", sa.Column("parent_asset_id", sa.Integer(), nullable=True))
    op.add_column("generic_asset", sa.Column("description", sa.Text(), nullable=True))
    op.add_column("generic_asset", sa.Column("external_id", sa.String(length=255), nullable=True))
    op.create_foreign_key(
        _PARENT, "generic_asset", "generic_asset", ["parent_asset_id"], ["id"], ondelete="CASCADE"
    )
    op.create_check_constraint(op.f(_NOT_OWN_PARENT), "generic_asset", "parent_asset_id <> id")
    op.create_unique_constraint(_NAME_IN_PARENT, "generic_asset", ["parent_asset_id", "name"])
    op.drop_constraint(_NAME_IN_ACCOUNT, "generic_asset", type_="unique")
    op.create_index(
        _NAME_IN_ACCOUNT,
        "generic_asset",
        ["name", "account_id"],
        unique=True,
        postgresql_where=sa.text("parent_asset_id IS NULL"),
    )


def downgrade() -> None:
    op.drop_index(_NAME_IN_ACCOUNT, table_name="generic_asset")
    # Names were unique per parent only: those that others of the account have get their id behind.
    op.execute(
        """
        UPDATE generic_asset AS asset
        SET name = left(asset.name, 80 - length(asset.id::text) - 3) || ' (' || asset.id || ')'
        WHERE asset.parent_asset_id IS NOT NULL
        AND EXISTS (
            SELECT FROM generic_asset AS other
            WHERE other.name = asset.name
            AND other.account_id = asset.account_id
            AND other.id <> asset.id
        )
        """
    )
    op.create_unique_constraint(_NAME_IN_ACCOUNT, "generic_asset", ["name", "account_id"])
    op.drop_constraint(_NAME_IN_PARENT, "generic_asset", type_="unique")
    op.drop_constraint(op.f(_NOT_OWN_PARENT), "generic_asset", type_="check")
    op.drop_constraint(_PARENT, "generic_asset", type_="foreignkey")
    op.drop_column("generic_asset", "external_id")
    op.drop_column("generic_asset", "description")
    op.drop_column("generic_asset", "parent_asset_id")
