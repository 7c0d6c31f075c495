"""The `begat` command: one module a command group, each imported when it is asked for."""

from __future__ import annotations

import importlib
import logging
import sys
from importlib import metadata
from typing import Any

import click

from ..errors import BegatError

#: Commands of this package; more come by the entry point group `begat.commands`.
_OWN = {
    "models": ".models:models",
    "runs": ".runs:runs",
    "show": ".show:show",
}
INTERRUPTED = 130


class _Commands(click.Group):
    """Loads a command when it is run or listed."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted({*_OWN, *(point.name for point in _entry_points())})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name in _OWN:
            module, _, name = _OWN[cmd_name].partition(":")
            command: click.Command = getattr(importlib.import_module(module, __name__), name)
            return command
        for point in _entry_points():
            if point.name == cmd_name:
                loaded: click.Command = point.load()
                return loaded
        return None


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
@click.version_option(package_name="begat", message="%(prog)s %(version)s")
def begat(debug: bool) -> None:
    """Lineage-tracked training pipelines: what begat this model, and what changed since?"""
    del debug  # main() looks at it


def main() -> None:
    """Run the command line; errors are one line, and say what to do."""
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("begat: %(message)s"))
    logging.getLogger("begat").addHandler(handler)
    logging.getLogger("begat").propagate = False
    sys.exit(_run(sys.argv[1:]))


def _run(arguments: list[str]) -> int:
    debug = "--debug" in arguments
    try:
        code: Any = begat.main(args=arguments, prog_name="begat", standalone_mode=False)
        return code if isinstance(code, int) else 0
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        click.echo("begat: interrupted; the next run goes on from here", err=True)
        return INTERRUPTED
    except BegatError as error:
        if debug:
            raise
        click.echo(f"begat: {error}", err=True)
        return error.exit_code
    except BrokenPipeError:
        sys.stdout = None  # nobody reads it, so it is not flushed either
        return 0
    except Exception as error:
        if debug:
            raise
        click.echo(
            f"begat: {type(error).__name__}: {error} (unexpected; `begat --debug …` shows where)",
            err=True,
        )
        return 1


def _entry_points() -> metadata.EntryPoints:
    return metadata.entry_points(group="begat.commands")
