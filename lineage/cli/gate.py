"""`begat gate`: asking a version's gates, and telling them what was seen outside."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from ..errors import ParameterError
from .output import as_json, console, print_json, say, space

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..registry.gates import Verdict
    from ..workspace import Workspace


@click.group()
def gate() -> None:
    """Ask the gates of a model version, or tell them what was seen outside.

    Which gates there are is written in the model's policy: `begat policy show`.
    """


@gate.command()
@click.argument("ref")
@click.option(
    "--to",
    type=click.Choice(["Staging", "Production"], case_sensitive=False),
    help="Ask the gates of this stage, not of the one that comes next.",
)
@as_json
def check(ref: str, to: str | None, as_json: bool) -> None:
    """Judge REF, a model version, without promoting it; exit code 2 if a gate refuses."""
    from ..registry.trial import trial

    found = trial(space(), ref, to=to or "")
    if as_json:
        print_json(
            {
                "ref": found.ref,
                "to": found.to,
                "passed": not found.refused,
                "gates": [asdict(one) for one in found.verdicts],
            }
        )
    elif found.verdicts:
        _print(found.verdicts)
    else:
        say(f"the policy of {found.ref} has no gates for {found.to}; it would pass")
    found.check()


@gate.command()
@click.argument("ref")
@click.argument("name")
@click.option("--passed", is_flag=True, help="All is well.")
@click.option("--failed", is_flag=True, help="Something is not.")
@click.option("--value", type=float, metavar="V", help="What was measured.")
@click.option("--threshold", type=float, metavar="T", help="What it had to be.")
@click.option("--reason", default="", metavar="TEXT", help="More, for people.")
@as_json
def report(
    ref: str,
    name: str,
    passed: bool,
    failed: bool,
    value: float | None,
    threshold: float | None,
    reason: str,
    as_json: bool,
) -> None:
    """Tell what was seen of REF, a model version: NAME is a shadow run, a canary, a review.

    The last report counts. One that failed, of a version in Production, puts the version before
    it back if its policy has NAME in rollback_on.
    """
    from ..registry.identity import identity
    from ..registry.reports import report as keep
    from .stages import sentence

    if passed == failed:
        raise ParameterError(f"say whether {name} is well: either --passed or --failed")
    place = space()
    done = keep(
        place,
        ref,
        name,
        passed=passed,
        identity=identity(place.store),
        value=value,
        threshold=threshold,
        reason=reason,
    )
    _warn(place, done.report.model, name)
    if as_json:
        rollback = done.rollback.to_json() if done.rollback else None
        print_json({"report": done.report.to_json(), "rollback": rollback})
        return
    of = f"{done.report.model}@{done.report.version}"
    say(f"{of}: {name} {'passed' if passed else 'failed'}, by {done.report.who}")
    if done.rollback:
        say(sentence(done.rollback))


def _warn(place: Workspace, model: str, name: str) -> None:
    """Say that nothing waits for such a report: it may be misspelt, or come before the rules."""
    from ..registry.policy import policy_of
    from ..registry.reports import awaited

    there = awaited(policy_of(place, model))
    if name not in there:
        asks = f"asks for {', '.join(there)}" if there else "asks for no report"
        say(
            f"begat: the report is kept, but nothing comes of {name!r}: the policy of {model} "
            f"{asks}; see `begat policy show {model}`",
            stderr=True,
        )


def _print(verdicts: Sequence[Verdict]) -> None:
    from rich.table import Table

    from ..registry.gates.verdict import text

    table = Table(box=None, pad_edge=False)
    for heading in ("gate", "", "value", "has to be", "more"):
        table.add_column(heading)
    for one in verdicts:
        table.add_row(
            one.gate,
            "passes" if one.passed else "refuses",
            *(text(one.value), text(one.threshold), one.reason),
            style="" if one.passed else "yellow",
        )
    console().print(table)
