"""What DVC starts for each stage: `python stage.py STAGE [MONTH]`."""

from __future__ import annotations

import sys
from pathlib import Path

import work
import yaml

stage, *arguments = sys.argv[1:]
if stage in ("prepare", "featurize"):
    (month,) = arguments
    if stage == "prepare":
        work.prepare(work.raw(month), *work.LOOKUPS, work.prepared(month))
    else:
        work.featurize(work.prepared(month), work.featurized(month))
else:
    parameters = yaml.safe_load(Path("params.yaml").read_text())
    *known, last = [work.featurized(month) for month in parameters["months"]]
    if stage == "train":
        work.train(known, work.MODEL, parameters["max_iter"])
    elif stage == "evaluate":
        work.evaluate(work.MODEL, last, work.METRICS)
    else:
        work.register(work.MODEL, work.METRICS, work.REGISTRY)
