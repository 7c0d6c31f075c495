"""What the ancestors of a node cost in a rustworkx graph of a lineage store's edges.

    python in_memory.py DATABASE NODE ROUNDS

Loading the graph is not counted. Prints JSON: CPU and wall seconds of one answer in each round,
how many nodes it has, and what loading cost.
"""

from __future__ import annotations

import json
import sqlite3
import sys
import time

import rustworkx

DATABASE, NODE, ROUNDS = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
TIMES = 20

loading = time.process_time()
edges = sqlite3.connect(DATABASE).execute("SELECT parent, child FROM edge").fetchall()
graph = rustworkx.PyDiGraph()
nodes = sorted({node for edge in edges for node in edge})
places = dict(zip(nodes, graph.add_nodes_from(nodes), strict=True))
graph.add_edges_from_no_data([(places[parent], places[child]) for parent, child in edges])
loading = time.process_time() - loading

# The node itself is in a lineage closure, and not among its ancestors.
found = {"nodes": 1 + len(rustworkx.ancestors(graph, places[NODE])), "cpu": [], "wall": []}
for _ in range(ROUNDS):
    spent, began = time.process_time(), time.perf_counter()
    for _ in range(TIMES):
        rustworkx.ancestors(graph, places[NODE])
    found["cpu"].append((time.process_time() - spent) / TIMES)
    found["wall"].append((time.perf_counter() - began) / TIMES)
json.dump({**found, "loading": loading}, sys.stdout)
