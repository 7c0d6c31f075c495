"""The `begat` command: one module a command group, each imported when it is asked for."""

from __future__ import annotations

import importlib
import logging
import signal
import sys
from typing import Any

import click

from ..errors import BegatError
from . import plugins

#: Commands of this package; more come by the entry point group `begat.commands`.
_OWN = {
    "alias": ".stages:alias",
    "approve": ".stages:approve",
    "archive": ".stages:archive",
    "audit": ".audit:audit",
    "data": ".data:data",
    "datasets": ".listings:datasets",
    "db": ".db:db",
    "diff": ".diff:diff",
    "downstream": ".reach:downstream",
    "events": ".listings:events",
    "explain": ".explain:explain",
    "forward": ".forward:forward",
    "gate": ".gate:gate",
    "gc": ".gc:gc",
    "impact": ".reach:impact",
    "ingest": ".ingest:ingest",
    "jobs": ".listings:jobs",
    "models": ".models:models",
    "partitions": ".listings:partitions",
    "path": ".reach:path",
    "pictures": ".pictures:pictures",
    "policy": ".policy:policy",
    "predict": ".predict:predict",
    "promote": ".stages:promote",
    "reject": ".stages:reject",
    "rollback": ".stages:rollback",
    "runs": ".runs:runs",
    "search": ".listings:search",
    "serve": ".serve:serve",
    "show": ".show:show",
    "token": ".token:token",
    "upstream": ".reach:upstream",
    "verify": ".verify:verify",
    "versions": ".listings:versions",
}
#: What their help begins with, so that a list of them imports none; a test compares.
SUMMARIES = {
    "alias": "Give REF, a model version, the alias NAME, so that MODEL@NAME names it.",
    "approve": "Sign off REF, a version in Staging, for Production.",
    "archive": "Archive REF, a version that is not in Production, or with --due all that is due.",
    "audit": "Show every act on the registry: who, when, why, and the gates with their values.",
    "policy": "Show or check the rules that model versions are moved by.",
    "promote": "Let REF, a model version, enter Staging or Production if its gates let it.",
    "reject": "Say why REF, a version in Staging, may not go to Production; takes a --reason.",
    "rollback": "Take back REF, a model or its version in Production; takes a --reason.",
    "data": "Look at data as REF stands on it: its status, what differs, and having it again.",
    "datasets": "List datasets.",
    "db": "Look after the lineage store: upgrade, check, rebuild, reap, prune, export, import.",
    "diff": "Show what differs from one REF to another, and rank what could have moved the metric.",
    "downstream": "Show what stands on REF, the nearest first.",
    "events": "List events as they were stored, by event time; --json has their bodies.",
    "explain": "Say why a task ran: what its recipe differs in from the nearest earlier run.",
    "forward": "Send the events that wait for other OpenLineage backends.",
    "gate": "Ask the gates of a model version, or tell them what was seen outside.",
    "gc": "Show, and with --delete delete, what nothing that is kept stands on; or --purge REF.",
    "impact": "List the model versions that stand on REF, and their stages.",
    "ingest": "Take the OpenLineage events of FILEs into the store, or send them to --url.",
    "jobs": "List jobs, with their latest runs.",
    "models": "List registered model versions.",
    "partitions": "List what is current of each partition of DATASET.",
    "path": "Show a shortest chain from one REF to another, whichever stands on the other.",
    "pictures": "List the pictures of REF, or write them to a folder.",
    "predict": "Predict from the featurized rows of FILE with the model that REF names.",
    "runs": "List flow runs; with FLOW_RUN (its id or a beginning of it), its tasks.",
    "search": "Find datasets, jobs, models, runs, versions, commits, images, packages and tags by "
    "WORDS.",
    "serve": "Serve the lineage store over HTTP: events in, answers out.",
    "show": "Show everything that REF stands on.",
    "token": "Make, list and revoke the server's tokens.",
    "upstream": "Show what REF stands on, the nearest first.",
    "verify": "Check that everything REF stands on is there, and still what it was.",
    "versions": "List all versions of DATASET, by partition and the time they were made.",
}
INTERRUPTED = 130
_DEBUG = "--debug"


class _Line(logging.Formatter):
    """A warning as one line: a traceback is for those who ask."""

    def format(self, record: logging.LogRecord) -> str:
        return f"begat: {_one_line(record.getMessage())}"


class _Commands(click.Group):
    """Loads a command when it is run or listed."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted({*_OWN, *plugins.names()})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        place = _OWN.get(cmd_name) or plugins.place(cmd_name)
        if not place:
            return None
        module, _, name = place.partition(":")
        command: click.Command = getattr(importlib.import_module(module, __name__), name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        names = self.list_commands(ctx)
        limit = formatter.width - 6 - max(map(len, names))
        with formatter.section("Commands"):
            formatter.write_dl([(name, self._summary(ctx, name, limit)) for name in names])

    def _summary(self, ctx: click.Context, name: str, limit: int) -> str:
        if name in SUMMARIES:
            return click.Command(name, help=SUMMARIES[name]).get_short_help_str(limit)
        command = self.get_command(ctx, name)
        return command.get_short_help_str(limit) if command else ""


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(_DEBUG, is_flag=True, help="Show the traceback of an error.")
@click.version_option(package_name="begat", message="%(prog)s %(version)s")
def begat(debug: bool) -> None:
    """Lineage-tracked training pipelines: what begat this model, and what changed since?"""
    del debug  # main() looks at it


def main() -> None:
    """Run the command line; errors are one line, and say what to do."""
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("begat: %(message)s") if _DEBUG in sys.argv else _Line())
    logging.getLogger("begat").addHandler(handler)
    logging.getLogger("begat").propagate = False
    code = _run(sys.argv[1:])
    if code == INTERRUPTED:
        # Threads may still be at work, and whoever asks again does not want to wait for them.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    sys.exit(code)


def _run(arguments: list[str]) -> int:
    debug = _DEBUG in arguments
    # Before the command or behind it, as people write it.
    arguments = [argument for argument in arguments if argument != _DEBUG]
    try:
        code: Any = begat.main(
            args=arguments or ["--help"], prog_name="begat", standalone_mode=False
        )
        return code if isinstance(code, int) else 0
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except click.UsageError as error:
        asked = error.ctx.command_path if error.ctx else "begat"
        _say(f"{error.format_message().rstrip('.')}; `{asked} --help` shows what there is")
        return error.exit_code
    except click.ClickException as error:
        _say(error.format_message())
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        return _interrupted()
    except BegatError as error:
        if debug:
            raise
        _say(str(error))
        return error.exit_code
    except BrokenPipeError:
        sys.stdout = None  # nobody reads it, so it is not flushed either
        return 0
    except Exception as error:
        if debug:
            raise
        if "KeyboardInterrupt" in str(error):  # pydantic makes Ctrl-C an error of its own
            return _interrupted()
        _say(f"{type(error).__name__}: {error} (unexpected; `begat --debug …` shows where)")
        return 1


def _interrupted() -> int:
    _say("interrupted; the next run goes on from here")
    return INTERRUPTED


def _say(message: str) -> None:
    click.echo(f"begat: {_one_line(message)}", err=True)


def _one_line(message: str) -> str:
    return " ".join(message.split())  # a library's message, which may be part of it, has more
