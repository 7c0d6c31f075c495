"""What is remembered of distant places, and when."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from begat.lineage.content import seen
from begat.lineage.content.seen import Seen

PLACE = "s3://bucket/artifacts"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "cache.db"


def test_what_waits_is_known(path: Path) -> None:
    """What was just added is known, and other places have none of it."""
    here = Seen(path)
    here.add(PLACE, ["a", "b"])

    assert (here.of(PLACE, ["a", "c"]), here.of("s3://other", ["a"])) == ({"a"}, frozenset())


def test_dropped_at_once(path: Path) -> None:
    """What was added and dropped again is not known later."""
    here = Seen(path)
    here.add(PLACE, ["a", "b"])
    here.drop(PLACE, "a")
    del here

    assert Seen(path).of(PLACE, ["a", "b"]) == {"b"}


def test_noted_together(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Many are noted as soon as they are many, the rest when nobody needs them here any more."""
    monkeypatch.setattr(seen, "TOGETHER", 3)
    here = Seen(path)
    for digest in "abcd":
        here.add(PLACE, [digest])
    before = Seen(path).of(PLACE, "abcd")
    del here

    assert (before, Seen(path).of(PLACE, "abcd")) == (set("abc"), set("abcd"))


def test_noted_at_the_end(path: Path) -> None:
    """What waits when a process ends is noted."""
    script = (
        "from pathlib import Path\n"
        "from begat.lineage.content.seen import Seen\n"
        f"here = Seen(Path({str(path)!r}))\n"
        f"here.add({PLACE!r}, ['a'])\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True)

    assert Seen(path).of(PLACE, ["a"]) == {"a"}


def test_objects(path: Path) -> None:
    """An object's digest is known for the state that it was read in, until it is forgotten."""
    here = Seen(path)
    here.remember([("key", "one", "digest", "version")])
    found = here.digests([("key", "one"), ("key", "two")])
    here.forget("key", "one")

    assert (found, here.digests([("key", "one")])) == (
        {("key", "one"): ("digest", "version")},
        {},
    )


@pytest.mark.parametrize("data", [None, b"no database"])
def test_only_a_shortcut(tmp_path: Path, data: bytes | None) -> None:
    """Where nothing can be remembered nothing is known, and nothing fails."""
    path = tmp_path / "cache.db" if data else tmp_path / "no folder" / "cache.db"
    if data:
        path.write_bytes(data)
    here = Seen(path)
    here.add(PLACE, ["a"])
    here.drop(PLACE, "b")
    here.remember([("key", "state", "digest", "")])

    assert (here.of(PLACE, ["a"]), here.digests([("key", "state")])) == (frozenset(), {})
