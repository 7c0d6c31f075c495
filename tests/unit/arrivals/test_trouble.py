"""What goes wrong while arrivals are watched, and what must not come of it."""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from begat.lineage.arrivals import ledger, listing
from begat.lineage.arrivals.folder import Folders
from begat.lineage.arrivals.messages import parse, read
from begat.lineage.arrivals.notice import Notice
from begat.lineage.arrivals.sources import Given, Message
from begat.lineage.arrivals.watched import Watched, matched
from begat.lineage.content.sources import NO_CACHE
from begat.lineage.errors import StoreError, WorldError
from begat.lineage.graph.store import Store
from begat.lineage.workspace import workspace
from support.arriving import PATTERN, Clock, Told, key, message, record, rows, watcher

#: What is said of whoever is told, and of what the watcher does.
NOBODY = "nobody is there. Watching goes on, and tries again"
WATCHED = Watched.parse(PATTERN, folder=Path("/"))


class Ticking(Clock):
    """A clock that goes on by itself."""

    def __call__(self) -> str:
        self.pass_(10)
        return super().__call__()


class Forwarded:
    """A backend's queue that keeps what it is given."""

    def __init__(self) -> None:
        self.batches: list[str] = []

    def append(self, events: Sequence[dict[str, Any]]) -> None:
        """Keep the batches that events are of."""
        self.batches += [one["dataset"]["facets"]["begat_arrivals"]["batch"] for one in events]

    def close(self) -> None:
        """Nothing waits."""


@pytest.mark.parametrize("time", ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59.9Z"])
def test_ends_of_time(store: Store, time: str) -> None:
    """A message with the first or the last time that there is gets recorded as any other."""
    source, told = Given([message(record(time=time))]), Told()
    watching = watcher(source, told=told)
    watching.take(source)
    watching.settle(force=True)

    assert told.partitions == [["month=2013-12"]]
    assert source.left == []


def test_ends_of_time_told_to_the_server(store: Store) -> None:
    """Such a message that the server was told does not keep a watcher from going on."""
    odd = message(record("2013-11", time="0001-01-01T00:00:00Z"))
    for body in (odd, message(record("2013-12"))):
        ledger.record(store, parse(body), told_by="webhook", now="2014-01-01T00:00:00.000000Z")
    told = Told()
    watching = watcher(told=told)
    watching.adopt()
    watching.settle(force=True)

    assert told.partitions == [["month=2013-11", "month=2013-12"]]


def test_folder_is_replaced(tmp_path: Path) -> None:
    """A folder that goes is waited for, and what is in the one that comes in its place is told."""
    lake = tmp_path / "lake"
    lake.mkdir()
    stop = threading.Event()
    watched = Watched.parse(f"{lake}/month={{month}}.csv", folder=Path("/"))
    folders = Folders([watched], NO_CACHE, stop)
    folders.start()
    lake.rmdir()
    with pytest.raises(WorldError, match="cannot be watched"):
        [folders.receive(1) for _ in range(20)]
    lake.mkdir()
    (lake / "month=2013-12.csv").write_text("a\n1\n")
    found: list[str] = []
    for _ in range(20):
        found += [one.key for said in folders.receive(1) for one in said.notices()]
        if len(found) == 1:
            (lake / "month=2014-01.csv").write_text("a\n2\n")
        if len(found) > 1:
            break
    stop.set()

    assert found == [f"{lake}/month=2013-12.csv", f"{lake}/month=2014-01.csv"]


def test_what_nobody_foresaw(store: Store, tmp_path: Path) -> None:
    """A watcher whose source fails in a way that nobody foresaw ends, and does not go deaf."""

    class Odd(Given):
        """A source with a defect."""

        def receive(self, timeout: float) -> Sequence[Message]:
            """Fail."""
            raise ZeroDivisionError("odd")

    watching = watcher(Odd(), pattern=f"{tmp_path}/month={{month}}.csv")
    late = threading.Timer(30, watching.stop)
    late.start()
    try:
        with pytest.raises(ZeroDivisionError, match="odd"):
            watching.run()
    finally:
        late.cancel()


def test_forwarded_once(store: Store) -> None:
    """A batch goes to other backends once, however often nobody was there to be told of it."""
    source, told, forwarded = Given([message(record())]), Told(), Forwarded()
    space = workspace()
    vars(space)["forwarder"] = forwarded
    watching = watcher(source, told=told, space=space)
    told.away = True
    watching.take(source)
    for _ in range(3):
        with pytest.raises(WorldError, match="nobody is there"):
            watching.settle(force=True)
    told.away = False
    watching.settle()

    assert forwarded.batches == [one.id for one in told.batches]
    assert len(forwarded.batches) == 1


def test_tried_less_and_less_often(store: Store, tmp_path: Path) -> None:
    """Whoever is away is asked again later and later, and not twice a second for ever."""
    said = {"source": "file", "key": f"{tmp_path}/month=2013-12.csv", "digest": "e1"}
    source = Given([json.dumps(said)])
    asked: list[float] = []

    class Stopping(threading.Event):
        """Waits no time, and keeps how long it was to."""

        def wait(self, timeout: float | None = None) -> bool:
            """Note it."""
            if threading.current_thread() is threading.main_thread():
                asked.append(timeout or 0)
                if len(asked) == 12:
                    self.set()
            return self.is_set()

    told = Told()
    told.away = True
    pattern = f"{tmp_path}/month={{month}}.csv"
    watching = watcher(source, told=told, clock=Ticking(), pattern=pattern, stop=Stopping())
    watching.take(source)
    watching.run()

    assert asked[0] < asked[-1] == max(asked) <= 30


def test_well(store: Store, tmp_path: Path) -> None:
    """A watcher says that all is well after each look, but not while somebody is away."""
    (tmp_path / "month=2013-12.csv").write_text("a\n1\n")
    told = Told()
    told.away = True
    said: list[bool] = []
    warned: list[str] = []

    def well() -> None:
        said.append(told.away)
        if not told.away and told.batches:
            watching.stop()

    def report(kind: str, about: dict[str, Any]) -> None:
        if kind == "warning":
            warned.append(about["message"])
            told.away = told.away and NOBODY not in warned

    watching = watcher(
        Given(["{"] * 3),
        told=told,
        clock=Ticking(),
        pattern=f"{tmp_path}/month={{month}}.csv",
        well=well,
        report=report,
    )
    late = threading.Timer(60, watching.stop)
    late.start()
    watching.run()
    late.cancel()

    assert NOBODY in warned
    assert said.count(False) >= 1
    assert told.partitions == [["month=2013-12"]]


def test_listing_lets_others_write(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A long listing is recorded some at a time: others who write wait for none of it."""
    for month in range(7):
        (tmp_path / f"month={month}.csv").write_text("a\n1\n")
    watched = Watched.parse(f"{tmp_path}/month={{month}}.csv", folder=Path("/"))
    monkeypatch.setattr(ledger, "AT_ONCE", 3)
    write, left = Store.write, iter(range(2))

    def breaking(self: Store, **options: Any) -> Any:
        if next(left, None) is None:
            raise StoreError("it is away")
        return write(self, **options)

    monkeypatch.setattr(Store, "write", breaking)
    with pytest.raises(StoreError, match="it is away"):
        listing.reconcile(store, [watched], NO_CACHE, now="2014-01-01T00:00:00.000000Z")
    assert len(rows(store)) == 6

    monkeypatch.setattr(Store, "write", write)
    told = listing.reconcile(store, [watched], NO_CACHE, now="2014-01-01T00:00:00.000000Z")
    assert (told.new, len(rows(store))) == (1, 7)


def test_old_version_is_deleted(store: Store) -> None:
    """An object is still there when a version of it goes that was not its newest."""

    def tell(*records: dict[str, Any]) -> None:
        notices = [one for said in records for one in parse(message(said))]
        now = "2014-01-01T00:00:00.000000Z"
        ledger.record(store, matched(notices, [WATCHED]), told_by="sqs", now=now)

    tell(record(etag="e1", version="v1", sequencer="01", time="2013-12-01T00:00:00Z"))
    tell(record(etag="e2", version="v2", sequencer="02", time="2013-12-02T00:00:00Z"))
    gone = {"version": "v1", "sequencer": "03", "time": "2014-01-01T00:00:00Z"}
    tell(record(event="LifecycleExpiration:Delete", **gone))
    there = {"source": "s3://lake", "key": key("2013-12"), "digest": "e2", "time": "2013-12-02"}

    assert ledger.missed(store, matched(read(there), [WATCHED])) == []

    tell(record(etag="e2", version="v3", sequencer="04", time="2014-01-02T00:00:00Z"))
    waiting = [identity for *_, identity, batch in rows(store) if batch is None]

    assert waiting == ["v1", "v2"]  # the same bytes are nothing new
    notice = Notice(namespace="s3://lake", key=key("2013-12"), digest="e2", happened="2013-12-02")
    assert ledger.missed(store, matched([notice], [WATCHED])) == []


def test_newest_version_is_deleted(store: Store) -> None:
    """An object of which the newest version goes, or is marked as deleted, is gone."""
    for number, gone in enumerate(("v1", "marker")):
        month = f"2013-0{number + 1}"
        for said in (
            record(month, version="v1", sequencer="01"),
            record(month, version=gone, sequencer="02", event="ObjectRemoved:Delete"),
            record(month, version="v2", sequencer="03"),
        ):
            notices = matched(parse(message(said)), [WATCHED])
            now = "2014-01-01T00:00:00.000000Z"
            ledger.record(store, notices, told_by="sqs", now=now)
    waiting = [identity for *_, identity, batch in rows(store) if batch is None]

    assert waiting == ["v1", "v2", "v1", "v2"]
