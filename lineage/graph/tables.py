"""The tables of the lineage store, for SQLite and PostgreSQL alike.

Three groups, told apart by who may change them:

- the truth: `event` and `chunk`, written once, never changed but for an event's origin
- the graph: a projection of the truth, emptied and filled again by a rebuild
- records of their own: presence, pins, leases, plans, models and their audit log, arrivals; a
  rebuild leaves them alone, so they name runs and versions by their own ids, never by integers of
  the graph

There are no foreign keys: events arrive in any order, and what one of them points to may
come later. Unique keys are what holds. Times are ISO 8601 text in UTC with microseconds,
so that they sort as text, and text sorts by code points in both databases. Yes and no are
1 and 0.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    Index,
    Integer,
    MetaData,
    Sequence,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    text,
)

#: 64 bits everywhere; SQLite gives row ids only to columns of type INTEGER.
Key = BigInteger().with_variant(Integer, "sqlite")
#: Sorted by code points, whatever language a PostgreSQL database was made for.
Words = Text().with_variant(Text(collation="C"), "postgresql")

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
    Column("hash", Words, nullable=False, unique=True),
    Column("origin", Words, nullable=False),  # recorded or ingested
    Column("event_time", Words, nullable=False),
    Column("run_id", Words, nullable=False, index=True),  # empty for events without a run
    Column("type", Words, nullable=False),  # an event type, or JOB or DATASET
    Column("body", Words, nullable=False),
    Index("ix_event_event_time", "event_time"),
)

#: Rows of snapshots: partition, digest, producer. Stored once, whoever's they are.
chunk = Table(
    "chunk",
    metadata,
    Column("digest", Words, primary_key=True),  # the lineage digest
    Column("content", Words, nullable=False),
    Column("body", Words, nullable=False),
)

# --- the graph ---------------------------------------------------------------------------

job = Table(
    "job",
    metadata,
    Column("id", Key, primary_key=True),
    Column("namespace", Words, nullable=False),
    Column("name", Words, nullable=False),
    Column("facets", Words, nullable=False, server_default="{}"),  # of events without a run
    UniqueConstraint("namespace", "name"),
    Index("ix_job_name", "name"),
)

dataset = Table(
    "dataset",
    metadata,
    Column("id", Key, primary_key=True),
    Column("namespace", Words, nullable=False),
    Column("name", Words, nullable=False),
    Column("facets", Words, nullable=False, server_default="{}"),  # of events without a run
    UniqueConstraint("namespace", "name"),
    Index("ix_dataset_name", "name"),
)

#: Another name of the same data, both ways, as `symlinks` facets say.
symlink = Table(
    "symlink",
    metadata,
    Column("dataset", Key, primary_key=True, autoincrement=False),
    Column("other", Key, primary_key=True, autoincrement=False),
    sqlite_with_rowid=False,
)

#: What a job reads and writes by design, as events without a run say.
declared = Table(
    "declared",
    metadata,
    Column("job", Key, primary_key=True, autoincrement=False),
    Column("dataset", Key, primary_key=True, autoincrement=False),
    Column("written", SmallInteger, primary_key=True, autoincrement=False),
    Index("ix_declared_dataset", "dataset"),
    sqlite_with_rowid=False,
)

#: An execution of a run. The first has the run's own id; when an id is used again, later ones
#: have it with `#2`, `#3`, … behind. One that others name before its events arrive has the
#: empty state.
run = Table(
    "run",
    metadata,
    Column("id", Key, primary_key=True),
    Column("uuid", Words, nullable=False, unique=True),
    Column("job", Key),
    Column("parent", Key),
    Column("root", Key),
    Column("kind", Words, nullable=False, server_default=""),  # FLOW, TASK, … as jobType says
    Column("state", Words, nullable=False, server_default=""),
    Column("started_at", Words),
    Column("ended_at", Words),
    Column("attempt", Integer),
    Column("recipe", Words),
    Column("reusable", SmallInteger, nullable=False, server_default=text("0")),
    Column("recorded", SmallInteger, nullable=False, server_default=text("0")),
    Column("result", Words),
    Column("reuse_of", Key),
    Column("facets", Words, nullable=False, server_default="{}"),  # registers, see facts.py
    Column("last_start", Words),  # times by which a second execution is noticed
    Column("first_end", Words),
    Column("executions", Integer, nullable=False, server_default=text("1")),  # of the first
    Index("ix_run_recipe", "recipe"),
    Index("ix_run_parent", "parent"),
    Index("ix_run_kind_started_at", "kind", "started_at"),
    Index("ix_run_job_started_at", "job", "started_at"),
)

#: What runs are asked for by: their commit, image, set of packages, and tags.
trait = Table(
    "trait",
    metadata,
    Column("id", Key, primary_key=True),
    Column("kind", Words, nullable=False),
    Column("value", Words, nullable=False),
    UniqueConstraint("kind", "value"),
)

run_trait = Table(
    "run_trait",
    metadata,
    Column("trait", Key, primary_key=True, autoincrement=False),
    Column("run", Key, primary_key=True, autoincrement=False),
    Index("ix_run_trait_run", "run"),
    sqlite_with_rowid=False,
)

#: Which package (`name==version`) is in which set of packages.
trait_part = Table(
    "trait_part",
    metadata,
    Column("part", Key, primary_key=True, autoincrement=False),
    Column("whole", Key, primary_key=True, autoincrement=False),
    sqlite_with_rowid=False,
)

version = Table(
    "version",
    metadata,
    Column("id", Key, primary_key=True),
    Column("dataset", Key, nullable=False),
    Column("partition", Words, nullable=False),  # empty without partitions
    Column("digest", Words, nullable=False),
    Column("size", Key),
    Column("rows", Key),
    Column("format", Words),
    Column("kind", Words),
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

#: Which product was current from when on; product 0: nothing any more.
current = Table(
    "current",
    metadata,
    Column("dataset", Key, primary_key=True, autoincrement=False),
    Column("partition", Words, primary_key=True),
    Column("since", Words, primary_key=True),
    Column("product", Key, primary_key=True, autoincrement=False),
    # That said so; 0: an event without a run. Two may say of one time that nothing is there.
    Column("run", Key, primary_key=True, autoincrement=False),
    Index("ix_current_run", "run"),
    sqlite_with_rowid=False,
)

# The constant is among the columns lest SQLite walk through all versions by the primary key.
Index(
    "ix_current_gone",
    *(current.c.dataset, current.c.partition, current.c.product, current.c.since),
    sqlite_where=current.c.product == text("0"),
    postgresql_where=current.c.product == text("0"),
)

#: What a run says it wrote. It is a product once the run has completed.
output = Table(
    "output",
    metadata,
    Column("run", Key, primary_key=True, autoincrement=False),
    Column("version", Key, primary_key=True, autoincrement=False),
    Column("facets", Words, nullable=False),
    Index("ix_output_version", "version"),
    sqlite_with_rowid=False,
)

snapshot = Table(
    "snapshot",
    metadata,
    Column("id", Key, primary_key=True),
    Column("dataset", Key, nullable=False),
    Column("lineage_root", Words, nullable=False),
    Column("content_root", Words, nullable=False),
    Column("partitions", Key, nullable=False),
    Column("known", SmallInteger, nullable=False, server_default=text("0")),  # which segments
    UniqueConstraint("dataset", "lineage_root"),
    Index("ix_snapshot_lineage_root", "lineage_root"),
)

#: A reading that named no producer, to be bound to what was current when its run started.
#: What it is bound to are the parents of a snapshot that only this reading has.
binding = Table(
    "binding",
    metadata,
    Column("snapshot", Key, primary_key=True, autoincrement=False),
    Column("run", Key, nullable=False),
    Column("dataset", Key, nullable=False),
    Column("partition", Words, nullable=False),
    Column("digest", Words, nullable=False),  # the version it names; empty for none
    Column("at", Words, nullable=False),
    Index("ix_binding_run", "run"),
    Index("ix_binding_dataset_at", "dataset", "at"),
    sqlite_with_rowid=False,
)

#: Which of what a run read is in what it wrote, where the `lineage` facet says so.
derived = Table(
    "derived",
    metadata,
    Column("run", Key, primary_key=True, autoincrement=False),
    Column("written", Key, primary_key=True, autoincrement=False),  # a dataset
    Column("read", Key, primary_key=True, autoincrement=False),  # a dataset; 0 for none
    sqlite_with_rowid=False,
)

#: A chunk as rows of one dataset: the same rows may be another dataset's, too.
segment = Table(
    "segment",
    metadata,
    Column("id", Key, primary_key=True),
    Column("dataset", Key, nullable=False),
    Column("chunk", Words, nullable=False),
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
    Column("argument", Words, primary_key=True),
    Column("facets", Words, nullable=False),
    Index("ix_reading_node", "node"),
    sqlite_with_rowid=False,
)

# --- records of their own ----------------------------------------------------------------

#: Whether an artifact's bytes are there. No row: nobody has missed them yet.
presence = Table(
    "presence",
    metadata,
    Column("digest", Words, primary_key=True),
    Column("state", Words, nullable=False),  # present, lost, gone or purged: see presence.py
    Column("noted_at", Words, nullable=False),
)

#: The files of a version that is a manifest, by the manifest's digest.
file = Table(
    "file",
    metadata,
    Column("manifest", Words, primary_key=True),
    Column("name", Words, primary_key=True),
    Column("size", Key, nullable=False),
    Column("digest", Words, nullable=False),
    Index("ix_file_digest", "digest"),
)

#: Artifacts that no collection of garbage may take, and for whose sake.
pin = Table(
    "pin",
    metadata,
    Column("digest", Words, primary_key=True),
    Column("ref", Words, primary_key=True),
    Column("pinned_by", Words, nullable=False),
    Column("pinned_at", Words, nullable=False),
)

#: Runs that are open, each under the recipe that it works on or its own id, with the process
#: that works on it. Correctness never rests on it. See leases.py.
lease = Table(
    "lease",
    metadata,
    Column("recipe", Words, primary_key=True),
    Column("owner", Words, nullable=False),
    Column("heartbeat", Words, nullable=False),
    Column("expires", Words, nullable=False),
)

#: Remembered plans.
plan = Table(
    "plan",
    metadata,
    Column("key", Words, primary_key=True),
    Column("body", Words, nullable=False),
    Column("created_at", Words, nullable=False),
)

#: Registered models; `latest` is the number given last.
model = Table(
    "model",
    metadata,
    Column("name", Words, primary_key=True),
    Column("latest", Integer, nullable=False),
    Column("created_at", Words, nullable=False),
    Column("policy", Words),  # JSON, as its pipeline says; NULL if it says nothing
)

model_version = Table(
    "model_version",
    metadata,
    Column("model", Words, primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("recipe", Words, nullable=False),  # register's own
    Column("run_id", Words, nullable=False),  # the register run
    Column("training_run_id", Words, nullable=False),
    Column("digest", Words, nullable=False),  # of the model file
    Column("registered_by", Words, nullable=False),
    Column("created_at", Words, nullable=False),
    Column("stage", Words, nullable=False, server_default="None"),
    Column("body", Words, nullable=False),
    UniqueConstraint("model", "recipe"),
    Index("ix_model_version_run_id", "run_id"),
    Index("ix_model_version_training_run_id", "training_run_id"),
    Index("ix_model_version_digest", "digest"),
)

# By an index, lest two that promote at once both succeed.
Index(
    "uq_model_version_production",
    model_version.c.model,
    unique=True,
    sqlite_where=model_version.c.stage == text("'Production'"),
    postgresql_where=model_version.c.stage == text("'Production'"),
)

#: Every act on the registry, in order. Rows are added, never changed: each names the hash of
#: the one before. See registry/audit.py.
audit = Table(
    "audit",
    metadata,
    Column("seq", Key, primary_key=True, autoincrement=False),  # from 1, without gaps
    Column("at", Words, nullable=False),  # never before the row before
    Column("action", Words, nullable=False),
    Column("model", Words, nullable=False),  # empty for what is about no model
    Column("version", Integer),
    Column("before", Words, nullable=False),  # stage; empty where none changed
    Column("after", Words, nullable=False),
    Column("replaced", Integer),  # the version that left Production by that
    Column("who", Words, nullable=False),
    Column("identity", Words, nullable=False),  # JSON: how that is known
    Column("reason", Words, nullable=False),
    Column("body", Words, nullable=False),  # JSON: gates, aliases, …
    Column("previous", Words, nullable=False, unique=True),
    Column("hash", Words, nullable=False),
    Index("ix_audit_model_version", "model", "version"),
    Index("ix_audit_model_replaced", "model", "replaced"),
    Index("ix_audit_model_after", "model", "after"),
)

alias = Table(
    "alias",
    metadata,
    Column("model", Words, primary_key=True),
    Column("name", Words, primary_key=True),
    Column("version", Integer, nullable=False),
)

#: Who may ask the server for what. The token itself is not here, only its digest.
token = Table(
    "token",
    metadata,
    Column("id", Words, primary_key=True),
    Column("name", Words, nullable=False),
    Column("digest", Words, nullable=False, unique=True),
    Column("scopes", Words, nullable=False),  # separated by spaces
    Column("created_at", Words, nullable=False),
    Column("expires_at", Words),
    Column("revoked_at", Words),
)

#: What was told of objects of watched sources: each once, however often and in whatever order.
arrival = Table(
    "arrival",
    metadata,
    Column("namespace", Words, primary_key=True),
    Column("key", Words, primary_key=True),
    Column("identity", Words, primary_key=True),  # version, or digest and when it was written
    # The dataset's; empty for what was told to the server, which knows no patterns.
    Column("name", Words, primary_key=True),
    Column("partition", Words, nullable=False),
    Column("version", Words, nullable=False),
    Column("digest", Words, nullable=False),  # empty for a removal
    Column("size", Key),
    Column("happened", Words, nullable=False),
    Column("sequencer", Words, nullable=False),
    Column("removed", SmallInteger, nullable=False),
    Column("told_by", Words, nullable=False),  # sqs, webhook, folder or listing
    Column("first_seen", Words, nullable=False),
    # NULL: new content that waits for its batch; empty: nothing new, and in none.
    Column("batch", Words),
    Index("ix_arrival_namespace_name_key_happened", "namespace", "name", "key", "happened"),
    Index("ix_arrival_namespace_name_first_seen", "namespace", "name", "first_seen"),
    Index("ix_arrival_batch", "batch"),
)

#: New content of one dataset that came together, and whether whoever waits for it was told.
batch = Table(
    "batch",
    metadata,
    Column("id", Words, primary_key=True),
    Column("namespace", Words, nullable=False),
    Column("name", Words, nullable=False),
    Column("source", Words, nullable=False),  # the pattern as it was given
    Column("count", Integer, nullable=False),
    Column("closed_at", Words, nullable=False),
    Column("told_at", Words),
    Index("ix_batch_told_at", "told_at"),
)

#: Counts transactions that wrote, on PostgreSQL; SQLite counts them by itself.
writing = Sequence("writing", metadata=metadata)

#: What a rebuild empties and fills again.
PROJECTION = (
    *(job, dataset, symlink, declared, run, trait, run_trait, trait_part),
    *(version, product, current, output, snapshot, segment, binding, derived),
    *(edge, reading),
)
