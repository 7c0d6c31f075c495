"""`begat db`: the lineage store itself, rather than what is in it."""

from __future__ import annotations

import gzip
import shutil
import sys
import tempfile
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, cast

import click

from ..errors import ParameterError, RefError, WorldError
from .output import (
    as_json,
    check_file,
    console,
    patient_store,
    print_json,
    replacing,
    say,
    short,
    size,
)

if TYPE_CHECKING:
    from ..graph.store import Store

#: Days that something can be kept for: a hundred years.
_LONGEST = 36500


@click.group()
def db() -> None:
    """Look after the lineage store: upgrade, check, rebuild, reap, prune, export, import."""


@db.command()
@as_json
def upgrade(as_json: bool) -> None:
    """Bring the store to the newest revision of its schema.

    Whatever else opens an older store does that, too; this says what it did. A new one is made
    if there is none.
    """
    from ..graph import sql
    from ..graph.database import revision_of
    from ..settings import make_home
    from ..workspace import workspace
    from .output import PATIENCE

    settings = workspace().settings
    make_home(settings)
    before = revision_of(settings.store, timeout=PATIENCE)
    patient_store(make=True).close()
    after = sql.revisions()[-1]
    if as_json:
        print_json({"from": before or None, "to": after})
    elif before == after:
        say(f"the lineage store is of revision {after}, the newest")
    elif before:
        say(f"the lineage store was of revision {before}, and is of {after} now")
    else:
        say(f"a new lineage store of revision {after}")


@db.command()
@as_json
@click.pass_context
def check(ctx: click.Context, as_json: bool) -> None:
    """Check the store: its database, its events and chunks, and that the graph is what they say.

    Artifacts are not hashed; `begat verify` does that. Ends with exit code 1 if anything is not
    sound.
    """
    from .progress import bars
    from .verify import print_report

    with _store() as store, bars() as progress:
        from ..verify.whole import check as checked

        report = checked(store, progress=progress)
    counts = report.counts
    if as_json:
        print_json(report.to_json())
    else:
        print_report(
            report,
            f"{counts.events} events of {counts.runs} runs, {counts.chunks} chunks, "
            f"{counts.rows} rows of the graph",
        )
    ctx.exit(0 if report.sound else 1)


@db.command()
@as_json
def rebuild(as_json: bool) -> None:
    """Make the graph anew from the stored events and chunks.

    All of it or nothing: until it is done, others see the graph as it was. Models, tokens and
    other records of their own stay as they are.
    """
    with _store() as store, _counted("events") as tell:
        total = _events(store)
        store.rebuild(lambda done: tell(done, total))
    if as_json:
        print_json({"events": total})
    else:
        say(f"the graph is made anew from {total:,} events")


@db.command()
@click.option(
    "--days",
    default=30.0,
    show_default=True,
    metavar="DAYS",
    help="How long what might be of use again is kept.",
)
@click.option("--yes", is_flag=True, help="Drop it; without this, it is only said what would go.")
@as_json
def prune(days: float, yes: bool, as_json: bool) -> None:
    """Drop what no answer needs, and give the space back to the disk.

    That is: leases that have run out, and, when they are older than --days, remembered plans,
    tokens that open nothing any more, and notes on artifacts that nothing speaks of. Events,
    graph and registry stay.
    """
    if not 0 <= days <= _LONGEST:
        raise ParameterError(f"--days is a number from 0 to {_LONGEST}; got {days:g}")
    from ..graph.prune import prunable, prune

    with _store() as store:
        before = after = store.size()
        rows = prune(store, days=days) if yes else prunable(store, days=days)
        if yes:
            store.compact()
            after = store.size()
    if as_json:
        print_json({"dropped": yes, "rows": rows, "bytes_before": before, "bytes_after": after})
        return
    named = {"lease": "leases", "plan": "plans", "token": "tokens", "presence": "notes"}
    said = ", ".join(f"{number:,} {named[table]}" for table, number in rows.items())
    if yes:
        say(f"dropped {said}; the store took {size(before)} and takes {size(after)}")
    else:
        say(f"would drop {said}, and then pack the {size(before)} of the store; --yes does it")


@db.command()
@click.argument("run", required=False)
@as_json
def reap(run: str | None, as_json: bool) -> None:
    """Close runs whose processes died: they end as ABORT.

    A process of this machine is seen to be gone; one elsewhere counts as dead when its runs have
    not been heard of for BEGAT_LEASE_SECONDS. Every command that opens the store does this, too;
    this says what it did. With RUN, that run is closed and all that it called, whoever may be at
    work on it; if it completes all the same, then that is its end.
    """
    from ..workspace import workspace

    space = workspace()
    with _store() as store:
        if run is None:
            closed = space.reap(store)
        else:
            closed = space.close_run(_run(store, run), "somebody said that it is over", store=store)
    if as_json:
        print_json({"closed": [{"run_id": one.run_id, "job": one.job} for one in closed]})
        return
    for one in closed:
        say(f"closed {short(one.run_id)} {one.job}")
    if not closed:
        say("no run is open whose process died" if run is None else f"nothing of {run} is open")


@db.command()
@click.option("--events", metavar="FILE", help="Write all that the store is made of.")
@click.option("--graph", metavar="FILE", help="Write the graph that its events make.")
@click.option("--tokens", is_flag=True, help="With --events, the digests of access tokens, too.")
@as_json
def export(events: str, graph: str, tokens: bool, as_json: bool) -> None:
    """Write the store to files, as lines of JSON; - is standard output, .gz packs them.

    --events has events with their origin, chunks, models and the other records, and can be
    imported. --graph has the graph by names, in one order, without ids of rows and
    times of arrival: the same events give the same bytes, however they came.
    """
    if not (events or graph):
        raise ParameterError("nothing is asked for; give --events FILE or --graph FILE")
    if [events, graph].count("-") + as_json * ("-" in (events, graph)) > 1:
        raise ParameterError("standard output takes one thing only; write the other to a file")
    from ..graph import dump
    from ..graph import export as exported

    found: dict[str, Any] = {}
    with _store() as store:
        if events:
            with _counted("events") as tell:
                total = _events(store)
                written = exported.lines(store, tokens=tokens, tell=lambda n: tell(n, total))
                found["events"] = {"file": events, "lines": _write(events, written)}
        if graph:
            with _counted("lines of the graph") as tell:
                found["graph"] = {
                    "file": graph,
                    "lines": _write(graph, _told(dump.lines(store), tell)),
                }
    if as_json:
        print_json(found)
        return
    for one in found.values():
        if one["file"] != "-":
            say(f"{one['lines']:,} lines in {one['file']}")


@db.command("import")
@click.argument("file", metavar="FILE")
@click.option("--tokens", is_flag=True, help="Take the access tokens in it, too.")
@as_json
def import_(file: str, tokens: bool, as_json: bool) -> None:
    """Take back what `begat db export` wrote of events, into an empty store or a filled one.

    What is there stays. If FILE is not whole, or a model version in it is another one here,
    nothing of it is taken.
    """
    from ..graph.restore import restore
    from ..registry import access
    from ..registry.access import OPEN

    check_file(file)
    with _store(make=True) as store, _whole(file) as path, _counted("") as tell:
        try:
            done = restore(
                store, path, tokens=tokens, tell=lambda what, number: tell(number, 0, what)
            )
        except OSError as error:
            raise WorldError(
                f"{file} cannot be read ({error.strerror or error}); make it readable"
            ) from None
        without = access.is_open(store)
    if without:
        click.echo(f"begat: {OPEN}", err=True)
    if as_json:
        print_json(
            {
                "stored": done.stored,
                "known": done.known,
                "chunks": done.chunks,
                "records": done.records,
            }
        )
    else:
        say(
            f"{done.stored:,} events stored, {done.known:,} already there; {done.chunks:,} chunks, "
            f"{done.records:,} records"
        )


@contextmanager
def _store(*, make: bool = False) -> Iterator[Store]:
    with closing(patient_store(make=make)) as store:
        yield store


def _events(store: Store) -> int:
    with store.read() as db:
        number: int = db.execute("SELECT COUNT(*) FROM event").fetchone()[0]
    return number


def _write(name: str, lines: Generator[str, None, None]) -> int:
    """Write lines to a file, whole or not at all, or to stdout; how many."""
    written = 0
    try:
        with closing(lines), _opened(name) as file:
            for line in lines:
                file.write(line.encode())
                written += 1
    except BrokenPipeError:
        raise
    except OSError as error:
        raise WorldError(
            f"{name} cannot be written ({error.strerror or error}); free space there, or give "
            "another file"
        ) from None
    return written


@contextmanager
def _opened(name: str) -> Iterator[IO[bytes]]:
    if name == "-":
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    with replacing(Path(name)) as file:
        if not name.endswith(".gz"):
            yield file
            return
        # Without a name and a time in it, the same store is the same bytes.
        with gzip.GzipFile("", "wb", compresslevel=6, fileobj=file, mtime=0) as packed:
            yield cast("IO[bytes]", packed)


@contextmanager
def _whole(name: str) -> Iterator[Path]:
    """A file that can be read twice: stdin is kept in one for a while."""
    if name != "-":
        yield Path(name)
        return
    with tempfile.NamedTemporaryFile(prefix="begat-import-") as kept:
        shutil.copyfileobj(sys.stdin.buffer, kept)
        kept.flush()
        yield Path(kept.name)


_Tell = Callable[..., None]


def _told(lines: Generator[str, None, None], tell: _Tell) -> Generator[str, None, None]:
    with closing(lines):
        for number, line in enumerate(lines, 1):
            if number % 1000 == 0:
                tell(number, 0)
            yield line


@contextmanager
def _counted(what: str) -> Iterator[_Tell]:
    """A bar on the terminal that is told how many are done, and of how many."""
    err = console(stderr=True)
    if not err.is_terminal:
        yield lambda done, total, said="": None
        return
    from rich import progress as bars

    columns = (
        bars.TextColumn("{task.description}"),
        bars.BarColumn(),
        bars.TextColumn("{task.completed:,.0f}"),
        bars.TimeElapsedColumn(),
    )
    with bars.Progress(*columns, console=err, transient=True) as shown:
        task = shown.add_task(what, total=None)

        def tell(done: int, total: int, said: str = "") -> None:
            shown.update(task, completed=done, total=total or None, description=said or what)

        yield tell


def _run(store: Store, ref: str) -> str:
    """The id of the one run that `ref` names.

    Raises:
        RefError: it names none, or several.
    """
    from ..graph.resolve import RUN_ID, only, runs

    found = []
    if RUN_ID.fullmatch(ref):
        with store.read() as db:
            found = runs(db, ref)
    if not found:
        raise RefError(f"{ref!r} names no run; `begat runs` lists flow runs")
    return only(ref, found, "runs", lambda run: f"{run.run_id} ({run.job})").run_id
