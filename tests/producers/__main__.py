"""Run the producers and keep what they say; or check what begat makes of it."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import click

from . import airflow, dbt, places, streams
from .check import compared
from .expected import EXPECTED

#: Who runs what.
PRODUCERS: Mapping[str, Callable[[Path, Callable[[str], None]], list[Path]]] = {
    "airflow": airflow.run,
    "dbt": dbt.run,
}


@click.group()
def producers() -> None:
    """Events as real producers emit them."""


def _command(name: str, ran: tuple[str, ...], about: str) -> click.Command:
    @click.command(name, help=about)
    @click.option(
        "--out",
        type=click.Path(path_type=Path, file_okay=False),
        default=places.STREAMS,
        show_default=".bench/streams",
        help="Folder of the NDJSON files.",
    )
    def command(out: Path) -> None:
        out = out.resolve()
        out.mkdir(parents=True, exist_ok=True)
        started = time.monotonic()

        def tell(now: str) -> None:
            click.echo(f"{time.monotonic() - started:5.0f} s  {now}", err=True)

        for one in ran:
            for stream in PRODUCERS[one](out, tell):
                tell(f"wrote {stream.name}: {len(streams.read(stream))} events")
        click.echo(out)

    return command


producers.add_command(_command("airflow", ("airflow",), "Run the DAGs, both ways."))
producers.add_command(_command("dbt", ("dbt",), "Run the dbt project, in both modes."))
producers.add_command(_command("all", tuple(PRODUCERS), "Run all there is (about 4 minutes)."))


@producers.command()
@click.argument(
    "folder", type=click.Path(path_type=Path, exists=True, file_okay=False), default=places.STREAMS
)
def check(folder: Path) -> None:
    """Compare what begat makes of the streams in FOLDER with what their definitions mean."""
    present = [stream for stream in EXPECTED if (folder / f"{stream}.ndjson").exists()]
    if not present:
        raise click.ClickException(f"no stream in {folder}: run the producers first")
    if found := sum(compared(folder, stream, click.echo) for stream in present):
        raise click.ClickException(f"{found} differences")


if __name__ == "__main__":
    sys.exit(producers())
