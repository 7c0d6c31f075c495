"""Results: one subject can be measured again without the others."""

from __future__ import annotations

from pathlib import Path

from benchmarks import results
from benchmarks.results import Figure, Results

COLD = {"begat": Figure(command="begat run", cpu=[1.0, 1.23456789], peak=[1024])}
NOOP = {"DVC": Figure(command="dvc repro", cpu=[0.5], extra={"stages": [0]})}


def test_merge() -> None:
    """A subject that is measured again replaces itself and leaves the others."""
    held = Results().with_subject("cold", COLD, {"load": 1.0}).with_subject("noop", NOOP, {})
    again = {"begat": Figure(command="begat run", cpu=[9.0])}

    merged = held.with_subject("cold", again, {"load": 2.0})

    assert merged == Results(
        figures={"cold": again, "noop": NOOP}, circumstances={"cold": {"load": 2.0}, "noop": {}}
    )


def test_file(tmp_path: Path) -> None:
    """What is saved is loaded, to the microsecond; nothing half-written is left."""
    path = tmp_path / "results.json"
    results.save(Results().with_subject("cold", COLD, {}), path)

    loaded = results.load(path)

    assert (loaded.figures["cold"]["begat"].cpu, list(tmp_path.iterdir())) == (
        [1.0, 1.234568],
        [path],
    )


def test_no_file(tmp_path: Path) -> None:
    """Before the first measurement there are no results."""
    assert results.load(tmp_path / "results.json") == Results()
