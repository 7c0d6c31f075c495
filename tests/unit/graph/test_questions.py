"""What questions start from, what they list and find, and that they cost what the answer does."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from contextlib import contextmanager
from typing import Any

import pytest

from begat.lineage import graph
from begat.lineage.errors import ParameterError, RefError
from begat.lineage.graph import (
    Store,
    datasets,
    downstream,
    events,
    impact,
    partitions,
    path,
    search,
    upstream,
)
from begat.lineage.registry.versions import register
from support.asking import ORDERS, REPORT, keys, late_model, ran, run_ids, tell
from support.foreign import DATASETS, dataset, facet, run_id
from support.history import History, Run, digest, raw, time_at, train


@pytest.fixture
def trained(store: Store, history: History) -> dict[str, Run]:
    """A model over three months, registered."""
    return late_model(store, history)


# What a question may be about


def test_model_version(store: Store, trained: dict[str, Run]) -> None:
    """A model version stands on its runs; it is itself among what stands on the data."""
    up, down = upstream(store, "late@1"), downstream(store, "flights[month=01]")

    assert keys(up)[0] == "model:late@1"
    assert run_ids(up) == {run.run_id for run in trained.values()}
    assert "model:late@1" in keys(down)
    assert not up.truncated


@pytest.mark.parametrize("form", ["flights/model", "dataset:flights/model", "{digest}", "{key}"])
def test_versions_by_name(store: Store, trained: dict[str, Run], form: str) -> None:
    """A dataset, a digest and the key of a node are the same version here."""
    model = trained["train"].outputs[0]
    whole = upstream(store, "flights/model")
    # Its signature has the same bytes, so that a digest alone is not enough.
    ref = form.format(digest=model.digest, key=whole.nodes[0].key)
    if form == "{digest}":
        with pytest.raises(RefError, match="names 2 versions"):
            upstream(store, ref)
        return

    assert keys(upstream(store, ref)) == keys(whole)


def test_dataset_is_what_is_current(store: Store, history: History) -> None:
    """A dataset stands for the newest version of each partition, or for those of a time."""
    old = history.task("make", writes=["made"], partition="m=1", content="old")
    new = history.task("make", writes=["made"], partition="m=1", content="new")
    other = history.task("make", writes=["made"], partition="m=2")
    store.record(history.events)
    then = time_at(1)

    assert run_ids(upstream(store, "made")) == {new.run_id, other.run_id}
    assert run_ids(upstream(store, "made", as_of=then)) == {old.run_id}
    assert run_ids(upstream(store, "made[m=1]", as_of=then)) == {old.run_id}
    with pytest.raises(RefError, match="nothing is known to be in made by then"):
        upstream(store, "made", as_of="2020-01-01")


def test_dropped_dataset(store: Store) -> None:
    """What was dropped is not there any more; before, it was."""
    drop = facet(lifecycleStateChange="DROP")
    tell(
        store,
        *ran(1, 0, [], [dataset(REPORT, written=True)]),
        *ran(2, 5, [], [dataset(REPORT, written=True, lifecycleStateChange=drop)]),
    )

    assert partitions(store, "shop/report").items == ()
    assert len(partitions(store, "shop/report", as_of=time_at(3)).items) == 1
    with pytest.raises(RefError, match="nothing is known"):
        upstream(store, "shop/report")


def test_dataset_that_is_only_read(store: Store) -> None:
    """A dataset that runs read and nobody versions is a node, whoever reads it."""
    tell(
        store,
        *ran(1, 0, [dataset(ORDERS)], [dataset(REPORT, written=True)]),
        *ran(2, 5, [dataset(ORDERS)]),
    )
    down = downstream(store, "shop/orders")

    assert keys(down)[0] == "version:s3://lake:shop/orders@"
    assert run_ids(down) == {run_id(1), run_id(2)}
    assert keys(upstream(store, f"run:{run_id(2)}")) == [
        f"run:{run_id(2)}",
        "version:s3://lake:shop/orders@",
    ]
    assert path(store, "shop/orders", "shop/report").direction == "down"


def test_other_names(store: Store) -> None:
    """A dataset answers to its other names, and says them."""
    other = {"namespace": "hive://metastore", "name": "shop.orders", "type": "TABLE"}
    linked = facet(identifiers=[other])
    tell(
        store,
        *ran(1, 0, [], [dataset(ORDERS, written=True, symlinks=linked)]),
        *ran(2, 5, [dataset(("hive://metastore", "shop.orders"))]),
    )
    by_one, by_other = upstream(store, "shop/orders"), upstream(store, "shop.orders")

    assert keys(by_one) == keys(by_other)
    assert by_one.asked.also_known_as == ("hive://metastore:shop.orders",)
    assert run_ids(downstream(store, "shop.orders")) == {run_id(2)}
    assert [one.also_known_as for one in datasets(store).items] == [
        ("s3://lake:shop/orders",),
        ("hive://metastore:shop.orders",),
    ]


def test_job_and_execution(store: Store) -> None:
    """A job stands for its latest run; an id that was used again, for its executions."""
    tell(
        store,
        *ran(1, 0, [], [dataset(ORDERS, written=True)], job="etl.load"),
        *ran(1, 5, [], [dataset(ORDERS, written=True)], job="etl.load"),
    )
    first, second = run_id(1), f"{run_id(1)}#2"

    assert keys(upstream(store, "load")) == keys(upstream(store, "job:jobs:etl.load"))
    assert keys(upstream(store, "load")) == [f"run:{second}"]
    assert keys(upstream(store, first)) == [f"run:{first}"]
    assert keys(upstream(store, second)) == [f"run:{second}"]
    assert upstream(store, first).asked.executions == (second,)
    assert upstream(store, second).asked.executions == (first,)
    assert upstream(store, "load").asked.executions == ()
    assert keys(upstream(store, "load", as_of=time_at(2))) == [f"run:{first}"]


def test_run_stands_for_those_inside_it(store: Store, history: History) -> None:
    """What a flow run stands on, its tasks stand on."""
    flow = history.flow_run()
    done = train(history, ["01", "02"], flow=flow)
    store.record(history.events, history.chunks)

    assert run_ids(upstream(store, flow.run_id)) == {
        flow.run_id,
        *(run.run_id for run in done.values()),
    }


def test_a_flow_run_that_reused_everything(store: Store, history: History) -> None:
    """A flow run stands on what the model version stands on that it came to, not before it was."""
    done = late_model(store, history)
    flow = history.flow_run(executed=0, reused=11, model_version="late@1")
    elsewhere = history.flow_run(executed=0, reused=11, model_version="other@7")
    store.record([*flow.events, *elsewhere.events])
    found = upstream(store, flow.run_id)

    assert run_ids(found) == {flow.run_id, *run_ids(upstream(store, "late@1"))}
    assert done["prepare 01"].run_id in run_ids(found)
    assert path(store, flow.run_id, "flights[month=01]").direction == "up"
    assert run_ids(upstream(store, elsewhere.run_id)) == {elsewhere.run_id}


def test_traits(store: Store, history: History) -> None:
    """A commit, an image, a package and a tag stand for the runs with them."""
    tags = facet(tags=[{"key": "team", "value": "risk"}])
    commit = facet(version="ab12cd34")
    tell(
        store,
        *ran(1, 0, [], [dataset(ORDERS, written=True)], facets={"tags": tags}),
        *ran(2, 5, [dataset(ORDERS)], job_facets={"sourceCodeLocation": commit}),
    )
    packages = {"digest": digest("set"), "distributions": {"numpy": "2.0.1"}, "python": "3.11"}
    image = {"digest": "sha256:0f7c"}
    mine = history.task("step", facets={"begat_packages": packages, "begat_image": image})
    store.record(history.events)

    assert run_ids(downstream(store, "tag:team=risk")) == {run_id(1), run_id(2)}
    assert run_ids(upstream(store, "commit:ab12")) == {run_id(1), run_id(2)}
    assert run_ids(upstream(store, "package:numpy==2.0.1")) == {mine.run_id}
    assert run_ids(upstream(store, "image:sha256:0f7c")) == {mine.run_id}
    with pytest.raises(RefError, match=r"no run is known to have package numpy==2\.0"):
        upstream(store, "package:numpy==2.0")


def test_impact_counts_all_versions(store: Store, history: History) -> None:
    """The impact of a partition is that of all its versions; of a digest, of that one."""
    old, new = raw("flights", "m=1", content="old"), raw("flights", "m=1", content="new")
    trained = [history.task("train", {"part": part}, ["model"]) for part in (old, new)]
    store.record(history.events)
    for n, run in enumerate(trained):
        register(
            store,
            model="late",
            recipe=digest(str(n)),
            run_id=run.run_id,
            training_run_id=run.run_id,
            digest=run.output.digest,
            body={},
        )
    with store.write() as db:
        db.execute("UPDATE model_version SET stage = 'Production' WHERE version = 2")
        db.execute("INSERT INTO alias VALUES ('late', 'champion', 2)")

    both = impact(store, "flights[m=1]")
    assert [(one.version, one.stage, one.aliases) for one in both.models] == [
        (1, "None", ()),
        (2, "Production", ("champion",)),
    ]
    assert [one.version for one in impact(store, old.digest).models] == [1]
    first = impact(store, "flights[m=1]", limit=1)
    assert (first.reasons, first.models) == (("page",), both.models[:1])
    assert impact(store, "flights[m=1]", limit=1, after=first.next).models == both.models[1:]


def test_impact_on_what_others_registered(store: Store) -> None:
    """Versions that events tell of are named apart, unless this store registered that very one."""
    told = facet(model="late", version=1, digest=digest("m"), stage=None)
    odd = facet(model=["late"], version="two")
    written = [dataset(1, begat_modelVersion=told), dataset(2, begat_modelVersion=odd)]
    tell(store, *ran(1, 0, [dataset(0)], written))
    ref = ":".join(DATASETS[0])

    def asked(file: str) -> tuple[list[int], tuple[str, ...]]:
        with store.write() as db:
            db.execute("DELETE FROM model_version")
        one = {"model": "late", "recipe": digest("r"), "digest": digest(file), "body": {}}
        register(store, run_id=run_id(1), training_run_id=run_id(1), **one)
        found = impact(store, ref)
        return [model.version for model in found.models], found.elsewhere

    assert (impact(store, ref).models, impact(store, ref).elsewhere) == ((), ("late@1",))
    assert asked("m")[1] == ()
    assert asked("other")[1] == ("late@1",)


def test_explicit_lineage_keeps_the_maker(store: Store) -> None:
    """What a `lineage` facet says is all a version stands on; who made it is still said."""
    source = {"namespace": ORDERS[0], "name": ORDERS[1], "type": "DATASET"}
    said = facet(inputs=[source])
    tell(
        store,
        *ran(1, 0, [], [dataset(ORDERS, written=True)]),
        *ran(
            2,
            5,
            [dataset(ORDERS), dataset(("s3://lake", "other"))],
            [dataset(REPORT, written=True, lineage=said)],
        ),
    )
    up = upstream(store, "shop/report")

    assert [node.producer for node in up.nodes if node.kind == "version"] == [run_id(2), run_id(1)]
    assert run_ids(up) == {run_id(1)}
    assert run_ids(downstream(store, "shop/orders")) == {run_id(2)}
    assert keys(up)[0] in keys(downstream(store, f"run:{run_id(2)}"))


# Columns


def columns(found: Any) -> set[tuple[str, str, int]]:
    """Datasets, columns and depths of an answer."""
    return {(node.dataset, node.column, node.depth) for node in found.nodes}


def test_columns(store: Store) -> None:
    """A column stands on those that `columnLineage` names; without it, on all that was read."""
    field = {"namespace": ORDERS[0], "name": ORDERS[1], "field": "amount"}
    total = facet(fields={"total": {"inputFields": [field]}, "day": {"inputFields": []}})
    tell(
        store,
        *ran(1, 0, [dataset(("s3://lake", "csv"))], [dataset(ORDERS, written=True)]),
        *ran(2, 5, [dataset(ORDERS)], [dataset(REPORT, written=True, columnLineage=total)]),
    )
    report, orders, csv = "s3://lake:shop/report", "s3://lake:shop/orders", "s3://lake:csv"
    up = upstream(store, "shop/report#total")

    assert columns(up) == {(report, "total", 0), (orders, "amount", 1), (csv, "*", 2)}
    assert {edge.by for edge in up.edges} == {"columnLineage", "all"}
    assert columns(upstream(store, "shop/report#day")) == {(report, "day", 0)}
    assert columns(downstream(store, "csv#id")) == {
        *((csv, "id", 0), (orders, "*", 1), (report, "total", 2))
    }
    assert columns(downstream(store, "shop/orders#other")) == {(orders, "other", 0)}
    assert upstream(store, "shop/report#total", depth=1).reasons == ("depth",)
    stopped = upstream(store, "shop/report#total", stop_at=["shop/orders"])
    assert stopped.reasons == ("stop_at",)
    assert stopped == upstream(store, "shop/report#total", stop_at="shop/orders")
    first = upstream(store, "shop/report#total", limit=1)
    assert [*first.nodes, *upstream(store, "shop/report#total", after=first.next).nodes] == [
        *up.nodes
    ]


def test_lineage_facet_beats_column_lineage(store: Store) -> None:
    """Where a `lineage` facet speaks of an output, `columnLineage` does not count."""
    orders = {"namespace": ORDERS[0], "name": ORDERS[1]}
    source = {**orders, "type": "DATASET", "field": "amount"}
    said = facet(fields={"total": {"inputs": [source]}})
    beaten = facet(fields={"total": {"inputFields": [{**orders, "field": "price"}]}})
    written = dataset(REPORT, written=True, lineage=said, columnLineage=beaten)
    tell(store, *ran(1, 0, [dataset(ORDERS)], [written]))
    up = upstream(store, "shop/report#total")

    assert [(node.column, node.depth) for node in up.nodes] == [("total", 0), ("amount", 1)]
    assert [edge.by for edge in up.edges] == ["lineage"]


def test_column_that_no_schema_has(store: Store) -> None:
    """A column that is in no known schema is refused, with those there are."""
    schema = facet(fields=[{"name": "amount"}, {"name": "day"}])
    tell(store, *ran(1, 0, [], [dataset(ORDERS, written=True, schema=schema)]))

    assert len(upstream(store, "shop/orders#day").nodes) == 1
    with pytest.raises(RefError, match="names no column; there are amount, day"):
        upstream(store, "shop/orders#days")


def test_names_with_signs(store: Store) -> None:
    """A name that looks like a reference of another kind is found by its whole self."""
    odd = [("a:b", "x#y"), ("ns", "m@1"), ("ns", "commit:ab"), ("ns", "100%_x[1]"), ("ns", "<b>")]
    for number, named in enumerate(odd):
        tell(store, *ran(number, number, [], [dataset(named, written=True)]))
    found = [upstream(store, f"{ns}:{name}") for ns, name in odd]

    assert [one.asked.name for one in found] == [f"{ns}:{name}" for ns, name in odd]
    assert len({keys(one)[0] for one in found}) == len(odd)
    assert [keys(upstream(store, keys(one)[0])) for one in found] == [keys(one) for one in found]
    assert upstream(store, "x#y#z").asked.name == "a:b:x#y#z"


# Bad questions


@pytest.mark.parametrize(
    ("ask", "error", "message"),
    [
        (lambda s: upstream(s, "nothing"), RefError, "names no run, dataset, job or model"),
        (lambda s: upstream(s, "made", depth=-1), ParameterError, "depth counts runs"),
        (lambda s: upstream(s, "made", limit=0), ParameterError, "a page holds 1 to 10,000"),
        (lambda s: upstream(s, "made", limit=10**6), ParameterError, "a page holds 1 to 10,000"),
        (lambda s: upstream(s, "made", after="x"), ParameterError, "gave as its next; got 'x'"),
        (lambda s: upstream(s, "made", as_of="soon"), ParameterError, "ISO 8601 time"),
        (lambda s: upstream(s, "made", stop_at=["x"]), RefError, "'x' names no dataset and no job"),
        (lambda s: upstream(s, "job:x"), RefError, "no job is named 'x'"),
        (lambda s: upstream(s, "late@7"), RefError, "no model is named 'late'"),
        (lambda s: partitions(s, "x"), RefError, "no dataset is named 'x'"),
        (lambda s: events(s, run="ab"), RefError, "no run has an id that begins with 'ab'"),
        (lambda s: datasets(s, after="[1]"), ParameterError, "gave as its next"),
        (lambda s: search(s, " "), ParameterError, "nothing to look for"),
        (lambda s: search(s, "x", kinds=["y"]), ParameterError, "'y' is no kind"),
    ],
)
def test_bad_questions(
    store: Store,
    history: History,
    ask: Callable[[Store], Any],
    error: type[Exception],
    message: str,
) -> None:
    """A question that cannot be answered says what is wrong with it."""
    history.task("make", writes=["made"])
    store.record(history.events)
    with pytest.raises(error, match=re.escape(message)):
        ask(store)


# The face, and what answers cost


def test_public_names() -> None:
    """The face of the package is sorted, whole, and imported when it is asked for."""
    assert sorted(graph.__all__) == graph.__all__
    assert [name for name in graph.__all__ if not hasattr(graph, name)] == []
    assert dir(graph) == graph.__all__


def test_questions_scan_no_table(trained_in_memory: Store) -> None:
    """Walks, paths and impacts search by indexes; no table of the graph is read as a whole."""
    store = trained_in_memory
    seen: dict[str, dict[str, Any]] = {}
    with noting(store, seen):
        upstream(store, "late@1")
        downstream(store, "flights[month=01]", depth=2, stop_at=["flights/features"])
        downstream(store, "flights[month=01]", as_of="2026-01-01")
        path(store, "late@1", "weather.csv")
        impact(store, "flights/prepared[month=01]")
        upstream(store, "flights/features#x")
    with store.read() as db:
        plans = {
            statement: [row[3] for row in db.execute(f"EXPLAIN QUERY PLAN {statement}", given)]
            for statement, given in seen.items()
        }
    # Names that end so have to be looked for, aliases are few, and views are the statement's own.
    tables = ("edge", "run", "product", "version", "snapshot", "segment", "reading", "binding")
    named = re.compile(r"^SCAN (?P<table>\w+)( AS (?P<alias>\w+))?")
    short = {"r": "run", "p": "product", "v": "version", "e": "edge", "m": "model_version"}
    scans = {
        (found["table"], statement)
        for statement, steps in plans.items()
        for step in steps
        if (found := named.match(step))
        and short.get(found["table"], found["table"]) in (*tables, "model_version")
    }

    assert len(plans) > 20
    assert scans == set()


@pytest.fixture
def trained_in_memory() -> Iterable[Store]:
    """A store in memory with a model, whichever store other tests are handed."""
    store = Store.open("sqlite://")
    late_model(store, History())
    yield store
    store.close()


@contextmanager
def noting(store: Store, seen: dict[str, dict[str, Any]]) -> Iterable[None]:
    """Note each statement that reads of the store run, and its parameters."""
    read = store.read

    class Noting:
        def __init__(self, db: Any) -> None:
            self._db = db

        def execute(self, sql: str, given: Any = ()) -> Any:
            seen[sql] = given
            return self._db.execute(sql, given)

    @contextmanager
    def noted() -> Any:
        with read() as db:
            yield Noting(db)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(store, "read", noted)
        yield
