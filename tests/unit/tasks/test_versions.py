"""A change of what a task computes must change its version, or old results are reused."""

from __future__ import annotations

import ast
import importlib
from pathlib import Path

import pytest
from blake3 import blake3

ROOT = Path(__file__).parents[3]
#: Modules that find and keep bytes as they are: no output depends on how.
KEEPERS = {
    f"lineage.content.{name}"
    for name in ("digest", "local", "memory", "merkle", "patterns", "sources", "stat", "store")
}
#: Version and digest of the code of each task. Does a test here fail? If the change can
#: alter any output, count the task's VERSION up; then pin what the test says.
PINNED = {
    "prepare": (2, "969c31bfd64fd97f"),
    "featurize": (1, "6f7ae38a823f2972"),
    "train": (1, "2eab5f04793fefd6"),
    "evaluate": (3, "065f9042e1db659e"),
    "register": (1, "f1744b5cd60fcc9f"),
}


def imported(name: str) -> set[str]:
    """Modules that a module imports, anywhere in it, and that decide what tasks write."""
    found = set()
    for node in ast.walk(parsed(name)):
        if isinstance(node, ast.Import):
            found |= {alias.name.removeprefix("begat.") for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            package = name.split(".")[: -node.level] if node.level else []
            base = [*package, *(node.module or "").split(".")]
            base = [part for part in base if part not in ("", "begat")]
            found |= {".".join(base), *(".".join([*base, alias.name]) for alias in node.names)}
    if "lineage" in found:  # whose read and write are there
        found.add("lineage.data")
    return {
        module
        for module in found - KEEPERS
        if module.startswith(("tasks.", "lineage.data", "lineage.content."))
        and (ROOT / f"{module.replace('.', '/')}.py").is_file()
    }


def reached(name: str) -> set[str]:
    """A module and those that it imports, transitively."""
    todo, done = [name], set()
    while todo:
        module = todo.pop()
        done.add(module)
        todo += imported(module) - done
    return done


def parsed(name: str) -> ast.Module:
    """The syntax tree of a module."""
    return ast.parse((ROOT / f"{name.replace('.', '/')}.py").read_text())


def text(node: object) -> str:
    """A syntax tree as text: no positions, docstrings or fields that only some Pythons have."""
    if isinstance(node, list):
        return f"[{','.join(map(text, node))}]"
    if not isinstance(node, ast.AST):
        return repr(node)
    if isinstance(node, ast.JoinedStr):  # Pythons cut the text between fields differently
        parts = (part.value if isinstance(part, ast.Constant) else part for part in node.values)
        return "".join(part if isinstance(part, str) else f"{{{text(part)}}}" for part in parts)
    fields = {
        key: value
        for key, value in ast.iter_fields(node)
        if value not in (None, []) and key not in ("ctx", "kind", "type_comment")
    }
    if isinstance(node, (ast.Module, ast.FunctionDef, ast.ClassDef)) and ast.get_docstring(node):
        fields["body"] = fields["body"][1:]
    inner = ",".join(f"{key}={text(value)}" for key, value in sorted(fields.items()))
    return f"{type(node).__name__}({inner})"


def digest(name: str) -> str:
    """Digest of all code that a task's outputs depend on."""
    code = "\n".join(
        f"{module} {text(parsed(module))}" for module in sorted(reached(f"tasks.{name}"))
    )
    return blake3(code.encode()).hexdigest()[:16]


@pytest.mark.parametrize("name", PINNED)
def test_version_is_counted_up_with_the_code(name: str) -> None:
    """A task's version and the digest of its code are pinned together."""
    version = importlib.import_module(f"begat.tasks.{name}").VERSION

    assert (version, digest(name)) == PINNED[name]


def test_code_in_folders_is_reached() -> None:
    """What draws evaluate's pictures is part of evaluate, and of no other task."""
    drawn = {"metrics", "ranking", "pictures.album", "pictures.svg"}

    assert {f"tasks.{module}" for module in drawn} <= reached("tasks.evaluate")
    assert not any("pictures" in module for module in reached("tasks.train"))


def test_docstrings_and_comments_are_no_code() -> None:
    """What only people read changes no digest."""
    plain = ast.parse("def f(a):\n    return a")
    told = ast.parse('def f(a):\n    """Say a."""\n    # well\n    return (a)')
    other = ast.parse("def f(a):\n    return -a")

    assert text(plain) == text(told) != text(other)


@pytest.mark.parametrize("name", PINNED)
def test_what_reads_and_writes_is_pinned_too(name: str) -> None:
    """How tables and models become bytes decides what every task makes, and reuses."""
    content = {"delimited", "manifest", "models", "reviewed", "tables", "tree_bounds"}
    formats = {"lineage.data", *(f"lineage.content.{module}" for module in content)}

    assert reached(f"tasks.{name}") >= formats
    assert not reached(f"tasks.{name}") & KEEPERS
