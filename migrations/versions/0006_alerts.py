"""Alerts about sensors

Revision ID: 0006
Revises: 0005
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "sensor_alert",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("sensor_id", sa.Integer(), nullable=False),
        sa.Column("annotation_id", sa.Integer(), nullable=False),
        sa.Column("rule", sa.String(length=80), nullable=False),
        sa.Column("is_open", sa.Boolean(), nullable=False),
        sa.Column("start_told", sa.Boolean(), nullable=False),
        sa.Column("end_told", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="sensor_alert_pkey"),
        sa.ForeignKeyConstraint(
            ["sensor_id"],
            ["sensor.id"],
            name="sensor_alert_sensor_id_sensor_fkey",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["annotation_id"],
            ["annotation.id"],
            name="sensor_alert_annotation_id_annotation_fkey",
            ondelete="CASCADE",
        ),
        sa.UniqueConstraint("annotation_id", name="sensor_alert_annotation_id_key"),
    )
    op.create_index(
        "sensor_alert_sensor_id_rule_idx", "sensor_alert", ["sensor_id", "rule"], unique=False
    )


def downgrade() -> None:
    op.drop_index("sensor_alert_sensor_id_rule_idx", table_name="sensor_alert")
    op.drop_table("sensor_alert")
