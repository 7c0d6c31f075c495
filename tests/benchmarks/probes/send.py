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

from benchmarks.measure import served

URL, PID, BATCH = sys.argv[1], int(sys.argv[2]), 500
PAGE = os.sysconf("SC_PAGE_SIZE")

connection = http.client.HTTPConnection(urlsplit(URL).netloc)
began = time.perf_counter()
events, resident = 0, []
with served(PID) as server:
    while lines := list(itertools.islice(sys.stdin, BATCH)):
        headers = {"Content-Type": "application/json"}
        body = f"[{','.join(lines)}]".encode()
        connection.request("POST", "/api/v1/lineage/batch", body, headers)
        answer = connection.getresponse()
        said = answer.read()
        if answer.status != http.HTTPStatus.NO_CONTENT:
            raise SystemExit(f"{answer.status}: {said.decode()[:2000]}")
        events += len(lines)
        resident.append(PAGE * int(Path(f"/proc/{PID}/statm").read_text().split()[1]))
    wall = time.perf_counter() - began
json.dump({"events": events, "cpu": server.cpu, "wall": wall, "resident": resident}, sys.stdout)
