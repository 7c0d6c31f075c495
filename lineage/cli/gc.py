"""`begat gc`: what may go of the artifacts, and what must."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from ..errors import ParameterError
from .output import as_json, console, counted, label, print_json, say, size, space
from .progress import bars

if TYPE_CHECKING:
    from ..collection import Collection, Purge

#: What the shell is told when runs were waited for in vain.
WAITS = 1
#: Names of a kind that a screen shows; `--json` has the rest.
LINES = 20
_UNITS = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}


class _Span(click.ParamType[float]):
    """A length of time: `90s`, `30m`, `24h`, `7d`; seconds if it says nothing else."""

    name = "time"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Its seconds."""
        found = re.fullmatch(r"(\d+(?:\.\d+)?)([smhd]?)", str(value).strip())
        if found is None:
            self.fail(f"{value!r} is no length of time; write 24h, 30m or 7d", param, ctx)
        return float(found[1]) * _UNITS[found[2]]


@click.command()
@click.option("--delete", is_flag=True, help="Do it. Without, it is only said what would go.")
@click.option(
    "--min-age",
    type=_Span(),
    default="24h",
    show_default=True,
    metavar="TIME",
    help="What was written later than that stays.",
)
@click.option(
    "--wait",
    type=_Span(),
    default="60s",
    show_default=True,
    metavar="TIME",
    help="Wait so long for runs that are open.",
)
@click.option("--purge", metavar="REF", help="Erase this data for good, whatever stands on it.")
@click.option(
    "--with-derived", is_flag=True, help="With --purge: what was made of it row by row, too."
)
@click.option("--reason", default="", metavar="TEXT", help="With --purge: why; the log keeps it.")
@click.option("--yes", is_flag=True, help="With --purge: do not ask.")
@as_json
@click.pass_context
def gc(
    ctx: click.Context,
    delete: bool,
    min_age: float,
    wait: float,
    purge: str | None,
    with_derived: bool,
    reason: str,
    yes: bool,
    as_json: bool,
) -> None:
    """Show, and with --delete delete, what nothing that is kept stands on; or --purge REF.

    Kept are the versions in Production and Staging, archived ones as long as the policy says,
    those with an alias and the newest of each model, with all that they stand on; what is current
    of each dataset; and what is pinned.
    """
    if purge is not None:
        if delete:
            raise ParameterError("--purge deletes by itself; leave --delete out")
        _purge(purge, with_derived=with_derived, reason=reason, yes=yes, as_json=as_json)
        return
    if with_derived or reason or yes:
        raise ParameterError("--with-derived, --reason and --yes belong to --purge REF")
    from .. import collection
    from ..registry.identity import identity

    place = space()
    with bars() as progress:
        found = collection.collect(
            place,
            delete=delete,
            min_age=min_age,
            wait=wait,
            identity=identity(place.store) if delete else None,
            progress=progress,
        )
    if as_json:
        print_json(found.to_json())
    else:
        _print(found)
    ctx.exit(WAITS if found.waits_for else 0)


def _print(found: Collection) -> None:
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for heading in ("kind", "artifacts", "bytes", "", "why"):
        table.add_column(heading, justify="right" if heading in ("artifacts", "bytes") else "left")
    for line in found.lines:
        stays = ("stays", "green") if line.why else ("goes", "red")
        why = line.why or "nothing that is kept stands on it"
        table.add_row(line.kind, f"{line.count:,}", size(line.bytes), label(stays), why)
    if found.lines:
        console().print(table)
    _list("files of these model versions go", found.versions)
    going = [line for line in found.lines if not line.why]
    freed = size(sum(line.bytes for line in going))
    if found.swept.count:
        did = "were swept" if found.delete else "would be swept"
        say(f"{found.swept.count:,} leftovers of killed writers {did}")
    if found.waits_for:
        _list("nothing was deleted, for these runs are open", found.waits_for)
        say("try again when they have ended, or --wait longer")
    elif found.delete:
        say(f"deleted {counted(found.deleted, 'artifact')}, {size(found.freed)}")
    elif going:
        say(f"--delete would delete {counted(found.taken, 'artifact')}, {freed}")
    else:
        say("there is nothing to collect")


def _purge(ref: str, *, with_derived: bool, reason: str, yes: bool, as_json: bool) -> None:
    from .. import collection
    from ..registry.identity import identity

    place = space()
    if not reason.strip():
        raise ParameterError("a purge takes a reason, which the log keeps; add --reason TEXT")
    found = collection.purging(place, ref, with_derived=with_derived)
    if not as_json:
        _print_purge(found)
    if not yes and not _sure(found):
        raise ParameterError("nothing was erased, for nobody said yes; --yes says it beforehand")
    done = collection.purge(place, found, reason=reason, identity=identity(place.store))
    if as_json:
        print_json(done.to_json())
    else:
        say(f"purged {counted(len(done.digests), 'artifact')}, {size(done.freed)}")


def _sure(found: Purge) -> bool:
    question = f"Erase {counted(len(found.digests), 'artifact')} for good? There is no way back."
    try:
        return click.confirm(question, err=True)
    except click.Abort:
        click.echo(err=True)  # behind the question
        return False


def _print_purge(found: Purge) -> None:
    erased = [*found.versions, *(found.derived if found.with_derived else ())]
    _list("to be erased", [f"{one}  {one.digest[:15]}" for one in erased])
    _list("to be erased with them, for they hold the same bytes", found.others)
    if not found.with_derived:
        _list(
            "made of it row by row, and left (--with-derived erases it, too)",
            [f"{one}  {one.digest[:15]}" for one in found.derived],
        )
    _list("left: models that learned from it; train them again without it", found.models)


def _list(title: str, names: Sequence[str]) -> None:
    if names:
        more = len(names) - LINES
        shown = [*names[:LINES], *([f"and {more:,} more; --json lists all"] if more > 0 else ())]
        say((f"{title}:", "bold"))
        for name in shown:
            say(f"  {name}")
