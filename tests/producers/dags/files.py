"""files: a diamond of tasks over files, whose datasets are Airflow's own inlets and outlets."""

from __future__ import annotations

import csv
import os
from collections import Counter
from pathlib import Path

from airflow.sdk import DAG, Asset, task

LAKE = Path(os.environ["LAKE"])
ORDERS, DAYS, CITIES, REPORT = (
    Asset(uri=f"file://{LAKE}/{name}.csv") for name in ("orders", "days", "cities", "report")
)


def _count(column: str) -> None:
    with (LAKE / "orders.csv").open() as file:
        found = Counter(row[column] for row in csv.DictReader(file))
    name = {"day": "days", "city": "cities"}[column]
    lines = [f"{value},{count}" for value, count in sorted(found.items())]
    (LAKE / f"{name}.csv").write_text("\n".join([f"{column},orders", *lines, ""]))


with DAG("files", schedule=None, catchup=False, description="Orders by day and by city."):

    @task(outlets=[ORDERS])
    def land() -> None:
        """Write the orders."""
        LAKE.mkdir(parents=True, exist_ok=True)
        (LAKE / "orders.csv").write_text("day,city\n1,Oslo\n1,Bergen\n2,Oslo\n")

    @task(inlets=[ORDERS], outlets=[DAYS])
    def by_day() -> None:
        """Count the orders of a day."""
        _count("day")

    @task(inlets=[ORDERS], outlets=[CITIES])
    def by_city() -> None:
        """Count the orders of a city."""
        _count("city")

    @task(inlets=[DAYS, CITIES], outlets=[REPORT])
    def join() -> None:
        """Put both counts into one file."""
        parts = [(LAKE / f"{name}.csv").read_text() for name in ("days", "cities")]
        (LAKE / "report.csv").write_text("\n".join(parts))

    land() >> [by_day(), by_city()] >> join()
