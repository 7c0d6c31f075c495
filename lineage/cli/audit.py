"""`begat audit`: who did what in the registry, and what was where at any time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from .output import as_json, console, moment, print_json, say, store

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..registry.audit import Entry

#: What `verify` returns to the shell where something is wrong.
WRONG = 1


@click.group(invoke_without_command=True)
@click.option("--model", default="", metavar="MODEL", help="Of this model only.")
@click.option(
    "--as-of",
    metavar="TIME",
    help="What was in which stage at the end of that: a day, or an ISO 8601 time to the hour, the "
    "minute or the second; UTC if it says nothing else.",
)
@as_json
@click.pass_context
def audit(context: click.Context, model: str, as_of: str | None, as_json: bool) -> None:
    """Show every act on the registry: who, when, why, and the gates with their values."""
    if context.invoked_subcommand is not None:
        return
    from ..registry import audit as log

    if as_of is not None:
        _then(model, log.end_of(as_of), as_json)
        return
    found = log.entries(store(), model)
    if as_json:
        print_json({"entries": [entry.to_json() for entry in found]})
    elif found:
        _print(found)
    else:
        say("nothing was done in the registry yet; `begat promote` moves a version")


@audit.command()
@click.option("--head", default="", metavar="HASH", help="A hash of the log kept elsewhere.")
@as_json
@click.pass_context
def verify(context: click.Context, head: str, as_json: bool) -> None:
    """Find every row of the log that was edited, removed or put elsewhere."""
    from ..registry import audit as log

    place = store()
    flaws = log.verify(place, head=head)
    found = log.entries(place) if not flaws else []
    last = found[-1].hash if found else None
    if as_json:
        shown = [{"seq": flaw.seq, "says": flaw.says} for flaw in flaws]
        print_json({"sound": not flaws, "rows": len(found), "head": last, "flaws": shown})
    elif flaws:
        for flaw in flaws:
            say(("row " + str(flaw.seq) if flaw.seq else "registry", "bold red"), f"  {flaw.says}")
    else:
        say(f"the log is sound: {len(found)} rows, the last is {last or 'none'}")
    if flaws:
        context.exit(WRONG)


def _then(model: str, time: str, as_json: bool) -> None:
    from ..registry import audit as log

    place = store()
    log.entries(place, model, most=1)  # is there such a model?
    found = log.as_of(place, time)
    names: dict[tuple[str, int], list[str]] = {}
    for (of, name), version in found.aliases.items():
        names.setdefault((of, version), []).append(name)
    rows: list[dict[str, Any]] = [
        {
            "model": of,
            "version": version,
            "stage": found.stages.get((of, version), "None"),
            "aliases": sorted(names.get((of, version), [])),
        }
        for of, version in sorted({*found.stages, *names})
        if model in ("", of)
    ]
    if as_json:
        print_json({"as_of": time, "versions": rows})
        return
    if not rows:
        say(f"no version was in a stage or had an alias at {moment(time)} UTC")
        return
    from rich.table import Table

    table = Table(box=None, pad_edge=False, title=f"at {moment(time)} UTC", title_justify="left")
    for heading in ("model", "stage", "aliases"):
        table.add_column(heading)
    for row in rows:
        name = f"{row['model']}@{row['version']}"
        table.add_row(name, row["stage"], ", ".join(row["aliases"]))
    console().print(table)


def _print(found: list[Entry]) -> None:
    from rich.table import Table

    from .stages import sentence

    table = Table(box=None, pad_edge=False)
    for heading in ("row", "when", "what", "from"):
        table.add_column(heading)
    for entry in found:
        table.add_row(str(entry.seq), moment(entry.at), sentence(entry), _from(entry.identity))
    console().print(table)


def _from(known: Mapping[str, Any]) -> str:
    """What it rests on who acted: `token 4f1c2a here`, `user ann@example.com here`."""
    return " ".join(str(known[key]) for key in ("kind", "token", "email", "host") if key in known)
