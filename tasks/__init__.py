"""Lineage for Prefect: `task`, Prefect's own with begat's wrapper inside, and `tracked`.

    from prefect import flow
    from begat.tasks import task, tracked

    @task
    def featurize(part, window=7): ...

    @tracked
    @flow
    def retrain(): ...

Both are imported when they are first asked for, so that `begat.tasks.prepare` and its
four sisters, plain functions that know no orchestrator, are had without Prefect. The
same five as Prefect tasks are in `begat.tasks.steps`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .adapter import task
    from .flow import tracked

__all__ = ["task", "tracked"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from . import adapter, flow

    return adapter.task if name == "task" else flow.tracked
