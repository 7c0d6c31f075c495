"""`begat verify`: is everything there, and is it what it was?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from .output import as_json, console, label, print_json, short, size, store
from .progress import bars

if TYPE_CHECKING:
    from ..verify import Finding, Report

#: Lines of one kind that a screen shows; `--json` has the rest.
LINES = 40
_STYLES = {"missing": "red", "changed": "red", "lost": "yellow"}


@click.command()
@click.argument("ref", required=False, default="")
@click.option(
    "--repair",
    is_flag=True,
    help="Restore what can be restored, and mark the rest as lost. Runs kept code again.",
)
@as_json
@click.pass_context
def verify(ctx: click.Context, ref: str, repair: bool, as_json: bool) -> None:
    """Check that everything REF stands on is there, and still what it was.

    REF is a model version, a run or a dataset's version, as in `begat show`; without one,
    everything that is recorded is checked. Ends with exit code 1 if anything is not sound.
    """
    from .. import verify as checks
    from ..workspace import workspace

    store()  # says it if nothing is recorded here
    with bars() as progress:
        if repair:
            report = checks.repair(workspace(), ref, progress=progress)
        else:
            with checks.verification(workspace(), ref, progress=progress) as done:
                report = done.report
    if as_json:
        print_json(report.to_json())
    else:
        counts = report.counts
        print_report(
            report,
            f"{counts.objects} objects of {size(counts.bytes)} hashed, {counts.runs} runs, "
            f"{counts.events} events, {counts.chunks} chunks, {counts.rows} rows of the graph, "
            f"{counts.predictions} recorded predictions made again",
        )
    ctx.exit(0 if report.sound else 1)


def print_report(report: Report, tally: str) -> None:
    """Print what was found, and in one line what was looked at."""
    from ..verify.report import counted

    out = console()
    for title, style, said in (
        ("restored", "green", report.repaired),
        ("not restored", "yellow", report.refused),
    ):
        for line in said[:LINES]:
            out.print(label((title, style), f"  {line}"))
        _print_rest(title, len(said))
    if report.sound:
        out.print(label((f"{report.ref} is sound", "bold green")))
    else:
        states = counted(report.findings)
        out.print(label((f"{report.ref} is not sound", "bold red"), f": {states}"))
        for finding in report.findings[:LINES]:
            _print_finding(finding)
        _print_rest("not sound", len(report.findings))
    out.print(label((tally, "dim")))


def _print_rest(what: str, number: int) -> None:
    if number > LINES:
        console().print(label((f"  and {number - LINES} more {what}; --json lists all", "dim")))


def _print_finding(finding: Finding) -> None:
    state = (f"{finding.state:<9}", _STYLES.get(finding.state, "red"))
    digest = short(finding.digest) if finding.kind == "object" else ""
    named = "  ".join(filter(None, [finding.name, digest]))
    out = console()
    out.print(label("  ", state, " ", (named, "bold"), f"  {finding.says}"))
    if finding.recovery is not None:
        out.print(label((f"            {finding.recovery.says}", "dim")))
    elif finding.kind == "object":
        out.print(label(("            nothing that is known can make it again", "dim")))
