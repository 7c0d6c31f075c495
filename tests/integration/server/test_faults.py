"""Nothing that was acknowledged is lost, whatever happens to the server."""

from __future__ import annotations

import gzip
import json
import resource
import signal
import socket
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from begat.lineage.events import event_hash
from support import foreign
from support.server import BATCH, LINEAGE, Server, serving


def events_of(producer: int, number: int) -> list[dict[str, Any]]:
    """A batch of one producer's."""
    return [
        foreign.event(
            producer * 100_000 + number * 10 + i,
            "COMPLETE",
            number % 1000,
            inputs=[foreign.dataset(("lake", f"in{(number + i) % 20}"))],
            outputs=[foreign.dataset(("lake", f"out{producer}"), written=True)],
        )
        for i in range(5)
    ]


def send_until_gone(server: Server, producer: int, after: threading.Event) -> set[str]:
    """Send batch after batch; the hashes of what was acknowledged."""
    taken: set[str] = set()
    with httpx.Client(base_url=server.base, timeout=60) as client:
        for number in range(10_000):
            batch = events_of(producer, number)
            try:
                answer = client.post(BATCH, json=batch)
            except httpx.HTTPError:
                return taken
            assert answer.status_code == 204, answer.text
            taken |= {event_hash(event) for event in batch}
            if number == 3:
                after.set()
    return taken


@pytest.mark.parametrize("stop", [signal.SIGKILL, signal.SIGTERM])
def test_an_end_in_the_middle(tmp_path: Path, stop: signal.Signals) -> None:
    """Killed or stopped while clients send, the store holds all that was acknowledged."""
    some = threading.Event()
    with serving(tmp_path) as server, ThreadPoolExecutor(3) as pool:
        sending = [pool.submit(send_until_gone, server, producer, some) for producer in range(3)]
        assert some.wait(60)
        server.process.send_signal(stop)
        taken = set[str]().union(*(one.result() for one in sending))
        code = server.process.wait(timeout=60)

        assert code == (0 if stop == signal.SIGTERM else -signal.SIGKILL)
        assert len(taken) >= 20
        assert taken <= server.hashes()
    with serving(tmp_path) as again:
        assert again.get("/readyz").status_code == 200
        assert again.post(BATCH, events_of(9, 9)).status_code == 204


def test_eight_clients(tmp_path: Path) -> None:
    """Eight clients at once, whose events are the same in part, lose nothing and are all served."""
    with serving(tmp_path) as server, ThreadPoolExecutor(8) as pool:

        def work(client: int) -> None:
            for number in range(5):
                answer = server.post(BATCH, events_of(client // 2, number))
                assert answer.status_code == 204, answer.text

        list(pool.map(work, range(8)))
        expected = {
            event_hash(event) for p in range(4) for n in range(5) for event in events_of(p, n)
        }

        assert server.hashes() == expected


def test_a_full_disk(tmp_path: Path) -> None:
    """When the database cannot grow any more requests are 503, and what was taken stays."""
    limit = 3 << 20
    code = (
        "import os,resource,signal,sys;"
        f"resource.setrlimit(resource.RLIMIT_FSIZE,({limit},{limit}));"
        "signal.signal(signal.SIGXFSZ,signal.SIG_IGN);"
        "os.execv(sys.argv[1],sys.argv[1:])"
    )
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] == resource.RLIM_INFINITY
    taken: set[str] = set()
    with serving(tmp_path, command=[sys.executable, "-c", code]) as server:
        for number in range(200):
            event = foreign.event(number, "COMPLETE", number)
            event["run"]["facets"]["x"] = foreign.facet(filling=f"{number}" * 20_000)
            answer = server.post(LINEAGE, event)
            if answer.status_code != 201:
                break
            taken.add(event_hash(event))

        assert answer.status_code == 503
        assert answer.json()["retriable"] is True
        assert int(answer.headers["Retry-After"]) > 0
        assert server.get("/healthz").status_code == 200
        assert len(taken) > 5
        assert server.hashes() == taken
    with serving(tmp_path) as again:  # space was freed
        assert again.post(LINEAGE, event).status_code == 201
        assert again.hashes() == {*taken, event_hash(event)}


def test_large_events(tmp_path: Path) -> None:
    """50 MB, or 100,000 datasets, in one event are taken, and others are served meanwhile."""
    large = foreign.event(1, "COMPLETE", 1)
    large["run"]["facets"]["x"] = foreign.facet(filling=["x" * 1000] * 50_000)
    inputs = [{"namespace": "lake", "name": f"table{i}"} for i in range(100_000)]
    wide = foreign.event(2, "COMPLETE", 2, inputs=inputs)
    packed = gzip.compress(json.dumps(wide).encode(), 1)
    with serving(tmp_path) as server, ThreadPoolExecutor(2) as pool:
        first = pool.submit(server.post, LINEAGE, large)
        second = pool.submit(server.post, LINEAGE, packed, Content_Encoding="gzip")
        while not (first.done() and second.done()):
            assert server.get("/healthz").status_code == 200

        assert first.result().status_code == 201
        assert second.result().status_code == 201
        assert server.hashes() == {event_hash(large), event_hash(wide)}


def test_a_bomb(tmp_path: Path) -> None:
    """A small gzip of gigabytes is refused before it is held; memory tells."""
    bomb = gzip.compress(b"[" + b" " * (400 << 20) + b"]")
    with serving(tmp_path, "--max-body", "8") as server:
        before = server.memory()
        answer = server.post(LINEAGE, bomb, Content_Encoding="gzip")

        assert answer.status_code == 413
        assert server.memory() - before < 64 << 20


def test_memory_is_flat(tmp_path: Path) -> None:
    """However many events stream in, the server holds few of them at a time."""

    def stream(server: Server, numbers: range) -> None:
        for number in numbers:
            body = "\n".join(json.dumps(event) for i in range(60) for event in events_of(number, i))
            answer = server.post(BATCH, body.encode(), Content_Type="application/x-ndjson")
            assert answer.status_code == 204, answer.text

    with serving(tmp_path) as server:
        stream(server, range(4))
        before = server.memory()
        stream(server, range(4, 16))

        assert server.memory() - before < 24 << 20


def test_senders_that_leave(tmp_path: Path) -> None:
    """Half a request, or no sense at all on the wire, harms nobody else."""
    with serving(tmp_path) as server:
        host, _, port = server.base.removeprefix("http://").partition(":")
        for said in (
            b"POST /api/v1/lineage HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{",
            b"\x00\xff nonsense\r\n\r\n",
            b"GET /healthz HTTP/1.1\r\n",
            b"",
        ):
            with socket.create_connection((host, int(port))) as connection:
                connection.sendall(said)

        assert server.get("/readyz").status_code == 200
        assert server.hashes() == set()
        assert server.stop() == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_told_to_stop(tmp_path: Path, number: signal.Signals) -> None:
    """To be told to stop is no error, and is not remarked on."""
    with serving(tmp_path) as server:
        assert server.get("/docs").status_code == 200
        assert server.stop(number) == 0
        assert server.process.stderr
        assert len(server.process.stderr.read().splitlines()) == 1  # there is no token
