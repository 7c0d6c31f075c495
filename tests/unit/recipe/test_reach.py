"""What code reaches beside its own text: libraries, tasks, loggers, begat itself."""

from __future__ import annotations

import dis
import functools
from textwrap import dedent
from types import ModuleType
from typing import Any

import pytest

from begat.lineage.errors import RecipeError
from begat.lineage.recipe import Recipe, recipe, source
from support.code import BASE, HELPERS, recipe_of


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


def test_orchestrators_tasks_as_helpers(project: Any) -> None:
    """An orchestrator's object around a helper adds nothing, its distribution neither."""
    source = """
        class Task:
            def __init__(self, f, retries=0): self.__wrapped__, self.retries = f, retries
            def __call__(self, x): return self.__wrapped__(x)

        Task.__module__ = "prefect.tasks"

        def clean(x):
            return x + 1

        run = Task(clean, retries=1)

        def features(x):
            return run(x)
    """
    made = recipe_of(project.load(source))

    assert (set(made.functions), made.packages) == ({"features", "clean"}, {})


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
