"""Which of the heavy libraries a begat command imports.

    python imports.py ARGUMENT…

Prints JSON after what the command prints: their names.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

HEAVY = ("great_expectations", "pandas", "prefect", "sklearn", "sqlalchemy")

from begat.lineage.cli import main  # noqa: E402  what is counted begins here

sys.argv[0] = "begat"
sys.path[0] = str(Path(sys.executable).parent)  # as it is for the installed command
try:
    main()
except SystemExit as stop:
    if stop.code:
        raise
sys.stdout.write("\n" + json.dumps([name for name in HEAVY if name in sys.modules]))
