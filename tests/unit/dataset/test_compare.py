"""How the data of one reference differs from that of another."""

from __future__ import annotations

import json
import shutil
from typing import Any

import pytest
from click.testing import CliRunner

from begat.lineage.cli.data import data
from begat.lineage.dataset import diff, held
from begat.lineage.errors import ParameterError
from begat.lineage.workspace import workspace

from .conftest import Lake


def compare(old: str, new: str, **how: Any) -> dict[str, Any]:
    space = workspace()
    return diff(space.store, space.artifacts, old, new, **how)


def of(found: dict[str, Any], role: str) -> dict[str, list[dict[str, Any]]]:
    [entry] = [entry for entry in found["datasets"] if entry["role"] == role]
    return dict(entry)


def keys(entry: dict[str, list[dict[str, Any]]]) -> dict[str, list[str]]:
    return {
        kind: [part["partition"] for part in entry[kind]]
        for kind in ("added", "removed", "changed", "same")
    }


@pytest.fixture
def versions(lake: Lake) -> tuple[str, str]:
    """Two models: one partition changed, one gone, one new, one as it was."""
    old = lake.train()
    lake.put("01", "id,plane,delay\n1,a,01\n2,b,30\n4,b,5\n5,b,6\n")
    shutil.rmtree(lake.path("03").parent)
    lake.put("04", "id,plane,delay\n1,a,9\n")
    return old, lake.train()


def test_partitions(versions: tuple[str, str]) -> None:
    """Partitions are added, removed, changed or the same, of raw data and of what was made."""
    found = compare(*versions)
    expected = {
        "added": ["month=04"],
        "removed": ["month=03"],
        "changed": ["month=01"],
        "same": ["month=02"],
    }

    assert keys(of(found, "raw")) == keys(of(found, "prepared")) == expected
    assert keys(of(found, "lookups")) == {**{key: [] for key in expected}, "same": [""]}
    assert not found["same"]
    assert found["notes"] == []


def test_rows_by_key(versions: tuple[str, str]) -> None:
    """Rows that are known by a key are added, removed or changed; and so are their values."""
    [changed] = of(compare(*versions, key=["id"]), "raw")["changed"]
    [delay] = [column for column in changed["columns"] if column["column"] == "delay"]
    counted = {
        kind: changed["rows"][kind] for kind in ("old", "new", "added", "removed", "changed")
    }

    assert counted == {"old": 3, "new": 4, "added": 2, "removed": 1, "changed": 1}
    assert changed["rows"]["by"] == "key id"
    assert (delay["changed"], delay["old"]["max"], delay["new"]["max"]) == (1, 4.0, 30.0)
    assert (delay["old"]["distinct"], delay["new"]["distinct"]) == (3, 4)


def test_rows_without_a_key(versions: tuple[str, str]) -> None:
    """Without a key rows are a multiset: one that changed was removed and added."""
    [changed] = of(compare(*versions), "raw")["changed"]

    assert changed["rows"]["by"] == "content"
    assert (changed["rows"]["added"], changed["rows"]["removed"]) == (3, 2)
    assert changed["rows"]["changed"] is None


def test_shares(versions: tuple[str, str]) -> None:
    """Of categories the shares are told that moved."""
    [changed] = of(compare(*versions), "raw")["changed"]
    [plane] = [column for column in changed["columns"] if column["column"] == "plane"]

    assert plane["old"]["shares"] == {"a": 0.666667, "b": 0.333333}
    assert plane["new"]["shares"] == {"a": 0.25, "b": 0.75}


@pytest.mark.parametrize(
    ("key", "message"),
    [
        (["plane"], "several rows have one plane, so it is no key"),
        (["x"], "have the key 'x'; both"),
    ],
)
def test_no_key(versions: tuple[str, str], key: list[str], message: str) -> None:
    """A column that no table has, or that has a value twice in all of them, is refused as a key."""
    with pytest.raises(ParameterError, match=message):
        compare(*versions, key=key)


def test_key_of_some(lake: Lake) -> None:
    """Of a table that has not the key it is said in its place, where others have it."""
    for delay in ("1", "5"):
        lake.put("01", f"id,plane,delay\n1,a,{delay}\n2,b,2\n")
        model = lake.train()
    found = compare("rides@1", model, key=["seats"])  # of the lookup: raw data has it not

    assert "have the key 'seats'" in of(found, "raw")["changed"][0]["unread"]
    assert of(found, "prepared")["changed"][0]["rows"]["by"] == "key seats"
    assert found["notes"] == []


def test_key_is_not_needed(lake: Lake) -> None:
    """A key with which nothing was compared is said to be of no use."""
    model = lake.train()
    found = compare(model, model, key=["nope"])

    assert found["notes"] == ["the key nope was not needed: no two tables were compared"]


def test_schema(lake: Lake) -> None:
    """Columns that came, went or have another type are told."""
    lake.train()
    old = held(workspace().store, "lake/raw[month=01]")[0].version.digest
    lake.put("01", "id,delay,gate\n1,late,7\n")
    [found] = _with_planes(lake, old)

    assert found["schema"]["added"] == ["gate"]
    assert found["schema"]["removed"] == ["plane"]
    assert [column["column"] for column in found["schema"]["changed"]] == ["delay"]


def _with_planes(lake: Lake, old: str) -> list[dict[str, Any]]:
    """The change of the first month, which no model can be trained on any more."""
    from begat.lineage import DatasetVersion, plain, source

    @plain.task
    def look(part: DatasetVersion) -> str:
        return part.digest

    raw = source("raw/month={month}/*.csv", folder=lake.folder)
    with plain.flow("look"):
        new = next(look(part) for part in raw.versions)  # type: ignore[union-attr]  # a snapshot
    return of(compare(old, new), "raw")["changed"]


def test_two_partitions_and_two_datasets(lake: Lake) -> None:
    """Any two partitions can be compared, and two datasets partition by partition."""
    lake.train()
    two = compare("lake/raw[month=01]", "lake/raw[month=02]")
    other = compare("lake/raw", "rides/prepared")

    assert [part["partition_before"] for part in of(two, "raw")["changed"]] == ["month=01"]
    assert keys(of(other, "prepared"))["changed"] == ["month=01", "month=02", "month=03"]


def test_same(lake: Lake) -> None:
    """Nothing differs from itself."""
    model = lake.train()
    found = compare(model, model)

    assert found["same"]
    assert sum(len(entry["same"]) for entry in found["datasets"]) == 7


def test_gone_bytes(versions: tuple[str, str]) -> None:
    """A partition whose bytes are gone still is told to differ, and why no more is."""
    [changed] = of(compare(*versions), "raw")["changed"]
    workspace().artifacts.set_aside(changed["digest"]["old"])
    found = compare(*versions)

    assert "are gone" in of(found, "raw")["changed"][0]["unread"]
    assert any("gone from the artifact store" in note for note in found["notes"])


def test_limit(versions: tuple[str, str]) -> None:
    """No more tables are read than was asked for, and the rest is counted."""
    found = compare(*versions, limit=1)

    assert "unread" not in of(found, "raw")["changed"][0]
    assert "unread" in of(found, "prepared")["changed"][0]
    assert any("1 pairs of tables were not compared" in note for note in found["notes"])


def test_chosen(versions: tuple[str, str]) -> None:
    """One dataset can be chosen; one that neither side has is refused by name."""
    found = compare(*versions, datasets=["prepared"])

    assert [entry["role"] for entry in found["datasets"]] == ["prepared"]
    with pytest.raises(ParameterError, match="there is no dataset 'x'"):
        compare(*versions, datasets=["x"])


def test_command(versions: tuple[str, str]) -> None:
    """The command prints what differs, and all of it as JSON."""
    shown = CliRunner().invoke(data, ["diff", *versions, "--key", "id"]).stdout
    printed = json.loads(CliRunner().invoke(data, ["diff", *versions, "--json"]).stdout)

    assert "raw  1 added, 1 removed, 1 changed, 1 same" in shown
    assert "~ month=01  rows 3 → 4 (2 added, 1 removed, 1 changed by key id)" in shown
    assert "a 66.7% → 25.0%" in shown
    assert printed == compare(*versions)
