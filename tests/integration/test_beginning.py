"""`begat init` starts light, and what it writes runs as a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

COMMAND = """
import json, sys
from begat.flows.commands_init import init
init(sys.argv[1:], standalone_mode=False)
print(json.dumps(sorted({name.partition(".")[0] for name in sys.modules})), file=sys.stderr)
"""
HEAVY = {"great_expectations", "numpy", "pandas", "prefect", "pyarrow", "sklearn", "sqlalchemy"}


def test_a_beginner_gets_to_a_model(tmp_path: Path) -> None:
    """`begat init` imports nothing heavy; the command that it prints then trains a model."""
    environment = {**os.environ, "BEGAT_HOME": str(tmp_path / "first" / ".begat")}
    written = subprocess.run(
        [sys.executable, "-c", COMMAND, "first"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    command = written.stdout.splitlines()[-1].partition("begat ")[2].split()
    done = subprocess.run(
        [sys.executable, "-m", "begat.lineage.cli", *command, "--plain", "--json"],
        cwd=tmp_path / "first",
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )

    assert {*json.loads(written.stderr)} & HEAVY == set()
    assert json.loads(done.stdout)["model_version"] == "parcels@1"
