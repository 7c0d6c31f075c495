"""Executions, bindings, aliases and traits: what events of any producer need; tokens.

The graph is to be rebuilt after this revision: older ones projected less of the events.

Revision ID: 0003
Revises: 0002
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

Key = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_WRITING = sa.Sequence("writing")
Words = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Apply this revision."""
    if op.get_bind().dialect.supports_sequences:
        op.execute(sa.schema.CreateSequence(_WRITING))
    op.create_index("ix_event_event_time", "event", ["event_time"], unique=False)
    for table in ("job", "dataset"):
        op.add_column(table, sa.Column("facets", Words, server_default="{}", nullable=False))
    op.add_column("run", sa.Column("last_start", Words, nullable=True))
    op.add_column("run", sa.Column("first_end", Words, nullable=True))
    op.add_column(
        "run", sa.Column("executions", sa.Integer(), server_default=sa.text("1"), nullable=False)
    )
    op.create_index("ix_run_job_started_at", "run", ["job", "started_at"], unique=False)
    op.create_index(
        "ix_model_version_training_run_id", "model_version", ["training_run_id"], unique=False
    )
    op.create_table(
        "symlink",
        sa.Column("dataset", Key, autoincrement=False, nullable=False),
        sa.Column("other", Key, autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("dataset", "other", name=op.f("pk_symlink")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "declared",
        sa.Column("job", Key, autoincrement=False, nullable=False),
        sa.Column("dataset", Key, autoincrement=False, nullable=False),
        sa.Column("written", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("job", "dataset", "written", name=op.f("pk_declared")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_declared_dataset", "declared", ["dataset"], unique=False)
    op.create_table(
        "trait",
        sa.Column("id", Key, nullable=False),
        sa.Column("kind", Words, nullable=False),
        sa.Column("value", Words, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_trait")),
        sa.UniqueConstraint("kind", "value", name=op.f("uq_trait_kind_value")),
    )
    op.create_table(
        "run_trait",
        sa.Column("trait", Key, autoincrement=False, nullable=False),
        sa.Column("run", Key, autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("trait", "run", name=op.f("pk_run_trait")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_run_trait_run", "run_trait", ["run"], unique=False)
    op.create_table(
        "trait_part",
        sa.Column("part", Key, autoincrement=False, nullable=False),
        sa.Column("whole", Key, autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("part", "whole", name=op.f("pk_trait_part")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "current",
        sa.Column("dataset", Key, autoincrement=False, nullable=False),
        sa.Column("partition", Words, nullable=False),
        sa.Column("since", Words, nullable=False),
        sa.Column("product", Key, autoincrement=False, nullable=False),
        sa.Column("run", Key, autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint(
            "dataset", "partition", "since", "product", "run", name=op.f("pk_current")
        ),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_current_run", "current", ["run"], unique=False)
    gone = sa.text("product = 0")
    op.create_index(
        "ix_current_gone",
        "current",
        ["dataset", "partition", "product", "since"],
        unique=False,
        sqlite_where=gone,
        postgresql_where=gone,
    )
    op.create_table(
        "binding",
        sa.Column("snapshot", Key, autoincrement=False, nullable=False),
        sa.Column("run", Key, nullable=False),
        sa.Column("dataset", Key, nullable=False),
        sa.Column("partition", Words, nullable=False),
        sa.Column("digest", Words, nullable=False),
        sa.Column("at", Words, nullable=False),
        sa.PrimaryKeyConstraint("snapshot", name=op.f("pk_binding")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_binding_run", "binding", ["run"], unique=False)
    op.create_index("ix_binding_dataset_at", "binding", ["dataset", "at"], unique=False)
    op.create_table(
        "derived",
        sa.Column("run", Key, autoincrement=False, nullable=False),
        sa.Column("written", Key, autoincrement=False, nullable=False),
        sa.Column("read", Key, autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("run", "written", "read", name=op.f("pk_derived")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "token",
        sa.Column("id", Words, nullable=False),
        sa.Column("name", Words, nullable=False),
        sa.Column("digest", Words, nullable=False),
        sa.Column("scopes", Words, nullable=False),
        sa.Column("created_at", Words, nullable=False),
        sa.Column("expires_at", Words, nullable=True),
        sa.Column("revoked_at", Words, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_token")),
        sa.UniqueConstraint("digest", name=op.f("uq_token_digest")),
    )


def downgrade() -> None:
    """Take this revision back."""
    if op.get_bind().dialect.supports_sequences:
        op.execute(sa.schema.DropSequence(_WRITING))
    for table in ("token", "derived", "binding", "current", "trait_part", "run_trait", "trait"):
        op.drop_table(table)
    for table in ("declared", "symlink"):
        op.drop_table(table)
    op.drop_index("ix_model_version_training_run_id", table_name="model_version")
    op.drop_index("ix_run_job_started_at", table_name="run")
    for column in ("executions", "first_end", "last_start"):
        op.drop_column("run", column)
    for table in ("dataset", "job"):
        op.drop_column(table, "facets")
    op.drop_index("ix_event_event_time", table_name="event")
