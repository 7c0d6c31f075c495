"""What it costs that a loaded model looks at rows: begat's `predict` beside the bare estimator's.

    python load_cost.py ROUNDS

Prints JSON: by batch size and way, CPU and wall seconds of a round of calls, on one thread.
"""

from __future__ import annotations

import json
import sys
import time
from typing import Any

import numpy as np
import pandas as pd
from sklearn.ensemble import HistGradientBoostingClassifier

from begat.lineage.records import ModelVersion
from begat.lineage.registry.prediction import Model
from begat.tasks import estimators
from begat.tasks.signature import signature

ROUNDS = int(sys.argv[1])
#: Calls of a round, by batch size.
CALLS = {1: 200, 10_000: 20}


def table(rows: int) -> pd.DataFrame:
    """Twelve columns of floats, five of integers, three of text."""
    draw = np.random.default_rng(7)
    columns: dict[str, Any] = {f"float{n}": draw.normal(size=rows) for n in range(12)}
    columns |= {f"int{n}": draw.integers(0, 100, rows) for n in range(5)}
    texts = [draw.choice([*"ABCDEFGH"], rows) for n in range(3)]
    columns |= {f"text{n}": pd.Series(text, dtype=object) for n, text in enumerate(texts)}
    return pd.DataFrame(columns)


ROWS = table(20_000)
LATE = pd.Series(ROWS["float0"] + ROWS["int0"] / 50 > 1, name="late")
BARE = estimators.with_preprocessing(
    HistGradientBoostingClassifier(random_state=7, max_iter=50), ROWS
).fit(ROWS, LATE)
CHECKED = Model(
    BARE,
    signature(BARE, ROWS, LATE),
    version=ModelVersion(model="late", version=1, digest=""),
    ranges="seen",
)
WAYS = {"begat": CHECKED.predict, "bare estimator": BARE.predict}
found: dict[str, dict[str, dict[str, list[float]]]] = {}
for size, calls in CALLS.items():
    rows = ROWS.iloc[:size].reset_index(drop=True)
    if len({tuple(way(rows)) for way in WAYS.values()}) != 1:
        raise SystemExit("they disagree")
    times = {name: {"cpu": [], "wall": []} for name in WAYS}
    for number in range(ROUNDS):
        for name in WAYS if number % 2 == 0 else reversed(WAYS):
            cpu, wall = time.process_time(), time.perf_counter()
            for _ in range(calls):
                WAYS[name](rows)
            times[name]["cpu"].append(time.process_time() - cpu)
            times[name]["wall"].append(time.perf_counter() - wall)
    found[str(size)] = times
sys.stdout.write(json.dumps(found))
