from __future__ import annotations

import itertools
import json
import random
import threading
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from begat.lineage.arrivals import batches, ledger
from begat.lineage.arrivals.messages import parse, read
from begat.lineage.arrivals.sources import Given
from begat.lineage.arrivals.watched import Watched, matched
from begat.lineage.errors import StoreError, WorldError
from begat.lineage.graph import export
from begat.lineage.graph.dump import dump
from begat.lineage.graph.restore import restore
from begat.lineage.graph.store import Store
from begat.lineage.settings import Settings
from begat.lineage.workspace import Workspace
from support.arriving import (
    PATTERN,
    Clock,
    Told,
    events,
    identities,
    key,
    message,
    record,
    rows,
    watcher,
)
from support.openlineage import Specification

WATCHED = Watched.parse(PATTERN, folder=Path("/"))


def tell(store: Store, *bodies: str, now: str = "2014-01-01T00:00:00.000000Z") -> None:
    """Record what messages say."""
    notices = [one for body in bodies for one in parse(body)]
    ledger.record(store, matched(notices, [WATCHED]), told_by="sqs", now=now)


def waiting(store: Store) -> list[str]:
    """Identities of what waits for a batch."""
    return [identity for *_, identity, batch in rows(store) if batch is None]


def test_recorded_once(store: Store) -> None:
    """A message that comes twice is one arrival, with all that it said."""
    body = message(record(version="v1", sequencer="0a"))
    tell(store, body, body)
    tell(store, body)
    columns = (
        "namespace, name, partition, key, version, digest, size, happened, sequencer, removed, "
        "told_by, first_seen, batch"
    )

    assert rows(store, columns) == [
        (
            *("s3://lake", "raw", "month=2013-12", key("2013-12"), "v1", "e1", 5),
            *("2013-12-31T23:59:59.000000Z", "0A", 0, "sqs", "2014-01-01T00:00:00.000000Z"),
            None,
        )
    ]


def test_another_place(store: Store) -> None:
    """An object that matches no source is nobody's arrival."""
    tell(store, message(record(object_key="raw/month%3D2013-12/.hidden.csv")))
    tell(store, message(record(object_key="other/month%3D2013-12/flights.csv")))

    assert rows(store) == []


def test_same_bytes_again(store: Store) -> None:
    """The same bytes under a new version are recorded, and wait for nothing."""
    tell(store, message(record(version="v1", sequencer="01")))
    batches.close(store, WATCHED, now="2014-01-01T00:01:00.000000Z")
    tell(store, message(record(version="v2", sequencer="02")))

    assert len(rows(store)) == 2
    assert waiting(store) == []


def test_bytes_that_come_back(store: Store) -> None:
    """Bytes that were there before others are new again, also where no versions are kept."""
    for etag, time in (("a", "01"), ("b", "02"), ("a", "03")):
        tell(store, message(record(etag=etag, time=f"2014-01-{time}T00:00:00Z")))

    assert len(waiting(store)) == 3


def test_removal(store: Store) -> None:
    """A removal is recorded and waits for nothing; the same bytes after it are new."""
    tell(store, message(record(sequencer="01")))
    batches.close(store, WATCHED, now="2014-01-01T00:01:00.000000Z")
    tell(store, message(record(sequencer="02", event="ObjectRemoved:Delete")))

    assert waiting(store) == []

    tell(store, message(record(sequencer="03")))

    assert waiting(store) == ["e1#03"]


@pytest.mark.parametrize(
    "order", [*itertools.permutations(range(3))], ids=lambda order: "".join(map(str, order))
)
def test_any_order(store: Store, order: tuple[int, ...]) -> None:
    """What is new does not depend on the order in which it is told, but on sequencers.

    Sequencers are numbers, of any length: `9`, `0A`, `000B` is their order.
    """
    told = [("v1", "e1", "9"), ("v2", "e1", "0A"), ("v3", "e2", "000B")]
    for place in order:
        version, etag, sequencer = told[place]
        tell(store, message(record(version=version, etag=etag, sequencer=sequencer)))

    assert waiting(store) == ["v1", "v3"]


def test_overwritten_before_it_was_told(store: Store) -> None:
    """What comes late and was overwritten by what was told already waits for nothing."""
    tell(store, message(record(version="v2", etag="e2", sequencer="02")))
    batches.close(store, WATCHED, now="2014-01-01T00:01:00.000000Z")
    tell(store, message(record(version="v1", etag="e1", sequencer="01")))

    assert waiting(store) == []


def test_batch(store: Store, official: Specification) -> None:
    """A batch marks its arrivals, and is one valid DatasetEvent that names the partitions."""
    tell(store, message(record("2013-11"), record("2013-12")))
    batch = batches.close(store, WATCHED, now="2014-01-01T00:01:00.000000Z")
    assert batch is not None
    [event] = events(store)
    official.validate(event)
    facet = event["dataset"]["facets"]["begat_arrivals"]

    assert {row[-1] for row in rows(store)} == {batch.id}
    assert (event["dataset"]["namespace"], event["dataset"]["name"]) == ("s3://lake", "raw")
    assert facet["partitions"] == ["month=2013-11", "month=2013-12"]
    assert facet["source"] == PATTERN
    assert batch.to_json() == {
        "dataset": "s3://lake/raw",
        "partitions": ["month=2013-11", "month=2013-12"],
        "batch": facet["batch"],
        "count": 2,
    }
    assert [*batches.untold(store, WATCHED.dataset)] == [batch]


def test_quiet_period_and_longest_wait(store: Store) -> None:
    """A batch is closed after a quiet period, and a steady stream waits no longer than it may."""
    source, told, clock = Given(), Told(), Clock()
    watching = watcher(source, told=told, clock=clock)
    source.put(message(record("2013-01")))
    watching.take(source)
    clock.pass_(29)
    watching.settle()
    assert told.batches == []

    clock.pass_(1)
    watching.settle()
    assert told.partitions == [["month=2013-01"]]

    for number in range(61):  # one every ten seconds, so that it is never quiet
        source.put(message(record(f"2014-{number:02}")))
        watching.take(source)
        watching.settle()
        clock.pass_(10)
    assert [len(one) for one in told.partitions] == [1, 61]


def test_at_most_so_many(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """More than fit into one batch are closed at once, in several."""
    monkeypatch.setattr(batches, "MOST", 3)
    monkeypatch.setattr(batches, "_PENDING", batches._PENDING.replace("10000", "3"))
    source, told = Given(), Told()
    watching = watcher(source, told=told)
    source.put(message(*(record(f"2013-{month:02}") for month in range(1, 8))))
    watching.take(source)
    watching.settle()

    assert [len(one) for one in told.partitions] == [3, 3]
    assert len(waiting(store)) == 1


def test_nobody_is_there(store: Store) -> None:
    """A batch that could not be told is told later, under the same id."""
    source, told = Given([message(record())]), Told()
    watching = watcher(source, told=told)
    told.away = True
    watching.take(source)
    with pytest.raises(WorldError, match="nobody is there"):
        watching.settle(force=True)
    [batch] = batches.untold(store, WATCHED.dataset)
    told.away = False
    watcher(told=told).settle()

    assert [one.id for one in told.batches] == [batch.id]
    assert [*batches.untold(store, WATCHED.dataset)] == []
    assert len(events(store)) == 1


def test_told_to_the_server(store: Store) -> None:
    """What the server was told without knowing a pattern is taken by whoever watches it."""
    notices = (*parse(message(record("2013-11"))), *parse(message(record(object_key="x.csv"))))
    for _ in range(2):
        ledger.record(store, notices, told_by="webhook", now="2014-01-01T00:00:00.000000Z")
    told = Told()
    watching = watcher(told=told)
    for _ in range(2):
        watching.adopt()
        watching.settle(force=True)
    another = watcher(told=Told(), pattern="s3://lake/{name}.csv")
    another.adopt()

    assert told.partitions == [["month=2013-11"]]
    assert watching.counts["new"] == 1
    assert another.counts["new"] == 1


def test_partition_of_a_dataset(store: Store) -> None:
    """What names the dataset itself needs no pattern."""
    named = {"namespace": "s3://lake", "name": "raw"}
    body = {"dataset": named, "partition": "month=2014-01", "version": "7"}
    ledger.record(store, read(body), told_by="webhook", now="2014-01-01T00:00:00.000000Z")
    told = Told()
    watcher(told=told).settle(force=True)

    assert told.partitions == [["month=2014-01"]]


def test_missed(store: Store) -> None:
    """Of a listing only that is missed which is not what is known of its key."""
    tell(store, message(record(etag="e1", version="v1")))
    listed = [
        {"source": "s3://lake", "key": key("2013-12"), "digest": "e1", "time": "2013-12-31"},
        {"source": "s3://lake", "key": key("2013-11"), "digest": "e1", "time": "2013-12-31"},
    ]
    found = ledger.missed(store, matched(read(listed), [WATCHED]))

    assert [one.partition for one in found] == ["month=2013-11"]


def test_store_is_away(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While the store is away a running watcher warns once and tries again, and loses nothing."""
    said = {"source": "file", "key": f"{tmp_path}/lake/month=2013-12.csv", "digest": "e1"}
    source, told = Given([json.dumps(said)]), Told()
    warned: list[str] = []
    closed = threading.Event()
    left = iter(range(2))
    write = Store.write

    def away(self: Store, **options: Any) -> Any:
        if next(left, None) is not None:
            raise StoreError("it is away")
        return write(self, **options)

    def report(kind: str, about: dict[str, Any]) -> None:
        if kind == "warning" and "it is away" in about["message"]:
            warned.append(about["message"])
        if kind == "batch":
            closed.set()

    class Ticking(Clock):
        """A clock that goes on by itself."""

        def __call__(self) -> str:
            self.pass_(10)
            return super().__call__()

    monkeypatch.setattr(Store, "write", away)
    pattern = f"{tmp_path}/lake/month={{month}}.csv"
    watching = watcher(source, told=told, clock=Ticking(), report=report, pattern=pattern)
    thread = threading.Thread(target=watching.run)
    thread.start()
    try:
        assert closed.wait(60)
    finally:
        watching.stop()
        thread.join(60)

    assert told.partitions == [["month=2013-12"]]
    assert warned == ["it is away. Watching goes on, and tries again"]


def test_told_after_it_was_listed(store: Store) -> None:
    """What a listing found first is no other arrival when it is told."""
    found = {"source": "s3://lake", "key": key("2013-12"), "digest": "e1"}
    listed = read({**found, "time": "2013-12-31T23:59:59Z"})
    ledger.record(store, matched(listed, [WATCHED]), told_by="listing", now="2014-01-01T00:00:00Z")
    tell(store, message(record(version="v1", time="2013-12-31T23:59:59.700Z")))

    assert len(rows(store)) == 1

    tell(store, message(record(version="v2", time="2014-01-31T23:59:59.700Z")))

    assert len(rows(store)) == 2
    assert len(waiting(store)) == 1


def test_unreadable_messages(home: Path) -> None:
    """What cannot be read is tried again, then set aside with the reason; the rest goes on."""
    source, told = Given([message(record()), "{"]), Told()
    watching = watcher(source, told=told)
    while watching.take(source):
        pass
    watching.settle(force=True)
    [aside] = (home / "arrivals" / "set-aside").iterdir()
    said = json.loads(aside.read_text())

    assert told.partitions == [["month=2013-12"]]
    assert watching.counts["set_aside"] == 1
    assert said["body"] == "{"
    assert said["reason"].startswith("a message is JSON")
    assert source.left == []


def test_exported_and_imported(store: Store, tmp_path: Path) -> None:
    """An export has arrivals and batches, and a store that takes it knows all of them."""
    tell(store, message(record("2013-11", version="v1")))
    batch = batches.close(store, WATCHED, now="2014-01-01T00:01:00.000000Z")
    assert batch is not None
    batches.mark_told(store, batch, now="2014-01-01T00:02:00.000000Z")
    tell(store, message(record("2013-12", version="v1")))
    store.rebuild()
    before = rows(store)
    path = tmp_path / "exported"
    path.write_text("".join(export.lines(store)), encoding="utf-8")
    other = Store.open("sqlite://")
    tell(other, message(record("2013-11", version="v1")))
    for _ in range(2):
        restore(other, path)
    again = rows(other)
    left = [*batches.untold(other, WATCHED.dataset)]
    other.close()

    assert again == before
    assert left == []


MESSAGES = st.lists(
    st.builds(
        lambda month, etag, number: message(
            record(
                f"2013-{month:02}",
                etag=f"e{etag}",
                version=f"v{number}",
                sequencer=f"{number:x}",
                time=f"2014-01-01T00:00:{number:02}Z",
                event="ObjectRemoved:Delete" if etag == 0 else "ObjectCreated:Put",
            )
        ),
        st.integers(1, 3),
        st.integers(0, 2),
        st.integers(1, 40),
    ),
    min_size=1,
    max_size=12,
    unique_by=lambda body: json.loads(body)["Records"][0]["s3"]["object"]["sequencer"],
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
@given(bodies=MESSAGES, seed=st.integers(0, 1000), at_once=st.integers(1, 7))
def test_three_times_in_any_order(
    tmp_path: Path, bodies: list[str], seed: int, at_once: int
) -> None:
    """Every message three times in any order: the same arrivals, new content, and graph."""

    def all_of(given: list[str], number: int) -> tuple[Any, ...]:
        home = tmp_path / f"{number}"
        space = Workspace(Settings(home=home, store="sqlite://", artifacts=str(home)))
        told = Told()
        source = Given(given, at_once=at_once)
        watching = watcher(source, told=told, space=space)
        while watching.take(source):
            pass
        watching.settle(force=True)
        found = (rows(space.store), identities(told.batches), dump(space.store))
        space.close()
        return found

    thrice = bodies * 3
    random.Random(seed).shuffle(thrice)

    assert all_of(bodies, 1) == all_of(thrice, 2)
