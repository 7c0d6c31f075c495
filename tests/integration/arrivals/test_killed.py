"""A watcher that is killed at any moment: nothing is missed, nothing is doubled."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from begat.lineage.graph.store import Store
from support import watching
from support.arriving import events, rows
from support.openlineage import Specification
from support.sqs import Server


@pytest.fixture
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of an empty store."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'killed.db'}"
    else:
        with request.getfixturevalue("postgres").store() as found:
            yield found


@pytest.mark.parametrize(
    ("url", "point"),
    [
        *(("sqlite", point) for point in ("received", "recorded", "closed", "told")),
        *(("postgresql", point) for point in ("recorded", "told")),
    ],
    indirect=["url"],
)
def test_killed(
    moto_server: Server, url: str, tmp_path: Path, point: str, official: Specification
) -> None:
    """Whoever starts next does what is left: one arrival, one event, and one batch is told."""
    bucket, queue = moto_server.bucket(visibility=1)
    moto_server.put(bucket, "raw/month=2013-12/flights.csv")
    file = tmp_path / "told"
    environment = {
        **os.environ,
        **moto_server.environment,
        "BEGAT_HOME": str(tmp_path / "home"),
        "BEGAT_STORE": url,
    }
    pattern = f"s3://{bucket}/raw/month={{month}}/flights.csv"

    def run(where: str) -> int:
        command = [sys.executable, watching.__file__, queue, pattern, str(file), where]
        return subprocess.run(command, env=environment, timeout=120, check=False).returncode

    assert run(point) == -signal.SIGKILL

    for _ in range(30):  # until what it had is handed out again
        assert run("") == 0
        if not moto_server.waiting(queue):
            break
    told = [json.loads(line) for line in file.read_text().splitlines()]
    with closing(Store.open(url)) as store:
        [arrived] = rows(store)
        [event] = events(store)
        with store.read() as db:
            [batch] = db.execute("SELECT id FROM batch WHERE told_at IS NOT NULL").fetchall()
    official.validate(event)

    assert {one["batch"] for one in told} == {batch[0]} == {arrived[-1]}
    assert len(told) == (2 if point == "told" else 1)
    assert told[0]["partitions"] == ["month=2013-12"]
