from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest
from sklearn.tree import DecisionTreeClassifier

from begat import lineage
from begat.lineage import plain
from begat.lineage.content.digest import digest_bytes
from begat.lineage.errors import (
    ArtifactError,
    CorruptArtifactError,
    RefError,
    SignatureError,
    UntrustedModelError,
)
from begat.lineage.events import ids
from begat.lineage.records import ModelVersion
from begat.lineage.registry import register
from begat.tasks.signature import signature
from support.recorder import Recorder

Register = Callable[..., ModelVersion]


@pytest.fixture
def registered(recorder: Recorder) -> Register:
    """Registers a model file, by its digest, with what else belongs to it."""

    def add(digest: str, body: dict[str, Any] | None = None) -> ModelVersion:
        return register(
            recorder.store,
            model="delays",
            recipe=digest,
            run_id=ids.new_id(),
            training_run_id=ids.new_id(),
            digest=digest,
            body=body or {},
        )

    return add


def fitted(answer: int) -> Any:
    """A model that always gives the same answer."""
    return DecisionTreeClassifier().fit([[0], [1]], [answer, answer])


def test_a_version_is_loaded_by_its_number_and_as_the_latest(
    registered: Register,
) -> None:
    """Each reference leads to the model that was registered."""
    for answer in (1, 2):
        registered(lineage.write(fitted(answer), "model").digest)

    assert [
        lineage.load(ref).predict([[0]]).tolist()
        for ref in ("delays@1", "delays@2", "delays@latest")
    ] == [[1], [2], [2]]


def test_what_names_no_model_is_refused(registered: Register) -> None:
    """A number or a name that nobody registered, and a run, are no model versions."""
    registered(lineage.write(fitted(1), "model").digest)
    run_id = plain.unchanged("delays", reused=0)

    for ref, said in (("delays@7", "'7'"), ("other@1", "other"), (run_id, "no model version")):
        with pytest.raises(RefError, match=said):
            lineage.load(ref)


def test_a_model_file_that_is_gone_is_named(registered: Register) -> None:
    """The message says which artifact is missing."""
    registered(digest_bytes(b"gone"))

    with pytest.raises(ArtifactError, match=re.escape(digest_bytes(b"gone")[:19])):
        lineage.load("delays@1")


def test_only_reviewed_types_are_loaded(recorder: Recorder, registered: Register) -> None:
    """A file that is no skops archive, a pickle say, is not opened."""
    registered(recorder.artifacts.write(b"\x80\x04N."))

    with pytest.raises(UntrustedModelError, match=r"the model of delays@1: .* not loaded"):
        lineage.load("delays@1")


def test_rows_are_held_against_the_registered_signature(
    recorder: Recorder, registered: Register
) -> None:
    """What train recorded is what is checked; on_violation is the policy's, unless it is given."""
    registered(*signed())
    with pytest.raises(SignatureError, match="delays@1 does not take these rows: hour of"):
        lineage.load("delays@1").predict({"hour": "x"})
    with recorder.store.write() as db:
        db.execute("UPDATE model SET policy = :policy", {"policy": '{"on_violation": "null"}'})

    assert lineage.load("delays@1").predict({"hour": ["x", 1]}).tolist() == [None, 1]
    with pytest.raises(SignatureError):
        lineage.load("delays@1", on_violation="raise").predict({"hour": "x"})


def test_a_signature_is_verified_by_its_digest(recorder: Recorder, registered: Register) -> None:
    """Nothing is predicted by a signature that is not the one that was registered."""
    digest, body = signed()
    registered(digest, body)
    [path] = (recorder.settings.home / "artifacts").rglob(f"*{body['signature_digest'][-40:]}*")
    path.chmod(0o644)
    path.write_bytes(path.read_bytes().replace(b"hour", b"hora"))

    with pytest.raises(CorruptArtifactError, match=r"signature of delays@1 .* is not what it was"):
        lineage.load("delays@1")


def signed() -> tuple[str, dict[str, Any]]:
    """Digest and body of a model with its signature."""
    rows, target = pd.DataFrame({"hour": [0, 1]}), pd.Series([0, 1], name="late")
    model = DecisionTreeClassifier().fit(rows, target)
    described = signature(model, rows, target)
    digest = lineage.write(described, "signature", format="json").digest
    return lineage.write(model, "model").digest, {
        "signature": described,
        "signature_digest": digest,
    }
