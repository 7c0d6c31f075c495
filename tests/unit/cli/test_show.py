"""What `begat show` draws."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner, Result

from begat.lineage.cli.show import show
from begat.lineage.registry.versions import register
from begat.lineage.workspace import workspace
from support import foreign
from support.history import History, Run, digest, raw, train

MONTHS = [f"{month:02}" for month in range(1, 13)]


@pytest.fixture
def done(home: Path) -> dict[str, Run]:
    """A model over twelve months, of which the last is held out, in the store that is shown."""
    home.mkdir()
    history = History()
    flow = history.flow_run(executed=27, reused=0, model_version="flights@1")
    runs = train(history, MONTHS, flow=flow)
    runs["failed"] = history.task("train", {"part": raw("flights", "month=01")}, end="FAIL")
    store = workspace().store
    store.record(history.events, history.chunks)
    register(
        store,
        model="flights",
        recipe=digest("r"),
        run_id=runs["register"].run_id,
        training_run_id=runs["train"].run_id,
        digest=runs["train"].outputs[0].digest,
        registered_by="ada",
        body={"metrics": {}, "slices": {}, "signature": {}},
    )
    return runs | {"flow": flow}


Show = Callable[..., Result]


@pytest.fixture
def shown(done: dict[str, Run]) -> Show:
    """`begat show` of it."""

    def run(*arguments: str) -> Result:
        return CliRunner().invoke(show, arguments)

    return run


def boxes(result: Result) -> dict[str, str]:
    """What stands under the name in each box of a Mermaid drawing."""
    found = re.findall(r'^    n\d+\W+"?([^"]+)"', result.stdout, re.MULTILINE)
    texts = (re.sub(r"#(\d+);", lambda code: chr(int(code[1])), text) for text in found)
    return {text.partition("<br/>")[0]: text.partition("<br/>")[2] for text in texts}


def edges(result: Result) -> list[tuple[str, str, str]]:
    """Names of both ends of each edge of a Mermaid drawing, and its label."""
    names = [*boxes(result)]
    found = re.findall(r' +n(\d+) -->(?:\|"(.*)"\|)? n(\d+)', result.stdout)
    return [(names[int(a)], names[int(b)], label) for a, label, b in found]


def test_the_tree_stays_what_one_sees_first(shown: Show, tmp_path: Path) -> None:
    """Without a format it is the tree, in a file as well."""
    tree = shown("flights@1")
    written = shown("flights@1", "-o", str(tmp_path / "tree.txt"))

    assert tree.stdout.startswith("flights@1  no stage\n├── registered")
    assert shown("flights@1", "--format", "tree").stdout == tree.stdout
    assert (written.stdout, (tmp_path / "tree.txt").read_text()) == ("", tree.stdout)


def test_a_model_version_is_drawn_with_all_that_it_stands_on(shown: Show) -> None:
    """One box a task and a dataset; edges say which part is read where not all of it is."""
    drawing = shown("flights@1", "--format", "mermaid")
    found = boxes(drawing)

    assert found["file:/lake/flights"] == (
        "12 partitions<br/>1,200 bytes<br/>11 trained on, 1 held out"
    )
    assert found["file:/lake/weather.csv"].endswith("<br/>100 bytes<br/>looked up")
    assert found["flights/features"] == "12 partitions<br/>60 rows, 120 bytes"
    assert found["flights.prepare"].startswith("12 runs<br/>2025-01-0")
    assert found["flights.train"].startswith("run ")
    assert "flights@1" in found
    assert [edge for edge in edges(drawing) if edge[2]] == [
        ("flights/features", "flights.evaluate", "month=12"),
        ("flights/features", "flights.train", "11 of 12"),
    ]
    assert ("flights.register", "flights@1", "") in edges(drawing)


@pytest.mark.parametrize("form", ["mermaid", "dot", "svg"])
def test_hundreds_of_partitions_are_as_readable_as_a_few(
    home: Path, form: str, done: dict[str, Run]
) -> None:
    """A drawing grows with tasks and datasets, not with partitions."""
    history = History(flow="many")
    runs = train(history, [f"{month:04}" for month in range(60)])
    workspace().store.record(history.events, history.chunks)
    few, many = (
        CliRunner().invoke(show, [one["evaluate"].run_id, "--format", form]).stdout
        for one in (done, runs)
    )

    assert "60 partitions" in many
    assert many.count("\n") == few.count("\n")


def test_a_task_is_drawn_with_what_it_wrote(shown: Show, done: dict[str, Run]) -> None:
    """What it read leads to it, and it leads to what it wrote; nothing else is there."""
    drawing = shown(done["featurize 02"].run_id, "--format", "mermaid")

    assert edges(drawing) == [
        ("file:/lake/flights", "flights.prepare", ""),
        ("file:/lake/weather.csv", "flights.prepare", ""),
        ("flights/prepared", "flights.featurize", ""),
        ("flights.prepare", "flights/prepared", ""),
        ("flights.featurize", "flights/features", ""),
    ]
    assert boxes(drawing)["flights/features"].startswith("month=02 blake3:")


def test_a_flow_run_is_drawn_up_to_its_model(shown: Show, done: dict[str, Run]) -> None:
    """All tasks that ran in it, and the version that resulted."""
    drawing = shown(done["flow"].run_id, "--format", "mermaid")

    assert ("flights.register", "flights@1", "") in edges(drawing)
    assert len([name for name in boxes(drawing) if "." in name and "/" not in name]) == 5


def test_a_flow_run_that_had_nothing_to_do(shown: Show, done: dict[str, Run]) -> None:
    """It leads to the version that stands."""
    history = History(minutes=iter(range(900, 999)))
    idle = history.flow_run(executed=0, reused=27, model_version="flights@1")
    workspace().store.record(history.events, history.chunks)
    drawing = shown(idle.run_id, "--format", "mermaid")

    assert edges(drawing) == [("flights", "flights@1", "")]


def test_a_partition_is_drawn_with_what_made_it(shown: Show) -> None:
    """It is the end of its drawing."""
    drawing = shown("flights/prepared[month=03]", "--format", "mermaid")

    assert edges(drawing) == [
        ("file:/lake/flights", "flights.prepare", ""),
        ("file:/lake/weather.csv", "flights.prepare", ""),
        ("flights.prepare", "flights/prepared", ""),
    ]


def test_a_run_that_failed_is_marked(shown: Show, done: dict[str, Run]) -> None:
    """In words and in its look."""
    drawing = shown(done["failed"].run_id, "--format", "mermaid")

    assert boxes(drawing)["flights.train"].startswith("failed<br/>run ")
    assert "class n1 failed" in drawing.stdout


def test_svg(shown: Show, tmp_path: Path) -> None:
    """A file's name says the format."""
    written = shown("flights@1", "-o", str(tmp_path / "lineage.svg"))
    root = ElementTree.parse(tmp_path / "lineage.svg").getroot()

    assert (written.exit_code, written.stdout) == (0, "")
    assert root.findtext("{http://www.w3.org/2000/svg}title") == "flights@1"


def test_names_that_are_no_names(home: Path) -> None:
    """A dataset of somebody else's may be called anything."""
    home.mkdir()
    history = History()
    name = 'say "no"; </text> [x] {y} `z`'
    run = history.task("read", {"part": raw(name)}, ["x"])
    workspace().store.record(history.events, history.chunks)
    results = {
        form: CliRunner().invoke(show, [run.run_id, "--format", form])
        for form in ("mermaid", "dot", "svg")
    }

    assert {result.exit_code for result in results.values()} == {0}
    assert f"file:/lake/{name}" in boxes(results["mermaid"])
    assert any(
        text.startswith(f"file:/lake/{name}, ")
        for text in ElementTree.fromstring(results["svg"].stdout).itertext()
    )


def test_json_and_a_drawing_exclude_each_other(shown: Show) -> None:
    """Programs read the one, people look at the other."""
    assert "--json prints an object" in str(shown("flights@1", "--json", "-o", "x.svg").exception)


def test_a_file_that_is_no_drawing(shown: Show, tmp_path: Path) -> None:
    """A file is not filled with something other than its name says."""
    refused = shown("flights@1", "-o", str(tmp_path / "lineage.png"))

    assert ".png file, which begat does not draw" in str(refused.exception)
    assert list(tmp_path.glob("*.png")) == []


def test_of_others(home: Path) -> None:
    """Of a run of another producer, what nobody knows is not shown as if it were known."""
    home.mkdir()
    told = foreign.event(
        1, "COMPLETE", 1, inputs=[foreign.dataset(0)], outputs=[foreign.dataset(1)]
    )
    workspace().store.record([told], origin="ingested")
    shown = CliRunner().invoke(show, [foreign.run_id(1)])

    assert shown.exit_code == 0
    assert "read" in shown.output
    assert not re.search(r"git|image|\(0 partitions\)|── *$", shown.output, re.MULTILINE)


def test_made_by_a_run_nobody_told_of(home: Path) -> None:
    """What stands on a run that was never heard of is shown, and that it was not."""
    home.mkdir()
    history = History()
    made = history.task("prepare", {"part": raw("flights", "month=01")}, ["prepared"])
    history.task("train", {"part": made.outputs[0]})
    later = history.events[-2:]
    workspace().store.record(later, history.chunks, origin="ingested")
    shown = CliRunner().invoke(show, [later[-1]["run"]["runId"]])

    assert (shown.exit_code, shown.exception) == (0, None)
    assert "a run that nobody told of" in shown.output


def test_required_items_are_listed_with_what_to_do(shown: Show) -> None:
    """A model version tells its items, and who promoted it; of what is missing, the remedy."""
    said = json.loads(shown("flights@1", "--json").stdout)
    found = {one["item"]: one for one in said["required"]}
    tree = shown("flights@1").stdout

    assert found["data"]["missing"] is False
    assert found["code"] == {
        "item": "code",
        "title": "code version",
        "says": "the training run has no commit",
        "missing": True,
        "remedy": "commit all that `git status` shows, and run again",
    }
    assert found["promoter"]["says"] == "nobody yet"
    assert "code version  the training run has no commit; commit all that `git status`" in tree
