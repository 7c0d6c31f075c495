"""A change of what a task computes must change its version, or old results are reused."""

from __future__ import annotations

import ast
import importlib
from pathlib import Path

import pytest
from blake3 import blake3

TASKS = Path(__file__).parents[3] / "tasks"
#: Version and digest of the code of each task. Does a test here fail? If the change can
#: alter any output, count the task's VERSION up; then pin what the test says.
PINNED = {
    "prepare": (1, "ba0006eae6aa8af0"),
    "featurize": (1, "fa24fc603542c255"),
    "train": (1, "18cd0cce9ca61144"),
    "evaluate": (1, "0e48ab98d082eb43"),
    "register": (1, "04cda423afd07884"),
}


def siblings(tree: ast.Module) -> set[str]:
    """Modules of the same folder that a module imports."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.level == 1:
            found |= {node.module} if node.module else {alias.name for alias in node.names}
    return found


def reached(name: str) -> set[str]:
    """A module and the siblings that it imports, transitively."""
    todo, done = [name], set()
    while todo:
        module = todo.pop()
        done.add(module)
        todo += siblings(parsed(module)) - done
    return done


def parsed(name: str) -> ast.Module:
    """The syntax tree of a module."""
    return ast.parse((TASKS / f"{name}.py").read_text())


def text(node: object) -> str:
    """A syntax tree as text: no positions, docstrings or fields that only some Pythons have."""
    if isinstance(node, list):
        return f"[{','.join(map(text, node))}]"
    if not isinstance(node, ast.AST):
        return repr(node)
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
    """Digest of all code that a task reaches in its folder."""
    code = "\n".join(f"{module} {text(parsed(module))}" for module in sorted(reached(name)))
    return blake3(code.encode()).hexdigest()[:16]


@pytest.mark.parametrize("name", PINNED)
def test_version_is_counted_up_with_the_code(name: str) -> None:
    """A task's version and the digest of its code are pinned together."""
    version = importlib.import_module(f"begat.tasks.{name}").VERSION

    assert (version, digest(name)) == PINNED[name]


def test_docstrings_and_comments_are_no_code() -> None:
    """What only people read changes no digest."""
    plain = ast.parse("def f(a):\n    return a")
    told = ast.parse('def f(a):\n    """Say a."""\n    # well\n    return (a)')
    other = ast.parse("def f(a):\n    return -a")

    assert text(plain) == text(told) != text(other)
