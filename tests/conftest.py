"""Every test works in a home of its own, and every event it leaves there is validated."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import hypothesis
import pytest

from begat.lineage.workspace import Workspace, using
from support.openlineage import Specification, official, pytest_report_header

__all__ = ["official", "pytest_report_header"]

# A shell ignores it for what it runs in the background, and what tests start would inherit that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# No law of begat's is about time, and the machine may be busy.
hypothesis.settings.register_profile("begat", deadline=None)
# For `make bench`; the laws of the graph take multiples of it.
hypothesis.settings.register_profile("laws", deadline=None, max_examples=500)
hypothesis.settings.load_profile("begat")  # `--hypothesis-profile=laws` comes later and wins


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The home of a test, and of the processes it starts."""
    for name in ("BEGAT_STORE", "BEGAT_ARTIFACTS", "BEGAT_NAMESPACE", "BEGAT_IMAGE_DIGEST"):
        monkeypatch.delenv(name, raising=False)
    for name in list(os.environ):
        if name.startswith("OPENLINEAGE_") and name != "OPENLINEAGE_SPEC":
            monkeypatch.delenv(name)  # no test forwards its events to where the developer's go
    folder = tmp_path / "home"
    monkeypatch.setenv("BEGAT_HOME", str(folder))
    with using(Workspace()):
        yield folder


@pytest.fixture(autouse=True)
def valid_events(tmp_path: Path, official: Specification) -> Iterator[None]:
    """Validate all events of all stores a test leaves behind against the official schemas."""
    yield
    for path in _stores(tmp_path):
        with closing(sqlite3.connect(path, timeout=60)) as database:
            # A process that was killed while it made one leaves a file in which nothing is.
            if database.execute("SELECT 1 FROM sqlite_master WHERE name = 'event'").fetchone():
                for (body,) in database.execute("SELECT body FROM event"):
                    official.validate(json.loads(body))


def _stores(folder: Path) -> Iterator[Path]:
    # Not rglob: what a process that is just ending removes would end it with an error.
    for parent, _, names in os.walk(folder):
        if "begat.db" in names:
            yield Path(parent, "begat.db")
