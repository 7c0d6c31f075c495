"""How commands print: one JSON object for programs, rich text for people."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Any

import click

from ..errors import ParameterError, StoreError

if TYPE_CHECKING:
    from pathlib import Path

    from rich.console import Console
    from rich.text import Text

    from ..graph.store import Store
    from ..settings import Settings
    from ..workspace import Workspace

#: Seconds that commands which work on the whole store wait for other writers.
PATIENCE = 60.0

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


def say(*parts: str | tuple[str, str], stderr: bool = False) -> None:
    """Print one line, in which a pair is a text and its style.

    What `console().print(label(*parts))` prints, without rich where nothing is styled.
    """
    if _may_style(stderr=stderr):
        console(stderr=stderr).print(label(*parts))
    else:
        click.echo("".join(p if isinstance(p, str) else p[0] for p in parts), err=stderr)


def _may_style(*, stderr: bool) -> bool:
    """Whether rich would look on it as a terminal, or be told to."""
    stream = sys.stderr if stderr else sys.stdout
    told = ("FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE")
    return any(name in os.environ for name in told) or (stream is not None and stream.isatty())


def label(*parts: str | tuple[str, str]) -> Text:
    """One line of text, in which a pair is a text and its style."""
    from rich.text import Text

    return Text.assemble(*parts)


def store() -> Store:
    """The lineage store, for commands that only read it.

    Raises:
        StoreError: there is none yet, or it cannot be reached.
    """
    return space().store


def space() -> Workspace:
    """The workspace, for commands that act on what is recorded.

    Raises:
        StoreError: nothing is recorded here.
    """
    from ..workspace import workspace

    found = workspace()
    _check_recorded(found.settings)
    return found


def patient_store(*, make: bool = False) -> Store:
    """The lineage store for commands that work on all of it.

    It waits for other writers as long as people do, not as long as a task may.

    Args:
        make: make it if there is none.

    Raises:
        StoreError: there is none yet, or it cannot be reached.
        SettingsError: the home cannot be written.
    """
    from ..graph.store import Store
    from ..settings import make_home
    from ..workspace import workspace

    settings = workspace().settings
    if not make:
        _check_recorded(settings)
    make_home(settings)
    return Store.open(settings.store, timeout=PATIENCE)


def _check_recorded(settings: Settings) -> None:
    if settings.store.startswith("sqlite") and not settings.home.is_dir():
        raise StoreError(
            "nothing is recorded here: there is no .begat/ in this folder or above it; "
            "run a pipeline (`begat run`), or point BEGAT_HOME to where one ran"
        )


def check_file(name: str) -> None:
    """See that a file is there to be read; `-` always is.

    Raises:
        ParameterError: it is not.
    """
    if os.path.isdir(name):
        raise ParameterError(f"{name} is a folder; name the files in it, such as {name}/*")
    if name != "-" and not os.path.exists(name):
        raise ParameterError(f"there is no file {name}; give the path of one, or - for stdin")


def short(identifier: str) -> str:
    """An id or digest short enough to read, long enough to be found by.

    >>> short("blake3:" + "ab" * 32)
    'blake3:abababab'
    >>> short("01a1fbc1-2a9e-7454-a58a-f27e078a0527")
    '01a1fbc1-2a9e-7454'
    >>> short("01a1fbc1-2a9e-7454-a58a-f27e078a0527#2")
    '01a1fbc1-2a9e-7454#2'
    """
    whole, again, number = identifier.partition("#")  # which execution of a run it is
    if again and not whole.count(":"):
        return f"{whole[:18]}#{number}"
    head, colon, tail = identifier.rpartition(":")
    # Ids begin with their millisecond, which several runs may share.
    return f"{head}{colon}{tail[:8]}" if colon else identifier[:18]


def moment(time: str | None) -> str:
    """A time as people read it, in UTC; empty for none.

    >>> moment("2013-12-01T08:30:00.000000Z")
    '2013-12-01 08:30:00'
    """
    return time[:19].replace("T", " ") if time else ""


def counted(number: int, what: str) -> str:
    """A number of things.

    >>> counted(1, "artifact"), counted(1200, "artifact")
    ('1 artifact', '1,200 artifacts')
    """
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def quarantined(rows: int) -> str:
    """How many rows a run put aside; empty for none.

    >>> quarantined(1200)
    '1,200 rows quarantined'
    """
    return f"{counted(rows, 'row')} quarantined" if rows else ""


def replace(path: Path, content: bytes) -> None:
    """Put a file in the place of what was there: whole, or not at all.

    What a link leads to is replaced, not the link.

    Raises:
        OSError: it cannot be written; what was there stays as it was.
    """
    with replacing(path) as file:
        file.write(content)


@contextmanager
def replacing(path: Path) -> Iterator[IO[bytes]]:
    """A file to be written, which is put in the place of what was there at the end of the block.

    If the block raises, nothing has happened. What a link leads to is replaced, not the link.

    Raises:
        OSError: it cannot be written; what was there stays as it was.
    """
    import tempfile

    path = path.resolve()
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:50]}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(descriptor)
        os.chmod(temporary, path.stat().st_mode & 0o777 if path.exists() else 0o644)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def size(number: float) -> str:
    """Bytes as people read them.

    >>> size(1_500_000)
    '1.4 MiB'
    """
    if number < 1024:
        return f"{number:.0f} bytes"
    for unit in ("KiB", "MiB", "GiB"):
        number /= 1024
        if number < 1024:
            return f"{number:.1f} {unit}"
    return f"{number / 1024:.1f} TiB"
