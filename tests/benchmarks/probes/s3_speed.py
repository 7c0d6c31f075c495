"""What artifacts cost in S3: begat's own store, and boto3 alone, in turn on the same server.

    python s3_speed.py BUCKET PID ROUNDS

PID is the server's: its CPU counts. Prints JSON: for each thing measured CPU and wall seconds of
each round.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol

import boto3
from benchmarks.measure import served
from benchmarks.s3 import BOTO3, LARGE, READ, SMALL, STORE, WRITTEN, Kind

from begat.lineage.content import digest_bytes
from begat.lineage.content.s3.store import S3Store
from begat.lineage.content.seen import Seen

BUCKET, PID, ROUNDS = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])


class Way(Protocol):
    """A way to keep bytes; what it returns is what it reads them by."""

    def write(self, data: bytes | Path) -> str: ...

    def read(self, name: str) -> bytes: ...


class Bare:
    """boto3 as it is, names given by somebody else."""

    def __init__(self) -> None:
        self._client = boto3.client("s3")
        self._written = 0

    def write(self, data: bytes | Path) -> str:
        self._written += 1
        name = f"bare/{self._written}"
        if isinstance(data, bytes):
            self._client.put_object(Bucket=BUCKET, Key=name, Body=data)
        else:
            self._client.upload_file(str(data), BUCKET, name)
        return name

    def read(self, name: str) -> bytes:
        found: bytes = self._client.get_object(Bucket=BUCKET, Key=name)["Body"].read()
        return found


def made(kind: Kind, folder: Path) -> Iterator[bytes | Path]:
    """New bytes to keep, as files where they are large."""
    for number in range(kind.count):
        data = os.urandom(kind.size)
        if kind is LARGE:
            path = folder / str(number)
            path.write_bytes(data)
            yield path
        else:
            yield data


def measured(what: str, work: Callable[[], Any]) -> Any:
    """What some work returns; what it cost is noted."""
    with served(PID) as server:
        cpu, wall = time.process_time(), time.perf_counter()
        result = work()
        cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    costs = found.setdefault(what, {"cpu": [], "wall": []})
    costs["cpu"].append(cpu + server.cpu)
    costs["wall"].append(wall)
    return result


def once(who: str, way: Way, kind: Kind, things: list[bytes | Path]) -> None:
    """Write all of a kind, and read them."""
    names = measured(kind.what(who, WRITTEN), lambda: [way.write(each) for each in things])
    read = measured(kind.what(who, READ), lambda: [way.read(name) for name in names])
    wanted = [each if isinstance(each, bytes) else each.read_bytes() for each in things]
    if list(map(digest_bytes, read)) != list(map(digest_bytes, wanted)):
        raise SystemExit(f"{who} does not give back what it got")


found: dict[str, dict[str, list[float]]] = {}
with tempfile.TemporaryDirectory() as name:
    ways: dict[str, Way] = {
        STORE: S3Store(f"s3://{BUCKET}/begat", Seen(Path(name, "cache.db"))),
        BOTO3: Bare(),
    }
    for way in ways.values():  # connected, and all is imported
        way.read(way.write(b"first"))
    for number in range(ROUNDS):
        for kind in (SMALL, LARGE):
            for who in ways if number % 2 == 0 else reversed(ways):
                once(who, ways[who], kind, list(made(kind, Path(name))))
json.dump(found, sys.stdout)
