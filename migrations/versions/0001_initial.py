"""The initial data model

Revision ID: 0001
Revises:
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "account",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.PrimaryKeyConstraint("id", name="account_pkey"),
        sa.UniqueConstraint("name", name="account_name_key"),
    )
    op.create_table(
        "account_role",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("description", sa.String(length=255), nullable=True),
        sa.PrimaryKeyConstraint("id", name="account_role_pkey"),
        sa.UniqueConstraint("name", name="account_role_name_key"),
    )
    op.create_table(
        "generic_asset_type",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("description", sa.String(length=80), nullable=True),
        sa.PrimaryKeyConstraint("id", name="generic_asset_type_pkey"),
        sa.UniqueConstraint("name", name="generic_asset_type_name_key"),
    )
    op.create_table(
        "latest_task_run",
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("datetime", sa.DateTime(timezone=True), nullable=True),
        sa.Column("status", sa.Boolean(), nullable=True),
        sa.PrimaryKeyConstraint("name", name="latest_task_run_pkey"),
    )
    op.create_table(
        "role",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("description", sa.String(length=255), nullable=True),
        sa.PrimaryKeyConstraint("id", name="role_pkey"),
        sa.UniqueConstraint("name", name="role_name_key"),
    )
    op.create_table(
        "fm_user",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("email", sa.String(length=255), nullable=False),
        sa.Column("username", sa.String(length=255), nullable=False),
        sa.Column("password", sa.String(length=255), nullable=True),
        sa.Column("last_login_at", sa.DateTime(), nullable=True),
        sa.Column("last_seen_at", sa.DateTime(), nullable=True),
        sa.Column("login_count", sa.Integer(), nullable=True),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("fs_uniquifier", sa.String(length=64), nullable=False),
        sa.Column("timezone", sa.String(length=255), nullable=True),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name="fm_user_account_id_account_fkey"
        ),
        sa.PrimaryKeyConstraint("id", name="fm_user_pkey"),
        sa.UniqueConstraint("email", name="fm_user_email_key"),
        sa.UniqueConstraint("fs_uniquifier", name="fm_user_fs_uniquifier_key"),
        sa.UniqueConstraint("username", name="fm_user_username_key"),
    )
    op.create_index("fm_user_account_id_idx", "fm_user", ["account_id"], unique=False)
    op.create_table(
        "generic_asset",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("latitude", sa.Double(), nullable=True),
        sa.Column("longitude", sa.Double(), nullable=True),
        sa.Column("attributes", sa.JSON(), nullable=False),
        sa.Column("generic_asset_type_id", sa.Integer(), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["account.id"],
            name="generic_asset_account_id_account_fkey",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["generic_asset_type_id"],
            ["generic_asset_type.id"],
            name="generic_asset_generic_asset_type_id_generic_asset_type_fkey",
        ),
        sa.PrimaryKeyConstraint("id", name="generic_asset_pkey"),
        sa.UniqueConstraint("name", "account_id", name="generic_asset_name_account_id_key"),
    )
    op.create_index("generic_asset_account_id_idx", "generic_asset", ["account_id"], unique=False)
    op.create_table(
        "roles_accounts",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=True),
        sa.Column("role_id", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name="roles_accounts_account_id_account_fkey"
        ),
        sa.ForeignKeyConstraint(
            ["role_id"], ["account_role.id"], name="roles_accounts_role_id_account_role_fkey"
        ),
        sa.PrimaryKeyConstraint("id", name="roles_accounts_pkey"),
        sa.UniqueConstraint("role_id", "account_id", name="roles_accounts_role_id_key"),
    )
    op.create_table(
        "data_source",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("type", sa.String(length=80), nullable=True),
        sa.Column("user_id", sa.Integer(), nullable=True),
        sa.Column("model", sa.String(length=80), nullable=True),
        sa.Column("version", sa.String(length=17), nullable=True),
        sa.ForeignKeyConstraint(
            ["user_id"], ["fm_user.id"], name="data_source_user_id_fm_user_fkey"
        ),
        sa.PrimaryKeyConstraint("id", name="data_source_pkey"),
        sa.UniqueConstraint("name", "user_id", "model", "version", name="data_source_name_key"),
        sa.UniqueConstraint("user_id", name="data_source_user_id_key"),
    )
    op.create_table(
        "roles_users",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=True),
        sa.Column("role_id", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["role_id"], ["role.id"], name="roles_users_role_id_role_fkey"),
        sa.ForeignKeyConstraint(
            ["user_id"], ["fm_user.id"], name="roles_users_user_id_fm_user_fkey"
        ),
        sa.PrimaryKeyConstraint("id", name="roles_users_pkey"),
        sa.UniqueConstraint("role_id", "user_id", name="roles_users_role_id_key"),
    )
    op.create_table(
        "sensor",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("unit", sa.String(length=80), nullable=False),
        sa.Column("timezone", sa.String(length=80), nullable=False),
        sa.Column("event_resolution", sa.Interval(), nullable=False),
        sa.Column("knowledge_horizon_fnc", sa.String(length=80), nullable=False),
        sa.Column("knowledge_horizon_par", sa.JSON(), nullable=False),
        sa.Column("attributes", sa.JSON(), nullable=False),
        sa.Column("generic_asset_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["generic_asset_id"],
            ["generic_asset.id"],
            name="sensor_generic_asset_id_generic_asset_fkey",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name="sensor_pkey"),
        sa.UniqueConstraint("name", "generic_asset_id", name="sensor_name_generic_asset_id_key"),
    )
    op.create_index("sensor_generic_asset_id_idx", "sensor", ["generic_asset_id"], unique=False)
    op.create_table(
        "annotation",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("start", sa.DateTime(timezone=True), nullable=False),
        sa.Column("end", sa.DateTime(timezone=True), nullable=False),
        sa.Column("belief_time", sa.DateTime(timezone=True), nullable=True),
        sa.Column("source_id", sa.Integer(), nullable=False),
        sa.Column(
            "type",
            sa.Enum("alert", "holiday", "label", "feedback", name="annotation_type"),
            nullable=False,
        ),
        sa.Column("content", sa.String(length=1024), nullable=False),
        sa.ForeignKeyConstraint(
            ["source_id"], ["data_source.id"], name="annotation_source_id_data_source_fkey"
        ),
        sa.PrimaryKeyConstraint("id", name="annotation_pkey"),
        sa.UniqueConstraint(
            "content", "start", "belief_time", "source_id", "type", name="annotation_content_key"
        ),
    )
    op.create_table(
        "timed_belief",
        sa.Column("event_start", sa.DateTime(timezone=True), nullable=False),
        sa.Column("belief_horizon", sa.Interval(), nullable=False),
        sa.Column("cumulative_probability", sa.Double(), nullable=False),
        sa.Column("sensor_id", sa.Integer(), nullable=False),
        sa.Column("source_id", sa.Integer(), nullable=False),
        sa.Column("event_value", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(
            ["sensor_id"],
            ["sensor.id"],
            name="timed_belief_sensor_id_sensor_fkey",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["source_id"], ["data_source.id"], name="timed_belief_source_id_data_source_fkey"
        ),
        sa.PrimaryKeyConstraint(
            "sensor_id",
            "event_start",
            "source_id",
            "belief_horizon",
            "cumulative_probability",
            name="timed_belief_pkey",
            postgresql_include=["event_value"],
        ),
    )
    op.create_table(
        "annotations_accounts",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=True),
        sa.Column("annotation_id", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["account.id"],
            name="annotations_accounts_account_id_account_fkey",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["annotation_id"],
            ["annotation.id"],
            name="annotations_accounts_annotation_id_annotation_fkey",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name="annotations_accounts_pkey"),
        sa.UniqueConstraint(
            "annotation_id", "account_id", name="annotations_accounts_annotation_id_key"
        ),
    )
    op.create_index(
        "annotations_accounts_account_id_idx", "annotations_accounts", ["account_id"], unique=False
    )
    op.create_table(
        "annotations_assets",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("generic_asset_id", sa.Integer(), nullable=True),
        sa.Column("annotation_id", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(
            ["annotation_id"],
            ["annotation.id"],
            name="annotations_assets_annotation_id_annotation_fkey",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["generic_asset_id"],
            ["generic_asset.id"],
            name="annotations_assets_generic_asset_id_generic_asset_fkey",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name="annotations_assets_pkey"),
        sa.UniqueConstraint(
            "annotation_id", "generic_asset_id", name="annotations_assets_annotation_id_key"
        ),
    )
    op.create_index(
        "annotations_assets_generic_asset_id_idx",
        "annotations_assets",
        ["generic_asset_id"],
        unique=False,
    )
    op.create_table(
        "annotations_sensors",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("sensor_id", sa.Integer(), nullable=True),
        sa.Column("annotation_id", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(
            ["annotation_id"],
            ["annotation.id"],
            name="annotations_sensors_annotation_id_annotation_fkey",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["sensor_id"],
            ["sensor.id"],
            name="annotations_sensors_sensor_id_sensor_fkey",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name="annotations_sensors_pkey"),
        sa.UniqueConstraint(
            "annotation_id", "sensor_id", name="annotations_sensors_annotation_id_key"
        ),
    )
    op.create_index(
        "annotations_sensors_sensor_id_idx", "annotations_sensors", ["sensor_id"], unique=False
    )
    # Index-only scans need a current visibility map, so vacuum soon after inserts too.
    op.execute("ALTER TABLE timed_belief SET (autovacuum_vacuum_insert_scale_factor = 0.02)")


def downgrade() -> None:
    op.drop_index("annotations_sensors_sensor_id_idx", table_name="annotations_sensors")
    op.drop_table("annotations_sensors")
    op.drop_index("annotations_assets_generic_asset_id_idx", table_name="annotations_assets")
    op.drop_table("annotations_assets")
    op.drop_index("annotations_accounts_account_id_idx", table_name="annotations_accounts")
    op.drop_table("annotations_accounts")
    op.drop_table("timed_belief")
    op.drop_table("annotation")
    op.drop_index("sensor_generic_asset_id_idx", table_name="sensor")
    op.drop_table("sensor")
    op.drop_table("roles_users")
    op.drop_table("data_source")
    op.drop_table("roles_accounts")
    op.drop_index("generic_asset_account_id_idx", table_name="generic_asset")
    op.drop_table("generic_asset")
    op.drop_index("fm_user_account_id_idx", table_name="fm_user")
    op.drop_table("fm_user")
    op.drop_table("role")
    op.drop_table("latest_task_run")
    op.drop_table("generic_asset_type")
    op.drop_table("account_role")
    op.drop_table("account")
    op.execute("DROP TYPE annotation_type")
