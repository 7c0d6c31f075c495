"""Pipelines whose source and lookup are queries."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg
import pytest
from click.testing import CliRunner

from begat.flows import Pipeline, training
from begat.flows.backfill import cuts
from begat.flows.deploy import arrivals_of
from begat.flows.load import load
from begat.flows.watch import watch
from begat.lineage.cli.show import show
from begat.lineage.errors import DataError, ParameterError, PipelineError, UserError
from begat.lineage.workspace import workspace
from support.postgres import PASSWORD, Server
from support.project import Project

PIPELINE = """
import os

from sklearn.tree import DecisionTreeClassifier

from begat.flows import Pipeline
from begat.lineage import Query


def clean(frame, planes):
    return frame.merge(planes, on="plane")


def features(frame):
    return frame[["distance", "seats", "late"]]


pipeline = Pipeline(
    name="rides",
    source=Query(
        url=os.environ["LAKE"],
        sql="SELECT * FROM rides",
        partition_by="month",
    ),
    lookups={
        "planes": Query(
            url=os.environ["LAKE"],
            sql="SELECT plane, seats FROM planes WHERE seats > 0",
            name="planes-in-use",
        )
    },
    prepare=clean,
    featurize=features,
    estimator=DecisionTreeClassifier(random_state=0),
    target="late",
)
"""
TABLES = [
    "CREATE TABLE rides (month VARCHAR, plane INTEGER, distance FLOAT, late INTEGER)",
    "CREATE TABLE planes (plane INTEGER, seats INTEGER)",
    "INSERT INTO planes VALUES (0, 10), (1, 20), (2, 30)",
    *(
        f"INSERT INTO rides VALUES ('2013-{m:02}', {n % 3}, {n * 1.5 + m}, {int(n % 7 < 3)})"
        for m in (1, 2, 3)
        for n in range(40)
    ),
]
CHANGE = "UPDATE rides SET distance = 99.5 WHERE month = '2013-02' AND plane = 1"
ONLY_WHAT_CHANGED = [
    "rides.prepare[month=2013-02]",
    "rides.featurize[month=2013-02]",
    "rides.train[]",
    "rides.evaluate[]",
    "rides.register[]",
]


def ran(report: dict[str, Any]) -> list[str]:
    """What did not come from an earlier run."""
    return [
        f"{task['job']}[{task['partition']}]"
        for task in report["tasks"]
        if task["state"] in ("COMPLETE", "STALE")
    ]


def read_queries() -> set[str]:
    """The SQL that is told in the events of prepare, and of no other job."""
    found = set()
    with workspace().store.read() as db:
        for (body,) in db.execute("SELECT body FROM event"):
            event = json.loads(body)
            if facet := event["job"]["facets"].get("sql"):
                assert event["job"]["name"] == "rides.prepare"
                found.add(facet["query"])
    return found


@pytest.fixture
def change(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """Run a statement in an SQLite database that is the lake."""
    monkeypatch.setenv("LAKE", "sqlite:///lake.db")
    with closing(sqlite3.connect(tmp_path / "lake.db")) as database:

        def run(statement: str) -> None:
            database.execute(statement)
            database.commit()

        for statement in TABLES:
            run(statement)
        yield run


def pipeline(folder: Path, old: str = "", new: str = "") -> Pipeline:
    """The pipeline, from a file of its own."""
    assert old in PIPELINE
    file = folder / f"rides{len(new)}.py"
    file.write_text(PIPELINE.replace(old, new) if old else PIPELINE)
    return load(f"{file}:pipeline")


def test_sqlite(tmp_path: Path, change: Callable[[str], None]) -> None:
    """A changed row runs exactly its partition, and what was asked is told where lineage is."""
    rides = pipeline(tmp_path)
    reports = [rides.run(adapter="plain").to_json() for _ in range(2)]
    change(CHANGE)
    reports.append(rides.run(adapter="plain").to_json())
    asked = "SELECT * FROM rides;\nSELECT plane, seats FROM planes WHERE seats > 0"
    shown = CliRunner().invoke(show, ["rides@2"])
    told = json.loads(CliRunner().invoke(show, ["rides@2", "--json"]).stdout)

    assert [len(ran(one)) for one in reports[:2]] == [9, 0]
    assert ran(reports[2]) == ONLY_WHAT_CHANGED
    assert read_queries() == {asked}
    assert "SELECT plane, seats FROM planes WHERE seats > 0" in shown.stdout
    assert told["queries"] == [{"job": "rides.prepare", "query": asked, "dialect": "sqlite"}]
    assert {entry["dataset"] for entry in told["inputs"]} == {
        f"sqlite://{tmp_path}/lake.db:{name}" for name in ("rides", "planes-in-use")
    }


def test_postgresql(postgres: Server, tmp_path: Path, home: Path) -> None:
    """A plan asks PostgreSQL each time, and the password for that ends up nowhere."""
    with postgres.database() as owned, psycopg.connect(owned, autocommit=True) as connection:
        for statement in TABLES:
            connection.execute(statement.encode())
        connection.execute("GRANT SELECT ON ALL TABLES IN SCHEMA public TO someone")
        name = owned.partition("?")[0].rpartition("/")[2]
        secret = quote(PASSWORD, safe="")
        url = f"postgresql://someone:{secret}@/{name}?host={postgres.folder}"
        project = Project(tmp_path, {**os.environ, "LAKE": url})
        (project.folder / "rides.py").write_text(PIPELINE)
        project.json("run", "--plain", "rides.py:pipeline")
        assert project.json("plan", "rides.py:pipeline")["stale"] == 0
        connection.execute(CHANGE.encode())
        three = project.json("plan", "rides.py:pipeline")
    # Nothing but the database itself can say that it is as it was.
    assert not list(home.glob("plans/*"))
    assert ran(three) == ONLY_WHAT_CHANGED[:1]
    told = project.json("show", "rides@1", LAKE="")

    assert {entry["dataset"] for entry in told["inputs"]} == {
        f"postgres://localhost:5432:{name}.public.rides",
        "postgres://localhost:5432:planes-in-use",
    }
    assert [entry["dialect"] for entry in told["queries"]] == ["postgres"]
    forms = {PASSWORD.encode(), secret.encode()}
    files = [path for path in (*home.rglob("*"), *tmp_path.rglob("*")) if path.is_file()]
    assert files
    assert [path for path in files if any(form in path.read_bytes() for form in forms)] == []


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('partition_by="month",', "", "the holdout 'last' of rides takes 1 of 1 partitions"),
        (
            'name="planes-in-use",',
            'name="p", partition_by="plane",',
            "the lookup 'planes' of rides",
        ),
        ('"SELECT * FROM rides"', '"SELECT * FROM buses"', "no such table: buses; mend the query"),
    ],
)
def test_mistakes(
    tmp_path: Path, change: Callable[[str], None], old: str, new: str, message: str
) -> None:
    """A mistake in a query is told in one line, before anything runs."""
    with pytest.raises(UserError, match=message) as caught:
        training.plan(pipeline(tmp_path, old, new))

    assert "\n" not in str(caught.value)


def test_holdout_of_a_query_without_partitions(
    tmp_path: Path, change: Callable[[str], None]
) -> None:
    """Who holds out a partition of a query that has none is told to give partition_by."""
    rides = pipeline(tmp_path, 'partition_by="month",', "")

    with pytest.raises(DataError, match="none: give the query partition_by='month'"):
        training.plan(replace(rides, holdout={"month": "2013-03"}))


@pytest.mark.parametrize(
    "given",
    [
        {"source": 3},
        {"lookups": {"planes": 3}},
    ],
)
def test_neither_path_nor_query(
    tmp_path: Path, change: Callable[[str], None], given: dict[str, Any]
) -> None:
    """What is neither a path nor a query is no source and no lookup."""
    with pytest.raises(PipelineError, match=r"of rides (is a string, or a Query|are paths or)"):
        replace(pipeline(tmp_path), **given)


def test_nobody_tells(tmp_path: Path, change: Callable[[str], None]) -> None:
    """Data of a database does not arrive: a deployment waits for files only, and so does watch."""
    rides = pipeline(tmp_path)
    (tmp_path / "planes.csv").write_text("plane,seats\n")
    file = str(tmp_path / "planes.csv")

    assert arrivals_of(rides) == []
    assert arrivals_of(replace(rides, lookups={"planes": file})) == [f"begat.dataset.file/{file}"]
    with pytest.raises(ParameterError, match="reads from databases only"):
        CliRunner().invoke(watch, [f"{rides.file}:pipeline", "--once"], catch_exceptions=False)


def test_backfill(tmp_path: Path, change: Callable[[str], None]) -> None:
    """A backfill goes through the partitions of a query."""
    assert cuts(pipeline(tmp_path), "month>=2013-02") == ["month<=2013-02", "month<=2013-03"]
