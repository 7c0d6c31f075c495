"""Write a made-up history, an event a line.

python history.py DAYS LINKS versioned|unversioned
"""

from __future__ import annotations

import sys

from benchmarks.histories import History, bodies

DAYS, LINKS, FLAVOUR = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]

history = History(days=DAYS, links=LINKS, versioned=FLAVOUR == "versioned")
for batch in history.batches(500):
    sys.stdout.write("\n".join(bodies(batch)) + "\n")
