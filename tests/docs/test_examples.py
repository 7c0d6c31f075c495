"""README and every page of docs/, followed by a reader from the first block to the last.

All pages go on where README ends: with its pipeline `returns.py`, and two versions of its model.
"""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from begat.tasks.server import prefect_server
from support import markdown
from support.openlineage import Specification
from support.reader import Reader, environment

PAGES = [
    name
    for name in markdown.documents()
    if name != "README.md"
    and any(
        block.not_run is None and block.language in ("python", "sh", "console")
        for block in markdown.fenced(markdown.text(name))
    )
]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, str]]:
    """Where a Prefect server runs."""
    home = tmp_path_factory.mktemp("prefect")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PREFECT_HOME", str(home))
        from prefect.settings import PREFECT_API_URL, PREFECT_HOME, temporary_settings

        with temporary_settings({PREFECT_HOME: home}), prefect_server():
            yield {"PREFECT_HOME": str(home), "PREFECT_API_URL": str(PREFECT_API_URL.value())}


@pytest.fixture(scope="module")
def after_readme(
    tmp_path_factory: pytest.TempPathFactory, server: Mapping[str, str], official: Specification
) -> Reader:
    """A reader who has done what README says."""
    reader = Reader(tmp_path_factory.mktemp("readme") / "project", environment(**server))
    reader.folder.mkdir()
    reader.follow(markdown.text("README.md"))
    validate(reader.folder, official)
    shutil.copytree(reader.folder, saved(reader))
    return reader


def saved(reader: Reader) -> Path:
    """What the folder held when README had been followed."""
    return reader.folder.with_name("saved")


def test_readme(after_readme: Reader) -> None:
    """README's first run does nine tasks, the second three, and each makes a version."""
    runs = after_readme.json("begat runs")["flow_runs"]

    assert [(run["executed"], run["reused"], run["model_version"]) for run in reversed(runs)] == [
        (9, 0, "returns@1"),
        (3, 6, "returns@2"),
    ]


def test_facets_of_events(after_readme: Reader) -> None:
    """Each facet of README's events is in docs/facets.md."""
    documented = re.findall(r"`(\w+)`|^### (\w+)$", markdown.text("docs/facets.md"), re.MULTILINE)

    assert {key for event in events(saved(after_readme)) for key in facets_of(event)} <= {
        a or b for a, b in documented
    }


@pytest.mark.parametrize("page", PAGES)
def test_page(
    page: str, after_readme: Reader, server: Mapping[str, str], official: Specification
) -> None:
    """Each block of the page runs, and prints what it says there."""
    folder = after_readme.folder
    shutil.rmtree(folder)  # in the same place, for a source's name has its path in it
    shutil.copytree(saved(after_readme), folder)
    reader = Reader(folder, environment(**server))

    reader.follow(markdown.text(page))
    validate(folder, official)


def validate(folder: Path, official: Specification) -> None:
    """Check all events in a folder."""
    for event in events(folder):
        official.validate(event)


def events(folder: Path) -> list[dict[str, Any]]:
    """All events that were recorded in a folder."""
    with closing(sqlite3.connect(folder / ".begat" / "begat.db")) as database:
        return [json.loads(body) for (body,) in database.execute("SELECT body FROM event")]


def facets_of(event: Mapping[str, Any]) -> Iterator[str]:
    """The keys of all facets of an event."""
    datasets = [*event.get("inputs", []), *event.get("outputs", [])]
    for holder in (event["run"], event["job"], *datasets):
        for member in ("facets", "inputFacets", "outputFacets"):
            yield from holder.get(member, {})
