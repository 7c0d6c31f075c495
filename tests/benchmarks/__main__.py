"""Measure what is asked for, merge it into the results, write the page."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence

import click
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
)

from . import (
    arrival,
    collection,
    digests,
    environments,
    laws,
    lineage_cost,
    lineage_graph,
    load,
    machine,
    memory,
    notices,
    peers,
    pipelines,
    places,
    postgresql,
    recheck,
    registry,
    report,
    results,
    s3,
    start,
    task_runners,
    watch,
)
from .subject import Measures, Tell
from .targets import verdicts

#: Who measures what. Scenarios of one module run together: they share folders and servers.
MODULES: Mapping[Measures, tuple[str, ...]] = {
    pipelines.measured: peers.SCENARIOS,
    lineage_cost.measured: ("tasks",),
    digests.measured: ("digests",),
    recheck.measured: ("recheck",),
    start.measured: ("start",),
    memory.measured: ("memory",),
    notices.measured: ("notices",),
    lineage_graph.measured: lineage_graph.SUBJECTS,
    postgresql.measured: ("postgresql",),
    task_runners.measured: ("runners",),
    laws.measured: ("laws",),
    watch.measured: ("watch",),
    arrival.measured: ("arrival",),
    s3.measured: ("s3",),
    load.measured: ("load",),
    registry.measured: ("registry",),
    collection.measured: ("gc",),
}
SUBJECTS = tuple(subject for subjects in MODULES.values() for subject in subjects)
#: Distributions whose versions the page gives, by environment.
TOLD = {
    "begat": (
        "begat",
        "blake3",
        "boto3",
        "great-expectations",
        "pandas",
        "prefect",
        "psycopg",
        "scikit-learn",
    ),
    "prefect": ("prefect",),
    "dvc": ("dvc", "dvc-data"),
    "redun": ("redun",),
    "mlflow": ("mlflow-skinny",),
    "zenml": ("zenml",),
    "rustworkx": ("rustworkx",),
}


@click.command()
@click.argument("subjects", nargs=-1, type=click.Choice(SUBJECTS))
@click.option("--rounds", default=5, show_default=True, type=click.IntRange(min=1))
@click.option("--page", is_flag=True, help="Only write the page from the results that there are.")
def bench(subjects: tuple[str, ...], rounds: int, page: bool) -> None:
    """Measure SUBJECTS (all if none is named), and write docs/benchmarks.md."""
    console = Console(stderr=True)
    if not page:
        with Progress(
            SpinnerColumn(),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.description}"),
            TimeElapsedColumn(),
            console=console,
        ) as progress:
            chosen = subjects or SUBJECTS
            bar = progress.add_task("", total=len(chosen))

            def tell(now: str) -> None:
                progress.update(bar, description=now)
                if not console.is_terminal:
                    console.print(now)

            for measured in _measure(chosen, rounds, tell):
                progress.advance(bar, measured)
    for verdict in verdicts(_write_page().figures):
        mark = "[green]met[/]    " if verdict.met else "[red]not met[/]"
        console.print(f"{mark} {verdict.what}: {verdict.shown} ({verdict.target})", highlight=False)


def _measure(chosen: Sequence[str], rounds: int, tell: Tell) -> Iterator[int]:
    """Measure module by module; how many subjects each has done."""
    kinds = list(TOLD)
    for kind in ("script", *kinds):
        tell(f"environment of {kind}")
        environments.make(kind)
    told = {
        f"{name} ({kind})" if kind != "begat" and name in TOLD["begat"] else name: version
        for kind in kinds
        for name, version in environments.versions(kind).items()
        if name in TOLD[kind]
    }
    for measures, subjects in MODULES.items():
        wanted = [subject for subject in subjects if subject in chosen]
        if not wanted:
            continue
        circumstances = {**machine.describe(), "rounds": rounds, "versions": told}
        figures = measures(rounds, wanted, tell)
        held = results.load(places.RESULTS)
        for subject, found in figures.items():
            held = held.with_subject(subject, found, circumstances)
        # After each: what was measured is not lost if the next one fails.
        results.save(held, places.RESULTS)
        _write_page()
        yield len(wanted)


def _write_page() -> results.Results:
    found = results.load(places.RESULTS)
    places.PAGE.write_text(report.page(found), encoding="utf-8")
    return found


if __name__ == "__main__":
    sys.exit(bench())
