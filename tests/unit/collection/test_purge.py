from __future__ import annotations

from pathlib import Path

import pytest

from begat import lineage
from begat.lineage import collection, plain
from begat.lineage.collection import purge, purging
from begat.lineage.errors import DataError, ParameterError, RefError
from begat.lineage.graph import presence
from begat.lineage.graph.prune import prune
from begat.lineage.registry import audit
from begat.lineage.verify import repair, verification
from begat.lineage.workspace import Workspace
from support import collecting
from support.collecting import Ran, lay, missing, run
from support.recorder import Recorder
from support.registered import ADA

PART = f"[{collecting.MONTHS[0]}]"


@pytest.fixture
def ran(recorder: Recorder, tmp_path: Path) -> Ran:
    """The pipeline over two months."""
    for month, text in zip(collecting.MONTHS, "AB", strict=True):
        lay(tmp_path, text, month)
    return run(tmp_path)


def named(space: Workspace) -> str:
    """The first raw partition, as commands name it."""
    with space.store.read() as db:
        (name,) = db.execute("SELECT name FROM dataset WHERE namespace = 'file'").fetchone()
    return f"{name}{PART}"


def erase(space: Workspace, ref: str, *, with_derived: bool = False) -> collection.Purge:
    found = purging(space, ref, with_derived=with_derived)
    return purge(space, found, reason="asked to be forgotten", identity=ADA)


def test_its_bytes(recorder: Recorder, ran: Ran) -> None:
    """A partition is erased in all its versions; what was made of it is named, and left."""
    done = erase(recorder, named(recorder))

    assert missing(recorder, ran.digests) == set(done.digests)
    assert [one.partition for one in done.versions] == [collecting.MONTHS[0]]
    assert [str(one) for one in done.derived] == [f"delays/prepared{PART}"]
    assert done.models == ("delays@1",)
    assert done.freed == done.versions[0].size


def test_all_versions_of_a_partition(recorder: Recorder, ran: Ran, tmp_path: Path) -> None:
    """A person is in every version of a partition, so all of them go; a digest names one."""
    lay(tmp_path, "C")
    again = run(tmp_path)
    first, second = sorted(one.digest for one in purging(recorder, named(recorder)).versions)

    assert {first, second} == (ran.raw | again.raw) - (ran.raw & again.raw)
    assert [one.digest for one in purging(recorder, first).versions] == [first]


def test_with_derived(recorder: Recorder, ran: Ran) -> None:
    """With what was made of it row by row: no model is, and no other partition."""
    done = erase(recorder, named(recorder), with_derived=True)

    assert missing(recorder, ran.digests) == set(done.digests)
    assert len(done.digests) == 2
    assert ran.version.digest not in done.digests


def test_the_same_bytes_elsewhere(recorder: Recorder, tmp_path: Path) -> None:
    """Bytes have no second copy: whatever else is called so is erased, and named before."""
    (tmp_path / "a.bin").write_text("the same")
    (tmp_path / "b.bin").write_text("the same")
    with plain.flow("two"):
        for name in ("a.bin", "b.bin"):
            part = lineage.source(name, folder=tmp_path)
            assert isinstance(part, lineage.DatasetVersion)
            collecting.prepare(part)
    found = purging(recorder, "a.bin")

    assert [one.rpartition("/")[2].partition(" ")[0] for one in found.others] == ["b.bin"]


def test_kept_out(recorder: Recorder, ran: Ran, tmp_path: Path) -> None:
    """A run that finds the same bytes in its source is refused, and they are not kept again."""
    [digest] = erase(recorder, named(recorder)).digests
    with pytest.raises(DataError, match=r"purged on .* must not be kept again"):
        run(tmp_path)

    assert recorder.artifacts.present([digest]) == frozenset()
    lay(tmp_path, "without")
    assert missing(recorder, run(tmp_path).digests) == set()


def test_the_same_from_other_data(recorder: Recorder, ran: Ran) -> None:
    """What was made of it answers no run; what another run makes that is the same is kept."""
    done = erase(recorder, named(recorder), with_derived=True)
    [prepared] = [one.digest for one in done.derived]
    assert prepared in missing(recorder, [prepared])
    with plain.flow("delays"):
        _again()

    assert missing(recorder, [prepared]) == set()
    collection.collect(recorder, delete=True, min_age=0.0, identity=ADA)
    assert missing(recorder, [prepared]) == set()


@plain.task
def _again() -> lineage.DatasetVersion:
    return lineage.write(b"prepared A", "prepared", partition=collecting.MONTHS[0])


def test_the_log(recorder: Recorder, ran: Ran) -> None:
    """The log says who erased what, and why; without a reason nothing is erased."""
    found = purging(recorder, named(recorder))
    with pytest.raises(ParameterError, match="add --reason"):
        purge(recorder, found, reason=" ", identity=ADA)
    assert missing(recorder, ran.digests) == set()
    erase(recorder, named(recorder))
    [entry] = audit.entries(recorder.store)

    assert (entry.action, entry.who, entry.reason) == ("purge", "ada", "asked to be forgotten")
    assert entry.body["model_versions"] == ["delays@1"]
    assert audit.verify(recorder.store) == []


def test_it_stays_purged(recorder: Recorder, ran: Ran) -> None:
    """Neither verify, nor repair, nor prune, nor a collection makes anything else of it."""
    [digest] = erase(recorder, named(recorder)).digests
    with verification(recorder, "") as done:
        assert done.report.findings == ()
    repair(recorder, "")
    prune(recorder.store, days=0.0)
    with recorder.store.write() as db:
        presence.mark(db, [digest], "gone", now="2030-01-01T00:00:00.000000Z")
        presence.revive(db, [digest], now="2030-01-01T00:00:00.000000Z")
        found = presence.absent(db, [digest])

    assert found[digest].state == "purged"


def test_killed_in_between(recorder: Recorder, ran: Ran, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed before the bytes go, a collection erases them, whatever stands on them."""
    found = purging(recorder, named(recorder), with_derived=True)

    def killed(*_: object, **__: object) -> dict[str, int]:
        raise InterruptedError

    with monkeypatch.context() as patch:
        patch.setattr(recorder.artifacts, "remove", killed)
        with pytest.raises(InterruptedError):
            purge(recorder, found, reason="asked", identity=ADA)
    assert recorder.artifacts.present(found.digests) == set(found.digests)
    collection.collect(recorder, delete=True, min_age=0.0, identity=ADA)

    assert recorder.artifacts.present(found.digests) == frozenset()
    assert missing(recorder, ran.digests) == set(found.digests)


def test_only_data(recorder: Recorder, ran: Ran) -> None:
    """A model version is no data."""
    with pytest.raises(RefError, match="is no data"):
        purging(recorder, ran.version.ref)
