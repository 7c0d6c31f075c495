"""Presence, pins, leases, plans and models: records of their own.

Revision ID: 0002
Revises: 0001
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

Key = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
Words = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Apply this revision."""
    op.create_table(
        "alias",
        sa.Column("model", Words, nullable=False),
        sa.Column("name", Words, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("model", "name", name=op.f("pk_alias")),
    )
    op.create_table(
        "file",
        sa.Column("manifest", Words, nullable=False),
        sa.Column("name", Words, nullable=False),
        sa.Column("size", Key, nullable=False),
        sa.Column("digest", Words, nullable=False),
        sa.PrimaryKeyConstraint("manifest", "name", name=op.f("pk_file")),
    )
    op.create_index("ix_file_digest", "file", ["digest"], unique=False)
    op.create_table(
        "lease",
        sa.Column("recipe", Words, nullable=False),
        sa.Column("owner", Words, nullable=False),
        sa.Column("heartbeat", Words, nullable=False),
        sa.Column("expires", Words, nullable=False),
        sa.PrimaryKeyConstraint("recipe", name=op.f("pk_lease")),
    )
    op.create_table(
        "model",
        sa.Column("name", Words, nullable=False),
        sa.Column("latest", sa.Integer(), nullable=False),
        sa.Column("created_at", Words, nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_model")),
    )
    op.create_table(
        "model_version",
        sa.Column("model", Words, nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("recipe", Words, nullable=False),
        sa.Column("run_id", Words, nullable=False),
        sa.Column("training_run_id", Words, nullable=False),
        sa.Column("digest", Words, nullable=False),
        sa.Column("registered_by", Words, nullable=False),
        sa.Column("created_at", Words, nullable=False),
        sa.Column("stage", Words, server_default="None", nullable=False),
        sa.Column("body", Words, nullable=False),
        sa.PrimaryKeyConstraint("model", "version", name=op.f("pk_model_version")),
        sa.UniqueConstraint("model", "recipe", name=op.f("uq_model_version_model_recipe")),
    )
    op.create_index("ix_model_version_digest", "model_version", ["digest"], unique=False)
    op.create_index("ix_model_version_run_id", "model_version", ["run_id"], unique=False)
    op.create_table(
        "pin",
        sa.Column("digest", Words, nullable=False),
        sa.Column("ref", Words, nullable=False),
        sa.Column("pinned_by", Words, nullable=False),
        sa.Column("pinned_at", Words, nullable=False),
        sa.PrimaryKeyConstraint("digest", "ref", name=op.f("pk_pin")),
    )
    op.create_table(
        "plan",
        sa.Column("key", Words, nullable=False),
        sa.Column("body", Words, nullable=False),
        sa.Column("created_at", Words, nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_plan")),
    )
    op.create_table(
        "presence",
        sa.Column("digest", Words, nullable=False),
        sa.Column("state", Words, nullable=False),
        sa.Column("noted_at", Words, nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_presence")),
    )


def downgrade() -> None:
    """Take this revision back."""
    op.drop_table("presence")
    op.drop_table("plan")
    op.drop_table("pin")
    op.drop_index("ix_model_version_run_id", table_name="model_version")
    op.drop_index("ix_model_version_digest", table_name="model_version")
    op.drop_table("model_version")
    op.drop_table("model")
    op.drop_table("lease")
    op.drop_index("ix_file_digest", table_name="file")
    op.drop_table("file")
    op.drop_table("alias")
