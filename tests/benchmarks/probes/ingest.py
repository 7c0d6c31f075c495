"""What `Store.record` costs for the events on standard input, one a line, 500 at a time.

    python ingest.py DATABASE < EVENTS
    python ingest.py URL PID < EVENTS

PID is the server's of the database at the URL: its CPU counts. Reading the lines does not. Prints
JSON: events, CPU and wall seconds, and how many bytes of this process were resident after each
batch.
"""

from __future__ import annotations

import itertools
import json
import os
import sys
import time
from pathlib import Path

from benchmarks.measure import served

from begat.lineage.graph.store import Store

DATABASE, PID, BATCH = sys.argv[1], int((*sys.argv, 0)[2]), 500
PAGE = os.sysconf("SC_PAGE_SIZE")

store = Store.open(DATABASE if "://" in DATABASE else f"sqlite:///{DATABASE}")
events, cpu, wall, resident = 0, 0.0, 0.0, []
with served(PID) as server:
    while lines := list(itertools.islice(sys.stdin, BATCH)):
        batch = [json.loads(line) for line in lines]
        spent, began = time.process_time(), time.perf_counter()
        store.record(batch, origin="ingested")
        cpu, wall = cpu + time.process_time() - spent, wall + time.perf_counter() - began
        events += len(batch)
        resident.append(PAGE * int(Path("/proc/self/statm").read_text().split()[1]))
store.close()
found = {"events": events, "cpu": cpu + server.cpu, "wall": wall, "resident": resident}
json.dump(found, sys.stdout)
