"""The spool under processes that are killed, and that replay at the same time."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

from begat.lineage.events import Spool

WRITER = """
import sys
from pathlib import Path
from begat.lineage.events import Spool

spool = Spool(Path(sys.argv[1]))
for number in range(1_000_000):
    spool.append([{"name": f"{sys.argv[2]}-{number}", "filler": "x" * 5000}])
    print(number, flush=True)
"""
REPLAYER = """
import sys
from pathlib import Path
from begat.lineage.events import Spool

def record(events, chunks):
    for event in events:
        print(event["name"])

for _ in range(int(sys.argv[2])):
    Spool(Path(sys.argv[1])).replay(record)
"""


def start(code: str, *arguments: object) -> subprocess.Popen[str]:
    """A Python process that runs `code`."""
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def said(process: subprocess.Popen[str]) -> list[str]:
    """All lines that a process prints until it ends."""
    output, _ = process.communicate(timeout=60)

    assert process.returncode == 0
    return output.split()


def test_a_killed_process_loses_nothing_it_was_told_is_kept(tmp_path: Path) -> None:
    """After kill -9 at any moment, every batch whose append returned is recorded."""
    names: list[str] = []

    def record(events: list[dict[str, Any]], chunks: object) -> None:
        names.extend(event["name"] for event in events)

    with start(WRITER, tmp_path, "a") as process:
        assert process.stdout is not None
        for _ in range(20):
            process.stdout.readline()
        process.kill()
        kept = 20 + len(process.stdout.read().split())
    Spool(tmp_path).replay(record)

    assert names[:kept] == [f"a-{number}" for number in range(kept)]
    assert len(names) <= kept + 1
    assert list(tmp_path.glob("*.jsonl")) == []


def test_two_processes_that_replay_record_everything(tmp_path: Path) -> None:
    """Whichever of two gets a line, none is lost."""
    expected = set()
    for number in range(50):
        Spool(tmp_path).append([{"name": f"b-{number}"}])
        expected.add(f"b-{number}")
    first, second = (start(REPLAYER, tmp_path, 1) for _ in range(2))

    assert {*said(first), *said(second)} == expected
    assert list(tmp_path.glob("*.jsonl")) == []


def test_a_live_writer_loses_nothing_to_a_replay(tmp_path: Path) -> None:
    """While others replay again and again, a process that writes loses no line."""
    writer = start(WRITER, tmp_path, "c")
    assert writer.stdout is not None
    writer.stdout.readline()
    first, second = (start(REPLAYER, tmp_path, 200) for _ in range(2))
    recorded = {*said(first), *said(second)}
    writer.kill()
    output, _ = writer.communicate(timeout=60)
    kept = 1 + len(output.split())
    recorded |= set(said(start(REPLAYER, tmp_path, 1)))

    assert recorded >= {f"c-{number}" for number in range(kept)}
