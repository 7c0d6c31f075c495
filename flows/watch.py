"""`begat watch`: data arrives, and whoever waits for it is told."""

from __future__ import annotations

import json
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from begat.lineage.errors import ParameterError

if TYPE_CHECKING:
    from begat.lineage.arrivals.sources import Source
    from begat.lineage.arrivals.watched import Watched
    from begat.lineage.arrivals.watcher import Tell, Watcher
    from begat.lineage.workspace import Workspace

#: How a queue begins that is given among the sources.
_QUEUE = "sqs://"
Report = Callable[[str, dict[str, Any]], None]

_seconds = click.FloatRange(min=0)


@click.command()
@click.argument("sources", metavar="SOURCE...", nargs=-1, required=True)
@click.option(
    "--queue",
    "queues",
    multiple=True,
    metavar="QUEUE",
    help="An SQS queue that is told of the sources, by name or URL. May be given more than once.",
)
@click.option(
    "--quiet-period",
    type=_seconds,
    default=30.0,
    show_default=True,
    metavar="SECONDS",
    help="How long nothing new comes before a batch is closed.",
)
@click.option(
    "--max-wait",
    type=_seconds,
    default=600.0,
    show_default=True,
    metavar="SECONDS",
    help="How long new content waits at most, however much more comes.",
)
@click.option(
    "--reconcile-every",
    type=click.FloatRange(min=1),
    default=3600.0,
    show_default=True,
    metavar="SECONDS",
    help="How often all sources are listed, for what nobody told.",
)
@click.option("--once", is_flag=True, help="Take all that there is, tell of it, and end.")
@click.option(
    "--health-file",
    type=click.Path(dir_okay=False, path_type=Path),
    default=None,
    help="A file that is touched while all goes well, for whoever checks how old it is.",
)
@click.option("--no-prefect", is_flag=True, help="Tell nobody; only say it here.")
@click.option("--json", "as_json", is_flag=True, help="Print one line of JSON for each batch.")
def watch(
    sources: tuple[str, ...],
    queues: tuple[str, ...],
    quiet_period: float,
    max_wait: float,
    reconcile_every: float,
    once: bool,
    health_file: Path | None,
    no_prefect: bool,
    as_json: bool,
) -> None:
    """Wait for data at each SOURCE, record what arrives, and tell Prefect of it in batches.

    SOURCE is a pattern of local files or of objects (s3://bucket/month={month}/*.csv), a
    pipeline (FILE.py:NAME or PACKAGE.MODULE:NAME: its source and lookups), or a queue
    (sqs://NAME). Notifications come from queues, from folders, and from POST /api/v2/arrivals
    of a server on the same store; listings find what they missed. It runs until SIGTERM or
    Ctrl-C.
    """
    from begat.lineage.arrivals.watcher import Patience, Watcher, tell_nobody
    from begat.lineage.workspace import workspace

    space = workspace()
    queues += tuple(one for one in sources if one.startswith(_QUEUE))
    watched = _watched([one for one in sources if not one.startswith(_QUEUE)])
    if not watched:
        raise ParameterError(
            "a queue alone does not say what its objects belong to; name a source, too: "
            "s3://bucket/month={month}/*.csv or FILE.py:NAME"
        )
    tell: Tell = tell_nobody
    if not no_prefect:
        from .watch_tell import teller

        tell = teller()
    stop = threading.Event()
    with _reporting(as_json=as_json) as (report, show), _touched(health_file) as well:
        watcher = Watcher(
            space,
            watched,
            _sources(watched, queues, space, stop),
            tell=tell,
            patience=Patience(quiet=quiet_period, longest=max_wait, reconcile=reconcile_every),
            report=report,
            well=well,
            stop=stop,
        )
        report("watching", {"sources": [one.given for one in watched], "queues": [*queues]})
        if once:
            watcher.drain()
        else:
            with _until_asked(watcher), show(watcher):
                watcher.run()
        report("stopped", dict(watcher.counts))


def _watched(given: Sequence[str]) -> list[Watched]:
    from begat.lineage.arrivals.watched import Watched

    found = []
    for one in given:
        if _is_pipeline(one):
            from . import inputs
            from .load import load

            pipeline = load(one)
            if not (patterns := inputs.patterns(pipeline)):
                raise ParameterError(
                    f"{one} reads from databases only, which tell nobody that they have changed; "
                    "give it a schedule (`begat deploy --cron`)"
                )
            found += [Watched.parse(path, folder=pipeline.folder) for path in patterns]
        else:
            found.append(Watched.parse(one, folder=Path.cwd()))
    return found


def _is_pipeline(text: str) -> bool:
    """Whether a source is `FILE.py:NAME` or `PACKAGE.MODULE:NAME`, and no pattern or address."""
    where, colon, name = text.rpartition(":")
    return bool(colon and name.isidentifier() and "/" not in name and "{" not in where)


def _sources(
    watched: Sequence[Watched], queues: Sequence[str], space: Workspace, stop: threading.Event
) -> list[Source]:
    found: list[Source] = []
    for name in queues:
        from begat.lineage.arrivals.sqs import Queue

        found.append(Queue(name))
    if any(not one.in_s3 for one in watched):
        from begat.lineage.arrivals.folder import Folders

        found.append(Folders(watched, space.cache, stop))
    return found


@contextmanager
def _touched(file: Path | None) -> Iterator[Callable[[], None]]:
    """Touches a file, which is there only while somebody watches.

    Raises:
        ParameterError: it cannot be written.
    """
    if file is None:
        yield lambda: None
        return
    try:
        file.touch()
        file.unlink()  # one that an earlier watcher left says nothing of this one
    except OSError as error:
        raise ParameterError(
            f"--health-file {file} cannot be written ({error.strerror}); name another"
        ) from None

    def touch() -> None:
        with suppress(OSError):  # it gets old, and that is what a check looks at
            file.touch()

    try:
        yield touch
    finally:
        with suppress(OSError):
            file.unlink(missing_ok=True)


@contextmanager
def _until_asked(watcher: Watcher) -> Iterator[None]:
    """SIGTERM and Ctrl-C end the watcher after what it is doing."""

    def stop(*_: object) -> None:
        # Not here: what was interrupted may hold the lock that this needs.
        threading.Thread(target=watcher.stop).start()

    numbers = (signal.SIGTERM, signal.SIGINT)
    before = [signal.signal(number, stop) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)


Show = Callable[["Watcher"], Any]


@contextmanager
def _reporting(*, as_json: bool) -> Iterator[tuple[Report, Show]]:
    """How what happens is said, and how the watcher is shown meanwhile."""
    if as_json:

        def line(kind: str, about: dict[str, Any]) -> None:
            click.echo(json.dumps({"event": kind, **about}, ensure_ascii=False))
            sys.stdout.flush()

        yield line, lambda watcher: ExitStack()
        return
    from begat.lineage.cli.output import console

    out, err = console(), console(stderr=True)
    if out.is_terminal and err.is_terminal:
        out = err  # one console, so that a line does not run into the one that is shown

    def say(kind: str, about: dict[str, Any]) -> None:
        if kind == "warning":
            return  # it is logged
        out.print(_said(kind, about))

    def show(watcher: Watcher) -> Any:
        return _status(err, watcher) if err.is_terminal else ExitStack()

    yield say, show


def _said(kind: str, about: dict[str, Any]) -> Any:
    from begat.lineage.cli.output import label

    if kind == "watching":
        through = f" and {', '.join(about['queues'])}" if about["queues"] else ""
        return label(("watching", "bold"), f"  {', '.join(about['sources'])}{through}")
    if kind == "batch":
        shown = about["partitions"][:5]
        more = len(about["partitions"]) - len(shown)
        named = ", ".join(one for one in shown if one) + (f" and {more} more" if more else "")
        return label(
            ("arrived", "bold green"),
            f"  {about['name']}  {named or 'all of it'}  ",
            (f"{about['count']} new, batch {about['batch']}", "dim"),
        )
    return label(("stopped", "bold"), f"  {_counted(about)}")


def _counted(counts: dict[str, int]) -> str:
    batches = "batch" if counts.get("batches") == 1 else "batches"
    names = {"new": "arrived", "known": "told again", "ignored": "of something else"}
    names |= {"set_aside": "set aside", "batches": batches}
    found = [f"{counts[key]:,} {word}" for key, word in names.items() if counts.get(key)]
    return ", ".join(found) or "nothing arrived"


@contextmanager
def _status(err: Any, watcher: Watcher) -> Iterator[None]:
    """One line that says how it stands, where a person looks."""
    from rich.live import Live
    from rich.spinner import Spinner

    class Standing:
        spinner = Spinner("dots")

        def __rich__(self) -> Any:
            self.spinner.update(text=_counted(dict(watcher.counts)))
            return self.spinner

    with Live(Standing(), console=err, refresh_per_second=4, transient=True):
        yield
