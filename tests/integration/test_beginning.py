"""`begat init` starts light, and what it writes runs as a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

COMMAND = """
import json, sys
from begat.flows.commands_init import init
init(sys.argv[1:], standalone_mode=False)
print(json.dumps(sorted({name.partition(".")[0] for name in sys.modules})), file=sys.stderr)
"""
HEAVY = {"great_expectations", "numpy", "pandas", "prefect", "pyarrow", "sklearn", "sqlalchemy"}


def test_a_beginner_gets_to_a_model(tmp_path: Path) -> None:
    """`begat init` imports nothing heavy, what it prints trains a model, and a month arrives."""
    environment = {**os.environ, "BEGAT_HOME": str(tmp_path / "first" / ".begat")}

    def python(*arguments: str, folder: str = ".") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=tmp_path / folder,
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )

    def begat(*arguments: str) -> Any:
        done = python("-m", "begat.lineage.cli", *arguments, "--json", folder="first")
        return json.loads(done.stdout)

    written = python("-c", COMMAND, "first")
    command = written.stdout.splitlines()[-1].partition("begat ")[2].split()
    first = begat(*command, "--plain")
    arriving = tmp_path / "first" / "arriving" / "month=2024-06.csv"
    arriving.rename(tmp_path / "first" / "data" / "deliveries" / arriving.name)
    second = begat(*command, "--plain")
    scores = begat("diff", "parcels@1", "parcels@2", "--rescore")["rescore"]

    assert {*json.loads(written.stderr)} & HEAVY == set()
    assert (first["model_version"], second["model_version"]) == ("parcels@1", "parcels@2")
    # The metric that the pipeline's file defines is had from the kept sources.
    assert [{"cost", "roc_auc"} <= score.get("metrics", {}).keys() for score in scores] == [
        True
    ] * 4
