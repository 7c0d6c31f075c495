"""`begat watch` as a process."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import Queue
from typing import Any

import pytest

from begat.lineage.workspace import workspace
from support.arriving import rows
from support.small import PIPELINE
from support.sqs import Server

PATTERN = "lake/month={month}/flights.csv"


def write(folder: Path, month: str, text: str = "a,b\n1,2\n") -> None:
    """Let a month arrive, as a whole."""
    path = folder / "lake" / f"month={month}" / "flights.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(".part")
    part.write_text(text)
    part.replace(path)


class Watching:
    """A watcher that runs, and what it says."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self._said: Queue[dict[str, Any]] = Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def says(self, kind: str) -> dict[str, Any]:
        """The next thing of a kind that it says."""
        while (said := self._said.get(timeout=60))["event"] != kind:
            pass
        return said

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._said.put(json.loads(line))


@contextmanager
def watching(folder: Path, *arguments: str, **environment: str) -> Iterator[Watching]:
    """A watcher in a folder, until the test is done with it."""
    command = [sys.executable, "-m", "begat.lineage.cli", "watch", "--json", *arguments]
    process = subprocess.Popen(
        command,
        cwd=folder,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield Watching(process)
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def watch(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """A watcher that ends by itself."""
    command = [sys.executable, "-m", "begat.lineage.cli", "watch", *arguments]
    return subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_folder(tmp_path: Path, home: Path) -> None:
    """Files that are there, that come, that come with their folder, and come again."""
    write(tmp_path, "2013-10")
    health = tmp_path / "health"
    options = ("--no-prefect", "--quiet-period", "0.5", "--health-file", str(health))
    with watching(tmp_path, PATTERN, *options) as process:
        assert process.says("batch")["partitions"] == ["month=2013-10"]

        write(tmp_path, "2013-11")
        assert process.says("batch")["partitions"] == ["month=2013-11"]
        assert health.exists()  # of the looks before this one

        write(tmp_path / "aside", "2013-12")
        (tmp_path / "aside/lake/month=2013-12").rename(tmp_path / "lake/month=2013-12")
        assert process.says("batch")["partitions"] == ["month=2013-12"]

        write(tmp_path, "2013-11")  # the same bytes
        (tmp_path / "lake/month=2013-10/flights.csv").unlink()
        write(tmp_path, "2014-01", "a,b\n3,4\n")
        assert process.says("batch")["partitions"] == ["month=2014-01"]

        process.process.send_signal(signal.SIGTERM)
        assert process.says("stopped")["batches"] == 4
        assert process.process.wait(timeout=60) == 0
    store = workspace().store
    assert not health.exists()

    assert ("month=2013-10", 1, "folder") in rows(store, "partition, removed, told_by")


def test_once(tmp_path: Path) -> None:
    """For cron: all that there is, told at once; the next time nothing."""
    for month in ("2013-11", "2013-12"):
        write(tmp_path, month)
    first, second = (watch(tmp_path, PATTERN, "--no-prefect", "--once") for _ in range(2))

    assert (first.returncode, second.returncode) == (0, 0)
    assert f"arrived  file:{tmp_path}/lake  month=2013-11, month=2013-12" in first.stdout
    assert second.stdout.endswith("stopped  nothing arrived\n")


def test_pipeline(tmp_path: Path) -> None:
    """A pipeline's source and lookups are what it names."""
    (tmp_path / "flights.py").write_text(PIPELINE)
    (tmp_path / "raw/month=2013-12").mkdir(parents=True)
    (tmp_path / "raw/month=2013-12/rows.csv").write_text("a\n1\n")
    done = watch(tmp_path, "flights.py:pipeline", "--no-prefect", "--once", "--json")
    [batch] = [json.loads(line) for line in done.stdout.splitlines() if '"batch"' in line[:20]]

    assert batch["dataset"] == f"file/{tmp_path}/raw"
    assert batch["name"] == f"file:{tmp_path}/raw"
    assert batch["partitions"] == ["month=2013-12"]


def test_queue(tmp_path: Path, moto_server: Server) -> None:
    """A burst of objects that a queue is told of is one batch; and a queue may be a source."""
    bucket, _ = moto_server.bucket()
    for month in range(1, 13):
        moto_server.put(bucket, f"raw/month=2013-{month:02}/flights.csv")
    source = f"s3://{bucket}/raw/month={{month}}/flights.csv"
    options = ("--no-prefect", "--quiet-period", "3", f"sqs://{bucket}")
    with watching(tmp_path, source, *options, **moto_server.environment) as process:
        batch = process.says("batch")
        process.process.send_signal(signal.SIGTERM)

        assert process.says("stopped")["batches"] == 1
        assert process.process.wait(timeout=60) == 0
    assert batch["count"] == 12


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["sqs://lake", "--no-prefect"], 2, "a queue alone does not say"),
        (["lake/month={month}/x.csv"], 2, "no Prefect server is configured"),
        (["nowhere/{month}.csv", "--no-prefect"], 2, "there is no folder"),
        (["ftp://lake/{month}.csv", "--no-prefect"], 2, "is neither a local path nor s3://"),
        (["flights.py:pipeline", "--no-prefect"], 2, "there is no file flights.py"),
        (["lake/{month}.csv", "--quiet-period", "-1"], 2, "is not in the range"),
        (["lake/{month}.csv", "--no-prefect", "--health-file", "no/x"], 2, "name another"),
    ],
    ids=["queue", "prefect", "folder", "scheme", "pipeline", "range", "health"],
)
def test_bad_input(tmp_path: Path, arguments: list[str], code: int, says: str) -> None:
    """What cannot be watched is refused in a line that says what to do."""
    (tmp_path / "lake").mkdir()
    environment = {"PREFECT_API_URL": "", "PREFECT_HOME": str(tmp_path / "prefect")}
    done = watch(tmp_path, *arguments, **environment)

    assert done.returncode == code
    assert says in done.stderr
    assert "Traceback" not in done.stderr
