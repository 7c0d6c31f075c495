"""What data a reference stands on."""

from __future__ import annotations

import json
import shutil
from typing import Any

import pytest
from click.testing import CliRunner

from begat.lineage.cli.data import data
from begat.lineage.dataset import status
from begat.lineage.errors import ParameterError, RefError
from begat.lineage.workspace import workspace

from .conftest import Lake


def of(found: dict[str, Any], role: str) -> dict[str, Any]:
    [entry] = [entry for entry in found["datasets"] if entry["role"] == role]
    return dict(entry)


def test_a_model(lake: Lake) -> None:
    """A model stands on raw data, lookups and prepared data, each partition with what is known."""
    model = lake.train()
    found = status(workspace(), model)
    raw = of(found, "raw")

    assert [entry["role"] for entry in found["datasets"]] == ["raw", "lookups", "prepared"]
    assert [part["partition"] for part in raw["partitions"]] == [f"month=0{n}" for n in (1, 2, 3)]
    assert raw["partitions"][0]["location"] == str(lake.path("01"))
    assert raw["missing"] == []
    assert all(part["present"] and part["source"] == "same" for part in raw["partitions"])
    assert raw["source"] == {"changed": [], "removed": [], "added": [], "note": None}
    assert of(found, "prepared")["rows"] == 8
    assert of(found, "prepared")["source"] is None
    assert of(found, "lookups")["partitions"][0]["source"] == "same"


def test_the_source_since(lake: Lake) -> None:
    """Partitions that changed, went or came at the source since are told."""
    model = lake.train()
    lake.put("01", "id,plane,delay\n1,a,9\n")
    shutil.rmtree(lake.path("02").parent)
    lake.put("03", "id,plane,delay\n3,a,1\n", "z.csv")
    lake.put("04", "id,plane,delay\n1,a,9\n")
    (lake.folder / "planes.csv").unlink()
    found = status(workspace(), model)

    assert of(found, "raw")["source"] == {
        "changed": ["month=01", "month=03"],
        "removed": ["month=02"],
        "added": ["month=04"],
        "note": None,
    }
    assert of(found, "lookups")["source"]["removed"] == [""]


def test_of_what_was_read_before(lake: Lake) -> None:
    """An older model stands on what it was trained on, whatever has been read since."""
    before = lake.train()
    old = of(status(workspace(), before), "raw")
    lake.put("02", "id,plane,delay\n1,a,9\n")
    after = lake.train()

    assert (
        of(status(workspace(), before), "raw")["partitions"][1]["digest"]
        == (old["partitions"][1]["digest"])
    )
    assert of(status(workspace(), before), "raw")["source"]["changed"] == ["month=02"]
    assert of(status(workspace(), after), "raw")["source"]["changed"] == []


def test_gone_bytes(lake: Lake) -> None:
    """A partition whose bytes, or one of whose files', are gone is told."""
    model = lake.train()
    parts = of(status(workspace(), model), "raw")["partitions"]
    store = workspace().artifacts
    store.set_aside(parts[0]["digest"])
    store.set_aside(json.loads(store.read(parts[2]["digest"]))["files"][0]["digest"])

    assert of(status(workspace(), model), "raw")["missing"] == ["month=01", "month=03"]


@pytest.mark.parametrize(
    ("ref", "roles", "partitions"),
    [
        ("rides/prepared", ["prepared"], 3),
        ("lake/raw", ["raw"], 3),
        ("lake/raw[month=02]", ["raw"], 1),
        ("rides@latest", ["raw", "lookups", "prepared"], 3),
    ],
)
def test_other_references(lake: Lake, ref: str, roles: list[str], partitions: int) -> None:
    """A dataset, and a partition of one, stand for themselves."""
    lake.train()
    found = status(workspace(), ref)

    assert [entry["role"] for entry in found["datasets"]] == roles
    assert len(found["datasets"][0]["partitions"]) == partitions


def test_runs(lake: Lake) -> None:
    """A run stands on what it read, and on what it made."""
    lake.train()
    with workspace().store.read() as db:
        [flow] = db.execute("SELECT uuid FROM run WHERE kind = 'FLOW'").fetchall()
        [first, *_] = db.execute("SELECT uuid FROM run WHERE kind != 'FLOW' ORDER BY id").fetchall()

    assert [e["role"] for e in status(workspace(), flow[0])["datasets"]] == [
        "raw",
        "lookups",
        "prepared",
    ]
    assert len(of(status(workspace(), first[0]), "prepared")["partitions"]) == 1


def test_chosen(lake: Lake) -> None:
    """A dataset is chosen by its role, its name, or a tail of it; another is refused by name."""
    model = lake.train()
    names = [
        [entry["role"] for entry in status(workspace(), model, datasets=[name])["datasets"]]
        for name in ("raw", "rides/prepared", "planes.csv")
    ]

    assert names == [["raw"], ["prepared"], ["lookups"]]
    with pytest.raises(ParameterError, match=r"no dataset 'x'; there are raw \(file:"):
        status(workspace(), model, datasets=["x"])


@pytest.mark.parametrize("ref", ["rides.train", "commit:abc", "rides@9", "nothing"])
def test_no_data(lake: Lake, ref: str) -> None:
    """What names no data, and nothing that stands on any, is refused in one line."""
    lake.train()

    with pytest.raises(RefError) as caught:
        status(workspace(), ref)
    assert "\n" not in str(caught.value)


def test_command(lake: Lake) -> None:
    """The command prints what is known of each dataset, and all of it as JSON."""
    model = lake.train()
    lake.put("01", "id,plane,delay\n1,a,9\n")
    shown = CliRunner().invoke(data, ["status", model]).stdout
    printed = json.loads(CliRunner().invoke(data, ["status", model, "--json"]).stdout)

    assert f"file:{lake.folder}/raw  raw  3 partitions" in shown
    assert "changed at the source since: month=01" in shown
    assert "rides/prepared  prepared  3 partitions, 8 rows" in shown
    assert printed == status(workspace(), model)
