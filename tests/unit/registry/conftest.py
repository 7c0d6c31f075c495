"""What tests of the registry share."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator

import pytest

from support.trips import Trips


@pytest.fixture(scope="session")
def trips(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trips]:
    """A small pipeline with one version: its code is committed, and what it needs is recorded."""
    made = Trips.write(tmp_path_factory.mktemp("trips"))
    (made.folder / ".gitignore").write_text("home\nlake\n__pycache__\n")
    author = ("-c", "user.name=Ada", "-c", "user.email=ada@example.com")
    for words in (["init", "--quiet"], ["add", "."], [*author, "commit", "--quiet", "-m", "one"]):
        subprocess.run(["git", *words], cwd=made.folder, check=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(made.folder)
        assert made.run() == "trips@1"
    yield made
    made.space.close()
