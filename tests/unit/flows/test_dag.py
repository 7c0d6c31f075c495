"""A pipeline as a drawing."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner, Result

from begat.flows import commands_dag, inputs, training
from begat.flows.dag import draw
from begat.lineage.cli.drawing import Drawing, Node
from begat.lineage.workspace import workspace
from support.delays import SHAPES, Lake, month
from support.small import Small


def drawn(pipeline: training.Pipeline, partitions: str = "") -> Drawing:
    """The drawing of a plan."""
    report = training.plan(pipeline, partitions=partitions)
    return draw(pipeline, report, inputs.find(pipeline, workspace(), chosen=partitions))


def nodes(drawing: Drawing) -> dict[str, Node]:
    """Nodes by key."""
    return {node.key: node for node in drawing.nodes}


def labels(drawing: Drawing) -> dict[tuple[str, str], str]:
    """Labels of edges that have one."""
    return {(edge.source, edge.target): edge.label for edge in drawing.edges if edge.label}


@pytest.mark.parametrize("shape", SHAPES)
def test_every_pipeline_can_be_drawn(lake: Lake, shape: str) -> None:
    """Its data, its five tasks and its model, each with an edge; before a run all are stale."""
    pipeline = SHAPES[shape](lake)
    drawing = drawn(pipeline)
    found = nodes(drawing)

    assert list(found) == [
        "source",
        *(f"lookup {name}" for name in pipeline.lookups),
        *("prepare", "featurize", "train", "evaluate", "register", "model"),
    ]
    assert {edge.target for edge in drawing.edges} == set(found) - {
        key for key, node in found.items() if node.kind == "source"
    }
    assert found["prepare"].mark == "stale"
    assert {found[key].mark for key in ("featurize", "train", "evaluate", "register", "model")} == {
        "pending"
    }


def test_what_stands_is_reused(lake: Lake) -> None:
    """After a run nothing is stale, and the model is the version that stands."""
    pipeline = SHAPES["lookup"](lake)
    pipeline.run(adapter="plain")
    drawing = drawn(pipeline)
    found = nodes(drawing)

    assert drawing.subtitle == "nothing to do: delays@1 stands"
    assert found["model"].said == ()
    assert {found[step].mark for step in ("prepare", "featurize", "train")} == {"reused"}
    assert found["featurize"].said == ("3 partitions, reused", "features")
    assert found["lookup carriers"].said == ("lookup carriers", "23 bytes")


def test_partitions_are_one_node(lake: Lake) -> None:
    """A month that arrived is one of four that are stale; its features depend on that."""
    pipeline = SHAPES["plainly"](lake)
    pipeline.run(adapter="plain")
    lake.put("raw/month=2013-12.csv", month(12))
    drawing = drawn(pipeline)
    found = nodes(drawing)

    assert drawing.subtitle == "2 stale, 3 pending, 6 reused"
    assert found["source"].many == 4
    assert found["prepare"].said == ("4 partitions, 1 stale", "clean")
    assert found["featurize"].said == ("4 partitions, 1 pending", "features")
    # What was held out trains now, and all of that is there.
    assert found["train"].said == ("stale", "DecisionTreeClassifier")
    assert (found["model"].name, found["model"].mark) == ("delays", "pending")


@pytest.mark.parametrize(
    ("shape", "trained", "held"),
    [
        ("plainly", "2 partitions", "month=2013-11, held out"),
        ("held by key", "2 partitions", "month=2013-10, held out"),
        ("fraction", "70% of the rows", "30% of the rows, held out"),
        ("no keys", "75% of the rows", "25% of the rows, held out"),
    ],
)
def test_what_is_held_out_is_said(lake: Lake, shape: str, trained: str, held: str) -> None:
    """Edges say what trains and what evaluates."""
    assert labels(drawn(SHAPES[shape](lake))) == {
        ("featurize", "train"): trained,
        ("featurize", "evaluate"): held,
    }


def test_chosen_partitions_are_drawn(lake: Lake) -> None:
    """With --partitions the drawing is of those."""
    drawing = drawn(SHAPES["plainly"](lake), "month<=2013-10")

    assert nodes(drawing)["prepare"].many == 2
    assert labels(drawing)["featurize", "train"] == "1 partition"


# The command


@pytest.fixture
def small(tmp_path: Path) -> Small:
    """A pipeline in a file."""
    return Small.write(tmp_path / "small")


@pytest.fixture
def dag(small: Small) -> Callable[..., Result]:
    """`begat dag` of it."""

    def run(*arguments: str) -> Result:
        return CliRunner().invoke(commands_dag.dag, [small.name, *arguments])

    return run


def test_text_is_what_one_sees_first(dag: Callable[..., Result]) -> None:
    """Without a format it is text."""
    assert dag().stdout.splitlines() == [
        "small  3 stale, 6 pending, 0 reused",
        "○      raw/month={month}/rows.csv  3 partitions  639 bytes",
        "●      prepare                     3 partitions, stale  clean",
        "●      featurize                   3 partitions, pending  features",
        "├─╮",
        "● │    train                       pending  DecisionTreeClassifier  ← 2 partitions",
        "├─┼─╮",
        "├─╯ │",
        "●   │  evaluate                    pending  ← month=2013-03, held out",
        "├───╯",
        "●      register                    pending",
        "◆      small                       pending",
    ]


@pytest.mark.parametrize(
    ("arguments", "begins"),
    [
        (["--format", "mermaid"], "flowchart TD\n"),
        (["--format", "dot"], "digraph begat {\n"),
        (["--format", "svg"], "<svg "),
    ],
)
def test_formats(dag: Callable[..., Result], arguments: list[str], begins: str) -> None:
    """A drawing goes to stdout, and nothing with it."""
    assert dag(*arguments).stdout.startswith(begins)


def test_a_files_name_says_the_format(dag: Callable[..., Result], tmp_path: Path) -> None:
    """Unless a format is given; any other name holds text. What was there is replaced."""
    (tmp_path / "a.svg").write_text("old")
    done = [
        dag("-o", str(tmp_path / "a.svg")),
        dag("-o", str(tmp_path / "b.gv")),
        dag("-o", str(tmp_path / "c.svg"), "--format", "mermaid"),
        dag("-o", str(tmp_path / "d")),
    ]

    assert [(one.exit_code, one.stdout) for one in done] == [(0, "")] * 4
    assert ElementTree.parse(tmp_path / "a.svg").getroot().tag.endswith("svg")
    assert [(tmp_path / name).read_text().split()[0] for name in ("b.gv", "c.svg", "d")] == [
        "digraph",
        "flowchart",
        "small",
    ]


def test_json_is_the_plan_and_its_graph(dag: Callable[..., Result]) -> None:
    """The object of `begat plan`, with nodes and edges."""
    found = json.loads(dag("--json", "--partitions", "month<=2013-02").stdout)

    assert found["stale"] == len(found["tasks"]) == 7
    assert found["nodes"][1] == {
        "key": "prepare",
        "kind": "task",
        "name": "prepare",
        "many": 2,
        "marks": {"stale": 2},
        "lines": ["clean"],
    }
    assert found["edges"][0] == {"source": "source", "target": "prepare", "label": ""}


def test_parameters_are_planned_with(dag: Callable[..., Result]) -> None:
    """`--set` counts, as for a plan."""
    refused = dag("--set", "train.deepness=2")

    assert dag("--set", "train.max_depth=3").exit_code == 0
    assert "deepness" in str(refused.exception)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--json", "--format", "svg"], "--json prints an object"),
        (["--json", "-o", "x.svg"], "--json prints an object"),
        (["-o", "missing/x.svg"], "missing/x.svg cannot be written"),
    ],
)
def test_what_cannot_be_done_is_said(
    dag: Callable[..., Result], arguments: list[str], message: str
) -> None:
    """In one line that says what to change."""
    assert message in str(dag(*arguments).exception)
