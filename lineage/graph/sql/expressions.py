"""The statements of the hot paths, in SQLAlchemy Core: what `generate` writes as SQL.

Only the generator and its test import this module.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    ClauseElement,
    Column,
    Integer,
    Table,
    Text,
    and_,
    bindparam,
    case,
    cast,
    delete,
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
from ..pending import INDEXED
from ..rows import DESCRIBED
from ..tables import (
    binding,
    chunk,
    current,
    dataset,
    declared,
    derived,
    edge,
    event,
    job,
    lease,
    output,
    presence,
    product,
    reading,
    run,
    run_trait,
    segment,
    snapshot,
    symlink,
    trait,
    trait_part,
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
    "last_start",
    "first_end",
    "executions",
    "facets",
)
_BINDING = ("snapshot", "run", "dataset", "partition", "digest", "at")
_CURRENT = ("dataset", "partition", "since", "product")


def statements() -> dict[str, ClauseElement]:
    """Every kept statement, by name."""
    return {
        **_ingest(),
        **_rows(),
        **_bindings(),
        **_products(),
        **_standing(),
        **_executions(),
        **_answers(),
        **_leases(),
        **_closure(),
    }


def _ingest() -> dict[str, ClauseElement]:
    return {
        "event_origin": _select(event, "origin", by=("hash",)),
        "add_event": _add(event, "hash", "origin", "event_time", "run_id", "type", "body"),
        "set_origin": _set(event, "origin", by=("hash",)),
        "add_chunk": _add(chunk, "digest", "content", "body"),
        "chunk_body": _select(chunk, "body", by=("digest",)),
        "find_run": _select(run, "id", *_RUN_FIELDS, by=("uuid",)),
        "add_run": _add(run, "id", "uuid", *_RUN_FIELDS),
        "set_run": _set(run, *_RUN_FIELDS, by=("id",)),
        # As set_run, where no index has to be looked at.
        "tell_run": _set(run, *(f for f in _RUN_FIELDS if f not in INDEXED), by=("id",)),
        "find_version": _select(version, "id", *DESCRIBED, by=("dataset", "partition", "digest")),
        "add_version": _add(version, "id", "dataset", "partition", "digest", *DESCRIBED),
        "describe_version": _set(version, *DESCRIBED, by=("id",)),
        "describe_snapshot": _describe(snapshot, "snapshot", "content_root", "partitions"),
        "find_output": _select(output, "facets", by=("run", "version")),
        "put_output": _put(output, ("run", "version"), "facets"),
        "outputs_of": select(
            output.c.version, version.c.dataset, version.c.partition, version.c.digest
        )
        .select_from(output)
        .join(version, version.c.id == output.c.version)
        .where(output.c.run == bindparam("run")),
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
        "snapshot": (
            snapshot,
            ("dataset", "lineage_root"),
            ("content_root", "partitions", "known"),
        ),
        "segment": (segment, ("dataset", "chunk"), ("known",)),
        "trait": (trait, ("kind", "value"), ()),
    }
    found: dict[str, ClauseElement] = {
        **{f"last_{t.name}": select(func.max(t.c.id)) for t in (run, version)},
        "run_times": _select(run, "uuid", "started_at", by=("id",)),
        "digest_of": select(version.c.digest)
        .select_from(version)
        .join(product, product.c.version == version.c.id)
        .where(product.c.id == bindparam("product")),
        "parents_of": _select(edge, "parent", by=("child",)),
        "any_child": _any(edge, edge.c.parent == bindparam("parent")),
        "drop_edge": _drop(edge, "child", "parent"),
    }
    for name, (table, key, more) in named.items():
        wanted = ("id", "known") if "known" in table.c else ("id",)
        found[f"find_{name}"] = _select(table, *wanted, by=key)
        found[f"add_{name}"] = _add(table, "id", *key, *more)
        found[f"last_{name}"] = select(func.max(table.c.id))
    return found


def _bindings() -> dict[str, ClauseElement]:
    """What readings that name no producer are bound to."""
    chosen = [binding.c[name] for name in _BINDING]
    late = (binding.c.dataset == bindparam("dataset"), binding.c.at >= bindparam("since"))
    lasting = (current.c.dataset == bindparam("dataset"),)
    earlier = current.alias("earlier")
    of_others = and_(
        current.c.partition == bindparam("partition"), current.c.run != bindparam("reader")
    )
    # The plus keeps SQLite from walking through all versions of the dataset.
    versions = (
        version.c.digest == bindparam("digest"),
        literal_column("+version.dataset", Integer) == bindparam("dataset"),
    )
    return {
        "add_binding": _add(binding, *_BINDING),
        "move_binding": _set(binding, "at", by=("snapshot",)),
        "bindings_of": _select(binding, *_BINDING, by=("run",)).order_by(binding.c.snapshot),
        "any_binding": _any(binding, *late),
        "bindings_between": select(*chosen).where(*late, binding.c.at <= bindparam("until")),
        "bindings_naming": select(*chosen).where(*late, binding.c.digest == bindparam("digest")),
        "symlinks_of": _select(symlink, "other", by=("dataset",)),
        "any_current": _any(current, *lasting),
        "next_current": select(func.min(current.c.since)).where(
            *lasting,
            current.c.partition == bindparam("partition"),
            current.c.since > bindparam("since"),
        ),
        "next_partition": select(func.min(current.c.partition)).where(
            *lasting, current.c.partition > bindparam("partition")
        ),
        "current_at": select(current.c.since, current.c.product, current.c.run).where(
            *lasting,
            of_others,
            current.c.since
            == select(func.max(earlier.c.since))
            .where(
                earlier.c.dataset == bindparam("dataset"),
                earlier.c.partition == bindparam("partition"),
                earlier.c.since < bindparam("before"),
                earlier.c.run != bindparam("reader"),
            )
            .scalar_subquery(),
        ),
        "gone_at": select(current.c.since, current.c.product, current.c.run).where(
            *_gone(current),
            current.c.run != bindparam("reader"),
            current.c.since
            == select(func.max(earlier.c.since))
            .where(
                *_gone(earlier),
                earlier.c.since < bindparam("before"),
                earlier.c.run != bindparam("reader"),
            )
            .scalar_subquery(),
        ),
        "made": select(product.c.id, run.c.ended_at, run.c.id)
        .select_from(version)
        .join(product, product.c.version == version.c.id)
        .join(run, run.c.id == product.c.run)
        .where(
            *versions,
            run.c.ended_at <= bindparam("at"),
            run.c.id != bindparam("reader"),
            # Others may name what a run made that says nothing of it.
            exists(
                select(literal_column("1")).where(
                    current.c.dataset == version.c.dataset,
                    current.c.partition == version.c.partition,
                    current.c.since == run.c.ended_at,
                    current.c.product == product.c.id,
                    current.c.run == run.c.id,
                )
            ),
            or_(
                bindparam("partition", type_=Text) == literal_column("''"),
                version.c.partition.in_((literal_column("''"), bindparam("partition", type_=Text))),
            ),
        ),
        "raw_readings": select(run.c.id, version.c.partition, version.c.digest, run.c.started_at)
        .distinct()
        .select_from(version)
        .join(product, product.c.version == version.c.id)
        .join(
            reading,
            reading.c.node
            == product.c.id * literal_column("4") + literal_column(str(nodes.PRODUCT)),
        )
        .join(run, run.c.id == reading.c.run)
        .where(
            version.c.dataset == bindparam("dataset"),
            literal_column("+product.run", Integer) == literal_column("0"),
        ),
        "resolved_reads": _resolved_reads(),
        "raw_bindings": select(*chosen).where(
            binding.c.dataset == bindparam("dataset"),
            binding.c.digest != literal_column("''"),
            ~exists(
                select(literal_column("1"))
                .select_from(reading)
                .where(reading.c.node == _node(binding.c.snapshot, nodes.SNAPSHOT))
            ),
        ),
        "drop_binding": _drop(binding, "snapshot"),
    }


def _gone(rows: Any) -> tuple[Any, ...]:
    """Which rows of `current` say that nothing is there of a dataset."""
    return (
        rows.c.dataset == bindparam("dataset"),
        rows.c.partition == literal_column("''"),
        rows.c.product == literal_column("0"),
    )


def _resolved_reads() -> ClauseElement:
    """Dataset, partition and digest of what a run read by its producer."""
    at, way = _split(reading.c.node)
    bound = select(binding.c.snapshot)
    return union(
        select(version.c.dataset, version.c.partition, version.c.digest)
        .select_from(reading)
        .join(product, product.c.id == at)
        .join(version, version.c.id == product.c.version)
        .where(reading.c.run == bindparam("run"), way == literal_column(str(nodes.PRODUCT))),
        select(snapshot.c.dataset, literal_column("'*'"), snapshot.c.content_root)
        .select_from(reading)
        .join(snapshot, snapshot.c.id == at)
        .where(
            reading.c.run == bindparam("run"),
            way == literal_column(str(nodes.SNAPSHOT)),
            snapshot.c.id.not_in(bound.where(binding.c.run == bindparam("run"))),
        ),
    )


def _products() -> dict[str, ClauseElement]:
    """What completed runs made, and since when it was current."""
    at, way = _split(edge.c.parent)
    child = edge.c.child == bindparam("run") * literal_column("4")
    return {
        "currents_of": _select(current, *_CURRENT, by=("run",)),
        "add_current": _add(current, *_CURRENT, "run"),
        "drop_current": _drop(current, *_CURRENT, "run", prefix="the_"),
        "drop_product": delete(product).where(product.c.id == bindparam("product")),
        "add_derived": _add(derived, "run", "written", "read"),
        "derived_of": _select(derived, "written", "read", by=("run",)),
        "read_of_dataset": union(
            select(edge.c.parent)
            .select_from(edge)
            .join(product, product.c.id == at)
            .join(version, version.c.id == product.c.version)
            .where(
                child,
                way == literal_column(str(nodes.PRODUCT)),
                version.c.dataset == bindparam("dataset"),
            ),
            select(edge.c.parent)
            .select_from(edge)
            .join(snapshot, snapshot.c.id == at)
            .where(
                child,
                way == literal_column(str(nodes.SNAPSHOT)),
                snapshot.c.dataset == bindparam("dataset"),
            ),
        ),
    }


def _standing() -> dict[str, ClauseElement]:
    """What events without a run say; traits of runs."""
    return {
        "facets_of_job": _select(job, "facets", by=("id",)),
        "facets_of_dataset": _select(dataset, "facets", by=("id",)),
        "tell_job": _set(job, "facets", by=("id",)),
        "tell_dataset": _set(dataset, "facets", by=("id",)),
        "declare": _add(declared, "job", "dataset", "written"),
        "undeclare": _drop(declared, "job", "written", prefix="the_"),
        "add_symlink": _add(symlink, "dataset", "other"),
        "drop_symlink": _drop(symlink, "dataset", "other"),
        "traits_of": _select(run_trait, "trait", by=("run",)),
        "add_run_trait": _add(run_trait, "trait", "run"),
        "drop_run_trait": _drop(run_trait, "trait", "run"),
        "add_trait_part": _add(trait_part, "part", "whole"),
    }


def _executions() -> dict[str, ClauseElement]:
    """Taking back what was projected of an execution."""
    own: Any = version.c.id == bindparam("version")
    unused = (
        ~exists(select(literal_column("1")).where(product.c.version == version.c.id)),
        ~exists(select(literal_column("1")).where(output.c.version == version.c.id)),
    )
    return {
        "latest_event": select(func.max(event.c.event_time)).where(
            event.c.run_id == bindparam("run_id"), event.c.hash != bindparam("hash")
        ),
        "events_of": _select(event, "hash", "origin", "body", by=("run_id",)),
        "drop_currents": _drop(current, "run", prefix="the_"),
        "drop_bindings": _drop(binding, "run", prefix="the_"),
        "drop_readings": _drop(reading, "run", prefix="the_"),
        "drop_derived": _drop(derived, "run", prefix="the_"),
        "drop_traits": _drop(run_trait, "run", prefix="the_"),
        "drop_outputs": _drop(output, "run", prefix="the_"),
        "drop_snapshot": delete(snapshot).where(snapshot.c.id == bindparam("snapshot")),
        "drop_silent_version": delete(version).where(
            own, version.c.digest == bindparam("own"), *unused
        ),
    }


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
        .where(output.c.run == run.c.id, presence.c.state != literal_column("'present'"))
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


def _leases() -> dict[str, ClauseElement]:
    """Which runs are open, and where; an owner is a run's id and, behind it, its process."""
    now, then = _clock(), _clock(bindparam("lasts"))

    def of_run(owner: Any) -> Any:
        return func.substr(owner, literal_column("1"), literal_column("36"))

    # Whoever has answered since the answers were asked for has ended, and holds nothing.
    answered = exists(
        select(literal_column("1")).where(
            run.c.recipe == bindparam("recipe"),
            run.c.reusable == literal_column("1"),
            run.c.state == literal_column("'COMPLETE'"),
            run.c.recorded == literal_column("1"),
            run.c.reuse_of.is_(None),
        )
    )
    columns = ("recipe", "owner", "heartbeat", "expires")
    named = [bindparam(name, type_=Text()) for name in ("recipe", "owner")]
    free = or_(bindparam("anew") == literal_column("1"), ~answered)
    take = insert(lease).from_select(columns, select(*named, now, then).where(free))
    open_: Any = exists(
        select(literal_column("1")).where(
            run.c.uuid == bindparam("run_id"),
            run.c.state.in_([literal_column(f"'{state}'") for state in ("START", "RUNNING")]),
        )
    )
    has_one = exists(
        select(literal_column("1"))
        .select_from(lease)
        .where(of_run(lease.c.owner) == bindparam("run_id"))
    )
    adopted = select(
        bindparam("run_id", type_=Text()), bindparam("owner", type_=Text()), now, then
    ).where(open_, ~has_one)
    given = func.json_each(bindparam("run_ids")).table_valued("value")
    known = select(lease.c.recipe, lease.c.owner, lease.c.heartbeat, lease.c.expires <= now)
    return {
        "clock": select(now),
        "take_lease": take.on_conflict_do_update(
            index_elements=["recipe"],
            set_={name: take.excluded[name] for name in columns[1:]},
            where=of_run(lease.c.owner) == of_run(take.excluded.owner),
        ),
        "adopt_lease": insert(lease).from_select(columns, adopted).on_conflict_do_nothing(),
        "free_lease": delete(lease).where(of_run(lease.c.owner) == bindparam("run_id")),
        "beat": update(lease)
        .where(of_run(lease.c.owner).in_(select(given.c.value)))
        .values(heartbeat=now, expires=then),
        "lease_of": known.where(lease.c.recipe == bindparam("recipe")),
        "leases": known,
    }


def _clock(*later: Any) -> Any:
    """The database's own time, as columns have times; see `translation`."""
    iso: Any = literal_column("'%Y-%m-%dT%H:%M:%f000Z'")
    return func.strftime(iso, literal_column("'now'"), *later)


def _closure() -> dict[str, ClauseElement]:
    # No depth is carried, and what the nodes stand for is asked with IN (SELECT …): a join
    # lets SQLite scan the other table.
    found: dict[str, ClauseElement] = {}
    for name, start, end in (
        ("ancestors", edge.c.child, edge.c.parent),
        ("descendants", edge.c.parent, edge.c.child),
    ):
        given = func.json_each(bindparam("nodes")).table_valued("value")
        reached = select(cast(given.c.value, BigInteger).label("node")).cte(
            "reached", recursive=True
        )
        reached = reached.union(select(end).where(start == reached.c.node))
        found[name] = select(reached.c.node)
    members = func.json_each(bindparam("nodes")).table_valued("value")

    def rows(kind: int) -> Any:
        value = cast(literal_column(members.c.value.name), BigInteger)
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


def _select(table: Table, *names: str, by: tuple[str, ...]) -> Any:
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


def _any(table: Table, *conditions: Any) -> ClauseElement:
    found: Any = select(literal_column("1")).select_from(table).where(*conditions)
    return select(exists(found))


def _node(row: Any, kind: int) -> Any:
    """The node of a row (see `nodes`)."""
    return row * literal_column("4") + literal_column(str(kind))


def _split(node: Any) -> tuple[Any, Any]:
    """Row and kind of a node (see `nodes`)."""
    return node.op("/")(literal_column("4")), node.op("%")(literal_column("4"))


def _drop(table: Table, *names: str, prefix: str = "") -> Any:
    return delete(table).where(*_equal(table, names, prefix))


def _equal(table: Table, names: tuple[str, ...], prefix: str = "") -> list[Any]:
    return [table.c[name] == bindparam(f"{prefix}{name}") for name in names]
