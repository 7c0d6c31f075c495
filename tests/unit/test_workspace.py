from __future__ import annotations

import logging
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from begat.lineage import events, settings, workspace
from begat.lineage.content.digest import digest_bytes
from begat.lineage.errors import EventError, SettingsError, StoreError
from begat.lineage.events.spool import Spool
from begat.lineage.graph.dump import dump
from begat.lineage.graph.leases import held
from begat.lineage.graph.store import Store
from begat.lineage.records import Caller, DatasetVersion, RunRef, Snapshot
from begat.lineage.workspace import Workspace, using
from support.calls import FLOW_RUN, call, keep, states, version, warnings
from support.recorder import Recorder

Event = dict[str, Any]


def count(months: Snapshot) -> int:
    """A task that reads a snapshot."""
    return len(months.versions)


def work() -> list[Any]:
    """Three runs, one of which is answered by another and one reads a snapshot."""
    first = call(keep, version("x", partition="m=1")).value
    second = call(keep, version("y", partition="m=2")).value
    again = call(keep, version("x", partition="m=1")).value
    return [first, second, again, call(count, Snapshot(versions=(first, second))).value]


def away(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Put the store where it cannot be opened; the folder that would mend it."""
    folder = tmp_path / "gone"
    monkeypatch.setenv("BEGAT_STORE", f"sqlite:///{folder / 'begat.db'}")
    return folder


def spooled(space: Workspace) -> int:
    """How many files wait in the spool."""
    return len([*space.spool.folder.glob("*.jsonl")])


# The store is there


def test_every_part_is_opened_when_it_is_first_used(home: Path) -> None:
    """Making a workspace touches no disk."""
    Workspace()

    assert not home.exists()


def test_one_workspace_serves_a_process(home: Path) -> None:
    """It is the same until another is put in its place, which is closed at the end."""
    outer = workspace.workspace()
    with using(Workspace()) as inner:
        inside = workspace.workspace()
        _ = inner.store
    after = workspace.workspace()

    assert (inside is inner, after is outer, inner._store) == (True, True, None)


def test_a_process_without_a_workspace_makes_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """The settings in force at the first call decide."""
    monkeypatch.setattr(workspace, "_current", None)
    monkeypatch.setenv("BEGAT_NAMESPACE", "flights")
    first = workspace.workspace()
    monkeypatch.setenv("BEGAT_NAMESPACE", "other")

    assert (first.settings.namespace, workspace.workspace() is first) == ("flights", True)


def test_only_what_is_there_answers(recorder: Recorder) -> None:
    """A recipe whose outputs are gone, or that nobody ran, has no answer."""
    made: DatasetVersion = call(keep, version("x")).value
    digest = recorder.events[-1]["run"]["facets"]["begat_recipe"]["digest"]
    found = recorder.answers([digest, digest_bytes(b"none")])
    name = made.digest.removeprefix("blake3:")
    (Path(recorder.settings.artifacts) / name[:2] / name[2:]).unlink()

    assert ([*found], recorder.answers([digest])) == ([digest], {})


def test_an_event_that_json_cannot_say_is_refused(recorder: Recorder) -> None:
    """It is neither stored nor spooled, with the store there or away."""
    event = {"eventType": "START", "oops": float("nan")}
    for until in (0.0, float("inf")):
        recorder._away_until = until
        with pytest.raises(EventError, match="oops"):
            recorder.record([event])

    assert spooled(recorder) == 0


# The store is away


def test_events_wait_in_the_spool_and_the_graph_comes_to_be_the_same(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Training goes on with one warning; another process replays, and nothing is missing."""
    folder = away(monkeypatch, tmp_path)
    with using(Recorder(settings.load())) as disturbed:
        assert isinstance(disturbed, Recorder)
        values = work()
    said = warnings(caplog)
    folder.mkdir()
    with using(Workspace()) as later:
        replayed = dump(later.store)
        waiting = spooled(later)
    undisturbed = Store.open("sqlite://")
    for event in disturbed.events:
        undisturbed.record([event], disturbed.chunks)

    assert (len(said), "is replayed later" in said[0], waiting) == (1, True, 0)
    assert (values[3], states(disturbed)) == (2, ["START", "COMPLETE"] * 4)
    assert replayed == dump(undisturbed)


def test_a_locked_store_is_waited_for_once(
    recorder: Recorder, caplog: pytest.LogCaptureFixture
) -> None:
    """Somebody else's long transaction costs one wait and one warning; then nothing is asked."""
    store = recorder.store
    with closing(sqlite3.connect(recorder.settings.home / "begat.db")) as other:
        other.execute("BEGIN EXCLUSIVE")
        call(keep, version("x"))
        call(keep, version("y"))

    assert (
        len(warnings(caplog)),
        "another process is writing" in caplog.text,
        states(recorder),
        dump(store)["event"],
    ) == (1, True, ["START", "COMPLETE"] * 2, [])


def test_what_was_spooled_follows_when_the_store_is_back(
    recorder: Recorder, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The same process replays it with the next event, and can warn again."""
    real = recorder.store.record
    down = [True]

    def record(*args: Any, **kwargs: Any) -> bool:
        if down[0]:
            raise StoreError("the lineage store is locked; try again")
        return real(*args, **kwargs)

    monkeypatch.setattr(recorder.store, "record", record)
    monkeypatch.setattr(workspace, "RETRY_STORE_AFTER", 0.0)
    for gone in (True, False, True):
        down[0] = gone
        call(keep, version(str(gone)))
        if not gone:
            stored, waiting = len(dump(recorder.store)["event"]), spooled(recorder)

    assert (stored, waiting, len(warnings(caplog))) == (4, 0, 2)


def test_without_store_and_spool_training_goes_on(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """One warning says that lineage is lost; every task returns its value."""
    away(monkeypatch, tmp_path)
    home.mkdir()
    (home / "spool").write_text("in the way")
    with using(Recorder(settings.load())):
        values = work()

    assert (values[3], len(warnings(caplog)), "lineage is lost" in caplog.text) == (2, 1, True)


def test_without_a_home_training_goes_on(
    home: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Where nothing can be kept, one warning names the home; tasks that keep nothing work."""
    home.write_text("in the way")
    with using(Recorder(settings.load())):
        values = [call(double, 1).value, call(double, 2).value]
    said = warnings(caplog)

    assert (values, len(said), "begat's home" in said[0], "lineage is lost" in said[0]) == (
        [2, 4],
        1,
        True,
        True,
    )


def double(number: int) -> int:
    """Twice the number."""
    return 2 * number


def test_artifacts_that_cannot_be_kept_are_told_once(
    recorder: Recorder, caplog: pytest.LogCaptureFixture
) -> None:
    """Sources and the list of packages are missing then; the runs are recorded all the same."""
    settings.make_home(recorder.settings)
    Path(recorder.settings.artifacts).write_text("in the way")
    call(double, 1)
    call(double, 2)

    assert (states(recorder), len(warnings(caplog)), len(dump(recorder.store)["event"])) == (
        ["START", "COMPLETE"] * 2,
        1,
        4,
    )


def test_what_asks_the_store_is_told_that_it_is_away(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A plan stops: it cannot know what is answered."""
    away(monkeypatch, tmp_path)

    with pytest.raises(StoreError, match="create its folder or mend BEGAT_STORE"):
        Workspace().answers([digest_bytes(b"x")])


def test_what_asks_without_a_home_is_told_so(home: Path) -> None:
    """The message names the home and the remedy."""
    home.write_text("in the way")

    with pytest.raises(SettingsError, match="point BEGAT_HOME to a folder that is"):
        Workspace().answers([digest_bytes(b"x")])


def test_a_warning_is_given_once(recorder: Recorder, caplog: pytest.LogCaptureFixture) -> None:
    """The same text, or the same subject, is not told twice."""
    caplog.set_level(logging.WARNING, "begat")
    for message, about in (("a", ""), ("a", ""), ("b", "s"), ("c", "s")):
        recorder.warn(message, about=about)

    assert warnings(caplog) == ["a", "b"]


@pytest.mark.parametrize("hook", [False, True], ids=["reaper", "hook"])
def test_a_run_of_a_process_that_died_without_a_store_is_closed(home: Path, hook: bool) -> None:
    """Its START waits in the spool of its machine; whoever takes it from there sees to its end.

    A hook that is told of the death closes it at once, others when nobody speaks for it.
    """
    given = settings.load()
    flow = Caller(run=RunRef(run_id=events.new_id(), namespace="begat", job="delays"))
    task = replace(flow, run=replace(FLOW_RUN, run_id=events.new_id()), parent=flow.run)
    starts = [events.run_event("START", caller=one, time=events.now()) for one in (flow, task)]
    Spool(given.spool).append(starts)
    with using(Workspace(replace(given, lease_seconds=1000))) as later:
        adopted = leases_of(later)
        if hook:
            closed = later.close_run(flow.run.run_id, "it was killed", itself=False)
        else:
            with later.store.write() as db:
                db.execute("UPDATE lease SET expires = '2020-01-01T00:00:00.000000Z'")
            closed = later.reap()
        left = leases_of(later)

    assert adopted == {flow.run.run_id, task.run.run_id}
    assert {one.run_id for one in closed} == (adopted - {flow.run.run_id} if hook else adopted)
    assert left == ({flow.run.run_id} if hook else set())


def leases_of(space: Workspace) -> set[str]:
    """The runs that hold leases in its store."""
    with space.store.read() as db:
        return {one.run_id for one in held(db)}
