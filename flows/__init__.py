"""Training pipelines: `Pipeline`, and what runs it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .pipeline import Pipeline
    from .report import Report, TaskReport

__all__ = ["Pipeline", "Report", "TaskReport"]


# Found when first asked for: a command that need not load a pipeline does not import it either.
def __getattr__(name: str) -> Any:
    if name == "Pipeline":
        from .pipeline import Pipeline

        return Pipeline
    if name in ("Report", "TaskReport"):
        from . import report

        return getattr(report, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
