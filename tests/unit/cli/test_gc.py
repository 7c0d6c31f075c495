"""What `begat gc --purge` says before it erases."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from begat.lineage.cli.gc import gc
from begat.lineage.collection import purging
from begat.lineage.errors import ParameterError
from support.collecting import Ran, lay, missing, run
from support.recorder import Recorder


@pytest.fixture
def ran(recorder: Recorder, tmp_path: Path) -> Ran:
    """The pipeline over a month."""
    lay(tmp_path, "A")
    return run(tmp_path)


def asked(ran: Ran) -> list[str]:
    """The command that erases the raw data."""
    [digest] = ran.raw
    return ["--purge", digest, "--reason", "asked to be forgotten"]


@pytest.mark.parametrize("answer", ["", "n\n"], ids=["nobody", "no"])
def test_not_answered(recorder: Recorder, ran: Ran, answer: str) -> None:
    """Without a yes nothing is erased, which is said, and how to say yes where nobody is asked."""
    done = CliRunner().invoke(gc, asked(ran), input=answer)

    assert isinstance(done.exception, ParameterError)
    assert "nothing was erased" in str(done.exception)
    assert "--yes" in str(done.exception)
    assert missing(recorder, ran.digests) == set()


def test_answered(recorder: Recorder, ran: Ran) -> None:
    """Before the question it is said what is going to go, behind it what has gone."""
    [digest] = purging(recorder, asked(ran)[1]).digests
    done = CliRunner().invoke(gc, asked(ran), input="y\n")
    before, _, after = done.output.partition("Erase 1 artifact for good?")

    assert "to be erased:" in before
    assert "purged" not in before
    assert "purged 1 artifact," in after
    assert missing(recorder, ran.digests) == {digest}
