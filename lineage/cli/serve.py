"""`begat serve`: the lineage store over HTTP."""

from __future__ import annotations

import click

from .. import settings
from ..workspace import workspace

_MIB = 1 << 20


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to serve on.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8080,
    show_default=True,
    help="Port to serve on; 0 takes any that is free.",
)
@click.option(
    "--max-body",
    type=click.IntRange(1, 4096),
    default=64,
    show_default=True,
    help="Largest body of a request in MiB, inflated too.",
)
def serve(host: str, port: int, max_body: int) -> None:
    """Serve the lineage store over HTTP: events in, answers out.

    It runs until SIGTERM or Ctrl-C, and answers what is under way first. On another address
    than loopback it needs a token (`begat token create`).
    """
    space = workspace()
    settings.make_home(space.settings)
    _ = space.store  # what processes had to spool comes first
    space.pulse.start()  # and runs whose processes die are closed as long as it serves
    from ..server import serving

    serving.serve(
        space.settings.store,
        host=host,
        port=port,
        max_body=max_body * _MIB,
        announce=_announce,
    )


def _announce(url: str, is_open: bool) -> None:
    from ..registry.access import OPEN

    click.echo(f"begat serves {url}; {url}/docs describes it")
    if is_open:
        click.echo(f"begat: {OPEN}", err=True)
