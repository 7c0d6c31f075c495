"""A remembered plan answers what planning would answer, or nothing."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from support.forks import Commands, serving
from support.readers import Readers


@pytest.fixture(scope="module")
def commands(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Commands]:
    """Commands in processes of their own."""
    with serving(tmp_path_factory.mktemp("commands")) as found:
        yield found


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, commands: Commands) -> tuple[Readers, Path]:
    """A pipeline after a run that is remembered, and a copy of it."""
    folder = tmp_path_factory.mktemp("readers")
    readers = Readers.write(folder / "here", commands)
    run(readers)
    # What the run wrote shortly before is hashed once more, and after that it is settled.
    assert readers.begat("plan").remembered
    readers.save(folder / "copy")
    return readers, folder / "copy"


@pytest.fixture
def readers(trained: tuple[Readers, Path]) -> Iterator[Readers]:
    """It, and it is as it was afterwards."""
    found, copy = trained
    yield found
    found.restore(copy)


def run(readers: Readers, *arguments: str, **how: Any) -> dict[str, Any]:
    """Run the pipeline, and what that printed."""
    done = readers.begat("run", "--plain", *arguments, **how)
    assert done.code == 0, done.err
    return done.said


@dataclass(frozen=True)
class Change:
    """Something that may change what a plan says."""

    apply: Callable[[Readers], object] = lambda readers: None
    environment: Mapping[str, str] = field(default_factory=dict)
    arguments: tuple[str, ...] = ()
    #: Code that the process runs first.
    first: str = ""


def edit(name: str, old: str, new: str) -> Change:
    """Of a file."""
    return Change(lambda readers: readers.edit(name, old, new))


def put(name: str, text: str = "") -> Change:
    """A new file, or another text of one."""
    return Change(lambda readers: readers.put(name, text))


def sql(statement: str) -> Change:
    """Of the store."""

    def apply(readers: Readers) -> None:
        with closing(sqlite3.connect(readers.folder / "home" / "begat.db")) as store:
            store.execute(statement)
            store.commit()

    return Change(apply)


def artifacts(readers: Readers) -> list[Path]:
    """What the runs wrote."""
    return sorted((readers.folder / "home" / "artifacts").glob("[0-9a-f][0-9a-f]/*"))


def lose(readers: Readers) -> None:
    """Every artifact is gone."""
    for path in artifacts(readers):
        path.unlink()


def overwrite(readers: Readers) -> None:
    """Every artifact is something else, of the same size and age."""
    for path in artifacts(readers):
        state = path.stat()
        path.chmod(0o644)
        path.write_bytes(path.read_bytes()[:-1] + b"?")
        os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))


def rewrite_unnoticed(readers: Readers) -> None:
    """A raw file of the same size and age."""
    path = readers.folder / "project/raw/month=2013-02/a.csv"
    state = path.stat()
    path.write_text(path.read_text().replace("AA", "BA"))
    os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))


def move(readers: Readers) -> None:
    """A month under another name."""
    raw = readers.folder / "project" / "raw"
    (raw / "month=2013-01").rename(raw / "month=2012-12")


def upgrade(readers: Readers) -> None:
    """Another version of a distribution."""
    modules = readers.folder / "modules"
    (modules / "installed-1.0.dist-info").rename(modules / "installed-1.1.dist-info")


OTHER_PYTHON = """
from types import SimpleNamespace
from begat.flows.remember import circumstances
circumstances.sys = SimpleNamespace({})
"""
MONTH = "distance,carrier,plane,late\n1200,AA,N1,1\n300,UA,N2,0\n"

#: Each makes the remembered plan worth nothing, whatever planning then says.
CHANGES = {
    "the pipeline's file": edit("project/readers.py", "limit=1000", "limit=900"),
    "an imported module": edit("project/parts/units.py", "1.0", "1.1"),
    "a package's __init__": put("project/parts/__init__.py", "import os\n"),
    "a module that would be imported instead": put("project/sklearn.py", "raise OSError\n"),
    "such a module elsewhere on the path": put("modules/parts/units.py", "MILE = 2.0\n"),
    "a module beside an imported one": put("project/parts/more.py"),
    "a file that loading reads": put("project/settings/chosen.json", '{"chosen": 2}'),
    "a file that loading looks for": put("project/settings/local.json", '{"chosen": 3}'),
    "a file that loading runs": edit("project/settings/depth.txt", "2", "3"),
    "a folder that loading lists": put("project/rules/second.txt"),
    "a variable that loading reads": Change(environment={"LEAST": "400"}),
    "a variable that a function reads": Change(environment={"UNIT": "2.0"}),
    "a distribution": Change(upgrade),
    "another distribution": put("modules/other-2.0.dist-info/METADATA"),
    "begat's namespace": Change(environment={"BEGAT_NAMESPACE": "elsewhere"}),
    "an entry in pyproject.toml": put(
        "project/pyproject.toml", '[tool.begat]\nfirst_party = ["sklearn.tree"]\n'
    ),
    "Python": Change(first=OTHER_PYTHON.format("version='3.99.0', flags=sys.flags")),
    "Python's flags": Change(first=OTHER_PYTHON.format("version=sys.version, flags=(1,)")),
    "the processor": Change(first="os.cpu_count = lambda: 1234"),
    "begat's code": Change(
        first="from begat.flows.remember import circumstances; circumstances.OWN = ('settings',)"
    ),
    "what is remembered of a plan": Change(first="remember.memory.FORM += 1"),
    "a raw file": edit("project/raw/month=2013-02/a.csv", "AA", "BB"),
    "a raw file that looks as before": Change(rewrite_unnoticed),
    "another raw file": put("project/raw/month=2013-02/b.csv", MONTH),
    "a new month": put("project/raw/month=2013-04/a.csv", MONTH),
    "a month of another name": Change(move),
    "a month that is gone": Change(
        lambda readers: (readers.folder / "project/raw/month=2013-01/a.csv").unlink()
    ),
    "an empty month": put("project/raw/month=2013-01/a.csv", ""),
    "a lookup": edit("project/planes.csv", "200", "250"),
    "a lookup that is gone": Change(lambda r: (r.folder / "project/planes.csv").unlink()),
    "the pipeline's file is gone": Change(lambda r: (r.folder / "project/readers.py").unlink()),
    "an imported module is gone": Change(lambda r: (r.folder / "project/parts/units.py").unlink()),
    "a parameter": Change(arguments=("--set", "train.max_depth=3")),
    "parameters in a file": Change(arguments=("--params", "params.yaml")),
    "the choice of partitions": Change(arguments=("--partitions", "month<=2013-02")),
    "artifacts that are lost": Change(lose),
    "artifacts that are overwritten": Change(overwrite),
    "an artifact that is marked lost": sql(
        "INSERT INTO presence (digest, state, noted_at) "
        "SELECT digest, 'lost', '2013-01-01T00:00:00.000000Z' FROM version "
        "WHERE digest NOT IN (SELECT digest FROM presence) "
        "ON CONFLICT DO UPDATE SET state = 'lost'"
    ),
    "runs that answer no longer": sql("UPDATE run SET reusable = 0 WHERE recipe IS NOT NULL"),
    "a model that is registered otherwise": sql(
        """UPDATE run SET result = replace(result, '"version":1', '"version":7')"""
    ),
    "the store": Change(lambda readers: (readers.folder / "home" / "begat.db").unlink()),
}

#: What changes nothing that a plan rests on.
INDIFFERENT = {
    "nothing": Change(),
    "a variable that nothing reads": Change(environment={"MOST": "1"}),
    "the age of a file": Change(lambda r: os.utime(r.folder / "project/readers.py", (1, 1))),
    "a raw file written again": Change(
        lambda r: r.put("project/raw/month=2013-01/a.csv", r.rows(0))
    ),
    "a file that no pattern finds": put("project/raw/notes.txt"),
    "bytecode": put("project/__pycache__/readers.cpython-311.pyc"),
    "the same partitions": Change(arguments=("--partitions", "")),
}


def plan(readers: Readers, change: Change, *, remember: bool) -> tuple[Any, bool]:
    """What `begat plan` says under a change, and whether it was remembered."""
    done = readers.begat(
        "plan",
        *change.arguments,
        remember=remember,
        first=change.first,
        **change.environment,
    )
    return (done.code, done.out, done.err), done.remembered


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_is_never_overlooked(readers: Readers, name: str) -> None:
    """Whatever may change what a plan says, planning is asked, twice in a row."""
    change = CHANGES[name]
    change.apply(readers)
    said, remembered = plan(readers, change, remember=True)
    again, _ = plan(readers, change, remember=True)
    truth, _ = plan(readers, change, remember=False)

    assert (remembered, "(unexpected" in said[2]) == (False, False)
    assert said == again == truth


@pytest.mark.parametrize("name", INDIFFERENT)
def test_what_does_not_matter_is_remembered(readers: Readers, name: str) -> None:
    """A plan that rests on nothing that changed is not made again, and says the same."""
    change = INDIFFERENT[name]
    change.apply(readers)
    said, remembered = plan(readers, change, remember=True)
    truth, _ = plan(readers, change, remember=False)

    assert remembered
    assert said == truth


def test_a_change_and_back(readers: Readers) -> None:
    """What is as it was again is remembered again, by what it holds and not by its age."""
    change = CHANGES["a file that loading reads"]
    change.apply(readers)
    run(readers)
    other = readers.begat("plan")
    readers.put("project/settings/chosen.json", '{"chosen": 1}')
    first = readers.begat("plan")
    again = readers.begat("plan")

    assert (other.remembered, other.said["model_version"]) == (True, "readers@2")
    assert (first.remembered, again.remembered) == (False, True)
    assert first.said == again.said


def test_parameters_in_a_file_count_by_what_they_say(readers: Readers) -> None:
    """A file of parameters that says the same is asked the same, whatever it is called."""
    asked = ("--params", "params.yaml")
    run(readers, *asked)
    same = readers.begat("plan", *asked)
    readers.put("project/other.yml", "# the same\ntrain:\n  min_samples_leaf: 1\n")
    renamed = readers.begat("plan", "--params", "other.yml")
    readers.put("project/params.yaml", "train: {min_samples_leaf: 2}\n")
    changed = readers.begat("plan", *asked)

    assert (same.remembered, changed.remembered) == (True, False)
    assert (renamed.said, changed.said["stale"]) == (same.said, 3)


def test_what_registers_is_kept_by_the_store(readers: Readers) -> None:
    """A row that is missing from the registry changes no plan, remembered or not."""
    change = sql("DELETE FROM model_version")
    change.apply(readers)

    assert plan(readers, change, remember=True)[0] == plan(readers, change, remember=False)[0]


# What a run records and prints


def recorded(readers: Readers) -> list[dict[str, Any]]:
    """The events in the store, without what no two runs share."""
    with closing(sqlite3.connect(readers.folder / "home" / "begat.db")) as store:
        events = [json.loads(body) for (body,) in store.execute("SELECT body FROM event")]
    for event in events:
        del event["eventTime"], event["run"]["runId"]
    return events


@pytest.mark.parametrize("arguments", [("--plain",), ()], ids=["plain", "prefect"])
def test_a_remembered_run_records_what_any_other_does(
    readers: Readers, arguments: tuple[str, ...]
) -> None:
    """A flow run that had nothing to do is one COMPLETE, and its report is the same."""
    before = len(recorded(readers))
    said = []
    for remember in (True, False):
        done = readers.begat("run", *arguments, remember=remember)
        assert done.remembered is remember, done.err
        assert done.said.pop("flow_run_id")
        said.append({**done.said, "flow_run_id": None, "err": done.err})
    events = recorded(readers)[before:]

    assert said[0] == said[1]
    assert events[0] == events[1]
    assert [event["eventType"] for event in events] == ["COMPLETE", "COMPLETE"]
    assert events[0]["run"]["facets"]["begat_reuse"]["reused"] == 9


def test_people_read_the_same(readers: Readers) -> None:
    """Without --json too."""
    asked = {
        "environment": {"BEGAT_HOME": str(readers.folder / "home")},
        "path": [readers.folder / "modules"],
    }
    said = [
        readers.commands.run(
            readers.folder / "project",
            *(command, "readers.py:pipeline"),
            remember=remember,
            **asked,  # type: ignore[arg-type]  # the keywords' own types
        )
        for command in ("run", "plan")
        for remember in (True, False)
    ]

    assert [done.remembered for done in said] == [True, False, True, False]
    assert [(done.out, done.err) for done in said[::2]] == [
        (done.out, done.err) for done in said[1::2]
    ]


HEAVY = ("matplotlib", "numpy", "pandas", "prefect", "pyarrow", "rich", "scipy", "sklearn")
BARE = """
import json, sys
sys.argv[0] = "begat"
from begat.lineage.cli import main
try:
    main()
finally:
    print(json.dumps(sorted({name.partition(".")[0] for name in sys.modules})), file=sys.stderr)
"""


def test_nothing_heavy_is_imported(readers: Readers) -> None:
    """Neither what trains models, nor the orchestrator, nor the pipeline itself."""
    environment = {**os.environ, "BEGAT_HOME": str(readers.folder / "home")}
    imported = []
    for _ in range(2):  # the first one plans, for its path is another than the server's
        done = subprocess.run(
            [sys.executable, "-c", BARE, "run", "readers.py:pipeline"],
            cwd=readers.folder / "project",
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
        imported.append({*json.loads(done.stderr.splitlines()[-1])} & {*HEAVY, "readers", "parts"})

    assert {"pandas", "readers", "parts"} <= imported[0]
    assert imported[1] == set()


# What is not remembered


UNSEEN = {
    "the environment as a whole": "import os\nkept = dict(os.environ)",
    "what a library reads of it": (
        "import string\nimport os\nkept = string.Template('$HOME').substitute(os.environ.copy())"
    ),
    "another process": "import subprocess\nsubprocess.run(['true'], check=True)",
    "a connection": (
        "import socket\ntry:\n    socket.create_connection(('127.0.0.1', 9), 0.1)\n"
        "except OSError:\n    pass"
    ),
    "a database": "import sqlite3\nsqlite3.connect(':memory:').close()",
    "a folder by its descriptor": (
        "import os\nthere = os.open('.', os.O_RDONLY)\nos.listdir(there)\nos.close(there)"
    ),
}


@pytest.mark.parametrize("what", UNSEEN)
def test_what_cannot_be_seen_is_not_remembered(readers: Readers, what: str) -> None:
    """A pipeline that may read anything while it is loaded is planned each time."""
    with (readers.folder / "project/parts/units.py").open("a") as file:
        file.write(UNSEEN[what])
    run(readers)
    done = readers.begat("plan")

    assert (done.remembered, done.said["stale"]) == (False, 0)


#: Code that runs in the process of the command: a change while it loads, or after.
MEANWHILE = """
def change():
    with open({name!r}, "a") as file:
        file.write({text!r})
{when}
"""
AFTER_LOADING = """
loaded = commands._load
commands._load = lambda *given: (loaded(*given), change())[0]
"""
AFTER_RUNNING = """
ran = training.run
training.run = lambda *given, **how: (ran(*given, **how), change())[0]
"""


@pytest.mark.parametrize("when", [AFTER_LOADING, AFTER_RUNNING], ids=["loading", "running"])
@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("readers.py", "\npipeline = None\n"),
        ("parts/units.py", "\nMILE = 3.0\n"),
        ("parts/json.py", ""),
        ("settings/chosen.json", " "),
        ("settings/local.json", '{"chosen": 4}'),
        ("rules/second.txt", ""),
        ("json.py", "MILE = 4.0"),
        ("raw/month=2013-01/b.csv", MONTH),
        ("raw/month=2013-02/a.csv", "1,AA,N1,1\n"),
        ("planes.csv", "N3,1\n"),
    ],
)
def test_what_changes_meanwhile_is_not_overlooked(
    readers: Readers, name: str, text: str, when: str
) -> None:
    """What was written after it was read is planned with next time."""
    first = MEANWHILE.format(name=name, text=text, when=when)
    readers.begat("run", "--plain", remember=False, first=first)

    assert plan(readers, Change(), remember=True)[0] == plan(readers, Change(), remember=False)[0]


def test_a_pipeline_that_sets_begat_up_itself(readers: Readers) -> None:
    """Settings that its file makes are in force for the run, and it is planned each time."""
    text = f"import os\nos.environ['BEGAT_HOME'] = {str(readers.folder / 'other')!r}\n"
    readers.put("project/readers.py", text + (readers.folder / "project/readers.py").read_text())
    done = readers.begat("run", "--plain")
    again = readers.begat("run", "--plain")

    assert (done.said["executed"], again.said["executed"], again.remembered) == (9, 0, False)
    assert (readers.folder / "other" / "begat.db").exists()


def test_a_run_without_the_store_is_not_remembered(readers: Readers) -> None:
    """Who does not ask the store is not answered by it, nor does it learn."""
    run(readers, "--set", "seed=5", "--without-store")
    asked = readers.begat("plan", "--set", "seed=5")
    told = readers.begat("run", "--plain", "--without-store")

    assert (asked.remembered, told.remembered) == (False, False)
    assert len(plans(readers)) == 2  # what was there, and what the plan itself has learned


# Files of plans


def plans(readers: Readers) -> list[Path]:
    """The remembered plans."""
    return sorted((readers.folder / "home" / "plans").iterdir())


DAMAGED = {
    "empty": b"",
    "half of it": None,
    "no JSON": b"plan",
    "no object": b"null\n[]",
    "another object": b'{}\n{"circumstances": []}',
}


@pytest.mark.parametrize("how", DAMAGED)
def test_a_damaged_plan_is_none(readers: Readers, how: str) -> None:
    """Whatever lies in its place, planning is asked, and puts it right."""
    for path in plans(readers):
        whole, damaged = path.read_bytes(), DAMAGED[how]
        path.write_bytes(whole[: len(whole) // 2] if damaged is None else damaged)
    first, second = readers.begat("plan"), readers.begat("plan")

    assert (first.remembered, second.remembered) == (False, True)
    assert (first.code, first.out) == (second.code, second.out)


@pytest.mark.parametrize("call", ["write_bytes", "replace", "mkdir"])
def test_a_full_disk_costs_the_memory_only(readers: Readers, call: str) -> None:
    """A plan that cannot be written stops nothing, and leaves nothing half-written."""
    for path in plans(readers):
        path.unlink()
    (readers.folder / "home" / "plans").rmdir()
    first = (
        "from pathlib import Path\n"
        f"whole = Path.{call}\n"
        "def full(self, *given, **how):\n"
        "    if 'plans' in str(self):\n"
        "        raise OSError(28, 'No space left on device')\n"
        "    return whole(self, *given, **how)\n"
        f"Path.{call} = full\n"
    )
    done = readers.begat("plan", first=first)

    assert (done.code, done.err, done.said["stale"]) == (0, "", 0)
    assert [*(readers.folder / "home").glob("plans/*")] == []
    assert not readers.begat("plan").remembered


def test_a_process_that_is_killed_leaves_the_last_plan(readers: Readers) -> None:
    """Between writing a plan and putting it in its place, what was there still holds."""
    first = "import os\nfrom pathlib import Path\nPath.replace = lambda *_: os._exit(7)"
    killed = readers.begat("plan", remember=False, first=first)

    assert (killed.code, len(plans(readers))) == (7, 2)
    assert readers.begat("plan").remembered
