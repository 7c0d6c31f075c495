from __future__ import annotations

from typing import Any

import pytest

from begat.lineage.errors import SettingsError
from begat.lineage.registry.gates import KINDS, make
from begat.lineage.registry.gates.metric import Bound
from begat.lineage.registry.gates.relative import Relative
from begat.lineage.registry.gates.report import Report

METRIC = {"gate": "metric", "metric": "roc_auc", "at_least": 0.7}
RELATIVE = {"gate": "relative", "metric": "roc_auc", "worse_by": 0.01}
REPORT = {"gate": "report", "name": "shadow"}


def test_made() -> None:
    """A gate is made of what the policy writes down."""
    assert make(METRIC) == Bound(metric="roc_auc", at_least=0.7)
    assert make({**RELATIVE, "slices": True, "min_rows": 50, "stage": "Production"}) == Relative(
        metric="roc_auc", worse_by=0.01, slices=True, min_rows=50
    )
    assert make({**REPORT, "max_age_hours": 24}) == Report(name="shadow", max_age_hours=24)


@pytest.mark.parametrize("said", [METRIC, RELATIVE, REPORT], ids=lambda said: said["gate"])
@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"at_lest": 1}, "has no key 'at_lest'; it knows gate, stage, name, "),
        ({"stage": "staging"}, "stage of .* is Staging or Production; got 'staging'"),
        ({"stage": "None"}, "stage of .* is Staging or Production; got 'None'"),
        ({"name": " "}, "name of .* is .*; got ' '"),
        ({"name": 3}, "name of .* is .*; got 3"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else None,
)
def test_common_keys(said: dict[str, Any], more: dict[str, Any], told: str) -> None:
    """What every gate may say is checked for every kind, and the gate is named."""
    with pytest.raises(SettingsError, match=told) as refused:
        make({**said, **more})
    assert f"gate {said['gate']}" in str(refused.value)


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ({"gate": "metrik"}, "there is no gate 'metrik'; there are "),
        ({"gate": "metric", "at_least": 1}, "gate metric has no metric: add it, the name of a"),
        ({"gate": "metric", "metric": "a"}, "has no bound: add at_least or at_most, a number"),
        ({**METRIC, "at_least": "0.7"}, "at_least of gate metric is a number; got '0.7'"),
        ({**METRIC, "at_least": True}, "at_least of gate metric is a number; got True"),
        ({**METRIC, "at_most": float("nan")}, "at_most of gate metric is a number; got nan"),
        ({**METRIC, "at_most": 0.6}, "lets nothing pass: at_least 0.7 is more than at_most 0.6"),
        ({**METRIC, "slices": False}, "slices of gate metric is the name of a column, or true"),
        ({**METRIC, "min_rows": 5}, "has min_rows and no slices: add slices, a column"),
        ({**METRIC, "slices": "c", "min_rows": 1.5}, "min_rows of gate metric is a whole number"),
        ({**METRIC, "name": "floor", "worse_by": 1}, "gate metric 'floor' has no key 'worse_by'"),
        ({"gate": "relative", "metric": "a"}, "one of worse_by and worse_by_percent"),
        ({**RELATIVE, "worse_by_percent": 1}, "one of worse_by and worse_by_percent"),
        ({**RELATIVE, "worse_by": -0.1}, "worse_by of gate relative is a number, 0 or more"),
        ({**RELATIVE, "better": "most"}, "better of gate relative is more or less; got 'most'"),
        (
            {"gate": "known_input", "tolerance": 5},
            "tolerance of gate known_input is a share from 0 up",
        ),
        (
            {"gate": "reproduction", "tolerance": 1},
            "tolerance of gate reproduction is a share from 0",
        ),
        ({"gate": "report"}, "gate report has no name: add it, the name of a report"),
        ({**REPORT, "max_age_hours": -1}, "max_age_hours of gate report 'shadow' is a number of"),
        ({**REPORT, "max_age_hours": "1d"}, "max_age_hours of gate report 'shadow' is a number of"),
    ],
    ids=range(20),
)
def test_nonsense(said: dict[str, Any], told: str) -> None:
    """Nonsense is refused by the key that it is in, with what is expected there."""
    with pytest.raises(SettingsError) as refused:
        make(said)
    assert told in str(refused.value)


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_kind_refuses_what_it_does_not_know(kind: str) -> None:
    """No kind of gate lets a misspelt key pass."""
    with pytest.raises(SettingsError, match=f"gate {kind}"):
        make({"gate": kind, "no_such_key": 1})
