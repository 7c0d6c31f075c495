"""`begat ingest`: events out of files, into the store or to another OpenLineage backend."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import click

from ..errors import ParameterError, WorldError
from .output import as_json, check_file, console, label, patient_store, print_json, replacing

if TYPE_CHECKING:
    from ..events.files import Found, Reading

#: Events that are stored or sent together: as many as this, or as fit in so many bytes.
_AT_ONCE, _BYTES = 500, 8 << 20
_SENT_AT_ONCE, _SENT_BYTES = 100, 1 << 20
#: Skipped events that a screen shows; `--skipped` has all of them.
_SHOWN = 20
_EXPORT = b'{"format":"begat'


@click.command()
@click.argument("files", metavar="FILE...", nargs=-1, required=True)
@click.option("--url", default="", metavar="URL", help="Send them to this OpenLineage backend.")
@click.option(
    "--token",
    default="",
    metavar="TOKEN",
    envvar="BEGAT_TOKEN",
    help="Bearer token for --url; better given as BEGAT_TOKEN.",
)
@click.option(
    "--timeout",
    default=30.0,
    show_default=True,
    metavar="SECONDS",
    help="How long to try while the backend takes nothing.",
)
@click.option("--skipped", metavar="FILE", help="Write what was skipped, and why, to FILE.")
@as_json
@click.pass_context
def ingest(
    ctx: click.Context,
    files: tuple[str, ...],
    url: str,
    token: str,
    timeout: float,
    skipped: str,
    as_json: bool,
) -> None:
    """Take the OpenLineage events of FILEs into the store, or send them to --url.

    A FILE has one event a line, or a JSON array of them, or one event; it may be gzipped, and
    - is standard input. What is there already is not stored again. Ends with exit code 2 if an
    event was skipped.
    """
    for name in files:
        check_file(name)
    done: list[_File] = []
    with ExitStack() as until:
        take, bounds = until.enter_context(_taker(url, token, timeout))
        note = until.enter_context(_noting(skipped))
        progress = until.enter_context(_progress())
        try:
            for name in files:
                done.append(_File(name=name, elsewhere=bool(url)))
                _take(done[-1], take, bounds, note, progress)
        except WorldError:
            if not as_json:
                _print(done)
            raise
    if as_json:
        print_json(
            {
                "files": [one.to_json() for one in done],
                "skipped": [line for one in done for line in one.shown][:_SHOWN],
            }
        )
    else:
        _print(done)
    ctx.exit(2 if any(one.skipped for one in done) else 0)


#: How many were stored and how many known, and which were refused and why.
_Outcome = tuple[int, int, list[tuple[int, str]]]
_Take = Callable[[Sequence[bytes]], _Outcome]
_Note = Callable[[dict[str, Any]], None]
_Progress = Callable[["_File", "Reading"], None]


@dataclass(kw_only=True)
class _File:
    """What became of a file's events."""

    name: str
    #: Whether they were sent to a backend, which does not say what it had.
    elsewhere: bool = False
    stored: int = 0
    known: int = 0
    skipped: int = 0
    #: The first that were skipped.
    shown: list[dict[str, Any]] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        if self.elsewhere:
            return {"file": self.name, "sent": self.stored, "skipped": self.skipped}
        return {
            "file": self.name,
            "stored": self.stored,
            "known": self.known,
            "skipped": self.skipped,
        }

    def cells(self) -> dict[str, str]:
        """The same as a table says it."""
        return {
            "already there" if key == "known" else key: f"{value:,}" if key != "file" else value
            for key, value in self.to_json().items()
        }


def _take(
    file: _File, take: _Take, bounds: tuple[int, int], note: _Note, progress: _Progress
) -> None:
    from ..events.files import reading

    path = None if file.name == "-" else Path(file.name)
    try:
        with reading(path, sys.stdin.buffer) as found:
            for batch in _batches(found, *bounds):
                _refuse_export(file.name, batch)
                _take_batch(file, batch, take, note)
                progress(file, found)
    except OSError as error:
        raise WorldError(
            f"{file.name} cannot be read ({error.strerror or error}); make it readable"
        ) from None


def _take_batch(file: _File, batch: Sequence[Found], take: _Take, note: _Note) -> None:
    whole = [one for one in batch if not one.reason]
    stored, known, refused = take([one.text for one in whole])
    file.stored += stored
    file.known += known
    said = [(whole[index], reason) for index, reason in refused]
    said += [(one, one.reason) for one in batch if one.reason]
    for one, reason in sorted(said, key=lambda pair: pair[0].line):
        line = {"file": file.name, "line": one.line, "reason": reason}
        if len(file.shown) < _SHOWN:
            file.shown.append(line)
        file.skipped += 1
        note({**line, "text": one.text.decode(errors="replace")})


def _batches(found: Iterable[Found], most: int, size: int) -> Iterator[list[Found]]:
    batch: list[Found] = []
    weight = 0
    for one in found:
        batch.append(one)
        weight += len(one.text)
        if len(batch) >= most or weight >= size:
            yield batch
            batch, weight = [], 0
    if batch:
        yield batch


def _refuse_export(name: str, batch: Sequence[Found]) -> None:
    if batch[0].line == 1 and batch[0].text.startswith(_EXPORT):
        raise ParameterError(f"{name} is an export of begat's: `begat db import {name}` takes it")


@contextmanager
def _taker(url: str, token: str, timeout: float) -> Iterator[tuple[_Take, tuple[int, int]]]:
    if url:
        from ..events.endpoint import Endpoint

        with closing(Endpoint(url, token=token, patience=timeout)) as endpoint:

            def send(texts: Sequence[bytes]) -> _Outcome:
                refused = endpoint.send(texts)
                return len(texts) - len(refused), 0, refused

            yield send, (_SENT_AT_ONCE, _SENT_BYTES)
        return
    from ..events.reading import tried
    from ..graph import intake

    with closing(patient_store(make=True)) as store:

        def keep(texts: Sequence[bytes]) -> _Outcome:
            there = intake.known(store, texts)
            new = [place for place in range(len(texts)) if place not in there]
            taken = intake.take(store, (tried(texts[place]) for place in new))
            refused = [(new[one.index], one.reason) for one in taken.refused]
            return taken.stored, taken.known + len(there), refused

        yield keep, (_AT_ONCE, _BYTES)


@contextmanager
def _noting(path: str | None) -> Iterator[_Note]:
    if not path:
        yield lambda line: None
        return
    try:
        with replacing(Path(path)) as file:
            yield lambda line: _write(file, line)
    except OSError as error:
        raise WorldError(
            f"{path} cannot be written ({error.strerror or error}); give another --skipped"
        ) from None


def _write(file: IO[bytes], line: dict[str, Any]) -> None:
    file.write(json.dumps(line, ensure_ascii=False).encode(errors="replace") + b"\n")


def _print(done: Sequence[_File]) -> None:
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for heading in done[0].cells():
        table.add_column(heading, justify="left" if heading == "file" else "right")
    for one in done:
        table.add_row(*one.cells().values())
    out = console()
    out.print(table)
    shown = [line for one in done for line in one.shown][:_SHOWN]
    for line in shown:
        out.print(label((f"{line['file']}:{line['line']}", "yellow"), f"  {line['reason']}"))
    rest = sum(one.skipped for one in done) - len(shown)
    if rest:
        out.print(label((f"and {rest:,} more; --skipped FILE writes all", "dim")))


@contextmanager
def _progress() -> Iterator[_Progress]:
    err = console(stderr=True)
    if not err.is_terminal:
        yield lambda file, found: None
        return
    from rich import progress as bars

    columns = (
        bars.TextColumn("{task.description}"),
        bars.BarColumn(),
        bars.TextColumn("{task.fields[events]} events"),
        bars.TimeElapsedColumn(),
    )
    with bars.Progress(*columns, console=err, transient=True) as shown:
        tasks: dict[str, bars.TaskID] = {}

        def tell(file: _File, found: Reading) -> None:
            if file.name not in tasks:
                total = None if file.name == "-" else Path(file.name).stat().st_size
                tasks[file.name] = shown.add_task(file.name, total=total, events="0")
            count = file.stored + file.known + file.skipped
            shown.update(tasks[file.name], completed=found.position, events=f"{count:,}")

        yield tell
