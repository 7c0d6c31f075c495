"""Arrivals at watched sources, and the batches that they were told in.

Revision ID: 0004
Revises: 0003
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

Key = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
Words = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Apply this revision."""
    op.create_table(
        "arrival",
        sa.Column("namespace", Words, nullable=False),
        sa.Column("key", Words, nullable=False),
        sa.Column("identity", Words, nullable=False),
        sa.Column("name", Words, nullable=False),
        sa.Column("partition", Words, nullable=False),
        sa.Column("version", Words, nullable=False),
        sa.Column("digest", Words, nullable=False),
        sa.Column("size", Key, nullable=True),
        sa.Column("happened", Words, nullable=False),
        sa.Column("sequencer", Words, nullable=False),
        sa.Column("removed", sa.SmallInteger(), nullable=False),
        sa.Column("told_by", Words, nullable=False),
        sa.Column("first_seen", Words, nullable=False),
        sa.Column("batch", Words, nullable=True),
        sa.PrimaryKeyConstraint("namespace", "key", "identity", "name", name=op.f("pk_arrival")),
    )
    op.create_index(
        "ix_arrival_namespace_name_key_happened",
        "arrival",
        ["namespace", "name", "key", "happened"],
        unique=False,
    )
    op.create_index(
        "ix_arrival_namespace_name_first_seen",
        "arrival",
        ["namespace", "name", "first_seen"],
        unique=False,
    )
    op.create_index("ix_arrival_batch", "arrival", ["batch"], unique=False)
    op.create_table(
        "batch",
        sa.Column("id", Words, nullable=False),
        sa.Column("namespace", Words, nullable=False),
        sa.Column("name", Words, nullable=False),
        sa.Column("source", Words, nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("closed_at", Words, nullable=False),
        sa.Column("told_at", Words, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_batch")),
    )
    op.create_index("ix_batch_told_at", "batch", ["told_at"], unique=False)


def downgrade() -> None:
    """Take this revision back."""
    for table in ("batch", "arrival"):
        op.drop_table(table)
