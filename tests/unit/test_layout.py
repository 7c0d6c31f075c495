"""The root folders are one package, imported by one name."""

from __future__ import annotations

import ast
from pathlib import Path

ROOT = Path(__file__).parents[2]
FOLDERS = ("flows", "lineage", "tasks")


def test_no_bare_imports() -> None:
    """Nobody imports `lineage`, `tasks` or `flows` bare: that is a second copy of every class."""
    bare = []
    for folder in (*FOLDERS, "tests"):
        for path in (ROOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                names = []
                if isinstance(node, ast.Import):
                    names = [alias.name for alias in node.names]
                elif isinstance(node, ast.ImportFrom) and not node.level:
                    names = [node.module or ""]
                bare += [f"{path}: {name}" for name in names if name.split(".")[0] in FOLDERS]

    assert bare == []


def test_files_are_short() -> None:
    """No file is longer than 600 lines."""
    long = [
        str(path)
        for folder in (*FOLDERS, "tests")
        for path in (ROOT / folder).rglob("*.py")
        if len(path.read_text().splitlines()) > 600
    ]

    assert long == []


def test_tests_say_what_they_prove() -> None:
    """Every test has a docstring: the sentence it proves."""
    silent = [
        f"{path.name}: {node.name}"
        for path in (ROOT / "tests").rglob("test_*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.name.startswith("test_")
        and not ast.get_docstring(node)
    ]

    assert silent == []
