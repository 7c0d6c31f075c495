from __future__ import annotations

import os
import tempfile
import threading
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from begat.flows.remember import plans

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)
PLANS = st.dictionaries(st.text(), JSON, max_size=4)


@given(PLANS, PLANS)
def test_the_last_plan_is_read(first: dict[str, Any], last: dict[str, Any]) -> None:
    """What was written last is what is read, whatever was there before."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "plans" / "a.json"
        plans.write(path, first)
        plans.write(path, last)

        assert plans.read(path) == last


@given(PLANS, st.data())
def test_a_damaged_plan_is_none(plan: dict[str, Any], data: st.DataObject) -> None:
    """A file that lost its end, or of which one byte is another, holds no plan."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "plans" / "a.json"
        plans.write(path, plan)
        whole = path.read_bytes()
        at = data.draw(st.integers(0, len(whole) - 1))
        path.write_bytes(whole[:at])
        cut = plans.read(path)
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])

        assert (cut, plans.read(path)) == (None, None)


def test_no_plan(tmp_path: Path) -> None:
    """Where nothing was written there is none."""
    assert plans.read(tmp_path / "a.json") is None


def test_the_newest_are_kept(tmp_path: Path) -> None:
    """A plan that is written takes the place of the oldest, half-written ones too."""
    folder = tmp_path / "plans"
    for number in range(plans.KEPT):
        plans.write(folder / f"{number}.json", {"number": number})
        os.utime(folder / f"{number}.json", (number, number))
    (folder / "0.json").rename(folder / "0.json.half")
    plans.write(folder / "new.json", {})
    kept = {path.name for path in folder.iterdir()}

    assert kept == {"new.json", *(f"{number}.json" for number in range(1, plans.KEPT))}


def test_several_may_write_at_once(tmp_path: Path) -> None:
    """Whoever reads meanwhile has one of the plans, whole."""
    path = tmp_path / "plans" / "a.json"
    written = [{"plan": str(number) * 20_000} for number in range(4)]
    plans.write(path, written[0])

    def write(plan: dict[str, Any]) -> None:
        for _ in range(25):
            plans.write(path, plan)

    writers = [threading.Thread(target=write, args=(plan,)) for plan in written]
    for writer in writers:
        writer.start()
    read = [plans.read(path)]
    while any(writer.is_alive() for writer in writers):
        read.append(plans.read(path))
    for writer in writers:
        writer.join()

    assert all(plan in written for plan in read)
    assert [path.name for path in path.parent.iterdir()] == ["a.json"]


def test_what_cannot_be_written_leaves_what_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An error while a plan is written takes away nothing but that plan."""
    path = tmp_path / "plans" / "a.json"
    plans.write(path, {"first": 1})

    def full(self: Path, data: bytes) -> int:
        with open(self, "wb") as file:
            file.write(data[: len(data) // 2])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match="No space"):
        plans.write(path, {"second": 2})

    assert plans.read(path) == {"first": 1}
    assert [path.name for path in path.parent.iterdir()] == ["a.json"]
