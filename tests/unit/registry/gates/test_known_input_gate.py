"""The gate that tries a model on rows whose outputs were kept."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.preprocessing import FunctionTransformer

from begat.lineage.content import models
from begat.lineage.errors import CorruptArtifactError, SettingsError, UntrustedModelError
from begat.lineage.registry.gates import Candidate, make

from .conftest import holding


def shifted(candidate: Candidate, by: float) -> Candidate:
    """The candidate whose recorded probabilities are others."""
    body: dict[str, Any] = deepcopy(dict(candidate.body))
    outputs = body["signature"]["example"]["outputs"]
    outputs["predict_proba"] = [[value + by for value in row] for row in outputs["predict_proba"]]
    return replace(candidate, body=body)


def test_a_model_that_does_what_it_did_passes(candidate: Candidate) -> None:
    """Preprocessing is inside: the rows are given as they were recorded."""
    [found] = make({"gate": "known_input"}).judge(candidate)

    assert found.passed
    assert found.reason == "5 rows predicted as they were when it was trained"


def test_other_outputs_are_refused_beyond_the_tolerance(candidate: Candidate) -> None:
    """The row is named, with what came and what was recorded; a tolerance may be stated."""
    other = shifted(candidate, 1e-4)
    [found] = make({"gate": "known_input"}).judge(other)
    [near] = make({"gate": "known_input", "tolerance": 0.5}).judge(shifted(candidate, 1e-13))

    assert not found.passed
    assert found.reason.startswith("predict_proba of recorded row 0 is [")
    assert found.threshold == "within 1e-09 of what was recorded"
    assert near.passed


def test_a_signature_without_rows_is_refused(candidate: Candidate) -> None:
    """A model that cannot be tried is not let through."""
    [found] = make({"gate": "known_input"}).judge(replace(candidate, body={}))

    assert not found.passed
    assert "input example cannot be read" in found.reason


@pytest.mark.parametrize("kind", ["known_input", "latency"])
def test_a_hostile_file_is_named_and_refused(candidate: Candidate, kind: str) -> None:
    """Neither a pickle nor a function that nobody reviewed is loaded, forced or not."""
    for data, said in (
        (pickle.dumps({}), "not a skops model file"),
        (models.dump(FunctionTransformer(np.save)), r"numpy\.save"),
    ):
        with pytest.raises(UntrustedModelError, match=said):
            make({"gate": kind}).judge(holding(candidate, data))


@pytest.fixture
def tampered(candidate: Candidate) -> Iterator[Candidate]:
    """Its model file was edited where it lies."""
    spoiled = holding(candidate, b"a model, before somebody edited it")
    digest = spoiled.version.digest.removeprefix("blake3:")
    path = Path(candidate.space.settings.artifacts) / digest[:2] / digest[2:]
    path.chmod(0o644)
    path.write_bytes(b"a model,  after somebody edited it")
    yield spoiled
    path.unlink(missing_ok=True)


@pytest.mark.parametrize("kind", ["known_input", "latency"])
def test_a_tampered_file_is_named_and_refused(tampered: Candidate, kind: str) -> None:
    """Bytes that are not those that were registered are never loaded."""
    with pytest.raises(CorruptArtifactError, match=tampered.version.digest[:19]):
        make({"gate": kind}).judge(tampered)


def test_a_tolerance_is_a_number() -> None:
    """Another value is refused."""
    with pytest.raises(
        SettingsError, match="tolerance of gate known_input is a share from 0 up to 1"
    ):
        make({"gate": "known_input", "tolerance": -1})
