"""`begat lint`: what keeps a pipeline or a version from being made again, or trusted."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import click

from begat.lineage.cli.output import as_json, console, label, print_json

if TYPE_CHECKING:
    from begat.lineage.lint import Finding, Level

_STYLES: dict[Level, str] = {"error": "red", "warning": "yellow", "info": "dim"}


@click.command()
@click.argument("name", metavar="PIPELINE|REF")
@click.option("--strict", is_flag=True, help="Let warnings count, too.")
@click.option(
    "--ignore",
    multiple=True,
    metavar="CODE",
    help="Leave findings of this code out. May be given more than once.",
)
@as_json
@click.pass_context
def lint(
    ctx: click.Context, name: str, strict: bool, ignore: tuple[str, ...], as_json: bool
) -> None:
    """Say what keeps PIPELINE, or a model version, from being made again; run nothing.

    PIPELINE is FILE.py:NAME or PACKAGE.MODULE:NAME; REF a model version, judged by what is
    recorded of it. Ends with exit code 1 if an error is found.
    """
    from begat.lineage.lint.findings import check_codes, counting

    check_codes(ignore)
    found = tuple(one for one in _findings(name) if one.code not in ignore)
    counted = counting(found, strict=strict)
    if as_json:
        levels = Counter(one.level for one in found)
        print_json(
            {
                "of": name,
                "passed": not counted,
                "counts": {level: levels[level] for level in _STYLES},
                "findings": [one.to_json() for one in found],
            }
        )
    else:
        _print(name, found)
    ctx.exit(1 if counted else 0)


def _findings(name: str) -> tuple[Finding, ...]:
    from begat.lineage.workspace import workspace

    # A version may be of a model with a colon in its name; no pipeline's name has an `@`.
    if "@" not in name.rpartition(":")[2] and ":" in name:
        from .lint import findings
        from .load import load

        return findings(load(name), workspace())
    from begat.lineage.cli.output import store
    from begat.lineage.errors import RefError
    from begat.lineage.graph.resolve import resolve
    from begat.lineage.lint import of_version
    from begat.lineage.records import ModelVersion

    version = resolve(store(), name)
    if not isinstance(version, ModelVersion):
        raise RefError(
            f"{name!r} names no model version; write NAME@VERSION, or FILE.py:NAME for a pipeline"
        )
    return of_version(workspace(), version)


def _print(name: str, found: tuple[Finding, ...]) -> None:
    out = console()
    for one in found:
        level = (f"{one.level:<8}", _STYLES[one.level])
        out.print(label(level, (one.code, "bold"), f"  {one.where}"))
        out.print(label(f"        {one.what}"))
        out.print(label((f"        {one.remedy}", "dim")))
    levels = Counter(one.level for one in found)
    said = ", ".join(
        f"{levels[level]} {level}{'s' if levels[level] > 1 and level != 'info' else ''}"
        for level in _STYLES
        if levels[level]
    )
    out.print(label((name, "bold"), f"  {said or 'nothing found'}"))
