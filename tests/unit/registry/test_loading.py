from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sklearn.tree import DecisionTreeClassifier

from begat import lineage
from begat.lineage import plain
from begat.lineage.content.digest import digest_bytes
from begat.lineage.errors import ArtifactError, RefError, UntrustedModelError
from begat.lineage.events import ids
from begat.lineage.records import ModelVersion
from begat.lineage.registry import register
from support.recorder import Recorder


@pytest.fixture
def registered(recorder: Recorder) -> Callable[[str], ModelVersion]:
    """Registers a model file, by its digest."""

    def add(digest: str) -> ModelVersion:
        return register(
            recorder.store,
            model="delays",
            recipe=digest,
            run_id=ids.new_id(),
            training_run_id=ids.new_id(),
            digest=digest,
            body={},
        )

    return add


def fitted(answer: int) -> Any:
    """A model that always gives the same answer."""
    return DecisionTreeClassifier().fit([[0], [1]], [answer, answer])


def test_a_version_is_loaded_by_its_number_and_as_the_latest(
    registered: Callable[[str], ModelVersion],
) -> None:
    """Each reference leads to the model that was registered."""
    for answer in (1, 2):
        registered(lineage.write(fitted(answer), "model").digest)

    assert [
        lineage.load(ref).predict([[0]]).tolist()
        for ref in ("delays@1", "delays@2", "delays@latest")
    ] == [[1], [2], [2]]


def test_what_names_no_model_is_refused(registered: Callable[[str], ModelVersion]) -> None:
    """A number or a name that nobody registered, and a run, are no model versions."""
    registered(lineage.write(fitted(1), "model").digest)
    run_id = plain.unchanged("delays", reused=0)

    for ref, said in (("delays@7", "'7'"), ("other@1", "other"), (run_id, "no model version")):
        with pytest.raises(RefError, match=said):
            lineage.load(ref)


def test_a_model_file_that_is_gone_is_named(registered: Callable[[str], ModelVersion]) -> None:
    """The message says which artifact is missing."""
    registered(digest_bytes(b"gone"))

    with pytest.raises(ArtifactError, match=digest_bytes(b"gone")):
        lineage.load("delays@1")


def test_only_reviewed_types_are_loaded(
    recorder: Recorder, registered: Callable[[str], ModelVersion]
) -> None:
    """A file that is no skops archive, a pickle say, is not opened."""
    registered(recorder.artifacts.write(b"\x80\x04N."))

    with pytest.raises(UntrustedModelError, match="not loaded"):
        lineage.load("delays@1")
