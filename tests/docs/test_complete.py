"""Whatever a user can give or gets is documented, and nothing else is."""

from __future__ import annotations

import ast
import dataclasses
import importlib
import inspect
import json
import re
from pathlib import Path

import click
import pytest

from begat.flows import Pipeline, Report, TaskReport
from begat.lineage import DatasetVersion, ModelVersion, Snapshot, errors
from begat.lineage.active import ActiveRun
from begat.lineage.events import facet, facets
from begat.lineage.settings import Settings
from begat.tasks import metrics
from support import markdown, reference
from support.markdown import first_column

README = markdown.text("README.md")
CLI = markdown.sections(markdown.text(reference.PAGE))
SETTINGS = markdown.text("docs/settings.md")
FACETS = markdown.text("docs/facets.md")
PYTHON = markdown.sections(markdown.text("docs/your-own-flow.md"))
PIPELINES = markdown.sections(markdown.text("docs/pipelines.md"))
CODE = ("flows", "lineage", "tasks")


def test_commands() -> None:
    """Every command has its section in docs/cli.md and its line in README, and none has more."""
    described = {heading.split()[1] for heading in CLI if heading.startswith("begat ")}
    table = first_column(markdown.sections(README)["Commands"])

    assert described == set(reference.COMMANDS)
    assert {words.split()[1] for words in table} == set(reference.COMMANDS)


def test_commands_of_groups() -> None:
    """Each command of a group has its section below the group's, and no other has one."""
    described = {" ".join(heading.split()[1:3]) for heading in CLI if heading.startswith("begat ")}
    inside = {name for name in reference.commands() if " " in name}

    assert {name for name in described if name.split()[0] in {n.split()[0] for n in inside}} - {
        *reference.COMMANDS
    } == inside


@pytest.mark.parametrize("name", reference.commands())
def test_help(name: str) -> None:
    """A command without its own words on each option and argument is not done."""
    command = reference.command(name)
    options = [option for option in command.params if isinstance(option, click.Option)]

    assert command.help
    assert [option.name for option in options if not option.help] == []


def test_options() -> None:
    """Arguments, options and help in docs/cli.md are those of the commands."""
    page = markdown.text(reference.PAGE)

    assert page.rstrip() == reference.in_step(page).rstrip(), reference.__doc__


def test_settings() -> None:
    """docs/settings.md has every setting, in the table and with a paragraph, and no other."""
    settings = {field.name for field in dataclasses.fields(Settings)}
    explained = set(re.findall(r"^- \*\*`(\w+)`\*\*", SETTINGS, re.MULTILINE))

    assert first_column(SETTINGS) == settings
    assert explained == settings


def test_environment_variables() -> None:
    """docs/settings.md names every BEGAT_… variable of the code, and no page any other."""
    read = {text for text in strings() if re.fullmatch(r"BEGAT_[A-Z_]+", text)}
    pages = "".join(map(markdown.text, markdown.documents()))

    assert set(re.findall(r"BEGAT_[A-Z_]+", SETTINGS)) == read
    assert set(re.findall(r"BEGAT_[A-Z_]+", pages)) == read


def test_openlineage_variables() -> None:
    """docs/forwarding.md names every OPENLINEAGE_… variable that the code reads."""
    read = {text for text in strings() if re.fullmatch(r"OPENLINEAGE_[A-Z]+(_[A-Z]+)*", text)}

    assert read <= set(re.findall(r"OPENLINEAGE_[A-Z_]+", markdown.text("docs/forwarding.md")))


def strings() -> set[str]:
    """All strings in the code."""
    return {
        node.value
        for folder in CODE
        for path in (markdown.ROOT / folder).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }


def test_facets() -> None:
    """docs/facets.md has a section for each facet of begat's own, with each of its fields."""
    described = {
        heading: first_column(section)
        for heading, section in markdown.sections(FACETS).items()
        if heading.startswith("begat_")
    }

    assert described == {key: schema_fields(key) for key in facets.OURS}


def test_standard_facets() -> None:
    """docs/facets.md lists the facets of OpenLineage's that begat can make, and no others."""
    known = {key for _, key in facet._STANDARD}

    assert first_column(markdown.sections(FACETS)["OpenLineage's own"]) == known


def schema_fields(key: str) -> set[str]:
    """The fields that a facet's schema knows."""
    schema = json.loads(Path(facets.schema_path(key)).read_text(encoding="utf-8"))
    return {
        name
        for definition in schema["$defs"].values()
        for part in definition.get("allOf", [definition])
        for name in part.get("properties", {})
        if not name.startswith("begat_")
    }


@pytest.mark.parametrize("package", ["begat.tasks", "begat.lineage"])
def test_public_names(package: str) -> None:
    """docs/your-own-flow.md has every public name of the package, and no other."""
    first, *_ = PYTHON[package].split("`DatasetVersion`:")

    assert first_column(first) == set(importlib.import_module(package).__all__)


def test_public_names_of_flows() -> None:
    """docs/pipelines.md speaks of every public name of begat.flows."""
    page = markdown.text("docs/pipelines.md")

    assert [n for n in importlib.import_module("begat.flows").__all__ if f"`{n}`" not in page] == []


def test_pipeline() -> None:
    """docs/pipelines.md has every argument of Pipeline."""
    arguments = set(inspect.signature(Pipeline).parameters)

    assert first_column(PIPELINES["What it takes"]) == arguments


def test_running() -> None:
    """docs/pipelines.md has every method of Pipeline, and every field and method of its reports."""
    methods = members(Pipeline) - {"folder", *fields_of(Pipeline)}

    assert first_column(PIPELINES["Running it"]) == methods | members(Report) | members(TaskReport)


def test_references() -> None:
    """docs/your-own-flow.md names all that references and the current run have."""
    page = PYTHON["begat.lineage"]
    wanted = members(DatasetVersion) | members(Snapshot) | members(ModelVersion)
    wanted |= members(ActiveRun) | {"run_id", "flow", "recipe", "seed", "caller"}

    assert [name for name in sorted(wanted) if f"`{name}`" not in page] == []


def members(of: type) -> set[str]:
    """Public fields, properties and methods of a class."""
    return fields_of(of) | {
        name
        for name, value in vars(of).items()
        if not name.startswith("_") and (inspect.isfunction(value) or isinstance(value, property))
    }


def fields_of(of: type) -> set[str]:
    """The fields of a dataclass; of another class none."""
    return (
        {field.name for field in dataclasses.fields(of)} if dataclasses.is_dataclass(of) else set()
    )


def test_metrics() -> None:
    """docs/metrics-and-pictures.md has every metric that has a name, by task, defaults first."""
    table = re.findall(
        r"^\| (\w+) \| (.+?) \| (.+?) \|$",
        markdown.sections(markdown.text("docs/metrics-and-pictures.md"))["Metrics"],
        re.MULTILINE,
    )
    listed = {task: (names(default), names(more)) for task, default, more in table if "`" in more}

    assert listed == {
        task: (
            set(metrics.DEFAULTS[task]),
            (set(metrics.NAMED[task]) - set(metrics.DEFAULTS[task])) | set(metrics.NUMBERED[task]),
        )
        for task in metrics.DEFAULTS
    }


def names(cell: str) -> set[str]:
    """The names in a cell, without the number that is anybody's."""
    return {re.sub(r"_\d+$", "", name) for name in re.findall(r"`(\w+)`", cell)}


def test_errors() -> None:
    """docs/troubleshooting.md has a section for each class of errors, but the three above."""
    page = markdown.text("docs/troubleshooting.md")
    classes = {
        name
        for name, value in vars(errors).items()
        if inspect.isclass(value) and issubclass(value, errors.BegatError)
    }
    described = {heading for heading in markdown.sections(page) if heading.endswith("Error")}

    assert classes - described == {"BegatError", "UserError", "WorldError"}
    assert described < classes
