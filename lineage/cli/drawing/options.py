"""The options of commands that draw, and where the drawing goes."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import click

from ...errors import UserError
from ..output import replace

#: What a file's name ends with says what is in it.
_SUFFIXES: Final = {
    ".mmd": "mermaid",
    ".mermaid": "mermaid",
    ".dot": "dot",
    ".gv": "dot",
    ".svg": "svg",
}
#: Names that say nothing but text.
_TEXT: Final = frozenset({"", ".txt"})

into = click.option(
    "-o",
    "output",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write it there instead; .svg, .dot and .mmd say the format.",
)


def chosen(form: str | None, output: Path | None, default: str, *, as_json: bool) -> str:
    """The format that was asked for, or that the file's name says.

    Raises:
        UserError: a format or a file was named, and `--json` beside it; or the file's name says
            a format that nothing here draws.
    """
    if as_json and (form or output):
        raise UserError("--json prints an object and draws nothing; leave out --json, or the rest")
    if form or output is None or output.suffix.lower() in _TEXT:
        return form or default
    said = _SUFFIXES.get(output.suffix.lower())
    if said is None:
        raise UserError(
            f"{output} is to be a {output.suffix} file, which begat does not draw; name one that "
            "ends in .svg, .dot, .mmd or .txt, or say the --format"
        )
    return said


def put(text: str, output: Path | None) -> None:
    """Print a drawing, or write it to a file: whole, or not at all.

    Raises:
        UserError: the file cannot be written.
    """
    if output is None:
        click.echo(text, nl=False)
        return
    try:
        if output.exists() and not output.is_file():
            output.write_text(text, encoding="utf-8")  # a pipe or a device
        else:
            replace(output, text.encode())
    except OSError as error:
        raise UserError(f"{output} cannot be written ({error.strerror}); name another -o") from None
