from __future__ import annotations

import socket
from typing import Any

import pytest
from click.testing import CliRunner
from prefect.task_runners import ProcessPoolTaskRunner, ThreadPoolTaskRunner
from prefect_dask.task_runners import DaskTaskRunner

from begat.flows import runners
from begat.flows.commands import run
from begat.flows.runners import Choice, choose, task_runner
from begat.lineage.capture import hardware
from begat.lineage.errors import ParameterError, SettingsError, WorldError
from begat.lineage.workspace import Workspace, using
from support.delays import Lake


@pytest.mark.parametrize(
    ("text", "workers", "choice"),
    [
        ("", None, Choice(kind="threads")),
        ("threads", 3, Choice(kind="threads", workers=3)),
        ("processes", None, Choice(kind="processes")),
        ("dask", 2, Choice(kind="dask", workers=2)),
        ("dask:tcp://10.0.0.5:8786", None, Choice(kind="dask", address="tcp://10.0.0.5:8786")),
        ("dask:[::1]:8786", None, Choice(kind="dask", address="[::1]:8786")),
    ],
    ids=["default", "threads", "processes", "cluster", "address", "IPv6"],
)
def test_how_a_runner_is_named(text: str, workers: int | None, choice: Choice) -> None:
    """By its kind, Dask also by the scheduler's address, and how many tasks run at a time."""
    assert choose(text, workers) == choice


@pytest.mark.parametrize(
    ("text", "workers", "message"),
    [
        ("ray", None, "a runner is threads, processes, dask or dask:ADDRESS, .* got 'ray'"),
        ("dask:", None, "a runner is threads, .* got 'dask:'"),
        ("threads:4", None, "a runner is threads, .* got 'threads:4'"),
        ("threads", 0, "workers is a number of at least 1; got 0"),
        ("dask:nope", None, "the address of a Dask scheduler is HOST:PORT, .* got 'dask:nope'"),
        ("dask:tcp://a", None, "the address of a Dask scheduler is HOST:PORT, .* 'dask:tcp://a'"),
        ("dask:nope://a:1", None, "the address of a Dask scheduler is HOST:PORT"),
        ("dask:tcp://a:1", 2, "the Dask cluster at tcp://a:1 has its own number of workers"),
    ],
    ids=["unknown", "no address", "too much", "none", "no port", "host", "protocol", "elsewhere"],
)
def test_a_runner_that_cannot_be_had_is_named(text: str, workers: int | None, message: str) -> None:
    """One line says what there is."""
    with pytest.raises(ParameterError, match=f"^{message}"):
        choose(text, workers)


def test_the_environment_names_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    """BEGAT_RUNNER counts where nothing else is said, and is named where it is wrong."""
    monkeypatch.setenv("BEGAT_RUNNER", "processes")
    with using(Workspace()):
        assert (choose().kind, choose("threads").kind) == ("processes", "threads")
    monkeypatch.setenv("BEGAT_RUNNER", "rockets")
    with using(Workspace()), pytest.raises(SettingsError, match=r"^BEGAT_RUNNER is threads"):
        choose()
    monkeypatch.setenv("BEGAT_RUNNER", "dask:nope")
    with using(Workspace()), pytest.raises(SettingsError, match=r"^the address of BEGAT_RUNNER"):
        choose()


@pytest.mark.parametrize(
    ("given", "kind", "workers"),
    [
        ("threads", ThreadPoolTaskRunner, max(4, hardware.capture().usable_cores)),
        ("processes", ProcessPoolTaskRunner, hardware.capture().usable_cores),
    ],
)
def test_what_suits_the_machine(given: str, kind: type, workers: int) -> None:
    """Threads and processes are as many as there are cores, threads at least four."""
    made: Any = task_runner(given)

    assert (type(made), made._max_workers) == (kind, workers)


def test_a_cluster_of_its_own_stays_on_this_machine() -> None:
    """Dask listens on loopback only, without a dashboard; elsewhere it is only connected to."""
    own: Any = task_runner("dask", 2)
    other: Any = task_runner("dask:tcp://10.0.0.5:8786")

    assert (type(own), own.cluster_kwargs["n_workers"]) == (DaskTaskRunner, 2)
    assert (own.cluster_kwargs["host"], own.cluster_kwargs["dashboard_address"]) == (
        "127.0.0.1",
        None,
    )
    assert (other.address, other.cluster_kwargs) == ("tcp://10.0.0.5:8786", {})


def test_a_scheduler_that_is_away_is_named() -> None:
    """Nobody listens there: one line says where, and it is the world's fault."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"tcp://127.0.0.1:{taken.getsockname()[1]}"
    runner: Any = task_runner(f"dask:{address}")
    runner.client_kwargs["timeout"] = "100ms"

    with runner, pytest.raises(WorldError, match=f"^no Dask scheduler answers at {address} "):
        _ = runner.client


def test_a_runner_of_prefects_is_taken_as_it_is(lake: Lake) -> None:
    """A flow has the very object, which has its own number of workers."""
    given = ThreadPoolTaskRunner(max_workers=1)

    assert lake.pipeline().flow(runner=given).task_runner is given
    with pytest.raises(ParameterError, match="ThreadPoolTaskRunner has its own number"):
        lake.pipeline().flow(runner=given, workers=2)
    with pytest.raises(ParameterError, match="one of Prefect's task runners; got 4"):
        lake.pipeline().flow(runner=4)  # type: ignore[arg-type]  # that is the point


def test_without_prefect_there_is_no_runner(lake: Lake) -> None:
    """It is refused before anything is loaded, in Python and on the command line."""
    for how in ({"runner": "threads"}, {"workers": 2}):
        with pytest.raises(ParameterError, match=r"^without Prefect tasks run one after the other"):
            lake.pipeline().run(adapter="plain", **how)  # type: ignore[arg-type]  # of two types
    done = CliRunner().invoke(run, ["nowhere.py:pipeline", "--plain", "--runner", "processes"])

    assert isinstance(done.exception, ParameterError)
    assert "leave out either plain, or runner and workers" in str(done.exception)


def test_without_dask_its_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """What to install is said."""
    monkeypatch.setitem(__import__("sys").modules, "prefect_dask.task_runners", None)

    with pytest.raises(SettingsError, match=r"pip install 'path/to/begat\[dask\]'"):
        runners.task_runner("dask")
