"""The registry: one version in Production, what a pipeline says of its model, the audit log.

Revision ID: 0005
Revises: 0004
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

Key = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
Words = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Apply this revision."""
    op.add_column("model", sa.Column("policy", Words, nullable=True))
    op.create_index(
        "uq_model_version_production",
        "model_version",
        ["model"],
        unique=True,
        sqlite_where=sa.text("stage = 'Production'"),
        postgresql_where=sa.text("stage = 'Production'"),
    )
    op.create_table(
        "audit",
        sa.Column("seq", Key, autoincrement=False, nullable=False),
        sa.Column("at", Words, nullable=False),
        sa.Column("action", Words, nullable=False),
        sa.Column("model", Words, nullable=False),
        sa.Column("version", sa.Integer(), nullable=True),
        sa.Column("before", Words, nullable=False),
        sa.Column("after", Words, nullable=False),
        sa.Column("replaced", sa.Integer(), nullable=True),
        sa.Column("who", Words, nullable=False),
        sa.Column("identity", Words, nullable=False),
        sa.Column("reason", Words, nullable=False),
        sa.Column("body", Words, nullable=False),
        sa.Column("previous", Words, nullable=False),
        sa.Column("hash", Words, nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_audit")),
        sa.UniqueConstraint("previous", name=op.f("uq_audit_previous")),
    )
    for column in ("version", "replaced", "after"):
        op.create_index(f"ix_audit_model_{column}", "audit", ["model", column], unique=False)


def downgrade() -> None:
    """Take this revision back."""
    op.drop_table("audit")
    op.drop_index("uq_model_version_production", table_name="model_version")
    op.drop_column("model", "policy")
