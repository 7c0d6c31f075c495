"""What `Store.record` costs for the events on standard input, one a line.

    python ingest.py DATABASE < EVENTS

Reading the lines is not counted. Prints JSON: events, CPU and wall seconds, and how many bytes of
the process were resident after each batch.
"""

from __future__ import annotations

import itertools
import json
import os
import sys
import time
from pathlib import Path

from begat.lineage.graph.store import Store

DATABASE, BATCH = sys.argv[1], 500
PAGE = os.sysconf("SC_PAGE_SIZE")

store = Store.open(f"sqlite:///{DATABASE}")
events, cpu, wall, resident = 0, 0.0, 0.0, []
while lines := list(itertools.islice(sys.stdin, BATCH)):
    batch = [json.loads(line) for line in lines]
    spent, began = time.process_time(), time.perf_counter()
    store.record(batch, origin="ingested")
    cpu, wall = cpu + time.process_time() - spent, wall + time.perf_counter() - began
    events += len(batch)
    resident.append(PAGE * int(Path("/proc/self/statm").read_text().split()[1]))
store.close()
json.dump({"events": events, "cpu": cpu, "wall": wall, "resident": resident}, sys.stdout)
