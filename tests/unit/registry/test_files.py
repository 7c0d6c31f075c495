"""What is said of a version whose files are not there is the same, whoever asks for them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from begat import lineage
from begat.lineage.errors import ArtifactError, CollectedError, CorruptArtifactError
from begat.lineage.graph import presence
from begat.lineage.records import ModelVersion
from begat.lineage.registry import stages
from begat.lineage.registry.trial import trial
from support.recorder import Recorder
from support.registered import ADA, add

Act = Callable[[Recorder, ModelVersion], object]


def promoted(space: Recorder, of: ModelVersion) -> None:
    stages.promote(space, of.ref, to="Staging", identity=ADA)


def judged(space: Recorder, of: ModelVersion) -> None:
    trial(space, of.ref, to="Staging")


def loaded(space: Recorder, of: ModelVersion) -> None:
    lineage.load(of.ref)


ASKING = pytest.mark.parametrize("act", [promoted, judged, loaded])


def path_of(space: Recorder, digest: str) -> Path:
    [found] = [
        path
        for path in Path(space.settings.artifacts).rglob("*")
        if path.name and digest.endswith(path.name) and path.is_file()
    ]
    return found


@ASKING
def test_collected(recorder: Recorder, act: Act) -> None:
    """`begat gc` took it, on that day, and only a training brings it back: nobody repairs it."""
    of = add(recorder)
    with recorder.store.write() as db:
        presence.mark(db, [of.digest], presence.GONE, now="2024-01-02T03:00:00.000000Z")
    path_of(recorder, of.digest).unlink()

    with pytest.raises(CollectedError) as raised:
        act(recorder, of)
    assert str(raised.value) == (
        f"the model of {of.ref} ({of.digest[:19]}) was collected by `begat gc` on 2024-01-02; "
        "train it again with `begat run`"
    )


@ASKING
def test_gone(recorder: Recorder, act: Act) -> None:
    """What nobody took is looked for by a repair."""
    of = add(recorder)
    path_of(recorder, of.digest).unlink()

    with pytest.raises(ArtifactError) as raised:
        act(recorder, of)
    assert str(raised.value) == (
        f"the model of {of.ref} ({of.digest[:19]}) is gone; `begat verify {of.ref} --repair` "
        "looks for it"
    )


@ASKING
def test_given_up(recorder: Recorder, act: Act) -> None:
    """What a repair has not found is not looked for by another."""
    of = add(recorder)
    with recorder.store.write() as db:
        presence.mark(db, [of.digest], presence.LOST, now="2024-01-02T03:00:00.000000Z")
    path_of(recorder, of.digest).unlink()

    with pytest.raises(ArtifactError, match="was lost on 2024-01-02; train it again"):
        act(recorder, of)


@ASKING
def test_overwritten(recorder: Recorder, act: Act) -> None:
    """Other bytes in its place are told as such, and a repair puts the right ones there."""
    of = add(recorder)
    path = path_of(recorder, of.digest)
    path.chmod(0o644)
    path.write_bytes(b"other bytes")

    with pytest.raises(CorruptArtifactError) as raised:
        act(recorder, of)
    assert str(raised.value) == (
        f"the model of {of.ref} ({of.digest[:19]}) is not what it was; "
        f"`begat verify {of.ref} --repair` looks for it"
    )
