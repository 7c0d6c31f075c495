"""What prepare and featurize hold in memory, measured in processes of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

#: Megabytes of one partition in memory.
PART = 8.4
#: Partitions of the first run, as many as threads are at work at once; and what the second adds.
FEW, MORE = 4, 20

CHILD = """
import os, resource, sys
from pathlib import Path

os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})  # as many threads on every machine
import numpy as np
import pandas as pd
from sklearn.tree import DecisionTreeRegressor

from begat.flows import Pipeline, training


def clean(frame):
    return frame.assign(h=frame["a"] + 1.0)


def few(frame):  # what is trained on stays small, however many partitions there are
    return frame.iloc[:20].assign(y=np.arange(20.0))


def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def arrive(number):
    path = Path(f"lake/day={number:02}/x.parquet")
    path.parent.mkdir(parents=True)
    frame = pd.DataFrame({column: np.zeros(150_000) for column in "abcdefg"})
    frame.loc[0, "a"] = number
    frame.to_parquet(path)


few_days, more_days = int(sys.argv[2]), int(sys.argv[3])
pipeline = Pipeline(
    name="memory",
    source="lake/day={day}/x.parquet",
    prepare=clean,
    featurize=few,
    estimator=DecisionTreeRegressor(random_state=0),
    target="y",
)
for day in range(few_days):
    arrive(day)
training.run(pipeline, adapter=sys.argv[1])
before = peak()
for day in range(few_days, few_days + more_days):
    arrive(day)
done = training.run(pipeline, adapter=sys.argv[1])
print(done.count("COMPLETE"), peak() - before)
"""


def grown(folder: Path, adapter: str, **environment: str) -> tuple[int, float]:
    """Tasks that a run on many partitions took, and by how much it raised the peak of one on few.

    Args:
        folder: for the lake and the home.
        adapter: plain or prefect.
        environment: variables of the process.

    Returns:
        How many tasks ran, and megabytes.
    """
    done = subprocess.run(
        [sys.executable, "-c", CHILD, adapter, str(FEW), str(MORE)],
        cwd=folder,
        env=os.environ | {"BEGAT_HOME": str(folder / "home")} | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    tasks, megabytes = done.stdout.split()[-2:]
    return int(tasks), float(megabytes)


def test_plain(tmp_path: Path) -> None:
    """One after another, the peak is the same for many partitions as for few."""
    tasks, megabytes = grown(tmp_path, "plain")

    assert (tasks, megabytes < 6 * PART) == (2 * MORE + 3, True), megabytes


def test_prefect(tmp_path: Path, with_prefect: None) -> None:
    """With Prefect, no more partitions are in memory than threads are at work."""
    from prefect.settings import PREFECT_API_URL

    url = PREFECT_API_URL.value()
    assert url is not None
    tasks, megabytes = grown(tmp_path, "prefect", PREFECT_API_URL=url)

    assert (tasks, megabytes < 15 * PART) == (2 * MORE + 3, True), megabytes
