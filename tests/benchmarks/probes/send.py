"""What a server spends on the events on standard input, one a line, which are sent 500 at a time.

    python send.py URL PID < EVENTS

Prints JSON: events, CPU seconds of the server's processes, wall seconds, and how many bytes of the
server were resident after each batch.
"""

from __future__ import annotations

import http.client
import itertools
import json
import os
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

from benchmarks.measure import settled, tree_cpu

URL, PID, BATCH = sys.argv[1], int(sys.argv[2]), 500
PAGE = os.sysconf("SC_PAGE_SIZE")

connection = http.client.HTTPConnection(urlsplit(URL).netloc)
spent, began = tree_cpu(PID), time.perf_counter()
events, resident = 0, []
while lines := list(itertools.islice(sys.stdin, BATCH)):
    headers = {"Content-Type": "application/json"}
    connection.request("POST", "/api/v1/lineage/batch", f"[{','.join(lines)}]".encode(), headers)
    answer = connection.getresponse()
    said = answer.read()
    if answer.status != http.HTTPStatus.NO_CONTENT:
        raise SystemExit(f"{answer.status}: {said.decode()[:2000]}")
    events += len(lines)
    resident.append(PAGE * int(Path(f"/proc/{PID}/statm").read_text().split()[1]))
wall = time.perf_counter() - began
cpu = settled(lambda: tree_cpu(PID)) - spent
json.dump({"events": events, "cpu": cpu, "wall": wall, "resident": resident}, sys.stdout)
