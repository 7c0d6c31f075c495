"""Plans of unchanged pipelines: what has not changed need not be imported to know it.

A remembered plan lies in `{home}/plans`, under what was asked. It names all that it rests
on, and holds only while all of that is as it was:

| what | how it is known to be as it was |
|---|---|
| Python, the settings, what is installed or could be imported, the date | `circumstances` |
| what loading the pipeline read: files, folders, environment variables | `grounds` |
| raw partitions and lookups | looked for anew, digests |
| earlier runs, their artifacts, the model version | the store is asked anew |

What loading reads that cannot be told again (a connection, another process, the
environment as a whole) is not remembered, and neither is what was written meanwhile, nor a
pipeline that reads from a database.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from begat.lineage import results
from begat.lineage.content.digest import digest_bytes
from begat.lineage.errors import DataError, ParameterError, PipelineError

from .. import inputs
from ..report import Report, TaskReport
from . import circumstances, plans
from .grounds import Grounds

if TYPE_CHECKING:
    from begat.lineage.graph.store import Answer
    from begat.lineage.workspace import Workspace

    from ..pipeline import Pipeline
    from .seen import Seen

log = logging.getLogger("begat")

#: Counts up when what is remembered changes its form or its meaning.
FORM = 2


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """What was asked of a command: the same words, the same plan."""

    #: `FILE.py:NAME` or `PACKAGE.MODULE:NAME`.
    pipeline: str
    #: The choice among them.
    partitions: str = ""
    #: `KEY=VALUE`, each with the kind of text that it is.
    parameters: tuple[tuple[str, str], ...] = ()

    @property
    def folder(self) -> Path:
        """What loading the pipeline puts first on `sys.path`."""
        where = self.pipeline.rpartition(":")[0]
        return Path(where).absolute().parent if where.endswith(".py") else Path.cwd()


@dataclass(frozen=True, kw_only=True, slots=True)
class _Places:
    """Where a remembered pipeline reads from."""

    source: str
    lookups: Mapping[str, str]
    folder: Path


class Memory:
    """Recalls what a request came to, or watches how it is answered so as to keep that.

    Made before anything of the pipeline is imported.

    Args:
        request: what is asked.
        space: its home holds the plans, its cache tells which files have not changed.
    """

    def __init__(self, request: Request, space: Workspace) -> None:
        self._request = request
        self._space = space
        asked = digest_bytes(json.dumps([asdict(request), os.getcwd()]).encode())
        self._file = space.settings.home / "plans" / f"{asked.rpartition(':')[2][:32]}.json"
        # As they are before loading, which may change any of them.
        self._started = time.time_ns()
        self._path = (str(request.folder), *sys.path)
        self._circumstances = [FORM, circumstances.digest(space.settings, self._path)]
        self._environment = dict(os.environ)
        self._seen: Seen | None = None

    def recall(self) -> Report | None:
        """The plan, if it would be the same now; nothing is stale in it.

        Raises:
            StoreError: the store cannot be asked.
        """
        known = plans.read(self._file)
        if known is None or known["circumstances"] != self._circumstances:
            return None
        if not (Grounds(**known["grounds"]).hold(self._space) and self._same_data(known)):
            return None
        return self._answered(known)

    @contextmanager
    def loading(self) -> Iterator[None]:
        """Watch what loading the pipeline reads."""
        from begat.lineage import settings, workspace

        from .loading import first_party
        from .seen import watch

        given, before = settings.load(), first_party(self._space)
        with watch() as seen:
            yield
        if settings.load() != given:  # the pipeline's file sets them itself
            workspace.renew()
        elif not before:  # else that was not watched
            self._seen = seen

    def keep(self, pipeline: Pipeline, report: Report) -> None:
        """Remember what the request came to, if all that it rests on can be told.

        Never stops the caller: without it the next run plans, and says what is wrong.

        Args:
            pipeline: as it was loaded.
            report: of a plan, or of a run.
        """
        if self._seen is None or report.stale or not report.model_version:
            return
        places = (pipeline.source, *pipeline.lookups.values())
        if not all(isinstance(place, str) for place in places):
            return  # a database says by nothing that it is as it was: it is asked each time
        try:
            plans.write(self._file, self._plan(pipeline, report, self._seen))
        except Exception as error:
            log.debug("the plan is not remembered: %s: %s", type(error).__name__, error)

    def _plan(self, pipeline: Pipeline, report: Report, seen: Seen) -> dict[str, Any]:
        from ..steps import producer, source_files
        from .loading import UnsettledError, collect

        answers = self._space.answers([task.recipe for task in report.tasks])
        for task in report.tasks:
            answer = answers.get(task.recipe)
            if answer is None or producer(results.decode(answer.result)) != task.run_id:
                raise UnsettledError(f"{task.job}[{task.partition}] is not answered by its run")
        grounds = collect(
            seen,
            code=source_files(pipeline),
            variables=report.variables,
            environment=self._environment,
            started=self._started,
            path=self._path,
            space=self._space,
        )
        return {
            "circumstances": self._circumstances,
            "grounds": asdict(grounds),
            "places": {
                "source": pipeline.source,
                "lookups": dict(pipeline.lookups),
                "folder": str(pipeline.folder),
            },
            "data": dict(report.data),
            "variables": sorted(report.variables),
            "model_version": report.model_version,
            "metrics": dict(report.metrics),
            "tasks": [[t.job, t.partition, t.run_id, t.recipe] for t in report.tasks],
            "answers": _digest(report.tasks, answers),
        }

    def _same_data(self, known: Mapping[str, Any]) -> bool:
        places = known["places"]
        try:
            found = inputs.find(
                _Places(**{**places, "folder": Path(places["folder"])}),
                self._space,
                chosen=self._request.partitions,
            )
        except (DataError, ParameterError, PipelineError):
            return False  # planning says what is wrong with it
        same: bool = found.digests == known["data"]
        return same

    def _answered(self, known: Mapping[str, Any]) -> Report | None:
        """The plan as the store answers it now; none if it leaves anything open."""
        tasks = tuple(
            TaskReport(job=job, partition=partition, run_id=run_id, state="REUSED", recipe=recipe)
            for job, partition, run_id, recipe in known["tasks"]
        )
        answers = self._space.answers([task.recipe for task in tasks])
        if any(task.recipe not in answers for task in tasks):
            return None
        if _digest(tasks, answers) != known["answers"]:
            return None
        evaluate = next(task for task in tasks if task.job.endswith(".evaluate"))
        return Report(
            model_version=known["model_version"],
            metrics=known["metrics"],
            tasks=tasks,
            evaluated=results.decode(answers[evaluate.recipe].result),
            data=known["data"],
            variables=frozenset(known["variables"]),
        )


def _digest(tasks: Sequence[TaskReport], answers: Mapping[str, Answer]) -> str:
    """Of what the tasks returned: it tells which versions they made, and their runs."""
    return digest_bytes(json.dumps([answers[task.recipe].result for task in tasks]).encode())
