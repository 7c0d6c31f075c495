"""What the commands that ask the graph print."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

from begat.lineage import cli
from begat.lineage.registry.versions import register
from begat.lineage.workspace import workspace
from support.asking import ran, tell
from support.foreign import dataset, facet, run_id
from support.history import History, Run, digest, train


@pytest.fixture
def done(home: Path) -> dict[str, Run]:
    """A model over four months in the store that commands ask."""
    home.mkdir()
    history = History()
    runs = train(history, ["01", "02", "03", "04"])
    store = workspace().store
    store.record(history.events, history.chunks)
    register(
        store,
        model="late",
        recipe=digest("r"),
        run_id=runs["register"].run_id,
        training_run_id=runs["train"].run_id,
        digest=runs["train"].outputs[0].digest,
        registered_by="ada",
        body={},
    )
    return runs


def says(*arguments: str) -> str:
    """What a command prints."""
    name, *rest = arguments
    command = cli.begat.get_command(click.Context(cli.begat), name)
    assert command is not None
    result = CliRunner().invoke(command, rest, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def lines(*arguments: str) -> list[str]:
    """Its lines, without the branches of a tree and with single spaces."""
    plain = (line.lstrip("│├└─ ") for line in says(*arguments).splitlines())
    return [" ".join(line.split()) for line in plain]


def objects(*arguments: str) -> dict[str, Any]:
    """The object that a command prints."""
    found: dict[str, Any] = json.loads(says(*arguments, "--json"))
    return found


def test_upstream(done: dict[str, Run]) -> None:
    """Partitions of a dataset and runs of a job are a line each; what was shown is only named."""
    found = lines("upstream", "late@1")

    assert found[0] == "late@1 no stage"
    assert "flights/features 4 partitions month=01 … month=04" in found
    assert sum(line.startswith("flights/prepared ") for line in found) == 1
    assert any(line.startswith("flights.prepare 4 runs 2025-01-01 00:00:00") for line in found)
    assert found.index("flights/features (above)") > found.index(
        "flights/features 4 partitions month=01 … month=04"
    )


def test_a_run_id_that_was_used_again(home: Path) -> None:
    """Executions are told apart where runs are listed, and each says that there are others."""
    home.mkdir()
    tell(workspace().store, *ran(1, 0, job="load"), *ran(1, 5, job="load"))
    first = run_id(1)

    assert {line.split()[0] for line in lines("runs", "--job", "load")[1:]} == {
        first[:18],
        f"{first[:18]}#2",
    }
    said = f"this run id was used more than once; there is also {first}"
    assert lines("upstream", first)[-1] == f"{said}#2"
    assert lines("impact", f"{first}#2")[-1] == said


def test_downstream(done: dict[str, Run]) -> None:
    """Downwards the model is among it, and what is missing is said below."""
    found = lines("downstream", "flights[month=01]")
    near = lines("downstream", "flights[month=01]", "--depth", "1")
    stopped = lines("downstream", "flights[month=01]", "--stop-at", "flights/features")

    assert "late@1 no stage" in found
    assert near[-1] == "there is more further away; a larger --depth shows it"
    assert len(near) == 4
    assert stopped[-1] == "there is more behind what --stop-at names"
    assert not any("flights.train" in line for line in stopped)


def test_pages_of_a_tree(done: dict[str, Run]) -> None:
    """A page says how to go on, and what its way is not on stands behind dots."""
    first = objects("upstream", "late@1", "--limit", "8")
    last = says("upstream", "late@1", "--limit", "8").splitlines()[-1]
    second = lines("upstream", "late@1", "--after", first["next"])

    assert last == f"there is more; go on with --after '{first['next']}'"
    assert (first["truncated"], first["reasons"]) == (True, ["page"])
    assert len(first["nodes"]) == 8
    assert second[0] == "late@1 model"
    assert any(line.startswith("… ") for line in second)


def test_objects(done: dict[str, Run]) -> None:
    """The object has what was asked, nodes with keys and depths, edges, and whether it is all."""
    found = objects("upstream", "late@1")

    assert set(found) == {"asked", "nodes", "edges", "reasons", "next", "truncated"}
    assert found["asked"] == {
        "ref": "late@1",
        "what": "model",
        "name": "late@1",
        "also_known_as": [],
        "executions": [],
    }
    assert found["nodes"][0]["key"] == "model:late@1"
    assert {edge["child"] for edge in found["edges"]} <= {node["key"] for node in found["nodes"]}
    assert (found["truncated"], found["next"]) == (False, None)


def test_path(done: dict[str, Run]) -> None:
    """A path is told from the first to the second, whichever stands on the other."""
    down = lines("path", "flights[month=01]", "late@1")
    up = lines("path", "late@1", "flights[month=01]")

    assert down[0].startswith("file:/lake/flights month=01 blake3:")
    assert down[-1] == "leads to late@1 no stage"
    assert up[-1].startswith("stands on file:/lake/flights month=01")
    assert lines("path", "flights[month=04]", "flights/model") == [
        "neither stands on the other: file:/lake/flights[month=04], flights/model"
    ]


def test_impact(done: dict[str, Run]) -> None:
    """Impact lists model versions with stages, and counts what is between."""
    found = lines("impact", "flights[month=01]")

    assert found[1].startswith("late@1 None")
    assert found[-1] == "behind it, itself among them: 5 runs, 6 versions of 6 datasets"
    assert objects("impact", "flights[month=01]")["models"][0]["stage"] == "None"


def test_impact_without_a_registry(done: dict[str, Run]) -> None:
    """Of a model that another store registered, impact says that it is not registered here."""
    told = facet(model="eta", version=3, digest=digest("eta"), stage=None)
    tell(workspace().store, *ran(9, 90, [dataset(0)], [dataset(1, begat_modelVersion=told)]))

    assert lines("impact", "s3://lake:orders")[:2] == [
        "no model version that is registered here stands on s3://lake:orders",
        "registered in other stores, by their events: eta@3",
    ]


@pytest.mark.parametrize(
    ("arguments", "name", "first"),
    [
        (("search", "features"), "hits", "dataset flights/features flights/features name (exact)"),
        (("datasets",), "datasets", "flights/evaluation 1 1 2025-01-01"),
        (("partitions", "flights/features"), "partitions", "month=01 blake3:"),
        (("versions", "flights"), "versions", "month=01 blake3:"),
        (("jobs",), "jobs", "begat:flights.evaluate 1 00000000-"),
        (("events",), "events", "2025-01-01 00:00:00 START begat:flights.prepare 00000000-"),
        (("runs", "--job", "train"), "runs", "00000000-"),
    ],
)
def test_lists(done: dict[str, Run], arguments: tuple[str, ...], name: str, first: str) -> None:
    """Each list is a table for people, and an object of its name for programs."""
    found = objects(*arguments)

    assert lines(*arguments)[1].startswith(first)
    assert set(found) == {name, "reasons", "next", "truncated"}
    assert len(lines(*arguments)) == len(found[name]) + 1


def test_nothing_there(home: Path) -> None:
    """An empty store says so."""
    home.mkdir()

    assert lines("datasets") == ["no dataset is known yet"]
    assert lines("search", "x") == ["nothing is called 'x'"]
    assert lines("runs", "--state", "FAIL") == ["there are no such runs"]
