"""README's examples, run as a reader runs them."""

from __future__ import annotations

import json
import os
import re
import shlex
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import pytest

from begat.lineage.cli import begat
from begat.tasks.server import prefect_server
from support import markdown

README = markdown.text("README.md")
SECTIONS = markdown.sections(README)
OWN = SECTIONS["A pipeline of your own"]


@dataclass(frozen=True)
class Reader:
    """A reader's empty folder, in which README's files have been written down."""

    folder: Path
    environment: Mapping[str, str]

    def sh(self, script: str) -> str:
        """What a shell script prints; every line must succeed."""
        done = subprocess.run(
            ["sh", "-e"],
            input=script,
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{script}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def json(self, command: str) -> dict[str, Any]:
        """The object that a command prints."""
        printed: dict[str, Any] = json.loads(self.sh(f"{command} --json"))
        return printed


@pytest.fixture
def reader(tmp_path: Path) -> Reader:
    """A reader who has begat installed, and no Prefect server."""
    folder = tmp_path / "reader"
    folder.mkdir()
    for name, content in markdown.files(README).items():
        (folder / name).write_text(content)
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("BEGAT_", "PREFECT_"))
    }
    installed = str(Path(sys.executable).parent)
    return Reader(folder, kept | {"PATH": f"{installed}{os.pathsep}{kept['PATH']}"})


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Where a Prefect server runs."""
    home = tmp_path_factory.mktemp("prefect")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PREFECT_HOME", str(home))
        from prefect.settings import PREFECT_API_URL, PREFECT_HOME, temporary_settings

        with temporary_settings({PREFECT_HOME: home}), prefect_server():
            yield {"PREFECT_HOME": str(home), "PREFECT_API_URL": str(PREFECT_API_URL.value())}


@pytest.fixture
def with_prefect(reader: Reader, server: dict[str, str]) -> Reader:
    """A reader who has a Prefect server."""
    return Reader(reader.folder, {**reader.environment, **server})


def test_own_pipeline(reader: Reader) -> None:
    """The pipeline runs as it stands, the model is had back by name, every facet is documented."""
    reader.sh("python make_orders.py")
    report = reader.json("begat run returns.py:pipeline --plain")
    (load,) = (block for block in markdown.blocks(OWN, "python") if "import load" in block)
    (reader.folder / "load.py").write_text(load)
    with closing(sqlite3.connect(reader.folder / ".begat" / "begat.db")) as database:
        events = [json.loads(body) for (body,) in database.execute("SELECT body FROM event")]
    documented = re.findall(r"`(\w+)`|^### (\w+)$", markdown.text("docs/facets.md"), re.MULTILINE)

    assert (report["model_version"], report["executed"]) == ("returns@1", 9)
    assert reader.sh("python load.py") in ("[0]\n", "[1]\n")
    assert len(events) == 20  # of nine tasks and the flow, the beginning and the end
    assert {key for event in events for key in keys(event)} <= {a or b for a, b in documented}


def keys(event: dict[str, Any]) -> Iterator[str]:
    """The keys of all facets of an event."""
    datasets = [*event.get("inputs", []), *event.get("outputs", [])]
    for holder in (event["run"], event["job"], *datasets):
        for member in ("facets", "inputFacets", "outputFacets"):
            yield from holder.get(member, {})


def test_own_pipeline_with_prefect(with_prefect: Reader) -> None:
    """README's commands on it work one after the other, and do what it says they do."""
    (commands,) = markdown.blocks(OWN, "sh")
    with_prefect.sh(commands)
    runs = with_prefect.json("begat runs")["flow_runs"]
    again = with_prefect.json("begat run returns.py:pipeline")

    assert [(run["executed"], run["model_version"]) for run in reversed(runs)] == [
        (9, "returns@1"),
        (3, "returns@2"),
    ]
    assert (again["executed"], again["model_version"]) == (0, "returns@1")


def test_own_flow_and_script(with_prefect: Reader) -> None:
    """The flow's second run does nothing, nor does the script, which its runs answer."""
    scripts = ("make_orders.py", "report.py", "report.py", "script.py")
    *_, second, plain = (with_prefect.sh(f"python {script}") for script in scripts)
    runs = with_prefect.json("begat runs")["flow_runs"]

    assert [(run["executed"], run["reused"]) for run in reversed(runs)] == [(3, 0), (0, 3), (0, 3)]
    assert [line.partition(" ")[2] for line in second.splitlines()] == [
        line.partition(" ")[2] for line in plain.splitlines()
    ]


def test_every_file_is_run() -> None:
    """No Python file of README is left out of the tests above."""
    assert set(markdown.files(README)) == {
        "make_orders.py",
        "report.py",
        "returns.py",
        "script.py",
    }


def commands(document: str, program: str) -> list[list[str]]:
    """The arguments of each call of `program` in shell blocks and in code within a line."""
    lines = "".join(markdown.blocks(document, "sh")).splitlines()
    lines += re.findall(r"`([^`\n]+)`", document)
    words = (shlex.split(line, comments=True) for line in lines if line.startswith(f"{program} "))
    return [found[1:] for found in words]


@pytest.mark.parametrize("document", ["README.md", "docs/cli.md", "docs/settings.md"])
def test_commands_exist(document: str) -> None:
    """Every `begat …` has a command, options and as many arguments as the CLI takes."""
    wrong = []
    for arguments in commands(markdown.text(document), "begat"):
        given = [word for word in arguments if word not in ("…", "--debug")]
        if not given:
            continue
        command = begat.get_command(click.Context(begat), given[0])
        if command is None:
            wrong.append(f"begat {given[0]}: no such command")
            continue
        try:
            command.make_context(given[0], [word for word in given[1:] if word[0] != "["])
        except click.MissingParameter:
            continue  # `begat run` alone names the command
        except click.UsageError as error:
            wrong.append(f"begat {shlex.join(arguments)}: {error.format_message()}")

    assert wrong == []


def test_make_targets_exist() -> None:
    """Every `make …` is a target of the Makefile, and README names the main ones."""
    named = {arguments[0] for arguments in commands(README, "make")}
    targets = set(re.findall(r"^([a-z]+):", markdown.text("Makefile"), re.MULTILINE))

    assert named <= targets
    assert {"demo", "test", "check"} <= named


def test_links_lead_somewhere() -> None:
    """Every relative link in README is a file of the repository."""
    links = re.findall(r"\]\(([^)#]+)\)", README)
    local = [link for link in links if "://" not in link]

    assert [link for link in local if not (markdown.ROOT / link).is_file()] == []
    assert local
