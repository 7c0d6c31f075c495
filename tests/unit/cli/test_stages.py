"""What the commands that move model versions print."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from begat.lineage.cli.stages import promote
from begat.lineage.errors import RefError
from begat.lineage.registry import sign_off, stages
from support.recorder import Recorder
from support.registered import ADA, BOB, add


@pytest.mark.parametrize("to", ["Staging", "Production"])
def test_it_is_there_already(recorder: Recorder, to: str) -> None:
    """Where a version is that goes nowhere is said, not where it was to go."""
    ref = add(recorder).ref
    stages.promote(recorder, ref, to="Staging", identity=ADA)
    sign_off.sign(recorder, ref, approve=True, identity=BOB)
    stages.promote(recorder, ref, to="Production", identity=ADA)
    done = CliRunner().invoke(promote, ["delays@latest", "--to", to])

    assert done.exception is None
    assert done.stdout == "delays@1 is in Production already\n"


def test_a_model_is_no_version(recorder: Recorder) -> None:
    """Whoever names a model is told its versions, not which datasets there are."""
    add(recorder), add(recorder)
    error = CliRunner().invoke(promote, ["delays", "--to", "staging"]).exception

    assert isinstance(error, RefError)
    assert "delays@latest is delays@2" in str(error)
