from __future__ import annotations

from pathlib import Path

import pytest

from begat.lineage import collection
from begat.lineage.reproduction import inputs
from begat.lineage.reproduction.plan import Plan, plan
from support.collecting import Ran, lay, run
from support.recorder import Recorder
from support.registered import ADA


@pytest.fixture
def ran(recorder: Recorder, tmp_path: Path) -> Ran:
    """The pipeline over a month, which reads the raw data."""
    lay(tmp_path, "A")
    return run(tmp_path)


def says(recorder: Recorder) -> list[str]:
    """What is said of each missing input of the version."""
    wanted: Plan = plan(recorder.store, "delays@1")
    return [one["says"] for one in inputs.missing(recorder, wanted)]


def test_what_was_purged(recorder: Recorder, ran: Ran) -> None:
    """Nobody looks for data that was erased on purpose: by whom, when and why is said."""
    assert says(recorder) == []
    [digest] = ran.raw
    found = collection.purging(recorder, digest)
    collection.purge(recorder, found, reason="request 4711", identity=ADA)
    [said] = says(recorder)

    assert said.startswith("was purged on 2")
    assert said.endswith(" by ada (request 4711)")


def test_what_is_gone(recorder: Recorder, ran: Ran) -> None:
    """What nobody took is only said to be gone."""
    recorder.artifacts.remove([*ran.raw])

    assert says(recorder) == ["is gone: the artifact store does not have it"]
