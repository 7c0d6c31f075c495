"""What the ancestors of nodes cost in a rustworkx graph of a lineage store's edges.

    python in_memory.py ROUNDS DATABASE NODE...

Loading the graph is not counted. Prints JSON: by node the CPU and wall seconds of one answer in
each round, and how many nodes it has.
"""

from __future__ import annotations

import json
import sqlite3
import sys
import time

import rustworkx

ROUNDS, DATABASE, NODES = int(sys.argv[1]), sys.argv[2], [*map(int, sys.argv[3:])]
TIMES = 100

edges = sqlite3.connect(DATABASE).execute("SELECT parent, child FROM edge").fetchall()
graph = rustworkx.PyDiGraph()
nodes = sorted({node for edge in edges for node in edge})
places = dict(zip(nodes, graph.add_nodes_from(nodes), strict=True))
graph.add_edges_from_no_data([(places[parent], places[child]) for parent, child in edges])

found = {}
for node in NODES:
    # The node itself is in a lineage closure, and not among its ancestors.
    count = 1 + len(rustworkx.ancestors(graph, places[node]))
    cpu, wall = [], []
    for _ in range(ROUNDS):
        spent, began = time.process_time(), time.perf_counter()
        for _ in range(TIMES):
            rustworkx.ancestors(graph, places[node])
        cpu.append((time.process_time() - spent) / TIMES)
        wall.append((time.perf_counter() - began) / TIMES)
    found[node] = {"nodes": count, "cpu": cpu, "wall": wall}
json.dump(found, sys.stdout)
