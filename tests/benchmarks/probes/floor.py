"""What it costs to write the rows of a lineage store with nothing but sqlite3.

    python floor.py SOURCE TARGET

The same tables, indexes and pragmas; as many transactions as batches of events, each with its
share of each table's rows. Reading the rows is not counted. Prints JSON: CPU and wall seconds.
"""

from __future__ import annotations

import json
import sqlite3
import sys
import time

from begat.lineage.graph.database import connect

SOURCE, TARGET, BATCH = sys.argv[1], sys.argv[2], 500

source, target = sqlite3.connect(SOURCE), connect(TARGET, timeout=1)
statements, rows, counts = {}, {}, {}
for (table,) in source.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
    columns = [column for _, column, *_ in source.execute(f"PRAGMA table_info('{table}')")]
    # As they came, more or less.
    order = next((column for column in ("id", "run") if column in columns), "1")
    [counts[table]] = source.execute(f'SELECT COUNT(*) FROM "{table}"').fetchone()
    rows[table] = source.execute(f'SELECT * FROM "{table}" ORDER BY "{order}"')
    statements[table] = f'INSERT INTO "{table}" VALUES ({", ".join("?" * len(columns))})'
del statements["alembic_version"]

cpu, wall, batches = 0.0, 0.0, -(-counts["event"] // BATCH)
for number in range(batches):
    shares = {
        table: rows[table].fetchmany(count * (number + 1) // batches - count * number // batches)
        for table, count in counts.items()
        if table in statements
    }
    spent, began = time.process_time(), time.perf_counter()
    target.execute("BEGIN IMMEDIATE")
    for table, share in shares.items():
        target.executemany(statements[table], share)
    target.execute("COMMIT")
    cpu, wall = cpu + time.process_time() - spent, wall + time.perf_counter() - began
target.close()
json.dump({"cpu": cpu, "wall": wall}, sys.stdout)
