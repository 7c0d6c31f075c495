from __future__ import annotations

import sqlite3
import sys
import threading
from pathlib import Path
from subprocess import run as start

import pytest

from begat.lineage.errors import StoreError
from begat.lineage.events import canonical, event_hash
from begat.lineage.graph import sqlite
from begat.lineage.graph import store as store_module
from begat.lineage.graph.store import Answer, Store
from support.history import History, digest, raw, time_at

RECIPE = digest("recipe")


def answering(store: Store) -> list[str]:
    return [answer.run_id for answer in store.answers([RECIPE]).get(RECIPE, [])]


def test_answer(store: Store, history: History) -> None:
    """A completed run answers its recipe with what it returned."""
    run = history.task("step", recipe=RECIPE, result={"b": [1, None], "a": 2.5})
    store.record(history.events)

    expected = Answer(run_id=run.run_id, result={"a": 2.5, "b": [1, None]}, started_at=time_at(0))
    assert store.answers([RECIPE, digest("other")]) == {RECIPE: [expected]}


def test_thousands_of_recipes(store: Store, history: History) -> None:
    """Thousands of recipes are asked for at once."""
    runs = [history.task("step", recipe=digest(str(n))) for n in range(20)]
    store.record(history.events)
    found = store.answers([digest(str(n)) for n in range(5000)])

    assert {answers[0].run_id for answers in found.values()} == {run.run_id for run in runs}


@pytest.mark.parametrize("end", ["FAIL", "ABORT", "START"])
def test_unfinished_answers_nothing(store: Store, history: History, end: str) -> None:
    """A run that failed, was aborted or has only begun answers nothing."""
    history.task("step", recipe=RECIPE, end=end)
    store.record(history.events)

    assert answering(store) == []


def test_not_reusable(store: Store, history: History) -> None:
    """A run that may not be reused answers nothing."""
    history.task("step", recipe=RECIPE, reusable=False)
    store.record(history.events)

    assert answering(store) == []


def test_ingested_answers_nothing(store: Store, history: History) -> None:
    """What begat was only told answers nothing, until it is recorded."""
    run = history.task("step", recipe=RECIPE)
    store.record(history.events, origin="ingested")
    before = answering(store)
    store.record(history.events)

    assert before == []
    assert answering(store) == [run.run_id]


def test_reuse_is_no_answer(store: Store, history: History) -> None:
    """A run that was answered by another is itself no answer."""
    first = history.task("step", recipe=RECIPE)
    again = history.task("step", recipe=RECIPE, reuse=first.run_id)
    last = again.events[-1]
    last["run"]["facets"]["begat_recipe"] = first.events[-1]["run"]["facets"]["begat_recipe"]
    store.record(history.events)

    assert answering(store) == [first.run_id]


def test_first_to_complete_answers_first(store: Store, history: History) -> None:
    """Of several answers the one that completed first comes first, whichever began first."""
    slow, fast = history.task("step", recipe=RECIPE), history.task("step", recipe=RECIPE)
    slow.events[-1]["eventTime"] = time_at(100)
    store.record(history.events)

    assert answering(store) == [fast.run_id, slow.run_id]


def test_lost_outputs(store: Store, history: History) -> None:
    """A run whose output is marked lost answers no more, until it is present again."""
    run = history.task("step", {"part": raw("flights")}, ["made"], recipe=RECIPE)
    store.record(history.events)
    store.mark_lost([run.output.digest])
    lost = answering(store)
    store.mark_present([run.output.digest])

    assert lost == []
    assert answering(store) == [run.run_id]


@pytest.mark.parametrize(("contents", "differs"), [(["x", "x"], False), (["x", "y"], True)])
def test_nondeterministic(
    store: Store, history: History, contents: list[str], differs: bool
) -> None:
    """A recipe is non-deterministic when completed runs of it wrote different bytes."""
    for content in contents:
        history.task("step", {}, ["made"], recipe=RECIPE, content=content)
    store.record(history.events)

    assert store.nondeterministic(RECIPE) is differs


def test_rebuild_leaves_other_records(store: Store, history: History) -> None:
    """A rebuild does not touch what is no projection of events."""
    run = history.task("step", {"part": raw("flights")}, ["made"], recipe=RECIPE)
    store.record(history.events)
    store.mark_lost([run.output.digest])
    store.rebuild()

    assert answering(store) == []


def test_all_or_nothing(store: Store) -> None:
    """A block that raises leaves nothing behind."""

    def half() -> None:
        with store.write() as db:
            db.execute("INSERT INTO plan VALUES ('key', '{}', '')")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        half()

    with store.read() as db:
        assert db.execute("SELECT * FROM plan").fetchall() == []


def test_threads_take_turns(store: Store, history: History) -> None:
    """Several threads record at once, and nothing is lost."""
    runs = [history.task("step", recipe=RECIPE) for _ in range(20)]
    threads = [threading.Thread(target=store.record, args=(run.events,)) for run in runs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(answering(store)) == sorted(run.run_id for run in runs)


def test_busy(tmp_path: Path, history: History) -> None:
    """A store that another connection keeps writing to is a StoreError after the timeout."""
    history.task("step")
    url = f"sqlite:///{tmp_path / 'store.db'}"
    first, second = Store.open(url), Store.open(url, timeout=0.05)
    with first.write(), pytest.raises(StoreError, match="another process is writing"):
        second.record(history.events)
    second.record(history.events)
    first.close()
    second.close()


def test_threads_queue_for_longer_than_the_store_may_take(tmp_path: Path) -> None:
    """A thread waits for its turn behind others of its process, however short the timeout."""
    store = Store.open(f"sqlite:///{tmp_path / 'store.db'}", timeout=0.001)
    answers: list[object] = []
    thread = threading.Thread(target=lambda: answers.append(store.answers([])))
    with store.write():
        thread.start()
        thread.join(0.1)  # until long after the timeout
    thread.join()
    store.close()

    assert answers == [{}]


def test_busy_thread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A thread that waits for another one's transaction for too long gets a StoreError."""
    monkeypatch.setattr(store_module, "QUEUE", 0.05)
    store = Store.open(f"sqlite:///{tmp_path / 'store.db'}")
    errors: list[Exception] = []

    def ask() -> None:
        try:
            store.answers([])
        except StoreError as error:
            errors.append(error)

    thread = threading.Thread(target=ask)
    with store.write():
        thread.start()
        thread.join()
    store.close()

    assert [type(error) for error in errors] == [StoreError]


def test_missing_folder(tmp_path: Path) -> None:
    """A store in a folder that is not there names the file and the remedy."""
    with pytest.raises(StoreError, match=r"nowhere/store\.db .*; create its folder"):
        Store.open(f"sqlite:///{tmp_path}/nowhere/store.db")


def test_not_a_database(tmp_path: Path) -> None:
    """A file that is no database is refused."""
    path = tmp_path / "store.db"
    path.write_text("x" * 5000)
    with pytest.raises(StoreError, match="move the file away"):
        Store.open(f"sqlite:///{path}")


def test_database_of_something_else(tmp_path: Path) -> None:
    """Another program's database is refused and left as it was."""
    path = tmp_path / "store.db"
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE theirs (id INTEGER)")
    other.close()
    before = path.read_bytes()
    with pytest.raises(StoreError, match="something else than begat"):
        Store.open(f"sqlite:///{path}")

    assert path.read_bytes() == before


def test_unknown_url() -> None:
    """A URL of another database is refused by its scheme, without what may be a password."""
    with pytest.raises(StoreError, match=r"got mysql:…") as caught:
        Store.open("mysql://user:secret@host/db")

    assert "secret" not in str(caught.value)


def test_every_sqlite_error_is_a_store_error() -> None:
    """No kind of error of SQLite leaves the store untranslated."""
    kinds = [
        kind
        for kind in vars(sqlite3).values()
        if isinstance(kind, type) and issubclass(kind, sqlite3.Error)
    ]
    for kind in kinds:
        with pytest.raises(StoreError), sqlite.translated("store.db"):
            raise kind("…")

    assert sqlite3.OperationalError in kinds


def test_imports(tmp_path: Path) -> None:
    """Creating a store, recording and asking imports neither SQLAlchemy nor Alembic."""
    code = f"""
import sys
from begat.lineage.graph.store import Store
store = Store.open("sqlite:///{tmp_path}/store.db")
store.record([])
store.answers(["x"])
store.close()
print(sorted({{"sqlalchemy", "alembic", "pandas", "prefect"}} & set(sys.modules)))
"""
    done = start([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout == "[]\n"


def test_recorded_events_are_kept_as_text(store: Store, history: History) -> None:
    """The stored body is the event, in its canonical form, under the hash of that."""
    history.task("step")
    store.record(history.events)
    with store.read() as db:
        rows = [tuple(row) for row in db.execute("SELECT hash, body FROM event ORDER BY id")]

    assert rows == [(event_hash(event), canonical(event)) for event in history.events]


_WITHOUT_DRIVER = """
import sys
sys.modules["psycopg"] = None
from begat.lineage.errors import StoreError
from begat.lineage.graph.store import Store
try:
    Store.open("postgresql://user:secret@host/db")
except StoreError as error:
    print(error)
"""


def test_postgresql_without_its_driver() -> None:
    """Where psycopg is not installed, the extra that brings it is named."""
    said = start(
        [sys.executable, "-c", _WITHOUT_DRIVER], check=True, capture_output=True, text=True
    ).stdout

    assert "pip install 'path/to/begat[postgres]'" in said
    assert "secret" not in said
