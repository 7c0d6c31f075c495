"""Seconds that prepare and featurize take on so many Dask processes, which have imported all.

In the working folder lies the pipeline; PREFECT_API_URL is a server. Prints JSON.
"""

from __future__ import annotations

import json
import sys
import time
from dataclasses import replace
from pathlib import Path

from distributed import LocalCluster

from begat.flows import Pipeline, training
from begat.flows.load import load
from begat.flows.runners import task_runner


def took(pipeline: Pipeline, runner: str) -> float:
    """Run a pipeline; the seconds from the begin of prepare to that of train."""
    begun: dict[str, float] = {}

    def tell(task: str, *, reused: int, missing: int, done: int = 0) -> None:
        begun.setdefault(task, time.monotonic())

    training.run(pipeline, runner=runner, progress=tell)
    return begun["train"] - begun["prepare"]


def main(workers: int, name: str) -> None:
    """Run once to import everything, and once to measure."""
    pipeline = load(name)
    kwargs = task_runner("dask", workers).cluster_kwargs  # type: ignore[attr-defined]  # Dask's
    with LocalCluster(**kwargs) as cluster:
        runner = f"dask:{cluster.scheduler_address}"
        took(replace(pipeline, name="warm"), runner)
        Path("seconds.json").write_text(json.dumps(took(pipeline, runner)))


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
