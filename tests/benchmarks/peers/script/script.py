"""Everything in one process, every time."""

from __future__ import annotations

import sys

import work

months = work.months()
max_iter = int(sys.argv[1]) if len(sys.argv) > 1 else work.MAX_ITER
for month in months:
    work.prepare(work.raw(month), *work.LOOKUPS, work.prepared(month))
    work.featurize(work.prepared(month), work.featurized(month))
*known, last = [work.featurized(month) for month in months]
work.train(known, work.MODEL, max_iter)
work.evaluate(work.MODEL, last, work.METRICS)
work.register(work.MODEL, work.METRICS, work.REGISTRY)
