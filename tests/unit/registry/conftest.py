"""What tests of the registry share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from support.trips import Trips


@pytest.fixture(scope="session")
def trips(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trips]:
    """A small pipeline with one version: its code is committed, and what it needs is recorded."""
    made = Trips.write(tmp_path_factory.mktemp("trips"))
    made.commit()
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(made.folder)
        assert made.run() == "trips@1"
    yield made
    made.space.close()
