"""How fast a file in memory is digested: begat's own function, and the blake3 package's.

    python digest_speed.py FILE ROUNDS

Prints JSON: CPU and wall seconds of each call, on one thread.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from blake3 import blake3

from begat.lineage.content import digest_file

FILE, ROUNDS = Path(sys.argv[1]), int(sys.argv[2])


def in_blocks() -> str:
    """The package fed by reads into one buffer, as begat would have to without a mapping."""
    hasher, buffer = blake3(), bytearray(1 << 18)
    with FILE.open("rb", buffering=0) as file:
        while count := file.readinto(buffer):
            hasher.update(memoryview(buffer)[:count])
    return hasher.hexdigest()


WAYS: dict[str, Callable[[], Any]] = {
    "begat": lambda: digest_file(FILE)[0].partition(":")[2],
    "blake3 package, mapped": lambda: blake3().update_mmap(FILE).hexdigest(),
    "blake3 package, in blocks": in_blocks,
}
found: dict[str, dict[str, list[float]]] = {name: {"cpu": [], "wall": []} for name in WAYS}
digests = {name: way() for name, way in WAYS.items()}  # warm: from here on it lies in memory
if len(set(digests.values())) != 1:
    raise SystemExit(f"they disagree: {digests}")
for number in range(ROUNDS):
    for name in WAYS if number % 2 == 0 else reversed(WAYS):
        cpu, wall = time.process_time(), time.perf_counter()
        WAYS[name]()
        found[name]["cpu"].append(time.process_time() - cpu)
        found[name]["wall"].append(time.perf_counter() - wall)
sys.stdout.write(json.dumps(found))
