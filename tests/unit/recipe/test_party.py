"""Whose a module is."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from begat.lineage.recipe import party


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A package as pip installs it, imported."""
    site = tmp_path / "site-packages"
    package = site / "installed_delays"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    information = site / "installed_delays-1.0.dist-info"
    information.mkdir()
    (information / "METADATA").write_text("Name: installed-delays\nVersion: 1.0\n")
    (information / "RECORD").write_text("installed_delays/__init__.py,,\n")
    monkeypatch.syspath_prepend(str(site))
    monkeypatch.setattr(party, "_claimed", set())
    importlib.import_module("installed_delays")
    yield "installed_delays"
    del sys.modules["installed_delays"]


def test_claimed_distribution(installed: str) -> None:
    """An installed package is somebody else's, until a pipeline is defined in it."""
    before = party.Parties().of(installed)
    party.claim(installed)

    assert (before, party.Parties().of(installed)) == (party.Party.OTHER, party.Party.OWN)


def test_begat_is_never_claimed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A pipeline that begat defines makes nothing of begat first-party."""
    monkeypatch.setattr(party, "_claimed", set())
    party.claim("begat.flows.flights")

    assert party.Parties().of("begat.flows.pipeline") == party.Party.BEGAT
