"""Whatever a user can give or gets is documented, and nothing else is."""

from __future__ import annotations

import ast
import json
import re
from dataclasses import fields
from pathlib import Path

import click
import pytest

from begat.lineage.cli import begat
from begat.lineage.events import facets
from begat.lineage.settings import Settings
from support import markdown

README = markdown.text("README.md")
CLI = markdown.sections(markdown.text("docs/cli.md"))
SETTINGS = markdown.text("docs/settings.md")
FACETS = markdown.text("docs/facets.md")
COMMANDS = begat.list_commands(click.Context(begat))
CODE = ("flows", "lineage", "tasks")


def first_column(table: str) -> set[str]:
    """What stands in backticks in the first column of the tables."""
    rows = re.findall(r"^\| (`[^|]+`)", table, re.MULTILINE)
    return {word for row in rows for word in re.findall(r"`([^`]+)`", row)}


def command(name: str) -> click.Command:
    """The command of this name."""
    found = begat.get_command(click.Context(begat), name)
    assert found is not None
    return found


def test_commands() -> None:
    """Every command has its section in docs/cli.md and its line in README, and none has more."""
    described = {heading.split()[1] for heading in CLI if heading.startswith("begat ")}
    listed = {words.split()[1] for words in first_column(README) if words.startswith("begat ")}

    assert described == set(COMMANDS)
    assert listed == set(COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_options(name: str) -> None:
    """A command's section has every option and argument that it takes, and no other."""
    ((heading, section),) = (
        (heading, text) for heading, text in CLI.items() if heading.split()[:2] == ["begat", name]
    )
    parameters = command(name).params
    options = {option.opts[0] for option in parameters if isinstance(option, click.Option)}
    arguments = [
        argument.make_metavar(click.Context(begat))
        for argument in parameters
        if isinstance(argument, click.Argument)
    ]

    assert {words.split()[0] for words in first_column(section)} == options
    assert heading.split()[2:] == arguments


def test_settings() -> None:
    """docs/settings.md has every setting, in the table and with a paragraph, and no other."""
    settings = {field.name for field in fields(Settings)}
    explained = set(re.findall(r"^- \*\*`(\w+)`\*\*", SETTINGS, re.MULTILINE))

    assert first_column(SETTINGS) == settings
    assert explained == settings


def test_environment_variables() -> None:
    """README and docs/settings.md name every BEGAT_… variable of the code, and no other."""
    read = {
        node.value
        for folder in CODE
        for path in (markdown.ROOT / folder).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and re.fullmatch(r"BEGAT_[A-Z_]+", node.value)
    }

    assert set(re.findall(r"BEGAT_[A-Z_]+", SETTINGS)) == read
    assert set(re.findall(r"BEGAT_[A-Z_]+", README)) == read


def test_facets() -> None:
    """docs/facets.md has a section for each facet of begat's own, with each of its fields."""
    described = {
        heading: first_column(section)
        for heading, section in markdown.sections(FACETS).items()
        if heading.startswith("begat_")
    }

    assert described == {key: schema_fields(key) for key in facets.OURS}


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
