"""`begat forward`: send what waits for other OpenLineage backends."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import click

from ..errors import SettingsError, WorldError
from ..workspace import workspace
from .output import as_json, console, print_json

if TYPE_CHECKING:
    from ..events.forward.delivery import Deliveries


@click.command()
@click.option("--rejected", is_flag=True, help="First send once more what a backend refused.")
@click.option(
    "--timeout",
    default=30.0,
    show_default=True,
    metavar="SECONDS",
    help="How long to try while a backend takes nothing.",
)
@as_json
def forward(rejected: bool, timeout: float, as_json: bool) -> None:
    """Send the events that wait for other OpenLineage backends.

    Backends are those of the standard client configuration: OPENLINEAGE_URL and the like.
    """
    found = _send(rejected=rejected, seconds=timeout)
    if as_json:
        print_json({"backends": found})
    else:
        _print(found)
    for backend in found:
        if backend["waiting"]:
            raise WorldError(
                f"{backend['waiting']} events wait for {backend['backend']}, which "
                f"{backend['reason'] or 'another process is sending to'}; run this again later"
            )


def _send(*, rejected: bool, seconds: float) -> list[dict[str, Any]]:
    from ..events.forward.configuration import configured

    if not configured():
        raise SettingsError(
            "no OpenLineage backend is configured here; "
            "set OPENLINEAGE_URL or write openlineage.yml"
        )
    from ..events.forward.delivery import Deliveries  # imports the client
    from ..events.forward.destinations import backends

    folder = workspace().settings.home / "forward"
    deliveries = Deliveries(folder, backends())
    if folder.is_dir():
        try:
            _rounds(deliveries, rejected=rejected, until=time.monotonic() + seconds)
        except OSError as error:
            raise WorldError(
                f"{folder} cannot be written ({error.strerror or error}); free space there"
            ) from None
        finally:
            deliveries.close()
    return [
        {
            "backend": delivery.destination.name,
            "sent": delivery.sent,
            "waiting": delivery.waiting(deliveries.queue),
            "rejected": delivery.set_aside(),
            "reason": delivery.reason,
        }
        for delivery in deliveries.each
    ]


def _rounds(deliveries: Deliveries, *, rejected: bool, until: float) -> None:
    while True:
        wait: float | None = 0.2  # while another process is sending
        with deliveries.queue.sending() as mine:
            if mine:
                for delivery in deliveries.each if rejected else ():
                    delivery.resend()
                rejected = False
                wait = deliveries.round()
        if wait is None or time.monotonic() + wait > until:
            return
        time.sleep(wait)  # as long as the backends are to be left alone


def _print(found: list[dict[str, Any]]) -> None:
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    table.add_column("backend")
    for heading in ("sent", "waiting", "rejected"):
        table.add_column(heading, justify="right")
    for backend in found:
        table.add_row(
            backend["backend"], *(str(backend[key]) for key in ("sent", "waiting", "rejected"))
        )
    console().print(table)
