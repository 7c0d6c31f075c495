"""Environment variables that code reads."""

from __future__ import annotations

from typing import Any

import pytest

from begat.lineage.recipe import recipe

READS = {
    "item": "import os\ndef features(): return os.environ['X']\n",
    "get": "import os\ndef features(): return os.environ.get('X', 'none')\n",
    "getenv": "import os\ndef features(): return os.getenv('X')\n",
    "by keyword": "import os\ndef features(): return os.getenv(key='X')\n",
    "another name of os": "import os as o\ndef features(): return o.environ['X']\n",
    "environ by itself": "from os import environ as e\ndef features(): return e['X']\n",
    "getenv by itself": "from os import getenv\ndef features(): return getenv('X')\n",
    "imported inside": "def features():\n    import os\n    return os.environ['X']\n",
    "imported by itself inside": (
        "def features():\n    from os import environ\n    return environ['X']\n"
    ),
    "looked for": "import os\ndef features(): return 'X' in os.environ\n",
    "setdefault": "import os\ndef features(): return os.environ.setdefault('X', '1')\n",
    "a constant's name": "import os\nN = 'X'\ndef features(): return os.environ[N]\n",
    "bytes": "import os\ndef features(): return os.environb[b'X']\n",
    "getenvb": "import os\ndef features(): return os.getenvb(b'X')\n",
    "expanded": "import os\ndef features(): return os.path.expandvars('$X/a')\n",
    "expanded in braces": (
        "from os.path import expandvars\ndef features(): return expandvars('a/${X}b')\n"
    ),
    "in a helper": "import os\ndef f(): return os.environ['X']\ndef features(): return f()\n",
    "in a method": (
        "import os\nclass C:\n    def f(self): return os.environ['X']\ndef features(): return C()\n"
    ),
    "in a nested function": (
        "import os\ndef features():\n    def f(): return os.environ['X']\n    return f\n"
    ),
}
COMPUTED = {
    "item": "import os\ndef features(n): return os.environ[n]\n",
    "get": "import os\ndef features(n): return os.environ.get(f'X_{n}')\n",
    "getenv": "import os\ndef features(n): return os.getenv(n)\n",
    "all of it": "import os\ndef features(): return dict(os.environ)\n",
    "its items": "import os\ndef features(): return list(os.environ.items())\n",
    "given away": "import os\ndef features(f): return f(env=os.environ)\n",
    "given another name": "import os\ndef features():\n    e = os.environ\n    return e['X']\n",
    "getenv given away": "from os import getenv\ndef features(f): return map(getenv, f)\n",
    "expanded": "import os\ndef features(p): return os.path.expandvars(p)\n",
    "bytes": "import os\ndef features(n): return os.environb[n]\n",
    "partial": (
        "import functools, os\nread = functools.partial(os.getenv, 'X')\n"
        "def features(): return read()\n"
    ),
    "getenv in a global": "import os\ne = {'f': os.getenv}\ndef features(): return e['f']('X')\n",
    "a name that is a global too": "import os\nn = 'X'\ndef features(n): return os.environ[n]\n",
    "kept in a global": "import os\ne = [os.environ]\ndef features(): return e[0]['X']\n",
}


def made(module: Any) -> Any:
    return recipe(job="j", version=0, function=module.features, arguments={})


@pytest.mark.parametrize("source", READS.values(), ids=READS)
def test_literal_name(project: Any, monkeypatch: pytest.MonkeyPatch, source: str) -> None:
    """A variable that code names counts by its value; unset and empty are values too."""
    module = project.load(source)
    digests = []
    for value in ("1", "2", "", None, "1"):
        monkeypatch.delenv("X", raising=False)
        if value is not None:
            monkeypatch.setenv("X", value)
        monkeypatch.setenv("UNRELATED", str(value))
        found = made(module)
        digests.append((found.digest, tuple(found.environment), found.reusable))

    assert (len(set(digests[:4])), digests[4]) == (4, digests[0])
    assert {entry[1:] for entry in digests} == {(("X",), True)}


@pytest.mark.parametrize("source", COMPUTED.values(), ids=COMPUTED)
def test_computed_name(project: Any, source: str) -> None:
    """A variable whose name code computes leaves nothing to compare: not reusable."""
    found = made(project.load(source))

    assert (found.reusable, found.environment) == (False, {})


def test_reason(project: Any) -> None:
    """The reason names the function, its file and its line."""
    found = made(project.load("import os\ndef features(n):\n    return os.getenv(n)\n"))

    assert found.reasons == (
        "features() (pipeline.py, line 3) reads an environment variable by a computed name",
    )


def test_assignment(project: Any) -> None:
    """Setting a variable reads none."""
    source = "import os\ndef features(n):\n    os.environ['X'] = n\n    del os.environ['Y']\n"
    found = made(project.load(source))

    assert (found.environment, found.reasons) == ({}, ())


def test_no_source() -> None:
    """Where there is no source, any use of the environment counts as computed."""
    space: dict[str, Any] = {"__name__": "lost"}
    exec("import os\ndef features(): return os.environ['X']\n", space)
    found = recipe(job="j", version=0, function=space["features"], arguments={})

    assert found.reasons == (
        "features() (no source) reads an environment variable by a computed name",
    )


def test_value_is_not_kept(project: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a value the recipe keeps the digest alone."""
    monkeypatch.setenv("X", "the-secret")
    found = made(project.load(READS["get"]))

    assert "the-secret" not in str(found.to_facet())
