from __future__ import annotations

import json
from contextlib import ExitStack
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import settings as tuned
from hypothesis import strategies as st

from begat import lineage
from begat.lineage import collection, plain
from begat.lineage.content import MemoryStore, digest_bytes
from begat.lineage.content.manifest import Manifest
from begat.lineage.errors import CollectedError
from begat.lineage.graph import presence
from begat.lineage.graph.pedigree import pedigree
from begat.lineage.records import DatasetVersion
from begat.lineage.registry import aliases, audit, policy, sign_off, stages
from begat.lineage.settings import Settings
from begat.lineage.tracking import Tracked
from begat.lineage.verify import repair, verification
from begat.lineage.workspace import Workspace, using
from support import collecting
from support.collecting import Ran, collect, lay, missing, run
from support.recorder import Recorder
from support.registered import ADA

pytestmark = pytest.mark.usefixtures("recorder")


def one_kept(folder: Path) -> Workspace:
    """A workspace in memory that keeps one version of each model."""
    space = Workspace(
        Settings(
            home=folder,
            store="sqlite://",
            artifacts=f"memory {folder}",  # what a process keeps once it keeps once a place
            policy={"keep_versions": 1, "retain_days": 30},
        )
    )
    vars(space)["artifacts"] = MemoryStore()
    return space


@pytest.fixture
def space(tmp_path: Path) -> Workspace:
    return one_kept(tmp_path / "home")


def history(folder: Path, texts: str) -> list[Ran]:
    """A run for each text that the raw data began with."""
    done = []
    for flavour, text in enumerate(texts):
        for month in collecting.MONTHS:
            lay(folder, text, month)
        done.append(run(folder, flavour))
    return done


def state(space: Workspace, digest: str) -> str:
    with space.store.read() as db:
        found = presence.absent(db, [digest])
    return found[digest].state if digest in found else ""


def test_old_versions_go(space: Workspace, tmp_path: Path) -> None:
    """What only old versions stand on goes and is marked; what the newest stands on stays."""
    with using(space):
        first, second = history(tmp_path, "AB")
        found = collect(space)

        assert missing(space, second.digests) == set()
        assert missing(space, first.digests) == first.digests - second.digests
        assert {state(space, one) for one in first.digests - second.digests} == {"gone"}
    assert found.deleted == len(first.digests - second.digests)
    assert found.versions == [first.version.ref]


def test_a_dry_run_does_nothing(space: Workspace, tmp_path: Path) -> None:
    """Without `delete` it says what would go, and everything is as it was."""
    with using(space):
        first, second = history(tmp_path, "AB")
        dry = collection.collect(space, min_age=0.0)
        left = missing(space, first.digests | second.digests)
        wet = collect(space)

    assert (left, dry.deleted, dry.lines) == (set(), 0, wet.lines)
    assert dry.taken == wet.deleted > 0


def test_young_ones_stay(space: Workspace, tmp_path: Path) -> None:
    """What was written just now stays, whatever it is."""
    with using(space):
        first, _ = history(tmp_path, "AB")
        found = collect(space, min_age=3600.0)

        assert (found.deleted, missing(space, first.digests)) == (0, set())
    assert {line.why for line in found.lines} >= {"young"}


@pytest.mark.parametrize("why", ["Staging", "retained", "alias", "pinned"])
def test_what_is_kept(space: Workspace, tmp_path: Path, why: str) -> None:
    """Versions in a stage, archived lately, with an alias; and pinned digests."""
    with using(space):
        first, _ = history(tmp_path, "AB")
        ref = first.version.ref
        if why in ("Staging", "retained"):
            stages.promote(space, ref, to="Staging", identity=ADA, judge=lambda *_: [])
        if why == "retained":
            stages.archive(space, ref, identity=ADA)
        if why == "alias":
            aliases.put(space, ref, "champion", identity=ADA)
        if why == "pinned":
            with space.store.write() as db:
                for digest in first.digests:
                    db.execute(
                        "INSERT INTO pin VALUES (:digest, 'r', 'ada', '2024')", {"digest": digest}
                    )
        found = collect(space)

        assert missing(space, first.digests) == set()
    assert why in {line.why for line in found.lines}


@pytest.mark.parametrize("days", [400_000, 999_999])
def test_retained_for_ever(space: Workspace, tmp_path: Path, days: int) -> None:
    """So many days that they begin before the calendar does."""
    with using(space):
        first, second = history(tmp_path, "AB")
        stages.promote(space, first.version.ref, to="Staging", identity=ADA, judge=lambda *_: [])
        stages.archive(space, first.version.ref, identity=ADA)
        policy.save(space.store, second.version, {"retain_days": days}, identity=ADA)
        found = collect(space)

        assert missing(space, first.digests) == set()
    assert "retained" in {line.why for line in found.lines}


def test_taken_back(space: Workspace, tmp_path: Path) -> None:
    """After a rollback both stay: what is in Production again, and what was archived by it."""
    with using(space):
        ran = history(tmp_path, "ABC")[:2]
        for one in ran:
            for stage in ("Staging", "Production"):
                if stage == "Production":
                    sign_off.sign(space, one.version.ref, approve=True, identity=ADA)
                stages.promote(space, one.version.ref, to=stage, identity=ADA, judge=lambda *_: [])
        stages.rollback(space, "delays", identity=ADA, reason="worse")
        found = collect(space)

        assert missing(space, ran[0].digests | ran[1].digests) == set()
    assert {line.why for line in found.lines} >= {"Production", "retained", "newest"}


def test_archived_long_ago(
    space: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once the days of the policy are over an archived version goes."""
    with using(space):
        first, second = history(tmp_path, "AB")
        monkeypatch.setattr(audit, "now", lambda: "2020-01-01T00:00:00.000000Z")
        stages.promote(space, first.version.ref, to="Staging", identity=ADA, judge=lambda *_: [])
        stages.archive(space, first.version.ref, identity=ADA)
        collect(space)

        assert missing(space, first.digests) == first.digests - second.digests


def test_current_data_stays(space: Workspace, tmp_path: Path) -> None:
    """What is current of a dataset stays, though no model version stands on it."""
    with using(space):
        with plain.flow("alone"):
            made = collecting.prepare(_raw(tmp_path, "first"))
        with plain.flow("alone"):
            again = collecting.prepare(_raw(tmp_path, "second"))
        collect(space)

        assert missing(space, [again.digest]) == set()
        assert missing(space, [made.digest]) == {made.digest}


def _raw(folder: Path, text: str) -> DatasetVersion:
    (folder / "one.bin").write_text(text)
    found = lineage.source("one.bin", folder=folder)
    assert isinstance(found, DatasetVersion)
    return found


def test_files_of_manifests(space: Workspace, tmp_path: Path) -> None:
    """Of a partition of many files the files stay as long as their manifest, and go with it."""

    def many(text: str) -> tuple[DatasetVersion, list[str]]:
        for number in range(3):
            (tmp_path / f"{number}.bin").write_text(f"{text} {number}")
        found = lineage.source("*.bin", folder=tmp_path)
        assert isinstance(found, DatasetVersion)
        with plain.flow("many"):
            _seen(found)
        held = Manifest.from_bytes(space.artifacts.read(found.digest)).files
        return found, [file.digest for file in held]

    with using(space):
        old, old_files = many("old")
        new, new_files = many("new")
        found = collect(space)

        assert missing(space, [new.digest, *new_files]) == set()
        assert missing(space, [old.digest, *old_files]) == {old.digest, *old_files}
    assert [line.count for line in found.lines if line.kind == "raw" and not line.why] == [4]


@plain.task
def _seen(part: DatasetVersion) -> str:
    return part.digest


def test_orphans_and_records(space: Workspace, tmp_path: Path) -> None:
    """What nobody speaks of goes; sources and lists of packages stay."""
    with using(space):
        history(tmp_path, "A")
        orphan = space.artifacts.write(b"nobody's")
        found = collect(space)

        assert missing(space, [orphan]) == {orphan}
    said = {(line.kind, line.why): line.count for line in found.lines}
    assert said["others", ""] == 1
    assert said["records", "record"] == 2


def test_made_again(space: Workspace, tmp_path: Path) -> None:
    """What was collected is planned as absent, made again by the next run, and is there again."""
    with using(space):
        first, _ = history(tmp_path, "AB")
        collect(space)
        for month in collecting.MONTHS:
            lay(tmp_path, "A", month)
        again = run(tmp_path, 0)

        assert again.digests == first.digests == space.artifacts.present(again.digests)
        assert missing(space, again.digests - again.raw) == set()


def test_told_in_the_log(space: Workspace, tmp_path: Path) -> None:
    """A collection is a row of the audit log; one that deletes nothing is none."""
    with using(space):
        history(tmp_path, "AB")
        collect(space)
        collect(space)
        [entry] = audit.entries(space.store)

        assert (entry.action, entry.who, entry.body["versions"]) == ("collect", "ada", ["delays@1"])
        assert audit.verify(space.store) == []


def test_files_that_two_versions_share(space: Workspace, tmp_path: Path) -> None:
    """A version is said to go only if a file of it does: not if another has it that is kept."""
    with using(space):
        first, second, _ = history(tmp_path, "ABC")
        kept = run(tmp_path, 2, name="others")
        with space.store.write() as db:  # beside the log, which is for what tests do
            db.execute(
                "UPDATE model_version SET digest = :digest WHERE version = 1 AND model = 'delays'",
                {"digest": kept.version.digest},
            )

        assert collect(space, min_age=3600.0).versions == []
        assert collect(space).versions == [second.version.ref]
        assert collect(space).versions == []
        assert not missing(space, [kept.version.digest])
        assert first.version.ref == "delays@1"


def test_nobody_lost_it(space: Workspace, tmp_path: Path) -> None:
    """Verify finds nothing wrong, repair makes nothing again, and show says what became of it."""
    with using(space):
        first, _ = history(tmp_path, "AB")
        collect(space)
        with verification(space, "") as done:
            assert done.report.findings == ()
        assert repair(space, "").sound
        assert pedigree(space.store, first.version)["absent"]["state"] == "gone"
        assert state(space, first.version.digest) == "gone"


def test_not_promoted(space: Workspace, tmp_path: Path) -> None:
    """A version that is marked, though its bytes are there yet, enters no stage."""
    with using(space):
        first, _ = history(tmp_path, "AB")
        with space.store.write() as db:
            presence.mark(db, [first.version.digest], "gone", now="2024-01-01T00:00:00.000000Z")
        with pytest.raises(CollectedError, match="collected by `begat gc` on 2024-01-01"):
            stages.promote(
                space, first.version.ref, to="Staging", identity=ADA, judge=lambda *_: []
            )


class TestOpenRuns:
    def test_they_are_waited_for(self, space: Workspace, tmp_path: Path) -> None:
        """While a run is open that may rely on it, nothing goes, and nothing stays marked."""
        with using(space):
            first, _ = history(tmp_path, "AB")
            with plain.flow("open") as caller:
                found = collect(space)

            assert found.waits_for == [caller.run.run_id]
            assert (found.deleted, missing(space, first.digests)) == (0, set())
            assert collect(space).deleted > 0

    def test_what_they_registered_stays(self, space: Workspace, tmp_path: Path) -> None:
        """A run that ends meanwhile keeps all that its model version stands on."""
        with using(space):
            first, _ = history(tmp_path, "AB")
            for month in collecting.MONTHS:
                lay(tmp_path, "A", month)
            until = ExitStack()
            done: list[Ran] = []
            until.enter_context(plain.flow("other"))

            def end(what: str, *_: int) -> None:
                if what == "waiting":
                    done.append(run(tmp_path, 7))
                    until.close()

            collection.collect(
                space, delete=True, min_age=0.0, wait=60.0, identity=ADA, progress=end
            )
            assert missing(space, done[0].digests) == set()
            assert first.raw == done[0].raw


class TestEndOfARun:
    """Bytes that a run found there when it wrote them are deleted before it ends."""

    @staticmethod
    def taken(space: Workspace, digest: str, *, delete: bool) -> None:
        with space.store.write() as db:
            presence.mark(db, [digest], "gone", now="2024-01-01T00:00:00.000000Z")
            if delete:
                space.artifacts.remove([digest])

    def test_it_never_completes(self, space: Workspace) -> None:
        """The run fails, and says why; done again it completes."""
        write, delete = space.artifacts.write, True

        def written(data: bytes | Path) -> str:
            digest = write(data)
            if data == CONSTANT:
                self.taken(space, digest, delete=delete)
            return digest

        space.artifacts.write = written  # type: ignore[method-assign]  # between two steps of it
        with using(space):
            with pytest.raises(CollectedError, match="run again"), plain.flow("f"):
                plain.run(Tracked(function=_constant, name="constant"))
            with space.store.read() as db:
                states = db.execute("SELECT state FROM run ORDER BY id").fetchall()
            assert [tuple(one) for one in states] == [("FAIL",), ("FAIL",)]
            delete = False
            with plain.flow("f"):
                made = plain.run(Tracked(function=_constant, name="constant")).value
            assert missing(space, [made.digest]) == set()

    def test_reuse_that_is_taken(self, space: Workspace) -> None:
        """A run that is answered by what goes at that moment works instead."""
        work = Tracked(function=_constant, name="constant")
        with using(space):
            with plain.flow("f"):
                made = plain.run(work).value
            answers = space.answers

            def answered(recipes: list[str]) -> object:
                found = answers(recipes)
                if found:
                    self.taken(space, made.digest, delete=True)
                return found

            space.answers = answered  # type: ignore[method-assign, assignment]  # just this once
            with plain.flow("f"):
                outcome = plain.run(work)
            assert not outcome.reused
            assert missing(space, [made.digest]) == set()


CONSTANT = b"constant"


def _constant() -> DatasetVersion:
    return lineage.write(CONSTANT, "constant")


# What others do at each point of a collection at which they can.
POINTS = ("listing", "marking", "waiting", "deleting")
act = st.tuples(
    st.sampled_from(["run", "lay", "write", "alias"]), st.sampled_from("ABC"), st.integers(0, 1)
)


@tuned(max_examples=40)
@given(
    before=st.lists(act, max_size=6),
    meanwhile=st.dictionaries(st.sampled_from(POINTS), st.lists(act, max_size=3)),
    killed=st.sampled_from([None, *POINTS]),
)
def test_nothing_that_is_kept_goes(
    tmp_path_factory: pytest.TempPathFactory,
    before: list[tuple[str, str, int]],
    meanwhile: dict[str, list[tuple[str, str, int]]],
    killed: str | None,
) -> None:
    """Whatever runs do between its steps, and wherever it is killed: what is kept is there."""
    folder = tmp_path_factory.mktemp("world")
    space = one_kept(folder / "home")
    # The version that has a number stands on what its first run read.
    stands: dict[int, frozenset[str]] = {}
    aliased: set[int] = set()

    def do(what: str, text: str, number: int) -> None:
        if what == "lay":
            lay(folder, text, collecting.MONTHS[number])
        elif what == "run":
            done = run(folder, number)
            assert missing(space, done.digests) == set()
            stands.setdefault(done.version.version, done.digests)
        elif what == "write":
            space.artifacts.write(f"prepared {text}".encode())
        elif stands:
            try:
                aliases.put(space, f"delays@{min(stands)}", f"a{number}", identity=ADA)
            except CollectedError:
                return
            aliased.add(min(stands))

    def tell(point: str, *_: int) -> None:
        for one in meanwhile.pop(point, ()):
            do(*one)
        if point == killed:
            raise InterruptedError

    with using(space):
        for month in collecting.MONTHS:
            lay(folder, "A", month)
        for one in before:
            do(*one)
        for kill in (True, False):
            try:
                collection.collect(
                    space,
                    delete=True,
                    min_age=0.0,
                    wait=0.0,
                    identity=ADA,
                    progress=tell if kill else collection.quiet,
                )
            except InterruptedError:
                continue
        kept = {max(stands)} if stands else set()
        for number in kept:
            assert missing(space, stands[number]) == set()
        with verification(space, "") as done:
            assert done.report.findings == ()


def test_flat(space: Workspace, recorder: Recorder) -> None:
    """What a collection says in JSON is JSON."""
    assert recorder is not None
    space.artifacts.write(b"a")
    with using(space):
        said = json.loads(json.dumps(collect(space).to_json()))

    assert said["artifacts"] == [
        {"kind": "others", "kept": False, "why": None, "count": 1, "bytes": 1}
    ]
    assert said["deleted"] == 1
    assert digest_bytes(b"a") not in space.artifacts.present([digest_bytes(b"a")])
