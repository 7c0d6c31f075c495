"""Names in strings, modules by name, and what else syntax does not spell."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from types import ModuleType
from typing import Any

import pytest

from begat.lineage.recipe import Recipe
from support import code


def recipe_of(project: Any, source: str, files: Mapping[str, str] | None = None) -> Recipe:
    return code.recipe_of(project.load(source, files=files))


NAMED = {
    "query": "T = {}\ndef features(df): return df.query('x > @T')\n",
    "by keyword": "T = {}\ndef features(df): return df.query(expr='x > @T', engine='python')\n",
    "eval": "T = {}\ndef features(df): return df.eval('y = x + @T')\n",
    "eval of a module": "import pandas\nT = {}\ndef features(): return pandas.eval('T + 1')\n",
    "after a call": "T = {}\ndef features(f): return f(1).query('x > @T')\n",
    "attribute": (
        "class C: pass\nc = C()\nc.t = {}\ndef features(df): return df.query('x > @c.t')\n"
    ),
    "text of a global": "T = {}\nQ = 'x > @T'\ndef features(df): return df.query(Q)\n",
    "in a nested function": (
        "T = {}\ndef features(df):\n    return df.pipe(lambda d: d.query('x > @T'))\n"
    ),
}


@pytest.mark.parametrize("source", NAMED.values(), ids=NAMED)
def test_name_in_a_string(project: Any, source: str) -> None:
    """A global that only a string names counts by its value."""
    one, again, two = (recipe_of(project, source.format(n)) for n in (1, 1, 2))

    assert (one.digest == again.digest, one.digest == two.digest) == (True, False)
    assert (one.reasons, two.reasons) == ((), ())


def test_module_that_another_test_left(project: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A project's first module is its own, whatever was imported by that name before."""
    monkeypatch.setitem(sys.modules, "pipeline", ModuleType("pipeline"))

    assert project.load("T = 1\n").T == 1


def test_local_name_in_a_string(project: Any) -> None:
    """A name that is the function's own is no global of that name."""
    source = "T = {}\ndef features(df, T): return df.query('x > @T')\n"
    one, two = (recipe_of(project, source.format(n)) for n in (1, 2))

    assert (one.digest, one.reasons) == (two.digest, ())


def test_other_query(project: Any) -> None:
    """A tree's query, a session's and a network's eval evaluate no text."""
    found = recipe_of(
        project,
        "def features(a):\n    a.query(1, 2)\n    a.query(a.b, k=3)\n    a.query()\n    a.eval()\n",
    )

    assert found.reasons == ()


REASONS = {
    "computed text": (
        "def features(df, q): return df.query(q)\n",
        "gives `query` text that it computes",
    ),
    "text of a name that is a global too": (
        "q = 'x'\ndef features(df, q): return df.query(q)\n",
        "gives `query` text that it computes",
    ),
    "eval": (
        "def features(x): return eval('x')\n",
        "uses `eval`, which runs code that nothing else tells",
    ),
    "exec": (
        "def features(x): exec(x)\n",
        "uses `exec`, which runs code that nothing else tells",
    ),
    "globals": (
        "def features(x): return globals()[x]\n",
        "uses `globals`, which holds every global",
    ),
    "sys.modules": (
        "import sys\ndef features(x): return sys.modules['json']\n",
        "uses `sys.modules`, which holds every module",
    ),
    "sys.modules imported inside": (
        "def features(x):\n    from sys import modules; return modules[x]\n",
        "uses `modules`, which holds every module",
    ),
    "import_module": (
        "import importlib\ndef features(x): return importlib.import_module(x)\n",
        "imports a module by a computed name",
    ),
    "import_module given away": (
        "from importlib import import_module\ndef features(x): return map(import_module, x)\n",
        "imports a module by a computed name",
    ),
    "__import__": (
        "def features(x): return __import__(x)\n",
        "imports a module by a computed name",
    ),
}


@pytest.mark.parametrize(("source", "reason"), REASONS.values(), ids=REASONS)
def test_reason(project: Any, source: str, reason: str) -> None:
    """What leads to code by a computed name makes a run not reusable; the reason says where."""
    line = 2 if source.index("def") else 1
    line += "\n    " in source
    found = recipe_of(project, source)

    assert found.reasons == (f"features() (pipeline.py, line {line}) {reason}",)


def test_held_by_a_global(project: Any) -> None:
    """What runs code counts wherever it is kept."""
    found = recipe_of(project, "KEPT = {'f': eval}\ndef features(x): return KEPT['f'](x)\n")

    assert found.reasons == (
        "features() reads the global `KEPT['f']`, which runs code that nothing else tells",
    )


IMPORTS = {
    "import_module": (
        "import importlib\ndef features(): return importlib.import_module('helpers')\n"
    ),
    "__import__": "def features(): return __import__('helpers').clean\n",
    "name of a global": (
        "from importlib import import_module\nN = 'helpers'\ndef features():\n"
        "    return import_module(N)\n"
    ),
}


@pytest.mark.parametrize("source", IMPORTS.values(), ids=IMPORTS)
def test_import_of_a_name(project: Any, source: str) -> None:
    """A module that code imports by a name it spells out counts as an imported one."""

    def made(number: int) -> Recipe:
        helpers = f"def clean(x): return x + {number}\n"
        return recipe_of(project, source, files={"helpers.py": helpers})

    one, again, two = made(1), made(1), made(2)

    assert (one.digest == again.digest, one.digest == two.digest) == (True, False)
    assert (one.reasons, two.reasons) == ((), ())


def test_import_of_a_library(project: Any) -> None:
    """Another distribution's module counts by its version; one that is missing by nothing."""
    found = recipe_of(
        project,
        "from importlib import import_module\n"
        "def features(): return import_module('skops.io'), import_module('absent_module')\n",
    )

    assert ("skops" in found.packages, found.reasons) == (True, ())
