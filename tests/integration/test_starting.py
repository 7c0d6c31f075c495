"""Commands that only ask start light: what is heavy is imported by what needs it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from support.delays import SHAPES, Lake

HEAVY = (
    *("alembic", "great_expectations", "numpy", "pandas", "prefect", "pyarrow"),
    *("scipy", "sklearn", "skops", "sqlalchemy"),
)
COMMAND = """
import json, sys
sys.argv[0] = "begat"
from begat.lineage.cli import main
try:
    main()
finally:
    print(json.dumps(sorted({name.partition(".")[0] for name in sys.modules})), file=sys.stderr)
"""


def imported(home: Path, *arguments: str) -> set[str]:
    """The heavy modules that a command has imported when it ends well."""
    done = subprocess.run(
        [sys.executable, "-c", COMMAND, *arguments],
        env={**os.environ, "BEGAT_HOME": str(home)},
        capture_output=True,
        text=True,
        check=True,
    )
    return {*json.loads(done.stderr)} & {*HEAVY}


def trained(folder: Path) -> str:
    """Train a model, and name the flow run that did."""
    lake = Lake(folder)
    return SHAPES["plainly"](lake).run(adapter="plain").flow_run_id


@pytest.mark.parametrize(
    "arguments",
    [
        ("--help",),
        ("runs",),
        ("models",),
        ("models", "--json"),
        ("show", "delays@1", "--json"),
        ("show", "delays/features[month=2013-9]"),
        ("show", "delays@1", "--format", "svg"),
    ],
    ids=" ".join,
)
def test_asking_imports_nothing_heavy(
    home: Path, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    """Neither the orchestrator, nor what trains models, nor what upgrades databases."""
    trained(tmp_path)

    assert imported(home, *arguments) == set()


def test_asking_about_one_flow_run_imports_nothing_heavy(home: Path, tmp_path: Path) -> None:
    """Its tasks are listed without what ran them."""
    assert imported(home, "runs", trained(tmp_path)) == set()


PLAIN = """
import sys
from begat.lineage import plain, source, write

@plain.task
def keep(number):
    return write(str(number).encode(), "kept")

with plain.flow("light"):
    keep(1)
print(sorted({name.partition(".")[0] for name in sys.modules} & {*%r}))
"""


def test_a_plain_script_imports_what_it_uses_itself(tmp_path: Path, home: Path) -> None:
    """Tracking a task costs no library that the task does not use."""
    script = tmp_path / "light.py"
    script.write_text(PLAIN % (HEAVY,))
    done = subprocess.run(
        [sys.executable, script],
        env={**os.environ, "BEGAT_HOME": str(home)},
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout == "[]\n"
