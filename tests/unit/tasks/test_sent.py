"""What is sent to workers: small, closed on its way, and refused where the code is another."""

from __future__ import annotations

import importlib.util
import os
import pickle
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
from sklearn.linear_model import LogisticRegression

from begat.lineage.records import DatasetVersion, Snapshot
from begat.lineage.settings import Settings
from begat.lineage.workspace import Workspace, using
from begat.tasks import sent
from begat.tasks.sent import Sent

PIPE = "import helper\n\ndef clean(frame):\n    return helper.scale(frame)\n"
HELPER = "def scale(number):\n    return 10 * number\n"
#: A worker: opens what it is sent by path, line by line, and says what comes of calling it.
WORKER = """
import pickle, sys
from pathlib import Path
for line in sys.stdin:
    try:
        value = pickle.loads(Path(line.strip()).read_bytes()).open()
        print(value(4) if callable(value) else value, flush=True)
    except Exception as error:
        print(f"{type(error).__name__}: {error}", flush=True)
"""


@pytest.fixture
def project(tmp_path: Path) -> Iterator[ModuleType]:
    """A pipeline's module, loaded by its path, that imports one beside it."""
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "pipe.py").write_text(PIPE)
    (folder / "helper.py").write_text(HELPER)
    sys.path.insert(0, str(folder))
    spec = importlib.util.spec_from_file_location("pipe", folder / "pipe.py")
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules["pipe"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    yield module
    sys.path.remove(str(folder))
    for name in ("pipe", "helper"):
        sys.modules.pop(name, None)


class Worker:
    """A process that knows nothing of the project.

    Args:
        folder: where it runs, and what it is sent lies.
        environment: further variables.
    """

    def __init__(self, folder: Path, **environment: str) -> None:
        self.folder = folder
        self.process = subprocess.Popen(
            [sys.executable, "-c", WORKER],
            cwd=folder,
            env={key: value for key, value in os.environ.items() if key != "BEGAT_HOME"}
            | environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def opens(self, value: Sent) -> str:
        """What it says of something that is sent."""
        path = self.folder / "sent"
        path.write_bytes(pickle.dumps(value))
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"{path}\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().strip()


@pytest.fixture
def worker(tmp_path: Path) -> Iterator[Worker]:
    """One in another folder."""
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    made = Worker(folder)
    with made.process:
        yield made
        made.process.communicate()


def origin(module: ModuleType) -> sent.Origin:
    """Where the project's code comes from, and what its flow works with."""
    file = Path(str(module.__file__))
    return sent.Origin(
        **{
            **vars(sent.origin(file, files=sent.digests([file, file.with_name("helper.py")]))),
            "working": sent.working_here(),
        }
    )


def test_what_passes_between_tasks_is_small() -> None:
    """A thousand references are 200 bytes each at most, and a function or an estimator 1 kB."""
    parts = [
        DatasetVersion(
            namespace="begat",
            name="delays/features",
            partition=f"day={number:03}",
            digest=f"blake3:{number:064}",
            size=number,
            rows=number,
            format="parquet",
            producer=f"01990000-0000-7000-8000-{number:012}",
        )
        for number in range(1000)
    ]
    here = sent.origin(None)

    assert len(pickle.dumps(Sent(Snapshot(versions=tuple(parts)), here))) < 200_000
    assert len(pickle.dumps(Sent(test_what_passes_between_tasks_is_small, here).body)) < 1000
    assert len(Sent(LogisticRegression(), here).body) < 1000


def test_it_stays_closed_until_it_is_opened(project: ModuleType) -> None:
    """Who passes it on pickles it again without importing what it is of."""
    passed = pickle.dumps(Sent(project.clean, sent.origin(Path(str(project.__file__)))))
    del sys.modules["pipe"]
    again = pickle.dumps(pickle.loads(passed))

    assert "pipe" not in sys.modules
    assert pickle.loads(again).open()(4) == 40


def test_in_the_same_process_it_is_the_value_itself(project: ModuleType) -> None:
    """Threads get what was given, and nothing is pickled."""
    value = Sent(project.clean, sent.origin(None))
    args, kwargs = sent.opened((1, value), {"a": value, "b": 2})

    assert (args, kwargs) == ((1, project.clean), {"a": project.clean, "b": 2})
    assert "body" not in vars(value)


def test_a_worker_imports_the_pipeline_and_what_lies_beside_it(
    project: ModuleType, worker: Worker
) -> None:
    """By their paths; and with the flow's home, where it has none of its own."""
    assert worker.opens(Sent(project.clean, origin(project))) == "40"


def test_a_worker_that_lives_on_follows_an_edit(project: ModuleType, worker: Worker) -> None:
    """Code that was edited for a later flow run is imported anew, helpers too."""
    first = worker.opens(Sent(project.clean, origin(project)))
    helper = Path(str(project.__file__)).with_name("helper.py")
    helper.write_text(HELPER.replace("10", "1000"))

    assert (first, worker.opens(Sent(project.clean, origin(project)))) == ("40", "4000")


def test_a_worker_with_other_code_refuses(project: ModuleType, worker: Worker) -> None:
    """The file on its disk is not the flow's: nothing of it runs."""
    value = Sent(project.clean, origin(project))
    Path(str(project.__file__)).write_text(PIPE + "\nLATER = 1\n")

    assert "PipelineError: the worker" in (said := worker.opens(value))
    assert "pipe.py than its flow; give both the same code" in said


def test_a_worker_without_the_code_says_so(project: ModuleType, worker: Worker) -> None:
    """A helper that cannot be imported is named with the file that wants it."""
    value = Sent(project.clean, sent.origin(Path(str(project.__file__))))
    Path(str(project.__file__)).with_name("helper.py").unlink()

    assert "pipe.py (ModuleNotFoundError: No module named 'helper')" in worker.opens(value)


def test_no_password_is_sent(
    project: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who opens what passes finds no password in it; a worker has to have it of its own."""
    url = "postgresql://ann:unsaid@db:5432/lineage"
    with using(Workspace(Settings(home=tmp_path, store=url, artifacts=str(tmp_path)))):
        value = Sent(project.clean, origin(project))
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    made = Worker(folder, BEGAT_STORE="postgresql://bob:other@db:5432/lineage")
    with made.process:
        said = made.opens(value)
        made.process.communicate()

    assert b"unsaid" not in pickle.dumps(value)
    assert said == "40"


def test_a_worker_with_another_store_refuses(project: ModuleType, tmp_path: Path) -> None:
    """Lineage would go elsewhere: both stores are named, without passwords."""
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    made = Worker(folder, BEGAT_STORE="postgresql://ann:secret@db:5432/other")
    with made.process:
        said = made.opens(Sent(project.clean, origin(project)))
        made.process.communicate()

    assert "has BEGAT_STORE=postgresql://db:5432/other, and its flow sqlite:///" in said
    assert "secret" not in said
