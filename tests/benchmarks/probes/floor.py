"""What it costs to write the rows of a lineage store with nothing but sqlite3, or psycopg.

    python floor.py SOURCE TARGET
    python floor.py SOURCE URL PID

The same tables, indexes and pragmas; as many transactions as batches of events, each with its
share of each table's rows. PID is the server's of the database at the URL: its CPU counts.
Reading the rows does not. Prints JSON: CPU and wall seconds.
"""

from __future__ import annotations

import json
import sqlite3
import sys
import time
from typing import Any

import psycopg
from benchmarks.measure import served

from begat.lineage.graph.sqlite import connect
from begat.lineage.graph.store import Store

SOURCE, TARGET, PID, BATCH = sys.argv[1], sys.argv[2], int((*sys.argv, 0)[3]), 500


def opened() -> tuple[Any, str, str]:
    """The target with its tables; how a transaction begins there, and what stands for a value."""
    if "://" not in TARGET:
        return connect(TARGET, timeout=1), "BEGIN IMMEDIATE", "?"
    Store.open(TARGET).close()
    return psycopg.connect(TARGET, autocommit=True).cursor(), "BEGIN", "%s"


source = sqlite3.connect(SOURCE)
target, begin, value = opened()
statements, rows, counts = {}, {}, {}
for (table,) in source.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
    [count] = source.execute(f'SELECT COUNT(*) FROM "{table}"').fetchone()
    if not count or table == "alembic_version":
        continue
    columns = [column for _, column, *_ in source.execute(f"PRAGMA table_info('{table}')")]
    # As they came, more or less.
    order = next((column for column in ("id", "run") if column in columns), "1")
    rows[table] = source.execute(f'SELECT * FROM "{table}" ORDER BY "{order}"')
    names, values = ('"' + '", "'.join(columns) + '"', ", ".join([value] * len(columns)))
    statements[table] = f'INSERT INTO "{table}" ({names}) VALUES ({values})'
    counts[table] = count

cpu, wall, batches = 0.0, 0.0, -(-counts["event"] // BATCH)
with served(PID) as server:
    for number in range(batches):
        shares = {
            table: rows[table].fetchmany(
                count * (number + 1) // batches - count * number // batches
            )
            for table, count in counts.items()
        }
        spent, began = time.process_time(), time.perf_counter()
        target.execute(begin)
        for table, share in shares.items():
            if share:
                target.executemany(statements[table], share)
        target.execute("COMMIT")
        cpu, wall = cpu + time.process_time() - spent, wall + time.perf_counter() - began
for table, count in counts.items():
    [written] = target.execute(f'SELECT COUNT(*) FROM "{table}"').fetchone()
    if written != count:
        raise SystemExit(f"{table} has {written} rows instead of {count}")
json.dump({"cpu": cpu + server.cpu, "wall": wall}, sys.stdout)
