"""What is not as it was registered, and machines that fail: named, refused, and nothing moves."""

from __future__ import annotations

import json
import pickle
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sklearn.linear_model import Ridge
from skops import io as skops_io

from begat import lineage
from begat.lineage.cli import _run
from begat.lineage.content import models
from begat.lineage.content.references import Referring
from begat.lineage.errors import (
    ArtifactError,
    BegatError,
    DataError,
    GateError,
    StoreError,
    UntrustedModelError,
)
from begat.lineage.records import ModelVersion
from begat.lineage.registry import aliases, audit, policy, stages
from begat.lineage.registry.current import find
from begat.lineage.workspace import Workspace, using
from support.acting import Act, Registry, approve, produce, rollback, to
from support.registered import ADA, add
from support.stores import delete, overwrite

LONG_AGO, ONE_DAY = "2001-01-01T00:00:00.000000Z", "2050-01-01T00:00:00.000000Z"


class Unreviewed(Ridge):
    """Stands for a type that nobody looked at."""


def fitted(kind: type[Ridge] = Ridge) -> Ridge:
    return kind().fit([[0.0], [1.0]], [0.0, 1.0])


@pytest.fixture
def files(registry: Registry) -> Registry:
    """A registry whose artifacts are files."""
    found = Workspace().artifacts
    assert isinstance(found, Referring)
    registry.artifacts = found.store
    return registry


def one_line(raised: pytest.ExceptionInfo[BegatError]) -> str:
    """What it says."""
    said = str(raised.value)
    assert "\n" not in said
    return said


@pytest.mark.parametrize("act", ["Staging", "Production", "rollback"])
def test_files_that_were_edited_or_are_gone(files: Registry, act: str) -> None:
    """Each file is looked at before a version moves: the message has its name and the version's."""
    with files.space() as space:
        versions = [add(space), add(space)]
        does: Act = rollback
        if act == "rollback":
            for version in versions:
                produce(space, version)
        else:
            does = to(act, versions[0])
            for first in (to("Staging", versions[0]), approve(versions[0])) * (act != "Staging"):
                first(space)
        kept = find(space, versions[0].ref).files
    before = files.rows()
    for name, digest in kept.items():
        content = files.artifacts.read(digest)
        for is_ in ("not what it was", "gone"):
            if is_ == "gone":
                delete(files.artifacts, digest)
            else:
                overwrite(files.artifacts, digest, b"edited")
            with files.space() as space, pytest.raises(ArtifactError) as raised:
                does(space)
            assert f"the {name} of delays@1 ({digest[:19]}) is {is_}" in one_line(raised)
            assert files.rows() == before
        files.artifacts.write(content)
    with files.space() as space:
        does(space)
    assert len(files.rows()["audit"]) == len(before["audit"]) + 1


def test_refused_at_the_shell(
    files: Registry, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Commands say it in one line and end with 1; a row that was edited is named by its number."""
    monkeypatch.setenv("BEGAT_STORE", files.url)
    with files.space() as space:
        versions = [add(space) for _ in range(3)]
        for version in versions[:2]:
            produce(space, version)
    for version in (versions[0], versions[2]):
        overwrite(files.artifacts, version.digest, b"edited")
    before = files.rows()
    for command in (["promote", "delays@3", "--to", "Staging"], ["rollback", "delays"]):
        with using(Workspace()):
            assert _run([*command, "--reason", "on AA"]) == 1
        said = capsys.readouterr()
        assert (said.out, said.err.count("\n")) == ("", 1)
        assert re.match(r"begat: the model of delays@[13] .* is not what it was;", said.err)
        assert files.rows() == before
    with files.space() as space, space.store.write() as db:
        db.execute("UPDATE audit SET who = 'eve' WHERE seq = 2", {})
    with using(Workspace()):
        assert _run(["audit", "verify"]) == 1
    assert "row 2  it was edited" in capsys.readouterr().out


def test_an_edited_row_stays_found(registry: Registry) -> None:
    """Whatever is done after a row was edited, it is named, and nothing else is."""
    with registry.space() as space:
        first, second = add(space), add(space)
        to("Staging", first)(space)
        with space.store.write() as db:
            db.execute("UPDATE audit SET who = 'eve' WHERE seq = 1", {})
        produce(space, second)

        assert {flaw.seq for flaw in audit.verify(space.store)} == {1}


def test_what_others_say_is_no_flaw(registry: Registry) -> None:
    """Events from outside that tell of rows accuse nobody: only what begat recorded does."""
    with registry.space() as space:
        to("Staging", add(space))(space)
        with space.store.read() as db:
            [(body,)] = db.execute("SELECT body FROM event WHERE type = 'DATASET'", {}).fetchall()
        told = _told(body)
        space.store.record([told], origin="ingested")
        assert audit.verify(space.store) == []
        space.store.record([told])

        assert [flaw.seq for flaw in audit.verify(space.store)] == [7]


def _told(body: str) -> dict[str, Any]:
    """An event that tells of another row."""
    event: dict[str, Any] = json.loads(body)
    event["dataset"]["facets"]["begat_transition"]["seq"] = 7
    return event


def hostile() -> dict[str, bytes]:
    """Files that are no models to be loaded, by what is said of them."""
    return {
        "pickles run the code they hold": pickle.dumps(fitted()),
        "Unreviewed, which nobody reviewed": skops_io.dumps(fitted(Unreviewed)),
        "the model file cannot be loaded": _cut(models.dump(fitted())),
    }


def _cut(archive: bytes) -> bytes:
    """An archive with rubbish where its description was."""
    return archive.replace(b'"__loader__"', b'"__leader__"')


@pytest.mark.parametrize("says", hostile())
def test_hostile_model_files(files: Registry, says: str) -> None:
    """A file that is what was registered, and no model, enters no stage and is not loaded."""
    with files.space() as space:
        first = _registered(space, hostile()[says])
        before = files.rows()
        with pytest.raises(GateError) as refused:
            stages.promote(space, first.ref, to="Staging", identity=ADA)
        assert says in one_line(refused)
        with using(space), pytest.raises((UntrustedModelError, DataError)) as raised:
            lineage.load(first.ref)
        assert says in one_line(raised)
    after = files.rows()

    [told] = before.pop("audit")
    assert [row.action for row in after.pop("audit")] == [told.action, "refuse"]
    assert (after.pop("told"), before.pop("told")) == (2, 1)
    assert after == before


def test_a_model_file_that_can_be_loaded(files: Registry) -> None:
    """The same gate lets a model pass."""
    with files.space() as space:
        first = _registered(space, models.dump(fitted()))

        assert stages.promote(space, first.ref, to="Staging", identity=ADA) is not None


def _registered(space: Workspace, model: bytes) -> ModelVersion:
    """A version with that model file, of which nothing but the file is required."""
    of = add(space)
    digest = space.artifacts.write(model)
    with space.store.write() as db:
        db.execute("UPDATE model_version SET digest = :digest", {"digest": digest})
    policy.save(space.store, of, {"required": ["model"]}, identity=ADA)
    return of


def test_loading_what_was_edited_or_is_gone(files: Registry) -> None:
    """A model whose bytes are others, or not there, is named and not loaded."""
    with files.space() as space:
        first = _registered(space, models.dump(fitted()))
        [digest] = {find(space, first.ref).version.digest}
        before = files.rows()
        with using(space):
            overwrite(files.artifacts, digest, pickle.dumps(fitted()))
            for _ in range(2):  # edited, and then set aside
                with pytest.raises(ArtifactError) as raised:
                    lineage.load(first.ref)
                assert digest[:19] in one_line(raised)
    assert files.rows() == before


@pytest.mark.parametrize(
    ("is_", "code"), [("a pickle", 2), ("edited", 1), ("gone", 1)], ids=["pickle", "edited", "gone"]
)
def test_predicting(
    files: Registry,
    is_: str,
    code: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """`begat predict` says in one line why there is no model to predict with, and does nothing."""
    monkeypatch.setenv("BEGAT_STORE", files.url)
    (tmp_path / "rows.csv").write_text("a\n1\n")
    with files.space() as space:
        content = pickle.dumps(fitted()) if code == 2 else models.dump(fitted())
        of = find(space, _registered(space, content).ref).version
    if is_ == "edited":
        overwrite(files.artifacts, of.digest, b"edited")
    if is_ == "gone":
        delete(files.artifacts, of.digest)
    before = files.rows()
    with using(Workspace()):
        assert _run(["predict", of.ref, str(tmp_path / "rows.csv")]) == code
    said = capsys.readouterr()

    assert (said.out, said.err.count("\n")) == ("", 1)
    assert ("pickles run the code they hold" if code == 2 else of.digest[:19]) in said.err
    assert files.rows() == before


@pytest.mark.parametrize("registry", ["sqlite"], indirect=True)
@pytest.mark.parametrize("does", [to, rollback], ids=["promote", "rollback"])
def test_a_full_disk(registry: Registry, does: Callable[..., object]) -> None:
    """However little is missing, nothing is done, and the message says what is full."""
    with registry.space() as space:
        versions = [add(space) for _ in range(3)]
        for version in versions[:2]:
            produce(space, version)
        for act in (to("Staging", versions[2]), approve(versions[2])):
            act(space)
    before, said = registry.rows(), set()

    def act(space: Workspace) -> object:
        reason = "because " * 2000
        if does is rollback:
            return stages.rollback(space, "delays", identity=ADA, reason=reason)
        return to("Production", versions[2], reason)(space)

    for more in range(200):
        with registry.space() as space:
            with space.store.read() as db:
                [(pages,)] = db.execute("PRAGMA page_count", {}).fetchall()
            with space.store.read() as db:
                db.execute(f"PRAGMA max_page_count = {pages + more}", {})
            try:
                act(space)
            except StoreError as error:
                said.add(str(error))
            else:
                break
        assert registry.rows() == before
    assert [one.rpartition(" (")[2] for one in said] == [
        "database or disk is full); free space on its disk"
    ]
    assert len(registry.rows()["audit"]) == len(before["audit"]) + 1


def test_a_clock_that_goes_back(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    """Acts go on in their order, and nothing counts as stable that only the clock made old."""

    def clock(time: str) -> None:
        for module in (audit, stages):
            monkeypatch.setattr(module, "now", lambda: time)

    with registry.space() as space:
        first, second = add(space), add(space)
        clock(ONE_DAY)
        produce(space, first)
        clock(LONG_AGO)
        produce(space, second)
        assert stages.settle(space) == []
        aliases.put(space, first.ref, "champion", identity=ADA)
        rollback(space)
        assert {row.at for row in audit.entries(space.store)} == {ONE_DAY}
        assert audit.as_of(space.store, LONG_AGO).stages == {}

    assert registry.stages() == ["Production", "Archived"]
    registry.rows()  # which is sound
