"""Task runners: where a flow's tasks run. On threads, in processes, or on Dask workers."""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from begat.lineage.capture import hardware
from begat.lineage.errors import ParameterError, SettingsError
from begat.lineage.workspace import workspace

if TYPE_CHECKING:
    from prefect.task_runners import TaskRunner

#: How a user names one: `threads`, `processes`, `dask`, `dask:ADDRESS`; or Prefect's own object.
Runner: TypeAlias = "str | TaskRunner[Any]"
Kind = Literal["threads", "processes", "dask"]

#: Where Dask's scheduler listens: a port is always needed, a protocol is TCP if none is named.
ADDRESS = re.compile(
    r"((tcp|tls|ws|wss|ucx)://)?([^\s/:\[\]]+|\[[0-9a-fA-F:.%]+\]):\d+/?|inproc://\S+"
)

KINDS: tuple[Kind, ...] = ("threads", "processes", "dask")
#: Threads at least, and more would only hold more partitions in memory.
THREADS = 4


@dataclass(frozen=True, kw_only=True, slots=True)
class Choice:
    """A task runner as it was asked for."""

    kind: Kind
    #: Of Dask's scheduler; empty for a cluster of the flow's own.
    address: str = ""
    #: Tasks at a time; 0 for as many as suit the machine.
    workers: int = 0


def choose(text: str = "", workers: int | None = None) -> Choice:
    """What names a task runner.

    Args:
        text: `threads`, `processes`, `dask` or `dask:ADDRESS`; if empty BEGAT_RUNNER, else threads.
        workers: how many tasks run at a time; as many as suit the machine by default.

    Raises:
        ParameterError: it names none, or `workers` cannot be had.
        SettingsError: BEGAT_RUNNER names none.
    """
    said = "" if text else workspace().settings.runner
    kind, separator, address = (text or said or "threads").partition(":")
    if kind not in KINDS or (separator and (kind != "dask" or not address)):
        error = SettingsError if said else ParameterError
        raise error(
            f"{'BEGAT_RUNNER' if said else 'a runner'} is threads, processes, dask or "
            f"dask:ADDRESS, as in dask:tcp://10.0.0.5:8786; got {text or said!r}"
        )
    if address and not ADDRESS.fullmatch(address):
        error = SettingsError if said else ParameterError
        raise error(
            f"the address of {'BEGAT_RUNNER' if said else 'a Dask scheduler'} is HOST:PORT, as in "
            f"dask:tcp://10.0.0.5:8786; got {text or said!r}"
        )
    if workers is not None and (isinstance(workers, bool) or workers < 1):
        raise ParameterError(f"workers is a number of at least 1; got {workers!r}")
    if address and workers is not None:
        raise ParameterError(
            f"the Dask cluster at {address} has its own number of workers; leave out workers"
        )
    return Choice(kind=kind, address=address, workers=workers or 0)


def check(given: Runner, workers: int | None, *, plain: bool) -> None:
    """Refuse a task runner that cannot be had, before anything is loaded or runs.

    Args:
        given: as `task_runner` takes it.
        workers: as `choose` takes it.
        plain: whether tasks run without Prefect.

    Raises:
        ParameterError: it names none, or there is no Prefect to have it.
        SettingsError: BEGAT_RUNNER names none.
    """
    if plain:
        if given != "" or workers is not None:
            raise ParameterError(
                "without Prefect tasks run one after the other in this process; leave out "
                "either plain, or runner and workers"
            )
    elif isinstance(given, str):
        choose(given, workers)


def task_runner(given: Runner = "", workers: int | None = None) -> TaskRunner[Any]:
    """A task runner for a Prefect flow.

    Args:
        given: as `choose` takes it, or a task runner of Prefect's, which is returned.
        workers: as `choose` takes it.

    Raises:
        ParameterError: it names none, or `workers` cannot be had.
        SettingsError: BEGAT_RUNNER names none, or Dask is not installed.
    """
    if not isinstance(given, str):
        return _own(given, workers)
    choice = choose(given, workers)
    cores = hardware.capture().usable_cores
    if choice.kind == "dask":
        return _dask(choice, cores)
    from prefect.task_runners import ProcessPoolTaskRunner, ThreadPoolTaskRunner

    if choice.kind == "processes":
        return ProcessPoolTaskRunner(max_workers=choice.workers or cores)
    return ThreadPoolTaskRunner(max_workers=choice.workers or max(THREADS, cores))


def _own(given: Any, workers: int | None) -> TaskRunner[Any]:
    from prefect.task_runners import TaskRunner

    if not isinstance(given, TaskRunner):
        raise ParameterError(
            f"a runner is a name ({', '.join(KINDS)}) or one of Prefect's task runners; "
            f"got {given!r}"
        )
    if workers is not None:
        raise ParameterError(
            f"{type(given).__name__} has its own number of workers; leave out workers"
        )
    return given


def _dask(choice: Choice, cores: int) -> TaskRunner[Any]:
    try:
        from prefect_dask.task_runners import DaskTaskRunner
    except ImportError:
        raise SettingsError(
            "prefect-dask is not installed, which Dask needs; pip install 'path/to/begat[dask]'"
        ) from None
    if choice.address:
        from .scheduler import Scheduler

        return Scheduler(address=choice.address)
    distributed = logging.getLogger("distributed")
    if distributed.level == logging.INFO:  # where it sets itself when it is imported
        distributed.setLevel(logging.WARNING)
    # One thread each: two tasks in a process would share its interpreter lock. On this machine
    # only; without the dashboard the scheduler still has a port for HTTP.
    return DaskTaskRunner(
        cluster_kwargs={
            "n_workers": choice.workers or cores,
            "threads_per_worker": 1,
            "processes": True,
            "host": "127.0.0.1",
            "dashboard_address": None,
            "scheduler_kwargs": {"dashboard": False, "dashboard_address": "127.0.0.1:0"},
        }
    )
