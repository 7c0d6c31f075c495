"""killed: a task whose process is killed outright, and one that is called all the same."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from airflow.sdk import DAG, Asset, task

LAKE = Path(os.environ["LAKE"])

with DAG("killed", schedule=None, catchup=False):

    @task(outlets=[Asset(uri=f"file://{LAKE}/half.csv")])
    def dies() -> None:
        """End without a word."""
        os.kill(os.getpid(), signal.SIGKILL)

    @task(trigger_rule="all_done", outlets=[Asset(uri=f"file://{LAKE}/cleared.csv")])
    def clears() -> None:
        """Come after it, however it ended."""
        LAKE.mkdir(parents=True, exist_ok=True)
        (LAKE / "cleared.csv").write_text("")

    dies() >> clears()
