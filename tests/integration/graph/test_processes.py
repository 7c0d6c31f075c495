"""Processes that work on one store at once, on either database."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from begat.lineage.graph.dump import dump
from begat.lineage.graph.store import Store
from support.history import History, train
from support.migrations import downgrade
from support.postgres import Server

PROCESSES = 8
THREADS = 8

#: Forks processes, which begin to work at the same moment.
_START = """
import os, sys
from importlib import import_module
from begat.lineage.graph.store import Store
from begat.lineage.registry.versions import register
processes, url, path, work = sys.argv[1:]
import_module("psycopg" if url.startswith("postgresql") else "sqlite3")
go, start = os.pipe()
children = []
for name in range(int(processes)):
    children.append(os.fork())
    if not children[-1]:
        code = 1
        try:
            os.close(start)
            os.read(go, 1)
            exec(work)
            sys.stdout.flush()
            code = 0
        finally:
            os._exit(code)
os.close(start)
sys.exit(any([os.waitpid(child, 0)[1] for child in children]))
"""
_OPEN = "Store.open(url, timeout=20).close()"
_REGISTER = """
from threading import Thread
store = Store.open(url, timeout=20)
found = []
def work(n):
    made = register(store, model="m", recipe=f"{name} {n}", run_id="", training_run_id="",
                    digest="", body={})
    found.append(str(made.version))
threads = [Thread(target=work, args=(n,)) for n in range(8)]
for thread in threads: thread.start()
for thread in threads: thread.join()
# At once, or the lines of another process could come between: an unbuffered print writes twice.
os.write(1, "".join(f"{number}\\n" for number in found).encode())
store.close()
"""
_SAME = _REGISTER.replace('f"{name} {n}"', 'f"{n}"')
_RECORD = """
import json
store = Store.open(url, timeout=20)
events = json.load(open(path))
begin = name * len(events) // int(processes)
for event in events[begin:] + events[:begin]:
    store.record([event])
store.close()
"""


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Where there is no store yet."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'store.db'}"
        return
    server: Server = request.getfixturevalue("postgres")
    with server.database() as empty:
        yield empty


def at_once(work: str, url: str, path: Path = Path()) -> list[str]:
    """The lines that processes print which all begin to work at the same moment."""
    command = [sys.executable, "-c", _START, str(PROCESSES), url, str(path), work]
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout.split()


@pytest.mark.parametrize("time", range(3))
def test_created_by_all_at_once(url: str, time: int) -> None:
    """Processes that find no store and open it at once all get the same complete one."""
    assert at_once(_OPEN, url) == []
    with closing(Store.open(url)) as store:
        assert dump(store)["event"] == []


def test_upgraded_by_all_at_once(url: str) -> None:
    """Processes that open an older store at once all get it upgraded once."""
    with closing(Store.open(url)) as store:
        downgrade(store, "0001")

    assert sorted(at_once(_REGISTER, url), key=int) == numbers()


def test_numbers_without_gaps(url: str) -> None:
    """64 registrations by threads of 8 processes at once get the numbers 1 to 64."""
    assert sorted(at_once(_REGISTER, url), key=int) == numbers()


def test_one_number_a_recipe(url: str) -> None:
    """What 8 processes register at once under 8 recipes is 8 versions, the same for each."""
    found = at_once(_SAME, url)

    assert Counter(found) == {str(n + 1): PROCESSES for n in range(THREADS)}


def test_same_events_from_all(url: str, tmp_path: Path) -> None:
    """The same events recorded by several processes at once are the graph that one makes."""
    history = History()
    train(history, ["01", "02", "03"])
    path = tmp_path / "events.json"
    path.write_text(json.dumps(history.events))
    at_once(_RECORD, url, path)
    with closing(Store.open("sqlite://")) as alone, closing(Store.open(url)) as all_:
        alone.record(history.events)

        assert dump(all_) == dump(alone)


def test_fork(url: str) -> None:
    """A forked child records by a connection of its own, and the parent's goes on."""
    history = History()
    before, inside, after = (history.task("step") for _ in range(3))
    store = Store.open(url)
    store.record(before.events)
    child = os.fork()
    if not child:
        code = 1
        try:
            store.record(inside.events)
            store.close()
            code = 0
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    store.record(after.events)
    found = {row[0] for row in dump(store)["run"]}
    store.close()

    assert os.waitstatus_to_exitcode(status) == 0
    assert found == {run.run_id for run in (before, inside, after)}


def numbers() -> list[str]:
    return [str(n + 1) for n in range(THREADS * PROCESSES)]
