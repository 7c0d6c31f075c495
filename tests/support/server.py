"""`begat serve` as a process on a port of its own, and as bad an end as a test wants."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from begat.lineage.graph.store import Store

LINEAGE, BATCH = "/api/v1/lineage", "/api/v1/lineage/batch"


@dataclass
class Server:
    """A server that runs."""

    process: subprocess.Popen[str]
    base: str
    store_url: str

    def post(self, to: str, body: Any, **headers: str) -> httpx.Response:
        """Send something, bytes as they are."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        named = {"Content-Type": "application/json"}
        named |= {key.replace("_", "-"): value for key, value in headers.items()}
        return httpx.post(self.base + to, content=data, headers=named, timeout=120)

    def get(self, path: str) -> httpx.Response:
        """Ask for something."""
        return httpx.get(self.base + path, timeout=60)

    def hashes(self) -> set[str]:
        """Hashes of what is in its store."""
        store = Store.open(self.store_url, timeout=30)
        try:
            with store.read() as db:
                return {row[0] for row in db.execute("SELECT hash FROM event")}
        finally:
            store.close()

    def kill(self) -> None:
        """Kill it as the kernel does."""
        self.process.kill()
        self.process.wait()

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Ask it to stop; its exit code."""
        self.process.send_signal(number)
        return self.process.wait(timeout=60)

    def memory(self) -> int:
        """Bytes of memory that it has ever had at once."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        found = re.search(r"VmHWM:\s+(\d+) kB", status)
        assert found
        return int(found[1]) << 10


@contextmanager
def serving(
    home: Path, *options: str, store: str = "", command: Sequence[str] = ()
) -> Iterator[Server]:
    """A server that runs for a while.

    Args:
        home: its BEGAT_HOME.
        options: of `begat serve`.
        store: URL of its store; a file in its home by default.
        command: what comes before `begat`, such as a limit.
    """
    store = store or f"sqlite:///{home / 'served.db'}"
    environment = {**os.environ, "BEGAT_HOME": str(home), "BEGAT_STORE": store}
    process = subprocess.Popen(
        [*command, sys.executable, "-m", "begat.lineage.cli", "serve", "--port", "0", *options],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    assert process.stderr
    try:
        line = process.stdout.readline()
        found = re.search(r"http://\S+?:\d+", line)
        assert found, f"{line}{process.stderr.read() if process.poll() is not None else ''}"
        yield Server(process, found[0], store)
    finally:
        if process.poll() is None:
            process.terminate()
        try:
            process.wait(timeout=60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()
        process.stderr.close()
