"""A flow run in one page of Markdown, for Prefect's Artifacts."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from .report import Report

log = logging.getLogger("begat")

#: Slices that are shown.
SLICES = 5
#: A slice with less than this share of the rows says little.
LEAST_SHARE = 0.01
#: Characters that Markdown or HTML would take for more than themselves.
_SPECIAL = re.compile(r"([\\`*_{}\[\]()#+!|~>-])")


def publish(report: Report) -> None:
    """Show the flow run that this is in as a Markdown artifact in Prefect.

    Its key is `begat-` and the pipeline's name in lowercase, so that Prefect lines up one
    version of it a run. A failure is a warning: the run has done its work by now.
    """
    try:
        from prefect.artifacts import create_markdown_artifact

        name = report.tasks[0].job.rpartition(".")[0]
        create_markdown_artifact(
            markdown(report, _read(report)),
            key=key(name),
            description=f"What {name} ran, reused and came to",
        )
    except Exception as error:
        log.warning("the run's summary is not in Prefect: %s: %s", type(error).__name__, error)


def key(name: str) -> str:
    """A pipeline's name as a key that Prefect takes: lowercase letters, digits, dashes.

    >>> key("Flight_Delays.v2")
    'begat-flight-delays-v2'
    """
    return "begat-" + re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


def markdown(report: Report, evaluation: Mapping[str, Any]) -> str:
    """The page.

    Args:
        report: what the run came to.
        evaluation: what evaluate wrote of the model.
    """
    ref = report.model_version or "no model version"
    parts = [
        f"# {_plain(ref)}",
        f"{report.count('COMPLETE')} tasks ran, {report.count('REUSED')} were reused. "
        f"Flow run `{report.flow_run_id}`; `begat show {ref}` tells everything behind it.",
        _table(("metric", "value"), _metrics(report.metrics)),
        _table(("task", "ran", "reused"), _tasks(report)),
        *_slices(evaluation),
        *_pictures(report, ref),
    ]
    return "\n\n".join(parts) + "\n"


def _read(report: Report) -> Mapping[str, Any]:
    from begat.lineage import read

    found: Mapping[str, Any] = read(report.evaluated["evaluation"])
    return found


def _metrics(metrics: Mapping[str, float | None]) -> Iterator[tuple[str, str]]:
    for name, value in metrics.items():
        yield name, _number(value)


def _tasks(report: Report) -> Iterator[tuple[str, ...]]:
    for job in dict.fromkeys(task.job for task in report.tasks):
        states = [task.state for task in report.tasks if task.job == job]
        counts = (states.count("COMPLETE"), states.count("REUSED"))
        yield job.rpartition(".")[2], *map(str, counts)


def _slices(evaluation: Mapping[str, Any]) -> Iterator[str]:
    """The slices that differ most from the whole, by the first metric that has a value."""
    named = ((name, value) for name, value in evaluation["metrics"].items() if value is not None)
    metric, whole = next(named, ("", 0.0))
    least = LEAST_SHARE * evaluation["rows"]
    found = [
        (abs(part[metric] - whole), column, value, part)
        for column, parts in evaluation["slices"].items()
        for value, part in parts.items()
        if part.get(metric) is not None and part["rows"] >= least
    ]
    found.sort(key=lambda one: (-one[0], one[1], one[2]))
    if found:
        yield f"Slices farthest from the whole, each at least {LEAST_SHARE:.0%} of the rows:"
        yield _table(
            ("slice", metric, "rows"),
            (
                (f"{column} = {value}", _number(part[metric]), f"{part['rows']:,}")
                for _, column, value, part in found[:SLICES]
            ),
        )


def _pictures(report: Report, ref: str) -> Iterator[str]:
    if drawn := report.evaluated["pictures"]:
        yield f"Pictures; `begat pictures {ref} --folder DIRECTORY` writes them:"
        yield "\n".join(
            f"- {_plain(version.name.rpartition('/')[2])} `{version.digest}`" for version in drawn
        )


def _table(heading: Sequence[str], rows: Iterator[tuple[str, ...]]) -> str:
    lines = [[_plain(cell) for cell in row] for row in (heading, *rows)]
    lines.insert(1, ["---", *["---:"] * (len(heading) - 1)])
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _plain(text: str) -> str:
    """Text that stays text in a cell of a table: names in data are anybody's."""
    one_line = " ".join(str(text).split()).replace("&", "&amp;").replace("<", "&lt;")
    return _SPECIAL.sub(r"\\\1", one_line)


def _number(value: float | None) -> str:
    return "undefined" if value is None else f"{value:.4g}"
