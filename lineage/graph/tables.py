"""The tables of the lineage store, for SQLite and PostgreSQL alike.

Three groups, told apart by who may change them:

- the truth: `event` and `chunk`, written once, never changed but for an event's origin
- the graph: a projection of the truth, emptied and filled again by a rebuild
- records of their own: presence, pins, leases, plans, models; a rebuild leaves them alone,
  so they name runs and versions by their own ids, never by integers of the graph

There are no foreign keys: events arrive in any order, and what one of them points to may
come later. Unique keys are what holds. Times are ISO 8601 text in UTC with microseconds,
so that they sort as text. Yes and no are 1 and 0.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    Index,
    Integer,
    MetaData,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    text,
)

#: 64 bits everywhere; SQLite gives row ids only to columns of type INTEGER.
Key = BigInteger().with_variant(Integer, "sqlite")

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    }
)

# --- the truth ---------------------------------------------------------------------------

#: OpenLineage events, each once, under the hash of its canonical form.
event = Table(
    "event",
    metadata,
    Column("id", Key, primary_key=True),
    Column("hash", Text, nullable=False, unique=True),
    Column("origin", Text, nullable=False),  # recorded or ingested
    Column("event_time", Text, nullable=False),
    Column("run_id", Text, nullable=False, index=True),
    Column("type", Text, nullable=False),
    Column("body", Text, nullable=False),
)

#: Rows of snapshots: partition, digest, producer. Stored once, whoever's they are.
chunk = Table(
    "chunk",
    metadata,
    Column("digest", Text, primary_key=True),  # the lineage digest
    Column("content", Text, nullable=False),
    Column("body", Text, nullable=False),
)

# --- the graph ---------------------------------------------------------------------------

job = Table(
    "job",
    metadata,
    Column("id", Key, primary_key=True),
    Column("namespace", Text, nullable=False),
    Column("name", Text, nullable=False),
    UniqueConstraint("namespace", "name"),
    Index("ix_job_name", "name"),
)

dataset = Table(
    "dataset",
    metadata,
    Column("id", Key, primary_key=True),
    Column("namespace", Text, nullable=False),
    Column("name", Text, nullable=False),
    UniqueConstraint("namespace", "name"),
    Index("ix_dataset_name", "name"),
)

#: A run that others name before its own events arrive has the empty state.
run = Table(
    "run",
    metadata,
    Column("id", Key, primary_key=True),
    Column("uuid", Text, nullable=False, unique=True),
    Column("job", Key),
    Column("parent", Key),
    Column("root", Key),
    Column("kind", Text, nullable=False, server_default=""),  # FLOW, TASK, … as jobType says
    Column("state", Text, nullable=False, server_default=""),
    Column("started_at", Text),
    Column("ended_at", Text),
    Column("attempt", Integer),
    Column("recipe", Text),
    Column("reusable", SmallInteger, nullable=False, server_default=text("0")),
    Column("recorded", SmallInteger, nullable=False, server_default=text("0")),
    Column("result", Text),
    Column("reuse_of", Key),
    Column("facets", Text, nullable=False, server_default="{}"),  # registers, see facts.py
    Index("ix_run_recipe", "recipe"),
    Index("ix_run_parent", "parent"),
    Index("ix_run_kind_started_at", "kind", "started_at"),
)

version = Table(
    "version",
    metadata,
    Column("id", Key, primary_key=True),
    Column("dataset", Key, nullable=False),
    Column("partition", Text, nullable=False),  # empty without partitions
    Column("digest", Text, nullable=False),
    Column("size", Key),
    Column("rows", Key),
    Column("format", Text),
    Column("kind", Text),
    UniqueConstraint("dataset", "partition", "digest"),
    Index("ix_version_digest", "digest"),
)

#: A version as one run made it; run 0: as no tracked run did.
product = Table(
    "product",
    metadata,
    Column("id", Key, primary_key=True),
    Column("version", Key, nullable=False),
    Column("run", Key, nullable=False),
    UniqueConstraint("version", "run"),
    Index("ix_product_run", "run"),
)

#: What a run says it wrote. It is a product once the run has completed.
output = Table(
    "output",
    metadata,
    Column("run", Key, primary_key=True, autoincrement=False),
    Column("version", Key, primary_key=True, autoincrement=False),
    Column("facets", Text, nullable=False),
    Index("ix_output_version", "version"),
    sqlite_with_rowid=False,
)

snapshot = Table(
    "snapshot",
    metadata,
    Column("id", Key, primary_key=True),
    Column("dataset", Key, nullable=False),
    Column("lineage_root", Text, nullable=False),
    Column("content_root", Text, nullable=False),
    Column("partitions", Key, nullable=False),
    Column("known", SmallInteger, nullable=False, server_default=text("0")),  # which segments
    UniqueConstraint("dataset", "lineage_root"),
    Index("ix_snapshot_lineage_root", "lineage_root"),
)

#: A chunk as rows of one dataset: the same rows may be another dataset's, too.
segment = Table(
    "segment",
    metadata,
    Column("id", Key, primary_key=True),
    Column("dataset", Key, nullable=False),
    Column("chunk", Text, nullable=False),
    Column("known", SmallInteger, nullable=False, server_default=text("0")),  # its rows
    UniqueConstraint("dataset", "chunk"),
    Index("ix_segment_chunk", "chunk"),
)

Index(
    "ix_snapshot_unknown",
    snapshot.c.dataset,
    sqlite_where=snapshot.c.known == text("0"),
    postgresql_where=snapshot.c.known == text("0"),
)
Index(
    "ix_segment_unknown",
    segment.c.dataset,
    sqlite_where=segment.c.known == text("0"),
    postgresql_where=segment.c.known == text("0"),
)

#: Child stands on parent. Both are nodes (see nodes.py); both ways are covered by an index.
edge = Table(
    "edge",
    metadata,
    Column("child", Key, primary_key=True, autoincrement=False),
    Column("parent", Key, primary_key=True, autoincrement=False),
    Index("ix_edge_parent_child", "parent", "child"),
    sqlite_with_rowid=False,
)

#: Under which argument a run read a product or a snapshot, and what it said about it.
reading = Table(
    "reading",
    metadata,
    Column("run", Key, primary_key=True, autoincrement=False),
    Column("node", Key, primary_key=True, autoincrement=False),
    Column("argument", Text, primary_key=True),
    Column("facets", Text, nullable=False),
    Index("ix_reading_node", "node"),
    sqlite_with_rowid=False,
)

# --- records of their own ----------------------------------------------------------------

#: Whether an artifact's bytes are there. No row: nobody has missed them yet.
presence = Table(
    "presence",
    metadata,
    Column("digest", Text, primary_key=True),
    Column("state", Text, nullable=False),  # present or lost
    Column("noted_at", Text, nullable=False),
)

#: The files of a version that is a manifest, by the manifest's digest.
file = Table(
    "file",
    metadata,
    Column("manifest", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("size", Key, nullable=False),
    Column("digest", Text, nullable=False),
    Index("ix_file_digest", "digest"),
)

#: Artifacts that no collection of garbage may take, and for whose sake.
pin = Table(
    "pin",
    metadata,
    Column("digest", Text, primary_key=True),
    Column("ref", Text, primary_key=True),
    Column("pinned_by", Text, nullable=False),
    Column("pinned_at", Text, nullable=False),
)

#: Who is working on a recipe. Correctness never rests on it.
lease = Table(
    "lease",
    metadata,
    Column("recipe", Text, primary_key=True),
    Column("owner", Text, nullable=False),
    Column("heartbeat", Text, nullable=False),
    Column("expires", Text, nullable=False),
)

#: Remembered plans.
plan = Table(
    "plan",
    metadata,
    Column("key", Text, primary_key=True),
    Column("body", Text, nullable=False),
    Column("created_at", Text, nullable=False),
)

#: Registered models; `latest` is the number given last.
model = Table(
    "model",
    metadata,
    Column("name", Text, primary_key=True),
    Column("latest", Integer, nullable=False),
    Column("created_at", Text, nullable=False),
)

model_version = Table(
    "model_version",
    metadata,
    Column("model", Text, primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("recipe", Text, nullable=False),  # register's own
    Column("run_id", Text, nullable=False),  # the register run
    Column("training_run_id", Text, nullable=False),
    Column("digest", Text, nullable=False),  # of the model file
    Column("registered_by", Text, nullable=False),
    Column("created_at", Text, nullable=False),
    Column("stage", Text, nullable=False, server_default="None"),
    Column("body", Text, nullable=False),
    UniqueConstraint("model", "recipe"),
    Index("ix_model_version_run_id", "run_id"),
    Index("ix_model_version_digest", "digest"),
)

alias = Table(
    "alias",
    metadata,
    Column("model", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("version", Integer, nullable=False),
)

#: What a rebuild empties and fills again.
PROJECTION = (job, dataset, run, version, product, output, snapshot, segment, edge, reading)
