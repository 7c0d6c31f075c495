"""The gate that trains a version again: what may be written down for it."""

from __future__ import annotations

from typing import Any

import pytest

from begat.lineage.errors import SettingsError
from begat.lineage.registry.gates.reproduction import Reproduction, gate


def test_made_of_what_is_written_down() -> None:
    """What a policy says is what it does; half a percent is the default."""
    assert gate({"gate": "reproduction", "stage": "Staging"}) == Reproduction()
    assert gate(
        {"gate": "reproduction", "name": "again", "tolerance": 0, "slices": True}
    ) == Reproduction(name="again", tolerance=0.0, slices=True)


@pytest.mark.parametrize(
    "said",
    [
        {"tolerence": 0.01},
        {"tolerance": "0.5 %"},
        {"tolerance": -1},
        {"tolerance": True},
        {"slices": "yes"},
        {"rebuild_environment": 1},
    ],
)
def test_mistakes(said: dict[str, Any]) -> None:
    """A key that it does not know, or a value of another type, is refused by name."""
    with pytest.raises(SettingsError, match=next(iter(said))):
        gate({"gate": "reproduction", **said})
