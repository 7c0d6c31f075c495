"""Which changes of code change a recipe, and which do not."""

from __future__ import annotations

import dis
import functools
from pathlib import Path
from textwrap import dedent
from types import ModuleType
from typing import Any

import pytest

from begat.lineage.errors import RecipeError
from begat.lineage.recipe import Recipe, recipe, source

BASE = """
    from helpers import clean

    LIMIT = 15

    def features(frame, window=7):
        return clean(frame) > LIMIT
"""
HELPERS = """
    def clean(frame):
        return frame * scale()

    def scale():
        return 10
"""


def recipe_of(module: ModuleType, **arguments: Any) -> Recipe:
    return recipe(job="flights.features", version=0, function=module.features, arguments=arguments)


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


def test_no_source() -> None:
    """Code without source counts by its code object, and that is noted."""
    spaces: list[dict[str, Any]] = [{"__name__": "lost"} for _ in range(3)]
    for space, text in zip(spaces, ("x + N", "x + N", "x - N"), strict=True):
        exec(f"N = 1\ndef features(x):\n    return {text}\n", space)
    same, again, other = (
        recipe(job="j", version=0, function=space["features"], arguments={}) for space in spaces
    )

    assert (same.digest == again.digest, same.digest == other.digest) == (True, False)
    assert (set(same.functions), same.notes) == (
        {"features", "N"},
        ("features has no source: its code object stands for it",),
    )


def test_no_source_still_reaches(project: Any) -> None:
    """Code without source reaches the modules that it imports, all of them."""
    text = "def features(x):\n    import helpers\n    return helpers.clean(x)\n"
    digests = []
    for helpers in (HELPERS, HELPERS.replace("10", "11")):
        project.load("", files={"helpers.py": helpers})
        space: dict[str, Any] = {"__name__": "lost"}
        exec(text, space)
        made = recipe(job="j", version=0, function=space["features"], arguments={})
        digests.append(made.digest)

    assert digests[0] != digests[1]


@pytest.mark.parametrize(
    "source",
    [
        "def features(n): return 1 if n < 1 else features(n - 1)\n",
        "def features(n): return n and g(n - 1)\ndef g(n): return n and features(n - 1)\n",
        "L = []\nL.append(L)\ndef features(): return L\n",
        "class C:\n    def f(self): return C\nC.me = C()\ndef features(): return C.me.f()\n",
        "class A: pass\nclass B(A): pass\nA.child = B\ndef features(): return A\n",
        "table = {}\ndef features(): return table\ntable['f'] = features\n",
        "class C: pass\nc = C()\nc.self = c\nc.get = lambda: c\ndef features(): return c\n",
        "class C:\n    def f(self): return 1\nc = C()\nc.g = c.f\ndef features(): return c.g()\n",
    ],
)
def test_cycles(project: Any, source: str) -> None:
    """Code and values that reach themselves have a recipe, and always the same one."""
    first, second = recipe_of(project.load(source)), recipe_of(project.load(source))

    assert first.digest == second.digest


def test_long_chain(project: Any) -> None:
    """Code that calls code, five hundred deep, has a recipe."""
    chain = "".join(f"def f{n}(): return f{n + 1}()\n" for n in range(500))
    made = recipe_of(project.load(f"{chain}def f500(): return 1\ndef features(): return f0()\n"))

    assert len(made.functions) == 502


def test_annotations_and_decorators_name_libraries(project: Any) -> None:
    """What annotations name brings its distribution, and no first-party code."""
    made = recipe_of(
        project.load(
            """
            import numpy as np
            from typing import TYPE_CHECKING
            if TYPE_CHECKING:
                from nowhere import Unknown

            class Mine:
                pass

            def features(x: np.ndarray, y: "Unknown" = None) -> Mine:
                return x
            """
        )
    )

    assert (set(made.functions), set(made.packages)) == ({"features"}, {"numpy"})


def test_orchestrators_decorators(project: Any) -> None:
    """How often a task is retried is no part of what it computes."""
    source = """
        from begat.lineage.plain import task

        def keep(**options):
            return lambda f: f

        keep.__module__ = task.__module__

        @keep(retries=1)
        def features(x):
            return x
    """
    before = recipe_of(project.load(source))
    after = recipe_of(project.load(source.replace("retries=1", "retries=2")))

    assert after.digest == before.digest


def test_tasks_as_helpers(project: Any) -> None:
    """A helper that is a task itself counts by its function, not by how it is run."""
    source = """
        from begat.lineage.plain import task

        @task
        def clean(x):
            return x + 1

        def features(x):
            return clean(x)
    """
    made = recipe_of(project.load(source))
    plain = recipe_of(project.load(source.replace("@task", "")))

    assert (set(made.functions), made.digest) == ({"features", "clean"}, plain.digest)


def test_globals_of_code() -> None:
    """The globals of a code object are those that dis shows, in long functions too."""
    long = "".join(f"    a{n} = g{n}.h{n}(x.{'y' * 3}{n})\n" for n in range(400))
    space: dict[str, Any] = {}
    exec(f"def features(x):\n    global s\n    s = 1\n{long}", space)
    code = space["features"].__code__
    shown = {i.argval for i in dis.get_instructions(code) if i.opname.endswith("_GLOBAL")}

    assert source._globals(code) == shown
    assert len(shown) == 401


def test_local_name_of_a_global(project: Any) -> None:
    """A local variable is not the global of its name, even where that is an attribute too."""
    module = project.load(
        """
        import threading
        lock = threading.Lock()

        def features(x):
            lock = x
            return [lock for y in x if (lambda: y.lock)()]
        """
    )

    assert set(recipe_of(module).functions) == {"features"}


def test_names_say_what_changed(project: Any) -> None:
    """Functions, classes, methods and globals are there under the names people know."""
    made = recipe_of(
        project.load(
            """
            LIMIT = 1
            class Cleaner:
                def run(self): return LIMIT
            def features(): return Cleaner().run()
            """
        )
    )

    assert sorted(made.functions) == ["Cleaner", "Cleaner.run", "LIMIT", "features"]


def test_files(project: Any) -> None:
    """The first-party files that are reached are named, and no others."""
    module = project.load(
        BASE, files={"helpers.py": HELPERS, "unrelated.py": "def f(): return 1\n"}
    )
    names = [path.name for path in recipe_of(module).files]

    assert names == ["helpers.py", "pipeline.py"]


@pytest.mark.parametrize(
    ("made", "what"),
    [
        ("open(__file__)", "an _io.TextIOWrapper: .* open it inside the function, and pass"),
        ("__import__('sqlite3').connect(':memory:')", "a sqlite3.Connection: .* make it inside"),
        ("__import__('socket').socket()", "a socket.socket: "),
        ("__import__('threading').Lock()", "a _thread.lock: .* or leave it to the flow"),
        ("(i for i in [])", "a generator: .* or pass a list"),
        ("map(str, [])", "a map: .* or pass a list"),
        ("__import__('weakref').ref(set)", "a weakref.ReferenceType: "),
    ],
)
def test_refused_global(project: Any, made: str, what: str) -> None:
    """A global that nothing can be digested by is refused by name, with its reader."""
    module = project.load(f"conn = {made}\ndef features(): return conn\n")
    try:
        with pytest.raises(RecipeError, match=rf"^features\(\) reads the global `conn`, {what}"):
            recipe_of(module)
    finally:
        getattr(module.conn, "close", lambda: None)()


def test_refused_inside(project: Any) -> None:
    """What cannot be digested is named with the way to it, also through a parameter."""
    module = project.load(
        """
        import threading
        class Pool:
            def __init__(self): self.locks = {"a": [threading.Lock()]}
        def features(pool): return pool
        """
    )

    expected = r"^flights.features is given `pool.locks\['a'\]\[0\]`, a _thread.lock: "
    with pytest.raises(RecipeError, match=expected):
        recipe_of(module, pool=module.Pool())


def test_loggers(project: Any) -> None:
    """A logger determines nothing, whatever its name and handlers."""
    source = "import logging\nlog = logging.getLogger({!r})\ndef features(): log.info('')\n"
    one, other = (recipe_of(project.load(source.format(name))) for name in ("one", "other"))

    assert one.digest == other.digest


def test_own_compiled_and_external_wrappers(project: Any) -> None:
    """A method of a library's object that keeps a first-party function reaches it."""
    source = """
        import numpy
        def f(x): return x + 1
        vector = numpy.vectorize(f)
        def features(x): return vector(x)
    """
    before, after = (
        recipe_of(project.load(source)),
        recipe_of(project.load(source.replace("+", "-"))),
    )

    assert (before.digest == after.digest, set(before.packages)) == (False, {"numpy"})


def test_begat_is_opaque() -> None:
    """Begat's own functions count by name and version, with the libraries its tasks use."""
    from begat.lineage.settings import load

    one, again, other = (recipe(job="j", version=v, function=load, arguments={}) for v in (1, 1, 2))

    assert (one.digest == again.digest, one.digest == other.digest) == (True, False)
    assert (one.functions, one.function) == ({}, "begat.lineage.settings:load")
    assert {"numpy", "pandas", "pyarrow", "scikit-learn", "skops"} <= set(one.packages)
    assert not {"begat", "prefect", "sqlalchemy"} & set(one.packages)


def test_begat_changed(project: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another code of begat's behind the same name is the same recipe."""
    from begat.lineage import settings

    module = project.load(
        "from begat.lineage import settings\ndef features(): return settings.load()\n"
    )
    before = recipe_of(module)
    monkeypatch.setattr(settings.load, "__code__", (lambda: 1).__code__)
    monkeypatch.setattr(settings, "SOMETHING", 1, raising=False)

    assert recipe_of(module).digest == before.digest


def test_own_name_wins(project: Any) -> None:
    """A module named first-party counts by its code, wherever it is installed."""
    made = recipe(
        job="j", version=0, function=functools.partial(dedent, ""), arguments={},
        first_party=["textwrap"],
    )  # fmt: skip

    assert "dedent" in made.functions


def test_arguments_that_are_code(project: Any) -> None:
    """A function among the arguments counts by its code, under the argument's name."""
    from begat.lineage.settings import load

    def digest(module: ModuleType) -> Recipe:
        return recipe(job="j", version=1, function=load, arguments={"function": module.features})

    before = digest(project.load(BASE, files={"helpers.py": HELPERS}))
    after = digest(project.load(BASE, files={"helpers.py": HELPERS.replace("10", "11")}))

    changed = {k for k in before.functions if before.functions[k] != after.functions[k]}
    assert (before.arguments, changed) == (after.arguments, {"function: scale"})
