"""The statements of the hot paths, in SQLAlchemy Core: what `generate` writes as SQL.

Only the generator and its test import this module.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    ClauseElement,
    Column,
    Integer,
    Table,
    bindparam,
    case,
    exists,
    func,
    literal_column,
    or_,
    select,
    union,
    update,
)
from sqlalchemy.dialects.sqlite import insert

from .. import nodes
from ..rows import DESCRIBED, INDEXED
from ..tables import (
    chunk,
    dataset,
    edge,
    event,
    job,
    output,
    presence,
    product,
    reading,
    run,
    segment,
    snapshot,
    version,
)

_RUN_FIELDS = (
    "job",
    "parent",
    "root",
    "kind",
    "state",
    "started_at",
    "ended_at",
    "attempt",
    "recipe",
    "reusable",
    "recorded",
    "result",
    "reuse_of",
    "facets",
)


def statements() -> dict[str, ClauseElement]:
    """Every kept statement, by name."""
    return {**_ingest(), **_rows(), **_answers(), **_closure()}


def _ingest() -> dict[str, ClauseElement]:
    return {
        "event_origin": _select(event, "origin", by=("hash",)),
        "add_event": _add(event, "hash", "origin", "event_time", "run_id", "type", "body"),
        "set_origin": _set(event, "origin", by=("hash",)),
        "add_chunk": _add(chunk, "digest", "content", "body"),
        "chunk_body": _select(chunk, "body", by=("digest",)),
        "find_run": _select(run, "id", *_RUN_FIELDS, by=("uuid",)),
        "put_run": _put(run, ("uuid",), *_RUN_FIELDS).returning(run.c.id),
        "set_run": _set(run, *_RUN_FIELDS, by=("id",)),
        # As set_run, where no index has to be looked at.
        "tell_run": _set(run, *(f for f in _RUN_FIELDS if f not in INDEXED), by=("id",)),
        "put_version": _put_described(),
        "describe_snapshot": _describe(snapshot, "snapshot", "content_root", "partitions"),
        "find_output": _select(output, "facets", by=("run", "version")),
        "put_output": _put(output, ("run", "version"), "facets"),
        "outputs_of": _select(output, "version", by=("run",)),
        "find_reading": _select(reading, "facets", by=("run", "node", "argument")),
        "put_reading": _put(reading, ("run", "node", "argument"), "facets"),
        "add_edge": _add(edge, "child", "parent"),
        "know_snapshot": _set(snapshot, "known", by=("id",)),
        "know_segment": _set(segment, "known", by=("id",)),
        "unknown_segments": select(segment.c.id, segment.c.dataset).where(
            segment.c.chunk == bindparam("chunk"), segment.c.known == literal_column("0")
        ),
    }


def _rows() -> dict[str, ClauseElement]:
    """Finding and adding rows that have nothing but a name."""
    named: dict[str, tuple[Table, tuple[str, ...], tuple[str, ...]]] = {
        "job": (job, ("namespace", "name"), ()),
        "dataset": (dataset, ("namespace", "name"), ()),
        "product": (product, ("version", "run"), ()),
        "snapshot": (snapshot, ("dataset", "lineage_root"), ("content_root", "partitions")),
        "segment": (segment, ("dataset", "chunk"), ()),
    }
    found: dict[str, ClauseElement] = {"add_run": _add(run, "uuid").returning(run.c.id)}
    for name, (table, key, more) in named.items():
        wanted = ("id", "known") if "known" in table.c else ("id",)
        found[f"find_{name}"] = _select(table, *wanted, by=key)
        found[f"add_{name}"] = _add(table, *key, *more).returning(table.c.id)
    return found


def _put_described() -> ClauseElement:
    key = ("dataset", "partition", "digest")
    values = {name: bindparam(name, type_=version.c[name].type) for name in (*key, *DESCRIBED)}
    upsert = insert(version).values(values)
    greater = {name: _greater(version.c[name], upsert.excluded[name]) for name in DESCRIBED}
    return upsert.on_conflict_do_update(index_elements=list(key), set_=greater).returning(
        version.c.id
    )


def _describe(table: Table, key: str, *names: str) -> ClauseElement:
    values = {
        name: _greater(table.c[name], bindparam(name, type_=table.c[name].type)) for name in names
    }
    return update(table).where(table.c.id == bindparam(key)).values(values)


def _greater(column: Column[Any], given: Any) -> ClauseElement:
    # What identifies the row decides all of them. If two events disagree the greater one is
    # kept, so that the order in which they arrive does not matter.
    return case((or_(column.is_(None), given > column), given), else_=column)


def _answers() -> dict[str, ClauseElement]:
    wanted = func.json_each(bindparam("recipes")).table_valued("value")
    lost = exists(
        select(literal_column("1"))
        .select_from(output)
        .join(version, version.c.id == output.c.version)
        .join(presence, presence.c.digest == version.c.digest)
        .where(output.c.run == run.c.id, presence.c.state == literal_column("'lost'"))
    )
    completed = (
        run.c.state == literal_column("'COMPLETE'"),
        run.c.recorded == literal_column("1"),
        run.c.reuse_of.is_(None),
    )
    # The earliest to complete stays the answer, whatever else completes later.
    return {
        "answers": select(run.c.recipe, run.c.uuid, run.c.result, run.c.started_at)
        .where(
            run.c.recipe.in_(select(wanted.c.value)),
            run.c.reusable == literal_column("1"),
            *completed,
            ~lost,
        )
        .order_by(run.c.recipe, run.c.ended_at, run.c.uuid),
        "outputs_by_recipe": select(run.c.uuid, dataset.c.namespace, dataset.c.name)
        .add_columns(version.c.partition, version.c.digest)
        .select_from(run)
        .join(output, output.c.run == run.c.id)
        .join(version, version.c.id == output.c.version)
        .join(dataset, dataset.c.id == version.c.dataset)
        .where(run.c.recipe == bindparam("recipe"), *completed),
        "put_presence": _put(presence, ("digest",), "state", "noted_at"),
    }


def _closure() -> dict[str, ClauseElement]:
    # No depth is carried, and what the nodes stand for is asked with IN (SELECT …): a join
    # lets SQLite scan the other table.
    found: dict[str, ClauseElement] = {}
    for name, start, end in (
        ("ancestors", edge.c.child, edge.c.parent),
        ("descendants", edge.c.parent, edge.c.child),
    ):
        given = func.json_each(bindparam("nodes")).table_valued("value")
        reached = select(given.c.value.label("node")).cte("reached", recursive=True)
        reached = reached.union(select(end).where(start == reached.c.node))
        found[name] = select(reached.c.node)
    members = func.json_each(bindparam("nodes")).table_valued("value")

    def rows(kind: int) -> Any:
        value = literal_column(members.c.value.name, Integer)
        return (
            select(value.op("/")(literal_column("4")))
            .select_from(members)
            .where(value.op("%")(literal_column("4")) == literal_column(str(kind)))
        )

    unknown_run: Any = select(literal_column("1")).where(
        run.c.id.in_(rows(nodes.RUN)), run.c.state == literal_column("''")
    )
    found["unknown_above"] = union(
        unknown_run,
        *(
            select(literal_column("1")).where(
                table.c.id.in_(rows(kind)), table.c.known == literal_column("0")
            )
            for table, kind in ((snapshot, nodes.SNAPSHOT), (segment, nodes.SEGMENT))
        ),
    )
    # A hidden reader reads versions of a dataset whose rows have not arrived.
    datasets = (
        select(version.c.dataset)
        .select_from(product)
        .join(version, version.c.id == product.c.version)
        .where(product.c.id.in_(rows(nodes.PRODUCT)))
    )
    found["unknown_below"] = union(
        *(
            select(literal_column("1")).where(
                table.c.known == literal_column("0"), table.c.dataset.in_(datasets)
            )
            for table in (snapshot, segment)
        )
    )
    return found


def _select(table: Table, *names: str, by: tuple[str, ...]) -> ClauseElement:
    return select(*(table.c[name] for name in names)).where(*_equal(table, by))


def _set(table: Table, *names: str, by: tuple[str, ...]) -> ClauseElement:
    values = {name: bindparam(name, type_=table.c[name].type) for name in names}
    # Core keeps the plain names of columns for itself in an UPDATE's WHERE.
    return update(table).where(*_equal(table, by, prefix="the_")).values(values)


def _add(table: Table, *names: str) -> Any:
    values = {name: bindparam(name, type_=table.c[name].type) for name in names}
    return insert(table).values(values).on_conflict_do_nothing()


def _put(table: Table, key: tuple[str, ...], *names: str) -> Any:
    values = {name: bindparam(name, type_=table.c[name].type) for name in (*key, *names)}
    upsert = insert(table).values(values)
    return upsert.on_conflict_do_update(
        index_elements=list(key), set_={name: upsert.excluded[name] for name in names}
    )


def _equal(table: Table, names: tuple[str, ...], prefix: str = "") -> list[Any]:
    return [table.c[name] == bindparam(f"{prefix}{name}") for name in names]
