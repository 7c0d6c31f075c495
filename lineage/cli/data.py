"""`begat data`: datasets as a model version, or anything else, stands on them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .output import as_json, console, label, print_json, short, size, store

if TYPE_CHECKING:
    from rich.text import Text

#: Partitions of a dataset that a screen shows; `--all` and `--json` have the rest.
LINES = 40
COLUMNS = 6
_SIGNS = {"added": ("+", "green"), "removed": ("-", "red"), "changed": ("~", "yellow")}


def _which(what: str) -> Callable[..., Any]:
    return click.option(
        "--dataset",
        "datasets",
        multiple=True,
        metavar="NAME",
        help=f"{what}: raw, lookups, prepared, features, or a dataset's name. May be given more "
        "than once.",
    )


_all = click.option("--all", "everything", is_flag=True, help="Show every partition.")


@click.group()
def data() -> None:
    """Look at data as REF stands on it: its status, what differs, and having it again.

    REF is a model version (flight-delays@2), the id of a run, a dataset (flights/raw: what is
    current of it), a partition (flights/raw[month=2013-12]), or a digest (blake3:…).
    """


@data.command()
@click.argument("ref")
@_which("These only")
@_all
@as_json
def status(ref: str, datasets: tuple[str, ...], everything: bool, as_json: bool) -> None:
    """Say what data REF stands on, whether its bytes are here, and whether its source still has it.

    Sources are looked at as they are now: partitions may have changed there, gone, or been added.
    """
    from .. import dataset
    from ..workspace import workspace

    store()  # says it if nothing is recorded here
    found = dataset.status(workspace(), ref, datasets=datasets)
    if as_json:
        print_json(found)
        return
    out = console()
    for entry in found["datasets"]:
        for line in _status(entry, everything):
            out.print(line)


@data.command()
@click.argument("old", metavar="REF")
@click.argument("new", metavar="REF")
@_which("These only")
@click.option(
    "--key",
    multiple=True,
    metavar="COLUMN",
    help="A row is known by this column. May be given more than once. Without it, a changed row "
    "counts as one removed and one added.",
)
@click.option(
    "--tables",
    default=50,
    show_default=True,
    type=click.IntRange(min=0),
    help="How many pairs of tables to read and compare.",
)
@_all
@as_json
def diff(
    old: str,
    new: str,
    datasets: tuple[str, ...],
    key: tuple[str, ...],
    tables: int,
    everything: bool,
    as_json: bool,
) -> None:
    """Show how the data of one REF differs from that of another: partitions, schema, rows, columns.

    `begat diff` ranks what of it could have moved a metric.
    """
    from .. import dataset
    from ..workspace import workspace

    lineage = store()
    found = dataset.diff(
        lineage, workspace().artifacts, old, new, datasets=datasets, key=key, limit=tables
    )
    if as_json:
        print_json(found)
        return
    out = console()
    out.print(label((f"{old} → {new}", "bold")))
    if found["same"]:
        out.print("  no data differs")
    for entry in found["datasets"]:
        for line in _differences(entry, everything):
            out.print(line)
    for note in found["notes"]:
        out.print(label((f"  {note}", "yellow")))


@data.command()
@click.argument("ref")
@click.option(
    "--to",
    "folder",
    required=True,
    type=click.Path(path_type=Path),
    help="The folder; made if it is not there.",
)
@_which("These instead of raw data")
@click.option(
    "--partitions", default="", metavar="EXPR", help="These partitions only: 'month<=2013-11'."
)
@click.option(
    "--force",
    is_flag=True,
    help="Also into a folder with other files; those of the same names are replaced.",
)
@as_json
def pull(
    ref: str,
    folder: Path,
    datasets: tuple[str, ...],
    partitions: str,
    force: bool,
    as_json: bool,
) -> None:
    """Put the data that REF stands on into a folder, as it was.

    Raw data by default, a folder for each partition, under the names that the files had. Every byte
    is verified. Interrupted, the same command goes on from there.
    """
    from .. import dataset
    from ..workspace import workspace
    from .progress import bars

    store()  # says it if nothing is recorded here
    with bars() as progress:
        done = dataset.pull(
            workspace(),
            ref,
            folder,
            datasets=datasets,
            chosen=partitions,
            force=force,
            progress=progress,
        )
    if as_json:
        print_json(done)
        return
    there = f", {done['there']:,} there already" if done["there"] else ""
    out = console()
    out.print(
        label(
            (done["folder"], "bold"),
            f"  {_files(done['written'])} written{there}; {size(done['bytes'])} of "
            f"{', '.join(done['datasets'])}, all verified",
        )
    )
    if others := done["others"]:
        more = f" and {len(others) - 1:,} more" if len(others) > 1 else ""
        said = f"  of something else, and left there: {others[0]}{more}"
        out.print(label((said, "yellow")))


def _files(number: int) -> str:
    return "1 file" if number == 1 else f"{number:,} files"


def _status(entry: Mapping[str, Any], everything: bool) -> Iterator[Text]:
    parts = entry["partitions"]
    rows = "" if entry["rows"] is None else f"{entry['rows']:,} rows, "
    many = f"{len(parts):,} partitions, " if len(parts) > 1 or parts[0]["partition"] else ""
    yield label(
        (entry["dataset"], "bold"), f"  {entry['role']}  {many}{rows}{size(entry['bytes'])}"
    )
    if gone := entry["missing"]:
        yield label((f"  the bytes of {_some(gone)} are gone", "red"))
    else:
        yield label("  all bytes are in the artifact store")
    if (source := entry["source"]) is not None:
        yield from _source(source)
    shown = parts if everything else parts[:LINES]
    width = max(len(part["partition"]) for part in shown)
    for part in shown:
        notes = [] if part["present"] else [_absent(part)]
        if part["source"] in _SIGNS:
            notes.append((f"  {part['source']} at its source", _SIGNS[part["source"]][1]))
        counted = "" if part["rows"] is None else f"{part['rows']:,} rows, "
        yield label(
            f"    {part['partition'] or 'all of it':<{width}}  {short(part['digest'])}  "
            f"{counted}{part['bytes']:,} bytes",
            *notes,
        )
    if len(parts) > len(shown):
        yield label((f"    and {len(parts) - len(shown):,} more; --all shows them", "dim"))


def _absent(part: Mapping[str, Any]) -> tuple[str, str]:
    from ..content.s3.client import is_versioned

    state, location = part["absent"], part["location"] or ""
    # Nobody lost what was collected or purged.
    told = {"gone": "collected", "purged": "purged", "lost": "lost"}.get(state or "", "gone")
    left = f"; it was left at {location}" if is_versioned(location) else ""
    return f"  {told}{left}", "yellow" if state in ("gone", "purged") else "red"


def _source(source: Mapping[str, Any]) -> Iterator[Text]:
    said = [(kind, source[kind]) for kind in ("changed", "removed", "added") if source[kind]]
    for kind, partitions in said:
        yield label((f"  {kind} at the source since: {_some(partitions)}", _SIGNS[kind][1]))
    if source["note"]:
        yield label((f"  its source: {source['note']}", "dim"))
    elif not said:
        yield label("  its source still is the same")


def _differences(entry: Mapping[str, Any], everything: bool) -> Iterator[Text]:
    counts = ", ".join(f"{len(entry[kind]):,} {kind}" for kind in (*_SIGNS, "same") if entry[kind])
    yield label((entry["dataset"], "bold"), f"  {entry['role']}  {counts}")
    for kind, (sign, style) in _SIGNS.items():
        shown = entry[kind] if everything else entry[kind][:LINES]
        for part in shown:
            name = part["partition"] or "all of it"
            yield label((f"  {sign} {name}", style), f"  {_counts(part)}")
            if kind == "changed":
                yield from _table(part, everything)
        if len(entry[kind]) > len(shown):
            more = len(entry[kind]) - len(shown)
            yield label((f"  {sign} {more:,} more {kind}; --all shows them", "dim"))
    if everything:
        for part in entry["same"]:
            yield label(f"    {part['partition'] or 'all of it'}  {_counts(part)}")


def _counts(part: Mapping[str, Any]) -> str:
    rows, size = part["rows"], part["bytes"]
    if not isinstance(size, Mapping):
        counted = "" if rows is None else f"{rows:,} rows, "
        return f"{counted}{size or 0:,} bytes  {short(part['digest'])}"
    said = f"{size['old'] or 0:,} → {size['new'] or 0:,} bytes"
    if "by" not in rows:
        return said
    counts = [f"{rows[kind]:,} {kind}" for kind in ("added", "removed", "changed") if rows[kind]]
    by = "" if rows["by"] == "content" else f" by {rows['by']}"
    what = ", ".join(counts) or "all the same"
    return f"rows {rows['old']:,} → {rows['new']:,} ({what}{by}), {said}"


def _table(part: Mapping[str, Any], everything: bool) -> Iterator[Text]:
    if "unread" in part:
        yield label((f"      {part['unread']}", "yellow"))
        return
    for kind in ("added", "removed"):
        sign, style = _SIGNS[kind]
        for name in part["schema"][kind]:
            yield label((f"      {sign} column {name}", style))
    for column in part["schema"]["changed"]:
        yield label(f"      {column['column']} is {column['new']}, was {column['old']}")
    columns = part["columns"] if everything else part["columns"][:COLUMNS]
    for column in columns:
        changed = column["changed"]
        values = "" if changed is None else f"{changed:,} values changed, "
        yield label(f"      {column['column']}  {values}{_statistics(column)}")
    if len(part["columns"]) > len(columns):
        more = len(part["columns"]) - len(columns)
        yield label((f"      and {more:,} more columns; --all shows them", "dim"))


def _statistics(column: Mapping[str, Any]) -> str:
    from ..diff.words import figure

    old, new = column["old"], column["new"]
    said = []
    for name in ("nulls", "distinct", "min", "max", "mean"):
        before, after = old.get(name), new.get(name)
        if before != after:
            values = ("none" if value is None else figure(value) for value in (before, after))
            said.append(f"{name} {' → '.join(values)}")
    shares, before = new.get("shares", {}), old.get("shares", {})
    moved = [name for name in shares if shares[name] != before.get(name)]
    said += [f"{name} {before.get(name, 0.0):.1%} → {shares[name]:.1%}" for name in moved[:3]]
    return ", ".join(said) or "the same values in other rows"


def _some(partitions: Sequence[str]) -> str:
    names = [name or "all of it" for name in partitions[:5]]
    more = f" and {len(partitions) - 5:,} more" if len(partitions) > 5 else ""
    return ", ".join(names) + more
