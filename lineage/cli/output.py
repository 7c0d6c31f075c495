"""How commands print: one JSON object for programs, rich text for people."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from ..errors import StoreError
from ..workspace import workspace

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

    from ..graph.store import Store

as_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")


def print_json(data: Any) -> None:
    """Print `data` as one JSON object on stdout."""
    click.echo(json.dumps(data, indent=2, ensure_ascii=False, allow_nan=False))


def console(*, stderr: bool = False) -> Console:
    """Where a person looks; names are printed as they are, `label` styles what stands out."""
    from rich.console import Console

    plain = Console(stderr=stderr, highlight=False, markup=False, soft_wrap=True)
    if not plain.is_terminal:
        plain.width = 160  # for a file or a pipe, nothing has to be cut
    return plain


def label(*parts: str | tuple[str, str]) -> Text:
    """One line of text, in which a pair is a text and its style."""
    from rich.text import Text

    return Text.assemble(*parts)


def store() -> Store:
    """The lineage store, for commands that only read it.

    Raises:
        StoreError: there is none yet, or it cannot be reached.
    """
    space = workspace()
    if space.settings.store.startswith("sqlite") and not space.settings.home.is_dir():
        raise StoreError(
            "nothing is recorded here: there is no .begat/ in this folder or above it; "
            "run a pipeline (`begat run`), or point BEGAT_HOME to where one ran"
        )
    return space.store


def short(identifier: str) -> str:
    """An id or digest short enough to read, long enough to be found by.

    >>> short("blake3:" + "ab" * 32)
    'blake3:abababab'
    >>> short("01a1fbc1-2a9e-7454-a58a-f27e078a0527")
    '01a1fbc1-2a9e-7454'
    """
    head, colon, tail = identifier.rpartition(":")
    # Ids begin with their millisecond, which several runs may share.
    return f"{head}{colon}{tail[:8]}" if colon else identifier[:18]


def moment(time: str | None) -> str:
    """A time as people read it, in UTC; empty for none.

    >>> moment("2013-12-01T08:30:00.000000Z")
    '2013-12-01 08:30:00'
    """
    return time[:19].replace("T", " ") if time else ""
