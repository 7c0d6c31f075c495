"""What events of any producer come to: each oddity that real ones send, and the right graph."""

from __future__ import annotations

import pytest

from begat.lineage.graph.store import Store
from support.foreign import DATASETS, dataset, dataset_event, event, facet, run_id
from support.history import History, digest, raw
from support.orders import (
    CUSTOMERS,
    ORDERS,
    REPORT,
    SHOP_ORDERS,
    above,
    chain,
    every_order,
    makers,
    runs,
)


def test_unversioned_reader_binds_to_what_was_current(store: Store) -> None:
    """A reader that names no version stands on the one that was current when it started."""
    events = [
        event(1, "COMPLETE", 1, outputs=[dataset(ORDERS)]),
        event(2, "COMPLETE", 3, outputs=[dataset(ORDERS)]),
        event(3, "START", 4),
        event(3, "COMPLETE", 6, inputs=[dataset(ORDERS)], outputs=[dataset(REPORT)]),
        event(4, "COMPLETE", 5, outputs=[dataset(ORDERS)]),
    ]
    for one in every_order(store, events):
        expected = {("orders", "", f"run:{run_id(2)}", run_id(2))}

        assert above(one, 3) == expected


def test_late_version_rebinds_its_readers_only(store: Store) -> None:
    """A version that comes late is read by those between it and its successor, and no others."""
    written = [(1, 0), (2, 10), (3, 20)]
    events = [
        event(run, "COMPLETE", minute, outputs=[dataset(ORDERS)])
        for run, minute in written
        if run != 2
    ]
    for run, minute in ((11, 5), (12, 15), (13, 25)):
        reads = {"inputs": [dataset(ORDERS)], "outputs": [dataset(REPORT)]}
        events.append(event(run, "COMPLETE", minute, **reads))
    for said in events:
        store.record([said], origin="ingested")
    before = {run: makers(store, run) for run in (11, 12, 13)}
    store.record([event(2, "COMPLETE", 10, outputs=[dataset(ORDERS)])], origin="ingested")

    assert before == {11: {run_id(1)}, 12: {run_id(1)}, 13: {run_id(3)}}
    assert {run: makers(store, run) for run in (11, 12, 13)} == before | {12: {run_id(2)}}


def test_named_version_is_bound(store: Store) -> None:
    """A reader that names a version stands on whoever made that one, not on the newest."""
    events = [
        event(1, "COMPLETE", 1, outputs=[dataset(ORDERS, version="v1")]),
        event(2, "COMPLETE", 2, outputs=[dataset(ORDERS, version="v2")]),
        event(3, "COMPLETE", 3, inputs=[dataset(ORDERS, version="v1")], outputs=[dataset(REPORT)]),
    ]
    for one in every_order(store, events):
        assert above(one, 3) == {("orders", "", "v1", run_id(1))}


def test_named_version_is_a_placeholder(store: Store) -> None:
    """A version that nobody is known to have made stands for itself."""
    for said in chain(first=dataset(CUSTOMERS), second=dataset(ORDERS, version="v9")):
        store.record([said], origin="ingested")

    assert above(store, 2) == {("orders", "", "v9", "")}


def test_another_way_of_naming(store: Store) -> None:
    """Who names no version and who names content may speak of one thing: no edge is lost."""
    first, second = dataset(ORDERS), dataset(ORDERS, version=digest("x"))
    for one in every_order(store, chain(first=first, second=second)):
        assert makers(one, 2) == {run_id(1)}


def test_begat_reads_what_others_wrote(store: Store) -> None:
    """What begat found in a file stands on the foreign run that wrote the file."""
    history = History(minutes=iter(range(10, 20)))
    run = history.task("prepare", {"part": raw("orders", "day=1")}, ["made"])
    writer = event(1, "COMPLETE", 2, outputs=[dataset(("file", "/lake/orders"))])
    for order in ([writer, *history.events], [*history.events, writer]):
        one = Store.open("sqlite://")
        for said in order:
            one.record([said], origin="ingested" if said is writer else "recorded")

        assert makers(one, run.run_id) == {run_id(1)}


def test_datasets_only_at_complete(store: Store) -> None:
    """A START without datasets says nothing of them: what COMPLETE says counts."""
    first = [event(1, "START", 1), event(1, "COMPLETE", 2, outputs=[dataset(ORDERS)])]
    second = {"inputs": [dataset(ORDERS)], "outputs": [dataset(REPORT)]}
    events = [*first, event(2, "COMPLETE", 4, **second), event(2, "RUNNING", 3, inputs=[])]
    for one in every_order(store, events):
        assert makers(one, 2) == {run_id(1)}


def test_terminal_without_start(store: Store) -> None:
    """A run that only ends began when it ended."""
    store.record([event(1, "FAIL", 5)], origin="ingested")
    with store.read() as db:
        [row] = db.execute("SELECT state, started_at, ended_at FROM run").fetchall()

    assert (row[0], row[1]) == ("FAIL", row[2])


@pytest.mark.parametrize("end", ["FAIL", "ABORT"])
def test_failed_runs_made_nothing(store: Store, end: str) -> None:
    """What a run said it would write is not there when it failed."""
    events = [
        event(1, "COMPLETE", 1, outputs=[dataset(ORDERS)]),
        event(2, "START", 2, outputs=[dataset(ORDERS)]),
        event(2, end, 3, outputs=[dataset(ORDERS)]),
        event(3, "COMPLETE", 4, inputs=[dataset(ORDERS)], outputs=[dataset(REPORT)]),
    ]
    for one in every_order(store, events):
        assert makers(one, 3) == {run_id(1)}


def test_run_id_used_again(store: Store) -> None:
    """A START later than an end opens a second execution, with its own inputs and outputs."""
    again = {"inputs": [dataset(CUSTOMERS)], "outputs": [dataset(ORDERS)]}
    events = [
        event(1, "START", 1, inputs=[dataset(CUSTOMERS)]),
        event(1, "COMPLETE", 2, outputs=[dataset(ORDERS)]),
        event(2, "COMPLETE", 3, outputs=[dataset(CUSTOMERS)]),
        event(1, "START", 4),
        event(1, "COMPLETE", 5, **again),
    ]
    for one in every_order(store, events):
        second = f"{run_id(1)}#2"

        assert runs(one) == {run_id(1): "COMPLETE", run_id(2): "COMPLETE", second: "COMPLETE"}
        assert above(one, 1) == set()
        assert makers(one, second) == {run_id(2)}


def test_start_and_end_at_one_instant(store: Store) -> None:
    """A START at the very time of an end is the same execution's."""
    events = [event(1, "ABORT", 1), event(1, "START", 1)]
    for one in every_order(store, events):
        assert runs(one) == {run_id(1): "ABORT"}


def test_child_ends_after_its_parent_was_aborted(store: Store) -> None:
    """A child that completes after its parent's ABORT has completed."""
    named = {"run": {"runId": run_id(1)}, "job": {"namespace": "jobs", "name": "dag"}}
    root = {"run": {"runId": run_id(9)}, "job": {"namespace": "jobs", "name": "outer"}}
    parent = {"parent": facet(**named, root=root)}
    events = [
        event(1, "START", 1, job="dag"),
        event(1, "ABORT", 3, job="dag"),
        event(2, "START", 2, facets=parent),
        event(2, "COMPLETE", 4, facets=parent, outputs=[dataset(ORDERS)]),
    ]
    query = """
    SELECT r.state, p.uuid, p.state, t.uuid, j.name FROM run r JOIN run p ON p.id = r.parent
    JOIN run t ON t.id = r.root JOIN job j ON j.id = t.job
    """
    for one in every_order(store, events):
        with one.read() as db:
            [row] = db.execute(query).fetchall()

        assert tuple(row) == ("COMPLETE", run_id(1), "ABORT", run_id(9), "outer")


def test_datasets_in_facets_of_others(store: Store) -> None:
    """A dataset that only another's columnLineage names is read, too."""
    source = {"namespace": DATASETS[CUSTOMERS][0], "name": "customers", "field": "id"}
    columns = facet(fields={"customer": {"inputFields": [source]}})
    events = chain(first=dataset(CUSTOMERS), second=dataset(ORDERS))
    events[-1]["outputs"][0]["facets"]["columnLineage"] = columns
    for one in every_order(store, events):
        assert makers(one, 2) == {run_id(1)}


def test_better_said_elsewhere(store: Store) -> None:
    """A run that names a dataset first and its version later wrote and read one thing."""
    events = [
        event(1, "START", 1, outputs=[dataset(ORDERS)]),
        event(1, "COMPLETE", 2, outputs=[dataset(ORDERS, version="v1", written=True)]),
        event(2, "START", 3, inputs=[dataset(ORDERS)]),
        event(2, "COMPLETE", 4, inputs=[dataset(ORDERS, version="v1")], outputs=[dataset(REPORT)]),
    ]
    for one in every_order(store, events):
        assert above(one, 2) == {("orders", "", "v1", run_id(1))}


def test_partitions(store: Store) -> None:
    """A reader of one partition stands on that one; a reader of the whole on all of them."""
    one_day = dataset(ORDERS, partition="day=1")
    events = [
        event(1, "COMPLETE", 1, outputs=[dataset(ORDERS, partition="day=1", written=True)]),
        event(2, "COMPLETE", 2, outputs=[dataset(ORDERS, partition="day=2", written=True)]),
        event(3, "COMPLETE", 3, inputs=[one_day], outputs=[dataset(REPORT)]),
        event(4, "COMPLETE", 4, inputs=[dataset(ORDERS)], outputs=[dataset(REPORT)]),
    ]
    for one in every_order(store, events):
        assert makers(one, 3) == {run_id(1)}
        assert makers(one, 4) == {run_id(1), run_id(2)}


def test_partitions_by_dimensions(store: Store) -> None:
    """A partition without an identifier is called by its dimensions; several are several."""
    dimensions = [{"dimensions": {"day": "1", "land": land}} for land in ("PL", "DE")]
    condition = {"type": "partition", "partitions": dimensions}
    output = dataset(ORDERS) | {"outputFacets": {"subset": facet(outputCondition=condition)}}
    store.record([event(1, "COMPLETE", 1, outputs=[output])], origin="ingested")
    with store.read() as db:
        found = {row[0] for row in db.execute("SELECT partition FROM current")}

    assert found == {"day=1/land=PL", "day=1/land=DE"}


@pytest.mark.parametrize("change", ["DROP", "TRUNCATE"])
def test_dropped(store: Store, change: str) -> None:
    """Nothing is current of what was dropped, until it is written again."""
    gone = facet(lifecycleStateChange=change)
    reads = {"inputs": [dataset(ORDERS)], "outputs": [dataset(REPORT)]}
    events = [
        event(1, "COMPLETE", 1, outputs=[dataset(ORDERS, partition="day=1", written=True)]),
        event(2, "COMPLETE", 2, outputs=[dataset(ORDERS, lifecycleStateChange=gone)]),
        event(3, "COMPLETE", 3, **reads),
        event(4, "COMPLETE", 4, outputs=[dataset(ORDERS, partition="day=1", written=True)]),
        event(5, "COMPLETE", 5, **reads),
    ]
    for one in every_order(store, events):
        assert makers(one, 3) == set()
        assert makers(one, 5) == {run_id(4)}


def test_dropped_and_written_again(store: Store) -> None:
    """What was dropped with the whole does not come back when the whole is written again."""
    gone = facet(lifecycleStateChange="DROP")
    events = [
        event(1, "COMPLETE", 1, outputs=[dataset(ORDERS, partition="day=1", written=True)]),
        event(2, "COMPLETE", 2, outputs=[dataset(ORDERS, lifecycleStateChange=gone)]),
        event(3, "COMPLETE", 3, outputs=[dataset(ORDERS)]),
        event(4, "COMPLETE", 4, inputs=[dataset(ORDERS)], outputs=[dataset(REPORT)]),
    ]
    for one in every_order(store, events):
        assert makers(one, 4) == {run_id(3)}


@pytest.mark.parametrize("change", ["CREATE", "OVERWRITE"])
def test_overwritten_by_nobody(store: Store, change: str) -> None:
    """A DatasetEvent may say, too, that a new version takes the place of all partitions."""
    fresh = facet(lifecycleStateChange=change)
    events = [
        event(1, "COMPLETE", 1, outputs=[dataset(ORDERS, partition="day=1", written=True)]),
        dataset_event(2, dataset(ORDERS, version="v7", lifecycleStateChange=fresh)),
        event(3, "COMPLETE", 3, inputs=[dataset(ORDERS)], outputs=[dataset(REPORT)]),
    ]
    for one in every_order(store, events):
        assert above(one, 3) == {("orders", "", "v7", "")}


def test_overwritten(store: Store) -> None:
    """What overwrites the whole takes the place of its partitions."""
    fresh = facet(lifecycleStateChange="OVERWRITE")
    events = [
        event(1, "COMPLETE", 1, outputs=[dataset(ORDERS, partition="day=1", written=True)]),
        event(2, "COMPLETE", 2, outputs=[dataset(ORDERS, lifecycleStateChange=fresh)]),
        event(3, "COMPLETE", 3, inputs=[dataset(ORDERS)], outputs=[dataset(REPORT)]),
    ]
    for one in every_order(store, events):
        assert makers(one, 3) == {run_id(2)}


def test_renamed(store: Store) -> None:
    """A renamed dataset is what it was under its former name."""
    before = {"namespace": DATASETS[ORDERS][0], "name": "orders"}
    change = facet(lifecycleStateChange="RENAME", previousIdentifier=before)
    events = [
        event(1, "COMPLETE", 1, outputs=[dataset(ORDERS)]),
        dataset_event(2, dataset(CUSTOMERS, lifecycleStateChange=change)),
        event(3, "COMPLETE", 3, inputs=[dataset(CUSTOMERS)], outputs=[dataset(REPORT)]),
    ]
    for one in every_order(store, events):
        assert makers(one, 3) == {run_id(1)}


def test_symlinks(store: Store) -> None:
    """Two names of the same data are one, whoever says so and whenever."""
    namespace, name = DATASETS[ORDERS]
    same = facet(identifiers=[{"namespace": namespace, "name": name, "type": "TABLE"}])
    events = chain(first=dataset(ORDERS), second=dataset(SHOP_ORDERS, symlinks=same))
    for one in every_order(store, events):
        assert makers(one, 2) == {run_id(1)}


def test_explicit_lineage(store: Store) -> None:
    """Where a `lineage` facet says what an output was made from, it is not the product of all."""
    orders, report = DATASETS[ORDERS], DATASETS[REPORT]
    entry = {
        "namespace": report[0],
        "name": report[1],
        "type": "DATASET",
        "inputs": [{"namespace": orders[0], "name": orders[1], "type": "DATASET"}],
    }
    outputs = [dataset(REPORT), dataset(SHOP_ORDERS)]
    events = [
        event(1, "COMPLETE", 1, outputs=[dataset(ORDERS)]),
        event(2, "COMPLETE", 1, outputs=[dataset(CUSTOMERS)]),
        event(3, "START", 2, inputs=[dataset(ORDERS), dataset(CUSTOMERS)], outputs=outputs),
        event(3, "COMPLETE", 3, job_facets={"lineage": facet(entries=[entry])}),
    ]
    query = """
    WITH RECURSIVE up(node) AS (
        SELECT p.id * 4 + 1 FROM product p JOIN version v ON v.id = p.version
        JOIN dataset d ON d.id = v.dataset WHERE d.name = :name
        UNION SELECT e.parent FROM edge e JOIN up ON e.child = up.node
    )
    SELECT r.uuid FROM product p JOIN run r ON r.id = p.run
    WHERE p.id * 4 + 1 IN (SELECT node FROM up)
    """
    for one in every_order(store, events):
        with one.read() as db:
            found = {
                at: {row[0] for row in db.execute(query, {"name": DATASETS[at][1]})}
                for at in (REPORT, SHOP_ORDERS)
            }

        assert found[REPORT] == {run_id(1), run_id(3)}
        assert found[SHOP_ORDERS] >= {run_id(1), run_id(2)}


def test_run_to_run(store: Store) -> None:
    """Where the `lineage` facet names a run, what came out stands on that run."""
    source = {"type": "JOB", "namespace": "jobs", "name": "job", "runId": run_id(1)}
    said = facet(inputs=[source])
    events = [
        event(1, "COMPLETE", 1, inputs=[dataset(ORDERS, version="v1")]),
        event(2, "COMPLETE", 2, outputs=[dataset(REPORT, lineage=said)]),
    ]
    for one in every_order(store, events):
        assert above(one, 2) == {("orders", "", "v1", "")}
