"""Events and the graph that is made of them.

Revision ID: 0001
Revises:
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

Key = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
Words = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Apply this revision."""
    op.create_table(
        "chunk",
        sa.Column("digest", Words, nullable=False),
        sa.Column("content", Words, nullable=False),
        sa.Column("body", Words, nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_chunk")),
    )
    op.create_table(
        "dataset",
        sa.Column("id", Key, nullable=False),
        sa.Column("namespace", Words, nullable=False),
        sa.Column("name", Words, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dataset")),
        sa.UniqueConstraint("namespace", "name", name=op.f("uq_dataset_namespace_name")),
    )
    op.create_index("ix_dataset_name", "dataset", ["name"], unique=False)
    op.create_table(
        "edge",
        sa.Column("child", Key, autoincrement=False, nullable=False),
        sa.Column("parent", Key, autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("child", "parent", name=op.f("pk_edge")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_edge_parent_child", "edge", ["parent", "child"], unique=False)
    op.create_table(
        "event",
        sa.Column("id", Key, nullable=False),
        sa.Column("hash", Words, nullable=False),
        sa.Column("origin", Words, nullable=False),
        sa.Column("event_time", Words, nullable=False),
        sa.Column("run_id", Words, nullable=False),
        sa.Column("type", Words, nullable=False),
        sa.Column("body", Words, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_event")),
        sa.UniqueConstraint("hash", name=op.f("uq_event_hash")),
    )
    op.create_index(op.f("ix_event_run_id"), "event", ["run_id"], unique=False)
    op.create_table(
        "job",
        sa.Column("id", Key, nullable=False),
        sa.Column("namespace", Words, nullable=False),
        sa.Column("name", Words, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_job")),
        sa.UniqueConstraint("namespace", "name", name=op.f("uq_job_namespace_name")),
    )
    op.create_index("ix_job_name", "job", ["name"], unique=False)
    op.create_table(
        "output",
        sa.Column("run", Key, autoincrement=False, nullable=False),
        sa.Column("version", Key, autoincrement=False, nullable=False),
        sa.Column("facets", Words, nullable=False),
        sa.PrimaryKeyConstraint("run", "version", name=op.f("pk_output")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_output_version", "output", ["version"], unique=False)
    op.create_table(
        "product",
        sa.Column("id", Key, nullable=False),
        sa.Column("version", Key, nullable=False),
        sa.Column("run", Key, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_product")),
        sa.UniqueConstraint("version", "run", name=op.f("uq_product_version_run")),
    )
    op.create_index("ix_product_run", "product", ["run"], unique=False)
    op.create_table(
        "reading",
        sa.Column("run", Key, autoincrement=False, nullable=False),
        sa.Column("node", Key, autoincrement=False, nullable=False),
        sa.Column("argument", Words, nullable=False),
        sa.Column("facets", Words, nullable=False),
        sa.PrimaryKeyConstraint("run", "node", "argument", name=op.f("pk_reading")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_reading_node", "reading", ["node"], unique=False)
    op.create_table(
        "run",
        sa.Column("id", Key, nullable=False),
        sa.Column("uuid", Words, nullable=False),
        sa.Column("job", Key, nullable=True),
        sa.Column("parent", Key, nullable=True),
        sa.Column("root", Key, nullable=True),
        sa.Column("kind", Words, server_default="", nullable=False),
        sa.Column("state", Words, server_default="", nullable=False),
        sa.Column("started_at", Words, nullable=True),
        sa.Column("ended_at", Words, nullable=True),
        sa.Column("attempt", sa.Integer(), nullable=True),
        sa.Column("recipe", Words, nullable=True),
        sa.Column("reusable", sa.SmallInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("recorded", sa.SmallInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("result", Words, nullable=True),
        sa.Column("reuse_of", Key, nullable=True),
        sa.Column("facets", Words, server_default="{}", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_run")),
        sa.UniqueConstraint("uuid", name=op.f("uq_run_uuid")),
    )
    op.create_index("ix_run_kind_started_at", "run", ["kind", "started_at"], unique=False)
    op.create_index("ix_run_parent", "run", ["parent"], unique=False)
    op.create_index("ix_run_recipe", "run", ["recipe"], unique=False)
    op.create_table(
        "segment",
        sa.Column("id", Key, nullable=False),
        sa.Column("dataset", Key, nullable=False),
        sa.Column("chunk", Words, nullable=False),
        sa.Column("known", sa.SmallInteger(), server_default=sa.text("0"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_segment")),
        sa.UniqueConstraint("dataset", "chunk", name=op.f("uq_segment_dataset_chunk")),
    )
    op.create_index("ix_segment_chunk", "segment", ["chunk"], unique=False)
    op.create_index(
        "ix_segment_unknown",
        "segment",
        ["dataset"],
        unique=False,
        sqlite_where=sa.text("known = 0"),
        postgresql_where=sa.text("known = 0"),
    )
    op.create_table(
        "snapshot",
        sa.Column("id", Key, nullable=False),
        sa.Column("dataset", Key, nullable=False),
        sa.Column("lineage_root", Words, nullable=False),
        sa.Column("content_root", Words, nullable=False),
        sa.Column("partitions", Key, nullable=False),
        sa.Column("known", sa.SmallInteger(), server_default=sa.text("0"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_snapshot")),
        sa.UniqueConstraint(
            "dataset", "lineage_root", name=op.f("uq_snapshot_dataset_lineage_root")
        ),
    )
    op.create_index("ix_snapshot_lineage_root", "snapshot", ["lineage_root"], unique=False)
    op.create_index(
        "ix_snapshot_unknown",
        "snapshot",
        ["dataset"],
        unique=False,
        sqlite_where=sa.text("known = 0"),
        postgresql_where=sa.text("known = 0"),
    )
    op.create_table(
        "version",
        sa.Column("id", Key, nullable=False),
        sa.Column("dataset", Key, nullable=False),
        sa.Column("partition", Words, nullable=False),
        sa.Column("digest", Words, nullable=False),
        sa.Column("size", Key, nullable=True),
        sa.Column("rows", Key, nullable=True),
        sa.Column("format", Words, nullable=True),
        sa.Column("kind", Words, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_version")),
        sa.UniqueConstraint(
            "dataset", "partition", "digest", name=op.f("uq_version_dataset_partition_digest")
        ),
    )
    op.create_index("ix_version_digest", "version", ["digest"], unique=False)


def downgrade() -> None:
    """Take this revision back."""
    op.drop_index("ix_version_digest", table_name="version")
    op.drop_table("version")
    op.drop_index(
        "ix_snapshot_unknown",
        table_name="snapshot",
        sqlite_where=sa.text("known = 0"),
        postgresql_where=sa.text("known = 0"),
    )
    op.drop_index("ix_snapshot_lineage_root", table_name="snapshot")
    op.drop_table("snapshot")
    op.drop_index(
        "ix_segment_unknown",
        table_name="segment",
        sqlite_where=sa.text("known = 0"),
        postgresql_where=sa.text("known = 0"),
    )
    op.drop_index("ix_segment_chunk", table_name="segment")
    op.drop_table("segment")
    op.drop_index("ix_run_recipe", table_name="run")
    op.drop_index("ix_run_parent", table_name="run")
    op.drop_index("ix_run_kind_started_at", table_name="run")
    op.drop_table("run")
    op.drop_index("ix_reading_node", table_name="reading")
    op.drop_table("reading")
    op.drop_index("ix_product_run", table_name="product")
    op.drop_table("product")
    op.drop_index("ix_output_version", table_name="output")
    op.drop_table("output")
    op.drop_index("ix_job_name", table_name="job")
    op.drop_table("job")
    op.drop_index(op.f("ix_event_run_id"), table_name="event")
    op.drop_table("event")
    op.drop_index("ix_edge_parent_child", table_name="edge")
    op.drop_table("edge")
    op.drop_index("ix_dataset_name", table_name="dataset")
    op.drop_table("dataset")
    op.drop_table("chunk")
