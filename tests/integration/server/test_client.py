"""The standard OpenLineage client against the real server, as users configure it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from support.server import Server, serving

#: What a producer does that knows nothing of begat.
PRODUCER = """
from datetime import datetime, timezone
from openlineage.client import OpenLineageClient
from openlineage.client.event_v2 import Job, Run, RunEvent, RunState, InputDataset
from openlineage.client.uuid import generate_new_uuid

client = OpenLineageClient()
run = Run(runId=str(generate_new_uuid()))
for state in (RunState.START, RunState.COMPLETE):
    client.emit(
        RunEvent(
            eventType=state,
            eventTime=datetime.now(timezone.utc).isoformat(),
            run=run,
            job=Job(namespace="shop", name="orders"),
            inputs=[InputDataset(namespace="postgres://me:hunter2@db:5432", name="shop.orders")],
            producer="https://example.com/producer",
        )
    )
"""


def produce(server: Server, folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run the producer, configured by its environment alone."""
    return subprocess.run(
        [sys.executable, "-c", PRODUCER],
        env={"PATH": "/usr/bin:/bin", "HOME": str(folder), **variables},
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


@pytest.mark.parametrize("compression", ["", "gzip"])
def test_the_clients_own_settings(tmp_path: Path, compression: str) -> None:
    """OPENLINEAGE_URL and OPENLINEAGE_API_KEY are all it takes, packed or not."""
    with serving(tmp_path) as server:
        token = make_token(tmp_path, server, "ingest")
        settings = {"OPENLINEAGE_URL": server.base, "OPENLINEAGE_API_KEY": token}
        if compression:
            settings = {
                "OPENLINEAGE__TRANSPORT__TYPE": "http",
                "OPENLINEAGE__TRANSPORT__URL": server.base,
                "OPENLINEAGE__TRANSPORT__COMPRESSION": compression,
                "OPENLINEAGE__TRANSPORT__AUTH": f'{{"type":"api_key","apiKey":"{token}"}}',
            }
        done = produce(server, tmp_path, **settings)

        assert done.returncode == 0, done.stderr
        assert len(server.hashes()) == 2


def test_a_wrong_key(tmp_path: Path) -> None:
    """A producer whose key is wrong fails at once, and nothing is stored."""
    with serving(tmp_path) as server:
        make_token(tmp_path, server, "ingest")
        done = produce(
            server, tmp_path, OPENLINEAGE_URL=server.base, OPENLINEAGE_API_KEY="begat_wrong"
        )

        assert done.returncode != 0
        assert "401" in done.stderr
        assert server.hashes() == set()


def make_token(folder: Path, server: Server, scope: str) -> str:
    """Make a token as an operator does, while the server runs."""
    done = subprocess.run(
        [sys.executable, "-m", "begat.lineage.cli", "token", "create", "client", "--scope", scope],
        env={
            "PATH": "/usr/bin:/bin",
            "BEGAT_HOME": str(folder),
            "BEGAT_STORE": server.store_url,
        },
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return done.stdout.strip()
