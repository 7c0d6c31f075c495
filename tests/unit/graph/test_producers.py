"""What events of any producer come to: each oddity that real ones send, and the right graph."""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from typing import Any

import pytest

from begat.lineage.errors import EventError
from begat.lineage.graph.facts import facts
from begat.lineage.graph.store import Store
from support.foreign import DATASETS, dataset, dataset_event, event, facet, job_event, run_id
from support.history import History, digest, raw

ORDERS, CUSTOMERS, SHOP_ORDERS, REPORT = range(4)

_PARENTS = """
WITH RECURSIVE up(node) AS (
    SELECT p.id * 4 + 1 FROM product p JOIN run r ON r.id = p.run WHERE r.uuid = :run
    UNION SELECT e.parent FROM edge e JOIN up ON e.child = up.node
)
SELECT d.name, v.partition, v.digest, COALESCE(r.uuid, '')
FROM product p JOIN version v ON v.id = p.version JOIN dataset d ON d.id = v.dataset
LEFT JOIN run r ON r.id = p.run
WHERE p.id * 4 + 1 IN (SELECT node FROM up) AND COALESCE(r.uuid, '') != :run
"""


def every_order(store: Store, events: Sequence[Any]) -> list[Store]:
    """One store for each order of the events, the given one among them."""
    stores = []
    for order in itertools.permutations(events):
        one = store if not stores else Store.open("sqlite://")
        for said in order:
            one.record([said], origin="ingested")
        stores.append(one)
    return stores


def above(store: Store, run: int | str) -> set[tuple[str, str, str, str]]:
    """Dataset, partition, version and maker of all that a run's outputs stand on."""
    key = run_id(run) if isinstance(run, int) else run
    with store.read() as db:
        return {tuple(row) for row in db.execute(_PARENTS, {"run": key})}


def makers(store: Store, run: int | str) -> set[str]:
    """Runs whose outputs a run's outputs stand on."""
    return {maker for *_, maker in above(store, run) if maker}


def runs(store: Store) -> dict[str, str]:
    """State of every execution."""
    with store.read() as db:
        return dict(tuple(row) for row in db.execute("SELECT uuid, state FROM run"))


def facets_of(store: Store, table: str, name: str) -> dict[str, Any]:
    with store.read() as db:
        [text] = db.execute(f"SELECT facets FROM {table} WHERE name = :name", {"name": name})
    return {key: body for key, (_, body) in json.loads(text[0]).items()}


def chain(*, first: dict[str, Any], second: dict[str, Any]) -> list[dict[str, Any]]:
    """Run 1 writes `first` at minute 2; run 2 reads `second` at minute 3 and writes a report."""
    return [
        event(1, "START", 1),
        event(1, "COMPLETE", 2, outputs=[first]),
        event(2, "START", 3),
        event(2, "COMPLETE", 4, inputs=[second], outputs=[dataset(REPORT, written=True)]),
    ]


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


@pytest.mark.parametrize(
    "said",
    [
        {},
        {"fields": {}},
        {"inputs": [{"type": "JOB"}]},
        {"inputs": [{"type": "JOB", "namespace": "jobs", "name": "job", "runId": run_id(2)}]},
        {"inputs": [{"type": "JOB", "namespace": "jobs", "name": "job", "runId": "seven"}]},
    ],
)
@pytest.mark.parametrize("on_job", [True, False])
def test_lineage_of_the_job_itself(store: Store, said: dict[str, Any], on_job: bool) -> None:
    """A `lineage` facet that names the event's own job, or no source, loses no input."""
    named = {"namespace": DATASETS[REPORT][0], "name": DATASETS[REPORT][1], "type": "DATASET"}
    output = dataset(REPORT) if on_job else dataset(REPORT, lineage=facet(**said))
    on_its_job = {"lineage": facet(entries=[named | said])} if on_job else {}
    events = chain(first=dataset(ORDERS), second=dataset(ORDERS))
    events[-1] |= {"outputs": [output]}
    events[-1]["job"]["facets"] = on_its_job
    store.record(events, origin="ingested")

    assert makers(store, 2) == {run_id(1)}


@pytest.mark.parametrize("on_job", [True, False])
def test_lineage_from_nothing(store: Store, on_job: bool) -> None:
    """A `lineage` facet whose list of inputs is empty says that it was made from nothing."""
    named = {"namespace": DATASETS[REPORT][0], "name": DATASETS[REPORT][1], "type": "DATASET"}
    output = dataset(REPORT) if on_job else dataset(REPORT, lineage=facet(inputs=[]))
    events = chain(first=dataset(ORDERS), second=dataset(ORDERS))
    events[-1] |= {"outputs": [output]}
    if on_job:
        events[-1]["job"]["facets"] = {"lineage": facet(entries=[{**named, "inputs": []}])}
    store.record(events, origin="ingested")

    assert makers(store, 2) == set()


def test_facets_that_are_null(store: Store) -> None:
    """A facet that is null is one that is not there."""
    root = {"run": {"runId": None}, "job": {"namespace": "jobs", "name": "dag"}}
    above = {"run": {"runId": run_id(2)}, "job": {"namespace": "jobs", "name": "dag"}}
    facets = {"tags": None, "parent": facet(**above, root=root)}
    outputs = [dataset(ORDERS) | {"facets": {"schema": None}}]
    store.record([event(1, "COMPLETE", 1, facets=facets, outputs=outputs)], origin="ingested")

    assert runs(store) == {run_id(1): "COMPLETE", run_id(2): ""}


def test_long_words_in_facets(store: Store) -> None:
    """A tag or another name that no index takes is kept with its facet, and found by nobody."""
    long = "x" * 3000
    linked = facet(identifiers=[{"namespace": long, "name": long, "type": "TABLE"}])
    facets = {"tags": facet(tags=[{"key": "k", "value": long}, {"key": "k", "value": "v"}])}
    outputs = [dataset(ORDERS, symlinks=linked)]
    store.record([event(1, "COMPLETE", 1, facets=facets, outputs=outputs)], origin="ingested")
    with store.read() as db:
        traits = {row[0] for row in db.execute("SELECT value FROM trait")}
        names = {row[0] for row in db.execute("SELECT name FROM dataset")}

    assert (traits, names) == ({"k=v"}, {"orders"})


def test_facets_replace_by_key_and_are_deleted(store: Store) -> None:
    """The facet said last counts; `_deleted` takes it away, also if it comes first."""
    fields = facet(fields=[{"name": "a"}])
    about = [
        dataset_event(1, dataset(ORDERS, schema=fields, ownership=facet(owners=[]))),
        dataset_event(2, dataset(ORDERS, schema=facet(_deleted=True))),
        dataset_event(3, dataset(ORDERS, ownership=facet(owners=[{"name": "team"}]))),
    ]
    for one in every_order(store, about):
        found = facets_of(one, "dataset", "orders")

        assert found["schema"] is None
        assert found["ownership"] == {"owners": [{"name": "team"}]}


def test_unknown_facets_are_kept(store: Store) -> None:
    """Facets that nobody knows, and whose schema is not there, are kept as they are."""
    odd = {"_producer": "x", "_schemaURL": "https://example.com/main/none.json", "n": [1, {}]}
    store.record([event(1, "COMPLETE", 1, facets={"acme_odd": odd})], origin="ingested")
    with store.read() as db:
        [row] = db.execute("SELECT facets FROM run").fetchall()

    assert json.loads(row[0])["acme_odd"][1] == {"n": [1, {}]}


def test_dataset_event_is_a_version(store: Store) -> None:
    """A version that a DatasetEvent names is current from then on, though no run made it."""
    events = [
        event(1, "COMPLETE", 1, outputs=[dataset(ORDERS)]),
        dataset_event(2, dataset(ORDERS, version="v7")),
        event(3, "COMPLETE", 3, inputs=[dataset(ORDERS)], outputs=[dataset(REPORT)]),
    ]
    for one in every_order(store, events):
        assert above(one, 3) == {("orders", "", "v7", "")}


def test_job_event_declares(store: Store) -> None:
    """The JobEvent said last says what a job reads and writes; silence changes nothing."""
    events = [
        job_event(1, inputs=[dataset(ORDERS)], outputs=[dataset(REPORT)]),
        job_event(3, facets={"documentation": facet(description="nightly")}),
        job_event(2, inputs=[dataset(CUSTOMERS)]),
    ]
    query = """
    SELECT d.name, c.written FROM declared c JOIN dataset d ON d.id = c.dataset ORDER BY 2
    """
    for one in every_order(store, events):
        with one.read() as db:
            found = [tuple(row) for row in db.execute(query)]

        assert found == [("customers", 0), ("shop.public.report", 1)]
        assert facets_of(one, "job", "job")["documentation"] == {"description": "nightly"}


def snapshot_of(**said: Any) -> dict[str, Any]:
    """An input that is a snapshot, and what its reference says otherwise."""
    reference = {"content_root": "c", "lineage_root": "l", "count": 1, **said}
    return {"namespace": "x", "name": "y", "inputFacets": {"begat_snapshot": reference}}


@pytest.mark.parametrize(
    ("broken", "says"),
    [
        ({"eventTime": "yesterday"}, "eventTime is an ISO 8601 time; got 'yesterday'"),
        ({"eventTime": 7}, "eventTime is an ISO 8601 time"),
        ({"eventType": "DONE"}, "eventType is one of"),
        ({"run": []}, "run is an object"),
        ({"run": {}}, "it has no 'runId'"),
        ({"run": {"runId": "seven"}}, "a run id is a UUID; got 'seven'"),
        ({"job": {"namespace": 1, "name": "x"}}, "namespace is a string"),
        ({"inputs": {}}, "inputs is a list of datasets"),
        ({"inputs": [1]}, "a dataset is an object"),
        ({"inputs": [{"namespace": "x"}]}, "it has no 'name'"),
        ({"outputs": [{"namespace": "x", "name": "y", "facets": [1]}]}, "facets is an object"),
        ({"outputs": [{"namespace": "x", "name": "y", "facets": {"a": 1}}]}, "a facet is"),
        ({"run": {"runId": ""}}, "its runId is empty"),
        ({"job": {"namespace": "x", "name": "y" * 1201}}, "name is at most 1200 bytes long"),
        ({"inputs": [dataset(0, version="ł" * 601)]}, "datasetVersion is at most 1200 bytes"),
        ({"inputs": [dataset(0, partition="p" * 1201)]}, "identifier is at most 1200 bytes"),
        ({"inputs": [snapshot_of(argument=["x"])]}, "argument is a string"),
        ({"inputs": [snapshot_of(argument=None)]}, "argument is a string"),
        ({"inputs": [snapshot_of(count=2**70)]}, "a number of at most 63 bits"),
        ({"inputs": [snapshot_of(rows=["abc"])]}, "a row of begat_snapshot is a list"),
        ({"inputs": [snapshot_of(chunks=7)]}, "chunks is a list"),
    ],
)
def test_what_cannot_be_read_is_refused(broken: dict[str, Any], says: str) -> None:
    """An event that is none is refused, and the message names what is wrong."""
    with pytest.raises(EventError, match=says) as caught:
        facts(event(1, "START", 1) | broken, digest("event"))

    assert "\n" not in str(caught.value)


def test_times(store: Store) -> None:
    """Times without a zone are UTC; others are turned to it; more digits are cut."""
    times = ["2025-01-01T12:00:00", "2025-01-01T13:00:00+01:00", "2025-01-01T12:00:00.000000999Z"]
    found = {facts(event(1, "START", 1) | {"eventTime": time}, "h").time for time in times}

    assert found == {"2025-01-01T12:00:00.000000Z"}


def test_run_that_names_itself(store: Store) -> None:
    """A run that says it reuses itself, or is above itself, is one run and stands on no loop."""
    itself = {"run": {"runId": run_id(1)}, "job": {"namespace": "jobs", "name": "job"}}
    facets = {"begat_reuse": facet(run=run_id(1)), "parent": facet(**itself, root=itself)}
    events = [event(1, "COMPLETE", 2, facets=facets), event(2, "COMPLETE", 3)]
    for one in every_order(store, events):
        with one.read() as db:
            edges = db.execute("SELECT child, parent FROM edge").fetchall()

        assert runs(one) == {run_id(1): "COMPLETE", run_id(2): "COMPLETE"}
        assert edges == []


def test_sets_of_packages_that_disagree(store: Store) -> None:
    """What is in a set of packages is all that events say of it, also those outweighed later."""
    sets = [{"numpy": "2"}, {"numpy": "3"}, {}]
    events = [
        event(1, "RUNNING", minute, facets={"begat_packages": facet(digest="d", distributions=one)})
        for minute, one in enumerate(sets)
    ]
    for one in every_order(store, events):
        with one.read() as db:
            found = {
                row[0]
                for row in db.execute(
                    "SELECT t.value FROM trait_part x JOIN trait t ON t.id = x.part"
                )
            }

        assert found == {"numpy==2", "numpy==3"}
