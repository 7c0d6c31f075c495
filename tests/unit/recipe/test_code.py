"""Which changes of code change a recipe, and which do not."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from begat.lineage.recipe import Recipe, recipe
from support.code import BASE, HELPERS, recipe_of


def one(pipeline: str) -> tuple[str, dict[str, str]]:
    return pipeline, {}


#: What changes: the pipeline before and after, and beside it the modules before and after.
DIFFERENT = {
    "a global constant": (BASE, HELPERS, BASE.replace("15", "20"), HELPERS),
    "the type of a global constant": (BASE, HELPERS, BASE.replace("15", "15.0"), HELPERS),
    "a default": (BASE, HELPERS, BASE.replace("=7", "=8"), HELPERS),
    "a helper's helper in another module": (BASE, HELPERS, BASE, HELPERS.replace("10", "1000")),
    "an operator": (BASE, HELPERS, BASE.replace(">", ">="), HELPERS),
    "a global that another module holds": (
        "import helpers\ndef features(): return helpers.LIMIT\n",
        "LIMIT = 1",
        "import helpers\ndef features(): return helpers.LIMIT\n",
        "LIMIT = 2",
    ),
    "a helper reached by attribute": (
        "import helpers as h\ndef features(x): return h.clean(x)\n",
        HELPERS,
        "import helpers as h\ndef features(x): return h.clean(x)\n",
        HELPERS.replace("10", "11"),
    ),
    "a helper imported inside the function": (
        "def features(x):\n    from helpers import clean\n    return clean(x)\n",
        HELPERS,
        "def features(x):\n    from helpers import clean\n    return clean(x)\n",
        HELPERS.replace("10", "11"),
    ),
    "a helper in a module imported inside a nested function": (
        "def features(x):\n    def f():\n        import helpers as h\n        return h.clean(x)\n"
        "    return f()\n",
        HELPERS,
        "def features(x):\n    def f():\n        import helpers as h\n        return h.clean(x)\n"
        "    return f()\n",
        HELPERS.replace("10", "11"),
    ),
    "a module used as a value": (
        "import helpers\ndef features(n): return getattr(helpers, n)()\n",
        HELPERS,
        "import helpers\ndef features(n): return getattr(helpers, n)()\n",
        HELPERS.replace("10", "11"),
    ),
    "another helper under the same name": (
        "from helpers import a as f\ndef features(): return f()\n",
        "def a(): return 1\ndef b(): return 2\n",
        "from helpers import b as f\ndef features(): return f()\n",
        "def a(): return 1\ndef b(): return 2\n",
    ),
    "two helpers of one name exchanged": (
        "from helpers import A, B\nx = A.run\ny = B.run\ndef features(): return x() - y()\n",
        "class A:\n    @staticmethod\n    def run(): return 1\n"
        "class B:\n    @staticmethod\n    def run(): return 2\n",
        "from helpers import A, B\nx = B.run\ny = A.run\ndef features(): return x() - y()\n",
        "class A:\n    @staticmethod\n    def run(): return 1\n"
        "class B:\n    @staticmethod\n    def run(): return 2\n",
    ),
    "a library's function under the same name": (
        "import math as m\ndef features(x): return m.sqrt(x)\n",
        "",
        "import cmath as m\ndef features(x): return m.sqrt(x)\n",
        "",
    ),
    "a C function given by name": (
        "from math import sin as f\ndef features(x): return f(x)\n",
        "",
        "from math import cos as f\ndef features(x): return f(x)\n",
        "",
    ),
    "a method descriptor of C": (
        "f = str.upper\ndef features(x): return f(x)\n",
        "",
        "f = str.lower\ndef features(x): return f(x)\n",
        "",
    ),
    "a builtin hidden by a global": (
        "def features(x): return len(x)\n",
        "",
        "len = abs\ndef features(x): return len(x)\n",
        "",
    ),
    "a name that is bound later": (
        "def features(x): return later(x)\n",
        "",
        "def features(x): return later(x)\ndef later(x): return x\n",
        "",
    ),
    "a nested function": (
        "def features(x):\n    def f(y): return y + 1\n    return f(x)\n",
        "",
        "def features(x):\n    def f(y): return y + 2\n    return f(x)\n",
        "",
    ),
    "a default factory of a dataclass": (
        "from dataclasses import dataclass, field\ndef make(): return [1]\n"
        "@dataclass\nclass C:\n    a: list = field(default_factory=make)\n"
        "def features(): return C().a\n",
        "",
        "from dataclasses import dataclass, field\ndef make(): return [2]\n"
        "@dataclass\nclass C:\n    a: list = field(default_factory=make)\n"
        "def features(): return C().a\n",
        "",
    ),
    "a default of a dataclass's field": (
        "from dataclasses import dataclass\n@dataclass\nclass C:\n    a: int = 1\n"
        "def features(): return C().a\n",
        "",
        "from dataclasses import dataclass\n@dataclass\nclass C:\n    a: int = 2\n"
        "def features(): return C().a\n",
        "",
    ),
    "an option of a class's decorator": (
        "from dataclasses import dataclass\n@dataclass(order=True)\nclass C:\n    a: int\n"
        "def features(): return C(1)\n",
        "",
        "from dataclasses import dataclass\n@dataclass\nclass C:\n    a: int\n"
        "def features(): return C(1)\n",
        "",
    ),
    "a method": (
        "class C:\n    def f(self): return self.g()\n    def g(self): return 1\n"
        "def features(): return C().f()\n",
        "",
        "class C:\n    def f(self): return self.g()\n    def g(self): return 2\n"
        "def features(): return C().f()\n",
        "",
    ),
    "a property": (
        "class C:\n    @property\n    def f(self): return 1\ndef features(): return C().f\n",
        "",
        "class C:\n    @property\n    def f(self): return 2\ndef features(): return C().f\n",
        "",
    ),
    "an attribute of a class": (
        "class C:\n    limit = 1\ndef features(): return C.limit\n",
        "",
        "class C:\n    limit = 2\ndef features(): return C.limit\n",
        "",
    ),
    "a base class": (
        "from helpers import B\nclass C(B): pass\ndef features(): return C().f()\n",
        "class B:\n    def f(self): return 1\n",
        "from helpers import B\nclass C(B): pass\ndef features(): return C().f()\n",
        "class B:\n    def f(self): return 2\n",
    ),
    "a member of an enumeration": (
        "import enum\nclass E(enum.Enum):\n    A = 1\ndef features(): return E.A.value\n",
        "",
        "import enum\nclass E(enum.Enum):\n    A = 2\ndef features(): return E.A.value\n",
        "",
    ),
    "a default of a named tuple": (
        "from typing import NamedTuple\nclass C(NamedTuple):\n    a: int = 1\n"
        "def features(): return C()\n",
        "",
        "from typing import NamedTuple\nclass C(NamedTuple):\n    a: int = 2\n"
        "def features(): return C()\n",
        "",
    ),
    "the state of a global object": (
        "class C:\n    def __init__(self, n): self.n = n\n    def f(self): return self.n\n"
        "c = C(1)\ndef features(): return c.f()\n",
        "",
        "class C:\n    def __init__(self, n): self.n = n\n    def f(self): return self.n\n"
        "c = C(2)\ndef features(): return c.f()\n",
        "",
    ),
    "an attribute of a global object": (
        "from types import SimpleNamespace as N\nc = N(a=1, b=1)\ndef features(): return c.a\n",
        "",
        "from types import SimpleNamespace as N\nc = N(a=2, b=1)\ndef features(): return c.a\n",
        "",
    ),
    "a partial's argument": (
        "import functools\ndef f(a, b): return a + b\ng = functools.partial(f, 1)\n"
        "def features(x): return g(x)\n",
        "",
        "import functools\ndef f(a, b): return a + b\ng = functools.partial(f, 2)\n"
        "def features(x): return g(x)\n",
        "",
    ),
    "a partial's function": (
        "import functools\ndef f(a, b): return a + b\ng = functools.partial(f, 1)\n"
        "def features(x): return g(x)\n",
        "",
        "import functools\ndef f(a, b): return a - b\ng = functools.partial(f, 1)\n"
        "def features(x): return g(x)\n",
        "",
    ),
    "a cached helper": (
        "import functools\n@functools.lru_cache(maxsize=4)\ndef f(a): return a\n"
        "def features(x): return f(x)\n",
        "",
        "import functools\n@functools.lru_cache(maxsize=4)\ndef f(a): return -a\n"
        "def features(x): return f(x)\n",
        "",
    ),
    "an implementation of a generic function": (
        "import functools\n@functools.singledispatch\ndef f(a): return a\n"
        "@f.register(int)\ndef _(a): return 1\ndef features(x): return f(x)\n",
        "",
        "import functools\n@functools.singledispatch\ndef f(a): return a\n"
        "@f.register(int)\ndef _(a): return 2\ndef features(x): return f(x)\n",
        "",
    ),
    "a generator expression's global": (
        "N = 1\ndef features(x): return sum(i * N for i in x)\n",
        "",
        "N = 2\ndef features(x): return sum(i * N for i in x)\n",
        "",
    ),
    "a context manager made by a decorator": (
        "import contextlib\n@contextlib.contextmanager\ndef f(): yield 1\n"
        "def features():\n    with f() as a: return a\n",
        "",
        "import contextlib\n@contextlib.contextmanager\ndef f(): yield 2\n"
        "def features():\n    with f() as a: return a\n",
        "",
    ),
}

TWINS = "import helpers\ndef f(): return {}\ndef features(): return f() - helpers.f()\n"
PROPERTY = """
    class C:
        @property
        def x(self): return {}
    c = C()
    vars(c)["x"] = 0
    def features(): return c.x
"""
DYNAMIC = """
    def make(n):
        class B:
            def f(self): return n
        return B
    N = {}
    BASES = [make(N)]
    class C(BASES[0]): pass
    def features(): return C().f()
"""
WRAPPED = """
    def decorate(f):
        def wrapper(x): return wrapper.__wrapped__(x)
        wrapper.__wrapped__ = f
        return wrapper

    @decorate
    def clean(x): return x + {}
    def features(x): return clean(x)
"""
FIELDS = """
    from pydantic import BaseModel
    class Inner(BaseModel):
        a: int = {}
    class Outer(BaseModel):
        inner: Inner
    def features(x): return Outer(inner=x)
"""
SUPER = """
    class B:
        def f(self): return {}
    class C(B):
        def f(self): return super().f()
    features = C.f
"""
for _name, _source in {
    "a property before an attribute of its name": PROPERTY,
    "a base class that a call made": DYNAMIC,
    "a wrapped function that nothing closes over": WRAPPED,
    "a field's class": FIELDS,
    "the base class that super() finds": SUPER,
}.items():
    DIFFERENT[_name] = (_source.format(1), "", _source.format(2), "")
_ONE, _TWO = ("def f(): return 1\n", "def f(): return 2\n")
DIFFERENT |= {
    "the first of two helpers of one name": (TWINS.format(1), _ONE, TWINS.format(2), _ONE),
    "the second of two helpers of one name": (TWINS.format(1), _ONE, TWINS.format(1), _TWO),
}

DECORATED = """
    import functools

    def times(factor):
        def decorate(f):
            @functools.wraps(f)
            def wrapper(*args):
                return f(*args) * factor
            return wrapper
        return decorate

    @times(2)
    def clean(x):
        return x + 1

    def features(x):
        return clean(x)
"""
DIFFERENT |= {
    "a decorated helper": (DECORATED, "", DECORATED.replace("x + 1", "x + 2"), ""),
    "a decorator": (DECORATED, "", DECORATED.replace("* factor", "- factor"), ""),
    "a decorator's argument": (DECORATED, "", DECORATED.replace("@times(2)", "@times(3)"), ""),
}

SAME = {
    "a comment": (
        BASE,
        HELPERS,
        BASE.replace("LIMIT = 15", "# why\n    LIMIT = 15  # it is"),
        HELPERS,
    ),
    "a docstring": (
        BASE,
        HELPERS,
        BASE.replace("=7):\n", '=7):\n        """Says."""\n'),
        HELPERS.replace("def scale():\n", 'def scale():\n        "Says too."\n'),
    ),
    "another docstring": (
        'def features(x):\n    """One."""\n    return x\n',
        "",
        'def features(x):\n    """Two\n    lines."""\n    return x\n',
        "",
    ),
    "a class's docstring": (
        'class C:\n    """One."""\n    a = 1\n    """Its attribute."""\n'
        "def features(): return C.a\n",
        "",
        'class C:\n    """Two."""\n    a = 1\ndef features(): return C.a\n',
        "",
    ),
    "a type comment": (
        "def features(x):\n    y = x  # type: int\n    return y\n",
        "",
        "def features(x):\n    y = x  # type: str\n    return y\n",
        "",
    ),
    "lines, spaces and parentheses": (
        BASE,
        HELPERS,
        "\n\n\n" + dedent(BASE).replace("clean(frame) > LIMIT", "(clean( frame )\n    > LIMIT)"),
        HELPERS,
    ),
    "a global that nothing reaches": (BASE, HELPERS, BASE + "\n    OTHER = 3\n", HELPERS),
    "a function that nothing reaches": (BASE, HELPERS, BASE, HELPERS + "\n    def f(): return 9\n"),
    "how a constant is written": (BASE, HELPERS, BASE.replace("15", "3 * 5"), HELPERS),
    "an attribute of a global object that nothing reads": (
        "from types import SimpleNamespace as N\nc = N(a=1, b=1)\ndef features(): return c.a\n",
        "",
        "from types import SimpleNamespace as N\nc = N(a=1, b=2)\ndef features(): return c.a\n",
        "",
    ),
    "a helper moved to another module": (
        BASE,
        HELPERS,
        BASE.replace("from helpers import clean", "") + HELPERS,
        "",
    ),
    "the order of a class's methods": (
        "class C:\n    def f(self): return 1\n    def g(self): return 2\n"
        "def features(): return C\n",
        "",
        "class C:\n    def g(self): return 2\n    def f(self): return 1\n"
        "def features(): return C\n",
        "",
    ),
    "a set's order in the source": (
        "S = {'a', 'b', 'c'}\ndef features(x): return x in S\n",
        "",
        "S = {'c', 'b', 'a'}\ndef features(x): return x in S\n",
        "",
    ),
}


def pair(project: Any, before: str, old: str, after: str, new: str) -> tuple[Recipe, Recipe]:
    first = recipe_of(project.load(before, files={"helpers.py": old}))
    return first, recipe_of(project.load(after, files={"helpers.py": new}))


@pytest.mark.parametrize("sources", DIFFERENT.values(), ids=DIFFERENT)
def test_change_that_counts(project: Any, sources: tuple[str, str, str, str]) -> None:
    """A change of what the function does is another recipe, made of source alone."""
    before, after = pair(project, *sources)

    assert (before.digest != after.digest, before.notes) == (True, ())


@pytest.mark.parametrize("sources", DIFFERENT.values(), ids=DIFFERENT)
def test_same_sources_elsewhere(project: Any, sources: tuple[str, str, str, str]) -> None:
    """The same sources in another folder are the same recipe, whatever they hold."""
    before, after = pair(project, *sources[:2], *sources[:2])

    assert after.digest == before.digest


@pytest.mark.parametrize("sources", SAME.values(), ids=SAME)
def test_change_that_does_not_count(project: Any, sources: tuple[str, str, str, str]) -> None:
    """A change that the function cannot notice leaves its recipe alone."""
    before, after = pair(project, *sources)

    assert after.to_facet() == before.to_facet()


def test_renamed_file(project: Any) -> None:
    """A pipeline's file by another name is the same recipe."""
    before = recipe_of(project.load(BASE, name="pipeline", files={"helpers.py": HELPERS}))
    after = recipe_of(project.load(BASE, name="renamed", files={"helpers.py": HELPERS}))

    assert after.digest == before.digest


def test_executed_file(project: Any) -> None:
    """A file that was executed, as a script is, has the recipe it has when imported."""
    imported = project.load(BASE, files={"helpers.py": HELPERS})
    space: dict[str, Any] = {"__name__": "__main__"}
    path = Path(str(imported.__file__))
    exec(compile(path.read_text(), path, "exec"), space)
    executed = recipe(job="flights.features", version=0, function=space["features"], arguments={})

    assert executed.digest == recipe_of(imported).digest


def test_relative_imports(project: Any) -> None:
    """Helpers are followed through relative imports, at the top and inside functions."""
    files = {
        "shop/__init__.py": "",
        "shop/steps.py": "from . import tools\ndef features(x):\n"
        "    from .more import last\n    return tools.clean(last(x))\n",
        "shop/tools.py": "def clean(x): return x + 1\n",
        "shop/more.py": "def last(x): return x[-1]\n",
    }
    project.load("from shop.steps import features", files=files)
    import shop.steps  # type: ignore[import-not-found]  # written a line above

    made = recipe(job="j", version=0, function=shop.steps.features, arguments={})

    assert set(made.functions) == {"features", "clean", "last"}


def test_closures(project: Any) -> None:
    """Two closures of one function differ by what they close over."""
    module = project.load("def make(n):\n    def f(x): return x * n\n    return f\n")
    seven, other, again = (
        recipe(job="j", version=0, function=module.make(n), arguments={}).digest for n in (7, 14, 7)
    )

    assert (seven == again, seven == other) == (True, False)


def test_lambdas_on_one_line(project: Any) -> None:
    """Lambdas written on one line are told apart, by code and by default."""
    module = project.load(
        "fs = [lambda x: x + 1, lambda x: x + 2, lambda x, y=1: x, lambda x, y=2: x, "
        "lambda x: (lambda: x), lambda: 1, lambda: None]\n"
        "gs = [lambda x: x, lambda x: x,\n      lambda x:\n      x if x else\n      -x]\n"
    )
    for f in module.gs:
        assert recipe(job="j", version=0, function=f, arguments={}).notes == ()

    made = [recipe(job="j", version=0, function=f, arguments={}) for f in module.fs]

    assert (len({r.digest for r in made}), {r.notes for r in made}) == (7, {()})


def test_bound_method(project: Any) -> None:
    """A bound method is its code and its instance's state, cached properties left out."""
    module = project.load(
        """
        import functools

        class Model:
            def __init__(self, rate):
                self.rate = rate

            @functools.cached_property
            def slow(self):
                return self.rate * 2

            def fit(self, x):
                return self.slow + x
        """
    )
    one, same, other = module.Model(1), module.Model(1), module.Model(2)
    assert same.slow == 2
    digests = [
        recipe(job="j", version=0, function=m.fit, arguments={}).digest for m in (one, same, other)
    ]

    assert (digests[0] == digests[1], digests[0] == digests[2]) == (True, False)


def test_state_at_the_time(project: Any) -> None:
    """A global that was changed after import counts with its value at the time."""
    module = project.load("TABLE = {'a': 1}\ndef features(): return TABLE['a']\n")
    before = recipe_of(module).digest
    module.TABLE["a"] = 2
    changed = recipe_of(module).digest
    module.TABLE["a"] = 1

    assert (changed == before, recipe_of(module).digest == before) == (False, True)


def test_state_of_a_class(project: Any) -> None:
    """A class's attribute that was changed after import counts with its value at the time."""
    module = project.load("class C:\n    limit = 1\ndef features(): return C.limit\n")
    before = recipe_of(module).digest
    module.C.limit = 2

    assert recipe_of(module).digest != before


def test_generated_methods(project: Any) -> None:
    """Methods that were made from a class's own text are not there beside it."""
    source = "from dataclasses import dataclass\n@dataclass\nclass C:\n    a: int = 1\n"
    made = recipe_of(project.load(f"{source}def features(): return C()\n"))

    assert set(made.functions) == {"C", "features"}


def test_replaced_helper(project: Any) -> None:
    """A helper that was replaced at run time counts as what it is now."""
    module = project.load(BASE, files={"helpers.py": HELPERS})
    before = recipe_of(module).digest
    module.clean = lambda frame: frame

    assert recipe_of(module).digest != before


def test_file_edited_after_import(project: Any) -> None:
    """A file that was edited after its import does not speak for the code that runs."""
    module = project.load("def features(x): return x + 1\n")
    with open(module.__file__, "w") as file:
        file.write("def features(x): return x + 2000\n")
    stale = recipe_of(module)
    fresh = recipe_of(project.load("def features(x): return x + 2000\n"))

    assert (stale.digest == fresh.digest, stale.notes) == (
        False,
        ("features has no source: its code object stands for it",),
    )
