"""attempts: what does not go straight: a retry, mapped tasks, a failure, a skip."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path
from typing import Any

from airflow.providers.openlineage.api import emit_dataset_lineage
from airflow.providers.openlineage.extractors import OperatorLineage
from airflow.sdk import DAG, Asset, BaseOperator, get_current_context, task
from airflow.sdk.exceptions import AirflowSkipException
from openlineage.client.event_v2 import Dataset

LAKE = Path(os.environ["LAKE"])


def _file(name: str) -> Dataset:
    return Dataset(namespace="file", name=str(LAKE / name))


class Part(BaseOperator):
    """Writes the file of one day, and says itself what it read and wrote."""

    def __init__(self, day: int, **rest: Any) -> None:
        super().__init__(**rest)
        self.day = day

    def execute(self, context: Any) -> None:
        """Write it."""
        (LAKE / f"part-{self.day}.csv").write_text(f"{self.day}\n")

    def get_openlineage_facets_on_complete(self, task_instance: Any) -> OperatorLineage:
        """Only at the end is it known what was written."""
        return OperatorLineage(
            inputs=[_file("source.csv")], outputs=[_file(f"part-{self.day}.csv")]
        )


with DAG("attempts", schedule=None, catchup=False):

    @task(retries=1, retry_delay=timedelta(0), outlets=[Asset(uri=f"file://{LAKE}/source.csv")])
    def flaky() -> None:
        """Fail at first, then write the source."""
        LAKE.mkdir(parents=True, exist_ok=True)
        if get_current_context()["ti"].try_number == 1:
            raise RuntimeError("the first try fails")
        (LAKE / "source.csv").write_text("1\n2\n3\n")

    @task
    def gather() -> None:
        """Put the parts together, and name them while it runs."""
        parts = [f"part-{day}.csv" for day in (1, 2, 3)]
        (LAKE / "whole.csv").write_text("".join((LAKE / part).read_text() for part in parts))
        emit_dataset_lineage(inputs=[_file(part) for part in parts], outputs=[_file("whole.csv")])

    @task(
        inlets=[Asset(uri=f"file://{LAKE}/whole.csv")],
        outlets=[Asset(uri=f"file://{LAKE}/broken.csv")],
    )
    def broken() -> None:
        """Always fail: nothing is written."""
        raise ValueError("this always fails")

    @task(outlets=[Asset(uri=f"file://{LAKE}/after.csv")])
    def after_broken() -> None:
        """Never run, for what it follows has failed."""

    @task(outlets=[Asset(uri=f"file://{LAKE}/skipped.csv")])
    def skipped() -> None:
        """Skip itself."""
        raise AirflowSkipException("not today")

    fails = broken()
    parts = Part.partial(task_id="part").expand(day=[1, 2, 3])
    flaky() >> parts >> gather() >> [fails, skipped()]
    fails >> after_broken()
