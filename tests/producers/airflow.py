"""Airflow: the DAGs in `dags/`, once by `airflow dags test`, once by a scheduler with workers."""

from __future__ import annotations

import secrets
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

from . import dbt, environments, places, postgres, processes, streams

#: The one day that everything is run for; run ids are made of it.
DAY = "2024-01-01"
#: What `dags test` runs, in order, and how it exits: files twice, under the same run ids.
TESTED: tuple[tuple[str, int], ...] = (("files", 0), ("tables", 0), ("attempts", 1), ("files", 0))
#: What the scheduler is asked to run; outer triggers files by itself.
TRIGGERED = ("tables", "attempts", "killed", "outer")
SCHEDULED = frozenset({*TRIGGERED, "files"})
SERVERS = ("api-server", "dag-processor", "scheduler")
ENDS = frozenset({"COMPLETE", "FAIL"})


def run(out: Path, tell: Callable[[str], None]) -> list[Path]:
    """Run the DAGs both ways, each in a home of its own; the streams.

    Raises:
        ProducerError: a DAG did not run as it was to.
        subprocess.CalledProcessError: a producer could not be installed.
    """
    for name in ("airflow", "dbt"):
        tell(f"airflow: environment of {name}")
        environments.make(name)
    made = []
    for name, ways in {"airflow-test": _test, "airflow": _schedule}.items():
        work = out / "work" / name
        stream = out / f"{name}.ndjson"
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir(parents=True)
        stream.unlink(missing_ok=True)
        log = work / "log.txt"
        tell(f"{name}: database")
        with postgres.serving(log) as address:
            streams.note(
                out,
                {f"{name}:lake": str(work / "lake"), f"{name}:postgres": f"postgres://{address}"},
            )
            env = _variables(work, stream, address)
            processes.call(["airflow", "db", "migrate"], env=env, cwd=work, log=log)
            ways(name, work, stream, env, tell)
        made.append(stream)
    return made


def _variables(work: Path, stream: Path, postgres_address: str) -> dict[str, str]:
    port = processes.free_port()
    shutil.copytree(places.DAGS, work / "dags", ignore=shutil.ignore_patterns("__pycache__"))
    shop = dbt.copy(work)
    settings = {
        "CORE__DAGS_FOLDER": str(work / "dags"),
        "CORE__LOAD_EXAMPLES": "false",
        "CORE__DAGS_ARE_PAUSED_AT_CREATION": "false",
        "CORE__EXECUTOR": "LocalExecutor",
        "CORE__PARALLELISM": "2",
        "CORE__EXECUTION_API_SERVER_URL": f"http://127.0.0.1:{port}/execution/",
        "CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "true",
        "API__HOST": "127.0.0.1",
        "API__PORT": str(port),
        "API__WORKERS": "1",
        "API__SECRET_KEY": secrets.token_hex(16),
        "API_AUTH__JWT_SECRET": secrets.token_hex(32),
    }
    return environments.variables(
        "airflow",
        stream,
        AIRFLOW_HOME=str(work / "airflow"),
        AIRFLOW_CONN_SHOP=f"postgresql://shop@{postgres_address}/postgres",
        LAKE=str(work / "lake"),
        SHOP=str(shop),
        DBT_BIN=str(dbt.program().parent),
        **{f"AIRFLOW__{key}": value for key, value in settings.items()},
    )


def _test(
    name: str, work: Path, stream: Path, env: dict[str, str], tell: Callable[[str], None]
) -> None:
    for dag, exits in TESTED:
        tell(f"{name}: dags test {dag}")
        command = ["airflow", "dags", "test", dag, DAY]
        processes.call(command, env=env, cwd=work, log=work / "log.txt", exits=exits)


def _schedule(
    name: str, work: Path, stream: Path, env: dict[str, str], tell: Callable[[str], None]
) -> None:
    with ExitStack() as stack:
        servers = [
            stack.enter_context(
                processes.serving(
                    ["airflow", server], env=env, cwd=work, log=work / f"{server}.txt"
                )
            )
            for server in SERVERS
        ]
        tell(f"{name}: waiting for the scheduler to know the DAGs")
        database = work / "airflow" / "airflow.db"
        port = int(env["AIRFLOW__API__PORT"])
        processes.wait(
            lambda: processes.answers(port) and _known(database) >= SCHEDULED, "the DAGs", servers
        )
        for dag in TRIGGERED:
            tell(f"{name}: dags trigger {dag}")
            command = ["airflow", "dags", "trigger", dag, "--run-id", "once", "--logical-date", DAY]
            processes.call(command, env=env, cwd=work, log=work / "log.txt")
        tell(f"{name}: waiting for {', '.join(sorted(SCHEDULED))}")
        processes.wait(lambda: _ended(stream) >= SCHEDULED, "the DAGs' ends", servers)


def _known(database: Path) -> set[str]:
    with _reading(database) as db:
        return {dag for (dag,) in db.execute("SELECT dag_id FROM serialized_dag")}


def _ended(stream: Path) -> set[str]:
    return {
        event["job"]["name"] for event in streams.read(stream) if event.get("eventType") in ENDS
    }


@contextmanager
def _reading(database: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as db:
        yield db
