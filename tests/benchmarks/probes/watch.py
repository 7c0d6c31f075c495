"""How many notifications a watcher takes a CPU second: recorded, batched, and told.

    python watch.py NOTIFICATIONS ROUNDS

Each is S3's own, of an object of its own; a queue hands out ten at once, as SQS does. Beside it
is what cannot be saved: reading the same JSON, and one bare sqlite3 insert each, ten a
transaction. Prints JSON: CPU and wall seconds of each.
"""

from __future__ import annotations

import json
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from begat.lineage.arrivals.sources import Given
from begat.lineage.arrivals.watched import Watched
from begat.lineage.arrivals.watcher import Watcher
from begat.lineage.settings import Settings
from begat.lineage.workspace import Workspace

NUMBER, ROUNDS, AT_ONCE = int(sys.argv[1]), int(sys.argv[2]), 10
PATTERN = "s3://lake/raw/day={day}/part-*.parquet"


def body(number: int) -> str:
    """A notification of S3's."""
    key = f"raw/day%3D{number // 10:05}/part-{number % 10}.parquet"
    thing = {
        "key": key,
        "size": 1024,
        "eTag": f"{number:032x}",
        "versionId": f"v{number}",
        "sequencer": f"{number:018X}",
    }
    record = {
        "eventVersion": "2.1",
        "eventSource": "aws:s3",
        "awsRegion": "eu-west-1",
        "eventTime": "2013-12-31T23:59:59.000Z",
        "eventName": "ObjectCreated:Put",
        "s3": {"s3SchemaVersion": "1.0", "bucket": {"name": "lake"}, "object": thing},
    }
    return json.dumps({"Records": [record]})


def watched(folder: Path) -> None:
    """Begat's watcher, from the queue to whom it tells."""
    space = Workspace(
        Settings(home=folder, store=f"sqlite:///{folder}/begat.db", artifacts=str(folder))
    )
    told = []
    source = Given(BODIES, at_once=AT_ONCE)
    watcher = Watcher(space, [Watched.parse(PATTERN, folder=folder)], [source], tell=told.append)
    while watcher.take(source):
        pass
    watcher.settle(force=True)
    space.close()
    if sum(len(batch.contents) for batch in told) != NUMBER or source.left:
        raise SystemExit("not all of it was told")


def bare(folder: Path) -> None:
    """JSON and inserts."""
    with closing(sqlite3.connect(folder / "bare.db", isolation_level=None)) as db:
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = NORMAL")
        db.execute("CREATE TABLE arrival (key TEXT PRIMARY KEY, version TEXT, body TEXT)")
        for start in range(0, NUMBER, AT_ONCE):
            db.execute("BEGIN IMMEDIATE")
            for text in BODIES[start : start + AT_ONCE]:
                thing = json.loads(text)["Records"][0]["s3"]["object"]
                row = (thing["key"], thing["versionId"], text)
                db.execute("INSERT INTO arrival VALUES (?, ?, ?) ON CONFLICT DO NOTHING", row)
            db.execute("COMMIT")


BODIES = [body(number) for number in range(NUMBER)]
WAYS: dict[str, Callable[[Path], None]] = {"begat watch": watched, "json and sqlite3": bare}
found: dict[str, dict[str, list[float]]] = {name: {"cpu": [], "wall": []} for name in WAYS}
for number in range(ROUNDS):
    for name in WAYS if number % 2 == 0 else reversed(WAYS):
        with tempfile.TemporaryDirectory() as folder:
            cpu, wall = time.process_time(), time.perf_counter()
            WAYS[name](Path(folder))
            found[name]["cpu"].append(time.process_time() - cpu)
            found[name]["wall"].append(time.perf_counter() - wall)
sys.stdout.write(json.dumps(found))
